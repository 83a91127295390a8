"""``spinbnn cost``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..errors import ParameterError


@click.command("cost")
@click.argument("network")
@click.option("--accounting", type=click.Choice(["paper", "block", "events"]), default="paper", show_default=True, help="What is charged for a read; see the docs.")
@click.option("--samples", type=click.IntRange(1), default=10, show_default=True, help="Passes T of the schedule 'sampled' and 'prefix'.")
@click.option("--schedule", type=click.Choice(["sampled", "prefix", "exact"]), default="sampled", show_default=True)
@click.option("--first", type=click.Choice(["binary", "bit_serial", "digital"]), default="binary", show_default=True, help="First layer.")
@click.option("--last", type=click.Choice(["binary", "digital"]), default="binary", show_default=True, help="Last layer.")
@click.option("--placement", type=click.Choice(["pre_bn", "dual_bn"]), default="pre_bn", show_default=True, help="Scale dropout before the one normalisation (as published), or one normalisation for each branch (two threshold sets).")
@click.option("--array", default=None, show_default="256x256, or the profile's", help="Rows x columns of one array.")
@click.option("--strategy", type=click.Choice(["1", "2"]), default=None, show_default="1, or the profile's", help="1: kernel unrolled into a column; 2: one array for each kernel position.")
@click.option("--rows", type=click.Choice(["cells", "devices"]), default=None, show_default="cells, or the profile's", help="What a row of the array is.")
@click.option("--drop-probability", type=float, default=0.2, show_default=True, help="Drop probability of the schedule 'prefix'.")
@click.option("--profile", type=click.Path(path_type=Path), help="Hardware profile: our own characterised figures instead of Table II.")
@click.option("--format", "style", type=click.Choice(["table", "json", "csv", "latex"]), default="table", show_default=True)
def command(
    network: str, accounting: str, samples: int, schedule: str, first: str, last: str, placement: str, array: str | None, strategy: str | None, rows: str | None,
    drop_probability: float, profile: Path | None, style: str,
) -> None:  # fmt: skip
    """Count the operations of a network and estimate what one answer costs.

    Without a profile the component figures are those of the paper's Table II (published numbers).
    """
    from ..crossbar.plans import plan
    from ..hardware import HardwareProfile, characterised, count_operations, estimate_cost, published

    shape = [] if array is None else array.lower().split("x")
    if array is not None and (len(shape) != 2 or not all(s.isdigit() and int(s) > 0 for s in shape)):
        raise ParameterError("not an array size", where="--array", value=array, remedy="e.g. 256x256")
    held = HardwareProfile.load(profile) if profile else None
    mapped = (held or HardwareProfile.ideal(0.0)).with_mapping(
        (int(shape[0]), int(shape[1])) if shape else None, rows=rows, strategy=int(strategy) if strategy else None
    )
    counts = count_operations(
        plan(network, first=first, last=last, placement=placement), array=mapped.array, schedule=schedule, samples=samples, rows=mapped.array_rows, strategy=mapped.strategy,
        drop_probability=drop_probability if schedule == "prefix" else None,
    )  # fmt: skip
    components = characterised(held) if held else published()
    report = estimate_cost(counts, components, accounting=accounting)
    if style == "json":
        click.echo(json.dumps(report.to_dict(), indent=2, allow_nan=False))
    elif style == "csv":
        click.echo("\n".join(table.to_csv() for table in report.tables()))
    elif style == "latex":
        click.echo("\n\n".join(table.to_latex() for table in report.tables()))
    else:
        from rich.console import Console

        console = Console()
        for table in report.tables():
            console.print(table.rich())
