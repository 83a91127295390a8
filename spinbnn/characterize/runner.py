"""Run a flow: simulate every sample that is not yet measured, and make the lookup table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .. import files, provenance
from ..circuit.flow_keys import named
from ..circuit.simulator.deck import SimulationResult
from ..errors import CoverageError, ParameterError, SimulationError
from .engines import JobRunner, Results, results_of, same_simulator, simulator_identity
from .flow import Flow
from .journal import Journal, Row
from .shard import Shard
from .table import STATUS, LookupTable, Measure
from .table_file import read_table

Progress = Callable[[int, int, str], None]


def run_flow(
    flow: Flow | str | Path,
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    simulator: JobRunner | str | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    retry_failed: bool = False,
    shard: Shard | str | None = None,
    only: Iterable[int] | None = None,
    timeout: float | None = None,
) -> LookupTable:
    """Characterise: simulate every grid point of a flow and return its table.

    Parameters
    ----------
    flow : Flow, str or Path
        A flow, or the file or name of one.
    workers : int, optional
        Simulator processes; 1 by default. The result does not depend on it.
    executor : concurrent.futures.Executor, optional
        Runs the jobs instead (process pool, Dask, ...); a deck is run by ``NgspiceBatch`` where it lands.
    simulator : {"shared", "batch", "macrospin"} or an object with ``run(jobs)``, optional
        For benches of circuits PySpice's shared library in worker processes (the default) or ``ngspice -b``; a bench
        whose jobs are run in Python has a simulator of its own.
    out : str or Path, optional
        HDF5 file. While the run lasts a journal stands beside it (``<out>.journal``), locked against a second process:
        a killed run resumes, and a good sample is never measured again; one that timed out or crashed is, one that
        failed only if no sample is good. An existing table of the same flow and simulator is returned as it is, unless it
        lacks samples that are asked for: those are added.
    progress : callable, optional
        Called with (done, total, remark) after each sample; the remark counts those that are not ok.
    retry_failed : bool
        Measure every sample again that is not ok, also those of an existing table; good ones are kept.
    shard : Shard or str, optional
        Measure one part of the samples, ``"2/4"``; the others stay ``not_measured``, and
        :func:`~spinbnn.characterize.shard.merge_tables` puts the parts together.
    only : iterable of int, optional
        Measure these samples only, by their place in canonical order; not together with ``shard``.
    timeout : float, optional
        Longest time for one deck; 60 s without it. For the drivers of ngspice that are asked for by name. [s]

    Returns
    -------
    LookupTable
        Its ``attributes["simulated"]`` and ``attributes["resumed"]`` count the samples of this call and of former ones.

    Raises
    ------
    ParameterError
        If arguments exclude each other, or a sample that is asked for does not exist.
    SimulationError
        If every sample of the flow failed; the first message is shown, and the journal stays.
    DataError
        If ``out`` cannot be written, another process writes it, or the journal is damaged or of another flow or
        simulator.
    CoverageError
        If ``out`` holds a table of another flow or simulator.
    MissingToolError
        If ngspice is needed and not installed.

    Examples
    --------
    >>> table = run_flow("dropout_module", workers=2, out="dropout_module.h5")  # doctest: +SKIP
    """
    flow = flow if isinstance(flow, Flow) else Flow.load(flow)
    plan = _Listed(flow.grid.size, _wanted(flow, shard, only), None if shard is None else str(shard))
    return carry_out(flow, plan, workers=workers, executor=executor, simulator=simulator, out=out, progress=progress, retry_failed=retry_failed, timeout=timeout)


class Plan(Protocol):
    """Which samples of a flow are wanted; it may depend on the values of those that are there.

    Attributes
    ----------
    kind : {"grid", "search"}
        Whether the samples are listed beforehand or searched for.
    most : int
        Most samples that can be needed.
    """

    kind: str
    most: int

    def asked(self, index: int) -> bool:
        """Say whether a sample may be wanted."""
        ...

    def missing(self, rows: Mapping[int, Row]) -> Sequence[int]:
        """Return the samples to be measured next, given those that are there; none: done."""
        ...

    def whole(self, rows: Mapping[int, Row]) -> bool:
        """Say whether nothing is left to another shard."""
        ...

    def attributes(self, rows: Mapping[int, Row]) -> dict[str, Any]:
        """Return what the table says of the plan."""
        ...


class _Listed:
    """The samples of a grid, or some of them."""

    kind = "grid"

    def __init__(self, total: int, wanted: tuple[int, ...], shard: str | None) -> None:
        self.total, self.wanted, self.shard, self.most = total, wanted, shard, len(wanted)
        self._asked = frozenset(wanted)

    def asked(self, index: int) -> bool:
        return index in self._asked

    def missing(self, rows: Mapping[int, Row]) -> list[int]:
        return [k for k in self.wanted if k not in rows]

    def whole(self, rows: Mapping[int, Row]) -> bool:
        return len(rows) == self.total

    def attributes(self, rows: Mapping[int, Row]) -> dict[str, Any]:
        return {} if self.shard is None or len(rows) == self.total else {"shard": self.shard}


def carry_out(
    flow: Flow, plan: Plan, *, workers: int | None = None, executor: Executor | None = None, simulator: JobRunner | str | None = None,
    out: str | Path | None = None, progress: Progress | None = None, retry_failed: bool = False, timeout: float | None = None,
) -> LookupTable:  # fmt: skip
    """Measure the samples that a plan wants; see :func:`run_flow` for the arguments, the journal and the errors."""
    if executor is not None and workers is not None:
        raise ParameterError("give workers or an executor, not both", where="run_flow", value=workers, remedy="the executor fixes the number of workers")
    flow_hash, engine = flow.content_hash, flow.bench.engine
    results = results_of(workers, executor, simulator, engine, timeout)
    if out is None:
        return _measure(flow, {}, None, results, progress, (flow_hash, simulator_identity(simulator, executor, engine)), plan)
    target = Path(out)

    def existing() -> LookupTable | None:
        return _existing(flow_hash, target, simulator, executor, engine)

    former = existing()
    if former is not None and _finished(former, plan, retry_failed):
        return _untouched(former)
    if former is not None and former.attributes.get("search") and plan.kind == "grid" and plan.most < flow.grid.size:
        raise CoverageError("the file holds a search for operating points: single samples cannot be added to it", where=str(target), value=former.name, remedy="go on with the search (spinbnn datasheet FLOW), or give another --out")
    identity = (flow_hash, simulator_identity(simulator, executor, engine))
    with Journal(target.with_name(target.name + ".journal"), *identity, size=flow.grid.size, measures=flow.measures) as journal:
        former = existing()  # once more: a process before us may have finished it
        if former is not None and _finished(former, plan, retry_failed):
            journal.remove()
            return _untouched(former)
        kept = _kept({**rows_of(former), **journal.rows}, plan, retry_failed)
        table = _measure(flow, kept, journal, results, progress, identity, plan)
        table.save(target)
        journal.remove()
    return table


def _wanted(flow: Flow, shard: Shard | str | None, only: Iterable[int] | None) -> tuple[int, ...]:
    """Return the samples that are asked for, ascending."""
    total = flow.grid.size
    if shard is not None:
        if only is not None:
            raise ParameterError("give shard or only, not both", where="run_flow", value=str(shard), remedy="a shard names its samples itself")
        return (shard if isinstance(shard, Shard) else Shard.parse(shard)).indices(total)
    if only is None:
        return tuple(range(total))
    chosen = sorted(set(only))
    if absent := [k for k in chosen if isinstance(k, bool) or not isinstance(k, int) or not 0 <= k < total]:
        raise ParameterError("the flow has no such sample", where="run_flow, only", value=absent[0], remedy=f"whole numbers from 0 to {total - 1}")
    return tuple(chosen)


def _finished(table: LookupTable, plan: Plan, retry_failed: bool) -> bool:
    """Whether a table holds all that is asked for."""
    rows = rows_of(table)
    return not plan.missing(rows) and not (retry_failed and any(row.status != "ok" and plan.asked(k) for k, row in rows.items()))


def _existing(flow_hash: str, target: Path, simulator: JobRunner | str | None, executor: Executor | None, engine: str) -> LookupTable | None:
    """Return the table at ``target`` if it is of this flow and simulator, None if there is none; no name is looked up."""
    if not target.exists():
        return None
    table = read_table(target)
    if table.attributes.get("flow_hash") != flow_hash:
        raise CoverageError("the file holds a table of another flow (axes, seed, cells, device or technology differ)", where=str(target), value=table.name, remedy="give another --out, or remove the file")
    found = str(table.attributes.get("simulator"))
    same, wanted = same_simulator(found, simulator, executor, engine)
    if not same:
        raise CoverageError(f"the file holds a table of another simulator than {wanted!r}", where=str(target), value=found, remedy="give another --out, or remove the file")
    return table


def _untouched(table: LookupTable) -> LookupTable:
    return replace(table, attributes={**table.attributes, "simulated": 0, "resumed": int(np.sum(table.status != STATUS["not_measured"]))})


def rows_of(table: LookupTable | None) -> dict[int, Row]:
    """Return the cells of a table as rows of a journal."""
    if table is None:
        return {}
    names = {code: name for name, code in STATUS.items()}
    rungs = np.zeros(table.status.size, dtype=int) if table.rung is None else table.rung.ravel()
    codes = table.status.ravel()
    out = {}
    for index in np.flatnonzero(codes != STATUS["not_measured"]).tolist():
        status = names[int(codes[index])]
        values = {n: float(m.data.flat[index]) for n, m in table.measures.items()} if status == "ok" else {}
        out[index] = Row(status=status, values=values, message=table.messages.get(index, ""), rung=int(rungs[index]), log=table.logs.get(index, ""))
    return out


def _kept(rows: Mapping[int, Row], plan: Plan, retry_failed: bool) -> dict[int, Row]:
    """Return the rows that are not measured again."""
    keep = {"ok"} if retry_failed or all(row.status != "ok" for row in rows.values()) else {"ok", "failed"}
    return {index: row for index, row in rows.items() if row.status in keep or not plan.asked(index)}


def _measure(flow: Flow, kept: dict[int, Row], journal: Journal | None, results: Results, progress: Progress | None, identity: tuple[str, str], plan: Plan) -> LookupTable:
    rows, make = dict(kept), flow.sampler()
    done = sum(plan.asked(k) for k in rows)
    bad = sum(row.status != "ok" for k, row in rows.items() if plan.asked(k))

    def tell(total: int) -> None:
        if progress:
            progress(done, total, f"{bad} not ok" if bad else "")

    tell(plan.most)
    while missing := plan.missing(rows):
        samples = {k: make(k) for k in missing}
        with closing(results(_job(flow, samples[k], k) for k in missing)) as answers:
            for number, index in enumerate(missing):
                result = next(answers, None)
                if result is None:
                    raise SimulationError("the simulator gave fewer results than it got jobs", where=f"flow {flow.name!r}, sample {index}", value=number, remedy="its run() must yield one result for each job")
                rows[index] = evaluate(flow, samples.pop(index), result)
                done, bad = done + 1, bad + (rows[index].status != "ok")
                if journal is not None:
                    journal.add(index, rows[index])
                tell(plan.most)
    if done < plan.most:  # a search that needed fewer than it might have
        tell(done)
    return _table(flow, rows, len(kept), *identity, plan)


def _job(flow: Flow, sample: Any, index: int) -> Any:
    with named(f"{flow.origin}, sample {index}", flow.origin):
        return flow.bench.deck(sample)


def evaluate(flow: Flow, sample: Any, result: SimulationResult) -> Row:
    """Turn one simulation into a row: measures, or the message of what went wrong."""
    rung = min(int(result.rung), 255)
    if result.status != "ok":
        return Row(status=result.status, message=result.error, rung=rung, log=result.log)
    try:
        values = flow.bench.measure(result, sample)
    except SimulationError as error:
        return Row(status="failed", message=str(error), rung=rung, log=result.log)
    chosen = {name: float(values[name]) for name in flow.measures}
    if infinite := [name for name, value in chosen.items() if math.isinf(value)]:
        return Row(status="failed", message=f"the measure {infinite[0]!r} is infinite", rung=rung, log=result.log)
    return Row(status="ok", values=chosen, rung=rung)


def _table(flow: Flow, rows: Mapping[int, Row], resumed: int, flow_hash: str, simulator: str, plan: Plan) -> LookupTable:
    shape, total = flow.grid.shape, flow.grid.size
    status, rung = np.full(total, STATUS["not_measured"], dtype=np.uint8), np.zeros(total, dtype=np.uint8)
    data = {name: np.full(total, np.nan) for name in flow.measures}
    messages = {index: row.message for index, row in sorted(rows.items()) if row.message}
    for index, row in rows.items():
        status[index], rung[index] = STATUS[row.status], row.rung
        for name, value in row.values.items():
            data[name][index] = value
    logs = {index: row.log for index, row in sorted(rows.items()) if row.log}
    if not np.any(status == 0) and plan.whole(rows):
        raise SimulationError(f"all {len(rows)} samples{' of the search' if plan.kind == 'search' else ''} failed", where=f"flow {flow.name!r}", value=next(iter(messages.values()), ""), remedy="run 'spinbnn doctor'; try the flow with one point")
    bench = flow.bench
    own = bench.attributes()
    made = provenance.record(flow.seed, flow=flow.name, flow_hash=flow_hash, bench=bench.name, bench_hash=files.content_hash(bench.identity()), simulator=simulator)
    measures = {n: Measure(name=n, unit=bench.measures[n][0], description=bench.measures[n][1], data=data[n].reshape(shape)) for n in flow.measures}
    return LookupTable(
        name=flow.name, grid_axes=flow.grid.axes, measures=measures, status=status.reshape(shape), rung=rung.reshape(shape), messages=messages, logs=logs,
        attributes={**made, **own, **plan.attributes(rows), "notes": bench.notes(), "simulated": len(rows) - resumed, "resumed": resumed},
    )  # fmt: skip


def check_limits(flow: Flow, table: LookupTable) -> list[str]:
    """Return one line for each specification that is missed; the empty list means that all hold.

    A cell that is not ok, and an undefined value, count as a miss.
    """
    missed = []
    for name, limit in flow.limits.items():
        data = table.values(name)
        bad = ~((data >= limit.minimum) & (data <= limit.maximum))
        if np.any(bad):
            worst = np.nanmax(data[bad]) if np.any(np.isfinite(data[bad])) else float("nan")
            missed.append(f"{name}: {int(bad.sum())} of {bad.size} samples outside [{limit.minimum:g}, {limit.maximum:g}] {table.units(name)} (e.g. {worst:g})")
    return missed
