"""A network of one's own as a graph: tracing, names of operations, and the network that comes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import fx, nn
from torch.nn.modules.batchnorm import _NormBase

from ...errors import ParameterError, suggest
from ...tables import Table
from ..dropout import ScaleDropout
from ..layers import BinaryConv2d, BinaryLinear, DigitalConv2d, DigitalLinear, ImageEncoder

OWN = (BinaryConv2d, BinaryLinear, DigitalConv2d, DigitalLinear, ImageEncoder, ScaleDropout)
WEIGHTS = (nn.Conv2d, nn.Linear)
NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm, ScaleDropout)
FUNCTIONAL_LAYERS = {"conv1d", "conv2d", "conv3d", "linear", "batch_norm", "bilinear"}


class BinarizedNetwork(fx.GraphModule):
    """What :func:`~spinbnn.nn.convert.binarize` returns: the traced network with its layers replaced.

    Attributes
    ----------
    name : str
        Of the class that was converted.
    first, last : str
        Kinds of the first and the last layer.
    conversion : Table
        What became what.
    input_shape : (int, int, int) or None
        ``(C, H, W)`` of one image, if it was told.
    """

    name: str
    first: str
    last: str
    conversion: Table
    input_shape: tuple[int, int, int] | None

    def __deepcopy__(self, memo: dict[int, Any]) -> BinarizedNetwork:
        twin: Any = super().__deepcopy__(memo)
        for key in ("name", "first", "last", "conversion", "input_shape"):
            setattr(twin, key, getattr(self, key))
        result: BinarizedNetwork = twin
        return result


class _Tracer(fx.Tracer):
    """Goes into the user's modules; layers of torch, our own and the kept ones stay whole."""

    def __init__(self, keep: Sequence[str] = ()) -> None:
        super().__init__()
        self.keep = tuple(keep)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if module_qualified_name in self.keep or isinstance(m, OWN + WEIGHTS):
            return True
        return super().is_leaf_module(m, module_qualified_name)


def trace(model: nn.Module, keep: Sequence[str]) -> fx.Graph:
    """Return the graph of a model.

    Raises
    ------
    ParameterError
        If a kept name is unknown, the control flow depends on the image, a layer runs twice or is called as a function.
    """
    known = dict(model.named_modules())
    for name in keep:
        if name not in known or not name:
            raise ParameterError(
                "no such module to keep",
                where="binarize, argument 'keep'",
                value=name,
                remedy=suggest(str(name), [key for key in known if key]),
            )
    try:
        graph = _Tracer(keep).trace(model)
    except Exception as error:  # whatever the model's own code raises on a stand-in for the image
        raise ParameterError(
            f"the model cannot be traced: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            where=f"binarize, {type(model).__name__}",
            value=type(error).__name__,
            remedy="leave branches and loops that depend on the image out of forward, or keep= the module that has them",
        ) from error
    seen: set[str] = set()
    for node in graph.nodes:
        if node.op == "call_function" and operation(model, node) in FUNCTIONAL_LAYERS:
            raise ParameterError(
                "a layer that is called as a function cannot be converted",
                where=f"binarize, node {node.name!r}",
                value=operation(model, node),
                remedy="use nn.Conv2d, nn.Linear, nn.BatchNorm2d, or keep= the module that calls it",
            )
        if node.op == "call_module" and isinstance(module_of(model, node), WEIGHTS + NORMS):
            if node.target in seen:
                raise ParameterError(
                    "a layer runs twice in one pass",
                    where=f"binarize, layer {node.target!r}",
                    value=node.target,
                    remedy="give each use its own layer, or keep= it",
                )
            seen.add(str(node.target))
    return graph


def module_of(model: nn.Module, node: fx.Node) -> Any:
    """Return the module that a node calls, or None."""
    return model.get_submodule(str(node.target)) if node.op == "call_module" else None


def operation(model: nn.Module, node: fx.Node) -> str:
    """Return the name of what a node does: a module's type, a function's or a method's name."""
    if node.op == "call_module":
        return type(module_of(model, node)).__name__
    return str(getattr(node.target, "__name__", node.target))


def shown(node: fx.Node) -> str:
    """Return the name of a node as a user knows it."""
    return str(node.target) if node.op == "call_module" else node.name


def free_name(model: nn.Module, name: str, end: str) -> str:
    """Return the name, with ``end`` behind it as often as it takes to be no name of the model's own.

    Examples
    --------
    >>> free_name(nn.ModuleDict({"encode": nn.Identity()}), "encode", "_image")
    'encode_image'
    """
    parent, _, last = name.rpartition(".")
    while hasattr(model.get_submodule(parent), last):
        name, last = name + end, last + end
    return name


def put(model: nn.Module, name: str, module: nn.Module) -> None:
    """Replace or add a submodule."""
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)


def finish(model: nn.Module, graph: fx.Graph, name: str) -> BinarizedNetwork:
    """Return the network of a graph; modules are registered in the order in which they run.

    Raises
    ------
    ParameterError
        If the nesting of the modules makes that impossible for the scale dropouts.
    """
    graph.lint()
    network = BinarizedNetwork(model, graph, name)
    run = [n.target for n in graph.nodes if isinstance(module_of(network, n), ScaleDropout)]
    registered = [key for key, module in network.named_modules() if isinstance(module, ScaleDropout)]
    if run != registered:
        raise ParameterError(
            "the scale-dropout layers would run in another order than they are registered",
            where=f"binarize, {name}",
            value=registered,
            remedy="nest the modules in the order in which they run: masks are told in that order",
        )
    return network
