"""Transistor model libraries: text that is read once and written into every deck."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import files
from ..errors import DataError, ParameterError

_FOREIGN = re.compile(r"^\s*\.(?:control|endc|end)\s*$", re.IGNORECASE | re.MULTILINE)
_NESTED = re.compile(r"^\s*\.(include|incl?|lib)\s+(\"[^\"\n]*\"|'[^'\n]*'|\S+)[ \t]*([^\s$;*]\S*)?", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLibrary:
    """One model file, and the files that it includes.

    A library that stands alone is written into the decks; what happens to its file later does not matter. A library that
    includes others, as those of foundries do, is included by its path: a change of any of its files after loading is an
    error.

    Attributes
    ----------
    path : Path
        The file.
    text : str or None
        Its content; None if decks include it by its path.
    content_hash : str
        sha256 of the content of all files.
    stamps : tuple of (str, int, int)
        Path, time of change [ns] and size [byte] of every file that decks include by its path.

    Examples
    --------
    >>> from spinbnn import resources
    >>> library = ModelLibrary.load(resources.find("model", "cmos40lp"))
    >>> library.text is not None and ".model nlp" in library.deck_text()
    True
    """

    path: Path
    text: str | None
    content_hash: str
    stamps: tuple[tuple[str, int, int], ...] = ()

    @classmethod
    def load(cls, path: Path) -> ModelLibrary:
        """Read a library and every file that it includes.

        Raises
        ------
        DataError
            If one of them cannot be read.
        """
        contents = dict(_contents(path, {}))
        own = contents[path]
        if len(contents) == 1 and (text := _text(own)) is not None and not (_FOREIGN.search(text) or _NESTED.search(text)):
            return cls(path=path, text=text, content_hash=files.content_hash(own))
        hashes = [files.content_hash(content) for content in contents.values()]
        stats = [(file, file.stat()) for file in contents]
        stamps = tuple((str(file), stat.st_mtime_ns, stat.st_size) for file, stat in stats)
        return cls(path=path, text=None, content_hash=files.content_hash(hashes), stamps=stamps)

    def deck_text(self) -> str:
        """Return what a deck holds for this library: its text, or a line that includes it.

        Raises
        ------
        DataError
            If the deck includes the library by its path, and one of its files was changed or removed since it was loaded.
        ParameterError
            If that path holds a character that ends ngspice's ``.include``.
        """
        if self.text is not None:
            return self.text.rstrip("\n")
        if set(str(self.path)) & set('"\n\r;'):
            raise ParameterError("the path cannot be written into a deck", where="models.file", value=str(self.path), remedy="move the models to a path without quotes, semicolons and line breaks")
        for file, changed, size in self.stamps:
            try:
                stat = Path(file).stat()
            except OSError:
                raise DataError("a model file is gone since it was loaded", where=file, value=str(self.path), remedy="put it back and start again") from None
            if (stat.st_mtime_ns, stat.st_size) != (changed, size):
                raise DataError("a model file was changed after it was loaded", where=file, value=str(self.path), remedy="leave the models alone during a run; start again")
        return f'.include "{self.path}"'


def _contents(path: Path, seen: dict[Path, bytes]) -> dict[Path, bytes]:
    """Return the content of a file and of all files below it, in order of first use."""
    if path in seen:
        return seen
    try:
        seen[path] = path.read_bytes()
    except OSError as error:
        raise DataError("the models cannot be read", where=str(path), value=error.strerror, remedy="check the path and its permissions") from None
    for nested in _included(seen[path].decode("latin-1")):
        _contents((path.parent / nested).resolve(), seen)
    return seen


def _included(text: str) -> Iterator[str]:
    """Yield the files that a netlist names. ``.lib name`` alone opens a section of the file itself."""
    for kind, name, section in _NESTED.findall(text):
        if kind.lower() != "lib" or section:
            yield name.strip("\"'")


def _text(content: bytes) -> str | None:
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None
