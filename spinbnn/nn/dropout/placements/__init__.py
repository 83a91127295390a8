"""Placements: the orders in which scale dropout scales and normalises."""

from __future__ import annotations

from .base import Placement
from .dual_bn import DualBN
from .gamma import Gamma
from .pre_bn import PreBN
from .prestat import Prestat

PLACEMENTS: dict[str, Placement] = {rule.name: rule for rule in (DualBN(), PreBN(), Gamma(), Prestat())}

__all__ = ["PLACEMENTS", "DualBN", "Gamma", "Placement", "PreBN", "Prestat"]
