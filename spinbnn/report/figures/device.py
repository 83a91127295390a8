"""Figures of the dropout module: its S-curve, its waveforms and the spread over chips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ParameterError
from ...tables import Cell, Column, Table
from ...units import format_si
from ..figure import Figure, render
from ..style import LINES, MARKERS, RASTER_ABOVE, Ink
from .shared import Floats, legend_above, numbers, optional, prefixed, quantiles, sentences, short

if TYPE_CHECKING:  # pragma: no cover
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

SEPARATE = 40
"""Largest number of draws that are drawn as single lines."""


def drop_probability(
    voltage: ArrayLike, p: ArrayLike, *, target: float | None = None, nominal_voltage: float | None = None,
    note: str = "", name: str = "drop-probability",
) -> Figure:  # fmt: skip
    """Draw the drop probability over the voltage: median, 25-75 % and 5-95 % bands over draws of the variation.

    Parameters
    ----------
    voltage : array_like
        SET rail voltage, rising, shape ``(V,)`` [V].
    p : array_like
        Drop probability, shape ``(V, D)`` for D draws, or ``(V,)``; NaN where a sample failed [1].
    target : float, optional
        Wanted drop probability, marked [1].
    nominal_voltage : float, optional
        Voltage at which the nominal device reaches it, marked [V].
    note, name : str
        See :mod:`spinbnn.report.figures`.

    Returns
    -------
    Figure
        Up to 40 draws also appear as thin lines.

    Raises
    ------
    ParameterError
        If the shapes do not fit.

    Examples
    --------
    >>> figure = drop_probability([0.5, 0.6], [[0.1, 0.2, 0.3], [0.7, 0.8, 0.9]], target=0.5)
    >>> [round(cell, 3) for cell in figure.data.rows[0][:4]]
    [0.5, 0.11, 0.15, 0.2]
    """
    volts = numbers(voltage, "drop_probability, argument 'voltage'", (None,))
    curves = np.asarray(p, dtype=np.float64)
    curves = numbers(
        curves[:, None] if curves.ndim == 1 else curves, "drop_probability, argument 'p'", (len(volts), None)
    )
    band, draws = quantiles(curves), curves.shape[1]

    def draw(canvas: Canvas, ink: Ink) -> None:
        axes = canvas.subplots()
        blue = ink.colors[0]
        if draws > 1:
            axes.fill_between(volts, band[:, 0], band[:, 4], color=blue, alpha=0.16, lw=0, label="5–95 %")
            axes.fill_between(volts, band[:, 1], band[:, 3], color=blue, alpha=0.34, lw=0, label="25–75 %")
        if 1 < draws <= SEPARATE:
            axes.plot(volts, curves, color=ink.text, ls="-", lw=0.45, alpha=0.22)
        axes.plot(volts, band[:, 2], color=blue, ls="-", label="median" if draws > 1 else "drop probability")
        if target is not None:
            axes.axhline(target, color=ink.colors[1], ls=LINES[1], lw=1.1, label=f"target {target:g}")
        if nominal_voltage is not None:
            axes.axvline(
                nominal_voltage, color=ink.text, ls=LINES[3], lw=1.1, label=f"nominal {nominal_voltage:.4g} V"
            )
        axes.set(xlabel="SET rail voltage [V]", ylabel="drop probability", ylim=(-0.02, 1.02))
        axes.margins(x=0)
        axes.grid(axis="y")
        legend_above(axes, 5)

    kept = curves if draws <= SEPARATE else curves[:, :0]
    table = Table(
        "Drop probability against SET rail voltage",
        [
            Column("voltage", "V", 6),
            "5 %",
            "25 %",
            "median",
            "75 %",
            "95 %",
            *(f"draw {d + 1}" for d in range(kept.shape[1])),
        ],
        [[float(v), *map(optional, q), *map(optional, c)] for v, q, c in zip(volts, band, kept, strict=True)],
    )
    failed = int(np.isnan(curves).sum())
    text = sentences(
        f"The median over {draws} draws" if draws > 1 else "The drop probability",
        f"goes from {short(band[0, 2])} at {volts[0]:.4g} V to {short(band[-1, 2])} at {volts[-1]:.4g} V.",
        _spread_at(volts, curves, nominal_voltage),
        f"{failed} of {curves.size} samples failed and are left out." if failed else "",
        note,
    )  # fmt: skip
    return render(name, "Drop probability against the SET rail voltage", text, table, draw, size=(6.4, 3.3))


def _spread_at(volts: Floats, curves: Floats, voltage: float | None) -> str:
    """Say how far apart the draws are at the nominal voltage."""
    if voltage is None or curves.shape[1] < 2 or not volts[0] <= voltage <= volts[-1]:
        return ""
    at = np.array([[np.interp(voltage, volts, c) for c in curves.T]])
    band = quantiles(at)[0]
    return f"At {voltage:.4g} V nine draws in ten lie between {short(band[0])} and {short(band[4])}."


def waveforms(
    time: ArrayLike, traces: Mapping[str, tuple[ArrayLike, str]], phases: Sequence[tuple[str, float, float]] = (), *,
    panels: Sequence[Sequence[str]] | None = None, note: str = "", name: str = "waveforms",
) -> Figure:  # fmt: skip
    """Draw one cycle: stacked panels over a common time, the phases shaded and named.

    Parameters
    ----------
    time : array_like
        Rising, shape ``(T,)`` [s].
    traces : dict
        Label -> (values of shape ``(T,)``, SI unit); unit ``"1"`` or ``""`` for probabilities and bits.
    phases : sequence of (label, start, stop)
        E.g. ``("RESET", 0.0, 10e-9)`` [s].
    panels : sequence of sequence of str, optional
        Labels that share a panel (one unit, at most four); by default all traces of one unit, four to a panel.
    note, name : str
        See :mod:`spinbnn.report.figures`.

    Returns
    -------
    Figure
        Axes carry the SI prefix that suits the values; the CSV is in SI units.

    Raises
    ------
    ParameterError
        If lengths do not fit, or a panel mixes units or holds more than four traces.

    Examples
    --------
    >>> figure = waveforms([0, 1e-9], {"track": ([0, 1e-4], "A"), "p0": ([0, 0.5], "1")}, [("SET", 0, 1e-9)])
    >>> [column.head for column in figure.data.heads()]
    ['time [s]', 'track [A]', 'p0']
    """
    seconds = numbers(time, "waveforms, argument 'time'", (None,))
    values = {k: (numbers(v, f"waveforms, trace {k!r}", (len(seconds),)), u) for k, (v, u) in traces.items()}
    groups = _panels(values, panels)
    scale, unit = prefixed(float(seconds[-1] - seconds[0]) / 2, "s")

    def draw(canvas: Canvas, ink: Ink) -> None:
        names = _place(phases, float(seconds[-1] - seconds[0]), canvas.get_figwidth())
        rows, heads = 1 + max((row for row, *_ in names), default=0), 1 if phases else 0
        ratios = ([0.06 + 0.17 * rows] if heads else []) + [1.0] * len(groups)
        made = canvas.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
        for axes, labels in zip(made[heads:], groups, strict=True):
            _panel(axes, ink, seconds * scale, {label: values[label] for label in labels})
        engine: Any = canvas.get_layout_engine()
        engine.set(hspace=0.03, h_pad=0.03)
        for _, start, stop in phases:
            for axes in made[heads:]:
                axes.axvspan(start * scale, stop * scale, color=ink.text, alpha=0.06, lw=0)
                for edge in (start, stop):
                    axes.axvline(edge * scale, color=ink.text, ls="-", lw=0.6, alpha=0.22)
        if heads:
            _name_phases(made[0], ink, names, scale, rows)
        made[-1].set_xlabel(f"time [{unit}]")
        made[-1].set_xlim(seconds[0] * scale, seconds[-1] * scale)
        canvas.align_ylabels(made[heads:])

    table = Table(
        "Waveforms",
        [Column("time", "s", 9), *(Column(k, "" if u == "1" else u, 6) for k, (_, u) in values.items())],
        [[float(t), *(optional(v[i]) for v, _ in values.values())] for i, t in enumerate(seconds)],
    )
    spans = ", ".join(f"{k} {format_si(a, 's', 3)} to {format_si(b, 's', 3)}" for k, a, b in phases)
    text = sentences(
        "Shown over one time axis: " + ", ".join(values) + ".",
        f"Phases: {spans}." if phases else "",
        note,
    )  # fmt: skip
    return render(name, "Waveforms of one cycle", text, table, draw, size=(6.4, 0.7 + 1.12 * len(groups)))


def _panels(
    values: Mapping[str, tuple[Floats, str]], panels: Sequence[Sequence[str]] | None
) -> list[list[str]]:
    if not values:
        raise ParameterError(
            "there is no trace", where="waveforms, argument 'traces'", value={}, remedy="give one at least"
        )
    if panels is None:
        by_unit: dict[str, list[str]] = {}
        for label, (_, unit) in values.items():
            by_unit.setdefault(unit, []).append(label)
        return [labels[i : i + 4] for labels in by_unit.values() for i in range(0, len(labels), 4)]
    for labels in panels:
        unknown = [label for label in labels if label not in values]
        if unknown or not 1 <= len(labels) <= 4 or len({values[label][1] for label in labels}) > 1:
            raise ParameterError(
                "a panel holds one to four traces of one unit", where="waveforms, argument 'panels'", value=list(labels),
                remedy=f"use the labels {list(values)}",
            )  # fmt: skip
    return [list(labels) for labels in panels]


def _panel(axes: Axes, ink: Ink, x: Floats, values: Mapping[str, tuple[Floats, str]]) -> None:
    """Draw the traces of one unit, with their names on the right."""
    si = next(iter(values.values()))[1]
    largest = max(
        (float(np.nanmax(np.abs(v))) for v, _ in values.values() if not np.isnan(v).all()), default=0.0
    )
    scale, unit = prefixed(largest, si)
    for number, (label, (v, _)) in enumerate(values.items()):
        axes.plot(x, v * scale, color=ink.colors[number], ls=LINES[number], lw=1.4, label=fill(label, 20))
    quantity = {"A": "current", "V": "voltage", "W": "power", "J": "energy"}.get(si, "")
    axes.set_ylabel(f"{quantity} [{unit}]".strip() if si not in ("", "1") else "probability")
    axes.margins(y=0.08)
    axes.grid(axis="y")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.8, handletextpad=0.5)


def _place(
    phases: Sequence[tuple[str, float, float]], span: float, width: float
) -> list[tuple[int, float, str]]:
    """Return row, middle and label of every name, so that none covers another on a figure of ``width`` inches."""
    ends: list[float] = []
    out = []
    for label, start, stop in phases:
        middle, half = (start + stop) / 2, 0.5 * (0.1 * len(label) + 0.08) / width * span
        row = next((r for r, end in enumerate(ends) if end <= middle - half), len(ends))
        ends[row:row + 1] = [middle + half]  # fmt: skip
        out.append((row, middle, label))
    return out


def _name_phases(
    axes: Axes, ink: Ink, names: Sequence[tuple[int, float, str]], scale: float, rows: int
) -> None:
    axes.set_axis_off()
    axes.set_ylim(rows, 0)
    for row, middle, label in names:
        axes.text(
            middle * scale, row + 0.5, label, ha="center", va="center", fontsize="small", color=ink.text
        )


def chips(
    p: Mapping[str, ArrayLike],
    target: ArrayLike,
    *,
    layers: Sequence[str] | None = None,
    note: str = "",
    name: str = "chips",
) -> Figure:
    """Draw the drop probability of sampled chips, layer by layer, one group of dots for each setting.

    Parameters
    ----------
    p : dict
        Setting -> array of shape ``(n_chips, L)``, e.g. ``{"untrimmed": ..., "trimmed": ...}``; at most four [1].
    target : float or array_like
        Wanted drop probability, one or ``(L,)`` [1].
    layers : sequence of str, optional
        Names of the layers.
    note, name : str
        See :mod:`spinbnn.report.figures`.

    Returns
    -------
    Figure
        Dots are chips, bars their 5-95 % range, with the median.

    Raises
    ------
    ParameterError
        If shapes do not fit or there are more than four settings.

    Examples
    --------
    >>> figure = chips({"trimmed": [[0.5, 0.4], [0.52, 0.41]]}, [0.5, 0.4], layers=["conv1", "conv2"])
    >>> figure.data.rows[1]
    ['trimmed', 0, 'conv2', 0.4, 0.4]
    """
    if not 1 <= len(p) <= 4:
        raise ParameterError(
            "one to four settings", where="chips, argument 'p'", value=len(p), remedy="drop some"
        )
    first = np.asarray(next(iter(p.values())), dtype=np.float64)
    count = first.shape[1] if first.ndim == 2 else 1
    values = {k: numbers(v, f"chips, setting {k!r}", (None, count)) for k, v in p.items()}
    aims = numbers(
        np.broadcast_to(np.asarray(target, dtype=np.float64), (count,)), "chips, argument 'target'", (count,)
    )
    names = [str(n) for n in layers] if layers is not None else [f"layer {i + 1}" for i in range(count)]
    if len(names) != count:
        raise ParameterError(
            "one name for each layer", where="chips, argument 'layers'", value=names, remedy=f"give {count}"
        )
    raster = sum(v.size for v in values.values()) > RASTER_ABOVE

    def draw(canvas: Canvas, ink: Ink) -> None:
        axes = canvas.subplots()
        width = 0.8 / len(values)
        for s, (label, v) in enumerate(values.items()):
            crowd = len(v) > 30
            spread = ((np.arange(len(v)) * 0.6180339887) % 1.0 - 0.5) * 0.6 * width
            for layer in range(count):
                x = layer + (s - (len(values) - 1) / 2) * width
                axes.plot(
                    x + spread, v[:, layer], MARKERS[s], color=ink.colors[s], ms=3.2 if crowd else 4.4,
                    alpha=0.45 if crowd else 0.75, mew=0, ls="none", rasterized=raster, label=label if layer == 0 else None,
                )  # fmt: skip
                low, _, middle, _, high = quantiles(v[None, :, layer])[0]
                axes.plot([x, x], [low, high], color=ink.text, ls="-", lw=0.9)
                axes.plot(x, middle, MARKERS[s], color=ink.ground, mec=ink.text, mew=0.9, ms=4.6, ls="none")
        axes.hlines(
            aims,
            np.arange(count) - 0.46,
            np.arange(count) + 0.46,
            color=ink.text,
            ls=LINES[1],
            lw=1.0,
            label="target",
        )
        slanted: dict[str, Any] = (
            {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if sum(map(len, names)) > 60 else {}
        )
        axes.set_xticks(range(count), names, **slanted)
        axes.set(ylabel="drop probability", xlim=(-0.55, count - 0.45))
        axes.tick_params(axis="x", length=0)
        axes.grid(axis="y")
        legend_above(axes, 5, markerscale=1.7)

    table = Table(
        "Drop probability of sampled chips",
        ["setting", "chip", "layer", "drop probability", "target"],
        [
            [label, chip, names[i], optional(v[chip, i]), float(aims[i])]
            for label, v in values.items() for chip in range(len(v)) for i in range(count)
        ],
    )  # fmt: skip
    parts = []
    for label, v in values.items():
        off: Cell = float(np.nanmax(np.abs(v - aims))) if not np.isnan(v).all() else None
        parts.append(
            f"{len(v)} chips ({label}) lie at most {'?' if off is None else f'{off:.3g}'} from the target."
        )
    parts.append("Lines span 5–95 % of the chips, open marks are medians.")
    return render(
        name, "Drop probability of sampled chips", sentences(*parts, note), table, draw, size=(6.4, 3.2)
    )
