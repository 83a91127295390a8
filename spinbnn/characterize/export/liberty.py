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
AMPLITUDES = ("set_voltage", "set_current", "code")
UNITS = {"V": ("voltage_unit", "1V", 1.0), "A": ("current_unit", "1uA", 1e-6), "s": ("time_unit", "1ns", 1e-9), "J": ("energy", "1pJ", 1e-12), "W": ("leakage_power_unit", "1nW", 1e-9)}
"""SI unit -> Liberty's attribute, the unit written, and its size in SI. Liberty has no attribute for energy: it is
``capacitive_load_unit`` times ``voltage_unit`` squared, 1 pF V^2 = 1 pJ; ``energy_unit`` states it again."""


def liberty(table: LookupTable, *, statistic: str = "median", **point: str | float | int) -> str:
    """Return energies, latencies and powers of a table over amplitude and temperature.

    Parameters
    ----------
    table : LookupTable
        Of a bench of the dropout module. Its cells that are needed are ok.
    statistic : str
        What stands for the draws: ``"median"``, ``"mean"`` or ``"max"``, of the draws where the measure is defined.
    **point
        A value for each axis other than amplitude, temperature and draw, e.g. ``corner="tt"``, ``supply=1.1``; an axis
        of one value needs none.

    Returns
    -------
    str
        One library with one cell; every table names its measure and unit. A table with an undefined value is left out and
        named in a comment, nothing is filled in.

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
    left_out = []
    for measure in own.measures.values():
        if measure.unit not in ("J", "s", "W"):
            continue
        data = measure.data
        if "draw" in names:
            if not np.isfinite(data).any(axis=names.index("draw")).all():
                left_out.append(measure.name)
                continue
            data = reduce(data, axis=names.index("draw"))
        if not np.isfinite(data).all():
            left_out.append(measure.name)
            continue
        rest = [n for n in names if n != "draw"]
        grid = np.moveaxis(data, [rest.index(n) for n in kept], range(len(kept))).reshape([len(indices[n]) for n in kept])
        lines += [f"    measured_table ({measure.name}) {{", f'      unit : "{UNITS[measure.unit][1]}";', "      table_template : amplitude_temperature;", "      values ( \\"]
        rows = [f"        {_row([_scaled(float(v), measure.unit) for v in np.atleast_1d(row)])}" for row in grid]
        lines += [", \\\n".join(rows) + " \\", "      );", "    }"]
    lines += [f"    /* left out, undefined somewhere: {', '.join(left_out)} */"] if left_out else []
    return "\n".join([*lines, "  }", "}", ""])


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
        'define_group (measured_table, cell);', 'define (unit, measured_table, string);', 'define (table_template, measured_table, string);',
    ]  # fmt: skip


def _scaled(value: float, unit: str) -> float:
    if unit == "K":
        return round(value - 273.15, 9)  # Liberty counts in degrees Celsius
    return float(f"{value / UNITS[unit][2]:.12g}") if unit in UNITS else value


def _row(values: list[float]) -> str:
    return '"' + ", ".join(f"{v:.9g}" for v in values) + '"'


def _word(text: str) -> str:
    return re.sub(r"\W", "_", text)


def write_liberty(path: str | Path, table: LookupTable, *, statistic: str = "median", **point: str | float | int) -> Path:
    """Write :func:`liberty` to a file, after reading it back: a table that would be read as other numbers is not written.

    Raises
    ------
    CoverageError, ParameterError
        See :func:`liberty`.
    DataError
        If what is written is not read back, or the path cannot be written.
    """
    text = liberty(table, statistic=statistic, **point)
    energies, _, _ = read_tables(text)
    for name, values in energies.items():
        data = _own(table, point).values(name)
        low, high = np.nanmin(data), np.nanmax(data)
        if values.min() < low - 1e-8 * abs(low) or values.max() > high + 1e-8 * abs(high):
            raise DataError("the library is not read back as it was written", where=str(path), value=name, remedy="report this")
    return files.write_text(path, text)


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
        If it is not such a library.
    """
    library = parse_liberty(text)
    try:
        a = library.attributes
        load = [float(x) if k == 0 else x for k, x in enumerate(library.calls["capacitive_load_unit"][0])]
        energy = float(load[0]) * unit_scale(f"{str(load[1])[:-1]}F")[0] * _si(a["voltage_unit"]) ** 2
        if abs(energy / _si(a["energy_unit"]) - 1) > 1e-9:
            raise DataError("the unit of energy is not load unit times voltage unit squared", where="library", value=a["energy_unit"], remedy="write the library again")
        template = next(g for g in library.groups if g.kind == "lu_table_template")
        axes = {template.attributes[f"variable_{k}"]: _numbers(template.calls[f"index_{k}"][0]) for k in (1, 2) if f"variable_{k}" in template.attributes}
        amplitudes = axes["set_amplitude"] * (_si(a["amplitude_unit"]) if a["amplitude_unit"] != "1" else 1.0)
        temperatures = axes.get("temperature", np.array([]) - 273.15) + 273.15
        cell = next(g for g in library.groups if g.kind == "cell")
        shape = tuple(len(v) for v in axes.values())
        tables = {g.name: _numbers(g.calls["values"][0]).reshape(shape) * _si(g.attributes["unit"]) for g in cell.groups if g.kind == "measured_table"}
    except (KeyError, StopIteration, ValueError) as error:
        raise DataError("not a library of the dropout module", where="library", value=str(error), remedy="write it with 'spinbnn table lib'") from error
    return {str(name[0] if isinstance(name, tuple) else name): values for name, values in tables.items()}, amplitudes, temperatures


def _si(unit: str) -> float:
    """Return the size of a Liberty unit, ``"1ns"``."""
    match = re.fullmatch(r"(1|10|100)([a-zA-Z]+)", unit)
    if match is None:
        raise ValueError(f"not a unit: {unit!r}")
    return int(match[1]) * unit_scale(match[2])[0]


def _numbers(parts: tuple[str, ...]) -> np.ndarray:
    return np.array([float(x) for part in parts for x in part.replace("\\\n", " ").split(",")])
