"""``spinbnn list``."""

from __future__ import annotations

import tomllib
from pathlib import Path

import click
from rich.console import Console

from .. import resources
from ..tables import Table

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def _about(kind: str, path: Path) -> str:
    """Say in one line what a resource is, or why it cannot be read: one bad file must not hide the others."""
    try:
        if path.suffix == ".h5":
            with path.open("rb") as stream:
                good = stream.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE
            return "lookup table (HDF5)" if good else "unreadable: not an HDF5 file"
        text = path.read_text(encoding="utf-8")
        if kind not in ("device", "flow"):
            lines = text.splitlines()
            return lines[0].lstrip("* #").strip() if lines else ""
        data = tomllib.loads(text)
    except OSError as error:
        return f"unreadable: {error.strerror}"
    except UnicodeDecodeError as error:
        return f"unreadable: not UTF-8 at byte {error.start}"
    except (ValueError, RecursionError) as error:  # no TOML, a number beyond Python's limit, too many brackets
        return f"unreadable: {error}"
    return f"{str(data.get('schema', '?')).split('/')[0].removeprefix('spinbnn.')}: {data.get('description', '')}"


@click.command("list")
@click.argument("kind", required=False, type=click.Choice(list(resources.KINDS)))
def command(kind: str | None) -> None:
    """List the devices, flows, cells and tables that come with spinbnn or stand in $SPINBNN_PATH."""
    rows = [[name, stem, _about(name, path)] for name in ([kind] if kind else resources.KINDS) for stem, path in resources.available(name).items()]
    Console().print(Table("Resources", ["kind", "name", "about"], rows, note="spinbnn copy KIND NAME DESTINATION copies one for editing.").rich())
