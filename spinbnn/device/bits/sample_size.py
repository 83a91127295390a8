"""How many bits a check of their bias or correlation needs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from ...errors import ParameterError

Array = NDArray[np.float64]


def effective_samples(n: ArrayLike, correlation: ArrayLike) -> Array:
    """Return how many independent bits n correlated ones are worth, ``n (1 - rho)/(1 + rho)`` [1].

    Examples
    --------
    >>> round(float(effective_samples(1000, 0.05)))
    905
    """
    rho = np.asarray(correlation, dtype=float)
    if np.any(~(np.abs(rho) < 1)):
        raise ParameterError("a correlation must lie in (-1, 1)", where="effective_samples", value=rho.tolist(), remedy="use b - a of the chain")
    return np.asarray(np.asarray(n, dtype=float) * (1 - rho) / (1 + rho))


def samples_for_bias(shift: float, *, p: float = 0.5, correlation: float = 0.0, level: float = 0.05, power: float = 0.9) -> int:
    r"""Return how many bits tell p + shift from p, two-sided.

    .. math:: n = \left(\frac{z_{1-\alpha/2}\sqrt{p q} + z_{1-\beta}\sqrt{p' q'}}{x}\right)^2 \frac{1 + \rho}{1 - \rho},
              \qquad p' = p + x

    Parameters
    ----------
    shift : float
        Bias x to be found [1].
    p : float
        Probability without it [1].
    correlation : float
        Lag-1 correlation of the bits [1].
    level, power : float
        alpha of the test, and 1 - beta [1].

    Raises
    ------
    ParameterError
        If p or p + shift leaves (0, 1), the shift is 0, or alpha, power or the correlation is out of range.

    Examples
    --------
    >>> samples_for_bias(0.03), samples_for_bias(0.03, correlation=0.05)
    (2915, 3222)
    """
    if not 0 < p < 1 or not 0 < p + shift < 1 or shift == 0:
        raise ParameterError("p and p + shift must lie in (0, 1), and differ", where="samples_for_bias", value=(p, shift), remedy="e.g. shift=0.01")
    reached = _quantiles(level, power)
    other = p + shift
    independent = ((reached[0] * math.sqrt(p * (1 - p)) + reached[1] * math.sqrt(other * (1 - other))) / shift) ** 2
    return math.ceil(independent / float(effective_samples(1.0, correlation)))


def samples_for_correlation(correlation: float, *, level: float = 0.05, power: float = 0.9) -> int:
    r"""Return how many bits tell a lag-1 correlation from 0, two-sided.

    .. math:: n = \left(\frac{z_{1-\alpha/2} + z_{1-\beta}\sqrt{1 - \rho^2}}{\rho}\right)^2

    with the error :math:`1/\sqrt n` of independent bits, and that of a symmetric chain.

    Examples
    --------
    >>> samples_for_correlation(0.025)
    16808
    """
    if not 0 < abs(correlation) < 1:
        raise ParameterError("a correlation must lie in (-1, 1) and not be 0", where="samples_for_correlation", value=correlation, remedy="e.g. 0.01")
    reached = _quantiles(level, power)
    return math.ceil(((reached[0] + reached[1] * math.sqrt(1 - correlation**2)) / correlation) ** 2)


def _quantiles(level: float, power: float) -> tuple[float, float]:
    if not 0 < level < 1 or not level < power < 1:
        raise ParameterError("needs 0 < level < power < 1", where="samples", value=(level, power), remedy="e.g. level=0.05, power=0.9")
    return float(norm.ppf(1 - level / 2)), float(norm.ppf(power))
