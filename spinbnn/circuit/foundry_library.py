"""A foundry's transistor library in decks: the cards of the sizes in use, or the whole library by its path."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..errors import DataError, ParameterError
from ..units import spice_number
from .expression import Node, parse
from .foundry_models import BIN_EDGE, CornerModels, Transistor
from .pdk import FoundLibrary
from .sizes import Size
from .statements import LibraryFiles

LENGTHS = frozenset({"l", "w", "pd", "ps", "sa", "sb", "sd"})
"""Parameters of a transistor that are lengths: a library that counts in micrometres has them in micrometres."""
AREAS = frozenset({"ad", "as"})
BIN_ROOM = 1e-9
"""Relative half width of the bin that a deck gives to one size."""
CLOSEST = BIN_EDGE * 1.01
"""Sizes of one deck that are closer than this in width and length share a bin [m]."""
Shift = Literal["instance", "gate"]
NO_SHIFT: Mapping[str, tuple[float, float]] = {"n": (0.0, 1.0), "p": (0.0, 1.0)}
"""Threshold shift [V] and mobility factor [1] of each polarity at a corner that shifts nothing."""


def shifted(shift: tuple[float, float]) -> tuple[str, str]:
    """Return what stands for ``dvt`` and ``mu`` in a wrapper whose corner shifts threshold [V] and mobility [1].

    Examples
    --------
    >>> shifted((0.0, 1.0)), shifted((-0.04, 1.05))
    (('dvt', 'mu'), ('(dvt+(-0.04))', 'mu*1.05'))
    """
    vth, mobility = shift
    return "dvt" if vth == 0 else f"(dvt+({spice_number(vth)}))", "mu" if mobility == 1 else f"mu*{spice_number(mobility)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A foundry's device.

    Attributes
    ----------
    name : str
        Subcircuit or card.
    subcircuit : bool
        Whether it is a subcircuit.
    pins : tuple of str
        Order of ``d``, ``g``, ``s`` and ``b`` in a subcircuit's call.
    """

    name: str
    subcircuit: bool = True
    pins: tuple[str, ...] = ("d", "g", "s", "b")


