"""Lookup tables in HDF5: axes as dimension scales with units, measures, status, statistics and provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import files
from ..errors import DataError, ParameterError
from .grid import Axis
from .table import STATUS, LookupTable, Measure

SCHEMA = "spinbnn.table/1"
PLAIN = ("flow", "flow_hash", "bench", "bench_hash", "device", "device_hash", "technology", "technology_hash", "barrier", "simulator", "seed", "command", "time_utc")
"""Attributes that stand at the root of the file as plain values too, beside the JSON that holds all."""
_MESSAGES, _LOGS = "diagnostics/messages", "diagnostics/logs"
_OWN = {"status", "rung", "statistics", "diagnostics"}
_DAMAGE = (OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError, ParameterError)
"""What h5py, json and our own checks raise on a file that is not what a table's must be."""


def write_table(table: LookupTable, path: Path) -> Path:
    """Write ``table`` as HDF5, whole or not at all; called by :meth:`LookupTable.save`.

    Raises
    ------
    DataError
        If the path cannot be written.
    """
    import h5py

    with files.atomic_path(path) as beside, h5py.File(beside, "w") as h5:
        h5.attrs.update({"schema": SCHEMA, "name": table.name, "content_hash": table.content_hash})
        h5.attrs["attributes"] = json.dumps(dict(table.attributes), sort_keys=True)
        h5.attrs.update({key: table.attributes[key] for key in PLAIN if table.attributes.get(key) is not None})
        h5.attrs.update({f"cell_{name}": value for name, value in table.attributes.get("cells", {}).items()})
        # no attribute: those end at 64 KiB, which a few hundred failures exceed
        for place, texts in ((_MESSAGES, table.messages), (_LOGS, table.logs)):
            h5[place] = json.dumps({str(k): v for k, v in texts.items()})
        for axis in table.grid_axes:
            values: Any = [str(v) for v in axis.values] if axis.named else axis.coordinates
            scale = h5.create_dataset(axis.name, data=values, dtype=h5py.string_dtype() if axis.named else None)
            scale.make_scale(axis.name)
            scale.attrs.update({"units": axis.unit, "long_name": axis.description})
        flags = {"flag_values": list(STATUS.values()), "flag_meanings": " ".join(STATUS), "description": "0 = ok"}
        _dataset(h5, table, "status", table.status.astype(np.uint8), flags)
        if table.rung is not None:
            _dataset(h5, table, "rung", table.rung.astype(np.uint8), {"description": "level of the numerics ladder that gave the answer; 0 = the bench's own options"})
        for m in table.measures.values():
            _dataset(h5, table, m.name, m.data, {"units": m.unit, "description": m.description})
            if "draw" in table.axes:
                for kind, data in table.statistics(m.name).items():
                    _dataset(h5, table, f"statistics/{m.name}/{kind}", data, {"units": "1" if kind == "count" else m.unit}, without="draw")
    return path


def _dataset(h5: Any, table: LookupTable, name: str, data: Any, attributes: Mapping[str, Any], without: str = "") -> None:
    data = np.asarray(data)
    axes = [a for a in table.grid_axes if a.name != without]
    large = data.ndim > 0 and data.size >= 64
    dataset = h5.create_dataset(name, data=data, chunks=True if large else None, compression="gzip" if large else None)
    dataset.attrs.update(attributes)
    for position, axis in enumerate(axes):
        dataset.dims[position].attach_scale(h5[axis.name])


def read_table(path: Path) -> LookupTable:
    """Read the table at ``path``; no name is looked up. Called by :meth:`LookupTable.open`.

    Raises
    ------
    DataError
        If it is no file, damaged, of another schema, or its content hash does not match.
    """
    import h5py

    if not path.is_file():
        what = "not a file" if path.exists() else "no such table file"
        raise DataError(what, where=str(path), value=path.name, remedy="give the path of an HDF5 table")
    try:
        with h5py.File(path, "r") as h5:
            if h5.attrs.get("schema") != SCHEMA:
                raise DataError("not a lookup table of this version", where=str(path), value=str(h5.attrs.get("schema")), remedy=f"need schema {SCHEMA}; characterise it again")
            table, expected = _read(h5), str(h5.attrs["content_hash"])
        found = table.content_hash
    except _DAMAGE as error:
        raise DataError("the table cannot be read", where=str(path), value=str(error), remedy="characterise it again, or fetch the file again") from error
    if found != expected:
        raise DataError("the table's content does not match its hash", where=str(path), value=found[:16], remedy="the file is damaged or was edited: characterise it again")
    return table


def _read(h5: Any) -> LookupTable:
    names = [h5["status"].dims[k][0].name.lstrip("/") for k in range(h5["status"].ndim)]
    axes = []
    for name in names:
        scale = h5[name]
        values = scale.asstr()[()].tolist() if scale.dtype.kind in "OS" else scale[()].tolist()
        axes.append(Axis(name=name, unit=_text(scale, "units"), description=_text(scale, "long_name"), values=tuple(values)))
    measures = {
        n: Measure(name=n, unit=_text(d, "units"), description=_text(d, "description"), data=np.asarray(d[()], dtype=float))
        for n, d in h5.items() if n not in _OWN and n not in names
    }  # fmt: skip
    status = h5["status"][()]
    if status.dtype.kind not in "iu" or not np.isin(status, list(STATUS.values())).all():
        raise ValueError("'status' holds values without a meaning")
    messages = _texts(h5, _MESSAGES)
    logs = _texts(h5, _LOGS) if _LOGS in h5 else {}  # tables of before hold none
    attributes = _json(h5.attrs["attributes"], "attributes")
    for key in PLAIN:
        if key in attributes and attributes[key] is not None and attributes[key] != _plain(h5.attrs[key]):
            raise ValueError(f"the attribute {key!r} is not what the record of all attributes says")
    return LookupTable(
        name=_text(h5, "name"), grid_axes=tuple(axes), measures=measures, status=status.astype(np.uint8), attributes=attributes, messages=messages, logs=logs,
        rung=np.asarray(h5["rung"][()]).astype(np.uint8) if "rung" in h5 else None,
    )  # fmt: skip


def _text(owner: Any, key: str) -> str:
    value = owner.attrs[key]
    if not isinstance(value, str):
        raise ValueError(f"the attribute {key!r} of {owner.name!r} is no text")
    return value


def _texts(h5: Any, place: str) -> dict[int, str]:
    return {int(k): str(v) for k, v in _json(h5[place].asstr()[()], place).items()}


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _json(text: str, name: str) -> dict[str, Any]:
    made = json.loads(text)
    if not isinstance(made, dict):
        raise ValueError(f"{name!r} is no JSON object")
    return made
