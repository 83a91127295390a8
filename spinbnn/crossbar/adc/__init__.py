"""Converters of a column: what they give, where their references lie, and what they cost."""

from __future__ import annotations

from .converter import Adc as Adc
from .converter import AdcBank as AdcBank
from .converter import Clipping as Clipping
from .converter import Conversion as Conversion
from .cost import ConverterCost as ConverterCost
from .cost import converter_cost as converter_cost
from .placing import for_popcount as for_popcount
