"""``pre_bn``: the scale, then one batch normalisation, as published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional

from .base import Placement, scaled_before

if TYPE_CHECKING:
    from ..layer import ScaleDropout


class PreBN(Placement):
    """``y = BN(z alpha_hat)`` (Scale-Dropout, Eq. 7-8): the normalisation of a mini-batch cancels the scale."""

    name = "pre_bn"
    cancels = True
    alpha_init = "normal"

    def train(self, layer: ScaleDropout, x: Tensor, scale: Tensor, branch: int | Tensor) -> Tensor:
        """Return ``BN(x scale)`` with the statistics of the scaled mini-batch."""
        return functional.batch_norm(
            x * layer.spread(scale),
            layer.running_mean[0],
            layer.running_var[0],
            layer.weight[0],
            layer.bias[0],
            True,
            layer.momentum,
            layer.eps,
        )

    def fold(self, layer: ScaleDropout, alpha: Tensor, branch: int) -> tuple[Tensor, Tensor]:
        """Return scale and shift with the running statistics, in which kept and dropped mini-batches are mixed."""
        return scaled_before(
            alpha, layer.weight[0], layer.bias[0], layer.running_mean[0], layer.running_var[0], layer.eps
        )
