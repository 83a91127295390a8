"""What measured bits tell: bias, correlation, runs and entropy, with their errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from ...errors import ParameterError
from .markov import binary_entropy, log2_most_likely

Array = NDArray[np.float64]
NIST_LENGTH = 128
"""Length of the sequences in the Markov estimate of NIST SP 800-90B."""
NIST_CONFIDENCE = 2.576
"""Standard errors added to the most common value's share there (99 %)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BitStatistics:
    """What measured bits tell; fields are arrays over the modules.

    Attributes
    ----------
    n : int
        Bits a module.
    probability, probability_error : ndarray
        Share of ones and its standard error, widened by the correlation found [1].
    a, b : ndarray
        Shares of ones after a 0 and after a 1; NaN where there was none [1].
    autocorrelation, autocorrelation_error : ndarray, shape (lags, ...)
        At lags 1, 2, ...; errors by Bartlett's formula for a chain of this order. NaN for constant bits [1].
    runs, runs_p_value : ndarray
        Number of runs, and the two-sided p-value of the Wald-Wolfowitz test of independence [1].
    entropy_rate : ndarray
        Plug-in estimate from a and b; biased low by about 1.4/n bit [bit].
    min_entropy_common, min_entropy_markov : ndarray
        NIST SP 800-90B, 6.3.1 (most common value, 99 % bound) and 6.3.3 (Markov, 128 bits) [bit].
    """

    n: int
    probability: Array
    probability_error: Array
    a: Array
    b: Array
    autocorrelation: Array
    autocorrelation_error: Array
    runs: Array
    runs_p_value: Array
    entropy_rate: Array
    min_entropy_common: Array
    min_entropy_markov: Array


def bit_statistics(bits: ArrayLike, lags: int = 5) -> BitStatistics:
    r"""Estimate bias, correlation and entropy of measured bits.

    Parameters
    ----------
    bits : array_like of 0 and 1, shape (n,) or (n, modules)
        Successive bits down the first axis.
    lags : int
        Largest lag of the autocorrelation [1].

    Returns
    -------
    BitStatistics

    Raises
    ------
    ParameterError
        If the bits are not 0 and 1, or there are not more than ``lags + 1`` of them.

    Notes
    -----
    Bartlett: :math:`\sigma^2(r_k) = \frac{1}{n}\left[\frac{(1 + \rho^2)(1 - \rho^{2k})}{1 - \rho^2} - 2 k \rho^{2k}\right]`
    (M. S. Bartlett, 1946). The two min-entropy estimates are parts of NIST SP 800-90B
    (doi:10.6028/NIST.SP.800-90B), whose verdict takes the smallest of ten estimates and needs a million bits.

    Examples
    --------
    >>> from spinbnn.device.bits import BitStream
    >>> found = bit_statistics(BitStream.from_set_reset(0.5, 0.05).sample(100_000, seed=3))
    >>> round(float(found.probability), 2), round(float(found.autocorrelation[0]), 2)
    (0.51, 0.03)
    """
    given = np.asarray(bits)
    if given.ndim < 1 or lags < 1 or given.shape[0] < lags + 2:
        raise ParameterError(f"too few bits for {lags} lags", where="bit_statistics, bits", value=given.shape, remedy="give shape (n,) or (n, modules) with n > lags + 1")
    if not np.all((given == 0) | (given == 1)):
        raise ParameterError("bits are 0 or 1", where="bit_statistics, bits", value=np.unique(given)[:5].tolist(), remedy="give integers or booleans")
    d = given.astype(float)
    n, ones = len(d), d.sum(axis=0)
    share = ones / n
    after_one, after_zero = d[:-1].sum(axis=0), n - 1 - d[:-1].sum(axis=0)
    pairs = (d[:-1] * d[1:]).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        a = (d[1:].sum(axis=0) - pairs) / after_zero
        b = pairs / after_one
        off, variance = d - share, share * (1 - share)
        r = np.stack([(off[k:] * off[:-k]).sum(axis=0) / n / variance for k in range(1, lags + 1)])
        rho = np.clip(np.nan_to_num(r[0]), -1 + 1 / n, 1 - 1 / n)
        k = np.arange(1, lags + 1).reshape(-1, *(1,) * np.ndim(share))
        bartlett = ((1 + rho**2) * (1 - rho ** (2 * k)) / (1 - rho**2) - 2 * k * rho ** (2 * k)) / n
        runs = 1.0 + (d[1:] != d[:-1]).sum(axis=0)
        expected = 1.0 + 2.0 * ones * (n - ones) / n
        spread = np.sqrt((expected - 1.0) * (expected - 2.0) / (n - 1))
        runs_p = 2.0 * norm.sf(np.abs(runs - expected) / spread)
    constant = variance == 0
    bound = np.minimum(1.0, np.maximum(share, 1 - share) + NIST_CONFIDENCE * np.sqrt(variance / (n - 1)))
    zero_a, zero_b = np.nan_to_num(a), np.nan_to_num(b)
    return BitStatistics(
        n=n, probability=np.asarray(share), probability_error=np.sqrt(variance / n * (1 + rho) / (1 - rho)), a=np.asarray(a), b=np.asarray(b),
        autocorrelation=np.where(constant, np.nan, r), autocorrelation_error=np.where(constant, np.nan, np.sqrt(bartlett)),
        runs=np.asarray(runs), runs_p_value=np.where(constant, np.nan, runs_p),
        entropy_rate=np.asarray((1 - share) * binary_entropy(zero_a) + share * binary_entropy(zero_b)),
        min_entropy_common=np.abs(np.log2(bound)),
        min_entropy_markov=np.abs(np.minimum(1.0, -log2_most_likely(share, zero_a, zero_b, NIST_LENGTH) / NIST_LENGTH)),
    )  # fmt: skip
