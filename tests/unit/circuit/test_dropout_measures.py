"""Every measure of the dropout bench on waveforms made by hand, with answers worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tolerances import HAND_MADE_WAVEFORM

from spinbnn.circuit import DropoutModuleBench, SimulationResult, Technology, Timing
from spinbnn.circuit.dropout_cycle import DRIVERS, SUPPLIES, TRACK
from spinbnn.circuit.dropout_measures import (
    MEASURES,
    Latch,
    driver_power,
    measures,
    switching_probability,
    wrong_decision,
)
from spinbnn.device import DeviceParams, ThermalSwitching
from spinbnn.errors import SimulationError

Array = NDArray[np.float64]
PS, NS, UA, FC = 1e-12, 1e-9, 1e-6, 1e-15
SUPPLY, RAIL, OFFSET = 1.1, 0.97, 0.02
DEVICE = {"rtrack": 800.0, "delta": 40.0, "tau0": 1e-9, "ic0": 500e-6, "back": 0.0, "exact": 1.0}
CHARGE = {"gp1": 1.0 * FC, "gn1": 1.1 * FC, "gp2": 1.25 * FC, "gn2": 1.3 * FC, "reb": 1.45 * FC, "enb": 1.6 * FC}
"""What each gate takes at a rising edge and gives back at a falling one."""


def close(value: Any) -> Any:
    """Compare by the relative tolerance alone: pytest's own absolute one, 1e-12, would pass any energy in joules."""
    return pytest.approx(value, rel=HAND_MADE_WAVEFORM, abs=0.0)


def pulse(time: Array, start: float, width: float, height: float, edge: float = PS) -> Array:
    """A trapezoid whose edges lie inside the window: its integral is height * (width - edge)."""
    return np.interp(time, [start, start + edge, start + width - edge, start + width], [0.0, height, height, 0.0], left=0.0, right=0.0)


