"""The dropout module on real transistors: both drivers, physics of the cycle, read-out, energy."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from spinbnn.characterize import Flow
from spinbnn.circuit import (
    DropoutModuleBench,
    NgspiceBatch,
    NgspiceShared,
    SimulationResult,
    Technology,
    Timing,
    waveform,
)
from spinbnn.circuit.dropout_bench import DRIVERS, TRACK, Sample
from spinbnn.circuit.dropout_measures import driver_power
from spinbnn.device import DeviceParams, SwitchingModel

pytestmark = pytest.mark.spice


@pytest.fixture(scope="module")
def bench() -> DropoutModuleBench:
    return DropoutModuleBench(technology=Technology.load("cmos40lp"), params=DeviceParams.load("seed_eq23"))


def run(bench: DropoutModuleBench, sample: Sample) -> SimulationResult:
    with NgspiceBatch() as engine:
        result = next(iter(engine.run([bench.deck(sample)])))
    return result.require()


def test_both_drivers_give_identical_numbers_for_50_draws() -> None:
    flow = Flow.load("dropout_module").with_axes(set_voltage={"values": ["0.98 V"]}, temperature={"values": ["25 degC"]}, corner={"values": ["tt"]}, draw={"count": 50})
    samples = list(flow.samples())
    decks = [flow.bench.deck(s) for s in samples]
    with NgspiceShared(workers=2) as shared, NgspiceBatch(workers=2) as batch:
        pairs = list(zip(shared.run(decks), batch.run(decks), strict=True))
    assert len(pairs) == 50
    for sample, (one, other) in zip(samples, pairs, strict=True):
        first, second = one.require().waveforms, other.require().waveforms
        assert first.keys() == second.keys()
        assert all(np.array_equal(first[name], second[name]) for name in first)
        a, b = flow.bench.measure(one, sample), flow.bench.measure(other, sample)
        assert all(a[k] == b[k] or (math.isnan(a[k]) and math.isnan(b[k])) for k in a)
    spread = {flow.bench.measure(one, s)["p_drop"] for s, (one, _) in zip(samples, pairs, strict=True)}
    assert len(spread) == 50, "every draw is another circuit"


def test_cycle_agrees_with_the_master_equation_on_the_measured_current(bench: DropoutModuleBench) -> None:
    """a and b from the nodes equal an independent integration of the exported track current."""
    for volts in (0.94, 0.98, 1.02):
        sample = bench.nominal(set_voltage=volts)
        with NgspiceBatch() as engine:
            result = next(iter(engine.run([bench.deck(sample)])))
        measured, waves = bench.measure(result, sample), result.require().waveforms
        model = SwitchingModel.from_params(bench.params)
        fine = np.linspace(0.0, bench.timing.read_at[1] - 0.75 * bench.timing.gap, 200_001)
        current = np.interp(fine, waves["time"], waves[TRACK])
        up, down = model.rates(0.5 * (current[1:] + current[:-1]), 300.0)
        step = fine[1] - fine[0]
        # P(t) of a linear equation: product of per-step maps, accumulated in logarithms
        log_decay = -np.cumsum((up + down) * step)
        total = float(log_decay[-1])
        gain = float(np.sum(np.exp(total - log_decay) * up * step))
        assert measured["transition_01"] == pytest.approx(gain, rel=3e-3, abs=2e-6)
        assert measured["transition_11"] == pytest.approx(gain + math.exp(total), rel=3e-3, abs=2e-6)


def test_stationary_probability_and_bounds(bench: DropoutModuleBench) -> None:
    decks, samples = [], [bench.nominal(set_voltage=v) for v in (0.9, 0.95, 1.0, 1.05)]
    decks = [bench.deck(s) for s in samples]
    with NgspiceShared() as engine:
        measures = [bench.measure(r, s) for r, s in zip(engine.run(decks), samples, strict=True)]
    p = [m["p_drop"] for m in measures]
    assert p == sorted(p)
    for m in measures:
        assert 0 <= m["transition_01"] <= m["transition_11"] <= 1 + 1e-6
        assert m["p_drop"] == pytest.approx(m["transition_01"] / (1 - m["transition_11"] + m["transition_01"]))
        assert m["p_reset_fail"] == pytest.approx(math.exp(-5), rel=0.12)  # tau0 = 1 ns and finite edges: at least 0.67 %
        assert m["read_ok"] == 1.0
        assert m["current_reset"] > 250e-6
    assert measures[0]["current_set"] < measures[-1]["current_set"]


def test_energy_balance(bench: DropoutModuleBench) -> None:
    """The supplies deliver what the track dissipates and what the transistors drop: E = V I t for the rail."""
    sample = bench.nominal(set_voltage=0.98)
    with NgspiceBatch() as engine:
        m = bench.measure(next(iter(engine.run([bench.deck(sample)]))), sample)
    assert m["energy_set"] == pytest.approx(0.98 * m["current_set"] * 10e-9, rel=0.05, abs=0)
    assert m["energy_reset"] == pytest.approx(1.1 * m["current_reset"] * 5e-9, rel=0.05, abs=0)
    assert m["energy_track"] < m["energy_set"] + m["energy_reset"]
    assert m["energy_cycle"] == pytest.approx(m["energy_set"] + m["energy_reset"] + m["energy_read"], rel=1e-12, abs=0)
    assert 0 < m["leakage_power"] < 1e-9


def test_temperature_and_corner_move_the_circuit_as_they_must(bench: DropoutModuleBench) -> None:
    def measure(**where: object) -> dict[str, float]:
        sample = bench.nominal(set_voltage=0.98, **where)  # type: ignore[arg-type]
        with NgspiceBatch() as engine:
            return bench.measure(next(iter(engine.run([bench.deck(sample)]))), sample)

    typical, slow, fast = measure(), measure(corner="ss"), measure(corner="ff")
    assert slow["current_set"] < typical["current_set"] < fast["current_set"]
    assert slow["p_drop"] < typical["p_drop"] < fast["p_drop"]
    hot = measure(temperature=398.15)
    assert hot["leakage_power"] > 10 * typical["leakage_power"]
    assert hot["p_drop"] > typical["p_drop"]  # Ic0 and Delta fall faster than the drive current


def test_p_set_where_reset_merges_both_trajectories(bench: DropoutModuleBench) -> None:
    """tau0 = 0.1 ns, p_sat = 0.8: both nodes leave RESET at 0.2, and SET adds 4.5e-4 to that, not the 0.04 of 0.2004 - 0.8 * 0.2."""
    params = bench.params.with_values(thermal__attempt_time=0.1e-9, switching__saturation=0.8)
    quick = replace(bench, params=params, timing=Timing(max_step=20e-12))
    sample = quick.nominal(set_voltage=0.90)
    result = run(quick, sample)
    measured, waves = quick.measure(result, sample), result.waveforms
    delta, critical = params.value("thermal.delta"), params.value("spin_hall.critical_current")

    def rate(j: float) -> float:
        return 1e10 * math.exp(-delta * (math.sqrt(1 - j * j) - j * math.acos(j)))

    times = np.linspace(quick.timing.set_at - 0.5e-9, quick.timing.read_at[0] - 0.5e-9, 44_001)
    p, keep, step = 0.0, 1.0, float(times[1] - times[0])
    for current in np.interp(0.5 * (times[1:] + times[:-1]), waves["time"], waves[TRACK]).tolist():
        j = 2 * current / critical
        up, down = rate(j), rate(-j)
        up, down = up + (0.25 * down if j < 0 else 0.0), down + (0.25 * up if j > 0 else 0.0)
        decay = math.exp(-(up + down) * step)
        p, keep = up / (up + down) + (p - up / (up + down)) * decay, keep * decay
    assert measured["p_set"] == pytest.approx(p, rel=1e-3, abs=0)
    assert 3e-4 < measured["p_set"] < 6e-4
    assert measured["p_reset_fail"] == pytest.approx(0.2, rel=1e-6)
    # the nodes integrate the same; they know the SET only as p_set + keep * 0.2
    assert measured["transition_01"] - 0.2 * keep == pytest.approx(p, rel=0.02, abs=0)


def test_nothing_switches_at_half_the_supply(bench: DropoutModuleBench) -> None:
    sample = replace(bench.nominal(set_voltage=0.45), supply=0.45)
    m = bench.measure(run(bench, sample), sample)
    assert math.isnan(m["p_drop"]) and math.isnan(m["energy_cycle"])
    assert 0 <= m["transition_01"] < 1e-9 < 1 - 1e-9 < m["transition_11"] <= 1
    assert m["correlation"] == pytest.approx(1.0, abs=1e-9)
    assert m["read_ok"] == 0.0


def test_measures_do_not_depend_on_the_gap(bench: DropoutModuleBench) -> None:
    wide = replace(bench, timing=Timing(gap=20e-9, gap_read=1e-9))  # the header opens 4 ns before READ: in both runs within the mean of current_set
    sample = bench.nominal(set_voltage=0.98)
    one, other = bench.measure(run(bench, sample), sample), wide.measure(run(wide, sample), sample)
    for name, tolerance in (("current_set", 1e-5), ("current_reset", 1e-6), ("energy_set", 1e-3), ("energy_reset", 1e-3), ("p_set", 1e-3), ("leakage_power", 1e-3)):
        assert one[name] == pytest.approx(other[name], rel=tolerance, abs=0), name
    # ten time points make the edge, at other places in the other run
    assert one["rise_set"] == pytest.approx(other["rise_set"], rel=0.25, abs=0)


def test_gates_cost_the_charge_they_take_times_the_supply(bench: DropoutModuleBench) -> None:
    """Checked apart with 2.5 ps steps: 2.04 fJ in SET and 8.13 fJ in READ, where the header is on already. An ideal source shows only half of it."""
    sample, t = bench.nominal(set_voltage=0.98), bench.timing
    waves = run(bench, sample).waveforms
    power = sum(driver_power(waves[f"v({name})"], waves[f"i(v{name})"], 1.1) for name in DRIVERS)
    for start, width, energy in ((t.set_at, t.set, 2.04e-15), (t.read_at[0], t.read, 8.13e-15)):
        assert waveform.integral(waves["time"], np.asarray(power), start, start + width + t.gap / 2) == pytest.approx(energy, rel=0.05, abs=0)
