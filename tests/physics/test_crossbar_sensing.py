"""Settling of a column: published figures, limits in closed form, and the network integrated in time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import expm

from spinbnn.crossbar.array_params import ArrayParams
from spinbnn.crossbar.settling import BitLine, column_time, current_time_constant, divider_time, settling_time
from spinbnn.errors import ParameterError

MOHM = ArrayParams.load("array_mohm")


@pytest.mark.parametrize(
    ("on", "off", "picoseconds", "bare"), [(1e5, 2.5e5, 3716, 3180.9), (1e6, 2.5e6, 32109, 31727.3)]
)
def test_voltage_sensing_of_one_cell_as_nvsim_prints_it(on, off, picoseconds, bare):
    """256 rows, 0.4 V, 25 mV. The drain capacitance was set from the second figure; the first is free."""
    access = MOHM.value("access.resistance")
    time = divider_time(BitLine.of(MOHM, 256), on + access, off + access, 0.4, 0.025)
    assert time * 1e12 == pytest.approx(picoseconds, rel=0.005, abs=0)
    # without the access transistor in the divider the first figure is missed by 14 %, the second by 1 %
    alone = divider_time(BitLine.of(MOHM, 256), on, off, 0.4, 0.025)
    assert alone * 1e12 == pytest.approx(bare, rel=1e-4, abs=0)


def test_voltage_sensing_by_hand():
    """1 and 4 kohm against 2 kohm at 0.6 V: 0.2 and 0.4 V; swing 0.1 V, half of it needed; AP is slower, 4/3 kohm."""
    line = BitLine(resistance=300.0, capacitance=2e-15, cell_capacitance=1e-15, mux_capacitance=4e-15)
    tau = 4e3 / 3 * 7e-15 + 300 * (4e-15 + 1e-15)
    assert divider_time(line, 1e3, 4e3, 0.6, 0.05) == pytest.approx(tau * math.log(2), rel=1e-12, abs=0)


def test_nvsim_finds_no_precharge_at_3_kohm():
    access = MOHM.value("access.resistance")
    with pytest.raises(ParameterError, match="never differ"):
        divider_time(BitLine.of(MOHM, 256), 3e3 + access, 6e3 + access, 0.4, 0.025)


def test_current_sensing_hides_the_cell():
    line = BitLine(resistance=557.0, capacitance=40e-15)
    slow, fast = current_time_constant(line, 2.5e6), current_time_constant(line, 100.0)
    assert slow == pytest.approx(557 * 40e-15 / 2 * (2.5e6 + 557 / 3) / (2.5e6 + 557), rel=1e-12, abs=0)
    assert fast == pytest.approx(557 * 40e-15 / 2 * (100 + 557 / 3) / 657, rel=1e-12, abs=0)


def test_lumped_column():
    g = np.array([1e-6, 0.0, 3e-6])
    assert column_time(g, 0.0, 1e-15, load_capacitance=2e-15) == pytest.approx(5e-15 / 4e-6, rel=1e-12, abs=0)
    assert column_time(g, 0.0, 1e-15, load_resistance=1e5) == pytest.approx(3e-15 / 14e-6, rel=1e-12, abs=0)
    assert column_time(g, 1.0, 1e-15) == pytest.approx(
        3e-15 / 4e-6, rel=1e-5, abs=0
    )  # 1 ohm against 250 kohm


def test_a_chain_of_two_by_hand():
    """One source G at the top, wire R, capacitor at the foot: tau = (1/G + R) C_foot + C_top / G."""
    time = column_time([1e-6], 2e3, 1e-15, load_capacitance=5e-15)
    assert time == pytest.approx((1e6 + 2e3) * 5e-15 + 1e6 * 1e-15, rel=1e-12, abs=0)


@pytest.mark.parametrize("load", [math.inf, 5e3])
def test_elmore_is_the_first_moment_of_the_step_response(load):
    """Integrate the network with a matrix exponential, and the area above its response."""
    rng = np.random.default_rng(3)
    g, wire, c, foot = rng.uniform(0.1e-6, 2e-6, 6) * (rng.random(6) < 0.7), 4e4, 2e-15, 3e-15
    n = len(g)
    y = np.diag(np.append(g, 0.0 if math.isinf(load) else 1 / load))
    for i in range(n):
        y[i, i] += 1 / wire
        y[i + 1, i + 1] += 1 / wire
        y[i, i + 1] -= 1 / wire
        y[i + 1, i] -= 1 / wire
    capacitances = np.append(np.full(n, c), foot)
    end = np.linalg.solve(y, np.append(g, 0.0))
    rates = y / capacitances[:, None]
    tau = column_time(g, wire, c, load_resistance=load, load_capacitance=foot)
    times = np.linspace(0, 40 * tau, 4001)
    step = expm(-rates * (times[1] - times[0]))
    missing = [end]
    for _ in times[1:]:
        missing.append(step @ missing[-1])
    tail = np.array(missing)[:, -1] / end[-1]
    assert np.trapezoid(tail, times) == pytest.approx(tau, rel=1e-4, abs=0)


def test_a_popcount_column_settles_far_faster_than_one_selected_cell():
    """All 256 cells drive the line together: 32 ns are those of a memory that selects one row."""
    g = np.zeros(512)
    g[::2] = 1 / MOHM.resistance(True)
    together = column_time(g, MOHM.wire_column, MOHM.column_capacitance)
    alone = column_time(g[:1], 0.0, 512 * MOHM.column_capacitance)
    assert alone / together == pytest.approx(256, rel=1e-3, abs=0)  # 256 cells in parallel; wires of 2 ohm take a ten thousandth
    assert together == pytest.approx(0.6966e-9, rel=1e-3, abs=0)


def test_settling_to_half_an_lsb():
    assert math.exp(-settling_time(2e-9, 6) / 2e-9) == pytest.approx(0.5 / 2**6, rel=1e-12, abs=0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: column_time([0.0], 1.0, 1e-15),
        lambda: column_time([-1e-6, 1e-6], 1.0, 1e-15),
        lambda: column_time([np.nan], 1.0, 1e-15),
        lambda: column_time([[1e-6]], 1.0, 1e-15),
        lambda: column_time([1e-6], -1.0, 1e-15),
        lambda: column_time([1e-6], 1.0, 1e-15, load_resistance=0.0),
        lambda: divider_time(BitLine(resistance=1.0, capacitance=1e-15), 2.0, 1.0, 0.4, 0.01),
        lambda: current_time_constant(BitLine(resistance=1.0, capacitance=1e-15), 0.0),
        lambda: BitLine(resistance=-1.0, capacitance=1e-15),
    ],
)
def test_wrong_arguments_are_refused(call):
    with pytest.raises(ParameterError):
        call()
