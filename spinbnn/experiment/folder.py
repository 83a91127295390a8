"""The run folder: every stage's record with the key of its inputs, so that a run resumes stage by stage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import files, provenance
from ..errors import DataError

SOURCES = ("device", "circuit", "characterize", "crossbar", "hardware", "nn", "bayes", "data", "training", "experiment")
"""Rooms whose source files are part of a stage's key: what other code made is not read."""


class RunFolder:
    """A folder that holds one run: configuration, log, tables, weights, report.

    A stage is done when its record ``stages/<name>.json`` exists with the same key (a hash of its part of the
    configuration, of the stages before it and of our code) and its files have the content they had; then it is read
    instead of run.

    Parameters
    ----------
    path : Path
        Folder; made if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.mkdir(parents=True, exist_ok=True)

    def log(self, text: str) -> None:
        """Append one line to ``log.txt``."""
        with (self.path / "log.txt").open("a", encoding="utf-8") as stream:
            stream.write(f"{provenance.utc_now()} {text}\n")

    def record(self, stage: str) -> Path:
        """Return the path of a stage's record."""
        return self.path / "stages" / f"{stage}.json"

    def stage(self, name: str, key_of: Any, work: Callable[[], dict[str, Any]], needs: tuple[str, ...] = ()) -> tuple[dict[str, Any], str]:
        """Return a stage's result and key; run ``work`` only if it is not done.

        Parameters
        ----------
        name : str
            Stage.
        key_of : object
            Plain data that fixes the result (configuration, keys of the stages before).
        work : callable
            Returns the result as plain data; larger things it writes into the folder itself.
        needs : tuple of str
            Files of the folder that belong to the result; if one is missing or has other content the stage runs again.

        Raises
        ------
        DataError
            If a record is damaged.
        """
        key = files.content_hash([provenance.source_hash(*SOURCES), name, key_of])
        record = self.record(name)
        if record.exists():
            try:
                stored = json.loads(record.read_text(encoding="utf-8"))
                if stored["key"] == key and stored["files"] == self._hashes(needs):
                    self.log(f"{name}: done before, read")
                    return stored["result"], key
            except (ValueError, KeyError, TypeError):
                raise DataError("the record of a stage is damaged", where=str(record), value=name, remedy="delete this file; the stage runs again") from None
            record.unlink()  # from here on the stage's files may change: no record may vouch for them
        self.log(f"{name}: start")
        result = work()
        files.write_json(record, {"stage": name, "key": key, "time_utc": provenance.utc_now(), "files": self._hashes(needs), "result": result})
        self.log(f"{name}: end")
        return result, key

    def _hashes(self, names: tuple[str, ...]) -> dict[str, str | None]:
        paths = {name: self.path / name for name in names}
        return {name: files.content_hash(path.read_bytes()) if path.exists() else None for name, path in paths.items()}
