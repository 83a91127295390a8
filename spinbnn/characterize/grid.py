"""Named axes with units, and the canonical order of their points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..units import quantity

Value = float | str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis: its values in SI units, or names.

    Attributes
    ----------
    name, unit, description : str
        As written into tables; names have the unit ``""``.
    values : tuple of float or str
        Ascending numbers, or names in the file's order.
    """

    name: str
    unit: str
    description: str
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ParameterError("an axis needs at least one value", where=f"axis {self.name!r}", remedy="give values = [...]")
        if len(set(self.values)) != len(self.values):
            raise ParameterError("an axis repeats a value", where=f"axis {self.name!r}", value=list(self.values), remedy="list each value once")
        if not self.named and list(self.values) != sorted(self.values, key=float):
            raise ParameterError("an axis must ascend", where=f"axis {self.name!r}", value=list(self.values), remedy="sort its values")

    @property
    def named(self) -> bool:
        """Whether the values are names."""
        return isinstance(self.values[0], str)

    @property
    def coordinates(self) -> np.ndarray:
        """The values as an array."""
        return np.asarray(self.values)


def read_axis(name: str, entry: Any, unit: str, description: str, *, where: str) -> Axis:
    """Read one axis of a flow file: ``values``, ``start/stop/points`` (``scale = "log"`` for a geometric one) or ``count``.

    Raises
    ------
    ParameterError, UnitError
        If the entry is malformed or a value has no or another unit.

    Examples
    --------
    >>> read_axis("set_voltage", {"start": "0.9 V", "stop": "1.1 V", "points": 3}, "V", "", where="f").values
    (0.9, 1.0, 1.1)
    """
    place = f"{where}, axes.{name}"
    if not isinstance(entry, Mapping):
        raise ParameterError("an axis is a TOML table", where=place, value=entry, remedy='{ values = ["1 V"] } or { start, stop, points }')
    keys = set(entry)
    if keys == {"count"}:
        return Axis(name=name, unit=unit, description=description, values=tuple(range(_whole(entry["count"], f"{place}.count"))))
    if keys == {"values"}:
        if not isinstance(entry["values"], list):
            raise ParameterError("values must be a list", where=place, value=entry["values"], remedy="values = [...]")
        if unit == "":
            return Axis(name=name, unit="", description=description, values=tuple(str(v) for v in entry["values"]))
        return Axis(name=name, unit=unit, description=description, values=tuple(sorted(quantity(v, unit, where=place) for v in entry["values"])))
    if keys - {"scale"} == {"start", "stop", "points"}:
        start, stop = (quantity(entry[k], unit, where=f"{place}.{k}") for k in ("start", "stop"))
        points, scale = _whole(entry["points"], f"{place}.points"), entry.get("scale", "linear")
        if points < 2 or stop <= start or scale not in ("linear", "log") or (scale == "log" and start <= 0):
            raise ParameterError("not a range", where=place, value=dict(entry), remedy="points >= 2, start < stop, scale linear or log (start > 0)")
        spaced = np.linspace(start, stop, points) if scale == "linear" else np.geomspace(start, stop, points)
        return Axis(name=name, unit=unit, description=description, values=tuple(float(f"{v:.12g}") for v in spaced))
    raise ParameterError("an axis has other keys than it may", where=place, value=sorted(keys), remedy="give values, or start/stop/points[/scale], or count")


def _whole(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ParameterError("a whole number > 0 is needed", where=where, value=value, remedy="e.g. 32")
    return value


@dataclass(frozen=True, slots=True)
class Grid:
    """The product of axes, in row-major order (the last axis runs fastest).

    Examples
    --------
    >>> grid = Grid((read_axis("v", {"values": ["1 V", "2 V"]}, "V", "", where="f"), read_axis("draw", {"count": 2}, "", "", where="f")))
    >>> grid.shape, [tuple(p.values()) for p in grid.points()]
    ((2, 2), [(1.0, 0), (1.0, 1), (2.0, 0), (2.0, 1)])
    """

    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values along each axis."""
        return tuple(len(axis.values) for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of points."""
        return int(np.prod(self.shape))

    def point(self, index: int) -> dict[str, Value]:
        """Return the coordinates of one point by its place in row-major order."""
        where: Sequence[int] = [int(i) for i in np.unravel_index(index, self.shape)]
        return {axis.name: axis.values[i] for axis, i in zip(self.axes, where, strict=True)}

    def points(self) -> Iterator[dict[str, Value]]:
        """Yield the coordinates of every point in canonical order."""
        return (self.point(i) for i in range(self.size))
