"""Waveforms as a value change dump (IEEE 1364) of real variables, for digital waveform viewers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ... import files
from ...errors import DataError, ParameterError
from .raw import check_waveforms

TIMESCALES = {"1 fs": 1e-15, "10 fs": 1e-14, "100 fs": 1e-13, "1 ps": 1e-12, "10 ps": 1e-11, "100 ps": 1e-10, "1 ns": 1e-9, "1 us": 1e-6, "1 ms": 1e-3, "1 s": 1.0}
"""Time units that the format has, of those between 1 fs (its finest) and 1 s. [s]"""
_UNIT = re.compile(r"(1|10|100)\s*(s|ms|us|ns|ps|fs)")
_PREFIX = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12, "fs": 1e-15}


def write_vcd(path: str | Path, waveforms: Mapping[str, np.ndarray], *, timescale: str = "1 fs", scope: str = "deck") -> Path:
    """Write a transient as real variables, each value where it changes, with all 17 digits.

    Times are whole multiples of the time scale, so that they are rounded to half of it; of points that fall together
    the last is kept, and of a run of equal values the first. A viewer draws steps, ngspice means straight lines: the raw
    file is the exact one.

    Parameters
    ----------
    path : str or Path
        The file.
    waveforms : mapping of str to ndarray
        ``"time"`` [s], ascending, and real vectors, shape (points,).
    timescale : str
        A key of ``TIMESCALES``.
    scope : str
        Name of the module that holds the variables.

    Raises
    ------
    ParameterError
        Without ``"time"``, with vectors of unequal length or an unknown time scale.
    DataError
        If the path cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.vcd"
    >>> waves = {"time": np.array([0.0, 5e-12, 1e-11]), "v(a)": np.array([0.0, 0.1, 0.1])}
    >>> read_vcd(write_vcd(path, waves))["v(a)"]
    (array([0.e+00, 5.e-12]), array([0. , 0.1]))
    """
    columns = check_waveforms(waveforms, str(path))
    if "time" not in columns:
        raise ParameterError("a value change dump needs a transient", where=str(path), value=list(columns), remedy="give waveforms with 'time'")
    if timescale not in TIMESCALES:
        raise ParameterError("unknown time scale", where="timescale", value=timescale, remedy=f"one of {', '.join(TIMESCALES)}")
    stamps = np.rint(columns.pop("time") / TIMESCALES[timescale]).astype(np.int64)
    names = {name: _code(k) for k, name in enumerate(columns)}
    lines = ["$comment spinbnn $end", f"$timescale {timescale} $end", f"$scope module {_word(scope)} $end"]
    lines += [f"$var real 64 {code} {_word(name)} $end" for name, code in names.items()]
    lines += ["$upscope $end", "$enddefinitions $end"]
    last: dict[str, float] = {}
    for k in np.flatnonzero(np.append(np.diff(stamps) != 0, True)).tolist():
        changed = {name: values[k] for name, values in columns.items() if last.get(name) != values[k]}
        if changed:
            lines += [f"#{stamps[k]}", *(f"r{float(value)!r} {names[name]}" for name, value in changed.items())]
        last |= changed
    lines.append(f"#{stamps[-1]}")
    return files.write_text(path, "\n".join(lines) + "\n")


def read_vcd(path: str | Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read the real variables of a value change dump: times [s] and values of the changes, by name.

    Raises
    ------
    DataError
        If it has no time scale, or a line that is not understood.
    """
    text = Path(path).read_text(encoding="utf-8")
    head, found, body = text.partition("$enddefinitions $end")
    unit = re.search(r"\$timescale\s+(.*?)\s*\$end", head, re.S)
    match = _UNIT.fullmatch(unit[1]) if unit else None
    if not found or match is None:
        raise DataError("not a value change dump with a time scale", where=str(path), value=head[:60], remedy="write it again")
    tick = int(match[1]) * _PREFIX[match[2]]
    names: dict[str, str] = dict(re.findall(r"\$var\s+real\s+64\s+(\S+)\s+(\S+)\s+\$end", head))
    changes: dict[str, list[tuple[float, float]]] = {name: [] for name in names.values()}
    now = 0
    for number, line in enumerate(body.splitlines()):
        parts = line.split()
        if line.startswith("#"):
            now = int(line[1:])
        elif line.startswith("r") and len(parts) == 2 and parts[1] in names:
            changes[names[parts[1]]].append((now * tick, float(parts[0][1:])))
        elif parts:
            raise DataError("a line of the dump is not understood", where=f"{path}, line {number + 1} behind the definitions", value=line[:60], remedy="only real variables are read")
    return {name: (np.array([t for t, _ in rows]), np.array([v for _, v in rows])) for name, rows in changes.items()}


def _code(number: int) -> str:
    """Return the identifier of a variable: printable characters, ! to ~."""
    digits = ""
    while True:
        number, rest = divmod(number, 94)
        digits = chr(33 + rest) + digits
        if not number:
            return digits
        number -= 1


def _word(name: str) -> str:
    return "_".join(name.split()) or "_"
