"""``solve_array``: the one call."""

from __future__ import annotations

from typing import Any, Literal

from ...errors import ParameterError
from . import direct, lines
from .engines import Engine, core, linear
from .problem import Problem, pose
from .solution import ArraySolution
from .transfer import TransferMatrix

Method = Literal["auto", "lines", "transfer", "lu"]
METHODS = ("auto", "lines", "transfer", "lu")
TRANSFER_PAYS = 2.0
"""Inputs per row or column (the fewer of both) from which "auto" eliminates an array instead of solving it for each input.

Measured break-even of benchmarks/crossbar_solver.py at 64 to 256 rows: 1.1 at 6/12 kilo-ohm, 3 at 100/250 kilo-ohm (1 ohm a segment)."""

TRANSFER_TOLERANCE = 1e-9
"""Tightest tolerance that a matrix is held to: it is measured on two inputs, not on every one."""


def solve_array(
    conductance: Any, voltages: Any, *, wire_row: Any, wire_column: Any, active: Any = None, method: Method = "auto", cells: bool = False,
    tolerance: float = 1e-11, max_iterations: int = 1000, engine: Engine = "auto", allow_open: bool = False,
) -> ArraySolution:  # fmt: skip
    r"""Solve a resistive crossbar array with the resistance of its wires.

    Word line r is driven with :math:`V_r` through ``wire_row[r, 0]`` at column 0; ``wire_row[r, j]`` lies between columns j - 1 and j.
    Bit line c is grounded through ``wire_column[R - 1, c]`` below the last row; ``wire_column[i, c]`` lies below row i. The cell
    (r, c) joins the two. The equations stand in :mod:`spinbnn.crossbar.solve.lines`; without wires the result is
    :math:`I_c = \sum_r V_r g_{rc}`.

    All leading axes broadcast as in numpy: inputs, Monte-Carlo copies of the array, or both. An argument without a leading axis is held
    (and factorised) once.

    Parameters
    ----------
    conductance : array (..., R, C) or CellLaw
        Conductances of the cells [S], or cells whose current depends on the voltage in another way, as :class:`TunnelCells`.
    voltages : array (..., R)
        Driver voltages; a row that is not driven is at 0 V [V].
    wire_row, wire_column : float or array (..., R, C)
        Resistance of the segments; 0 is ideal, also for single segments [ohm].
    active : array of bool (..., R), optional
        Rows whose access transistors are on. The cells of the others carry no current; their driver does not matter.
    method : {"auto", "lines", "transfer", "lu"}
        "lines" iterates (:mod:`.lines`), "transfer" eliminates every array once (:class:`TransferMatrix`; linear cells), "lu" is
        scipy's sparse LU, the reference. "auto" takes "transfer" if the tolerance is 1e-9 or more, there are at least twice as many
        inputs per array as it has rows or columns (the fewer of both) and the cells are not asked for, otherwise "lines".
    cells : bool
        Return currents and voltages of all cells too.
    tolerance : float
        Largest accepted residual (see :class:`ArraySolution`) of every input; where "transfer" is asked for, of two probe inputs of each
        array, and at least 1e-9 [1].
    max_iterations : int
        Of the conjugate gradients, for each input.
    engine : {"auto", "numba", "numpy", "array"}
        Code of "lines": numba (extra ``fast``), numpy with LAPACK, or operations on whole arrays as on a GPU. "auto" takes numba for
        arrays in the memory of the host, if it is installed, and "array" for others. Same currents, to the tolerance.
    allow_open : bool
        Take conductance 0 as an open cell instead of an error.

    Returns
    -------
    ArraySolution
        Arrays of torch or cupy in, arrays of torch or cupy out, on the same device, always float64, without gradients.

    Raises
    ------
    ParameterError
        For conductances that are not positive, numbers that are not finite, negative wire resistances and shapes that do not fit.
    SimulationError
        If an input does not reach the tolerance, or the current of a cell does not increase with its voltage; with "transfer", if the
        currents of one of two probe inputs (:class:`TransferMatrix`) are farther than the tolerance, at least 1e-9, from those of
        "lines": the inputs themselves are not measured.
    MissingToolError
        If numba is asked for and cannot be had.

    Notes
    -----
    Checked against ngspice, sparse LU and closed forms; measured times and errors in ``docs/crossbar_solver.md``. Stationary currents only;
    drivers are ideal sources (put their resistance into the first segment).

    Examples
    --------
    A column of two cells: the lower one sees the drop of both.

    >>> solution = solve_array([[1e-3], [1e-3]], [1.0, 1.0], wire_row=0.0, wire_column=500.0)
    >>> print(f"{1e3 * solution.currents[0]:.4f} mA, residual below 1e-11: {bool(solution.residual < 1e-11)}")
    0.9091 mA, residual below 1e-11: True
    """
    if method not in METHODS:
        raise ParameterError("unknown method", where="solve_array, method", value=method, remedy=f"one of {', '.join(METHODS)}")
    if not (isinstance(tolerance, (int, float)) and 1e-14 <= tolerance < 1.0):
        raise ParameterError("tolerance out of range", where="solve_array, tolerance", value=tolerance, remedy="give a number from 1e-14 (rounding) to below 1")
    if isinstance(max_iterations, bool) or not isinstance(max_iterations, int) or max_iterations < 1:
        raise ParameterError("the number of iterations must be a whole number > 0", where="solve_array, max_iterations", value=max_iterations, remedy="leave the default of 1000")
    problem = pose(conductance, voltages, wire_row=wire_row, wire_column=wire_column, active=active, allow_open=allow_open)
    if method == "transfer" and (cells or problem.law is not None):
        raise ParameterError("a transfer matrix knows linear cells, and no single one", where="solve_array, method", value=method, remedy="use method='lines'")
    _, inputs, rows, columns = problem.shape
    if method == "auto":
        pays = inputs >= TRANSFER_PAYS * min(rows, columns) and min(rows, columns) > 1 and problem.law is None and not cells
        method = "transfer" if pays and engine == "auto" and tolerance >= TRANSFER_TOLERANCE else "lines"
    if method == "transfer":
        found = _by_transfer(problem, conductance, wire_row, wire_column, active, allow_open, tolerance)
    elif method == "lu":
        found = lines.solve(problem, direct.cell_currents, tolerance, max_iterations, cells)
    elif problem.law is None:
        found = linear(problem, engine, tolerance, max_iterations, cells)
    else:
        found = lines.solve(problem, core(problem.backend, engine), tolerance, max_iterations, cells)
    newton = found.pop("newton")
    found["power"] = problem.backend.module.sum(problem.volts * found["row_currents"], -1)
    return ArraySolution(**{name: problem.restore(value) for name, value in found.items()}, method=method, newton=newton)


