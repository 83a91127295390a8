"""Intervals of class probabilities over the passes of a mixture: percentiles and normal."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike
from scipy import special
from torch import Tensor

from .checks import mixture, share, whole
from .uncertainty import predictive_mean, predictive_variance


def weighted_percentile(
    probs: ArrayLike | Tensor, q: float, weights: ArrayLike | Tensor | None = None
) -> Tensor:
    """Return the q-percentile over the components of a mixture, shape ``(B, C)``, for ``probs (S, B, C)``.

    The smallest component value whose cumulative weight reaches q (the inverse of the distribution function):
    a component counted twice equals one of double weight, which interpolating definitions do not keep.
    With T equal weights it is the value of rank ``ceil(q T)``: at q = 0.10 the smallest of ten passes and
    the second of twenty.

    Parameters
    ----------
    probs : array_like
        Class probabilities.
    q : float
        In (0, 1) [1].
    weights : array_like or None
        Shape ``(S,)``; equal if None.

    Raises
    ------
    ParameterError
        If q is outside (0, 1) or the mixture is none.

    Examples
    --------
    >>> passes = [[[0.9, 0.1]], [[0.6, 0.4]], [[0.2, 0.8]]]
    >>> weighted_percentile(passes, 0.25, [0.5, 0.3, 0.2]).tolist()
    [[0.6, 0.1]]
    """
    share(q, "weighted_percentile, argument 'q'")
    values, normal = mixture(probs, weights, "weighted_percentile")
    return percentiles(values, normal, q)[0]


def percentiles(values: Tensor, weights: Tensor, *q: float) -> list[Tensor]:
    """Return weighted percentiles of checked ``(S, ...)`` values with weights that sum to 1; one sort for all."""
    ordered, order = values.sort(dim=0)
    reached = weights[order].cumsum(0)
    places = [(reached < level - 1e-12).sum(0, keepdim=True).clamp_max(len(values) - 1) for level in q]
    return [ordered.gather(0, place)[0] for place in places]


def percentile_interval(
    probs: ArrayLike | Tensor, weights: ArrayLike | Tensor | None = None, level: float = 0.95
) -> tuple[Tensor, Tensor]:
    """Return the central interval of the class probabilities of ONE pass by percentiles (Eq. 21).

    Parameters
    ----------
    probs, weights : array_like
        The mixture, ``(S, B, C)`` and ``(S,)``.
    level : float
        Weight within the interval, in (0, 1) [1].

    Returns
    -------
    tuple of Tensor
        Lower and upper bounds, each ``(B, C)``: the percentiles ``(1 - level)/2`` and ``(1 + level)/2``.

    Examples
    --------
    >>> low, high = percentile_interval([[[0.9, 0.1]], [[0.6, 0.4]], [[0.2, 0.8]]])
    >>> low.tolist(), high.tolist()
    ([[0.2, 0.1]], [[0.9, 0.8]])
    """
    share(level, "percentile_interval, argument 'level'")
    values, normal = mixture(probs, weights, "percentile_interval")
    low, high = percentiles(values, normal, (1.0 - level) / 2.0, (1.0 + level) / 2.0)
    return low, high


def normal_interval(
    probs: ArrayLike | Tensor,
    weights: ArrayLike | Tensor | None = None,
    *,
    passes: int,
    level: float = 0.95,
    clip: bool = True,
) -> tuple[Tensor, Tensor]:
    r"""Return the normal interval of the mean of ``passes`` passes (Eq. 20, with the standard deviation).

    .. math:: \bar p_c \pm z_{(1 + \mathrm{level})/2} \, \sigma_c / \sqrt{T}

    The print has the variance and the quantile "of the predictions" in the places of sigma and z. It also
    describes something else than Eq. 21: this interval is where the MEAN of T passes falls, and closes
    with T; the percentiles are where ONE pass falls, and do not. ``passes=1`` gives the latter's normal form.

    Parameters
    ----------
    probs, weights : array_like
        The mixture, ``(S, B, C)`` and ``(S,)``. For an exact mixture sigma is that of a pass; for T sampled
        passes it is the printed estimate with 1/T.
    passes : int
        T, the passes that are averaged: of the hardware, for an exact mixture.
    level : float
        In (0, 1) [1].
    clip : bool
        Cut the bounds to [0, 1], after which they need not be symmetric about the mean.

    Returns
    -------
    tuple of Tensor
        Lower and upper bounds, each ``(B, C)``.

    Raises
    ------
    ParameterError
        If ``passes`` is no whole number of at least 1, or the level outside (0, 1).

    Notes
    -----
    Near 0 and 1 a probability is not normal and the interval undercovers: prefer the percentiles.

    Examples
    --------
    >>> low, high = normal_interval([[[0.9, 0.1]], [[0.7, 0.3]]], passes=4)
    >>> low.round(decimals=4).tolist(), high.round(decimals=4).tolist()
    ([[0.702, 0.102]], [[0.898, 0.298]])
    """
    share(level, "normal_interval, argument 'level'")
    whole(passes, "normal_interval, argument 'passes'")
    mean = predictive_mean(probs, weights)
    half = (
        float(special.ndtri(0.5 + 0.5 * level))
        / math.sqrt(passes)
        * predictive_variance(probs, weights).sqrt()
    )
    low, high = mean - half, mean + half
    return (low.clamp_min(0.0), high.clamp_max(1.0)) if clip else (low, high)
