"""The training loop: Adam, cosine, one mask per layer and mini-batch, the characterised spread in the loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ..nn.hardware import HardwareAware
from ..nn.masks import dropout_layers, fixed_masks
from ..rng import integer_seed, stream
from .augment import shift_images
from .checkpoint import load_state, save_state
from .notes import training_note
from .objective import objective
from .setup import Setup

if TYPE_CHECKING:
    from ..data import ImageData
    from ..hardware import HardwareProfile
    from ..hardware.arrays import CrossbarSetup

Progress = Callable[[int, int, str], None]
ALPHA_THRESHOLD = 1e-2


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What a training run left behind, beside the trained model.

    Attributes
    ----------
    history : list of dict
        One row an epoch: ``epoch``, ``loss``, ``train_accuracy`` (with masks), ``validation_accuracy`` (point
        network; None without validation data), ``learning_rate``, ``alpha_gradient`` (largest over the layers of
        ``|dL/dalpha| / |dL/dgamma|``, averaged over every tenth mini-batch), ``drop_probability_mean`` and
        ``drop_probability_std`` (of the first layer, over the mini-batches), ``seconds`` [s].
    alpha_without_gradient : bool
        True if that ratio was below 1e-2 in the last epoch: the scales did not learn.
    note : str
        What the reader of the result must know: that the scales did not learn and what the placement in use makes
        of it, and which branches were hardly trained (fewer than 20 mini-batches); "" if there is nothing to say.
    resumed_from : int
        Epochs taken over from a checkpoint.
    seconds : float
        Duration of all epochs, those before a resume included [s].
    """

    history: list[dict[str, Any]] = field(default_factory=list)
    alpha_without_gradient: bool = False
    note: str = ""
    resumed_from: int = 0
    seconds: float = 0.0


def cosine(step: int, steps: int, learning_rate: float) -> float:
    """Return the learning rate of a step: ``lr/2 (1 + cos(pi step / steps))``.

    Examples
    --------
    >>> cosine(0, 10, 1.0), round(cosine(5, 10, 1.0), 12)
    (1.0, 0.5)
    """
    return 0.5 * learning_rate * (1.0 + math.cos(math.pi * step / steps))


def point_accuracy(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 1000) -> float:
    """Return the accuracy of the network in eval mode without masks (all scales kept)."""
    device = _device(model)
    modes = {module: module.training for module in model.modules()}
    right = 0
    try:
        model.eval()
        with torch.no_grad():
            for start in range(0, len(labels), batch_size):
                part = slice(start, start + batch_size)
                right += int((model(images[part].to(device)).argmax(1).cpu() == labels[part]).sum())
    finally:
        for module, mode in modes.items():
            module.training = mode
    return right / len(labels)


def train(
    model: nn.Module,
    data: ImageData,
    *,
    epochs: int = 20,
    batch_size: int = 100,
    learning_rate: float = 1e-3,
    seed: int = 0,
    profile: HardwareProfile | None = None,
    weight_decay: float = 1e-5,
    scale_decay: float = 1e-5,
    augment: str = "none",
    shift: int = 2,
    checkpoint: str | Path | None = None,
    resume: bool = True,
    progress: Progress | None = None,
    threads: int | None = 1,
    arrays: CrossbarSetup | None = None,
    array: tuple[int, int] = (256, 256),
    array_chips: int = 8,
) -> TrainResult:
    r"""Train ``model`` in place on ``data.train_images`` with the objective of :func:`~spinbnn.training.objective.objective`.

    Adam with a cosine learning rate per step. Each mini-batch has ONE mask: bit l is 1 with the drop probability of
    layer l, drawn from the stream (seed, "masks", step), so that a resumed run continues bit for bit. With a
    ``profile``, each mini-batch's drop probabilities are those of a randomly drawn characterised module
    (``profile.sample_drop_probabilities``), so that training sees the spread between chips. The last incomplete
    mini-batch of an epoch is left out (the order changes with every epoch).

    Parameters
    ----------
    model : nn.Module
        A network with scale dropout.
    data : ImageData
        Training data; the validation part, if any, is only watched.
    epochs, batch_size : int
        Length and size; the model keeps the weights of the last epoch, whatever the validation says.
    learning_rate : float
        Of the first step.
    seed : int
        Of order, masks, profile draws and augmentation.
    profile : HardwareProfile or None
        Source of characterised drop probabilities.
    weight_decay, scale_decay : float
        lambda and phi of the objective.
    augment : str
        ``"none"`` or ``"shift"``: each image moved by up to ``shift`` pixels in both directions [pixels].
    shift : int
        Largest displacement [pixels].
    checkpoint : str or Path or None
        File written after each epoch (beside, then renamed).
    resume : bool
        Continue from ``checkpoint`` if it is there; False starts anew.
    progress : callable or None
        ``progress(done, total, text)`` in mini-batches.
    threads : int or None
        torch's threads while training (restored afterwards); None leaves them. One is fastest for small networks.
    arrays : CrossbarSetup or None
        Train through the arrays: forward as sampled chips compute, gradient of the ideal layers, see
        :class:`~spinbnn.nn.hardware.aware.HardwareAware`. The validation accuracy stays that of the software network.
    array : (int, int)
        Rows and columns of one array, in bit cells; with ``arrays``.
    array_chips : int
        Chips that the mini-batches meet in turn; with ``arrays``.

    Returns
    -------
    TrainResult

    Raises
    ------
    ParameterError
        On an option out of range, or a checkpoint of another run.
    DataError
        On a damaged checkpoint.
    """
    setup = Setup(
        model,
        data,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        profile=profile,
        weight_decay=weight_decay,
        scale_decay=scale_decay,
        augment=augment,
        shift=shift,
    )
    aware = None
    if arrays is not None:
        aware = HardwareAware(
            model, arrays, array, chips=array_chips, seed=integer_seed(seed, "arrays")
        )
        setup.fingerprint |= {"arrays": arrays.content_hash, "array": list(array), "array_chips": array_chips}
    setup.aware = aware
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    modes = {module: module.training for module in model.modules()}
    try:
        with aware or nullcontext():
            return _run(setup, checkpoint, resume, progress)
    finally:
        for module, mode in modes.items():
            module.training = mode
        if threads is not None:
            torch.set_num_threads(before)


