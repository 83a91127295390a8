"""CMOS technologies: transistor models, supply, corners and mismatch of one process."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import files, resources
from ..errors import ParameterError, suggest
from ..rng import stream
from ..units import quantity

SCHEMA = "spinbnn.technology/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CornerShift:
    """Global shifts of one process corner; a positive threshold shift makes the transistor slower.

    Thresholds in volts, mobilities as factors.
    """

    nmos_vth_shift: float = 0.0
    pmos_vth_shift: float = 0.0
    nmos_mobility: float = 1.0
    pmos_mobility: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A published figure that the transistor card is tuned to, and where it holds.

    Attributes
    ----------
    name : str
        Polarity and figure, such as ``nmos_ion``.
    value, low, high : float
        The figure, and the bounds that its tolerance sets, in SI units.
    unit : str
        Unit to print it in.
    tolerance : str
        As written in the file.
    temperature, width : float
        Temperature [K] and gate width [m] that it holds for.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str
    tolerance: str
    source: str
    temperature: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Technology:
    """Transistor models of one process, with supply, corners and mismatch.

    Mismatch follows Pelgrom (doi:10.1109/JSSC.1989.572629). His coefficients describe the difference of two equal
    transistors; one transistor has ``sigma(Vth) = A_VT / sqrt(2 W L)`` and ``sigma(beta)/beta = A_beta / sqrt(2 W L)``.

    Examples
    --------
    >>> tech = Technology.load("cmos40lp")
    >>> tech.supply, sorted(tech.corners)
    (1.1, ['ff', 'fs', 'sf', 'ss', 'tt'])
    """

    name: str
    description: str
    supply: float
    gate_length: float
    model_path: Path
    nmos: str
    pmos: str
    corners: Mapping[str, CornerShift]
    mismatch: Mapping[str, float]
    targets: tuple[Target, ...] = ()
    assumed: tuple[str, ...] = ()

    @classmethod
    def load(cls, name_or_path: str | Path) -> Technology:
        """Read a technology file by its path or by the name of one that comes with spinbnn.

        Raises
        ------
        DataError, ParameterError, UnitError
            If the file, a key or a unit is missing, unknown or malformed.
        """
        path = resources.find("device", name_or_path)
        data, where = files.read_toml(path), path.name
        if data.get("schema") != SCHEMA:
            raise ParameterError("not a technology file", where=f"{where}, key 'schema'", value=data.get("schema"), remedy=f'write schema = "{SCHEMA}"')
        known = {"schema", "name", "description", "notes", "supply", "models", "gate_length", "targets", "targets_hot", "corners", "mismatch"}
        if unknown := set(data) - known:
            key = sorted(unknown)[0]
            raise ParameterError("unknown key", where=where, value=key, remedy=suggest(key, known))
        reader = _Reader(where)
        models = data.get("models", {})
        for needed in ("file", "nmos", "pmos"):
            if needed not in models:
                raise ParameterError(f"models.{needed} is missing", where=f"{where}, key 'models'", value=models, remedy='models = { file = "x.lib", nmos = "n", pmos = "p" }')
        model_name = Path(models["file"])
        beside = path.parent / model_name
        corners = {}
        for name, shifts in data.get("corners", {}).items():
            if bad := set(shifts) - set(CornerShift.__dataclass_fields__):
                raise ParameterError("unknown key", where=f"{where}, corners.{name}", value=sorted(bad)[0], remedy=suggest(sorted(bad)[0], CornerShift.__dataclass_fields__))
            values = {k: reader.number(f"corners.{name}.{k}", v, "V" if k.endswith("shift") else "1") for k, v in shifts.items()}
            corners[name] = CornerShift(**values)
        if "tt" not in corners:
            raise ParameterError("the typical corner 'tt' is missing", where=f"{where}, key 'corners'", value=sorted(corners), remedy="add [corners.tt]")
        mismatch = {}
        units = {"nmos_avt": "V m", "pmos_avt": "V m", "nmos_abeta": "m", "pmos_abeta": "m"}
        if data.get("mismatch", {}).get("convention") != "pair":
            raise ParameterError("say which convention the mismatch coefficients follow", where=f"{where}, mismatch.convention", value=data.get("mismatch", {}).get("convention"), remedy='convention = "pair": sigma of the difference of two equal transistors is A/sqrt(W L)')
        for key, unit in units.items():
            if key not in data.get("mismatch", {}):
                raise ParameterError("a mismatch coefficient is missing", where=f"{where}, key 'mismatch'", value=key, remedy=f"give {', '.join(units)}")
            mismatch[key] = reader.number(f"mismatch.{key}", data["mismatch"][key], unit)
        return cls(
            name=str(data["name"]),
            description=str(data.get("description", "")),
            supply=reader.number("supply", data.get("supply"), "V"),
            gate_length=reader.number("gate_length", data.get("gate_length"), "m"),
            model_path=beside.resolve() if beside.is_file() else resources.find("model", model_name.name),
            nmos=str(models["nmos"]),
            pmos=str(models["pmos"]),
            corners=corners,
            mismatch=mismatch,
            targets=tuple(_targets(reader, data)),
            assumed=tuple(reader.assumed),
        )

    def corner(self, name: str) -> CornerShift:
        """Return a corner by name (``tt ff ss fs sf``: n first, then p).

        Raises
        ------
        ParameterError
            If the technology has no such corner.
        """
        if name not in self.corners:
            raise ParameterError(f"technology {self.name!r} has no such corner", where="corner", value=name, remedy=suggest(name, self.corners))
        return self.corners[name]

    def preamble(self) -> str:
        """Return the model include and the wrapper subcircuits ``nfet`` and ``pfet`` (ports d g s b; w l dvt mu).

        Raises
        ------
        ParameterError
            If the path of the models holds a character that ends ngspice's ``.include``.
        """
        if set(str(self.model_path)) & set('"\n\r;'):
            raise ParameterError("the path cannot be written into a deck", where=f"technology {self.name!r}, models.file", value=str(self.model_path), remedy="move the models to a path without quotes, semicolons and line breaks")
        return "\n".join([
            f'.include "{self.model_path}"',
            ".subckt nfet d g s b w=1u l=40n dvt=0 mu=1",
            f"M1 d g s b {self.nmos} W={{w}} L={{l}} delvto={{dvt}} mulu0={{mu}}",
            ".ends nfet",
            ".subckt pfet d g s b w=1u l=40n dvt=0 mu=1",
            f"M1 d g s b {self.pmos} W={{w}} L={{l}} delvto={{0-dvt}} mulu0={{mu}}",
            ".ends pfet",
        ])  # fmt: skip

    def transistor_shift(
        self, polarity: str, width: float, corner: str, *, length: float | None = None, draw: tuple[int, str, int] | None = None
    ) -> tuple[float, float]:
        """Return threshold shift [V] (positive = slower) and mobility factor [1] of one transistor.

        Parameters
        ----------
        polarity : {"n", "p"}
            NMOS or PMOS.
        width, length : float
            Gate width and length; the technology's length by default [m].
        corner : str
            Process corner.
        draw : tuple of (seed, instance name, draw number), optional
            Mismatch draw; None switches mismatch off.
        """
        shift = self.corner(corner)
        kind = "nmos" if polarity == "n" else "pmos"
        vth, mobility = getattr(shift, f"{kind}_vth_shift"), getattr(shift, f"{kind}_mobility")
        if draw is not None:
            seed, name, index = draw
            z = stream(seed, "mismatch", self.name, name, index).standard_normal(2)
            root_area = math.sqrt(2.0 * width * (length or self.gate_length))
            vth += self.mismatch[f"{kind}_avt"] / root_area * float(z[0])
            mobility *= math.exp(self.mismatch[f"{kind}_abeta"] / root_area * float(z[1]))
        return vth, mobility

    @property
    def content_hash(self) -> str:
        """sha256 of the model file and of every number of the technology."""
        shifts = {n: [c.nmos_vth_shift, c.pmos_vth_shift, c.nmos_mobility, c.pmos_mobility] for n, c in self.corners.items()}
        body = {"supply": self.supply, "length": self.gate_length, "corners": shifts, "mismatch": dict(self.mismatch), "names": [self.nmos, self.pmos]}
        return files.content_hash({"numbers": body, "models": files.content_hash(self.model_path.read_bytes())})


TARGET_UNITS = {
    "nmos_ion": "uA/um", "pmos_ion": "uA/um", "nmos_ioff": "pA/um", "pmos_ioff": "pA/um", "nmos_vth": "V", "pmos_vth": "V",
    "nmos_slope": "mV/dec", "pmos_slope": "mV/dec", "nmos_dibl": "mV/V", "pmos_dibl": "mV/V",
}  # fmt: skip


class _Reader:
    """Reads ``{value, source}`` entries and remembers what is assumed."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.assumed: list[str] = []

    def number(self, key: str, entry: Any, unit: str) -> float:
        place = f"{self.where}, key {key!r}"
        if entry is None:
            raise ParameterError("a key is missing", where=place, remedy=f'{key} = {{ value = "1 {unit}", source = "..." }}')
        if isinstance(entry, Mapping):
            if "value" not in entry:
                raise ParameterError("'value' is missing", where=place, value=dict(entry), remedy='{ value = "...", source = "..." }')
            self.source(key, entry)
            entry = entry["value"]
        return quantity(entry, unit, where=place)

    def source(self, key: str, entry: Mapping[str, Any]) -> None:
        if "source" not in entry:
            raise ParameterError("'source' is missing", where=f"{self.where}, key {key!r}", value=dict(entry), remedy='every number has a source, or source = "assumed"')
        if str(entry["source"]).startswith("assumed"):
            self.assumed.append(key)


