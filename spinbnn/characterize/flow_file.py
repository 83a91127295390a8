"""The keys of a flow file, each checked for type, unit and range before anything runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..circuit.dropout_bench import DropoutModuleBench, Timing, bench_class
from ..circuit.technology import Technology
from ..device import DeviceParams
from ..errors import ParameterError, SpinbnnError, suggest
from ..units import quantity
from .grid import Axis, Grid, read_axis

SCHEMA = "spinbnn.flow/1"
_KEYS = {"schema", "name", "description", "bench", "technology", "device", "barrier", "seed", "axes", "variation", "timing", "measures", "limits"}
_REQUIRED = ("name", "bench", "technology", "device", "seed", "axes")
_VARIATION = ("device", "mismatch", "die")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A specification: every measured value must lie in [minimum, maximum] (SI)."""

    minimum: float = -math.inf
    maximum: float = math.inf


@contextmanager
def named(place: str, file: str) -> Iterator[None]:
    """Put ``place`` before the ``where`` of an error of our family that does not name ``file`` itself.

    Examples
    --------
    >>> with named("small.toml, key 'device'", "small.toml"):
    ...     raise ParameterError("out of range", where="mine.toml, key 'thermal.delta'", value=-1.0)
    Traceback (most recent call last):
    spinbnn.errors.ParameterError: out of range
      where:  small.toml, key 'device': mine.toml, key 'thermal.delta'
      value:  -1.0
    """
    try:
        yield
    except SpinbnnError as error:
        if file not in error.where:
            error.where = f"{place}: {error.where}" if error.where else place
        raise


