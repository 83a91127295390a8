"""SOT-MTJ devices: parameters, switching, macrospin, process variation, fitting, random bits, trimming."""

from __future__ import annotations

from .bits import BitStream as BitStream
from .bits import bit_statistics as bit_statistics
from .fitting import ModelComparison as ModelComparison
from .fitting import PopulationFit as PopulationFit
from .fitting import SwitchingData as SwitchingData
from .fitting import SwitchingFit as SwitchingFit
from .fitting import compare_models as compare_models
from .fitting import device_of as device_of
from .fitting import fit_data as fit_data
from .fitting import fit_population as fit_population
from .fitting import fit_switching as fit_switching
from .fitting import read_switching_csv as read_switching_csv
from .macrospin import Equilibrium as Equilibrium
from .macrospin import Macrospin as Macrospin
from .macrospin import SwitchingCounts as SwitchingCounts
from .macrospin import Trajectories as Trajectories
from .macrospin import transverse_average as transverse_average
from .magnet import Magnet as Magnet
from .parameters import DeviceParams as DeviceParams
from .parameters import Quantity as Quantity
from .switching import ActivatedSwitching as ActivatedSwitching
from .switching import LapseSwitching as LapseSwitching
from .switching import SwitchingModel as SwitchingModel
from .switching import TabulatedSwitching as TabulatedSwitching
from .switching import ThermalSwitching as ThermalSwitching
from .switching import TwoRateSwitching as TwoRateSwitching
from .switching import current_density as current_density
from .switching import exact_barrier as exact_barrier
from .switching import paper_critical_current as paper_critical_current
from .switching import seed_barrier as seed_barrier
from .switching import static_threshold as static_threshold
from .switching import threshold_torque as threshold_torque
from .switching import tilted_washboard as tilted_washboard
from .switching import track_current as track_current
from .temperature import tmr_at as tmr_at
from .temperature import track_resistance_at as track_resistance_at
from .trim import TrimDac as TrimDac
from .trim import bits_for as bits_for
from .variation import GaussianProbability as GaussianProbability
from .variation import Population as Population
from .variation import VariationModel as VariationModel
from .variation import with_spreads as with_spreads
