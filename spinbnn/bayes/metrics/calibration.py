"""Calibration: does a confidence of 0.8 come true eight times in ten? Binned errors, all estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from .checks import choice, pair, whole

BINNINGS = ("width", "mass")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBins:
    """Bins of the confidence, for a reliability diagram; empty bins hold NaN.

    Attributes
    ----------
    edges : ndarray
        Shape ``(bins + 1,)``.
    count : ndarray
        Images in each bin, shape ``(bins,)``.
    confidence, accuracy : ndarray
        Means in each bin, shape ``(bins,)``.
    """

    edges: np.ndarray
    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


def reliability_bins(
    probs: ArrayLike | Tensor, labels: ArrayLike | Tensor, bins: int = 15, binning: str = "width"
) -> ReliabilityBins:
    """Sort the images by confidence ``max_c p_c`` into ``bins`` bins ``(edge_k, edge_k+1]``; ``probs (B, C)``.

    The first bin also holds 0 and the last one holds 1: a confidence of exactly 1 is no bin of its own.

    Parameters
    ----------
    probs, labels : array_like
        Shapes ``(B, C)`` and ``(B,)``.
    bins : int
        Number of bins.
    binning : str
        ``"width"``: equal width. ``"mass"``: the inner edges are the order statistics of rank
        ``ceil(k B / bins)``, so that bins hold B/bins images as nearly as that goes; equal confidences
        always share a bin, so bins are emptied by ties and the order of the images does not matter.

    Examples
    --------
    >>> reliability_bins([[1.0, 0.0], [0.6, 0.4]], [0, 1], bins=2).count.tolist()
    [0, 2]
    >>> reliability_bins([[1.0, 0.0], [0.6, 0.4]], [0, 1], bins=2, binning="mass").count.tolist()
    [1, 1]
    """
    values, target = _checked(probs, labels, bins, binning, "reliability_bins")
    confidence, guess = (part.numpy() for part in values.max(1))
    return _bins(confidence, (guess == target.numpy()).astype(float), bins, binning)


def _checked(probs: Any, labels: Any, bins: int, binning: str, where: str) -> tuple[Tensor, Tensor]:
    whole(bins, f"{where}, argument 'bins'")
    choice(binning, BINNINGS, f"{where}, argument 'binning'")
    return pair(probs, labels, where)


def _bins(confidence: np.ndarray, right: np.ndarray, bins: int, binning: str) -> ReliabilityBins:
    """Return the bins of events: each was given a probability and came true (1) or not (0)."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    position = np.minimum(confidence, 1.0)  # a softmax may round past 1
    if binning == "mass":
        ranks = -(-np.arange(1, bins) * len(position) // bins)
        edges[1:-1] = np.sort(position)[ranks - 1]
    place = np.clip(np.searchsorted(edges, position, side="left") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    divisor = np.where(count > 0, count, np.nan)
    return ReliabilityBins(
        edges=edges,
        count=count,
        confidence=np.bincount(place, weights=confidence, minlength=bins) / divisor,
        accuracy=np.bincount(place, weights=right, minlength=bins) / divisor,
    )


def _mean_gap(table: ReliabilityBins) -> float:
    filled = table.count > 0
    gap = np.abs(table.accuracy[filled] - table.confidence[filled])
    return float(np.sum(gap * table.count[filled]) / table.count.sum())


def ece(probs: ArrayLike | Tensor, labels: ArrayLike | Tensor, bins: int = 15) -> float:
    """Return the expected calibration error ``sum_k n_k/n |accuracy_k - confidence_k|``; ``probs (B, C)``.

    Bins of equal width; the last one holds a confidence of exactly 1. The estimate is biased upwards: a
    calibrated network of n images in K filled bins shows about ``sqrt(2 K p (1 - p) / (pi n))``, not 0.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    >>> round(ece([[0.8, 0.2], [0.8, 0.2]], [0, 1]), 12)
    0.3
    """
    return _mean_gap(reliability_bins(probs, labels, bins))


def mce(probs: ArrayLike | Tensor, labels: ArrayLike | Tensor, bins: int = 15) -> float:
    """Return the maximum calibration error ``max_k |accuracy_k - confidence_k|`` over the filled bins.

    One image alone in a bin can set it: print the counts of :func:`reliability_bins` beside it.

    Examples
    --------
    >>> round(mce([[0.8, 0.2], [0.8, 0.2], [1.0, 0.0]], [0, 1, 0]), 12)
    0.3
    """
    table = reliability_bins(probs, labels, bins)
    filled = table.count > 0
    return float(np.abs(table.accuracy[filled] - table.confidence[filled]).max())


def adaptive_ece(probs: ArrayLike | Tensor, labels: ArrayLike | Tensor, bins: int = 15) -> float:
    """Return the calibration error of the confidence over bins of equal mass; ``probs (B, C)``.

    The bins are those of :func:`reliability_bins` with ``binning="mass"``: equal confidences share one.

    Source: Nguyen and O'Connor, doi:10.18653/v1/D15-1182 (equal mass, there in the quadratic norm).

    Examples
    --------
    >>> round(adaptive_ece([[0.9, 0.1], [0.6, 0.4]], [0, 0], bins=2), 12)
    0.25
    """
    return _mean_gap(reliability_bins(probs, labels, bins, "mass"))


def classwise_ece(
    probs: ArrayLike | Tensor, labels: ArrayLike | Tensor, bins: int = 15, binning: str = "width"
) -> float:
    """Return the mean over classes of the binned error of ``p_c`` against ``1[label = c]``; ``probs (B, C)``.

    ``1/C sum_c sum_k n_ck/n |frequency_ck - mean p_ck|``: every probability counts, not the largest alone.
    With bins of equal width it is the static calibration error (SCE), with bins of equal mass the
    adaptive one (ACE). Most probabilities of many classes are near 0, so it shrinks as 1/C: compare it
    only at the same number of classes.

    Source: Nixon et al., arXiv:1904.01685 (SCE, ACE).

    Examples
    --------
    >>> round(classwise_ece([[0.8, 0.2], [0.8, 0.2]], [0, 1]), 12)
    0.3
    """
    values, target = _checked(probs, labels, bins, binning, "classwise_ece")
    classes = range(values.shape[1])
    truth = target.numpy()
    columns = values.numpy()
    return float(
        np.mean([_mean_gap(_bins(columns[:, c], (truth == c).astype(float), bins, binning)) for c in classes])
    )
