r"""The walk through a network that computes every layer once for each distinct prefix of the masks.

A row is an image with the mask bits of the layers passed so far. Scale dropout after an accumulation z needs no
accumulation of its own for either branch, :math:`y_d = z s_d + t_d`, so that the layers after it run on the distinct
rows alone, and the layers before it only once. Where tensors grow beyond a budget the walk goes on depth first with a part of
the rows.

Bits: operations whose result for a row does not depend on the other rows (:mod:`.row_rules`) see all rows at once; all others
see the very rows, in the order, that a pass of the plain loop gives them. So every pass is bit-equal to that loop's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..nn import BinaryConv2d, BinaryLinear, ScaleDropout
from ..nn.dropout import PLACEMENTS
from .network_graph import NetworkGraph, NotTraceable, Step, fill, settle
from .row_rules import ours
from .row_tree import Index, RowTree, patterns

BUDGET = 2**22
"""Largest number of values of one step at a time, unless a single pass has more []."""
SAMPLED_BUDGET = 2**20
"""The same for passes that share nothing: more only leaves the cache []."""


def all_coefficients(layers: Sequence[ScaleDropout]) -> list[tuple[Tensor, Tensor]]:
    """Return ``layer.coefficients()`` of every layer; of layers alike, by one calculation over all of their channels.

    Folding is done channel by channel with the same operations, so that the bits are those of the layers' own method.

    Examples
    --------
    >>> layers = [ScaleDropout(c, alpha_init="uniform", generator=torch.Generator().manual_seed(c)) for c in (3, 5)]
    >>> found = all_coefficients(layers)
    >>> all(torch.equal(a, b) for layer, pair in zip(layers, found) for a, b in zip(layer.coefficients(), pair))
    True
    """
    first = layers[0]
    alike = {(type(v), v.placement, v.mode, v.eps, v.alpha.dtype, v.alpha.device) for v in layers}
    if len(layers) < 2 or len(alike) > 1 or type(first) is not ScaleDropout or first.mode != "unitary":
        return [layer.coefficients() for layer in layers]
    sizes = [layer.channels for layer in layers]
    joined: Any = SimpleNamespace(
        eps=first.eps,
        weight=None if first.weight is None else torch.cat([v.weight for v in layers], dim=-1),
        bias=torch.cat([v.bias for v in layers], dim=-1),
        running_mean=torch.cat([v.running_mean for v in layers], dim=-1),
        running_var=torch.cat([v.running_var for v in layers], dim=-1),
    )
    alpha, rule = torch.cat([v.alpha for v in layers]), PLACEMENTS[first.placement]
    kept, dropped = rule.fold(joined, alpha, 0), rule.fold(joined, torch.ones_like(alpha), -1)
    scale, shift = torch.stack((kept[0], dropped[0])), torch.stack((kept[1], dropped[1]))
    return list(zip(scale.split(sizes, dim=1), shift.split(sizes, dim=1), strict=True))


class _Once:
    """A function without arguments that is called once."""

    def __init__(self, call: Any) -> None:
        self.call, self.found = call, None

    def __call__(self) -> Any:
        if self.found is None:
            self.found = self.call()
        return self.found


@contextmanager
def frozen_weights(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Binarise the weights of each layer at most once within a ``with`` block."""
    held = []
    for module in modules:
        if type(module) in (BinaryConv2d, BinaryLinear) and "binary_weight" not in vars(module) and ours(module):
            vars(module)["binary_weight"] = _Once(module.binary_weight)
            held.append(module)
    try:
        yield
    finally:
        for module in held:
            del vars(module)["binary_weight"]


def mask_tree(masks: Tensor, widths: list[int], images: int, share: bool) -> tuple[RowTree, list[np.ndarray]]:
    """Return the rows that masks need, and the bit patterns of each layer.

    Parameters
    ----------
    masks : Tensor
        ``(S, M)``, or ``(S, B, M)`` with a mask for every image.
    widths : list of int
        Mask bits of each layer, M in all.
    images : int
        Images of a batch, B.
    share : bool
        Whether passes with a common prefix share rows.
    """
    bits = masks.reshape(-1, masks.shape[-1]).numpy()
    ids, found = patterns(bits, widths)
    count = len(bits)
    if not share:
        start = np.arange(count)
    else:
        start = np.arange(count) % images if masks.ndim == 3 else np.zeros(count, np.int64)
    return RowTree(ids, [len(p) for p in found], start), list(found)


