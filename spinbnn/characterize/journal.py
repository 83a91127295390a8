"""The journal of a running characterisation: one line a finished sample, so that a killed run resumes."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from ..errors import DataError

SCHEMA = "spinbnn.journal/1"


class Journal:
    """Append-only record of finished samples beside the table that they will make.

    Every line is flushed to the disk before the next sample is taken; a line torn by a kill is dropped on reading and
    that sample measured again. A sample that has a line is never measured again.

    Parameters
    ----------
    path : Path
        The journal's file.
    flow_hash : str
        Content hash of the flow; a journal of another flow is refused.

    Raises
    ------
    DataError
        If the file belongs to another flow or is damaged before its last line.
    """

    def __init__(self, path: Path, flow_hash: str) -> None:
        self.path = path
        self.flow_hash = flow_hash
        self.entries: dict[int, dict[str, Any]] = {}
        self._stream: IO[str] | None = None
        if path.exists():
            self._read()

    def _read(self) -> None:
        lines = self.path.read_bytes().split(b"\n")
        whole, torn = lines[:-1], lines[-1]
        for number, line in enumerate(whole):
            try:
                entry = json.loads(line)
            except ValueError:
                raise DataError("the journal is damaged", where=f"{self.path}, line {number + 1}", value=line[:80].decode(errors="replace"), remedy="delete the journal and measure again") from None
            if number == 0:
                if entry.get("schema") != SCHEMA or entry.get("flow") != self.flow_hash:
                    raise DataError("the journal belongs to another flow (axes, seed, cells, device or technology differ)", where=str(self.path), value=str(entry.get("flow"))[:16], remedy="write to another file with --out, or delete the journal")
                continue
            if entry["index"] in self.entries:
                raise DataError("the journal holds a sample twice", where=f"{self.path}, line {number + 1}", value=entry["index"], remedy="delete the journal and measure again")
            self.entries[entry["index"]] = entry
        if torn or not whole:  # cut the torn line off, so that the next one starts clean
            with self.path.open("r+b") as stream:
                stream.truncate(sum(len(line) + 1 for line in whole))

    def __enter__(self) -> Journal:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not self.path.exists() or self.path.stat().st_size == 0
        self._stream = self.path.open("a", encoding="utf-8")
        if fresh:
            self._line({"schema": SCHEMA, "flow": self.flow_hash})
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def add(self, index: int, status: str, values: dict[str, float], message: str) -> None:
        """Record one finished sample; NaN is stored as null."""
        plain = {k: None if math.isnan(v) else v for k, v in values.items()}
        entry = {"index": index, "status": status, "values": plain, "message": message}
        self.entries[index] = entry
        self._line(entry)

    def _line(self, entry: dict[str, Any]) -> None:
        assert self._stream is not None, "open the journal with 'with'"
        self._stream.write(json.dumps(entry, allow_nan=False) + "\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())
