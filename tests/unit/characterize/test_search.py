"""Searches for operating points run like any other flow: workers, executors, shards, retries, kills; two axes with amplitudes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_flow import DRAWS, THREE

from spinbnn.characterize import Flow, LookupTable, run_flow
from spinbnn.characterize.datasheet import datasheet
from spinbnn.characterize.engines import ENGINES
from spinbnn.characterize.operating_point import operate
from spinbnn.characterize.runner import rows_of
from spinbnn.characterize.search import SearchPlan, search
from spinbnn.characterize.shard import merge_tables
from spinbnn.circuit.dropout_analytic import analytic_simulator
from spinbnn.errors import CoverageError, ParameterError

Load = Callable[..., Flow]
GRID = 'set_voltage = { start = "0.80 V", stop = "1.20 V", points = 41 }'
TEMPERATURE = 'temperature = { values = ["-40 degC", "27 degC"] }\ndraw = { count = 4 }'
POINT = '\n[operating_point]\naxis = "set_voltage"\nmeasure = "p_drop"\ntarget = 0.5\nper = ["draw"]\n[typical]\ntemperature = "27 degC"\n[limits.p_drop]\nminimum = 0.49\nmaximum = 0.51\nyield = 0.6\n'
BOTH = POINT.replace('["draw"]', '["draw", "temperature"]')


@pytest.fixture
def flow(load: Load) -> Flow:
    return load(THREE, GRID, DRAWS, TEMPERATURE, more=POINT)


def entries(flow: Flow, table: LookupTable) -> list[dict[str, Any]]:
    return [entry.plain() for entry in datasheet([(flow, table)]).entries]


def test_the_sheet_is_the_same_from_workers_shards_and_executors(flow: Flow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, float | None]] = []

    def start(choice: str, workers: int, timeout: float | None = None) -> Any:
        asked.append((workers, timeout))
        return nullcontext(analytic_simulator())

    monkeypatch.setattr(ENGINES["ngspice"], "start", start)
    monkeypatch.setattr(ENGINES["ngspice"], "identity", lambda choice, remote: "ngspice-0")
    monkeypatch.setattr(ENGINES["ngspice"], "one", lambda job: next(iter(analytic_simulator().run([job]))))
    whole = search(flow)
    assert set(asked) == {(1, None)}
    assert search(flow, workers=2, timeout=7.0).content_hash == whole.content_hash and asked[-1] == (2, 7.0)
    for count in (2, 3):
        parts = [search(flow, shard=f"{k}/{count}", out=tmp_path / f"{k}of{count}.h5") for k in range(1, count + 1)]
        assert sum(int(np.sum(p.status == 0)) for p in parts) == int(np.sum(whole.status == 0)), "no sample is of two shards"
        assert [p.attributes["searched"] for p in parts] == [list(range(k, 4, count)) for k in range(count)]
        merged = merge_tables([LookupTable.open(tmp_path / f"{k}of{count}.h5") for k in range(count, 0, -1)])
        assert merged.content_hash == whole.content_hash and entries(flow, merged) == entries(flow, whole)
        assert merged.attributes["searched"] == [0, 1, 2, 3] and "shard" not in merged.attributes
    with ThreadPoolExecutor(2) as pool:
        remote = search(flow, executor=pool, out=tmp_path / "t.h5")
    assert remote.content_hash == whole.content_hash and entries(flow, remote) == entries(flow, whole)
    with pytest.raises(ParameterError, match="not both"):
        search(flow, executor=pool, workers=2)


def test_shards_that_do_not_make_a_search(flow: Flow, load: Load, tmp_path: Path) -> None:
    simulator = analytic_simulator()
    first, second = (search(flow, simulator=simulator, shard=f"{k}/3") for k in (1, 2))
    with pytest.raises(CoverageError, match="1 of 4 searches are in none") as caught:
        merge_tables([first, second])
    assert caught.value.value == "the first is operating point 2; shards given: 1/3, 2/3"
    partial = merge_tables([first, second], partial=True)
    assert partial.attributes["searched"] == [0, 1, 3]
    partial.save(tmp_path / "t.h5")
    whole = search(flow, simulator=simulator, out=tmp_path / "t.h5")
    assert whole.content_hash == search(flow, simulator=simulator).content_hash and whole.attributes["resumed"] == int(np.sum(partial.status == 0))
    other = load(THREE, GRID, DRAWS, TEMPERATURE, more=POINT.replace("target = 0.5", "target = 0.4"))
    with pytest.raises(CoverageError, match="different searches"):
        merge_tables([first, search(other, simulator=simulator, shard="2/3")])
    with pytest.raises(CoverageError, match="different searches"):
        merge_tables([first, run_flow(flow, simulator=simulator)])
    with pytest.raises(ParameterError, match="the flow has 4 operating points"):
        search(flow, simulator=simulator, shard="5/5")
    with pytest.raises(CoverageError, match="single samples cannot be added"):
        run_flow(flow, simulator=simulator, out=tmp_path / "t.h5", only=[0])


def test_a_retry_goes_on_with_the_searches_that_failures_ended(flow: Flow, counting: Any, tmp_path: Path) -> None:
    class FirstRound(counting):  # type: ignore[misc]
        def run(self, decks: Any) -> Any:
            try:
                yield from super().run(decks)
            finally:
                self.fail = {}

    out = tmp_path / "t.h5"
    broken = search(flow, simulator=FirstRound(fail={1: "timeout", 2: "failed"}), out=out)
    assert int(np.sum(broken.status > 1)) == 2 and broken.attributes["searched"] == [0, 1, 2, 3]
    idle = counting()
    assert search(flow, simulator=idle, out=out).attributes["simulated"] == 0 and idle.seen == 0
    again = counting()
    mended = search(flow, simulator=again, out=out, retry_failed=True)
    whole = search(flow, simulator=counting())
    assert mended.content_hash == whole.content_hash, "what a failure stopped left nothing else behind"
    assert again.seen == int(np.sum(whole.status == 0)) - int(np.sum(broken.status == 0))


def test_the_table_of_another_target_is_completed(flow: Flow, load: Load, counting: Any, tmp_path: Path) -> None:
    """The target has no part in the hash of the flow: the codes that were tried for another one are not the answer."""
    fifth = load(THREE, GRID, DRAWS, TEMPERATURE, more=POINT.replace("target = 0.5", "target = 0.2"))
    assert fifth.content_hash == flow.content_hash
    search(flow, simulator=counting(), out=tmp_path / "t.h5")
    more = counting()
    got = operate(search(fifth, simulator=more, out=tmp_path / "t.h5"), fifth.specification)
    fresh = operate(search(fifth, simulator=counting()), fifth.specification)
    assert more.seen > 0 and np.array_equal(got.amplitude, fresh.amplitude) and np.array_equal(got.values["p_drop"], fresh.values["p_drop"])  # type: ignore[arg-type]


def test_the_progress_ends_at_its_total(flow: Flow) -> None:
    seen: list[tuple[int, int, str]] = []
    table = search(flow, simulator=analytic_simulator(), progress=lambda *step: seen.append(step))
    measured = int(np.sum(table.status == 0))
    assert seen[0] == (0, SearchPlan(flow.grid.axes, flow.specification).most, "") and seen[-1] == (measured, measured, "") and [done for done, _, _ in seen[:-1]] == list(range(measured + 1))


KILLED = """
import json, os, signal, sys
sys.path[:] = json.loads(sys.argv[1])
from spinbnn.characterize import Flow
from spinbnn.characterize.search import search
from spinbnn.circuit.dropout_analytic import analytic_simulator

