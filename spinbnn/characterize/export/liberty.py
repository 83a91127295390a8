"""Energy and latency of the dropout module as a library in Liberty's syntax, and a reader for what is written.

Liberty knows tables over slew and load; here they run over the SET amplitude and the temperature, so that a file is
*Liberty-like*: syntax, units and templates are Liberty's, the two axes are declared as user variables. A logic synthesiser
will not use it as a timing model; a script that reads .lib files will.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ... import files
from ...errors import CoverageError, DataError, ParameterError
from ...units import unit_scale
from ..table import LookupTable
from .liberty_syntax import parse_liberty

STATISTICS: Mapping[str, Callable[..., Any]] = {"median": np.nanmedian, "mean": np.nanmean, "max": np.nanmax}
_WRITTEN = ("J", "s", "W")
AMPLITUDES = ("set_voltage", "set_current", "code")
UNITS = {"V": ("voltage_unit", "1V", 1.0), "A": ("current_unit", "1uA", 1e-6), "s": ("time_unit", "1ns", 1e-9), "J": ("energy", "1pJ", 1e-12), "W": ("leakage_power_unit", "1nW", 1e-9)}
"""SI unit -> Liberty's attribute, the unit written, and its size in SI. Liberty has no attribute for energy: it is
``capacitive_load_unit`` times ``voltage_unit`` squared, 1 pF V^2 = 1 pJ; ``energy_unit`` states it again."""


DIGITS = 9
"""Significant digits of the numbers written."""


def liberty(table: LookupTable, *, statistic: str = "median", drop_undefined: bool = False, **point: str | float | int) -> str:
    """Return energies, latencies and powers of a table over amplitude and temperature.

    Parameters
    ----------
    table : LookupTable
        Of a bench of the dropout module. Its cells that are needed are ok.
    statistic : str
        What stands for the draws: ``"median"``, ``"mean"`` or ``"max"``.
    drop_undefined : bool
        Take the statistic of the draws where the measure is defined, and write ``undefined : "k of n"`` into its table. Else
        a measure that is undefined in any sample (the latency of a latch that does not decide) is left out: its statistic
        would be of the good ones alone.
    **point
        A value for each axis other than amplitude, temperature and draw, e.g. ``corner="tt"``, ``supply=1.1``; an axis
        of one value needs none.

    Returns
    -------
    str
        One library with one cell; every table names its measure and unit. Measures that are left out are named in a comment
        with the number of their undefined samples; nothing is filled in.

    Raises
    ------
    CoverageError
        If an axis is missing or not chosen, a value is not on it, or a cell is not ok.
    ParameterError
        For an unknown statistic.

    Examples
    --------
    >>> from spinbnn.characterize import Flow, run_flow
    >>> from spinbnn.circuit.dropout_analytic import analytic_simulator
    >>> flow = Flow.load("dropout_module").with_axes(draw={"count": 1}, set_voltage={"values": ["0.9 V", "1 V"]})
    >>> text = liberty(run_flow(flow, simulator=analytic_simulator()), corner="tt")
    >>> group = parse_liberty(text)
    >>> group.name, group.attributes["time_unit"], [g.name for g in group.groups if g.kind == "cell"]
    (('dropout_module_tt',), '1ns', [('dropout_module',)])
    """
    import spinbnn

    own = _own(table, point)
    amplitude = next((n for n in AMPLITUDES if n in own.axes), "")
    if not amplitude:
        raise CoverageError("a library needs an axis of the SET amplitude", where=f"table {table.name!r}", value=list(table.axes), remedy=f"one of {', '.join(AMPLITUDES)}")
    if statistic not in STATISTICS:
        raise ParameterError("unknown statistic", where="liberty", value=statistic, remedy=f"one of {', '.join(STATISTICS)}")
    reduce = STATISTICS[statistic]
    if np.any(own.status != 0):
        raise CoverageError("cells of the table are not ok", where=f"table {table.name!r}", value=int(np.sum(own.status != 0)), remedy="measure them again: spinbnn table rerun")
    names = [a.name for a in own.grid_axes]
    kept = [n for n in (amplitude, "temperature") if n in names]
    corner = str(point.get("corner", "") or next((a.values[0] for a in table.grid_axes if a.name == "corner"), ""))
    title = _word(f"{table.name}_{corner}" if corner else table.name)
    lines = [f"library ({title}) {{", *(f"  {line}" for line in _head(table, statistic, spinbnn.__version__, {**point}))]
    variables = {amplitude: "set_amplitude", "temperature": "temperature"}
    lines += ["  lu_table_template (amplitude_temperature) {", *(f"    variable_{k} : {variables[n]};" for k, n in enumerate(kept, 1))]
    indices = {n: [_scaled(float(v), own.grid_axes[names.index(n)].unit) for v in own.axes[n]] for n in kept}
    lines += [*(f"    index_{k} ({_row(indices[n])});" for k, n in enumerate(kept, 1)), "  }"]
    lines += [f"  cell ({_word(str(table.attributes.get('bench', table.name)))}) {{"]
    kept_measures, left_out = _kept(own, drop_undefined)
    for measure, absent in kept_measures.items():
        data, unit = own.measures[measure].data, own.measures[measure].unit
        if "draw" in names:
            data = reduce(data, axis=names.index("draw"))
        rest = [n for n in names if n != "draw"]
        grid = np.moveaxis(data, [rest.index(n) for n in kept], range(len(kept))).reshape([len(indices[n]) for n in kept])
        lines += [f"    measured_table ({measure}) {{", f'      unit : "{UNITS[unit][1]}";', "      table_template : amplitude_temperature;"]
        lines += [f'      undefined : "{absent} of {own.status.size}";'] if absent else []
        rows = [f"        {_row([_scaled(float(v), unit) for v in np.atleast_1d(row)])}" for row in grid]
        lines.append("      values ( \\")
        lines += [", \\\n".join(rows) + " \\", "      );", "    }"]
    lines += [f"    /* left out, samples without a value: {', '.join(f'{n} {k} of {own.status.size}' for n, k in left_out.items())} */"] if left_out else []
    return "\n".join([*lines, "  }", "}", ""])


def undefined_samples(table: LookupTable, **point: str | float | int) -> dict[str, int]:
    """Return how many samples at a point have no value, for the energies, latencies and powers that have such samples.

    Examples
    --------
    >>> from spinbnn.characterize import Axis, Measure
    >>> volts = Axis(name="set_voltage", unit="V", description="", values=(0.9, 1.0))
    >>> late = Measure(name="latency_sense", unit="s", description="", data=np.array([1e-9, np.nan]))
    >>> undefined_samples(LookupTable(name="demo", grid_axes=(volts,), measures={"latency_sense": late}, status=np.zeros(2, np.uint8)))
    {'latency_sense': 1}
    """
    own = _own(table, point)
    counts = {m.name: int(np.sum((own.status == 0) & ~np.isfinite(m.data))) for m in own.measures.values() if m.unit in _WRITTEN}
    return {name: count for name, count in counts.items() if count}


def _kept(own: LookupTable, drop_undefined: bool) -> tuple[dict[str, int], dict[str, int]]:
    """Return the measures that are written and those that are left out, each with its number of undefined samples."""
    counts = undefined_samples(own)
    kept: dict[str, int] = {}
    left_out: dict[str, int] = {}
    for measure in own.measures.values():
        if measure.unit not in _WRITTEN:
            continue
        there: Any = np.isfinite(measure.data)
        if drop_undefined and "draw" in own.axes:
            there = there.any(axis=list(own.axes).index("draw"))
        (kept if there.all() else left_out)[measure.name] = counts.get(measure.name, 0)
    return kept, left_out


def _own(table: LookupTable, point: Mapping[str, str | float | int]) -> LookupTable:
    """Return the table with every axis chosen but amplitude, temperature and draw."""
    chosen = dict(point)
    for axis in table.grid_axes:
        if axis.name not in (*AMPLITUDES, "temperature", "draw", *point):
            if len(axis.values) > 1:
                raise CoverageError("choose a value of this axis", where=f"table {table.name!r}", value=axis.name, remedy=f"one of {list(axis.values)}")
            chosen[axis.name] = axis.values[0]
    return table.select(**chosen)


def _head(table: LookupTable, statistic: str, version: str, point: Mapping[str, object]) -> list[str]:
    a = table.attributes
    amplitude = next((x for x in table.grid_axes if x.name in AMPLITUDES), None)
    at = ", ".join(f"{k} = {v}" for k, v in point.items())
    unit = "" if amplitude is None else UNITS[amplitude.unit][1] if amplitude.unit in UNITS else "1"
    return [
        'delay_model : "table_lookup";', f'comment : "spinbnn {version}; {statistic} of the draws{"; " + at if at else ""}; simulator {a.get("simulator")}; technology {a.get("technology")}; device {a.get("device")}";',
        f'revision : "{table.content_hash[:16]}";', 'time_unit : "1ns";', 'voltage_unit : "1V";', 'current_unit : "1uA";', 'leakage_power_unit : "1nW";', 'capacitive_load_unit (1, pf);',
        'define (energy_unit, library, string);', 'energy_unit : "1pJ";', 'define (temperature_unit, library, string);', 'temperature_unit : "1C";',
        'define (amplitude_axis, library, string);', f'amplitude_axis : "{"" if amplitude is None else amplitude.name}";',
        'define (amplitude_unit, library, string);', f'amplitude_unit : "{unit}";',
        'define_group (measured_table, cell);', 'define (unit, measured_table, string);', 'define (undefined, measured_table, string);', 'define (table_template, measured_table, string);',
    ]  # fmt: skip


def _scaled(value: float, unit: str) -> float:
    if unit == "K":
        return round(value - 273.15, 9)  # Liberty counts in degrees Celsius
    return float(f"{value / UNITS[unit][2]:.12g}") if unit in UNITS else value


def _row(values: list[float]) -> str:
    return '"' + ", ".join(f"{v:.{DIGITS}g}" for v in values) + '"'


def _word(text: str) -> str:
    return re.sub(r"\W", "_", text)


def write_liberty(path: str | Path, table: LookupTable, *, statistic: str = "median", drop_undefined: bool = False, **point: str | float | int) -> Path:
    """Write :func:`liberty` to a file, after reading it back: what would be read as other numbers is not written.

    Raises
    ------
    CoverageError, ParameterError
        See :func:`liberty`.
    DataError
        If a value, an axis or a unit is not read back as the table has it (:func:`check_liberty`), or the path cannot be
        written.
    """
    text = liberty(table, statistic=statistic, drop_undefined=drop_undefined, **point)
    check_liberty(text, table, statistic=statistic, drop_undefined=drop_undefined, **point)
    return files.write_text(path, text)


def check_liberty(text: str, table: LookupTable, *, statistic: str = "median", drop_undefined: bool = False, **point: str | float | int) -> None:
    """Compare a library with its table: every value and both axes after conversion by the file's units, and every unit.

    Numbers agree to the digits that are written (:data:`DIGITS`: 1e-8 relative).

    Raises
    ------
    DataError
        At the first difference, which names measure, point and both numbers.
    """
    own = _own(table, point)
    amplitude = next(n for n in AMPLITUDES if n in own.axes)
    found, amplitudes, temperatures = read_tables(text)
    expected, _ = _kept(own, drop_undefined)
    if list(found) != list(expected):
        raise _not_read_back("tables", list(found), list(expected))
    for name, read in ((amplitude, amplitudes), ("temperature", temperatures)):
        values = own.axes[name].astype(float) if name in own.axes else np.array([])
        if read.shape != values.shape or not np.allclose(read, values, rtol=1e-8, atol=0.0):
            raise _not_read_back(f"axis {name}", read.tolist(), values.tolist())
    units = {str(g.name[0]): g.attributes["unit"] for cell in parse_liberty(text).groups if cell.kind == "cell" for g in cell.groups}
    for name, values in found.items():
        if unit_scale(_symbol(units[name]))[1] != unit_scale(own.units(name))[1]:
            raise _not_read_back(f"unit of {name}", units[name], own.units(name))
        for place in np.ndindex(values.shape):
            at = {axis: own.axes[axis][k] for axis, k in zip([n for n in (amplitude, "temperature") if n in own.axes], place, strict=True)}
            wanted = float(STATISTICS[statistic](own.select(**at).values(name)))
            if not abs(values[place] - wanted) <= 1e-8 * abs(wanted):
                raise _not_read_back(f"{name} at {at}", float(values[place]), wanted)


def _not_read_back(what: str, read: object, wanted: object) -> DataError:
    return DataError("the library is not read back as the table has it", where=what, value={"library": read, "table": wanted}, remedy="report this")


def read_tables(text: str) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Return the tables of a library that :func:`liberty` made in SI units, its amplitudes and its temperatures.

    The scale comes from the file's own ``unit`` statements, not from this module.

    Returns
    -------
    dict of str to ndarray
        Values [J], [s] or [W], shape (amplitudes, temperatures), by measure.
    ndarray
        Amplitudes [V, A or code].
    ndarray
        Temperatures [K]; empty if there is no such axis.

    Raises
    ------
    DataError
        If it is not such a library, or a table's unit is not the one that the header declares for its kind.
    """
    library = parse_liberty(text)
    try:
        a = library.attributes
        load = [float(x) if k == 0 else x for k, x in enumerate(library.calls["capacitive_load_unit"][0])]
        energy = float(load[0]) * unit_scale(f"{str(load[1])[:-1]}F")[0] * _si(a["voltage_unit"]) ** 2
        if abs(energy / _si(a["energy_unit"]) - 1) > 1e-9:
            raise DataError("the unit of energy is not load unit times voltage unit squared", where="library", value=a["energy_unit"], remedy="write the library again")
        if a["amplitude_unit"] not in ("1", a["voltage_unit"], a["current_unit"]) or a["temperature_unit"] != "1C":
            raise DataError("an axis has another unit than the header declares", where="library", value=[a["amplitude_unit"], a["temperature_unit"]], remedy="write the library again")
        template = next(g for g in library.groups if g.kind == "lu_table_template")
        axes = {template.attributes[f"variable_{k}"]: _numbers(template.calls[f"index_{k}"][0]) for k in (1, 2) if f"variable_{k}" in template.attributes}
        amplitudes = axes["set_amplitude"] * (_si(a["amplitude_unit"]) if a["amplitude_unit"] != "1" else 1.0)
        temperatures = axes.get("temperature", np.array([]) - 273.15) + 273.15
        cell = next(g for g in library.groups if g.kind == "cell")
        declared = {unit_scale(_symbol(a[key]))[1]: a[key] for key in ("time_unit", "energy_unit", "leakage_power_unit")}
        for group in cell.groups:
            unit = group.attributes["unit"]
            if unit != (header := declared.get(unit_scale(_symbol(unit))[1], "none")):
                raise DataError("a table has another unit than the header declares", where=f"library, {group.name[0]}", value={"table": unit, "header": header}, remedy="write the library again")
        shape = tuple(len(v) for v in axes.values())
        tables = {g.name: _numbers(g.calls["values"][0]).reshape(shape) * _si(g.attributes["unit"]) for g in cell.groups if g.kind == "measured_table"}
    except (KeyError, StopIteration, ValueError) as error:
        raise DataError("not a library of the dropout module", where="library", value=str(error), remedy="write it with 'spinbnn table lib'") from error
    return {str(name[0] if isinstance(name, tuple) else name): values for name, values in tables.items()}, amplitudes, temperatures


def _si(unit: str) -> float:
    """Return the size of a Liberty unit, ``"1ns"``."""
    return int(_parts(unit)[1]) * unit_scale(_symbol(unit))[0]


def _symbol(unit: str) -> str:
    return str(_parts(unit)[2])


def _parts(unit: str) -> re.Match[str]:
    match = re.fullmatch(r"(1|10|100)([a-zA-Z]+)", unit)
    if match is None:
        raise ValueError(f"not a unit: {unit!r}")
    return match


def _numbers(parts: tuple[str, ...]) -> np.ndarray:
    return np.array([float(x) for part in parts for x in part.replace("\\\n", " ").split(",")])
