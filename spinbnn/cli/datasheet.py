"""``spinbnn datasheet``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._runner import Runner, runner_options
from .progress import progress

if TYPE_CHECKING:  # pragma: no cover
    from ..characterize import Flow, LookupTable

TABLES = (".h5", ".hdf5")


@click.command("datasheet")
@click.argument("sources", metavar="FLOW_OR_TABLE...", nargs=-1, required=True)
@click.option("-o", "--out", "outs", type=click.Path(path_type=Path), multiple=True, help="File to write: .md, .html, .tex or .json; may stand several times  [default: Markdown to the terminal].")
@click.option("-t", "--tables", type=click.Path(path_type=Path, file_okay=False), default=Path("."), show_default=True, help="Folder of the tables that flows are measured into; one that is there is used.")
@runner_options
@click.option("--limits", help="Flow whose limits tables are held against  [default: the flow that each table names].")
@click.option("--accept-table", is_flag=True, help="Take tables of another version of their flow or of spinbnn; the datasheet says so.")
@click.option("--allow-open", is_flag=True, help="A yield that is not shown with these draws does not count as missed.")
@click.option("--title", default="", help="Heading  [default: the names of the flows].")
def command(sources: Sequence[str], outs: Sequence[Path], tables: Path, limits: str | None, accept_table: bool, allow_open: bool, title: str, **options: Any) -> None:
    """Hold flows or finished tables (.h5) against the limits in their flow files.

    A flow is measured first. With an operating point only the amplitudes that the search needs are simulated, into
    TABLES/NAME.search.h5; without one the whole grid, into TABLES/NAME.h5. A killed run resumes. With --shard a part is
    measured and no datasheet made.
    Exit code 1: a limit is missed, or a yield is not shown with these draws (but for --allow-open); 3: neither, but samples
    are not ok; 0: none of them.
    """
    from .. import provenance
    from ..characterize.datasheet import datasheet
    from ..characterize.datasheet_render import FORMATS, to_markdown, verdict_line, write

    runner = Runner(**options)
    for path in outs:
        if path.suffix not in FORMATS:
            raise click.BadParameter(f"{path.name!r} ends in none of {', '.join(FORMATS)}", param_hint="--out")
    finished = [source for source in sources if Path(source).suffix in TABLES]
    if finished and (runner.retry_failed or runner.shard):
        raise click.UsageError(f"{finished[0]} is a finished table: --retry-failed and --shard measure, so name the flow instead")
    if runner.shard and outs:
        raise click.UsageError("a shard has no datasheet: leave --out away, and name the flow again when the shards are merged")
    measured = [_measured(source, tables, runner, limits) for source in sources]
    if runner.shard:
        sys.exit(3 if any(_not_ok(table) for _, table in measured) else 0)
    made = {"command": provenance.command(), "time_utc": provenance.utc_now(), "git": provenance.git_revision(), "versions": provenance.versions()}
    sheet = replace(datasheet(measured, title=title, accept=accept_table), provenance=made)
    for path in outs:
        write(sheet, path)
    if outs:
        click.echo(verdict_line(sheet))
    else:
        click.echo(to_markdown(sheet), nl=False)
    if sheet.missed or (sheet.not_shown and not allow_open):
        sys.exit(1)
    if any(_not_ok(table) for _, table in measured):
        sys.exit(3)


def _measured(source: str, tables: Path, runner: Runner, limits: str | None) -> tuple[Flow, LookupTable]:
    """Return a flow and its table, measured now if need be."""
    from ..characterize import Flow, LookupTable, run_flow
    from ..characterize.search import search
    from ..errors import ParameterError

    if Path(source).suffix in TABLES:
        if runner.draws is not None:
            raise ParameterError("a finished table has the draws that it has", where="--draws", value=runner.draws, remedy=f"name the flow instead of {source!r}, or leave out --draws")
        table = LookupTable.open(source)
        name = limits or table.attributes.get("flow")
        if not name:
            raise ParameterError("the table does not say which flow it is of", where=source, value=table.name, remedy="name the flow with --limits")
        return Flow.load(str(name)), table
    flow = Flow.load(source)
    if runner.draws is not None and any(axis.name == "draw" for axis in flow.grid.axes):
        flow = flow.with_axes(draw={"count": runner.draws})
    searched = flow.specification.operating_point is not None
    stem = f"{flow.name}{'.search' if searched else ''}"
    target = tables / runner.file(stem)
    tables.mkdir(parents=True, exist_ok=True)
    with progress(flow.name) as step, runner.started(flow.bench.engine) as arguments:
        table = (search if searched else run_flow)(flow, out=target, progress=step, **arguments)
    if runner.part is not None:
        parts = tables / f"{stem}.shard-*-of-{runner.part.count}.h5"
        click.echo(f"shard {runner.part}: simulated {table.attributes['simulated']}, resumed {table.attributes['resumed']}, {_not_ok(table)} not ok; table: {target}")
        click.echo(f"when all are there: spinbnn table merge {parts} -o {tables / stem}.h5, then the same command without --shard")
    return (Flow.load(limits) if limits else flow), table


def _not_ok(table: LookupTable) -> int:
    from ..characterize.table import STATUS

    return int((table.status > STATUS["not_measured"]).sum())
