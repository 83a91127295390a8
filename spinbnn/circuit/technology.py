"""CMOS technologies: transistor models, supply, corners and mismatch of one process."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import files, resources
from ..errors import DataError, ParameterError, suggest
from ..rng import stream
from ..units import quantity, spice_number
from .model_library import ModelLibrary

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
    library: ModelLibrary
    nmos: str
    pmos: str
    corners: Mapping[str, CornerShift]
    mismatch: Mapping[str, float]
    targets: tuple[Target, ...] = ()
    assumed: tuple[str, ...] = ()
    origin: str = field(default="", compare=False)

    @classmethod
    def load(cls, name_or_path: str | Path) -> Technology:
        """Read a technology file by its path or by the name of one that comes with spinbnn.

        Raises
        ------
        DataError, ParameterError, UnitError
            If the file, a key or a unit is missing, unknown or malformed.
        """
        if not isinstance(name_or_path, str | Path):
            raise ParameterError("a technology is named by a text", where="Technology.load", value=name_or_path, remedy='a path, or a name such as "cmos40lp"')
        path = resources.find("device", name_or_path)
        data, where = files.read_toml(path), path.name
        if data.get("schema") != SCHEMA:
            raise ParameterError("not a technology file", where=f"{where}, key 'schema'", value=data.get("schema"), remedy=f'write schema = "{SCHEMA}"')
        known = {"schema", "name", "description", "notes", "supply", "models", "gate_length", "targets", "targets_hot", "corners", "mismatch"}
        if unknown := set(data) - known:
            key = sorted(unknown)[0]
            raise ParameterError("unknown key", where=where, value=key, remedy=suggest(key, known))
        reader = _Reader(where)
        models = reader.table("models", data.get("models"), 'models = { file = "x.lib", nmos = "n", pmos = "p" }')
        return cls(
            name=reader.text("name", data.get("name")),
            description=str(data.get("description", "")),
            supply=reader.number("supply", data.get("supply"), "V", positive=True),
            gate_length=reader.number("gate_length", data.get("gate_length"), "m", positive=True),
            library=ModelLibrary.load(_model_path(path, reader.text("models.file", models.get("file")))),
            nmos=reader.text("models.nmos", models.get("nmos"), word=True),
            pmos=reader.text("models.pmos", models.get("pmos"), word=True),
            corners=_corners(reader, data),
            mismatch=_mismatch(reader, data),
            targets=tuple(_targets(reader, data)),
            assumed=tuple(reader.assumed),
            origin=where,
        )

    @property
    def model_path(self) -> Path:
        """File of the transistor models."""
        return self.library.path

    def corner(self, name: str) -> CornerShift:
        """Return a corner by name (``tt ff ss fs sf``: n first, then p).

        Raises
        ------
        ParameterError
            If the technology has no such corner.
        """
        if name not in self.corners:
            raise ParameterError(f"technology {self.name!r} has no such corner", where=f"corner; {self.origin or self.name} has the corners", value=name, remedy=suggest(name, self.corners))
        return self.corners[name]

    def preamble(self) -> str:
        """Return the models and the wrapper subcircuits ``nfet`` and ``pfet`` (ports d g s b; w l dvt mu).

        Raises
        ------
        DataError, ParameterError
            See :meth:`ModelLibrary.deck_text`.
        """
        wrapper = f"d g s b w=1u l={spice_number(self.gate_length)} dvt=0 mu=1"
        return "\n".join([
            self.library.deck_text(),
            f".subckt nfet {wrapper}",
            f"M1 d g s b {self.nmos} W={{w}} L={{l}} delvto={{dvt}} mulu0={{mu}}",
            ".ends nfet",
            f".subckt pfet {wrapper}",
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
            Mismatch draw; None switches mismatch off. The numbers depend on these three alone, not on what the
            technology is called.
        """
        shift = self.corner(corner)
        kind = "nmos" if polarity == "n" else "pmos"
        vth, mobility = getattr(shift, f"{kind}_vth_shift"), getattr(shift, f"{kind}_mobility")
        if draw is not None:
            seed, name, index = draw
            z = stream(seed, "mismatch", name, index).standard_normal(2)
            root_area = math.sqrt(2.0 * width * (length or self.gate_length))
            vth += self.mismatch[f"{kind}_avt"] / root_area * float(z[0])
            mobility *= math.exp(self.mismatch[f"{kind}_abeta"] / root_area * float(z[1]))
        return vth, mobility

    @property
    def content_hash(self) -> str:
        """sha256 of the models and of every number that decks depend on; names, targets and notes do not count."""
        shifts = {n: [c.nmos_vth_shift, c.pmos_vth_shift, c.nmos_mobility, c.pmos_mobility] for n, c in self.corners.items()}
        body = {"supply": self.supply, "length": self.gate_length, "corners": shifts, "mismatch": dict(self.mismatch), "names": [self.nmos, self.pmos]}
        return files.content_hash({"numbers": body, "models": self.library.content_hash})


TARGET_UNITS = {
    "nmos_ion": "uA/um", "pmos_ion": "uA/um", "nmos_ioff": "pA/um", "pmos_ioff": "pA/um", "nmos_vth": "V", "pmos_vth": "V",
    "nmos_slope": "mV/dec", "pmos_slope": "mV/dec", "nmos_dibl": "mV/V", "pmos_dibl": "mV/V",
}  # fmt: skip


