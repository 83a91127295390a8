"""The master-equation nodes of the cell sot_mtj against the closed form, under rectangular currents."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from tolerances import MASTER_EQUATION

from spinbnn.circuit import Cell, Deck, NgspiceBatch
from spinbnn.device import ThermalSwitching

pytestmark = pytest.mark.spice
RESET, SET, EDGE = 5e-9, 10e-9, 1e-12


@pytest.fixture(scope="module")
def simulator() -> Iterator[NgspiceBatch]:
    with NgspiceBatch(workers=1) as engine:
        yield engine


def deck(
    set_current: float, reset_current: float, *, barrier: str = "exact", back: float = 0.0, reset: float = RESET, width: float = SET, max_step: float = 50e-12
) -> Deck:
    """RESET then SET, from ideal current sources with 1 ps edges."""
    cell = Cell.load("sot_mtj")
    points = [(0.0, 0.0), (1e-9, 0.0), (1e-9 + EDGE, -reset_current), (1e-9 + reset, -reset_current), (1e-9 + reset + EDGE, 0.0)]
    start = 1e-9 + reset + 1e-9
    points += [(start, 0.0), (start + EDGE, set_current), (start + width, set_current), (start + width + EDGE, 0.0)]
    body = " ".join(f"{t!r} {i!r}" for t, i in points)
    lines = [cell.text, f"I1 0 a PWL({body})", "Vs s 0 0", "Rtop top 0 1e9"]
    lines.append(cell.instance("j", ["a", "0", "top", "s", "p0", "p1"], delta=40.0, tau0=1e-9, ic0=500e-6, back=back, exact=float(barrier == "exact")))
    return Deck(
        text="\n".join(lines), name="master equation", save=("v(p0)", "v(p1)", "i(v.xj.vt)"), stop=start + width + 1e-9, max_step=max_step,
        initial={"p0": 0.0, "p1": 1.0}, options={"method": "trap", "reltol": 1e-3, "vntol": 1e-7, "abstol": 1e-12, "chgtol": 1e-16},
    )  # fmt: skip


def closed_form(
    set_current: float, reset_current: float, *, barrier: str = "exact", saturation: float = 1.0, reset: float = RESET, width: float = SET
) -> tuple[float, float, float]:
    """Return a, b and epsilon of RESET then SET, rests included."""
    model = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, barrier=barrier, saturation=saturation)

    def step(p: np.ndarray, current: float, width: float) -> np.ndarray:
        return p * (1 - model.probability(current, width, initial=1)) + (1 - p) * model.probability(current, width, initial=0)

    p = np.array([0.0, 1.0])
    p = step(p, -reset_current, reset)
    epsilon = float(p[1])
    a, b = step(p, set_current, width)
    return float(a), float(b), epsilon


@pytest.mark.parametrize("barrier", ["exact", "seed"])
@pytest.mark.parametrize(("set_current", "reset_current"), [(185e-6, 300e-6), (200e-6, 420e-6), (206e-6, 230e-6), (230e-6, 500e-6)])
def test_a_b_and_epsilon(simulator: NgspiceBatch, barrier: str, set_current: float, reset_current: float) -> None:
    waves = next(iter(simulator.run([deck(set_current, reset_current, barrier=barrier)]))).require().waveforms
    a, b, epsilon = closed_form(set_current, reset_current, barrier=barrier)
    between = np.interp(1e-9 + RESET + 0.5e-9, waves["time"], waves["v(p1)"])
    assert between == pytest.approx(epsilon, rel=MASTER_EQUATION)
    assert waves["v(p0)"][-1] == pytest.approx(a, rel=MASTER_EQUATION)
    assert waves["v(p1)"][-1] == pytest.approx(b, rel=MASTER_EQUATION)
    assert waves["i(v.xj.vt)"].max() == pytest.approx(set_current, rel=1e-9)


def test_the_printed_barrier_is_clamped_at_its_zero_in_both_directions(simulator: NgspiceBatch) -> None:
    """At j = 0.92 the print is -0.022: unclamped, both rates would be 2.4 times too high. Pulses of 1 ns are not saturated."""
    short = {"reset": 1e-9, "width": 1e-9}
    waves = next(iter(simulator.run([deck(230e-6, 230e-6, barrier="seed", **short)]))).require().waveforms
    a, b, epsilon = closed_form(230e-6, 230e-6, barrier="seed", **short)
    assert (a, epsilon) == pytest.approx((1 - np.exp(-1), np.exp(-1)), rel=1e-9)
    assert np.interp(2.5e-9, waves["time"], waves["v(p1)"]) == pytest.approx(epsilon, rel=MASTER_EQUATION)
    assert (waves["v(p0)"][-1], waves["v(p1)"][-1]) == pytest.approx((a, b), rel=MASTER_EQUATION)


def test_back_switching_saturates(simulator: NgspiceBatch) -> None:
    waves = next(iter(simulator.run([deck(245e-6, 300e-6, back=0.25)]))).require().waveforms
    a, b, epsilon = closed_form(245e-6, 300e-6, saturation=0.8)
    assert epsilon > 0.15
    assert (waves["v(p0)"][-1], waves["v(p1)"][-1]) == pytest.approx((a, b), rel=MASTER_EQUATION)


def test_junction_conductance_and_tmr_roll_off(simulator: NgspiceBatch) -> None:
    """G(state, V) = 1/R_P for state 0 and 1/(R_P (1 + TMR(V))) for state 1, TMR(V) = TMR/(1 + (V/Vh)^2)."""
    cell = Cell.load("sot_mtj")
    decks = []
    for state in (0, 1):
        lines = [cell.text, f"Vs s 0 {state}", "Vt top 0 0.4"]
        lines.append(cell.instance("j", ["0", "0", "top", "s", "p0", "p1"], rp=331e3, tmr=1.2, vh=0.5))
        decks.append(Deck(text="\n".join(lines), name=f"junction {state}", save=("i(vt)",), stop=1e-10, max_step=1e-11, initial={"p0": 0.0, "p1": 1.0}))
    currents = [-float(r.require().waveforms["i(vt)"][-1]) for r in simulator.run(decks)]
    assert currents[0] == pytest.approx(0.4 / 331e3, rel=2e-3)  # the two halves of the track add 400 ohm
    assert currents[1] == pytest.approx(0.4 / (331e3 * (1 + 1.2 / (1 + 0.64))), rel=2e-3)
