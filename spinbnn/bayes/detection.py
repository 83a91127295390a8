"""Unusual images: the whole row of one in-distribution and one out-of-distribution prediction."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ..errors import ParameterError
from .metrics import OodRule, aupr, auroc, fpr_at_tpr
from .metrics.rule import QUANTILE, THRESHOLDS
from .prediction import Prediction

SCORES = ("entropy", "mutual_information", "variation_ratio", "confidence", "rule")


def unusualness(prediction: Prediction, score: str = "entropy", quantile: float = QUANTILE) -> Tensor:
    """Return a score of each image, shape ``(B,)``; higher is more unusual, whatever the score.

    Parameters
    ----------
    prediction : Prediction
        From :func:`~spinbnn.bayes.predict.predict`.
    score : str
        ``"entropy"``, ``"mutual_information"``, ``"variation_ratio"``, ``"confidence"`` (one minus it: the
        maximum softmax probability of others) or ``"rule"`` (one minus what Eq. 24 compares).
    quantile : float
        Of the rule.

    Examples
    --------
    >>> import torch
    >>> p = Prediction(probs=torch.tensor([[[0.75, 0.25]]], dtype=torch.float64),
    ...                weights=torch.ones(1, dtype=torch.float64))
    >>> unusualness(p, "confidence").tolist(), unusualness(p, "mutual_information").tolist()
    ([0.25], [0.0])
    """
    if score not in SCORES:
        raise ParameterError(
            "unknown score", where="unusualness, argument 'score'", value=score, remedy=" or ".join(SCORES)
        )
    if score == "confidence":
        return 1.0 - prediction.confidence
    if score == "rule":
        return 1.0 - OodRule(quantile=quantile).score(prediction.probs, prediction.weights)
    values: Tensor = getattr(prediction, score)
    return values


def detection_row(
    inside: Prediction,
    outside: Prediction,
    *,
    score: str = "entropy",
    quantile: float = QUANTILE,
    thresholds: Sequence[float] = THRESHOLDS,
) -> dict[str, float]:
    """Return how well out-of-distribution images are told from in-distribution ones.

    Parameters
    ----------
    inside, outside : Prediction
        Of the same network, by the same method and number of passes.
    score : str
        What ranks the images: see :func:`unusualness`.
    quantile, thresholds : float, sequence of float
        Of the published rule (Eq. 24); each threshold gives two figures.

    Returns
    -------
    dict of str to float
        ``detected_0.95``, ``rejected_0.95`` (and of every threshold): shares of outside and of inside images
        that the rule flags; ``auroc``, ``aupr_out``, ``aupr_in``; ``fpr95``: inside images flagged while 95 %
        of the outside ones are found; ``passed95``: outside images that pass while 95 % of the inside ones
        do; ``images_in``, ``images_out``.

    Raises
    ------
    ParameterError
        If the classes or the methods differ, or an argument is outside its range.

    Notes
    -----
    A percentile over 10 sampled passes is another statistic than over 20 or over the exact mixture: a row
    compares one method with itself.

    Examples
    --------
    >>> import torch
    >>> one = torch.ones(1, dtype=torch.float64)
    >>> sure, unsure = ([[0.99, 0.01]] * 2 + [[0.6, 0.4]], [[0.7, 0.3], [0.5, 0.5]])
    >>> p, q = (Prediction(probs=torch.tensor([x], dtype=torch.float64), weights=one) for x in (sure, unsure))
    >>> row = detection_row(p, q)
    >>> row["detected_0.95"], round(row["rejected_0.95"], 4), round(row["auroc"], 4)
    (1.0, 0.3333, 0.8333)
    """
    # a tree gives the bits of sampled passes
    kinds = [(p.probs.shape[2], p.method.replace("tree", "sampled"), p.samples) for p in (inside, outside)]
    if kinds[0] != kinds[1]:
        raise ParameterError(
            "the two predictions are not of one kind: (classes, method, components)",
            where="detection_row",
            value=tuple(kinds),
            remedy="predict both with the same network, method and samples",
        )
    row: dict[str, float] = {}
    for threshold in thresholds:
        rule = OodRule(quantile=quantile, threshold=threshold)
        row[f"detected_{threshold:g}"] = rule.rate(outside.probs, outside.weights)
        row[f"rejected_{threshold:g}"] = rule.rate(inside.probs, inside.weights)
    usual, unusual = (unusualness(p, score, quantile) for p in (inside, outside))
    return row | {
        "auroc": auroc(usual, unusual),
        "aupr_out": aupr(usual, unusual),
        "aupr_in": aupr(usual, unusual, "inside"),
        "fpr95": fpr_at_tpr(usual, unusual),
        "passed95": fpr_at_tpr(usual, unusual, positive="inside"),
        "images_in": len(usual),
        "images_out": len(unusual),
    }
