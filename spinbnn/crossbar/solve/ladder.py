r"""One wire with its cells: a resistor ladder, eliminated from its open end without a subtraction.

Node j of a line hangs on node j - 1 (nearer to the driver or the ground) through :math:`R_j` and on the other line through
:math:`g_j`. With the admittance seen from :math:`R_j` towards the open end,

.. math::

    Y_j = g_j + a_{j+1} Y_{j+1}, \qquad a_j = \frac{1}{1 + R_j Y_j}, \qquad b_j = R_j a_j,

injected currents :math:`s_j` give the currents and the voltages

.. math::

    I_j = s_j + a_{j+1} I_{j+1}, \qquad v_j = a_j v_{j-1} + b_j I_j, \qquad v_{-1} = 0 .

Every term is positive: nothing cancels, and :math:`R_j = 0` is an ordinary case.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg.lapack import dpttrs

from .arrays import Backend


class Ladder:
    """All lines of one direction of a batch of arrays, factorised.

    Parameters
    ----------
    conductance : array (M, K or 1, R, C)
        Cells [S].
    wire : array (M, 1, R, C)
        Segments [ohm].
    backend : Backend
    column : bool
        Bit lines (grounded below the last row) instead of word lines (driven before the first column).
    doubling : bool
        Recurrences by recursive doubling, as for arrays outside numpy, instead of LAPACK.

    Examples
    --------
    >>> g, wire = np.full((1, 1, 1, 2), 1e-3), np.full((1, 1, 1, 2), 100.0)
    >>> Ladder(g, wire, Backend([g]), column=False).solve(np.full((1, 1, 1, 2), 1e-4)).round(6).tolist()  # open end last
    [[[[0.016031, 0.023664]]]]
    """

    def __init__(self, conductance: Any, wire: Any, backend: Backend, *, column: bool, doubling: bool = False) -> None:
        self.backend, self.column, self.doubling = backend, column, doubling
        g = self._lines(conductance)
        r = self._lines(backend.module.broadcast_to(wire, (wire.shape[0], wire.shape[1], *conductance.shape[2:])))
        xp = backend.module
        shape = np.broadcast_shapes(tuple(g.shape), tuple(r.shape))
        g, r = xp.broadcast_to(g, shape), xp.broadcast_to(r, shape)
        self.a, self.b = xp.empty_like(g + r), xp.empty_like(g + r)
        y = xp.zeros_like(g[..., 0])
        for j in range(g.shape[-1]):
            y = g[..., j] + y
            self.a[..., j] = 1.0 / (1.0 + r[..., j] * y)
            self.b[..., j] = r[..., j] * self.a[..., j]
            y = y * self.a[..., j]
        if backend.name == "numpy" and not doubling:
            self._join()
        else:
            self._double()

    def _lines(self, value: Any) -> Any:
        """Return lines along the last axis, beginning at their open end."""
        if self.column:
            return self.backend.permute(value, [0, 1, 3, 2])
        return self.backend.flip(value, -1)

    def _cells(self, value: Any) -> Any:
        if self.column:
            return self.backend.permute(value, [0, 1, 3, 2])
        return self.backend.flip(value, -1)

    def _join(self) -> None:
        """For LAPACK: one tridiagonal L D L^T of all lines, cut where a line ends."""
        lower = -self.a.copy()
        lower[..., -1] = 0.0
        with np.errstate(divide="ignore"):
            self.diagonal = (1.0 / self.b).reshape(-1)
        self.lower = lower.reshape(-1)[:-1]
        self.shared = self.a.shape[1] == 1

    def _double(self) -> None:
        """For arrays elsewhere: products of 1, 2, 4... neighbouring factors, for recurrences by recursive doubling."""
        step, power = 1, self.a
        self.spans: list[tuple[int, Any]] = []
        while step < self.a.shape[-1]:
            self.spans.append((step, power[..., step - 1 : -1]))
            longer = power * 0.0
            longer[..., step:] = power[..., step:] * power[..., :-step]
            step, power = 2 * step, longer

    def solve(self, currents: Any) -> Any:
        """Return the node voltages (M, K, R, C) [V] for injected currents (M, K, R, C) [A]."""
        lines = self._lines(currents)
        if self.backend.name == "numpy" and not self.doubling:
            return self._cells(self._lapack(lines))
        x = lines * 1.0
        for step, span in self.spans:
            x[..., step:] = x[..., step:] + span * x[..., :-step]
        x = x * self.b
        for step, span in self.spans:
            x[..., :-step] = x[..., :-step] + span * x[..., step:]
        return self._cells(x)

    def _lapack(self, lines: np.ndarray) -> np.ndarray:
        matrices, inputs, count, length = lines.shape
        order = (1, 0, 2, 3) if self.shared else (0, 1, 2, 3)
        right = np.array(lines.transpose(order), order="C").reshape(inputs if self.shared else 1, -1)
        if right.shape[1] == 1:
            solved = right / self.diagonal
        else:
            solved = dpttrs(self.diagonal, self.lower, right.T, overwrite_b=True)[0].T
        shape = (inputs, matrices, count, length) if self.shared else lines.shape
        return solved.reshape(shape).transpose(order)
