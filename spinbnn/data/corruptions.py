"""Test images under a shift of growing strength: noise, rotation, blur, less contrast, shuffled pixels; by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ParameterError, suggest
from ..rng import stream
from .image_data import as_float
from .noise import uniform_noise
from .warps import blur, check_images, rotate


def _strength(where: str, value: float, highest: float = math.inf, name: str = "strength") -> None:
    if not 0 <= value <= highest or not math.isfinite(value):
        span = "at least 0" if highest == math.inf else f"in [0, {highest:g}]"
        raise ParameterError(
            f"the strength is a finite number {span}",
            where=f"{where}, argument {name!r}",
            value=value,
            remedy="e.g. 0.3",
        )


def add_noise(images: Tensor, strength: float, *, seed: int = 0) -> Tensor:
    """Add ``strength * U(0, 1)`` to each pixel and clip to [0, 1] (Scale-Dropout, Fig. 5: growing strength; set D4).

    Parameters
    ----------
    images : Tensor
        float in [0, 1], first axis the images.
    strength : float
        Largest addition, at least 0.
    seed : int
        The same seed gives the same noise pattern at every strength.

    Raises
    ------
    ParameterError
        If the strength is negative or not finite.

    Examples
    --------
    >>> noisy = add_noise(torch.zeros(1, 1, 2, 2), 0.5)
    >>> bool((noisy >= 0).all() and (noisy <= 0.5).all() and noisy.std() > 0)
    True
    """
    if not images.is_floating_point():
        check_images(images, "add_noise")
    _strength("add_noise", strength)
    noise = torch.from_numpy(stream(seed, "added noise").random(tuple(images.shape), dtype="float32")).to(
        images
    )
    return (images + strength * noise).clamp_(0.0, 1.0)


def add_gaussian_noise(images: Tensor, strength: float, *, seed: int = 0) -> Tensor:
    """Add ``strength * N(0, 1)`` to each pixel and clip to [0, 1] (Scale-Dropout's set D3, whose strength is not stated).

    Parameters
    ----------
    images : Tensor
        float in [0, 1], shape ``(B, C, H, W)``.
    strength : float
        Standard deviation before clipping, at least 0.
    seed : int
        The same seed gives the same noise pattern at every strength.

    Examples
    --------
    >>> noisy = add_gaussian_noise(torch.full((1, 1, 50, 50), 0.5), 0.1)
    >>> round(float(noisy.std()), 2)
    0.1
    """
    check_images(images, "add_gaussian_noise")
    _strength("add_gaussian_noise", strength)
    drawn = stream(seed, "added gaussian noise").standard_normal(tuple(images.shape), dtype="float32")
    return (images + strength * torch.from_numpy(drawn).to(images)).clamp_(0.0, 1.0)


def lower_contrast(images: Tensor, strength: float) -> Tensor:
    """Draw each pixel towards the mean of its image (over all channels): ``m + (1 - strength) (x - m)``.

    Parameters
    ----------
    images : Tensor
        float in [0, 1], shape ``(B, C, H, W)``.
    strength : float
        0: unchanged; 1: every image is one grey.

    Examples
    --------
    >>> lower_contrast(torch.tensor([[[[0.0, 1.0]]]]), 0.5).tolist()
    [[[[0.25, 0.75]]]]
    """
    check_images(images, "lower_contrast")
    _strength("lower_contrast", strength, 1.0)
    if strength == 0:
        return images.clone()
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (1.0 - strength) * (images - mean)


def shuffle_pixels(images: Tensor, strength: float, *, seed: int = 0) -> Tensor:
    """Permute a share ``strength`` of the pixel positions among themselves, the same way in all images and channels.

    Which positions take part and where they go depends on the seed and the size of the images alone; of the
    ``round(strength * H * W)`` positions each moves to the next one of a random order, so that none stays (one alone
    cannot move).

    Parameters
    ----------
    images : Tensor
        float, shape ``(B, C, H, W)``.
    strength : float
        Share of the positions, 0 to 1.
    seed : int
        The same seed lets the sets of positions grow with the strength.

    Examples
    --------
    >>> shuffle_pixels(torch.arange(4.0).reshape(1, 1, 2, 2), 1.0).flatten().sort().values.tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    check_images(images, "shuffle_pixels")
    _strength("shuffle_pixels", strength, 1.0)
    height, width = images.shape[-2:]
    order = torch.from_numpy(stream(seed, "shuffled pixels", height, width).permutation(height * width))
    moved = order[: round(strength * height * width)]
    source = torch.arange(height * width)
    source[moved] = moved.roll(1)
    return images.flatten(2)[..., source].reshape(images.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruption:
    """One entry of :data:`CORRUPTIONS`.

    Attributes
    ----------
    apply : callable
        ``apply(images, strength, seed)``.
    unit : str
        What the strength counts.
    grid : tuple of float
        Strengths from none to strong, for curves.
    """

    apply: Callable[[Tensor, float, int], Tensor]
    unit: str
    grid: tuple[float, ...]


CORRUPTIONS: dict[str, Corruption] = {
    "uniform_noise": Corruption(
        apply=lambda x, s, seed: add_noise(x, s, seed=seed),
        unit="largest addition",
        grid=(0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
    ),
    "gaussian_noise": Corruption(
        apply=lambda x, s, seed: add_gaussian_noise(x, s, seed=seed),
        unit="standard deviation",
        grid=(0.0, 0.1, 0.2, 0.3, 0.5, 1.0),
    ),
    "rotation": Corruption(
        apply=lambda x, s, seed: rotate(x, s), unit="degrees", grid=(0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0)
    ),
    "blur": Corruption(
        apply=lambda x, s, seed: blur(x, s),
        unit="standard deviation [pixels]",
        grid=(0.0, 0.5, 1.0, 1.5, 2.0, 3.0),
    ),
    "contrast": Corruption(
        apply=lambda x, s, seed: lower_contrast(x, s),
        unit="share of the contrast lost",
        grid=(0.0, 0.2, 0.4, 0.6, 0.8, 0.95),
    ),
    "shuffle": Corruption(
        apply=lambda x, s, seed: shuffle_pixels(x, s, seed=seed),
        unit="share of the pixels",
        grid=(0.0, 0.1, 0.25, 0.5, 1.0),
    ),
}


def corrupt(images: Tensor, name: str, strength: float, *, seed: int = 0) -> Tensor:
    """Return images under a named shift.

    Image k of the answer depends on image k, its place k and the seed, not on how many images there are; so corrupt a
    set as a whole, not piece by piece.

    Parameters
    ----------
    images : Tensor
        Shape ``(B, C, H, W)``, float in [0, 1], or uint8 (converted).
    name : str
        ``"uniform_noise"``, ``"gaussian_noise"``, ``"rotation"``, ``"blur"``, ``"contrast"`` or ``"shuffle"``; see
        :data:`CORRUPTIONS` for the units of their strengths.
    strength : float
        0 leaves the images as they are.
    seed : int
        Of noise and permutations.

    Raises
    ------
    ParameterError
        If the name is unknown or the strength is out of range.

    Examples
    --------
    >>> images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> all(torch.equal(corrupt(images, name, 0.0), images) for name in CORRUPTIONS)
    True
    """
    if name not in CORRUPTIONS:
        raise ParameterError(
            "unknown corruption",
            where="corrupt, argument 'name'",
            value=name,
            remedy=suggest(str(name), CORRUPTIONS),
        )
    return CORRUPTIONS[name].apply(
        as_float(images) if images.dtype == torch.uint8 else images, strength, seed
    )


__all__ = [
    "CORRUPTIONS",
    "Corruption",
    "add_gaussian_noise",
    "add_noise",
    "blur",
    "corrupt",
    "lower_contrast",
    "rotate",
    "shuffle_pixels",
    "uniform_noise",
]
