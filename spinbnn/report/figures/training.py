"""The figure of a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ParameterError
from ...tables import Column, Table
from ..figure import Figure, render
from ..style import LINES, MARKERS, Ink
from .shared import Floats, legend_above, numbers, optional, sentences, short

if TYPE_CHECKING:  # pragma: no cover
    from matplotlib.figure import Figure as Canvas

_ACCURACY = {"train_accuracy": "training", "validation_accuracy": "validation", "test_accuracy": "test"}
_MARKED = 30


def training(history: Sequence[Mapping[str, Any]], *, note: str = "", name: str = "training") -> Figure:
    """Draw loss and accuracy by epoch.

    Parameters
    ----------
    history : sequence of dict
        One row an epoch with ``epoch`` and ``loss``, and any of ``train_accuracy``, ``validation_accuracy``,
        ``test_accuracy``; None where not evaluated, further keys are left aside [1].
    note, name : str
        See :mod:`spinbnn.report.figures`.

    Raises
    ------
    ParameterError
        If there is no row, or one without epoch or loss.

    Examples
    --------
    >>> figure = training([{"epoch": 1, "loss": 1.2, "train_accuracy": 0.6, "validation_accuracy": None}])
    >>> figure.data.rows
    [[1.0, 1.2, 0.6]]
    """
    for number, row in enumerate(history):
        if not {"epoch", "loss"} <= set(row):
            raise ParameterError(
                "a row of the history lacks epoch or loss",
                where=f"training, row {number}",
                value=sorted(row),
                remedy="give both",
            )

    def column(key: str) -> Floats:
        cells = [np.nan if row.get(key) is None else row[key] for row in history]
        return numbers(cells, f"training, key {key!r}", (None,))

    epoch, loss = column("epoch"), column("loss")
    known = {
        label: column(key) for key, label in _ACCURACY.items() if any(r.get(key) is not None for r in history)
    }

    def draw(canvas: Canvas, ink: Ink) -> None:
        made = canvas.subplots(1 + bool(known), 1, sharex=True, squeeze=False)[:, 0]
        marked = len(epoch) <= _MARKED
        made[0].plot(epoch, loss, color=ink.text, ls="-", marker="o" if marked else "", ms=3.5)
        made[0].set_ylabel("training loss")
        made[0].set_ylim(0 if loss[~np.isnan(loss)].min(initial=0.0) >= 0 else None, None)
        for number, (label, values) in enumerate(known.items()):
            there = ~np.isnan(values)
            made[1].plot(
                epoch[there], values[there], color=ink.colors[number], ls=LINES[number],
                marker=MARKERS[number] if marked else "", ms=4.5, mec=ink.ground, mew=0.6, label=label,
            )  # fmt: skip
        if known:
            made[1].set_ylabel("accuracy")
            legend_above(made[1], 3)
        for axes in made:
            axes.grid(axis="y")
        made[-1].set_xlabel("epoch")
        made[-1].xaxis.get_major_locator().set_params(integer=True)
        canvas.align_ylabels(made)

    table = Table(
        "Training", [Column("epoch", digits=6), "loss", *(f"{label} accuracy" for label in known)],
        [[optional(x) for x in row] for row in zip(epoch, loss, *known.values(), strict=True)],
    )  # fmt: skip
    ends = [f"{label} accuracy {short(float(v[~np.isnan(v)][-1]))}" for label, v in known.items()]
    text = sentences(
        f"Over {len(epoch)} epochs the loss goes from {short(loss[0])} to {short(loss[-1])}.",
        f"At the end: {', '.join(ends)}." if ends else "", note,
    )  # fmt: skip
    return render(name, "Loss and accuracy by epoch", text, table, draw, size=(6.4, 3.8 if known else 2.2))
