"""Drawn bits against the chain: bias, correlations and their errors within four standard errors; the sample sizes hold their promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tolerances import STANDARD_ERRORS

from spinbnn.device.bits import BitStream, bit_statistics, samples_for_bias, samples_for_correlation

CASES = [(0.5, 0.012), (0.5, 0.05), (0.2, 0.3), (0.8, 0.5)]


@pytest.mark.parametrize(("p", "failure"), CASES)
def test_bias_and_lag_1_correlation_within_four_standard_errors(p: float, failure: float) -> None:
    """p/(1 - eps (1 - p)) and eps (1 - p), from the formulas of the cycle; errors from the chain."""
    n, modules = 40_000, 40
    chain = BitStream.from_set_reset(np.full(modules, p), failure)
    found = bit_statistics(chain.sample(n, seed=21), lags=3)
    bias, rho = p / (1 - failure * (1 - p)), failure * (1 - p)
    share_error, lag_error = (e[0] for e in chain.standard_errors(n))
    assert abs(found.probability.mean() - bias) < STANDARD_ERRORS * share_error / math.sqrt(modules)
    assert abs(found.autocorrelation[0].mean() - rho) < STANDARD_ERRORS * lag_error / math.sqrt(modules) + 2 / n
    assert np.all(np.abs(found.probability - bias) < STANDARD_ERRORS * share_error)
    assert np.all(np.abs(found.autocorrelation[0] - rho) < STANDARD_ERRORS * lag_error)
    assert found.autocorrelation[1:].mean(axis=1) == pytest.approx([rho**2, rho**3], abs=STANDARD_ERRORS * 2 / math.sqrt(n * modules))


@pytest.mark.parametrize(("p", "failure"), [(0.5, 0.3), (0.2, 0.6)])
def test_standard_errors_are_the_spread_over_many_streams(p: float, failure: float) -> None:
    n, modules = 1500, 1500
    chain = BitStream.from_set_reset(np.full(modules, p), failure)
    found = bit_statistics(chain.sample(n, seed=5), lags=2)
    share_error, lag_error = (e[0] for e in chain.standard_errors(n))
    relative = STANDARD_ERRORS / math.sqrt(2 * modules)
    assert found.probability.std() / share_error == pytest.approx(1, abs=relative)
    assert found.autocorrelation[0].std() / lag_error == pytest.approx(1, abs=relative + 0.02), "asymptotic in n"
    assert np.median(found.probability_error) / share_error == pytest.approx(1, abs=0.05), "and so says the estimate"


def test_bartlett_errors_hold_for_a_symmetric_chain() -> None:
    n, modules = 1500, 1500
    found = bit_statistics(BitStream(a=np.full(modules, 0.3), b=np.full(modules, 0.7)).sample(n, seed=6), lags=3)
    ratio = found.autocorrelation.std(axis=1) / np.median(found.autocorrelation_error, axis=1)
    assert ratio == pytest.approx([1, 1, 1], abs=STANDARD_ERRORS / math.sqrt(2 * modules) + 0.03)


def test_sample_sizes_hold_their_power() -> None:
    """A bias of 3 points with correlated bits is found in nine of ten streams of that length, and found falsely in one of twenty."""
    rho, power, level = 0.1, 0.9, 0.05
    n, streams = samples_for_bias(0.03, p=0.5, correlation=rho, power=power, level=level), 1200
    for share, wanted in ((0.53, power), (0.5, level)):
        a = share * (1 - rho)  # a/(1 - b + a) = share with b = a + rho
        chain = BitStream(a=np.full(streams, a), b=np.full(streams, a + rho))
        assert float(chain.probability[0]) == pytest.approx(share)
        mean = chain.sample(n, seed=3).mean(axis=0)
        limit = 1.959964 * math.sqrt(0.25 / n * (1 + rho) / (1 - rho))
        found = float(np.mean(np.abs(mean - 0.5) > limit))
        assert found == pytest.approx(wanted, abs=STANDARD_ERRORS * math.sqrt(wanted * (1 - wanted) / streams) + 0.01)


def test_sample_sizes_for_a_correlation_hold_their_power() -> None:
    rho, streams = 0.06, 800
    n = samples_for_correlation(rho)
    for share, wanted in ((rho, 0.9), (0.0, 0.05)):
        a = 0.5 * (1 - share)
        found = bit_statistics(BitStream(a=np.full(streams, a), b=np.full(streams, a + share)).sample(n, seed=4), lags=1)
        detected = float(np.mean(np.abs(found.autocorrelation[0]) > 1.959964 / math.sqrt(n)))
        assert detected == pytest.approx(wanted, abs=STANDARD_ERRORS * math.sqrt(wanted * (1 - wanted) / streams) + 0.01)


def test_the_runs_test_is_level_for_independent_bits_and_sees_correlation() -> None:
    still = bit_statistics(BitStream(a=np.full(1500, 0.3), b=np.full(1500, 0.3)).sample(600, seed=7))
    assert float(np.mean(still.runs_p_value < 0.05)) == pytest.approx(0.05, abs=STANDARD_ERRORS * math.sqrt(0.05 * 0.95 / 1500) + 0.005)
    moved = bit_statistics(BitStream(a=np.full(200, 0.3), b=np.full(200, 0.5)).sample(2000, seed=7))
    assert np.median(moved.runs_p_value) < 1e-6
