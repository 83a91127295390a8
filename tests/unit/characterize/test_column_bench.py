"""The column as a bench: keys and axes of its flows, places, draws, decks and measures of made-up waveforms."""

from __future__ import annotations

import ast
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import spinbnn
from spinbnn.characterize import Flow
from spinbnn.characterize.column_bench import ColumnBench, ColumnSample, wire_factor
from spinbnn.characterize.column_read_bench import ColumnReadBench
from spinbnn.circuit import SimulationResult, Technology
from spinbnn.circuit.column_deck import ColumnCircuit, ColumnLine
from spinbnn.circuit.column_read import ReadTiming, last_outside
from spinbnn.crossbar.array_params import ArrayParams
from spinbnn.crossbar.variation import sample_array
from spinbnn.device import DeviceParams
from spinbnn.errors import ParameterError, SimulationError, SpinbnnError

ARRAY = ArrayParams.load("array_mohm")
MADE = {"array": ARRAY, "device": DeviceParams.load("seed_eq23"), "technology": Technology.load("cmos40lp")}
FLOW = {
    "schema": "spinbnn.flow/1", "name": "small", "bench": "crossbar_column", "array": "array_mohm", "technology": "cmos40lp", "device": "seed_eq23", "rows": 8, "seed": 3,
    "axes": {"pattern": {"values": ["near", "random_2"]}, "popcount": {"values": [0, 5]}, "draw": {"count": 2}}, "spread": {"access": False},
}  # fmt: skip


def test_flow() -> None:
    flow = Flow.from_dict(FLOW, where="small.toml")
    samples = list(flow.samples())
    assert flow.grid.shape == (2, 2, 2) and samples[3] == ColumnSample(popcount=5, pattern="near", seed=3, draw=1)
    assert isinstance(flow.bench, ColumnBench) and flow.bench.vary_junctions and not flow.bench.vary_access
    assert flow.content_hash != Flow.from_dict({**FLOW, "rows": 9}, where="f").content_hash
    assert flow.content_hash != Flow.from_dict({**FLOW, "readout": "differential"}, where="f").content_hash
    assert flow.content_hash != Flow.from_dict({**FLOW, "spread": {}}, where="f").content_hash


@pytest.mark.parametrize("name", ["crossbar_column", "crossbar_column_read"])
def test_shipped_flows(name: str) -> None:
    flow = Flow.load(name)
    assert flow.name == name and flow.bench.name == name and flow.bench.notes()[0].count("parallel_resistance") == 1


@pytest.mark.parametrize(
    "change",
    [
        {"rows": 0}, {"rows": 8.0}, {"driven": 9}, {"readout": "twice"}, {"access": "mosfet"}, {"access_width": "0.36"}, {"access_width": "-1 um"}, {"spread": {"wires": True}},
        {"spread": {"access": 1}}, {"array": "array_kohm"}, {"variation": {"device": True}}, {"sense": "current"},
        *({"axes": {**FLOW["axes"], "popcount": {"values": values}}} for values in ([-1], [9], [2.5])),  # type: ignore[dict-item]
        *({"axes": {**FLOW["axes"], **axis}} for axis in ({"pattern": {"values": ["middle"]}}, {"pattern": {"values": ["random_01"]}}, {"feed": {"values": ["row"]}}, {"corner": {"values": ["xx"]}}, {"supply": {"values": ["0 V"]}}, {"temperature": {"values": ["0 K"]}})),  # type: ignore[dict-item]
        {"axes": {"draw": {"count": 2}}},
    ],
)  # fmt: skip
def test_bad_flows(change: dict[str, object]) -> None:
    with pytest.raises(SpinbnnError) as caught:
        Flow.from_dict({**FLOW, **change}, where="small.toml")
    assert "small.toml" in caught.value.where


@pytest.mark.parametrize(
    "change",
    [{"sense": "ideal"}, {"edge": "bit_line"}, {"resolution": 0}, {"input": {"gain": 1}}, {"input": {"resistance": "0 ohm"}}, {"timing": {"length": "10 ps"}}, {"timing": {"edge": "0 s"}}],
)
def test_bad_transient_flows(change: dict[str, object]) -> None:
    flow = {**FLOW, "bench": "crossbar_column_read", "axes": {"popcount": {"values": [5]}}}
    Flow.from_dict(flow, where="small.toml")
    with pytest.raises(ParameterError) as caught:
        Flow.from_dict({**flow, **change}, where="small.toml")
    assert "small.toml" in caught.value.where


