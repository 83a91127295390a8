"""Device parameter files: every number with its unit, spread, source and meaning."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import files, resources
from ..errors import ParameterError, suggest
from ..tables import Cell, Column, Table
from ..units import format_si, quantity
from .fields import FIELDS

SCHEMA = "spinbnn.device/1"
_ENTRY = {"value", "sigma", "sigma_global", "distribution", "source", "note"}
DISTRIBUTIONS = ("lognormal", "truncated")
"""Shapes of a spread; ``truncated`` is a normal law cut off where the sampler says."""
SCOPES = {"local": ("sigma",), "global": ("sigma_global",), "both": ("sigma", "sigma_global")}
"""Draws that a correlation holds for, with the spreads that both of its fields then need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One number of a device file.

    ``value`` is in SI units; ``sigma`` and ``sigma_global`` are relative standard deviations (device to device within
    a die, and die to die); ``distribution`` is the shape of both, one of :data:`DISTRIBUTIONS`.
    """

    key: str
    value: float
    source: str
    sigma: float = 0.0
    sigma_global: float = 0.0
    note: str = ""
    distribution: str = "lognormal"

    @property
    def unit(self) -> str:
        """The SI unit of the field."""
        return FIELDS[self.key].unit

    @property
    def description(self) -> str:
        """What the field means."""
        return FIELDS[self.key].description

    @property
    def assumed(self) -> bool:
        """Whether the file says that nobody measured this number."""
        return self.source.startswith("assumed")

    def __str__(self) -> str:
        if self.unit.startswith("1"):  # a plain number, or one over a unit: a prefix would stand on the 1
            return f"{self.value:.6g} {self.unit.removeprefix('1')}".strip().replace(" /", "/")
        return format_si(self.value, self.unit, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """Correlation of the normal deviates of two parameters (of their logarithms, where both are log-normal).

    ``scope`` says of which draws: ``"local"`` (device to device within a die), ``"global"`` (die to die) or ``"both"``.
    """

    first: str
    second: str
    value: float
    source: str
    scope: str = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceParams:
    """The parameters of one SOT-MTJ, immutable, each with unit, spread, source and description.

    Attributes
    ----------
    name, description : str
        From the file.
    notes : tuple of str
        What the set assumes; printed with every result that uses it.
    quantities : mapping of str to Quantity
        By ``"group.field"``.
    correlations : tuple of Correlation
        Between the logarithms of parameters.

    Examples
    --------
    >>> params = DeviceParams.load("seed_eq23")
    >>> params.value("thermal.delta"), str(params["spin_hall.critical_current"])
    (40.0, '500 µA')
    """

    name: str
    description: str
    quantities: Mapping[str, Quantity]
    notes: tuple[str, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    origin: str = field(default="", compare=False)

    @classmethod
    def load(cls, name_or_path: str | Path) -> DeviceParams:
        """Read a device file by its path, or by the name of one that comes with spinbnn.

        Raises
        ------
        DataError
            If there is no such file, or it is not TOML.
        ParameterError
            If a key is unknown, missing or out of range, or a number has no source.
        UnitError
            If a unit is missing or of another dimension.
        """
        path = resources.find("device", name_or_path)
        return cls.from_dict(files.read_toml(path), where=path.name)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, where: str = "device") -> DeviceParams:
        """Build from parsed TOML; ``where`` names the file in messages."""
        if data.get("schema") != SCHEMA:
            raise ParameterError("not a device file", where=f"{where}, key 'schema'", value=data.get("schema"), remedy=f'write schema = "{SCHEMA}"')
        groups = {key.split(".")[0] for key in FIELDS}
        known = groups | {"schema", "name", "description", "notes", "correlations"}
        quantities: dict[str, Quantity] = {}
        for group, body in data.items():
            if group not in known:
                raise ParameterError("unknown key", where=f"{where}, key {group!r}", value=group, remedy=suggest(group, known))
            if group not in groups:
                continue
            if not isinstance(body, Mapping):
                raise ParameterError("a group must be a TOML table", where=f"{where}, key {group!r}", value=body, remedy=f"write [{group}]")
            for name, entry in body.items():
                key = f"{group}.{name}"
                quantities[key] = _read_entry(key, entry, where)
        if missing := [k for k, spec in FIELDS.items() if spec.required and k not in quantities]:
            raise ParameterError("a required field is missing", where=where, value=missing, remedy=f"add {missing[0]!r}: {FIELDS[missing[0]].description}")
        return cls(
            name=_text(data.get("name", where), f"{where}, key 'name'"),
            description=_text(data.get("description", ""), f"{where}, key 'description'"),
            notes=tuple(_text(note, f"{where}, key 'notes'") for note in _list(data, "notes", 'notes = ["..."]', where)),
            quantities=dict(sorted(quantities.items())),
            correlations=_read_correlations(_list(data, "correlations", "[[correlations]]", where), quantities, where),
            origin=where,
        )

    def __getitem__(self, key: str) -> Quantity:
        if key not in self.quantities:
            if key in FIELDS:
                raise ParameterError(f"device {self.name!r} does not give this field", where=self.origin or self.name, value=key, remedy=f"add {key!r} to the file: {FIELDS[key].description}")
            raise ParameterError("unknown field", where=self.origin or self.name, value=key, remedy=suggest(key, FIELDS))
        return self.quantities[key]

    def value(self, key: str) -> float:
        """Return the SI value of a field."""
        return self[key].value

    def values(self) -> dict[str, float]:
        """Return the SI value of every field that the file gives.

        Examples
        --------
        >>> DeviceParams.load("seed_eq23").values()["thermal.delta"]
        40.0
        """
        return {key: q.value for key, q in self.quantities.items()}

    def get(self, key: str) -> float | None:
        """Return the SI value of an optional field, or None if the file does not give it."""
        if key not in FIELDS:
            raise ParameterError("unknown field", where=self.origin or self.name, value=key, remedy=suggest(key, FIELDS))
        return self.quantities[key].value if key in self.quantities else None

    def with_values(self, **values: float) -> DeviceParams:
        """Return a copy with other SI values; write ``thermal__delta=45`` for ``thermal.delta``.

        Examples
        --------
        >>> DeviceParams.load("seed_eq23").with_values(thermal__delta=45.0).value("thermal.delta")
        45.0
        """
        changed = dict(self.quantities)
        for name, value in values.items():
            key = name.replace("__", ".")
            changed[key] = replace(self[key], value=_in_range(key, float(value), "with_values"), source="set by the caller")
        return replace(self, quantities=changed)

    @property
    def assumed(self) -> list[Quantity]:
        """Numbers whose source is ``"assumed"``."""
        return [q for q in self.quantities.values() if q.assumed]

    @property
    def content_hash(self) -> str:
        """sha256 of all numbers and spreads (not of notes or sources)."""
        numbers = {k: [q.value, q.sigma, q.sigma_global, *([q.distribution] if q.distribution != "lognormal" else [])] for k, q in self.quantities.items()}
        return files.content_hash({"values": numbers, "correlations": [[c.first, c.second, c.value, *([c.scope] if c.scope != "local" else [])] for c in self.correlations]})

    def to_dict(self) -> dict[str, Any]:
        """Return the content of a device file: ``DeviceParams.from_dict(params.to_dict())`` equals ``params``.

        Examples
        --------
        >>> params = DeviceParams.load("seed_eq23")
        >>> DeviceParams.from_dict(params.to_dict()) == params
        True
        """
        out: dict[str, Any] = {"schema": SCHEMA, "name": self.name, "description": self.description, "notes": list(self.notes)}
        for key, q in self.quantities.items():
            group, name = key.split(".")
            entry: dict[str, Any] = {"value": q.value if q.unit == "1" else f"{q.value!r} {q.unit}", "source": q.source}
            defaults = {"sigma": 0.0, "sigma_global": 0.0, "distribution": "lognormal", "note": ""}
            entry |= {field: getattr(q, field) for field, default in defaults.items() if getattr(q, field) != default}
            out.setdefault(group, {})[name] = entry
        if self.correlations:
            out["correlations"] = [{"first": c.first, "second": c.second, "value": c.value, "source": c.source, **({"scope": c.scope} if c.scope != "local" else {})} for c in self.correlations]
        return out

    def to_toml(self) -> str:
        """Return the text of a device file.

        Examples
        --------
        >>> import tomllib
        >>> params = DeviceParams.load("seed_eq23")
        >>> DeviceParams.from_dict(tomllib.loads(params.to_toml())) == params
        True
        """
        data = self.to_dict()
        lines = [f"{key} = {_toml(data.pop(key))}" for key in ("schema", "name", "description", "notes")]
        correlations = data.pop("correlations", [])
        for group, entries in data.items():
            lines += ["", f"[{group}]", *(f"{name} = {_toml(entry)}" for name, entry in entries.items())]
        for entry in correlations:
            lines += ["", "[[correlations]]", *(f"{key} = {_toml(value)}" for key, value in entry.items())]
        return "\n".join(lines) + "\n"

    def table(self, *, meaning: bool = True) -> Table:
        """Return the parameters as a table: value, spreads within a die and (where there is one) between dies, source, meaning."""
        between = any(q.sigma_global for q in self.quantities.values())
        rows: list[list[Cell]] = [
            [k, str(q), _percent(q.sigma), *([_percent(q.sigma_global)] if between else []), q.source, *([q.description] if meaning else [])]
            for k, q in self.quantities.items()
        ]
        heads: list[Column | str] = ["field", "value", Column("spread", "%"), *([Column("between dies", "%")] if between else []), "source", *(["meaning"] if meaning else [])]
        return Table(f"Device {self.name}", heads, rows, note=" ".join(self.notes))

    def _repr_html_(self) -> str:
        return self.table().to_html()


def _percent(spread: float) -> str:
    return f"{100 * spread:.3g}" if spread else ""


def _toml(value: Any) -> str:
    """Write text, a number, a list or a mapping as a TOML value; its basic strings are those of JSON."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(entry)}" for key, entry in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _in_range(key: str, value: float, where: str) -> float:
    spec = FIELDS[key]
    if not (math.isfinite(value) and spec.lower <= value <= spec.upper):
        raise ParameterError(
            f"out of range: {key} must lie in [{spec.lower:g}, {spec.upper:g}] {spec.unit}",
            where=f"{where}, key {key!r}", value=value, remedy=f"{key}: {spec.description}",
        )  # fmt: skip
    return value


