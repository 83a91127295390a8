"""Array parameter files: junction, access transistor, wires and faults, every number with unit, spread and source."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import files, resources
from ..errors import ParameterError, suggest
from ..tables import Cell, Column, Table
from ..units import format_si, quantity

SCHEMA = "spinbnn.array/1"
_ENTRY = ("value", "sigma", "sigma_global", "source", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayField:
    """What a field of an array file means, its unit, its allowed range (SI, inclusive) and whether it may spread."""

    unit: str
    description: str
    lower: float = 0.0
    upper: float = math.inf
    spread: bool = False


FIELDS: dict[str, ArrayField] = {
    "geometry.cell_width": ArrayField(
        unit="m", description="distance of devices along a word line", lower=1e-9
    ),
    "geometry.cell_height": ArrayField(
        unit="m", description="distance of devices along a bit line", lower=1e-9
    ),
    "wire.row_resistance": ArrayField(unit="ohm/m", description="word line, by length", spread=True),
    "wire.column_resistance": ArrayField(unit="ohm/m", description="bit line, by length", spread=True),
    "wire.row_capacitance": ArrayField(unit="F/m", description="word line, by length"),
    "wire.column_capacitance": ArrayField(unit="F/m", description="bit line, by length"),
    "junction.parallel_resistance": ArrayField(
        unit="ohm", description="junction, state P, zero bias", lower=1e-3, spread=True
    ),
    "junction.tmr": ArrayField(
        unit="1", description="tunnel magnetoresistance ratio at zero bias", upper=20.0, spread=True
    ),
    "junction.tmr_half_voltage": ArrayField(unit="V", description="bias that halves the ratio", lower=1e-3),
    "access.resistance": ArrayField(unit="ohm", description="access transistor, conducting", spread=True),
    "access.drain_capacitance": ArrayField(unit="F", description="of one device on its bit line"),
    "access.gate_capacitance": ArrayField(unit="F", description="of one device on its word line"),
    "read.voltage": ArrayField(unit="V", description="of a driven word line", lower=1e-6),
    "faults.stuck_parallel": ArrayField(
        unit="1", description="probability that a device is stuck in P", upper=1.0
    ),
    "faults.stuck_antiparallel": ArrayField(
        unit="1", description="probability that a device is stuck in AP", upper=1.0
    ),
    "faults.open": ArrayField(unit="1", description="probability that a device is cut", upper=1.0),
    "faults.open_resistance": ArrayField(unit="ohm", description="of a device that is cut", lower=1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayQuantity:
    """One number of an array file: SI value, relative spreads (device to device, chip to chip), source and note.

    A spread is that of a log-normal factor with median 1; ``sigma`` is its standard deviation over its mean.
    """

    key: str
    value: float
    source: str
    sigma: float = 0.0
    sigma_global: float = 0.0
    note: str = ""

    @property
    def assumed(self) -> bool:
        """Whether the file says that nobody measured this number."""
        return self.source.startswith("assumed")

    def __str__(self) -> str:
        unit = FIELDS[self.key].unit
        if unit in ("ohm/m", "F/m"):
            return f"{format_si(self.value * 1e-6, unit[:-2], 4)}/um"
        return f"{self.value:.4g}" if unit == "1" else format_si(self.value, unit, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayParams:
    r"""The electrical parameters of a crossbar array, immutable.

    Attributes
    ----------
    name, description : str
        From the file.
    notes : tuple of str
        What the set assumes.
    quantities : mapping of str to ArrayQuantity
        By ``"group.field"``; every field is required.

    Notes
    -----
    Resistances are medians of log-normal laws. A device is a junction in series with its access transistor; at a bias
    v over the junction the ratio is :math:`TMR / (1 + (v / V_h)^2)`.

    Examples
    --------
    >>> params = ArrayParams.load("array_mohm")
    >>> params.value("junction.parallel_resistance"), round(params.wire_row, 3), round(params.wire_column, 3)
    (1000000.0, 4.027, 2.175)
    >>> params.assumed[0].key, str(params["junction.parallel_resistance"])
    ('junction.parallel_resistance', '1 Mohm')
    """

    name: str
    description: str
    quantities: Mapping[str, ArrayQuantity]
    notes: tuple[str, ...] = ()
    origin: str = field(default="", compare=False)

    @classmethod
    def load(cls, name_or_path: str | Path) -> ArrayParams:
        """Read an array file by its path, or by the name of one that comes with spinbnn.

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
    def from_dict(cls, data: Mapping[str, Any], *, where: str = "array") -> ArrayParams:
        """Build from parsed TOML; ``where`` names the file in messages."""
        if data.get("schema") != SCHEMA:
            raise ParameterError(
                "not an array file",
                where=f"{where}, key 'schema'",
                value=data.get("schema"),
                remedy=f'write schema = "{SCHEMA}"',
            )
        groups = {key.split(".")[0] for key in FIELDS}
        _known(data, groups | {"schema", "name", "description", "notes"}, where)
        found: dict[str, ArrayQuantity] = {}
        for group in sorted(groups & set(data)):
            if not isinstance(data[group], Mapping):
                raise ParameterError(
                    "a group must be a TOML table",
                    where=f"{where}, key {group!r}",
                    value=data[group],
                    remedy=f"write [{group}]",
                )
            names = [key.split(".")[1] for key in FIELDS if key.startswith(f"{group}.")]
            _known(data[group], names, f"{where}, [{group}]")
            for name, entry in data[group].items():
                found[f"{group}.{name}"] = _read(f"{group}.{name}", entry, where)
        for key, spec in FIELDS.items():
            if key not in found:
                raise ParameterError(
                    "a field is missing", where=where, value=key, remedy=f"add {key!r}: {spec.description}"
                )
        _check_faults(found, where)
        notes = data.get("notes", ())
        for key, value in (("name", data.get("name", where)), ("description", data.get("description", ""))):
            if not isinstance(value, str):
                raise ParameterError(
                    "text is needed", where=f"{where}, key {key!r}", value=value, remedy='"..."'
                )
        if not isinstance(notes, list | tuple) or not all(isinstance(note, str) for note in notes):
            raise ParameterError(
                "notes must be a list of texts", where=f"{where}, key 'notes'", value=notes, remedy='["..."]'
            )
        return cls(
            name=data.get("name", where),
            description=data.get("description", ""),
            notes=tuple(notes),
            quantities={key: found[key] for key in FIELDS},
            origin=where,
        )

    def __getitem__(self, key: str) -> ArrayQuantity:
        if key not in self.quantities:
            raise ParameterError(
                "unknown field", where=self.origin or self.name, value=key, remedy=suggest(key, FIELDS)
            )
        return self.quantities[key]

    def value(self, key: str) -> float:
        """Return the SI value of a field."""
        return self[key].value

    def with_values(self, **values: float) -> ArrayParams:
        """Return a copy with other SI values; ``junction__tmr=1.0`` for ``junction.tmr``, ``junction__tmr__sigma=0`` for its spread.

        Examples
        --------
        >>> ArrayParams.load("array_mohm").with_values(junction__tmr=1.0, junction__tmr__sigma=0.0)["junction.tmr"].sigma
        0.0

        Raises
        ------
        ParameterError
            For an unknown field, a value out of range, or probabilities of faults that sum to more than 1.
        """
        changed = dict(self.quantities)
        for name, value in values.items():
            group, _, rest = name.partition("__")
            part, _, spread = rest.partition("__")
            key = f"{group}.{part}"
            now = changed[key] if key in changed else self[key]
            if spread:
                _known({spread: value}, ("sigma", "sigma_global"), f"with_values, {name!r}")
                number = _spread(key, float(value), "with_values")
                changed[key] = (
                    replace(now, sigma=number) if spread == "sigma" else replace(now, sigma_global=number)
                )
            else:
                changed[key] = replace(
                    now, value=_range(key, float(value), "with_values"), source="set by the caller"
                )
        _check_faults(changed, "with_values")
        return replace(self, quantities=changed)

    @property
    def wire_row(self) -> float:
        """Resistance of one word-line segment [ohm]."""
        return self.value("wire.row_resistance") * self.value("geometry.cell_width")

    @property
    def wire_column(self) -> float:
        """Resistance of one bit-line segment, from device to device [ohm]."""
        return self.value("wire.column_resistance") * self.value("geometry.cell_height")

    @property
    def row_capacitance(self) -> float:
        """Capacitance of one word-line segment with the gate of its device [F]."""
        wire = self.value("wire.row_capacitance") * self.value("geometry.cell_width")
        return wire + self.value("access.gate_capacitance")

    @property
    def column_capacitance(self) -> float:
        """Capacitance of one bit-line segment with the drain of its device [F]."""
        wire = self.value("wire.column_capacitance") * self.value("geometry.cell_height")
        return wire + self.value("access.drain_capacitance")

    def tmr_at(self, voltage: float) -> float:
        """Return the magnetoresistance ratio at a bias over the junction []."""
        return self.value("junction.tmr") / (1 + (voltage / self.value("junction.tmr_half_voltage")) ** 2)

    def resistance(self, antiparallel: bool, voltage: float = 0.0) -> float:
        """Return the median resistance of a device, access transistor included.

        Parameters
        ----------
        antiparallel : bool
            State AP (bit 0 of a true device) or P.
        voltage : float
            Over the junction [V].

        Returns
        -------
        float
            Resistance [ohm].

        Examples
        --------
        >>> params = ArrayParams.load("array_mohm")
        >>> params.resistance(False), params.resistance(True)
        (1010500.0, 2210500.0)
        """
        ratio = 1 + (self.tmr_at(voltage) if antiparallel else 0.0)
        return self.value("junction.parallel_resistance") * ratio + self.value("access.resistance")

    @property
    def assumed(self) -> list[ArrayQuantity]:
        """Numbers that nobody measured, the junction first."""
        found = [q for q in self.quantities.values() if q.assumed]
        return sorted(found, key=lambda q: not q.key.startswith("junction"))

    @property
    def assumption_note(self) -> str:
        """The line that stands under every table made with these parameters."""
        listed = ", ".join(f"{q.key} = {q}" for q in self.assumed)
        return f"Array {self.name}; assumed, not measured: {listed}." if listed else f"Array {self.name}."

    @property
    def content_hash(self) -> str:
        """sha256 of all numbers and spreads (not of notes or sources)."""
        return files.content_hash(
            {key: [q.value, q.sigma, q.sigma_global] for key, q in self.quantities.items()}
        )

    def table(self) -> Table:
        """Return the parameters as a table: value, spreads, source, meaning; the assumed ones below."""
        rows: list[list[Cell]] = [
            [key, str(q), _percent(q.sigma), _percent(q.sigma_global), q.source, FIELDS[key].description]
            for key, q in self.quantities.items()
        ]
        columns: list[Column | str] = [
            "field",
            "value",
            Column("spread", "%"),
            Column("between chips", "%"),
            "source",
            "meaning",
        ]
        return Table(f"Array {self.name}", columns, rows, note=" ".join((self.assumption_note, *self.notes)))


