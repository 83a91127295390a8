"""Crossbar arrays: the plan of a network and its mapping onto arrays."""

from __future__ import annotations

from .mapping import LayerMapping as LayerMapping
from .mapping import Mapping as Mapping
from .mapping import map_plan as map_plan
from .plan import LayerSpec as LayerSpec
from .plan import NetworkPlan as NetworkPlan
