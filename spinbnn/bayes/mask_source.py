"""Where the bits of sampled passes come from: independent seeds, a chip, or correlated chains of a device."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..errors import ParameterError, suggest
from ..rng import stream

Floats = NDArray[np.float64]
MODULES = ("per_layer", "shared")


@runtime_checkable
class MaskSource(Protocol):
    """Something that gives the masks of sampled passes.

    ``drop_probability`` is the chance of a 1 of each mask bit in the long run, shape ``(M,)``.
    """

    @property
    def drop_probability(self) -> Floats:
        """Chance of a 1 of each mask bit."""
        ...

    def draw(self, samples: int, seed: int, images: int | None = None) -> Tensor:
        """Return uint8 masks, ``(samples, M)`` or ``(samples, images, M)``; 1 means DROP."""
        ...


def draw_masks(p: Tensor, samples: int, seed: int, images: int | None = None) -> Tensor:
    """Draw independent masks from streams keyed by the pass (and, by position, the image).

    The bits of pass t do not depend on ``samples``, nor those of image i on ``images``.

    Parameters
    ----------
    p : Tensor
        DROP probability of each mask bit, shape ``(M,)``.
    samples, seed : int
        Passes and seed.
    images : int or None
        Number of images, if every image has its own masks.

    Returns
    -------
    Tensor
        uint8, ``(samples, M)``, or ``(samples, images, M)``.

    Examples
    --------
    >>> p = torch.full((3,), 0.5)
    >>> torch.equal(draw_masks(p, 9, 0)[:4], draw_masks(p, 4, 0))
    True
    """
    chance = p.numpy()
    shape = (len(chance),) if images is None else (images, len(chance))
    name = "masks" if images is None else "masks per image"
    rows = [stream(seed, name, t).random(shape) < chance for t in range(samples)]
    return torch.from_numpy(np.stack(rows).astype(np.uint8))


class IndependentSource:
    """Independent bits: :func:`draw_masks`.

    Parameters
    ----------
    p : array_like
        DROP probability of each mask bit, shape ``(M,)``.

    Examples
    --------
    >>> IndependentSource([0.0, 1.0]).draw(2, seed=0).tolist()
    [[0, 1], [0, 1]]
    """

    def __init__(self, p: ArrayLike) -> None:
        self.drop_probability: Floats = np.asarray(p, dtype=float)

    def draw(self, samples: int, seed: int, images: int | None = None) -> Tensor:
        """Return uint8 masks, ``(samples, M)`` or ``(samples, images, M)``."""
        return draw_masks(torch.from_numpy(self.drop_probability), samples, seed, images)


class ChipSource:
    """The bits of a chip's modules; one module works image after image, all passes of the first image first.

    Parameters
    ----------
    chip : Chip
        With ``sample_masks(n, seed)`` and ``drop_probability``.
    """

    def __init__(self, chip: Any) -> None:
        self.chip = chip

    @property
    def drop_probability(self) -> Floats:
        """Chance of a 1 of each mask bit."""
        return np.asarray(self.chip.drop_probability, dtype=float)

    def draw(self, samples: int, seed: int, images: int | None = None) -> Tensor:
        """Return uint8 masks, ``(samples, M)`` or ``(samples, images, M)``."""
        drawn = np.asarray(self.chip.sample_masks(samples * (images or 1), seed)).astype(np.uint8)
        if images is not None:
            drawn = np.ascontiguousarray(drawn.reshape(images, samples, -1).transpose(1, 0, 2))
        return torch.from_numpy(drawn)


class MarkovSource:
    r"""Correlated bits of dropout modules whose RESET may fail: two-state chains, pass after pass, started stationary.

    ``per_layer``: every mask bit has a chain of its own over the passes. ``shared``: one chain runs over the bits of
    a pass and on into the next pass. With masks per image the chain runs through all passes of an image, then on
    into the next image, as the module works.

    Parameters
    ----------
    a, b : array_like
        P(1|0) and P(1|1) of each mask bit, shape ``(M,)``. A RESET that fails with probability e before a SET that
        succeeds with p gives ``a = p`` and ``b = e + (1 - e) p`` [].
    modules : {"per_layer", "shared"}
        One chain a bit, or one for all.

    Raises
    ------
    ParameterError
        If a and b are no probabilities of one length, or a chain never changes its bit.

    Examples
    --------
    >>> source = MarkovSource([0.2], [0.8])
    >>> bits = source.draw(4000, seed=0)[:, 0].float()
    >>> source.drop_probability.round(12).tolist(), round(float(torch.corrcoef(torch.stack([bits[1:], bits[:-1]]))[0, 1]), 1)
    ([0.5], 0.6)
    """

    def __init__(self, a: ArrayLike, b: ArrayLike, modules: str = "per_layer") -> None:
        if modules not in MODULES:
            raise ParameterError(
                "unknown arrangement of dropout modules",
                where="MarkovSource, argument 'modules'",
                value=modules,
                remedy=suggest(str(modules), MODULES),
            )
        from ..hardware.chip import Chip

        self._chain = Chip(seed=0, id="MarkovSource", modules=modules, a=np.asarray(a, float), b=np.asarray(b, float))
        self.a, self.b, self.modules = self._chain.a, self._chain.b, modules

    @property
    def drop_probability(self) -> Floats:
        """Chance of a 1 of each mask bit in the long run, shape ``(M,)`` []."""
        return self._chain.drop_probability

    def mask_weights(self, masks: ArrayLike) -> Floats:
        """Return the probability of each mask ``(S, M)`` in one pass, shape ``(S,)``."""
        return self._chain.mask_weights(masks)

    def draw(self, samples: int, seed: int, images: int | None = None) -> Tensor:
        """Return uint8 masks, ``(samples, M)`` or ``(samples, images, M)``; the first passes do not depend on ``samples`` without images."""
        return ChipSource(self._chain).draw(samples, seed, images)


def as_source(source: Any) -> MaskSource:
    """Return a source of masks for what was given as one.

    Raises
    ------
    ParameterError
        If it is neither a source nor a chip.

    Examples
    --------
    >>> as_source(IndependentSource([0.5])).drop_probability.tolist()
    [0.5]
    """
    if isinstance(source, MaskSource):
        return source
    if hasattr(source, "sample_masks") and hasattr(source, "drop_probability"):
        return ChipSource(source)
    raise ParameterError(
        "not a source of mask bits",
        where="predict, argument 'source'",
        value=type(source).__name__,
        remedy="a chip, MarkovSource(a, b), or an object with draw(samples, seed, images) and drop_probability",
    )
