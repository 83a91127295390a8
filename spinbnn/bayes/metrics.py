"""Measures of a probabilistic classifier; mixtures carry weights, every function computes in float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..errors import ParameterError

TINY = 1e-300
ROW_SUM = 1e-6


def _double(values: Any) -> Tensor:
    """Return float64 on the CPU."""
    return (
        values.detach().to("cpu", torch.float64)
        if isinstance(values, Tensor)
        else torch.as_tensor(np.asarray(values, dtype=np.float64))
    )


def check_distributions(values: Tensor, where: str) -> None:
    """Refuse what is no probability distribution over the last axis.

    Raises
    ------
    ParameterError
        If a value is not finite or negative, or a row's sum is further than 1e-6 from 1.
    """
    # NaN fails both comparisons, infinity the second
    good = (values >= 0).all(-1) & ((values.sum(-1) - 1.0).abs() <= ROW_SUM)
    if not bool(good.all()):
        first = tuple(int(i) for i in (~good).nonzero()[0])
        raise ParameterError(
            "class probabilities are finite, at least 0 and sum to 1",
            where=f"{where}, row {first[0] if len(first) == 1 else first}",
            value=values[first].tolist(),
            remedy="pass the softmax of finite logits; NaN comes from NaN in the weights or the input",
        )


def _pair(probs: Any, labels: Any, where: str) -> tuple[Tensor, Tensor]:
    """Return checked probabilities ``(B, C)`` and labels ``(B,)``."""
    values = _double(probs)
    given = torch.as_tensor(np.asarray(labels) if not isinstance(labels, Tensor) else labels).cpu()
    target = given.to(torch.int64)
    if values.ndim != 2 or target.shape != values.shape[:1] or len(target) == 0:
        raise ParameterError(
            "probabilities and labels do not fit",
            where=where,
            value=(tuple(values.shape), tuple(target.shape)),
            remedy="probs (B, C) and labels (B,), B > 0",
        )
    if not torch.equal(target.to(given.dtype), given):
        raise ParameterError(
            "labels are whole numbers",
            where=where,
            value=given[target.to(given.dtype) != given][0].item(),
            remedy=f"labels 0..{values.shape[1] - 1}",
        )
    if int(target.min()) < 0 or int(target.max()) >= values.shape[1]:
        raise ParameterError(
            "a label has no probability",
            where=where,
            value=(int(target.min()), int(target.max())),
            remedy=f"labels 0..{values.shape[1] - 1}",
        )
    check_distributions(values, where)
    return values, target


def _mixture(probs: Any, weights: Any, where: str) -> tuple[Tensor, Tensor]:
    """Return checked probabilities ``(S, B, C)`` and normalised weights ``(S,)``."""
    values = _double(probs)
    if values.ndim != 3:
        raise ParameterError(
            "a mixture has samples, images and classes",
            where=where,
            value=tuple(values.shape),
            remedy="probs of shape (S, B, C)",
        )
    share = (
        torch.full((len(values),), 1.0 / len(values), dtype=torch.float64)
        if weights is None
        else _double(weights)
    )
    total = float(share.sum())
    if share.shape != values.shape[:1] or not bool((share >= 0).all()) or not 0.0 < total < np.inf:
        raise ParameterError(
            "the mixture weights do not fit",
            where=where,
            value=(tuple(share.shape), total),
            remedy=f"{len(values)} finite numbers >= 0 with a positive sum",
        )
    check_distributions(values, where)
    return values, share / share.sum()


def accuracy(probs: ArrayLike | Tensor, labels: ArrayLike | Tensor) -> float:
    """Return the fraction of images whose most probable class is the label; ``probs (B, C)``.

    Examples
    --------
    >>> accuracy([[0.9, 0.1], [0.8, 0.2]], [0, 1])
    0.5
    """
    values, target = _pair(probs, labels, "accuracy")
    return float((values.argmax(1) == target).double().mean())


def nll(probs: ArrayLike | Tensor, labels: ArrayLike | Tensor) -> float:
    """Return the mean of ``-log p[label]`` [nats]; ``probs (B, C)``. A probability of 0 counts as 1e-300.

    Examples
    --------
    >>> round(nll([[0.5, 0.5]], [0]), 6)
    0.693147
    """
    values, target = _pair(probs, labels, "nll")
    return float(-values.gather(1, target[:, None]).clamp_min(TINY).log().mean())


def brier(probs: ArrayLike | Tensor, labels: ArrayLike | Tensor) -> float:
    """Return the mean over images of ``sum_c (p_c - 1[c = label])^2``, 0 to 2; ``probs (B, C)``.

    Examples
    --------
    >>> brier([[1.0, 0.0], [1.0, 0.0]], [0, 1])
    1.0
    """
    values, target = _pair(probs, labels, "brier")
    return float((values - torch.nn.functional.one_hot(target, values.shape[1])).square().sum(1).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBins:
    """Bins of equal width of the confidence, for a reliability diagram; empty bins hold NaN.

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
    probs: ArrayLike | Tensor, labels: ArrayLike | Tensor, bins: int = 15
) -> ReliabilityBins:
    """Sort the images by confidence ``max_c p_c`` into ``bins`` bins ``(edge_k, edge_k+1]``; ``probs (B, C)``.

    The first bin also holds 0 and the last one holds 1: a confidence of exactly 1 is no bin of its own.

    Examples
    --------
    >>> reliability_bins([[1.0, 0.0], [0.6, 0.4]], [0, 1], bins=2).count.tolist()
    [0, 2]
    """
    if bins < 1:
        raise ParameterError(
            "needs at least one bin", where="reliability_bins, argument 'bins'", value=bins, remedy="e.g. 15"
        )
    values, target = _pair(probs, labels, "reliability_bins")
    confidence, guess = (part.numpy() for part in values.max(1))
    right = (guess == target.numpy()).astype(float)
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    divisor = np.where(count > 0, count, np.nan)
    return ReliabilityBins(
        edges=edges,
        count=count,
        confidence=np.bincount(place, weights=confidence, minlength=bins) / divisor,
        accuracy=np.bincount(place, weights=right, minlength=bins) / divisor,
    )


