"""Training stage: the network of an experiment, trained in pieces where a machine is lent for minutes only."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from torch import nn

from .. import files
from ..data import ImageData
from ..hardware import HardwareProfile
from ..nn import set_drop_probabilities
from ..nn.models import build
from ..rng import integer_seed
from ..training import save_weights, train
from .folder import RunFolder
from .spec import Experiment

Bars = Callable[[str], AbstractContextManager[Callable[..., None]]]
WEIGHTS, CHECKPOINT, MARKER, METRICS = "weights.safetensors", "checkpoint.pt", "checkpoint.key", "metrics.jsonl"


class Paused(Exception):
    """The training stopped after its time; its checkpoint is in the run folder. The text says how far it is."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """How a training is cut into pieces; no part of what it computes.

    Attributes
    ----------
    device : str or None
        ``"cpu"``, ``"cuda"``; None: the CPU.
    checkpoint_every : float
        Time between checkpoints within an epoch [s].
    stop_after : float or None
        Time after which the training stops with a checkpoint [s].
    """

    device: str | None = None
    checkpoint_every: float = 120.0
    stop_after: float | None = None


def network(experiment: Experiment) -> nn.Module:
    """Return the experiment's network, untrained."""
    options = {k: v for k, v in dataclasses.asdict(experiment.model).items() if k != "name" and v != ""}
    return build(experiment.model.name, seed=integer_seed(experiment.seed, "weights"), **options)


def train_options(experiment: Experiment) -> dict[str, Any]:
    """Return the options of ``spinbnn.training.train`` that the experiment fixes, but for data and profile."""
    options = {k: v for k, v in dataclasses.asdict(experiment.training).items() if k != "with_profile"}
    return {**options, "seed": integer_seed(experiment.seed, "training")}


def train_stage(experiment: Experiment, folder: RunFolder, data: ImageData, profile: HardwareProfile, bars: Bars, pieces: Pieces) -> tuple[dict[str, Any], str]:
    """Train the network, or read that it was done; return the facts of the training and the key of the stage.

    The training depends on the whole profile if ``with_profile``, and on its target probabilities alone if not.

    Raises
    ------
    Paused
        If ``pieces.stop_after`` ended the training before its last epoch.
    """
    spec = experiment.training
    modules = profile.id if spec.with_profile else None
    settings = [data.sha256, *(dataclasses.asdict(part) for part in (experiment.model, experiment.data, spec)), modules, profile.drop_probability.tolist(), experiment.seed]

    def work() -> dict[str, Any]:
        model = network(experiment)
        set_drop_probabilities(model, profile.drop_probability)
        checkpoint = folder.path / CHECKPOINT
        _claim(folder, files.content_hash(settings))
        with bars("train") as step:
            done = train(
                model, data, **train_options(experiment), profile=profile if spec.with_profile else None,
                checkpoint=checkpoint, metrics=folder.path / METRICS, progress=step, **dataclasses.asdict(pieces),
            )  # fmt: skip
        if not done.finished:
            folder.log(f"train: {done.note}")
            raise Paused(f"stopped after {len(done.history)} of {spec.epochs} epochs, {done.seconds:.0f} s of training in all; the same command continues")
        facts = {"experiment": experiment.name, "seed": experiment.seed, "data": data.name, "data_sha256": data.sha256, "profile": modules}
        save_weights(folder.path / WEIGHTS, model, {**facts, "training": done.configuration})
        return {
            "history": done.history, "seconds": done.seconds, "note": done.note, "train_images": len(data.train_labels),
            "data": data.name, "data_source": data.source, "data_sha256": data.sha256,
        }  # fmt: skip

    done = folder.stage("train", settings, work, needs=(WEIGHTS,))
    if _owner(folder) == files.content_hash(settings):  # only now: a kill before the record was written costs no training
        (folder.path / CHECKPOINT).unlink(missing_ok=True)
        (folder.path / MARKER).unlink()
    return done


def _owner(folder: RunFolder) -> str:
    """Return the key of the training that the checkpoint belongs to; "" if nobody wrote one."""
    marker = folder.path / MARKER
    return marker.read_text(encoding="utf-8") if marker.exists() else ""


def _claim(folder: RunFolder, key: str) -> None:
    """Write the key of this training beside its checkpoint; one of another is set aside under its key until that comes back."""
    checkpoint, owner = folder.path / CHECKPOINT, _owner(folder)
    if checkpoint.exists() and owner != key:
        aside = checkpoint.with_name(f"checkpoint.{owner[:12] or 'before'}.pt")
        checkpoint.replace(aside)
        folder.log(f"train: the checkpoint is of another configuration; it is now {aside.name}")
    own = checkpoint.with_name(f"checkpoint.{key[:12]}.pt")
    if own.exists() and not checkpoint.exists():
        own.replace(checkpoint)
        folder.log(f"train: {own.name} is of this configuration; it goes on")
    files.write_text(folder.path / MARKER, key)
