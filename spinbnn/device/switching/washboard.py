"""Exact barriers of the tilted washboard: damping-like torque and an in-plane field along the current.

The magnet turns in the plane of easy axis and current (high damping). With ``theta`` the angle from the state it starts in,
growing in the sense in which the torque pushes over ``+x``,

    E/(K_eff V) = sin^2(theta) - 2 h sin(theta) - j theta,    j = H_DL/(H_k/2) = 2 I/Ic0,    h = H_x/H_k.

The torque turns steadily (``- j theta``). The field lowers the saddle at ``+x`` and raises the one at ``-x``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError

Array = NDArray[np.float64]
ANGLE = 1e-12
"""Last step of the root search [rad]: the barrier errs by its square."""
ITERATIONS = 100
"""Most steps of the root search: bisection alone needs 52."""


class Washboard(NamedTuple):
    """Barrier and the angles between which it lies.

    Attributes
    ----------
    barrier : ndarray
        ``E(saddle) - E(valley)`` over ``K_eff V``, >= 0 [1].
    valley, saddle : ndarray
        Angles of the minimum and of the maximum ahead of it [rad].

    Notes
    -----
    The slopes are ``dB/dj = -(saddle - valley)`` and ``dB/dh = -2 (sin saddle - sin valley)``; both vanish where the
    barrier is gone.
    """

    barrier: Array
    valley: Array
    saddle: Array


def _field(h: ArrayLike) -> Array:
    ratio = np.asarray(h, dtype=float)
    if np.any(~(np.abs(ratio) < 1.0)):
        raise ParameterError(
            "the in-plane field must be smaller than the anisotropy field: beyond it the device has one state only",
            where="tilted_washboard, field ratio H_x/H_k", value=ratio.tolist(), remedy="check magnetic.in_plane_field against the anisotropy field",
        )  # fmt: skip
    return ratio


def _fold(h: Array) -> Array:
    """Return the sine of the angle at which valley and saddle merge."""
    return np.asarray((h + np.sqrt(h**2 + 8.0)) / 4.0)


def threshold_torque(h: ArrayLike) -> Array:
    r"""Return the torque ``j`` at which the barrier over ``+x`` vanishes.

    .. math:: j_c(h) = 2\sqrt{1 - s^2}\,(s - h), \qquad s = \frac{h + \sqrt{h^2 + 8}}{4}

    Parameters
    ----------
    h : array_like
        ``H_x/H_k``, in (-1, 1); positive where the field helps the torque [1].

    Returns
    -------
    ndarray
        Torque ``j`` [1]; ``1 - sqrt(2) h`` to first order.

    Raises
    ------
    ParameterError
        If ``|h| >= 1``.

    Examples
    --------
    >>> [round(float(j), 4) for j in threshold_torque([-0.125, 0.0, 0.125])]
    [1.1805, 1.0, 0.8273]
    """
    ratio = _field(h)
    s = _fold(ratio)
    return np.asarray(2.0 * np.sqrt(1.0 - s**2) * (s - ratio))


def tilted_washboard(j: ArrayLike, h: ArrayLike = 0.0) -> Washboard:
    r"""Return the barrier over ``+x`` from the exact stationary points, ``2 cos(theta)(sin(theta) - h) = j``.

    Parameters
    ----------
    j : array_like
        Torque over its threshold without a field, signed: positive pushes towards ``+x`` [1].
    h : array_like
        ``H_x/H_k``, in (-1, 1): positive lowers the saddle at ``+x`` [1].

    Returns
    -------
    Washboard
        Broadcast shape. At ``j >= threshold_torque(h)`` the barrier is 0 (continuous slope). At
        ``j <= -threshold_torque(|h|)``, where the valley or the state beyond the saddle is gone, it goes on along its tangent.

    Raises
    ------
    ParameterError
        If ``|h| >= 1``.

    Notes
    -----
    Without a field this is :func:`~spinbnn.device.switching.exact_barrier` at ``x = j/2``; without torque ``(1 - h)^2``.

    Examples
    --------
    >>> [round(float(b), 4) for b in tilted_washboard([0.0, 0.6, 0.6], [0.1, 0.0, 0.1]).barrier]
    [0.81, 0.2436, 0.1301]
    """
    torque, ratio = np.broadcast_arrays(np.asarray(j, dtype=float), _field(h))
    ahead, lower = threshold_torque(ratio), -threshold_torque(np.abs(ratio))
    held = np.clip(torque, lower, ahead)
    fold = np.arcsin(_fold(ratio))
    bend = np.cos(fold) * (8.0 * np.sin(fold) - 2.0 * ratio)  # -E''' at the fold
    step = np.sqrt(2.0 * np.maximum(ahead - held, 0.0) / bend)
    valley = _root(held, ratio, -np.arcsin(_fold(-ratio)), fold, fold - step, rising=True)
    saddle = _root(held, ratio, fold, np.pi - fold, fold + step, rising=False)
    gone = torque >= ahead
    valley, saddle = np.where(gone, fold, valley), np.where(gone, fold, saddle)
    barrier = _energy(saddle, held, ratio) - _energy(valley, held, ratio) - (torque - held) * (saddle - valley)
    return Washboard(np.maximum(barrier, 0.0), valley, saddle)


def _energy(angle: Array, j: Array, h: Array) -> Array:
    sine = np.sin(angle)
    return np.asarray(sine * (sine - 2.0 * h) - j * angle)


def _root(j: Array, h: Array, low: Array, high: Array, start: Array, *, rising: bool) -> Array:
    """Solve ``E' = 0`` between two folds, where E' is monotone: Newton's step where it stays inside, bisection elsewhere."""
    low, high = low.copy(), high.copy()
    angle = np.where((start > low) & (start < high), start, 0.5 * (low + high))
    for _ in range(ITERATIONS):
        slope = 2.0 * np.cos(angle) * (np.sin(angle) - h) - j
        left = (slope < 0.0) == rising  # the root lies to the right
        low, high = np.where(left, angle, low), np.where(left, high, angle)
        curvature = 2.0 * np.cos(2.0 * angle) + 2.0 * h * np.sin(angle)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = angle - slope / curvature
        ahead = np.where((newton >= low) & (newton <= high), newton, 0.5 * (low + high))
        moved = np.abs(ahead - angle)
        angle = ahead
        if np.all(moved <= ANGLE):
            break
    return np.asarray(angle)
