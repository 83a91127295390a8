"""Which rows a set of masks needs: the distinct prefixes of its bits, layer by layer, and who descends from whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Index = NDArray[np.int64]
TABLE = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The distinct restrictions of N items to some layers, in ascending order of their bits.

    Attributes
    ----------
    inverse : ndarray
        Group of each item, shape ``(N,)``.
    first : ndarray
        One item of each group, shape ``(count,)``.
    count : int
        Number of groups.
    """

    inverse: Index
    first: Index
    count: int


def distinct(codes: Index, limit: int) -> Rows:
    """Group equal codes in ``[0, limit)``, in ascending order.

    Examples
    --------
    >>> rows = distinct(np.array([5, 2, 5]), 6)
    >>> rows.inverse.tolist(), rows.first.tolist(), rows.count
    ([1, 0, 1], [1, 0], 2)
    """
    if limit > TABLE and limit > 4 * len(codes):
        _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        return Rows(inverse.astype(np.int64), first.astype(np.int64), len(first))
    seen = np.zeros(limit, np.int64)
    seen[codes] = 1
    number = np.cumsum(seen) - 1
    count = int(number[-1]) + 1
    inverse = number[codes]
    first = np.empty(count, np.int64)
    first[inverse[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return Rows(inverse, first, count)


@dataclass(frozen=True, slots=True, eq=False)
class Expansion:
    """How the rows after a dropout layer follow from those before it.

    Attributes
    ----------
    parent : Tensor or None
        Group before for each group after; None if they are the same groups.
    pick : Tensor
        Pattern of the layer's bits for each group after.
    full : bool
        Every group before has both bits, in order.
    """

    parent: Tensor | None
    pick: Tensor
    full: bool


class RowTree:
    """Rows of N items (masks, or pairs of mask and image) for every set of dropout layers, worked out when asked for.

    Parameters
    ----------
    ids : list of ndarray
        For each dropout layer the number of each item's bit pattern, shape ``(N,)``: 0 and 1 for a layer of one bit.
    sizes : list of int
        Number of patterns of each layer.
    start : ndarray
        Group of each item before the first dropout layer, from 0 on without gaps, shape ``(N,)``.

    Notes
    -----
    A set of layers is an integer whose bit l stands for layer l. The set ``own`` (one bit above the last layer) gives
    every item a row of its own, in the order of the items.

    Examples
    --------
    >>> tree = RowTree([np.array([0, 0, 1]), np.array([0, 1, 1])], [2, 2], np.zeros(3, np.int64))
    >>> [tree.rows(key).count for key in (0b00, 0b01, 0b11)]
    [1, 2, 3]
    """

    def __init__(self, ids: list[Index], sizes: list[int], start: Index) -> None:
        self.ids, self.sizes, self.start = ids, sizes, start
        self.own = 1 << len(ids)
        self._rows: dict[int, Rows] = {}
        self._maps: dict[tuple[int, int], Tensor | None] = {}
        self._expansions: dict[tuple[int, int], Expansion] = {}
        self._parts: dict[tuple[int, int], list[tuple[Index, RowTree]]] = {}

    def __len__(self) -> int:
        return len(self.start)

    def rows(self, key: int) -> Rows:
        """Return the distinct rows over the set of layers ``key``."""
        found = self._rows.get(key)
        if found is None:
            if key & self.own:
                everyone = np.arange(len(self.start))
                found = Rows(everyone, everyone, len(everyone))
            elif key == 0:
                found = distinct(self.start, int(self.start.max()) + 1)
            else:
                last = key.bit_length() - 1
                before, size = self.rows(key & ~(1 << last)), self.sizes[last]
                found = distinct(before.inverse * size + self.ids[last], before.count * size)
            self._rows[key] = found
        return found

    def parents(self, key: int, finer: int) -> Tensor | None:
        """Return the group in ``key`` of each group in ``finer``, a superset; None if the groups are the same."""
        if key == finer:
            return None
        if (key, finer) not in self._maps:
            before, after = self.rows(key), self.rows(finer)
            index = before.inverse[after.first]
            same = before.count == after.count and bool((index[1:] > index[:-1]).all())
            self._maps[key, finer] = None if same else torch.from_numpy(index)
        return self._maps[key, finer]

    def expand(self, key: int, layer: int) -> Expansion:
        """Return how the rows of ``key`` become those of ``key`` and ``layer``."""
        if (key, layer) not in self._expansions:
            finer = key | (1 << layer)
            before, after = self.rows(key), self.rows(finer)
            parent, pick = self.parents(key, finer), self.ids[layer][after.first]
            doubled = self.sizes[layer] == 2 and after.count == 2 * before.count
            # a layer that is registered before one of those passed already sorts its rows elsewhere
            full = doubled and parent is not None and _in_turn(parent.numpy(), pick)
            self._expansions[key, layer] = Expansion(parent, torch.from_numpy(pick), full)
        return self._expansions[key, layer]

    def split(self, key: int, groups: int) -> list[tuple[Index, RowTree]]:
        """Cut the items into parts of at most ``groups`` rows of ``key`` each; return their items and trees."""
        if (key, groups) not in self._parts:
            rows = self.rows(key)
            number = rows.inverse // groups
            parts = [np.flatnonzero(number == k) for k in range(-(-rows.count // groups))]
            self._parts[key, groups] = [(items, self.part(items)) for items in parts]
        return self._parts[key, groups]

    def part(self, items: Index) -> RowTree:
        """Return the tree of some of the items."""
        start = np.unique(self.start[items], return_inverse=True)[1].astype(np.int64)
        return RowTree([ids[items] for ids in self.ids], self.sizes, start)

    def inherited(self, key: int, items: Index, part: RowTree) -> Index:
        """Return the group here of each group of ``part``, the tree of ``items``, over the layers ``key``."""
        found: Index = self.rows(key).inverse[items][part.rows(key).first]
        return found


def _in_turn(parent: Index, pick: Index) -> bool:
    """Whether the groups after are both bits of the first group before, then both of the second, and so on."""
    order = np.arange(len(pick))
    return bool((parent == order // 2).all() and (pick == order % 2).all())


def patterns(masks: NDArray[np.uint8], widths: list[int]) -> tuple[list[Index], list[NDArray[np.uint8]]]:
    """Split masks into layers and number the distinct bit patterns of each layer.

    Parameters
    ----------
    masks : ndarray
        Shape ``(N, sum(widths))``, 0 or 1.
    widths : list of int
        Mask bits of each layer.

    Returns
    -------
    ids : list of ndarray
        Pattern of each item, shape ``(N,)``. For a layer of one bit the bit itself.
    bits : list of ndarray
        The patterns, shape ``(number, width)``.

    Examples
    --------
    >>> ids, bits = patterns(np.array([[1, 1, 0], [0, 1, 0]], np.uint8), [1, 2])
    >>> [i.tolist() for i in ids], [b.tolist() for b in bits]
    ([[1, 0], [0, 0]], [[[0], [1]], [[1, 0]]])
    """
    ids: list[Index] = []
    bits: list[NDArray[np.uint8]] = []
    top = 0
    for width in widths:
        part = masks[:, top : top + width]
        top += width
        if width == 1:
            ids.append(part[:, 0].astype(np.int64))
            bits.append(np.array([[0], [1]], np.uint8))
        else:
            found, inverse = np.unique(part, axis=0, return_inverse=True)
            ids.append(inverse.reshape(-1).astype(np.int64))
            bits.append(found)
    return ids, bits