def cycle(t: Timing, *, decide: tuple[float | None, float | None] = (0.2, 0.5), wrong: int | None = None) -> dict[str, Array]:
    """All waveforms of one cycle on a 1 ps grid; ``decide``: start of the latch's 100 ps edge after enable [ns]."""
    time = np.linspace(0.0, t.stop, round(t.stop / PS) + 1)
    first, second = t.read_at
    w = {"time": time} | {f"i(v{name})": np.zeros_like(time) for name in SUPPLIES}
    # track: RESET -400 uA with a 50 uA spike; SET 2 uA/ps up to 190 uA, 200 uA over 50-85 %, 210 uA to the end
    on = [0.0, 95 * PS, 0.5 * t.set - PS, 0.5 * t.set, 0.85 * t.set, 0.85 * t.set + PS, t.set - 50 * PS, t.set]
    w[TRACK] = (
        np.interp(time, [t.set_at + x for x in on], [v * UA for v in (0, 190, 190, 200, 200, 210, 210, 0)], left=0.0, right=0.0)
        - pulse(time, t.reset_at, t.reset, 400 * UA, 50 * PS)
        - pulse(time, t.reset_at + 1 * NS, 20 * PS, 50 * UA, 10 * PS)
        + pulse(time, t.set_at - 200 * PS, 50 * PS, 30 * UA)  # feed-through of an edge, before SET begins
        + pulse(time, second, t.read, 1 * UA)
    )
    # rails: 10 nA of leakage, then one rectangle for each phase
    w["i(vvdd)"] = -(10e-9 + pulse(time, t.reset_at, t.reset, 500 * UA, 50 * PS) + pulse(time, first, t.read, 2 * UA) + pulse(time, second, t.read, 1.5 * UA))
    w["i(vvset)"] = -pulse(time, t.set_at, t.set, 220 * UA, 50 * PS)
    windows = {"gp1": [(t.set_at, t.set)], "gp2": [(t.reset_at, t.reset)], "reb": [(s, t.read) for s in t.read_at]}
    windows["enb"] = [(s + t.read - t.sense, t.sense) for s in t.read_at]
    windows["gn1"] = [(t.reset_at, t.reset), *windows["reb"]]
    windows["gn2"] = [(t.set_at, t.set), *windows["reb"]]
    for name in DRIVERS:
        low = name in ("gp1", "gp2", "reb", "enb")
        active = sum(pulse(time, start, width, SUPPLY, t.edge) for start, width in windows[name])
        w[f"v({name})"] = SUPPLY - active if low else np.asarray(active)
        for start, width in windows[name]:
            begin, end = (pulse(time, x, t.edge, CHARGE[name] / (t.edge - PS)) for x in (start, start + width - t.edge))
            w[f"i(v{name})"] += begin - end if low else end - begin
    for start in t.read_at:  # the latch kicks charge out of the driver that holds enb at ground: from no supply
        w["i(venb)"] -= pulse(time, start + t.read - 1 * NS, 100 * PS, 10 * UA)
    # in SET the bridge pulls 0.3 fC out of the driver that holds gp2 at the supply, and pushes 0.2 fC back
    w["i(vgp2)"] -= pulse(time, t.set_at + 1 * NS, 101 * PS, 3 * UA) - pulse(time, t.set_at + 2 * NS, 101 * PS, 2 * UA)
    # master equation: RESET leaves 2 %, SET and the first READ lead to 0.30 and 0.34, the second READ is not of the cycle
    marks = [t.reset_at, t.reset_at + t.reset, t.set_at, t.set_at + t.set, first, first + t.read, second - t.gap / 2, second]
    w["v(p0)"] = np.interp(time, marks, [0.0, 0.001, 0.001, 0.29, 0.29, 0.30, 0.30, 0.6])
    w["v(p1)"] = np.interp(time, marks, [1.0, 0.02, 0.02, 0.33, 0.33, 0.34, 0.34, 0.7])
    # read-out: data at 0.25 and 0.37 V beside a reference of 0.30 V, both kicked once the latch is enabled
    w["v(rf)"] = np.full_like(time, 0.30)
    w["v(rd)"], w["v(op)"], w["v(on)"] = (np.zeros_like(time) for _ in range(3))
    for state, (start, level, after) in enumerate(zip(t.read_at, (0.25, 0.37), decide, strict=True)):
        sense = start + t.read - t.sense
        w["v(rd)"] += np.interp(time, [start, start + 1 * NS, sense, sense + 50 * PS, start + t.read], [0.0, level, level, level + 0.1, level + 0.1], left=0.0, right=0.0)
        if after is not None:
            high = bool(state) != (wrong == state)
            begin = sense + after * NS
            edge = np.interp(time, [begin, begin + 100 * PS, start + t.read, start + t.read + PS], [0.0, SUPPLY, SUPPLY, 0.0], left=0.0, right=0.0)
            w["v(op)" if high else "v(on)"] += edge
    return w


def own_probability(waves: Mapping[str, Array], t: Timing, device: Mapping[str, float]) -> float:
    """Step the master equation through the SET on its own grid of 0.1 ps, with the barrier written out again."""

    def rate(j: float) -> float:
        if device["exact"]:
            b = 0.0 if j > 1 else -math.pi * j if j < -1 else math.sqrt(1 - j * j) - j * math.acos(j)
        else:
            b = 0.0 if j > 0.8871289367049936 else 1 - math.pi / 2 * j + j * j / 2
        return math.exp(-device["delta"] * b) / device["tau0"]

    start, stop = t.set_at - t.gap / 2, t.read_at[0] - t.rest / 2
    points = np.linspace(start, stop, round((stop - start) / (0.1 * PS)) + 1)
    current = np.interp(0.5 * (points[1:] + points[:-1]), waves["time"], waves[TRACK])
    table: dict[float, tuple[float, float]] = {}
    p, step = 0.0, float(points[1] - points[0])
    for i in current.tolist():
        if i not in table:
            j = 2 * i / device["ic0"]
            up, down = rate(j), rate(-j)
            up, down = up + (device["back"] * down if j < 0 else 0.0), down + (device["back"] * up if j > 0 else 0.0)
            table[i] = (up / (up + down), math.exp(-(up + down) * step))
        rest, decay = table[i]
        p = rest + (p - rest) * decay
    return p


def take(waves: Mapping[str, Array], t: Timing, device: Mapping[str, float] = DEVICE) -> dict[str, float]:
    return measures(waves, t, supply=SUPPLY, set_voltage=RAIL, device=device, latch=Latch(spread=OFFSET))


