"""The two-rate model against the stochastic macrospin: what it gets right, and what it does not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tolerances import STANDARD_ERRORS

from spinbnn.device import DeviceParams, SwitchingModel
from spinbnn.device.macrospin import Macrospin
from spinbnn.device.switching import TwoRateSwitching

N, PULSE = 1000, 10e-9
SEED = DeviceParams.load("seed_eq23")
RISING = np.array([140e-6, 150e-6, 155e-6, 160e-6, 165e-6, 170e-6, 180e-6])


def two_rate(params: DeviceParams) -> TwoRateSwitching:
    model = SwitchingModel.from_params(params, model="two_rate")
    assert isinstance(model, TwoRateSwitching)
    return model


def best_attempt_time(model: TwoRateSwitching, current: np.ndarray, pulse: float, p: np.ndarray) -> tuple[float, float]:
    """Return tau0 of least squares in p, and the largest residual."""
    grid = np.geomspace(0.1e-9, 3e-9, 69)
    residual = np.array([model_p - p for model_p in (replace(model, attempt_time=float(t)).probability(current, pulse) for t in grid)])
    best = int((residual**2).sum(axis=1).argmin())
    return float(grid[best]), float(np.abs(residual[best]).max())


@pytest.mark.slow
@pytest.mark.parametrize("damping", [0.3, 0.05])
def test_the_rising_branch_at_one_pulse_width_takes_one_number(damping: float) -> None:
    """tau0 about half a nanosecond; within 0.05 + three standard errors of p at every current (counts reject it at N = 2000)."""
    device = SEED.with_values(magnetic__damping=damping)
    p = Macrospin(device).switching_probability(RISING, PULSE, n=N, seed=1)
    tau0, residual = best_attempt_time(two_rate(device), RISING, PULSE, p)
    assert 0.35e-9 < tau0 < 0.7e-9
    assert residual < 0.05 + 3 * 0.5 / math.sqrt(N)
    assert p[0] < 0.15 and p[-1] > 0.95


@pytest.mark.slow
def test_the_attempt_time_is_not_one_number_for_all_pulse_widths() -> None:
    """At damping 0.05 it grows threefold from 3 to 30 ns: the model is an interpolator there, as the thermal one is."""
    device = SEED.with_values(magnetic__damping=0.05)
    found = [best_attempt_time(two_rate(device), RISING, width, Macrospin(device).switching_probability(RISING, width, n=N, seed=1))[0] for width in (3e-9, 30e-9)]
    assert 2.0 < found[1] / found[0] < 4.5


@pytest.mark.slow
@pytest.mark.parametrize("damping", [0.3, 0.05])
def test_without_a_field_escape_is_not_switching_in_the_macrospin_either(damping: float) -> None:
    device = SEED.with_values(magnetic__damping=damping)
    current = np.array([230e-6, 260e-6, 300e-6])
    p = Macrospin(device, field=(0.0, 0.0, 0.0)).switching_probability(current, PULSE, n=N, seed=2)
    assert np.abs(p - 0.5).max() < STANDARD_ERRORS * 0.5 / math.sqrt(N)
    still = two_rate(device.with_values(magnetic__in_plane_field=0.0))
    assert still.probability(current, PULSE) == pytest.approx([0.5, 0.5, 0.5], abs=1e-3)


@pytest.mark.slow
def test_the_falling_branch_of_the_macrospin_depends_on_the_damping_which_the_model_does_not_know() -> None:
    """Damping 0.05: p falls right at the forward threshold, below 1/2. Damping 0.3: it does not fall. The model falls at the
    backward threshold, to 1/2."""
    model = two_rate(SEED)
    beyond = np.array([230e-6, 350e-6])
    light, heavy = (Macrospin(SEED.with_values(magnetic__damping=a)).switching_probability(beyond, PULSE, n=N, seed=3) for a in (0.05, 0.3))
    ours = model.probability(beyond, PULSE)
    assert float(model.current_limit) < beyond[0]
    assert np.all(light < 0.55) and light[1] < 0.47
    assert np.all(heavy > 0.97)
    assert ours[0] > 0.98 and ours[1] == pytest.approx(0.5, abs=1e-3)
    assert not model.valid(beyond, PULSE).any(), "the model says that it does not hold there"
