"""The macrospin as a bench: its flow files, its streams, its measures, resuming, and workers that change nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from spinbnn.characterize import Flow, LookupTable, check_limits, run_flow
from spinbnn.characterize.macrospin_bench import MacrospinBench, MacrospinJob, PulseTiming
from spinbnn.characterize.processes import PythonSimulator, run_job
from spinbnn.circuit import SimulationResult
from spinbnn.circuit import simulator as drivers
from spinbnn.circuit.simulator import NgspiceInstallation
from spinbnn.device import DeviceParams
from spinbnn.device.statistics import wilson_error
from spinbnn.errors import CoverageError, DataError, ParameterError, SimulationError, SpinbnnError

Load = Callable[..., Flow]
FLOW = """
schema = "spinbnn.flow/1"
name = "small"
bench = "macrospin"
device = "bench_pmtj40"
trials = 24
seed = 5
[axes]
current = { values = ["-230 uA", "180 uA", "230 uA"] }
pulse = { values = ["0.5 ns", "1 ns"] }
temperature = { values = ["300 K"] }
[timing]
step = "2 ps"
thermalization = "0.2 ns"
relaxation = "0.2 ns"
"""


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Write the flow with some text replaced (old, new, ...) and read it."""

    def loader(*edits: str) -> Flow:
        body = FLOW
        for old, new in zip(edits[::2], edits[1::2], strict=True):
            assert body.count(old) == 1, f"{old!r} does not stand once in the flow"
            body = body.replace(old, new)
        path = tmp_path / "small.toml"
        path.write_text(body)
        return Flow.load(path)

    return loader


def equal(one: LookupTable, other: LookupTable) -> bool:
    return one.content_hash == other.content_hash and all(np.array_equal(one.values(n), other.values(n)) for n in one.measures)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> LookupTable:
    path = tmp_path_factory.mktemp("reference") / "small.toml"
    path.write_text(FLOW)
    return run_flow(path)


def test_a_table_of_counts(reference: LookupTable) -> None:
    k, n, p = (reference.values(name) for name in ("switched", "trials", "p_switch"))
    assert reference.complete and reference.shape == (3, 2, 1)
    assert np.all(n == 24) and np.array_equal(k, np.round(k)) and np.all((k >= 0) & (k <= n)) and np.array_equal(p, k / n)
    assert np.all(np.isfinite(reference.values("p_standard_error"))) and np.all(reference.values("p_standard_error") > 0)
    assert np.array_equal(reference.values("p_standard_error").ravel(), wilson_error(k.ravel(), 24))
    assert np.all(k[0] == 0) and np.all(k[2] > k[1]), "the other direction does not switch state 0; a larger current switches more"
    mz = reference.values("final_mz")
    assert np.all(np.abs(mz) <= 1) and abs(mz[0, 0, 0]) > 0.8
    assert np.all(np.diff(mz[:, 1, 0]) * np.sign(mz[0, 1, 0]) < 0), "the mean moment follows the counts"
    assert reference.attributes["simulator"] == "macrospin" and reference.attributes["bench"] == "macrospin"
    assert reference.attributes["device"] == "bench_pmtj40" and "technology" not in reference.attributes


def test_workers_executor_and_engine_change_nothing(reference: LookupTable, load: Load) -> None:
    from concurrent.futures import ThreadPoolExecutor

    assert equal(run_flow(load(), workers=2), reference)
    with ThreadPoolExecutor(2) as pool:
        assert equal(run_flow(load(), executor=pool), reference)
    assert equal(run_flow(load(), simulator="macrospin"), reference)


def test_a_point_does_not_depend_on_the_others(reference: LookupTable, load: Load) -> None:
    other = run_flow(load('"-230 uA", "180 uA", "230 uA"', '"230 uA", "240 uA"', '"0.5 ns", "1 ns"', '"1 ns"'))
    for name in other.measures:
        assert other.values(name)[0, 0, 0] == reference.values(name)[2, 1, 0]
    reseeded = run_flow(load("seed = 5", "seed = 6"))
    assert not np.array_equal(reseeded.values("final_mz"), reference.values("final_mz"))


