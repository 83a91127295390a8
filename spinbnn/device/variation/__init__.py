"""Process variation: populations of devices."""

from __future__ import annotations

from .budget import elasticities as elasticities
from .budget import sensitivity as sensitivity
from .budget import spread_probability as spread_probability
from .budget import variance_budget as variance_budget
from .drawn import Population as Population
from .gaussian import GaussianProbability as GaussianProbability
from .population import VariationModel as VariationModel
from .population import with_spreads as with_spreads