class Deadly:
    identity = "analytic"
    left = int(sys.argv[5])

    def run(self, jobs):
        for job in jobs:
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)
            self.left -= 1
            with open(sys.argv[4], "a") as log:
                log.write(f"{job.parameters['set_voltage']!r}:{job.parameters['ic0']!r}:{job.temperature_c!r}\\n")
            yield from analytic_simulator().run([job])

print(json.dumps(search(Flow.load(sys.argv[2]), simulator=Deadly(), out=sys.argv[3]).attributes["resumed"]))
"""


def test_a_search_that_is_killed_resumes_and_measures_nothing_twice(flow: Flow, tmp_path: Path) -> None:
    out, log = tmp_path / "t.h5", tmp_path / "log"
    whole = search(flow, simulator=analytic_simulator())
    total = int(np.sum(whole.status == 0))
    command = [sys.executable, "-c", KILLED, json.dumps([os.path.abspath(p) for p in sys.path]), str(tmp_path / "small.toml"), str(out), str(log)]
    for done, left in ((3, 3), (14, 11)):
        dead = subprocess.run([*command, str(left)], capture_output=True, check=False, timeout=120)
        assert dead.returncode == -signal.SIGKILL and not out.exists() and len(log.read_text().splitlines()) == done
    last = subprocess.run([*command, "-1"], capture_output=True, text=True, check=False, timeout=120)
    assert last.returncode == 0 and json.loads(last.stdout) == 14, last.stderr
    counted = Counter(log.read_text().splitlines())
    assert LookupTable.open(out).content_hash == whole.content_hash
    assert len(counted) == total and set(counted.values()) == {1}


# A code for each module and temperature


def test_an_amplitude_for_each_draw_and_temperature(load: Load) -> None:
    flow = load(THREE, GRID, DRAWS, TEMPERATURE, more=BOTH)
    full = operate(run_flow(flow, simulator=analytic_simulator()), flow.specification)
    sparse = search(flow, simulator=analytic_simulator())
    got = operate(sparse, flow.specification)
    assert sparse.attributes["groups"] == 8 and np.array_equal(got.amplitude, full.amplitude)  # type: ignore[arg-type]
    assert all(np.array_equal(got.values[n], full.values[n], equal_nan=True) for n in flow.measures)
    assert got.amplitude is not None and np.all(got.amplitude[0] != got.amplitude[1]), "each temperature has its own"
    parts = [search(flow, simulator=analytic_simulator(), shard=f"{k}/3") for k in (1, 2, 3)]
    assert merge_tables(parts).content_hash == sparse.content_hash


def test_worst_point_and_draws_at_the_worst_temperature(load: Load) -> None:
    """Draw 3 is out at -40 degC, draws 1 and 3 at 27 degC: two hold everywhere, three at -40 degC, two at 27 degC."""
    flow = load(THREE, 'set_voltage = { values = ["0.9 V", "1.0 V"] }', DRAWS, TEMPERATURE, more=BOTH)
    p = np.empty((2, 2, 4))
    p[0, 0], p[1, 0] = (0.50, 0.505, 0.50, 0.48), (0.9, 0.9, 0.9, 0.9)  # -40 degC: all at 0.9 V
    p[0, 1], p[1, 1] = (0.1, 0.1, 0.1, 0.1), (0.50, 0.515, 0.50, 0.53)  # 27 degC: all at 1.0 V
    table = run_flow(flow, simulator=analytic_simulator())
    table = replace(table, measures={**table.measures, "p_drop": replace(table.measures["p_drop"], data=p)})
    entry = next(e for e in datasheet([(flow, table)]).entries if e.parameter == "p_drop")
    assert (entry.worst, entry.worst_value) == ("27 degC, draw 3, 1 V", 0.53)
    assert (entry.inside, entry.draws, entry.samples) == (2, 4, 8)
    assert (entry.worst_condition, entry.inside_worst) == ("27 degC", 2)
    assert entry.typical == pytest.approx(0.5075, rel=1e-12), "the median of the draws at 27 degC"
    status = table.status.copy()
    status[:, 0, :3] = 2  # at -40 degC three modules have no code at all
    failed = replace(table, status=status, measures={n: replace(m, data=np.where(status == 0, m.data, np.nan)) for n, m in table.measures.items()})
    entry = next(e for e in datasheet([(flow, failed)]).entries if e.parameter == "p_drop")
    assert (entry.inside, entry.failed, entry.worst_condition, entry.inside_worst, entry.verdict) == (0, 3, "-40 degC", 0, "FAIL")


def test_the_same_rows_always_lead_to_the_same_samples(flow: Flow) -> None:
    plan = SearchPlan(flow.grid.axes, flow.specification)
    middle = plan.missing({})
    assert len(middle) == 4 and {flow.grid.point(i)["set_voltage"] for i in middle} == {1.0} and {flow.grid.point(i)["temperature"] for i in middle} == {300.15}
    found = search(flow, simulator=analytic_simulator())
    assert plan.missing(rows_of(found)) == [] and int(np.sum(found.status == 0)) <= plan.most
    assert plan.missing({k: row for k, row in rows_of(found).items() if k not in middle}) == middle
