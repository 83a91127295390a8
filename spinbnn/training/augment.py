"""Light augmentation on tensors."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

AUGMENTATIONS = ("none", "shift")


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
    count, _, height, width = images.shape
    padded = torch.nn.functional.pad(images, (reach, reach, reach, reach))
    offsets = torch.from_numpy(generator.integers(0, 2 * reach + 1, size=(2, count)))
    rows = offsets[0][:, None] + torch.arange(height)
    columns = offsets[1][:, None] + torch.arange(width)
    picked = padded.permute(0, 2, 3, 1)[
        torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]
    ]
    return picked.permute(0, 3, 1, 2).contiguous()
