"""The folder that ``spinbnn fit -o`` writes: fit.html, fit.md, fit.json and the figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import files, provenance
from ..device.fitting import ModelComparison, PopulationFit, SwitchingFit
from ..device.fitting.goodness import deviance_residuals
from ..device.fitting.report import (
    UNITS,
    comparison_table,
    fit_data_of,
    fit_table,
    population_data_of,
    population_table,
    verdict,
)
from ..device.fitting.shape import shape_of
from ..report import figures
from ..report.html import Section, Tile, write_report
from ..tables import Cell, Table
from ..units import format_si

if TYPE_CHECKING:  # pragma: no cover
    from ..report.figure import Figure

Result = SwitchingFit | ModelComparison | PopulationFit
GRID = 161
"""Points of a drawn curve."""


def write_fit_report(folder: Path, source: Path, results: Sequence[Result], resistance: float | None, options: dict[str, Any], assumed: Sequence[str] = ()) -> Path:
    """Write page, Markdown, JSON and figures; return the page. ``assumed`` says in words what does not come from the file."""
    sections, data = [], []
    for number, result in enumerate(results, 1):
        title = _title(result, number, len(results))
        section, plain = _section(result, title, number, resistance)
        sections.append(section)
        data.append(plain)
    summary = _summary(results)
    more = {k: str(v) for k, v in options.items() if v not in (None, "") and k != "seed"}
    record = provenance.record(options["seed"], data=source.name, data_sha256=files.content_hash(source.read_bytes()), **more)
    page = write_report(
        folder / "fit.html", title=f"Switching fit: {source.name}", subtitle="Maximum likelihood; intervals from the profile likelihood.", tiles=_tiles(results), summary=summary,
        sections=sections, provenance=record, notes=[note for note in assumed if note],
        citations=["K.-S. Lee et al., Appl. Phys. Lett. 104, 072413 (2014), doi:10.1063/1.4865185 (thermally activated SOT switching)"],
        data={"options": options, "results": data},
    )  # fmt: skip
    for section in sections:
        for figure in section.figures:
            figure.save_pdf(folder / "figures" / f"{figure.name}.pdf", style="ieee-text")
    text = [f"# Switching fit: {source.name}", summary.to_markdown()]
    for section in sections:
        text += [f"## {section.title}", *([section.text] if section.text else []), *(table.to_markdown() for table in section.tables)]
    files.write_text(folder / "fit.md", "\n\n".join(text) + "\n")
    files.write_json(folder / "fit.json", {"schema": "spinbnn.fit/1", "provenance": record, "results": data})
    return page


def _title(result: Result, number: int, total: int) -> str:
    if isinstance(result, PopulationFit):
        label = f"Population {arrows(result.direction)}".strip()
    else:
        label = arrows(result.data.label) or "Data"
    return label if total == 1 else f"{number}. {label}"


def _section(result: Result, title: str, number: int, resistance: float | None) -> tuple[Section, dict[str, Any]]:
    if isinstance(result, PopulationFit):
        return Section(title=title, tables=[population_table(result)]), population_data_of(result)
    if isinstance(result, ModelComparison):
        shown = result.best.fit if result.best is not None else next(row.fit for row in result.rows if row.fit is not None)
        assert shown is not None
        shape, first = result.shape, [comparison_table(result, resistance)]
    else:
        shown, shape, first = result, shape_of(result), []
    plain = fit_data_of(shown)
    if isinstance(result, ModelComparison):
        plain = {"statement": result.statement, "models": [{"name": r.name, "aic": _number(r.aic), "aicc": _number(r.aicc), "verdict": r.verdict} for r in result.rows], "shown": plain}
    said = " ".join(shape.sentences(resistance))
    plateau = shape.plateau if shown.rejected else None
    drawn = [_fit_figure(shown, number, (plateau.low, plateau.high) if plateau else None), _profile_figure(shown, number)]
    return Section(title=title, text=said if shown.rejected and not first else "", figures=drawn, tables=[*first, fit_table(shown)]), plain


def _fit_figure(fit: SwitchingFit, number: int, plateau: tuple[float, float] | None) -> Figure:
    data = fit.data
    keys = np.stack([data.pulse, data.temperature])
    conditions = np.unique(keys, axis=1).T
    chosen = conditions[np.unique(np.linspace(0, len(conditions) - 1, figures.fit.MOST_SERIES).round().astype(int))]
    low, high = data.wilson()
    residual = deviance_residuals(data.trials, data.switched, fit.probability(data.current, data.pulse, data.temperature))
    series = []
    for pulse, kelvin in chosen:
        at = np.flatnonzero((data.pulse == pulse) & (data.temperature == kelvin))
        at = at[np.argsort(data.current[at])]
        span = data.current[at[-1]] - data.current[at[0]]
        grid = np.linspace(max(data.current[at[0]] - 0.03 * span, 0.5 * data.current[at[0]]), data.current[at[-1]] + 0.03 * span, GRID)
        band = fit.band(grid, pulse, kelvin)
        label = format_si(float(pulse), "s") + (f", {kelvin:g} K" if np.unique(conditions[:, 1]).size > 1 else "")
        series.append(
            figures.FittedSeries(
                label=label, current=data.current[at], share=data.share[at], low=low[at], high=high[at], residual=residual[at],
                curve_current=grid, curve=band[1], curve_low=band[0], curve_high=band[2],
            )
        )  # fmt: skip
    left_out = "" if len(chosen) == len(conditions) else f"{len(chosen)} of {len(conditions)} conditions are drawn."
    return figures.switching_fit(series, verdict=f"The law is {verdict(fit)}.", plateau=plateau, note=left_out, name=f"switching-fit-{number}")


def _profile_figure(fit: SwitchingFit, number: int) -> Figure:
    names = list(fit.estimates)[:9]
    profiles = {name: (*fit.profile(name), UNITS.get(name, "1")) for name in names}
    return figures.profile_likelihoods(profiles, fit.estimates, name=f"profile-likelihoods-{number}")


def _summary(results: Sequence[Result]) -> Table:
    rows: list[list[Cell]] = []
    for result in results:
        if isinstance(result, PopulationFit):
            spread = ", ".join(f"sigma(ln {n}) = {100 * result.spread[n]:.3g} %" for n in result.names)
            rows.append([f"population {arrows(result.direction)}".strip(), f"{result.devices} devices", spread])
        elif isinstance(result, ModelComparison):
            rows.append([arrows(result.data.label) or "data", "none accepted" if result.best is None else f"best: {result.best.name}", result.statement])
        else:
            tested = f", p = {result.p_value:.2g}" if result.dof > 0 else ""
            rows.append([arrows(result.data.label) or "data", verdict(result), f"{result.model}: deviance {result.deviance:.1f} on {result.dof}{tested}"])
    return Table("Verdicts", ["data", "verdict", "details"], rows)


def _tiles(results: Sequence[Result]) -> list[Tile]:
    out: list[Tile] = []
    for result in results:
        if not isinstance(result, SwitchingFit) or len(out) > 4:
            continue
        names = ("delta", "i50") if "delta" in result.estimates else ("i50", "width")
        for name in names:
            if name in result.estimates:
                low, high = result.ends(name)
                ends = " to ".join("?" if e is None else format_si(e, UNITS.get(name, "")) for e in (low, high))
                out.append(Tile(label=f"{name}, {arrows(result.data.label)}".rstrip(", "), value=format_si(result.estimates[name], UNITS.get(name, "")), note=f"{ends}; {verdict(result)}"))
    return out


def arrows(label: str) -> str:
    """Return a label with real arrows, which no line break tears apart."""
    return label.replace("->", "→")


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
