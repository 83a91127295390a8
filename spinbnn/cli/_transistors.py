"""What ``spinbnn doctor --transistors`` does: measure a technology in every corner and against published figures."""

from __future__ import annotations

import json

import click
from rich.console import Console


def check_transistors(technology: str, *, as_json: bool, console: Console) -> bool:
    """Measure with ``ngspice -b``, print targets and corners, and say whether every target is met.

    Raises
    ------
    MissingToolError
        If there is no program ngspice, or the technology's library is not on this machine.
    """
    from ..circuit import NgspiceBatch, Technology
    from ..circuit.targets import figure_table, target_table

    models = Technology.load(technology)
    with NgspiceBatch() as simulator:
        tables = {"targets": target_table(models, simulator)} if models.targets else {}
        tables["corners"] = figure_table(models, simulator)
    missed = sum("fail" in row for row in tables["targets"].rows) if models.targets else 0
    if as_json:
        heads = {key: [column.head for column in table.heads()] for key, table in tables.items()}
        rows = {key: [dict(zip(heads[key], row, strict=True)) for row in table.rows] for key, table in tables.items()}
        click.echo(json.dumps({"technology": models.name, "targets": [], **rows, "missed": missed}, indent=2, ensure_ascii=False))
        return not missed
    for table in tables.values():
        console.print(table.rich())
    if models.targets:
        click.echo(f"{missed} of {len(tables['targets'].rows)} targets missed" if missed else f"all {len(tables['targets'].rows)} targets met")
    else:
        click.echo("no published figures to compare with")
    return not missed
