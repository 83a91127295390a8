"""Image folders: one subfolder a class, PNG or JPEG."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import DataError, MissingToolError, ParameterError
from .image_data import ImageData, as_float, without_validation
from .root import data_root
from .split import stratified_split

SUFFIXES = (".png", ".jpg", ".jpeg")
MODES = {"1": 1, "L": 1, "P": 3, "RGB": 3}
"""Pillow's modes that are read, and the channels that they become."""


def _pillow() -> Any:
    try:
        from PIL import Image
    except ModuleNotFoundError as missing:
        raise MissingToolError(
            "image folders are read by Pillow, which is not installed",
            where="load_folder",
            remedy="pip install Pillow",
        ) from missing
    return Image


def _read(path: Path, size: tuple[int, int] | None, channels: int | None) -> np.ndarray:
    """Return one image as uint8, shape ``(C, H, W)``."""
    image_module = _pillow()
    try:
        with image_module.open(path) as opened:
            opened.load()
            image = opened.copy()
    except (OSError, SyntaxError, ValueError, image_module.DecompressionBombError) as error:
        raise DataError(
            f"the image cannot be read: {error}",
            where=str(path),
            remedy="it is damaged or no image; remove or replace it",
        ) from error
    if image.mode not in MODES or "transparency" in image.info:
        raise DataError(
            "images are grey or RGB with 8 bits a channel",
            where=str(path),
            value=f"mode {image.mode}" + (" with transparency" if "transparency" in image.info else ""),
            remedy="convert it first: spinbnn does not choose a background for transparent pixels or a range for 16 bits",
        )
    image = image.convert("L" if (channels or MODES[image.mode]) == 1 else "RGB")
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), image_module.Resampling.BILINEAR)
    array = np.asarray(image, dtype=np.uint8)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


def _classes(folder: Path) -> list[str]:
    return sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )


def _part(
    folder: Path, names: list[str], size: tuple[int, int] | None, channels: int | None, digest: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Read all images below ``folder/<class>/`` in the order of class and file name."""
    images: list[np.ndarray] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        paths = sorted(p for p in (folder / name).rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not paths:
            raise DataError(
                "a class has no image",
                where=str(folder / name),
                value=sorted(p.name for p in (folder / name).iterdir())[:3]
                if (folder / name).is_dir()
                else [],
                remedy=f"put files ending in {', '.join(SUFFIXES)} there, or remove the folder",
            )
        for path in paths:
            image = _read(path, size, channels)
            if images and image.shape != images[0].shape:
                raise DataError(
                    "the images differ in shape",
                    where=str(path),
                    value=(image.shape, images[0].shape),
                    remedy="give size=(height, width) or channels=1 or 3, so that all become alike",
                )
            digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + image.tobytes())
            images.append(image)
            labels.append(label)
    return np.stack(images), np.array(labels, dtype=np.int64)


def load_folder(
    folder: str | Path,
    *,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    test: float = 0.2,
    seed: int = 0,
) -> ImageData:
    """Load images from ``folder/<class>/*.png`` (or ``.jpg``, ``.jpeg``; subfolders of a class are searched too).

    If ``folder`` holds ``train`` and ``test``, each with the classes in it, they are the two parts. Otherwise a share
    ``test`` of the images goes to the test part, each class in proportion. Labels follow the sorted names of the classes.

    Parameters
    ----------
    folder : str or Path
        The folder.
    size : (int, int) or None
        Height and width to which images are resized (bilinear, the whole kernel when shrinking); None: all must be
        of one size [pixels].
    channels : int or None
        1 (grey) or 3 (RGB) to convert all; None: as they are, all alike.
    test : float
        Share of the test part, 0 < test <= 1; not used where the folder has parts.
    seed : int
        Of the choice of test images.

    Raises
    ------
    DataError
        If the folder is missing or has no classes, or an image is damaged, of another shape or another mode.
    MissingToolError
        If Pillow is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("cat", "dog"):
    ...     (root / name).mkdir()
    ...     for k in range(5):
    ...         Image.new("L", (8, 6), 50 * k).save(root / name / f"{k}.png")
    >>> data = load_folder(root)
    >>> data.class_names, data.shape, len(data.train_labels), data.test_labels.tolist()
    (('cat', 'dog'), (1, 6, 8), 8, [0, 1])
    """
    base = Path(folder).expanduser()
    if channels not in (None, 1, 3):
        raise ParameterError(
            "an image has one channel or three",
            where="load_folder, argument 'channels'",
            value=channels,
            remedy="1 or 3",
        )
    if not 0.0 < test <= 1.0:
        raise ParameterError(
            "the test share lies in (0, 1]",
            where="load_folder, argument 'test'",
            value=test,
            remedy="e.g. 0.2",
        )
    if not base.is_dir():
        raise DataError(
            "there is no such folder",
            where="load_folder",
            value=str(base),
            remedy="give a folder of class folders",
        )
    found = _classes(base)
    divided = set(found) == {"train", "test"}
    names = _classes(base / "train") if divided else found
    if divided and _classes(base / "test") != names:
        raise DataError(
            "training and test part differ in their classes",
            where=str(base),
            value=sorted(set(names) ^ set(_classes(base / "test"))),
            remedy="the same class folders in train/ and test/",
        )
    if not names:
        raise DataError(
            "the folder has no class folders",
            where=str(base),
            value=[],
            remedy="put the images into <folder>/<class>/",
        )
    digest = hashlib.sha256()
    if divided:
        train = _part(base / "train", names, size, channels, digest)
        held = _part(base / "test", names, size, channels, digest)
        if held[0].shape[1:] != train[0].shape[1:]:
            raise DataError(
                "training and test images differ in shape",
                where=str(base),
                value=(train[0].shape[1:], held[0].shape[1:]),
                remedy="give size=(height, width) or channels=1 or 3",
            )
        how = "parts train/ and test/"
    else:
        images, labels = _part(base, names, size, channels, digest)
        first, second = stratified_split(labels, max(1, round(test * len(labels))), seed)
        train, held = (images[first], labels[first]), (images[second], labels[second])
        digest.update(
            f"test {sorted(second.tolist())}".encode()
        )  # the same files, split in another way, are other data
        how = f"{len(second)} of {len(labels)} images set aside for testing, seed {seed}"
    return without_validation(
        f"folder:{base.name}",
        f"image folder; {how}",
        (torch.from_numpy(train[0]), torch.from_numpy(train[1])),
        (as_float(torch.from_numpy(held[0])), torch.from_numpy(held[1])),
        digest.hexdigest(),
        tuple(names),
    )


def load_named_folder(name: str, root: str | Path | None) -> ImageData:
    """Load ``folder:PATH``: an absolute path, or one below the data root; as :func:`load_folder` with its defaults."""
    path = Path(name.removeprefix("folder:")).expanduser()
    if not str(name.removeprefix("folder:")):
        raise ParameterError(
            "an image folder needs a path", where="load, argument 'name'", value=name, remedy="folder:PATH"
        )
    return load_folder(
        path if path.is_absolute() else data_root(root, name=name, holds=f"{path}/<class>/*.png") / path
    )
