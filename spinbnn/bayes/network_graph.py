"""A network as a list of steps: traced once, kept as long as its structure, and proved on one pass."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from torch import Tensor, fx, nn

from ..nn import ScaleDropout
from ..nn.masks import dropout_layers
from . import row_rules
from .pooling import FUNCTIONS, QuickPool

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
SIZES = {"size", "dim", "ndimension", "numel"}
ATTRIBUTES = {"shape", "ndim", "dtype", "device"}
PLAIN = (bool, int, float, str, type(None))
RULES = ("binarize_input", "kind", "return_indices", "start_dim", "inplace")
"""Attributes of layers on which :mod:`.row_rules` decide."""
IN_PLACE = tuple(getattr(operator, name) for name in row_rules.IN_PLACE)
LISTS = (list, tuple, dict, set)
INTERNAL = frozenset(vars(nn.Module()))


class NotTraceable(Exception):
    """Why a network cannot be walked step by step; prediction then runs it pass by pass and says so."""


@dataclass(frozen=True, slots=True)
class Ref:
    """The value of an earlier step in the arguments of a step."""

    index: int


@dataclass(slots=True, eq=False)
class Step:
    """One operation of a network.

    ``kind``: ``input``, ``constant`` (parameters, and what follows from sizes alone), ``size``, ``dropout``, ``rows``
    (any number of rows at once), ``blocks`` (the rows of one pass at a time) or ``output``. ``key`` is the set of
    dropout layers that the value depends on, as bits of an integer.
    """

    name: str
    kind: str
    call: Any = None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    sources: tuple[int, ...] = ()
    constants: tuple[int, ...] = ()
    key: int = 0
    layer: int = -1
    module: nn.Module | None = None
    single: bool = False
    elements: int = 0
    macs: int = 0
    free: tuple[int, ...] = ()


@dataclass(slots=True, eq=False)
class NetworkGraph:
    """The steps of one network, with its dropout layers in the order of its mask bits.

    ``strided``: a step before the first dropout that depends on its batch reads a tensor that is not contiguous.
    """

    steps: list[Step]
    layers: list[ScaleDropout]
    settled: bool = False
    strided: bool = False
    own_keys: list[int] = field(default_factory=list)

    @property
    def has_blocks(self) -> bool:
        """Whether a step after the first dropout runs in the blocks of the passes."""
        return any(step.kind == "blocks" and step.key for step in self.steps)

    def find_own_keys(self) -> None:
        """Work out the keys for masks per image: there a ``blocks`` step leaves every pass a row of its own."""
        own, keys = 1 << len(self.layers), list[int]()
        for step in self.steps:
            key = 0
            for source in step.sources:
                key |= keys[source]
            if step.layer >= 0:
                key |= 1 << step.layer
            keys.append(key | own if step.kind == "blocks" and key else key)
        self.own_keys = keys


def is_layer(module: nn.Module) -> bool:
    """Whether a module is one operation: a layer of torch or of spinbnn, or one derived from such a layer.

    Examples
    --------
    >>> is_layer(nn.Conv2d(1, 1, 1)), is_layer(nn.Sequential()), is_layer(ScaleDropout(1))
    (True, False, True)
    """
    if isinstance(module, CONTAINERS):
        return False
    kind: Any = type(module)
    found: bool = _kind_is_layer(kind)
    return found


@cache
def _kind_is_layer(kind: Any) -> bool:
    known = ("torch.nn.", "spinbnn.nn.")
    return any(
        base is not nn.Module and f"{base.__module__}.".startswith(known) and not base.__module__.startswith("spinbnn.nn.models")
        for base in kind.__mro__
    )


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return is_layer(m)

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)


class _Proxy(fx.Proxy):
    """A stand-in that keeps ``y += x`` apart from ``y = y + x``, which fx itself takes for the same."""


def _in_place(call: Any) -> Any:
    def apply(self: fx.Proxy, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", call, (self, other), {})

    return apply


for _name in row_rules.IN_PLACE:
    setattr(_Proxy, f"__{_name}__", _in_place(getattr(operator, _name)))


def signature(model: nn.Module, modules: Sequence[tuple[str, nn.Module]]) -> tuple[Any, ...]:
    """Return what a trace depends on: the modules, and the plain values that forward functions may ask for.

    Parameters
    ----------
    model : nn.Module
        The network.
    modules : sequence
        ``list(model.named_modules())``.
    """
    parts: list[Any] = []
    for name, module in modules:
        own = vars(module)
        parts.append((name, id(module), type(module), len(own["_forward_hooks"]), len(own["_forward_pre_hooks"]), "forward" in own))
        if module is not model and is_layer(module):
            parts.append(tuple(own.get(key) for key in RULES))
        else:
            parts.append(tuple((k, v) for k, v in own.items() if k != "training" and isinstance(v, PLAIN)))
            parts.append(tuple((k, repr(v)) for k, v in own.items() if v and k not in INTERNAL and isinstance(v, LISTS)))
    return tuple(parts)


def trace(model: nn.Module) -> NetworkGraph:
    """Return the steps of a network.

    Raises
    ------
    NotTraceable
        If its ``forward`` branches on its data, writes into a tensor that others read, or calls a hook.

    Examples
    --------
    >>> graph = trace(nn.Sequential(nn.Linear(2, 2), ScaleDropout(2, spatial=False), nn.ReLU()))
    >>> [(step.kind, step.key) for step in graph.steps]
    [('input', 0), ('blocks', 0), ('dropout', 1), ('blocks', 1), ('output', 1)]
    """
    for name, module in model.named_modules():
        hooked = bool(module._forward_hooks or module._forward_pre_hooks)
        if "forward" in vars(module) or (hooked and (module is model or not is_layer(module))):
            raise NotTraceable(f"module {name or type(model).__name__!r} has a hook or a forward function of its own")
    before = set(vars(model))
    try:
        graph = _Tracer().trace(model)
    except Exception as error:  # whatever the user's own code says to stand-ins for tensors; the reason is reported
        raise NotTraceable(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}") from error
    finally:
        fresh = {key: vars(model)[key] for key in set(vars(model)) - before}
        for key in fresh:
            delattr(model, key)
    return _steps(model, graph, fresh)


def _steps(model: nn.Module, graph: fx.Graph, fresh: dict[str, Any]) -> NetworkGraph:
    layers = dropout_layers(model)
    numbers = {id(layer): number for number, layer in enumerate(layers)}
    steps: list[Step] = []
    index: dict[fx.Node, int] = {}
    for node in graph.nodes:
        step = _step(model, node, index, steps, fresh, numbers)
        index[node] = len(steps)
        steps.append(step)
    last: dict[int, int] = {}
    for number, step in enumerate(steps):
        for source in step.sources:
            last[source] = number
    for source, number in last.items():
        steps[number].free = (*steps[number].free, source)
    return NetworkGraph(steps, layers)


def _step(
    model: nn.Module, node: fx.Node, index: dict[fx.Node, int], steps: list[Step], fresh: dict[str, Any], numbers: dict[int, int]
) -> Step:
    name = node.name
    if node.op == "placeholder":
        if any(step.kind == "input" for step in steps):
            if not node.args:
                raise NotTraceable(f"forward has a second argument {name!r} without a default")
            return Step(name, "constant", call=_Given(node.args[0]))
        return Step(name, "input")
    if node.op == "get_attr":
        target = str(node.target)
        return Step(name, "constant", call=_Given(fresh[target]) if target in fresh else _Attribute(model, target))
    refs = [index[n] for n in node.all_input_nodes]
    rows = tuple(i for i in refs if steps[i].kind not in ("constant", "size"))
    key = 0
    for i in rows:
        key |= steps[i].key

    def to_ref(other: fx.Node) -> Any:
        return Ref(index[other])

    mapped: Any = fx.node.map_arg((node.args, dict(node.kwargs)), to_ref)
    args, kwargs = mapped
    common: dict[str, Any] = {
        "sources": rows, "constants": tuple(i for i in refs if i not in rows), "key": key, "args": tuple(args), "kwargs": dict(kwargs),
        "single": len(args) == 1 and isinstance(args[0], Ref) and not kwargs,
    }  # fmt: skip
    if node.op == "output":
        if not (common["single"] and rows):
            raise NotTraceable("forward returns something else than one tensor")
        return Step(name, "output", **common)
    if node.op == "call_module":
        module = model.get_submodule(str(node.target))
        if isinstance(module, ScaleDropout):
            if type(module) is not ScaleDropout or module._forward_hooks or module._forward_pre_hooks or not common["single"]:
                raise NotTraceable(f"layer {node.target!r} is not a plain ScaleDropout")
            number = numbers[id(module)]
            return Step(name, "dropout", layer=number, module=module, **(common | {"key": key | (1 << number)}))
        if getattr(module, "inplace", False):
            _check_overwritten(model, node)
            module = _Pure(module)
        return Step(name, "blocks" if rows else "constant", call=module, module=module, **common)
    call: Any = node.target
    if node.op == "call_method":
        text = str(node.target)
        if text in SIZES:
            return Step(name, "size" if rows else "constant", call=_Method(text), **common)
        if text in row_rules.INPLACE_METHODS:
            _check_overwritten(model, node)
            text = row_rules.INPLACE_METHODS[text]
        elif text.endswith("_") and not text.endswith("__"):
            raise NotTraceable(f"{text} writes into a tensor")
        call = _Method(text)
    else:
        if call is getattr and rows:
            if node.args[1] not in ATTRIBUTES:
                raise NotTraceable(f"reads the attribute {node.args[1]!r} of a tensor")
            return Step(name, "size", call=call, **common)
        if not rows and call in IN_PLACE:
            pass  # numbers
        elif call in row_rules.FUNCTIONAL:
            _check_overwritten(model, node)
            call = row_rules.FUNCTIONAL[call]
        elif call is operator.setitem or call in IN_PLACE or _writes(call) or kwargs.get("inplace") or "out" in kwargs:
            raise NotTraceable(f"{getattr(call, '__name__', call)} writes into a tensor")
    return Step(name, "blocks" if rows else "constant", call=call, **common)


def _writes(call: Any) -> bool:
    """Whether the name of a function ends as those of torch that write into their argument."""
    name = getattr(call, "__name__", "")
    return name.endswith("_") and not name.endswith("__")


def _check_overwritten(model: nn.Module, node: fx.Node) -> None:
    """Refuse an operation in place whose first argument somebody else still reads, or may be a view of.

    What an operation in place has written into was looked at when that operation was.
    """
    first = node.args[0]
    fresh = False
    if isinstance(first, fx.Node) and first.op in ("call_module", "call_method", "call_function"):
        target: Any = first.target
        fresh = row_rules.is_fresh(model.get_submodule(target) if first.op == "call_module" else target)
    if not isinstance(first, fx.Node) or len(first.users) > 1 or not fresh:
        raise NotTraceable(f"{node.name} writes into a tensor that other steps read")


class _Pure(nn.Module):
    """A module with ``inplace=True`` that leaves its input alone."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        object.__setattr__(self, "wrapped", module)

    def forward(self, x: Tensor) -> Any:
        wrapped: Any = self.wrapped
        return wrapped(x.clone())


