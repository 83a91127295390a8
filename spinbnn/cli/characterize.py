"""``spinbnn characterize``."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from .progress import progress

if TYPE_CHECKING:
    from ..characterize.cluster import ClusterSimulator


@click.command("characterize")
@click.argument("flow")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="HDF5 file to write  [default: FLOW.h5].")
@click.option("-j", "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes that simulate; the result does not depend on it.")
@click.option("--simulator", type=click.Choice(["shared", "batch"]), help="Benches of circuits: PySpice's shared library (the default), or 'ngspice -b'.")
@click.option("--draws", type=click.IntRange(1), help="Number of Monte-Carlo draws instead of the flow's.")
@click.option("--retry-failed", is_flag=True, help="Measure again what is not ok, also in a finished table.")
@click.option("--shard", metavar="I/N", help="Measure part I of N only; 'spinbnn table merge' puts the parts together  [default file: FLOW.shard-I-of-N.h5].")
@click.option("--cluster", metavar="ADDRESS", help="Run on an existing Dask cluster, tcp://HOST:PORT; needs the extra 'cluster'.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), help="Longest time for one deck of ngspice, all retries together [s]  [default: 60].")
@click.option("--dry-run", is_flag=True, help="Check the flow, print its size and stop.")
def command(
    flow: str, out: Path | None, workers: int, simulator: str | None, draws: int | None, retry_failed: bool, shard: str | None,
    cluster: str | None, timeout: float | None, dry_run: bool,
) -> None:  # fmt: skip
    """Run a characterisation flow (a file, or the name of one that comes with spinbnn) and write its lookup table.

    The flow names its bench: circuits are run by ngspice, the macrospin in Python.
    A killed run resumes: good samples stand in OUT.journal and are never measured again; those that timed out or crashed
    are. Exit code 3: samples of the table are not ok; 1: a specification of the flow is missed; 0: neither.
    """
    from ..characterize import Flow, check_limits, run_flow
    from ..characterize.shard import Shard
    from ..characterize.table import STATUS

    parsed = Flow.load(flow)
    if draws is not None:
        parsed = parsed.with_axes(draw={"count": draws})
    axes = " x ".join(f"{len(a.values)} {a.name}" for a in parsed.grid.axes)
    click.echo(f"{parsed.name}: {parsed.grid.size} samples ({axes}), bench {parsed.bench.name}, seed {parsed.seed}")
    part = None if shard is None else Shard.parse(shard)
    if part is not None:
        click.echo(f"shard {part}: {len(part.indices(parsed.grid.size))} samples")
    if cluster is not None and (simulator is not None or workers != 1 or timeout is not None):
        raise click.UsageError("--cluster runs 'ngspice -b' on the workers that are there: leave --workers, --simulator and --timeout out")
    if dry_run:
        return
    target = out or Path(f"{parsed.name}.h5" if part is None else f"{parsed.name}.shard-{part.part}-of-{part.count}.h5")
    with progress("characterise") as step, _engine(cluster, parsed.bench.engine) as remote:
        table = run_flow(
            parsed, workers=None if remote else workers, simulator=remote or simulator, out=target, progress=step, retry_failed=retry_failed, shard=part, timeout=timeout,
        )  # fmt: skip
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


def _engine(address: str | None, engine: str) -> AbstractContextManager[ClusterSimulator | None]:
    if address is None:
        return nullcontext()
    from ..characterize.cluster import ClusterSimulator

    return ClusterSimulator(address, engine)
