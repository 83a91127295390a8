"""Area of a netlist by the layout rules of its technology: folded fingers, contacts, wells, resistors; with a break-down.

An estimate of what the transistors need, no layout. Every transistor is drawn alone: it shares no diffusion with its
neighbours. All n-wells of the module are at the supply and merge; each PMOS pays for the strip between its active area
and the NMOS active area on the other side of the well's edge. What wires, taps and alignment add is one number, the
utilisation, and that one is assumed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import files, resources
from ..errors import ParameterError, suggest
from ..units import quantity
from .netlist import Element

SCHEMA = "spinbnn.layout/1"
_UNITS = {
    "contact": "m", "contact_to_gate": "m", "active_over_contact": "m", "gate_extension": "m", "gate_spacing": "m", "active_spacing": "m",
    "well_over_active": "m", "well_to_active": "m", "finger": "m", "sheet_resistance": "ohm", "resistor_width": "m",
    "resistor_spacing": "m", "via": "m", "via_spacing": "m", "utilisation": "1",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutRules:
    """Rules of one technology that the area follows from.

    Parameters
    ----------
    contact, contact_to_gate, active_over_contact : float
        Contact width, its distance to a gate, and the active area around it [m].
    gate_extension, gate_spacing : float
        Gate beyond the active area, and the distance of two gate ends [m].
    active_spacing : float
        Distance of two active areas [m].
    well_over_active, well_to_active : float
        n-well around PMOS active area, and distance of NMOS active area to the n-well [m].
    finger : float
        Longest finger; wider transistors are folded [m].
    sheet_resistance, resistor_width, resistor_spacing : float
        Of the resistors [ohm, m].
    via, via_spacing : float
        Of the metal under the track: three pads connect a junction [m].
    utilisation : float
        Share of the module's area that transistors and wells fill, in (0, 1] [1].

    Examples
    --------
    >>> rules = LayoutRules.load("layout_cmos40lp")
    >>> round(rules.gate_pitch * 1e9, 3)  # contacted, at L = 50 nm
    190.0
    >>> round(rules.transistor(Element(path=("x",), kind="n", width=1e-6, length=40e-9)).area * 1e12, 4)
    0.397
    """

    name: str
    contact: float
    contact_to_gate: float
    active_over_contact: float
    gate_extension: float
    gate_spacing: float
    active_spacing: float
    well_over_active: float
    well_to_active: float
    finger: float
    sheet_resistance: float
    resistor_width: float
    resistor_spacing: float
    via: float
    via_spacing: float
    utilisation: float
    sources: Mapping[str, str]

    def __post_init__(self) -> None:
        for key in _UNITS:
            if not getattr(self, key) > 0 or not math.isfinite(getattr(self, key)):
                raise ParameterError("a layout rule must be > 0", where=f"layout {self.name!r}, {key}", value=getattr(self, key), remedy="give a length, e.g. '65 nm'")
        if self.utilisation > 1:
            raise ParameterError("a share is at most 1", where=f"layout {self.name!r}, utilisation", value=self.utilisation, remedy="e.g. 0.6")

    @classmethod
    def load(cls, name_or_path: str | Path) -> LayoutRules:
        """Read the rules from a file, or by the name of one that comes with spinbnn (``layout_cmos40lp``).

        Raises
        ------
        DataError, ParameterError, UnitError
            If the file, a rule, a unit or a source is missing, unknown or malformed.
        """
        path = resources.find("device", name_or_path)
        data, where = files.read_toml(path), path.name
        if data.get("schema") != SCHEMA:
            raise ParameterError("no layout rules", where=f"{where}, key 'schema'", value=data.get("schema"), remedy=f'write schema = "{SCHEMA}"')
        rules: Any = data.get("rules", {})
        if not isinstance(rules, Mapping):
            raise ParameterError("a TOML table is needed here", where=f"{where}, rules", value=rules, remedy="[rules]")
        if unknown := sorted(set(rules) - set(_UNITS)):
            raise ParameterError("unknown rule", where=f"{where}, rules", value=unknown[0], remedy=suggest(unknown[0], _UNITS))
        values, sources = {}, {}
        for key, unit in _UNITS.items():
            entry = rules.get(key)
            if not isinstance(entry, Mapping) or "value" not in entry or "source" not in entry:
                raise ParameterError("a rule has a value and a source", where=f"{where}, rules.{key}", value=entry, remedy=f'{key} = {{ value = "1 {unit}", source = "..." }}')
            values[key], sources[key] = quantity(entry["value"], unit, where=f"{where}, rules.{key}"), str(entry["source"])
        return cls(name=str(data.get("name", path.stem)), sources=sources, **values)

    @property
    def gate_pitch(self) -> float:
        """Contacted gate pitch at a gate length of 50 nm [m]; for comparison with published pitches."""
        return 50e-9 + self.contact + 2 * self.contact_to_gate

    def transistor(self, element: Element) -> Footprint:
        """Return the footprint of one transistor: folded, contacted on every source and drain, its share of the well."""
        fingers = max(1, math.ceil(element.width / self.finger * (1 - 1e-9)))
        inner = self.contact + 2 * self.contact_to_gate
        outer = self.contact_to_gate + self.contact + self.active_over_contact
        x = fingers * element.length + (fingers - 1) * inner + 2 * outer + self.active_spacing
        y = element.width / fingers + 2 * self.gate_extension + self.gate_spacing
        well = x * (self.well_over_active + self.well_to_active) if element.kind == "p" else 0.0
        return Footprint(element=element, fingers=fingers, area=x * y, well=well)

    def resistor(self, ohms: float) -> float:
        """Return the area of a meandering resistor [m^2]."""
        return ohms / self.sheet_resistance * self.resistor_width * (self.resistor_width + self.resistor_spacing)

    @property
    def junction_pads(self) -> float:
        """Area of the three via pads of a junction and its track [m^2]; they lie above the transistors."""
        return 3 * (self.via + self.via_spacing) ** 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """One transistor on the chip.

    Parameters
    ----------
    element : Element
        The transistor.
    fingers : int
        Fingers that it is folded into [1].
    area, well : float
        Active area with gates and spacings, and its strip of well [m^2].
    """

    element: Element
    fingers: int
    area: float
    well: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaReport:
    """Area of a netlist.

    Parameters
    ----------
    rules : LayoutRules
        What it was computed by.
    transistors : tuple of Footprint
        Every transistor.
    resistors : tuple of (Element, float)
        Every resistor and its area, were it drawn in poly silicon [m^2].
    """

    rules: LayoutRules
    transistors: tuple[Footprint, ...]
    resistors: tuple[tuple[Element, float], ...]

    @property
    def active(self) -> float:
        """Transistors and wells [m^2]."""
        return sum(foot.area + foot.well for foot in self.transistors)

    @property
    def total(self) -> float:
        """Transistors and wells over the utilisation [m^2]; resistors are not in it."""
        return self.active / self.rules.utilisation

    @property
    def poly_resistors(self) -> float:
        """All resistors in poly silicon [m^2]."""
        return sum(area for _, area in self.resistors)

    def by_instance(self) -> dict[str, float]:
        """Return transistors and wells by top-level instance [m^2]."""
        out: dict[str, float] = {}
        for foot in self.transistors:
            out[foot.element.path[0]] = out.get(foot.element.path[0], 0.0) + foot.area + foot.well
        return out

    def rows(self) -> list[tuple[str, str, str, float, float, int, float, float]]:
        """Return path, cell, kind, width [um], length [nm], fingers, area and well [um^2] of every transistor."""
        return [
            ("/".join(f.element.path), f.element.cell, f.element.kind, f.element.width * 1e6, f.element.length * 1e9, f.fingers, f.area * 1e12, f.well * 1e12)
            for f in self.transistors
        ]


def area(elements: Sequence[Element], rules: LayoutRules) -> AreaReport:
    """Return the area of a flat netlist; capacitors are wires and have none of their own.

    Examples
    --------
    >>> from spinbnn.circuit.netlist import flatten
    >>> text = ".subckt pfet d g s b w=1u l=40n\\n.ends\\nX1 a b c d pfet w=3u\\nR1 a 0 331k"
    >>> report = area(flatten(text), LayoutRules.load("layout_cmos40lp"))
    >>> [foot.fingers for foot in report.transistors], round(report.active * 1e12, 3), round(report.total * 1e12, 3)
    ([3], 0.9, 1.5)
    """
    return AreaReport(
        rules=rules,
        transistors=tuple(rules.transistor(e) for e in elements if e.kind in "np"),
        resistors=tuple((e, rules.resistor(e.value)) for e in elements if e.kind == "r"),
    )
