"""SOT-MTJ devices: parameters, switching, process variation, fitting."""

from __future__ import annotations

from .fitting import SwitchingFit as SwitchingFit
from .fitting import fit_switching as fit_switching
from .parameters import DeviceParams as DeviceParams
from .parameters import Quantity as Quantity
from .switching import SwitchingModel as SwitchingModel
from .switching import ThermalSwitching as ThermalSwitching
from .switching import exact_barrier as exact_barrier
from .switching import paper_critical_current as paper_critical_current
from .switching import seed_barrier as seed_barrier
from .switching import static_threshold as static_threshold
from .variation import VariationModel as VariationModel
