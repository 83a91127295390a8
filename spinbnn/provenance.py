"""What made a file: versions, command, seed and time, for every table, report and results record."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path, PurePath

from .errors import ParameterError

PACKAGES = ("spinbnn", "numpy", "scipy", "h5py", "click", "rich", "PySpice", "torch", "safetensors", "scikit-learn", "numba", "matplotlib")


def version(package: str) -> str | None:
    """Return the installed version of a distribution, or None (the package is not imported).

    Examples
    --------
    >>> version("no-such-package") is None
    True
    """
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions() -> dict[str, str]:
    """Return the versions of Python and of every package that is installed."""
    found = {"python": platform.python_version()}
    return found | {name: v for name in PACKAGES if (v := version(name)) is not None}


def utc_now() -> str:
    """Return the time in UTC, to the second (``$SOURCE_DATE_EPOCH`` is honoured).

    Raises
    ------
    ParameterError
        If ``$SOURCE_DATE_EPOCH`` is set and is no number of seconds.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    except (ValueError, OverflowError, OSError):  # no number, or a year that datetime does not reach
        raise ParameterError(
            "not a time", where="environment variable SOURCE_DATE_EPOCH", value=epoch, remedy="give whole seconds since 1970, or unset it"
        ) from None
    return moment.replace(microsecond=0).isoformat()


def git_revision() -> str | None:
    """Return the commit of the checkout that spinbnn runs from, with ``+`` when it has changes; None outside one."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        head = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=root, capture_output=True, text=True, timeout=10)
        state = subprocess.run(["git", "status", "--porcelain", "-uno"], cwd=root, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if head.returncode:
        return None
    return head.stdout.strip() + ("+" if state.stdout.strip() else "")


@lru_cache(maxsize=16)
def source_hash(*rooms: str) -> str:
    """Return a hash of spinbnn's own source files, of some folders and files or of all: results of other code are never resumed.

    Raises
    ------
    ParameterError
        If a name is no folder or file of the package: it would silently hash nothing.

    Examples
    --------
    >>> source_hash("circuit") != source_hash("device"), len(source_hash())
    (True, 64)
    """
    package = Path(__file__).resolve().parent
    if absent := [room for room in rooms if not (package / room).exists()]:
        raise ParameterError("no such source", where="source_hash", value=absent, remedy="name folders or files of the package, e.g. 'device/switching'")
    roots = [package / room for room in rooms] or [package]
    paths = sorted({path for root in roots for path in ([root] if root.is_file() else root.rglob("*.py"))})
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def command() -> str:
    """Return the command line, quoted for a shell, without folders of this machine.

    A path that is absolute, starts in a home (``~``) or leaves the working folder (``..``) keeps its last part only,
    also behind ``--option=`` or ``-o`` and in a list. All else stays: ``runs/a.h5``, ``"1 uA/um"``, ``https://a/b``.
    """
    program = Path(sys.argv[0])
    name = program.parent.name if program.name == "__main__.py" else program.name  # python -m spinbnn
    return shlex.join([name, *map(_without_folders, sys.argv[1:])])


def _without_folders(argument: str) -> str:
    """Reduce every path of another folder in one argument to its last part."""
    if re.match(r"(?!file:)[A-Za-z][\w+.-]*://", argument):
        return argument
    pieces = []
    for piece in re.split(r"""(^-\w(?=[/~.])|[=:,;'"]|[\[({](?=[/~]))""", argument):  # every second piece is a separator
        elsewhere = piece.startswith(("/", "~")) or ".." in PurePath(piece).parts
        pieces.append((PurePath(piece).name or piece) if elsewhere else piece)
    return "".join(pieces)


def record(seed: int | None, **more: str) -> dict[str, str | int | None]:
    """Return the provenance of something that is made now: seed, command, time, versions, commit and ``more``."""
    return {
        "seed": seed,
        "command": command(),
        "time_utc": utc_now(),
        "git": git_revision(),
        **{f"version_{k}": v for k, v in versions().items()},
        **more,
    }
