"""The bench of the shared module: keys of its flows, the search for codes, and what runs its jobs."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest

from spinbnn import files, resources
from spinbnn.characterize import Flow, run_flow
from spinbnn.characterize.engines import ENGINES, engine_choice, simulator_identity
from spinbnn.characterize.shared_bench import SharedModuleBench, SharedModuleJob, nearest_codes
from spinbnn.characterize.table import STATUS
from spinbnn.circuit.simulator import SimulationResult
from spinbnn.errors import ParameterError, SimulationError

FLOW = files.read_toml(resources.find("flow", "dropout_module_shared"))


def load(**changes: Any) -> Flow:
    data = {**FLOW, "limits": {}, **changes}
    return Flow.from_dict({key: value for key, value in data.items() if value is not None}, where="shared.toml")


@pytest.mark.parametrize("count", [2, 7, 64])
def test_the_nearest_code_of_every_target(count: int) -> None:
    """Against a look at every code, for rising values with uneven steps; and no code is asked for twice."""
    generator = np.random.default_rng(count)
    for _ in range(50):
        values = np.sort(generator.random(count)).tolist()
        targets = generator.uniform(0.001, 0.999, 3).tolist()
        asked: list[int] = []

        def value(code: int, values: list[float] = values, asked: list[int] = asked) -> float:
            asked.append(code)
            return values[code]

        found = nearest_codes(value, count, targets)
        assert found == tuple(min(range(count), key=lambda code, t=t: (abs(values[code] - t), code)) for t in targets)
        assert len(asked) == len(set(asked))


def test_a_smooth_dac_takes_few_simulations() -> None:
    """Half of what three bisections take, where the log hazard rises nearly evenly as in the module."""
    asked: list[int] = []

    def value(code: int) -> float:
        asked.append(code)
        return float(-np.expm1(-np.exp(-4.0 + 0.12 * code - 0.0004 * code**2)))

    codes = nearest_codes(value, 64, [0.1, 0.2, 0.5])
    assert codes == tuple(int(np.argmin([abs(value(code) - t) for code in range(64)])) for t in (0.1, 0.2, 0.5))
    assert len(asked) - 3 * 64 <= 10


def test_the_shipped_flow() -> None:
    flow = load()
    bench = flow.bench
    assert isinstance(bench, SharedModuleBench) and bench.codes is None
    assert bench.module.targets == (0.1, 0.2, 0.5) and bench.module.sequence == (0.1, 0.2, 0.5, 0.2, 0.1)
    assert (bench.module.word, bench.module.changed) == (32, 16)
    assert set(flow.measures) == set(bench.measures) and "p_drop_5" in flow.measures and "p_alone_3" in flow.measures
    sample = next(flow.samples())
    assert sample.mismatch == (flow.seed, 0)
    job = bench.deck(sample)
    sent = pickle.loads(pickle.dumps(job))
    assert sent.module.deck(sent.sample, (1, 2, 3)) == job.module.deck(job.sample, (1, 2, 3))
    assert Flow.load("dropout_module_shared").limits["settling_worst"].maximum == 2e-3


def test_what_changes_the_numbers_changes_the_hash() -> None:
    base = load().content_hash
    assert load(name="other").content_hash == base
    for change in (
        {"targets": [0.1, 0.2, 0.4], "sequence": [0.1, 0.2, 0.4]}, {"sequence": [0.2, 0.1, 0.5, 0.2, 0.1]}, {"codes": [20, 25, 34]},
        {"multiplexer": {"word": 16}}, {"multiplexer": {"changed": 3}}, {"barrier": "seed"}, {"timing": {"set": "9 ns"}},
    ):  # fmt: skip
        assert load(**change).content_hash != base


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"targets": None}, ["a key is missing", "'targets'"]),
        ({"sequence": None}, ["a key is missing", "'sequence'"]),
        ({"targets": 0.5}, ["key 'targets'", "list"]),
        ({"targets": ["0.1 V", 0.2, 0.5]}, ["key 'targets'"]),
        ({"sequence": [0.1, 0.2, 0.3]}, ["sequence", "not among the targets", "0.3"]),
        ({"codes": 20}, ["key 'codes'", "list"]),
        ({"codes": [20, 25]}, ["one code for each target"]),
        ({"codes": [20, 25, 64]}, ["not a code of the DAC", "64"]),
        ({"codes": [20, 25, 1.5]}, ["key 'codes'", "1.5"]),
        ({"multiplexer": {"bits": 32}}, ["multiplexer", "'bits'"]),
        ({"multiplexer": {"word": 1}}, ["word, changed"]),
        ({"design": "module_voltage_cmos40lp"}, ["driver of another bench"]),
        ({"axes": {"draw": {"count": 2}}}, ["'temperature' is missing"]),
        ({"axes": {"temperature": {"values": ["27 degC"]}, "code": {"values": [1]}}}, ["no such axis", "dropout_module_trimmed"]),
        ({"axes": {"temperature": {"values": ["27 degC"]}, "corner": {"values": ["typical"]}}}, ["corner"]),
        ({"axes": {"temperature": {"values": ["2000 K"]}}}, ["axes (temperature"]),
    ],
)
def test_bad_flows_are_named(changes: dict[str, Any], words: list[str]) -> None:
    from spinbnn.errors import SpinbnnError

    with pytest.raises(SpinbnnError) as caught:
        load(**changes)
    assert "shared.toml" in caught.value.where and all(word in str(caught.value) for word in words), str(caught.value)


def test_the_engine_keeps_numbers_under_the_simulators_version() -> None:
    assert engine_choice(SharedModuleBench.engine, None) == "ngspice_jobs"
    with pytest.raises(ParameterError, match="not by this simulator"):
        engine_choice(SharedModuleBench.engine, "batch")


@dataclasses.dataclass(frozen=True)
class Slow:
    """A job that says what time-out it was given."""

    name: str = "slow"
    timeout: float = 60.0

    def run(self) -> dict[str, np.ndarray]:
        return {"timeout": np.array([self.timeout])}


def test_a_time_out_goes_to_every_job() -> None:
    engine = ENGINES["ngspice_jobs"]
    with engine.start("ngspice_jobs", 1, 5.0) as runner:
        assert [float(r.waveforms["timeout"][0]) for r in runner.run([Slow(), Slow()])] == [5.0, 5.0]
    with engine.start("ngspice_jobs", 1) as runner:
        assert [float(r.waveforms["timeout"][0]) for r in runner.run([Slow()])] == [60.0]
    assert float(engine.one(Slow()).waveforms["timeout"][0]) == 60.0


class Pretended:
    """A simulator that gives every job the same measures."""

    identity = "pretended"

    def run(self, jobs: Any) -> Any:
        for number, job in enumerate(jobs):
            assert isinstance(job, SharedModuleJob)
            names = list(load().measures)
            if number == 1:
                yield SimulationResult(index=number, status="failed", error="timestep too small")
            else:
                yield SimulationResult(index=number, status="ok", waveforms={name: np.array([float(k)]) for k, name in enumerate(names)})


def test_a_failed_module_is_one_row_of_the_table() -> None:
    flow = load().with_axes(draw={"count": 3})
    table = run_flow(flow, simulator=Pretended())
    assert table.status.ravel().tolist() == [0, STATUS["failed"], 0] and "timestep too small" in table.messages[1]
    k = list(flow.measures).index("energy_pass")
    assert table.values("energy_pass").ravel()[[0, 2]].tolist() == [k, k]
    with pytest.raises(SimulationError):
        flow.bench.measure(SimulationResult(index=0, status="failed", error="no"), next(flow.samples()))


@pytest.mark.spice
def test_the_identity_names_the_version() -> None:
    assert simulator_identity(None, engine="ngspice_jobs").startswith("ngspice_jobs-")
