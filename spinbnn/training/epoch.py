"""The mini-batches of one epoch, which may stop between two of them and go on later."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..data.augment import augment
from ..data.image_data import as_float
from ..errors import ParameterError
from ..nn.masks import fixed_masks
from ..rng import integer_seed, stream
from .objective import objective
from .setup import Setup

Progress = Callable[[int, int, str], None]


@dataclass(slots=True)
class Unfinished:
    """An epoch so far: mini-batches done, sums over them, every tenth one's ratio of gradients, time spent [s]."""

    done: int = 0
    loss: float = 0.0
    right: int = 0
    ratios: list[float | None] = field(default_factory=list)
    seconds: float = 0.0


class Pauses:
    """When an epoch is interrupted to write a checkpoint, and when the run is to stop.

    Parameters
    ----------
    every : float or None
        Time between checkpoints within an epoch [s]; None: none within an epoch.
    stop_after : float or None
        Time after which the run stops [s]; it counts from the making of this object.
    save : callable
        ``save(unfinished)`` writes the checkpoint.

    Examples
    --------
    >>> pauses = Pauses(None, 0.0, lambda unfinished: None)
    >>> pauses.due(), pauses.take(Unfinished())
    (True, True)
    """

    def __init__(
        self, every: float | None, stop_after: float | None, save: Callable[[Unfinished], None]
    ) -> None:
        self.every, self.stop_after, self.save = every, stop_after, save
        self.begun = self.last = time.monotonic()

    @property
    def over(self) -> bool:
        """True once the run's time has passed."""
        return self.stop_after is not None and time.monotonic() - self.begun >= self.stop_after

    def due(self) -> bool:
        """Return True if a checkpoint is to be written now."""
        return self.over or (self.every is not None and time.monotonic() - self.last >= self.every)

    def take(self, unfinished: Unfinished) -> bool:
        """Write the checkpoint and return True if the run is to stop."""
        stop = self.over
        self.save(unfinished)
        self.last = time.monotonic()
        return stop


def device_of(model: nn.Module) -> torch.device:
    """Return the device of a model's parameters."""
    return next(model.parameters()).device


def point_accuracy(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 1000) -> float:
    """Return the accuracy of the network in eval mode without masks (all scales kept)."""
    device = device_of(model)
    modes = {module: module.training for module in model.modules()}
    right = 0
    try:
        model.eval()
        with torch.no_grad():
            for start in range(0, len(labels), batch_size):
                part = slice(start, start + batch_size)
                logits = model(as_float(images[part]).to(device))
                right += int((logits.argmax(1).cpu() == labels[part]).sum())
    finally:
        for module, mode in modes.items():
            module.training = mode
    return right / len(labels)


def run_epoch(
    setup: Setup, epoch: int, so_far: Unfinished, progress: Progress | None, pauses: Pauses
) -> dict[str, Any] | None:
    """Train the rest of an epoch and return its row of the history; None if ``pauses`` says stop.

    ``pauses`` is asked after each mini-batch but the last, and then ``so_far`` is up to date.
    """
    model, data, options = setup.model, setup.data, setup.options
    began, before = time.perf_counter(), so_far.seconds
    model.train()
    setup.anneal(epoch)
    device, seed, size = device_of(model), options["seed"], options["batch_size"]
    order = torch.from_numpy(stream(seed, "order", epoch).permutation(len(data.train_labels)))
    p = setup.epoch_probabilities(epoch)
    total = torch.tensor(so_far.loss, dtype=torch.float64, device=device)  # on the device: no waiting for it
    right = torch.tensor(so_far.right, dtype=torch.int64, device=device)

    def note() -> None:
        so_far.loss, so_far.right = float(total), int(right)
        so_far.seconds = before + time.perf_counter() - began
        if not math.isfinite(so_far.loss):
            raise ParameterError(
                "the loss is not finite: the training diverged",
                where=f"train, epoch {epoch + 1}, up to mini-batch {so_far.done} of {setup.steps}",
                value=so_far.loss,
                remedy="a smaller learning_rate, or a warm-up; the last checkpoint is from before",
            )

    for k in range(so_far.done, setup.steps):
        step = epoch * setup.steps + k
        images, labels = _batch(setup, order[k * size : (k + 1) * size], step, device)
        chance = np.repeat(p[k], setup.mask_bits)
        bits = (stream(seed, "masks", step).random(len(chance)) < chance).astype(np.int64)  # 1 = drop
        for group in setup.optimizer.param_groups:
            group["lr"] = setup.learning_rate(step)
        if setup.aware is not None:
            setup.aware.step(step)
        with _masks(setup, bits, step):
            logits = model(images)
        _check_classes(setup, logits)
        loss = objective(
            model,
            logits,
            labels,
            weight_decay=options["weight_decay"],
            scale_decay=options["scale_decay"],
            label_smoothing=options["label_smoothing"],
        )
        setup.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if k % 10 == 0 and setup.layers:
            so_far.ratios.append(_alpha_ratio(setup, bits))
        setup.optimizer.step()
        total += loss.detach()
        right += (logits.detach().argmax(1) == labels).sum()
        so_far.done = k + 1
        if progress is not None and k % 50 == 49:
            progress(
                step + 1,
                options["epochs"] * setup.steps,
                f"epoch {epoch + 1}/{options['epochs']}, loss {float(total) / (k + 1):.4f}",
            )
        if k + 1 < setup.steps and pauses.due():
            note()
            if pauses.take(so_far):
                return None
    note()
    return _row(setup, epoch, so_far, p, began - before)


