"""Augmentation of mini-batches on tensors: every image its own displacement, crop or mirror image, in one operation."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..errors import ParameterError, suggest
from .image_data import as_float

AUGMENTATIONS = ("none", "shift", "crop_flip", "resized_crop_flip")
PADDING = 4
"""Zeros around the image before ``crop_flip`` cuts [pixels]."""
TRIES = 10
"""Crops drawn for each image of ``resized_crop_flip``; the first that fits is taken."""


def _windows(images: Tensor, reach: int, rows: Tensor, columns: Tensor) -> Tensor:
    """Pad by ``reach`` zeros all round and cut a window of the image's own size at (rows, columns) of the padded image."""
    height, width = images.shape[-2:]
    padded = functional.pad(images, (reach, reach, reach, reach))
    windows = padded.unfold(2, height, 1).unfold(
        3, width, 1
    )  # (B, C, 2 reach + 1, 2 reach + 1, H, W), a view
    return windows[torch.arange(len(images)), :, rows, columns]


def _mirror(images: Tensor, which: Tensor) -> Tensor:
    """Mirror the images left to right for which ``which`` is true."""
    return torch.where(which[:, None, None, None], images.flip(-1), images)


def shift_images(images: Tensor, reach: int, generator: np.random.Generator) -> Tensor:
    """Move each image by its own random displacement of up to ``reach`` pixels; zeros come in from outside.

    Parameters
    ----------
    images : Tensor
        Shape ``(B, C, H, W)``.
    reach : int
        Largest displacement in either direction [pixels].
    generator : numpy.random.Generator
        Source of the displacements.

    Examples
    --------
    >>> image = torch.zeros(1, 1, 3, 3)
    >>> image[0, 0, 1, 1] = 1.0
    >>> shift_images(image, 1, np.random.default_rng(0)).sum().item()
    1.0
    """
    if reach == 0:
        return images
    offsets = torch.from_numpy(generator.integers(0, 2 * reach + 1, size=(2, len(images))))
    return _windows(images, reach, offsets[0], offsets[1])


def crop_flip(images: Tensor, generator: np.random.Generator, padding: int = PADDING) -> Tensor:
    """Cut a window of the image's size from the image with ``padding`` zeros around it, and mirror every second one.

    The usual augmentation of CIFAR-10 (He et al. 2015, arXiv:1512.03385, section 4.2): row and column of the window
    uniform over ``2 padding + 1`` places each, mirrored left to right with probability 1/2. What happens to an image
    depends on the generator and its place in the batch, not on the size of the batch.

    Parameters
    ----------
    images : Tensor
        Shape ``(B, C, H, W)``, any type.
    generator : numpy.random.Generator
        Source of windows and mirrors: three numbers an image.
    padding : int
        Zeros on every side [pixels].

    Examples
    --------
    >>> crop_flip(torch.ones(5, 3, 8, 8), np.random.default_rng(0)).shape
    torch.Size([5, 3, 8, 8])
    """
    draws = torch.from_numpy(generator.random((len(images), 3)))
    place = (draws[:, :2] * (2 * padding + 1)).long()
    return _mirror(_windows(images, padding, place[:, 0], place[:, 1]), draws[:, 2] < 0.5)


