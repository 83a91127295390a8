"""What a training run is set up with: checked options, optimiser, drop probabilities of each mini-batch."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from ..errors import ParameterError
from ..nn.masks import drop_probabilities, dropout_layers
from ..rng import integer_seed
from .augment import AUGMENTATIONS

if TYPE_CHECKING:
    from ..data import ImageData
    from ..nn.hardware import HardwareAware

ALPHA_EPS = 1e-4
ADAM: dict[str, Any] = {"betas": (0.9, 0.999), "eps": 1e-8}


class Setup:
    """The checked options of a run and what follows from them."""

    def __init__(self, model: nn.Module, data: ImageData, **options: Any) -> None:
        self.model, self.data = model, data
        self.profile = options.pop("profile")
        self.options = options
        self.aware: HardwareAware | None = None  # set where training goes through the arrays
        where = "train, argument '{}'"
        for key in ("epochs", "batch_size"):
            if options[key] < 1:
                raise ParameterError(
                    "needs at least one", where=where.format(key), value=options[key], remedy="e.g. 20"
                )
        if not options["learning_rate"] > 0:
            raise ParameterError(
                "the learning rate is positive",
                where=where.format("learning_rate"),
                value=options["learning_rate"],
                remedy="e.g. 1e-3",
            )
        if options["augment"] not in AUGMENTATIONS:
            raise ParameterError(
                "unknown augmentation",
                where=where.format("augment"),
                value=options["augment"],
                remedy=" or ".join(AUGMENTATIONS),
            )
        self.steps = len(data.train_labels) // options["batch_size"]
        if self.steps < 1 or options["batch_size"] < 2:
            raise ParameterError(
                "the mini-batch does not fit the data",
                where=where.format("batch_size"),
                value=options["batch_size"],
                remedy=f"2 to {len(data.train_labels)}",
            )
        if not dropout_layers(model):
            raise ParameterError(
                "the model has no scale-dropout layer",
                where=type(model).__name__,
                value=repr(model),
                remedy="put spinbnn.nn.ScaleDropout after its layers",
            )
        self.probabilities = drop_probabilities(model).numpy()
        self.fingerprint = {
            **options,
            "data": data.sha256,
            "train_labels": hashlib.sha256(data.train_labels.numpy().tobytes()).hexdigest(),
            "profile": None if self.profile is None else str(self.profile.id),
            "p": self.probabilities.tolist(),
            "model": str(getattr(model, "name", type(model).__name__)),
            **{f"model.{key}": value for key, value in getattr(model, "options", {}).items()},
            "adam": {**ADAM, "alpha_eps": ALPHA_EPS},
        }
        alphas = [layer.alpha for layer in dropout_layers(model)]
        others = [p for p in model.parameters() if not any(p is a for a in alphas)]
        # BatchNorm cancels alpha: its gradient is rounding noise and the leak through the eps of the normalisation,
        # about 1e-8. Adam with its usual eps = 1e-8 would blow that up to full steps (1e-6 still moved a scale by 0.26
        # in 8,250 steps); with 1e-4 it moves next to nothing, and a real gradient (1e-3) nearly as usual.
        groups: list[dict[str, Any]] = [{"params": others}, {"params": alphas, "eps": ALPHA_EPS}]
        self.adam = torch.optim.Adam(groups, lr=options["learning_rate"], **ADAM)

    def branches(self) -> list[tuple[bool, bool]]:
        """Return for each layer whether its kept and its dropped branch can occur; with a profile, both can."""
        return [
            (self.profile is not None or p < 1.0, self.profile is not None or p > 0.0)
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
