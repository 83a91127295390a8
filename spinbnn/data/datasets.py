"""Image data sets: scikit-learn's digits as the built-in real data, MNIST and Fashion-MNIST from idx files."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..errors import DataError, MissingToolError, ParameterError, suggest
from ..rng import stream
from .idx import find_idx_files, read_images, read_labels

DIGITS_TEST = 500
DIGITS_SPLIT_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageData:
    """Images and labels, split into training, validation (possibly empty) and test data.

    Attributes
    ----------
    name, source : str
        Registry name; where the data came from.
    train_images, validation_images, test_images : Tensor
        float32 in [0, 1], shape ``(N, 1, 28, 28)``.
    train_labels, validation_labels, test_labels : Tensor
        int64, shape ``(N,)``.
    sha256 : str
        Of the files (or arrays) that the data came from.
    classes : int
        Number of classes.
    """

    name: str
    source: str
    train_images: Tensor
    train_labels: Tensor
    validation_images: Tensor
    validation_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    sha256: str
    classes: int = 10

    def __post_init__(self) -> None:
        for part in ("train", "validation", "test"):
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            if len(images) != len(labels):
                raise DataError(
                    "images and labels differ in number",
                    where=f"data set {self.name!r}, {part} part",
                    value=(len(images), len(labels)),
                    remedy="one label for each image",
                )

    def with_validation(self, count: int, *, seed: int = 0) -> ImageData:
        """Move ``count`` training images, chosen by ``seed``, into the validation part.

        The choice depends on the seed and the number of training images alone.

        Raises
        ------
        ParameterError
            If there is a validation part already, or too few training images.
        """
        if len(self.validation_labels):
            raise ParameterError(
                "the data have a validation part already",
                where=f"data set {self.name!r}",
                value=len(self.validation_labels),
                remedy="split the data as they were loaded",
            )
        total = len(self.train_labels)
        if not 0 <= count < total:
            raise ParameterError(
                "the validation part does not fit",
                where="with_validation, argument 'count'",
                value=count,
                remedy=f"0 <= count < {total}",
            )
        order = torch.from_numpy(stream(seed, "validation", total).permutation(total))
        held, kept = order[:count].sort().values, order[count:].sort().values
        return dataclasses.replace(
            self,
            train_images=self.train_images[kept],
            train_labels=self.train_labels[kept],
            validation_images=self.train_images[held],
            validation_labels=self.train_labels[held],
        )

    def subset(self, *, train: int | None = None, test: int | None = None) -> ImageData:
        """Return the first ``train`` training and the first ``test`` test images."""
        return dataclasses.replace(
            self,
            train_images=self.train_images[:train],
            train_labels=self.train_labels[:train],
            test_images=self.test_images[:test],
            test_labels=self.test_labels[:test],
        )


def stratified_split(labels: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split indices so that ``count`` go to the second part, each class in proportion (largest remainders).

    Returns
    -------
    tuple of ndarray
        Sorted indices of the first and of the second part.

    Examples
    --------
    >>> first, second = stratified_split(np.array([0, 0, 0, 0, 1, 1]), 3, seed=0)
    >>> len(first), sorted(np.array([0, 0, 0, 0, 1, 1])[second].tolist())
    (3, [0, 0, 1])
    """
    names, sizes = np.unique(labels, return_counts=True)
    quota = sizes * count / sizes.sum()
    take = np.floor(quota).astype(int)
    for extra in np.argsort(-(quota - take), kind="stable")[: count - take.sum()]:
        take[extra] += 1
    second = []
    for name, number in zip(names, take, strict=True):
        members = np.flatnonzero(labels == name)
        second.append(members[stream(seed, "stratified", int(name)).permutation(len(members))[:number]])
    chosen = np.sort(np.concatenate(second))
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen


