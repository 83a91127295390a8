"""Masks of a whole network: which scales are dropped, layer after layer in execution order, bit 1 = drop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from ..errors import ParameterError
from .dropout import ScaleDropout


def dropout_layers(model: nn.Module) -> list[ScaleDropout]:
    """Return the scale-dropout layers in the order of registration, which must be the order of execution.

    :func:`~spinbnn.nn.describe.describe` runs the model and raises if the two orders differ.

    Examples
    --------
    >>> [layer.channels for layer in dropout_layers(nn.Sequential(ScaleDropout(4), ScaleDropout(8)))]
    [4, 8]
    """
    return [module for module in model.modules() if isinstance(module, ScaleDropout)]


def _require(model: nn.Module) -> list[ScaleDropout]:
    layers = dropout_layers(model)
    if not layers:
        raise ParameterError(
            "the model has no scale-dropout layer",
            where=type(model).__name__,
            remedy="put spinbnn.nn.ScaleDropout after its layers",
        )
    return layers


def drop_probabilities(model: nn.Module) -> Tensor:
    """Return the DROP probability of each layer, shape ``(L,)``, float64.

    Examples
    --------
    >>> drop_probabilities(nn.Sequential(ScaleDropout(4, p=0.1), ScaleDropout(8, p=0.5))).tolist()
    [0.1, 0.5]
    """
    return torch.tensor([layer.p for layer in dropout_layers(model)], dtype=torch.float64)


def mask_bits(model: nn.Module) -> list[int]:
    """Return the mask bits of each layer: 1, or the channels of a layer with a bit for each.

    The mask of a network is the concatenation over its layers, in their order; M is the sum.

    Examples
    --------
    >>> mask_bits(nn.Sequential(ScaleDropout(4), ScaleDropout(3, granularity="element")))
    [1, 3]
    """
    return [layer.bits for layer in dropout_layers(model)]


def bit_probabilities(model: nn.Module) -> Tensor:
    """Return the DROP probability of each mask bit, shape ``(M,)``, float64; one bit a layer: the layers' own.

    Examples
    --------
    >>> bit_probabilities(nn.Sequential(ScaleDropout(4, p=0.5), ScaleDropout(2, p=0.25, granularity="element"))).tolist()
    [0.5, 0.25, 0.25]
    """
    return drop_probabilities(model).repeat_interleave(torch.tensor(mask_bits(model), dtype=torch.int64))


def set_drop_probabilities(model: nn.Module, p: float | ArrayLike | Tensor) -> None:
    """Set the DROP probability of each layer.

    Parameters
    ----------
    model : nn.Module
        The network, with L scale-dropout layers.
    p : float or array_like
        One for all layers, or shape ``(L,)``; in [0, 1]: unlike the option of a new layer, which is below 1, the
        measured probability of a chip's module may be 1.

    Raises
    ------
    ParameterError
        If the length or a value does not fit.

    Examples
    --------
    >>> net = nn.Sequential(ScaleDropout(4), ScaleDropout(8))
    >>> set_drop_probabilities(net, [0.25, 0.5])
    >>> drop_probabilities(net).tolist()
    [0.25, 0.5]
    """
    layers = _require(model)
    values = (
        np.broadcast_to(np.asarray(p, dtype=float), (len(layers),))
        if np.ndim(p) == 0
        else np.asarray(p, dtype=float)
    )
    if values.shape != (len(layers),):
        raise ParameterError(
            "wrong number of drop probabilities",
            where="set_drop_probabilities, argument 'p'",
            value=values.shape,
            remedy=f"one number, or {len(layers)} of them",
        )
    if not np.all((values >= 0) & (values <= 1)):
        raise ParameterError(
            "a drop probability lies in [0, 1]",
            where="set_drop_probabilities, argument 'p'",
            value=values.tolist(),
            remedy="p is the DROP probability",
        )
    for layer, value in zip(layers, values, strict=True):
        layer.p = float(value)


def all_masks(layers: int) -> Tensor:
    """Return all masks of ``layers`` bits in binary counting order, the first layer being the highest bit.

    Returns
    -------
    Tensor
        Shape ``(2**layers, layers)``, uint8.

    Examples
    --------
    >>> all_masks(2).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    if layers < 0 or layers > 24:
        raise ParameterError(
            "the masks of so many layers cannot be enumerated",
            where="all_masks",
            value=layers,
            remedy="0 to 24 layers; sample the masks of deeper networks",
        )
    codes = torch.arange(2**layers)[:, None]
    shifts = torch.arange(layers - 1, -1, -1)
    return ((codes >> shifts) & 1).to(torch.uint8)


