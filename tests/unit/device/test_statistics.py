"""Errors of counted probabilities: Wilson's interval and its half width."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from spinbnn.device.statistics import wilson_error, wilson_interval
from spinbnn.errors import ParameterError

COUNTS = [(0, 50), (50, 50), (7, 50), (25, 50), (1, 1), (0, 1), (3, 1000)]


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_the_interval_is_scipys(level: float) -> None:
    k, n = np.array(COUNTS).T
    for a, b, low, high in zip(k, n, *wilson_interval(k, n, level), strict=True):
        exact = stats.binomtest(int(a), int(b)).proportion_ci(level, method="wilson")
        assert (low, high) == pytest.approx((exact.low, exact.high), rel=1e-12, abs=1e-16)


def test_the_ends_are_exact_and_shapes_broadcast() -> None:
    low, high = wilson_interval([[0], [5]], [5, 10, 100])
    assert low.shape == high.shape == (2, 3)
    assert low[0].tolist() == [0.0, 0.0, 0.0] and high[1, 0] == 1.0 and (high[0] > 0).all() and low[1, 0] < 1


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, math.nan])
def test_a_level_is_a_probability(level: float) -> None:
    with pytest.raises(ParameterError, match="confidence level"):
        wilson_interval(1, 2, level)


def test_the_error_is_half_the_width_at_one_standard_deviation() -> None:
    for k, n in COUNTS:
        p = k / n
        # Wilson's interval: |p - x| = z sqrt(x (1 - x)/n) at z = 1
        low, high = np.sort(np.roots([1 + 1 / n, -(2 * p + 1 / n), p * p]).real)
        assert float(wilson_error(k, n)) == pytest.approx((high - low) / 2, rel=1e-9, abs=0)
    assert float(wilson_error(0, 50)) == pytest.approx(1 / (2 * 51), rel=1e-12, abs=0)
    assert float(wilson_error(3e5, 1e6)) == pytest.approx(math.sqrt(0.3 * 0.7 / 1e6), rel=2e-6, abs=0)
    assert wilson_error([0, 50], 100).shape == (2,)
