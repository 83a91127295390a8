"""Run samples of a finished table again: for their waveforms, and to compare their measures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from ..circuit.simulator.deck import Deck, SimulationResult
from ..errors import CoverageError, ParameterError
from .engines import JobRunner, results_of
from .flow import Flow
from .grid import Grid
from .journal import Row
from .runner import _job, _wanted, evaluate
from .table import LookupTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A sample that was run again.

    Attributes
    ----------
    index : int
        Its place in canonical order.
    point : mapping of str to value
        Its coordinates, numbers in SI units.
    job : Deck or object with run()
        What was run.
    result : SimulationResult
        What became of it, with the waveforms.
    row : Row
        Status and measures.
    """

    index: int
    point: dict[str, Any]
    job: Any
    result: SimulationResult
    row: Row

    @property
    def deck(self) -> Deck:
        """The deck of ngspice.

        Raises
        ------
        ParameterError
            If the sample is not run by ngspice.
        """
        if not isinstance(self.job, Deck):
            raise ParameterError("the samples of this bench are run in Python: there is no deck and no waveform of ngspice", where=f"sample {self.index}", value=type(self.job).__name__, remedy="spinbnn table rerun measures it again")
        return self.job


def flow_of_table(table: LookupTable, flow: Flow) -> Flow:
    """Return ``flow`` with the axes of ``table``, if that is the flow that the table was measured with.

    Raises
    ------
    CoverageError
        If it is not: its samples would be others.

    Examples
    --------
    >>> from spinbnn.characterize import run_flow
    >>> from spinbnn.circuit.dropout_analytic import analytic_simulator
    >>> flow = Flow.load("dropout_module")
    >>> few = flow.with_axes(draw={"count": 1}, temperature={"values": ["25 degC"]})
    >>> flow_of_table(run_flow(few, simulator=analytic_simulator()), flow).grid.size
    63
    """
    if [a.name for a in flow.grid.axes] == [a.name for a in table.grid_axes]:
        own = replace(flow, grid=Grid(table.grid_axes))
        if own.content_hash == table.attributes.get("flow_hash"):
            return own
    raise CoverageError(
        "the table was not measured with this flow (axes, seed, cells, device, technology or the code of spinbnn differ)", where=f"table {table.name!r} and flow {flow.origin!r}",
        value=str(table.attributes.get("flow_hash"))[:16], remedy="give the flow's file with --flow, and the version of spinbnn that made the table",
    )  # fmt: skip


def replay(
    flow: Flow, indices: Iterable[int], *, workers: int | None = None, simulator: JobRunner | str | None = None, timeout: float | None = None
) -> Iterator[Replayed]:
    """Run some samples of a flow and yield them with their waveforms, ascending.

    Parameters
    ----------
    flow : Flow
        The flow.
    indices : iterable of int
        Places in canonical order.
    workers, simulator, timeout
        As of :func:`~spinbnn.characterize.run_flow`.

    Raises
    ------
    ParameterError
        If there is no such sample.

    Examples
    --------
    >>> from spinbnn.circuit.dropout_analytic import analytic_simulator
    >>> [one] = replay(Flow.load("dropout_module"), [7], simulator=analytic_simulator())
    >>> one.index, one.row.status, one.point["draw"]
    (7, 'ok', 7)
    """
    chosen = _wanted(flow, None, indices)
    asked = set(chosen)
    samples = {k: sample for k, sample in enumerate(flow.samples()) if k in asked}
    jobs = {k: _job(flow, samples[k], k) for k in chosen}
    results = results_of(workers, None, simulator, flow.bench.engine, timeout)
    with closing(results(jobs[k] for k in chosen)) as answers:
        for index, result in zip(chosen, answers, strict=True):
            yield Replayed(index=index, point=flow.grid.point(index), job=jobs[index], result=result, row=evaluate(flow, samples[index], result))


def differences(table: LookupTable, again: Replayed) -> list[str]:
    """Return what differs between a good cell of a table and its repetition, one line each; no difference is too small.

    Examples
    --------
    >>> from spinbnn.characterize import run_flow
    >>> from spinbnn.circuit.dropout_analytic import analytic_simulator
    >>> flow = Flow.load("dropout_module").with_axes(draw={"count": 1}, temperature={"values": ["25 degC"]})
    >>> table = run_flow(flow, simulator=analytic_simulator())
    >>> [again] = replay(flow, [3], simulator=analytic_simulator())
    >>> differences(table, again)
    []
    """
    if again.row.status != "ok":
        return [f"status: ok in the table, {again.row.status} now ({again.row.message})"]
    lines = []
    for name, measure in table.measures.items():
        then, now = float(measure.data.flat[again.index]), again.row.values[name]
        if then != now and not (math.isnan(then) and math.isnan(now)):
            lines.append(f"{name}: {then!r} in the table, {now!r} now [{measure.unit}]")
    return lines