def test_places() -> None:
    bench = ColumnBench(**MADE, rows=16, driven=12)

    def places(**given):
        return bench.positions(ColumnSample(**given)).nonzero()[0].tolist()

    assert places(popcount=3, pattern="far") == [0, 1, 2] and places(popcount=3, pattern="near") == [9, 10, 11]
    assert places(popcount=3, pattern="spread") == [2, 6, 10] and places(popcount=12, pattern="spread") == list(range(12))
    for n in range(13):
        for pattern in ("near", "far", "spread", "random", "random_3"):
            assert len(places(popcount=n, pattern=pattern)) == n and max(places(popcount=n, pattern=pattern), default=0) < 12
    assert set(places(popcount=4, draw=1)) < set(places(popcount=7, draw=1)) != set(places(popcount=7, draw=2))
    assert places(popcount=4, pattern="random_1") != places(popcount=4)
    with pytest.raises(ParameterError):
        places(popcount=13)


def test_weights_make_the_popcount() -> None:
    bench = ColumnBench(**MADE, rows=16, driven=12)
    for pattern in ("near", "far", "random"):
        sample = ColumnSample(popcount=5, pattern=pattern, draw=2)
        x, bits = bench.inputs(sample), bench.bits(sample)
        assert np.sum(x[:12] == 2 * bits[:12] - 1) == 5 and not x[12:].any() and set(x[:12]) == {-1, 1}
        driven, line = bench.driven_devices(sample), bench.columns(sample)["a"]
        assert driven.sum() == 12 and np.sum(driven & ~line.antiparallel) == 5
        assert np.array_equal(driven[0::2], x > 0) and np.array_equal(driven[1::2], x < 0)
        assert np.array_equal(line.antiparallel[0::2], ~line.antiparallel[1::2])


def test_devices_are_those_of_the_array() -> None:
    """Junction and access resistances of a draw make the conductances of sample_array, for any weights."""
    array = ARRAY.with_values(wire__column_resistance__sigma=0.2, wire__column_resistance__sigma_global=0.1)
    bench = ColumnBench(**{**MADE, "array": array}, rows=16)
    sample = ColumnSample(popcount=5, draw=3, seed=9)
    line = bench.columns(sample)["a"]
    drawn = sample_array(array, bench.bits(sample)[:, None], seed=9, layer="crossbar_column", tile=24)
    junction = line.parallel * (1 + line.tmr * line.antiparallel / 1.04)
    assert 1 / (junction + array.value("access.resistance")) == pytest.approx(drawn.device_rows()[:, 0], rel=1e-9, abs=0)
    assert line.wire == pytest.approx(np.asarray(drawn.wire_column)[:, 0], rel=1e-12, abs=0) and np.ptp(line.wire) > 0
    assert line.shift.std() > 1e-3 and line.mobility.std() > 1e-4
    other = bench.columns(replace(sample, popcount=11))["a"]
    assert np.array_equal(other.parallel, line.parallel) and np.array_equal(other.shift, line.shift), "devices do not depend on the weights"
    nominal = bench.columns(replace(sample, draw=None))["a"]
    assert np.ptp(nominal.parallel) < 1e-6 and np.ptp(nominal.tmr) < 1e-9 and np.ptp(nominal.wire) == 0 and not nominal.shift.any()
    fixed = replace(bench, vary_junctions=False, vary_access=False).columns(sample)["a"]
    assert np.array_equal(fixed.parallel, nominal.parallel) and np.array_equal(fixed.shift, nominal.shift)


def test_faults_reach_the_deck() -> None:
    bench = ColumnBench(**{**MADE, "array": ARRAY.with_values(faults__stuck_antiparallel=1.0)}, rows=4)
    line = bench.columns(ColumnSample(popcount=4, draw=0))["a"]
    assert np.all(line.tmr == pytest.approx(0, abs=1e-9)) and np.all(line.parallel > 1.7e6)
    cut = ColumnBench(**{**MADE, "array": ARRAY.with_values(faults__open=1.0)}, rows=4).columns(ColumnSample(popcount=4, draw=0))["a"]
    assert np.all(cut.parallel == pytest.approx(1e10)) and np.all(cut.tmr == pytest.approx(0, abs=1e-9))


def test_references_and_the_inverted_column() -> None:
    sample = ColumnSample(popcount=5, draw=1)
    columns = replace(ColumnBench(**MADE, rows=16), readout="reference").columns(sample)
    assert list(columns) == ["a", "p", "q"] and not columns["p"].antiparallel.any() and columns["q"].antiparallel.all()
    drawn = sample_array(ARRAY, np.ones((16, 1)), seed=0, layer="crossbar_column", tile=8)
    for tag, number in (("p", 0), ("q", 1)):
        line = columns[tag]
        ohms = line.parallel * (1 + line.tmr * line.antiparallel / 1.04) + ARRAY.value("access.resistance")
        assert ohms == pytest.approx(1 / drawn.reference[:, number], rel=1e-2, abs=0)
    shifts = [columns[tag].shift for tag in "apq"]
    assert not any(np.array_equal(a, b) for a, b in ((shifts[0], shifts[1]), (shifts[1], shifts[2]), (shifts[0], shifts[2])))
    twin = replace(ColumnBench(**MADE, rows=16), readout="differential").columns(sample)
    assert np.array_equal(twin["a"].antiparallel, ~twin["b"].antiparallel) and not np.array_equal(twin["a"].parallel, twin["b"].parallel)


