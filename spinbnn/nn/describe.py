"""From a torch model to the plan that mapping, counting and costing read."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ..crossbar.plan import INPUT, THRESHOLD_SETS, LayerSpec, NetworkPlan, Skip
from ..errors import ParameterError
from .dataflow import Dataflow, SeenLayer, image_shape, observe
from .dropout import PLACEMENTS


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


def describe(model: nn.Module, input_shape: Sequence[int] | None = None) -> NetworkPlan:
    """Run ``model`` on one zero image and return its layers and skip connections as a plan.

    A layer's ``scale_dropout`` is set if a :class:`~spinbnn.nn.dropout.ScaleDropout` stands behind it; its
    ``threshold_sets`` follow from the placement: two for ``"dual_bn"``, else one, with its name if the number does not
    tell it. Sums and concatenations of maps
    become skips, poolings by the mean the layer's ``pooling``. Activation functions and plain normalisations are
    no part of a plan.

    Parameters
    ----------
    model : nn.Module
        Any network of ``Conv2d`` and ``Linear`` layers, with whatever control flow; those without binary weights
        count as digital.
    input_shape : sequence of int or None
        ``(C, H, W)`` of one image; None: ``model.input_shape`` [].

    Returns
    -------
    NetworkPlan
        ``first`` and ``last`` follow from the first and the last layer.

    Raises
    ------
    ParameterError
        If a layer runs twice, cannot be described, has two scale dropouts behind it, or one whose bits a plan does
        not hold (one for each channel, random scales); if maps are combined in another way than by sums and
        concatenations; if the scale-dropout layers run in another order than the one in which they are registered
        (masks would be mixed up).

    Examples
    --------
    >>> from spinbnn.nn.models import lenet5
    >>> plan = describe(lenet5())
    >>> [layer.name for layer in plan.layers], plan.first
    (['conv1', 'conv2', 'fc1', 'fc2', 'fc3'], 'binary')
    >>> [describe(lenet5(placement=name)).placement for name in ("dual_bn", "pre_bn", "gamma")]
    ['dual_bn', 'pre_bn', 'gamma']
    """
    if hasattr(model, "chip"):
        raise ParameterError(
            "a model mapped onto a chip is not described",
            where="describe, argument 'model'",
            value=type(model).__name__,
            remedy="describe the software model that to_hardware was given",
        )
    shape = image_shape(model, input_shape, "describe")
    flow = observe(model, shape)
    if not flow.layers:
        raise ParameterError(
            "the model has no layer with weights",
            where=type(model).__name__,
            value=repr(model),
            remedy="describe networks of Conv2d and Linear layers",
        )
    poolings = _check_streams(flow)
    specs = []
    before = INPUT
    for layer in flow.layers:
        specs.append(_spec(layer, before, poolings.get(layer.name, "max")))
        before = layer.name
    return NetworkPlan(
        name=str(getattr(model, "name", type(model).__name__)),
        layers=tuple(specs),
        classes=int(flow.output_shape[1]),
        first="digital" if specs[0].digital else {8: "bit_serial"}.get(specs[0].input_bits, "binary"),
        last="digital" if specs[-1].digital else "binary",
        input_shape=shape,
        skips=tuple(
            Skip(
                source=join.source.owner,
                target=join.target.owner,
                kind="concat" if join.appended else join.source.reduced or "identity",
            )
            for join in flow.joins
        ),
    )


def _check_streams(flow: Dataflow) -> dict[str, str]:
    """Return the kind of pooling behind each layer, and refuse maps that are taken before a sum into them is made."""
    final: dict[str, int] = {}
    for join in flow.joins:
        final[join.target.owner] = max(final.get(join.target.owner, 0), join.target.joins + 1)
    uses = [(layer.takes, layer.name) for layer in flow.layers]
    uses += [(join.source, join.target.owner) for join in flow.joins]
    for stream, user in uses:
        if stream.joins != final.get(stream.owner, 0):
            raise ParameterError(
                "a map is used both with and without a sum into it",
                where=f"layer {stream.owner!r}",
                value=user,
                remedy="a plan holds one map a layer, sums included",
            )
    kinds: dict[str, set[str]] = {}
    for layer in flow.layers:
        if layer.takes.reduced:
            kinds.setdefault(layer.takes.owner, set()).add(layer.takes.reduced)
    for owner, found in kinds.items():
        if "subsample" in found or len(found) > 1:
            raise ParameterError(
                "a layer takes a pooled map in a way that a plan does not hold",
                where=f"the map of {owner!r}",
                value=sorted(found),
                remedy="one kind of pooling for all layers that take the map; stride instead of slices",
            )
    return {owner: found.pop() for owner, found in kinds.items()}


def _spec(layer: SeenLayer, before: str, pooling: str) -> LayerSpec:
    """Return one layer as the hardware sees it."""
    module, name = layer.module, layer.name
    source = "" if layer.takes.owner == before else layer.takes.owner
    digital = not layer.binary
    input_bits = int(getattr(module, "input_bits", 32))
    scale_dropout, sets, placement = _dropout(layer)
    if isinstance(module, nn.Linear):
        if len(layer.input_shape) != 2:
            raise ParameterError(
                "a linear layer on more than one vector an image cannot be described",
                where=f"layer {name!r}",
                value=layer.input_shape,
                remedy="flatten the map to (B, features)",
            )
        return LayerSpec(
            kind="linear",
            name=name,
            in_channels=module.in_features,
            out_channels=module.out_features,
            scale_dropout=scale_dropout,
            threshold_sets=sets,
            placement=placement,
            digital=digital,
            source=source,
            pooling=pooling,
            weight_bits=32 if digital else 1,
            input_bits=input_bits,
        )
    assert isinstance(module, nn.Conv2d)
    if (
        module.groups != 1
        or _equal(module.dilation, name, "dilation") != 1
        or isinstance(module.padding, str)
    ):
        raise ParameterError(
            "grouped, dilated and string-padded convolutions cannot be described",
            where=f"layer {name!r}",
            value=repr(module),
            remedy="use groups=1, dilation=1 and integer padding",
        )
    height, width = layer.input_shape[-2:]
    out_height, out_width = layer.output_shape[-2:]
    return LayerSpec(
        kind="conv",
        name=name,
        in_channels=module.in_channels,
        out_channels=module.out_channels,
        kernel=(module.kernel_size[0], module.kernel_size[1]),
        input_size=(height, width),
        output_size=(out_height, out_width),
        stride=_equal(module.stride, name, "stride"),
        padding=_equal(module.padding, name, "padding"),
        scale_dropout=scale_dropout,
        threshold_sets=sets,
        placement=placement,
        digital=digital,
        source=source,
        pooling=pooling,
        weight_bits=32 if digital else 1,
        input_bits=input_bits,
    )


def _dropout(layer: SeenLayer) -> tuple[bool, int, str]:
    """Return whether a dropout bit belongs to the layer, its threshold sets, and the placement if they do not tell it."""
    drop = layer.dropout
    if drop is None:
        return False, 1, ""
    for key, value in (("granularity", "element"), ("mode", "random")):
        if getattr(drop, key, None) == value:
            raise ParameterError(
                f"a plan holds one dropout bit a layer, and no scale dropout with {key} {value!r}",
                where=f"layer {layer.name!r}",
                value=value,
                remedy="describe the same network with granularity='vector' and mode 'unitary' or 'average'; "
                "summary(model) lists layers, parameters and operations of any network",
            )
    if drop.placement in THRESHOLD_SETS:
        return True, THRESHOLD_SETS[drop.placement], ""
    return True, PLACEMENTS[drop.placement].sets, drop.placement
