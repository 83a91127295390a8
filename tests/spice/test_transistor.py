"""The transistors of cmos40lp against their published targets, and what corners, mismatch and bridges rest on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from spinbnn import files, resources
from spinbnn.circuit import Deck, NgspiceBatch, Technology
from spinbnn.circuit.targets import target_table
from spinbnn.circuit.transistor import TransistorFigures, measure_transistor

pytestmark = pytest.mark.spice

TECHNOLOGY = Technology.load("cmos40lp")
POLARITIES = pytest.mark.parametrize("polarity", ["n", "p"])


@pytest.fixture(scope="module")
def simulator() -> Iterator[NgspiceBatch]:
    with NgspiceBatch() as engine:
        yield engine


@pytest.fixture(scope="module")
def measure(simulator: NgspiceBatch) -> Any:
    """Return ``measure(polarity, **bench arguments)``; equal calls are simulated once."""

    @cache
    def call(polarity: Any, **bench: float) -> TransistorFigures:
        return measure_transistor(simulator, TECHNOLOGY, polarity, **bench)

    return call


@pytest.fixture(scope="module")
def rows(simulator: NgspiceBatch) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Rows of the target table by figure, polarity and temperature."""
    table = target_table(TECHNOLOGY, simulator)
    names = [column.name for column in table.heads()]
    named = [dict(zip(names, row, strict=True)) for row in table.rows]
    return {(row["figure"], row["polarity"], row["temperature"]): row for row in named}


@POLARITIES
@pytest.mark.parametrize("name", ["ion", "ioff", "vth", "slope", "dibl"])
def test_figure_meets_its_target(rows: dict[Any, Any], polarity: str, name: str) -> None:
    row = rows[name, polarity, 300.15]
    assert row["verdict"] == "pass", row


def test_hot_leakage_meets_its_target_and_every_target_is_measured(rows: dict[Any, Any], measure: Any) -> None:
    hot = rows["ioff", "n", 400.0]
    assert hot["verdict"] == "pass", hot
    assert hot["measured"] == pytest.approx(measure("n", temperature=400.0).ioff * 1e6, rel=1e-12)
    assert len(rows) == len(TECHNOLOGY.targets) == 11


@POLARITIES
def test_leakage_and_slope_grow_with_temperature(measure: Any, polarity: str) -> None:
    cold, room, hot = (measure(polarity, temperature=t) for t in (233.15, 300.15, 398.15))
    assert cold.ioff < room.ioff / 10 and hot.ioff > room.ioff * 10
    for other, temperature in ((cold, 233.15), (hot, 398.15)):
        assert other.slope / room.slope == pytest.approx(temperature / 300.15, rel=0.15)
    assert cold.vth_sat > room.vth_sat > hot.vth_sat


@POLARITIES
@pytest.mark.parametrize("shift", [-0.05, 0.02, 0.05])
def test_wrapper_shifts_the_threshold_one_to_one(measure: Any, polarity: Any, shift: float) -> None:
    moved, base = measure(polarity, vth_shift=shift), measure(polarity)
    assert moved.vth_sat - base.vth_sat == pytest.approx(shift, abs=5e-3)
    assert moved.vth_lin - base.vth_lin == pytest.approx(shift, abs=5e-3)
    assert (moved.ion < base.ion) == (shift > 0), "a positive shift is slower in both polarities"


@POLARITIES
def test_mobility_scales_the_current_and_spares_the_slope(measure: Any, polarity: str) -> None:
    low, base, high = (measure(polarity, mobility=m) for m in (0.9, 1.0, 1.1))
    assert 0.90 < low.ion / base.ion < 0.99 and 1.01 < high.ion / base.ion < 1.10
    assert high.slope == pytest.approx(base.slope, rel=0.01)


@POLARITIES
def test_currents_are_in_proportion_to_the_width(measure: Any, polarity: str) -> None:
    narrow, wide = measure(polarity, width=0.2e-6), measure(polarity, width=2.4e-6)
    assert narrow.ion == pytest.approx(wide.ion, rel=1e-3)
    assert narrow.ioff == pytest.approx(wide.ioff, rel=1e-2)


@POLARITIES
def test_wrapper_passes_the_length_on(measure: Any, polarity: str) -> None:
    """The sense amplifier is twice as long: less drive, much less leakage, a higher threshold."""
    short, long = measure(polarity), measure(polarity, length=80e-9)
    assert long.ion < 0.9 * short.ion and long.ioff < 0.5 * short.ioff and long.dibl < short.dibl


@POLARITIES
@pytest.mark.parametrize("vdd", [0.99, 1.21, 0.777])
def test_sweep_reaches_other_supplies(measure: Any, polarity: str, vdd: float) -> None:
    assert 0 < measure(polarity, vdd=vdd, step=7e-3).ion < 1.4 * measure(polarity).ion


@POLARITIES
def test_corners_are_ordered(measure: Any, polarity: Any) -> None:
    def at(corner: str) -> TransistorFigures:
        figures: TransistorFigures = measure(polarity, corner=corner)
        return figures

    tt, ff, ss, fs, sf = (at(c) for c in ("tt", "ff", "ss", "fs", "sf"))
    assert ff.ion > tt.ion > ss.ion and ff.ioff > tt.ioff > ss.ioff
    fast, slow = (fs, sf) if polarity == "n" else (sf, fs)
    assert fast == ff and slow == ss


def test_every_number_of_the_technology_has_a_source() -> None:
    def walk(node: Any, path: str) -> list[str]:
        if not isinstance(node, dict):
            return []
        own = [path] if "value" in node and not node.get("source") else []
        return own + [p for key, child in node.items() for p in walk(child, f"{path}.{key}")]

    assert walk(files.read_toml(resources.find("device", "cmos40lp")), "cmos40lp") == []


# SET at 2-12 ns, RESET at 26-31 ns through a 3 kohm track
BRIDGE = """
Vdd vdd 0 1.1
Vset set 0 pulse(0 1.1 2n 50p 50p 10n 1)
Vrst rst 0 pulse(0 1.1 26n 50p 50p 5n 1)
Bgp1 gp1 0 v=1.1-v(set)
Bgp2 gp2 0 v=1.1-v(rst)
Xp1 la gp1 vdd vdd pfet w=2.4u l=40n
Xn1 la rst 0 0 nfet w=1.2u l=40n
Xp2 lb gp2 vdd vdd pfet w=2.4u l=40n
Xn2 lb set 0 0 nfet w=1.2u l=40n
Cla la 0 2f
Clb lb 0 2f
Va la x 0
Rtrack x lb 3k
"""


@pytest.mark.parametrize("method", ["gear", "trap"])
def test_bridge_converges_and_drives_both_ways(simulator: NgspiceBatch, method: str) -> None:
    deck = Deck(
        text=TECHNOLOGY.preamble(corner="tt") + BRIDGE,
        name="H-bridge",
        save=("i(va)",),
        stop=46e-9,
        max_step=50e-12,
        options={"method": method, "reltol": 1e-3},
    )
    (result,) = simulator.run([deck])
    waveforms = result.require().waveforms
    assert result.rung == 0, "solved with the method under test, not by the ladder"
    time, track = waveforms["time"], waveforms["i(va)"]
    setting, resetting, idle = (float(np.interp(t, time, track)) for t in (8e-9, 29e-9, 20e-9))
    assert 2.5e-4 < setting < 1.1 / 3e3
    assert resetting == pytest.approx(-setting, rel=1e-3)
    assert abs(idle) < 1e-9
