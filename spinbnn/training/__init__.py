"""Training: objective, loop, checkpoints and weights files."""

from __future__ import annotations

from ..data.augment import shift_images
from .loop import TrainResult, train
from .objective import objective, scale_penalty, weight_penalty
from .weights import load_model, load_weights, read_record, save_weights

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
