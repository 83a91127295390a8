"""The array solver: currents of a crossbar with the resistance of its wires."""

from __future__ import annotations

from .array import solve_array
from .solution import ArraySolution
from .transfer import TransferMatrix
from .tunnel import CellLaw, TunnelCells

__all__ = ["ArraySolution", "CellLaw", "TransferMatrix", "TunnelCells", "solve_array"]
