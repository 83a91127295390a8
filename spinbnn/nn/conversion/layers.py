"""What a float layer and its normalisation become."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx, nn

from ...errors import ParameterError
from ..dropout import ScaleDropout
from ..layers import BinaryConv2d, BinaryLinear
from .activations import DROPOUTS, ONE_SIDED
from .graph import module_of, operation

BETWEEN = {
    *("MaxPool2d", "AvgPool2d", "AdaptiveMaxPool2d", "AdaptiveAvgPool2d", "Identity"),
    *("max_pool2d", "avg_pool2d", "adaptive_max_pool2d", "adaptive_avg_pool2d"),
}
"""What may stand between a layer and its normalisation, besides activations and dropout."""


def check_layer(name: str, layer: nn.Module) -> None:
    """Refuse a layer that no binary layer computes.

    Raises
    ------
    ParameterError
        For grouped and dilated convolutions, paddings by other than a number of zeros, and layers with a forward of
        their own.
    """
    kind = nn.Conv2d if isinstance(layer, nn.Conv2d) else nn.Linear
    why = ""
    if type(layer).forward is not kind.forward:
        why = f"has a forward of its own ({type(layer).__name__})"
    elif isinstance(layer, nn.Conv2d):
        if layer.groups != 1:
            why = "is grouped"
        elif any(step != 1 for step in layer.dilation):
            why = "is dilated"
        elif layer.padding_mode != "zeros":
            why = f"pads by {layer.padding_mode!r}"
        elif layer.padding == "same" and any(size % 2 == 0 for size in layer.kernel_size):
            why = "pads an even kernel to the same size"
    if why:
        raise ParameterError(
            f"a layer that {why} cannot be made binary",
            where=f"binarize, layer {name!r}",
            value=repr(layer),
            remedy=f"keep=({name!r},) leaves it digital",
        )
    if not bool(torch.isfinite(layer.weight).all()):  # type: ignore[arg-type]
        raise ParameterError(
            "a layer has weights that are no finite numbers",
            where=f"binarize, layer {name!r}",
            value="nan or inf",
            remedy="convert a network that has not diverged",
        )


def binary_twin(layer: Any, **options: Any) -> BinaryConv2d | BinaryLinear:
    """Return the binary layer whose proxies are the weights of a float layer.

    Examples
    --------
    >>> binary_twin(nn.Linear(3, 2)).weight.shape
    torch.Size([2, 3])
    """
    scratch = torch.Generator()  # draws that the weights replace; torch's default generator is left alone
    twin: BinaryConv2d | BinaryLinear
    if isinstance(layer, nn.Conv2d):
        padding: Any = layer.padding
        if isinstance(padding, str):
            padding = tuple(size // 2 for size in layer.kernel_size) if padding == "same" else (0, 0)
        shape: tuple[Any, ...] = (
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,
            layer.stride,
            padding,
        )
        twin = BinaryConv2d(*shape, generator=scratch, **options)
    else:
        twin = BinaryLinear(layer.in_features, layer.out_features, generator=scratch, **options)
    with torch.no_grad():
        twin.weight.copy_(layer.weight)
    twin.weight.requires_grad_(layer.weight.requires_grad)
    return twin.to(layer.weight)


def norm_behind(model: nn.Module, node: fx.Node) -> tuple[fx.Node | None, list[fx.Node]]:
    """Return the batch normalisation behind a layer, and the activations and dropouts between the two.

    Only poolings, activations and dropout may stand between them, and nothing else may take the values on the way.
    """
    wanted = nn.BatchNorm2d if isinstance(module_of(model, node), nn.Conv2d) else nn.BatchNorm1d
    between: list[fx.Node] = []
    while len(node.users) == 1:
        (node,) = node.users
        if isinstance(module_of(model, node), wanted):
            return node, between
        name = operation(model, node) if node.op != "output" else ""
        if name in ONE_SIDED | DROPOUTS:
            between.append(node)
        elif name not in BETWEEN:
            break
    return None, []


def scale_dropout_for(
    layer: Any, norm: Any, p: float, *, inputs: float = 1.0, **options: Any
) -> ScaleDropout:
    r"""Return the scale dropout behind a binary layer, from the float layer and its normalisation.

    With ``a_c = mean |W_c|``, ``a_c sign(W_c)`` stands for the float filter ``W_c``, so that the float sum ``v`` and the
    binary sum ``z`` are as ``v = a_c z / inputs + b_c``. A normalisation of ``v`` with mean ``m`` and variance ``s^2``
    becomes one of ``z`` with ``(m - b_c) inputs / a_c`` and ``(s inputs / a_c)^2``. Without a normalisation, those for
    which eval mode gives ``a_c z / inputs + b_c``. With placement ``"gamma"`` alpha is the normalisation's gain, so that
    a gain taken over stands in the place of ``alpha_init``. A normalisation with a cumulative average (``momentum=None``)
    goes on with the momentum 0.1.

    Parameters
    ----------
    layer : nn.Conv2d or nn.Linear
        The float layer.
    norm : nn.BatchNorm1d, nn.BatchNorm2d or None
        Its normalisation.
    p : float
        DROP probability.
    inputs : float
        Size of the binary layer's inputs beside the float layer's: 255 for a bit-serial image [].
    **options
        Of :class:`~spinbnn.nn.dropout.ScaleDropout`.

    Examples
    --------
    >>> layer = nn.Linear(2, 1)
    >>> _ = layer.weight.data.fill_(0.5), layer.bias.data.fill_(3.0)
    >>> drop = scale_dropout_for(layer, None, 0.2).eval()
    >>> round(drop(torch.tensor([[2.0]])).item(), 4)
    4.0
    """
    extra = {}
    if norm is not None:
        extra = {"eps": norm.eps, "momentum": 0.1 if norm.momentum is None else norm.momentum}
    drop = ScaleDropout(
        layer.weight.shape[0], p, spatial=isinstance(layer, nn.Conv2d), **extra, **options
    ).to(layer.weight)
    with torch.no_grad():
        scale = layer.weight.flatten(1).abs().mean(1) / inputs
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        bias = torch.zeros_like(scale) if layer.bias is None else layer.bias
        mean, variance = torch.zeros_like(scale), torch.ones_like(scale)
        if norm is not None and norm.running_mean is not None:
            mean, variance = norm.running_mean - bias, norm.running_var
        drop.running_mean.copy_(_rows(mean / scale, drop.running_mean))
        drop.running_var.copy_(_rows(variance / scale.square(), drop.running_var))
        if norm is None:
            drop.bias.copy_(_rows(bias, drop.bias))
        elif norm.affine:
            drop.bias.copy_(_rows(norm.bias, drop.bias))
            if drop.weight is None:
                drop.alpha.copy_(norm.weight)  # placement "gamma": alpha is the gain
            else:
                drop.weight.copy_(_rows(norm.weight, drop.weight))
    return drop


def _rows(values: Tensor, like: Tensor) -> Tensor:
    """Return one row of values for each set of statistics."""
    return values.expand_as(like)
