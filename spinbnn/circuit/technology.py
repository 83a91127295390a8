"""CMOS technologies: transistor models, supply, corners and mismatch of one process."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import files, resources
from ..errors import ParameterError, suggest
from ..rng import stream
from ..units import spice_number
from .expression import evaluate
from .foundry_library import FoundryLibrary, shifted
from .model_library import ModelLibrary
from .pdk import FoundLibrary
from .sizes import transistor_sizes
from .technology_file import (
    KEYS,
    SCHEMA,
    Reader,
    library_place,
    read_corners,
    read_mismatch,
    read_models,
    read_targets,
)
from .technology_file import TARGET_UNITS as TARGET_UNITS
from .technology_file import CornerShift as CornerShift
from .technology_file import Target as Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Technology:
    """Transistor models of one process, with supply, corners and mismatch.

    The models are cards of our own (``cmos40lp``), whose corners are shifts, or a foundry's library (``sky130``), whose
    corners are its sections. Decks are made in the same way for both: :meth:`preamble` gives the wrappers ``nfet`` and
    ``pfet`` at a corner, which therefore reaches every transistor of a deck; :meth:`transistor_shift` gives the numbers
    ``dvt`` and ``mu`` by which mismatch sets one transistor off from that.

    Mismatch follows Pelgrom (doi:10.1109/JSSC.1989.572629). His coefficients describe the difference of two equal
    transistors; one transistor has ``sigma(Vth) = A_VT / sqrt(2 W L)`` and ``sigma(beta)/beta = A_beta / sqrt(2 W L)``.
    Where ``mismatch_factor`` has an expression f(w, l) for a polarity, sigma(Vth) is f times that.

    Attributes
    ----------
    supply : float
        Nominal supply [V].
    gate_length : float
        Drawn gate length [m].
    library : ModelLibrary or FoundryLibrary
        The models.
    nmos, pmos : str
        Names of the transistors in it.
    corners : mapping of str to CornerShift
        Shifts of each corner, beyond what the library's section holds.
    mismatch : mapping of str to float
        ``nmos_avt``, ``pmos_avt`` [V m] and ``nmos_abeta``, ``pmos_abeta`` [m], of pairs.
    mismatch_factor : mapping of str to str
        ``nmos_vth_factor``, ``pmos_vth_factor``: expressions of ``w`` and ``l`` in micrometres.
    targets : tuple of Target
        Published figures.
    assumed : tuple of str
        Keys of numbers that nobody measured.

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
    library: ModelLibrary | FoundryLibrary
    nmos: str
    pmos: str
    corners: Mapping[str, CornerShift]
    mismatch: Mapping[str, float]
    mismatch_factor: Mapping[str, str] = field(default_factory=dict)
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
        MissingToolError
            If the foundry's library that it names is not on this machine.
        """
        if not isinstance(name_or_path, str | Path):
            raise ParameterError("a technology is named by a text", where="Technology.load", value=name_or_path, remedy='a path, or a name such as "cmos40lp"')
        path = resources.find("device", name_or_path)
        data, reader = files.read_toml(path), Reader(path.name)
        if data.get("schema") != SCHEMA:
            raise ParameterError("not a technology file", where=f"{path.name}, key 'schema'", value=data.get("schema"), remedy=f'write schema = "{SCHEMA}"')
        if unknown := set(data) - KEYS:
            key = sorted(unknown)[0]
            raise ParameterError("unknown key", where=path.name, value=key, remedy=suggest(key, KEYS))
        numbers = _read_numbers(reader, data)
        library, nmos, pmos = read_models(reader, path, data)
        return cls(library=library, nmos=nmos, pmos=pmos, assumed=tuple(reader.assumed), origin=path.name, **numbers)

    @property
    def model_path(self) -> Path:
        """File of the transistor models."""
        return self.library.found.path if isinstance(self.library, FoundryLibrary) else self.library.path

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

    def preamble(self, netlist: str | None = None, *, corner: str) -> str:
        """Return the models and the wrapper subcircuits ``nfet`` and ``pfet`` (ports d g s b; w l dvt mu) of a corner.

        The wrappers add the corner's threshold shift to ``dvt`` and multiply ``mu`` by its mobility factor.

        Parameters
        ----------
        netlist : str, optional
            The rest of the deck: a foundry's library gives the models of the sizes that it uses, and no others. Cards of
            our own hold for every size and do not look at it.
        corner : str
            Process corner: its section of a foundry's library, and its shifts.

        Raises
        ------
        DataError, NetlistError, ParameterError
            See :meth:`ModelLibrary.deck_text` and :meth:`FoundryLibrary.preamble`; also if a foundry's library lacks the
            netlist, or the corner does not exist.

        Examples
        --------
        >>> body = "X1 y a 0 0 nfet w=2u"
        >>> print("\\n".join(Technology.load("cmos40lp").preamble(body, corner="ss").splitlines()[-2:]))
        M1 d g s b plp W={w} L={l} delvto={0-(dvt+(0.04))} mulu0={mu*0.95}
        .ends pfet
        """
        shift = self.corner(corner)
        shifts = {"n": (shift.nmos_vth_shift, shift.nmos_mobility), "p": (shift.pmos_vth_shift, shift.pmos_mobility)}
        if isinstance(self.library, FoundryLibrary):
            if netlist is None:
                raise ParameterError(
                    "models of a foundry depend on the sizes of the transistors", where=f"Technology.preamble; technology {self.name!r}",
                    value=netlist, remedy="call preamble(rest of the deck, corner=...)",
                )  # fmt: skip
            return self.library.preamble(transistor_sizes(netlist, self.gate_length), corner, self.gate_length, shifts)
        (dvt_n, mu_n), (dvt_p, mu_p) = shifted(shifts["n"]), shifted(shifts["p"])
        wrapper = f"d g s b w=1u l={spice_number(self.gate_length)} dvt=0 mu=1"
        return "\n".join([
            self.library.deck_text(),
            f".subckt nfet {wrapper}",
            f"M1 d g s b {self.nmos} W={{w}} L={{l}} delvto={{{dvt_n}}} mulu0={{{mu_n}}}",
            ".ends nfet",
            f".subckt pfet {wrapper}",
            f"M1 d g s b {self.pmos} W={{w}} L={{l}} delvto={{0-{dvt_p}}} mulu0={{{mu_p}}}",
            ".ends pfet",
        ])  # fmt: skip

    def transistor_shift(self, polarity: str, width: float, *, length: float | None = None, draw: tuple[int, str, int] | None = None) -> tuple[float, float]:
        """Return threshold shift [V] (positive = slower) and mobility factor [1] that mismatch gives one transistor.

        What a corner does stands in :meth:`preamble`, not here.

        Parameters
        ----------
        polarity : {"n", "p"}
            NMOS or PMOS.
        width, length : float
            Gate width and length; the technology's length by default [m].
        draw : (seed, instance, number), optional
            Mismatch draw; None switches mismatch off. The numbers depend on these three alone, not on what the
            technology is called.

        Examples
        --------
        >>> Technology.load("cmos40lp").transistor_shift("n", 1e-6)
        (0.0, 1.0)
        """
        if draw is None:
            return 0.0, 1.0
        kind = "nmos" if polarity == "n" else "pmos"
        seed, name, index = draw
        z = stream(seed, "mismatch", name, index).standard_normal(2)
        drawn = length or self.gate_length
        root_area = math.sqrt(2.0 * width * drawn)
        vth = self.mismatch[f"{kind}_avt"] / root_area * float(z[0]) * self._vth_factor(kind, width, drawn)
        return vth, math.exp(self.mismatch[f"{kind}_abeta"] / root_area * float(z[1]))

    def _vth_factor(self, kind: str, width: float, length: float) -> float:
        text = self.mismatch_factor.get(f"{kind}_vth_factor")
        return 1.0 if text is None else evaluate(text, {"w": width * 1e6, "l": length * 1e6})

    @property
    def content_hash(self) -> str:
        """sha256 of the models and of every number that decks depend on; names, targets and notes do not count."""
        shifts = {n: [c.nmos_vth_shift, c.pmos_vth_shift, c.nmos_mobility, c.pmos_mobility] for n, c in self.corners.items()}
        body: dict[str, object] = {"supply": self.supply, "length": self.gate_length, "corners": shifts, "mismatch": dict(self.mismatch), "names": [self.nmos, self.pmos]}
        if self.mismatch_factor:
            body["mismatch_factor"] = dict(self.mismatch_factor)
        if isinstance(self.library, FoundryLibrary):
            body["library"] = self.library.identity()
        return files.content_hash({"numbers": body, "models": self.library.content_hash})


def find_library(name_or_path: str | Path) -> FoundLibrary | None:
    """Return where the foundry's library of a technology lies, without reading it; None if it has cards of its own.

    Raises
    ------
    MissingToolError
        If it is not on this machine.
    DataError, ParameterError
        If the technology's file is wrong, or a place that is named does not hold the library.

    Examples
    --------
    >>> find_library("cmos40lp") is None
    True
    """
    path = resources.find("device", name_or_path)
    place = library_place(Reader(path.name), files.read_toml(path))
    return None if place is None else place.find(path)


def assumed_numbers(name_or_path: str | Path) -> tuple[str, ...]:
    """Return the assumed numbers of a technology, whether or not its library is on this machine.

    Examples
    --------
    >>> "corners.ff.nmos_vth_shift" in assumed_numbers("cmos40lp")
    True
    """
    path = resources.find("device", name_or_path)
    data, reader = files.read_toml(path), Reader(path.name)
    if "library" not in data:
        return Technology.load(path).assumed
    _read_numbers(reader, data)
    return tuple(reader.assumed)


def _read_numbers(reader: Reader, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything of a technology file but its models."""
    mismatch, factor = read_mismatch(reader, data)
    return {
        "name": reader.text("name", data.get("name")),
        "description": str(data.get("description", "")),
        "supply": reader.number("supply", data.get("supply"), "V", positive=True),
        "gate_length": reader.number("gate_length", data.get("gate_length"), "m", positive=True),
        "corners": read_corners(reader, data),
        "mismatch": mismatch,
        "mismatch_factor": factor,
        "targets": tuple(read_targets(reader, data)),
    }