def _read_entry(key: str, entry: Any, where: str) -> Quantity:
    if key not in FIELDS:
        group = key.split(".")[0]
        raise ParameterError("unknown field", where=f"{where}, key {key!r}", value=key, remedy=suggest(key, [k for k in FIELDS if k.startswith(group + ".")]))
    place = f"{where}, key {key!r}"
    if not isinstance(entry, Mapping):
        raise ParameterError("a field must be a table with value and source", where=place, value=entry, remedy='write { value = "1 nm", source = "doi:..." }')
    if unknown := set(entry) - _ENTRY:
        raise ParameterError("unknown key", where=place, value=sorted(unknown)[0], remedy=suggest(sorted(unknown)[0], _ENTRY))
    for needed in ("value", "source"):
        if needed not in entry:
            raise ParameterError(f"{needed!r} is missing", where=place, value=dict(entry), remedy='every number says value and source; where nobody measured it: source = "assumed"')
    value = _in_range(key, quantity(entry["value"], FIELDS[key].unit, where=place), where)
    spreads = {}
    for name in ("sigma", "sigma_global"):
        spreads[name] = _spread(entry.get(name, 0.0), value, FIELDS[key].unit, f"{place}, {name}")
    source, note = _text(entry["source"], f"{place}, source"), _text(entry.get("note", ""), f"{place}, note")
    if not source.strip():
        raise ParameterError("a source is empty", where=f"{place}, source", value=source, remedy='where nobody measured it: source = "assumed"')
    shape = _text(entry.get("distribution", "lognormal"), f"{place}, distribution")
    if shape not in DISTRIBUTIONS:
        raise ParameterError("unknown distribution", where=f"{place}, distribution", value=shape, remedy=suggest(shape, DISTRIBUTIONS))
    return Quantity(key=key, value=value, source=source, note=note, distribution=shape, **spreads)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ParameterError("text is needed", where=where, value=value, remedy='write it in quotes: "..."')
    return value


