"""One JSON line an epoch, written beside a training run."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..files import write_text, writing


class Journal:
    """The file ``metrics.jsonl`` of a run: one line for each row of its history, never one twice.

    A resumed run writes the rows of its checkpoint anew, so that an epoch that was noted but not kept (the process was
    killed in between) leaves no line behind.

    Parameters
    ----------
    path : str, Path or None
        File; None writes nothing.
    history : sequence of dict
        Rows that the checkpoint holds.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "metrics.jsonl"
    >>> Journal(file, [{"epoch": 1}]).add({"epoch": 2})
    >>> file.read_text().splitlines()
    ['{"epoch": 1}', '{"epoch": 2}']
    """

    def __init__(self, path: str | Path | None, history: Sequence[dict[str, Any]] = ()) -> None:
        self.path = None if path is None else Path(path)
        if self.path is not None:
            write_text(self.path, "".join(_line(row) for row in history))

    def add(self, row: dict[str, Any]) -> None:
        """Append one epoch."""
        if self.path is None:
            return
        with writing(self.path), self.path.open("a", encoding="utf-8") as stream:
            stream.write(_line(row))
            stream.flush()
            os.fsync(stream.fileno())


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, allow_nan=False) + "\n"
