"""A datasheet as Markdown, a self-contained HTML page, LaTeX or JSON."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Sequence
from pathlib import Path

from .. import files
from ..errors import ParameterError
from ..tables import Cell, Column, Table
from .datasheet import Datasheet, Entry, prefixed

_CSS = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}caption{text-align:left;font-weight:600;padding:.5rem 0}"
    "th,td{border:1px solid #8888;padding:.25rem .5rem;text-align:left;vertical-align:top}.n{text-align:right}.table{overflow-x:auto;margin:1.5rem 0}"
)
_HEADS: list[Column | str] = [
    "parameter", "condition", "unit", "limit min", "limit typ", "limit max", "min", "typ", "max", "worst", "draws", "yield (95 % interval)", "verdict",
]  # fmt: skip


def specification_table(sheet: Datasheet) -> Table:
    """Return the entries with limits."""
    note = "Limits hold at every condition and for every draw, where no yield is demanded. A yield passes if the lower end of its 95 % Wilson "
    note += "interval is at least the demanded one, fails if the upper end is below it, and is open in between: not shown with these draws. "
    note += "Fewest: draws within the limit at the condition where the fewest are. Typ: median of the draws at the typical condition. "
    note += "Samples that failed and values that are undefined stand in no number and lie within no limit."
    return Table("Limits", _HEADS, [_row(entry) for entry in sheet.entries if entry.limit], note)


def value_table(sheet: Datasheet) -> Table:
    """Return the entries without limits."""
    rows = [[row[k] for k in (0, 1, 2, 6, 7, 8, 10)] + [entry.definition] for entry in sheet.entries if not entry.limit for row in [_row(entry)]]
    return Table("Values without a limit", ["parameter", "condition", "unit", "min", "typ", "max", "draws", "definition"], rows)


def condition_table(sheet: Datasheet) -> Table:
    """Return where the entries come from."""
    rows = []
    for c in sheet.conditions:
        plan = c.facts.get("timing", {})
        timing = ", ".join(f"{name.upper()} {plan[name] * 1e9:g} ns" for name in ("reset", "set", "read") if name in plan)
        rows.append([c.name, "; ".join(part for part in (c.points, timing) if part), c.amplitude, f"{c.facts.get('simulated', 0)}", *(str(c.facts.get(key, "")) for key in ("design", "technology", "device", "simulator", "seed")), str(c.facts.get("flow_hash", ""))[:12]])
    return Table("Conditions", ["condition", "points", "amplitude", "samples", "design", "technology", "device", "simulator", "seed", "flow hash"], rows)


def origin_table(sheet: Datasheet) -> Table:
    """Return what made the tables: command, time, versions, and the hashes of all that fixes the numbers."""
    rows: list[list[Cell]] = []
    for c in sheet.conditions:
        f = c.facts
        made = ", ".join(f"{name} {f[key]}" for name, key in (("spinbnn", "version_spinbnn"), ("commit", "git"), ("Python", "version_python"), ("numpy", "version_numpy")) if f.get(key))
        rows.append([c.name, str(f.get("command", "")), str(f.get("time_utc", "")), made, *(str(f.get(key, ""))[:16] for key in ("flow_hash", "technology_hash", "device_hash", "design_hash", "table_hash"))])
    return Table("Origin of the tables", ["condition", "command", "time", "made with", "flow", "technology", "device", "design", "content"], rows, "The last five: start of the sha256. The table is equal where flow and simulator are.")


def verdict_line(sheet: Datasheet) -> str:
    """Return the verdict in one sentence.

    Examples
    --------
    >>> verdict_line(Datasheet(title="x", entries=(), conditions=()))
    'No limit is stated. Every sample is good.'
    """
    held = [entry for entry in sheet.entries if entry.limit]
    failed = f"{sheet.not_ok} samples are not ok." if sheet.not_ok else "Every sample is good."
    if not held:
        return f"No limit is stated. {failed}"
    missed = ", ".join(f"{entry.parameter} ({entry.condition})" for entry in sheet.missed)
    opened = ", ".join(f"{entry.parameter} ({entry.condition}, {entry.draws} draws; {_needed(entry)})" for entry in sheet.not_shown)
    words = f"{len(sheet.missed)} of {len(held)} limits are missed: {missed}." if missed else "No limit is missed." if opened else f"All {len(held)} limits hold."
    stale = " Accepted: " + "; ".join(sheet.accepted) + "." if sheet.accepted else ""
    return f"{words}{' Not shown with these draws: ' + opened + '.' if opened else ''} {failed}{stale}"


def _needed(entry: Entry) -> str:
    """Return how many draws can show an open yield."""
    return "no number of draws shows 100 %" if entry.draws_needed is None else f"needs at least {entry.draws_needed}"


def to_markdown(sheet: Datasheet) -> str:
    """Return the datasheet as Markdown."""
    parts = [f"# {sheet.title}", verdict_line(sheet)]
    if commands := _commands(sheet):
        parts.append("```\n" + "\n".join(commands) + "\n```")
    parts += [table.to_markdown() for table in _tables(sheet)]
    parts += ["**" + head + "**\n\n" + "\n".join(f"- {' '.join(line.split())}" for line in lines) for head, lines in _lists(sheet)]
    return "\n\n".join(parts) + "\n"


def to_html(sheet: Datasheet) -> str:
    """Return a page without outer references; the JSON of the datasheet stands in it."""
    body = [f"<h1>{html.escape(sheet.title)}</h1><p>{html.escape(verdict_line(sheet))}</p>"]
    if commands := _commands(sheet):
        body.append("<pre>" + html.escape("\n".join(commands)) + "</pre>")
    body += [table.to_html() for table in _tables(sheet)]
    body += [f"<h2>{html.escape(head)}</h2><ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>" for head, lines in _lists(sheet)]
    data = json.dumps(sheet.plain(), sort_keys=True, allow_nan=False).replace("<", "\\u003c")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(sheet.title)}</title><style>{_CSS}</style></head><body><main>{''.join(body)}</main>"
        f'<script type="application/json" id="datasheet">{data}</script></body></html>\n'
    )


def to_latex(sheet: Datasheet) -> str:
    """Return the tables for a document with the package booktabs."""
    comment = [f"% {' '.join(line.split())}" for line in (sheet.title, verdict_line(sheet), *_commands(sheet))]
    return "\n".join([*comment, *(table.to_latex() for table in _tables(sheet))]) + "\n"


def to_json(sheet: Datasheet) -> str:
    """Return every number in SI units; what is undefined is null."""
    return json.dumps(sheet.plain(), indent=1, sort_keys=True, allow_nan=False) + "\n"


FORMATS = {".md": to_markdown, ".html": to_html, ".tex": to_latex, ".json": to_json}
"""Writers by the ending of the file."""


def write(sheet: Datasheet, path: Path) -> Path:
    """Write a datasheet in the format that the file's ending says.

    Raises
    ------
    ParameterError
        For another ending.
    DataError
        If the file cannot be written.
    """
    if path.suffix not in FORMATS:
        raise ParameterError("unknown format of a datasheet", where=str(path), value=path.suffix, remedy=f"end the file's name in {', '.join(FORMATS)}")
    return files.write_text(path, FORMATS[path.suffix](sheet))


def _tables(sheet: Datasheet) -> list[Table]:
    return [table for table in (specification_table(sheet), condition_table(sheet), origin_table(sheet), value_table(sheet)) if table.rows]


def _lists(sheet: Datasheet) -> list[tuple[str, Sequence[str]]]:
    held = (("Accepted differences", sheet.accepted), ("Samples that are not ok", sheet.failures), ("Assumed numbers", sheet.assumed), ("Notes", sheet.notes))
    return [(head, lines) for head, lines in held if lines]


def _commands(sheet: Datasheet) -> list[str]:
    """Return the command of the datasheet, and a line that says when it ran and with what."""
    made = sheet.provenance
    if not made.get("command"):
        return []
    versions = {**made.get("versions", {})}
    said = [str(made.get("time_utc", "")), *(f"{name} {versions[name]}" for name in ("spinbnn", "python", "numpy") if name in versions)]
    if made.get("git"):
        said.insert(2, f"commit {made['git']}")
    return [str(made["command"]), "# " + ", ".join(part for part in said if part)]


def _row(entry: Entry) -> list[Cell]:
    limit = entry.limit
    numbers = [entry.minimum, entry.typical, entry.maximum, *([limit.minimum, limit.typical, limit.maximum] if limit else [])]
    finite = [abs(x) for x in numbers if math.isfinite(x)]
    scale, unit = prefixed(entry.unit, max(finite, default=0.0))

    def show(x: float) -> str:
        return f"{x / scale:.4g}" if math.isfinite(x) else ""

    value = show(entry.worst_value) if math.isfinite(entry.worst_value) else "no value"
    worst = f"{value} at {entry.worst}" if entry.worst and entry.parameter != "area" else entry.worst
    draws = str(entry.draws)
    spoiled = [f"{n} {word}" for n, word in ((entry.failed, "not ok"), (entry.undefined, "undefined")) if n]
    if spoiled:
        draws += f" ({', '.join(spoiled)} of {entry.samples} samples)"
    share = ""
    if entry.inside is not None:
        low, high = entry.yield_interval
        share = f"{entry.inside}/{entry.draws} ({100 * low:.1f} to {100 * high:.1f} %)"
        share += f", demanded {100 * limit.share:g} %" if limit and limit.applies == "yield" else ""
        if entry.inside_worst is not None and entry.inside < entry.draws:
            share += f"; fewest {entry.inside_worst} at {entry.worst_condition}"
    limits = [show(x) for x in (limit.minimum, limit.typical, limit.maximum)] if limit else ["", "", ""]
    applies = " (typical only)" if limit and limit.applies == "typical" else ""
    return [entry.parameter + applies, entry.condition, unit, *limits, show(entry.minimum), show(entry.typical), show(entry.maximum), worst, draws, share, entry.verdict + (f" ({_needed(entry)})" if entry.verdict == "open" else "")]