def test_temperature() -> None:
    bench = ColumnBench(**MADE, rows=4)
    cold, hot = (bench.columns(ColumnSample(popcount=2, temperature=t))["a"] for t in (300.0, 400.0))
    assert np.allclose(cold.tmr, 1.2) and np.allclose(hot.tmr, 0.902, atol=1e-3)
    assert hot.wire / cold.wire == pytest.approx(np.full(8, wire_factor(400.0))) and wire_factor(300.0) == 1.0
    assert pytest.approx(wire_factor(400.0)) == (1 + 0.0039 * 107) / (1 + 0.0039 * 7)
    assert bench.deck(ColumnSample(popcount=2, temperature=400.0)).temperature_c == pytest.approx(126.85)


def test_decks() -> None:
    bench = ColumnBench(**MADE, rows=4)
    text = bench.deck(ColumnSample(popcount=2, feed="same_end")).text
    assert text.count(" xnor_cell ") == 4 + 2 + 1 and text.count("Rwsa_") == 8 and text.count("Rwba_") == 8
    assert bench.deck(ColumnSample(popcount=2)).text.count("Rwba_") == 0
    top = bench.deck(ColumnSample(popcount=2, feed="opposite_end")).text.splitlines()
    assert sum(line.startswith("Rwba_") for line in top) == 7 and any(line.startswith("Rwba_1 fa ba_1 ") for line in top)
    ideal = ColumnBench(**{**MADE, "array": ARRAY.with_values(wire__column_resistance=0.0)}, rows=4).deck(ColumnSample(popcount=2))
    assert "Rw" not in ideal.text.replace("Rwl", "")
    read = ColumnReadBench(**MADE, rows=4).deck(ColumnSample(popcount=2))
    assert read.stop == pytest.approx(1.05e-9, rel=1e-12, abs=0) and "v(ya)" in read.save and "column_sense" in read.text
    assert bench.deck(ColumnSample(popcount=2, supply=0.9)).parameters["word_voltage"] == 0.9


def waves(**given: float) -> SimulationResult:
    found = {"v(feed)": 0.1, "i(vwl)": 0.0, "i(vfa)": 21e-6, "i(vsa)": 20e-6, "i(vip)": 1e-6, "i(via)": 0.4e-6, "i(vop)": 1e-12, "i(voa)": 2e-12}
    return SimulationResult(index=0, status="ok", waveforms={key: np.array([value]) for key, value in {**found, **given}.items()})


def test_static_measures() -> None:
    bench, sample = ColumnBench(**MADE, rows=32), ColumnSample(popcount=12)
    found = bench.measure(waves(), sample)
    assert found["n_eff"] == pytest.approx((20 - 32 * 0.4) / 0.6) and found["attenuation"] == pytest.approx(20 / (12 + 8))
    assert found["power"] == pytest.approx(2.1e-6, rel=1e-12, abs=0) and found["leakage"] == pytest.approx(20e-12 + 2 * 12e-12, rel=1e-12, abs=0)  # complements of 12 in P are in AP
    referred = replace(bench, readout="reference").measure(waves(**{"i(vsp)": 30e-6, "i(vsq)": 13e-6}), sample)
    assert referred["n_eff"] == pytest.approx(16 + (20 - 21.5) / 0.6)
    twin = replace(bench, readout="differential").measure(waves(**{"i(vsb)": 24.8e-6}), sample)
    assert twin["n_eff"] == pytest.approx(16 - 4.8 / 1.2)
    with pytest.raises(SimulationError, match="same current"):
        bench.measure(waves(**{"i(via)": 1e-6}), sample)
    with pytest.raises(SimulationError):
        bench.measure(SimulationResult(index=0, status="failed", error="singular"), sample)


def transient(tau: float, bench: ColumnReadBench, **given: np.ndarray) -> SimulationResult:
    t = bench.timing
    time = np.linspace(0, t.stop, 4001)
    since = np.maximum(time - t.middle, 0)
    rising = 1 - np.exp(-since / tau)
    found = {
        "time": time, "v(feed)": np.full(4001, 0.1), "v(ya)": 20 * rising, "i(vfa)": 20e-6 * (time > t.middle), "i(vwl)": -1e-6 * (time > t.middle) * (time < t.middle + 0.1e-9),
        "v(sa_64)": 0.1 * np.exp(-since / tau), **{f"i({name})": np.full(4001, value) for name, value in (("vip", 1e-6), ("via", 0.4e-6), ("vop", 0.0), ("voa", 0.0))},
    }  # fmt: skip
    return SimulationResult(index=0, status="ok", waveforms={**found, **given})


