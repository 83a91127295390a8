"""The temperature laws: closed forms, references, refusals; and that the circuit uses them."""

from __future__ import annotations

import numpy as np
import pytest

from spinbnn.circuit import DropoutModuleBench, Technology
from spinbnn.device import DeviceParams
from spinbnn.device.temperature import bloch_ratio, tmr_at, track_resistance_at
from spinbnn.errors import ParameterError


def test_bloch_ratio() -> None:
    assert float(bloch_ratio(300.0, 300.0, 1100.0)) == 1.0
    assert float(bloch_ratio(0.001, 300.0, 1100.0)) == pytest.approx(1 / (1 - (300 / 1100) ** 1.5), rel=1e-6)
    assert float(bloch_ratio(1099.999, 300.0, 1100.0)) < 1e-5
    assert bloch_ratio([200.0, 900.0], 300.0, None).tolist() == [1.0, 1.0]


def test_bloch_ratios_chain() -> None:
    """m(T, a) = m(T, b) m(b, a): the reference is a convention."""
    assert float(bloch_ratio(400.0, 250.0, 1000.0)) == pytest.approx(float(bloch_ratio(400.0, 350.0, 1000.0) * bloch_ratio(350.0, 250.0, 1000.0)), rel=1e-12)


@pytest.mark.parametrize(("arguments", "words"), [((0.0, 300.0, 1100.0), "> 0 K"), ((-5.0, 300.0, None), "> 0 K"), ((300.0, 0.0, 1100.0), "reference"), ((1100.0, 300.0, 1100.0), "Curie"), ((300.0, 300.0, 300.0), "exceed"), ((float("nan"), 300.0, 1100.0), "> 0 K")])
def test_bloch_ratio_refuses(arguments: tuple[float, float, float | None], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        bloch_ratio(*arguments)


def test_tmr_is_jullieres_ratio_of_a_polarisation_that_follows_blochs_law() -> None:
    polarisation = np.sqrt(1.2 / 3.2) * float(bloch_ratio(398.15, 300.0, 1100.0))
    assert float(tmr_at(1.2, 398.15, bloch_temperature=1100.0)) == pytest.approx(2 * polarisation**2 / (1 - polarisation**2), rel=1e-12)
    assert float(tmr_at(1.2, 300.0, bloch_temperature=1100.0)) == pytest.approx(1.2, rel=1e-12)
    assert float(tmr_at(1.2, 398.15)) == pytest.approx(1.2, rel=1e-12), "no coefficient, no dependence"
    warm = tmr_at(1.2, np.linspace(200, 1000, 50), bloch_temperature=1100.0)
    assert np.all(np.diff(warm) < 0)


def test_tmr_falls_with_bias_of_either_sign() -> None:
    assert tmr_at(1.2, bias=[-0.5, 0.0, 0.5, 1.0], half_voltage=0.5) == pytest.approx([0.6, 1.2, 0.6, 0.24], rel=1e-12)


def test_a_polarisation_beyond_one_is_refused() -> None:
    with pytest.raises(ParameterError, match="polarisation"):
        tmr_at(20.0, 10.0, bloch_temperature=400.0)


def test_track_resistance() -> None:
    assert track_resistance_at(800.0, [250.0, 300.0, 400.0], coefficient=-1e-3) == pytest.approx([840.0, 800.0, 720.0], rel=1e-12)
    assert float(track_resistance_at(800.0, 350.0, reference=350.0, coefficient=5.0)) == 800.0
    with pytest.raises(ParameterError, match="no positive resistance"):
        track_resistance_at(800.0, 400.0, coefficient=-0.02)


def test_the_circuit_gets_tmr_and_track_resistance_of_its_temperature() -> None:
    params = DeviceParams.load("seed_eq23")
    bench = DropoutModuleBench(technology=Technology.load("cmos40lp"), params=params)
    hot = bench.deck(bench.nominal(set_voltage=1.0, temperature=398.15)).parameters
    assert hot["tmr"] == pytest.approx(0.9070, abs=1e-4)
    assert hot["rtrack"] == pytest.approx(800 * (1 - 1e-4 * 98.15), rel=1e-12)
    assert hot["vh"] == 0.5 and hot["rp"] == 331e3
    cold = bench.deck(bench.nominal(set_voltage=1.0, temperature=300.0)).parameters
    assert cold["tmr"] == pytest.approx(1.2, rel=1e-12) and cold["rtrack"] == pytest.approx(800.0, rel=1e-12)


def test_the_circuit_scales_from_the_reference_temperature_of_the_file() -> None:
    params = DeviceParams.load("seed_eq23").with_values(thermal__reference_temperature=350.0)
    bench = DropoutModuleBench(technology=Technology.load("cmos40lp"), params=params)
    at = bench.deck(bench.nominal(set_voltage=1.0, temperature=350.0)).parameters
    assert at["tmr"] == pytest.approx(1.2, rel=1e-12) and at["rtrack"] == pytest.approx(800.0, rel=1e-12)