def _list(data: Mapping[str, Any], key: str, example: str, where: str) -> list[Any] | tuple[Any, ...]:
    value = data.get(key, ())
    if not isinstance(value, list | tuple):
        raise ParameterError(f"{key} must be a list", where=f"{where}, key {key!r}", value=value, remedy=f"write {example}")
    return value


def _spread(text: Any, value: float, unit: str, where: str) -> float:
    """Read a spread as a relative standard deviation.

    A number is relative (0.07), text is relative with ``%`` (``"7 %"``) and absolute with the unit of the field
    (``"2 ohm"``). A field without a dimension has no unit to tell the two apart: there, text needs ``%``.
    """
    relative = not isinstance(text, str) or text.rstrip().endswith("%")
    if not relative and (unit == "1" or "degC" in text):
        what = "the spread of a dimensionless field needs '%'" if unit == "1" else "a spread is a difference: 'degC' has an offset"
        raise ParameterError(what, where=where, value=text, remedy="write e.g. sigma = \"7 %\", or the number 0.07: relative to the value")
    if not relative and value == 0:
        raise ParameterError("a value of 0 has no relative spread", where=where, value=text, remedy="remove the spread: it multiplies the value")
    spread = quantity(text, "1", where=where) if relative else quantity(text, unit, where=where) / abs(value)
    if not 0.0 <= spread < 1.0:
        raise ParameterError("a relative spread must lie in [0, 1)", where=where, value=text, remedy='write e.g. sigma = "7 %"')
    return spread


