"""Figures of several seeds or chips: the mean with its interval, and paired differences."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special
from torch import Tensor

from ...errors import ParameterError
from .checks import finite, share


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanInterval:
    """A mean over n repeats, in the unit of the figures.

    Attributes
    ----------
    mean, sd : float
        Mean and standard deviation with n - 1 (NaN of one repeat).
    low, high : float
        Ends of the interval of the mean (NaN of one repeat).
    n : int
        Repeats.
    level : float
        Of the interval [1].
    """

    mean: float
    sd: float
    low: float
    high: float
    n: int
    level: float

    def __str__(self) -> str:
        return f"{self.mean:.4g} [{self.low:.4g}, {self.high:.4g}] (n = {self.n})"


def mean_interval(values: ArrayLike | Tensor, level: float = 0.95) -> MeanInterval:
    r"""Return the mean of independent repeats with Student's interval.

    .. math:: \bar x \pm t_{n-1,\,(1+\mathrm{level})/2}\; s / \sqrt n

    Parameters
    ----------
    values : array_like
        Shape ``(n,)``: one figure of each INDEPENDENT repeat. Chips of one trained network, or test images,
        are no repeats of training: first average the chips of each seed, then pass one figure a seed.
    level : float
        In (0, 1) [1].

    Returns
    -------
    MeanInterval
        Of one repeat with NaN for spread and ends: one run has no known spread.

    Raises
    ------
    ParameterError
        If a value is not finite, there is none, or the level is outside (0, 1).

    Examples
    --------
    >>> print(mean_interval([97.0, 98.0, 99.0]))
    98 [95.52, 100.5] (n = 3)
    """
    share(level, "mean_interval, argument 'level'")
    array = finite(values, "mean_interval, argument 'values'")
    n, mean = len(array), float(array.mean())
    if n == 1:
        return MeanInterval(mean=mean, sd=math.nan, low=math.nan, high=math.nan, n=1, level=level)
    sd = float(array.std(ddof=1))
    half = float(special.stdtrit(n - 1, 0.5 + 0.5 * level)) * sd / math.sqrt(n)
    return MeanInterval(mean=mean, sd=sd, low=mean - half, high=mean + half, n=n, level=level)


def paired_difference(
    first: ArrayLike | Tensor, second: ArrayLike | Tensor, level: float = 0.95
) -> MeanInterval:
    """Return the mean of ``first - second`` over repeats that share a seed (or a chip), with its interval.

    What both members of a pair have in common cancels. An interval that holds 0 shows no difference; two
    separate intervals that overlap say nothing about it.

    Parameters
    ----------
    first, second : array_like
        Shape ``(n,)``, in the same order of seeds.
    level : float
        In (0, 1) [1].

    Raises
    ------
    ParameterError
        If the lengths differ or a value is not finite.

    Examples
    --------
    >>> print(paired_difference([97.1, 98.2, 99.0], [97.0, 98.0, 98.7]))
    0.2 [-0.04841, 0.4484] (n = 3)
    """
    one = finite(first, "paired_difference, argument 'first'")
    two = finite(second, "paired_difference, argument 'second'")
    if one.shape != two.shape:
        raise ParameterError(
            "pairs have two members",
            where="paired_difference",
            value=(len(one), len(two)),
            remedy="the same seeds in the same order on both sides",
        )
    return mean_interval(np.subtract(one, two), level)
