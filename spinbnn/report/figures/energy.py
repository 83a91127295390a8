"""The figure of the cost: where the energy goes, and what is not known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from ...errors import ParameterError
from ...tables import Cell, Column, Table
from ...units import format_si
from ..figure import Figure, render
from ..style import Ink
from .shared import legend_columns, prefixed, sentences

if TYPE_CHECKING:  # pragma: no cover
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

BLOCKS = 8
"""Most blocks that are told apart; the smallest beyond that are drawn as "other"."""

LINE = 0.165
"""Height of a line of text in this figure [in]."""

_HATCH = ("", "", "", "", "////", "////", "////", "////")


def energy_bars(
    rows: Sequence[tuple[str, Mapping[str, float | None]]], *, note: str = "", name: str = "energy"
) -> Figure:
    """Draw the energy of one answer by block, one stacked bar for each accounting or source.

    Parameters
    ----------
    rows : sequence of (label, {block: energy or None})
        None is unknown: it is named beside the bar with a question mark, and the sum says "at least" [J].
    note, name : str
        See :mod:`spinbnn.report.figures`.

    Raises
    ------
    ParameterError
        If there is no row, or an energy is negative or not finite.

    Examples
    --------
    >>> figure = energy_bars([("block accounting", {"memory": 2e-9, "ADC": None})])
    >>> figure.data.rows
    [['block accounting', 'memory', 2e-09], ['block accounting', 'ADC', None]]
    >>> figure.description
    'block accounting: at least 2 nJ, unknown: ADC.'
    """
    bars = [
        (str(label), {str(b): None if e is None or math.isnan(e) else float(e) for b, e in parts.items()})
        for label, parts in rows
    ]
    if not bars:
        raise ParameterError(
            "there is no row", where="energy_bars, argument 'rows'", value=[], remedy="give one at least"
        )
    for label, parts in bars:
        for block, energy in parts.items():
            if energy is not None and not 0.0 <= energy < math.inf:
                raise ParameterError(
                    "an energy is not negative and finite", where=f"energy_bars, {label!r}, block {block!r}",
                    value=energy, remedy="use None where it is unknown",
                )  # fmt: skip
    order = _order(bars)
    scale, unit = prefixed(max(_sum(parts) for _, parts in bars), "J")

    def draw(canvas: Canvas, ink: Ink) -> None:
        axes = canvas.subplots()
        longest = max(_sum(parts) for _, parts in bars) * scale or 1.0
        width = canvas.get_figwidth()
        rows, height = _layout(bars, width)
        canvas.set_figheight(_height(bars, width, len(order)))
        for (_, parts), (label, unknown, y) in zip(bars, rows, strict=True):
            _bar(axes, ink, y, parts, order, scale)
            axes.text(0, y - 0.8, label, ha="left", va="bottom")
            total = _total(parts, scale, unit)
            axes.text(longest, y - 0.8, total, ha="right", va="bottom", fontweight="bold")
            axes.text(0, y + 0.85, unknown, ha="left", va="top", fontsize="small", style="italic")
        axes.set(xlabel=f"energy [{unit}]", ylim=(height, 0.0), xlim=(0, longest), yticks=[])
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        if order:
            handles, labels = axes.get_legend_handles_labels()
            columns = legend_columns(4, width)
            first = dict(zip(reversed(labels), reversed(handles), strict=True))
            shown = _by_row([b for b in [*order, "other"] if b in first], columns)
            canvas.legend(
                [first[b] for b in shown], shown, loc="outside lower left", ncols=columns,
                handlelength=1.2, columnspacing=1.4, handleheight=1.0,
            )  # fmt: skip

    cells: list[list[Cell]] = [
        [label, block, energy] for label, parts in bars for block, energy in parts.items()
    ]
    table = Table("Energy of one answer by block", ["accounting", "block", Column("energy", "J", 6)], cells)
    said = _words(bars, scale, unit)
    size = (6.4, _height(bars, 6.4, len(order)))
    return render(name, "Energy of one answer by block", sentences(said, note), table, draw, size=size)


def _sum(parts: Mapping[str, float | None]) -> float:
    return math.fsum(e for e in parts.values() if e is not None)


def _unknown(parts: Mapping[str, float | None]) -> list[str]:
    return [block for block, energy in parts.items() if energy is None]


def _total(parts: Mapping[str, float | None], scale: float, unit: str) -> str:
    """Return the sum, in the unit of the axis unless it is very small there."""
    total = _sum(parts)
    if total == 0.0 and (_unknown(parts) or not parts):
        return "?"
    text = f"{total * scale:.4g} {unit}" if total * scale >= 0.1 else format_si(total, "J")
    return f"{'at least ' if _unknown(parts) else ''}{text}"


def _words(bars: Sequence[tuple[str, Mapping[str, float | None]]], scale: float, unit: str) -> str:
    """Say every sum and what it lacks; of more than four bars the largest, and how many lack something."""
    if len(bars) > 4:
        label, parts = max(bars, key=lambda bar: _sum(bar[1]))
        short = sum(bool(_unknown(parts)) for _, parts in bars)
        lacking = f" In {short} of them blocks are unknown; a question mark names them." if short else ""
        return f"{len(bars)} bars; the longest is {label}: {_total(parts, scale, unit)}.{lacking}"
    said = []
    for label, parts in bars:
        missing = f", unknown: {', '.join(_unknown(parts))}" if _unknown(parts) else ""
        said.append(f"{label}: {_total(parts, scale, unit)}{missing}.")
    return " ".join(said)


def _order(bars: Sequence[tuple[str, Mapping[str, float | None]]]) -> list[str]:
    """Return the blocks that get a colour of their own: the largest energy in any bar first."""
    largest: dict[str, float] = {}
    for _, parts in bars:
        for block, energy in parts.items():
            if energy is not None and energy > 0:
                largest[block] = max(largest.get(block, 0.0), energy)
    ranked = sorted(largest, key=lambda block: (-largest[block], block))
    return ranked if len(ranked) <= BLOCKS else ranked[: BLOCKS - 1]


def _height(bars: Sequence[tuple[str, Mapping[str, float | None]]], width: float, blocks: int) -> float:
    """Return the height that the bars, the axis and the legend take on a figure of ``width`` [in]."""
    return 0.85 + LINE * _layout(bars, width)[1] + 0.22 * math.ceil(blocks / legend_columns(4, width))


def _layout(
    bars: Sequence[tuple[str, Mapping[str, float | None]]], width: float
) -> tuple[list[tuple[str, str, float]], float]:
    """Return label, line of the unknown blocks and middle of every bar, and the height of all, in lines of text."""
    rows, y = [], 0.0
    for label, parts in bars:
        head = wrap(label, max(16, int(12.5 * (width - 1.6)))) or [""]
        unknown = wrap("? " + ", ".join(_unknown(parts)), int(14 * width)) if _unknown(parts) else []
        y += 0.3 + len(head) + 0.8
        rows.append(("\n".join(head), "\n".join(unknown), y))
        y += 0.8 + len(unknown) + 0.5
    return rows, y


def _by_row(names: list[str], columns: int) -> list[str]:
    """Reorder names so that a legend, which fills its columns first, is read row by row."""
    return [name for column in range(columns) for name in names[column::columns]]


def _bar(
    axes: Axes, ink: Ink, y: float, parts: Mapping[str, float | None], order: Sequence[str], scale: float
) -> None:
    known = {b: e * scale for b, e in parts.items() if e}
    left = 0.0
    for number, block in enumerate(order):
        if block in known:
            axes.barh(
                y, known[block], 1.3, left, color=ink.colors[number % 4], hatch=_HATCH[number],
                edgecolor=ink.ground, lw=0.5, label=block,
            )  # fmt: skip
            left += known[block]
    other = math.fsum(e for b, e in known.items() if b not in order)
    if other:
        axes.barh(y, other, 1.3, left, color=ink.text, alpha=0.4, edgecolor=ink.ground, lw=0.5, label="other")
