"""The tilted washboard with an in-plane field, and the two rates over it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from spinbnn.device import DeviceParams, SwitchingModel, exact_barrier
from spinbnn.device.switching import TwoRateSwitching, threshold_torque, tilted_washboard
from spinbnn.errors import ParameterError

MODEL = TwoRateSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, field_ratio=0.125)


def energy(angle: np.ndarray, j: float, h: float) -> np.ndarray:
    return np.sin(angle) ** 2 - 2 * h * np.sin(angle) - j * angle


def test_without_a_field_it_is_the_exact_barrier() -> None:
    j = np.linspace(-0.999, 1.5, 501)
    assert tilted_washboard(j).barrier == pytest.approx(exact_barrier(j / 2), abs=1e-13)
    assert tilted_washboard([-3.0, -1.5]).barrier == pytest.approx(exact_barrier([-1.5, -0.75]), rel=1e-8), "the same tangent beyond"


def test_without_torque_it_is_one_minus_h_squared() -> None:
    h = np.linspace(-0.99, 0.99, 101)
    assert tilted_washboard(0.0, h).barrier == pytest.approx((1 - h) ** 2, abs=1e-13)


@pytest.mark.parametrize("h", [-0.8, -0.3, 0.0, 0.1, 0.5, 0.9])
def test_barrier_against_the_energy_on_a_grid(h: float) -> None:
    angle = np.linspace(-math.pi / 2, math.pi, 400001)
    ahead, back = float(threshold_torque(h)), -float(threshold_torque(abs(h)))
    for j in np.linspace(back, ahead, 9)[1:-1]:
        found = tilted_washboard(j, h)
        e = energy(angle, j, h)
        turn = np.flatnonzero(np.diff(np.sign(np.diff(e)))) + 1
        low = min((i for i in turn if e[i] < e[i - 5] and e[i] < e[i + 5]), key=lambda i: abs(angle[i] - float(found.valley)))
        top = next(i for i in turn if i > low and e[i] > e[i - 5])
        assert float(found.barrier) == pytest.approx(e[top] - e[low], abs=1e-9)
        assert (float(found.valley), float(found.saddle)) == pytest.approx((angle[low], angle[top]), abs=2e-5)


def test_stationary_points_are_stationary_and_slopes_those_of_the_envelope() -> None:
    rng = np.random.default_rng(5)
    h = rng.uniform(-0.9, 0.9, 400)
    j = -threshold_torque(np.abs(h)) + rng.uniform(0.02, 0.98, 400) * (threshold_torque(h) + threshold_torque(np.abs(h)))
    at = tilted_washboard(j, h)
    for angle in (at.valley, at.saddle):
        assert np.abs(2 * np.cos(angle) * (np.sin(angle) - h) - j).max() < 1e-11
    step = 1e-6
    slope_j = (tilted_washboard(j + step, h).barrier - tilted_washboard(j - step, h).barrier) / (2 * step)
    slope_h = (tilted_washboard(j, h + step).barrier - tilted_washboard(j, h - step).barrier) / (2 * step)
    assert slope_j == pytest.approx(at.valley - at.saddle, abs=1e-7)
    assert slope_h == pytest.approx(-2 * (np.sin(at.saddle) - np.sin(at.valley)), abs=1e-7)


def test_the_barrier_vanishes_at_the_threshold_as_a_fold_does_and_stays_zero() -> None:
    for h in (-0.4, 0.0, 0.2, 0.6):
        threshold = float(threshold_torque(h))
        near = tilted_washboard(threshold - np.array([4e-6, 1e-6]), h).barrier
        assert near[0] / near[1] == pytest.approx(8.0, rel=1e-2)  # the 3/2 power
        assert np.all(tilted_washboard(threshold + np.array([0.0, 1e-9, 0.5, 5.0]), h).barrier == 0.0)


def test_the_barrier_falls_with_torque_and_field_everywhere() -> None:
    j = np.linspace(-4, 4, 3201)
    for h in (-0.9, -0.2, 0.0, 0.3, 0.95):
        assert np.all(np.diff(tilted_washboard(j, h).barrier) <= 1e-12)
    assert np.all(np.diff(tilted_washboard(0.4, np.linspace(-0.95, 0.95, 301)).barrier) <= 0)


@pytest.mark.parametrize("h", [-0.4, 0.0, 0.4])
def test_where_a_state_is_gone_the_barrier_goes_on_along_its_tangent(h: float) -> None:
    end = -float(threshold_torque(abs(h)))
    beyond = tilted_washboard(end - np.linspace(0, 2, 9), h).barrier
    assert np.diff(beyond, 2) == pytest.approx(np.zeros(7), abs=1e-12)
    inside = tilted_washboard(end + 1e-6, h)
    assert (beyond[1] - beyond[0]) / 0.25 == pytest.approx(float(inside.saddle - inside.valley), abs=5e-3)


def test_threshold_torque() -> None:
    h = 1e-4
    assert (float(threshold_torque(h)) - 1) / h == pytest.approx(-math.sqrt(2), abs=1e-3)
    assert float(threshold_torque(1 - 1e-9)) < 1e-4
    assert float(threshold_torque(-0.5)) == pytest.approx(1.7602, abs=1e-4)  # 2 sqrt(1 - s^2)(s + 1/2), s = (sqrt(8.25) - 1/2)/4


@pytest.mark.parametrize("h", [1.0, -1.0, 1.5, float("nan")])
def test_a_field_as_large_as_the_anisotropy_is_refused(h: float) -> None:
    with pytest.raises(ParameterError, match="one state only"):
        tilted_washboard(0.1, h)
    with pytest.raises(ParameterError, match="one state only"):
        replace(MODEL, field_ratio=h)


def test_the_four_channels() -> None:
    """Out of 0 over +x with the torque and over -x against it; out of 1 over -x with it and over +x against it."""
    j, h = 0.5, 0.125
    b = {(s, f): float(tilted_washboard(s * j, f * h).barrier) for s in (1, -1) for f in (1, -1)}
    up, down = MODEL.rates(125e-6)
    assert float(up) == pytest.approx(1e9 * (math.exp(-40 * b[1, 1]) + math.exp(-40 * b[-1, -1])), rel=1e-12)
    assert float(down) == pytest.approx(1e9 * (math.exp(-40 * b[1, -1]) + math.exp(-40 * b[-1, 1])), rel=1e-12)
    assert b[1, 1] < b[1, -1] < b[-1, 1] < b[-1, -1]


def test_without_current_the_field_does_not_choose_a_state() -> None:
    """(1 - h)^2 over the near saddle, (1 + h)^2 over the far one, out of either state."""
    weak = replace(MODEL, delta=5.0)
    up, down = weak.rates(0.0)
    assert float(up) == pytest.approx(1e9 * (math.exp(-5 * 0.875**2) + math.exp(-5 * 1.125**2)), rel=1e-12)
    assert float(down) == pytest.approx(float(up), rel=1e-12)


def test_symmetries() -> None:
    """Reversed current exchanges the states; so does a reversed field; both together change nothing."""
    current = np.linspace(-400e-6, 400e-6, 41)
    up, down = MODEL.rates(current)
    back = replace(MODEL, field_ratio=-0.125)
    assert MODEL.rates(-current)[1] == pytest.approx(up, rel=1e-9)
    assert back.rates(current)[1] == pytest.approx(up, rel=1e-9)
    assert back.rates(-current)[0] == pytest.approx(up, rel=1e-9)
    assert back.rates(-current)[1] == pytest.approx(down, rel=1e-9)


def test_field_and_current_together_choose_the_final_state() -> None:
    for field, current, state in ((0.125, 230e-6, 1), (0.125, -230e-6, 0), (-0.125, 230e-6, 0), (-0.125, -230e-6, 1)):
        model = replace(MODEL, field_ratio=field)
        leaves = float(model.probability(current, 10e-9, initial=1 - state))
        stays = 1 - float(model.probability(current, 10e-9, initial=state))
        assert leaves > 0.98 and stays > 0.98


def test_without_a_field_escape_is_not_switching() -> None:
    """p = (1 - exp(-2kt))/2 with k of the exact barrier (the escape against the torque adds less than 1e-20)."""
    still = replace(MODEL, field_ratio=0.0)
    current, width = np.array([180e-6, 200e-6, 220e-6, 300e-6]), 10e-9
    k = np.exp(-40 * exact_barrier(current / 500e-6)) / 1e-9
    assert still.probability(current, width) == pytest.approx(-np.expm1(-2 * k * width) / 2, rel=1e-9)
    assert still.probability(current, width, initial=1) == pytest.approx(still.probability(current, width), rel=1e-9)
    assert float(still.probability(300e-6, 1e-6)) == pytest.approx(0.5, abs=1e-12)


def test_with_a_field_it_rises_to_one_and_falls_to_one_half() -> None:
    current = np.linspace(0, 600e-6, 601)
    p = MODEL.probability(current, 10e-9)
    top = int(p.argmax())
    assert p[top] > 0.999
    assert np.all(np.diff(p[: top + 1]) >= -1e-12) and np.all(np.diff(p[top:]) <= 1e-12)
    assert p[-1] == pytest.approx(0.5 * -math.expm1(-20), rel=1e-6)
    backward = float(threshold_torque(-0.125)) * 250e-6
    assert abs(float(MODEL.current_for(0.75, 10e-9, branch="upper")) / backward - 0.93) < 0.03


def test_with_a_growing_field_it_becomes_the_one_way_law_with_a_shifted_barrier() -> None:
    gaps = []
    for h in (0.02, 0.05, 0.1, 0.2):
        model = replace(MODEL, field_ratio=h)
        current = 0.93 * float(threshold_torque(h)) * 250e-6
        k = math.exp(-40 * float(tilted_washboard(2 * current / 500e-6, h).barrier)) / 1e-9
        gaps.append(abs(float(model.probability(current, 10e-9)) + math.expm1(-k * 10e-9)))
    assert gaps[0] > 0.2 and gaps[1] < 0.06 and gaps[2] < 1e-3 and gaps[3] < 1e-7


def test_current_for_finds_both_branches() -> None:
    p = np.array([0.55, 0.8, 0.95])
    low, high = (MODEL.current_for(p, 10e-9, branch=b) for b in ("lower", "upper"))  # type: ignore[arg-type]
    assert np.all(low < MODEL.current_limit) and np.all(high > MODEL.current_limit)
    assert np.all(np.diff(low) > 0) and np.all(np.diff(high) < 0)
    for current in (low, high):
        assert MODEL.probability(current, 10e-9) == pytest.approx(p, rel=1e-9)
    strong = replace(MODEL, field_ratio=0.4)
    assert float(strong.probability(strong.current_for(0.8, 10e-9, branch="upper"), 10e-9)) == pytest.approx(0.8, rel=1e-9), "far beyond the forward threshold"
    for wanted, branch, words in ((0.4, "upper", "upper branch"), (0.4999, "upper", "spans"), (0.9999999, "lower", "lower branch")):
        with pytest.raises(ParameterError, match=words):
            MODEL.current_for(wanted, 10e-9, branch=branch)  # type: ignore[arg-type]
    hot = replace(MODEL, curie_temperature=1100.0, anisotropy_exponent=2.18)
    kelvin = np.array([250.0, 300.0, 400.0])
    assert hot.probability(hot.current_for(0.5, 10e-9, kelvin), 10e-9, kelvin) == pytest.approx(np.full(3, 0.5), rel=1e-9)


def test_valid() -> None:
    limit = float(MODEL.current_limit)
    assert limit == pytest.approx(250e-6 * float(threshold_torque(0.125)), rel=1e-12, abs=0)
    assert MODEL.valid([-1.01 * limit, -0.99 * limit, 0.99 * limit, 1.01 * limit], 10e-9).tolist() == [False, True, True, False]
    assert MODEL.valid(1e-4, [0.5e-9, 2e-9]).tolist() == [False, True]
    hot = replace(MODEL, curie_temperature=500.0, anisotropy_exponent=3.0, field_ratio=0.6)
    assert hot.valid(0.0, 10e-9, [300.0, 499.0, 500.0, 700.0]).tolist() == [True, False, False, False], "h reaches 1 before Tc"
    with pytest.raises(ParameterError, match="one state only"):
        hot.rates(0.0, 499.0)


def test_the_field_ratio_follows_the_anisotropy_field() -> None:
    """H_k ~ K_eff/Ms ~ m^(n - 1)."""
    model = replace(MODEL, curie_temperature=1100.0, anisotropy_exponent=2.18)
    m = (1 - (400 / 1100) ** 1.5) / (1 - (300 / 1100) ** 1.5)
    assert float(model.field_ratio_at(400.0)) == pytest.approx(0.125 / m**1.18, rel=1e-12)


def test_from_a_device_file() -> None:
    params = DeviceParams.load("bench_pmtj40")
    model = SwitchingModel.from_params(params, model="two_rate")
    assert isinstance(model, TwoRateSwitching)
    assert float(model.field_ratio) == pytest.approx(30e-3 / 0.239636, rel=1e-5)
    opposite = SwitchingModel.from_params(params.with_values(magnetic__in_plane_field=-30e-3), model="two_rate")
    assert opposite == model, "state 1 is the one that the field favours under positive current"
    no_field = DeviceParams.load("uta_tsmc_2025")
    assert float(SwitchingModel.from_params(no_field, model="two_rate").field_ratio) == 0.0  # type: ignore[attr-defined]
