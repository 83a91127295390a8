"""Figures of the dropout module as a whole: its cycle with the gates, and p over the amplitude beside its spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ParameterError
from ...tables import Cell, Column, Table
from ...units import format_si
from ..figure import Figure, render
from ..style import LINES, MARKERS, Ink
from .device import _name_phases, _panel, _panels, _place
from .shared import numbers, optional, prefixed, quantiles, sentences, short

if TYPE_CHECKING:  # pragma: no cover
    from matplotlib.figure import Figure as Canvas

MOST_DRIVERS = 3
"""Panels side by side in :func:`amplitude_and_spread`."""


def module_cycle(
    time: ArrayLike, gates: Mapping[str, ArrayLike], traces: Mapping[str, tuple[ArrayLike, str]], phases: Sequence[tuple[str, float, float]], *,
    panels: Sequence[Sequence[str]] | None = None, heading: str = "", note: str = "", name: str = "module-cycle",
) -> Figure:  # fmt: skip
    """Draw one cycle of a module: the gates as a logic analyser shows them, and the analogue traces in panels below.

    Parameters
    ----------
    time : array_like
        Rising, shape ``(T,)`` [s].
    gates : dict
        Name -> voltage of shape ``(T,)``; each has a strip of its own, scaled to the largest of them all. What stands behind a
        comma in a name, e.g. ``"gn1, RESET"``, is not in the head of the CSV [V].
    traces, phases, panels
        As of :func:`~spinbnn.report.figures.waveforms`.
    heading : str
        A line above the figure, e.g. design and condition.
    note, name : str
        See :mod:`spinbnn.report.figures`.

    Returns
    -------
    Figure
        The CSV holds gates and traces in SI units.

    Raises
    ------
    ParameterError
        If there is no gate, lengths do not fit, or a panel mixes units or holds more than four traces.

    Examples
    --------
    >>> figure = module_cycle([0, 1e-9], {"gn1": [0, 1.1]}, {"track": ([0, 1e-4], "A")}, [("SET", 0, 1e-9)])
    >>> [column.head for column in figure.data.heads()]
    ['time [s]', 'gn1 [V]', 'track [A]']
    """
    seconds = numbers(time, "module_cycle, argument 'time'", (None,))
    if not gates:
        raise ParameterError("there is no gate", where="module_cycle, argument 'gates'", value={}, remedy="give one at least, or use waveforms()")
    digital = {k: numbers(v, f"module_cycle, gate {k!r}", (len(seconds),)) for k, v in gates.items()}
    values = {k: (numbers(v, f"module_cycle, trace {k!r}", (len(seconds),)), u) for k, (v, u) in traces.items()}
    groups = _panels(values, panels)
    scale, unit = prefixed(float(seconds[-1] - seconds[0]) / 2, "s")
    top = max(float(np.nanmax(np.abs(v))) for v in digital.values()) or 1.0
    strips = 0.16 * len(digital) + 0.1

    def draw(canvas: Canvas, ink: Ink) -> None:
        names = _place(phases, float(seconds[-1] - seconds[0]), canvas.get_figwidth())
        rows = 1 + max((row for row, *_ in names), default=0)
        ratios = [0.06 + 0.17 * rows, strips, *[1.0] * len(groups)]
        made = canvas.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
        for number, v in enumerate(digital.values()):
            level = len(digital) - 1 - number
            made[1].fill_between(seconds * scale, level, level + 0.7 * v / top, color=ink.colors[0], alpha=0.3, lw=0)
            made[1].plot(seconds * scale, level + 0.7 * v / top, color=ink.text, ls="-", lw=0.9)
        if heading:
            canvas.suptitle(heading, x=0.01, ha="left", fontsize="medium")
        made[1].set_yticks([len(digital) - 1 - k + 0.35 for k in range(len(digital))], list(digital))
        made[1].tick_params(axis="y", length=0)
        made[1].set_ylim(-0.25, len(digital))
        for axes, labels in zip(made[2:], groups, strict=True):
            _panel(axes, ink, seconds * scale, {label: values[label] for label in labels})
        engine: Any = canvas.get_layout_engine()
        engine.set(hspace=0.03, h_pad=0.03)
        for _, start, stop in phases:
            for axes in made[1:]:
                axes.axvspan(start * scale, stop * scale, color=ink.text, alpha=0.06, lw=0)
                for edge in (start, stop):
                    axes.axvline(edge * scale, color=ink.text, ls="-", lw=0.6, alpha=0.22)
        _name_phases(made[0], ink, names, scale, rows)
        made[-1].set_xlabel(f"time [{unit}]")
        made[-1].set_xlim(seconds[0] * scale, seconds[-1] * scale)
        canvas.align_ylabels(made[2:])

    table = Table(
        "Cycle of the module",
        [Column("time", "s", 9), *(Column(k.split(",")[0], "V", 6) for k in digital), *(Column(k, "" if u == "1" else u, 6) for k, (_, u) in values.items())],
        [[float(t), *(optional(v[i]) for v in digital.values()), *(optional(v[i]) for v, _ in values.values())] for i, t in enumerate(seconds)],
    )
    spans = ", ".join(f"{k} {format_si(a, 's', 3)} to {format_si(b, 's', 3)}" for k, a, b in phases)
    text = sentences(f"{heading}." if heading else "", f"Gates {'; '.join(digital)} over {', '.join(values)}, one time axis.", f"Phases: {spans}." if phases else "", note)
    return render(name, "One cycle of the dropout module", text, table, draw, size=(6.4, 0.7 + 1.12 * (len(groups) + strips)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverCurves:
    """p of one driver over its amplitude, and over draws at one amplitude.

    Parameters
    ----------
    amplitude : array_like, shape (A,)
        Rising [unit].
    quantity, unit : str
        What the amplitude is, and its SI unit; ``"1"`` for a code.
    p : dict
        Condition, e.g. ``"27 °C"`` -> p of the nominal module, shape ``(A,)``; at most four [1].
    draws : array_like, shape (N,)
        p of drawn modules; NaN where one failed [1].
    remark : str
        What was done about the draws, in a few words: title of the histogram.
    """

    amplitude: ArrayLike
    quantity: str
    unit: str
    p: Mapping[str, ArrayLike]
    draws: ArrayLike
    remark: str = ""


def amplitude_and_spread(drivers: Mapping[str, DriverCurves], *, target: float = 0.5, bins: int = 25, note: str = "", name: str = "amplitude-and-spread") -> Figure:
    """Draw p of up to three drivers: above over the amplitude, one line a condition; below its histogram over drawn modules.

    Parameters
    ----------
    drivers : dict
        Name -> :class:`DriverCurves`; all with the same conditions.
    target : float
        Wanted p, marked [1].
    bins : int
        Bars of a histogram over [0, 1] [1].
    note, name : str
        See :mod:`spinbnn.report.figures`.

    Returns
    -------
    Figure
        Histograms are in per cent of the modules, each on its own scale.

    Raises
    ------
    ParameterError
        If there are no drivers or more than three, conditions differ, or shapes do not fit.

    Examples
    --------
    >>> one = DriverCurves(amplitude=[0.9, 1.0], quantity="SET rail", unit="V", p={"27 °C": [0.1, 0.9]}, draws=[0.2, 0.5, 0.7])
    >>> figure = amplitude_and_spread({"voltage": one}, bins=2)
    >>> [row for row in figure.data.rows if row[1] == "draws"][0]
    ['voltage', 'draws', 0.0, 1]
    """
    conditions = list(next(iter(drivers.values())).p) if drivers else []
    if not 1 <= len(drivers) <= MOST_DRIVERS or not 1 <= len(conditions) <= len(LINES) or bins < 1:
        raise ParameterError("one to three drivers, one to four conditions and one bar at least", where="amplitude_and_spread, argument 'drivers'", value=(list(drivers), conditions, bins), remedy="choose some")
    if any(list(d.p) != conditions for d in drivers.values()):
        raise ParameterError("all drivers need the same conditions", where="amplitude_and_spread, argument 'drivers'", value={k: list(d.p) for k, d in drivers.items()}, remedy="measure each at all of them")
    read = {}
    for label, driver in drivers.items():
        amplitude = numbers(driver.amplitude, f"amplitude_and_spread, amplitude of {label!r}", (None,))
        curves = {c: numbers(v, f"amplitude_and_spread, {label!r} at {c!r}", (len(amplitude),)) for c, v in driver.p.items()}
        draws = numbers(driver.draws, f"amplitude_and_spread, draws of {label!r}", (None,))
        known = draws[~np.isnan(draws)]
        count, edges = np.histogram(known, bins=bins, range=(0.0, 1.0))
        read[label] = (amplitude, curves, known, count, edges)

    def draw(canvas: Canvas, ink: Ink) -> None:
        made = canvas.subplots(2, len(read), squeeze=False)
        for column, (label, (amplitude, curves, known, count, edges)) in enumerate(read.items()):
            upper, lower = made[:, column]
            scale, unit = prefixed(float(np.nanmax(np.abs(amplitude))), drivers[label].unit)
            for number, (condition, p) in enumerate(curves.items()):
                upper.plot(amplitude * scale, p, color=ink.colors[number], ls=LINES[number], marker=MARKERS[number], ms=2.6, lw=1.2, label=condition)
            upper.set_xlabel(drivers[label].quantity + (f" [{unit}]" if unit not in ("", "1") else ""))
            upper.set_title(label)
            upper.axhline(target, color=ink.text, ls=LINES[3], lw=0.9, label=f"target {target:g}")
            upper.set_ylim(-0.03, 1.03)
            upper.margins(x=0.02)
            lower.stairs(100.0 * count / max(1, len(known)), edges, fill=True, color=ink.colors[0], alpha=0.5, lw=0)
            lower.stairs(100.0 * count / max(1, len(known)), edges, color=ink.colors[0], lw=0.9, ls="-", baseline=0)
            lower.axvline(target, color=ink.text, ls=LINES[3], lw=0.8)
            lower.set(xlabel="drop probability of drawn modules", xlim=(0, 1))
            low, _, _, _, high = quantiles(known[None])[0]
            spread = known.std(ddof=1) if len(known) > 1 else 0.0
            lines = [drivers[label].remark, f"{len(known)} modules: mean {known.mean():.3f}, sd {spread:.3f}", f"5 to 95 %: {low:.2f} to {high:.2f}"]
            lower.set_title("\n".join(line for line in lines if line), fontsize="small", linespacing=1.2)
            for axes in (upper, lower):
                axes.grid(axis="y")
            if column:
                upper.tick_params(labelleft=False)
        made[0, 0].set_ylabel("drop probability")
        made[1, 0].set_ylabel("modules [%]")
        handles, names = made[0, 0].get_legend_handles_labels()
        engine: Any = canvas.get_layout_engine()
        engine.set(hspace=0.06, wspace=0.03)
        canvas.legend(handles, names, loc="outside upper left", ncols=len(names))

    rows: list[list[Cell]] = []
    for label, (amplitude, curves, _, count, edges) in read.items():
        rows += [[label, condition, float(a), optional(v)] for condition, p in curves.items() for a, v in zip(amplitude, p, strict=True)]
        rows += [[label, "draws", float(edge), int(n)] for edge, n in zip(edges[:-1], count, strict=True)]
    table = Table("p over the amplitude, and its histogram over draws", ["driver", "condition", Column("amplitude, or begin of the bar", "SI", 6), Column("p, or modules", "", 6)], rows)
    parts = [f"{label}: {len(known)} drawn modules, mean {short(float(known.mean()))}, 5 to 95 % {short(quantiles(known[None])[0][0])} to {short(quantiles(known[None])[0][4])}." for label, (_, _, known, _, _) in read.items()]
    return render(name, "Drop probability over the amplitude, and its spread over modules", sentences(*parts, note), table, draw, size=(7.16, 4.1))
