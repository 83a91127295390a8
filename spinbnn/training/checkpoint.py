"""Files of a training run: checkpoints to resume from, and the weights of a finished model."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import DataError, ParameterError
from ..files import atomic_path
from ..nn.masks import drop_probabilities, set_drop_probabilities

SCHEMA = "spinbnn.checkpoint/1"
WEIGHTS_SCHEMA = "spinbnn.weights/1"


def save_state(
    path: str | Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    fingerprint: dict[str, Any],
    history: list[dict[str, Any]],
) -> None:
    """Write the state after ``len(history)`` epochs; plain tensors and numbers only.

    Parameters
    ----------
    path : str or Path
        Target file.
    model, optimiser
        Their state dictionaries are stored.
    fingerprint : dict
        Options that a resumed run must share.
    history : list of dict
        One row an epoch.
    """
    state = {
        "schema": SCHEMA,
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "fingerprint": json.dumps(fingerprint, sort_keys=True),
        "history": history,
    }
    with atomic_path(path) as beside:
        torch.save(state, beside)


def load_state(
    path: str | Path, model: nn.Module, optimiser: torch.optim.Optimizer, fingerprint: dict[str, Any]
) -> list[dict[str, Any]]:
    """Load a state into model and optimiser and return its history.

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
        stored = json.loads(state["fingerprint"])
        parts = state["model"], state["optimiser"], state["history"]
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
    _fill(model, parts[0], place)
    optimiser.load_state_dict(parts[1])
    return list(parts[2])


def _fill(model: nn.Module, tensors: dict[str, torch.Tensor], place: Path) -> None:
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise DataError(
            "the stored weights do not fit the model",
            where=str(place),
            value=str(error).splitlines()[-1].strip()[:200],
            remedy="build the model with the options it was trained with",
        ) from error


def save_weights(path: str | Path, model: nn.Module, metadata: dict[str, Any] | None = None) -> None:
    """Write all tensors of a model as safetensors, with its name, options and drop probabilities as JSON.

    Parameters
    ----------
    path : str or Path
        Target, usually ``*.safetensors``.
    model : nn.Module
        A model with ``name`` and ``options``, so that :func:`load_model` can rebuild it.
    metadata : dict or None
        Anything else that JSON can hold (recipe, accuracies, data hash).

    Raises
    ------
    ParameterError
        If the model has no name and options, or runs on arrays (save the software model).
    """
    from safetensors.torch import save

    name, options = getattr(model, "name", None), getattr(model, "options", None)
    if name is None or options is None or hasattr(model, "chip"):
        raise ParameterError(
            "only a software model with .name and .options can be saved",
            where="save_weights, argument 'model'",
            value=type(model).__name__,
            remedy="save the model that to_hardware was given",
        )
    record = {
        "schema": WEIGHTS_SCHEMA,
        "model": name,
        "options": options,
        "drop_probabilities": drop_probabilities(model).tolist(),
        "metadata": metadata or {},
    }
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    content = save(tensors, metadata={"spinbnn": json.dumps(record, sort_keys=True)})
    with atomic_path(path) as beside:
        beside.write_bytes(content)


def read_record(path: str | Path) -> dict[str, Any]:
    """Return the JSON record of a weights file: schema, model, options, drop_probabilities, metadata.

    Raises
    ------
    DataError
        If the file is missing, damaged or not written by :func:`save_weights`.
    """
    return _read(Path(path))[0]


def _read(place: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(place), framework="pt") as handle:
            record = json.loads((handle.metadata() or {})["spinbnn"])
            tensors = {key: handle.get_tensor(key) for key in handle.keys()}  # noqa: SIM118
        if record["schema"] != WEIGHTS_SCHEMA:
            raise ValueError(f"schema {record['schema']!r}")
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise DataError(
            "the weights file cannot be read",
            where=str(place),
            value=str(error)[:200],
            remedy="use a file written by spinbnn.training.save_weights",
        ) from error
    return record, tensors


def load_weights(path: str | Path, model: nn.Module) -> dict[str, Any]:
    """Load a weights file into a model of the same shape, drop probabilities included; return the JSON record.

    Raises
    ------
    DataError
        If the file cannot be read or does not fit the model.
    """
    record, tensors = _read(Path(path))
    _fill(model, tensors, Path(path))
    set_drop_probabilities(model, record["drop_probabilities"])
    return record


def load_model(path: str | Path) -> nn.Module:
    """Rebuild the model of a weights file, in eval mode.

    Raises
    ------
    DataError
        If the file cannot be read or does not fit.
    ParameterError
        If its network is not known to this version.
    """
    from ..nn.models import build

    record, _ = _read(Path(path))
    model = build(record["model"], **record["options"])
    load_weights(path, model)
    return model.eval()
