"""``spinbnn characterize``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from .progress import progress


@click.command("characterize")
@click.argument("flow")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="HDF5 file to write  [default: FLOW.h5].")
@click.option("-j", "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes that simulate; the result does not depend on it.")
@click.option("--simulator", type=click.Choice(["shared", "batch"]), help="Benches of circuits: PySpice's shared library (the default), or 'ngspice -b'.")
@click.option("--draws", type=click.IntRange(1), help="Number of Monte-Carlo draws instead of the flow's.")
@click.option("--retry-failed", is_flag=True, help="Measure again what is not ok, also in a finished table.")
@click.option("--dry-run", is_flag=True, help="Check the flow, print its size and stop.")
def command(flow: str, out: Path | None, workers: int, simulator: str | None, draws: int | None, retry_failed: bool, dry_run: bool) -> None:
    """Run a characterisation flow (a file, or the name of one that comes with spinbnn) and write its lookup table.

    The flow names its bench: circuits are run by ngspice, the macrospin in Python.
    A killed run resumes: good samples stand in OUT.journal and are never measured again; those that timed out or crashed
    are. Exit code 3: samples of the table are not ok; 1: a specification of the flow is missed; 0: neither.
    """
    from ..characterize import Flow, check_limits, run_flow

    parsed = Flow.load(flow)
    if draws is not None:
        parsed = parsed.with_axes(draw={"count": draws})
    axes = " x ".join(f"{len(a.values)} {a.name}" for a in parsed.grid.axes)
    click.echo(f"{parsed.name}: {parsed.grid.size} samples ({axes}), bench {parsed.bench.name}, seed {parsed.seed}")
    if dry_run:
        return
    target = out or Path(f"{parsed.name}.h5")
    with progress("characterise") as step:
        table = run_flow(parsed, workers=workers, simulator=simulator, out=target, progress=step, retry_failed=retry_failed)
    console = Console()
    console.print(table.summary().rich())
    if not table.complete:
        console.print(table.failures().rich())
    click.echo(f"simulated {table.attributes['simulated']}, resumed {table.attributes['resumed']}; table: {target}")
    missed = check_limits(parsed, table)
    for line in missed:
        click.echo(f"specification missed: {line}", err=True)
    if not table.complete:
        click.echo(f"{int((table.status > 0).sum())} samples are not ok; --retry-failed measures them again", err=True)
        sys.exit(3)
    if missed:
        sys.exit(1)
