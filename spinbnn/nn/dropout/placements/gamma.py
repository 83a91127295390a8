"""``gamma``: alpha takes the place of the normalisation's gain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from .base import Placement

if TYPE_CHECKING:
    from ..layer import ScaleDropout


class Gamma(Placement):
    """``y = (z - mean) / sqrt(var + eps) * alpha_hat + bias``: the normalisation first, without a gain of its own.

    Statistics do not depend on the mask, and alpha trains as the gain of any batch normalisation does. A sign behind
    it sees the scale only through ``bias / alpha_hat``: while alpha is positive, it moves the threshold and does not turn
    the channel.
    """

    name = "gamma"
    gain = False

    def train(self, layer: ScaleDropout, x: Tensor, scale: Tensor, branch: int | Tensor) -> Tensor:
        """Return ``BN(x) scale + bias`` with the statistics of the mini-batch."""
        normal = functional.batch_norm(
            x, layer.running_mean[0], layer.running_var[0], None, None, True, layer.momentum, layer.eps
        )
        return normal * layer.spread(scale) + layer.spread(layer.bias)

    def fold(self, layer: ScaleDropout, alpha: Tensor, branch: int) -> tuple[Tensor, Tensor]:
        """Return scale and shift with the running statistics."""
        scale = alpha * torch.rsqrt(layer.running_var[0] + layer.eps)
        return scale, layer.bias[0] - layer.running_mean[0] * scale
