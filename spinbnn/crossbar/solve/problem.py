"""The checked question: arrays of any leading shape, brought to M matrices with K inputs each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ParameterError
from .arrays import Backend
from .tunnel import CellLaw

WHERE = "solve_array"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """M matrices (conductances, wires, active rows) with K inputs each; an argument that does not vary is held once.

    ``parameters``, ``wire_row``, ``wire_column``, ``active`` are pairs of an array (n, R, C), for active rows (n, R), and of the
    index (M,) into it. ``volts`` is (M, K, R). ``law`` is None for linear cells, whose only parameter is the conductance.
    """

    backend: Backend
    law: CellLaw | None
    parameters: tuple[tuple[Any, np.ndarray], ...]
    wire_row: tuple[Any, np.ndarray]
    wire_column: tuple[Any, np.ndarray]
    active: tuple[Any, np.ndarray]
    volts: Any
    lead: tuple[int, ...]
    order: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """M, K, rows, columns."""
        matrices, inputs, rows = self.volts.shape
        return matrices, inputs, rows, self.parameters[0][0].shape[-1]

    def restore(self, value: Any) -> Any:
        """Give an array (M, K, ...) the leading shape of the question back."""
        tail = tuple(value.shape[2:])
        value = value.reshape(tuple(self.lead[axis] for axis in self.order) + tail)
        back = list(np.argsort(self.order)) if self.order else []
        return self.backend.permute(value, [int(a) for a in back] + list(range(len(self.lead), len(self.lead) + len(tail))))


def pose(
    conductance: Any, voltages: Any, *, wire_row: Any, wire_column: Any, active: Any = None, allow_open: bool = False, where: str = WHERE
) -> Problem:
    """Check the arguments of :func:`solve_array` and bring them to the form of :class:`Problem`.

    Raises
    ------
    ParameterError
        With the argument, the index of the first offending entry, its value and a remedy.

    Examples
    --------
    >>> problem = pose(np.ones((5, 1, 3, 2)), np.ones((7, 3)), wire_row=1.0, wire_column=0.0)
    >>> problem.shape, problem.restore(np.zeros((5, 7, 2))).shape
    ((5, 7, 3, 2), (5, 7, 2))
    """
    law = conductance if isinstance(conductance, CellLaw) else None
    raw = law.parameters if law is not None else (conductance,)
    backend = Backend([*raw, voltages, wire_row, wire_column, active])
    parameters = [_number(backend, value, f"{where}, {'a parameter of the cells' if law else 'conductance'}") for value in raw]
    volts = _number(backend, voltages, f"{where}, voltages")
    wires = [_number(backend, value, f"{where}, {name}") for name, value in (("wire_row", wire_row), ("wire_column", wire_column))]
    shape = _broadcast([tuple(p.shape) for p in parameters], "the parameters of the cells", where)
    if len(shape) < 2 or 0 in shape:
        raise ParameterError("conductances need the shape (..., R, C), with at least one row and one column", where=f"{where}, conductance", value=tuple(shape), remedy="give one number per cell; a column of R cells is (R, 1)")  # fmt: skip
    rows, columns = shape[-2:]
    if law is None:
        low = parameters[0] < 0.0 if allow_open else parameters[0] <= 0.0
        _refuse(backend, low, parameters[0], "conductance that is not positive", f"{where}, conductance", "give conductances > 0 in siemens; an open cell is 0 with allow_open=True, a switched-off row is active=False")  # fmt: skip
    if volts.ndim < 1 or volts.shape[-1] != rows:
        raise ParameterError(f"voltages do not fit the array: {rows} rows need the shape (..., {rows})", where=f"{where}, voltages", value=tuple(volts.shape), remedy="the last axis of the voltages counts the rows, the last but one of the conductances too")  # fmt: skip
    for name, wire in zip(("wire_row", "wire_column"), wires, strict=True):
        _refuse(backend, wire < 0.0, wire, "negative wire resistance", f"{where}, {name}", "give ohms per segment; 0 is an ideal wire")
        fits = wire.ndim == 0 or (wire.ndim >= 2 and wire.shape[-2] in (1, rows) and wire.shape[-1] in (1, columns))
        if not fits:
            raise ParameterError("wire resistances that do not fit the array", where=f"{where}, {name}", value=tuple(wire.shape), remedy=f"give one number, or one per segment: (..., {rows}, {columns})")  # fmt: skip
    on = backend.array(np.ones(rows, bool), boolean=True) if active is None else _active(backend, active, rows, where)
    leads = [tuple(shape[:-2]), *(tuple(w.shape[:-2]) for w in wires), tuple(on.shape[:-1])]
    matrix = _broadcast(leads, "conductances, wires and active rows", where)
    lead = _broadcast([matrix, tuple(volts.shape[:-1])], "conductances and voltages", where)
    matrix = (1,) * (len(lead) - len(matrix)) + matrix
    axes = [axis for axis in range(len(lead)) if matrix[axis] > 1]
    order = axes + [axis for axis in range(len(lead)) if matrix[axis] <= 1]
    count = math.prod(lead[a] for a in axes)
    xp = backend.module
    spread = backend.permute(xp.broadcast_to(volts, (*lead, rows)), [*order, len(lead)]).reshape(count, -1, rows) if math.prod(lead) else volts
    if not math.prod(lead):
        raise ParameterError("no input", where=f"{where}, voltages", value=tuple(lead), remedy="give at least one input; every leading axis needs a size > 0")

    def flat(value: Any, tail: tuple[int, ...]) -> tuple[Any, np.ndarray]:
        own = tuple(value.shape[: value.ndim - len(tail)]) if value.ndim >= len(tail) else ()
        full = xp.broadcast_to(value, own + tail).reshape((-1, *tail))
        full = np.ascontiguousarray(full) if backend.name == "numpy" else full
        padded = (1,) * (len(lead) - len(own)) + own
        index = np.arange(math.prod(own)).reshape([padded[a] for a in axes])
        return full, np.ascontiguousarray(np.broadcast_to(index, [lead[a] for a in axes])).reshape(-1)

    cells = (rows, columns)
    return Problem(
        backend=backend, law=law, parameters=tuple(flat(p, cells) for p in parameters), wire_row=flat(wires[0], cells),
        wire_column=flat(wires[1], cells), active=flat(on, (rows,)), volts=spread, lead=tuple(lead), order=tuple(order),
    )  # fmt: skip


def _number(backend: Backend, value: Any, where: str) -> Any:
    """Return finite float64 numbers."""
    try:
        result = backend.array(value)
    except (TypeError, ValueError) as error:
        raise ParameterError("not numbers", where=where, value=value, remedy="give an array of real numbers") from error
    _refuse(backend, ~backend.module.isfinite(result), result, "a number that is not finite", where, "give finite SI numbers")
    return result


def _active(backend: Backend, value: Any, rows: int, where: str) -> Any:
    number = _number(backend, value, f"{where}, active")
    _refuse(backend, (number != 0.0) & (number != 1.0), number, "active rows are true or false", f"{where}, active", "give booleans, or 0 and 1")
    if number.ndim < 1 or number.shape[-1] != rows:
        raise ParameterError(f"active rows do not fit the array: {rows} rows need the shape (..., {rows})", where=f"{where}, active", value=tuple(number.shape), remedy="one truth value per row")  # fmt: skip
    return number != 0.0


def _refuse(backend: Backend, bad: Any, value: Any, what: str, where: str, remedy: str) -> None:
    """Raise with the place and the value of the first bad entry."""
    if not bool(bad.any()):
        return
    place = tuple(int(i) for i in np.argwhere(backend.numpy(bad))[0])
    raise ParameterError(what, where=f"{where}{list(place) if place else ''}", value=float(backend.numpy(value)[place]), remedy=remedy)


def _broadcast(shapes: list[tuple[int, ...]], what: str, where: str) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ParameterError(f"leading shapes of {what} do not fit", where=where, value=shapes, remedy="leading axes broadcast as in numpy: equal, or 1") from None
