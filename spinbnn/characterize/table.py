"""Lookup tables: measured values on a named grid, with status, units and provenance, in HDF5."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import files, resources
from ..errors import CoverageError, ParameterError, suggest
from ..tables import Cell, Column, Table
from .grid import Axis

STATUS = {"ok": 0, "not_measured": 1, "failed": 2, "timeout": 3, "crashed": 4}
"""Meaning of the status of a cell."""
IDENTITY = ("flow_hash", "device", "device_hash", "technology", "technology_hash", "barrier", "simulator", "seed")
"""Attributes that say what the numbers are of; the content hash covers them."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Values of one measure over the grid; NaN where the cell's status is not ok or the measure is undefined."""

    name: str
    unit: str
    description: str
    data: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupTable:
    """Measured values on a grid.

    Attributes
    ----------
    name : str
        Name of the flow.
    grid_axes : tuple of Axis
        Axes in the order of the arrays' dimensions.
    measures : mapping of str to Measure
        Arrays of shape ``table.shape``.
    status : ndarray of uint8
        0 = ok; see ``STATUS``.
    attributes : mapping
        Schema, hashes, versions, seed, command and time (JSON-able).
    messages : mapping of int to str
        What the simulator said at cells that are not ok, by row-major index.
    logs : mapping of int to str
        End of the simulator's log at such cells, where there is one.
    rung : ndarray of uint8 or None
        Level of the numerics ladder that gave each cell's answer (0: the bench's own options); None if not recorded.

    Notes
    -----
    The file opens in xarray (``xarray.open_dataset(path, engine="h5netcdf")``): axes are dimension scales with units.

    Examples
    --------
    >>> axis = Axis(name="set_voltage", unit="V", description="", values=(0.9, 1.1))
    >>> measure = Measure(name="p_drop", unit="1", description="", data=np.array([0.2, 0.6]))
    >>> table = LookupTable(name="demo", grid_axes=(axis,), measures={"p_drop": measure}, status=np.zeros(2, np.uint8))
    >>> round(table.at("p_drop", set_voltage=1.0), 12)
    0.4
    """

    name: str
    grid_axes: tuple[Axis, ...]
    measures: Mapping[str, Measure]
    status: NDArray[np.uint8]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    messages: Mapping[int, str] = field(default_factory=dict)
    rung: NDArray[np.uint8] | None = None
    logs: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rung is not None and self.rung.shape != self.shape:
            raise ParameterError("rung and axes differ in shape", where=f"table {self.name!r}", value=self.rung.shape, remedy=f"shape {self.shape}")
        if self.status.shape != self.shape:
            raise ParameterError("status and axes differ in shape", where=f"table {self.name!r}", value=self.status.shape, remedy=f"shape {self.shape}")
        for measure in self.measures.values():
            if measure.data.shape != self.shape:
                raise ParameterError("a measure and the axes differ in shape", where=f"table {self.name!r}, {measure.name}", value=measure.data.shape, remedy=f"shape {self.shape}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values along each axis."""
        return tuple(len(axis.values) for axis in self.grid_axes)

    @property
    def axes(self) -> dict[str, NDArray[Any]]:
        """Coordinates by axis name, in the order of the dimensions."""
        return {axis.name: axis.coordinates for axis in self.grid_axes}

    @property
    def complete(self) -> bool:
        """Whether every cell is ok."""
        return bool(np.all(self.status == STATUS["ok"]))

    def values(self, measure: str) -> Array:
        """Return the array of one measure [its unit]; NaN where the cell is not ok.

        Raises
        ------
        CoverageError
            If the table does not hold the measure.
        """
        return self._measure(measure).data

    def units(self, measure: str) -> str:
        """Return the unit of a measure."""
        return self._measure(measure).unit

    def _measure(self, name: str) -> Measure:
        if name not in self.measures:
            raise CoverageError(f"table {self.name!r} holds no such measure", where="measure", value=name, remedy=suggest(name, self.measures))
        return self.measures[name]

    def at(self, measure: str | None = None, *, allow_failed: bool = False, **point: float | str | int) -> Any:
        """Return values at a point: exact on names and draws, linear between numbers.

        Parameters
        ----------
        measure : str, optional
            One measure; without it a dict of all.
        allow_failed : bool
            Whether a cell that is not ok may be read (its value is NaN).
        **point
            A value for each axis, in SI units; axes left out stay as dimensions of the result.

        Returns
        -------
        float or ndarray
            Value [unit of the measure]. A measure that is undefined in an ok cell (a latency without a decision) is NaN
            there, and so is everything interpolated from it.

        Raises
        ------
        CoverageError
            Outside the grid (nothing is extrapolated), at an unknown name, or on a cell that is not ok.
        ParameterError
            If a coordinate of a numeric axis is no number.
        """
        if measure is None:
            return {name: self.at(name, allow_failed=allow_failed, **point) for name in self.measures}
        self._known_axes(point)
        data, status = self.values(measure), self.status.astype(float)
        for axis in reversed(self.grid_axes):  # from the last dimension, so that earlier positions stay
            if axis.name in point:
                position = self.grid_axes.index(axis)
                low, high, share = _locate(axis, point[axis.name], self.name)
                data, status = _blend(data, position, low, high, share), np.maximum(np.take(status, low, position), np.take(status, high, position))
        if not allow_failed and np.any(status > 0):
            raise CoverageError("a cell that is needed here was not measured or failed", where=f"table {self.name!r}, {measure}", value=dict(point), remedy="see table.failures(), measure it again, or pass allow_failed=True")
        return float(data) if data.ndim == 0 else data

    def select(self, **point: float | str | int) -> LookupTable:
        """Return the sub-table at exact values of some axes.

        Raises
        ------
        CoverageError
            If a value is not on the axis.
        """
        self._known_axes(point)
        index: list[Any] = [slice(None)] * len(self.grid_axes)
        for position, axis in enumerate(self.grid_axes):
            if axis.name in point:
                low, _, share = _locate(axis, point[axis.name], self.name)
                if share:
                    raise CoverageError("select takes values of the axis", where=f"axis {axis.name!r}", value=point[axis.name], remedy=f"one of {list(axis.values)}; at() interpolates")
                index[position] = low
        kept = tuple(a for a in self.grid_axes if a.name not in point)
        measures = {n: Measure(name=n, unit=m.unit, description=m.description, data=m.data[tuple(index)]) for n, m in self.measures.items()}
        flat = np.arange(self.status.size).reshape(self.shape)[tuple(index)].ravel()
        messages, logs = ({new: texts[int(old)] for new, old in enumerate(flat) if int(old) in texts} for texts in (self.messages, self.logs))
        rung = None if self.rung is None else self.rung[tuple(index)]
        return LookupTable(name=self.name, grid_axes=kept, measures=measures, status=self.status[tuple(index)], attributes=self.attributes, messages=messages, rung=rung, logs=logs)

    def _known_axes(self, point: Mapping[str, Any]) -> None:
        for name in point:
            if name not in self.axes:
                raise CoverageError("the table has no such axis", where=f"table {self.name!r}", value=name, remedy=suggest(name, self.axes))

    def statistics(self, measure: str, *, over: str = "draw") -> dict[str, Array]:
        """Return mean, standard deviation, quantiles and count of a measure over the draws that are ok.

        Undefined cells (NaN) are left out and counted; where none is left, the result is NaN.
        """
        data = np.where(self.status == 0, self.values(measure), np.nan)
        self._known_axes({over: 0})
        position = list(self.axes).index(over)
        count = np.sum(np.isfinite(data), axis=position)
        out = {"count": count.astype(float)}
        safe = np.where(np.expand_dims(count, position) > 0, data, 0.0)
        mean = np.nansum(safe, axis=position) / np.maximum(count, 1)
        squares = np.nansum((safe - np.expand_dims(mean, position)) ** 2, axis=position)
        out["mean"] = np.where(count > 0, mean, np.nan)
        out["std"] = np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)
        for q in QUANTILES:
            out[f"q{round(100 * q):02d}"] = np.where(count > 0, np.nanquantile(safe, q, axis=position), np.nan)
        return out

    def failures(self) -> Table:
        """Return the cells that were measured and are not ok, with what the simulator said; the index is the row-major one."""
        names = {v: k for k, v in STATUS.items()}
        rows: list[list[Cell]] = []
        for flat in np.flatnonzero(self.status > STATUS["not_measured"]).tolist():
            where = np.unravel_index(flat, self.shape)
            point = ", ".join(f"{a.name}={a.values[i]}" for a, i in zip(self.grid_axes, where, strict=True))
            rows.append([flat, point, names[int(self.status.flat[flat])], self.messages.get(flat, "")])
        return Table(f"{self.name}: {len(rows)} of {self.status.size} cells are not ok", ["index", "point", "status", "message"], rows)

    def summary(self) -> Table:
        """Return median, 5 % and 95 % quantile of every measure over the whole grid."""
        rows: list[list[Cell]] = []
        for m in self.measures.values():
            ok = m.data[(self.status == 0) & np.isfinite(m.data)]
            low, middle, high = (float(v) for v in np.quantile(ok, [0.05, 0.5, 0.95])) if ok.size else (math.nan,) * 3
            rows.append([m.name, m.unit, low, middle, high, m.description])
        heads: list[Column | str] = ["measure", "unit", Column("5 %"), Column("median"), Column("95 %"), "meaning"]
        absent = int(np.sum(self.status == STATUS["not_measured"]))
        title = f"{self.name}: {self.status.size} samples, {int(np.sum(self.status > 0)) - absent} not ok"
        title += f", {absent} not measured" if absent else ""
        if self.rung is not None and np.any(self.rung > 0):
            title += f", {int(np.sum(self.rung > 0))} needed other numerics (rung 1 to {int(self.rung.max())})"
        return Table(title, heads, rows)

    @property
    def content_hash(self) -> str:
        """sha256 of axes, units, values, status, rungs and the attributes in ``IDENTITY`` (not of time or versions)."""
        head = files.content_hash({
            "axes": [[a.name, a.unit, list(a.values)] for a in self.grid_axes],
            "measures": [[n, self.measures[n].unit] for n in sorted(self.measures)],
            "identity": {key: self.attributes.get(key) for key in IDENTITY},
            "rung": self.rung is not None,
        })  # fmt: skip
        body = b"".join(np.ascontiguousarray(self.measures[n].data, dtype="<f8").tobytes() for n in sorted(self.measures))
        rung = b"" if self.rung is None else self.rung.astype(np.uint8).tobytes()
        return files.content_hash(head.encode() + body + self.status.astype(np.uint8).tobytes() + rung)

    def save(self, path: str | Path) -> Path:
        """Write the table as HDF5, whole or not at all.

        Raises
        ------
        DataError
            If the path cannot be written.
        """
        from .table_file import write_table

        return write_table(self, Path(path))

    @classmethod
    def open(cls, name_or_path: str | Path) -> LookupTable:
        """Read a table by its path, or by the name of one that comes with spinbnn.

        Raises
        ------
        DataError
            If the file is missing, damaged, of another schema, or its content hash does not match.
        """
        from .table_file import read_table

        return read_table(resources.find("table", name_or_path))

    def _repr_html_(self) -> str:
        return self.summary().to_html()


