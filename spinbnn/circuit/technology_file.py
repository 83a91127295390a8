"""Technology files: every number with its source, and what is assumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import resources
from ..errors import DataError, NetlistError, ParameterError, suggest
from ..units import quantity
from .expression import evaluate
from .foundry_library import Device, FoundryLibrary
from .model_library import ModelLibrary
from .pdk import LibraryPlace

SCHEMA = "spinbnn.technology/1"
KEYS = frozenset({"schema", "name", "description", "notes", "supply", "models", "library", "gate_length", "targets", "targets_hot", "corners", "mismatch"})
TARGET_UNITS = {
    "nmos_ion": "uA/um", "pmos_ion": "uA/um", "nmos_ioff": "pA/um", "pmos_ioff": "pA/um", "nmos_vth": "V", "pmos_vth": "V",
    "nmos_slope": "mV/dec", "pmos_slope": "mV/dec", "nmos_dibl": "mV/V", "pmos_dibl": "mV/V",
}  # fmt: skip
_LIBRARY_KEYS = (*LibraryPlace.__dataclass_fields__, "nmos", "pmos", "unit", "instance", "extract", "shift")
_EXAMPLE = '[library] with file = "x.lib" (or variable and paths), nmos = "n", pmos = "p", unit = "1 um"'


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


class Reader:
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
        """Return a TOML table."""
        if not isinstance(entry, Mapping):
            what = "a key is missing" if entry is None else "a TOML table is needed here"
            raise ParameterError(what, where=f"{self.where}, key {key!r}", value=entry, remedy=remedy)
        return entry

    def source(self, key: str, entry: Mapping[str, Any]) -> None:
        """Check that an entry says where its number comes from."""
        if "source" not in entry:
            raise ParameterError("'source' is missing", where=f"{self.where}, key {key!r}", value=dict(entry), remedy='every number has a source, or source = "assumed"')
        if str(entry["source"]).startswith("assumed"):
            self.assumed.append(key)

    def known(self, key: str, entry: Mapping[str, Any], names: Any) -> None:
        """Refuse keys that nothing reads."""
        if unknown := set(entry) - set(names):
            raise ParameterError("unknown key", where=f"{self.where}, {key}", value=sorted(unknown)[0], remedy=suggest(sorted(unknown)[0], names))


def read_models(reader: Reader, path: Path, data: Mapping[str, Any]) -> tuple[ModelLibrary | FoundryLibrary, str, str]:
    """Return the transistor models of a technology, and the names of its two transistors."""
    if ("models" in data) == ("library" in data):
        remedy = 'models = { file = "x.lib", nmos = "n", pmos = "p" }' + (f", or {_EXAMPLE}" if "models" in data else "")
        what = "give either 'models' (cards of your own) or 'library' (a foundry's)" if "models" in data else "a key is missing"
        raise ParameterError(what, where=f"{reader.where}, key 'models'", remedy=remedy)
    if "library" in data:
        library = read_library(reader, path, data)
        return library, library.nmos.name, library.pmos.name
    models = reader.table("models", data["models"], 'models = { file = "x.lib", nmos = "n", pmos = "p" }')
    file = ModelLibrary.load(_model_path(path, reader.text("models.file", models.get("file"))))
    return file, reader.text("models.nmos", models.get("nmos"), word=True), reader.text("models.pmos", models.get("pmos"), word=True)


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


def library_place(reader: Reader, data: Mapping[str, Any]) -> LibraryPlace | None:
    """Return where the foundry's library of a technology is to be looked for; None if it has cards of its own."""
    if "library" not in data:
        return None
    entry = reader.table("library", data["library"], _EXAMPLE)
    reader.known("library", entry, _LIBRARY_KEYS)
    given = {key: reader.text(f"library.{key}", entry[key]) for key in LibraryPlace.__dataclass_fields__ if key in entry and key != "paths"}
    paths = entry.get("paths", [])
    if not isinstance(paths, list) or not all(isinstance(name, str) and name for name in paths):
        raise ParameterError("a list of paths is needed here", where=f"{reader.where}, key 'library.paths'", value=paths, remedy='paths = ["kit/models/x.lib"]')
    if not given.get("file") and not (given.get("variable") and paths) and not (given.get("package") and given.get("package_path")):
        raise ParameterError("the library is nowhere to be found: no file, no variable with paths, no package with package_path", where=f"{reader.where}, key 'library'", value=sorted(entry), remedy=_EXAMPLE)
    return LibraryPlace(paths=tuple(paths), **given)


