"""From a lookup table of switching probabilities to a switching model."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..device.switching.tabulated import TabulatedSwitching, counted_probability
from ..errors import CoverageError
from .table import LookupTable

AXES = ("current", "pulse", "temperature")
UNITS = ("A", "s", "K")
Array = NDArray[np.float64]


def switching_from_table(table: LookupTable, *, scale: Literal["logit", "cloglog"] = "logit") -> TabulatedSwitching:
    """Return the model that interpolates in a table of the bench ``macrospin``.

    Parameters
    ----------
    table : LookupTable
        With the axes ``current`` [A], ``pulse`` [s] and ``temperature`` [K] in any order, the measure ``p_switch`` [1], and, if
        it is there, the axis ``initial``: ``"0"`` gives the probabilities of 0 -> 1, ``"1"`` those of 1 -> 0. A further axis
        may have one value. With ``switched`` and ``trials`` a point where none or all switched counts as
        (k + 1/2)/(n + 1); with ``p_standard_error`` the model knows its errors.
    scale : {"logit", "cloglog"}
        Which transform is interpolated; see :class:`~spinbnn.device.switching.tabulated.TabulatedSwitching`.

    Raises
    ------
    CoverageError
        If an axis or the measure is missing, a further axis has several values, state 0 was not measured, or a cell is
        not ok.

    Examples
    --------
    >>> from spinbnn.characterize import Axis, Measure
    >>> axes = [Axis(name=n, unit=u, description="", values=v) for n, u, v in (
    ...     ("current", "A", (1e-4, 2e-4)), ("pulse", "s", (1e-8,)), ("temperature", "K", (300.0,)))]
    >>> p = Measure(name="p_switch", unit="1", description="", data=np.array([0.1, 0.9]).reshape(2, 1, 1))
    >>> table = LookupTable(name="demo", grid_axes=tuple(axes), measures={"p_switch": p}, status=np.zeros((2, 1, 1), np.uint8))
    >>> round(float(switching_from_table(table).current_for(0.5, 1e-8)) * 1e6, 3)
    150.0
    """
    units = {axis.name: axis.unit for axis in table.grid_axes}
    for name, unit in zip(AXES, UNITS, strict=True):
        if units.get(name) != unit:
            raise CoverageError(f"the table has no axis {name!r} [{unit}]", where=f"table {table.name!r}", value=sorted(units), remedy="characterise the bench 'macrospin'")
    for axis in table.grid_axes:
        if axis.name not in (*AXES, "initial"):
            if len(axis.values) > 1:
                raise CoverageError(f"the model has no axis {axis.name!r}", where=f"table {table.name!r}", value=list(axis.values), remedy=f"select one value: table.select({axis.name}=...)")
            table = table.select(**{axis.name: axis.values[0]})
    states = [str(v) for v in table.axes["initial"]] if "initial" in table.axes else []
    if states and "0" not in states:
        raise CoverageError("the table does not hold state 0", where=f"table {table.name!r}, axis 'initial'", value=states, remedy='initial = { values = ["0", "1"] }')
    forward = table.select(initial="0") if states else table
    backward = table.select(initial="1") if "1" in states else None
    error = _values(forward, "p_standard_error") if "p_standard_error" in table.measures else None
    current, pulse, temperature = (table.axes[name] for name in AXES)
    return TabulatedSwitching(
        current=current, pulse=pulse, temperature=temperature, probability=_probability(forward), standard_error=error, scale=scale,
        backward=None if backward is None else _probability(backward),
    )  # fmt: skip


def _probability(table: LookupTable) -> Array:
    """Return the probabilities, from the counts where the table holds them."""
    if {"switched", "trials"} <= set(table.measures):
        return counted_probability(_values(table, "switched"), _values(table, "trials"))
    return _values(table, "p_switch")


def _values(table: LookupTable, measure: str) -> Array:
    """Return a measure over current, pulse and temperature; refuse cells that are not ok."""
    data: Any = table.at(measure)
    return np.transpose(np.asarray(data), [list(table.axes).index(name) for name in AXES])
