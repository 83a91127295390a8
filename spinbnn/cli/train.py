"""``spinbnn train``."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import click

from .progress import progress


def _changes(given: tuple[str, ...]) -> dict[str, Any]:
    """Turn ``section.key=value`` into a mapping; a value that is no TOML is text."""
    found: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"{text!r}: write section.key=value", param_hint="--set")
        try:
            found[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            found[key.strip()] = value.strip()
    return found


@click.command("train")
@click.argument("experiment")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Run folder  [default: runs/NAME OF THE FILE].")
@click.option("-j", "--workers", type=click.IntRange(1, 256), default=min(2, os.cpu_count() or 1), show_default=True, help="Simulator processes.")
@click.option("--device", help="cpu or cuda  [default: cpu].")
@click.option("--stop-after", type=click.FloatRange(min=0), metavar="SECONDS", help="End with a checkpoint after this time of training.")
@click.option("--checkpoint-every", type=click.FloatRange(min=0), default=120.0, show_default=True, metavar="SECONDS", help="Time between checkpoints within an epoch.")
@click.option("--set", "changes", multiple=True, metavar="SECTION.KEY=VALUE", help="Replace a value of the file; may be given often.")
def command(experiment: str, out: Path | None, workers: int, device: str | None, stop_after: float | None, checkpoint_every: float, changes: tuple[str, ...]) -> None:
    """Train the network of an experiment, without prediction, cost and report (spinbnn run goes on from there).

    A run that was killed or that stopped after its time continues with the same command, to the same weights.
    """
    from ..experiment import Experiment
    from ..experiment.run import train_experiment
    from ..experiment.training import METRICS, Paused, Pieces

    spec = Experiment.load(experiment, _changes(changes))
    folder = out or Path("runs") / Path(experiment).stem
    click.echo(f"{spec.name}: {spec.description}; seed {spec.seed}; run folder {folder}")
    pieces = Pieces(device=device, checkpoint_every=checkpoint_every, stop_after=stop_after)
    try:
        done = train_experiment(spec, folder, workers=workers, bars=progress, pieces=pieces)
    except Paused as pause:
        click.echo(str(pause))
        return
    click.echo(f"{len(done['history'])} epochs in {done['seconds']:.0f} s; point network {100 * done['test_accuracy']:.2f} % of {done['test_images']} test images")
    if done["note"]:
        click.echo(done["note"])
    click.echo(f"weights: {done['weights']}; epochs: {folder / METRICS}; next: spinbnn evaluate {done['weights']} --data {done['data']}")