def _pack(
    name: str, source: str, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], digest: str
) -> ImageData:
    """Make an ImageData with an empty validation part."""
    return ImageData(
        name=name,
        source=source,
        train_images=train[0],
        train_labels=train[1],
        validation_images=train[0][:0],
        validation_labels=train[1][:0],
        test_images=test[0],
        test_labels=test[1],
        sha256=digest,
    )


def _load_digits(root: str | Path | None) -> ImageData:
    """scikit-learn's 1,797 digits, 8x8 in 0..16, up-sampled bilinearly to 28x28; 1,297 train, 500 test."""
    if importlib.util.find_spec("sklearn") is None:
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
    return _pack(
        "digits",
        "scikit-learn load_digits, 8x8 up-sampled to 28x28 (bilinear)",
        (images[train], targets[train]),
        (images[test], targets[test]),
        digest,
    )


def _load_idx(name: str, root: str | Path | None) -> ImageData:
    """One of the data sets published as four idx files."""
    files = find_idx_files(name, root)
    digest = hashlib.sha256()
    for path in files.values():
        digest.update(path.read_bytes())
    parts = {}
    for part in ("train", "test"):
        images, labels = read_images(files[f"{part}_images"]), read_labels(files[f"{part}_labels"])
        if images.shape[1:] != (28, 28):
            raise DataError(
                "the images are not 28x28",
                where=str(files[f"{part}_images"]),
                value=images.shape[1:],
                remedy=f"use the original {name} files",
            )
        if len(images) != len(labels):
            raise DataError(
                "images and labels differ in number",
                where=str(files[f"{part}_labels"]),
                value=(len(images), len(labels)),
                remedy="fetch both files of this part again",
            )
        if labels.size and labels.max() > 9:
            raise DataError(
                "a label lies outside 0..9",
                where=str(files[f"{part}_labels"]),
                value=int(labels.max()),
                remedy="fetch the file again",
            )
        parts[part] = (
            torch.from_numpy(images)[:, None].to(torch.float32).div_(255.0),
            torch.from_numpy(labels.astype(np.int64)),
        )
    return _pack(name, "idx files", parts["train"], parts["test"], digest.hexdigest())


def _idx_loader(name: str) -> Callable[[str | Path | None], ImageData]:
    return lambda root: _load_idx(name, root)


DATASETS: dict[str, Callable[[str | Path | None], ImageData]] = {
    "digits": _load_digits,
    "mnist": _idx_loader("mnist"),
    "fashion-mnist": _idx_loader("fashion-mnist"),
}


def load(name: str, *, root: str | Path | None = None) -> ImageData:
    """Load a data set by its name.

    Parameters
    ----------
    name : str
        ``"digits"`` (comes with scikit-learn), ``"mnist"`` or ``"fashion-mnist"`` (idx files).
    root : str or Path or None
        Data root; None: the environment variable ``SPINBNN_DATA``.

    Returns
    -------
    ImageData
        With an empty validation part, see :meth:`ImageData.with_validation`.

    Raises
    ------
    ParameterError
        On an unknown name.
    DataError
        If a file is missing, damaged or not what its name says.

    Examples
    --------
    >>> data = load("digits")
    >>> data.train_images.shape, len(data.test_labels)
    (torch.Size([1297, 1, 28, 28]), 500)
    """
    if name not in DATASETS:
        raise ParameterError(
            "unknown data set", where="load, argument 'name'", value=name, remedy=suggest(name, DATASETS)
        )
    return DATASETS[name](root)


def available(root: str | Path | None = None) -> dict[str, str]:
    """Return for every data set where it would come from, or ``""`` if it is not at hand; nothing is read.

    Examples
    --------
    >>> sorted(available())
    ['digits', 'fashion-mnist', 'mnist']
    """
    found = {"digits": "scikit-learn" if importlib.util.find_spec("sklearn") is not None else ""}
    for name in DATASETS:
        if name == "digits":
            continue
        try:
            found[name] = str(find_idx_files(name, root)["train_images"].parent)
        except DataError:
            found[name] = ""
    return found


__all__ = ["DATASETS", "ImageData", "available", "load", "stratified_split"]
