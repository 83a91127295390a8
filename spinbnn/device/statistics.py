"""Errors of counted probabilities: k of n."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ..errors import ParameterError

Array = NDArray[np.float64]


def wilson_interval(switched: ArrayLike, trials: ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    r"""Return the ends of the Wilson score interval of a probability.

    .. math:: \frac{\hat p + z^2/(2n) \pm z \sqrt{\hat p (1 - \hat p)/n + z^2/(4 n^2)}}{1 + z^2/n}

    Parameters
    ----------
    switched, trials : array_like
        k of n; they broadcast [1].
    level : float
        Confidence level, in (0, 1) [1].

    Returns
    -------
    low, high : ndarray
        Ends [1]; exactly 0 where k = 0 and exactly 1 where k = n.

    Raises
    ------
    ParameterError
        If the level is not in (0, 1).

    Notes
    -----
    E. B. Wilson, doi:10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> low, high = wilson_interval([0, 30], 100)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.219], [0.037, 0.396])
    """
    if not 0.0 < level < 1.0:
        raise ParameterError("a confidence level must lie in (0, 1)", where="wilson_interval, level", value=level, remedy="e.g. 0.95")
    k, n = np.broadcast_arrays(np.asarray(switched, dtype=float), np.asarray(trials, dtype=float))
    middle, half = _wilson(k, n, float(special.ndtri(0.5 + 0.5 * level)))
    return np.where(k == 0, 0.0, middle - half), np.where(k == n, 1.0, middle + half)


def wilson_error(switched: ArrayLike, trials: ArrayLike) -> Array:
    r"""Return the standard error of a probability, which is above 0 also where all or none switched.

    .. math:: s = \frac{\sqrt{\hat p (1 - \hat p)/n + 1/(4 n^2)}}{1 + 1/n}

    Half the width of Wilson's interval at z = 1; for large n the binomial one.

    Parameters
    ----------
    switched, trials : array_like
        k of n; they broadcast [1].

    Returns
    -------
    ndarray
        Standard error [1].

    Examples
    --------
    >>> wilson_error([0, 50], 100).round(4).tolist(), float(wilson_error(0, 1))
    ([0.005, 0.0498], 0.25)
    """
    return _wilson(np.asarray(switched, dtype=float), np.asarray(trials, dtype=float), 1.0)[1]


def _wilson(k: Array, n: Array, z: float) -> tuple[Array, Array]:
    """Return middle and half width."""
    p, z2 = k / n, z * z
    scale = 1.0 + z2 / n
    return np.asarray((p + z2 / (2.0 * n)) / scale), np.asarray(z * np.sqrt(p * (1.0 - p) / n + z2 / (4.0 * n * n)) / scale)