def read_library(reader: Reader, path: Path, data: Mapping[str, Any]) -> FoundryLibrary:
    """Return a foundry's library, found and with its sections checked."""
    entry = reader.table("library", data["library"], _EXAMPLE)
    place = library_place(reader, data)
    assert place is not None
    devices = [_device(reader, key, entry.get(key)) for key in ("nmos", "pmos")]
    instance = {key: reader.text(f"library.instance.{key}", text) for key, text in reader.table("library.instance", entry.get("instance", {}), '[library.instance] with ad = "0.29*w"').items() if key != "source"}
    for key, text in instance.items():
        _check_expression(f"{reader.where}, key 'library.instance.{key}'", text)
    corners = reader.table("corners", data.get("corners"), '[corners.tt] with section = "tt"')
    sections = {}
    for name, shifts in corners.items():
        section = reader.table(f"corners.{name}", shifts, 'section = "tt"').get("section")
        if section is None:
            raise ParameterError("a corner of a foundry's library names its section", where=f"{reader.where}, key 'corners.{name}.section'", remedy='section = "tt"; an empty text for a library without sections')
        sections[name] = section if section == "" else reader.text(f"corners.{name}.section", section, word=True)
    switches = {"extract": entry.get("extract", True)}
    if not isinstance(switches["extract"], bool):
        raise ParameterError("true or false is needed here", where=f"{reader.where}, key 'library.extract'", value=entry["extract"], remedy="extract = true")
    shift = entry.get("shift", "instance" if switches["extract"] else "gate")
    if shift not in ("instance", "gate"):
        raise ParameterError("unknown way to shift a transistor", where=f"{reader.where}, key 'library.shift'", value=shift, remedy='shift = "instance" (delvto, mulu0) or "gate" (source at the gate, multiplier m)')
    try:
        return FoundryLibrary(
            found=place.find(path), sections=sections, nmos=devices[0], pmos=devices[1],
            unit=reader.number("library.unit", entry.get("unit"), "m", positive=True), instance=instance, extract=switches["extract"], shift=shift,
        )  # fmt: skip
    except ParameterError as error:
        if error.where.startswith(reader.where):
            raise
        raise ParameterError(error.what, where=f"{reader.where}, {error.where}", value=error.value, remedy=error.remedy) from None


def _device(reader: Reader, key: str, entry: Any) -> Device:
    """Return a device from its name, or from a table that also says what it is."""
    if isinstance(entry, str) or entry is None:
        return Device(name=reader.text(f"library.{key}", entry, word=True))
    table = reader.table(f"library.{key}", entry, f'{key} = {{ device = "n", kind = "subcircuit", pins = "d g s b" }}')
    reader.known(f"library.{key}", table, ("device", "kind", "pins"))
    kind, pins = table.get("kind", "subcircuit"), str(table.get("pins", "d g s b")).lower().split()
    if kind not in ("subcircuit", "card"):
        raise ParameterError("a device is a subcircuit or a card", where=f"{reader.where}, key 'library.{key}.kind'", value=kind, remedy='kind = "subcircuit" or "card"')
    if sorted(pins) != ["b", "d", "g", "s"]:
        raise ParameterError("a transistor has the pins d, g, s and b", where=f"{reader.where}, key 'library.{key}.pins'", value=table["pins"], remedy='pins = "d g s b" in the order of the device')
    return Device(name=reader.text(f"library.{key}.device", table.get("device"), word=True), subcircuit=kind == "subcircuit", pins=tuple(pins))


def _check_expression(where: str, text: str) -> None:
    """Refuse an expression that cannot be read, or that needs more than w and l."""
    try:
        evaluate(text, {"w": 1.0, "l": 1.0})
    except NetlistError as error:
        raise ParameterError(error.what, where=where, value=text, remedy="an expression of w and l, in the unit of the library") from None


def read_corners(reader: Reader, data: Mapping[str, Any]) -> dict[str, CornerShift]:
    """Return the shifts of every corner; a corner of a foundry's library may have none."""
    corners, example = {}, '[corners.tt] with nmos_vth_shift = { value = "0 mV", source = "..." }'
    names = [*CornerShift.__dataclass_fields__, *(["section", "note"] if "library" in data else [])]
    for name, shifts in reader.table("corners", data.get("corners"), example).items():
        shifts = reader.table(f"corners.{name}", shifts, example)
        reader.known(f"corners.{name}", shifts, names)
        volts = {k: reader.number(f"corners.{name}.{k}", v, "V") for k, v in shifts.items() if k.endswith("shift")}
        factors = {k: reader.number(f"corners.{name}.{k}", v, "1", positive=True) for k, v in shifts.items() if k.endswith("mobility")}
        corners[name] = CornerShift(**volts, **factors)
    if "tt" not in corners:
        raise ParameterError("the typical corner 'tt' is missing", where=f"{reader.where}, key 'corners'", value=sorted(corners), remedy="add [corners.tt]")
    return corners


def read_mismatch(reader: Reader, data: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, str]]:
    """Return Pelgrom's coefficients, and the factors that the threshold's has at a size, where it has one."""
    units = {"nmos_avt": "V m", "pmos_avt": "V m", "nmos_abeta": "m", "pmos_abeta": "m"}
    factors = ("nmos_vth_factor", "pmos_vth_factor")
    entries = reader.table("mismatch", data.get("mismatch"), f'[mismatch] with convention = "pair", {", ".join(units)}')
    if entries.get("convention") != "pair":
        raise ParameterError("say which convention the mismatch coefficients follow", where=f"{reader.where}, mismatch.convention", value=entries.get("convention"), remedy='convention = "pair": sigma of the difference of two equal transistors is A/sqrt(W L)')
    reader.known("mismatch", entries, [*units, *factors, "convention"])
    out = {key: reader.number(f"mismatch.{key}", entries.get(key), unit) for key, unit in units.items()}
    if negative := [key for key, value in out.items() if value < 0]:
        raise ParameterError("must be >= 0", where=f"{reader.where}, key 'mismatch.{negative[0]}'", value=out[negative[0]], remedy="0 switches one kind of mismatch off")
    texts = {}
    for key in factors:
        if key in entries:
            entry = reader.table(f"mismatch.{key}", entries[key], f'{key} = {{ value = "1 + 0.1/l", source = "..." }} with w and l in um')
            reader.source(f"mismatch.{key}", entry)
            texts[key] = reader.text(f"mismatch.{key}.value", entry.get("value"))
            _check_expression(f"{reader.where}, key 'mismatch.{key}'", texts[key])
    return out, texts


def read_targets(reader: Reader, data: Mapping[str, Any]) -> Iterator[Target]:
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
