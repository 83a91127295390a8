"""What a model does with one image: which layer takes which map, what is pooled, what is joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..crossbar.plan import INPUT
from ..errors import ParameterError
from .dropout import ScaleDropout
from .layers import ImageEncoder
from .masks import dropout_layers

SUMS = {
    "add",
    "add_",
    "sub",
    "sub_",
    "rsub",
    "__add__",
    "__radd__",
    "__iadd__",
    "__sub__",
    "__rsub__",
    "__isub__",
}
CONCATENATIONS = {"cat", "concat", "concatenate"}
FRESH = {f"{kind}{name}" for kind in ("", "new_") for name in ("zeros", "ones", "full", "empty")} | {
    f"{name}_like" for name in ("zeros", "ones", "full", "empty", "rand", "randn")
}
"""Functions whose result does not depend on the values that they are given."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The map that a tensor carries: of which layer, with how many sums into it, and how it was made smaller.

    ``reduced`` is ``""``, ``"max"``, ``"average"`` or ``"subsample"``.
    """

    owner: str
    joins: int = 0
    reduced: str = ""


@dataclass(slots=True)
class SeenLayer:
    """One layer with weights, as it ran."""

    name: str
    module: nn.Module
    takes: Stream
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    dropout: ScaleDropout | None = None

    @property
    def binary(self) -> bool:
        """Whether its weights are signs."""
        return hasattr(self.module, "binary_weight")

    @property
    def weights(self) -> int:
        """Number of its weights []."""
        return int(self.module.weight.numel())  # type: ignore[operator]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image []."""
        linear = isinstance(self.module, nn.Linear)
        return self.weights * prod(self.output_shape[1:-1] if linear else self.output_shape[2:])


@dataclass(frozen=True, slots=True)
class SeenJoin:
    """A map that was summed into, or appended to, the map of a later layer."""

    source: Stream
    target: Stream
    appended: bool


@dataclass(slots=True)
class Dataflow:
    """All that was seen, in the order of execution."""

    layers: list[SeenLayer] = field(default_factory=list)
    joins: list[SeenJoin] = field(default_factory=list)
    output_shape: tuple[int, ...] = ()


def image_shape(model: nn.Module, given: Sequence[int] | None, where: str) -> tuple[int, int, int]:
    """Return ``(C, H, W)`` as given or as the model says.

    Raises
    ------
    ParameterError
        If neither says it.
    """
    shape = tuple(given) if given is not None else getattr(model, "input_shape", None)
    if shape is None or len(shape) != 3:
        raise ParameterError(
            "the shape of one image is not known",
            where=f"{where}, argument 'input_shape'",
            value=shape,
            remedy="pass (C, H, W)",
        )
    return int(shape[0]), int(shape[1]), int(shape[2])


def observe(model: nn.Module, shape: tuple[int, int, int]) -> Dataflow:
    """Run ``model`` in eval mode on one zero image and return what it did; the model is left as it was.

    Parameters
    ----------
    model : nn.Module
        Any network of ``Conv2d`` and ``Linear`` layers, with whatever control flow.
    shape : tuple of int
        ``(C, H, W)`` of one image [].

    Raises
    ------
    ParameterError
        If a layer runs twice, has two scale dropouts behind it, maps are combined in another way than by sums and
        concatenations, or the scale-dropout layers run in another order than the one in which they are registered
        (masks would be mixed up).

    Examples
    --------
    >>> flow = observe(nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 2)), (1, 6, 6))
    >>> [(layer.name, layer.takes.owner, layer.takes.reduced) for layer in flow.layers]
    [('0', 'input', ''), ('3', '0', 'max')]
    """
    watcher = _Watcher(model)
    modes = {module: module.training for module in model.modules()}
    like = next((v for v in (*model.parameters(), *model.buffers()) if v.is_floating_point()), torch.zeros(0))
    image = torch.zeros(1, *shape, dtype=like.dtype, device=like.device)
    try:
        model.eval()
        with torch.no_grad(), watcher:
            watcher.remember(image, Stream(INPUT))
            output = model(image)
    finally:
        for hook in watcher.hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
    if not isinstance(output, Tensor) or output.ndim < 2:
        raise ParameterError(
            "the model does not return a tensor of logits",
            where=type(model).__name__,
            value=type(output).__name__,
            remedy="describe a model whose forward returns (B, classes)",
        )
    idle = [watcher.names[m] for m in dropout_layers(model) if m not in watcher.dropped]
    if idle:
        raise ParameterError(
            "a scale-dropout layer does not run",
            where=type(model).__name__,
            value=idle,
            remedy="leave it out: a mask holds a bit for it",
        )
    if watcher.dropped != dropout_layers(model):
        raise ParameterError(
            "the scale-dropout layers run in another order than they are registered",
            where=type(model).__name__,
            value=[watcher.names[m] for m in watcher.dropped],
            remedy="register them in the order of execution",
        )
    watcher.flow.output_shape = tuple(output.shape)
    return watcher.flow


