"""Cells and columns in ngspice: Table I of the paper, the array solver, a ladder in closed form, settling and energies."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm
from tolerances import (
    ARRAY_SPICE,
    ARRAY_SPICE_CURVED,
    COLUMN_CELL,
    COLUMN_CHARGE,
    COLUMN_LADDER,
    COLUMN_SETTLING,
)

from spinbnn.characterize.column_bench import ColumnBench, ColumnSample, wire_factor
from spinbnn.characterize.column_read_bench import ColumnReadBench
from spinbnn.circuit import Deck, NgspiceBatch, Technology
from spinbnn.circuit.cell import Cell
from spinbnn.circuit.column_read import DC_OPTIONS, ReadTiming, last_outside
from spinbnn.circuit.simulator import find_ngspice
from spinbnn.crossbar.array_params import ArrayParams
from spinbnn.crossbar.settling import column_time
from spinbnn.crossbar.solve import TunnelCells, solve_array
from spinbnn.crossbar.variation import sample_array
from spinbnn.device import DeviceParams

pytestmark = [
    pytest.mark.spice,
    pytest.mark.skipif(find_ngspice().executable is None, reason="needs the program ngspice (apt-get install ngspice)"),
]
TECHNOLOGY = Technology.load("cmos40lp")
MADE = {"array": ArrayParams.load("array_mohm"), "device": DeviceParams.load("seed_eq23"), "technology": TECHNOLOGY}
LOW = ArrayParams.load("array_mohm").with_values(junction__parallel_resistance=6e3, wire__column_resistance=1e7)  # 2.43 ohm a segment


def run(bench, *samples):
    with NgspiceBatch(workers=1, timeout=300.0) as engine:
        results = [result.require() for result in engine.run([bench.deck(sample) for sample in samples])]
    return [dict(bench.measure(result, sample)) for result, sample in zip(results, samples, strict=True)]


@pytest.mark.parametrize(("x", "w"), [(1, 1), (-1, -1), (1, -1), (-1, 1), (0, 1), (0, -1)])
def test_table_one(x, w):
    """Equal signs: low resistance; unequal: high; an input of 0 drives nothing. Weight +1 is st=0 sc=1."""
    cell = Cell.load("xnor_cell")
    nodes = ["t" if x == 1 else "0", "t" if x == -1 else "0", "r", "r", "s", "s"]
    body = "\n".join([cell.text, f"Vt t 0 {TECHNOLOGY.supply}", "Vr r 0 0.1", "Vs s 0 0", cell.instance("c", nodes, st=float(w < 0), sc=float(w > 0))])
    deck = Deck(name="cell", text=TECHNOLOGY.preamble(body, corner="tt") + "\n" + body, save=("i(vs)",), options=DC_OPTIONS, temperature_c=26.85)
    with NgspiceBatch(workers=1) as engine:
        (result,) = engine.run([deck])
    ohms = 0.1 / float(result.require().waveforms["i(vs)"][-1])
    if x == 0:
        assert ohms > 1e10
        return
    state = 1e6 if x == w else 1e6 * (1 + 1.2 / (1 + 0.2**2))
    assert ohms == pytest.approx(state, rel=COLUMN_CELL, abs=0) and ohms > state  # the transistor is in series
    assert 200 < ohms - state < 3e3


@pytest.mark.parametrize("array", [MADE["array"], LOW], ids=["Mohm", "6kohm"])
def test_the_column_is_that_of_the_array_solver(array):
    """256 complementary cells with spread; access transistors replaced by their resistance, junctions linearised."""
    bench = ColumnBench(**{**MADE, "array": array}, access="resistor_linear", vary_access=False)
    sample = ColumnSample(popcount=100, draw=3, seed=5)
    (found,) = run(bench, sample)
    devices = sample_array(array, bench.bits(sample)[:, None], seed=5, layer="crossbar_column", tile=24)
    driven = bench.driven_devices(sample)
    solved = solve_array(devices.device_rows(), 0.1 * driven, wire_row=0.0, wire_column=devices.wire_column, active=driven)
    assert found["current"] == pytest.approx(float(solved.currents[0]), rel=ARRAY_SPICE, abs=0)
    p, ap = (0.1 / array.resistance(state, 0.1) for state in (False, True))
    assert found["n_eff"] == pytest.approx((float(solved.currents[0]) - 256 * ap) / (p - ap), rel=1e-7, abs=0)


@pytest.mark.parametrize("volts", [0.1, 0.4])
def test_the_column_is_that_of_the_array_solver_with_curved_cells(volts):
    array = LOW.with_values(access__resistance=0.0)
    bench = ColumnBench(**{**MADE, "array": array}, access="resistor", vary_access=False)
    sample = ColumnSample(popcount=100, draw=3, seed=5, read_voltage=volts)
    line, driven = bench.columns(sample)["a"], bench.driven_devices(sample)
    cells = TunnelCells(parallel=line.parallel[:, None], tmr=line.tmr[:, None], half_voltage=0.5, state=1.0 * line.antiparallel[:, None])
    solved = solve_array(cells, volts * driven, wire_row=0.0, wire_column=line.wire[:, None], active=driven)
    (found,) = run(bench, sample)
    assert found["current"] == pytest.approx(float(solved.currents[0]), rel=ARRAY_SPICE_CURVED, abs=0)
    flat = solve_array(1 / (line.parallel * (1 + line.tmr * line.antiparallel))[:, None], volts * driven, wire_row=0.0, wire_column=line.wire[:, None], active=driven)
    assert abs(float(flat.currents[0]) / found["current"] - 1) > 1e-4, "the curvature does nothing"


@pytest.mark.parametrize("feed", ["same_end", "opposite_end"])
def test_two_resistive_lines(feed):
    """A ladder of two rails, solved by its nodal matrix, which shares no code with the deck."""
    array = LOW.with_values(wire__column_resistance=3e7)
    bench = ColumnBench(**{**MADE, "array": array}, rows=16, access="resistor_linear", vary_access=False)
    sample = ColumnSample(popcount=5, pattern="far", feed=feed, draw=1, seed=2)
    line, driven = bench.columns(sample)["a"], bench.driven_devices(sample)
    n, segment = 32, array.value("wire.column_resistance") * array.value("geometry.cell_height")
    y, drive = np.zeros((2 * n, 2 * n)), np.zeros(2 * n)  # bit-line nodes, then source-line nodes

    def join(a, b, siemens):
        for i, j in ((a, b), (b, a)):
            y[i, i] += siemens
            y[i, j] -= siemens

    for k in range(n - 1):
        join(k, k + 1, 1 / segment)
        join(n + k, n + k + 1, 1 / segment)
    for k in np.flatnonzero(driven):
        ratio = line.tmr[k] / 1.04 if line.antiparallel[k] else 0.0
        join(k, n + k, 1 / (line.parallel[k] * (1 + ratio) + array.value("access.resistance")))
    stiff = 1e9 if feed == "opposite_end" else 1 / segment  # at the top the first device sits at the driver
    end = 0 if feed == "opposite_end" else n - 1
    y[end, end] += stiff
    drive[end] = 0.1 * stiff
    y[2 * n - 1, 2 * n - 1] += 1 / segment
    current = np.linalg.solve(y, drive)[2 * n - 1] / segment
    (found,) = run(bench, sample)
    assert found["current"] == pytest.approx(current, rel=COLUMN_LADDER, abs=0)


def test_a_column_of_equal_cells_in_closed_form():
    r"""Equal devices G at every row above equal segments r: :math:`I = G V \sinh(2 N a) / (2 \sinh(a) ...)` by its recursion."""
    array = LOW.with_values(junction__tmr=0.5)
    bench = ColumnBench(**{**MADE, "array": array}, rows=64, access="resistor_linear")
    sample = ColumnSample(popcount=64)
    line, driven = bench.columns(sample)["a"], bench.driven_devices(sample)
    # impedance and open-circuit voltage of the column seen from below, segment by segment
    source, series = 0.0, math.inf
    for on, ohms in zip(driven, line.parallel + array.value("access.resistance"), strict=True):
        if on:
            source, series = ((0.1, ohms) if math.isinf(series) else ((source / series + 0.1 / ohms) / (1 / series + 1 / ohms), 1 / (1 / series + 1 / ohms)))
        series += line.wire[0]
    (found,) = run(bench, sample)
    assert found["current"] == pytest.approx(source / series, rel=ARRAY_SPICE, abs=0)
    assert found["attenuation"] == pytest.approx(source / series / (64 * 0.1 / array.resistance(False)), rel=1e-9, abs=0)


def test_wires_and_spread_off_leave_the_popcount():
    array = MADE["array"].with_values(wire__column_resistance=0.0)
    bench = ColumnBench(**{**MADE, "array": array}, rows=32)
    samples = [ColumnSample(popcount=n, pattern=p, feed=f) for n, p, f in ((0, "near", "rows"), (7, "far", "same_end"), (32, "spread", "opposite_end"))]
    for sample, found in zip(samples, run(bench, *samples), strict=True):
        leak = found["leakage"] / (found["cell_parallel"] - found["cell_antiparallel"])
        assert found["n_eff"] - leak == pytest.approx(sample.popcount, abs=1e-4)
        assert 0 < leak < 1e-2


def test_leakage_is_what_a_column_without_driven_cells_carries():
    bench = ColumnBench(**MADE, rows=32, driven=1)
    (one,) = run(bench, ColumnSample(popcount=1, temperature=400.0))
    assert one["current"] - one["cell_parallel"] == pytest.approx(one["leakage"], rel=0.02, abs=0)


def test_places_feeds_temperature_and_supply():
    bench = ColumnBench(**MADE, rows=64)
    base = ColumnSample(popcount=32)
    near, far, both, hot, weak = run(
        bench, replace(base, pattern="near"), replace(base, pattern="far"), replace(base, feed="same_end"), replace(base, temperature=400.0), replace(base, supply=0.8)
    )
    (middle,) = run(bench, base)
    assert far["n_eff"] < middle["n_eff"] < near["n_eff"] < 32
    assert both["attenuation"] < middle["attenuation"]  # two resistive lines

    def loss(found):
        """Of the driven cells alone: what leaks through the others does not count."""
        return 1 - found["attenuation"] * (1 - found["leakage"] / found["current"])

    assert 1.9 < loss(both) / loss(middle) < 2.0
    ratio = loss(hot) / loss(middle)  # wires up by wire_factor; AP resistance down with the TMR ratio
    assert wire_factor(400.0) < ratio < 1.3 * wire_factor(400.0)
    assert weak["cell_parallel"] < middle["cell_parallel"]


def test_a_bit_line_driven_at_the_other_end_makes_places_count_less():
    """Near and far are then mirror images; driven at the foot both lines lose most for the far cells."""
    bench = ColumnBench(**MADE, rows=64)
    samples = [ColumnSample(popcount=32, pattern=p, feed=f) for f in ("same_end", "opposite_end") for p in ("near", "far", "spread")]
    near, far, _, mirror, image, evenly = (m["n_eff"] for m in run(bench, *samples))
    assert near - far > 0.25
    assert abs(mirror - image) < 0.01 * (near - far) and abs(evenly - mirror) < 0.1 * (near - far)


def test_readouts_remove_the_common_loss():
    samples = [ColumnSample(popcount=n, pattern="spread", feed="same_end") for n in (0, 16, 32)]
    single, reference, twin = ([m["n_eff"] for m in run(ColumnBench(**MADE, rows=32, readout=r), *samples)] for r in ("single", "reference", "differential"))
    assert single[0] < -0.02 and abs(reference[1] - 16) < 0.2 * abs(single[1] - 16)
    assert reference[0] > 0.02 and reference[0] == pytest.approx(32 - reference[2], rel=1e-6, abs=0)  # its references are these two columns: no offset, a gain
    assert abs(twin[1] - 16) < 0.2 * abs(single[1] - 16)
    assert twin[0] > 0 and twin[2] < 32  # a gain error remains
    assert twin[2] - 16 == pytest.approx(16 - twin[0], rel=1e-2, abs=0)


def test_energy_of_the_word_lines_is_that_of_their_capacitance():
    """C V^2 of the file's gate and wire; with transistors their gates take its place, of the same size."""
    timing = ReadTiming(length=0.5e-9)
    plain, cards = (ColumnReadBench(**MADE, rows=4, access=access, timing=timing) for access in ("resistor", "transistor"))
    file, real = (run(bench, ColumnSample(popcount=2))[0]["energy_word_lines"] for bench in (plain, cards))
    assert file == pytest.approx(4 * MADE["array"].row_capacitance * TECHNOLOGY.supply**2, rel=COLUMN_CHARGE, abs=0)
    assert 0.4 * file < real < 1.2 * file


