"""Checkpoints: what a run needs to continue where it was, bit for bit."""

from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import DataError, ParameterError
from ..files import atomic_path
from .epoch import Unfinished

SCHEMA = "spinbnn.checkpoint/2"


def save_state(
    path: str | Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    fingerprint: dict[str, Any],
    history: list[dict[str, Any]],
    unfinished: Unfinished | None = None,
) -> None:
    """Write the state after ``len(history)`` epochs and a part of the next; plain tensors and numbers only.

    Parameters
    ----------
    path : str or Path
        Target file.
    model, optimizer
        Their state dictionaries are stored.
    fingerprint : dict
        Options that a resumed run must share.
    history : list of dict
        One row an epoch.
    unfinished : Unfinished or None
        The epoch that has begun, if any.
    """
    state = {
        "schema": SCHEMA,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "fingerprint": json.dumps(fingerprint, sort_keys=True),
        "history": history,
        "unfinished": None if unfinished is None else dataclasses.asdict(unfinished),
    }
    with atomic_path(path) as beside:
        torch.save(state, beside)


def load_state(
    path: str | Path, model: nn.Module, optimizer: torch.optim.Optimizer, fingerprint: dict[str, Any]
) -> tuple[list[dict[str, Any]], Unfinished]:
    """Load a state into model and optimiser and return its history and the epoch that has begun.

    Raises
    ------
    DataError
        If the file is damaged or no checkpoint.
    ParameterError
        If it comes from a run with other options.
    """
    place = Path(path)
    try:
        state = torch.load(place, map_location="cpu", weights_only=True)
        if state["schema"] != SCHEMA:
            raise ValueError(f"schema {state['schema']!r}, this version reads {SCHEMA!r}")
        stored = json.loads(state["fingerprint"])
        parts = state["model"], state["optimizer"], state["history"]
        unfinished = Unfinished(**(state["unfinished"] or {}))
    except (
        OSError,
        EOFError,
        RuntimeError,
        pickle.UnpicklingError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:
        raise DataError(
            "the checkpoint cannot be read",
            where=str(place),
            value=(str(error).splitlines() or [type(error).__name__])[0][:200],
            remedy="delete it, or pass resume=False to start anew",
        ) from error
    wanted = json.loads(json.dumps(fingerprint))
    differing = sorted(key for key in wanted.keys() | stored.keys() if wanted.get(key) != stored.get(key))
    if differing:
        key = differing[0]
        raise ParameterError(
            f"the checkpoint comes from a run with another {', '.join(differing)}",
            where=str(place),
            value={key: stored.get(key)},
            remedy=f"resume with {key}={stored.get(key)!r}, or pass resume=False to start anew",
        )
    fill(model, parts[0], place)
    optimizer.load_state_dict(parts[1])
    return list(parts[2]), unfinished


def fill(model: nn.Module, tensors: dict[str, torch.Tensor], place: Path) -> None:
    """Load tensors into a model; a failure names their file.

    Raises
    ------
    DataError
        If they do not fit.
    """
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise DataError(
            "the stored weights do not fit the model",
            where=str(place),
            value=str(error).splitlines()[-1].strip()[:200],
            remedy="build the model with the options it was trained with",
        ) from error
