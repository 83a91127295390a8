"""Scores of class probabilities against labels: accuracy, negative log-likelihood, Brier."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from .checks import TINY, pair


def accuracy(probs: ArrayLike | Tensor, labels: ArrayLike | Tensor) -> float:
    """Return the fraction of images whose most probable class is the label; ``probs (B, C)``.

    Of equally probable classes the first counts.

    Examples
    --------
    >>> accuracy([[0.9, 0.1], [0.8, 0.2]], [0, 1])
    0.5
    """
    values, target = pair(probs, labels, "accuracy")
    return float((values.argmax(1) == target).double().mean())


def nll(probs: ArrayLike | Tensor, labels: ArrayLike | Tensor) -> float:
    """Return the mean of ``-log p[label]`` [nats]; ``probs (B, C)``. A probability of 0 counts as 1e-300.

    Examples
    --------
    >>> round(nll([[0.5, 0.5]], [0]), 6)
    0.693147
    """
    values, target = pair(probs, labels, "nll")
    return float(-values.gather(1, target[:, None]).clamp_min(TINY).log().mean())


def brier(probs: ArrayLike | Tensor, labels: ArrayLike | Tensor) -> float:
    """Return the mean over images of ``sum_c (p_c - 1[c = label])^2``, 0 to 2; ``probs (B, C)``.

    Of two classes this is twice the score of the positive class alone, which some libraries print.

    Examples
    --------
    >>> brier([[1.0, 0.0], [1.0, 0.0]], [0, 1])
    1.0
    """
    values, target = pair(probs, labels, "brier")
    return float((values - torch.nn.functional.one_hot(target, values.shape[1])).square().sum(1).mean())
