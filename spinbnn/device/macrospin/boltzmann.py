"""Thermal equilibrium of one moment in its well: exact averages, and starting points drawn from it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ...errors import ParameterError

Array = NDArray[np.float64]


@cache
def _quadrature() -> tuple[Array, Array]:
    nodes, weights = special.roots_legendre(400)
    return nodes, weights


def transverse_average(delta: float, field: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> float:
    r"""Return the exact Boltzmann average of ``1 - m_z^2`` in the well ``m_z > 0``.

    .. math:: \langle 1 - m_z^2 \rangle = \frac{\int_0^1 (1 - z^2)\, w\,\mathrm dz}{\int_0^1 w\,\mathrm dz}, \qquad
              w = e^{\Delta z^2 + 2 \Delta b_z z}\, I_0\!\left(2 \Delta b_\perp \sqrt{1 - z^2}\right)

    Parameters
    ----------
    delta : float
        ``K_eff V/(k_B T)``, > 0 [1].
    field : tuple of float
        ``B/B_k`` along x, y, z [1].

    Returns
    -------
    float
        Average [1].

    Raises
    ------
    ParameterError
        If delta is not positive.

    Notes
    -----
    Gauss-Legendre, 400 nodes: relative error below 1e-9 for delta up to 10,000. Without a field the closed form is
    ``1 + 1/(2 delta) - 1/(2 sqrt(delta) D(sqrt(delta)))``, D Dawson's integral.

    Examples
    --------
    >>> round(transverse_average(40.0), 6), round(transverse_average(20.0), 6)
    (0.025334, 0.051445)
    """
    if not delta > 0:
        raise ParameterError("a stability factor must be > 0", where="transverse_average, delta", value=delta, remedy="K_eff V/(k_B T), e.g. 40")
    nodes, weights = _quadrature()
    z = 0.5 * (nodes + 1.0)
    side = 1.0 - z * z
    across = 2.0 * delta * np.hypot(field[0], field[1]) * np.sqrt(side)
    exponent = -delta * side + 2.0 * delta * field[2] * z + across
    weight = weights * np.exp(exponent - exponent.max()) * special.ive(0, across)
    return float(np.sum(side * weight) / np.sum(weight))


def well_bottom(field: tuple[float, float, float], pole: int) -> Array:
    """Return the direction of least energy on one side of the equator.

    Parameters
    ----------
    field : tuple of float
        ``B/B_k`` along x, y, z [1].
    pole : int
        +1 or -1: sign of m_z.

    Returns
    -------
    ndarray, shape (3,)
        Unit vector.

    Raises
    ------
    ParameterError
        If the field leaves no stable direction on this side.

    Examples
    --------
    >>> well_bottom((0.125, 0.0, 0.0), 1).round(9).tolist()
    [0.125, 0.0, 0.992156742]
    """
    b = np.asarray(field, dtype=float)
    m = np.array([0.0, 0.0, float(pole)])
    for _ in range(10_000):  # m = (b + m_z z)/|b + m_z z| is the condition of no torque
        pull = b + np.array([0.0, 0.0, m[2]])
        size = np.sqrt(pull @ pull)
        new = pull / size if size > 0 else pull
        if np.max(np.abs(new - m)) < 1e-15:
            break
        m = new
    if not m[2] * pole > 1e-6:
        raise ParameterError("the field leaves no stable state on this side", where="Macrospin, field", value=[float(v) for v in b], remedy="the field over the anisotropy field: stay well below 1")
    return m


def draw_start(delta: float, bottom: Array, key: NDArray[np.uint64], lane: int, count: int) -> Array:
    """Draw starting points from the thermal equilibrium around the bottom of a well.

    Without a field the distribution ``exp(delta m_z^2)`` over the hemisphere is exact. With one it is turned onto the
    bottom; thermalisation does the rest. Block 0 of counter ``(k + 1, 0, 1, 0)`` belongs to trajectory k.

    Parameters
    ----------
    delta : float
        ``K_eff V/(k_B T)`` [1].
    bottom : ndarray, shape (3,)
        From :func:`well_bottom`.
    key : ndarray of uint64, shape (2,)
        Key of the point.
    lane, count : int
        First trajectory, and how many.

    Returns
    -------
    ndarray, shape (3, count)
        Unit vectors.
    """
    words = np.random.Philox(key=key, counter=np.array([lane, 0, 1, 0], np.uint64)).random_raw(4 * count).reshape(count, 4)
    level, angle = ((words[:, column] >> np.uint64(11)).astype(float) * 2.0**-53 for column in (0, 1))
    # distribution function of z, tabulated at the quantiles of its leading part, the exponential law of 1 - z^2
    quantile = np.linspace(1.0, 0.0, 4097) * -np.expm1(-delta)
    side = -np.log1p(-np.minimum(quantile, 1.0 - 2.0**-53)) / delta
    z = np.sqrt(np.clip(1.0 - side, 0.0, 1.0))
    root = np.sqrt(delta)
    below = np.exp(-delta * side) * special.dawsn(root * z) / special.dawsn(root)
    below[0] = 0.0
    cosine = np.interp(level, below, z)
    sine, phi = np.sqrt(1.0 - cosine**2), 2.0 * np.pi * angle
    tilted = np.sign(bottom[2]) * bottom  # on the upper side, turned back below
    east = np.array([tilted[2], 0.0, -tilted[0]]) / np.hypot(tilted[2], tilted[0])
    north = np.cross(tilted, east)
    vectors = np.outer(east, sine * np.cos(phi)) + np.outer(north, sine * np.sin(phi)) + np.outer(tilted, cosine)
    return np.sign(bottom[2]) * vectors
