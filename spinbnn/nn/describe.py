"""From a torch model to the plan that mapping, counting and costing read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..crossbar.plan import THRESHOLD_SETS, LayerSpec, NetworkPlan
from ..errors import ParameterError
from .dropout import ScaleDropout
from .masks import dropout_layers


def _equal(values: Sequence[int], layer: str, key: str) -> int:
    """Return the one value of a pair."""
    if len(set(values)) != 1:
        raise ParameterError(
            f"{key} differs in the two directions",
            where=f"layer {layer!r}",
            value=tuple(values),
            remedy="the mapping takes one number for both",
        )
    return int(values[0])


def _conv_spec(name: str, layer: nn.Conv2d, x: Tensor, y: Tensor) -> LayerSpec:
    if layer.groups != 1 or _equal(layer.dilation, name, "dilation") != 1 or isinstance(layer.padding, str):
        raise ParameterError(
            "grouped, dilated and string-padded convolutions cannot be described",
            where=f"layer {name!r}",
            value=repr(layer),
            remedy="use groups=1, dilation=1 and integer padding",
        )
    digital = not hasattr(layer, "binary_weight")
    return LayerSpec(
        kind="conv",
        name=name,
        in_channels=layer.in_channels,
        out_channels=layer.out_channels,
        kernel=(layer.kernel_size[0], layer.kernel_size[1]),
        input_size=(x.shape[-2], x.shape[-1]),
        output_size=(y.shape[-2], y.shape[-1]),
        stride=_equal(layer.stride, name, "stride"),
        padding=_equal(layer.padding, name, "padding"),
        weight_bits=32 if digital else 1,
        input_bits=int(getattr(layer, "input_bits", 32)),
        scale_dropout=False,
        digital=digital,
    )


def _linear_spec(name: str, layer: nn.Linear) -> LayerSpec:
    digital = not hasattr(layer, "binary_weight")
    return LayerSpec(
        kind="linear",
        name=name,
        in_channels=layer.in_features,
        out_channels=layer.out_features,
        kernel=(1, 1),
        input_size=(1, 1),
        output_size=(1, 1),
        stride=1,
        padding=0,
        weight_bits=32 if digital else 1,
        input_bits=int(getattr(layer, "input_bits", 32)),
        scale_dropout=False,
        digital=digital,
    )


def describe(model: nn.Module, input_shape: Sequence[int] | None = None) -> NetworkPlan:
    """Run ``model`` on one zero image and return its layers as a plan.

    A layer's ``scale_dropout`` is set if a :class:`~spinbnn.nn.dropout.ScaleDropout` runs before the next layer;
    its ``threshold_sets`` follow from the placement: two for ``"dual_bn"``, else one.

    Parameters
    ----------
    model : nn.Module
        Any network of ``Conv2d`` and ``Linear`` layers; those without binary weights count as digital.
    input_shape : sequence of int or None
        ``(C, H, W)`` of one image; None: ``model.input_shape``.

    Returns
    -------
    NetworkPlan
        ``first`` and ``last`` follow from the first and the last layer.

    Raises
    ------
    ParameterError
        If a layer runs twice, cannot be described, has two scale dropouts behind it, or the scale-dropout
        layers run in another order than the one in which they are registered (masks would be mixed up).

    Examples
    --------
    >>> from spinbnn.nn.models import lenet5
    >>> plan = describe(lenet5())
    >>> [layer.name for layer in plan.layers], plan.first
    (['conv1', 'conv2', 'fc1', 'fc2', 'fc3'], 'binary')
    >>> plan.placement, describe(lenet5(placement="pre_bn")).placement
    ('dual_bn', 'pre_bn')
    """
    if hasattr(model, "chip"):
        raise ParameterError(
            "a model mapped onto a chip is not described",
            where="describe, argument 'model'",
            value=type(model).__name__,
            remedy="describe the software model that to_hardware was given",
        )
    shape = tuple(input_shape) if input_shape is not None else getattr(model, "input_shape", None)
    if shape is None or len(shape) != 3:
        raise ParameterError(
            "the shape of one image is not known",
            where="describe, argument 'input_shape'",
            value=shape,
            remedy="pass (C, H, W)",
        )
    specs: list[LayerSpec] = []
    dropped: list[ScaleDropout] = []
    names = {module: name for name, module in model.named_modules()}

    def on_layer(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        name = names[module]
        if any(spec.name == name for spec in specs):
            raise ParameterError(
                "a layer runs twice in one pass",
                where=f"layer {name!r}",
                value=name,
                remedy="give each use its own layer",
            )
        if isinstance(module, nn.Conv2d):
            specs.append(_conv_spec(name, module, inputs[0], output))
        elif isinstance(module, nn.Linear):
            specs.append(_linear_spec(name, module))

    def on_dropout(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if not specs:
            raise ParameterError(
                "scale dropout runs before any layer",
                where=f"layer {names[module]!r}",
                value=names[module],
                remedy="put it behind a convolution or a linear layer",
            )
        assert isinstance(module, ScaleDropout)
        if specs[-1].scale_dropout:
            raise ParameterError(
                "a second scale dropout behind one layer",
                where=f"layer {names[module]!r}",
                value=specs[-1].name,
                remedy="one scale dropout for each layer with weights: a plan holds one bit a layer",
            )
        dropped.append(module)
        specs[-1] = replace(
            specs[-1], scale_dropout=True, threshold_sets=THRESHOLD_SETS.get(module.placement, 1)
        )

    hooks = [
        m.register_forward_hook(on_layer) for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)
    ]
    hooks += [m.register_forward_hook(on_dropout) for m in dropout_layers(model)]
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            output = model(torch.zeros(1, *shape))
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
    if dropped != dropout_layers(model):
        raise ParameterError(
            "the scale-dropout layers run in another order than they are registered",
            where=type(model).__name__,
            value=[names[m] for m in dropped],
            remedy="register them in the order of execution",
        )
    if not specs:
        raise ParameterError(
            "the model has no layer with weights",
            where=type(model).__name__,
            value=repr(model),
            remedy="describe networks of Conv2d and Linear layers",
        )
    first = "digital" if specs[0].digital else {8: "bit_serial"}.get(specs[0].input_bits, "binary")
    return NetworkPlan(
        name=str(getattr(model, "name", type(model).__name__)),
        layers=tuple(specs),
        classes=int(output.shape[1]),
        first=first,
        last="digital" if specs[-1].digital else "binary",
        input_shape=(shape[0], shape[1], shape[2]),
    )
