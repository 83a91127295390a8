"""The training run: epochs, checkpoints, resumption, and what is known of it at the end."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ..errors import ParameterError
from ..nn.finite import check_finite
from ..nn.hardware import HardwareAware
from ..rng import integer_seed
from .checkpoint import load_state, save_state
from .epoch import Pauses, Progress, Unfinished, point_accuracy, run_epoch
from .journal import Journal
from .notes import training_note
from .setup import Setup

if TYPE_CHECKING:
    from ..data import ImageData
    from ..hardware import HardwareProfile
    from ..hardware.arrays import CrossbarSetup

ALPHA_THRESHOLD = 1e-2
SETUP = (
    "epochs", "batch_size", "learning_rate", "seed", "profile", "weight_decay", "scale_decay", "augment", "shift", "optimizer",
    "momentum", "nesterov", "schedule", "warmup", "milestones", "factor", "label_smoothing",
)  # fmt: skip
"""Options of :func:`train` that fix what is computed."""
_CUBLAS = (":4096:8", ":16:8")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What a training run left behind, beside the trained model.

    Attributes
    ----------
    history : list of dict
        One row an epoch: ``epoch``, ``loss``, ``train_accuracy`` (with masks), ``validation_accuracy`` (point
        network; None without validation data), ``learning_rate`` (of its first step), ``alpha_gradient`` (largest over
        the layers of ``|dL/dalpha| / |dL/dgamma|``, averaged over every tenth mini-batch), ``drop_probability_mean`` and
        ``drop_probability_std`` (of the first layer, over the mini-batches), ``drop_probability_clipped`` (how many of
        the probabilities that a profile gave, over layers and mini-batches, are 0 or 1), ``seconds`` [s]. What a network
        without scale dropout has not is None.
    alpha_without_gradient : bool
        True if that ratio was below 1e-2 in the last epoch: the scales did not learn.
    note : str
        What the reader of the result must know: that the run stopped before its end, that the scales did not learn and
        what the placement in use makes of it, and which branches were hardly trained (fewer than 20 mini-batches); "" if
        there is nothing to say.
    resumed_from : int
        Epochs taken over from a checkpoint.
    seconds : float
        Duration of all epochs, those before a resume included [s].
    finished : bool
        False if ``stop_after`` ended the run before its last epoch.
    configuration : dict
        Every option, hash and seed that fixes the result, as plain data: for the metadata of a weights file.
    """

    history: list[dict[str, Any]] = field(default_factory=list)
    alpha_without_gradient: bool = False
    note: str = ""
    resumed_from: int = 0
    seconds: float = 0.0
    finished: bool = True
    configuration: dict[str, Any] = field(default_factory=dict)


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
    array_strategy: int = 1,
    optimizer: str = "adam",
    momentum: float = 0.9,
    nesterov: bool = True,
    schedule: str = "cosine",
    warmup: int = 0,
    milestones: Sequence[int] = (),
    factor: float = 0.1,
    label_smoothing: float = 0.0,
    metrics: str | Path | None = None,
    checkpoint_every: float | None = None,
    stop_after: float | None = None,
    device: str | None = None,
    deterministic: bool = False,
) -> TrainResult:
    r"""Train ``model`` in place on ``data.train_images`` with the objective of :func:`~spinbnn.training.objective.objective`.

    Each mini-batch has ONE mask: bit l is 1 with the drop probability of layer l, drawn from the stream
    (seed, "masks", step). With a ``profile``, each mini-batch's drop probabilities are those of a randomly drawn
    characterised module (``profile.sample_drop_probabilities``), so that training sees the spread between chips;
    ``HardwareProfile.gaussian(p, sigma)`` is the published mode (Eq. 22). The last incomplete mini-batch of an epoch is
    left out (the order changes with every epoch). A network without scale dropout trains as it is.

    A run that was killed and is called again with the same options and ``checkpoint`` continues to the same weights, bit
    for bit, on the same device, number of threads and version of torch: order, masks, augmentation, learning rate and the
    state of the binarisers follow from the step. On a GPU that holds with ``deterministic=True`` alone.

    Parameters
    ----------
    model : nn.Module
        Network.
    data : ImageData
        Training data; the validation part, if any, is only watched.
    epochs, batch_size : int
        Length and size; the model keeps the weights of the last epoch, whatever the validation says.
    learning_rate : float
        Its largest value, see :func:`~spinbnn.training.schedules.learning_rate_at`.
    seed : int
        Of order, masks, profile draws and augmentation.
    profile : HardwareProfile or None
        Source of characterised drop probabilities.
    weight_decay, scale_decay : float
        lambda and phi of the objective; torch's ``weight_decay=d`` of SGD is ``d/2`` here.
    augment : str
        ``"none"``, ``"shift"`` (each image moved by up to ``shift`` pixels in both directions), or another recipe of
        :mod:`spinbnn.data.augment`.
    shift : int
        Largest displacement [pixels].
    checkpoint : str or Path or None
        File written after each epoch (beside, then renamed).
    resume : bool
        Continue from ``checkpoint`` if it is there; False starts anew.
    progress : callable or None
        ``progress(done, total, text)`` in mini-batches; a resumed run says first what was done before.
    threads : int or None
        torch's threads while training (restored afterwards); None leaves them. One is fastest for small networks.
    arrays : CrossbarSetup or None
        Train through the arrays: forward as sampled chips compute, gradient of the ideal layers, see
        :class:`~spinbnn.nn.hardware.aware.HardwareAware`. The validation accuracy stays that of the software network.
    array : (int, int)
        Rows and columns of one array, in bit cells; with ``arrays``.
    array_chips : int
        Chips that the mini-batches meet in turn; with ``arrays``.
    array_strategy : {1, 2}
        Kernels unrolled into columns, or a matrix for each kernel position; with ``arrays``.
    optimizer : str
        ``"adam"`` or ``"sgd"``, see :func:`~spinbnn.training.optimizers.make_optimizer`.
    momentum, nesterov
        Of SGD.
    schedule : str
        ``"cosine"``, ``"step"`` or ``"constant"``, per step.
    warmup : int
        Epochs of linear warm-up.
    milestones, factor
        Of ``"step"``: epochs from which the rate is ``factor`` times smaller.
    label_smoothing : float
        Of the cross entropy, in [0, 1).
    metrics : str or Path or None
        File that gets one JSON line an epoch, the rows of ``history``; a resumed run doubles none.
    checkpoint_every : float or None
        Also write the checkpoint within an epoch, that often [s].
    stop_after : float or None
        End cleanly, with a checkpoint, at the first mini-batch or epoch after that time; at least one is done [s].
    device : str or None
        ``"cpu"``, ``"cuda"``: the model is moved there and stays; None: where it is. Images follow batch by batch.
    deterministic : bool
        Use torch's deterministic algorithms alone while training (restored afterwards); slower on a GPU.

    Returns
    -------
    TrainResult

    Raises
    ------
    ParameterError
        On an option out of range, a label the network has no output for, a loss that is not finite, or a checkpoint of
        another run.
    DataError
        On a damaged checkpoint, or a model that holds values that are not finite.
    """
    _check_pauses(checkpoint, checkpoint_every, stop_after)
    _to_device(model, device, deterministic)
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
        optimizer=optimizer,
        momentum=momentum,
        nesterov=nesterov,
        schedule=schedule,
        warmup=warmup,
        milestones=milestones,
        factor=factor,
        label_smoothing=label_smoothing,
    )
    aware = None
    if arrays is not None:
        aware = HardwareAware(
            model,
            arrays,
            array,
            chips=array_chips,
            seed=integer_seed(seed, "arrays"),
            strategy=array_strategy,
        )
        setup.fingerprint |= {"arrays": arrays.content_hash, "array": list(array), "array_chips": array_chips}
        if array_strategy != 1:  # named where it is not the default: older checkpoints go on
            setup.fingerprint |= {"array_strategy": array_strategy}
    setup.aware = aware
    with _torch_settings(model, threads, deterministic), aware or nullcontext():
        return _run(setup, checkpoint, resume, progress, metrics, checkpoint_every, stop_after)


