"""Uncertainty of a weighted mixture: total, of the data, of the model; every one (B,) or (B, C)."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from .checks import check_distributions, choice, double, mixture

KINDS = ("votes", "mean")


def entropy(probs: ArrayLike | Tensor) -> Tensor:
    """Return ``-sum p log p`` over the last axis [nats], with ``0 log 0 = 0``.

    Raises
    ------
    ParameterError
        If a row is no distribution (finite, at least 0, sum 1 within 1e-6); so do all measures of this package.

    Examples
    --------
    >>> entropy([[0.5, 0.5], [1.0, 0.0]]).round(decimals=6).tolist()
    [0.693147, 0.0]
    """
    values = double(probs)
    check_distributions(values, "entropy")
    return _entropy(values)


def _entropy(values: Tensor) -> Tensor:
    """Return the entropy of checked distributions."""
    return torch.special.entr(values).sum(-1)


def predictive_mean(probs: ArrayLike | Tensor, weights: ArrayLike | Tensor | None = None) -> Tensor:
    """Return ``sum_s w_s p_s``, shape ``(B, C)``, for ``probs (S, B, C)``, ``weights (S,)`` (Eq. 18).

    Examples
    --------
    >>> predictive_mean([[[1.0, 0.0]], [[0.0, 1.0]]], [3.0, 1.0]).tolist()
    [[0.75, 0.25]]
    """
    values, share = mixture(probs, weights, "predictive_mean")
    return torch.einsum("s,sbc->bc", share, values)


def predictive_variance(probs: ArrayLike | Tensor, weights: ArrayLike | Tensor | None = None) -> Tensor:
    """Return ``sum_s w_s (p_s - mean)^2``, shape ``(B, C)``, for ``probs (S, B, C)`` (Eq. 19).

    For the equal weights of T sampled passes this is the printed 1/T, which lies below the variance of a pass
    by ``(T - 1)/T`` on average; of an exact mixture it is that variance.

    Examples
    --------
    >>> predictive_variance([[[1.0, 0.0]], [[0.0, 1.0]]], [3.0, 1.0]).tolist()
    [[0.1875, 0.1875]]
    """
    values, share = mixture(probs, weights, "predictive_variance")
    mean = torch.einsum("s,sbc->bc", share, values)
    return torch.einsum("s,sbc->bc", share, (values - mean).square())


def predictive_entropy(probs: ArrayLike | Tensor, weights: ArrayLike | Tensor | None = None) -> Tensor:
    """Return the entropy of the mixture's mean [nats], shape ``(B,)``, for ``probs (S, B, C)``, ``weights (S,)``.

    Examples
    --------
    >>> predictive_entropy([[[1.0, 0.0]], [[0.0, 1.0]]], [0.5, 0.5]).round(decimals=6).tolist()
    [0.693147]
    """
    values, share = mixture(probs, weights, "predictive_entropy")
    return _entropy(torch.einsum("s,sbc->bc", share, values))


def expected_entropy(probs: ArrayLike | Tensor, weights: ArrayLike | Tensor | None = None) -> Tensor:
    """Return the weighted mean of the samples' entropies [nats], shape ``(B,)``, for ``probs (S, B, C)``."""
    values, share = mixture(probs, weights, "expected_entropy")
    return torch.einsum("s,sb->b", share, _entropy(values))


def mutual_information(probs: ArrayLike | Tensor, weights: ArrayLike | Tensor | None = None) -> Tensor:
    """Return predictive entropy minus expected entropy [nats], shape ``(B,)``, clamped at 0; ``probs (S, B, C)``.

    Examples
    --------
    >>> mutual_information([[[1.0, 0.0]], [[0.0, 1.0]]]).round(decimals=6).tolist()
    [0.693147]
    """
    return (predictive_entropy(probs, weights) - expected_entropy(probs, weights)).clamp_min(0.0)


def variation_ratio(
    probs: ArrayLike | Tensor, weights: ArrayLike | Tensor | None = None, kind: str = "votes"
) -> Tensor:
    """Return the share of passes that disagree with the majority, shape ``(B,)``, for ``probs (S, B, C)``.

    Parameters
    ----------
    probs, weights : array_like
        The mixture; equal weights if None.
    kind : str
        ``"votes"``: ``1 - max_c sum_s w_s 1[argmax p_s = c]``, each pass votes for its first most probable
        class; 0 says that all passes name one class. ``"mean"``: ``1 - max_c mean_c``, the probability
        outside the predicted class, which also counts the doubt within each pass.

    Returns
    -------
    Tensor
        In [0, 1 - 1/C] [1].

    Notes
    -----
    Freeman, "Elementary applied statistics", 1965; Gal, thesis (Cambridge 2016), section 3.3. Of a network
    whose last layer is binary the logits are whole numbers times a scale and tie often: the first wins.

    Examples
    --------
    >>> passes = [[[0.9, 0.1]], [[0.6, 0.4]], [[0.2, 0.8]], [[0.7, 0.3]]]
    >>> variation_ratio(passes).tolist(), variation_ratio(passes, kind="mean").round(decimals=6).tolist()
    ([0.25], [0.4])
    """
    choice(kind, KINDS, "variation_ratio, argument 'kind'")
    values, share = mixture(probs, weights, "variation_ratio")
    if kind == "votes":
        values = torch.nn.functional.one_hot(values.argmax(-1), values.shape[-1]).double()
    return (1.0 - torch.einsum("s,sbc->bc", share, values).amax(-1)).clamp_min(0.0)