def test_every_point_has_a_stream_of_its_own(load: Load) -> None:
    flow = load('temperature = { values = ["300 K"] }', 'temperature = { values = ["300 K", "310 K"] }\ninitial = { values = ["0", "1"] }\nfield = { values = ["0.02 T", "0.03 T"] }')
    jobs = list(flow.samples())
    streams = {(job.seed, job.current, job.pulse, job.temperature, job.initial) for job in jobs}
    assert len(streams) == len(jobs) == 48 and len({job.seed for job in jobs}) == 2, "the macrospin names the rest"
    assert {job.initial for job in jobs} == {0, 1} and {job.field for job in jobs} == {0.02, 0.03}
    again = dataclasses.replace(flow, seed=6)
    assert not {job.seed for job in again.samples()} & {job.seed for job in jobs}
    assert all(job.trials == 24 and job.timing.step == 2e-12 and job.timing.relaxation == 0.2e-9 and job.precision == "float32" for job in jobs)


def test_both_states_are_measured(load: Load) -> None:
    table = run_flow(load('"-230 uA", "180 uA", "230 uA"', '"-300 uA", "-235 uA", "235 uA"', '"0.5 ns", "1 ns"', '"2 ns"', '"300 K"] }', '"300 K"] }\ninitial = { values = ["0", "1"] }'))
    p = table.values("p_switch")[:, 0, 0]
    assert p[2, 0] > 0.7 and p[1, 1] > 0.7, "each state is left by its own sign of the current"
    assert p[1, 0] == 0 and p[2, 1] == 0
    mz = table.values("final_mz")[:, 0, 0]
    assert np.sign(mz[1, 0]) == -np.sign(mz[2, 1]), "an unswitched state 0 and an unswitched state 1"


def test_the_field_decides_the_direction(load: Load) -> None:
    """A reversed in-plane field reverses the sense in which a current switches."""
    flow = load('"-230 uA", "180 uA", "230 uA"', '"-235 uA", "235 uA"', '"0.5 ns", "1 ns"', '"2 ns"', '"300 K"] }', '"300 K"] }\nfield = { values = ["-30 mT", "30 mT"] }')
    p = run_flow(flow).values("p_switch")[:, 0, 0]
    assert p[1, 1] > 0.7 and p[0, 0] > 0.7 and p[0, 1] == 0 and p[1, 0] == 0


class Counting:
    """Runs jobs here and counts them; ``stop_after`` interrupts; ``fail`` gives jobs another status by their number."""

    identity = "macrospin"

    def __init__(self, stop_after: int | None = None, fail: dict[int, str] | None = None) -> None:
        self.seen, self.stop_after, self.fail = 0, stop_after, fail or {}

    def run(self, jobs: Iterable[MacrospinJob]) -> Iterator[SimulationResult]:
        for index, job in enumerate(jobs):
            if self.seen == self.stop_after:
                raise KeyboardInterrupt
            self.seen += 1
            if index in self.fail:
                yield SimulationResult(index=index, status=self.fail[index], error=f"it {self.fail[index]}")
            else:
                yield run_job(job)


def test_interrupted_run_resumes_equal(reference: LookupTable, load: Load, tmp_path: Path) -> None:
    out = tmp_path / "t.h5"
    with pytest.raises(KeyboardInterrupt):
        run_flow(load(), simulator=Counting(stop_after=2, fail={1: "crashed"}), out=out)
    assert not out.exists() and out.with_name("t.h5.journal").exists()
    table = run_flow(load(), out=out)
    assert (table.attributes["simulated"], table.attributes["resumed"]) == (5, 1)
    assert equal(table, reference) and equal(LookupTable.open(out), reference)
    assert [p.name for p in tmp_path.glob("t.h5*")] == ["t.h5"]
    again = Counting()
    assert equal(run_flow(load(), simulator=again, out=out), reference) and again.seen == 0


