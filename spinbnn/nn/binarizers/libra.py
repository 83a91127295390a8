"""Normalised weights and straight-through gradients: the binarisation of the Scale-Dropout paper."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .base import Binarizer, check_option
from .sign import binary_sign


def normalize_weight(weight: Tensor, eps: float = 1e-12) -> Tensor:
    r"""Normalise real weight proxies per output channel (Scale-Dropout, Eq. 12-15).

    ``W~ = (W - mu) / sqrt(E[W^2] - mu^2 + eps)`` with ``mu`` and ``E`` taken over ALL of
    ``C_in * kh * kw`` of one output channel, as IR-Net does (arXiv 1909.10788); the paper's Eq. 12
    averages over ``H x W`` of one kernel slice. Its Eq. 14 as printed, the mean of ``W^2 - W_hat^2``,
    equals ``mu^2`` and is no variance; the variance is used here. The sign does not depend on the divisor,
    the gradient does.

    Parameters
    ----------
    weight : Tensor
        Shape ``(C_out, ...)``.
    eps : float
        Added to the variance.

    Returns
    -------
    Tensor
        Shape of ``weight``; mean 0 and variance 1 for each output channel.

    Examples
    --------
    >>> normalize_weight(torch.tensor([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]
    """
    flat = weight.flatten(1)
    centred = flat - flat.mean(dim=1, keepdim=True)
    variance = centred.square().mean(dim=1, keepdim=True)  # equals E[W^2] - mu^2, without the cancellation
    return (centred * torch.rsqrt(variance + eps)).view_as(weight)


class LibraBinarizer(Binarizer):
    r"""Balanced, normalised weights with straight-through gradients (Scale-Dropout, Eq. 12-16).

    Weights: ``sign(W~)``, ``W~`` of :func:`normalize_weight`; ``dL/dW~ = dL/dy 1[|W~| <= weight_clip]``, and from
    there through the normalisation. Inputs: ``sign(x)``; ``dL/dx = dL/dy 1[|x| <= 1]``.

    Parameters
    ----------
    weight_clip : float
        Largest ``|W~|`` that still receives gradient; ``inf``: all do [].

    References
    ----------
    Ahmed et al., "Scale-Dropout", arXiv 2311.15816; the balancing of the weights is IR-Net's, arXiv 1909.10788.

    Examples
    --------
    >>> LibraBinarizer().weight(torch.tensor([[2.0, 4.0, 9.0]])).tolist()
    [[-1.0, -1.0, 1.0]]
    """

    name = "libra"

    def __init__(self, weight_clip: float = math.inf) -> None:
        super().__init__()
        check_option(weight_clip > 0, self.name, "weight_clip", weight_clip, "a positive number, or inf")
        self.weight_clip = float(weight_clip)

    @property
    def options(self) -> dict[str, Any]:
        """Return the options that make it again."""
        return {"weight_clip": self.weight_clip}

    def weight(self, w: Tensor) -> Tensor:
        """Return ``sign(W~)``, shape of ``w``."""
        return binary_sign(normalize_weight(w), self.weight_clip)

    def input(self, x: Tensor) -> Tensor:
        """Return ``sign(x)``."""
        return binary_sign(x)
