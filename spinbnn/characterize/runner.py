"""Run a flow: simulate every sample that is not yet measured, and make the lookup table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Literal

import numpy as np

from .. import provenance
from ..circuit.dropout_bench import Sample
from ..circuit.simulator.deck import Deck, SimulationResult, Simulator
from ..errors import CoverageError, ParameterError, SimulationError
from .flow import Flow
from .journal import Journal
from .table import STATUS, LookupTable, Measure

Progress = Callable[[int, int], None]


def run_flow(
    flow: Flow | str | Path,
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    simulator: Simulator | Literal["shared", "batch"] = "shared",
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> LookupTable:
    """Characterise: simulate every grid point of a flow and return its table.

    Parameters
    ----------
    flow : Flow, str or Path
        A flow, or the file or name of one.
    workers : int, optional
        Simulator processes; 1 by default. The result does not depend on it.
    executor : concurrent.futures.Executor, optional
        Runs the decks instead (process pool, Dask, ...); each job uses ``NgspiceBatch`` where it runs.
    simulator : {"shared", "batch"} or Simulator
        PySpice's shared library in worker processes, ``ngspice -b``, or any object with ``run(decks)``.
    out : str or Path, optional
        HDF5 file. While the run lasts a journal stands beside it (``<out>.journal``): a killed run resumes, and a
        finished sample is never measured again. An existing table of the same flow is returned as it is.
    progress : callable, optional
        Called with (done, total) after each sample.

    Returns
    -------
    LookupTable
        Its ``attributes["simulated"]`` and ``attributes["resumed"]`` count the samples of this call and of former ones.

    Raises
    ------
    SimulationError
        If every sample failed; the first message is shown.
    DataError
        If the journal belongs to another flow.

    Examples
    --------
    >>> table = run_flow("dropout_module", workers=2, out="dropout_module.h5")  # doctest: +SKIP
    """
    flow = flow if isinstance(flow, Flow) else Flow.load(flow)
    if executor is not None and workers is not None:
        raise ParameterError("give workers or an executor, not both", where="run_flow", value=workers, remedy="the executor fixes the number of workers")
    target = None if out is None else Path(out)
    if target is not None and target.exists():
        return _existing(flow, target)
    if target is None:
        return _measure(flow, None, workers, executor, simulator, progress)
    journal = Journal(target.with_name(target.name + ".journal"), flow.content_hash)
    with journal:
        table = _measure(flow, journal, workers, executor, simulator, progress)
    table.save(target)
    journal.path.unlink()
    return table


def _existing(flow: Flow, target: Path) -> LookupTable:
    table = LookupTable.open(target)
    if table.attributes.get("flow_hash") != flow.content_hash:
        raise CoverageError("the file holds a table of another flow (axes, seed, cells, device or technology differ)", where=str(target), value=table.name, remedy="give another --out, or remove the file")
    counts = {"simulated": 0, "resumed": int(table.status.size)}
    return LookupTable(name=table.name, grid_axes=table.grid_axes, measures=table.measures, status=table.status, attributes={**table.attributes, **counts}, messages=table.messages)


def _measure(
    flow: Flow, journal: Journal | None, workers: int | None, executor: Executor | None,
    simulator: Simulator | str, progress: Progress | None,
) -> LookupTable:  # fmt: skip
    total = flow.grid.size
    done = {} if journal is None else dict(journal.entries)
    resumed = len(done)
    samples = list(flow.samples())
    missing = [k for k in range(total) if k not in done]
    decks = (flow.bench.deck(samples[k]) for k in missing)
    if progress:
        progress(resumed, total)
    for index, result in zip(missing, _results(decks, workers, executor, simulator) if missing else (), strict=True):
        status, values, message = evaluate(flow, samples[index], result)
        done[index] = {"status": status, "values": values, "message": message}
        if journal is not None:
            journal.add(index, status, values, message)
        if progress:
            progress(len(done), total)
    return _table(flow, done, resumed)


def evaluate(flow: Flow, sample: Sample, result: SimulationResult) -> tuple[str, dict[str, float], str]:
    """Turn one simulation into (status, measures, message); a failed one keeps its message and has no values."""
    if result.status != "ok":
        return result.status, {}, result.error
    try:
        values = flow.bench.measure(result, sample)
    except SimulationError as error:
        return "failed", {}, str(error)
    return "ok", {name: values[name] for name in flow.measures}, ""


def _results(decks: Iterable[Deck], workers: int | None, executor: Executor | None, simulator: Simulator | str) -> Iterator[SimulationResult]:
    if executor is not None:
        yield from executor.map(_one, decks)
        return
    if not isinstance(simulator, str):
        yield from simulator.run(decks)
        return
    from ..circuit.simulator import NgspiceBatch, NgspiceShared

    if simulator not in ("shared", "batch"):
        raise ParameterError("unknown simulator", where="run_flow, simulator", value=simulator, remedy="'shared', 'batch', or an object with run(decks)")
    engine = NgspiceShared(workers=workers or 1) if simulator == "shared" else NgspiceBatch(workers=workers or 1)
    with engine:
        yield from engine.run(decks)


def _one(deck: Deck) -> SimulationResult:
    """Run one deck where an executor put it."""
    from ..circuit.simulator import NgspiceBatch

    with NgspiceBatch(workers=1) as engine:
        return next(iter(engine.run([deck])))


def _table(flow: Flow, done: dict[int, dict], resumed: int) -> LookupTable:
    shape, total = flow.grid.shape, flow.grid.size
    status = np.full(total, STATUS["not_measured"], dtype=np.uint8)
    data = {name: np.full(total, np.nan) for name in flow.measures}
    messages = {}
    for index, entry in done.items():
        status[index] = STATUS[entry["status"]]
        if entry["message"]:
            messages[index] = entry["message"]
        for name, value in entry["values"].items():
            data[name][index] = np.nan if value is None else value
    if not np.any(status == 0):
        raise SimulationError(f"all {total} samples failed", where=f"flow {flow.name!r}", value=next(iter(messages.values()), ""), remedy="run 'spinbnn doctor'; try the flow with one point")
    bench = flow.bench
    attributes = provenance.record(
        flow.seed, flow=flow.name, flow_hash=flow.content_hash, device=bench.params.name, device_hash=bench.params.content_hash,
        technology=bench.technology.name, technology_hash=bench.technology.content_hash, barrier=bench.barrier,
    )  # fmt: skip
    notes = [*bench.params.notes, *(f"assumed: {q.key} = {q}" for q in bench.params.assumed), *(f"assumed: {bench.technology.name} {key}" for key in bench.technology.assumed)]
    measures = {n: Measure(name=n, unit=bench.measures[n][0], description=bench.measures[n][1], data=data[n].reshape(shape)) for n in flow.measures}
    return LookupTable(
        name=flow.name, grid_axes=flow.grid.axes, measures=measures, status=status.reshape(shape), messages=messages,
        attributes={**attributes, "notes": notes, "simulated": len(done) - resumed, "resumed": resumed},
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