def crop_boxes(
    draws: np.ndarray,
    height: int,
    width: int,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> np.ndarray:
    r"""Return one random crop an image: top, left, height and width [pixels].

    A try has the area :math:`H W s` with s uniform over ``scale`` and the aspect ratio (width over height) log-uniform
    over ``ratio``, sides rounded; the first of the tries that fits into the image is taken and placed uniformly. If none
    fits, the crop is the largest centred one within the ratios. This is RandomResizedCrop of Inception
    (arXiv:1409.4842) as torchvision has it, with ten tries.

    Parameters
    ----------
    draws : ndarray
        Uniform numbers in [0, 1), shape ``(B, tries, 4)``: area, ratio, top, left of each try.
    height, width : int
        Of the image [pixels].
    scale, ratio : (float, float)
        Smallest and largest share of the area; smallest and largest aspect ratio.

    Returns
    -------
    ndarray
        int64, shape ``(B, 4)``.

    Examples
    --------
    >>> crop_boxes(np.full((1, 1, 4), 0.5), 32, 32).tolist()
    [[4, 4, 24, 24]]
    """
    area = height * width * (scale[0] + (scale[1] - scale[0]) * draws[..., 0])
    low, high = np.log(ratio[0]), np.log(ratio[1])
    aspect = np.exp(low + (high - low) * draws[..., 1])
    wide = np.rint(np.sqrt(area * aspect)).astype(np.int64)
    tall = np.rint(np.sqrt(area / aspect)).astype(np.int64)
    fits = (wide >= 1) & (wide <= width) & (tall >= 1) & (tall <= height)
    top = (draws[..., 2] * (height - tall + 1)).astype(np.int64)
    left = (draws[..., 3] * (width - wide + 1)).astype(np.int64)
    boxes = np.stack([top, left, tall, wide], axis=-1)[np.arange(len(draws)), fits.argmax(axis=1)]
    whole_wide = min(width, round(height * ratio[1]))
    whole_tall = min(height, round(width / ratio[0]))
    boxes[~fits.any(axis=1)] = [(height - whole_tall) // 2, (width - whole_wide) // 2, whole_tall, whole_wide]
    return boxes


def resized_crops(images: Tensor, boxes: np.ndarray, mirrored: np.ndarray) -> Tensor:
    """Enlarge a crop of each image to the image's size (bilinear inside the crop), mirrored where asked for.

    Equal to cropping, ``interpolate(mode="bilinear", align_corners=False)`` and flipping each image by itself.

    Parameters
    ----------
    images : Tensor
        float32 in [0, 1], shape ``(B, C, H, W)``.
    boxes : ndarray
        Top, left, height and width of each crop, shape ``(B, 4)`` [pixels].
    mirrored : ndarray of bool
        Shape ``(B,)``.

    Examples
    --------
    >>> image = torch.arange(4.0).reshape(1, 1, 2, 2) / 4
    >>> resized_crops(image, np.array([[0, 0, 2, 2]]), np.array([True])).round(decimals=5).tolist()
    [[[[0.25, 0.0], [0.75, 0.5]]]]
    """
    height, width = images.shape[-2:]
    top, left, tall, wide = (boxes[:, k : k + 1].astype(np.float64) for k in range(4))
    rows = np.clip((np.arange(height) + 0.5) * tall / height - 0.5, 0.0, tall - 1.0) + top
    columns = np.clip((np.arange(width) + 0.5) * wide / width - 0.5, 0.0, wide - 1.0) + left
    columns = np.where(mirrored[:, None], columns[:, ::-1], columns)
    grid = np.empty((len(images), height, width, 2), dtype=np.float32)
    grid[..., 0] = ((2.0 * columns + 1.0) / width - 1.0)[:, None, :]
    grid[..., 1] = ((2.0 * rows + 1.0) / height - 1.0)[:, :, None]
    return functional.grid_sample(
        images, torch.from_numpy(grid), mode="bilinear", padding_mode="border", align_corners=False
    ).clamp_(0.0, 1.0)


def resized_crop_flip(images: Tensor, generator: np.random.Generator) -> Tensor:
    """Crop each image at random (:func:`crop_boxes`), enlarge it to its old size and mirror every second one.

    RandomResizedCrop and RandomHorizontalFlip with their usual settings: what Scale-Dropout (arXiv:2311.15816, VI-A) was
    trained with on CIFAR-10. What happens to an image does not depend on the size of the batch.

    Parameters
    ----------
    images : Tensor
        Shape ``(B, C, H, W)``, float32 in [0, 1] or uint8.
    generator : numpy.random.Generator
        Source: 41 numbers an image.

    Returns
    -------
    Tensor
        float32 in [0, 1], shape of ``images``.

    Examples
    --------
    >>> resized_crop_flip(torch.ones(2, 3, 8, 8), np.random.default_rng(0)).min().item()
    1.0
    """
    draws = generator.random((len(images), 4 * TRIES + 1))
    boxes = crop_boxes(draws[:, :-1].reshape(len(images), TRIES, 4), *images.shape[-2:])
    return resized_crops(as_float(images), boxes, draws[:, -1] < 0.5)


def augment(images: Tensor, recipe: str, generator: np.random.Generator, *, reach: int = 2) -> Tensor:
    """Return a mini-batch as training sees it: float32 in [0, 1], every image changed in its own way.

    Parameters
    ----------
    images : Tensor
        Shape ``(B, C, H, W)``, float32 in [0, 1] or uint8.
    recipe : str
        ``"none"``; ``"shift"``: moved by up to ``reach`` pixels (:func:`shift_images`); ``"crop_flip"``: padded by four
        pixels, cut, mirrored (:func:`crop_flip`); ``"resized_crop_flip"`` (:func:`resized_crop_flip`).
    generator : numpy.random.Generator
        ``stream(seed, "augment", step)``: a resumed run then continues with the same images.
    reach : int
        Of ``"shift"`` [pixels].

    Raises
    ------
    ParameterError
        If the recipe is unknown or the images have not four dimensions.

    Examples
    --------
    >>> batch = torch.zeros(4, 3, 32, 32, dtype=torch.uint8)
    >>> augment(batch, "crop_flip", np.random.default_rng(0)).dtype
    torch.float32
    """
    if images.ndim != 4:
        raise ParameterError(
            "images have four dimensions",
            where="augment, argument 'images'",
            value=tuple(images.shape),
            remedy="shape (B, C, H, W)",
        )
    if recipe == "none":
        return as_float(images)
    if recipe == "shift":
        if isinstance(reach, bool) or not isinstance(reach, int) or reach < 0:
            raise ParameterError(
                "a displacement is a whole number of at least 0",
                where="augment, argument 'reach'",
                value=reach,
                remedy="e.g. 2",
            )
        return as_float(shift_images(images, reach, generator))
    if recipe == "crop_flip":
        return as_float(crop_flip(images, generator))
    if recipe == "resized_crop_flip":
        return resized_crop_flip(images, generator)
    raise ParameterError(
        "unknown augmentation",
        where="augment, argument 'recipe'",
        value=recipe,
        remedy=suggest(str(recipe), AUGMENTATIONS),
    )


__all__ = ["AUGMENTATIONS", "augment", "crop_flip", "resized_crop_flip", "shift_images"]
