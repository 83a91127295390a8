"""The optimisers: Adam as published, and SGD with momentum; neither decays anything itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ..errors import ParameterError, suggest
from ..nn.masks import dropout_layers

OPTIMIZERS = ("adam", "sgd")
ALPHA_EPS = 1e-4
ADAM: dict[str, Any] = {"betas": (0.9, 0.999), "eps": 1e-8}


def make_optimizer(
    model: nn.Module, name: str, *, learning_rate: float, momentum: float = 0.9, nesterov: bool = True
) -> torch.optim.Optimizer:
    r"""Return the optimiser of all parameters of a model.

    Weight decay is no part of it: the objective holds :math:`\lambda \sum \|W\|^2` over the proxies alone, so that
    neither scales nor norms nor thresholds decay. Its gradient is :math:`2 \lambda W`: what torch's SGD calls
    ``weight_decay=d`` is ``weight_decay=d/2`` here.

    Parameters
    ----------
    model : nn.Module
        Network.
    name : str
        ``"adam"`` (betas 0.9 and 0.999, eps 1e-8, and 1e-4 for scales that the
        normalisation cancels) or ``"sgd"``.
    learning_rate : float
        Set anew by the loop before each step.
    momentum, nesterov
        Of SGD; Nesterov's form needs a momentum.

    Raises
    ------
    ParameterError
        On an unknown name, a momentum outside [0, 1), Nesterov without momentum.

    Examples
    --------
    >>> make_optimizer(nn.Linear(2, 1), "sgd", learning_rate=0.1).defaults["nesterov"]
    True
    """
    where = "train, argument '{}'"
    if name not in OPTIMIZERS:
        raise ParameterError(
            "unknown optimiser",
            where=where.format("optimizer"),
            value=name,
            remedy=suggest(name, OPTIMIZERS),
        )
    if not 0.0 <= momentum < 1.0 or (name == "sgd" and nesterov and momentum == 0.0):
        raise ParameterError(
            "a momentum lies in [0, 1), and is not 0 with Nesterov's form",
            where=where.format("momentum"),
            value=momentum,
            remedy="e.g. 0.9, or nesterov=False",
        )
    if name == "sgd":
        return torch.optim.SGD(
            list(model.parameters()), lr=learning_rate, momentum=momentum, nesterov=nesterov
        )
    alphas = [layer.alpha for layer in dropout_layers(model) if layer.cancels_alpha]
    others = [p for p in model.parameters() if not any(p is a for a in alphas)]
    # BatchNorm cancels alpha: its gradient is rounding noise and the leak through the eps of the normalisation,
    # about 1e-8. Adam with its usual eps = 1e-8 would blow that up to full steps (1e-6 still moved a scale by 0.26
    # in 8,250 steps); with 1e-4 it moves next to nothing, and a real gradient (1e-3) nearly as usual.
    groups: list[dict[str, Any]] = [{"params": others}, {"params": alphas, "eps": ALPHA_EPS}]
    return torch.optim.Adam(groups, lr=learning_rate, **ADAM)
