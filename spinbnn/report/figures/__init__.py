"""The figures of a report: each function takes arrays and returns a :class:`~spinbnn.report.figure.Figure`.

All take ``note`` (a sentence added to the description) and ``name`` (to show two figures of one kind on a page).
NaN is an unknown value: it is left out of the drawing and stays empty in the CSV.
"""

from __future__ import annotations

from .cycle import DriverCurves, amplitude_and_spread, module_cycle
from .device import chips, drop_probability, waveforms
from .energy import energy_bars
from .fit import FittedSeries, profile_likelihoods, switching_fit
from .picture import save_png
from .population import population, switching, trim_bits
from .prediction import reliability, rotation, uncertainty
from .training import training

__all__ = [
    "DriverCurves",
    "FittedSeries",
    "amplitude_and_spread",
    "chips",
    "drop_probability",
    "energy_bars",
    "module_cycle",
    "population",
    "profile_likelihoods",
    "reliability",
    "rotation",
    "save_png",
    "switching",
    "switching_fit",
    "training",
    "trim_bits",
    "uncertainty",
    "waveforms",
]
