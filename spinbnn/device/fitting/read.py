"""Measured switching files: CSV with flexible heads, units in heads or cells, one data set for each device and direction."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...errors import DataError, ParameterError, SpinbnnError
from .columns import DIRECTIONS, GROUPS, NAMES, Head, decimals, read_cells, understand
from .data import SwitchingData, coarse_warning

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
LARGEST_CURRENT = 0.5
"""No SOT track carries more: a current above it has lost its unit [A]."""
LONG_PULSE = 1.0
"""Pulse width from which a missing unit is asked about [s]."""


def read_switching_csv(
    path: str | Path, *, track_resistance: float | None = None, trials: int | None = None, temperature: float = 300.0
) -> tuple[SwitchingData, ...]:
    """Read a CSV of switching counts; one data set for each device and direction.

    Heads are those of :data:`spinbnn.device.fitting.columns.NAMES`, with a unit in brackets or behind an underscore, SI without one.
    Comma, semicolon or tab separate; lines that begin with ``#`` and empty lines are skipped. The number of trials is never guessed.

    Parameters
    ----------
    path : str or Path
        The file.
    track_resistance : float, optional
        Turns a column of volts into currents [ohm].
    trials : int, optional
        Pulses a point, instead of the file's column [1].
    temperature : float
        Where the file has no such column [K].

    Returns
    -------
    tuple of SwitchingData
        In the order of the file; labels from the columns ``device``, ``direction`` and the like.

    Raises
    ------
    DataError
        If the file cannot be read, a column is missing, a cell is no number, units are mixed, or a probability is no multiple
        of 1/n.
    ParameterError
        If volts come without a resistance, or a count is out of range.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = path.write_text("device;I [uA];pulse (ns);n;P_sw\\nA;190;10;50;0.08\\nA;200;10;50;0.52\\n")
    >>> [data] = read_switching_csv(path)
    >>> data.label, (data.current * 1e6).round(6).tolist(), data.switched.tolist()
    ('A', [190.0, 200.0], [4.0, 26.0])
    """
    out = []
    for found in read_groups(path, track_resistance=track_resistance, trials=trials, temperature=temperature).values():
        if isinstance(found, SpinbnnError):
            raise found
        out.append(found)
    return tuple(out)


def read_groups(
    path: str | Path, *, track_resistance: float | None = None, trials: int | None = None, temperature: float = 300.0
) -> dict[str, SwitchingData | SpinbnnError]:
    """As :func:`read_switching_csv`, but a fault of one group's rows stands in its place; a fault of the whole file is raised."""
    sheet = _sheet(Path(path))
    kinds = _kinds(sheet, track_resistance, trials)
    labels = [i for name in GROUPS for i, head in enumerate(sheet.heads) if head.strip().lower() == name]
    groups: dict[str, list[int]] = {}
    for number, row in enumerate(sheet.rows):
        groups.setdefault(" ".join(row[i].strip() for i in labels if row[i].strip()), []).append(number)
    used = {head.place for head in kinds.values()} | set(labels)
    spare = [head for i, head in enumerate(sheet.heads) if i not in used and (head.strip() or any(row[i].strip() for row in sheet.rows))]
    out: dict[str, SwitchingData | SpinbnnError] = {}
    for label, rows in groups.items():
        try:
            out[label] = _group(sheet, kinds, rows, label, spare, track_resistance, trials, temperature)
        except SpinbnnError as error:
            out[label] = error
    good = [data for data in out.values() if isinstance(data, SwitchingData)]
    if len(good) > 1:  # one file, one habit of rounding: all groups together show it sooner than each
        odd = coarse_warning(np.concatenate([d.trials for d in good]), np.concatenate([d.switched for d in good]))
        if odd:
            out = {k: replace(d, remarks=(*d.remarks, odd)) if isinstance(d, SwitchingData) else d for k, d in out.items()}
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    path: Path
    heads: list[str]
    rows: list[list[str]]
    lines: list[int]


