r"""The transfer matrix of an array: eliminated once, then any input costs a matmul.

Rows are eliminated from the top (block-tridiagonal elimination). What lies above the feet of the bit lines so far is a network
with short-circuit currents :math:`N V` and the admittance :math:`Y`, both over the columns. A word line with its cells adds

.. math::

    P = g - g A^{-1} g, \qquad Y \to Y + P, \qquad N \to [N, P 1],

(A of :mod:`.lines`; its inverse in closed form), and the wire segments R below it give

.. math::

    Y \to (1 + Y R)^{-1} Y, \qquad N \to (1 + Y R)^{-1} N, \qquad D \to D - N^T R N' ,

with D the currents of the drivers. Arrays with fewer rows than columns are turned by 90 degrees first (reciprocity), so that the dense
blocks have min(R, C) rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ParameterError
from .arrays import Backend
from .engines import linear
from .lines import refuse_unsolved
from .problem import Problem, pose

PROBE_TOLERANCE = 1e-11
"""Tolerance of the line solver that a matrix is held against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferMatrix:
    """Effective conductances of an array with its wires: ``currents = voltages @ matrix``.

    Make it with :meth:`build`. Valid for the conductances and the active rows that it was made of.

    Parameters
    ----------
    matrix : array (..., R, C)
        Current of column c per volt at driver r, all other drivers at 0 V; without wires the conductances [S].
    source : array (..., R, R)
        Current of driver r per volt at driver s: symmetric [S].
    residual : array (...)
        Largest difference from the line solver, of column currents over the largest column current and of row currents over the
        largest row current, for two inputs: all drivers at +1 V, and +1 V and -1 V alternating. Measured at the build [1].

    Examples
    --------
    >>> transfer = TransferMatrix.build([[1e-3], [1e-3]], wire_row=0.0, wire_column=500.0)
    >>> (1e3 * transfer.matrix).round(4).tolist()
    [[0.3636], [0.5455]]
    >>> (1e3 * transfer.currents([1.0, 1.0])).round(4).tolist()
    [0.9091]
    """

    matrix: Any
    source: Any
    residual: Any

    @classmethod
    def build(
        cls, conductance: Any, *, wire_row: Any, wire_column: Any, active: Any = None, allow_open: bool = False, tolerance: float = 1e-9
    ) -> TransferMatrix:
        """Eliminate arrays; arguments as of :func:`.solve_array`. The elimination itself runs in numpy.

        Parameters
        ----------
        tolerance : float
            Largest ``residual`` that is accepted [1].

        Raises
        ------
        ParameterError
            For bad input.
        SimulationError
            If the matrix and the line solver disagree.
        """
        backend = Backend([conductance, wire_row, wire_column, active])
        shape = getattr(conductance, "shape", None) or np.shape(conductance)
        if len(shape) < 2:
            raise ParameterError("conductances need the shape (..., R, C)", where="TransferMatrix.build, conductance", value=tuple(shape), remedy="give one number per cell")
        probes = np.ones((2, shape[-2]))
        probes[1, 1::2] = -1.0
        arguments = [None if x is None else backend.numpy(x) for x in (conductance, wire_row, wire_column, active)]
        lead = np.broadcast_shapes(*(np.shape(x)[:-tail] if np.ndim(x) >= tail else () for x, tail in zip(arguments, (2, 2, 2, 1), strict=True) if x is not None))
        problem = pose(
            arguments[0], probes.reshape((2,) + (1,) * len(lead) + (-1,)), wire_row=arguments[1], wire_column=arguments[2],
            active=arguments[3], allow_open=allow_open, where="TransferMatrix.build",
        )  # fmt: skip
        matrix, source = eliminate(problem)
        known = linear(problem, "auto", PROBE_TOLERANCE, 10_000, False)
        pairs = [(problem.volts @ matrix, known["currents"]), (problem.volts @ source, known["row_currents"])]
        residual = np.max(
            [np.abs(a - b).max(axis=(1, 2)) / np.maximum(np.abs(b).max(axis=(1, 2)), 1e-300) for a, b in pairs], axis=0
        )
        refuse_unsolved(problem.backend, residual, tolerance, np.zeros(1))
        return cls(
            matrix=backend.array(matrix.reshape(lead + matrix.shape[1:])), source=backend.array(source.reshape(lead + source.shape[1:])),
            residual=backend.array(residual.reshape(lead)),
        )  # fmt: skip

    def currents(self, voltages: Any) -> Any:
        """Return the column currents (..., C) [A] for voltages (..., R) [V]; leading axes broadcast as in numpy."""
        backend = Backend([self.matrix])
        return (backend.array(voltages)[..., None, :] @ self.matrix)[..., 0, :]

    def row_currents(self, voltages: Any) -> Any:
        """Return the driver currents (..., R) [A] for voltages (..., R) [V]."""
        backend = Backend([self.matrix])
        return (backend.array(voltages)[..., None, :] @ self.source)[..., 0, :]


