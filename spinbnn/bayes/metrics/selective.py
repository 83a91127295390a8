"""Selective prediction: the error rate among the images that the network is surest of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from ...errors import ParameterError
from .checks import finite, pair


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskCoverage:
    """The risk-coverage curve of n images and its two areas.

    Attributes
    ----------
    coverage : ndarray
        ``1/n, 2/n, ..., 1``: the share of images that is answered [1].
    risk : ndarray
        Error rate among them [1].
    aurc : float
        Mean of ``risk`` over the n coverages [1].
    e_aurc : float
        ``aurc`` less that of an order that puts every error last: 0 for a perfect order of the images,
        whatever the accuracy [1].
    """

    coverage: np.ndarray
    risk: np.ndarray
    aurc: float
    e_aurc: float


def risk_coverage(confidence: ArrayLike | Tensor, wrong: ArrayLike | Tensor) -> RiskCoverage:
    """Answer the surest images first and follow the error rate.

    Parameters
    ----------
    confidence : array_like
        Shape ``(n,)``; higher is surer. Of an uncertainty pass the negative.
    wrong : array_like
        Shape ``(n,)``: 1 where the answer is wrong, else 0; any loss in [0, 1] will do.

    Returns
    -------
    RiskCoverage
        Among equal confidences the errors are spread evenly, which is the mean over their orders.

    Raises
    ------
    ParameterError
        If the shapes differ, a confidence is not finite or a loss outside [0, 1].

    Notes
    -----
    Geifman, Uziel and El-Yaniv, arXiv:1805.08206. Their E-AURC subtracts ``r + (1 - r) log(1 - r)``, the
    limit of the optimal area for many images of error rate r; here it is the exact sum for n images.

    Examples
    --------
    >>> curve = risk_coverage([0.9, 0.8, 0.7, 0.6], [0, 0, 1, 0])
    >>> curve.risk.round(4).tolist(), round(curve.aurc, 6), round(curve.e_aurc, 6)
    ([0.0, 0.0, 0.3333, 0.25], 0.145833, 0.083333)
    """
    sure = finite(confidence, "risk_coverage, argument 'confidence'")
    loss = finite(wrong, "risk_coverage, argument 'wrong'")
    if sure.shape != loss.shape or loss.min() < 0.0 or loss.max() > 1.0:
        raise ParameterError(
            "confidences and losses do not fit",
            where="risk_coverage",
            value=(sure.shape, loss.shape, float(loss.min()), float(loss.max())),
            remedy="two rows of one length, losses in [0, 1]",
        )
    _, group, size = np.unique(-sure, return_inverse=True, return_counts=True)
    spread = (np.bincount(group, weights=loss) / size).repeat(size)
    answered = np.arange(1, len(sure) + 1)
    risk = spread.cumsum() / answered
    best = np.sort(loss).cumsum() / answered
    return RiskCoverage(
        coverage=answered / len(sure),
        risk=risk,
        aurc=float(risk.mean()),
        e_aurc=float(max(risk.mean() - best.mean(), 0.0)),
    )


def aurc(
    probs: ArrayLike | Tensor, labels: ArrayLike | Tensor, confidence: ArrayLike | Tensor | None = None
) -> float:
    """Return the area under the risk-coverage curve, low being good; ``probs (B, C)``.

    Parameters
    ----------
    probs, labels : array_like
        Shapes ``(B, C)`` and ``(B,)``.
    confidence : array_like or None
        Shape ``(B,)``: the order of the images, e.g. the negative mutual information; ``max_c p_c`` if None.

    Examples
    --------
    >>> round(aurc([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]], [0, 0, 1, 0]), 6)
    0.145833
    """
    return _curve(probs, labels, confidence, "aurc").aurc


def e_aurc(
    probs: ArrayLike | Tensor, labels: ArrayLike | Tensor, confidence: ArrayLike | Tensor | None = None
) -> float:
    """Return the excess of :func:`aurc` over that of the best order, low being good; ``probs (B, C)``.

    Examples
    --------
    >>> round(e_aurc([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]], [0, 0, 1, 0]), 6)
    0.083333
    """
    return _curve(probs, labels, confidence, "e_aurc").e_aurc


def _curve(
    probs: ArrayLike | Tensor, labels: ArrayLike | Tensor, confidence: ArrayLike | Tensor | None, where: str
) -> RiskCoverage:
    values, target = pair(probs, labels, where)
    top, guess = values.max(1)
    return risk_coverage(top if confidence is None else confidence, (guess != target).double())