class _Loaded:
    """Files and corners of a library, read when first needed and kept: a deck never changes with a file."""

    def __init__(self, found: FoundLibrary) -> None:
        self.files = LibraryFiles(found.path)
        self.corners: dict[str, CornerModels] = {}
        self.texts: dict[tuple[object, ...], str] = {}
        self.transistors: dict[tuple[object, ...], Transistor] = {}

    def corner(self, section: str) -> CornerModels:
        if section not in self.corners:
            statements = self.files.section(section or None)
            self.corners[section] = CornerModels(statements, f"{self.files.root}, section {section!r}" if section else str(self.files.root))
        return self.corners[section]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundryLibrary:
    """A library of a foundry.

    Attributes
    ----------
    found : FoundLibrary
        Where it lies.
    sections : mapping of str to str
        Section of each corner; empty text: the library has no sections.
    nmos, pmos : Device
        Its transistors.
    unit : float
        Unit of the devices' ``w`` and ``l`` [m].
    instance : mapping of str to str
        Further parameters of each device, expressions of ``w`` and ``l`` in its unit: drain areas and the like.
    extract : bool
        Whether decks hold the cards of the sizes in use (True), or include the library by its path.
    shift : {"instance", "gate"}
        How a deck shifts a transistor: by ``delvto`` and ``mulu0`` on its line (BSIM3 and BSIM4), or by a voltage source
        at its gate and the multiplier ``m``.

    Notes
    -----
    A card taken out of the library stands in the deck as a bin around its one size, under a name of its own, with plain
    numbers. ``.option scale`` of the library is not written: lengths and areas are converted where they stand, so that it
    cannot reach other devices or other decks of the same process.
    """

    found: FoundLibrary
    sections: Mapping[str, str]
    nmos: Device
    pmos: Device
    unit: float = 1.0
    instance: Mapping[str, str] = field(default_factory=dict)
    extract: bool = True
    shift: Shift = "instance"
    _loaded: _Loaded = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.shift == "instance" and not self.extract and (self.nmos.subcircuit or self.pmos.subcircuit):
            raise ParameterError("the line of a transistor inside a subcircuit cannot be reached", where="[library]", value="extract = false, shift = 'instance'", remedy='set shift = "gate"')
        loaded = _Loaded(self.found)
        object.__setattr__(self, "_loaded", loaded)
        for corner, section in self.sections.items():
            if section and section.lower() not in (name.lower() for name in loaded.files.sections()):
                known = ", ".join(loaded.files.sections()) or "none"
                raise ParameterError("the library has no section of this corner", where=f"corners.{corner}.section", value=section, remedy=f"sections of {self.found.path}: {known}")

    def device(self, polarity: str) -> Device:
        """Return the device of a polarity, ``"n"`` or ``"p"``."""
        return self.nmos if polarity == "n" else self.pmos

    @property
    def content_hash(self) -> str:
        """sha256 of the content of every file that the sections reach, wherever they lie."""
        for section in self.sections.values():
            self._loaded.corner(section)
        return self._loaded.files.content_hash

    def identity(self) -> dict[str, object]:
        """Return plain data: every choice that decks depend on besides the content of the files."""
        devices = {key: [d.subcircuit, list(d.pins)] for key, d in (("n", self.nmos), ("p", self.pmos))}
        return {"sections": dict(self.sections), "devices": devices, "unit": self.unit, "instance": dict(self.instance), "extract": self.extract, "shift": self.shift}

    def transistor(self, polarity: str, width: float, length: float, corner: str) -> Transistor:
        """Return card and line of a transistor.

        Parameters
        ----------
        polarity : {"n", "p"}
            NMOS or PMOS.
        width, length : float
            Drawn size [m].
        corner : str
            One of ``sections``.

        Raises
        ------
        NetlistError, ParameterError, DataError
            See :meth:`CornerModels.transistor`.
        """
        key = (polarity, width, length, corner)
        if key not in self._loaded.transistors:
            device = self.device(polarity)
            models = self._loaded.corner(self.sections[corner])
            self._loaded.transistors[key] = models.transistor(device.name, width, length, unit=self.unit, subcircuit=device.subcircuit, given=self.instance)
        return self._loaded.transistors[key]

    def preamble(self, sizes: Iterable[Size], corner: str, gate_length: float, shifts: Mapping[str, tuple[float, float]] = NO_SHIFT) -> str:
        """Return the models for these sizes, and the wrappers ``nfet`` and ``pfet``.

        Parameters
        ----------
        sizes : iterable of Size
            Every size that the deck uses.
        corner : str
            One of ``sections``.
        gate_length : float
            Default of the wrappers' ``l`` [m].
        shifts : mapping of str to (float, float)
            By polarity: threshold shift [V] and mobility factor [1] of the corner, beyond what its section holds.

        Raises
        ------
        DataError
            If the library is included by its path, and the path cannot be written or a file was changed.
        NetlistError, ParameterError
            If a device or a model for a size is missing.
        """
        wanted = tuple(sorted(set(sizes)))
        key = (wanted, corner, gate_length, shifts["n"], shifts["p"])
        if not self.extract:
            self._check_files(corner)
        if key not in self._loaded.texts:
            lines = [] if self.extract else [self._include(corner)]
            for polarity in ("n", "p"):
                own = [size for size in wanted if size.polarity == polarity]
                lines += self._extracted(polarity, own, corner, gate_length, shifts[polarity]) if self.extract else self._included(polarity, gate_length, shifts[polarity])
            self._loaded.texts[key] = "\n".join(lines)
        return self._loaded.texts[key]

    def _extracted(self, polarity: str, sizes: list[Size], corner: str, gate_length: float, shift: tuple[float, float]) -> list[str]:
        """Return the bins of one polarity and its wrapper; nothing if it is not in use."""
        if not sizes:
            return []
        name, lines = f"spinbnn_{polarity}", []
        for one, other in itertools.combinations(sizes, 2):
            if abs(other.width - one.width) < CLOSEST and abs(other.length - one.length) < CLOSEST:
                raise ParameterError(
                    "two sizes of transistor in one deck are so close that ngspice takes them for one", where=f"{polarity}fet",
                    value=(one, other), remedy="round widths and lengths to the layout grid; 1 nm apart is enough",
                )  # fmt: skip
        for count, size in enumerate(sizes, start=1):
            found = self.transistor(polarity, size.width, size.length, corner)
            edges = {f"{key}{end}": spice_number(value * factor) for key, value in (("l", size.length), ("w", size.width)) for end, factor in (("min", 1 - BIN_ROOM), ("max", 1 + BIN_ROOM))}
            lines.append(f".model {name}.{count} {found.card.kind}")
            values = [f"{key}={value}" for key, value in (dict(found.card.parameters) | edges).items()]
            lines += ["+ " + " ".join(values[k : k + 12]) for k in range(0, len(values), 12)]
        return [*lines, *self._wrapper(polarity, name, found, gate_length, shift)]

    def _wrapper(self, polarity: str, card: str, found: Transistor, gate_length: float, shift: tuple[float, float]) -> list[str]:
        names = {key: f"{key}/{spice_number(self.unit)}" for key in ("w", "l")}
        values = {}
        for key, node in found.instance.items():
            power = 1 if key in LENGTHS else 2 if key in AREAS else 0
            if power and node == Node("name", name=key) and found.scale == self.unit:
                values[key] = key
            elif power and found.scale != 1.0:
                values[key] = f"{node.text(names)}*{spice_number(found.scale**power)}"
            else:
                values[key] = node.text(names)
        gate = "g"
        before: list[str] = []
        sign, (dvt, mu) = "" if polarity == "n" else "-", shifted(shift)
        if self.shift == "instance":
            values["delvto"] = f"{values.get('delvto', '0')}+({sign}{dvt})"
            values["mulu0"] = f"{values['mulu0']}*{mu}" if "mulu0" in values else mu
        else:
            gate, before = "gi", [f"Vgi g gi {{{sign}{dvt}}}"]
            values["m"] = f"{values['m']}*{mu}" if "m" in values else mu
        nodes = " ".join(gate if node == "g" else node for node in found.nodes)
        line = " ".join(f"{key}={{{text}}}" for key, text in values.items())
        return [_head(polarity, gate_length), *before, f"M1 {nodes} {card} {line}", f".ends {polarity}fet"]

    def _included(self, polarity: str, gate_length: float, shift: tuple[float, float]) -> list[str]:
        """Return the wrapper around the device as it stands in the library."""
        device, sign, (dvt, mu) = self.device(polarity), "" if polarity == "n" else "-", shifted(shift)
        names = {key: f"{key}/{spice_number(self.unit)}" for key in ("w", "l")}
        values = {key: names[key] for key in ("w", "l")} | {key: parse(text).text(names) for key, text in self.instance.items()}
        gate, before = "g", []
        if self.shift == "gate":
            gate, before = "gi", [f"Vgi g gi {{{sign}{dvt}}}"]
            values["m"] = mu
        else:
            values |= {"delvto": f"{sign}{dvt}", "mulu0": mu}
        nodes = " ".join(gate if pin == "g" else pin for pin in device.pins)
        line = " ".join(f"{key}={{{text}}}" for key, text in values.items())
        return [_head(polarity, gate_length), *before, f"{'X' if device.subcircuit else 'M'}1 {nodes} {device.name} {line}", f".ends {polarity}fet"]

    def _include(self, corner: str) -> str:
        path, section = str(self.found.path), self.sections[corner]
        if set(path) & set('"\n\r;'):
            raise ParameterError("the path cannot be written into a deck", where="[library]", value=path, remedy="move the library to a path without quotes, semicolons and line breaks")
        return f'.lib "{path}" {section}' if section else f'.include "{path}"'

    def _check_files(self, corner: str) -> None:
        """Refuse a library whose files are not those that were read: the deck only names them."""
        self._loaded.corner(self.sections[corner])
        if changed := self._loaded.files.changed():
            raise DataError("a file of the transistor library was changed or removed after it was read", where=str(changed), value=str(self.found.path), remedy="leave the library alone during a run; start again")


def _head(polarity: str, gate_length: float) -> str:
    return f".subckt {polarity}fet d g s b w=1u l={spice_number(gate_length)} dvt=0 mu=1"