def test_transient_measures() -> None:
    bench, sample, tau = ColumnReadBench(**MADE, rows=32, timing=ReadTiming(length=2e-9)), ColumnSample(popcount=12), 0.1e-9
    found = bench.measure(transient(tau, bench), sample)
    assert found["settling_time"] == pytest.approx(tau * math.log(20 / 0.3), rel=1e-3, abs=0)
    assert replace(bench, resolution=4.0).measure(transient(tau, bench), sample)["settling_time"] == pytest.approx(tau * math.log(20 / 1.2), rel=1e-3, abs=0)
    assert found["energy_line"] == pytest.approx(0.1 * 20e-6 * 1.99e-9, rel=1e-3, abs=0) and found["energy_static"] == pytest.approx(0.1 * 20e-6 * 2e-9, rel=1e-6, abs=0)
    assert found["energy_word_lines"] == pytest.approx(1.1 * 1e-6 * 0.1e-9, rel=0.02, abs=0) and math.isnan(found["discharge_time"])
    assert replace(bench, readout="differential").measure(transient(tau, bench), sample)["energy_word_lines"] == pytest.approx(found["energy_word_lines"] / 2, rel=1e-9, abs=0)
    assert math.isnan(replace(bench, edge="read").measure(transient(tau, bench), sample)["energy_word_lines"])
    with pytest.raises(SimulationError, match="not settled"):
        bench.measure(transient(1e-9, bench), sample)
    line = replace(bench, sense="voltage").measure(transient(tau, bench), sample)
    assert line["discharge_time"] == pytest.approx(tau + 10e-12, rel=1e-3, abs=0)  # 1/e of the voltage at the end of the edge
    with pytest.raises(SimulationError, match="discharged"):
        replace(bench, sense="voltage").measure(transient(5e-9, bench), sample)


def test_last_outside() -> None:
    time = np.arange(5.0)
    assert last_outside(time, np.zeros(5), 0.0, 1.0) == 0.0
    assert last_outside(time, np.array([0.0, 4.0, 12.0, 8.0, 8.0]), 8.0, 2.0) == 2.5  # an overshoot counts
    assert last_outside(time, np.array([8.0, 8.0, 8.0, 8.0, 2.0]), 8.0, 2.0) == 4.0


def test_bad_columns() -> None:
    good = {"parallel": np.ones(4), "tmr": np.ones(4), "antiparallel": np.zeros(4, bool), "wire": np.zeros(4), "shift": np.zeros(4), "mobility": np.ones(4)}
    ColumnLine(**good)
    for change in ({"parallel": np.zeros(4)}, {"wire": -np.ones(4)}, {"tmr": np.full(4, np.nan)}, {"mobility": np.zeros(4)}, {"shift": np.zeros(6)}, {"tmr": np.array([0.0, 0.0, 0.0, -0.1])}):
        with pytest.raises(ParameterError):
            ColumnLine(**{**good, **change})
    for change in ({"read_voltage": 0.0}, {"feed": "left"}, {"sense": "charge"}, {"access_resistance": -1.0}, {"linear": True}, {"wire_capacitance": math.nan}):
        with pytest.raises(ParameterError):
            ColumnCircuit(**{"read_voltage": 0.1, "word_voltage": 1.1, **change})


NO_NUMBERS = {"characterize/grid.py", "circuit/flow_keys.py", "circuit/pdk.py", "errors.py", "files.py", "resources.py", "tables.py"}
"""Reached and unable to change a number: checks, files, messages; the axis values that a flow reads stand in its hash."""


def test_sources_cover_what_the_benches_reach() -> None:
    """Every module imported from the benches on, packages' exports aside, is in their hash or excused."""
    package, seen, waiting = Path(spinbnn.__file__).resolve().parent, set(), ["characterize/column_bench.py", "characterize/column_read_bench.py"]
    while waiting:
        name = waiting.pop()
        if name in seen or name.endswith("__init__.py") or not (package / name).is_file():
            continue
        seen.add(name)
        here = Path(name).parent.parts
        for node in ast.walk(ast.parse((package / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                stem = (*here[: len(here) - node.level + 1], *(node.module.split(".") if node.module else ()))
                waiting += ["/".join(stem) + ".py", *("/".join((*stem, alias.name)) + ".py" for alias in node.names)]
    listed = set(ColumnReadBench.sources)
    missing = {name for name in seen - listed - NO_NUMBERS if not any(name.startswith(f"{source}/") for source in listed)}
    assert len(seen) > 20 and missing == set() and set(ColumnBench.sources) < listed
