"""Binarisation: the sign with its surrogate gradient, and the normalisation of the real weight proxies."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def _sign(x: Tensor) -> Tensor:
    """Return +1 where ``x >= 0`` and -1 elsewhere, in the type of ``x``, without a branch or a third value."""
    out = torch.empty_like(x)
    torch.ge(x, 0, out=out)
    return out.mul_(2).sub_(1)


class SignSTE(torch.autograd.Function):
    r"""Sign with a straight-through gradient.

    Forward: ``y = +1 if x >= 0 else -1``. Backward: ``dL/dx = dL/dy * 1[|x| <= clip]``.
    With ``clip = inf`` the gradient passes unchanged.

    Notes
    -----
    ``torch.sign`` is not used because it returns 0 at 0, a third value that no bit cell can hold.
    Source of the surrogate: Hubara et al., "Binarized neural networks", NeurIPS 2016.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, clip: float) -> Tensor:
        """Return the sign of ``x`` and keep what the backward rule needs."""
        ctx.clip = clip
        if clip != float("inf"):
            ctx.save_for_backward(x)
        return _sign(x)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        """Return ``grad * 1[|x| <= clip]``."""
        grad = grads[0]
        if ctx.clip == float("inf"):
            return grad, None
        (x,) = ctx.saved_tensors
        return grad * (x.abs() <= ctx.clip), None


def binary_sign(x: Tensor, clip: float = 1.0) -> Tensor:
    """Return the sign of ``x`` as +1 or -1, with sign(0) = +1 (Scale-Dropout, Eq. 16).

    Parameters
    ----------
    x : Tensor
        Any shape, floating point.
    clip : float
        The gradient passes where ``|x| <= clip``; ``inf`` passes it everywhere.

    Returns
    -------
    Tensor
        Shape and type of ``x``, values in {-1, +1}.

    Examples
    --------
    >>> binary_sign(torch.tensor([-0.2, -0.0, 0.0, 3.0])).tolist()
    [-1.0, 1.0, 1.0, 1.0]
    """
    if not torch.is_grad_enabled() or not x.requires_grad:
        return _sign(x)
    result: Tensor = SignSTE.apply(x, clip)
    return result


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
