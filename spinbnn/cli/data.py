"""``spinbnn data``: which data sets there are and where they come from; fetching them."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("data")
def command() -> None:
    """Data sets: what is at hand, where they come from, fetching them."""


DIGITS = ("handwritten digits, 1,297 and 500 of 8x8 made 28x28", "BSD-3-Clause, with scikit-learn", "https://scikit-learn.org")
ROOT = click.option("--root", type=click.Path(path_type=Path), help="Data root  [default: $SPINBNN_DATA].")


@command.command("list")
@ROOT
def list_command(root: Path | None) -> None:
    """List the data sets: where each lies, its source and its licence."""
    from ..data import SOURCES, available

    for name, place in available(root).items():
        source = SOURCES.get(name)
        about, licence, homepage = DIGITS if source is None else (source.about, source.licence, source.homepage)
        click.echo(f"{name}: {about}")
        click.echo(f"  here:    {place or 'no'}")
        click.echo(f"  source:  {homepage}")
        click.echo(f"  licence: {licence}")
    click.echo("spinbnn data fetch NAME fetches one; folder:PATH names an image folder (PATH/<class>/*.png).")


@command.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@ROOT
@click.option("--replace", is_flag=True, help="Replace files whose checksum is not the published one.")
def fetch_command(names: tuple[str, ...], root: Path | None, replace: bool) -> None:
    """Download data sets into the data root and check them; what is there already is not fetched again."""
    from ..data import SOURCES, fetch
    from .progress import progress

    for name in names:
        with progress(f"fetch {name}") as step:
            paths = fetch(name, root, replace=replace, progress=step)
        source = SOURCES[name]
        click.echo(f"{name}: {len(paths)} files in {paths[0].parent}")
        click.echo(f"  source:  {source.homepage}")
        click.echo(f"  licence: {source.licence}")
