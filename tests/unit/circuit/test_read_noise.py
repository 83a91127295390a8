"""Noise of the read-out: its limits are known in closed form."""

from __future__ import annotations

import math

import pytest

from spinbnn.circuit.read_noise import (
    BOLTZMANN,
    CHARGE,
    branch_resistance,
    latch_noise,
    node_voltage,
    read_noise,
    string_noise,
)
from spinbnn.errors import ParameterError

NUMBERS = {"rp": 331e3, "tmr": 1.2, "vh": 0.5, "load": 6.0, "supply": 1.1}


def test_without_bias_a_node_has_the_thermal_noise_of_its_capacitance() -> None:
    for branches in ([(1e6, 0.0, 1)], [(1e6, 0.0, 3), (2e5, 0.0, 1)]):
        assert string_noise(branches, 3e-15, 300.0) == pytest.approx(math.sqrt(BOLTZMANN * 300.0 / 3e-15), rel=1e-12, abs=0)


def test_far_from_zero_bias_it_is_shot_noise_and_falls_with_the_junctions_in_series() -> None:
    shot = 2 * CHARGE * (5.0 / 1e6) * 1e6 / (4 * 3e-15)
    assert string_noise([(1e6, 5.0, 1)], 3e-15, 300.0) ** 2 == pytest.approx(shot, rel=1e-9, abs=0)
    assert string_noise([(1e6, -5.0, 5)], 3e-15, 300.0) ** 2 == pytest.approx(shot / 5, rel=1e-9, abs=0)
    # two branches of 1 and 3 Mohm: the shot noise of both in their parallel resistance
    both = string_noise([(1e6, 5.0, 1), (3e6, 9.0, 1)], 3e-15, 300.0) ** 2
    assert both == pytest.approx(2 * CHARGE * (5e-6 + 3e-6) * 0.75e6 / (4 * 3e-15), rel=1e-9, abs=0)


def test_the_latch_has_the_noise_of_its_input_pair() -> None:
    assert latch_noise(20e-15, 300.0) == pytest.approx(math.sqrt(4 * BOLTZMANN * 300 / 20e-15), rel=1e-12, abs=0)
    assert latch_noise(20e-15, 300.0, excess=2 / 3) ** 2 == pytest.approx(latch_noise(20e-15, 200.0) ** 2, rel=1e-12, abs=0)


def test_nodes_divide_the_supply() -> None:
    for branch in ("parallel", "antiparallel", "reference"):
        volts = node_voltage(NUMBERS, branch)
        assert volts / branch_resistance(NUMBERS, branch, volts) == pytest.approx((1.1 - volts) / (6 * 331e3), rel=1e-9, abs=0)
    assert branch_resistance(NUMBERS, "reference", 0.0) == pytest.approx(2 * 331e3 * 2.2 / 3.2, rel=1e-12)
    assert branch_resistance(NUMBERS, "antiparallel", 0.5) == pytest.approx(331e3 * 1.6, rel=1e-12)
    plain = {**{k: v for k, v in NUMBERS.items() if k != "load"}, "series": 3.0, "top": 2.0, "bottom": 1.0}
    assert node_voltage(plain, "reference") == pytest.approx(1.1 / 3, rel=1e-12) and node_voltage(plain, "parallel") == pytest.approx(1.1 / 4, rel=1e-12)


def test_the_whole_is_the_noisier_state_with_reference_and_latch() -> None:
    volts = {branch: node_voltage(NUMBERS, branch) for branch in ("antiparallel", "reference")}
    parts = [
        string_noise([(6 * 331e3, 1.1 - v, 6), (branch_resistance(NUMBERS, branch, v), v, n)], 3e-15, 300.0)
        for (branch, v), n in zip(volts.items(), (1, 4), strict=True)
    ]  # fmt: skip
    found = read_noise(NUMBERS, temperature=300.0, capacitance=3e-15, latch=1e-3, strings=(1, 2))
    assert found == pytest.approx(math.hypot(*parts, 1e-3), rel=1e-12, abs=0)
    assert found > read_noise(NUMBERS, temperature=300.0, capacitance=3e-15, latch=1e-3, strings=(2, 2)) > 0


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_wrong_numbers_are_named(bad: float) -> None:
    with pytest.raises(ParameterError, match="capacitance"):
        latch_noise(bad, 300.0)
    with pytest.raises(ParameterError, match="resistance"):
        string_noise([(bad, 0.1, 1)], 1e-15, 300.0)
