"""Binary networks with scale dropout: layers, masks, models, and their mapping onto a chip."""

from __future__ import annotations

from . import models as models
from .binarize import SignSTE, binary_sign, normalize_weight
from .describe import describe
from .dropout import ScaleDropout
from .hardware import (
    FidelityWarning,
    HardwareAware,
    HardwareConv2d,
    HardwareLinear,
    clipping,
    placed_layers,
    reset_clipping,
    set_read_noise,
    to_hardware,
)
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
    "FidelityWarning",
    "HardwareAware",
    "HardwareConv2d",
    "HardwareLinear",
    "ImageEncoder",
    "ScaleDropout",
    "SignSTE",
    "all_masks",
    "binary_sign",
    "clipping",
    "describe",
    "drop_probabilities",
    "dropout_layers",
    "fixed_masks",
    "normalize_weight",
    "placed_layers",
    "reset_clipping",
    "sample_masks",
    "set_drop_probabilities",
    "set_read_noise",
    "to_hardware",
]
