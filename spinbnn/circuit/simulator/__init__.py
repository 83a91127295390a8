"""Simulators: decks in, checked waveforms out.

`NgspiceShared` (PySpice, worker processes) and `NgspiceBatch` (``ngspice -b``) give the same numbers bit
for bit; `AnalyticSimulator` answers from a formula. PySpice is imported in the worker processes only.
"""

from __future__ import annotations

from .analytic import AnalyticSimulator
from .batch import NgspiceBatch
from .deck import Deck, SimulationResult, Simulator
from .locate import NgspiceInstallation, find_ngspice
from .shared import NgspiceShared

__all__ = [
    "AnalyticSimulator",
    "Deck",
    "NgspiceBatch",
    "NgspiceInstallation",
    "NgspiceShared",
    "SimulationResult",
    "Simulator",
    "find_ngspice",
]