def expected(t: Timing) -> dict[str, float]:
    """The 30 answers, worked out by hand."""
    rest = SUPPLY * 10e-9  # leakage, in every window
    q = CHARGE
    reset = SUPPLY * 500 * UA * (t.reset - 50 * PS) + SUPPLY * (q["gn1"] + q["gp2"]) + rest * (t.reset + t.gap / 2)
    set_ = RAIL * 220 * UA * (t.set - 50 * PS) + SUPPLY * (q["gn2"] + q["gp1"] + 0.3 * FC) + rest * (t.gap / 2 + t.set + t.rest / 2)
    gates = SUPPLY * (q["gn1"] + q["gn2"] + q["reb"] + q["enb"])
    read_0, read_1 = (SUPPLY * i * UA * (t.read - PS) + gates + rest * (before / 2 + t.read + t.gap / 2) for i, before in ((2.0, t.rest), (1.5, min(t.rest, t.gap))))
    p = 0.30 / (1 - 0.34 + 0.30)
    read = (1 - p) * read_0 + p * read_1
    square = (
        400**2 * (t.reset - 100 * PS - 20 * PS) + 2 * 400**2 / 3 * 50 * PS + 2 * (400**2 + 400 * 450 + 450**2) / 3 * 10 * PS
        + 190**2 / 3 * 95 * PS + 190**2 * (0.5 * t.set - 96 * PS) + (190**2 + 190 * 200 + 200**2) / 3 * PS + 200**2 * 0.35 * t.set
        + (200**2 + 200 * 210 + 210**2) / 3 * PS + 210**2 * (0.15 * t.set - 51 * PS) + 210**2 / 3 * 50 * PS
        + 30**2 * (48 + 2 / 3) * PS
    )  # fmt: skip
    return {
        "p_reset_fail": 0.02, "transition_01": 0.30, "transition_11": 0.34, "p_drop": 0.3125, "correlation": 0.04,
        "current_set": 200 * UA, "current_reset": 400 * UA, "rise_set": 80 * PS, "current_peak": 450 * UA,
        "energy_reset": reset, "energy_set": set_, "energy_read": read, "energy_cycle": reset + set_ + read,
        "energy_track": 800.0 * square * UA**2, "latency_read": 5.59 * NS, "latency_cycle": 20.59 * NS + t.gap + t.rest,
        "margin_0": 0.05, "margin_1": 0.07, "sense_offset": 0.0, "slack_0": 0.05, "slack_1": 0.07, "read_ok": 1.0, "leakage_power": rest,
        # from 180 to 20 uA on the way from 210 to 0 within 50 ps; 10 to 90 % of edges of 50 ps
        "fall_set": 50 * PS * 160 / 210, "latency_set": t.set - 50 * PS * 20 / 210, "peak_set": 210 * UA,
        "rise_reset": 40 * PS, "fall_reset": 40 * PS, "latency_reset": t.reset - 5 * PS, "peak_reset": 450 * UA,
        "latency_sense": 0.59 * NS, "wrong_decision": 0.5 * (0.006209665325776132 + 0.00023262907903552504),  # Q(2.5), Q(3.5)
    }  # fmt: skip


@pytest.mark.parametrize(("gap", "gap_read"), [(1 * NS, None), (20 * NS, None), (1 * NS, 0.3 * NS), (0.7 * NS, 4 * NS)])
def test_all_measures(gap: float, gap_read: float | None) -> None:
    """Nothing slides out of its pulse when a gap grows, and the cycle is as long as all of it."""
    t = Timing(gap=gap, gap_read=gap_read)
    waves = cycle(t)
    found, wanted = take(waves, t), expected(t)
    wanted["p_set"] = own_probability(waves, t, DEVICE)
    assert found.keys() == MEASURES.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name] == close(value), name
    assert 0.2 < found["p_set"] < 0.4


def test_gates_are_a_measurable_part_of_the_energy() -> None:
    """The energies above would not tell a gate from nothing if it cost less than their tolerance."""
    t = Timing()
    waves = cycle(t)
    for name in DRIVERS:
        without = take(waves | {f"i(v{name})": np.zeros_like(waves["time"])}, t)
        read, whole = without["energy_read"] / expected(t)["energy_read"], without["energy_cycle"] / expected(t)["energy_cycle"]
        assert 1 - min(read, whole) > 10 * HAND_MADE_WAVEFORM, name


def test_the_slower_state_sets_the_latency() -> None:
    t = Timing()
    assert take(cycle(t, decide=(0.7, 0.1)), t)["latency_read"] == close(5.79 * NS)


