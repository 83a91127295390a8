r"""Masks in order of their probability, without enumerating all of them.

The law of a pass is a chain :math:`w(d) = P(d_1) \prod_l P(d_l | d_{l-1})`; independent bits are the chain whose
transitions forget. With :math:`h_l(s)` the largest probability of everything after bit l when that bit is s, worked out
backwards, a prefix whose probability times :math:`h` is largest is extended first. That product never grows along an
extension, and of a whole mask it is the mask's weight: whole masks leave the heap in descending order.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import ParameterError
from ..nn.masks import all_masks

Floats = NDArray[np.float64]
LISTED = 16


@dataclass(frozen=True, slots=True, eq=False)
class MaskLaw:
    """Probabilities of the masks of one pass.

    Attributes
    ----------
    start : float
        P(first bit = 1).
    a, b : ndarray
        P(1|0) and P(1|1) of each bit given the one before, shape ``(M,)``; the first pair is not used.
    """

    start: float
    a: Floats
    b: Floats

    @classmethod
    def product(cls, p: Any) -> MaskLaw:
        """Return the law of independent bits with DROP probabilities ``p``, shape ``(M,)``."""
        chance = np.asarray(p, dtype=float)
        return cls(float(chance[0]), chance, chance)

    @classmethod
    def of_chip(cls, chip: Any) -> MaskLaw | None:
        """Return the law of a chip, or None if it does not say how its bits hang together."""
        modules = getattr(chip, "modules", None)
        if modules == "per_layer":
            return cls.product(chip.drop_probability)
        if modules == "shared":
            return cls(float(chip.drop_probability[0]), np.asarray(chip.a, float), np.asarray(chip.b, float))
        return None

    def weights(self, masks: Tensor) -> Tensor:
        """Return the probability of each mask ``(S, M)``, float64, shape ``(S,)``."""
        bits = masks.numpy().astype(bool)
        one = np.empty(bits.shape)
        one[:, 0] = self.start
        one[:, 1:] = np.where(bits[:, :-1], self.b[1:], self.a[1:])
        return torch.from_numpy(np.where(bits, one, 1.0 - one).prod(axis=1))


def likely_masks(law: MaskLaw, tolerance: float, most: int) -> tuple[Tensor, Tensor, float]:
    """Return the most probable masks until their weights sum to ``1 - tolerance``.

    Parameters
    ----------
    law : MaskLaw
        Of one pass, M bits.
    tolerance : float
        Largest probability left uncovered; 0 gives every mask that can occur.
    most : int
        Largest number of masks.

    Returns
    -------
    masks : Tensor
        uint8, ``(S, M)``, in descending order of weight; equal ones in counting order.
    weights : Tensor
        float64, ``(S,)``, not normalised.
    covered : float
        Their sum, at most 1.

    Raises
    ------
    ParameterError
        If more than ``most`` masks are needed; it says how much they cover.

    Examples
    --------
    >>> masks, weights, covered = likely_masks(MaskLaw.product([0.5, 0.1]), 0.2, 4)
    >>> masks.tolist(), weights.tolist(), round(covered, 12)
    ([[0, 0], [1, 0]], [0.45, 0.45], 0.9)
    """
    count, start = len(law.a), float(law.start)
    steps = [((1.0 - a, a), (1.0 - b, b)) for a, b in zip(law.a.tolist(), law.b.tolist(), strict=True)]
    best = [(1.0, 1.0)] * count
    for k in range(count - 2, -1, -1):
        after = best[k + 1]
        best[k] = (max(steps[k + 1][0][0] * after[0], steps[k + 1][0][1] * after[1]), max(steps[k + 1][1][0] * after[0], steps[k + 1][1][1] * after[1]))
    heap: list[tuple[float, int, int, float]] = []  # minus the bound, code, length, probability of the prefix
    for bit, chance in ((0, 1.0 - start), (1, start)):
        if chance * best[0][bit] > 0.0:
            heap.append((-chance * best[0][bit], bit, 1, chance))
    heapq.heapify(heap)
    codes: list[int] = []
    weights: list[float] = []
    covered = 0.0
    while heap and (tolerance == 0.0 or 1.0 - covered > tolerance):
        _, code, length, chance = heapq.heappop(heap)
        if length == count:
            if len(codes) == most:
                raise _too_many(most, covered, tolerance)
            codes.append(code)
            weights.append(chance)
            covered += chance
            continue
        row, after = steps[length][code & 1], best[length]
        for bit in (0, 1):
            extended = chance * row[bit]
            if extended * after[bit] > 0.0:
                heapq.heappush(heap, (-extended * after[bit], (code << 1) | bit, length + 1, extended))
    order = sorted(range(len(codes)), key=lambda k: (-weights[k], codes[k]))
    bits = [[(codes[k] >> (count - 1 - j)) & 1 for j in range(count)] for k in order]
    return torch.tensor(bits, dtype=torch.uint8), torch.tensor([weights[k] for k in order], dtype=torch.float64), min(covered, 1.0)


def heaviest(weights: Tensor, tolerance: float, most: int) -> tuple[Tensor, Tensor, float]:
    """Return the same as :func:`likely_masks` for given weights of all masks in counting order, shape ``(2**M,)``.

    Examples
    --------
    >>> masks, share, covered = heaviest(torch.tensor([0.1, 0.6, 0.3, 0.0], dtype=torch.float64), 0.15, 4)
    >>> masks.tolist(), share.tolist(), round(covered, 12)
    ([[0, 1], [1, 0]], [0.6, 0.3], 0.9)
    """
    masks = all_masks(len(weights).bit_length() - 1)
    order = torch.sort(weights, descending=True, stable=True).indices
    reached = weights[order].cumsum(0)
    possible = int((weights > 0).sum())
    number = possible if tolerance == 0.0 else min(int((1.0 - reached > tolerance).sum()) + 1, possible)
    if number > most:
        raise _too_many(most, float(reached[most - 1]), tolerance)
    chosen = order[:number]
    return masks[chosen], weights[chosen], min(float(reached[number - 1]), 1.0)


def _too_many(most: int, covered: float, tolerance: float) -> ParameterError:
    return ParameterError(
        f"{most} masks cover {covered:.6g} of the probability; the tolerance needs {1.0 - tolerance:.6g}",
        where="predict, argument 'max_masks'",
        value=most,
        remedy=f"a larger max_masks, tolerance={1.0 - covered:.3g}, or method='tree' or 'sampled'",
    )
