"""Switching models of SOT-MTJs, one file each."""

from __future__ import annotations

from .activated import ActivatedSwitching as ActivatedSwitching
from .barriers import exact_barrier as exact_barrier
from .barriers import seed_barrier as seed_barrier
from .base import SwitchingModel as SwitchingModel
from .conventions import current_density as current_density
from .conventions import paper_critical_current as paper_critical_current
from .conventions import static_threshold as static_threshold
from .conventions import track_current as track_current
from .lapse import LapseSwitching as LapseSwitching
from .tabulated import TabulatedSwitching as TabulatedSwitching
from .thermal import ThermalSwitching as ThermalSwitching
from .two_rate import TwoRateSwitching as TwoRateSwitching
from .washboard import threshold_torque as threshold_torque
from .washboard import tilted_washboard as tilted_washboard