@pytest.mark.parametrize("state", [0, 1])
def test_no_decision_and_the_wrong_one(state: int) -> None:
    t = Timing()
    late = take(cycle(t, decide=(None, 0.5) if state == 0 else (0.2, None)), t)
    wrong = take(cycle(t, wrong=state), t)
    for m in (late, wrong):
        assert m["read_ok"] == 0.0 and math.isnan(m["latency_read"]) and math.isnan(m["latency_cycle"])
        assert (m["margin_0"], m["margin_1"]) == close((0.05, 0.07))


@pytest.mark.parametrize("exact", [1.0, 0.0])
@pytest.mark.parametrize(("tau0", "saturation"), [(1e-9, 1.0), (1e-9, 0.8), (0.1e-9, 0.8)])
def test_p_set_is_that_of_the_set_alone(exact: float, tau0: float, saturation: float) -> None:
    """Also where RESET has merged the trajectories: with tau0 = 0.1 ns both nodes come out of it at 1 - p_sat."""
    t = Timing()
    device = DEVICE | {"tau0": tau0, "back": 1 / saturation - 1, "exact": exact}
    waves = cycle(t)
    waves[TRACK] = 0.7 * waves[TRACK]
    waves["v(p0)"] = np.where(waves["time"] < t.set_at, 1 - saturation, 0.3)
    waves["v(p1)"] = waves["v(p0)"].copy()
    m = take(waves, t, device)
    assert m["p_set"] == close(own_probability(waves, t, device))
    assert 1e-4 < m["p_set"] < 0.1 < m["transition_01"]


@pytest.mark.parametrize("barrier", ["exact", "seed"])
@pytest.mark.parametrize("saturation", [1.0, 0.8])
@pytest.mark.parametrize("current", [-300e-6, 0.0, 150e-6, 200e-6, 300e-6])
def test_switching_probability_of_a_constant_current_is_the_closed_form(barrier: str, saturation: float, current: float) -> None:
    model = ThermalSwitching(delta=40.0, attempt_time=0.1e-9, critical_current=500e-6, barrier=barrier, saturation=saturation)
    device = {"delta": 40.0, "tau0": 0.1e-9, "ic0": 500e-6, "back": 1 / saturation - 1, "exact": float(barrier == "exact")}
    time = np.array([0.0, 0.1, 0.15, 3.0, 9.0, 12.0]) * NS
    found = switching_probability(time, np.full_like(time, current), device, 1 * NS, 11 * NS)
    assert found == pytest.approx(float(model.probability(current, 10 * NS)), rel=1e-12, abs=1e-300)


def test_nothing_switches() -> None:
    """Where bits never change there is no stationary probability: NaN, not -0.886 or a division by zero."""
    t = Timing()
    waves = cycle(t)
    still = waves | {"v(p0)": np.full_like(waves["time"], -1e-10), "v(p1)": np.full_like(waves["time"], 1 + 2e-10)}
    m = take(still, t)
    assert (m["transition_01"], m["transition_11"], m["correlation"], m["p_reset_fail"]) == (0.0, 1.0, 1.0, 1.0)
    assert all(math.isnan(m[name]) for name in ("p_drop", "energy_read", "energy_cycle"))
    others = set(MEASURES) - {"p_drop", "energy_read", "energy_cycle"}
    assert all(math.isfinite(m[name]) for name in others)
    slow = waves | {"v(p0)": np.full_like(waves["time"], 2e-6), "v(p1)": np.full_like(waves["time"], 1 - 6e-6)}
    assert take(slow, t)["p_drop"] == pytest.approx(0.25, rel=1e-9)
    slower = waves | {"v(p0)": np.full_like(waves["time"], 0.2e-6), "v(p1)": np.full_like(waves["time"], 1 - 0.6e-6)}
    assert math.isnan(take(slower, t)["p_drop"])


@pytest.mark.parametrize(("node", "value", "name"), [("v(p0)", -2e-6, "transition_01"), ("v(p1)", 1 + 2e-6, "transition_11"), ("v(p1)", math.nan, "transition_11")])
def test_a_probability_outside_its_range_is_refused(node: str, value: float, name: str) -> None:
    t = Timing()
    waves = cycle(t)
    late = waves["time"] > t.set_at
    with pytest.raises(SimulationError, match="left") as caught:
        take(waves | {node: np.where(late, value, waves[node])}, t)
    assert name in caught.value.where


