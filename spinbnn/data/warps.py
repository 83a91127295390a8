"""Rotation and blur: corruptions that mix neighbouring pixels."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import ParameterError

TRUNCATE = 4.0
"""Where the Gaussian kernel of :func:`blur` ends [standard deviations]."""


def check_images(images: Tensor, where: str) -> None:
    """Refuse what is not float32 of shape ``(B, C, H, W)``."""
    if images.ndim != 4:
        raise ParameterError(
            "images have four dimensions",
            where=f"{where}, argument 'images'",
            value=tuple(images.shape),
            remedy="shape (B, C, H, W)",
        )
    if not images.is_floating_point():
        raise ParameterError(
            "images are floating-point numbers in [0, 1]",
            where=f"{where}, argument 'images'",
            value=str(images.dtype),
            remedy="as_float(images), or data.images(part)",
        )


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

    Raises
    ------
    ParameterError
        If the images have not four dimensions or are no floating-point numbers, or the angle is not finite.

    Examples
    --------
    >>> image = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    >>> rotate(image, 90.0).round(decimals=3).tolist()
    [[[[0.0, 0.0], [1.0, 0.0]]]]
    """
    check_images(images, "rotate")
    if not math.isfinite(degrees):
        raise ParameterError(
            "an angle is a finite number",
            where="rotate, argument 'degrees'",
            value=degrees,
            remedy="e.g. 30.0",
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


def blur(images: Tensor, sigma: float) -> Tensor:
    r"""Convolve each channel with a Gaussian, :math:`w_k \propto e^{-k^2 / 2 \sigma^2}`, cut off at :math:`4\sigma`.

    Rows first, then columns; beyond the edge the outermost pixel goes on.

    Parameters
    ----------
    images : Tensor
        Shape ``(B, C, H, W)``, float.
    sigma : float
        Standard deviation, at least 0 [pixels].

    Returns
    -------
    Tensor
        Shape of ``images``.

    Raises
    ------
    ParameterError
        If the images have not four dimensions or are no floating-point numbers, or ``sigma`` is negative or not finite.

    Examples
    --------
    >>> image = torch.zeros(1, 1, 5, 5)
    >>> image[0, 0, 2, 2] = 1.0
    >>> [round(v, 3) for v in blur(image, 0.5)[0, 0, 2].tolist()]
    [0.0, 0.084, 0.619, 0.084, 0.0]
    """
    check_images(images, "blur")
    if not (sigma >= 0 and math.isfinite(sigma)):
        raise ParameterError(
            "the width of a blur is a finite number of at least 0",
            where="blur, argument 'sigma'",
            value=sigma,
            remedy="e.g. 1.0 pixel",
        )
    radius = int(TRUNCATE * sigma + 0.5)
    if radius == 0:
        return images.clone()
    place = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (place / sigma) ** 2)
    kernel = (kernel / kernel.sum()).to(images)
    count, channels, height, width = images.shape
    flat = images.reshape(count * channels, 1, height, width)
    flat = functional.conv2d(
        functional.pad(flat, (radius, radius, 0, 0), mode="replicate"), kernel.view(1, 1, 1, -1)
    )
    flat = functional.conv2d(
        functional.pad(flat, (0, 0, radius, radius), mode="replicate"), kernel.view(1, 1, -1, 1)
    )
    # the weights add up to 1 within rounding alone; a mean of pixels lies between the least and the largest of its image
    low, high = images.amin(dim=(1, 2, 3), keepdim=True), images.amax(dim=(1, 2, 3), keepdim=True)
    return flat.reshape(count, channels, height, width).clamp(low, high)
