"""scikit-learn's handwritten digits: the real data that need no file."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from ..errors import MissingToolError
from .image_data import ImageData, without_validation
from .split import stratified_split

DIGITS_TEST = 500
DIGITS_SPLIT_SEED = 0


def digits_at_hand() -> bool:
    """Say whether scikit-learn, with which the digits come, is installed; it is not imported."""
    return importlib.util.find_spec("sklearn") is not None


def load_digits_28(root: str | Path | None = None) -> ImageData:
    """Return 1,797 digits, 8x8 in 0..16, up-sampled bilinearly to 28x28; 1,297 for training, 500 for testing.

    Parameters
    ----------
    root : str or Path or None
        Not used: the data come with scikit-learn.

    Raises
    ------
    MissingToolError
        If scikit-learn is not installed.
    """
    if not digits_at_hand():
        raise MissingToolError(
            "the digits data come with scikit-learn, which is not installed",
            where="data set 'digits'",
            remedy="pip install 'spinbnn[nn]'",
        )
    from sklearn.datasets import load_digits

    bunch = load_digits()
    small, labels = np.asarray(bunch.images), np.asarray(bunch.target)
    digest = hashlib.sha256(small.astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    images = torch.from_numpy((small / 16.0).astype(np.float32))[:, None]
    images = functional.interpolate(images, size=(28, 28), mode="bilinear", align_corners=False).clamp_(
        0.0, 1.0
    )
    targets = torch.from_numpy(labels.astype(np.int64))
    train, test = (
        torch.from_numpy(part) for part in stratified_split(labels, DIGITS_TEST, DIGITS_SPLIT_SEED)
    )
    return without_validation(
        "digits",
        "scikit-learn load_digits, 8x8 up-sampled to 28x28 (bilinear)",
        (images[train], targets[train]),
        (images[test], targets[test]),
        digest,
    )
