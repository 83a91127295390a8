"""``spinbnn datasheet``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .progress import progress

if TYPE_CHECKING:  # pragma: no cover
    from ..characterize import Flow, LookupTable


@click.command("datasheet")
@click.argument("sources", metavar="FLOW_OR_TABLE...", nargs=-1, required=True)
@click.option("-o", "--out", "outs", type=click.Path(path_type=Path), multiple=True, help="File to write: .md, .html, .tex or .json; may stand several times  [default: Markdown to the terminal].")
@click.option("-t", "--tables", type=click.Path(path_type=Path, file_okay=False), default=Path("."), show_default=True, help="Folder of the tables that flows are measured into; one that is there is used.")
@click.option("-j", "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes that simulate; the result does not depend on it.")
@click.option("--simulator", type=click.Choice(["shared", "batch"]), help="PySpice's shared library (the default), or 'ngspice -b'.")
@click.option("--draws", type=click.IntRange(1), help="Number of Monte-Carlo draws instead of the flow's, for flows that have draws.")
@click.option("--limits", help="Flow whose limits tables are held against  [default: the flow that each table names].")
@click.option("--title", default="", help="Heading  [default: the names of the flows].")
def command(sources: Sequence[str], outs: Sequence[Path], tables: Path, workers: int, simulator: str | None, draws: int | None, limits: str | None, title: str) -> None:
    """Hold flows or finished tables (.h5) against the limits in their flow files.

    A flow is measured first. With an operating point only the amplitudes that the search needs are simulated, into
    TABLES/NAME.search.h5; without one the whole grid, into TABLES/NAME.h5. A killed run resumes.
    Exit code 1: a limit is missed; 3: none is, but samples are not ok; 0: neither.
    """
    from .. import provenance
    from ..characterize.datasheet import datasheet
    from ..characterize.datasheet_render import FORMATS, to_markdown, verdict_line, write

    for path in outs:
        if path.suffix not in FORMATS:
            raise click.BadParameter(f"{path.name!r} ends in none of {', '.join(FORMATS)}", param_hint="--out")
    measured = [_measured(source, tables, workers, simulator, draws, limits) for source in sources]
    sheet = replace(datasheet(measured, title=title), provenance={"command": provenance.command(), "versions": provenance.versions()})
    for path in outs:
        write(sheet, path)
    if outs:
        click.echo(verdict_line(sheet))
    else:
        click.echo(to_markdown(sheet), nl=False)
    if sheet.missed:
        sys.exit(1)
    if sheet.not_ok:
        sys.exit(3)


def _measured(source: str, tables: Path, workers: int, simulator: str | None, draws: int | None, limits: str | None) -> tuple[Flow, LookupTable]:
    """Return a flow and its table, measured now if need be."""
    from ..characterize import Flow, LookupTable, run_flow
    from ..characterize.operating_point import search
    from ..errors import ParameterError

    if Path(source).suffix in (".h5", ".hdf5"):
        if draws is not None:
            raise ParameterError("a finished table has the draws that it has", where="--draws", value=draws, remedy=f"name the flow instead of {source!r}, or leave out --draws")
        table = LookupTable.open(source)
        name = limits or table.attributes.get("flow")
        if not name:
            raise ParameterError("the table does not say which flow it is of", where=source, value=table.name, remedy="name the flow with --limits")
        return Flow.load(str(name)), table
    flow = Flow.load(source)
    if draws is not None and any(axis.name == "draw" for axis in flow.grid.axes):
        flow = flow.with_axes(draw={"count": draws})
    searched = flow.specification.operating_point is not None
    target = tables / f"{flow.name}{'.search' if searched else ''}.h5"
    tables.mkdir(parents=True, exist_ok=True)
    with progress(flow.name) as step:
        if searched:
            table = search(flow, workers=workers, simulator=simulator, out=target, progress=step)
        else:
            table = run_flow(flow, workers=workers, simulator=simulator, out=target, progress=step)
    return (Flow.load(limits) if limits else flow), table
