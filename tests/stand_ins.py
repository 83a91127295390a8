"""Small honest stand-ins for tests that need a chip or a profile but not the hardware package."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from spinbnn.nn import ScaleDropout
from spinbnn.rng import stream


@dataclass
class StandInChip:
    """Independent modules: product weights, bits from one stream."""

    p: Any
    id: str = "stand-in chip"

    @property
    def drop_probability(self):
        return np.asarray(self.p, dtype=float)

    def mask_weights(self, masks):
        p = self.drop_probability
        return np.prod(np.where(np.asarray(masks) == 1, p, 1.0 - p), axis=1)

    def sample_masks(self, n, seed):
        return (
            stream(seed, "stand-in").random((n, len(self.drop_probability))) < self.drop_probability
        ).astype(np.uint8)


@dataclass
class MarkovChip(StandInChip):
    """One shared module: bit l+1 follows bit l with a = P(1|0), b = P(1|1), started at its stationary law."""

    a: float = 0.2
    b: float = 0.3

    def mask_weights(self, masks):
        stationary = self.a / (1.0 - self.b + self.a)
        weights = []
        for row in np.asarray(masks).tolist():
            weight, before = 1.0, None
            for bit in row:
                one = stationary if before is None else (self.b if before else self.a)
                weight *= one if bit else 1.0 - one
                before = bit
            weights.append(weight)
        return np.array(weights)


@dataclass
class StandInProfile:
    """What training and mapping read of a profile."""

    array: tuple[int, int] = (256, 256)
    id: str = "stand-in"
    p: tuple[float, ...] = (0.2,) * 5
    spread: float = 0.05
    asked: list = field(default_factory=list)

    def sample_drop_probabilities(self, n, seed):
        self.asked.append((n, seed))
        return np.clip(
            np.asarray(self.p) + self.spread * stream(seed, "stand-in").standard_normal((n, len(self.p))),
            0,
            1,
        )


def shake(model, seed=0):
    """Give every scale-dropout layer parameters and statistics in which both branches differ clearly."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, ScaleDropout):
                layer.alpha.uniform_(0.5, 1.5, generator=draw)
                layer.weight.uniform_(0.5, 1.5, generator=draw)
                layer.bias.uniform_(-0.5, 0.5, generator=draw)
                layer.running_mean.uniform_(-5, 5, generator=draw)
                layer.running_var.uniform_(20, 90, generator=draw)
    return model
