"""Macrospin: the stochastic Landau-Lifshitz-Gilbert equation of one device, thousands of trajectories at once."""

from __future__ import annotations

from .boltzmann import transverse_average as transverse_average
from .model import Macrospin as Macrospin
from .results import Equilibrium as Equilibrium
from .results import SwitchingCounts as SwitchingCounts
from .results import Trajectories as Trajectories
from .sampled import WaveformCounts as WaveformCounts