def _read_correlations(entries: Sequence[Any], quantities: Mapping[str, Quantity], where: str) -> tuple[Correlation, ...]:
    found: list[Correlation] = []
    seen: set[tuple[frozenset[str], str]] = set()
    for number, entry in enumerate(entries):
        place = f"{where}, key 'correlations', entry {number}"
        correlation = _read_correlation(entry, quantities, place)
        pair = frozenset((correlation.first, correlation.second))
        scopes = {(pair, kind) for kind in SCOPES[correlation.scope]}
        if scopes & seen:
            raise ParameterError("this pair has a correlation already", where=place, value=sorted(pair), remedy="give each pair once, in either order")
        seen |= scopes
        found.append(correlation)
    return tuple(found)


def _read_correlation(entry: Any, quantities: Mapping[str, Quantity], place: str) -> Correlation:
    if not isinstance(entry, Mapping) or set(entry) - {"scope"} != {"first", "second", "value", "source"}:
        raise ParameterError("a correlation needs first, second, value and source", where=place, value=entry, remedy='[[correlations]] first = "thermal.delta" ...')
    scope = _text(entry.get("scope", "local"), f"{place}, scope")
    if scope not in SCOPES:
        raise ParameterError("unknown scope of a correlation", where=f"{place}, scope", value=scope, remedy=suggest(scope, SCOPES))
    for side in ("first", "second"):
        key = _text(entry[side], f"{place}, {side}")
        if key not in quantities:
            raise ParameterError("a correlation names a field that the file does not give", where=place, value=key, remedy=suggest(key, quantities))
        for spread in SCOPES[scope]:
            if not getattr(quantities[key], spread) > 0:
                raise ParameterError("a correlation names a field without spread", where=place, value=key, remedy=f"give {key} a {spread}, or remove the correlation")
    if entry["first"] == entry["second"]:
        raise ParameterError("a field is correlated with itself", where=place, value=entry["first"], remedy="name two fields")
    value = quantity(entry["value"], "1", where=place)
    if not -1.0 < value < 1.0:
        raise ParameterError("a correlation must lie in (-1, 1)", where=place, value=entry["value"], remedy="use a magnitude below 1")
    return Correlation(first=entry["first"], second=entry["second"], value=value, source=_text(entry["source"], f"{place}, source"), scope=scope)