def read_flow(data: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the fields of a :class:`~spinbnn.characterize.Flow` from parsed TOML; ``where`` names the file.

    Raises
    ------
    ParameterError, UnitError, DataError
        If a key is missing, unknown, of a wrong type or out of range; the message names the file and the key.
    """
    if data.get("schema") != SCHEMA:
        raise ParameterError("not a characterisation flow", where=f"{where}, key 'schema'", value=data.get("schema"), remedy=f'write schema = "{SCHEMA}"')
    _known(data, _KEYS, where)
    for key in _REQUIRED:
        if key not in data:
            raise ParameterError("a key is missing", where=where, value=key, remedy=f"a flow needs {key!r}")
    bench = _bench(data, where)
    measures = _measures(data.get("measures"), bench, where)
    variation = data.get("variation", {})
    _known(variation, _VARIATION, f"{where}, variation")
    return {
        "name": _name(data["name"], where),
        "description": _text(data.get("description", ""), f"{where}, key 'description'"),
        "bench": bench,
        "grid": read_grid(data["axes"], bench, where),
        "seed": _count(data["seed"], f"{where}, key 'seed'", "a seed"),
        "measures": measures,
        "limits": _limits(data.get("limits", {}), bench, measures, where),
        "vary_device": _switch(variation.get("device", False), f"{where}, variation.device"),
        "vary_mismatch": _switch(variation.get("mismatch", False), f"{where}, variation.mismatch"),
        "die": _die(variation.get("die", False), f"{where}, variation.die"),
        "origin": where,
    }


def _bench(data: Mapping[str, Any], where: str) -> DropoutModuleBench:
    barrier, timing = data.get("barrier", "exact"), data.get("timing", {})
    if barrier not in ("exact", "seed"):
        raise ParameterError("unknown barrier", where=f"{where}, key 'barrier'", value=barrier, remedy='use "exact" or "seed"')
    _known(timing, set(Timing.__dataclass_fields__), f"{where}, timing")
    names = {key: _text(data[key], f"{where}, key {key!r}") for key in ("bench", "technology", "device")}
    with named(f"{where}, key 'bench'", where):
        bench_type = bench_class(names["bench"])
    with named(f"{where}, key 'technology'", where):
        technology = Technology.load(names["technology"])
    with named(f"{where}, key 'device'", where):
        params = DeviceParams.load(names["device"])
    with named(f"{where}, timing", where):
        plan = Timing(**{k: quantity(v, "s", where=f"{where}, timing.{k}") for k, v in timing.items()})
    with named(where, where):
        return bench_type(technology=technology, params=params, barrier=barrier, timing=plan)


def read_grid(axes: Any, bench: DropoutModuleBench, where: str) -> Grid:
    """Read the table ``axes`` of a flow file; its order is the order of the dimensions."""
    _known(axes, set(bench.axes), f"{where}, axes")
    if "set_voltage" not in axes:
        raise ParameterError("the axis 'set_voltage' is missing", where=f"{where}, axes", value=sorted(axes), remedy='set_voltage = { start = "0.9 V", stop = "1.1 V", points = 9 }')
    return Grid(tuple(read_flow_axis(name, entry, bench, where) for name, entry in axes.items()))


def read_flow_axis(name: str, entry: Any, bench: DropoutModuleBench, where: str) -> Axis:
    """Read one axis; draws take a count, corners take names, the others quantities."""
    unit, description = bench.axes[name]
    place = f"{where}, axes.{name}"
    keys = set(entry) if isinstance(entry, Mapping) else None
    if name == "draw" and keys != {"count"}:
        raise ParameterError("the axis 'draw' takes a count", where=place, value=entry, remedy="draw = { count = 32 }")
    if name != "draw" and keys == {"count"}:
        raise ParameterError("only the axis 'draw' takes a count", where=place, value=entry, remedy="give values, or start/stop/points")
    if unit == "" and name != "draw" and keys != {"values"}:
        raise ParameterError("an axis of names takes values", where=place, value=entry, remedy=f'{name} = {{ values = ["tt"] }}')
    with named(place, where):
        axis = read_axis(name, entry, unit, description, where=where)
        if name == "corner":
            for value in axis.values:
                bench.technology.corner(str(value))
        if name == "temperature" and float(axis.values[0]) <= 0:
            raise ParameterError("a temperature must be > 0 K", where=place, value=axis.values[0], remedy='write "25 degC" or "298.15 K"')
    return axis


def _limits(data: Any, bench: DropoutModuleBench, measures: tuple[str, ...], where: str) -> dict[str, Limit]:
    if not isinstance(data, Mapping):
        raise ParameterError("a TOML table is needed here", where=f"{where}, limits", value=data, remedy="[limits.p_reset_fail] with minimum and maximum")
    out = {}
    for name, entry in data.items():
        place = f"{where}, limits.{name}"
        if name not in measures:
            raise ParameterError("a limit names a measure that the flow does not take", where=place, value=name, remedy=suggest(name, measures))
        _known(entry, {"minimum", "maximum"}, place)
        limit = Limit(**{k: quantity(v, bench.measures[name][0], where=f"{place}.{k}") for k, v in entry.items()})
        if not entry or limit.minimum > limit.maximum:
            raise ParameterError("a limit needs minimum <= maximum, or one of them", where=place, value=dict(entry), remedy="no value could pass, or every one would")
        out[name] = limit
    return out


def _measures(given: Any, bench: DropoutModuleBench, where: str) -> tuple[str, ...]:
    if given is None:
        return tuple(bench.measures)
    place = f"{where}, key 'measures'"
    if not isinstance(given, list) or not given or not all(isinstance(name, str) for name in given) or len(set(given)) < len(given):
        raise ParameterError("measures must be a list of names, each once", where=place, value=given, remedy='measures = ["p_drop"]; leave the key out for all')
    for name in given:
        if name not in bench.measures:
            raise ParameterError("the bench has no such measure", where=place, value=name, remedy=suggest(name, bench.measures))
    return tuple(given)


def _known(given: Any, known: Iterable[str], where: str) -> None:
    if not isinstance(given, Mapping):
        raise ParameterError("a TOML table is needed here", where=where, value=given, remedy=f"with the keys {', '.join(sorted(known))}")
    for key in given:
        if key not in known:
            raise ParameterError("unknown key", where=where, value=key, remedy=suggest(key, known))


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ParameterError("text is needed here", where=where, value=value, remedy='write it in quotes: key = "..."')
    return value


def _name(value: Any, where: str) -> str:
    name = _text(value, f"{where}, key 'name'")
    if not name.strip() or "/" in name or "\n" in name:
        raise ParameterError("a name is one line without '/'", where=f"{where}, key 'name'", value=name, remedy='e.g. name = "dropout_module"')
    return name


def _switch(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise ParameterError("a switch is true or false", where=where, value=value, remedy="write true or false without quotes")
    return value


def _die(value: Any, where: str) -> int | None:
    """Read the number of the die; false (as without the key) means no spread between dies."""
    return None if value is False else _count(value, where, "a die", " (false: no spread between dies)")


def _count(value: Any, where: str, what: str, more: str = "") -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ParameterError(f"{what} must be a non-negative integer{more}", where=where, value=value, remedy="e.g. 1")
    return value
