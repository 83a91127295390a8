"""The keys of a flow file, each checked for type, unit and range before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..circuit.flow_keys import known_keys, named, switch, text, whole
from ..errors import ParameterError, suggest
from .bench import Bench, bench_class, others_with
from .grid import Axis, Grid, read_axis
from .specification import Limit as Limit
from .specification import read_specification

SCHEMA = "spinbnn.flow/1"
_REQUIRED = ("name", "bench", "seed", "axes")
_COMMON = ("schema", *_REQUIRED, "description", "measures", "limits", "typical", "operating_point", "area")
_VARIATION = ("device", "mismatch", "die")


def read_flow(data: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the fields of a :class:`~spinbnn.characterize.Flow` from parsed TOML; ``where`` names the file.

    Raises
    ------
    ParameterError, UnitError, DataError
        If a key is missing, unknown, of a wrong type or out of range; the message names the file and the key.
    """
    if data.get("schema") != SCHEMA:
        raise ParameterError("not a characterisation flow", where=f"{where}, key 'schema'", value=data.get("schema"), remedy=f'write schema = "{SCHEMA}"')
    bench = _bench(data, where)
    measures = _measures(data.get("measures"), bench, where)
    variation = data.get("variation", {})
    known_keys(variation, _VARIATION, f"{where}, variation")
    name, grid = _name(data["name"], where), read_grid(data["axes"], bench, where)
    specification = read_specification(data, bench, grid, measures, where)
    return {
        "name": name,
        "description": text(data.get("description", ""), f"{where}, key 'description'"),
        "bench": bench,
        "grid": grid,
        "seed": whole(data["seed"], f"{where}, key 'seed'", "a seed"),
        "measures": measures,
        "limits": specification.of_every_sample,
        "specification": specification,
        "vary_device": switch(variation.get("device", False), f"{where}, variation.device"),
        "vary_mismatch": switch(variation.get("mismatch", False), f"{where}, variation.mismatch"),
        "die": _die(variation.get("die", False), f"{where}, variation.die"),
        "origin": where,
    }


def _bench(data: Mapping[str, Any], where: str) -> Bench:
    """Check the names of all keys, which depend on the bench, and let the bench read its own."""
    for key in _REQUIRED:
        if key not in data:
            raise ParameterError("a key is missing", where=where, value=key, remedy=f"a flow needs {key!r}")
    name = text(data["bench"], f"{where}, key 'bench'")
    with named(f"{where}, key 'bench'", where):
        kind = bench_class(name)
    for key in data:
        if key not in _COMMON and key not in kind.flow_keys:
            raise _foreign("flow_keys", key, kind, (*_COMMON, *kind.flow_keys), "key", where)
    for key, needed in kind.flow_keys.items():
        if needed and key not in data:
            raise ParameterError("a key is missing", where=where, value=key, remedy=f"a flow with the bench {kind.name!r} needs {key!r}")
    return kind.from_flow(data, where)


def _foreign(what: str, name: str, bench: type[Bench], own: tuple[str, ...], noun: str, where: str) -> ParameterError:
    """Return the error about a key or an axis that this bench does not take; say so if another bench does."""
    others = others_with(what, name, bench)
    if others:
        remedy = f"remove it (it is of the bench {' and '.join(map(repr, others))}). Known: {', '.join(sorted(own))}"
        return ParameterError(f"the bench {bench.name!r} takes no such {noun}", where=where, value=name, remedy=remedy)
    return ParameterError(f"unknown {noun}", where=where, value=name, remedy=suggest(name, own))


def read_grid(axes: Any, bench: Bench, where: str) -> Grid:
    """Read the table ``axes`` of a flow file; its order is the order of the dimensions."""
    if not isinstance(axes, Mapping):
        raise ParameterError("a TOML table is needed here", where=f"{where}, axes", value=axes, remedy=f"with the keys {', '.join(sorted(bench.axes))}")
    for name in axes:
        if name not in bench.axes:
            raise _foreign("axes", name, type(bench), tuple(bench.axes), "axis", f"{where}, axes")
    for name, example in bench.required_axes.items():
        if name not in axes:
            raise ParameterError(f"the axis {name!r} is missing", where=f"{where}, axes", value=sorted(axes), remedy=f"the bench {bench.name!r} needs it: {example}")
    return Grid(tuple(read_flow_axis(name, entry, bench, where) for name, entry in axes.items()))


def read_flow_axis(name: str, entry: Any, bench: Bench, where: str) -> Axis:
    """Read one axis; draws take a count, axes of names take names, the others quantities."""
    unit, description = bench.axes[name]
    place = f"{where}, axes.{name}"
    keys = set(entry) if isinstance(entry, Mapping) else None
    if name == "draw" and keys != {"count"}:
        raise ParameterError("the axis 'draw' takes a count", where=place, value=entry, remedy="draw = { count = 32 }")
    if name != "draw" and keys == {"count"}:
        raise ParameterError("only the axis 'draw' takes a count", where=place, value=entry, remedy="give values, or start/stop/points")
    if unit == "" and name != "draw" and keys != {"values"}:
        raise ParameterError("an axis of names takes values", where=place, value=entry, remedy=f'{name} = {{ values = ["..."] }}: {description}')
    with named(place, where):
        axis = read_axis(name, entry, unit, description, where=where)
        bench.check_axis(name, axis.values)
        if name == "temperature" and float(axis.values[0]) <= 0:
            raise ParameterError("a temperature must be > 0 K", where=place, value=axis.values[0], remedy='write "25 degC" or "298.15 K"')
    return axis


def _measures(given: Any, bench: Bench, where: str) -> tuple[str, ...]:
    if given is None:
        return tuple(bench.measures)
    place = f"{where}, key 'measures'"
    if not isinstance(given, list) or not given or not all(isinstance(name, str) for name in given) or len(set(given)) < len(given):
        raise ParameterError("measures must be a list of names, each once", where=place, value=given, remedy='measures = ["p_drop"]; leave the key out for all')
    for name in given:
        if name not in bench.measures:
            raise ParameterError("the bench has no such measure", where=place, value=name, remedy=suggest(name, bench.measures))
    return tuple(given)


def _name(value: Any, where: str) -> str:
    name = text(value, f"{where}, key 'name'")
    if not name.strip() or "/" in name or "\n" in name:
        raise ParameterError("a name is one line without '/'", where=f"{where}, key 'name'", value=name, remedy='e.g. name = "dropout_module"')
    return name


def _die(value: Any, where: str) -> int | None:
    """Read the number of the die; false (as without the key) means no spread between dies."""
    return None if value is False else whole(value, where, "a die", more=" (false: no spread between dies)")
