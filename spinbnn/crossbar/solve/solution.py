"""What a solved array returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ArraySolution:
    """The currents of an array, and how well they solve its equations.

    Parameters
    ----------
    currents : array (..., C)
        Current out of the foot of every bit line into ground [A].
    row_currents : array (..., R)
        Current of every driver into its word line; 0 where the row is switched off [A].
    power : array (...)
        Power that the drivers deliver, ``sum(voltages * row_currents)``: of cells and wires together [W].
    residual : array (...)
        Largest error of a cell voltage, over the largest driver voltage: integrating the returned cell currents along both wires
        (Kirchhoff's current law holds exactly) gives each cell a voltage; the residual is its distance from the one that drives the
        returned current. The currents are the exact ones of an array with voltage sources of at most this size in series with its
        cells. Measured on the result, not taken from the iteration [1].
    iterations : array (...)
        Iterations of the conjugate gradients; 0 for direct methods [1].
    method : str
        The method that was used.
    cell_currents, cell_voltages : array (..., R, C) or None
        Of every cell, if asked for [A], [V].
    newton : tuple of float
        Largest residual before each Newton step; empty for linear cells [1].

    Examples
    --------
    >>> from spinbnn.crossbar.solve import solve_array
    >>> solution = solve_array([[1e-3]], [1.0], wire_row=100.0, wire_column=900.0, cells=True)
    >>> print(f"{solution.currents[0]:.1e} A, {solution.power:.1e} W, {solution.cell_power[0, 0]:.2e} W in the cell")
    5.0e-04 A, 5.0e-04 W, 2.50e-04 W in the cell
    """

    currents: Any
    row_currents: Any
    power: Any
    residual: Any
    iterations: Any
    method: str
    cell_currents: Any = None
    cell_voltages: Any = None
    newton: tuple[float, ...] = ()

    @property
    def cell_power(self) -> Any:
        """Power of every cell (..., R, C) [W]; None unless ``cells=True`` was given."""
        return None if self.cell_currents is None else self.cell_currents * self.cell_voltages
