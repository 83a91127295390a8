"""Binary networks with scale dropout: layers, masks, models, and their mapping onto a chip."""

from __future__ import annotations

from . import models as models
from .binarizers import BINARIZERS, Binarizer, SignSTE, binary_sign, make_binarizer, normalize_weight
from .convert import BinarizedNetwork, binarize
from .depth_rule import layer_rule
from .describe import describe
from .dropout import ScaleDropout
from .finite import check_finite
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
    bit_probabilities,
    drop_probabilities,
    dropout_layers,
    fixed_masks,
    mask_bits,
    sample_masks,
    set_drop_probabilities,
)
from .summary import summary

__all__ = [
    "BINARIZERS",
    "BinaryConv2d",
    "BinaryLinear",
    "BinarizedNetwork",
    "Binarizer",
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
    "binarize",
    "binary_sign",
    "bit_probabilities",
    "check_finite",
    "clipping",
    "describe",
    "drop_probabilities",
    "dropout_layers",
    "fixed_masks",
    "layer_rule",
    "make_binarizer",
    "mask_bits",
    "normalize_weight",
    "placed_layers",
    "reset_clipping",
    "sample_masks",
    "set_drop_probabilities",
    "set_read_noise",
    "summary",
    "to_hardware",
]