def check_options(model: nn.Module, data: ImageData, **options: Any) -> None:
    """Refuse what :func:`train` would refuse of model, data and options; nothing is trained.

    Raises
    ------
    ParameterError, DataError
        As :func:`train`.
    """
    defaults = {name: p.default for name, p in inspect.signature(train).parameters.items() if name in SETUP}
    Setup(model, data, **{**defaults, **options})


def _run(
    setup: Setup,
    checkpoint: str | Path | None,
    resume: bool,
    progress: Progress | None,
    metrics: str | Path | None,
    checkpoint_every: float | None,
    stop_after: float | None,
) -> TrainResult:
    epochs = setup.options["epochs"]
    history: list[dict[str, Any]] = []
    so_far = Unfinished()
    path = Path(checkpoint) if checkpoint is not None else None

    def save(unfinished: Unfinished | None) -> None:
        check_finite(
            setup.model, f"train, after epoch {len(history)}"
        )  # a finite loss may have had infinite gradients
        if path is not None:
            save_state(path, setup.model, setup.optimizer, setup.fingerprint, history, unfinished)

    if path is not None and resume and path.exists():
        history, so_far = load_state(path, setup.model, setup.optimizer, setup.fingerprint)
    resumed, total = len(history), epochs * setup.steps
    if progress is not None and (resumed or so_far.done):
        progress(resumed * setup.steps + so_far.done, total, "resumed")
    journal = Journal(metrics, history)
    pauses = Pauses(checkpoint_every, stop_after, save)
    for epoch in range(resumed, epochs):
        row = run_epoch(setup, epoch, so_far, progress, pauses)
        if row is None:
            break
        history.append(row)
        so_far = Unfinished()
        save(None)
        journal.add(row)
        if progress is not None:
            progress((epoch + 1) * setup.steps, total, _line(row, epochs))
        if pauses.over:
            break
    setup.anneal(len(history))
    return _result(setup, history, so_far, resumed)