@pytest.mark.slow
@pytest.mark.parametrize("resistance", [1.0, 2e4])
def test_settling_of_a_step_of_the_read_voltage(resistance):
    """Resistors for transistors, so that the network is linear: half a count after tau ln(2 n ...), with Elmore's tau."""
    array = MADE["array"].with_values(wire__column_resistance=0.0)
    bench = ColumnReadBench(
        **{**MADE, "array": array}, rows=64, access="resistor_linear", edge="read", input_resistance=resistance, input_capacitance=20e-15, input_time=1e-15,
        timing=ReadTiming(length=6e-9, edge=1e-12, max_step=2e-12),
    )  # fmt: skip
    sample = ColumnSample(popcount=64)
    (found,) = run(bench, sample)
    g = np.full(64, 1 / array.resistance(False))
    tau = column_time(np.append(g, np.zeros(64)), 0.0, array.column_capacitance, load_resistance=resistance, load_capacitance=20e-15)
    step = 1 / array.resistance(False) - 1 / array.resistance(True, 0.1)
    share = 0.5 * step / (64 / array.resistance(False)) * (1 + resistance * float(g.sum()))  # of the final current: R_in divides it
    expected = tau * math.log(1 / share)
    if resistance > 1e3:
        assert found["settling_time"] == pytest.approx(expected, rel=COLUMN_SETTLING, abs=0)
    else:
        assert found["settling_time"] < 5e-12  # 1 ohm: the step itself
    charging = 0.1 * float(g.sum()) * found["final_current"] * resistance * tau  # the current of the cells before the foot has risen
    assert found["energy_line"] == pytest.approx(0.1 * found["final_current"] * 6e-9 + charging, rel=2e-3, abs=0)


