"""Detection of unusual images by a score: ranks, precision and recall; a higher score is more unusual."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from .checks import choice, share, two_groups

POSITIVE = ("outside", "inside")


def auroc(inside: ArrayLike | Tensor, outside: ArrayLike | Tensor) -> float:
    """Return the probability that an outside score exceeds an inside score, ties counting one half.

    Parameters
    ----------
    inside, outside : array_like
        Scores (higher means more unusual) of in-distribution and of out-of-distribution images, 1-D.

    Notes
    -----
    The rank statistic ``(R - m (m + 1) / 2) / (m n)``, R the sum of the outside ranks, ties at their mean rank
    (Mann-Whitney); it equals the area under the ROC curve.

    Examples
    --------
    >>> auroc([0.1, 0.2], [0.2, 0.9])
    0.875
    """
    low, high = two_groups(inside, outside, "auroc")
    _, inverse, counts = np.unique(np.concatenate([low, high]), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    m = len(high)
    return float((ranks[len(low) :].sum() - m * (m + 1) / 2.0) / (m * len(low)))


def aupr(inside: ArrayLike | Tensor, outside: ArrayLike | Tensor, positive: str = "outside") -> float:
    """Return the average precision ``sum_k (R_k - R_k-1) P_k`` of a detection.

    Parameters
    ----------
    inside, outside : array_like
        Scores (higher means more unusual), 1-D.
    positive : str
        ``"outside"``: unusual images are to be found (AUPR-out). ``"inside"``: usual ones, by the negated
        score (AUPR-in).

    Notes
    -----
    The sum runs over the distinct scores, from the surest down; equal scores are one step, so their order does
    not matter. No interpolation. A score that knows nothing gives the share of positives, not 1/2: never
    compare it between sets of different sizes.

    Examples
    --------
    >>> round(aupr([0.1, 0.2], [0.2, 0.9]), 6), aupr([1.0, 1.0, 1.0], [1.0])
    (0.833333, 0.25)
    """
    sought, other = _sides(inside, outside, positive, "aupr")
    _, inverse = np.unique(np.concatenate([sought, other]), return_inverse=True)
    steps = int(inverse.max()) + 1
    found = np.bincount(inverse[: len(sought)], minlength=steps)[::-1]
    hits = found.cumsum()
    precision = hits / (hits + np.bincount(inverse[len(sought) :], minlength=steps)[::-1].cumsum())
    return float((found * precision).sum() / len(sought))


def fpr_at_tpr(
    inside: ArrayLike | Tensor, outside: ArrayLike | Tensor, tpr: float = 0.95, positive: str = "outside"
) -> float:
    """Return the false alarms at the highest threshold that finds at least ``tpr`` of the positives (FPR95).

    Parameters
    ----------
    inside, outside : array_like
        Scores (higher means more unusual), 1-D.
    tpr : float
        Share of the positives that must be found, in (0, 1] [1].
    positive : str
        ``"outside"``: the share of usual images that are flagged while 95 % of the unusual ones are found.
        ``"inside"``: the share of unusual images that pass while 95 % of the usual ones do. Papers print
        either under one name; they differ.

    Notes
    -----
    The threshold is a score that occurs, and what equals it is flagged: ties count in full on both sides.
    scikit-learn: ``fpr[argmax(tpr >= 0.95)]`` of ``roc_curve``.

    Examples
    --------
    >>> fpr_at_tpr([0.1, 0.2, 0.3, 0.4], [0.3, 0.9])
    0.5
    >>> fpr_at_tpr([0.1, 0.2, 0.3, 0.4], [0.3, 0.9], positive="inside")
    0.5
    """
    share(tpr, "fpr_at_tpr, argument 'tpr'", closed=True)
    sought, other = _sides(inside, outside, positive, "fpr_at_tpr")
    rank = math.ceil(tpr * len(sought) - 1e-9)
    threshold = np.sort(sought)[len(sought) - rank]
    return float((other >= threshold).mean())


def _sides(inside: ArrayLike | Tensor, outside: ArrayLike | Tensor, positive: str, where: str) -> tuple:
    """Return the scores of the positives and the others, higher meaning more positive."""
    choice(positive, POSITIVE, f"{where}, argument 'positive'")
    low, high = two_groups(inside, outside, where)
    return (high, low) if positive == "outside" else (-low, -high)
