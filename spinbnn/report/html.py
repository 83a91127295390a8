"""The report: one self-contained page, and the plotted numbers as CSV beside it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import MissingToolError, ParameterError
from ..files import write_text
from ..tables import Table
from .figure import Figure

if TYPE_CHECKING:  # pragma: no cover
    from markupsafe import Markup

FOLDER = "figures"
"""Folder of the CSV files, beside the page."""

SHOWN_ROWS = 24
"""Longest table of plotted numbers that also stands in the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One headline number at the top of the page.

    Parameters
    ----------
    label : str
        What it is.
    value : str
        The number with its unit, as printed; ``?`` if unknown.
    note : str
        A few words below: spread, condition, reference.

    Examples
    --------
    >>> Tile(label="accuracy", value="98.4 %", note="10 passes").value
    '98.4 %'
    """

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of a report: text, then figures, then tables.

    Parameters
    ----------
    title : str
        Heading; unique in the report.
    text : str
        Plain paragraphs with an empty line between; code between backticks; everything else is printed as it is.
    figures : sequence of Figure
        Their names are unique in the report.
    tables : sequence of Table
        Printed as they are.

    Examples
    --------
    >>> Section(title="The device", text="Read from `seed_eq23.toml`.").figures
    ()
    """

    title: str
    text: str = ""
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()


def write_report(
    path: str | Path, *, title: str, summary: Table, sections: Sequence[Section], provenance: Mapping[str, Any],
    notes: Sequence[str] = (), citations: Sequence[str] = (), data: Mapping[str, Any] | None = None,
    subtitle: str = "", tiles: Sequence[Tile] = (),
) -> Path:  # fmt: skip
    """Write a report that needs nothing but itself: no script is run, nothing is fetched.

    Parameters
    ----------
    path : str or Path
        The HTML file; ``figures/<name>.csv`` is written beside it for every figure.
    title, subtitle : str
        Head of the page, and a line below it.
    summary : Table
        The verdicts or headline figures, first on the page.
    sections : sequence of Section
        In order; they are numbered and make the table of contents.
    provenance : mapping
        What made the report: text, numbers, lists, or one mapping of these inside; None prints ``?``.
    notes : sequence of str
        Assumed numbers, one each.
    citations : sequence of str
        References, one each; addresses stay text.
    data : mapping, optional
        Figures for programs, stored as JSON in ``<script type="application/json" id="data">``; NaN becomes null.
    tiles : sequence of Tile
        Three to six headline numbers above the summary.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ParameterError
        If two figures or sections share a name, or ``data`` is not plain data.
    MissingToolError
        If jinja2 is not installed.

    Examples
    --------
    >>> import tempfile
    >>> table = Table("Summary", ["quantity", "value"], [["accuracy", 0.98], ["latency", None]])
    >>> page = write_report(tempfile.mkdtemp() + "/report.html", title="Demo", summary=table,
    ...                     sections=[Section(title="The device")], provenance={"seed": 1}).read_text()
    >>> page.startswith("<!doctype html>"), ">?</td>" in page
    (True, True)
    """
    target = Path(path)
    anchors = _anchors(sections)
    figures = [figure for section in sections for figure in section.figures]
    _unique([figure.name for figure in figures], "figure name")
    files = resources.files(__package__)
    template = _environment().from_string(files.joinpath("template.html").read_text(encoding="utf-8"))
    page = template.render(
        title=title, subtitle=subtitle, tiles=tiles, summary=summary,
        sections=list(zip(anchors, sections, strict=True)),
        number={figure.name: i for i, figure in enumerate(figures, 1)},
        provenance=[(str(k), _text(v)) for k, v in provenance.items()],
        notes=notes, citations=citations,
        data=_json(data) if data is not None else None,
        style=files.joinpath("style.css").read_text(encoding="utf-8"),
        folder=FOLDER, shown_rows=SHOWN_ROWS,
    )  # fmt: skip
    for figure in figures:
        figure.save_csv(target.parent / FOLDER / f"{figure.name}.csv")
    return write_text(target, page)


def _environment() -> Any:
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError:
        raise MissingToolError(
            "the report needs jinja2",
            where="spinbnn.report",
            value="jinja2",
            remedy="pip install 'spinbnn[report]'",
        ) from None
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"paragraphs": _paragraphs, "inline": _inline, "trusted": Markup}
    return environment


def _inline(text: str) -> Markup:
    """Escape a text and set what stands between backticks as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", str(escape(text))))


def _paragraphs(text: str) -> list[Markup]:
    return [_inline(" ".join(part.split())) for part in re.split(r"\n\s*\n", text) if part.strip()]


def _unique(names: Sequence[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(
            f"a {what} stands twice", where="write_report", value=twice, remedy="give each its own"
        )


def _anchors(sections: Sequence[Section]) -> list[str]:
    found = [
        "section-" + re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-") for section in sections
    ]
    _unique(found, "section title")
    return found


def _text(value: Any) -> str:
    """Return one value of the provenance as a line."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "?"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_text(v)}" for k, v in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_text(v) for v in value)
    return str(value)


def _plain(value: Any, where: str) -> Any:
    """Return plain data for JSON: arrays become lists, NaN becomes None."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v, f"{where}.{k}") for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v, f"{where}[{i}]") for i, v in enumerate(value)]
    if hasattr(value, "tolist"):
        return _plain(value.tolist(), where)
    if isinstance(value, float) and math.isnan(value):
        return None
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ParameterError(
        "not plain data",
        where=where,
        value=value,
        remedy="use text, finite numbers, None, lists and mappings",
    )


def _json(data: Mapping[str, Any]) -> str:
    """Return JSON that cannot end the script element it stands in."""
    text = json.dumps(_plain(data, "data"), ensure_ascii=False, allow_nan=False, indent=1)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
