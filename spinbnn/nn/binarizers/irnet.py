"""IR-Net: balanced weights (Libra-PB) and a gradient that sharpens while training goes on (EDE)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .base import Binarizer, check_option, check_progress
from .libra import normalize_weight
from .sign import needs_gradient, plain_sign


class EDESign(torch.autograd.Function):
    r"""Sign whose gradient is that of ``k tanh(t x)``: ``dL/dx = dL/dy k t (1 - tanh^2(t x))``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, k: float, t: float) -> Tensor:
        """Return the sign of ``x``."""
        ctx.k, ctx.t = k, t
        ctx.save_for_backward(x)
        return plain_sign(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, None]:
        """Return ``grad * k t (1 - tanh^2(t x))``."""
        (x,) = ctx.saved_tensors
        slope = ctx.k * ctx.t
        return (x * ctx.t).tanh_().square_().mul_(-slope).add_(slope).mul_(grads[0]), None, None


def ede_sign(x: Tensor, k: float, t: float) -> Tensor:
    """Return the sign of ``x`` with the gradient of ``k tanh(t x)``.

    Examples
    --------
    >>> x = torch.tensor([0.0, 1.0], requires_grad=True)
    >>> ede_sign(x, 1.0, 2.0).sum().backward()
    >>> [round(v, 6) for v in x.grad.tolist()]
    [2.0, 0.141302]
    """
    if not needs_gradient(x):
        return plain_sign(x)
    result: Tensor = EDESign.apply(x, k, t)
    return result


class IRNetBinarizer(Binarizer):
    r"""Libra-PB on the weights, EDE on weights and inputs.

    Weights: ``sign(W~)`` with ``W~`` of :func:`~spinbnn.nn.binarizers.libra.normalize_weight`; inputs: ``sign(x)``.
    Gradient of both signs: ``k t (1 - tanh^2(t v))`` with ``k = max(1/t, 1)`` and, for a progress u of training,

    ``t = t_min (t_max / t_min)^u``.

    Early (small t) the gradient is 1 nearly everywhere, late (t = 10) it is a peak at zero.

    Left out: the power-of-two scale ``2^round(log2 mean|W~|)`` of the source. A normalisation per channel follows every
    layer here and cancels it, and a bit cell holds no scale.

    Parameters
    ----------
    t_min, t_max : float
        Slope at the start and at the end; t_min = 1e-1 as in the paper, 1e-3 in the authors' ResNet-20 [].

    References
    ----------
    Qin et al., "Forward and backward information retention for accurate binary neural networks", CVPR 2020,
    arXiv 1909.10788.

    Examples
    --------
    >>> rule = IRNetBinarizer()
    >>> rule.anneal(0.5)
    >>> rule.t, rule.k
    (1.0, 1.0)
    """

    name = "irnet"

    def __init__(self, t_min: float = 1e-1, t_max: float = 10.0) -> None:
        super().__init__()
        check_option(0 < t_min < float("inf"), self.name, "t_min", t_min, "a positive number, e.g. 0.1")
        check_option(t_min <= t_max < float("inf"), self.name, "t_max", t_max, "at least t_min, e.g. 10")
        self.t_min, self.t_max = float(t_min), float(t_max)
        self.t = self.t_min

    @property
    def options(self) -> dict[str, Any]:
        """Return the options that make it again."""
        return {"t_min": self.t_min, "t_max": self.t_max}

    @property
    def k(self) -> float:
        """Height of the tanh: ``max(1/t, 1)``."""
        return max(1.0 / self.t, 1.0)

    def anneal(self, progress: float) -> None:
        """Set t for a progress of training from 0 to 1."""
        self.t = self.t_min * (self.t_max / self.t_min) ** check_progress(progress)

    def weight(self, w: Tensor) -> Tensor:
        """Return ``sign(W~)``, shape of ``w``."""
        return ede_sign(normalize_weight(w), self.k, self.t)

    def input(self, x: Tensor) -> Tensor:
        """Return ``sign(x)``."""
        return ede_sign(x, self.k, self.t)