def _masks(setup: Setup, bits: np.ndarray, step: int) -> AbstractContextManager[Any]:
    """Return the context that holds the mask, and with it the random scales of the mode that draws them."""
    if not len(bits):
        return nullcontext()
    if all(layer.mode != "random" for layer in setup.layers):
        return fixed_masks(setup.model, bits)
    source = torch.Generator().manual_seed(integer_seed(setup.options["seed"], "random scales", step))
    return fixed_masks(setup.model, bits, source)


def _batch(setup: Setup, pick: Tensor, step: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the images and labels of a mini-batch, moved about and on the device."""
    data, options = setup.data, setup.options
    kept, labels = data.train_images[pick], data.train_labels[pick]
    images = augment(
        kept, options["augment"], stream(options["seed"], "augment", step), reach=options["shift"]
    )
    return images.to(device), labels.to(device)


def _check_classes(setup: Setup, logits: Tensor) -> None:
    if logits.ndim != 2 or setup.top_label >= logits.shape[1]:
        raise ParameterError(
            "a label is out of the network's range",
            where=f"data {setup.data.name!r}, train_labels",
            value=setup.top_label,
            remedy=f"the network's answer has the shape {tuple(logits.shape)}: build it with "
            f"classes={setup.top_label + 1} or more",
        )


def _alpha_ratio(setup: Setup, bits: np.ndarray) -> float | None:
    """Return the largest ``|dL/dalpha| / |dL/dgamma|`` over the layers whose scale was kept; None if all were dropped."""
    parts = np.split(bits, np.cumsum(setup.mask_bits)[:-1])
    ratios = [
        layer.alpha_gradient()
        for layer, part in zip(setup.layers, parts, strict=True)
        if layer.alpha.requires_grad and not part.all()
    ]
    return max(ratios) if ratios else None


def _row(setup: Setup, epoch: int, done: Unfinished, p: np.ndarray, began: float) -> dict[str, Any]:
    model, data = setup.model, setup.data
    known = [ratio for ratio in done.ratios if ratio is not None]
    validation = (
        point_accuracy(model, data.validation_images, data.validation_labels)
        if len(data.validation_labels)
        else None
    )
    drawn = p if setup.profile is not None else p[:0]
    return {
        "epoch": epoch + 1,
        "loss": done.loss / setup.steps,
        "train_accuracy": done.right / (setup.steps * setup.options["batch_size"]),
        "validation_accuracy": validation,
        "learning_rate": setup.learning_rate(epoch * setup.steps),
        "alpha_gradient": float(np.mean(known)) if known else None,
        "drop_probability_mean": float(p[:, 0].mean()) if setup.layers else None,
        "drop_probability_std": float(p[:, 0].std()) if setup.layers else None,
        "drop_probability_clipped": int(((drawn <= 0) | (drawn >= 1)).sum()),
        "seconds": time.perf_counter() - began,
    }
