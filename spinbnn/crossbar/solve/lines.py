r"""The line-alternating solver: word lines exactly, bit lines exactly, in turn, accelerated by conjugate gradients.

Unknown are the voltage d that a word line loses on its way to a cell and the voltage w of the bit line at the cell. With the cell
conductances g, the admittances :math:`T` of the wires alone and the currents J of cells whose wires are short-circuited
(J = g V for linear cells), Kirchhoff's current law reads

.. math::

    (T_{row} + g)\, d + g\, w = J, \qquad (T_{col} + g)\, w + g\, d = J .

d and w instead of node voltages: they vanish with the wires, so that nothing is lost where the wires are good. Each bracket is a
set of independent ladders (:mod:`.ladder`). The conjugate gradients solve for w,

.. math::

    S w = (B - g A^{-1} g)\, w = J - g A^{-1} J, \qquad A = T_{row} + g, \quad B = T_{col} + g,

preconditioned with B. The eigenvalues of :math:`B^{-1} S` lie in (0, 1] and crowd at 1; the error falls in every step in the norm of S.
They stop at :math:`\lVert z \rVert_B \le \frac{\epsilon}{4} (\sum g V^2)^{1/2}` for the preconditioned residual z, which bounds the rms of z, weighted with g,
by a quarter of the tolerance. Then the result is measured (:class:`ArraySolution`, ``residual``); where it misses the tolerance,
what the cells lack is solved for again. The same loop is Newton's method for non-linear cells: J is then what the cells lack at
their voltages, and g their differential conductance.

The scheme of solving in turn is block Gauss-Seidel; its acceleration by conjugate gradients: J. K. Reid, doi:10.1137/0709032.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import SimulationError
from .arrays import Backend
from .ladder import Ladder
from .problem import Problem

Core = Callable[[Backend, Any, Any, Any, Any, Any, int], tuple[Any, Any]]
"""(backend, g, wire_row, wire_column, J, target, limit) -> (cell currents, iterations)."""

CHUNK = {"numpy": 2**19}
"""Cells of all inputs that are worked on together, by package."""
CHUNK_ELSEWHERE = 2**25
SMALLEST = 1e-300
"""Added to conductances [S] and voltages [V] that may be 0 where they divide something that is 0 then."""


def drops(backend: Backend, current: Any, wire_row: Any, wire_column: Any) -> tuple[Any, Any, Any]:
    """Integrate cell currents (..., R, C) along both wires.

    Returns
    -------
    along_row, along_column, lost : array (..., R, C)
        Currents in the segment before and below each cell [A], and the voltage lost on both ways together [V].

    Examples
    --------
    >>> lost = drops(Backend([]), np.full((2, 2), 1e-3), 1.0, 0.0)[2]
    >>> lost.tolist()
    [[0.002, 0.003], [0.002, 0.003]]
    """
    along_row, along_column = backend.suffix_sums(current, -1), backend.prefix_sums(current, -2)
    lost = backend.prefix_sums(wire_row * along_row, -1) + backend.suffix_sums(wire_column * along_column, -2)
    return along_row, along_column, lost


def cell_currents(backend: Backend, g: Any, wire_row: Any, wire_column: Any, drive: Any, target: Any, limit: int, doubling: bool = False) -> tuple[Any, Any]:
    """Solve for the cell currents by conjugate gradients; see the equations above.

    Parameters
    ----------
    g : array (M, K or 1, R, C)
        Conductances, 0 in switched-off rows [S].
    wire_row, wire_column : array (M, 1, R, C)
        Segments [ohm].
    drive : array (M, K, R, C)
        Currents J [A].
    target : array (M, K)
        Squared norm of the preconditioned residual at which an input is done [W].
    limit : int
        Largest number of iterations.

    Returns
    -------
    current : array (M, K, R, C)
        Cell currents [A].
    steps : array (M, K)
        Iterations of each input.

    Examples
    --------
    >>> one = np.ones((1, 1, 1, 1))
    >>> current, steps = cell_currents(Backend([]), one, one, 2 * one, one, np.zeros((1, 1)), 9)  # 1 V, 4 ohm altogether
    >>> round(float(current[0, 0, 0, 0]), 12)
    0.25
    """
    xp, axes = backend.module, (-2, -1)
    rows, columns = Ladder(g, wire_row, backend, column=False, doubling=doubling), Ladder(g, wire_column, backend, column=True, doubling=doubling)
    residual = drive - g * rows.solve(drive)
    step = columns.solve(residual)
    square = backend.total(residual * step, axes)
    going = square > target
    volts, direction, image = xp.zeros_like(drive), xp.zeros_like(drive), xp.zeros_like(drive)
    beta, steps, count = xp.zeros_like(square), xp.zeros_like(square), 0
    while bool(going.any()) and count < limit:
        count += 1
        steps = steps + going * 1.0
        direction = step + beta[..., None, None] * direction
        image = residual + beta[..., None, None] * image  # B times the direction
        tied = g * direction
        behind = image - g * rows.solve(tied)
        alpha = xp.where(going, square / xp.where(going, backend.total(direction * behind, axes), 1.0), 0.0)
        volts = volts + alpha[..., None, None] * direction
        residual = residual - alpha[..., None, None] * behind
        step = columns.solve(residual)
        new = backend.total(residual * step, axes)
        beta = xp.where(going, new / xp.where(going, square, 1.0), 0.0)
        square = xp.where(going, new, square)
        going = going & (square > target)
    left = drive - g * volts
    return left - g * rows.solve(left), steps


def solve(problem: Problem, core: Core, tolerance: float, limit: int, cells: bool) -> dict[str, Any]:
    """Solve every matrix for every input; linear cells by refinement, others by Newton's method: one loop.

    Returns
    -------
    dict
        ``currents`` (M, K, C), ``row_currents`` (M, K, R) [A], ``residual`` and ``iterations`` (M, K), ``newton``, and with
        ``cells`` also ``cell_currents`` and ``cell_voltages`` (M, K, R, C).

    Raises
    ------
    SimulationError
        If an input does not reach the tolerance.

    Examples
    --------
    >>> from spinbnn.crossbar.solve.problem import pose
    >>> found = solve(pose([[1.0]], [1.0], wire_row=1.0, wire_column=2.0), cell_currents, 1e-11, 100, False)
    >>> round(float(found["currents"][0, 0, 0]), 12)
    0.25
    """
    backend, (matrices, inputs, rows, columns) = problem.backend, problem.shape
    budget = max(CHUNK.get(backend.name, CHUNK_ELSEWHERE) // (rows * columns), 1)
    width = min(budget, inputs)
    height = max(budget // width, 1)
    parts: list[list[dict[str, Any]]] = []
    history: list[float] = []
    for m in range(0, matrices, height):
        row = []
        for k in range(0, inputs, width):
            part, steps = _part(problem, core, tolerance, limit, cells, slice(m, m + height), slice(k, k + width))
            history = [max(a, b) for a, b in zip(history + [0.0] * len(steps), steps + [0.0] * len(history), strict=False)][: max(len(history), len(steps))]
            row.append(part)
        parts.append(row)
    xp = backend.module
    result: dict[str, Any] = {
        name: xp.concatenate([xp.concatenate([part[name] for part in row], 1) for row in parts], 0) for name in parts[0][0]
    }
    result["newton"] = tuple(history) if problem.law is not None else ()
    return result


def _part(problem: Problem, core: Core, tolerance: float, limit: int, cells: bool, at: slice, of: slice) -> tuple[dict[str, Any], list[float]]:
    backend = problem.backend
    xp = backend.module

    def pick(pair: tuple[Any, np.ndarray]) -> Any:
        return pair[0][backend.index(pair[1][at])][:, None]

    parameters = [pick(p) for p in problem.parameters]
    wire_row, wire_column, active = pick(problem.wire_row), pick(problem.wire_column), pick(problem.active)[..., None] * 1.0
    volts = problem.volts[at, of][..., None] * active
    top = backend.largest(abs(volts), (-2, -1))
    scale = top + SMALLEST
    current, used, shrink = xp.zeros_like(volts * parameters[0] * active), xp.zeros_like(top), xp.zeros_like(top) + 1.0
    history: list[float] = []
    while True:
        along_row, along_column, lost = drops(backend, current, wire_row, wire_column)
        cell = volts - lost
        if problem.law is None:
            slope = parameters[0] * active
            flowing = slope * cell
        else:
            flowing, slope = problem.law.evaluate(cell, *parameters)
            _increasing(backend, slope)
            flowing, slope = flowing * active, slope * active
        lack = flowing - current
        residual = backend.largest(abs(lack) / (slope + SMALLEST), (-2, -1)) / scale
        open_ = residual > tolerance  # every input steps and stops by itself: its result does not depend on the others
        if not bool(open_.any()):
            break
        history.append(float(xp.where(open_, residual, 0.0).max()))
        open_ = open_ & (used < limit)
        if not bool(open_.any()) or len(history) > 50:
            break
        if len(history) > 1:
            near = open_ & (residual < 100.0 * tolerance)
            shrink = xp.where(near, 0.1 * (tolerance / xp.where(near, residual, tolerance)) ** 2, shrink)
        target = (0.25 * tolerance) ** 2 * backend.total(slope * volts * volts, (-2, -1)) * shrink
        more, steps = core(backend, slope, wire_row, wire_column, lack, xp.where(open_, target, np.inf), limit)
        current, used = current + xp.where(open_[..., None, None], more, 0.0), used + steps * open_
    refuse_unsolved(backend, residual, tolerance, used)
    part = {"currents": along_column[..., -1, :], "row_currents": along_row[..., 0], "residual": residual, "iterations": used}
    if cells:
        part |= {"cell_currents": current, "cell_voltages": cell * active + 0.0 * current}
    return part, history


def _increasing(backend: Backend, slope: Any) -> None:
    if not bool((slope > 0.0).all()):
        raise SimulationError("the current of a cell does not increase with its voltage", where="solve_array, cell law", value=float(backend.numpy(slope).min()), remedy="give cells whose differential conductance is positive at every voltage that they see")  # fmt: skip


def refuse_unsolved(backend: Backend, residual: Any, tolerance: float, used: Any) -> None:
    """Raise if a residual is above the tolerance or is not a number.

    Examples
    --------
    >>> refuse_unsolved(Backend([]), np.array([1e-12]), 1e-11, np.array([4]))
    """
    if bool((residual <= tolerance).all()):
        return
    found, steps = backend.numpy(residual), int(backend.numpy(used).max())
    raise SimulationError(f"the array is not solved: the residual after {steps} iterations is above {tolerance:g}", where="solve_array", value=float(found[~(found <= tolerance)].max()), remedy="raise max_iterations, or the tolerance; check the conductances and wires for absurd values")  # fmt: skip