def test_failures_are_kept_and_tried_again(reference: LookupTable, load: Load, tmp_path: Path) -> None:
    out = tmp_path / "t.h5"
    table = run_flow(load(), simulator=Counting(fail={3: "failed"}), out=out)
    assert np.flatnonzero(table.status).tolist() == [3] and table.messages == {3: "it failed"}
    assert np.isnan(table.values("p_switch").flat[3])
    assert equal(run_flow(load(), out=out, retry_failed=True), reference)


def test_ngspice_is_neither_needed_nor_taken(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers, "find_ngspice", NgspiceInstallation)
    out = tmp_path / "t.h5"
    for name in ("shared", "batch"):
        with pytest.raises(ParameterError, match="run by macrospin, not by this simulator") as caught:
            run_flow(load(), simulator=name, out=out)
        assert caught.value.value == name and "'macrospin'" in caught.value.remedy
    assert not list(tmp_path.glob("t.h5*"))
    table = run_flow(load(), simulator=Counting(), out=out)
    other = Counting()
    other.identity = "another"
    with pytest.raises(CoverageError, match="another simulator than 'another'"):
        run_flow(load(), simulator=other, out=out)
    with pytest.raises(CoverageError, match="another flow"):
        run_flow(load("trials = 24", "trials = 25"), out=out)
    (tmp_path / "t.h5.journal").write_text(json.dumps({"schema": "spinbnn.journal/1", "flow": load().content_hash, "simulator": "another"}) + "\n")
    out.unlink()
    with pytest.raises(DataError, match="another simulator"):
        run_flow(load(), out=out)
    assert table.complete


