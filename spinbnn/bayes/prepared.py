"""A network made ready to be walked: traced, compared with its own forward function on one pass, and kept."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..nn.hardware.placed import PlacedLayer
from . import shared_prefixes
from .network_graph import NetworkGraph, NotTraceable, signature, trace
from .plain_passes import run_passes
from .row_tree import RowTree
from .shared_prefixes import Walk, aligned, mask_tree

KEPT = 16
_known: weakref.WeakKeyDictionary[nn.Module, tuple[Any, dict[Any, Prepared]]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """The steps of a network for images of one shape, or why there are none."""

    graph: NetworkGraph | None
    reason: str
    device: torch.device
    walks: dict[Any, Walk]


def prepare(model: nn.Module, modules: Sequence[tuple[str, nn.Module]], images: Tensor, widths: list[int]) -> Prepared:
    """Return the steps of a network in eval mode; they are found once for each structure and shape of the images.

    The first call walks one pass of at most two images and compares it with ``model(images)``, bit for bit: a trace that
    froze a random number, or a decision, is not used.

    Parameters
    ----------
    model : nn.Module
        In eval mode.
    modules : sequence
        ``list(model.named_modules())``.
    images : Tensor
        On the model's device, ``(B, ...)``.
    widths : list of int
        Mask bits of each dropout layer.
    """
    now = signature(model, modules)
    kept = _known.get(model)
    if kept is None or kept[0] != now:
        kept = (now, {})
        _known[model] = kept
    # a number of images that is 1 may be mistaken for one that broadcasts
    images = aligned(images[:2])
    shape = (tuple(images.shape), images.dtype, images.device, tuple(widths))
    if shape not in kept[1]:
        if len(kept[1]) >= KEPT:
            kept[1].clear()
        kept[1][shape] = _prepare(model, images, widths)
    return kept[1][shape]


def _prepare(model: nn.Module, images: Tensor, widths: list[int]) -> Prepared:
    masks = (torch.arange(sum(widths)) % 2).to(torch.uint8)[None]
    placed = [module for module in model.modules() if isinstance(module, PlacedLayer)]
    counted = [module.clipping for module in placed]
    try:
        expected = run_passes(model, images, masks)
        graph = trace(model)
        found = Walk(graph, masks, widths, len(images)).probabilities(images)
        if not torch.equal(found, expected):
            raise NotTraceable("its trace does not compute what its forward function computes")
        graph.settled = True
        graph.find_own_keys()
        return Prepared(graph, "", images.device, {})
    except NotTraceable as error:
        return Prepared(None, str(error), images.device, {})
    finally:
        for module, count in zip(placed, counted, strict=True):
            module.clipping = count


def walk_all(
    ready: Prepared, x: Tensor, masks: Tensor, widths: list[int], batch_size: int, *, share: bool = True, keep: str = "",
    budget: int | None = None,
) -> Tensor:  # fmt: skip
    """Return the class probabilities of every mask, ``(S, B, C)``, batch by batch.

    Parameters
    ----------
    ready : Prepared
        With a graph; the network is in eval mode.
    x : Tensor
        All images.
    masks : Tensor
        ``(S, M)``, or ``(S, B, M)`` with a mask for every image.
    widths : list of int
        Mask bits of each dropout layer.
    batch_size : int
        Images computed at once.
    share : bool
        Whether passes share what they have in common.
    keep : str
        Name under which the plan is kept for the next call with the same masks; empty: it is not.
    budget : int or None
        Largest number of values of one step at a time, as in :class:`~spinbnn.bayes.shared_prefixes.Walk`.
    """
    assert ready.graph is not None
    walks: dict[int, Walk] = {}
    blocks = []
    for start in range(0, len(x), batch_size):
        part = slice(start, start + batch_size)
        images = aligned(x[part].to(ready.device))
        name, size = (keep, len(images), budget, shared_prefixes.BUDGET), len(images)
        walk = ready.walks.get(name) if keep else walks.get(size)
        if walk is None:
            chosen = masks if masks.ndim == 2 else masks[:, part]
            walk = Walk(ready.graph, chosen, widths, size, share=share, budget=budget)
            if keep:
                if len(ready.walks) >= KEPT:
                    ready.walks.clear()
                ready.walks[name] = walk
            elif masks.ndim == 2:
                walks[size] = walk
        try:
            blocks.append(walk.probabilities(images))
        finally:
            if keep:
                walk.forget()
    return blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=1)


def cost(graph: NetworkGraph, masks: Tensor, widths: list[int]) -> float:
    """Return the work of a set of masks ``(S, M)`` for one image, in passes of the network.

    The work of a step is its multiply-accumulates, plus one for every value that it makes.
    """
    tree: RowTree
    tree, _ = mask_tree(masks, widths, 1, True)
    steps = [step for step in graph.steps if step.kind in ("dropout", "rows", "blocks")]
    work = np.array([step.macs + step.elements for step in steps], dtype=float)
    rows = np.array([tree.rows(step.key).count for step in steps], dtype=float)
    return float((work * rows).sum() / work.sum())
