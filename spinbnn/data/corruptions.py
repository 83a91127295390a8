"""Images that are not what the network was trained on: rotated, noisy, or nothing but noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import ParameterError
from ..rng import stream


def rotate(images: Tensor, degrees: float) -> Tensor:
    """Rotate images counter-clockwise about their centre, bilinear, with zeros from outside.

    Parameters
    ----------
    images : Tensor
        Shape ``(B, C, H, W)``, float.
    degrees : float
        Angle [degrees].

    Returns
    -------
    Tensor
        Shape of ``images``.

    Examples
    --------
    >>> image = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    >>> rotate(image, 90.0).round(decimals=3).tolist()
    [[[[0.0, 0.0], [1.0, 0.0]]]]
    """
    if images.ndim != 4:
        raise ParameterError(
            "images have four dimensions",
            where="rotate, argument 'images'",
            value=tuple(images.shape),
            remedy="shape (B, C, H, W)",
        )
    if degrees == 0:
        return images.clone()
    height, width = images.shape[-2:]
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    # affine_grid maps output to input positions, in units of half the width and half the height
    matrix = torch.tensor(
        [[cos, -sin * height / width, 0.0], [sin * width / height, cos, 0.0]],
        dtype=images.dtype,
        device=images.device,
    )
    grid = functional.affine_grid(matrix.expand(len(images), 2, 3), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def uniform_noise(count: int, *, seed: int = 0, shape: tuple[int, int, int] = (1, 28, 28)) -> Tensor:
    """Return images of independent pixels from U(0, 1), shape ``(count, *shape)``, float32.

    The first images do not depend on ``count``.

    Examples
    --------
    >>> torch.equal(uniform_noise(3, seed=1)[:2], uniform_noise(2, seed=1))
    True
    """
    values = stream(seed, "uniform noise").random((count, *shape), dtype="float32")
    return torch.from_numpy(values)


def add_noise(images: Tensor, strength: float, *, seed: int = 0) -> Tensor:
    """Add ``strength * U(0, 1)`` to each pixel and clip to [0, 1] (Scale-Dropout, Fig. 5: growing strength).

    Parameters
    ----------
    images : Tensor
        float in [0, 1], first axis the images.
    strength : float
        Largest addition, at least 0.
    seed : int
        The same seed gives the same noise pattern at every strength.

    Examples
    --------
    >>> noisy = add_noise(torch.zeros(1, 1, 2, 2), 0.5)
    >>> bool((noisy >= 0).all() and (noisy <= 0.5).all() and noisy.std() > 0)
    True
    """
    if not strength >= 0:
        raise ParameterError(
            "the strength of noise is at least 0",
            where="add_noise, argument 'strength'",
            value=strength,
            remedy="e.g. 0.3",
        )
    noise = torch.from_numpy(stream(seed, "added noise").random(tuple(images.shape), dtype="float32")).to(
        images
    )
    return (images + strength * noise).clamp_(0.0, 1.0)