def test_limits(load: Load, reference: LookupTable) -> None:
    assert check_limits(load("[timing]", "[limits.p_standard_error]\nmaximum = 0.11\n[timing]"), reference) == []
    [line] = check_limits(load("[timing]", "[limits.p_switch]\nmaximum = 0\n[timing]"), reference)
    assert line.startswith("p_switch: ") and "of 6 samples outside" in line


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"bench_pmtj40"', '"bench_pmtj4"', ["key 'device'", "bench_pmtj40"]),
        ('"bench_pmtj40"', "40", ["key 'device'", "text is needed"]),
        ('device = "bench_pmtj40"', "", ["a key is missing", "'device'", "bench 'macrospin'"]),
        ("trials = 24", "", ["a key is missing", "'trials'"]),
        ("trials = 24", "trials = 0", ["key 'trials'", "> 0"]),
        ("trials = 24", "trials = 24.0", ["key 'trials'", "24.0"]),
        ("trials = 24", "trials = true", ["key 'trials'"]),
        ("trials = 24", 'trials = 24\ntechnology = "cmos40lp"', ["'technology'", "bench 'macrospin' takes no such key", "bench 'dropout_module'"]),
        ("trials = 24", 'trials = 24\nbarrier = "seed"', ["'barrier'", "bench 'dropout_module'"]),
        ("trials = 24", 'trials = 24\nprecision = "float16"', ["key 'precision'", "float16"]),
        ("trials = 24", "trials = 24\nprecision = [1]", ["key 'precision'"]),
        ("trials = 24", "trials = 24\nfield = 0.03", ["key 'field'", "unit is missing"]),
        ("trials = 24", 'trials = 24\nfield = "30 uA"', ["key 'field'", "30 uA"]),
        ("trials = 24", "trials = 24\nvariation = { device = true }", ["'variation'", "takes no such key"]),
        ("trials = 24", "trials = 24\ntrails = 5", ["'trails'", "did you mean 'trials'"]),
        ("trials = 24", 'trials = 24\nmeasures = ["p_drop"]', ["measure", "p_drop", "p_switch"]),
        ('step = "2 ps"', "set = '5 ns'", ["timing", "'set'", "Known: fall"]),
        ('step = "2 ps"', "step = '0 ps'", ["timing.step", "> 0"]),
        ('step = "2 ps"', "step = '-1 ps'", ["timing.step"]),
        ('step = "2 ps"', "fall = '-1 ps'", ["timing.fall", ">= 0"]),
        ('step = "2 ps"', "step = '2 pm'", ["timing.step", "2 pm"]),
        ('step = "2 ps"', "step = '20 ps'", ["axes (current", "Macrospin, step", "rad in one step"]),
        ('step = "2 ps"', "rise = '0.7 ns'\nfall = '0.4 ns'", ["axes (current", "shorter than its ramps", "(rise + fall)/2"]),
        ('"0.5 ns", "1 ns"', '"0.5 ns", "1 s"', ["axes (current", "pulse = 1.0", "at most 100,000,000 time steps"]),
        ("[timing]", "[timings]", ["timings", "did you mean 'timing'"]),
        ('pulse = { values = ["0.5 ns", "1 ns"] }', "", ["'pulse' is missing", "bench 'macrospin' needs it", "10 ns"]),
        ('temperature = { values = ["300 K"] }', "", ["'temperature' is missing"]),
        ('current = { values = ["-230 uA", "180 uA", "230 uA"] }', "", ["'current' is missing"]),
        ('temperature = { values = ["300 K"] }', 'temperature = { values = ["300 K"] }\ndraw = { count = 3 }', ["'draw'", "bench 'macrospin' takes no such axis", "bench 'dropout_module'"]),
        ('temperature = { values = ["300 K"] }', 'temperature = { values = ["300 K"] }\nwidth = { values = ["1 ns"] }', ["unknown axis", "'width'"]),
        ('"300 K"', '"0 K"', ["axes.temperature", "> 0 K"]),
        ('"300 K"', '"1300 degC"', ["axes (current", "temperature = 1573.15"]),
        ('"0.5 ns"', '"0 ns"', ["axes.pulse", "> 0"]),
        ('"0.5 ns"', '"-0.5 ns"', ["axes.pulse", "> 0"]),
        ('"-230 uA"', '"-230 mV"', ["axes.current", "-230 mV"]),
        ('"300 K"] }', '"300 K"] }\ninitial = { values = ["2"] }', ["axes.initial", "0 or 1", "'2'"]),
        ('"300 K"] }', '"300 K"] }\ninitial = { start = "0", stop = "1", points = 2 }', ["axes.initial", "takes values"]),
        ("[axes]", 'field = "30 mT"\n[axes]\nfield = { values = ["30 mT"] }', ["key 'field'", "given twice"]),
    ],
)
def test_bad_flows_name_file_key_value_and_remedy(load: Load, old: str, new: str, words: list[str]) -> None:
    with pytest.raises(SpinbnnError) as caught:
        load(old, new)
    message = str(caught.value)
    assert "small.toml" in caught.value.where, message
    assert "remedy" in message and all(word in message for word in words), message


def without(tmp_path: Path, key: str) -> Path:
    """Write bench_pmtj40 without one field."""
    from spinbnn import resources

    path = tmp_path / "mine.toml"
    lines = resources.find("device", "bench_pmtj40").read_text().splitlines()
    kept = [line for line in lines if not line.startswith(f"{key} = ")]
    assert len(kept) == len(lines) - 1
    path.write_text("\n".join(kept))
    return path


def test_a_device_that_is_no_macrospin_is_found_at_load(load: Load, tmp_path: Path) -> None:
    mine = without(tmp_path, "damping")
    with pytest.raises(ParameterError, match="does not give this field") as caught:
        load('"bench_pmtj40"', f'"{mine}"')
    assert "small.toml" in caught.value.where and "magnetic.damping" in str(caught.value)