def _sheet(path: Path) -> _Sheet:
    """Read the rows, with their line numbers; the separator is the one of comma, semicolon and tab that the head shows."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets write a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("the data file cannot be read", where=str(path), value=str(error), remedy="give a CSV with a header line, in UTF-8") from None
    kept = [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip() and not line.lstrip().startswith("#")]
    if not kept:
        raise DataError("the data file holds no rows", where=str(path), value="", remedy="a header line and one line for each point")
    first = kept[0][1]
    counts = {d: len(next(csv.reader([first], delimiter=d))) for d in DELIMITERS}
    delimiter = max(counts, key=lambda d: counts[d])
    if counts[delimiter] < 3:
        raise DataError("the columns are not separated by comma, semicolon or tab", where=f"{path}, line {kept[0][0]}", value=first, remedy="save the file as CSV with commas")
    try:
        parsed = list(csv.reader(io.StringIO("\n".join(line for _, line in kept)), delimiter=delimiter))
    except csv.Error as error:
        raise DataError("the data file cannot be read", where=str(path), value=str(error), remedy="give a CSV with a header line, in UTF-8") from None
    if len(parsed) != len(kept):
        raise DataError("a quoted cell runs over several lines", where=str(path), value=first, remedy="take line breaks out of the cells")
    heads, rows, lines = parsed[0], parsed[1:], [number for number, _ in kept[1:]]
    if not rows:
        raise DataError("the data file holds no rows", where=str(path), value=heads, remedy="a header line and one line for each point")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(heads):
            raise DataError(f"{len(row)} cells under {len(heads)} heads", where=f"{path}, line {line}", value=row, remedy=f"one cell for each head, separated by {DELIMITERS[delimiter]}s")
    return _Sheet(path=path, heads=heads, rows=rows, lines=lines)


def _kinds(sheet: _Sheet, resistance: float | None, trials: int | None) -> dict[str, Head]:
    """Return the column of each kind; raise where one is missing or stands twice."""
    out: dict[str, Head] = {}
    for place, text in enumerate(sheet.heads):
        head = understand(text, place, str(sheet.path))
        if head is None:
            continue
        if head.kind in out:
            raise DataError(f"two columns give the {head.kind}", where=str(sheet.path), value=[out[head.kind].text, text], remedy="rename or remove one")
        out[head.kind] = head
    if "current" not in out and "voltage" in out and resistance is None:
        raise ParameterError("the file gives volts; the track resistance is needed", where="--track-resistance", value="", remedy="e.g. --track-resistance '776 ohm'")
    needed = {
        "current": "current" in out or "voltage" in out,
        "pulse": "pulse" in out,
        "trials": "trials" in out or trials is not None,
        "switched": "switched" in out or "probability" in out,
    }
    for kind, found in needed.items():
        if not found:
            raise DataError(f"a column is missing: {kind}", where=str(sheet.path), value=sheet.heads, remedy=f"name it one of {', '.join(NAMES[kind])}")
    return out


def _group(
    sheet: _Sheet, kinds: dict[str, Head], rows: list[int], label: str, spare: list[str], resistance: float | None, trials: int | None, kelvin: float
) -> SwitchingData:
    lines = [sheet.lines[i] for i in rows]
    where = [f"{sheet.path}, line {line}" for line in lines]

    def column(kind: str) -> np.ndarray:
        head = kinds[kind]
        return np.array(read_cells(head, [sheet.rows[i][head.place] for i in rows], [f"{place}, column {head.text!r}" for place in where]))

    remarks = []
    if "current" in kinds:
        current = column("current")
        if "voltage" in kinds:
            remarks.append("Both a current and a voltage are given; the current is used.")
    else:
        current = column("voltage") / (resistance or 1.0)
    if np.any(current > 0) and np.any(current < 0):
        raise DataError("currents of both signs in one data set", where=f"{sheet.path}, {label or 'no label'}", value=[float(np.min(current)), float(np.max(current))], remedy="add a column 'direction'")
    current = np.abs(current)
    if np.max(current) > LARGEST_CURRENT:
        raise DataError("a track carries no such current", where=where[int(np.argmax(current))], value=float(np.max(current)), remedy="put the unit into the head, e.g. 'I [uA]'; without one it is A")
    pulse = column("pulse")
    if np.max(pulse) >= LONG_PULSE:
        remarks.append(f"Warning: pulses of {np.max(pulse):g} s. Without a unit in the head, pulse widths are read in seconds.")
    n = np.full(len(rows), float(trials)) if trials is not None else column("trials")
    if trials is not None and "trials" in kinds:
        stated = sorted({float(v) for v in column("trials")} - {float(trials)})
        if stated:
            remarks.append(f"The file says {', '.join(f'{v:g}' for v in stated)} trials; {trials} are used, as told.")
    switched = _switched(sheet, kinds, rows, column, n, where)
    temperature = column("temperature") if "temperature" in kinds else np.full(len(rows), kelvin)
    ways = [i for i, head in enumerate(sheet.heads) if head.strip().lower() in DIRECTIONS]
    direction = " ".join(sheet.rows[rows[0]][i].strip() for i in ways)  # a group has one
    if spare:
        remarks.append(f"Columns not used: {', '.join(spare)}.")
    try:
        return SwitchingData.of(current, pulse, n, switched, temperature=temperature, label=label, direction=direction, source=sheet.path.name, remarks=remarks, where=str(sheet.path), rows=lines)
    except ParameterError as error:
        raise DataError(error.what, where=error.where.replace("point", "line"), value=error.value, remedy=error.remedy) from None


def _switched(sheet: _Sheet, kinds: dict[str, Head], rows: list[int], column, n: np.ndarray, where: list[str]) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Return the counts, from the column or from the probabilities; both must agree where both are there."""
    counts = column("switched") if "switched" in kinds else None
    if "probability" not in kinds:
        return np.asarray(counts)
    share, head = column("probability"), kinds["probability"]
    product = share * n
    rounded = np.round(product)
    for i, row in enumerate(rows):
        percent = 0.01 if "%" in head.unit or "%" in sheet.rows[row][head.place] else 1.0
        allowed = min(0.05, percent * n[i] * decimals(sheet.rows[row][head.place])) + 1e-6 * n[i]
        if abs(product[i] - rounded[i]) > allowed and counts is None:
            raise DataError("a probability is no whole number of pulses", where=where[i], value=(float(share[i]), float(n[i])), remedy="give the true number of trials, or a column 'switched'")
        if counts is not None and abs(product[i] - counts[i]) > 0.5 + 1e-9:
            raise DataError("the count and the probability of a point disagree", where=where[i], value=(float(counts[i]), float(share[i]), float(n[i])), remedy="remove the wrong column")
    return rounded if counts is None else counts
