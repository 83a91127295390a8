"""Random small networks of binary, digital, pooled, residual and parallel layers with scale dropout, for tests of prediction."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from spinbnn.nn import (
    BinaryConv2d,
    BinaryLinear,
    DigitalConv2d,
    DigitalLinear,
    ImageEncoder,
    ScaleDropout,
    fixed_masks,
)

PLACEMENTS = ("dual_bn", "pre_bn", "gamma", "prestat")


class RandomNetwork(nn.Module):
    """Layers drawn from a seed: odd channels, strides, padding, residual sums, parallel dropout, negative scales.

    ``element``: some layers have a bit for each channel, which leaves too many masks to enumerate.
    """

    def __init__(self, seed, *, element=False):
        super().__init__()
        draw = np.random.default_rng(seed)
        self.draw, self.fill, self.element = draw, torch.Generator().manual_seed(seed), element
        self.image = (int(draw.integers(1, 4)), int(draw.integers(6, 10)), int(draw.integers(6, 10)))
        kind = str(draw.choice(["binary", "bit_serial", "digital"]))
        self.encode = ImageEncoder(kind)
        channels = int(draw.choice([3, 5, 7]))
        if kind == "digital":
            self.first = DigitalConv2d(self.image[0], channels, 3, padding=1, generator=self.fill)
        else:
            self.first = BinaryConv2d(self.image[0], channels, 3, padding=1, binarize_input=False, input_bits=self.encode.bits, generator=self.fill)
        self.first_norm = self.norm(channels)
        self.plan, side = [], min(self.image[1:])
        for number in range(int(draw.integers(1, 3))):
            step = str(draw.choice(["plain", "residual", "parallel", "digital"]))
            if step == "plain":
                wider, kernel, stride, padding = int(draw.choice([3, 5, 6])), int(draw.integers(1, 4)), int(draw.integers(1, 3)), int(draw.integers(0, 2))
                self.add_module(f"conv{number}", BinaryConv2d(channels, wider, kernel, stride, padding, generator=self.fill))
                pool = bool(draw.integers(2)) and side >= 6
                side = ((side + 2 * padding - kernel) // stride + 1) // (2 if pool else 1)
                channels = wider
                step = "pooled" if pool else "plain"
            elif step == "digital":
                self.add_module(f"conv{number}", DigitalConv2d(channels, channels, 3, padding=1, generator=self.fill))
            else:
                self.add_module(f"conv{number}", BinaryConv2d(channels, channels, 3, 1, 1, generator=self.fill))
            self.add_module(f"norm{number}", self.norm(channels))
            if step == "parallel":
                self.add_module(f"side{number}", BinaryConv2d(channels, channels, 1, generator=self.fill))
                self.add_module(f"side_norm{number}", self.norm(channels))
            self.plan.append(step)
            if side < 3:
                break
        self.relu = nn.ReLU(inplace=True)
        self.between = nn.BatchNorm1d(channels) if draw.integers(2) else nn.Identity()
        if isinstance(self.between, nn.BatchNorm1d):
            for tensor, low, high in ((self.between.weight, -1, 1), (self.between.bias, -1, 1), (self.between.running_mean, -1, 1), (self.between.running_var, 0.5, 2)):
                tensor.data.uniform_(low, high, generator=self.fill)
        last = DigitalLinear if draw.integers(2) else BinaryLinear
        self.last = last(channels, 4, generator=self.fill)
        self.last_norm = self.norm(4, spatial=False) if draw.integers(2) else nn.BatchNorm1d(4)
        del self.draw

    def norm(self, channels, spatial=True):
        element = self.element and bool(self.draw.integers(2))
        layer = ScaleDropout(
            channels, float(self.draw.choice([0.1, 0.3, 0.5])), placement=str(self.draw.choice(PLACEMENTS)), spatial=spatial,
            mode=str(self.draw.choice(["unitary", "average"])), granularity="element" if element else "vector",
        )  # fmt: skip
        with torch.no_grad():
            layer.alpha.uniform_(-1.5, 1.5, generator=self.fill)
            if layer.weight is not None:
                layer.weight.uniform_(-1.5, 1.5, generator=self.fill)
            layer.bias.uniform_(-0.5, 0.5, generator=self.fill)
            layer.running_mean.uniform_(-3, 3, generator=self.fill)
            layer.running_var.uniform_(5, 40, generator=self.fill)
        return layer

    def forward(self, x):
        x = self.first_norm(self.first(self.encode(x)))
        for number, step in enumerate(self.plan):
            y = getattr(self, f"conv{number}")(x)
            if step == "pooled":
                y = functional.max_pool2d(y, 2)
            y = getattr(self, f"norm{number}")(y)
            if step == "residual":
                y += x
                y = self.relu(y)
            elif step == "parallel":
                y = functional.hardtanh(y) + getattr(self, f"side_norm{number}")(getattr(self, f"side{number}")(x))
            x = y
        return self.last_norm(self.last(self.between(x.mean((2, 3)))))


class WrittenOut(nn.Module):
    """A scale-dropout layer by its formulas, in float64, for one mask."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.bit = layer, None

    def forward(self, x):
        layer, bit = self.layer, torch.as_tensor(self.bit).double()
        wide = (1, -1, *[1] * (x.ndim - 2))
        alpha = layer.alpha.detach().double()
        scale = torch.where(bit == 1, alpha.mean() if layer.mode == "average" else torch.ones(()).double(), alpha)
        last = len(layer.bias) - 1
        row = torch.as_tensor(bit).long().expand(layer.channels) * last

        def of(name):
            value = getattr(layer, name).detach().double()
            return value[row, torch.arange(layer.channels)].view(wide)

        z, scale, deviation = x.double(), scale.expand(layer.channels).view(wide), torch.sqrt(of("running_var") + layer.eps)
        if layer.placement == "gamma":
            y = (z - of("running_mean")) / deviation * scale + of("bias")
        else:
            y = (z * scale - of("running_mean")) / deviation * of("weight") + of("bias")
        return y.float()


def brute_force(model, x, weight_of):
    """Sum over all masks of one bit a layer, with the scale dropout written out."""
    twin = copy.deepcopy(model).eval()
    written = []
    for name, module in list(twin.named_modules()):
        if isinstance(module, ScaleDropout):
            written.append(WrittenOut(module))
            twin.set_submodule(name, written[-1])
    total = 0
    for bits in itertools.product([0, 1], repeat=len(written)):
        for layer, bit in zip(written, bits, strict=True):
            layer.bit = bit
        with torch.no_grad():
            total = total + weight_of(bits) * torch.softmax(twin(x).double(), 1)
    return total


def plain_loop(model, x, masks, batch_size=256):
    """One forward pass a mask, batch by batch."""
    blocks = []
    model.eval()
    for top in range(0, len(x), batch_size):
        rows = []
        for mask in masks if masks.ndim == 2 else masks[:, top : top + batch_size]:
            with torch.no_grad(), fixed_masks(model, mask if mask.ndim == 1 else mask.t()):
                rows.append(torch.softmax(model(x[top : top + batch_size]).double(), 1))
        blocks.append(torch.stack(rows))
    return torch.cat(blocks, 1)
