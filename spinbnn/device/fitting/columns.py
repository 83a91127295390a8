"""Column names and units of switching files: what a head means, and how a cell is read."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import DataError, UnitError
from ...units import quantity, unit_scale

NAMES = {
    "voltage": ("v", "voltage", "v_write", "write_voltage", "u", "bias"),
    "current": ("i", "current", "i_write", "write_current", "i_sot"),
    "pulse": ("t_p", "tp", "pulse", "pulse_width", "width", "duration", "t_pulse", "t"),
    "temperature": ("temperature", "temp", "t_kelvin"),
    "trials": ("trials", "n", "n_reps", "n_trials", "reps", "repetitions", "shots", "n_pulses", "pulses"),
    "switched": ("switched", "k", "n_switched", "n_sw", "switches", "events"),
    "probability": ("p_sw", "p", "psw", "probability", "p_switch", "switching_probability"),
}
"""Accepted names of each column; case does not count, spaces and hyphens are underscores."""
UNITS = {"voltage": "V", "current": "A", "pulse": "s", "temperature": "K", "trials": "1", "switched": "1", "probability": "1"}
GROUPS = ("device_id", "device", "die", "direction", "polarity", "label")
"""Columns that name a data set."""
DIRECTIONS = ("direction", "polarity")
"""Those of them that tell the direction of switching."""
_BRACKET = re.compile(r"^(.*?)\s*(?:\[([^\]]*)\]|\(([^)]*)\))\s*$")
_CELSIUS = ("degC", "°C", "C")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One column that is understood.

    Parameters
    ----------
    text : str
        Head as it stands in the file.
    kind : str
        A key of :data:`NAMES`.
    unit : str
        Unit of the head; empty: SI, or a unit in each cell.
    place : int
        Position in the row.
    """

    text: str
    kind: str
    unit: str
    place: int


def understand(text: str, place: int, where: str) -> Head | None:
    """Return what a head means, None if it is no column of ours.

    A unit stands in brackets (``pulse (ns)``, ``I [uA]``) or behind an underscore (``I_uA``). ``t`` and ``T`` are told apart by their unit.

    Raises
    ------
    DataError
        If the unit does not fit the name, or ``T`` has none.

    Examples
    --------
    >>> [(h.kind, h.unit) for h in (understand(t, 0, "f") for t in ("I_uA", "pulse (ns)", "T [K]", "P_sw")) if h]
    [('current', 'uA'), ('pulse', 'ns'), ('temperature', 'K'), ('probability', '')]
    """
    found = _BRACKET.match(text.strip())
    name, unit = (found[1], (found[2] if found[2] is not None else found[3]).strip()) if found else (text.strip(), "")
    plain = re.sub(r"[\s\-]+", "_", name.strip())
    kind = next((k for k, names in NAMES.items() if plain.lower() in names), None)
    if kind is None and not unit and "_" in plain:
        stem, _, tail = plain.rpartition("_")
        guess = next((k for k, names in NAMES.items() if stem.lower() in names), None)
        if stem in ("t", "T"):
            guess = "temperature" if _fits(tail, "temperature") else "pulse"
        if guess is not None and _fits(tail, guess):
            return Head(text=text, kind=guess, unit=tail, place=place)
    if kind is None:
        return None
    if plain in ("t", "T"):
        if plain == "T" and not unit:
            raise DataError("the column 'T' may be a temperature or a time", where=where, value=text, remedy="write 'T [K]' or 't_p [s]'")
        kind = "temperature" if unit and _fits(unit, "temperature") else "pulse"
    if unit and not _fits(unit, kind):
        raise DataError(f"the unit of the column does not fit a {kind}", where=where, value=text, remedy=f"give it in {UNITS[kind]!r}, with a prefix if you like")
    return Head(text=text, kind=kind, unit=unit, place=place)


def _fits(unit: str, kind: str) -> bool:
    if kind == "temperature" and unit in _CELSIUS:
        return True
    if unit in ("", "-") and UNITS[kind] == "1":
        return True
    try:
        return unit_scale(unit)[1] == unit_scale(UNITS[kind])[1]
    except UnitError:
        return False


def read_cells(head: Head, cells: Sequence[str], where: Sequence[str]) -> list[float]:
    """Return a column in SI units.

    Raises
    ------
    DataError
        If a cell is empty, NaN or no number, or units stand in some cells only, or in head and cells.
    """
    out, bare = [], []
    for text, place in zip(cells, where, strict=True):
        cell = text.strip()
        if not cell:
            raise DataError("an empty cell: a value is missing", where=place, value=text, remedy="measure the point, or take its row out")
        if _DECIMAL_COMMA.match(cell):
            raise DataError("a decimal comma, or a comma between thousands", where=place, value=text, remedy="write 0.8, not 0,8")
        try:
            value, has_unit = float(cell), False
        except ValueError:
            value, has_unit = _with_unit(head, cell, place), True
        if not math.isfinite(value):
            what = "not a number: a value is missing" if math.isnan(value) else "not a finite number"
            raise DataError(what, where=place, value=text, remedy="measure the point, or take its row out")
        if has_unit and head.unit:
            raise DataError("mixed units: both the head and the cell have one", where=place, value=text, remedy="keep one of them")
        out.append(value if has_unit else _scaled(value, head))
        bare.append(not has_unit)
    if any(bare) and not all(bare):
        raise DataError("mixed units: some cells of the column have one, others have none", where=where[bare.index(True)], value=cells[bare.index(True)], remedy=f"put the unit into the head: '{head.text} [{UNITS[head.kind]}]'")
    return out


def _with_unit(head: Head, cell: str, where: str) -> float:
    try:
        return quantity(cell, UNITS[head.kind], where=where)
    except UnitError as error:
        raise DataError("not a number", where=where, value=cell, remedy=f"a plain number, or one with a unit ({error.what})") from None


def _scaled(value: float, head: Head) -> float:
    if head.kind == "temperature" and head.unit in _CELSIUS:
        return value + 273.15
    return value * unit_scale(head.unit)[0] if head.unit not in ("", "-") else value


def decimals(text: str) -> float:
    """Return half of the last printed digit, in units of the number: 0.005 for ``0.33``.

    Examples
    --------
    >>> decimals("0.33"), decimals("1e-2")
    (0.005, 0.005)
    """
    mantissa, _, exponent = text.strip().rstrip("%").strip().lower().partition("e")
    digits = len(mantissa.partition(".")[2])
    return 0.5 * 10.0 ** (int(exponent or 0) - digits)
