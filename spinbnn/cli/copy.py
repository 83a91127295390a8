"""``spinbnn copy``."""

from __future__ import annotations

from pathlib import Path

import click

from .. import resources


@click.command("copy")
@click.argument("kind", type=click.Choice(list(resources.KINDS)))
@click.argument("name")
@click.argument("destination", type=click.Path(path_type=Path), default=".")
def command(kind: str, name: str, destination: Path) -> None:
    """Copy a resource for editing; an existing file is never overwritten."""
    click.echo(f"copied to {resources.copy(kind, name, destination)}")
