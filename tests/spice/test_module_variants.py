"""Driver variants of the dropout module on real transistors: what regulation and trimming hold, and what they cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spinbnn.circuit import DropoutModuleBench, NgspiceShared, Technology, Timing
from spinbnn.circuit.design import ModuleDesign
from spinbnn.circuit.dropout_bench import Sample
from spinbnn.circuit.dropout_cycle import TRACK
from spinbnn.circuit.dropout_variants import RegulatedModuleBench, TrimmedModuleBench
from spinbnn.device import DeviceParams

pytestmark = pytest.mark.spice
TECHNOLOGY, PARAMS = Technology.load("cmos40lp"), DeviceParams.load("seed_eq23")
SHORT = Timing(read=2.5e-9, sense=1e-9)
VOLTAGE = DropoutModuleBench(technology=TECHNOLOGY, params=PARAMS, timing=SHORT)
# gate drivers double the time of a run and move no amplitude, as the last test here shows
REGULATED, TRIMMED = (
    bench(technology=TECHNOLOGY, params=PARAMS, timing=SHORT, design=replace(ModuleDesign.load(f"module_{bench.driver}_cmos40lp"), gates={}))
    for bench in (RegulatedModuleBench, TrimmedModuleBench)
)


def measured(bench: DropoutModuleBench, samples: list[Sample]) -> list[dict[str, float]]:
    with NgspiceShared() as engine:
        return [bench.measure(r, s) for r, s in zip(engine.run([bench.deck(s) for s in samples]), samples, strict=True)]


def with_track(sample: Sample, factor: float) -> Sample:
    return replace(sample, device={**sample.device, "electrical.track_resistance": factor * 800.0})


def test_the_regulated_current_is_the_reference_whatever_track_corner_supply_and_temperature_do() -> None:
    asked = 207e-6
    base = REGULATED.nominal(set_current=asked)
    samples = [base, with_track(base, 0.9), with_track(base, 1.1), replace(base, supply=1.045), replace(base, supply=1.155)]
    samples += [replace(base, corner=corner) for corner in ("ss", "ff", "fs", "sf")]
    samples += [replace(base, temperature=t) for t in (233.15, 398.15)]
    currents = np.array([m["current_set"] for m in measured(REGULATED, samples)])
    assert currents[0] == pytest.approx(asked, rel=2e-3, abs=0)
    reference = asked * np.array([REGULATED.design.current_factor(s.temperature) for s in samples])
    assert np.abs(currents / reference - 1).max() < 0.008  # 0.55 % at -5 % of supply
    # the rail does none of it: the same track and corners move the voltage-mode driver by far more
    other = VOLTAGE.nominal(set_voltage=0.985)
    free = np.array([m["current_set"] for m in measured(VOLTAGE, [other, with_track(other, 0.9), with_track(other, 1.1), replace(other, corner="ss"), replace(other, corner="ff")])])
    assert np.abs(free[1:3] / free[0] - 1).min() > 10 * np.abs(currents[1:3] / currents[0] - 1).max()
    assert np.abs(free[3:] / free[0] - 1).min() > 0.1


def test_the_mirror_follows_its_reference_and_settles_before_set() -> None:
    driven = RegulatedModuleBench(technology=TECHNOLOGY, params=PARAMS, timing=SHORT)  # the gates' edges are part of the peak
    samples = [driven.nominal(set_current=x) for x in (180e-6, 230e-6)]
    low, high = measured(driven, samples)
    assert high["current_set"] / low["current_set"] == pytest.approx(230 / 180, rel=0.01)
    assert high["p_drop"] > low["p_drop"]
    assert high["peak_set"] < 1.1 * high["current_set"], "the charge of the mirror flows off through N1 before SET"
    # without it the current starts at twice its value
    hasty = replace(driven, design=replace(driven.design, mirror={**driven.design.mirror, "presettle": 1e-12}))
    (kicked,) = measured(hasty, samples[1:])
    assert kicked["peak_set"] > 1.5 * kicked["current_set"]


def test_no_current_flows_through_the_track_while_the_mirror_settles() -> None:
    sample, t = REGULATED.nominal(set_current=207e-6), SHORT
    with NgspiceShared() as engine:
        (result,) = engine.run([REGULATED.deck(sample)])
    w = result.require().waveforms
    settling = (w["time"] > t.set_at - 0.5e-9) & (w["time"] < t.set_at)
    assert np.abs(w[TRACK][settling]).max() < 10e-6
    # the mirror does conduct then: supply current less that of rest
    assert -np.interp(t.set_at - 0.1e-9, w["time"], w["i(vvdd)"]) > 150e-6


def test_codes_are_monotone_and_span_every_target() -> None:
    codes = [0, 1, 2, 4, 7, 8, 16, 31, 32, 63]
    found = measured(TRIMMED, [TRIMMED.nominal(code=c) for c in codes])
    current, p = (np.array([m[name] for m in found]) for name in ("current_set", "p_drop"))
    assert np.all(np.diff(current) > 0) and np.all(np.diff(p) > 0)
    steps = np.diff(current) / np.diff(codes)
    assert steps == pytest.approx(np.full(steps.size, 1.52e-6), rel=0.08)  # binary weights: one step everywhere
    assert p[0] < 0.01 and p[-1] > 0.999


def test_a_new_code_has_settled_after_three_nanoseconds() -> None:
    sample = TRIMMED.nominal(code=31)
    decks = [TRIMMED.deck(sample), *(TRIMMED.settling_deck(sample, before=0, delay=d) for d in (0.1e-9, 3e-9, 6e-9))]
    with NgspiceShared() as engine:
        p = [TRIMMED.measure(r, sample)["p_drop"] for r in engine.run(decks)]
    assert p[1] < p[0] - 0.03, "too late a change falls short of its code"
    assert p[2] == pytest.approx(p[0], abs=2e-3)
    assert p[3] == pytest.approx(p[0], abs=2e-3)


def test_regulation_takes_the_transistors_out_and_leaves_the_junction() -> None:
    """Eight draws are enough to see the factor; the full table is in results/dropout_variants.md."""
    draws = range(8)
    current = {}
    for bench, amplitude in ((VOLTAGE, {"set_voltage": 0.985}), (REGULATED, {"set_current": 207e-6})):
        found = measured(bench, [replace(bench.nominal(**amplitude), mismatch=(7, k)) for k in draws])
        values = np.array([m["current_set"] for m in found])
        current[bench.name] = float(values.std(ddof=1) / values.mean())
    assert current["dropout_module_regulated"] < 0.02 < 0.03 < current["dropout_module"]


def test_gate_drivers_cost_energy_and_change_no_amplitude() -> None:
    driven = replace(VOLTAGE, design=ModuleDesign.load("module_driven_cmos40lp"), netlists={})
    (ideal,), (real,) = measured(VOLTAGE, [VOLTAGE.nominal(set_voltage=0.98)]), measured(driven, [driven.nominal(set_voltage=0.98)])
    assert real["current_set"] == pytest.approx(ideal["current_set"], rel=1e-4, abs=0)
    assert 5e-15 < real["energy_set"] - ideal["energy_set"] < 50e-15
    assert 5e-15 < real["energy_reset"] - ideal["energy_reset"] < 50e-15
    assert 20e-12 < real["latency_set"] - ideal["latency_set"] < 80e-12
    assert real["p_drop"] == pytest.approx(ideal["p_drop"], abs=5e-3)
