"""All measures of one prediction in one row."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike
from torch import Tensor

from .calibration import adaptive_ece, classwise_ece, ece, mce
from .scores import accuracy, brier, nll
from .selective import aurc, e_aurc
from .uncertainty import variation_ratio


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


def evaluate_fully(prediction: Any, labels: ArrayLike | Tensor) -> dict[str, float]:
    """Return what :func:`evaluate` returns, and every other measure of a prediction with labels.

    Parameters
    ----------
    prediction : Prediction
        From :func:`~spinbnn.bayes.predict.predict`.
    labels : array_like
        Shape ``(B,)``.

    Returns
    -------
    dict
        Added keys: mce, adaptive_ece, classwise_ece (15 bins), aurc and e_aurc by the confidence,
        ``aurc_mutual_information`` by the negative mutual information, and the means of expected_entropy
        and variation_ratio.

    Examples
    --------
    >>> import torch
    >>> from spinbnn.bayes import Prediction
    >>> p = Prediction(probs=torch.tensor([[[0.8, 0.2]], [[0.4, 0.6]]], dtype=torch.float64),
    ...                weights=torch.tensor([0.5, 0.5], dtype=torch.float64))
    >>> row = evaluate_fully(p, [0])
    >>> row["variation_ratio"], round(row["mce"], 6)
    (0.5, 0.4)
    """
    mean = prediction.mean
    return {
        **evaluate(prediction, labels),
        "mce": mce(mean, labels),
        "adaptive_ece": adaptive_ece(mean, labels),
        "classwise_ece": classwise_ece(mean, labels),
        "aurc": aurc(mean, labels),
        "e_aurc": e_aurc(mean, labels),
        "aurc_mutual_information": aurc(mean, labels, -prediction.mutual_information),
        "expected_entropy": float(prediction.expected_entropy.mean()),
        "variation_ratio": float(variation_ratio(prediction.probs, prediction.weights).mean()),
    }
