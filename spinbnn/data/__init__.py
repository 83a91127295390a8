"""Data sets, their downloads, shifts and augmentation."""

from __future__ import annotations

from .augment import AUGMENTATIONS, augment, shift_images
from .corruptions import CORRUPTIONS, add_gaussian_noise, add_noise, corrupt, lower_contrast, shuffle_pixels
from .datasets import available, load
from .downloads import fetch
from .folders import load_folder
from .image_data import ChannelStatistics, ImageData, as_float
from .noise import gaussian_noise, uniform_noise
from .ood import OOD, ood
from .sources import SOURCES
from .split import stratified_split
from .warps import blur, rotate

__all__ = [
    "AUGMENTATIONS",
    "CORRUPTIONS",
    "OOD",
    "SOURCES",
    "ChannelStatistics",
    "ImageData",
    "add_gaussian_noise",
    "add_noise",
    "as_float",
    "augment",
    "available",
    "blur",
    "corrupt",
    "fetch",
    "gaussian_noise",
    "load",
    "load_folder",
    "lower_contrast",
    "ood",
    "rotate",
    "shift_images",
    "shuffle_pixels",
    "stratified_split",
    "uniform_noise",
]