def _run(setup: Setup, checkpoint: str | Path | None, resume: bool, progress: Progress | None) -> TrainResult:
    epochs = setup.options["epochs"]
    history: list[dict[str, Any]] = []
    path = Path(checkpoint) if checkpoint is not None else None
    if path is not None and resume and path.exists():
        history = load_state(path, setup.model, setup.adam, setup.fingerprint)
    resumed = len(history)
    for epoch in range(resumed, epochs):
        history.append(_epoch(setup, epoch, progress))
        if path is not None:
            save_state(path, setup.model, setup.adam, setup.fingerprint, history)
        if progress is not None:
            progress((epoch + 1) * setup.steps, epochs * setup.steps, _line(history[-1], epochs))
    silent = (
        bool(history)
        and history[-1]["alpha_gradient"] is not None
        and history[-1]["alpha_gradient"] < ALPHA_THRESHOLD
    )
    return TrainResult(
        history=history,
        alpha_without_gradient=silent,
        note=training_note(setup.model, silent=silent, occurring=setup.branches()),
        resumed_from=resumed,
        seconds=sum(row["seconds"] for row in history),
    )


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


def _alpha_ratio(layers: list[Any], bits: np.ndarray) -> float | None:
    """Return the largest ``|dL/dalpha| / |dL/dgamma|`` over the layers whose scale was kept; None if all were dropped."""
    ratios = [
        float(layer.alpha.grad.norm() / layer.weight.grad.norm().clamp_min(1e-30))
        for layer, bit in zip(layers, bits, strict=True)
        if not bit
    ]
    return max(ratios) if ratios else None


def _line(row: dict[str, Any], epochs: int) -> str:
    text = f"epoch {row['epoch']}/{epochs}: loss {row['loss']:.4f}, train {100 * row['train_accuracy']:.2f} %"
    value = row["validation_accuracy"]
    return text if value is None else f"{text}, validation {100 * value:.2f} %"


def _epoch(setup: Setup, epoch: int, progress: Progress | None) -> dict[str, Any]:
    model, data, options = setup.model, setup.data, setup.options
    began = time.perf_counter()
    model.train()
    device, seed, size = _device(model), options["seed"], options["batch_size"]
    order = torch.from_numpy(stream(seed, "order", epoch).permutation(len(data.train_labels)))
    p = setup.epoch_probabilities(epoch)
    layers = dropout_layers(model)
    total, right, ratios = 0.0, 0, []
    for k in range(setup.steps):
        step = epoch * setup.steps + k
        pick = order[k * size : (k + 1) * size]
        images, labels = data.train_images[pick], data.train_labels[pick]
        if options["augment"] == "shift":
            images = shift_images(images, options["shift"], stream(seed, "augment", step))
        images, labels = images.to(device), labels.to(device)
        bits = (stream(seed, "masks", step).random(p.shape[1]) < p[k]).astype(np.int64)  # 1 = drop
        for group in setup.adam.param_groups:
            group["lr"] = cosine(step, options["epochs"] * setup.steps, options["learning_rate"])
        if setup.aware is not None:
            setup.aware.step(step)
        with fixed_masks(model, bits):
            logits = model(images)
        loss = objective(
            model, logits, labels, weight_decay=options["weight_decay"], scale_decay=options["scale_decay"]
        )
        setup.adam.zero_grad(set_to_none=True)
        loss.backward()
        if k % 10 == 0:
            ratios.append(_alpha_ratio(layers, bits))
        setup.adam.step()
        total += float(loss.detach())
        right += int((logits.detach().argmax(1) == labels).sum())
        if progress is not None and k % 50 == 49:
            progress(
                step + 1,
                options["epochs"] * setup.steps,
                f"epoch {epoch + 1}/{options['epochs']}, loss {total / (k + 1):.4f}",
            )
    known = [ratio for ratio in ratios if ratio is not None]
    validation = (
        point_accuracy(model, data.validation_images, data.validation_labels)
        if len(data.validation_labels)
        else None
    )
    return {
        "epoch": epoch + 1,
        "loss": total / setup.steps,
        "train_accuracy": right / (setup.steps * size),
        "validation_accuracy": validation,
        "learning_rate": cosine(
            epoch * setup.steps, options["epochs"] * setup.steps, options["learning_rate"]
        ),
        "alpha_gradient": float(np.mean(known)) if known else None,
        "drop_probability_mean": float(p[:, 0].mean()),
        "drop_probability_std": float(p[:, 0].std()),
        "seconds": time.perf_counter() - began,
    }
