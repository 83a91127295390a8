"""The numpy engine: the same numbers as the compiled one, without numba."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .formulas import BLOCKS, STEPS, box_muller, correct, turn


def thermal_normals(key: NDArray[np.uint64], lane: int, count: int, group: int) -> NDArray[np.float32]:
    """Return the standard normals of one group of steps for some trajectories.

    Block b of trajectory k is Philox4x64-10 at counter ``(k + 1, b, 0, 0)``: any trajectory at any time can be drawn
    alone. Of each 64-bit word, the low half gives the radius and the high half the angle of a Box-Muller pair.

    Parameters
    ----------
    key : ndarray of uint64, shape (2,)
        Key of the point.
    lane, count : int
        First trajectory, and how many.
    group : int
        Steps ``STEPS * group`` to ``STEPS * group + STEPS - 1``.

    Returns
    -------
    ndarray of float32, shape (3 * STEPS, count)
        Rows ``3 s``, ``3 s + 1``, ``3 s + 2``: x, y, z of step s of the group [1].

    Examples
    --------
    >>> key = np.array([1, 2], np.uint64)
    >>> many, one = thermal_normals(key, 0, 10, 3), thermal_normals(key, 7, 1, 3)
    >>> bool((many[:, 7] == one[:, 0]).all())
    True
    """
    pairs = []
    for b in range(BLOCKS):
        source = np.random.Philox(key=key, counter=np.array([lane, BLOCKS * group + b, 0, 0], np.uint64))
        words = source.random_raw(4 * count).reshape(count, 4).T
        pairs.append(box_muller(words.astype(np.uint32), (words >> np.uint64(32)).astype(np.uint32)))
    return np.concatenate([first for first, _ in pairs] + [second for _, second in pairs])


def advance(
    state: NDArray[np.floating[Any]], drive: NDArray[np.floating[Any]], constants: NDArray[np.floating[Any]],
    key: NDArray[np.uint64], lane: int, start: int, stop: int,
) -> None:  # fmt: skip
    """Move trajectories ``lane`` to ``lane + n - 1`` in place from step ``start`` to ``stop``.

    Parameters
    ----------
    state : ndarray, shape (3, n)
        Unit vectors, float32 or float64, which is the precision of the run.
    drive : ndarray, shape (3, steps)
        Of every step: By with the field-like field, B_k and B_DL, times ``gamma dt/(1 + alpha^2)`` [1].
    constants : ndarray, shape (6,)
        Bx, Bz and the standard deviation of the thermal field, scaled alike; the damping; 1/2 and 1 [1].
    key : ndarray of uint64, shape (2,)
        Key of the point.
    lane, start, stop : int
        First trajectory, first step, and the step after the last.
    """
    bx, bz, sigma, alpha, half, one = constants
    x, y, z = state
    for group in range(start // STEPS, -(-stop // STEPS)):
        normal = thermal_normals(key, lane, state.shape[1], group).astype(state.dtype, copy=False)
        for s in range(max(start, STEPS * group), min(stop, STEPS * group + STEPS)):
            row = 3 * (s - STEPS * group)
            fx, fy, fz = bx + sigma * normal[row], drive[0, s] + sigma * normal[row + 1], bz + sigma * normal[row + 2]
            dx, dy, dz = turn(x, y, z, fx, fy, fz, drive[1, s], drive[2, s], alpha)
            ex, ey, ez = turn(x + dx, y + dy, z + dz, fx, fy, fz, drive[1, s], drive[2, s], alpha)
            x, y, z = correct(x, y, z, dx, dy, dz, ex, ey, ez, half, one)
    state[0], state[1], state[2] = x, y, z
