"""``spinbnn characterize``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from ._runner import Runner, runner_options
from .progress import progress


@click.command("characterize")
@click.argument("flow")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="HDF5 file to write  [default: FLOW.h5, of a shard FLOW.shard-I-of-N.h5].")
@runner_options
@click.option("--dry-run", is_flag=True, help="Check the flow, print its size and stop.")
def command(flow: str, out: Path | None, dry_run: bool, **options: Any) -> None:
    """Run a characterisation flow (a file, or the name of one that comes with spinbnn) and write its lookup table.

    The flow names its bench: circuits are run by ngspice, the macrospin in Python.
    A killed run resumes: good samples stand in OUT.journal and are never measured again; those that timed out or crashed
    are. Exit code 3: samples of the table are not ok; 1: a specification of the flow is missed; 0: neither.
    """
    from ..characterize import Flow, check_limits, run_flow
    from ..characterize.table import STATUS

    parsed, runner = Flow.load(flow), Runner(**options)
    if runner.draws is not None:
        parsed = parsed.with_axes(draw={"count": runner.draws})
    axes = " x ".join(f"{len(a.values)} {a.name}" for a in parsed.grid.axes)
    click.echo(f"{parsed.name}: {parsed.grid.size} samples ({axes}), bench {parsed.bench.name}, seed {parsed.seed}")
    if runner.part is not None:
        click.echo(f"shard {runner.part}: {len(runner.part.indices(parsed.grid.size))} samples")
    if dry_run:
        return
    target = out or Path(runner.file(parsed.name))
    with progress("characterise") as step, runner.started(parsed.bench.engine) as arguments:
        table = run_flow(parsed, out=target, progress=step, **arguments)
    console = Console()
    console.print(table.summary().rich())
    bad = int((table.status > STATUS["not_measured"]).sum())
    if bad:
        console.print(table.failures().rich())
    click.echo(f"simulated {table.attributes['simulated']}, resumed {table.attributes['resumed']}; table: {target}")
    if bool((table.status == STATUS["not_measured"]).any()):
        click.echo("the other shards are not measured here: specifications are checked on the merged table")
        missed = []
    else:
        missed = check_limits(parsed, table)
    for line in missed:
        click.echo(f"specification missed: {line}", err=True)
    if bad:
        click.echo(f"{bad} samples are not ok; --retry-failed measures them again, 'spinbnn table failures {target}' shows them", err=True)
        sys.exit(3)
    if missed:
        sys.exit(1)
