"""Process variation: populations of devices."""

from __future__ import annotations

from .population import VariationModel as VariationModel