def _targets(reader: _Reader, data: Mapping[str, Any]) -> Iterator[Target]:
    """Read ``targets``, and ``targets_hot``, which has its own temperature and takes over the width."""
    for section in ("targets", "targets_hot"):
        if section not in data:
            continue
        entries, where = data[section], f"{reader.where}, {section}"
        temperature = reader.number(f"{section}.temperature", entries.get("temperature"), "K")
        width = reader.number(f"{section}.width", entries.get("width", data.get("targets", {}).get("width")), "m")
        for name, entry in entries.items():
            if name in ("temperature", "width", "definitions"):
                continue
            if name not in TARGET_UNITS:
                raise ParameterError("unknown target", where=where, value=name, remedy=suggest(name, TARGET_UNITS))
            unit = TARGET_UNITS[name]
            if not isinstance(entry, Mapping) or "tolerance" not in entry:
                raise ParameterError("a target has a value, a tolerance and a source", where=f"{where}.{name}", value=entry, remedy=f'{{ value = "1 {unit}", tolerance = "15 %", source = "..." }}')
            value, tolerance = reader.number(f"{section}.{name}", entry, unit), str(entry["tolerance"])
            low, high = _bounds(value, unit, tolerance, f"{where}.{name}.tolerance")
            yield Target(name=name, value=value, low=low, high=high, unit=unit, tolerance=tolerance, source=str(entry["source"]), temperature=temperature, width=width)


def _bounds(value: float, unit: str, tolerance: str, where: str) -> tuple[float, float]:
    """Return the bounds of a target: relative (``15 %``), absolute (``50 mV``), or ``factor 3`` (both ways)."""
    if tolerance.startswith("factor "):
        factor = quantity(tolerance.removeprefix("factor "), "1", where=where)
        low, high = (value / factor, value * factor) if factor > 0 else (value, value)
    else:
        part = quantity(tolerance, "1", where=where) * value if tolerance.endswith("%") else quantity(tolerance, unit, where=where)
        low, high = value - part, value + part
    if not low < value < high:
        raise ParameterError("the tolerance leaves no room around its target", where=where, value=tolerance, remedy=f"'15 %', '1 {unit}' or 'factor 3'")
    return low, high
