"""MNIST, Fashion-MNIST and KMNIST: 28x28 grey images of ten classes, from idx files or (KMNIST) npz files."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError
from .idx import FILES, TORCHVISION, find_idx_files, read_images, read_labels
from .image_data import ImageData, as_float, without_validation
from .root import data_root

NPZ = {
    "train_images": "kmnist-train-imgs.npz",
    "train_labels": "kmnist-train-labels.npz",
    "test_images": "kmnist-test-imgs.npz",
    "test_labels": "kmnist-test-labels.npz",
}


def read_npz(path: str | Path) -> np.ndarray:
    """Read the one uint8 array ``arr_0`` of an npz file; nothing in it is executed.

    Raises
    ------
    DataError
        If the file is damaged or holds something else.
    """
    try:
        with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            array = stored["arr_0"]
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"the file cannot be read: {error}",
            where=str(path),
            remedy="it is damaged, incomplete or no npz file of one array; fetch it again",
        ) from error
    if array.dtype != np.uint8:
        raise DataError(
            "the file does not hold bytes", where=str(path), value=str(array.dtype), remedy="fetch it again"
        )
    return array


def pair(
    name: str, images: np.ndarray, labels: np.ndarray, files: tuple[Path, Path]
) -> tuple[Tensor, Tensor]:
    """Check images and labels of one part and return them as float32 (N, 1, 28, 28) and int64 (N,).

    Raises
    ------
    DataError
        If they are not 28x28, differ in number, or a label lies outside 0..9; the file is named.
    """
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise DataError(
            "the images are not 28x28",
            where=str(files[0]),
            value=images.shape[1:],
            remedy=f"use the original {name} files",
        )
    if labels.shape != (len(images),):
        raise DataError(
            "images and labels differ in number",
            where=str(files[1]),
            value=(len(images), labels.shape[0] if labels.ndim == 1 else labels.shape),
            remedy="fetch both files of this part again",
        )
    if labels.size and labels.max() > 9:
        raise DataError(
            "a label lies outside 0..9",
            where=str(files[1]),
            value=int(labels.max()),
            remedy="fetch the file again",
        )
    return as_float(torch.from_numpy(images)[:, None]), torch.from_numpy(labels.astype(np.int64))


Reader = tuple[Callable[[Path], np.ndarray], Callable[[Path], np.ndarray]]
IDX: Reader = (read_images, read_labels)


def _load(name: str, source: str, files: dict[str, Path], reader: Reader) -> ImageData:
    """Read the parts whose two files are given."""
    digest = hashlib.sha256()
    for path in files.values():
        digest.update(path.read_bytes())
    parts = {}
    for part in ("train", "test"):
        if f"{part}_images" in files:
            paths = files[f"{part}_images"], files[f"{part}_labels"]
            parts[part] = pair(name, reader[0](paths[0]), reader[1](paths[1]), paths)
    return without_validation(name, source, parts.get("train"), parts["test"], digest.hexdigest())


def idx_loader(name: str) -> Callable[[str | Path | None], ImageData]:
    """Return the loader of a data set that is published as four idx files, all of which must be there."""
    return lambda root: _load(name, "idx files", find_idx_files(name, root), IDX)


def kmnist_folder(root: str | Path | None = None) -> tuple[Path, bool]:
    """Return the folder of KMNIST and whether it holds idx files (else npz files).

    Raises
    ------
    DataError
        If no test images are found.
    """
    base = data_root(
        root, name="kmnist", holds=f"kmnist/{NPZ['test_images']} or kmnist/{FILES['test_images']}.gz"
    )
    folders = (base / "kmnist", base / TORCHVISION["kmnist"] / "raw")
    for folder in folders:
        if any((folder / f"{FILES['test_images']}{end}").is_file() for end in ("", ".gz")):
            return folder, True
        if (folder / NPZ["test_images"]).is_file():
            return folder, False
    raise DataError(
        "data set 'kmnist' is not there",
        where=str(base),
        value=[str(folder) for folder in folders],
        remedy="put its idx or npz files into one of these folders (spinbnn data fetch kmnist)",
    )


def load_kmnist(root: str | Path | None = None) -> ImageData:
    """Load KMNIST from its idx files or its npz files; the training part may be absent, but not one of its two files.

    Raises
    ------
    DataError
        If the test part is not there, one file of a pair is missing, or a file is damaged.
    """
    folder, is_idx = kmnist_folder(root)
    ends = ("", ".gz") if is_idx else ("",)
    files: dict[str, Path] = {}
    for part, file in (FILES if is_idx else NPZ).items():
        there = [folder / f"{file}{end}" for end in ends if (folder / f"{file}{end}").is_file()]
        if there:
            files[part] = there[0]
    for part in ("train", "test"):
        here = [key for key in files if key.startswith(part)]
        if len(here) == 1:
            raise DataError(
                "a file of the data set is missing",
                where=str(folder),
                value=f"{files[here[0]].name} without its companion",
                remedy=f"fetch both files of the {part} part, or remove this one",
            )
    kind = "idx files" if is_idx else "npz files"
    source = f"KMNIST, {kind}" + ("" if "train_images" in files else ", test images only")
    return _load("kmnist", source, files, IDX if is_idx else (read_npz, read_npz))