class _Method:
    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, first: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(first, self.name)(*args, **kwargs)


class _Given:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self) -> Any:
        return self.value


class _Attribute:
    """A parameter, buffer or attribute, read when it is used."""

    def __init__(self, model: nn.Module, target: str) -> None:
        self.model, self.path = weakref.ref(model), target.split(".")

    def __call__(self) -> Any:
        found: Any = self.model()
        for name in self.path:
            found = getattr(found, name)
        return found


def fill(template: Any, value: Callable[[int], Any]) -> Any:
    """Return arguments with every :class:`Ref` replaced by the value of its step."""
    if isinstance(template, Ref):
        return value(template.index)
    if isinstance(template, tuple | list):
        filled = [fill(item, value) for item in template]
        return filled if isinstance(template, list) else tuple(filled)
    if isinstance(template, dict):
        return {key: fill(item, value) for key, item in template.items()}
    if isinstance(template, slice):
        return slice(fill(template.start, value), fill(template.stop, value), fill(template.step, value))
    return template


def settle(graph: NetworkGraph, step: Step, values: list[Any], result: Any, rows: int, plain: bool) -> None:
    """Note the size of a step, its work, and whether it may see many rows at once, from the first pass that is walked.

    Parameters
    ----------
    values : list
        Of the steps before.
    result : Any
        Of the step.
    rows : int
        Number of images.
    plain : bool
        Whether arithmetic is that of float32 or float64 on a CPU.
    """
    if not isinstance(result, Tensor):
        return
    step.elements = result.numel() // max(rows, 1)
    if step.module is not None:
        weight = getattr(step.module, "weight", None)
        cells = getattr(step.module, "cells", None)
        size = cells.bits.numel() if cells is not None else (weight.numel() if isinstance(weight, Tensor) and weight.ndim > 1 else 0)
        step.macs = int(size * result.shape[2:].numel()) if step.kind != "dropout" else 0
    if step.kind != "blocks":
        return
    tensors = [values[i] for i in step.sources]
    if isinstance(step.module, nn.Module):
        inner = getattr(step.module, "wrapped", step.module)
        encoded = row_rules.encodes(graph.steps[step.sources[0]].module)
        exact = step.single and row_rules.module_is_exact(inner, encoded)
    else:
        call = step.call.name if isinstance(step.call, _Method) else step.call
        exact = row_rules.operation_is_exact(call, step.args, step.kwargs, tensors, [values[i] for i in step.constants])
    if exact and plain:
        step.kind = "rows"
        pools = isinstance(step.module, nn.MaxPool2d) or step.call in FUNCTIONS
        if pools and not step.constants and len(step.sources) == 1 and isinstance(step.args[0], Ref):
            step.call = QuickPool(step.call, step.args[1:], step.kwargs)
            step.args, step.kwargs, step.single = step.args[:1], {}, True
    elif not all(t.is_contiguous() for t in tensors):
        if step.key:
            raise NotTraceable(f"{step.name} may depend on the layout of a tensor that is not contiguous")
        graph.strided = True