@pytest.mark.slow
def test_a_ladder_settles_as_its_matrix_exponential_and_elmore_say():
    """Wires of 10 kilo-ohm a segment: many poles. The network integrated in time shares no code with the deck."""
    array = MADE["array"].with_values(wire__column_resistance=1e4 / 0.243e-6)
    timing = ReadTiming(length=12e-9, edge=1e-12, max_step=5e-12)
    bench = ColumnReadBench(
        **{**MADE, "array": array}, rows=16, access="resistor_linear", edge="read", input_resistance=1e3, input_capacitance=20e-15, input_time=1e-15, timing=timing, vary_access=False
    )  # fmt: skip
    sample = ColumnSample(popcount=6, pattern="far")
    line, driven = bench.columns(sample)["a"], bench.driven_devices(sample)
    g = np.where(driven, 1 / (line.parallel * (1 + line.tmr * line.antiparallel / 1.04) + array.value("access.resistance")), 0.0)
    n, c = len(g), array.column_capacitance
    y = np.diag(np.append(g, 1e-3))
    for k, ohms in enumerate(line.wire):
        y[k : k + 2, k : k + 2] += np.array([[1, -1], [-1, 1]]) / ohms
    charges = np.full(n + 1, c)
    charges[0], charges[-1] = c / 2, c / 2 + 20e-15
    end = np.linalg.solve(y, 0.1 * np.append(g, 0.0))
    times = np.linspace(0, 12e-9, 6001)
    step, missing = expm(-(y / charges[:, None]) * (times[1] - times[0])), [end]
    for _ in times[1:]:
        missing.append(step @ missing[-1])
    foot = np.array(missing)[:, -1]
    half_a_count = 0.5 * 0.1 * (1 / array.resistance(False) - 1 / array.resistance(True, 0.1)) * 1e3  # [V] at the 1 kilo-ohm
    expected = last_outside(times, foot, 0.0, half_a_count)
    with NgspiceBatch(workers=1, timeout=300.0) as engine:
        (result,) = engine.run([bench.deck(sample)])
    assert bench.measure(result, sample)["settling_time"] == pytest.approx(expected, rel=COLUMN_SETTLING, abs=0) and expected > 0.3e-9
    waves = result.require().waveforms
    time, out = waves["time"] - timing.middle, waves["v(ya)"]
    area = np.trapezoid(1 - out[time > 0] / out[-1], time[time > 0])
    assert area == pytest.approx(column_time(g, line.wire[0], c, load_resistance=1e3, load_capacitance=20e-15), rel=COLUMN_SETTLING, abs=0)


@pytest.mark.slow
def test_discharge_is_that_of_the_capacitance_and_the_conductance():
    array = MADE["array"].with_values(wire__column_resistance=0.0)
    bench = ColumnReadBench(
        **{**MADE, "array": array}, rows=64, access="resistor_linear", sense="voltage", edge="read", input_capacitance=20e-15, timing=ReadTiming(length=8e-9, max_step=10e-12)
    )
    (found,) = run(bench, ColumnSample(popcount=64))
    tau = (128 * array.column_capacitance + 20e-15) * array.resistance(False) / 64
    assert found["discharge_time"] == pytest.approx(tau, rel=0.1, abs=0)  # the precharge transistor adds its junction
    assert found["discharge_time"] > tau
    assert math.isnan(found["settling_time"]) and math.isnan(found["energy_word_lines"])
