"""Populations: the noise of the counts is taken out, and what cannot be had is said."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from spinbnn.device import ThermalSwitching
from spinbnn.device.fitting import SwitchingData, fit_data, fit_population
from spinbnn.device.fitting.bias import first_order_bias
from spinbnn.device.fitting.hierarchy import nearest_covariance
from spinbnn.device.fitting.reml import Reml, covariance_of
from spinbnn.errors import ParameterError

CURRENT = np.linspace(182e-6, 224e-6, 9)


def devices(seed: int, count: int = 12, spread: float = 0.02, trials: int = 200, sigma_delta: float = 0.05) -> list[SwitchingData]:
    draw, out = np.random.default_rng(seed), []
    for i in range(count):
        truth = ThermalSwitching(delta=40.0 * math.exp(sigma_delta * draw.standard_normal()), attempt_time=1e-9, critical_current=5e-4 * math.exp(spread * draw.standard_normal()))
        out.append(SwitchingData.of(CURRENT, 1e-8, trials, draw.binomial(trials, truth.probability(CURRENT, 1e-8)), label=f"d{i}"))
    return out


def test_spread_is_less_than_the_naive_one_and_of_the_right_size() -> None:
    found = [fit_population(devices(seed), tau0=1e-9) for seed in range(6)]
    corrected, naive = (np.array(values) for values in ([f.spread["critical_current"] for f in found], [f.naive[0] for f in found]))
    assert np.all(corrected < naive)
    error = 0.02 / math.sqrt(2 * 11 * 6)
    assert np.sqrt(np.mean(corrected**2)) == pytest.approx(0.02, abs=4 * error)
    assert np.mean([math.log(f.median["critical_current"] / 5e-4) for f in found]) == pytest.approx(0.0, abs=4 * 0.021 / math.sqrt(72))


def test_identical_devices_may_have_no_spread() -> None:
    fit = fit_population(devices(3, spread=0.0, sigma_delta=0.0, trials=50), tau0=1e-9)
    assert fit.interval("sigma critical_current")[0] == 0.0 and fit.interval("sigma delta")[0] == 0.0
    assert fit.spread["delta"] < 0.6 * fit.naive[1]
    assert fit.interval("sigma critical_current")[1] < 0.03


def test_without_tau0_the_spread_is_that_of_i50() -> None:
    given = devices(1)
    free, fixed = fit_population(given), fit_population(given, tau0=1e-9)
    assert free.names == ("i50", "slope") and set(free.spread) == {"i50", "slope"}
    # ln I50 = ln Ic0 + c ln delta
    i50 = [float(ThermalSwitching(delta=40.0 * f, attempt_time=1e-9, critical_current=5e-4).current_for(0.5, 1e-8)) for f in (0.99, 1.01)]
    weights = np.array([1.0, math.log(i50[1] / i50[0]) / math.log(1.01 / 0.99)])
    assert free.spread["i50"] == pytest.approx(math.sqrt(weights @ fixed.covariance @ weights), rel=0.1)
    assert free.spread["i50"] != pytest.approx(fixed.spread["critical_current"], rel=0.1)
    with pytest.raises(ParameterError, match="no such quantity"):
        free.interval("sigma critical_current")


def test_report_shows_naive_and_corrected() -> None:
    fit = fit_population(devices(2), tau0=1e-9)
    table = fit.report()
    rows = {row[0]: row for row in table.rows}
    assert rows["sigma(ln critical_current)"][2] == pytest.approx(100 * fit.spread["critical_current"]) and "naive" in str(rows["sigma(ln critical_current)"][5])
    low, high = fit.interval("median critical_current")
    assert low < fit.median["critical_current"] < high and high / low < 1.06
    assert fit.shrunken.shape == (12, 2) and np.all(np.abs(fit.shrunken - fit.shrunken.mean(axis=0)).sum(axis=0) < np.abs(fit.values - fit.values.mean(axis=0)).sum(axis=0))
    low, high = fit.interval("correlation")
    assert -1.0 <= low < fit.correlation < high <= 1.0


def test_values_are_freed_of_their_bias_and_moments_of_their_noise() -> None:
    fit = fit_population(devices(5, trials=50), tau0=1e-9)
    raw = np.array([[math.log(f.estimates[name]) for name in fit.names] for f in fit.fits])
    for one, before, after, at in zip(fit.fits, raw, fit.values, fit.shrunken, strict=True):
        bias = first_order_bias(one.problem, at[::-1])[::-1]
        assert before - after == pytest.approx(bias, rel=0.1, abs=1e-5)
    assert np.all(raw[:, 1] > fit.values[:, 1]), "few pulses make the curve look steep"
    matrix = nearest_covariance(np.cov(fit.values.T) - fit.noise.mean(axis=0))
    assert fit.moments == pytest.approx(np.sqrt(np.diag(matrix)), rel=1e-9)
    assert fit.naive == pytest.approx(np.std(raw, axis=0, ddof=1), rel=1e-9)
    low, high = fit.interval("median critical_current", 0.9)
    error = math.sqrt(float(np.linalg.inv(np.linalg.inv(fit.covariance + fit.noise).sum(axis=0))[0, 0]))
    assert math.log(high / low) == pytest.approx(2 * stats.t.ppf(0.95, 11) * error, rel=1e-6)


def test_devices_without_a_fit_are_named() -> None:
    given = devices(4)
    given[3] = SwitchingData.of(CURRENT, 1e-8, 50, [0] * 9, label="dead")
    fit = fit_population(given, tau0=1e-9)
    assert fit.devices == 11 and "flat data" in fit.failed["dead"] and "left out, could not be fitted: dead" in fit.note
    with pytest.raises(ParameterError, match="too few devices"):
        fit_population(given[2:5], tau0=1e-9)
    for options in ({"model": "two_rate"}, {"lapse": True}):
        with pytest.raises(ParameterError, match="without lapses"):
            fit_population(given, tau0=1e-9, **options)


def test_reml_without_noise_is_the_sample_covariance() -> None:
    values = np.random.default_rng(0).multivariate_normal([1.0, 2.0], [[0.04, 0.01], [0.01, 0.09]], 30)
    reml = Reml(values, np.zeros((30, 2, 2)))
    assert reml.estimate(np.eye(2) * 0.01) == pytest.approx(np.cov(values.T), rel=1e-3)
    assert reml.mean(np.cov(values.T)) == pytest.approx(values.mean(axis=0))
    covariance = np.cov(values.T)
    away = values - values.mean(axis=0)
    direct = -sum(stats.multivariate_normal.logpdf(r, cov=covariance) for r in away) - 30 * math.log(2 * math.pi) + 0.5 * math.log(np.linalg.det(30 * np.linalg.inv(covariance)))
    sigma = np.sqrt(np.diag(covariance))
    parameters = np.array([*np.log(sigma), math.atanh(covariance[0, 1] / sigma[0] / sigma[1])])
    assert covariance_of(parameters) == pytest.approx(covariance) and reml.loss(parameters) == pytest.approx(direct)
    low, high = reml.profile(0, 0.95)
    exact = np.sqrt(29 * np.var(values[:, 0], ddof=1) / stats.chi2.ppf([0.975, 0.025], 29))
    assert (low, high) == pytest.approx(exact, rel=0.06)


def test_equal_noise_is_subtracted() -> None:
    noise = np.diag([0.03, 0.02])
    values = np.random.default_rng(1).multivariate_normal([0.0, 0.0], np.diag([0.04, 0.05]) + noise, 400)
    reml = Reml(values, np.broadcast_to(noise, (400, 2, 2)))
    assert reml.estimate(np.eye(2) * 0.01) == pytest.approx(np.cov(values.T) - noise, abs=2e-4)


def test_negative_variances_become_zero() -> None:
    fixed = nearest_covariance(np.array([[0.02, 0.05], [0.05, 0.01]]))
    assert np.min(np.linalg.eigvalsh(fixed)) > -1e-15 and fixed == pytest.approx(fixed.T)
    assert nearest_covariance(np.diag([2.0, 1.0])) == pytest.approx(np.diag([2.0, 1.0]))


def test_a_spread_whose_estimate_lies_on_the_edge_begins_at_zero() -> None:
    draw = np.random.default_rng(0)
    draw.standard_normal((10, 4))
    values = np.stack([1e-9 * draw.standard_normal(10), 0.1 * draw.standard_normal(10)], axis=1)
    reml = Reml(values, np.repeat(1e-4 * np.eye(2)[None], 10, axis=0))
    for start in (np.cov(values.T), np.diag([1e-12, 0.01])):
        reml.estimate(start)
        reml._best = (reml._search(np.array([math.log(1e-6), math.log(0.1), 0.0]), 0)[0], np.array([math.log(1e-6), math.log(0.1), 0.0]))
        low, high = reml.profile(0, 0.95)
        assert low == 0.0 and 0.0 < high < 0.05


def test_zero_is_excluded_by_the_mixture_of_one_and_two_degrees_of_freedom() -> None:
    # without a spread there is no correlation either: chi-squared with one degree of freedom alone excludes 0 twice too often
    draw, found = np.random.default_rng(4), set()
    base = draw.standard_normal((20, 2))
    assert 0.5 * (special.chdtrc(1, 5.139) + special.chdtrc(2, 5.139)) == pytest.approx(0.05, abs=1e-4)
    for scale in np.linspace(0.8, 1.3, 14):
        reml = Reml(scale * base, np.repeat(np.eye(2)[None], 20, axis=0))
        reml.estimate(np.cov(reml.values.T))
        assert reml._best is not None
        at_zero = np.array([math.log(1e-6), reml._best[1][1], 0.0])
        ratio = 2.0 * (reml._search(at_zero, 0)[0] - reml._best[0])
        low, _ = reml.profile(0, 0.95)
        if abs(ratio - 5.139) > 0.05:
            assert (low == 0.0) == (ratio < 5.139), ratio
        found.add("between" if 3.9 < ratio < 5.08 else "above" if ratio > 5.2 else "below" if ratio < 3.8 else "near")
    assert found >= {"below", "between", "above"}


def test_bias_of_overdispersed_counts_is_larger_by_their_dispersion() -> None:
    fit = fit_data(devices(1)[0], tau0=1e-9)
    wide = replace(fit.problem, overdispersed=True)
    plain, drifting = first_order_bias(fit.problem, fit.optimum.u), first_order_bias(wide, np.append(fit.optimum.u, math.log(0.05)))
    assert drifting == pytest.approx(plain * (1.0 + 199.0 * 0.05 / 1.05), rel=1e-6)


def test_directions_are_not_mixed() -> None:
    given = devices(0, count=6)
    mixed = [replace(data, direction="P->AP" if i % 2 else "AP->P") for i, data in enumerate(given)]
    with pytest.raises(ParameterError, match="one direction"):
        fit_population(mixed, tau0=1e-9)
    assert fit_population(mixed[::2], tau0=1e-9).report().title == "Population of 3 devices, AP->P"


def test_warnings_about_the_data_reach_the_population() -> None:
    odd = [SwitchingData.of(d.current, d.pulse, 10 * d.trials, 10 * d.switched, label=d.label) for d in devices(0, count=4)]
    note = fit_population(odd, tau0=1e-9).note
    assert note.count("Warning: every probability is a multiple of 0.005") == 1


def test_an_identified_tau0_widens_the_noise_of_the_others() -> None:
    truth, draw, given = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=5e-4), np.random.default_rng(7), []
    current = np.concatenate([np.linspace(truth.current_for(0.03, t), truth.current_for(0.9, t), 7) for t in (5e-9, 5e-7)])
    pulse = np.repeat([5e-9, 5e-7], 7)
    for _ in range(3):
        given.append(SwitchingData.of(current, pulse, 200, draw.binomial(200, truth.probability(current, pulse))))
    fit = fit_population(given)
    for one, noise in zip(fit.fits, fit.noise, strict=True):
        assert one.identifiable["tau0"] is True
        held = np.linalg.inv(one.optimum.value.information[:2, :2])
        assert noise[1, 1] > 1.5 * held[1, 1], "the slope trades against tau0"
