"""Figures of a fitted switching law: counts with the fit and its band, residuals, profile likelihoods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ParameterError
from ...tables import Column, Table
from ...units import format_si
from ..figure import Figure, render
from ..style import LINES, MARKERS, Ink
from .shared import legend_above, numbers, optional, prefixed, sentences

if TYPE_CHECKING:  # pragma: no cover
    from matplotlib.figure import Figure as Canvas

MOST_SERIES = 4
"""As many as there are colours."""
LIMIT = 3.841
"""95 % quantile of chi-squared with one degree of freedom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedSeries:
    """The points at one pulse width and temperature, and the fitted curve.

    Parameters
    ----------
    label : str
        E.g. ``"10 ns"``.
    current, share, low, high, residual : array_like, shape (N,)
        Track current [A]; measured probability with the ends of its interval [1]; deviance residual [1].
    curve_current, curve, curve_low, curve_high : array_like, shape (M,)
        The fit and its band, over a rising current [A], [1].
    """

    label: str
    current: ArrayLike
    share: ArrayLike
    low: ArrayLike
    high: ArrayLike
    residual: ArrayLike
    curve_current: ArrayLike
    curve: ArrayLike
    curve_low: ArrayLike
    curve_high: ArrayLike


def switching_fit(
    series: Sequence[FittedSeries], *, verdict: str = "", plateau: tuple[float, float] | None = None, note: str = "", name: str = "switching-fit",
) -> Figure:  # fmt: skip
    """Draw measured probabilities with their intervals, the fit with its band, and the residuals below.

    Parameters
    ----------
    series : sequence of FittedSeries
        One to four conditions.
    verdict : str
        A sentence for the description.
    plateau : tuple of float, optional
        First and last current of a plateau, shaded [A].
    note, name : str
        See :mod:`spinbnn.report.figures`.

    Returns
    -------
    Figure
        Above the probabilities; below the signed roots of each point's deviance, with lines at -2 and 2.

    Raises
    ------
    ParameterError
        If there is no series, or more than four, or lengths do not fit.

    Examples
    --------
    >>> points = FittedSeries(label="10 ns", current=[1e-4, 2e-4], share=[0.1, 0.9], low=[0.0, 0.8], high=[0.2, 1.0],
    ...     residual=[0.5, -0.5], curve_current=[1e-4, 2e-4], curve=[0.1, 0.9], curve_low=[0.05, 0.85], curve_high=[0.15, 0.95])
    >>> switching_fit([points]).data.rows[0]
    ['10 ns', 0.0001, 0.1, 0.0, 0.2, 0.5]
    """
    if not 1 <= len(series) <= MOST_SERIES:
        raise ParameterError("one to four conditions", where="switching_fit, argument 'series'", value=len(series), remedy="select some")
    drawn = [_checked(one) for one in series]
    scale, unit = prefixed(max(float(np.max(one["current"])) for one in drawn), "A")

    def draw(canvas: Canvas, ink: Ink) -> None:
        above, below = canvas.subplots(2, 1, sharex=True, height_ratios=[2.6, 1.0])
        if plateau is not None:
            for axes in (above, below):
                axes.axvspan(plateau[0] * scale, plateau[1] * scale, color=ink.text, alpha=0.1, lw=0, label="plateau" if axes is above else None)
        for s, (one, given) in enumerate(zip(drawn, series, strict=True)):
            color, x = ink.colors[s], one["current"] * scale
            above.fill_between(one["curve_current"] * scale, one["curve_low"], one["curve_high"], color=color, alpha=0.22, lw=0)
            above.plot(one["curve_current"] * scale, one["curve"], color=color, ls=LINES[s], label=None if len(series) > 1 else "fit, 95 % band")
            bars: Any = np.stack([one["share"] - one["low"], one["high"] - one["share"]])
            above.errorbar(
                x, one["share"], yerr=np.maximum(bars, 0.0), fmt=MARKERS[s], color=ink.text if len(series) == 1 else color, ms=4.2, lw=0.9, capsize=0,
                mec=ink.ground, mew=0.5, label=given.label if len(series) > 1 else "measured, 95 % interval",
            )  # fmt: skip
            below.vlines(x, 0.0, one["residual"], color=color, lw=0.8, alpha=0.6)
            below.plot(x, one["residual"], MARKERS[s], color=color, ms=3.6, ls="none")
        below.axhline(0.0, color=ink.text, ls="-", lw=0.7)
        for level in (-2.0, 2.0):
            below.axhline(level, color=ink.text, ls=LINES[1], lw=0.7, alpha=0.7)
        reach = max(2.6, 1.12 * max(float(np.nanmax(np.abs(one["residual"]))) for one in drawn))
        above.set(ylabel="switching probability", ylim=(-0.03, 1.03))
        below.set(xlabel=f"track current [{unit}]", ylabel="residual", ylim=(-reach, reach))
        above.grid(axis="y")
        canvas.align_ylabels([above, below])
        legend_above(above, 4)

    rows = [
        [given.label, *(optional(float(one[k][i])) for k in ("current", "share", "low", "high", "residual"))]
        for one, given in zip(drawn, series, strict=True) for i in range(len(one["current"]))
    ]  # fmt: skip
    heads: list[Column | str] = ["condition", Column("current", "A", 9), "measured", "2.5 %", "97.5 %", "deviance residual"]
    worst = max(((abs(float(r)), float(c)) for one in drawn for r, c in zip(one["residual"], one["current"], strict=True)), default=(0.0, 0.0))
    beyond = sum(int(np.sum(np.abs(one["residual"]) > 2.0)) for one in drawn)
    total = sum(len(one["current"]) for one in drawn)
    text = sentences(
        f"Measured switching probability over the track current at {', '.join(s.label for s in series)}, with the fitted curve.",
        f"{beyond} of {total} residuals lie beyond 2; the largest is {worst[0]:.2g} at {format_si(worst[1], 'A')}.",
        "" if plateau is None else f"A plateau between {format_si(plateau[0], 'A')} and {format_si(plateau[1], 'A')} is shaded.",
        verdict, note,
    )  # fmt: skip
    return render(name, "Measured switching probability and fit", text, Table("Measured switching probability and fit", heads, rows), draw, size=(6.4, 4.3))