def eliminate(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrices (M, R, C) and the driver matrices (M, R, R) of linear cells [S].

    Examples
    --------
    >>> eliminate(pose([[1.0, 3.0]], [1.0], wire_row=0.0, wire_column=0.0))[0].tolist()
    [[[1.0, 3.0]]]
    """
    matrices, _, rows, columns = problem.shape
    transfer, source = np.empty((matrices, rows, columns)), np.empty((matrices, rows, rows))
    items = (*problem.parameters, problem.wire_row, problem.wire_column, problem.active)
    for m in range(matrices):
        conductance, wire_row, wire_column, active = (problem.backend.numpy(array)[index[m]] for array, index in items)
        g = conductance * active[:, None]
        if rows > columns:
            found, source[m], _ = _down(g, wire_row, wire_column, drivers=True)
            transfer[m] = found.T
        else:
            found, _, feet = _down(g[::-1, ::-1].T, wire_column[::-1, ::-1].T, wire_row[::-1, ::-1].T, drivers=False)
            transfer[m], source[m] = found[::-1, ::-1], feet[::-1, ::-1]
    return transfer, source


def _down(g: np.ndarray, wire_row: np.ndarray, wire_column: np.ndarray, *, drivers: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return N (C, R), D (R, R) if asked for, and Y (C, C) after the last row."""
    rows, columns = g.shape
    both = np.zeros((columns, columns + rows))  # [Y | N]
    source = np.zeros((rows, rows))
    identity = np.eye(columns)
    for r in range(rows):
        line = _line(g[r], wire_row[r])
        both[:, :columns] += line
        both[:, columns + r] = line.sum(axis=1)
        source[r, r] = line.sum()
        below, n = wire_column[r], columns + r + 1
        if not below.any():
            continue
        after = np.linalg.solve(identity + both[:, :columns] * below, both[:, :n])
        if drivers:
            source[: r + 1, : r + 1] -= (both[:, columns:n] * below[:, None]).T @ after[:, columns:]
        both[:, :n] = after
    return both[:, columns:], source, both[:, :columns]


def _line(g: np.ndarray, wire: np.ndarray) -> np.ndarray:
    """Return P (C, C) of one word line: cell currents per volt of ``V - w``.

    With the factors a, b of :mod:`.ladder` the inverse of A is, for i <= j, z_i a_(i+1) ... a_j with z_i = b_i + a_i^2 z_(i-1).
    """
    if not wire.any():
        return np.diag(g)
    n = g.size
    a, z, y, last = np.empty(n), np.empty(n), 0.0, 0.0
    for j in range(n - 1, -1, -1):
        y = g[j] + y
        a[j] = 1.0 / (1.0 + wire[j] * y)
        y *= a[j]
    for j in range(n):
        last = wire[j] * a[j] + a[j] * a[j] * last
        z[j] = last
    path = np.cumsum(np.log(a))
    inverse = np.tril(np.exp(np.minimum(path[:, None] - path, 0.0)) * z)
    inverse += np.tril(inverse, -1).T
    return np.diag(g) - g[:, None] * inverse * g
