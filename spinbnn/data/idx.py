"""The idx files in which MNIST and its relatives are published: finding and reading them."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from ..errors import DataError
from .root import data_root

FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
TORCHVISION = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST"}


def find_idx_files(name: str, root: str | Path | None = None) -> dict[str, Path]:
    """Return the four files of a data set.

    Parameters
    ----------
    name : str
        ``"mnist"``, ``"fashion-mnist"`` or ``"kmnist"``.
    root : str or Path or None
        Data root, holding ``<name>/`` or torchvision's ``MNIST/raw/``; None: ``$SPINBNN_DATA``.

    Raises
    ------
    DataError
        If there is no root, or a file is missing.
    """
    base = data_root(root, name=name, holds=f"{name}/{FILES['train_images']}.gz and its three companions")
    folders = [base / name, base / TORCHVISION.get(name, name) / "raw"]
    for folder in folders:
        if folder.is_dir():
            return {part: _one(folder, file) for part, file in FILES.items()}
    raise DataError(
        f"data set {name!r} is not there",
        where=str(base),
        value=[str(folder) for folder in folders],
        remedy=f"put the four files {FILES['train_images']}[.gz] ... into one of these folders (spinbnn data fetch {name})",
    )


def _one(folder: Path, file: str) -> Path:
    """Return the packed or unpacked file of this name."""
    for candidate in (folder / file, folder / f"{file}.gz"):
        if candidate.is_file():
            return candidate
    raise DataError(
        "a file of the data set is missing",
        where=str(folder / file),
        value="neither it nor its .gz is there",
        remedy="fetch the four original files",
    )


def _read(path: Path, dimensions: int) -> np.ndarray:
    """Read an idx file of unsigned bytes with the given number of dimensions."""
    try:
        raw = path.read_bytes()
        content = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"the file cannot be read: {error}",
            where=str(path),
            remedy="it is damaged or incomplete; fetch it again",
        ) from error
    header = 4 * (1 + dimensions)
    if len(content) < header:
        raise DataError(
            "the file is shorter than its header",
            where=str(path),
            value=len(content),
            remedy="fetch it again",
        )
    magic, *shape = struct.unpack(f">{1 + dimensions}I", content[:header])
    if magic != 0x0800 + dimensions:
        raise DataError(
            "the file is no idx file of the expected kind",
            where=str(path),
            value=f"magic number {magic:#010x}",
            remedy=f"expected {0x0800 + dimensions:#010x}; images and labels may be swapped",
        )
    size = int(np.prod(shape, dtype=np.int64))
    if len(content) - header != size:
        raise DataError(
            "the file does not hold as many bytes as its header says",
            where=str(path),
            value=f"{len(content) - header} bytes, header says {size}",
            remedy="fetch it again",
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape).copy()


def read_images(path: str | Path) -> np.ndarray:
    """Read an idx3 file, plain or gzip.

    Returns
    -------
    ndarray
        uint8, shape ``(N, rows, columns)``.

    Raises
    ------
    DataError
        If the file is damaged, or its header does not fit its kind or length.
    """
    return _read(Path(path), 3)


def read_labels(path: str | Path) -> np.ndarray:
    """Read an idx1 file, plain or gzip.

    Returns
    -------
    ndarray
        uint8, shape ``(N,)``.

    Raises
    ------
    DataError
        As :func:`read_images`.
    """
    return _read(Path(path), 1)
