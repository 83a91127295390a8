"""Figures of a prediction: reliability, uncertainty of groups of inputs, rotated inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ParameterError
from ...tables import Cell, Column, Table
from ..figure import Figure, render
from ..style import LINES, MARKERS, Ink
from .shared import BAND, legend_above, numbers, optional, quantiles, sentences, short

if TYPE_CHECKING:  # pragma: no cover
    from matplotlib.figure import Figure as Canvas

GROUPS = 6
"""Most groups of inputs in one figure."""


def reliability(
    confidence: ArrayLike,
    accuracy: ArrayLike,
    count: ArrayLike,
    ece: float,
    label: str,
    *,
    note: str = "",
    name: str = "reliability",
) -> Figure:
    """Draw accuracy against confidence, bin by bin, with the diagonal and the number of inputs below.

    Parameters
    ----------
    confidence, accuracy : array_like
        Means in each bin, NaN where it is empty, shape ``(bins,)`` [1].
    count : array_like
        Inputs in each bin, shape ``(bins,)``.
    ece : float
        Expected calibration error, printed [1].
    label : str
        What was evaluated.
    note, name : str
        See :mod:`spinbnn.report.figures`.

    Returns
    -------
    Figure
        A bar from the diagonal to each point is that bin's gap, a line the Wilson interval of its accuracy: a bin with
        a handful of inputs says little, and looks it.

    Raises
    ------
    ParameterError
        If the shapes differ.

    Examples
    --------
    >>> figure = reliability([0.55, float("nan"), 0.95], [0.5, float("nan"), 0.97], [20, 0, 80], 0.026, "LeNet-5")
    >>> figure.data.rows[1]
    [None, None, 0]
    """
    where = "reliability, argument "
    sure = numbers(confidence, where + "'confidence'", (None,))
    right = numbers(accuracy, where + "'accuracy'", (len(sure),))
    many = numbers(count, where + "'count'", (len(sure),)).astype(int)
    known = (many > 0) & ~np.isnan(sure) & ~np.isnan(right)

    def draw(canvas: Canvas, ink: Ink) -> None:
        from ...device.statistics import wilson_interval  # scipy: not with the import of the reports

        top, below = canvas.subplots(2, 1, sharex=True, height_ratios=[2.8, 1.0])
        top.plot(
            [0, 1], [0, 1], color=ink.text, ls=LINES[1], lw=1.0, alpha=0.7, label="confidence = accuracy"
        )
        top.vlines(
            sure[known], sure[known], right[known], color=ink.colors[1], lw=3.0, alpha=0.45, label="gap"
        )
        low, high = wilson_interval(right[known] * many[known], many[known])
        top.vlines(sure[known], low, high, color=ink.colors[0], lw=1.2, label="95 % interval")
        top.plot(
            sure[known],
            right[known],
            color=ink.colors[0],
            ls="",
            marker="o",
            mec=ink.ground,
            mew=0.8,
            ms=5.5,
            label="accuracy of the bin",
        )
        top.set(ylabel="accuracy", ylim=(-0.02, 1.04), xlim=(0, 1.02))
        top.text(0.97, 0.05, f"ECE {short(ece)}", transform=top.transAxes, ha="right")
        top.grid()
        legend_above(top, 2)
        width = 0.7 / max(len(sure), 1)
        below.bar(sure[known], many[known], width=width, color=ink.text, alpha=0.45, lw=0)
        below.set(xlabel="confidence", ylabel="inputs")
        if known.any() and many[known].max() > 20 * many[known].min():
            below.set_yscale("log")
            below.set_ylabel("inputs (log)")
            below.set_ylim(0.7, None)
            below.minorticks_off()
            powers = 10 ** np.arange(len(str(many.max())))
            below.set_yticks(powers, [str(power) for power in powers])
        canvas.align_ylabels([top, below])

    table = Table(
        f"Reliability of {label}", ["confidence", "accuracy", "inputs"],
        [[optional(c), optional(a), int(n)] for c, a, n in zip(sure, right, many, strict=True)],
    )  # fmt: skip
    gap = np.where(known, right - sure, np.nan)
    text = sentences(
        f"Expected calibration error {short(ece)} over {int(many.sum())} inputs in {int(known.sum())} occupied bins.",
        _widest(gap, sure) if known.any() else "", note,
    )  # fmt: skip
    return render(name, f"Reliability of {label}", text, table, draw, size=(5.2, 4.2))


def _widest(gap: np.ndarray, sure: np.ndarray) -> str:
    at = int(np.nanargmax(np.abs(gap)))
    return f"The widest gap, {gap[at]:+.3g}, is at confidence {sure[at]:.3g}."


def uncertainty(
    groups: Mapping[str, ArrayLike], quantity: str = "predictive entropy [nat]", *, maximum: float | None = None,
    note: str = "", name: str = "uncertainty",
) -> Figure:  # fmt: skip
    """Draw how an uncertainty is distributed in groups of inputs: one row each, histogram over a box.

    Parameters
    ----------
    groups : dict
        Name -> values, shape ``(n,)``; one to six groups, e.g. in-distribution, rotated, noise.
    quantity : str
        Name and unit of the values.
    maximum : float, optional
        Largest possible value (``ln C`` for an entropy over C classes), marked.
    note, name : str
        See :mod:`spinbnn.report.figures`.

    Returns
    -------
    Figure
        Box: 25-75 %, whisker: 5-95 %, dot: median; every histogram has its own height.

    Raises
    ------
    ParameterError
        If there is no group, or more than six, or one without a known value.

    Examples
    --------
    >>> figure = uncertainty({"test": [0.0, 0.1, 0.2], "noise": [1.0, 1.5, 2.0]}, maximum=2.303)
    >>> [row[-1] for row in figure.data.rows if row[1] == "median"]
    [0.1, 1.5]
    """
    if not 1 <= len(groups) <= GROUPS:
        raise ParameterError(
            "one to six groups",
            where="uncertainty, argument 'groups'",
            value=len(groups),
            remedy="choose some",
        )
    values = {k: numbers(v, f"uncertainty, group {k!r}", (None,)) for k, v in groups.items()}
    values = {k: v[~np.isnan(v)] for k, v in values.items()}
    for label, known in values.items():
        if not known.size:
            raise ParameterError(
                "no known value",
                where=f"uncertainty, group {label!r}",
                value="all NaN",
                remedy="leave it out",
            )
    low = min(0.0, min(float(v.min()) for v in values.values()))
    high = max([float(v.max()) for v in values.values()] + ([maximum] if maximum else []))
    edges = np.linspace(low, high if high > low else low + 1.0, 41)
    counts = {k: np.histogram(v, edges)[0] for k, v in values.items()}
    bands = {k: quantiles(v[None])[0] for k, v in values.items()}

    def draw(canvas: Canvas, ink: Ink) -> None:
        axes = canvas.subplots()
        for row, (label, n) in enumerate(counts.items()):
            color = ink.colors[row % 4]
            axes.stairs(
                row - 0.62 * n / n.max(), edges, baseline=row, fill=True, color=color, alpha=0.40, lw=0
            )
            axes.stairs(row - 0.62 * n / n.max(), edges, baseline=row, color=color, lw=0.9)
            q, y = bands[label], row + 0.13
            axes.plot([q[0], q[4]], [y, y], color=ink.text, ls="-", lw=0.9)
            axes.plot([q[1], q[3]], [y, y], color=ink.text, ls="-", lw=4.0, solid_capstyle="butt")
            axes.plot(q[2], y, "o", color=ink.ground, mec=ink.text, mew=1.2, ms=5.5)
            axes.text(1.015, y, short(q[2]), transform=axes.get_yaxis_transform(), va="center")
        axes.text(1.015, -0.75, "median", transform=axes.get_yaxis_transform(), va="center", fontsize="small")
        if maximum is not None:
            axes.axvline(maximum, color=ink.text, ls=LINES[3], lw=1.0)
            axes.text(
                maximum - 0.012 * (edges[-1] - edges[0]),
                -0.75,
                f"largest possible {maximum:.4g}",
                ha="right",
                va="center",
                fontsize="small",
            )
        axes.set_yticks(range(len(values)), [fill(label, 20) for label in values])
        axes.set(
            xlabel=quantity,
            ylim=(len(values) - 0.6, -0.9),
            xlim=(edges[0] - 0.015 * (edges[-1] - edges[0]), edges[-1]),
        )
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")

    rows: list[list[Cell]] = []
    for label in values:
        shares = [
            (f"{q:.0%} quantile" if q != 0.5 else "median", float(v))
            for q, v in zip(BAND, bands[label], strict=True)
        ]
        rows += [[label, what, None, None, v] for what, v in shares]
        steps = zip(edges[:-1], edges[1:], counts[label], strict=True)
        rows += [[label, "count", float(a), float(b), int(n)] for a, b, n in steps]
    table = Table(f"Distribution of {quantity}", ["group", "what", "from", "to", "value"], rows)
    text = sentences(
        "Medians: " + ", ".join(f"{k} {short(b[2])}" for k, b in bands.items()) + ".",
        "Bars span 25–75 %, lines 5–95 %.", note,
    )  # fmt: skip
    return render(
        name,
        f"{quantity.split(' [')[0].capitalize()} by group of inputs",
        text,
        table,
        draw,
        size=(6.4, 0.9 + 0.62 * len(values)),
    )


def rotation(
    degrees: ArrayLike, accuracy: ArrayLike, entropy: ArrayLike, mutual_information: ArrayLike | None = None, *,
    note: str = "", name: str = "rotation",
) -> Figure:  # fmt: skip
    """Draw accuracy, predictive entropy and mutual information against the rotation of the inputs.

    Parameters
    ----------
    degrees : array_like
        Angles, shape ``(R,)`` [deg].
    accuracy : array_like
        Shape ``(R,)`` [1].
    entropy, mutual_information : array_like
        Means over the inputs, shape ``(R,)`` [nat].
    note, name : str
        See :mod:`spinbnn.report.figures`.

    Raises
    ------
    ParameterError
        If the shapes differ.

    Examples
    --------
    >>> rotation([0, 90], [0.98, 0.15], [0.05, 0.9], [0.01, 0.2]).data.rows[1]
    [90.0, 0.15, 0.9, 0.2]
    """
    angle = numbers(degrees, "rotation, argument 'degrees'", (None,))
    right = numbers(accuracy, "rotation, argument 'accuracy'", (len(angle),))
    total = numbers(entropy, "rotation, argument 'entropy'", (len(angle),))
    shared = (
        None
        if mutual_information is None
        else numbers(mutual_information, "rotation, argument 'mutual_information'", (len(angle),))
    )

    def draw(canvas: Canvas, ink: Ink) -> None:
        top, below = canvas.subplots(2, 1, sharex=True)
        style = {"mec": ink.ground, "mew": 0.7, "ms": 5.0}
        top.plot(angle, right, color=ink.colors[0], ls=LINES[0], marker=MARKERS[0], **style)
        top.set(ylabel="accuracy", ylim=(0, 1.03))
        below.plot(
            angle,
            total,
            color=ink.colors[1],
            ls=LINES[0],
            marker=MARKERS[1],
            label="predictive entropy",
            **style,
        )
        if shared is not None:
            below.plot(
                angle,
                shared,
                color=ink.colors[2],
                ls=LINES[1],
                marker=MARKERS[2],
                label="mutual information",
                **style,
            )
        below.set(ylabel="uncertainty [nat]", xlabel="rotation [deg]")
        below.set_ylim(0, None)
        if np.ptp(angle) >= 90:
            below.set_xticks(np.arange(30 * math.ceil(angle.min() / 30), angle.max() + 1e-9, 30))
        for axes in (top, below):
            axes.grid(axis="y")
        legend_above(below, 2)
        canvas.align_ylabels([top, below])

    columns: list[Column | str] = [Column("rotation", "deg"), "accuracy", Column("predictive entropy", "nat")]
    rows = [[optional(x) for x in row] for row in zip(angle, right, total, strict=True)]
    if shared is not None:
        columns.append(Column("mutual information", "nat"))
        rows = [[*row, optional(x)] for row, x in zip(rows, shared, strict=True)]
    first, last = int(np.argmin(np.abs(angle))), int(np.argmax(np.abs(angle)))
    text = sentences(
        f"From {angle[first]:g}° to {angle[last]:g}° the accuracy goes from {short(right[first])} to {short(right[last])},"
        f" the predictive entropy from {short(total[first])} to {short(total[last])} nat.", note,
    )  # fmt: skip
    return render(
        name,
        "Accuracy and uncertainty of rotated inputs",
        text,
        Table("Rotated inputs", columns, rows),
        draw,
        size=(6.4, 3.9),
    )
