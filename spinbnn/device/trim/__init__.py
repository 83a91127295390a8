"""Trimming a population: each device gets its own code of a DAC; what is left of the spread of p, and how many bits it takes."""

from __future__ import annotations

from .calibration import TRACKINGS as TRACKINGS
from .calibration import Trim as Trim
from .calibration import bits_for as bits_for
from .calibration import trim as trim
from .dac import TrimDac as TrimDac
from .residual import Residual as Residual
from .residual import residual as residual
from .search import nearest_codes as nearest_codes
