"""Binary networks with scale dropout: layers, masks, models, and their mapping onto a chip."""

from __future__ import annotations

from . import models as models
from .binarize import SignSTE, binary_sign, normalize_weight
from .describe import describe
from .dropout import ScaleDropout
from .hardware_layers import HardwareConv2d, HardwareLinear, to_hardware
from .layers import BinaryConv2d, BinaryLinear, DigitalConv2d, DigitalLinear, ImageEncoder
from .masks import (
    all_masks,
    drop_probabilities,
    dropout_layers,
    fixed_masks,
    sample_masks,
    set_drop_probabilities,
)

__all__ = [
    "BinaryConv2d",
    "BinaryLinear",
    "DigitalConv2d",
    "DigitalLinear",
    "HardwareConv2d",
    "HardwareLinear",
    "ImageEncoder",
    "ScaleDropout",
    "SignSTE",
    "all_masks",
    "binary_sign",
    "describe",
    "drop_probabilities",
    "dropout_layers",
    "fixed_masks",
    "normalize_weight",
    "sample_masks",
    "set_drop_probabilities",
    "to_hardware",
]