def test_a_gate_costs_its_capacitance_times_the_supply_squared() -> None:
    """1 fF, five cycles of an ideal source: C V^2 each, not C V^2 / 2, whatever the steps are."""
    time = np.unique(np.concatenate([np.linspace(0, 5, 501), np.linspace(0, 5, 338)]))
    marks, levels = np.arange(0.0, 5.01, 0.25), np.tile([0.0, 1.1, 1.1, 0.0], 6)[:21]
    volts = np.interp(time, marks, levels)
    rising = (time % 1.0 > 1e-9) & (time % 1.0 < 0.25 - 1e-9)
    falling = (time % 1.0 > 0.5 + 1e-9) & (time % 1.0 < 0.75 - 1e-9)
    current = np.where(rising, -1e-15 * 1.1 / 0.25, 0.0) + np.where(falling, 1e-15 * 1.1 / 0.25, 0.0)
    energy = float(np.trapezoid(driver_power(volts, current, 1.1), time))
    assert energy == pytest.approx(5 * 1e-15 * 1.1**2, rel=0.05, abs=0)  # the current's own edges are one step wide


def test_bench_hands_over_the_numbers_of_the_sample() -> None:
    bench = DropoutModuleBench(technology=Technology.load("cmos40lp"), params=DeviceParams.load("seed_eq23"))
    t = bench.timing
    nominal = bench.nominal(set_voltage=RAIL)
    waves = cycle(t)
    result = SimulationResult(index=0, status="ok", waveforms=waves)
    base = bench.measure(result, nominal)
    rtrack = bench.params.value("electrical.track_resistance")
    assert base["energy_track"] == close(rtrack / 800 * expected(t)["energy_track"])
    assert base["energy_cycle"] == close(expected(t)["energy_cycle"])
    other = replace(nominal, supply=1.2, set_voltage=0.5, device={**nominal.device, "electrical.track_resistance": 2 * rtrack, "thermal.delta": 60.0})
    m = bench.measure(result, other)
    assert m["energy_track"] == pytest.approx(2 * base["energy_track"], rel=1e-12, abs=0)
    assert m["leakage_power"] == pytest.approx(1.2 * 10e-9, rel=1e-9, abs=0)
    assert m["energy_set"] < 0.6 * base["energy_set"]
    assert m["p_set"] < 0.5 * base["p_set"]
    with pytest.raises(SimulationError):
        bench.measure(SimulationResult(index=0, status="timeout"), nominal)


def test_a_driver_without_a_rail_has_no_energy_of_the_rail() -> None:
    t = Timing()
    waves = cycle(t)
    without = {name: wave for name, wave in waves.items() if name != "i(vvset)"}
    found = measures(without, t, supply=SUPPLY, set_voltage=None, device=DEVICE)
    assert found["energy_set"] == close(expected(t)["energy_set"] - RAIL * 220 * UA * (t.set - 50 * PS))
    assert found["energy_reset"] == close(expected(t)["energy_reset"])


@pytest.mark.parametrize(
    ("margins", "offset", "wanted"),
    [((0.02, 0.02), 0.02, 0.15865525393145707), ((0.0, 0.04), 0.02, 0.5 * (0.5 + 0.022750131948179195)), ((-0.02, 0.06), 0.02, 0.5 * (0.8413447460685429 + 0.0013498980316300933)),
     ((0.01, -0.01), 0.0, 0.5), ((0.01, 0.02), 0.0, 0.0), ((-0.01, -0.02), 0.0, 1.0)],
)  # fmt: skip
def test_wrong_decision_is_the_tail_beyond_each_margin(margins: tuple[float, float], offset: float, wanted: float) -> None:
    assert wrong_decision(*margins, offset) == pytest.approx(wanted, rel=1e-9, abs=0)
    assert wrong_decision(*margins[::-1], offset) == pytest.approx(wanted, rel=1e-9, abs=0)
    assert math.isnan(wrong_decision(margins[0], math.nan, offset))


def test_the_cycle_is_all_of_its_time() -> None:
    """RESET 5 ns, rest 1 ns, SET 10 ns, rest 1 ns and a decision 5.59 ns into READ: 22.59 ns, not 20.59 ns."""
    t = Timing()
    assert take(cycle(t), t)["latency_cycle"] == close(22.59 * NS)
    t = replace(t, gap_read=0.25 * NS)
    assert take(cycle(t), t)["latency_cycle"] == close(21.84 * NS)


