"""Designs of the dropout module: which driver it has and the size of everything in it, each number with its source."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import files, resources
from ..errors import NetlistError, ParameterError, suggest
from ..units import quantity
from .cell import Cell

SCHEMA = "spinbnn.design/1"
DRIVERS = ("voltage", "regulated", "trimmed")
"""How the SET amplitude is set: by the rail of the SET leg, by a mirrored reference current, or by that and a code."""
SENSE_CELLS = ("sense_amp",)
"""Sense amplifiers that the module has; the pre-charge one is compared apart, see `spinbnn.circuit.sense_offset`."""
GATES = ("gp1", "gn1", "gp2", "gn2", "reb", "enb")
"""Gates that a driver may stand before."""

_UNITS = {"w": "m", "l": "m", "c": "F"}
_SECTION_CELLS = {"bridge": "dropout_module", "read": "read_divider", "mirror": "set_mirror", "bias": "set_bias", "dac": "trim_bit"}
REFERENCES = {"resistor": "read_divider", "junction": "read_front"}
"""What the reference of the read-out is built of, and the cell that goes with it."""
SENSITIVITIES = {"per_vi": "1", "per_vc": "1", "per_vq": "1", "per_mi": "V"}
"""Offset of the latch per threshold difference of its input, cross-coupled p and n pair, and per difference of the input pair's mobility factors."""
_EXTRA: dict[str, dict[str, str]] = {
    "read": {"series": "1", "top": "1", "bottom": "1", "load": "1", "load_strings": "1", "reference_strings": "1", "precharge": "s", "cw": "F"},
    "sense": {"offset": "V", "noise": "V", **SENSITIVITIES},
    "mirror": {"presettle": "s"},
    "bias": {"ratio": "1", "slope": "1/K", "wake": "s"},
}
"""Numbers of a section that are not parameters of its cell."""
SIGNED = ("bias.slope", *(f"sense.{key}" for key in SENSITIVITIES))
"""Numbers that may be zero or negative."""
REFERENCE_TEMPERATURE = 300.0
"""Temperature at which the reference current has its stated value [K]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleDesign:
    """The dropout module's driver and sizes. All numbers in SI units; the keys of the mappings are those of the cells.

    Parameters
    ----------
    name, description : str
        Names have no part in :meth:`identity`.
    technology : str
        Name of the technology that the design is sized for.
    driver : {"voltage", "regulated", "trimmed"}
        Voltage: the SET rail is the amplitude. Regulated: P1 hangs on a current mirror, the reference current is the
        amplitude. Trimmed: the mirror has a DAC beside it, the code is the amplitude, the reference is the same for all.
    bridge : mapping of str to float
        Parameters of the cell ``dropout_module``: widths and wire capacitance [m, F].
    reference : {"resistor", "junction"}
        What the reference of the read-out is built of.
    read : mapping of str to float
        Resistors: header of the ``read_divider`` [m, F], and the ratios ``series``, ``top``, ``bottom`` of its resistors to the
        nominal parallel resistance [1]. Junctions: sizes of ``read_front`` [m, F]; ``load``, ``load_strings`` and
        ``reference_strings`` [1] and the wire ``cw`` at a junction [F], see
        :func:`~spinbnn.circuit.read_netlist.reference_lines`; ``precharge``, how long before READ the header conducts [s].
    sense_cell : {"sense_amp"}
        StrongARM latch behind the divider.
    sense : mapping of str to float
        Parameters of that cell [m, F].
    sense_offset : float
        Standard deviation of the input-referred offset over latches, at its worst corner and temperature [V].
    sense_noise : float
        Input-referred noise of read path and latch, at its worst state, corner and temperature, rms [V].
    sense_sensitivity : mapping of str to float
        Of the offset of a drawn latch, :data:`SENSITIVITIES`; empty: the module has no offset of its own.
    mirror : mapping of str to float
        Parameters of ``set_mirror`` [m, F], and ``presettle``: how long before SET the mirror conducts into N1 [s].
    bias : mapping of str to float
        Replica in the reference leg: ``wm`` and ``wc`` of mirror transistor and cascode [m]; ``ratio``, of the nominal SET
        current to the current in that leg [1]; ``cb``, the capacitance of the bias line [F]; ``slope``, temperature coefficient of
        the reference current, see :meth:`current_factor` [1/K]; ``wake``: the reference flows from that long before the first
        RESET to the end of the last READ, without it from RESET to the end of SET of each cycle [s].
    dac : tuple of (float, float)
        Width and length of the segment of every bit, least significant first [m].
    dac_switch : float
        Width of the switches of a bit [m].
    reference_current : float
        Mirrored reference current of a trimmed design: ``ratio`` times the current in the reference leg [A].
    gates : mapping of str to mapping
        Parameters of ``gate_driver`` for every gate that has one; the others are driven by ideal sources [m].
    assumed : tuple of str
        Numbers without a source.

    Examples
    --------
    >>> design = ModuleDesign.load("module_voltage_cmos40lp")
    >>> design.driver, design.bridge["wp1"], design.sense_cell, design.codes
    ('voltage', 1e-06, 'sense_amp', 0)
    >>> ModuleDesign.load("module_trimmed_cmos40lp").codes
    64
    """

    name: str
    technology: str
    driver: str
    bridge: Mapping[str, float]
    read: Mapping[str, float]
    sense_cell: str
    sense: Mapping[str, float]
    sense_offset: float
    reference: str = "resistor"
    sense_noise: float = 0.0
    sense_sensitivity: Mapping[str, float] = field(default_factory=dict)
    description: str = ""
    mirror: Mapping[str, float] = field(default_factory=dict)
    bias: Mapping[str, float] = field(default_factory=dict)
    dac: tuple[tuple[float, float], ...] = ()
    dac_switch: float = 0.0
    reference_current: float = 0.0
    gates: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    assumed: tuple[str, ...] = field(default=(), compare=False)
    origin: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        place = self.origin or "ModuleDesign"
        for key, known in (("driver", DRIVERS), ("sense_cell", SENSE_CELLS), ("reference", tuple(REFERENCES))):
            if getattr(self, key) not in known:
                raise ParameterError(f"unknown {key}", where=f"{place}, {key}", value=getattr(self, key), remedy=suggest(str(getattr(self, key)), known))
        regulated = self.driver != "voltage"
        if regulated != bool(self.mirror) or regulated != bool(self.bias):
            raise ParameterError("mirror and bias belong to a regulated or trimmed driver, and only to it", where=f"{place}, mirror, bias", value=self.driver, remedy="add both sections, or remove both")
        if (self.driver == "trimmed") != bool(self.dac) or (self.driver == "trimmed") != (self.reference_current > 0):
            raise ParameterError("a DAC and its reference current belong to a trimmed driver, and only to it", where=f"{place}, dac", value=self.driver, remedy="add the section dac with bits, ws and reference_current, or remove it")
        wanted = {"bridge": {"wp1", "wn1", "wp2", "wn2"}, "read": {"load", "load_strings", "reference_strings", "wh", "precharge"} if self.reference == "junction" else {"series", "top", "bottom", "wh"}, "sense_sensitivity": set(SENSITIVITIES) if self.sense_sensitivity else set(), "mirror": {"w", "l", "presettle"} if regulated else set(), "bias": {"ratio", "wm", "wc"} if regulated else set()}
        for section, keys in wanted.items():
            values: Mapping[str, float] = getattr(self, section)
            if missing := sorted(keys - set(values)):
                raise ParameterError("a key is missing", where=f"{place}, {section}", value=missing[0], remedy=f"{section} needs {', '.join(sorted(keys))}")
        groups = {"bridge": self.bridge, "read": self.read, "sense": {**self.sense, **self.sense_sensitivity}, "mirror": self.mirror, "bias": self.bias, **{f"gates.{k}": v for k, v in self.gates.items()}}
        numbers = [(f"{group}.{key}", value) for group, values in groups.items() for key, value in values.items()]
        numbers += [(f"dac.bits[{k}]", value) for k, segment in enumerate(self.dac) for value in segment]
        numbers += [("dac.ws", self.dac_switch)] if self.dac else []
        for key, value in numbers:
            if not (math.isfinite(value) and (value > 0 or key in SIGNED)):
                raise ParameterError("a size must be finite and > 0", where=f"{place}, {key}", value=value, remedy="give a physical value")
        for key, value in (("offset", self.sense_offset), ("noise", self.sense_noise)):
            if not (math.isfinite(value) and value >= 0):
                raise ParameterError("must be finite and >= 0", where=f"{place}, sense.{key}", value=value, remedy="give a standard deviation")
        junction_keys = {"load", "load_strings", "reference_strings", "precharge", "cw"}
        if wrong := sorted(set(self.read) & ({"series", "top", "bottom"} if self.reference == "junction" else junction_keys)):
            raise ParameterError(f"a reference of {self.reference}s has no such number", where=f"{place}, read.{wrong[0]}", value=self.read[wrong[0]], remedy="remove it, or set read.reference")
        for key in ("load", "load_strings", "reference_strings"):
            if self.read.get(key, 1.0) != int(self.read.get(key, 1.0)):
                raise ParameterError("a number of junctions must be whole", where=f"{place}, read.{key}", value=self.read[key], remedy="e.g. 4")

    @property
    def reference_junctions(self) -> int:
        """Number of junctions of the read reference, its loads included; 0 with resistors."""
        if self.reference != "junction":
            return 0
        return int(2 * self.read["load"] * self.read["load_strings"] ** 2 + 4 * self.read["reference_strings"] ** 2)

    @property
    def codes(self) -> int:
        """Number of codes of the DAC; 0 without one."""
        return 2 ** len(self.dac) if self.dac else 0

    def current_factor(self, temperature: float) -> float:
        """Return the reference current over its value at 300 K: ``1 + slope (T - 300 K)``.

        The junction needs less current when it is warm: both its barrier and its critical current fall. A reference that falls
        with the temperature (CTAT: complementary to absolute temperature) follows that; without ``slope`` it is constant. The
        source is ideal and has this law exactly; what a real one errs by is not in the model.

        Parameters
        ----------
        temperature : float
            Temperature [K].

        Raises
        ------
        ParameterError
            If the current is not positive there.

        Examples
        --------
        >>> design = ModuleDesign.load("module_regulated_cmos40lp")
        >>> design.current_factor(300.0), design.current_factor(400.0) < 1
        (1.0, True)
        """
        factor = 1.0 + self.bias.get("slope", 0.0) * (temperature - REFERENCE_TEMPERATURE)
        if not (math.isfinite(factor) and factor > 0):
            raise ParameterError("the reference current is not positive at this temperature", where=f"{self.origin or self.name}, bias.slope", value=self.bias.get("slope", 0.0), remedy=f"a smaller slope, or temperatures nearer to {REFERENCE_TEMPERATURE:g} K than {temperature:g} K")
        return factor

    @property
    def amplitude(self) -> str:
        """Name of the axis that sets the SET amplitude: ``set_voltage``, ``set_current`` or ``code``."""
        return {"voltage": "set_voltage", "regulated": "set_current", "trimmed": "code"}[self.driver]

    def identity(self) -> dict[str, Any]:
        """Return plain data that fix the numbers of the design; names, technology's name and sources do not count."""
        return {
            "driver": self.driver, "bridge": dict(self.bridge), "read": dict(self.read), "sense_cell": self.sense_cell,
            "sense": dict(self.sense), "sense_offset": self.sense_offset,
            "reference": self.reference, "sense_noise": self.sense_noise, "sense_sensitivity": dict(self.sense_sensitivity), "mirror": dict(self.mirror), "bias": dict(self.bias),
            "dac": [list(segment) for segment in self.dac], "dac_switch": self.dac_switch,
            "reference_current": self.reference_current, "gates": {name: dict(sizes) for name, sizes in self.gates.items()},
        }  # fmt: skip

    @property
    def content_hash(self) -> str:
        """sha256 of :meth:`identity`."""
        return files.content_hash(self.identity())

    @classmethod
    def load(cls, name_or_path: str | Path) -> ModuleDesign:
        """Read a design by its path or by the name of one that comes with spinbnn.

        Raises
        ------
        DataError, ParameterError, UnitError, NetlistError
            If the file, a key, a value, a unit or a source is missing, unknown or malformed.
        """
        if not isinstance(name_or_path, str | Path):
            raise ParameterError("a design is named by a text", where="ModuleDesign.load", value=name_or_path, remedy='a path, or a name such as "module_voltage_cmos40lp"')
        path = resources.find("device", name_or_path)
        return cls.from_dict(files.read_toml(path), where=path.name)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, where: str = "design") -> ModuleDesign:
        """Build from parsed TOML; ``where`` names the file in messages."""
        if data.get("schema") != SCHEMA:
            raise ParameterError("not a design of the dropout module", where=f"{where}, key 'schema'", value=data.get("schema"), remedy=f'write schema = "{SCHEMA}"')
        known = {"schema", "name", "description", "notes", "technology", "driver", *_SECTION_CELLS, "sense", "gates"}
        _refuse_unknown(data, known, where)
        words = {key: _word(data, key, where) for key in ("name", "technology", "driver")}
        reader = _Sizes(where)
        sections = {name: _table(data, name, where) for name in (*_SECTION_CELLS, "sense", "gates")}
        sense_cell = str(sections["sense"].get("cell", "sense_amp"))
        if sense_cell not in SENSE_CELLS:
            raise ParameterError("unknown sense amplifier", where=f"{where}, sense.cell", value=sense_cell, remedy=suggest(sense_cell, SENSE_CELLS))
        reference = str(sections["read"].get("reference", "resistor"))
        if reference not in REFERENCES:
            raise ParameterError("unknown reference", where=f"{where}, read.reference", value=reference, remedy=suggest(reference, REFERENCES))
        sense = reader.section("sense", {k: v for k, v in sections["sense"].items() if k != "cell"}, sense_cell)
        if "offset" not in sense:  # without it no decision would ever be wrong
            raise ParameterError("the latch's offset is missing", where=f"{where}, sense", value=sorted(sense), remedy='offset = { value = "8 mV", source = "..." }, a standard deviation')
        dac = dict(sections["dac"])
        bits, current = dac.pop("bits", []), dac.pop("reference_current", None)
        if not isinstance(bits, list) or not all(isinstance(bit, Mapping) and set(bit) == {"w", "l", "source"} for bit in bits):
            raise ParameterError("bits is a list of segments", where=f"{where}, dac.bits", value=bits, remedy='bits = [{ w = "0.12 um", l = "300 nm", source = "..." }, ...], least significant first')
        switch = reader.section("dac", dac, "trim_bit")
        if dac and not set(switch) <= {"ws"}:
            raise ParameterError("unknown key", where=f"{where}, dac", value=sorted(set(switch) - {"ws"})[0], remedy="bits, ws, reference_current")
        gates = {}
        for gate, sizes in sections["gates"].items():
            if gate not in GATES:
                raise ParameterError("unknown gate", where=f"{where}, gates", value=gate, remedy=suggest(gate, GATES))
            gates[gate] = reader.section(f"gates.{gate}", sizes, "gate_driver")
        return cls(
            **words, description=str(data.get("description", "")), sense_cell=sense_cell,
            sense={k: v for k, v in sense.items() if k not in _EXTRA["sense"]}, sense_offset=sense["offset"], sense_noise=sense.get("noise", 0.0),
            sense_sensitivity={k: sense[k] for k in SENSITIVITIES if k in sense},
            bridge=reader.section("bridge", sections["bridge"], "dropout_module"), reference=reference,
            read=reader.section("read", {k: v for k, v in sections["read"].items() if k != "reference"}, REFERENCES[reference]),
            mirror=reader.section("mirror", sections["mirror"], "set_mirror"), bias=reader.section("bias", sections["bias"], "set_bias"),
            dac=tuple((reader.sourced(f"dac.bits[{k}].w", bit["w"], "m", bit), reader.sourced(f"dac.bits[{k}].l", bit["l"], "m", bit)) for k, bit in enumerate(bits)),
            dac_switch=switch.get("ws", 0.0), reference_current=0.0 if current is None else reader.number("dac.reference_current", current, "A"),
            gates=gates, assumed=tuple(reader.assumed), origin=where,
        )  # fmt: skip


