"""The journal of a running characterisation: one line a finished sample, so that a killed run resumes."""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TypeGuard

from .. import files
from ..circuit.simulator.deck import STATUSES
from ..errors import DataError

SCHEMA = "spinbnn.journal/1"
_AGAIN = "delete the journal and measure again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one sample.

    Attributes
    ----------
    status : str
        ``"ok"``, ``"failed"``, ``"timeout"`` or ``"crashed"``.
    values : mapping of str to float
        Every measure of the flow, in SI units; NaN where it is undefined. Empty unless ok.
    message : str
        What the simulator said; empty when ok.
    rung : int
        Level of the numerics ladder that gave the answer, 0 to 255.
    log : str
        End of the simulator's log; empty when ok.

    Examples
    --------
    >>> Row(status="failed", message="singular matrix").values
    {}
    """

    status: str
    values: Mapping[str, float] = field(default_factory=dict)
    message: str = ""
    rung: int = 0
    log: str = ""


class Journal:
    """Append-only record of finished samples beside the table that they will make.

    Inside its ``with`` block the file is locked, so that two processes never write one table. Every line is flushed to
    the disk before the next sample is taken; a line torn by a kill is dropped on reading and that sample measured
    again. A later line replaces an earlier one of the same sample unless that was ok: a good sample is never measured
    twice.

    Parameters
    ----------
    path : Path
        The journal's file.
    flow_hash : str
        Content hash of the flow; a journal of another flow is refused.
    simulator : str
        Identity of the simulator; a journal of another one is refused.
    size : int
        Number of samples of the flow.
    measures : tuple of str
        Measures that every good line holds.

    Attributes
    ----------
    rows : dict of int to Row
        The samples that have a line, by their place in canonical order.

    Raises
    ------
    DataError
        On entering: if the file cannot be written, is in use by another process, belongs to another flow or simulator,
        or is damaged before its last line.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.h5.journal"
    >>> with Journal(path, "f" * 64, "analytic", size=2, measures=("p",)) as journal:
    ...     journal.add(1, Row(status="ok", values={"p": 0.5}))
    >>> with Journal(path, "f" * 64, "analytic", size=2, measures=("p",)) as journal:
    ...     journal.rows[1].values
    {'p': 0.5}
    """

    def __init__(self, path: Path, flow_hash: str, simulator: str, *, size: int, measures: tuple[str, ...]) -> None:
        self.path, self.flow_hash, self.simulator = path, flow_hash, simulator
        self.size, self.measures = size, measures
        self.rows: dict[int, Row] = {}
        self._stream: IO[bytes] | None = None

    def __enter__(self) -> Journal:
        with files.writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._locked()
        try:
            self._read()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._stream is not None and not self.rows:
            self.remove()  # nothing was measured: leave nothing behind
        self._close()

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()  # which ends the lock
            self._stream = None

    def _locked(self) -> IO[bytes]:
        """Open and lock the file; once more if the process before us removed it between the two."""
        while True:
            stream = self.path.open("a+b")
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self.path.exists() and os.path.samestat(os.fstat(stream.fileno()), self.path.stat()):
                    return stream
            except BlockingIOError:
                stream.close()
                raise DataError("another process writes this table", where=str(self.path), value=self.path.name, remedy="wait for it, or give another file with --out") from None
            except BaseException:
                stream.close()
                raise
            stream.close()

    def remove(self) -> None:
        """Delete the file: its table is written. Call it inside the ``with`` block, while the lock holds."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> None:
        assert self._stream is not None
        self._stream.seek(0)
        *whole, torn = self._stream.read().split(b"\n")
        self.rows = {}
        for number, line in enumerate(whole):
            place = f"{self.path}, line {number + 1}"
            entry = _object(line, place)
            if number == 0:
                self._check_head(entry)
                continue
            index, row = self._row(entry, place)
            if index in self.rows and self.rows[index].status == "ok":
                raise DataError("the journal holds a good sample twice", where=place, value=index, remedy=_AGAIN)
            self.rows[index] = row
        if torn:  # cut the torn line off, so that the next one starts clean
            self._stream.truncate(sum(len(line) + 1 for line in whole))
        if not whole:
            self._line({"schema": SCHEMA, "flow": self.flow_hash, "simulator": self.simulator})

    def _check_head(self, entry: dict[str, Any]) -> None:
        if entry.get("schema") != SCHEMA or entry.get("flow") != self.flow_hash:
            raise DataError("the journal belongs to another flow (axes, seed, cells, device or technology differ)", where=str(self.path), value=str(entry.get("flow"))[:16], remedy="write to another file with --out, or delete the journal")
        if entry.get("simulator") != self.simulator:
            raise DataError(
                f"the journal's samples are of another simulator than {self.simulator!r}",
                where=str(self.path), value=entry.get("simulator"), remedy="resume with that simulator, write to another file with --out, or delete the journal",
            )  # fmt: skip

    def _row(self, entry: dict[str, Any], place: str) -> tuple[int, Row]:
        def refuse(what: str, value: Any) -> DataError:
            return DataError(f"the journal is damaged: {what}", where=place, value=value, remedy=_AGAIN)

        index, status, values, rung = (entry.get(k) for k in ("index", "status", "values", "rung"))
        if not _whole(index) or not 0 <= index < self.size:
            raise refuse(f"'index' must be a whole number from 0 to {self.size - 1}", index)
        if status not in STATUSES:
            raise refuse(f"'status' must be one of {', '.join(STATUSES)}", status)
        if not isinstance(values, dict) or set(values) != (set(self.measures) if status == "ok" else set()):
            raise refuse("'values' must hold every measure of a good sample and none of another", values)
        if bad := [v for v in values.values() if v is not None and (isinstance(v, bool) or not isinstance(v, int | float))]:
            raise refuse("a value must be a number or null", bad[0])
        if not _whole(rung) or not 0 <= rung <= 255:
            raise refuse("'rung' must be a whole number from 0 to 255", rung)
        plain = {k: math.nan if v is None else float(v) for k, v in values.items()}
        return index, Row(status=status, values=plain, message=str(entry.get("message", "")), rung=rung, log=str(entry.get("log", "")))

    def add(self, index: int, row: Row) -> None:
        """Record one finished sample; NaN is stored as null."""
        values = {k: None if math.isnan(v) else float(v) for k, v in row.values.items()}
        self.rows[index] = row
        log = {"log": row.log} if row.log else {}
        self._line({"index": index, "status": row.status, "values": values, "rung": row.rung, "message": row.message, **log})

    def _line(self, entry: dict[str, Any]) -> None:
        assert self._stream is not None, "open the journal with 'with'"
        with files.writing(self.path):
            self._stream.write(json.dumps(entry, allow_nan=False).encode() + b"\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _object(line: bytes, place: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        raise DataError("the journal is damaged: not a JSON object", where=place, value=line[:80].decode(errors="replace"), remedy=_AGAIN)
    return entry
