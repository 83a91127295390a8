"""The runner and its journal: resuming, retrying, locking, refusing to mix; without ngspice."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from spinbnn.characterize import Flow, LookupTable, check_limits, run_flow
from spinbnn.characterize.engines import ENGINES, results_of, simulator_identity
from spinbnn.characterize.journal import Journal, Row
from spinbnn.circuit import SimulationResult
from spinbnn.circuit import simulator as drivers
from spinbnn.circuit.dropout_analytic import analytic_simulator
from spinbnn.circuit.simulator import NgspiceBatch, NgspiceInstallation
from spinbnn.errors import CoverageError, DataError, MissingToolError, ParameterError, SimulationError

Load = Callable[..., Flow]


def counts(table: LookupTable) -> tuple[int, int]:
    return table.attributes["simulated"], table.attributes["resumed"]


def test_interrupted_run_resumes_equal_and_measures_nothing_twice(load: Load, counting: Any, tmp_path: Path) -> None:
    small, out = load(), tmp_path / "t.h5"
    whole = run_flow(small, simulator=analytic_simulator())
    assert counts(whole) == (12, 0)
    with pytest.raises(KeyboardInterrupt):
        run_flow(small, simulator=counting(stop_after=5), out=out)
    assert not out.exists()
    rest = counting()
    table = run_flow(small, simulator=rest, out=out)
    assert rest.seen == 7 and counts(table) == (7, 5)
    assert table.content_hash == whole.content_hash == LookupTable.open(out).content_hash
    assert [p.name for p in tmp_path.glob("t.h5*")] == ["t.h5"]
    with pytest.raises(CoverageError, match="another flow"):
        run_flow(load("seed = 5", "seed = 6"), simulator=rest, out=out)
    again = run_flow(small, simulator=rest, out=out)
    assert rest.seen == 7 and counts(again) == (0, 12) and again.content_hash == whole.content_hash


def test_resume_keeps_failed_rows_and_runs_timeouts_and_crashes_again(load: Load, counting: Any, tmp_path: Path) -> None:
    small, out = load(), tmp_path / "t.h5"
    with pytest.raises(KeyboardInterrupt):
        run_flow(small, simulator=counting(stop_after=6, fail={1: "failed", 2: "timeout", 4: "crashed"}), out=out)
    rest = counting()
    table = run_flow(small, simulator=rest, out=out)
    assert rest.seen == 8 and counts(table) == (8, 4)  # 6 that were missing, 2 again
    assert table.status.ravel().tolist() == [0, 2, *[0] * 10]
    assert table.messages == {1: "it failed"}


def test_retry_failed_on_a_journal(load: Load, counting: Any, tmp_path: Path) -> None:
    small, out = load(), tmp_path / "t.h5"
    with pytest.raises(KeyboardInterrupt):
        run_flow(small, simulator=counting(stop_after=6, fail={1: "failed"}), out=out)
    rest = counting()
    table = run_flow(small, simulator=rest, out=out, retry_failed=True)
    assert rest.seen == 7 and counts(table) == (7, 5) and table.complete
    assert table.content_hash == run_flow(small, simulator=analytic_simulator()).content_hash


def test_retry_failed_on_a_finished_table_measures_only_what_is_not_ok(load: Load, counting: Any, tmp_path: Path) -> None:
    small, out = load(), tmp_path / "t.h5"
    run_flow(small, simulator=counting(fail={1: "failed", 6: "timeout", 7: "crashed"}, rung={0: 2}), out=out)
    idle = counting()
    assert counts(run_flow(small, simulator=idle, out=out)) == (0, 12) and idle.seen == 0
    second = counting(fail={2: "failed"})  # the third of those that are tried again: sample 7
    table = run_flow(small, simulator=second, out=out, retry_failed=True)
    assert second.seen == 3 and counts(table) == (3, 9)
    assert np.flatnonzero(table.status).tolist() == [7] and table.messages == {7: "it failed"}
    assert table.rung is not None and table.rung.flat[0] == 2, "a kept cell keeps its rung"
    third = counting(stop_after=0)
    with pytest.raises(KeyboardInterrupt):  # an interrupted retry leaves the table as it was
        run_flow(small, simulator=third, out=out, retry_failed=True)
    assert np.flatnonzero(LookupTable.open(out).status).tolist() == [7]
    assert counts(run_flow(small, simulator=counting(), out=out, retry_failed=True)) == (1, 11)
    assert LookupTable.open(out).complete
    idle = counting()
    assert counts(run_flow(small, simulator=idle, out=out, retry_failed=True)) == (0, 12) and idle.seen == 0
    values = run_flow(small, simulator=analytic_simulator())
    assert all(np.array_equal(values.values(n), LookupTable.open(out).values(n), equal_nan=True) for n in values.measures)


def test_interrupted_retry_resumes(load: Load, counting: Any, tmp_path: Path) -> None:
    small, out = load(), tmp_path / "t.h5"
    run_flow(small, simulator=counting(fail={1: "failed", 6: "timeout", 7: "crashed"}), out=out)
    with pytest.raises(KeyboardInterrupt):
        run_flow(small, simulator=counting(stop_after=2), out=out, retry_failed=True)
    rest = counting()
    assert counts(run_flow(small, simulator=rest, out=out, retry_failed=True)) == (1, 11) and rest.seen == 1
    assert LookupTable.open(out).complete


def test_all_failed_is_an_error_that_a_second_run_may_mend(load: Load, counting: Any, tmp_path: Path) -> None:
    small, out = load(), tmp_path / "t.h5"
    for _ in range(2):
        with pytest.raises(SimulationError, match="all 12 samples failed") as caught:
            run_flow(small, simulator=counting(fail=dict.fromkeys(range(12), "failed")), out=out)
        assert caught.value.value == "it failed" and not out.exists()
    good = counting()
    assert run_flow(small, simulator=good, out=out).complete and good.seen == 12


def test_failures_are_kept_with_status_and_never_averaged_in(load: Load, counting: Any, tmp_path: Path) -> None:
    small = load()
    good = run_flow(small, simulator=analytic_simulator())
    table = run_flow(small, simulator=counting(fail={1: "timeout", 6: "timeout"}), out=tmp_path / "t.h5")
    again = LookupTable.open(tmp_path / "t.h5")
    for t in (table, again):
        assert t.status.ravel().tolist().count(3) == 2 and not t.complete
        assert np.isnan(t.values("p_drop").flat[1])
        assert t.statistics("p_drop")["count"].tolist() == [3.0, 3.0, 4.0]
        kept = np.delete(good.values("p_drop")[0], 1)
        assert t.statistics("p_drop")["mean"][0] == pytest.approx(kept.mean(), rel=1e-12)
        assert t.statistics("p_drop")["std"][0] == pytest.approx(kept.std(ddof=1), rel=1e-12)
        assert "it timeout" in t.failures().to_markdown()
        with pytest.raises(CoverageError, match="failed"):
            t.at("p_drop", set_voltage=0.9, draw=1)
        assert np.isnan(t.at("p_drop", set_voltage=0.9, draw=1, allow_failed=True))
        assert len(check_limits(small, t)) == 1, "an unmeasured cell misses its specification"
    assert check_limits(small, good) == []


def test_an_infinite_measure_is_a_failure(load: Load, counting: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small = load()
    true = type(small.bench).measure

    def measure(self: Any, result: Any, sample: Any) -> dict[str, float]:
        values = true(self, result, sample)
        return values | {"rise_set": float("inf")} if sample.set_voltage == 0.9 else values

    monkeypatch.setattr(type(small.bench), "measure", measure)
    table = run_flow(small, simulator=counting(), out=tmp_path / "t.h5")
    assert table.status[:, 0].tolist() == [2, 0, 0] and "'rise_set' is infinite" in table.messages[0]


def test_the_rung_of_every_sample_is_kept(load: Load, counting: Any, tmp_path: Path) -> None:
    small, out = load(), tmp_path / "t.h5"
    with pytest.raises(KeyboardInterrupt):
        run_flow(small, simulator=counting(stop_after=5, rung={3: 2}), out=out)
    table = run_flow(small, simulator=counting(rung={0: 1}), out=out)
    for t in (table, LookupTable.open(out)):
        assert t.rung is not None and t.rung.dtype == np.uint8
        assert t.rung.ravel().tolist() == [0, 0, 0, 2, 0, 1, *[0] * 6]
        assert "2 needed other numerics (rung 1 to 2)" in t.summary().title
    plain = run_flow(small, simulator=counting())
    assert "numerics" not in plain.summary().title
    assert plain.content_hash != table.content_hash


def test_samples_of_two_simulators_are_not_mixed(load: Load, counting: Any, tmp_path: Path) -> None:
    small, out = load(), tmp_path / "t.h5"
    with pytest.raises(KeyboardInterrupt):
        run_flow(small, simulator=counting(stop_after=5), out=out)
    other = counting()
    other.identity = "another"
    with pytest.raises(DataError, match="another simulator") as caught:
        run_flow(small, simulator=other, out=out)
    assert caught.value.value == "analytic" and other.seen == 0
    table = run_flow(small, simulator=counting(), out=out)
    assert table.attributes["simulator"] == "analytic"
    with pytest.raises(CoverageError, match="another simulator"):
        run_flow(small, simulator=other, out=out)
    assert table.content_hash != run_flow(small, simulator=other).content_hash


def test_simulators_have_an_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine:
        def run(self, decks: Any) -> Any:
            return iter(())

    assert simulator_identity(analytic_simulator()) == "analytic"
    assert simulator_identity(Mine()) == "Mine"
    with pytest.raises(ParameterError, match="unknown simulator"):
        simulator_identity("hspice")
    here = NgspiceInstallation(library="libngspice.so.0", executable="ngspice", version="41")
    monkeypatch.setattr(drivers, "find_ngspice", lambda: here)
    assert simulator_identity("shared") == simulator_identity("batch") == "ngspice-41"
    assert simulator_identity(NgspiceBatch(installation=here)) == "ngspice-41"
    monkeypatch.setattr(drivers, "find_ngspice", NgspiceInstallation)
    for name in ("shared", "batch"):
        with pytest.raises(MissingToolError):
            simulator_identity(name)
    library_only = NgspiceInstallation(library="libngspice.so.0", version="41")
    monkeypatch.setattr(drivers, "find_ngspice", lambda: library_only)
    assert simulator_identity("shared") == simulator_identity(None) == "ngspice-41"
    with ThreadPoolExecutor(1) as pool, pytest.raises(MissingToolError):  # an executor runs the program
        simulator_identity("shared", pool)


def test_the_number_of_workers_reaches_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    def start(choice: str, workers: int) -> Any:
        started.append((choice, workers))
        return nullcontext(SimpleNamespace(run=iter))

    monkeypatch.setattr(ENGINES["ngspice"], "start", start)
    for workers, simulator in ((3, None), (None, "batch")):
        assert list(results_of(workers, None, simulator, "ngspice")(["job"])) == ["job"]
    assert started == [("shared", 3), ("batch", 1)]


def test_a_finished_table_serves_where_ngspice_is_not_installed(load: Load, counting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, out = load(), tmp_path / "t.h5"
    fake = counting()
    fake.identity = "ngspice-39"
    run_flow(small, simulator=fake, out=out)
    monkeypatch.setattr(drivers, "find_ngspice", NgspiceInstallation)
    assert counts(run_flow(small, out=out)) == (0, 12)
    with pytest.raises(MissingToolError):
        run_flow(small, out=tmp_path / "new.h5")
    assert not list(tmp_path.glob("new*")), "nothing is left behind"
    monkeypatch.setattr(drivers, "find_ngspice", lambda: NgspiceInstallation(library="x", executable="x", version="41"))
    with pytest.raises(CoverageError, match="another simulator than 'ngspice-41'"):
        run_flow(small, out=out)
    monkeypatch.setattr(drivers, "find_ngspice", NgspiceInstallation)
    run_flow(small, simulator=counting(), out=tmp_path / "analytic.h5")
    with pytest.raises(CoverageError, match="another simulator than 'ngspice'") as caught:
        run_flow(small, out=tmp_path / "analytic.h5")
    assert caught.value.value == "analytic", "a table of the closed forms is never one of ngspice"


def test_a_simulator_that_gives_too_few_results(load: Load, tmp_path: Path) -> None:
    class Short:
        def run(self, decks: Any) -> Any:
            yield SimulationResult(index=0, status="failed", error="one only")

    with pytest.raises(SimulationError, match="fewer results"):
        run_flow(load(), simulator=Short(), out=tmp_path / "t.h5")


LOCKER = """
import sys, time
from pathlib import Path
from spinbnn.characterize.journal import Journal
with Journal(Path(sys.argv[1]), "f" * 64, "analytic", size=3, measures=("x",)):
    print("locked", flush=True)
    sys.stdin.read()
