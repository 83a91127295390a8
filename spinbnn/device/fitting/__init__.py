"""Fitting switching models to counted switching events."""

from __future__ import annotations

from .compare import ModelComparison as ModelComparison
from .compare import compare_models as compare_models
from .data import SwitchingData as SwitchingData
from .device_file import device_of as device_of
from .fit import fit_data as fit_data
from .fit import fit_switching as fit_switching
from .hierarchy import PopulationFit as PopulationFit
from .hierarchy import fit_population as fit_population
from .read import read_switching_csv as read_switching_csv
from .result import SwitchingFit as SwitchingFit