def test_the_in_plane_field_is_never_guessed(load: Load, tmp_path: Path) -> None:
    assert load().bench.field == DeviceParams.load("bench_pmtj40").value("magnetic.in_plane_field") == 0.03  # type: ignore[attr-defined]
    assert load("trials = 24", 'trials = 24\nfield = "-20 mT"').bench.field == -0.02  # type: ignore[attr-defined]
    mine = without(tmp_path, "in_plane_field")
    with pytest.raises(ParameterError, match="in-plane field is not given") as caught:
        load('"bench_pmtj40"', f'"{mine}"')
    assert "small.toml" in caught.value.where and '"0 T"' in caught.value.remedy and "mine.toml" in caught.value.remedy
    zero = load('"bench_pmtj40"', f'"{mine}"', "trials = 24", 'trials = 24\nfield = "0 T"')
    assert {job.field for job in zero.samples()} == {0.0}
    axis = load('"bench_pmtj40"', f'"{mine}"', '"300 K"] }', '"300 K"] }\nfield = { values = ["10 mT"] }')
    assert {job.field for job in axis.samples()} == {0.01}
    assert axis.bench.identity()["field"] is None
    with pytest.raises(ParameterError, match="in-plane field is not given"):
        axis.bench.sample({"current": 1e-4, "pulse": 1e-9, "temperature": 300.0}, device={}, seed=1, mismatch=None)


@pytest.mark.parametrize(
    "edits",
    [
        ("seed = 5", "seed = 6"),
        ("trials = 24", "trials = 25"),
        ("trials = 24", 'trials = 24\nfield = "31 mT"'),
        ("trials = 24", 'trials = 24\nprecision = "float64"'),
        ("trials = 24", 'trials = 24\nmeasures = ["p_switch"]'),
        ('"180 uA"', '"181 uA"'),
        ('"0.5 ns"', '"0.6 ns"'),
        ('"300 K"', '"301 K"'),
        ('"300 K"] }', '"300 K"] }\ninitial = { values = ["0"] }'),
        ('"300 K"] }', '"300 K"] }\nfield = { values = ["30 mT"] }'),
        ("[timing]", "[timing]\nrise = '0.1 ns'"),
        ("[timing]", "[timing]\nfall = '0.1 ns'"),
        ('step = "2 ps"', 'step = "1 ps"'),
        ('thermalization = "0.2 ns"', 'thermalization = "0.3 ns"'),
        ('relaxation = "0.2 ns"', 'relaxation = "0.3 ns"'),
    ],
)
def test_hash_follows_every_key_that_fixes_the_numbers(load: Load, edits: tuple[str, str]) -> None:
    assert load().content_hash != load(*edits).content_hash


def test_hash_follows_the_device_and_no_words(load: Load, tmp_path: Path) -> None:
    from spinbnn import resources

    base = load().content_hash
    assert load('name = "small"', 'name = "other"\ndescription = "words"').content_hash == base
    mine = tmp_path / "mine.toml"
    source = resources.find("device", "bench_pmtj40").read_text()
    mine.write_text(source.replace('name = "bench_pmtj40"', 'name = "renamed"'))
    assert load('"bench_pmtj40"', f'"{mine}"').content_hash == base
    assert source.count("damping = { value = 0.05") == 1
    mine.write_text(source.replace("damping = { value = 0.05", "damping = { value = 0.06"))
    assert load('"bench_pmtj40"', f'"{mine}"').content_hash != base


