"""What a flow demands of its measures: limits and what they apply to, the typical condition, the operating point, the area."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..circuit.flow_keys import known_keys, text
from ..errors import ParameterError, suggest
from ..units import quantity
from .bench import Bench
from .grid import Axis, Grid, Value

APPLIES = ("all", "yield", "typical")
"""What a limit applies to: every condition and draw; the share of draws; the typical value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A specification of one measure, in SI units.

    Parameters
    ----------
    minimum, maximum : float
        Bounds, both within the limit [unit of the measure].
    typical : float
        Nominal value, for the reader; NaN if there is none [unit of the measure].
    applies : {"all", "yield", "typical"}
        "all": every value, at all conditions and of all draws, lies within; a sample that failed does not. "yield": the
        share of draws that lie within at all conditions is at least ``share``. "typical": the typical value lies within.
    share : float
        Share of draws that a limit of yield demands [1].

    Examples
    --------
    >>> limit = Limit(minimum=0.45, maximum=0.55)
    >>> limit.margin(0.47), limit.margin(0.56)
    (0.019999999999999962, -0.010000000000000009)
    """

    minimum: float = -math.inf
    maximum: float = math.inf
    typical: float = math.nan
    applies: str = "all"
    share: float = 1.0

    def margin(self, value: float) -> float:
        """Return how far a value lies within, negative outside [unit of the measure]."""
        return min(value - self.minimum, self.maximum - value)

    def holds(self, value: float) -> bool:
        """Say whether a value lies within; NaN does not."""
        return self.minimum <= value <= self.maximum


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """How the amplitude of a design is set: by search for a target, once for all or for each value of some axes.

    Parameters
    ----------
    axis : str
        Axis that is set, along which the measure rises.
    measure : str
        Measure that is to be near the target.
    target : float
        Target [unit of the measure].
    per : tuple of str
        Axes with an amplitude of their own for each value: ``draw`` for a module that is trimmed, ``temperature`` for one
        whose code follows the temperature. At the other axes the search takes the typical condition.
    """

    axis: str
    measure: str
    target: float
    per: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaLimit:
    """Layout rules that the area of a deck is estimated by, and the most that it may be [m^2]."""

    layout: str
    maximum: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """All that a datasheet needs of a flow beside its table.

    Attributes
    ----------
    limits : mapping of str to Limit
        By measure.
    typical : mapping of str to float or str
        Condition of the typical values: axis -> value in SI units; an axis of one value needs none.
    operating_point : OperatingPoint or None
        None: every value of the amplitude axis is a condition.
    area : AreaLimit or None
        None: no area.
    """

    limits: Mapping[str, Limit] = field(default_factory=dict)
    typical: Mapping[str, Value] = field(default_factory=dict)
    operating_point: OperatingPoint | None = None
    area: AreaLimit | None = None

    @property
    def of_every_sample(self) -> dict[str, Limit]:
        """Limits that hold for each sample of a full table, whatever its amplitude."""
        return {} if self.operating_point else {name: limit for name, limit in self.limits.items() if limit.applies == "all"}


def read_specification(data: Mapping[str, Any], bench: Bench, grid: Grid, measures: Sequence[str], where: str) -> Specification:
    """Read ``limits``, ``typical``, ``operating_point`` and ``area`` of a flow file.

    Raises
    ------
    ParameterError, UnitError
        If a key is unknown, of a wrong type or unit, or names a measure or an axis that the flow does not have.
    """
    return Specification(
        limits=_limits(data.get("limits", {}), bench, measures, where),
        typical=_typical(data.get("typical", {}), bench, grid, f"{where}, typical"),
        operating_point=_operating_point(data["operating_point"], bench, grid, measures, f"{where}, operating_point") if "operating_point" in data else None,
        area=_area(data["area"], f"{where}, area") if "area" in data else None,
    )


def _limits(data: Any, bench: Bench, measures: Sequence[str], where: str) -> dict[str, Limit]:
    if not isinstance(data, Mapping):
        raise ParameterError("a TOML table is needed here", where=f"{where}, limits", value=data, remedy="[limits.p_reset_fail] with minimum and maximum")
    out = {}
    for name, entry in data.items():
        place = f"{where}, limits.{name}"
        if name not in measures:
            raise ParameterError("a limit names a measure that the flow does not take", where=place, value=name, remedy=suggest(name, measures))
        known_keys(entry, {"minimum", "typical", "maximum", "applies", "yield"}, place)
        numbers = {k: quantity(entry[k], bench.measures[name][0], where=f"{place}.{k}") for k in ("minimum", "typical", "maximum") if k in entry}
        applies = entry.get("applies", "yield" if "yield" in entry else "all")
        if applies not in APPLIES:
            raise ParameterError("a limit applies to something else", where=f"{place}.applies", value=applies, remedy=suggest(str(applies), APPLIES))
        if (applies == "yield") != ("yield" in entry):
            raise ParameterError("a limit of yield has a yield, and only such a one", where=place, value=dict(entry), remedy='applies = "yield", yield = 0.99')
        share = quantity(entry.get("yield", 1.0), "1", where=f"{place}.yield")
        if not 0 < share <= 1:
            raise ParameterError("a yield is a share", where=f"{place}.yield", value=entry["yield"], remedy="0 < yield <= 1, e.g. 0.99")
        limit = Limit(**numbers, applies=applies, share=share)
        if not {"minimum", "maximum"} & set(numbers) or not limit.minimum <= limit.maximum:
            raise ParameterError("a limit needs minimum <= maximum, or one of them", where=place, value=dict(entry), remedy="no value could pass, or every one would")
        if "typical" in numbers and not limit.holds(limit.typical):
            raise ParameterError("the typical value lies outside its own limit", where=f"{place}.typical", value=entry["typical"], remedy="minimum <= typical <= maximum")
        out[name] = limit
    return out


def _typical(data: Any, bench: Bench, grid: Grid, place: str) -> dict[str, Value]:
    axes = {axis.name: axis for axis in grid.axes if axis.name != "draw"}
    known_keys(data, axes, place)
    out: dict[str, Value] = {}
    for name, given in data.items():
        axis = axes[name]
        value: Value = text(given, f"{place}.{name}") if axis.named else quantity(given, axis.unit, where=f"{place}.{name}")
        out[name] = axis.values[index_on(axis.values, value, f"{place}.{name}")]
    return out


def index_on(values: Sequence[Value], value: Value, where: str) -> int:
    """Return where a value stands on an axis, to 1e-9 of it.

    Raises
    ------
    ParameterError
        If it does not.
    """
    for k, known in enumerate(values):
        if known == value or (not isinstance(value, str) and not isinstance(known, str) and math.isclose(known, value, rel_tol=1e-9)):
            return k
    raise ParameterError("the axis does not have this value", where=where, value=value, remedy=f"one of {list(values)[:12]}")


def typical_indices(axes: tuple[Axis, ...], point: OperatingPoint, specification: Specification) -> dict[int, int]:
    """Return dimension -> index of the typical condition, for the axes that share an amplitude.

    Raises
    ------
    ParameterError
        If an axis of several values has no typical one.
    """
    out = {}
    for dimension, axis in enumerate(axes):
        if axis.name not in point.per:
            out[dimension] = typical_index(axis, specification, "operating_point")
    return out


def typical_index(axis: Axis, specification: Specification, what: str) -> int:
    """Return where the typical condition stands on an axis; an axis of one value needs none."""
    if axis.name in specification.typical:
        return index_on(axis.values, specification.typical[axis.name], f"typical.{axis.name}")
    if len(axis.values) > 1:
        raise ParameterError(f"the {what} needs a typical condition on this axis", where=f"axis {axis.name!r}", value=list(axis.values)[:12], remedy=f"name it in [typical], or put {axis.name!r} into operating_point.per")
    return 0


def _operating_point(data: Any, bench: Bench, grid: Grid, measures: Sequence[str], place: str) -> OperatingPoint:
    known_keys(data, {"axis", "measure", "target", "per"}, place)
    for key in ("axis", "measure", "target"):
        if key not in data:
            raise ParameterError("a key is missing", where=place, value=key, remedy='axis = "code", measure = "p_drop", target = 0.5, per = ["draw"]')
    axis, measure, per = text(data["axis"], f"{place}.axis"), text(data["measure"], f"{place}.measure"), data.get("per", [])
    names = [a.name for a in grid.axes if a.name != "draw" and not a.named]
    if axis not in names:
        raise ParameterError("the flow has no such axis of numbers", where=f"{place}.axis", value=axis, remedy=suggest(axis, names))
    if measure not in measures:
        raise ParameterError("the flow does not take this measure", where=f"{place}.measure", value=measure, remedy=suggest(measure, measures))
    others = [a.name for a in grid.axes if a.name != axis]
    if not isinstance(per, list) or len(set(map(str, per))) < len(per):
        raise ParameterError("a list of axes is needed here", where=f"{place}.per", value=per, remedy='per = ["draw"]')
    for name in per:
        if name not in others:
            raise ParameterError("the flow has no such axis", where=f"{place}.per", value=name, remedy=suggest(str(name), others))
    return OperatingPoint(axis=axis, measure=measure, target=quantity(data["target"], bench.measures[measure][0], where=f"{place}.target"), per=tuple(per))


def _area(data: Any, place: str) -> AreaLimit:
    known_keys(data, {"layout", "maximum"}, place)
    if "layout" not in data:
        raise ParameterError("a key is missing", where=place, value="layout", remedy='layout = "layout_cmos40lp"')
    maximum = quantity(data["maximum"], "m^2", where=f"{place}.maximum") if "maximum" in data else math.inf
    if not maximum > 0:
        raise ParameterError("an area must be > 0", where=f"{place}.maximum", value=data["maximum"], remedy='maximum = "50 um^2"')
    return AreaLimit(layout=text(data["layout"], f"{place}.layout"), maximum=maximum)