def _by_transfer(problem: Problem, conductance: Any, wire_row: Any, wire_column: Any, active: Any, allow_open: bool, tolerance: float) -> dict[str, Any]:
    """Answer by one matrix per array."""
    transfer = TransferMatrix.build(
        conductance, wire_row=wire_row, wire_column=wire_column, active=active, allow_open=allow_open, tolerance=max(tolerance, TRANSFER_TOLERANCE)
    )
    backend, (matrices, inputs, rows, columns) = problem.backend, problem.shape
    # the leading axes of the matrices, in the order in which the problem counts them
    own = tuple(transfer.residual.shape)
    axes = [axis - (len(problem.lead) - len(own)) for axis in problem.order if axis >= len(problem.lead) - len(own)]

    def count(value: Any, tail: tuple[int, ...]) -> Any:
        return backend.permute(backend.array(value), axes + [len(own) + i for i in range(len(tail))]).reshape((matrices, *tail))

    residual = count(transfer.residual, ())[:, None] * backend.array([[1.0] * inputs])
    return {
        "currents": problem.volts @ count(transfer.matrix, (rows, columns)), "row_currents": problem.volts @ count(transfer.source, (rows, rows)),
        "residual": residual, "iterations": residual * 0.0, "newton": (),
    }  # fmt: skip
