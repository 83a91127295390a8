"""CIFAR-10 in its binary layout: records of one label byte and 3 x 32 x 32 pixel bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from ..errors import DataError
from .image_data import ImageData, as_float, without_validation
from .root import data_root

FOLDER = "cifar-10-batches-bin"
META = "batches.meta.txt"
RECORD = 1 + 3 * 32 * 32
TRAIN_FILES = tuple(f"data_batch_{k}.bin" for k in range(1, 6))
TEST_FILE = "test_batch.bin"
PUBLISHED = {
    "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
    "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
    "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
    "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
    "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
    "test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
}
"""MD5 of the files in the published archive, as several projects check them after unpacking it."""
JPEG_Q75 = "0ce179d0c0a5220739d6223197952896644ceabb648dacfdebd7f06789af543f"
"""SHA-256 of a test_batch.bin whose pixels come from JPEG copies of quality 75 (30.5 dB against the published pixels)."""
NOTES = ("NOTE", "NOTE.txt", "NOTE.md", "README", "README.txt", "README.md")


def cifar10_folder(root: str | Path | None = None) -> Path:
    """Return the folder with the binary files: ``cifar-10-batches-bin`` in the data root.

    Raises
    ------
    DataError
        If it is not there; the message says so where the Python version (pickles, which are not read) is.
    """
    base = data_root(root, name="cifar-10", holds=f"{FOLDER}/{TRAIN_FILES[0]} and its companions")
    if (base / FOLDER).is_dir():
        return base / FOLDER
    pickles = (base / "cifar-10-batches-py").is_dir()
    raise DataError(
        "data set 'cifar-10' is not there"
        + (" in its binary version; pickles are not read" if pickles else ""),
        where=str(base),
        value=str(base / FOLDER),
        remedy="unpack cifar-10-binary.tar.gz there (spinbnn data fetch cifar-10)",
    )


def read_batch(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read one file of records.

    Returns
    -------
    images : ndarray
        uint8, shape ``(N, 3, 32, 32)``; red, green, blue.
    labels : ndarray
        int64 in 0..9, shape ``(N,)``.

    Raises
    ------
    DataError
        If the file is missing, is empty or ends inside a record, or a record has a label outside 0..9.
    """
    path = Path(path)
    try:
        content = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise DataError(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            remedy="fetch the archive again (spinbnn data fetch cifar-10)",
        ) from error
    if not content.size or content.size % RECORD:
        raise DataError(
            f"the file is empty or ends inside a record of {RECORD} bytes",
            where=str(path),
            value=f"{content.size} bytes",
            remedy="it is damaged or half downloaded; fetch the archive again",
        )
    records = content.reshape(-1, RECORD)
    labels = records[:, 0].astype(np.int64)
    wrong = np.flatnonzero(labels > 9)
    if wrong.size:
        raise DataError(
            "a label lies outside 0..9",
            where=f"{path}, record {wrong[0]}",
            value=int(labels[wrong[0]]),
            remedy="this is no CIFAR-10 batch (CIFAR-100 has two label bytes), or it is damaged; fetch it again",
        )
    return records[:, 1:].reshape(-1, 3, 32, 32), labels


def class_names(folder: Path) -> tuple[str, ...]:
    """Return the ten names of ``batches.meta.txt``.

    Raises
    ------
    DataError
        If it is missing or holds another number of names.
    """
    path = folder / META
    try:
        names = tuple(path.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            "the names of the classes cannot be read",
            where=str(path),
            value=str(error),
            remedy="unpack the archive again (spinbnn data fetch cifar-10)",
        ) from error
    if len(names) != 10:
        raise DataError(
            "ten class names are needed",
            where=str(path),
            value=len(names),
            remedy="unpack the archive again (spinbnn data fetch cifar-10)",
        )
    return names


def _source(folder: Path, sums: dict[str, str], test_sha256: str, per_file: int) -> str:
    """Say which pixels these are: by checksum, else by a note beside the files, else that they are not known."""
    if sums == PUBLISHED:
        return "CIFAR-10, binary version, files as published (MD5)"
    note = next((folder / name for name in NOTES if (folder / name).is_file()), None)
    if test_sha256 == JPEG_Q75:
        text = "CIFAR-10 (JPEG q75): pixels from JPEG copies of quality 75, not the published ones"
    elif note is not None:
        lines = note.read_text(encoding="utf-8", errors="replace").splitlines()
        first = next((line.strip("#* ") for line in lines if line.strip("#* ")), "")
        text = f"CIFAR-10, binary layout, not the published files; {note.name} says: {first[:200]}"
    else:
        text = "CIFAR-10, binary layout, pixels of unknown origin (checksums are not those of the published files)"
    return text if per_file == 10_000 else f"{text}; {per_file} images a file"


def load_cifar10(root: str | Path | None = None) -> ImageData:
    """Load CIFAR-10 from ``cifar-10-batches-bin``: five training batches and the test batch.

    Training images stay bytes (154 MB; float32 would be 614 MB), see :meth:`ImageData.images`; test images are float32.

    Raises
    ------
    DataError
        If a file is missing or damaged, or the six files do not hold the same number of records (10,000 as published).
    """
    folder = cifar10_folder(root)
    names = class_names(folder)
    digest = hashlib.sha256()
    sums: dict[str, str] = {}
    batches: list[tuple[np.ndarray, np.ndarray]] = []
    for file in (*TRAIN_FILES, TEST_FILE):
        images, labels = read_batch(folder / file)
        if batches and len(labels) != len(batches[0][1]):
            raise DataError(
                "the files differ in their number of images",
                where=str(folder / file),
                value=(len(batches[0][1]), len(labels)),
                remedy="one is half downloaded; fetch the archive again (10,000 images a file as published)",
            )
        raw = (folder / file).read_bytes()
        digest.update(raw)
        sums[file] = hashlib.md5(raw, usedforsecurity=False).hexdigest()
        batches.append((images, labels))
    test_sha256 = hashlib.sha256(raw).hexdigest()
    images, labels = (np.concatenate(parts) for parts in zip(*batches[:5], strict=True))
    return without_validation(
        "cifar-10",
        _source(folder, sums, test_sha256, len(batches[0][1])),
        (torch.from_numpy(images), torch.from_numpy(labels)),
        (as_float(torch.from_numpy(batches[5][0].copy())), torch.from_numpy(batches[5][1])),
        digest.hexdigest(),
        names,
    )
