"""Fitting switching models to counted switching events."""

from __future__ import annotations

from .fit import SwitchingFit as SwitchingFit
from .fit import fit_switching as fit_switching