class _Reader:
    """Reads ``{value, source}`` entries and remembers what is assumed."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.assumed: list[str] = []

    def number(self, key: str, entry: Any, unit: str, *, positive: bool = False) -> float:
        """Return an SI float; an entry that is a table needs a source."""
        place = f"{self.where}, key {key!r}"
        if entry is None:
            raise ParameterError("a key is missing", where=place, remedy=f'{key} = {{ value = "1 {unit}", source = "..." }}')
        if isinstance(entry, Mapping):
            if "value" not in entry:
                raise ParameterError("'value' is missing", where=place, value=dict(entry), remedy='{ value = "...", source = "..." }')
            self.source(key, entry)
            entry = entry["value"]
        value = quantity(entry, unit, where=place)
        if positive and not value > 0:
            raise ParameterError("must be > 0", where=place, value=entry, remedy="give a physical value")
        return value

    def text(self, key: str, entry: Any, *, word: bool = False) -> str:
        """Return a text that is not empty; a ``word`` has no blanks either, because it stands in decks."""
        if not isinstance(entry, str) or not entry.strip() or (word and len(entry.split()) > 1):
            what = "a key is missing" if entry is None else "one word is needed here" if word else "a text is needed here"
            raise ParameterError(what, where=f"{self.where}, key {key!r}", value=entry, remedy=f'{key.split(".")[-1]} = "..."')
        return entry

    def table(self, key: str, entry: Any, remedy: str) -> Mapping[str, Any]:
        if not isinstance(entry, Mapping):
            what = "a key is missing" if entry is None else "a TOML table is needed here"
            raise ParameterError(what, where=f"{self.where}, key {key!r}", value=entry, remedy=remedy)
        return entry

    def source(self, key: str, entry: Mapping[str, Any]) -> None:
        if "source" not in entry:
            raise ParameterError("'source' is missing", where=f"{self.where}, key {key!r}", value=dict(entry), remedy='every number has a source, or source = "assumed"')
        if str(entry["source"]).startswith("assumed"):
            self.assumed.append(key)


def _model_path(technology: Path, name: str) -> Path:
    """Return the model file: beside the technology, or, for a bare name, one that comes with spinbnn."""
    place = f"{technology}, key 'models.file'"
    beside = technology.parent / name
    if beside.is_file():
        return beside.resolve()
    if Path(name).parent != Path("."):
        raise DataError("no such model file", where=place, value=name, remedy=f"it is looked for at {beside}; a name without a folder also stands for models that come with spinbnn")
    try:
        return resources.find("model", name)
    except DataError as error:
        raise DataError(f"no such model file, neither beside the technology nor among spinbnn's ({error.where})", where=place, value=name, remedy=error.remedy) from None


def _corners(reader: _Reader, data: Mapping[str, Any]) -> dict[str, CornerShift]:
    corners, example = {}, '[corners.tt] with nmos_vth_shift = { value = "0 mV", source = "..." }'
    for name, shifts in reader.table("corners", data.get("corners"), example).items():
        shifts = reader.table(f"corners.{name}", shifts, example)
        if bad := set(shifts) - set(CornerShift.__dataclass_fields__):
            raise ParameterError("unknown key", where=f"{reader.where}, corners.{name}", value=sorted(bad)[0], remedy=suggest(sorted(bad)[0], CornerShift.__dataclass_fields__))
        volts = {k: reader.number(f"corners.{name}.{k}", v, "V") for k, v in shifts.items() if k.endswith("shift")}
        factors = {k: reader.number(f"corners.{name}.{k}", v, "1", positive=True) for k, v in shifts.items() if k.endswith("mobility")}
        corners[name] = CornerShift(**volts, **factors)
    if "tt" not in corners:
        raise ParameterError("the typical corner 'tt' is missing", where=f"{reader.where}, key 'corners'", value=sorted(corners), remedy="add [corners.tt]")
    return corners


def _mismatch(reader: _Reader, data: Mapping[str, Any]) -> dict[str, float]:
    units = {"nmos_avt": "V m", "pmos_avt": "V m", "nmos_abeta": "m", "pmos_abeta": "m"}
    entries = reader.table("mismatch", data.get("mismatch"), f'[mismatch] with convention = "pair", {", ".join(units)}')
    if entries.get("convention") != "pair":
        raise ParameterError("say which convention the mismatch coefficients follow", where=f"{reader.where}, mismatch.convention", value=entries.get("convention"), remedy='convention = "pair": sigma of the difference of two equal transistors is A/sqrt(W L)')
    if unknown := set(entries) - {*units, "convention"}:
        raise ParameterError("unknown key", where=f"{reader.where}, mismatch", value=sorted(unknown)[0], remedy=suggest(sorted(unknown)[0], units))
    out = {key: reader.number(f"mismatch.{key}", entries.get(key), unit) for key, unit in units.items()}
    if negative := [key for key, value in out.items() if value < 0]:
        raise ParameterError("must be >= 0", where=f"{reader.where}, key 'mismatch.{negative[0]}'", value=out[negative[0]], remedy="0 switches one kind of mismatch off")
    return out


def _targets(reader: _Reader, data: Mapping[str, Any]) -> Iterator[Target]:
    """Read ``targets``, and ``targets_hot``, which has its own temperature and takes over the width."""
    for section in ("targets", "targets_hot"):
        if section not in data:
            continue
        entries = reader.table(section, data[section], f'[{section}] with temperature, width and targets')
        where = f"{reader.where}, {section}"
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
