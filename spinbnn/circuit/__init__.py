"""Circuits: technologies, netlist cells, ngspice drivers, benches and measures."""

from __future__ import annotations

from .cell import Cell as Cell
from .dropout_bench import DropoutModuleBench as DropoutModuleBench
from .dropout_bench import Sample as Sample
from .dropout_bench import Timing as Timing
from .shared_module import SharedModule as SharedModule
from .simulator import AnalyticSimulator as AnalyticSimulator
from .simulator import Deck as Deck
from .simulator import NgspiceBatch as NgspiceBatch
from .simulator import NgspiceShared as NgspiceShared
from .simulator import SimulationResult as SimulationResult
from .technology import Technology as Technology