def test_hash_follows_the_code_of_the_macrospin_and_not_that_of_the_circuit(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    from spinbnn import provenance

    flow, seen = load(), []
    monkeypatch.setattr(provenance, "source_hash", lambda *names: seen.extend(names) or "changed")
    assert flow.content_hash
    assert {"device/macrospin", "device/magnet.py", "device/temperature.py", "device/statistics.py", "rng.py"} <= set(seen) and not {"circuit", "device/fitting"} & set(seen)


def test_a_moment_that_is_not_finite_is_a_failure(load: Load) -> None:
    flow = load()
    sample = next(flow.samples())
    good = {"switched": np.array([3.0]), "trials": np.array([24.0]), "final_mz": np.array([0.5])}
    measured = flow.bench.measure(SimulationResult(index=0, status="ok", waveforms=good), sample)
    assert measured == {"p_switch": 0.125, "p_standard_error": float(wilson_error(3, 24)), "switched": 3.0, "trials": 24.0, "final_mz": 0.5}
    assert set(measured) == set(flow.bench.measures)
    with pytest.raises(SimulationError, match="diverged") as caught:
        flow.bench.measure(SimulationResult(index=0, status="ok", waveforms=good | {"final_mz": np.array([np.nan])}), sample)
    assert "step" in caught.value.remedy
    with pytest.raises(SimulationError, match="boom"):
        flow.bench.measure(SimulationResult(index=0, status="failed", error="boom"), sample)


def test_timing_reaches_the_macrospin(load: Load) -> None:
    """Each time of [timing] changes what a job computes, and the precision too."""
    device, short = DeviceParams.load("bench_pmtj40"), {"thermalization": 0.2e-9, "relaxation": 0.2e-9}
    first = MacrospinJob(params=device, current=230e-6, pulse=0.5e-9, temperature=300.0, field=0.03, trials=8, seed=3, timing=PulseTiming(**short))
    others = ({"thermalization": 0.3e-9}, {"relaxation": 0.3e-9}, {"rise": 0.1e-9}, {"fall": 0.1e-9}, {"step": 2e-12})
    jobs = [first, *(dataclasses.replace(first, timing=PulseTiming(**short | other)) for other in others)]
    jobs += [dataclasses.replace(first, **{name: value}) for name, value in (("precision", "float64"), ("field", 0.031), ("temperature", 310.0), ("seed", 4))]
    ends = [float(job.run()["final_mz"][0]) for job in jobs]
    assert len(set(ends)) == len(ends), ends
    found = first.model().switching(230e-6, 0.5e-9, n=8, seed=3)
    assert ends[0] == float(found.final_mz.mean(dtype=float)) and first.run()["switched"][0] == found.switched


def test_a_pulse_may_be_as_short_as_its_ramps(load: Load) -> None:
    assert load('step = "2 ps"', "rise = '0.6 ns'\nfall = '0.4 ns'").bench.timing.rise == 0.6e-9  # type: ignore[attr-defined]


def test_a_bench_made_by_hand() -> None:
    bench = MacrospinBench(params=DeviceParams.load("bench_pmtj40"), trials=5, field=0.02)
    job = bench.sample({"current": 1e-4, "pulse": 1e-9, "temperature": 300.0}, device={}, seed=1, mismatch=None)
    assert job == bench.deck(job) and job.initial == 0 and job.field == 0.02
    with PythonSimulator(workers=1) as simulator:
        [result] = simulator.run([job])
    assert bench.measure(result, job)["trials"] == 5.0
    assert any("bench_pmtj40" in note or "assumed" in note for note in [*bench.notes(), "assumed"])


def test_the_command(load: Load, reference: LookupTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from spinbnn.cli import main

    load()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(drivers, "find_ngspice", NgspiceInstallation)

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            main(["characterize", "small.toml", *arguments])
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, *capsys.readouterr()

    code, out, _ = run("--dry-run")
    assert code == 0 and "6 samples (3 current x 2 pulse x 1 temperature), bench macrospin, seed 5" in out
    assert [p.name for p in tmp_path.iterdir()] == ["small.toml"]
    for arguments, words in ((("--simulator", "batch"), "not by this simulator"), (("--draws", "3"), "no such axis")):
        code, _, err = run(*arguments)
        assert code == 2 and words in err and "remedy" in err
    code, out, _ = run()
    assert code == 0 and "simulated 6, resumed 0; table: small.h5" in out
    assert equal(LookupTable.open(tmp_path / "small.h5"), reference)


def test_the_shipped_flow_covers_the_rise_and_the_fall() -> None:
    """Both branches lie inside the currents at 300 K and 10 ns: the ends of the axis do not switch, and are at 50:50."""
    flow = Flow.load("macrospin_pmtj40")
    assert flow.grid.shape == (31, 4, 3) and {job.trials for job in flow.samples()} == {2000}
    few = flow.with_axes(current={"values": ["120 uA", "246 uA", "300 uA"]}, pulse={"values": ["10 ns"]}, temperature={"values": ["300 K"]})
    few = dataclasses.replace(few, bench=dataclasses.replace(few.bench, trials=200))  # type: ignore[type-var]
    p = run_flow(few).values("p_switch")[:, 0, 0]
    assert p[0] < 0.02 and p[1] > 0.95 and 0.3 < p[2] < 0.65
