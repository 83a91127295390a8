"""``binarize``: a network of one's own, made binary with one call."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import fx, nn

from ..crossbar.plan import FIRST, LAST
from ..errors import ParameterError, suggest
from ..rng import integer_seed
from ..tables import Table
from .binarizers import Binarizer
from .conversion.activations import remove, replace_activations
from .conversion.graph import (
    NORMS,
    OWN,
    WEIGHTS,
    BinarizedNetwork,
    finish,
    free_name,
    module_of,
    operation,
    put,
    shown,
    trace,
)
from .conversion.layers import binary_twin, check_layer, norm_behind, scale_dropout_for
from .dataflow import image_shape
from .depth_rule import resolve_p
from .layers import ImageEncoder

RESHAPES = {"Flatten", "flatten", "view", "reshape", "contiguous", "Identity", "float", "to"}


def binarize(
    model: nn.Module,
    *,
    p: float | Sequence[float] | str = 0.2,
    placement: str = "dual_bn",
    mode: str = "unitary",
    granularity: str = "vector",
    alpha_init: str | None = None,
    binarizer: str | Mapping[str, Any] | Binarizer = "libra",
    first: str = "digital",
    last: str = "digital",
    keep: Sequence[str] = (),
    input_shape: Sequence[int] | None = None,
    seed: int = 0,
) -> BinarizedNetwork:
    r"""Return a binary network with scale dropout made from a network of ``Conv2d`` and ``Linear`` layers.

    - ``Conv2d`` and ``Linear`` become binary layers whose proxies are the float weights.
    - The ``BatchNorm`` behind such a layer becomes scale dropout with its affine parameters and statistics; a layer
      without one gets a new scale dropout. Statistics are taken over for the sum of signs, a bias goes into them:
      :func:`~spinbnn.nn.conversion.layers.scale_dropout_for`.
    - The sign of a ReLU is always +1. A ReLU (GELU, SiLU, ...) whose values reach binary layers only is taken out; one
      whose values are also summed, or taken by a digital layer, becomes a Hardtanh. ``nn.Dropout`` in front of binary
      layers, and a ReLU between a binary layer and its normalisation, are taken out.
    - With ``first = "digital"`` and ``last = "digital"`` the first and the last layer stay as they are, with bias and
      normalisation.

    The result needs training: it starts from the float network's signs, not from its accuracy.

    Parameters
    ----------
    model : nn.Module
        A network that :mod:`torch.fx` can trace: no control flow that depends on the image. It is not changed.
    p : float, sequence or str
        DROP probability, one or one for each binary layer in the order of their scale dropouts, or ``"layer_rule"``.
    placement, mode, granularity, alpha_init : str
        Of the scale dropout, see :class:`~spinbnn.nn.dropout.ScaleDropout`.
    binarizer : str, mapping or Binarizer
        See :func:`~spinbnn.nn.binarizers.make_binarizer`.
    first, last : str
        ``"binary"`` or ``"digital"``, for ``first`` also ``"bit_serial"``. A first layer that is not digital takes
        the image, in [0, 1], through an :class:`~spinbnn.nn.layers.ImageEncoder`.
    keep : sequence of str
        Names of modules that stay as they are, with all that is in them; e.g. the 1 x 1 convolutions of shortcuts. Where
        the first or the last module with weights is kept, it is the digital end, and no other layer stays digital for it.
    input_shape : sequence of int or None
        ``(C, H, W)`` of one image: the result's ``input_shape``, which its encoder checks [].
    seed : int
        Of the initial scales, where ``alpha_init`` draws them.

    Returns
    -------
    BinarizedNetwork
        Its ``conversion`` is a table of what became what; ``name`` is that of the model's class. It is in the mode
        (training or not) of the model.

    Raises
    ------
    ParameterError
        If the model cannot be traced, runs a layer twice, has no layer to make binary, a layer that cannot be made
        binary and is not kept, or a binary layer behind an activation whose sign never changes.

    References
    ----------
    Rastegari et al., XNOR-Net, arXiv 1603.05279 (the scale of a binary filter).

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8),
    ...                     nn.ReLU(), nn.Flatten(), nn.Linear(128, 10))
    >>> binary = binarize(net, p=0.1, input_shape=(1, 8, 8))
    >>> [row[:3] for row in binary.conversion.rows][2:5]
    [['2', 'ReLU', 'removed'], ['3', 'Conv2d', 'BinaryConv2d'], ['4', 'BatchNorm2d', 'ScaleDropout']]
    >>> binary.eval()(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    if not isinstance(model, nn.Module):
        raise ParameterError(
            "a network is a torch.nn.Module",
            where="binarize, argument 'model'",
            value=type(model).__name__,
            remedy="binarize(model), the model with its weights",
        )
    for key, value, known in (("first", first, FIRST), ("last", last, LAST)):
        if value not in known:
            raise ParameterError(
                f"unknown kind of {key} layer",
                where=f"binarize, argument {key!r}",
                value=value,
                remedy=suggest(str(value), known),
            )
    work = _Conversion(copy.deepcopy(model), keep, first, last, input_shape)
    scales = {"placement": placement, "mode": mode, "granularity": granularity, "alpha_init": alpha_init}
    work.convert(p, binarizer, scales, seed)
    network = finish(work.model, work.graph, type(model).__name__)
    network.name, network.first, network.last = type(model).__name__, first, last
    network.input_shape = work.shape
    network.conversion = work.table(network.name)
    network.train(model.training)
    return network


class _Conversion:
    """One conversion: the copied model, its graph, and the report."""

    def __init__(
        self, model: nn.Module, keep: Sequence[str], first: str, last: str, shape: Sequence[int] | None
    ) -> None:
        self.model, self.keep = model, (keep,) if isinstance(keep, str) else tuple(keep)
        self.first, self.last = first, last
        self.shape = None if shape is None else image_shape(model, shape, "binarize")
        self.graph = trace(model, self.keep)
        self.place = {node: number for number, node in enumerate(self.graph.nodes)}
        self.rows: list[tuple[float, list[str]]] = []
        self.binary = self._binary_layers()
        self.image_layer = self.binary[0] if first != "digital" else None
        self._check_images()

    def report(self, node: fx.Node, was: str, became: str, note: str) -> None:
        """Note what a module or function became."""
        self.rows.append((self.place[node], [shown(node), was, became, note]))

    def table(self, name: str) -> Table:
        """Return what became what, in execution order."""
        rows = [row for _, row in sorted(self.rows, key=lambda entry: entry[0])]
        return Table(f"Conversion of {name}", ["module", "was", "became", "note"], rows)

    def _binary_layers(self) -> list[fx.Node]:
        """Return the layers to make binary, and refuse what can be neither converted nor left alone."""
        weights, kept = [], []
        for node in self.graph.nodes:
            module = module_of(self.model, node)
            if module is None:
                continue
            if str(node.target) in self.keep:
                kept += [node] if any(isinstance(part, WEIGHTS) for part in module.modules()) else []
                self.report(node, type(module).__name__, "kept", "")
            elif isinstance(module, OWN + NORMS + (nn.PReLU,)):
                continue
            elif isinstance(module, WEIGHTS):
                weights.append(node)
            elif next(module.parameters(), None) is not None:
                raise ParameterError(
                    "a layer that cannot be made binary",
                    where=f"binarize, layer {node.target!r}",
                    value=type(module).__name__,
                    remedy=f"keep=({str(node.target)!r},) leaves it digital",
                )
        layers = sorted(weights + kept, key=self.place.__getitem__)  # a kept end is the digital end
        ends = [*layers[: self.first == "digital"], *(layers[-1:] if self.last == "digital" else [])]
        digital = [node for node in ends if node not in kept]
        binary = [node for node in weights if node not in digital]
        if not binary:
            raise ParameterError(
                "the model has no layer to make binary",
                where=f"binarize, {type(self.model).__name__}",
                value=[str(node.target) for node in weights],
                remedy="a network with Conv2d or Linear layers besides those that stay digital",
            )
        for node in dict.fromkeys(digital):
            self.report(node, type(module_of(self.model, node)).__name__, "digital", "stays as it is")
        for node in binary:
            check_layer(str(node.target), module_of(self.model, node))
        return binary

    def _check_images(self) -> None:
        """Refuse binary layers that take the image past the encoder, and a first layer that does not take it."""
        for node in self.binary:
            behind: list[fx.Node] = list(node.all_input_nodes)
            plain = True
            while behind:
                before = behind.pop()
                module = module_of(self.model, before)
                if before.op == "placeholder":
                    if node is not self.image_layer:
                        raise ParameterError(
                            "a binary layer takes the image, whose values all have one sign",
                            where=f"binarize, layer {node.target!r}",
                            value=str(node.target),
                            remedy=f"keep=({str(node.target)!r},) leaves it digital",
                        )
                    continue
                plain = plain and operation(self.model, before) in RESHAPES
                if not isinstance(module, WEIGHTS + NORMS) and str(before.target) not in self.keep:
                    behind += before.all_input_nodes
            if node is self.image_layer and not plain:
                raise ParameterError(
                    "the first layer does not take the image itself",
                    where=f"binarize, layer {node.target!r}",
                    value=str(node.target),
                    remedy="first='digital', or take out what stands in front of it",
                )

    def convert(
        self,
        p: float | Sequence[float] | str,
        binarizer: str | Mapping[str, Any] | Binarizer,
        scales: dict[str, Any],
        seed: int,
    ) -> None:
        """Replace activations, layers and normalisations in the graph."""
        norms = {}
        for node in self.binary:
            norms[node], between = norm_behind(self.model, node)
            for passed in between:
                remove(self.model, self.graph, passed, self.report, "stood in front of the normalisation")
        replace_activations(self.model, self.graph, self.binary, self.keep, self.report)
        order = {node: number for number, node in enumerate(self.graph.nodes)}
        self.binary.sort(
            key=lambda node: order[norms[node] or node]
        )  # masks and p: in the order of the dropouts
        sizes = [int(module_of(self.model, node).weight.numel()) for node in self.binary]
        for number, (node, chosen) in enumerate(
            zip(self.binary, resolve_p(p, sizes, "binarize"), strict=True)
        ):
            draw = torch.Generator().manual_seed(integer_seed(seed, "alpha", "binarize", number))
            self._replace(node, norms[node], chosen, binarizer, {**scales, "generator": draw})
        if self.shape is not None or self.image_layer is not None:
            self._encode()

    def _replace(
        self,
        node: fx.Node,
        norm: fx.Node | None,
        p: float,
        binarizer: str | Mapping[str, Any] | Binarizer,
        scales: dict[str, Any],
    ) -> None:
        layer = module_of(self.model, node)
        options: dict[str, Any] = {"binarizer": binarizer}
        inputs = 1.0
        if node is self.image_layer:
            bits = 8 if self.first == "bit_serial" else 1
            options |= {"binarize_input": False, "input_bits": bits}
            inputs = 255.0 if bits == 8 else 1.0
        old = None if norm is None else module_of(self.model, norm)
        drop = scale_dropout_for(layer, old, p, inputs=inputs, **scales)
        twin = binary_twin(layer, **options)
        put(self.model, str(node.target), twin)
        bias = "" if layer.bias is None else "bias folded into the normalisation"
        self.report(node, type(layer).__name__, type(twin).__name__, bias)
        if norm is not None:
            put(self.model, str(norm.target), drop)
            self.report(norm, type(old).__name__, "ScaleDropout", f"p = {p:g}")
            return
        name = free_name(self.model, f"{node.target}_norm", "_added")
        put(self.model, name, drop)
        with self.graph.inserting_after(node):
            added = self.graph.call_module(name)
        node.replace_all_uses_with(added)
        added.args = (node,)
        self.rows.append((self.place[node] + 0.5, [name, "", "ScaleDropout", f"added, p = {p:g}"]))

    def _encode(self) -> None:
        """Put an encoder behind the image."""
        images = [node for node in self.graph.nodes if node.op == "placeholder"]
        if len(images) != 1:
            raise ParameterError(
                "an encoder needs a network with one input",
                where="binarize, argument 'first'"
                if self.image_layer
                else "binarize, argument 'input_shape'",
                value=[node.name for node in images],
                remedy="first='digital' without input_shape",
            )
        name = free_name(self.model, "encode", "_image")
        put(self.model, name, ImageEncoder(self.first, shape=self.shape, where=type(self.model).__name__))
        with self.graph.inserting_after(images[0]):
            added = self.graph.call_module(name)
        images[0].replace_all_uses_with(added)
        added.args = (images[0],)
        self.rows.append((-1.0, [name, "", "ImageEncoder", self.first]))
