"""Bi-Real net: the gradient of a piecewise quadratic for the signs of the inputs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .base import Binarizer
from .sign import binary_sign, needs_gradient, plain_sign


class ApproximateSign(torch.autograd.Function):
    r"""Sign with the gradient of a piecewise quadratic: ``dL/dx = dL/dy max(2 - 2|x|, 0)``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return the sign of ``x``."""
        ctx.save_for_backward(x)
        return plain_sign(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> Tensor:
        """Return ``grad * max(2 - 2|x|, 0)``."""
        (x,) = ctx.saved_tensors
        return x.abs().mul_(-2).add_(2).clamp_(min=0).mul_(grads[0])


def approximate_sign(x: Tensor) -> Tensor:
    """Return the sign of ``x`` with the gradient ``max(2 - 2|x|, 0)``.

    It is the derivative of ``2x + x^2`` on [-1, 0) and ``2x - x^2`` on [0, 1), -1 below and +1 above.

    Examples
    --------
    >>> x = torch.tensor([-2.0, -0.5, 0.0, 0.75], requires_grad=True)
    >>> approximate_sign(x).sum().backward()
    >>> x.grad.tolist()
    [0.0, 1.0, 2.0, 0.5]
    """
    if not needs_gradient(x):
        return plain_sign(x)
    result: Tensor = ApproximateSign.apply(x)
    return result


class _ScaledGradient(torch.autograd.Function):
    """The identity, its gradient times a constant."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor) -> Tensor:
        """Return ``x``."""
        ctx.save_for_backward(scale)
        return x.view_as(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        """Return ``grad * scale``."""
        (scale,) = ctx.saved_tensors
        return grads[0] * scale, None


class BiRealBinarizer(Binarizer):
    r"""Approximate sign on the inputs, straight-through sign on the weights.

    Inputs: ``sign(x)``, ``dL/dx = dL/dy max(2 - 2|x|, 0)``. Weights: ``sign(W)``, ``dL/dW = dL/dy 1[|W| <= 1]``, and
    with ``magnitude`` times ``mean|W|`` of the filter.

    The source trains with ``B = mean|W| sign(W)`` per filter and writes ``dL/dW = dL/dB mean|W| 1[|W| <= 1]``
    ("magnitude-aware"). Behind such a layer stands a normalisation per channel, which cancels the filter's scale
    forward, so that ``dL/dB`` is ``1/mean|W|`` times the gradient of the pure signs: the two factors cancel. With
    the pure signs that a bit cell holds, ``magnitude=False`` is therefore the source's gradient (up to the eps of the
    normalisation). ``magnitude=True`` applies the printed factor to the gradient of the pure signs, which makes
    steps of plain SGD smaller by ``mean|W|``; it is for layers without a normalisation behind them.

    Parameters
    ----------
    magnitude : bool
        Multiply the gradient of a filter's weights by ``mean|W|``.

    References
    ----------
    Liu et al., "Bi-Real net", ECCV 2018, arXiv 1808.00278.

    Examples
    --------
    >>> w = torch.tensor([[0.5, -0.25, 3.0]], requires_grad=True)
    >>> BiRealBinarizer(magnitude=True).weight(w).sum().backward()
    >>> w.grad.tolist()
    [[1.25, 1.25, 0.0]]
    """

    name = "bireal"

    def __init__(self, magnitude: bool = False) -> None:
        super().__init__()
        self.magnitude = bool(magnitude)

    @property
    def options(self) -> dict[str, Any]:
        """Return the options that make it again."""
        return {"magnitude": self.magnitude}

    def weight(self, w: Tensor) -> Tensor:
        """Return ``sign(w)``."""
        signs = binary_sign(w)
        if not self.magnitude or not needs_gradient(w):
            return signs
        scale = w.detach().abs().flatten(1).mean(dim=1).view(-1, *[1] * (w.ndim - 1))
        result: Tensor = _ScaledGradient.apply(signs, scale)
        return result

    def input(self, x: Tensor) -> Tensor:
        """Return ``sign(x)``."""
        return approximate_sign(x)