def _tensors(values: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested lists, tuples and dictionaries."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))


class _Watcher(TorchFunctionMode):
    """Follows the image through a model: hooks see the layers, the mode sees every other function."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.flow = Dataflow()
        self.names = {module: name for name, module in model.named_modules()}
        self.dropped: list[ScaleDropout] = []
        self.streams: dict[
            int, tuple[Tensor, Stream]
        ] = {}  # the tensor is kept, so that its id stays its own
        self.joined: set[tuple[str, int]] = set()
        self.inside = 0
        self.hooks: list[Any] = []
        for module in model.modules():
            leaf = isinstance(module, nn.Conv2d | nn.Linear | ScaleDropout | ImageEncoder)
            if leaf:
                self.hooks.append(module.register_forward_pre_hook(self._enter))
            self.hooks.append(module.register_forward_hook(self._leave if leaf else self._behind))

    def remember(self, tensor: Tensor, stream: Stream) -> None:
        """Note what a tensor carries."""
        self.streams[id(tensor)] = (tensor, stream)

    def stream(self, tensor: Any) -> Stream | None:
        """Return what a tensor carries; None for constants and parameters."""
        return self.streams[id(tensor)][1] if id(tensor) in self.streams else None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        shapes = {} if self.inside else {id(t): t.shape for t in _tensors([args, kwargs or {}])}
        result = func(*args, **(kwargs or {}))
        if not self.inside:
            name = getattr(func, "__name__", "")
            self._follow(name, list(_tensors([args, kwargs or {}])), list(_tensors(result)), shapes)
        return result

    def _follow(self, name: str, given: list[Tensor], results: list[Tensor], shapes: dict[int, Any]) -> None:
        known = {id(t): t for t in given if id(t) in self.streams}
        if not known or not results or name in FRESH:
            return
        if len(known) == 1:
            (tensor,) = known.values()
            stream = self.streams[id(tensor)][1]
            for result in results:
                self.remember(result, _reduced(stream, name, shapes[id(tensor)], result.shape))
        else:
            self.remember(results[0], self._join(name, list(known.values())))

    def _join(self, name: str, tensors: list[Tensor]) -> Stream:
        streams = [self.streams[id(tensor)][1] for tensor in tensors]
        if name not in SUMS | CONCATENATIONS:
            raise ParameterError(
                "maps are combined in a way that a plan does not hold",
                where=f"the maps of {' and '.join(repr(s.owner) for s in streams)}",
                value=name,
                remedy="a plan holds sums and concatenations",
            )
        order = {INPUT: -1} | {layer.name: number for number, layer in enumerate(self.flow.layers)}
        streams.sort(key=lambda s: order[s.owner])
        main = streams.pop()
        for source in streams:
            if source.owner == main.owner:
                raise ParameterError(
                    "a map is joined to itself",
                    where=f"layer {main.owner!r}",
                    value=name,
                    remedy="a plan holds joins of the maps of two layers",
                )
            if main.reduced or source.reduced == "max":
                raise ParameterError(
                    "a join behind a pooling cannot be described",
                    where=f"the maps of {source.owner!r} and {main.owner!r}",
                    value=main.reduced or source.reduced,
                    remedy="join before the pooling",
                )
            channels = [t.shape[1] for t in tensors if t.ndim == 4]
            appended = name in CONCATENATIONS
            if appended and (source.reduced or len({t.shape[-2:] for t in tensors}) > 1 or not channels):
                raise ParameterError(
                    "only whole maps are appended",
                    where=f"the maps of {source.owner!r} and {main.owner!r}",
                    value=[tuple(t.shape) for t in tensors],
                    remedy="concatenate maps (B, C, h, w) of one size",
                )
            self.flow.joins.append(SeenJoin(source, main, appended))
        if (main.owner, main.joins) in self.joined:
            raise ParameterError(
                "two different sums into one map",
                where=f"the map of {main.owner!r}",
                value=[s.owner for s in streams],
                remedy="a plan holds one map a layer, sums included",
            )
        self.joined.add((main.owner, main.joins))
        return Stream(main.owner, main.joins + 1)

    def _enter(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        self.inside += 1

    def _behind(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """Carry a map through a module whose inside cannot be followed (its own gradient, say)."""
        known = [t for t in _tensors(inputs) if id(t) in self.streams]
        for result in _tensors(output):
            if len(known) == 1 and id(result) not in self.streams:
                stream = self.streams[id(known[0])][1]
                self.remember(result, _reduced(stream, type(module).__name__, known[0].shape, result.shape))

    def _leave(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        self.inside -= 1
        name = self.names[module]
        takes = self.stream(inputs[0])
        if takes is None:
            raise ParameterError(
                "what a layer takes does not come from the image",
                where=f"layer {name!r}",
                value=type(module).__name__,
                remedy="a plan holds layers that work on the image, followed from function to function",
            )
        if isinstance(module, ScaleDropout):
            self._drop(module, name, takes)
            self.remember(output, takes)
        elif isinstance(module, ImageEncoder):
            self.remember(output, takes)
        else:
            if any(layer.name == name for layer in self.flow.layers):
                raise ParameterError(
                    "a layer runs twice in one pass",
                    where=f"layer {name!r}",
                    value=name,
                    remedy="give each use its own layer",
                )
            self.flow.layers.append(
                SeenLayer(name, module, takes, tuple(inputs[0].shape), tuple(output.shape))
            )
            self.remember(output, Stream(name))

    def _drop(self, module: ScaleDropout, name: str, takes: Stream) -> None:
        layer = next((layer for layer in self.flow.layers if layer.name == takes.owner), None)
        if layer is None:
            raise ParameterError(
                "scale dropout runs before any layer",
                where=f"layer {name!r}",
                value=name,
                remedy="put it behind a convolution or a linear layer",
            )
        if layer.dropout is not None:
            raise ParameterError(
                "a second scale dropout behind one layer",
                where=f"layer {name!r}",
                value=layer.name,
                remedy="one scale dropout for each layer with weights: a plan holds one bit a layer",
            )
        if takes.joins:
            raise ParameterError(
                "a scale dropout behind a join cannot be described",
                where=f"layer {name!r}",
                value=layer.name,
                remedy="put it behind the layer, before the sum",
            )
        layer.dropout = module
        self.dropped.append(module)


def _reduced(stream: Stream, name: str, before: Sequence[int], after: Sequence[int]) -> Stream:
    """Return the stream behind a function of one map, which may have made it smaller."""
    kind = stream.reduced
    if (
        len(before) == len(after) == 4
        and after[1] > before[1]
        and name in ("pad", "cat", "concat", "concatenate")
    ):
        kind = kind or "subsample"  # channels of zeros: option A
    if prod(after) >= prod(before):
        return Stream(stream.owner, stream.joins, kind)
    found = (
        "average"
        if "avg" in name.lower() or name in ("mean", "sum", "interpolate")
        else "max"
        if "max" in name.lower()
        else "subsample"
        if name == "__getitem__"
        else ""
    )
    if not found or kind not in ("", found) or (len(after) == 4 and after[1] < before[1]):
        raise ParameterError(
            "a map becomes smaller in a way that a plan does not hold",
            where=f"the map of {stream.owner!r}",
            value=f"{name}: {tuple(before[1:])} to {tuple(after[1:])}",
            remedy="use one kind of pooling, or every s-th row and column",
        )
    return Stream(stream.owner, stream.joins, found)
