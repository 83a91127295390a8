"""What ``spinbnn doctor --transistors`` does: measure the transistors of a technology against published figures."""

from __future__ import annotations

import json

import click
from rich.console import Console


def check_transistors(technology: str, *, as_json: bool, console: Console) -> bool:
    """Measure with ``ngspice -b``, print the table of targets, and say whether every target is met.

    Raises
    ------
    MissingToolError
        If there is no program ngspice.
    """
    from ..circuit import NgspiceBatch, Technology
    from ..circuit.targets import target_table

    models = Technology.load(technology)
    with NgspiceBatch() as simulator:
        table = target_table(models, simulator)
    missed = sum("fail" in row for row in table.rows)
    if as_json:
        heads = [column.head for column in table.heads()]
        rows = [dict(zip(heads, row, strict=True)) for row in table.rows]
        click.echo(json.dumps({"technology": models.name, "targets": rows, "missed": missed}, indent=2, ensure_ascii=False))
    else:
        console.print(table.rich())
        click.echo(f"{missed} of {len(table.rows)} targets missed" if missed else f"all {len(table.rows)} targets met")
    return not missed
