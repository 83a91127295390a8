"""Training: objective, loop, checkpoints and weights files."""

from __future__ import annotations

from .augment import shift_images
from .checkpoint import load_model, load_weights, read_record, save_weights
from .loop import TrainResult, train
from .objective import objective, scale_penalty, weight_penalty

__all__ = [
    "TrainResult",
    "load_model",
    "load_weights",
    "objective",
    "read_record",
    "save_weights",
    "scale_penalty",
    "shift_images",
    "train",
    "weight_penalty",
]
