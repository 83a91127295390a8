"""Find the data files that come with spinbnn: in a checkout, an editable install or a wheel.

The order is: the path as given; every folder of ``$SPINBNN_PATH``; ``spinbnn/_data`` (wheel); the checkout.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from . import files
from .errors import DataError, ParameterError, suggest

KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "device": ("device_params", (".toml",)),
    "measurement": ("device_params/measurements", (".csv",)),
    "cell": ("netlists/cells", (".cir",)),
    "model": ("netlists/models", (".lib",)),
    "flow": ("flows", (".toml",)),
    "table": ("flows/tables", (".h5",)),
}


def roots() -> list[Path]:
    """Return the folders that are searched, first match first."""
    package = Path(__file__).resolve().parent
    extra = [Path(p) for p in os.environ.get("SPINBNN_PATH", "").split(os.pathsep) if p]
    return [*extra, package / "_data", package.parent]


def _folder(kind: str) -> tuple[str, tuple[str, ...]]:
    if kind not in KINDS:
        raise ParameterError("unknown kind of resource", where="resources", value=kind, remedy=suggest(kind, KINDS))
    return KINDS[kind]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder that may not be entered, or a name that is too long
        return False


def available(kind: str) -> dict[str, Path]:
    """Return every resource of one kind, by its name without ending.

    Examples
    --------
    >>> "seed_eq23" in available("device")
    True
    """
    folder, endings = _folder(kind)
    found: dict[str, Path] = {}
    for root in reversed(roots()):
        for path in sorted((root / folder).glob("*")):
            if path.suffix in endings and _is_file(path):
                found[path.stem] = path
    return dict(sorted(found.items()))


def find(kind: str, name: str | Path) -> Path:
    """Return the path of a resource.

    Parameters
    ----------
    kind : str
        ``"device"``, ``"measurement"``, ``"cell"``, ``"model"``, ``"flow"`` or ``"table"``.
    name : str or Path
        A path, or the name of a file that comes with spinbnn, with or without its ending.

    Raises
    ------
    DataError
        If nothing of that name is found; the message lists the folders and near names.

    Examples
    --------
    >>> find("flow", "dropout_module").name
    'dropout_module.toml'
    """
    folder, endings = _folder(kind)
    given = Path(name)
    if _is_file(given):
        return given.resolve()
    if given.is_absolute() or given.parent != Path("."):
        raise DataError(f"no such {kind} file", where=str(given), value=str(name), remedy="check the path")
    for root in roots():
        for candidate in (root / folder / given.name, *(root / folder / (given.name + e) for e in endings)):
            if _is_file(candidate):
                return candidate.resolve()
    raise DataError(
        f"no {kind} of this name",
        where=", ".join(str(r / folder) for r in roots()),
        value=str(name),
        remedy=suggest(given.stem, available(kind)),
    )


def copy(kind: str, name: str, destination: str | Path) -> Path:
    """Copy a resource for editing; an existing file is never overwritten.

    Raises
    ------
    DataError
        If the destination exists or cannot be written, or the resource cannot be read.
    """
    source = find(kind, name)
    target = Path(destination)
    try:
        if target.is_dir():
            target = target / source.name
        if target.exists():
            raise DataError("the destination exists", where=str(target), value=name, remedy="remove it or give another path")
        with files.atomic_path(target) as beside:
            shutil.copyfile(source, beside)
    except OSError as error:
        raise DataError(
            "the resource cannot be copied", where=str(target), value=error.strerror or str(error), remedy=f"check the path, its permissions and {source}"
        ) from None
    return target
