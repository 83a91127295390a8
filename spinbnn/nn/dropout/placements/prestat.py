"""``prestat``: the scale before the normalisation, its statistics those of the unscaled sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .base import Placement, scaled_before

if TYPE_CHECKING:
    from ..layer import ScaleDropout


class Prestat(Placement):
    """``y = (z alpha_hat - mean_z) / sqrt(var_z + eps) * weight + bias``, mean and variance of ``z``, not of ``z alpha_hat``.

    The published order with statistics that cannot cancel the scale: alpha trains. Eval mode is that of ``pre_bn`` with
    statistics in which no masks are mixed.
    """

    name = "prestat"

    def train(self, layer: ScaleDropout, x: Tensor, scale: Tensor, branch: int | Tensor) -> Tensor:
        """Return the output with the statistics of the unscaled mini-batch; they are part of the graph."""
        over = (0, 2, 3) if layer.spatial else (0,)
        variance, mean = torch.var_mean(x, dim=over, correction=0)
        count = x.numel() // layer.channels
        with torch.no_grad():  # as torch's BatchNorm: the running variance is the unbiased one
            layer.running_mean[0].lerp_(mean, layer.momentum)
            layer.running_var[0].lerp_(variance * (count / (count - 1)), layer.momentum)
        factor, shift = scaled_before(scale, layer.weight[0], layer.bias[0], mean, variance, layer.eps)
        return x * layer.spread(factor) + layer.spread(shift[None])

    def fold(self, layer: ScaleDropout, alpha: Tensor, branch: int) -> tuple[Tensor, Tensor]:
        """Return scale and shift with the running statistics."""
        return scaled_before(
            alpha, layer.weight[0], layer.bias[0], layer.running_mean[0], layer.running_var[0], layer.eps
        )