class Walk:
    """One way through a network for given masks and batches of one size.

    Parameters
    ----------
    graph : NetworkGraph
        The network's steps.
    masks : Tensor
        ``(S, M)`` or ``(S, B, M)``, 0 or 1.
    widths : list of int
        Mask bits of each dropout layer.
    images : int
        Images of a batch, B.
    share : bool
        Whether passes with a common prefix share rows.
    budget : int or None
        Largest number of values of one step at a time, unless a single pass has more; None: :data:`BUDGET`, or
        :data:`SAMPLED_BUDGET` where nothing is shared.
    """

    def __init__(
        self, graph: NetworkGraph, masks: Tensor, widths: list[int], images: int, *, share: bool = True, budget: int | None = None
    ) -> None:
        self.graph, self.images = graph, images
        self.budget = budget if budget is not None else BUDGET if share else SAMPLED_BUDGET
        self.samples, self.per_image = len(masks), masks.ndim == 3
        self.unit = 1 if self.per_image else images
        self.tree, self.patterns = mask_tree(masks, widths, images, share)
        self.own = self.per_image and share
        self.by_pass = self.own and graph.has_blocks
        self.keys = graph.own_keys if self.own else [step.key for step in graph.steps]
        self._coefficients: list[tuple[Tensor, Tensor]] = []
        self._picked_bits: set[int] = set()
        self._x: Any = None
        self._out: Tensor | None = None
        self._whole: Tensor | None = None

    def probabilities(self, x: Tensor) -> Tensor:
        """Return the softmax of the logits for every mask and image, ``(S, B, C)``, float64 on the CPU."""
        self._x, self._out, self._whole = x, None, None
        self._run(0, [None] * len(self.graph.steps), self.tree, np.arange(len(self.tree)))
        if self._whole is not None:
            return self._whole
        assert self._out is not None
        return self._out.view(self.samples, self.images, -1)

    def forget(self) -> None:
        """Drop what was computed from parameters and images; call it before the walk is used with other ones."""
        self._coefficients, self._picked_bits = [], set()
        self._x = self._out = self._whole = None

    def _run(self, start: int, values: list[Any], tree: RowTree, items: Index) -> None:
        """Walk from a step on, with the values of the steps before, for some of the masks."""
        steps = self.graph.steps
        for number in range(start, len(steps)):
            step = steps[number]
            key = self.keys[number]
            if step.elements:
                groups = max(1, self.budget // (self.unit * step.elements))
                if tree.rows(key).count > groups:
                    parts = self._parts(tree, key, groups)
                    if len(parts) > 1:
                        for chosen, part in parts:
                            self._run(number, self._restricted(number, values, tree, chosen, part), part, items[chosen])
                        return
            kind = step.kind
            if kind == "rows":
                if step.single:
                    source = step.sources[0]
                    result = step.call(self._gathered(values[source], tree, self.keys[source], key))
                else:
                    result = self._call(step, values, tree, key)
            elif kind == "dropout":
                result = self._drop(step, values[step.sources[0]], tree, self.keys[step.sources[0]])
            elif kind == "blocks":
                result = self._blocks(step, values, tree, key)
            elif kind == "constant":
                result = step.call(*fill(step.args, values.__getitem__), **fill(step.kwargs, values.__getitem__))
            elif kind == "size":
                result = self._size(step, values)
            elif kind == "input":
                result = self._input(tree, items)
            else:
                self._finish(values[step.sources[0]], tree.rows(key).inverse, items)
                return
            if not self.graph.settled:
                plain = self._x.device.type == "cpu" and self._x.dtype in (torch.float32, torch.float64)
                settle(self.graph, step, values, result, len(self._x), plain)
            values[number] = result
            for done in step.free:
                values[done] = None

    def _parts(self, tree: RowTree, key: int, groups: int) -> list[tuple[Index, RowTree]]:
        if not self.by_pass:
            return tree.split(key, groups)
        passes = max(1, groups // self.images)
        length = passes * self.images
        parts = [np.arange(top, min(top + length, len(tree))) for top in range(0, len(tree), length)]
        return [(chosen, tree.part(chosen)) for chosen in parts] if len(parts) > 1 else []

    def _restricted(self, number: int, values: list[Any], tree: RowTree, chosen: Index, part: RowTree) -> list[Any]:
        """Return the values of the steps before for a part of the masks."""
        kept: list[Any] = []
        for before, value in enumerate(values):
            if before < number and isinstance(value, Tensor) and self.graph.steps[before].kind not in ("constant", "size"):
                groups = tree.inherited(self.keys[before], chosen, part)
                if len(groups) == tree.rows(self.keys[before]).count:
                    kept.append(value)
                    continue
                wide = value.reshape(-1, self.unit, *value.shape[1:])
                low, high = int(groups[0]), int(groups[-1])
                straight = high - low + 1 == len(groups)
                wide = wide[low : high + 1] if straight else wide[torch.from_numpy(groups)]
                kept.append(wide.reshape(-1, *value.shape[1:]))
            else:
                kept.append(value)
        return kept

    def _input(self, tree: RowTree, items: Index) -> Tensor:
        rows = tree.rows(0)
        if self.per_image:
            chosen = items[rows.first] % self.images
            if len(chosen) == self.images and bool((chosen[1:] > chosen[:-1]).all()):
                return self._x
            return self._x[torch.from_numpy(chosen).to(self._x.device)]
        return self._x if rows.count == 1 else self._x.repeat(rows.count, *[1] * (self._x.ndim - 1))

    def _gathered(self, value: Tensor, tree: RowTree, key: int, finer: int) -> Tensor:
        """Return the value of each row of ``finer``."""
        index = tree.parents(key, finer)
        return value if index is None else self._picked(value, index)

    def _picked(self, value: Tensor, index: Tensor) -> Tensor:
        flat = value.reshape(-1, self.unit * value[0].numel())
        return flat.index_select(0, index.to(value.device)).view(-1, *value.shape[1:])

    def _call(self, step: Step, values: list[Any], tree: RowTree, key: int) -> Any:
        def value(index: int) -> Any:
            return self._gathered(values[index], tree, self.keys[index], key) if index in step.sources else values[index]

        return step.call(*fill(step.args, value), **fill(step.kwargs, value))

    def _blocks(self, step: Step, values: list[Any], tree: RowTree, key: int) -> Tensor:
        """Call a step with the rows of one pass at a time."""
        given = {i: self._gathered(values[i], tree, self.keys[i], key) for i in step.sources}
        rows, found = tree.rows(key).count * self.unit, []
        if rows % self.images:
            raise NotTraceable(f"{step.name} would see a part of a pass")
        for top in range(0, rows, self.images):
            part = {i: t if key == 0 and rows == self.images else aligned(t[top : top + self.images]) for i, t in given.items()}
            value = step.call(part[step.sources[0]]) if step.single else self._call_block(step, part, values)
            if not isinstance(value, Tensor) or value.ndim == 0 or len(value) != self.images:
                raise NotTraceable(f"{step.name} does not return one row for each image")
            found.append(value)
        return found[0] if len(found) == 1 else torch.cat(found)

    def _call_block(self, step: Step, part: dict[int, Tensor], values: list[Any]) -> Any:
        def value(index: int) -> Any:
            return part[index] if index in part else values[index]

        return step.call(*fill(step.args, value), **fill(step.kwargs, value))

    def _size(self, step: Step, values: list[Any]) -> Any:
        """Return what a pass of the plain loop would find as the size, or type, of a tensor."""
        tensor = values[step.sources[0]]
        twin = torch.empty((self.images, *tensor.shape[1:]), dtype=tensor.dtype, device="meta")
        if step.call is getattr and step.args[1] == "device":
            return tensor.device

        def value(index: int) -> Any:
            return twin if index == step.sources[0] else values[index]

        return step.call(*fill(step.args, value), **fill(step.kwargs, value))

    def _scales(self, step: Step) -> tuple[Tensor, Tensor]:
        """Return scale and shift for each bit pattern of a layer, each ``(patterns, C)``."""
        if not self._coefficients:
            self._coefficients = all_coefficients(self.graph.layers)
        found = self._coefficients[step.layer]
        bits = self.patterns[step.layer]
        if bits.shape[1] > 1 and step.layer not in self._picked_bits:
            which = torch.from_numpy(bits.astype(bool)).to(found[0].device)
            found = (torch.where(which, found[0][1], found[0][0]), torch.where(which, found[1][1], found[1][0]))
            self._coefficients[step.layer] = found
            self._picked_bits.add(step.layer)
        return found

    def _drop(self, step: Step, value: Tensor, tree: RowTree, key: int) -> Tensor:
        """Return kept and dropped branches of one accumulation, as two separately rounded operations."""
        scale, shift = self._scales(step)
        how = tree.expand(key, step.layer)
        shape = value.shape[1:]
        wide = (shape[0], *[1] * (len(shape) - 1))
        if how.full:
            rows = value.reshape(-1, 1, self.unit, *shape)
            result = (rows * scale.reshape(1, 2, 1, *wide)).add_(shift.reshape(1, 2, 1, *wide))
            return result.view(-1, *shape)
        pick = how.pick.to(value.device)
        factors, offsets = scale[pick].view(-1, 1, *wide), shift[pick].view(-1, 1, *wide)
        if how.parent is None:
            result = value.reshape(-1, self.unit, *shape) * factors
        else:
            result = self._picked(value, how.parent).view(-1, self.unit, *shape).mul_(factors)
        return result.add_(offsets).view(-1, *shape)

    def _finish(self, logits: Tensor, inverse: Index, items: Index) -> None:
        """Keep the class probabilities of some of the masks."""
        if logits.ndim != 2:
            raise NotTraceable(f"the logits have the shape {tuple(logits.shape)}")
        probs = torch.softmax(logits.to("cpu", torch.float64), dim=1)
        groups = probs.view(-1, self.unit, probs.shape[1])
        same = len(groups) == len(inverse) and bool((inverse[1:] > inverse[:-1]).all())
        found = groups if same else groups.index_select(0, torch.from_numpy(inverse))
        if len(items) == len(self.tree):
            self._whole = found.reshape(self.samples, self.images, -1)
            return
        if self._out is None:
            self._out = probs.new_empty((len(self.tree), self.unit, probs.shape[1]))
        self._out[torch.from_numpy(items)] = found


def aligned(part: Tensor) -> Tensor:
    """Return a block as the loop would hold it: at the start of an allocation of its own."""
    return part if part.data_ptr() % 64 == 0 and part.is_contiguous() else part.clone(memory_format=torch.contiguous_format)
