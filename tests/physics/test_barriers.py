"""The facts of Eq. 22 and 23: both barriers, the printed one's domain, RESET failure, sensitivity."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tolerances import FLOAT64, PRINTED

from spinbnn.device import ThermalSwitching, exact_barrier, seed_barrier
from spinbnn.device.switching.barriers import SEED_LIMIT


def test_printed_barrier_is_the_second_order_expansion_of_the_exact_one() -> None:
    x = np.array([1e-3, 2e-3, 4e-3])
    difference = exact_barrier(x) - seed_barrier(x)
    j = 2 * x
    # the next term of sqrt(1-j^2) - j acos(j) is j^4/24
    assert difference == pytest.approx(j**4 / 24, rel=1e-2)


def test_printed_barrier_is_zero_at_0_4436_and_clamped_where_the_print_is_negative() -> None:
    """The print, 1 - 2x(pi/2 - x): zeros at 0.4436 and 1.127, minimum -0.2337 at pi/4; used up to its first zero only."""
    zeros = np.sort(np.roots([2.0, -math.pi, 1.0]))
    assert zeros == pytest.approx([0.4436, 1.127], abs=PRINTED)
    assert pytest.approx(zeros[0], rel=1e-12) == SEED_LIMIT
    x = np.linspace(0, 1.2, 120001)
    printed = 1 - 2 * x * (math.pi / 2 - x)
    assert x[printed.argmin()] == pytest.approx(math.pi / 4, abs=1e-5)
    assert printed.min() == pytest.approx(-0.2337, abs=PRINTED)
    used = seed_barrier(x)
    assert used[x < SEED_LIMIT] == pytest.approx(printed[x < SEED_LIMIT], abs=FLOAT64)
    assert np.all(used[x >= SEED_LIMIT] == 0.0)


@pytest.mark.parametrize("law", [seed_barrier, exact_barrier])
def test_a_larger_current_never_raises_the_barrier(law) -> None:
    barrier = law(np.linspace(-1.5, 1.5, 30001))
    assert np.all(np.diff(barrier) <= 0) and barrier.min() == 0.0


def test_exact_barrier_is_zero_at_one_half_with_zero_slope() -> None:
    """Just below, b = (2 sqrt(2)/3) (1 - j)^(3/2), j = 2x: the 3/2 power of a fold."""
    assert float(exact_barrier(0.5)) == 0.0
    for gap in (1e-3, 1e-4):
        assert float(exact_barrier(0.5 - gap)) == pytest.approx(2 * math.sqrt(2) / 3 * (2 * gap) ** 1.5, rel=2 * gap)


def test_exact_barrier_is_continuous_with_continuous_slope_at_both_ends_of_the_washboard() -> None:
    h = 1e-6
    for j in (1.0, -1.0):
        left, right = exact_barrier((j - h) / 2), exact_barrier((j + h) / 2)
        assert abs(float(left - right)) < 8 * h  # slopes 0 and -pi
    assert float(exact_barrier(-0.5)) == pytest.approx(math.pi, abs=FLOAT64)
    slope = (float(exact_barrier(0.5)) - float(exact_barrier(0.5 - h))) / h
    assert abs(slope) < 1e-2


@pytest.mark.parametrize(("x", "seed", "exact"), [(0.30, 0.2375, 0.2436), (0.40, 0.0634, 0.0852)])
def test_expansion_error(x: float, seed: float, exact: float) -> None:
    assert float(seed_barrier(x)) == pytest.approx(seed, abs=PRINTED)
    assert float(exact_barrier(x)) == pytest.approx(exact, abs=PRINTED)


@pytest.mark.parametrize("barrier", ["seed", "exact"])
def test_reset_of_5_ns_fails_by_at_least_0_67_percent(barrier: str) -> None:
    model = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, barrier=barrier)
    failures = 1 - model.probability(-np.array([150e-6, 250e-6, 500e-6, 1e-3]), 5e-9, initial=1)
    assert failures.min() == pytest.approx(math.exp(-5), rel=1e-9)
    assert np.all(np.diff(failures) <= 0)


@pytest.mark.parametrize(("barrier", "slope", "points"), [("seed", 0.2137, 8.55), ("exact", 0.1702, 6.81)])
def test_sensitivity_at_one_half(barrier: str, slope: float, points: float) -> None:
    """dp/dlnI at p = 1/2, 10 ns, tau0 = 1 ns: 0.2137 Delta printed, 0.1702 Delta exact."""
    model = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, barrier=barrier)
    current = model.current_for(0.5, 10e-9)
    h = 1e-5
    derivative = float(model.probability(current * (1 + h), 10e-9) - model.probability(current * (1 - h), 10e-9)) / (2 * h)
    assert derivative / 40 == pytest.approx(slope, abs=PRINTED)
    assert derivative == pytest.approx(points, abs=0.01)


def test_stronger_current_never_lowers_p() -> None:
    for barrier in ("seed", "exact"):
        model = ThermalSwitching(delta=60.0, attempt_time=1e-9, critical_current=500e-6, barrier=barrier)
        p = model.probability(np.linspace(0, 1e-3, 2001), 10e-9)
        assert np.all(np.diff(p) >= 0)
        assert p[-1] == pytest.approx(1 - math.exp(-10), rel=1e-9)


def test_opposite_current_stabilises() -> None:
    model = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)
    up, down = model.rates([-200e-6, 0.0, 200e-6])
    assert up[0] < up[1] < up[2]
    assert down == pytest.approx(up[::-1], rel=1e-12)


def test_two_state_equilibrium_without_current_is_one_half_and_saturation_is_reached() -> None:
    free = ThermalSwitching(delta=2.0, attempt_time=1e-9, critical_current=500e-6)
    assert float(free.probability(0.0, 1.0)) == pytest.approx(0.5, abs=FLOAT64)
    plateau = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, saturation=0.8)
    assert float(plateau.probability(400e-6, 1e-6)) == pytest.approx(0.8, abs=1e-9)
