"""Energy barriers of a perpendicular SOT-MTJ under a damping-like torque, in units of the zero-current barrier.

With the torque ``j = H_DL/(H_k/2)`` the magnet sits in a tilted washboard ``E/(KV) = sin^2(th) - j th``. In the
convention of the paper the current is ``x = I/Ic0`` with ``j = 2 x``: its Ic0 is twice the 0 K threshold.
Both functions take a signed ``x``: positive lowers the barrier of the state that the current drives away.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

SEED_LIMIT = (math.pi - math.sqrt(math.pi**2 - 8.0)) / 4.0
"""x at which the printed barrier reaches zero: 0.4436."""
EXACT_LIMIT = 0.5
"""x at which the exact barrier reaches zero: the 0 K threshold."""


def exact_barrier(x: ArrayLike) -> NDArray[np.float64]:
    r"""Return the exact washboard barrier, clamped at zero beyond the threshold.

    .. math:: b(j) = \sqrt{1 - j^2} - j \arccos j, \qquad j = 2x

    For ``j > 1`` the barrier is 0 (continuous slope); for ``j < -1`` it goes on as ``-pi j``.

    Parameters
    ----------
    x : array_like
        Signed current over the paper's Ic0 [1].

    Returns
    -------
    ndarray
        Barrier over its value at zero current [1].

    Notes
    -----
    Perpendicular device, high damping, no in-plane field. Its second-order expansion is Eq. 23b of arXiv:2311.15816;
    the law is that of K.-S. Lee et al., Appl. Phys. Lett. 104, 072413 (2014), doi:10.1063/1.4865185.

    Examples
    --------
    >>> [round(float(b), 4) for b in exact_barrier([0.0, 0.3, 0.4, 0.5, 0.7])]
    [1.0, 0.2436, 0.0852, 0.0, 0.0]
    """
    j = 2.0 * np.asarray(x, dtype=float)
    inside = np.clip(j, -1.0, 1.0)
    return np.where(j > 1.0, 0.0, np.sqrt(1.0 - inside**2) - j * np.arccos(inside))


def seed_barrier(x: ArrayLike) -> NDArray[np.float64]:
    r"""Return the barrier as printed in Eq. 23b, clamped at zero where the print turns negative.

    .. math:: b(x) = 1 - 2x(\pi/2 - x) \quad (x \le 0.4436), \qquad 0 \text{ beyond}

    Parameters
    ----------
    x : array_like
        Signed current over the paper's Ic0 [1].

    Returns
    -------
    ndarray
        Barrier over its value at zero current [1].

    Notes
    -----
    Unclamped the print falls to -0.234 at ``x = pi/4`` and is positive again past 1.127: it is used on
    ``x <= 0.4436`` only (arXiv:2311.15816, Eq. 23b).

    Examples
    --------
    >>> [round(float(b), 4) for b in seed_barrier([0.0, 0.3, 0.4, 0.4436, 0.7854])]
    [1.0, 0.2375, 0.0634, 0.0, 0.0]
    """
    x = np.asarray(x, dtype=float)
    return np.where(x >= SEED_LIMIT, 0.0, 1.0 - math.pi * x + 2.0 * x**2)


BARRIERS = {"exact": (exact_barrier, EXACT_LIMIT), "seed": (seed_barrier, SEED_LIMIT)}
