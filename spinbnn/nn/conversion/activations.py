"""Activation functions in front of binary layers: the sign of a ReLU is always +1."""

from __future__ import annotations

from collections.abc import Callable, Collection

from torch import fx, nn
from torch.nn import functional

from ...errors import ParameterError
from .graph import NORMS, WEIGHTS, module_of, operation, shown

ONE_SIDED = {
    *("ReLU", "ReLU6", "relu", "relu_", "relu6"),
    *("GELU", "gelu", "SiLU", "silu", "Mish", "mish", "Hardswish", "hardswish"),
}
"""Activations whose negative side is (next to) nothing; far below zero it is exactly zero, whose sign is +1."""

POSITIVE = {
    *("Sigmoid", "sigmoid", "sigmoid_", "Hardsigmoid", "hardsigmoid", "LogSigmoid", "logsigmoid"),
    *("Softplus", "softplus", "Softmax", "softmax", "Softmax2d", "LogSoftmax", "log_softmax"),
    *("abs", "abs_", "exp", "exp_", "square", "square_"),
}
"""Functions whose values have one sign."""

CLAMPS = {"clamp", "clamp_", "clip", "clip_", "clamp_min", "clamp_min_", "hardtanh", "hardtanh_"}
DROPOUTS = {f"{name}{end}" for name in ("Dropout", "dropout") for end in ("", "1d", "2d", "3d", "_")} | {
    *("AlphaDropout", "alpha_dropout", "FeatureAlphaDropout", "feature_alpha_dropout")
}

Report = Callable[[fx.Node, str, str, str], None]
"""Called with a node, what it was, what it became, and a note."""


def one_sign(model: nn.Module, node: fx.Node) -> bool:
    """Tell whether a function's values have one sign, and no more is known than that."""
    name, module = operation(model, node), module_of(model, node)
    if isinstance(module, nn.Hardtanh) and not isinstance(module, nn.ReLU6):
        return bool(module.min_val >= 0)
    if isinstance(module, nn.Threshold):
        return module.threshold >= 0 and module.value >= 0
    if name in CLAMPS:
        low = node.kwargs.get("min", node.kwargs.get("min_val", node.args[1] if len(node.args) > 1 else None))
        return isinstance(low, int | float) and low >= 0
    return name in POSITIVE


def reached(model: nn.Module, node: fx.Node, binary: Collection[fx.Node], keep: Collection[str]) -> set[str]:
    """Return what the values of a node come to before a layer or a normalisation changes them.

    ``"binary"`` and ``"digital"`` layers, ``"norm"``, ``"output"``, and ``"sum"`` where they are joined with others.
    """
    found: set[str] = set()
    seen: set[fx.Node] = set()
    waiting = list(node.users)
    while waiting:
        user = waiting.pop()
        if user in seen:
            continue
        seen.add(user)
        module = module_of(model, user)
        if user in binary or takes_signs(module):
            found.add("binary")
        elif isinstance(module, WEIGHTS) or str(user.target) in keep:
            found.add("digital")
        elif isinstance(module, NORMS):
            found.add("norm")
        elif user.op == "output":
            found.add("output")
        else:
            if len(user.all_input_nodes) > 1:
                found.add("sum")
            waiting += user.users
    return found


def in_place(model: nn.Module, node: fx.Node) -> bool:
    """Tell whether an activation writes its result into what it is given."""
    module = module_of(model, node)
    told = getattr(module, "inplace", False) or node.kwargs.get("inplace", False)
    return bool(told) or (module is None and operation(model, node).endswith("_"))


def takes_signs(module: object) -> bool:
    """Tell whether a layer is one of ours that takes the sign of what it is given."""
    return bool(getattr(module, "binarize_input", False))


def replace_activations(
    model: nn.Module, graph: fx.Graph, binary: Collection[fx.Node], keep: Collection[str], report: Report
) -> None:
    """Take out or replace the activations and dropouts whose values binary layers take.

    Raises
    ------
    ParameterError
        For a function whose values have one sign, or an activation that works in place on what others use.
    """
    for node in list(graph.nodes):
        if node.op not in ("call_module", "call_function", "call_method") or str(node.target) in keep:
            continue
        name = operation(model, node)
        one_sided, dropout, constant = name in ONE_SIDED, name in DROPOUTS, one_sign(model, node)
        if not (one_sided or dropout or constant):
            continue
        if not node.users:
            raise ParameterError(
                "an activation whose result is not used",
                where=f"binarize, {shown(node)!r}",
                value=name,
                remedy="write x = activation(x): what works in place only cannot be followed",
            )
        source = node.args[0] if node.args else node.kwargs["input"]
        if (
            in_place(model, node)
            and isinstance(source, fx.Node)
            and any(user > node for user in source.users)
        ):
            raise ParameterError(
                "an activation works in place on a map that is used again behind it",
                where=f"binarize, {shown(node)!r}",
                value=name,
                remedy="inplace=False, so that it is told which of the two maps is meant",
            )
        found = reached(model, node, binary, keep)
        if "binary" not in found:
            continue
        if constant:
            raise ParameterError(
                "a binary layer would take the signs of an activation that is never negative (or never positive)",
                where=f"binarize, {shown(node)!r}",
                value=name,
                remedy="use ReLU, Hardtanh or no activation in front of binary layers, or keep= the layer behind it",
            )
        if dropout:
            remove(model, graph, node, report, "scale dropout takes its place")
        elif found == {"binary"}:
            remove(model, graph, node, report, "its sign is always +1")
        else:
            with graph.inserting_after(node):
                clipped = graph.call_function(functional.hardtanh, ())
            node.replace_all_uses_with(clipped)
            clipped.args = (node.args[0] if node.args else node.kwargs["input"],)
            graph.erase_node(node)
            report(node, name, "hardtanh", f"reaches {', '.join(sorted(found))}")


def remove(model: nn.Module, graph: fx.Graph, node: fx.Node, report: Report, why: str) -> None:
    """Take a function of one map out of the graph."""
    name = operation(model, node)
    source = node.args[0] if node.args else node.kwargs["input"]
    assert isinstance(source, fx.Node)
    node.replace_all_uses_with(source)
    graph.erase_node(node)
    report(node, name, "removed", why)
