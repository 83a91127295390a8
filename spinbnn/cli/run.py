"""``spinbnn run``."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click
from rich.console import Console

from .progress import progress


@click.command("run")
@click.argument("experiment")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Run folder  [default: runs/NAME OF THE FILE].")
@click.option("-j", "--workers", type=click.IntRange(1, 256), default=min(2, os.cpu_count() or 1), show_default=True, help="Simulator processes.")
def command(experiment: str, out: Path | None, workers: int) -> None:
    """Run a whole experiment (a file, or the name of one that comes with spinbnn).

    Stages that are done with the same inputs are read from the run folder; an interrupted run resumes.
    """
    from ..experiment import Experiment, run_experiment

    spec = Experiment.load(experiment)
    folder = out or Path("runs") / Path(experiment).stem
    begin = time.monotonic()
    click.echo(f"{spec.name}: {spec.description}; seed {spec.seed}; run folder {folder}")
    result = run_experiment(spec, folder, workers=workers, bars=progress)
    console = Console()
    for table in result.tables:
        console.print(table.rich())
        console.print()
    click.echo(f"report: {result.report}")
    click.echo(f"done in {time.monotonic() - begin:.1f} s")
