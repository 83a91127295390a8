"""What a training run is set up with: checked options, optimiser, drop probabilities of each mini-batch."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from ..data.augment import AUGMENTATIONS
from ..errors import ParameterError, suggest
from ..nn.dropout import ScaleDropout
from ..nn.finite import check_finite
from ..nn.masks import drop_probabilities, dropout_layers
from ..rng import integer_seed
from . import optimizers
from .schedules import check_schedule, learning_rate_at

if TYPE_CHECKING:
    from ..data import ImageData
    from ..nn.hardware import HardwareAware

_WHERE = "train, argument '{}'"
_SCHEDULE = ("epochs", "learning_rate", "schedule", "warmup", "milestones", "factor")


class Setup:
    """The checked options of a run and what follows from them."""

    def __init__(self, model: nn.Module, data: ImageData, **options: Any) -> None:
        self.model, self.data = model, data
        self.profile = options.pop("profile")
        self.options = {**options, "milestones": list(options["milestones"])}
        self.aware: HardwareAware | None = None  # set where training goes through the arrays
        _check_numbers(self.options)
        check_schedule(
            **{key: self.options[key] for key in _SCHEDULE if key != "learning_rate"}, where=_WHERE
        )
        self.steps = _steps(data, options["batch_size"])
        self.top_label = int(data.train_labels.max())
        if int(data.train_labels.min()) < 0:
            raise ParameterError(
                "a label is negative",
                where=f"data {data.name!r}, train_labels",
                value=int(data.train_labels.min()),
                remedy="labels count from 0",
            )
        self.layers = dropout_layers(model)
        self.mask_bits = [layer.bits for layer in self.layers]
        _check_layers(model, bool(self.layers), self.profile is not None)
        self.probabilities = drop_probabilities(model).numpy() if self.layers else np.zeros(0)
        self.optimizer = optimizers.make_optimizer(
            model,
            options["optimizer"],
            **{key: options[key] for key in ("learning_rate", "momentum", "nesterov")},
        )
        self.fingerprint = {
            **self.options,
            "data": data.sha256,
            "train_labels": hashlib.sha256(data.train_labels.numpy().tobytes()).hexdigest(),
            "profile": None if self.profile is None else str(self.profile.id),
            "p": self.probabilities.tolist(),
            "model": str(getattr(model, "name", type(model).__name__)),
            **{f"model.{key}": value for key, value in getattr(model, "options", {}).items()},
            "adam": {**optimizers.ADAM, "alpha_eps": optimizers.ALPHA_EPS},
        }

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a step, counted over all epochs."""
        return learning_rate_at(step, steps=self.steps, **{key: self.options[key] for key in _SCHEDULE})

    def anneal(self, epoch: int) -> None:
        """Tell every binariser how far the training is: 0 in the first epoch, ``(epochs - 1) / epochs`` in the last.

        It follows from the epoch alone, so that a resumed run goes on with the same gradients.
        """
        for module in self.model.modules():
            anneal = getattr(module, "anneal", None)
            if callable(anneal):
                anneal(epoch / self.options["epochs"])

    def branches(self) -> list[tuple[bool, bool]]:
        """Return for each layer whether its kept and its dropped branch can occur; with a profile, both can."""
        return [
            (self.profile is not None or bool(p < 1.0), self.profile is not None or bool(p > 0.0))
            for p in self.probabilities
        ]

    def epoch_probabilities(self, epoch: int) -> np.ndarray:
        """Return the drop probabilities of each mini-batch of an epoch, shape ``(steps, L)``."""
        if self.profile is None:
            return np.broadcast_to(self.probabilities, (self.steps, len(self.probabilities)))
        drawn = np.asarray(
            self.profile.sample_drop_probabilities(
                self.steps, integer_seed(self.options["seed"], "profile", epoch)
            )
        )
        if drawn.shape != (self.steps, len(self.probabilities)):
            raise ParameterError(
                "the profile is made for another number of scale-dropout layers",
                where=f"profile {self.profile.id}",
                value=drawn.shape,
                remedy=f"build it with layers={len(self.probabilities)}",
            )
        return drawn


def _check_numbers(options: dict[str, Any]) -> None:
    for key in ("epochs", "batch_size"):
        if isinstance(options[key], bool) or not isinstance(options[key], int) or options[key] < 1:
            raise ParameterError(
                "needs a whole number of at least 1",
                where=_WHERE.format(key),
                value=options[key],
                remedy="e.g. 20",
            )
    if not 0 < options["learning_rate"] < math.inf:
        raise ParameterError(
            "the learning rate is positive and finite",
            where=_WHERE.format("learning_rate"),
            value=options["learning_rate"],
            remedy="e.g. 1e-3",
        )
    for key in ("weight_decay", "scale_decay"):
        if not 0 <= options[key] < math.inf:
            raise ParameterError(
                "a decay is finite and not negative",
                where=_WHERE.format(key),
                value=options[key],
                remedy="e.g. 1e-5",
            )
    if not 0.0 <= options["label_smoothing"] < 1.0:
        raise ParameterError(
            "label smoothing lies in [0, 1)",
            where=_WHERE.format("label_smoothing"),
            value=options["label_smoothing"],
            remedy="e.g. 0.1",
        )
    if isinstance(options["shift"], bool) or not isinstance(options["shift"], int) or options["shift"] < 0:
        raise ParameterError(
            "a displacement is a whole number of at least 0",
            where=_WHERE.format("shift"),
            value=options["shift"],
            remedy="e.g. 2",
        )
    if options["augment"] not in AUGMENTATIONS:
        raise ParameterError(
            "unknown augmentation",
            where=_WHERE.format("augment"),
            value=options["augment"],
            remedy=suggest(str(options["augment"]), AUGMENTATIONS),
        )


def _steps(data: ImageData, batch_size: int) -> int:
    """Return the mini-batches of an epoch."""
    count = len(data.train_labels)
    if count == 0:
        raise ParameterError(
            "the data set has no training images",
            where=f"data {data.name!r}",
            value=0,
            remedy="train on another data set; this one is for testing",
        )
    if count // batch_size < 1 or batch_size < 2:
        raise ParameterError(
            "the mini-batch does not fit the data",
            where=_WHERE.format("batch_size"),
            value=batch_size,
            remedy=f"2 to {count}",
        )
    return count // batch_size


def _check_layers(model: nn.Module, dropout: bool, profile: bool) -> None:
    if profile and not dropout:
        raise ParameterError(
            "a profile gives drop probabilities, and the model has no scale-dropout layer",
            where=type(model).__name__,
            value=[name for name, _ in model.named_children()],
            remedy="leave the profile out, or put spinbnn.nn.ScaleDropout after the layers",
        )
    for name, module in model.named_modules():
        if isinstance(module, _DropoutNd) and not isinstance(module, ScaleDropout) and module.p > 0:
            raise ParameterError(
                "a dropout layer of torch draws from global random state, which a resumed run cannot repeat",
                where=f"{type(model).__name__}, layer {name!r}",
                value=repr(module),
                remedy="remove it or set its p to 0",
            )
    check_finite(model, "train")
