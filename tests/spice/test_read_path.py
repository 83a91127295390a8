"""The read path on real transistors: equaliser, margins, time, and the offset of drawn latches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spinbnn.circuit import DropoutModuleBench, NgspiceShared, Technology
from spinbnn.circuit.design import ModuleDesign
from spinbnn.circuit.dropout_cycle import Timing
from spinbnn.circuit.sense_offset import SenseBench
from spinbnn.device import DeviceParams

pytestmark = pytest.mark.spice
TECHNOLOGY = Technology.load("cmos40lp")
PARAMS = DeviceParams.load("seed_eq23")
DESIGN = ModuleDesign.load("module_voltage_cmos40lp")
TIMING = Timing(gap_read=0.12e-9, gap_states=4e-9, read=4.8e-9, sense=2.1e-9)
BENCH = DropoutModuleBench(technology=TECHNOLOGY, params=PARAMS, design=DESIGN, timing=TIMING)
NUMBERS = {"rp": 331e3, "tmr": 1.2, "vh": 0.5, "cj": 5e-17, "load": DESIGN.read["load"]}


def test_both_nodes_start_equal_and_the_slow_corners_decide_within_20_ns() -> None:
    base = BENCH.nominal(set_voltage=0.9873)
    samples = [base, *(replace(base, corner=c, temperature=t, supply=1.045) for c, t in (("ss", 233.15), ("ss", 398.15)))]
    with NgspiceShared() as engine:
        results = list(engine.run([BENCH.deck(s) for s in samples]))
    for result, sample in zip(results, samples, strict=True):
        waves, found = result.require().waveforms, BENCH.measure(result, sample)
        for start in TIMING.read_at:
            difference = np.interp(start - 0.05e-9, waves["time"], waves["v(rd)"] - waves["v(rf)"])
            assert abs(difference) < 2e-3, (sample, start)
        assert found["read_ok"] == 1 and found["latency_cycle"] <= 20e-9 and found["wrong_decision"] <= 1e-4, sample
        assert 28e-3 < found["margin_0"] < 70e-3 and 30e-3 < found["margin_1"] < 75e-3


def test_a_common_shift_of_a_pair_moves_nothing_and_a_slow_data_input_asks_for_a_lower_one() -> None:
    latch = SenseBench.of_design(DESIGN, TECHNOLOGY, NUMBERS)
    assert latch.common == pytest.approx(0.204, abs=2e-3) and latch.wire == pytest.approx(1.35e-15, rel=1e-6, abs=0)
    with NgspiceShared() as engine:
        found = latch.sensitivities(engine, steps=10)
        decided = [r.require().waveforms for r in engine.run([latch.deck(x, shifts={"di1": 0.02, "di2": 0.02, "dt": 0.05}) for x in (1.5e-3, -1.5e-3)])]
        charge = latch.gain_capacitance(engine, steps=10)
        capacitance = latch.input_capacitance(engine)
    assert {key: found[key] for key in ("per_vi", "per_vc")} == {key: pytest.approx(DESIGN.sense_sensitivity[key], abs=0.02) for key in ("per_vi", "per_vc")}
    assert found["per_mi"] == pytest.approx(DESIGN.sense_sensitivity["per_mi"], abs=0.01)
    assert [bool(w["v(op)"][-1] > w["v(on)"][-1]) for w in decided] == [True, False]
    assert 15e-15 < charge < 60e-15 and 4.2e-15 < capacitance < 5.0e-15


@pytest.mark.slow
def test_the_linear_offset_is_the_bisected_one() -> None:
    latch = SenseBench.of_design(DESIGN, TECHNOLOGY, NUMBERS)
    linear = latch.linear_offsets(DESIGN.sense_sensitivity, draws=30, seed=7)
    with NgspiceShared() as engine:
        found = latch.offsets(engine, draws=30, seed=7, span=0.05, steps=10)
    assert np.corrcoef(linear, found)[0, 1] ** 2 > 0.998
    assert np.abs(linear - found).max() < 0.5e-3


@pytest.mark.slow
def test_a_latch_in_the_module_turns_at_its_own_offset() -> None:
    """A reference junction is changed until the nominal margin meets the offset of the latch: 3 mV to either side decide."""
    base = BENCH.nominal(set_voltage=0.9873)
    drawn = next(s for k in range(20) if (s := replace(base, mismatch=(11, k))) and BENCH._latch(s).offset < -6e-3)
    keys = [f"reference.{k}.electrical.parallel_resistance" for k in range(12, 28)]
    found = []
    with NgspiceShared() as engine:
        scales = np.linspace(0.6, 1.0, 15)
        samples = [replace(drawn, device={**drawn.device, **dict.fromkeys(keys, 331e3 * x)}) for x in scales]
        for result, sample in zip(engine.run([BENCH.deck(s) for s in samples]), samples, strict=True):
            waves, m = result.require().waveforms, BENCH.measure(result, sample)
            end = TIMING.read_at[0] + TIMING.read - 0.1e-9
            right = np.interp(end, waves["time"], waves["v(on)"] - waves["v(op)"]) > 0
            found.append((m["slack_0"], bool(right)))
    assert {right for slack, right in found if slack > 3e-3} == {True}
    assert {right for slack, right in found if slack < -3e-3} == {False}
