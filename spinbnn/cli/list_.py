"""``spinbnn list``."""

from __future__ import annotations

import tomllib

import click
from rich.console import Console

from .. import resources
from ..tables import Table


def _about(path_kind: str, text: str) -> str:
    if path_kind in ("device", "flow"):
        data = tomllib.loads(text)
        return f"{data.get('schema', '?').split('/')[0].removeprefix('spinbnn.')}: {data.get('description', '')}"
    first = text.splitlines()[0] if text else ""
    return first.lstrip("* #").strip()


@click.command("list")
@click.argument("kind", required=False, type=click.Choice(list(resources.KINDS)))
def command(kind: str | None) -> None:
    """List the devices, flows, cells and tables that come with spinbnn."""
    rows = []
    for name in [kind] if kind else resources.KINDS:
        for stem, path in resources.available(name).items():
            about = _about(name, path.read_text(encoding="utf-8")) if path.suffix != ".h5" else "lookup table (HDF5)"
            rows.append([name, stem, about])
    Console().print(Table("Resources", ["kind", "name", "about"], rows, note="spinbnn copy KIND NAME DESTINATION copies one for editing.").rich())
