"""The amplitude of a design: taken from a table at the operating point, or searched for by simulation, per module if asked."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import files, provenance
from ..errors import CoverageError, ParameterError, SimulationError
from .engines import JobRunner, results_of, simulator_identity
from .flow import Flow
from .grid import Axis
from .journal import Journal, Row
from .runner import Progress, evaluate
from .specification import OperatingPoint, Specification, index_on
from .table import STATUS, LookupTable, Measure
from .table_file import read_table

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


def search(
    flow: Flow, *, workers: int | None = None, simulator: JobRunner | str | None = None, out: str | Path | None = None, progress: Progress | None = None
) -> LookupTable:
    """Search the operating points of a flow by bisection and simulate the other conditions there; the table is sparse.

    Every group of samples with one amplitude (a module, a temperature, ...; see
    :class:`~spinbnn.characterize.specification.OperatingPoint`) is bisected on the values of the amplitude's axis, at the
    typical condition: ``1 + floor(log2(n))`` samples at most for n values. A sample that fails ends the search of its
    group. Samples are those of the full grid of the flow, with the same draws; those not needed stay ``not_measured``.

    Parameters
    ----------
    flow : Flow
        With an operating point.
    workers : int, optional
        Simulator processes.
    simulator : str or JobRunner, optional
        As of :func:`~spinbnn.characterize.run_flow`.
    out : str or Path, optional
        HDF5 file; while the search runs its journal stands beside it, and a killed search resumes. A table of the same
        flow and simulator is returned as it is.
    progress : callable, optional
        Called with (done, expected at most).

    Raises
    ------
    ParameterError
        If the flow has no operating point.
    CoverageError
        If ``out`` holds a table of another flow or simulator.
    SimulationError
        If every sample failed.
    """
    point = flow.specification.operating_point
    if point is None:
        raise ParameterError("the flow has no operating point to search for", where=flow.origin, value=flow.name, remedy="add [operating_point] with axis, measure and target")
    identity = (flow.content_hash, simulator_identity(simulator, None, flow.bench.engine))
    target = None if out is None else Path(out)
    if target is not None and target.exists():
        former = read_table(target)
        if (former.attributes.get("flow_hash"), former.attributes.get("simulator")) != identity:
            raise CoverageError("the file holds a table of another flow or simulator", where=str(target), value=former.name, remedy="give another --out, or remove the file")
        return former
    if target is None:
        return _Search(flow, point, workers, simulator, None, progress).table(identity)
    with Journal(target.with_name(target.name + ".journal"), *identity, size=flow.grid.size, measures=flow.measures) as journal:
        table = _Search(flow, point, workers, simulator, journal, progress).table(identity)
        table.save(target)
        journal.remove()
    return table


class _Search:
    """One search: the rows so far, and what simulates those that are missing."""

    def __init__(self, flow: Flow, point: OperatingPoint, workers: int | None, simulator: JobRunner | str | None, journal: Journal | None, progress: Progress | None) -> None:
        self.flow, self.point, self.journal, self.progress = flow, point, journal, progress
        self.results = results_of(workers, None, simulator, flow.bench.engine)
        self.rows: dict[int, Row] = {k: row for k, row in (journal.rows if journal else {}).items() if row.status in ("ok", "failed")}
        self.resumed, self.sample = len(self.rows), flow.sampler()
        names = [axis.name for axis in flow.grid.axes]
        self.position = names.index(point.axis)
        self.others = tuple(axis for axis in flow.grid.axes if axis.name != point.axis)
        self.count = len(flow.grid.axes[self.position].values)
        shape = tuple(len(axis.values) for axis in self.others)
        places = np.moveaxis(np.arange(flow.grid.size).reshape(flow.grid.shape), self.position, -1)
        self.every = places.reshape(-1, self.count)  # other conditions x amplitudes
        fixed = typical_indices(self.others, point, flow.specification)
        grid = np.indices(shape).reshape(len(shape), -1)
        home = grid.copy()  # of every condition: where its group is searched
        for dimension, k in fixed.items():
            home[dimension] = k
        self.home = np.asarray(np.ravel_multi_index(tuple(home), shape)) if shape else np.zeros(1, dtype=int)
        self.groups = sorted({int(g) for g in self.home})
        self.most = len(self.groups) * self.count.bit_length() + int(self.every.shape[0])

    def table(self, identity: tuple[str, str]) -> LookupTable:
        low, high = dict.fromkeys(self.groups, -1), dict.fromkeys(self.groups, self.count)
        active = set(low)
        while active := {g for g in active if high[g] - low[g] > 1}:
            trial = {g: (low[g] + high[g]) // 2 for g in sorted(active)}
            self._run([int(self.every[g, k]) for g, k in trial.items()])
            for g, k in trial.items():
                value = self._value(int(self.every[g, k]))
                if np.isnan(value):
                    active.discard(g)
                elif value <= self.point.target:
                    low[g] = k
                else:
                    high[g] = k
        chosen = {g: self._nearest(g) for g in self.groups}
        self._run([int(self.every[c, best]) for c in range(self.home.size) if (best := chosen[int(self.home[c])]) is not None])
        return self._table(identity)

    def _value(self, index: int) -> float:
        return self.rows[index].values.get(self.point.measure, np.nan)

    def _nearest(self, group: int) -> int | None:
        known = [(abs(v - self.point.target), k) for k in range(self.count) if (i := int(self.every[group, k])) in self.rows and not np.isnan(v := self._value(i))]
        return min(known)[1] if known else None

    def _run(self, indices: list[int]) -> None:
        missing = sorted({i for i in indices if i not in self.rows})
        samples = [self.sample(i) for i in missing]
        with closing(self.results(self.flow.bench.deck(s) for s in samples)) as answers:
            for index, sample in zip(missing, samples, strict=True):
                result = next(answers, None)
                if result is None:
                    raise SimulationError("the simulator gave fewer results than it got jobs", where=f"flow {self.flow.name!r}, sample {index}", value=len(self.rows), remedy="its run() must yield one result for each job")
                self.rows[index] = evaluate(self.flow, sample, result)
                if self.journal is not None:
                    self.journal.add(index, self.rows[index])
                if self.progress:
                    self.progress(len(self.rows), self.most, "")

    def _table(self, identity: tuple[str, str]) -> LookupTable:
        flow, shape, total = self.flow, self.flow.grid.shape, self.flow.grid.size
        status, rung = np.full(total, STATUS["not_measured"], dtype=np.uint8), np.zeros(total, dtype=np.uint8)
        data = {name: np.full(total, np.nan) for name in flow.measures}
        for index, row in self.rows.items():
            status[index], rung[index] = STATUS[row.status], row.rung
            for name, value in row.values.items():
                data[name][index] = value
        messages = {index: row.message for index, row in sorted(self.rows.items()) if row.message}
        logs = {index: row.log for index, row in sorted(self.rows.items()) if row.log}
        if not np.any(status == 0):
            raise SimulationError("all samples of the search failed", where=f"flow {flow.name!r}", value=next(iter(messages.values()), ""), remedy="run 'spinbnn doctor'; try one point with 'spinbnn characterize'")
        bench = flow.bench
        made = provenance.record(flow.seed, flow=flow.name, flow_hash=identity[0], bench=bench.name, bench_hash=files.content_hash(bench.identity()), simulator=identity[1])
        measures = {n: Measure(name=n, unit=bench.measures[n][0], description=bench.measures[n][1], data=data[n].reshape(shape)) for n in flow.measures}
        own = {**made, **bench.attributes(), "notes": bench.notes(), "simulated": len(self.rows) - self.resumed, "resumed": self.resumed, "search": self.point.axis}
        return LookupTable(name=flow.name, grid_axes=flow.grid.axes, measures=measures, status=status.reshape(shape), rung=rung.reshape(shape), messages=messages, logs=logs, attributes=own)