def ece(probs: ArrayLike | Tensor, labels: ArrayLike | Tensor, bins: int = 15) -> float:
    """Return the expected calibration error ``sum_k n_k/n |accuracy_k - confidence_k|``; ``probs (B, C)``.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    >>> round(ece([[0.8, 0.2], [0.8, 0.2]], [0, 1]), 12)
    0.3
    """
    table = reliability_bins(probs, labels, bins)
    filled = table.count > 0
    gap = np.abs(table.accuracy[filled] - table.confidence[filled])
    return float(np.sum(gap * table.count[filled]) / table.count.sum())


def entropy(probs: ArrayLike | Tensor) -> Tensor:
    """Return ``-sum p log p`` over the last axis [nats], with ``0 log 0 = 0``.

    Raises
    ------
    ParameterError
        If a row is no distribution (finite, at least 0, sum 1 within 1e-6); so do all measures of this module.

    Examples
    --------
    >>> entropy([[0.5, 0.5], [1.0, 0.0]]).round(decimals=6).tolist()
    [0.693147, 0.0]
    """
    values = _double(probs)
    check_distributions(values, "entropy")
    return _entropy(values)


def _entropy(values: Tensor) -> Tensor:
    """Return the entropy of checked distributions."""
    return torch.special.entr(values).sum(-1)


def predictive_entropy(probs: ArrayLike | Tensor, weights: ArrayLike | Tensor | None = None) -> Tensor:
    """Return the entropy of the mixture's mean [nats], shape ``(B,)``, for ``probs (S, B, C)``, ``weights (S,)``.

    Examples
    --------
    >>> predictive_entropy([[[1.0, 0.0]], [[0.0, 1.0]]], [0.5, 0.5]).round(decimals=6).tolist()
    [0.693147]
    """
    values, share = _mixture(probs, weights, "predictive_entropy")
    return _entropy(torch.einsum("s,sbc->bc", share, values))


def expected_entropy(probs: ArrayLike | Tensor, weights: ArrayLike | Tensor | None = None) -> Tensor:
    """Return the weighted mean of the samples' entropies [nats], shape ``(B,)``, for ``probs (S, B, C)``."""
    values, share = _mixture(probs, weights, "expected_entropy")
    return torch.einsum("s,sb->b", share, _entropy(values))


def mutual_information(probs: ArrayLike | Tensor, weights: ArrayLike | Tensor | None = None) -> Tensor:
    """Return predictive entropy minus expected entropy [nats], shape ``(B,)``, clamped at 0; ``probs (S, B, C)``.

    Examples
    --------
    >>> mutual_information([[[1.0, 0.0]], [[0.0, 1.0]]]).round(decimals=6).tolist()
    [0.693147]
    """
    return (predictive_entropy(probs, weights) - expected_entropy(probs, weights)).clamp_min(0.0)


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
    low, high = _double(inside).flatten().numpy(), _double(outside).flatten().numpy()
    if not len(low) or not len(high) or np.isnan(low).any() or np.isnan(high).any():
        raise ParameterError(
            "needs scores of both kinds, without NaN",
            where="auroc",
            value=(len(low), len(high)),
            remedy="pass at least one score each",
        )
    _, inverse, counts = np.unique(np.concatenate([low, high]), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    m = len(high)
    return float((ranks[len(low) :].sum() - m * (m + 1) / 2.0) / (m * len(low)))


def evaluate(prediction: Any, labels: ArrayLike | Tensor) -> dict[str, float]:
    """Return accuracy, nll, brier, ece (of the mean) and the mean entropy and mutual information of a prediction.

    Parameters
    ----------
    prediction : Prediction
        From :func:`~spinbnn.bayes.predict.predict`.
    labels : array_like
        Shape ``(B,)``.
    """
    mean = prediction.mean
    return {
        "accuracy": accuracy(mean, labels),
        "nll": nll(mean, labels),
        "brier": brier(mean, labels),
        "ece": ece(mean, labels),
        "entropy": float(prediction.entropy.mean()),
        "mutual_information": float(prediction.mutual_information.mean()),
    }
