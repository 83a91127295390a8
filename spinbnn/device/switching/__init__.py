"""Switching models of SOT-MTJs, one file each."""

from __future__ import annotations

from .barriers import exact_barrier as exact_barrier
from .barriers import seed_barrier as seed_barrier
from .base import SwitchingModel as SwitchingModel
from .conventions import paper_critical_current as paper_critical_current
from .conventions import static_threshold as static_threshold
from .thermal import ThermalSwitching as ThermalSwitching