"""


def journal(path: Path, flow_hash: str = "f" * 64, simulator: str = "analytic") -> Journal:
    return Journal(path, flow_hash, simulator, size=3, measures=("x", "y"))


def test_two_processes_never_write_one_table(tmp_path: Path) -> None:
    path = tmp_path / "t.h5.journal"
    with subprocess.Popen([sys.executable, "-c", LOCKER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "locked\n"
        with pytest.raises(DataError, match="another process writes this table"), journal(path):
            pass
        assert path.exists()
        other.communicate("")
    with journal(path) as mine:
        assert mine.rows == {}
        with pytest.raises(DataError, match="another process"), journal(path):  # nor two runs in one process
            pass
    assert not path.exists(), "an empty journal is not left behind"


def test_a_journal_that_was_finished_between_look_and_lock_is_not_used(load: Load, counting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process finishes the table after we looked for it and before we hold the lock: its table is returned."""
    small, out, mine = load(), tmp_path / "t.h5", counting()
    enter = Journal.__enter__

    def late(self: Journal) -> Journal:
        monkeypatch.setattr(Journal, "__enter__", enter)
        run_flow(small, simulator=counting(fail={1: "timeout"}), out=out)
        return enter(self)

    monkeypatch.setattr(Journal, "__enter__", late)
    assert counts(run_flow(small, simulator=mine, out=out)) == (0, 12) and mine.seen == 0
    assert [p.name for p in tmp_path.glob("t.h5*")] == ["t.h5"]