def _result(setup: Setup, history: list[dict[str, Any]], so_far: Unfinished, resumed: int) -> TrainResult:
    epochs, found = setup.options["epochs"], dict[str, Any]()
    if len(history) == epochs:
        ratio = history[-1]["alpha_gradient"]
        found["alpha_without_gradient"] = silent = ratio is not None and ratio < ALPHA_THRESHOLD
        found["note"] = training_note(setup.model, silent=silent, occurring=setup.branches())
    else:
        found["note"] = (
            f"Stopped after {len(history)} of {epochs} epochs and {so_far.done} of {setup.steps} mini-batches of the "
            "next; call train again with the same options and checkpoint to continue."
        )
    return TrainResult(
        history=history,
        resumed_from=resumed,
        seconds=sum(row["seconds"] for row in history) + so_far.seconds,
        finished=len(history) == epochs,
        configuration=setup.fingerprint,
        **found,
    )


def _check_pauses(
    checkpoint: str | Path | None, checkpoint_every: float | None, stop_after: float | None
) -> None:
    for key, value in {"checkpoint_every": checkpoint_every, "stop_after": stop_after}.items():
        if value is not None and (checkpoint is None or not value >= 0):
            raise ParameterError(
                "a time of 0 or more, and a checkpoint file, are needed",
                where=f"train, argument '{key}'",
                value=value,
                remedy="e.g. 300.0, with checkpoint='run/checkpoint.pt'",
            )


def _to_device(model: nn.Module, device: str | None, deterministic: bool) -> None:
    """Move the model; refuse a device that is not there, and determinism that cuBLAS was not told of in time."""
    if device is not None:
        if not _is_here(device):
            raise ParameterError(
                "no such device here",
                where="train, argument 'device'",
                value=device,
                remedy="cpu" + (" or cuda" if torch.cuda.is_available() else "; torch sees no GPU"),
            )
        model.to(device)
    on_gpu = any(parameter.is_cuda for parameter in model.parameters())
    if deterministic and on_gpu and os.environ.get("CUBLAS_WORKSPACE_CONFIG") not in _CUBLAS:
        raise ParameterError(
            "deterministic training on a GPU needs a fixed work space of cuBLAS",
            where="environment, CUBLAS_WORKSPACE_CONFIG",
            value=os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
            remedy=f"export CUBLAS_WORKSPACE_CONFIG={_CUBLAS[0]} before the command",
        )


def _is_here(device: str) -> bool:
    try:
        place = torch.device(device)
    except RuntimeError:  # no name of a device at all
        return False
    return place.type == "cpu" or (place.type == "cuda" and (place.index or 0) < torch.cuda.device_count())


@contextmanager
def _torch_settings(model: nn.Module, threads: int | None, deterministic: bool) -> Iterator[None]:
    """Set torch's threads and choice of algorithms; restore them and the modes of the layers."""
    before, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    modes = {module: module.training for module in model.modules()}
    if threads is not None:
        torch.set_num_threads(threads)
    if deterministic:
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        if threads is not None:
            torch.set_num_threads(before)
        if deterministic:
            torch.use_deterministic_algorithms(strict)


def _line(row: dict[str, Any], epochs: int) -> str:
    text = f"epoch {row['epoch']}/{epochs}: loss {row['loss']:.4f}, train {100 * row['train_accuracy']:.2f} %"
    value = row["validation_accuracy"]
    return text if value is None else f"{text}, validation {100 * value:.2f} %"


__all__ = ["TrainResult", "point_accuracy", "train"]