@pytest.mark.parametrize(("at", "counts"), [(1.2 * NS, True), (2.6 * NS, False)])
def test_the_first_half_of_the_rest_behind_set_is_of_set(at: float, counts: bool) -> None:
    """A rest of 4 ns: what comes 1.2 ns behind SET, beyond half of the other gap, belongs to SET; what comes after 2 ns to READ."""
    t = Timing(gap=1 * NS, gap_read=4 * NS)
    waves = cycle(t)
    start = t.set_at + t.set + at
    more = waves | {TRACK: waves[TRACK] + pulse(waves["time"], start, 0.3 * NS, 300 * UA), "i(vvdd)": waves["i(vvdd)"] - pulse(waves["time"], start, 0.3 * NS, 300 * UA)}
    base, found = take(waves, t), take(more, t)
    charge = 300 * UA * (0.3 * NS - PS)
    assert found["energy_set"] - base["energy_set"] == (close(SUPPLY * charge) if counts else 0.0)
    assert (found["energy_track"] > base["energy_track"], found["p_set"] > base["p_set"], found["peak_set"] > base["peak_set"]) == (True,) * 3, "the current counts until the latch is enabled"
    late = t.sense_at[0] + 0.1 * NS
    assert take(waves | {TRACK: waves[TRACK] + pulse(waves["time"], late, 0.3 * NS, 300 * UA)}, t)["p_set"] == base["p_set"]
    p = base["p_drop"]
    assert found["energy_read"] - base["energy_read"] == (0.0 if counts else close(SUPPLY * charge * (1 - p)))
    assert found["energy_reset"] == base["energy_reset"]


def test_no_energy_falls_between_reset_and_set() -> None:
    """What flows in either half of the gap before SET (a mirror conducts there) is counted once."""
    t = Timing()
    waves = cycle(t)
    base = take(waves, t)
    for fraction, owner in ((0.1, "energy_reset"), (0.6, "energy_set")):
        start = t.reset_at + t.reset + fraction * t.gap
        found = take(waves | {"i(vvdd)": waves["i(vvdd)"] - pulse(waves["time"], start, 0.3 * NS, 300 * UA)}, t)
        charge = 300 * UA * (0.3 * NS - PS)
        assert found[owner] - base[owner] == close(SUPPLY * charge)
        assert found["energy_cycle"] - base["energy_cycle"] == close(SUPPLY * charge)


def test_the_own_offset_helps_one_state_and_hurts_the_other() -> None:
    t = Timing()
    waves, p = cycle(t), {}
    for offset in (-0.02, 0.02):
        found = measures(waves, t, supply=SUPPLY, set_voltage=RAIL, device=DEVICE, latch=Latch(offset=offset, noise=0.01))
        assert (found["sense_offset"], found["slack_0"], found["slack_1"]) == (offset, close(0.05 + offset), close(0.07 - offset))
        p[offset] = found["wrong_decision"]
    tails = {2.0: 0.022750131948179212, 3.0: 0.0013498980316300957, 5.0: 2.866515718791946e-07, 7.0: 1.2798125438858352e-12, 9.0: 1.1285884059538422e-19}
    assert p[-0.02] == pytest.approx(0.5 * (tails[3.0] + tails[9.0]), rel=1e-9, abs=0)
    assert p[0.02] == pytest.approx(0.5 * (tails[7.0] + tails[5.0]), rel=1e-9, abs=0)


def test_the_mean_over_drawn_latches_is_the_rate_of_the_population() -> None:
    """Law of total probability: spread and noise together are what own offsets average to."""
    z, weight = np.polynomial.hermite_e.hermegauss(40)
    own = [wrong_decision(*Latch(offset=0.008 * x).slack(0.03, 0.02), 0.0, 0.006) for x in z]
    assert np.dot(weight, own) / weight.sum() == pytest.approx(wrong_decision(0.03, 0.02, 0.008, 0.006), rel=1e-6, abs=0)
    assert wrong_decision(0.03, 0.02, 0.008, 0.006) == wrong_decision(0.03, 0.02, 0.006, 0.008) == wrong_decision(0.03, 0.02, 0.01)