class _Sizes:
    """Reads ``{value, source}`` entries that are parameters of a cell, and remembers what is assumed."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.assumed: list[str] = []

    def section(self, name: str, entries: Any, cell: str) -> dict[str, float]:
        if not isinstance(entries, Mapping):
            raise ParameterError("a TOML table is needed here", where=f"{self.where}, {name}", value=entries, remedy=f"[{name}]")
        extra = _EXTRA.get(name, {})
        if not entries:
            return {}
        parameters = Cell.load(cell).parameters
        sizes = [key for key in parameters if key[0] in _UNITS and key not in ("corner",)]
        out = {}
        for key, entry in entries.items():
            if key in extra:
                out[key] = self.number(f"{name}.{key}", entry, extra[key])
            elif key in sizes:
                out[key] = self.number(f"{name}.{key}", entry, _UNITS[key[0]])
            else:
                raise NetlistError(f"cell {cell!r} has no such size", where=f"{self.where}, {name}", value=key, remedy=suggest(key, [*sizes, *extra]))
        return out

    def number(self, key: str, entry: Any, unit: str) -> float:
        if not isinstance(entry, Mapping) or "value" not in entry or "source" not in entry:
            raise ParameterError("a number has a value and a source", where=f"{self.where}, {key}", value=entry, remedy=f'{{ value = "1 {unit}", source = "..." }}')
        return self.sourced(key, entry["value"], unit, entry)

    def sourced(self, key: str, value: Any, unit: str, entry: Mapping[str, Any]) -> float:
        if str(entry["source"]).startswith("assumed"):
            self.assumed.append(key)
        return quantity(value, unit, where=f"{self.where}, {key}")


def _refuse_unknown(data: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(set(data) - known):
        raise ParameterError("unknown key", where=where, value=unknown[0], remedy=suggest(unknown[0], known))


def _word(data: Mapping[str, Any], key: str, where: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ParameterError("a text is needed here", where=f"{where}, key {key!r}", value=value, remedy=f'{key} = "..."')
    return value


def _table(data: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = data.get(key, {})
    if not isinstance(value, Mapping):
        raise ParameterError("a TOML table is needed here", where=f"{where}, {key}", value=value, remedy=f"[{key}]")
    return value
