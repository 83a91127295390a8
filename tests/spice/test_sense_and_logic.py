"""Offsets of the sense amplifiers, gate drivers and the scale multiplexer on real transistors."""

from __future__ import annotations

import numpy as np
import pytest

from spinbnn.circuit import DropoutModuleBench, NgspiceShared, Technology
from spinbnn.circuit.design import ModuleDesign
from spinbnn.circuit.logic_bench import gate_driver_figures, multiplexer_figures
from spinbnn.circuit.sense_offset import SenseBench
from spinbnn.device import DeviceParams
from spinbnn.errors import SimulationError

pytestmark = pytest.mark.spice
TECHNOLOGY = Technology.load("cmos40lp")
LATCH = SenseBench(technology=TECHNOLOGY, cell="sense_amp", resistance=250e3, common=0.33)
PRECHARGE = SenseBench(technology=TECHNOLOGY, cell="precharge_sense_amp", resistance=447e3, window=9e-9)


def test_offset_of_the_latch_has_the_size_of_its_mismatch() -> None:
    with NgspiceShared() as engine:
        offsets = LATCH.offsets(engine, draws=12, seed=3, span=0.06, steps=6)
        with pytest.raises(SimulationError, match="outside the span"):
            LATCH.offsets(engine, draws=12, seed=3, span=1e-4, steps=2)
        assert LATCH.decision(engine, 0.02)[0] and not LATCH.decision(engine, -0.02)[0]
    # the input pair alone: sqrt(2) A_VT / sqrt(2 W L) = 3.5 mV / sqrt(2.4 * 0.08) = 8.0 mV
    assert 0.5 * 8e-3 < offsets.std(ddof=1) < 1.8 * 8e-3
    assert abs(offsets.mean()) < 8e-3


@pytest.mark.slow
def test_offset_follows_the_threshold_of_the_input_pair() -> None:
    """A slower data input (larger |Vth|) has to be lower by as much to turn the decision."""
    bench = DropoutModuleBench(technology=TECHNOLOGY, params=DeviceParams.load("seed_eq23"))
    assert {"di1", "di2"} <= set(bench.netlists["sense_amp"].parameters)
    small = SenseBench(technology=TECHNOLOGY, cell="sense_amp", resistance=250e3, common=0.33, sizes={"wi": 1.2e-6})
    with NgspiceShared() as engine:
        one, other = (b.offsets(engine, draws=8, seed=5, span=0.1, steps=6) for b in (LATCH, small))
    assert other.std(ddof=1) > 1.1 * one.std(ddof=1)
    assert np.corrcoef(one, other)[0, 1] > 0.8  # the same draws


def test_precharge_amplifier_tells_the_states_apart() -> None:
    with NgspiceShared() as engine:
        found = [PRECHARGE.decision(engine, x) for x in (0.3, -0.3)]
    assert [high for high, _, _ in found] == [True, False]
    assert all(1e-9 < time < 9e-9 for _, time, _ in found)
    assert all(0.5e-15 < energy < 5e-15 for _, _, energy in found)


def test_gate_driver_delivers_the_charge_of_its_load() -> None:
    sizes = ModuleDesign.load("module_regulated_cmos40lp").gates["gp1"]
    with NgspiceShared() as engine:
        light, heavy = (gate_driver_figures(engine, TECHNOLOGY, sizes, load) for load in (2e-15, 10e-15))
    assert heavy.load_energy == pytest.approx(10e-15 * 1.21, rel=1e-9, abs=0)
    assert heavy.energy - light.energy == pytest.approx(8e-15 * 1.21, rel=0.06, abs=0)
    assert heavy.energy > heavy.load_energy
    for figures in (light, heavy):
        assert 2e-12 < figures.rise < 40e-12 and 2e-12 < figures.fall < 40e-12
        assert 5e-12 < figures.delay_rise < 60e-12 and 5e-12 < figures.delay_fall < 60e-12
    assert heavy.rise > light.rise and heavy.delay_fall > light.delay_fall


def test_multiplexer_costs_by_the_bits_that_change() -> None:
    with NgspiceShared() as engine:
        few, more = (multiplexer_figures(engine, TECHNOLOGY, bits=b) for b in (1, 4))
    assert few.bit_energy == pytest.approx(more.bit_energy, rel=0.1, abs=0)
    assert 2e-15 < more.bit_energy < 8e-15
    assert more.select_energy > few.select_energy
    assert more.energy(3) == pytest.approx(more.select_energy + 3 * more.bit_energy, rel=1e-12, abs=0)
    assert 20e-12 < more.delay < 200e-12
