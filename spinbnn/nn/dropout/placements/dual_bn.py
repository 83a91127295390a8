"""``dual_bn``: a batch normalisation of its own for the kept and for the dropped branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from .base import Placement, scaled_before

if TYPE_CHECKING:
    from ..layer import ScaleDropout


class DualBN(Placement):
    """``y = BN_d(z alpha_hat)``: statistics and affine parameters for each value of the bit d.

    One set is picked by selection within ONE ``F.batch_norm`` call, so that all parameters are in the graph whatever the bit
    and DistributedDataParallel needs no special flag.
    """

    name = "dual_bn"
    sets = 2
    cancels = True

    def train(self, layer: ScaleDropout, x: Tensor, scale: Tensor, branch: int | Tensor) -> Tensor:
        """Return ``BN_d(x scale)`` with the statistics of the scaled mini-batch, d the bit, or each channel's bit."""
        row: tuple[int | Tensor, ...] = (branch,)
        if isinstance(branch, Tensor):
            row = (branch, torch.arange(layer.channels, device=branch.device))
        # one row is a view and updated in place; channels picked one by one are a copy and written back
        mean, variance = layer.running_mean[row], layer.running_var[row]
        y = functional.batch_norm(
            x * layer.spread(scale),
            mean,
            variance,
            layer.weight[row],
            layer.bias[row],
            True,
            layer.momentum,
            layer.eps,
        )
        if isinstance(branch, Tensor):
            layer.running_mean[row], layer.running_var[row] = mean, variance
        return y

    def fold(self, layer: ScaleDropout, alpha: Tensor, branch: int) -> tuple[Tensor, Tensor]:
        """Return scale and shift with the running statistics of the branch."""
        return scaled_before(
            alpha,
            layer.weight[branch],
            layer.bias[branch],
            layer.running_mean[branch],
            layer.running_var[branch],
            layer.eps,
        )
