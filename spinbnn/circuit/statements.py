"""SPICE libraries as statements: continuation lines joined, comments gone, sections and includes followed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import files
from ..errors import DataError, NetlistError, ParameterError, suggest

_COMMENT = re.compile(r"\s*(?:;|\s\$\s|\s//).*$")
_NAME = re.compile(r"""(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|'[^']*'|"[^"]*")|([A-Za-z_][\w.]*)\s*=(?!=)""")
_DEEPEST = 40


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, and where it begins.

    Attributes
    ----------
    text : str
        The statement on one line.
    file : str
        Its file.
    line : int
        Number of its first line.
    """

    text: str
    file: str
    line: int

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{self.file}, line {self.line}"

    @property
    def keyword(self) -> str:
        """First word in lower case."""
        return self.text.split(None, 1)[0].lower()


def read_statements(text: str, file: str = "netlist") -> list[Statement]:
    """Split a netlist into statements.

    Raises
    ------
    NetlistError
        If it begins with a continuation line.

    Examples
    --------
    >>> [s.text for s in read_statements(".param a=1 ; one\\n* two\\n+ b={a}\\nR1 x 0 1k $ three")]
    ['.param a=1 b={a}', 'R1 x 0 1k']
    """
    parts: list[tuple[list[str], int]] = []
    for count, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] in "*$;":
            continue
        if ";" in line or "$" in line or "//" in line:
            line = _COMMENT.sub("", line)
        if line.startswith("+"):
            if not parts:
                raise NetlistError("a continuation line continues nothing", where=f"{file}, line {count}", value=raw[:80], remedy="the file is damaged: install it again")
            parts[-1][0].append(line[1:].strip())
        elif line:
            parts.append(([line], count))
    return [Statement(" ".join(filter(None, lines)), file, count) for lines, count in parts]


def assignments(text: str) -> tuple[list[str], dict[str, str]]:
    """Return the words before the first ``name=``, and the values by lower-case name, expressions as text.

    Examples
    --------
    >>> assignments("M1 d g s b nch w = {2*w} l={l}")
    (['M1', 'd', 'g', 's', 'b', 'nch'], {'w': '{2*w}', 'l': '{l}'})
    """
    found = [match for match in _NAME.finditer(text) if match.group(2)]
    if not found:
        return text.split(), {}
    head = text[: found[0].start()]
    ends = [match.start() for match in found[1:]] + [len(text)]
    values = {match.group(2).lower(): text[match.end() : end].strip().rstrip(",") for match, end in zip(found, ends, strict=True)}
    return head.split(), values


class LibraryFiles:
    """The files of one library, each read once: what was read stays as it was, whatever happens to the files.

    Parameters
    ----------
    root : Path
        The file that decks would name in ``.lib "root" section``.

    Raises
    ------
    DataError
        If it cannot be read.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._statements: dict[Path, list[Statement]] = {}
        self._hashes: dict[str, str] = {}
        self._stamps: dict[Path, tuple[int, int]] = {}
        self._read(root, str(root))

    def _read(self, path: Path, named: str) -> list[Statement]:
        if path not in self._statements:
            try:
                stat, content = path.stat(), path.read_bytes()
            except OSError as error:
                raise DataError(
                    "a file of the transistor library cannot be read", where=named, value=f"{path}: {error.strerror}",
                    remedy="the library is incomplete: install it again, or correct the path",
                ) from None  # fmt: skip
            self._stamps[path] = (stat.st_mtime_ns, stat.st_size)
            self._hashes[str(path)] = files.content_hash(content)
            self._statements[path] = read_statements(content.decode("latin-1"), str(path))
        return self._statements[path]

    @property
    def content_hash(self) -> str:
        """sha256 over the content of every file read so far, independent of where they lie and of their order."""
        return files.content_hash(sorted(self._hashes.values()))

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file read so far, in order of first use."""
        return tuple(self._statements)

    def changed(self) -> Path | None:
        """Return a file that was changed or removed since it was read."""
        for path, stamp in self._stamps.items():
            try:
                stat = path.stat()
            except OSError:
                return path
            if (stat.st_mtime_ns, stat.st_size) != stamp:
                return path
        return None

    def sections(self) -> list[str]:
        """Return the names of the sections of the root file, in order."""
        heads = (s.text.split() for s in self._statements[self.root] if s.keyword == ".lib")
        return [words[1] for words in heads if len(words) == 2]

    def section(self, name: str | None) -> Iterator[Statement]:
        """Yield the statements of one section of the root file, those of included files in their place.

        Parameters
        ----------
        name : str or None
            The section; None takes all that stands outside sections.

        Raises
        ------
        ParameterError
            If there is no such section.
        DataError
            If a file cannot be read, a section does not end, or files include each other without end.
        """
        return self._expand(self.root, name, str(self.root), 0)

    def _expand(self, path: Path, name: str | None, named: str, depth: int) -> Iterator[Statement]:
        if depth > _DEEPEST:
            raise DataError("the files of the library include each other without end", where=named, value=str(path), remedy="install the library again")
        own = self._read(path, named)
        inside, seen, opened = name is None, name is None, None
        for statement in own:
            words = statement.text.split()
            keyword = words[0].lower()
            if keyword == ".lib" and len(words) == 2:
                if opened is not None:
                    raise _unended(opened)
                opened = statement
                inside = name is not None and words[1].strip("\"'").lower() == name.lower()
                seen = seen or inside
            elif keyword == ".endl":
                opened, inside = None, name is None
            elif not inside:
                continue
            elif keyword in (".include", ".inc", ".incl"):
                yield from self._expand(_beside(path, statement), None, statement.place, depth + 1)
            elif keyword == ".lib":
                yield from self._expand(_beside(path, statement), words[-1].strip("\"'"), statement.place, depth + 1)
            else:
                yield statement
        if opened is not None:
            raise _unended(opened)
        if not seen:
            known = [s.text.split()[1] for s in own if s.keyword == ".lib" and len(s.text.split()) == 2]
            raise ParameterError("the library has no such section", where=named if named == str(path) else f"{named}: {path}", value=name, remedy=suggest(str(name), known))


def _unended(statement: Statement) -> DataError:
    return DataError("a section of the library does not end", where=statement.place, value=statement.text[:80], remedy="the file is damaged (.endl is missing): install the library again")


def _beside(path: Path, statement: Statement) -> Path:
    """Return the file that an ``.include`` or ``.lib`` names; relative names start from the file that includes."""
    rest = statement.text.split(None, 1)[1].strip() if " " in statement.text else ""
    if not rest:
        raise DataError("an include without a file", where=statement.place, value=statement.text, remedy="the file is damaged: install the library again")
    name = rest[1 : rest.index(rest[0], 1)] if rest[0] in "\"'" and rest.count(rest[0]) > 1 else rest.split()[0]
    return (path.parent / name).resolve()