def _locate(axis: Axis, value: float | str | int, table: str) -> tuple[int, int, float]:
    """Return the two neighbours of a value on an axis and the share of the upper one; at a node both are that node."""
    place = f"table {table!r}, axis {axis.name!r}"
    if axis.named or axis.name == "draw":
        if value not in axis.values:
            raise CoverageError("not on this axis", where=place, value=value, remedy=f"one of {list(axis.values)[:12]}")
        index = axis.values.index(value)
        return index, index, 0.0
    points = axis.coordinates
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ParameterError("a coordinate of this axis is a number in SI units", where=place, value=value, remedy=f"a float [{axis.unit}]") from None
    slack = 1e-9 * max(abs(points[0]), abs(points[-1]))
    if not (points[0] - slack <= number <= points[-1] + slack):
        raise CoverageError("outside the table; nothing is extrapolated", where=place, value=number, remedy=f"stay in [{points[0]:g}, {points[-1]:g}] {axis.unit}, or characterise a wider range")
    nearest = int(np.argmin(np.abs(points - number)))
    if abs(points[nearest] - number) <= slack:
        return nearest, nearest, 0.0
    high = int(np.searchsorted(points, number))
    return high - 1, high, float((number - points[high - 1]) / (points[high] - points[high - 1]))


def _blend(data: Array, position: int, low: int, high: int, share: float) -> Array:
    below = np.take(data, low, position)
    return below if share == 0.0 else (1.0 - share) * below + share * np.take(data, high, position)
