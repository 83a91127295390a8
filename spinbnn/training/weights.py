"""Weights files: the tensors of a finished model with its configuration as safetensors; reading one never runs code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import DataError, ParameterError
from ..files import atomic_path
from ..nn.finite import check_finite
from ..nn.masks import drop_probabilities, dropout_layers, set_drop_probabilities
from .checkpoint import fill
from .packing import pack, packable, restore

WEIGHTS_SCHEMA = "spinbnn.weights/1"


def save_weights(
    path: str | Path, model: nn.Module, metadata: dict[str, Any] | None = None, *, packed: bool = False
) -> None:
    """Write all tensors of a model as safetensors, with its name, options and drop probabilities as JSON.

    Parameters
    ----------
    path : str or Path
        Target, usually ``*.safetensors``.
    model : nn.Module
        A model with ``name`` and ``options``, so that :func:`load_model` can rebuild it.
    metadata : dict or None
        Anything else that JSON can hold: recipe (``TrainResult.configuration``), seed, profile id, accuracies, data hash.
    packed : bool
        Store the binary layers at one bit a weight. The model that is read back has proxies of -1 and +1 and predicts
        the same, bit for bit; training it on starts from those. Everything else stays float32.

    Raises
    ------
    ParameterError
        If the model has no name and options, or runs on arrays (save the software model).
    DataError
        If the model holds values that are not finite.
    """
    from safetensors.torch import save

    name, options = getattr(model, "name", None), getattr(model, "options", None)
    if name is None or options is None or hasattr(model, "chip"):
        raise ParameterError(
            "only a software model with .name and .options can be saved",
            where="save_weights, argument 'model'",
            value=type(model).__name__,
            remedy="save the model that to_hardware was given"
            if hasattr(model, "chip")
            else "build() networks have both; of any other, keep torch's state_dict() and the code that makes it",
        )
    check_finite(model, "save_weights")
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    signs = packable(model) if packed else {}
    for key, value in signs.items():
        del tensors[key]
        tensors[f"{key}.bits"] = pack(value)
    record = {
        "schema": WEIGHTS_SCHEMA,
        "model": name,
        "options": options,
        "drop_probabilities": drop_probabilities(model).tolist() if dropout_layers(model) else [],
        "metadata": metadata or {},
    }
    if packed:
        record["packed"] = {key: list(value.shape) for key, value in signs.items()}
    content = save(tensors, metadata={"spinbnn": json.dumps(record, sort_keys=True)})
    with atomic_path(path) as beside:
        beside.write_bytes(content)


def _not_finite(tensors: dict[str, torch.Tensor]) -> str:
    """Return the name of the first tensor with a NaN or an infinity, or ''."""
    bad = (key for key, value in tensors.items() if value.is_floating_point() and not value.isfinite().all())
    return next(bad, "")


def read_record(path: str | Path) -> dict[str, Any]:
    """Return the JSON record of a weights file: schema, model, options, drop_probabilities, metadata, and ``packed`` shapes.

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
        for key, kind in {"model": str, "options": dict, "drop_probabilities": list}.items():
            if not isinstance(record[key], kind):
                raise TypeError(f"{key!r} is {record[key]!r}")
        if not isinstance(record.get("packed", {}), dict):
            raise TypeError(f"'packed' is {record['packed']!r}")
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise DataError(
            "the weights file cannot be read",
            where=str(place),
            value=str(error)[:200],
            remedy="use a file written by spinbnn.training.save_weights",
        ) from error
    tensors = restore(tensors, record.get("packed", {}), str(place))
    if broken := _not_finite(tensors):
        raise DataError(
            "the weights file holds values that are not finite",
            where=str(place),
            value=broken,
            remedy="use another file; this one came from a training that diverged, or is damaged",
        )
    return record, tensors


def load_weights(path: str | Path, model: nn.Module) -> dict[str, Any]:
    """Load a weights file into a model of the same shape, drop probabilities included; return the JSON record.

    Raises
    ------
    DataError
        If the file cannot be read or does not fit the model.
    """
    record, tensors = _read(Path(path))
    _put(record, tensors, model, Path(path))
    return record


def _put(record: dict[str, Any], tensors: dict[str, torch.Tensor], model: nn.Module, place: Path) -> None:
    fill(model, tensors, place)
    given = record["drop_probabilities"]
    if not given and not dropout_layers(model):
        return
    try:
        set_drop_probabilities(model, given)
    except (ParameterError, TypeError, ValueError) as error:
        raise DataError(
            "the drop probabilities of the weights file do not fit the model",
            where=f"{place}, drop_probabilities",
            value=given,
            remedy="use a file written by spinbnn.training.save_weights",
        ) from error


def load_model(path: str | Path) -> nn.Module:
    """Rebuild the model of a weights file, in eval mode.

    Raises
    ------
    DataError
        If the file cannot be read or does not fit.
        Also if its network, or an option of it, is not known to this version.
    """
    from ..nn.models import build

    record, tensors = _read(Path(path))
    try:
        model = build(record["model"], **record["options"])
    except (ParameterError, TypeError, ValueError) as error:
        raise DataError(
            "this version cannot build the network of the weights file",
            where=f"{path}, model {record['model']!r}",
            value=str(error),
            remedy="use the version of spinbnn that wrote it, or a file that save_weights of this one wrote",
        ) from error
    _put(record, tensors, model, Path(path))
    return model.eval()
