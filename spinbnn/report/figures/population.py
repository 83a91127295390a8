"""Figures of the device itself: p over current and temperature, histograms of a population, p of trimmed devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ParameterError
from ...tables import Cell, Column, Table
from ...units import format_si
from ..figure import Figure, render
from ..style import LINES, MARKERS, Ink
from .shared import Floats, legend_above, numbers, optional, prefixed, quantiles, sentences, short

if TYPE_CHECKING:  # pragma: no cover
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

MOST_CURVES = 4
"""Curves in one panel: as many as there are colours."""
PANELS = 9
"""Most histograms in one figure."""
LEVELS = (0.1, 0.5, 0.9)
"""Probabilities whose currents are drawn over the temperature."""


def switching(
    current: ArrayLike, temperature: ArrayLike, p: ArrayLike, *, mark: float | None = None, note: str = "", name: str = "switching",
) -> Figure:  # fmt: skip
    """Draw the switching probability over the current at up to four temperatures, and the currents of p = 0.1, 0.5, 0.9 over all.

    Parameters
    ----------
    current : array_like
        Track current, rising, shape ``(I,)`` [A].
    temperature : array_like
        Temperatures, rising, at least two, shape ``(T,)``; of more than four the curves are a selection [K].
    p : array_like
        Switching probability, shape ``(T, I)`` [1].
    mark : float, optional
        A current to be marked [A].
    note, name : str
        See :mod:`spinbnn.report.figures`.

    Returns
    -------
    Figure
        Left the curves, right the currents at which they first rise through 0.1, 0.5 and 0.9.

    Raises
    ------
    ParameterError
        If the shapes do not fit, or an axis does not rise.

    Examples
    --------
    >>> figure = switching([1e-4, 2e-4, 3e-4], [300.0, 350.0], [[0.0, 0.5, 1.0], [0.1, 0.7, 1.0]])
    >>> [column.head for column in figure.data.heads()]
    ['temperature [K]', 'current [A]', 'p']
    """
    amperes, kelvin = numbers(current, "switching, argument 'current'", (None,)), numbers(temperature, "switching, argument 'temperature'", (None,))
    values = numbers(p, "switching, argument 'p'", (len(kelvin), len(amperes)))
    for axis, what in ((amperes, "current"), (kelvin, "temperature")):
        if len(axis) < 2 or not np.all(np.diff(axis) > 0):
            raise ParameterError("an axis needs two rising values at least", where=f"switching, argument {what!r}", value=axis.tolist(), remedy="sort it")
    scale, unit = prefixed(float(amperes[-1]), "A")
    chosen = sorted({int(i) for i in np.rint(np.linspace(0, len(kelvin) - 1, min(MOST_CURVES, len(kelvin))))})
    crossings = np.array([[_first_rise(amperes, row, level) for level in LEVELS] for row in values])

    def draw(canvas: Canvas, ink: Ink) -> None:
        left, right = canvas.subplots(1, 2)
        for number, row in enumerate(chosen):
            left.plot(amperes * scale, values[row], color=ink.colors[number], ls=LINES[number], label=f"{kelvin[row]:g} K")
        left.set(xlabel=f"track current [{unit}]", ylabel="switching probability", ylim=(-0.02, 1.02))
        left.margins(x=0)
        for number, level in enumerate(LEVELS):
            if np.all(np.isnan(crossings[:, number])):
                continue  # not reached at any temperature
            right.plot(kelvin, crossings[:, number] * scale, color=ink.colors[number], ls=LINES[number], marker=MARKERS[number] if len(kelvin) <= 12 else None, label=f"p = {level:g}")
        right.set(xlabel="temperature [K]", ylabel=f"track current [{unit}]")
        if mark is not None:
            left.axvline(mark * scale, color=ink.text, ls=LINES[3], lw=1.0)
            right.axhline(mark * scale, color=ink.text, ls=LINES[3], lw=1.0, label=f"{mark * scale:.4g} {unit}")
        for axes in (left, right):
            axes.grid(axis="y")
        legend_above(left, 2)
        if right.get_legend_handles_labels()[1]:
            legend_above(right, 2)

    table = Table(
        "Switching probability over current and temperature", [Column("temperature", "K", 6), Column("current", "A", 6), Column("p", "", 6)],
        [[float(t), float(i), optional(v)] for t, row in zip(kelvin, values, strict=True) for i, v in zip(amperes, row, strict=True)],
    )  # fmt: skip
    ends = [f"{format_si(float(crossings[row, 1]), 'A')} at {kelvin[row]:g} K" for row in (0, len(kelvin) - 1) if not np.isnan(crossings[row, 1])]
    text = sentences("Probability 1/2 takes " + " and ".join(ends) + "." if ends else "Probability 1/2 is not reached in this range.", note)
    return render(name, "Switching probability over current and temperature", text, table, draw, size=(6.8, 3.2))


def _first_rise(amperes: Floats, p: Floats, level: float) -> float:
    """Return where p first rises through the level, linear between points; NaN where it does not."""
    hits = np.flatnonzero((p[:-1] < level) & (p[1:] >= level))
    if hits.size == 0:
        return float("nan")
    i = int(hits[0])
    return float(amperes[i] + (amperes[i + 1] - amperes[i]) * (level - p[i]) / (p[i + 1] - p[i]))


def population(
    values: Mapping[str, tuple[ArrayLike, str]], nominal: Mapping[str, float] | None = None, *, bins: int = 30, note: str = "", name: str = "population",
) -> Figure:  # fmt: skip
    """Draw histograms of a population, one panel a quantity, with the median and the nominal value.

    Parameters
    ----------
    values : dict
        Label -> (values of the devices, SI unit), at most nine; unit ``"1"`` or ``""`` for plain numbers.
    nominal : dict, optional
        Label -> nominal value, in the same unit.
    bins : int
        Bars a panel [1].
    note, name : str
        See :mod:`spinbnn.report.figures`.

    Returns
    -------
    Figure
        The CSV holds the edges (SI) and counts of every bar.

    Raises
    ------
    ParameterError
        If there are no values or too many panels.

    Examples
    --------
    >>> figure = population({"p": ([0.1, 0.2, 0.9], "1")}, {"p": 0.5}, bins=2)
    >>> [row[3] for row in figure.data.rows]
    [2, 1]
    """
    if not 1 <= len(values) <= PANELS or bins < 1:
        raise ParameterError(f"one to {PANELS} quantities and one bar at least", where="population, argument 'values'", value=(list(values), bins), remedy="choose some")
    known = nominal or {}
    arrays = {label: (numbers(np.ravel(np.asarray(v, dtype=float)), f"population, quantity {label!r}", (None,)), unit) for label, (v, unit) in values.items()}
    counted = {label: np.histogram(v[~np.isnan(v)], bins=_edges(v[~np.isnan(v)], bins, unit)) for label, (v, unit) in arrays.items()}
    columns = min(3, len(arrays))
    lines = -(-len(arrays) // columns)

    def draw(canvas: Canvas, ink: Ink) -> None:
        made = canvas.subplots(lines, columns, squeeze=False).ravel()
        for axes, (label, (v, unit)) in zip(made, arrays.items(), strict=False):
            _histogram(axes, ink, label, v, unit, counted[label], known.get(label))
        for axes in made[len(arrays) :]:
            axes.set_axis_off()
        for first in made[::columns]:
            first.set_ylabel("devices")
        handles, names = made[0].get_legend_handles_labels()
        engine: Any = canvas.get_layout_engine()
        engine.set(hspace=0.06, wspace=0.04)
        canvas.legend(handles, names, loc="outside upper left", ncols=2)

    rows: list[list[Cell]] = [
        [label, float(low), float(high), int(n)]
        for label, (count, edge) in counted.items()
        for low, high, n in zip(edge[:-1], edge[1:], count, strict=True)
    ]
    table = Table("Histograms of the population", ["quantity", Column("from", "SI", 6), Column("to", "SI", 6), "devices"], rows)
    parts = []
    for label, (v, unit) in arrays.items():
        low, _, middle, _, high = quantiles(v[None])[0]
        parts.append(f"{label}: median {_shown(middle, unit)}, 5 to 95 % {_shown(low, unit)} to {_shown(high, unit)}.")
    return render(name, "Population of devices", sentences(*parts, note), table, draw, size=(6.8, 0.5 + 1.75 * lines))


def _edges(values: Floats, bins: int, unit: str) -> Floats:
    """Return the edges of the bars; plain numbers within [0, 1] get round ones over all of it."""
    if unit in ("", "1") and values.min() >= 0 and values.max() <= 1:
        return np.linspace(0.0, 1.0, bins + 1)
    return np.histogram_bin_edges(values, bins)


def _shown(value: float, unit: str) -> str:
    return short(value) if unit in ("", "1") else format_si(float(value), unit, 3)


def _histogram(axes: Axes, ink: Ink, label: str, v: Floats, unit: str, counted: tuple[Any, Floats], nominal: float | None) -> None:
    count, edges = counted
    scale, shown = prefixed(float(np.nanmax(np.abs(v))), unit)
    axes.stairs(count, edges * scale, fill=True, color=ink.colors[0], alpha=0.55, lw=0)
    axes.stairs(count, edges * scale, color=ink.colors[0], lw=0.9, ls="-", baseline=0)
    axes.axvline(float(np.nanmedian(v)) * scale, color=ink.text, ls="-", lw=1.2, label="median")
    if nominal is not None:
        axes.axvline(nominal * scale, color=ink.colors[1], ls=LINES[1], lw=1.3, label="nominal")
    axes.set_xlabel(f"{label} [{shown}]" if shown not in ("", "1") else label)
    axes.margins(x=0.01)
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="x", nbins=4)
    axes.grid(axis="y")


def trim_bits(bits: ArrayLike, errors: Mapping[str, ArrayLike], *, wanted: ArrayLike = (0.03, 0.10), note: str = "", name: str = "trim-bits") -> Figure:
    """Draw the error of p that a trim leaves over the bits of its DAC, one line for each setting.

    Parameters
    ----------
    bits : array_like
        Bits, rising, shape ``(B,)`` [1].
    errors : dict
        Setting -> root mean square error of p, shape ``(B,)``; at most four [1].
    wanted : array_like
        Errors to be marked [1].
    note, name : str
        See :mod:`spinbnn.report.figures`.

    Returns
    -------
    Figure
        Error in points of probability, logarithmic.

    Raises
    ------
    ParameterError
        If shapes do not fit, or there are more than four settings.

    Examples
    --------
    >>> trim_bits([2, 3], {"exact": [0.1, 0.05]}).data.rows
    [[2, 0.1], [3, 0.05]]
    """
    count = numbers(bits, "trim_bits, argument 'bits'", (None,))
    if not 1 <= len(errors) <= MOST_CURVES:
        raise ParameterError("one to four settings", where="trim_bits, argument 'errors'", value=len(errors), remedy="drop some")
    lines = {label: numbers(v, f"trim_bits, setting {label!r}", (len(count),)) for label, v in errors.items()}
    marks = np.atleast_1d(np.asarray(wanted, dtype=float))

    def draw(canvas: Canvas, ink: Ink) -> None:
        axes = canvas.subplots()
        for number, (label, v) in enumerate(lines.items()):
            axes.plot(count, 100.0 * v, color=ink.colors[number], ls=LINES[number], marker=MARKERS[number], label=label)
        for value in marks:
            axes.axhline(100.0 * value, color=ink.text, ls=LINES[3], lw=1.0)
            axes.annotate(f"{100 * value:g} points", (1.0, 100.0 * value), xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points", va="center", fontsize="small")
        axes.set_yscale("log")
        axes.set(xlabel="bits of the trim DAC", ylabel="rms error of p [points]")
        axes.set_xticks(count)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(lambda value, _: "")
        axes.grid(axis="y")
        legend_above(axes, 4)

    rows: list[list[Cell]] = [[int(b), *(optional(float(v[i])) for v in lines.values())] for i, b in enumerate(count)]
    table = Table("Error of p over the bits of the trim DAC", ["bits", *(Column(f"rms error, {label}", "", 4) for label in lines)], rows)
    parts = []
    for label, v in lines.items():
        enough = [next((int(b) for b, e in zip(count, v, strict=True) if e <= value), None) for value in marks]
        parts.append(f"{label}: " + ", ".join(f"{100 * value:g} points take {'more bits than shown' if b is None else f'{b} bits'}" for value, b in zip(marks, enough, strict=True)) + ".")
    return render(name, "Error of p over the bits of the trim DAC", sentences(*parts, note), table, draw, size=(5.4, 3.2))
