"""The data sets by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import DataError, ParameterError, suggest
from .cifar import cifar10_folder, load_cifar10
from .digits import digits_at_hand, load_digits_28
from .folders import load_named_folder
from .idx import find_idx_files
from .image_data import ImageData
from .mnist_family import idx_loader, kmnist_folder, load_kmnist
from .split import stratified_split

Root = str | Path | None
DATASETS: dict[str, Callable[[Root], ImageData]] = {
    "digits": load_digits_28,
    "mnist": idx_loader("mnist"),
    "fashion-mnist": idx_loader("fashion-mnist"),
    "kmnist": load_kmnist,
    "cifar-10": load_cifar10,
}
PLACES: dict[str, Callable[[Root], str]] = {
    "digits": lambda root: "scikit-learn" if digits_at_hand() else "",
    "mnist": lambda root: str(find_idx_files("mnist", root)["train_images"].parent),
    "fashion-mnist": lambda root: str(find_idx_files("fashion-mnist", root)["train_images"].parent),
    "kmnist": lambda root: str(kmnist_folder(root)[0]),
    "cifar-10": lambda root: str(cifar10_folder(root)),
}


def load(name: str, *, root: str | Path | None = None) -> ImageData:
    """Load a data set by its name.

    Parameters
    ----------
    name : str
        ``"digits"`` (comes with scikit-learn), ``"mnist"``, ``"fashion-mnist"``, ``"kmnist"`` (28x28 grey), ``"cifar-10"``
        (32x32 RGB), or ``"folder:PATH"`` (an image folder, see :func:`~spinbnn.data.folders.load_folder`; PATH absolute or
        below the root).
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
    if name.startswith("folder:"):
        return load_named_folder(name, root)
    if name not in DATASETS:
        raise ParameterError(
            "unknown data set",
            where="load, argument 'name'",
            value=name,
            remedy=f"{suggest(name, DATASETS)}, or folder:PATH",
        )
    return DATASETS[name](root)


def available(root: str | Path | None = None) -> dict[str, str]:
    """Return for every data set where it would come from, or ``""`` if it is not at hand; nothing is read.

    Examples
    --------
    >>> sorted(available())
    ['cifar-10', 'digits', 'fashion-mnist', 'kmnist', 'mnist']
    """
    found = {}
    for name, place in PLACES.items():
        try:
            found[name] = place(root)
        except DataError:
            found[name] = ""
    return found


__all__ = ["DATASETS", "ImageData", "available", "load", "stratified_split"]