def test_a_journal_that_was_removed_between_opening_and_locking_is_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock on a file that has no name any more would keep nobody out."""
    path, true = tmp_path / "j", fcntl.flock

    def late(stream: Any, mode: int) -> None:
        monkeypatch.setattr(fcntl, "flock", true)
        path.unlink()
        true(stream, mode)

    monkeypatch.setattr(fcntl, "flock", late)
    with journal(path) as mine:
        mine.add(0, Row(status="failed"))
        with pytest.raises(DataError, match="another process"), journal(path):
            pass
    assert path.read_bytes().count(b"\n") == 2


def test_a_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with journal(path) as first:
        first.add(0, Row(status="ok", values={"x": 0.1, "y": float("nan")}, rung=3))
        first.add(1, Row(status="failed", message="boom"))
    assert path.read_bytes().count(b"\n") == 3
    with path.open("ab") as stream:  # torn by a kill
        stream.write(b'{"index": 2, "status": "o')
    with journal(path) as second:
        assert second.rows[0].values["x"] == 0.1 and np.isnan(second.rows[0].values["y"]) and second.rows[0].rung == 3
        assert second.rows[1] == Row(status="failed", message="boom") and set(second.rows) == {0, 1}
        second.add(1, Row(status="ok", values={"x": 1.0, "y": 2.0}))
    with journal(path) as third:
        assert third.rows[1].status == "ok", "a later line replaces one that was not ok"


GOOD = {"index": 0, "status": "ok", "values": {"x": 1.0, "y": None}, "rung": 0, "message": ""}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{broken", "no"),
        ("[1, 2]", "not a JSON object"),
        ("null", "not a JSON object"),
        ("\xff", "not a JSON object"),
        ({"index": None}, "index"),
        ({"index": 3}, "index"),
        ({"index": -1}, "index"),
        ({"index": True}, "index"),
        ({"index": "0"}, "index"),
        ({"status": "fine"}, "status"),
        ({"status": ["ok"]}, "status"),
        ({"status": "failed"}, "values"),
        ({"values": {"x": 1.0}}, "values"),
        ({"values": {"x": 1.0, "y": 1.0, "z": 1.0}}, "values"),
        ({"values": [1.0]}, "values"),
        ({"values": {"x": "1", "y": 1.0}}, "number or null"),
        ({"rung": None}, "rung"),
        ({"rung": 256}, "rung"),
    ],
)
def test_damaged_journals_name_the_line(tmp_path: Path, line: str | dict[str, Any], words: str) -> None:
    path = tmp_path / "j"
    with journal(path) as first:
        first.add(1, Row(status="failed"))
    body = line.encode("latin-1") if isinstance(line, str) else json.dumps(GOOD | line).encode()
    path.write_bytes(path.read_bytes() + body + b"\n" + json.dumps(GOOD).encode() + b"\n")
    with pytest.raises(DataError, match="line 3") as caught, journal(path):
        pass
    assert words in str(caught.value)


def test_journals_of_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with journal(path) as first:
        first.add(0, Row(status="failed"))
    for other, words in ((journal(path, "b" * 64), "another flow"), (journal(path, simulator="ngspice-39"), "another simulator")):
        with pytest.raises(DataError, match=words), other:
            pass
    good = json.dumps(GOOD) + "\n"
    path.write_text(path.read_text() + good + good)
    with pytest.raises(DataError, match="twice") as caught, journal(path):
        pass
    assert "line 4" in caught.value.where
    path.write_text("[]\n")
    with pytest.raises(DataError, match="line 1"), journal(path):
        pass


def test_outputs_that_cannot_be_written_are_named_before_anything_runs(load: Load, counting: Any, tmp_path: Path) -> None:
    small, mine = load(), counting()
    (tmp_path / "afile").write_text("x")
    (tmp_path / "folder").mkdir()
    for out, words in ((tmp_path / "afile" / "x.h5", "cannot be written"), (tmp_path / "folder", "not a file"), (Path("/proc/x/y.h5"), "cannot be written")):
        with pytest.raises(DataError, match=words) as caught:
            run_flow(small, simulator=mine, out=out)
        assert str(out) in caught.value.where and mine.seen == 0


def test_out_is_a_path_and_never_a_name(load: Load, counting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dropout_module").mkdir()
    with pytest.raises(DataError, match="not a file"):
        run_flow(load(), simulator=counting(), out="dropout_module")
    (tmp_path / "dropout_module").rmdir()
    assert run_flow(load(), simulator=counting(), out="dropout_module").attributes["simulated"] == 12
    assert (tmp_path / "dropout_module").is_file()


def test_the_hash_of_a_flow_is_taken_once(load: Load, counting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that is edited during a run does not change the hash of what it began with."""
    from spinbnn import provenance

    small = load()
    before, calls = small.content_hash, []
    true = provenance.source_hash
    monkeypatch.setattr(provenance, "source_hash", lambda *names: calls.append(1) or (true(*names) if len(calls) == 1 else "edited"))
    assert run_flow(small, simulator=counting(), out=tmp_path / "t.h5").attributes["flow_hash"] == before


def test_attributes_hold_what_identifies_the_numbers(load: Load) -> None:
    small = load()
    table = run_flow(small, simulator=analytic_simulator())
    attributes = json.loads(json.dumps(dict(table.attributes)))
    assert attributes["flow"] == "small" and attributes["seed"] == 5 and attributes["barrier"] == "exact"
    assert attributes["flow_hash"] == small.content_hash and attributes["device_hash"] == small.bench.params.content_hash
    assert attributes["cells"] == small.bench.identity()["cells"] and attributes["technology_hash"] == small.bench.technology.content_hash
    assert any("symmetry-breaking" in note for note in attributes["notes"])
    assert replace(table, attributes={**attributes, "time_utc": "later"}).content_hash == table.content_hash
