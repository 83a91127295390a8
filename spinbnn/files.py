"""Files that are either whole or not there: written beside and renamed; content hashes."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import DataError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; rename it on success, remove it on failure.

    Raises
    ------
    DataError
        If ``path`` cannot be written: its folder cannot be made or written to, it is a folder itself, the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with atomic_path(target) as beside:
    ...     _ = beside.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    target = Path(path)
    beside = target.with_name(f".{target.stem}.{os.getpid()}.part{target.suffix}")
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield beside
            with beside.open("rb") as stream:
                os.fsync(stream.fileno())
            os.replace(beside, target)
        finally:
            with suppress(OSError):
                beside.unlink()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an :class:`OSError` about ``path`` or its folders into a :class:`DataError` that names it and the cause.

    Examples
    --------
    >>> with writing(Path("a/b.txt")):
    ...     raise PermissionError(13, "Permission denied")
    Traceback (most recent call last):
    spinbnn.errors.DataError: the file cannot be written
      where:  a/b.txt
      value:  'Permission denied'
      remedy: give another path, or check its folder, its permissions and the free space
    """
    try:
        yield
    except OSError as error:
        named = None if error.filename is None else Path(os.fsdecode(error.filename))
        if isinstance(error, BrokenPipeError) or not (named is None or named.parent == path.parent or named in path.parents):
            raise  # about another file
        cause = error.strerror or str(error)
        raise DataError("the file cannot be written", where=str(path), value=cause, remedy="give another path, or check its folder, its permissions and the free space") from error


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file atomically and return its path."""
    with atomic_path(path) as beside:
        beside.write_text(text, encoding="utf-8")
    return Path(path)


def write_json(path: str | Path, data: Any) -> Path:
    """Write ``data`` as indented JSON, atomically; NaN and infinity are refused."""
    return write_text(path, json.dumps(data, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def content_hash(data: Any) -> str:
    """Return the sha256 of plain data (canonical JSON) or of bytes.

    Examples
    --------
    >>> content_hash({"b": 1, "a": 2}) == content_hash({"a": 2, "b": 1})
    True
    """
    if not isinstance(data, bytes):
        data = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    return hashlib.sha256(data).hexdigest()


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file; a failure names the file and the line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError("the file cannot be read", where=str(path), value=error.strerror, remedy="check the path and its permissions") from None
    except (ValueError, RecursionError) as error:
        raise DataError("the file is not valid TOML", where=str(path), value=str(error), remedy="mend that line; see https://toml.io") from None