def _check_faults(found: Mapping[str, ArrayQuantity], where: str) -> None:
    """Refuse probabilities of faults that exclude each other and sum to more than 1."""
    chance = sum(found[f"faults.{name}"].value for name in ("stuck_parallel", "stuck_antiparallel", "open"))
    if chance > 1:
        raise ParameterError(
            "the probabilities of the faults sum to more than 1",
            where=f"{where}, [faults]",
            value=chance,
            remedy="a device has at most one fault",
        )


def _percent(spread: float) -> str:
    return f"{100 * spread:.3g}" if spread else ""


def _known(entry: Mapping[str, Any], names: Any, where: str) -> None:
    if unknown := sorted(set(entry) - set(names)):
        raise ParameterError(
            "unknown key", where=where, value=unknown[0], remedy=suggest(str(unknown[0]), names)
        )


def _range(key: str, value: float, where: str) -> float:
    spec = FIELDS[key]
    if not (math.isfinite(value) and spec.lower <= value <= spec.upper):
        raise ParameterError(
            f"out of range: {key} must lie in [{spec.lower:g}, {spec.upper:g}] {spec.unit}",
            where=f"{where}, key {key!r}",
            value=value,
            remedy=f"{key}: {spec.description}",
        )
    return value


def _spread(key: str, value: float, where: str) -> float:
    if not 0 <= value < 1 or (value and not FIELDS[key].spread):
        raise ParameterError(
            "a relative spread must lie in [0, 1)" if FIELDS[key].spread else "this field has no spread",
            where=f"{where}, key {key!r}",
            value=value,
            remedy=f"fields with a spread: {', '.join(k for k, spec in FIELDS.items() if spec.spread)}",
        )
    return value


def _read(key: str, entry: Any, where: str) -> ArrayQuantity:
    place = f"{where}, key {key!r}"
    if not isinstance(entry, Mapping):
        raise ParameterError(
            "a field must be a table with value and source",
            where=place,
            value=entry,
            remedy='write { value = "1 Mohm", source = "doi:..." }',
        )
    _known(entry, _ENTRY, place)
    for needed in ("value", "source"):
        if needed not in entry:
            raise ParameterError(
                f"{needed!r} is missing",
                where=place,
                value=dict(entry),
                remedy='where nobody measured it: source = "assumed"',
            )
    for name in ("source", "note"):
        if not isinstance(entry.get(name, ""), str) or not str(entry.get(name, "x")).strip():
            raise ParameterError(
                "a text is needed", where=f"{place}, {name}", value=entry[name], remedy='source = "assumed"'
            )
    value = _range(key, quantity(entry["value"], FIELDS[key].unit, where=place), where)
    spreads = {
        name: _spread(key, quantity(entry.get(name, 0.0), "1", where=f"{place}, {name}"), where)
        for name in ("sigma", "sigma_global")
    }
    return ArrayQuantity(key=key, value=value, source=entry["source"], note=entry.get("note", ""), **spreads)