def _checked(one: FittedSeries) -> dict[str, np.ndarray]:
    where, out = f"switching_fit, series {one.label!r}", {}
    for keys in (("current", "share", "low", "high", "residual"), ("curve_current", "curve", "curve_low", "curve_high")):
        length: int | None = None
        for key in keys:
            out[key] = numbers(getattr(one, key), f"{where}, {key}", (length,))
            length = len(out[key])
    return out


def profile_likelihoods(
    profiles: Mapping[str, tuple[ArrayLike, ArrayLike, str]], estimates: Mapping[str, float], *, note: str = "", name: str = "profile-likelihoods",
) -> Figure:  # fmt: skip
    """Draw twice the loss of log-likelihood over each parameter; where it crosses 3.84 the 95 % interval ends.

    Parameters
    ----------
    profiles : dict
        Parameter -> (values of shape (N,), twice the loss of shape (N,), unit); NaN leaves a gap.
    estimates : dict of str to float
        Parameter -> estimate, marked.
    note, name : str
        See :mod:`spinbnn.report.figures`.

    Returns
    -------
    Figure
        One panel a parameter, at most nine.

    Raises
    ------
    ParameterError
        If there is no parameter, or more than nine, or lengths do not fit.

    Examples
    --------
    >>> figure = profile_likelihoods({"delta": ([38.0, 40.0, 42.0], [4.0, 0.0, 4.0], "1")}, {"delta": 40.0})
    >>> figure.data.rows[0]
    ['delta', 38.0, 4.0]
    """
    if not 1 <= len(profiles) <= 9:
        raise ParameterError("one to nine parameters", where="profile_likelihoods, argument 'profiles'", value=len(profiles), remedy="select some")
    drawn = {}
    for key, (values, ratio, unit) in profiles.items():
        x = numbers(values, f"profile_likelihoods, {key!r}", (None,))
        drawn[key] = (x, numbers(ratio, f"profile_likelihoods, {key!r}", (len(x),)), unit)
    columns = min(3, len(drawn)) if len(drawn) != 4 else 2
    lines = -(-len(drawn) // columns)

    def draw(canvas: Canvas, ink: Ink) -> None:
        panels = canvas.subplots(lines, columns, squeeze=False, sharey=True)
        for axes, (key, (x, ratio, unit)) in zip(panels.flat, drawn.items(), strict=False):
            factor, shown = prefixed(float(np.nanmax(np.abs(x))), unit)
            axes.plot(x * factor, ratio, color=ink.colors[0], ls="-")
            axes.axhline(LIMIT, color=ink.colors[1], ls=LINES[1], lw=1.1)
            axes.axvline(estimates[key] * factor, color=ink.text, ls=LINES[3], lw=0.9)
            axes.set(xlabel=f"{key} [{shown}]" if shown not in ("", "1") else key, ylim=(0.0, 9.0))
            axes.locator_params(axis="x", nbins=5)
            axes.grid(axis="y")
        for axes in list(panels.flat)[len(drawn):]:
            axes.set_axis_off()
        for axes in panels[:, 0]:
            axes.set_ylabel("2 (ln L max − ln L)")
        panels.flat[0].annotate("95 %", (0.985, LIMIT), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize="small", color=ink.colors[1])

    rows = [[key, float(a), optional(float(b))] for key, (x, ratio, _) in drawn.items() for a, b in zip(x, ratio, strict=True)]
    parts = []
    for key, (x, ratio, unit) in drawn.items():
        ends, shown = _crossings(x, ratio), "" if unit == "1" else unit
        parts.append(f"{key}: best {format_si(estimates[key], shown)}, below the line from {format_si(ends[0], shown)} to {format_si(ends[1], shown)}." if ends else "")
    heads: list[Column | str] = ["parameter", Column("value", "", 9), "twice the loss of log-likelihood"]
    return render(
        name, "Profile likelihoods", sentences("Twice the loss of log-likelihood over each parameter, the others fitted.", *parts, note),
        Table("Profile likelihoods", heads, rows), draw, size=(6.4, 0.5 + 1.9 * lines),
    )  # fmt: skip


def _crossings(x: np.ndarray, ratio: np.ndarray) -> tuple[float, float] | None:
    """Return where the curve crosses the limit on both sides, between its points; the last point where it does not; None without points below."""
    inside = np.flatnonzero(np.nan_to_num(ratio, nan=np.inf) <= LIMIT)
    if inside.size == 0:
        return None
    ends = []
    for at, step in ((int(inside[0]), -1), (int(inside[-1]), 1)):
        beyond = at + step
        if 0 <= beyond < len(x) and np.isfinite(ratio[beyond]):
            ends.append(float(np.interp(np.sqrt(LIMIT), np.sqrt([ratio[at], ratio[beyond]]), [x[at], x[beyond]])))  # the root is nearly straight
        else:
            ends.append(float(x[at]))
    return ends[0], ends[1]
