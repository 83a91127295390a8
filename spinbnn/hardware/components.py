"""Component sets: what one operation of a block takes; published and characterised sets are kept apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import ParameterError, suggest
from ..tables import Column, Table
from ..units import in_unit
from . import references

if TYPE_CHECKING:
    from .profile import HardwareProfile

BLOCKS = {
    "memory": "array memory",
    "crossbar": "crossbar array",
    "adder": "adder-accumulator",
    "comparator": "comparator",
    "rng": "dropout module",
    "averaging": "averaging",
    "mac": "digital multiply-accumulate",
    "buffer": "branch buffer",
    "threshold": "second threshold set",
    "softmax": "softmax and weighting",
    "pooling": "average pooling",
    "normalise": "digital scale and shift",
    "skip": "skip addition",
    "skip_buffer": "skip buffer",
    "converter": "column converter",
    "partial_sum": "partial-sum addition",
}
"""Blocks and their labels.

``threshold``: a selection between the two threshold sets of a layer that has them (its area is that of one
stored threshold). ``softmax``: the softmax of one mask's logits and its weighting, where masks are averaged
with weights; the published averaging figure covers the plain average of sampled passes. ``normalise``, ``skip`` and
``skip_buffer`` (by the bit): of networks with skip connections, whose sums are numbers and not signs. ``converter`` and
``partial_sum``: of layers whose outputs are put together from several column results (tiles of rows, kernel positions of strategy 2,
bit planes): there every column current is converted to a number and added digitally, which the published figures of one binary read
do not cover.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What one operation of one block takes; None is unknown, never zero.

    Parameters
    ----------
    energy : float or None
        Of one operation [J].
    latency : float or None
        Of one operation [s].
    area : float or None
        Of one instance [m^2].
    source : str
        Where the figures come from.

    Examples
    --------
    >>> Component(energy=3.8e-12).latency is None
    True
    """

    energy: float | None = None
    latency: float | None = None
    area: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for key in ("energy", "latency", "area"):
            value = getattr(self, key)
            if value is not None and not 0 <= value < float("inf"):
                raise ParameterError(
                    f"needs a finite {key} that is not negative",
                    where=f"component from {self.source!r}",
                    value=value,
                    remedy="use None where the figure is unknown",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentSet:
    """Named figures of the blocks of one architecture.

    Parameters
    ----------
    name : str
        Name of the set; every report prints it.
    blocks : dict
        Block (one of ``BLOCKS``) -> :class:`Component`; a block that is left out is unknown.

    Raises
    ------
    ParameterError
        For an unknown block.

    Examples
    --------
    >>> published()["memory"].energy, published()["mac"].energy
    (4.76e-12, None)
    """

    name: str
    blocks: dict[str, Component] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for block in self.blocks:
            if block not in BLOCKS:
                raise ParameterError(
                    "unknown block",
                    where=f"component set {self.name!r}",
                    value=block,
                    remedy=suggest(block, BLOCKS),
                )

    def __getitem__(self, block: str) -> Component:
        if block not in BLOCKS:
            raise ParameterError(
                "unknown block",
                where=f"component set {self.name!r}",
                value=block,
                remedy=suggest(block, BLOCKS),
            )
        return self.blocks.get(block, Component())

    def table(self) -> Table:
        """Return the figures and their sources as a table."""
        columns: list[Column | str] = [
            "block",
            Column("energy", "pJ"),
            Column("latency", "ns"),
            Column("area", "um^2"),
            "source",
        ]
        rows: list[list[str | int | float | None]] = []
        for block, label in BLOCKS.items():
            c = self[block]
            rows.append(
                [
                    label,
                    *(
                        None if v is None else in_unit(v, unit)
                        for v, unit in ((c.energy, "pJ"), (c.latency, "ns"), (c.area, "um^2"))
                    ),
                    c.source,
                ]
            )
        return Table(f"Component set {self.name}", columns, rows)


def published() -> ComponentSet:
    """Return ``"scale-dropout-table-ii"``: Table II's energies, the module's latency and area from Table VII.

    The RNG's energy stands as printed (3.80 pJ); Table VII's 0.0225 mW x 15 ns is another figure and is not
    used. What the publication does not give is unknown (read latency, areas of the blocks, digital layers,
    buffers, a second threshold set, softmaxes with weights, skip connections, conversions and partial sums). Source: doi 10.48550/arXiv.2311.15816.

    Examples
    --------
    >>> round(sum(c.energy for c in published().blocks.values()) * 1e12, 9)
    27.76
    """
    energies, modules = references.published_table("II"), references.published_table("VII")
    blocks = {
        block: Component(energy=energies.value(block, "energy"), source="Scale-Dropout, Table II")
        for block in energies.rows
    }
    blocks["rng"] = Component(
        energy=energies.value("rng", "energy"),
        latency=modules.value("scale-dropout/layer", "latency"),
        area=modules.value("scale-dropout/layer", "area"),
        source="Scale-Dropout, Tables II and VII",
    )
    return ComponentSet(name="scale-dropout-table-ii", blocks=blocks)


def characterised(profile: HardwareProfile) -> ComponentSet:
    """Return the set that a characterised profile knows: energy and latency of a dropout draw, nothing else.

    Parameters
    ----------
    profile : HardwareProfile
        Its ``draw_energy`` and ``draw_latency`` are used; either may be None.

    Examples
    --------
    >>> from spinbnn.hardware.profile import HardwareProfile
    >>> characterised(HardwareProfile.ideal(0.2))["rng"].energy is None
    True
    """
    rng = Component(energy=profile.draw_energy, latency=profile.draw_latency, source=f"profile {profile.id}")
    return ComponentSet(name=f"characterised-{profile.id}", blocks={"rng": rng})


def component_set(name: str) -> ComponentSet:
    """Return a component set by name.

    Raises
    ------
    ParameterError
        For an unknown name.

    Examples
    --------
    >>> component_set("scale-dropout-table-ii")["crossbar"].energy
    6.5e-13
    """
    known = {"scale-dropout-table-ii": published}
    if name not in known:
        raise ParameterError(
            "unknown component set", where="component_set", value=name, remedy=suggest(name, known)
        )
    return known[name]()
