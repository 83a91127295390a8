"""The amplitude of a design, taken from a table at the operating point; :mod:`.search` finds it by simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grid import Axis
from .search import search as search
from .specification import OperatingPoint as OperatingPoint
from .specification import Specification, typical_indices
from .specification import typical_index as typical_index
from .table import STATUS, LookupTable
from .table import Measure as Measure

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operated:
    """A table at its operating point: what a signed datasheet is about.

    Attributes
    ----------
    axes : tuple of Axis
        Conditions and draws; the amplitude is no longer among them.
    values : mapping of str to ndarray
        Measures, shape of ``axes``; NaN where the sample is not ok or the measure is undefined.
    status : ndarray of uint8
        Status of the samples, see :data:`~spinbnn.characterize.table.STATUS`; not_measured where no amplitude was found.
    amplitude : ndarray or None
        Amplitude of every sample [unit of its axis], NaN where none was found; None without an operating point.
    amplitude_axis : Axis or None
        Its axis.
    index : ndarray of int
        Place of each sample in the table, row-major; -1 where there is none.
    """

    axes: tuple[Axis, ...]
    values: Mapping[str, Array]
    status: NDArray[np.uint8]
    amplitude: Array | None
    amplitude_axis: Axis | None
    index: NDArray[np.int64]


def operate(table: LookupTable, specification: Specification) -> Operated:
    """Take the samples at the operating point out of a table. Nothing is interpolated: every number was simulated.

    In each group of samples with one amplitude it is the one whose measure at the typical condition is nearest to the
    target, of those that are ok; of two equally near, the lower. Where a sample that a search looked at failed or left the
    measure undefined, the bisection did not reach its end: the whole group counts as failed, and has no values.

    Parameters
    ----------
    table : LookupTable
        Table of the flow; it may be sparse, as :func:`search` makes it.
    specification : Specification
        Of the flow.

    Raises
    ------
    ParameterError
        If the typical condition leaves an axis open that the search needs.

    Examples
    --------
    >>> volts = Axis(name="set_voltage", unit="V", description="", values=(0.9, 1.0, 1.1))
    >>> p = Measure(name="p_drop", unit="1", description="", data=np.array([0.1, 0.45, 0.9]))
    >>> table = LookupTable(name="demo", grid_axes=(volts,), measures={"p_drop": p}, status=np.zeros(3, np.uint8))
    >>> point = OperatingPoint(axis="set_voltage", measure="p_drop", target=0.5)
    >>> float(operate(table, Specification(operating_point=point)).amplitude)
    1.0
    """
    everything = np.arange(table.status.size).reshape(table.shape)
    point = specification.operating_point
    if point is None:
        data = {name: np.where(table.status == 0, m.data, np.nan) for name, m in table.measures.items()}
        return Operated(axes=table.grid_axes, values=data, status=table.status, amplitude=None, amplitude_axis=None, index=everything)
    position = list(table.axes).index(point.axis)
    others = tuple(axis for axis in table.grid_axes if axis.name != point.axis)
    status = np.moveaxis(table.status, position, -1)
    reference = np.where(status == 0, np.moveaxis(table.values(point.measure), position, -1), np.nan)
    for dimension, k in typical_indices(others, point, specification).items():
        reference = np.take(reference, [k], dimension)
    distance = np.where(np.isnan(reference), np.inf, np.abs(reference - point.target))
    shape = tuple(len(axis.values) for axis in others)
    chosen = np.broadcast_to(np.argmin(distance, axis=-1), shape)
    known = np.broadcast_to(np.any(np.isfinite(distance), axis=-1), shape)

    def at(array: NDArray[Any]) -> NDArray[Any]:
        return np.take_along_axis(np.moveaxis(array, position, -1), chosen[..., None], axis=-1)[..., 0]

    found = np.where(known, at(table.status), np.uint8(STATUS["not_measured"])).astype(np.uint8)
    if table.attributes.get("search"):
        looked = status != STATUS["not_measured"]
        for dimension, k in typical_indices(others, point, specification).items():
            looked = np.take(looked, [k], dimension)
        broken = np.broadcast_to(np.any(looked & np.isnan(reference), axis=-1), shape)
        found = np.where(known & broken, np.uint8(STATUS["failed"]), found).astype(np.uint8)
    values = {name: np.where(found == 0, at(m.data), np.nan) for name, m in table.measures.items()}
    amplitude = np.where(known, table.grid_axes[position].coordinates.astype(float)[chosen], np.nan)
    return Operated(
        axes=others, values=values, status=found, amplitude=amplitude, amplitude_axis=table.grid_axes[position],
        index=np.where(known, at(everything), -1),
    )  # fmt: skip
