"""The reference: one sparse matrix of all nodes, factorised by SuperLU (scipy)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from ...errors import ParameterError
from .arrays import Backend


def cell_currents(backend: Backend, g: Any, wire_row: Any, wire_column: Any, drive: Any, target: Any, limit: int) -> tuple[Any, Any]:
    """Solve the equations of :mod:`.lines` by sparse LU; same arguments and results as :func:`.lines.cell_currents`, no iterations.

    Raises
    ------
    ParameterError
        If some, but not all, of the segments of one direction are 0: a conductance would be infinite.

    Examples
    --------
    >>> one = np.ones((1, 1, 1, 1))
    >>> current, steps = cell_currents(Backend([]), one, one, 2 * one, one, np.zeros((1, 1)), 9)
    >>> round(float(current[0, 0, 0, 0]), 12)
    0.25
    """
    host = [backend.numpy(x) for x in (g, wire_row, wire_column, drive)]
    found = np.empty_like(host[3])
    for m, k in np.ndindex(host[0].shape[:2]):
        of = slice(None) if host[0].shape[1] == 1 else slice(k, k + 1)
        found[m, of] = _solve(host[0][m, k], host[1][m, 0], host[2][m, 0], host[3][m, of])
    return backend.array(found), backend.array(np.zeros(found.shape[:2]))


def _solve(g: np.ndarray, wire_row: np.ndarray, wire_column: np.ndarray, drive: np.ndarray) -> np.ndarray:
    """Return cell currents (K, R, C) of one matrix."""
    flat = g.reshape(-1)
    sides = [side for side in (_wires(wire_row, "row"), _wires(wire_column, "column")) if side is not None]
    if not sides:
        return drive
    diagonal = sparse.diags_array(flat)
    grid = [[side + diagonal if i == j else diagonal for j in range(len(sides))] for i, side in enumerate(sides)]
    factor = splu(sparse.csc_matrix(sparse.block_array(grid)), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    right = drive.reshape(drive.shape[0], -1)
    lost = factor.solve(np.tile(right, (1, len(sides))).T).T.reshape(drive.shape[0], len(sides), -1).sum(axis=1)
    return (right - flat * lost).reshape(drive.shape)


def _wires(wire: np.ndarray, name: str) -> Any:
    """Return the admittance matrix of the wires of one direction, over cells in row-major order; None where they are ideal."""
    if not wire.any():
        return None
    if not wire.all():
        place = [int(i) for i in np.argwhere(wire == 0.0)[0]]
        raise ParameterError("sparse LU cannot take some segments of a wire as ideal", where=f"solve_array, wire_{name}{place}", value=0.0, remedy="use method='lines'")  # fmt: skip
    if name == "row":  # segment j lies before cell j
        y = 1.0 / wire
        after = np.concatenate([y[:, 1:], np.zeros_like(y[:, :1])], axis=1)
        step, off = 1, -after.reshape(-1)[:-1]
    else:  # segment i lies below cell i
        y = 1.0 / wire
        after = np.concatenate([np.zeros_like(y[:1]), y[:-1]], axis=0)
        step, off = wire.shape[1], -y.reshape(-1)[: -wire.shape[1]]
    full = (y + after).reshape(-1)
    return sparse.diags_array([full, off, off], offsets=[0, step, -step], shape=(wire.size, wire.size)) if off.size else sparse.diags_array(full)