@contextmanager
def fixed_masks(
    model: nn.Module,
    bits: Tensor | ArrayLike | Sequence[int],
    generator: torch.Generator | None = None,
) -> Iterator[nn.Module]:
    """Fix the mask of every scale-dropout layer within a ``with`` block; afterwards the former state is back.

    Parameters
    ----------
    model : nn.Module
        The network, with M mask bits (:func:`mask_bits`): one for each of its L scale-dropout layers, or more for layers
        with a bit for each channel.
    bits : array_like
        0 or 1 (1 = drop); shape ``(M,)`` for the whole batch, or ``(M, B)`` with one mask per image.
    generator : torch.Generator or None
        Source of the scales of mode ``"random"``; None: whatever source the layers have.

    Raises
    ------
    ParameterError
        If the shape does not fit or a value is neither 0 nor 1.

    Examples
    --------
    >>> net = nn.Sequential(ScaleDropout(1, spatial=False)).eval()
    >>> _ = net[0].alpha.data.fill_(3.0)
    >>> with torch.no_grad(), fixed_masks(net, [[0, 1]]):
    ...     [round(v, 3) for v in net(torch.ones(2, 1)).flatten().tolist()]
    [3.0, 1.0]
    """
    layers = _require(model)
    values = torch.as_tensor(np.asarray(bits) if not isinstance(bits, Tensor) else bits).detach()
    sizes = mask_bits(model)
    total = sum(sizes)
    if values.ndim not in (1, 2) or values.shape[0] != total:
        raise ParameterError(
            "the mask has the wrong shape",
            where="fixed_masks, argument 'bits'",
            value=tuple(values.shape),
            remedy=f"({total},) or ({total}, B): one row a "
            + ("layer" if total == len(layers) else f"mask bit, layer after layer {sizes}"),
        )
    if not bool(((values == 0) | (values == 1)).all()):
        raise ParameterError(
            "a mask bit is 0 (keep) or 1 (drop)",
            where="fixed_masks, argument 'bits'",
            value=values.unique().tolist(),
            remedy="pass bits, not probabilities",
        )
    before = [(layer.forced, layer.sampler) for layer in layers]
    try:
        for layer, rows in zip(layers, values.to(torch.int64).split(sizes), strict=True):
            if layer.granularity == "element":
                layer.forced = rows.t().to(layer.alpha.device)  # (C,), or (B, C)
            else:
                layer.forced = int(rows[0]) if rows.ndim == 1 else rows[0].to(layer.alpha.device)
            if generator is not None:
                layer.sampler = generator
        yield model
    finally:
        for layer, (forced, sampler) in zip(layers, before, strict=True):
            layer.forced, layer.sampler = forced, sampler


@contextmanager
def sample_masks(model: nn.Module, generator: torch.Generator) -> Iterator[nn.Module]:
    """Draw the bits (and random scales) of each layer and forward pass from ``generator`` within a ``with`` block, in either mode.

    Inside :func:`fixed_masks` the bits are drawn all the same: the inner block counts.

    Parameters
    ----------
    model : nn.Module
        The network.
    generator : torch.Generator
        The only source of randomness.

    Examples
    --------
    >>> net = nn.Sequential(ScaleDropout(1, spatial=False)).eval()
    >>> _ = net[0].alpha.data.fill_(3.0)
    >>> set_drop_probabilities(net, 1.0)
    >>> with torch.no_grad(), sample_masks(net, torch.Generator().manual_seed(0)):
    ...     round(net(torch.ones(1, 1)).item(), 3)
    1.0
    """
    layers = _require(model)
    before = [(layer.forced, layer.sampler) for layer in layers]
    try:
        for layer in layers:
            layer.forced, layer.sampler = None, generator
        yield model
    finally:
        for layer, (forced, sampler) in zip(layers, before, strict=True):
            layer.forced, layer.sampler = forced, sampler
