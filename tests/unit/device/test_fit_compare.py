"""Goodness, over-dispersion, comparison of models and the shape of p(I)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from spinbnn.device import ThermalSwitching, fit_switching
from spinbnn.device.fitting import SwitchingData, compare_models, fit_data
from spinbnn.device.fitting.goodness import deviance_residuals, sparse_points
from spinbnn.device.fitting.shape import fall_p_value, find_plateau, shape_of
from spinbnn.errors import ParameterError

CURRENT = np.linspace(175e-6, 225e-6, 14)
TRUTH = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)
PLATEAU = [0, 1, 2, 30, 72, 72, 73, 72, 71, 74, 90, 97, 99, 100]


def data(counts: object, trials: int = 100) -> SwitchingData:
    return SwitchingData.of(CURRENT, 10e-9, trials, counts)  # type: ignore[arg-type]


def test_deviance_is_the_likelihood_ratio_against_the_shares() -> None:
    counts = np.random.default_rng(0).binomial(100, TRUTH.probability(CURRENT, 10e-9))
    fit = fit_data(data(counts), tau0=1e-9)
    p, share = fit.probability(CURRENT), counts / 100
    direct = 2 * np.sum(stats.binom.logpmf(counts, 100, share) - stats.binom.logpmf(counts, 100, p))
    assert fit.deviance == pytest.approx(direct, rel=1e-9)
    assert fit.dof == 12 and fit.p_value == pytest.approx(stats.chi2.sf(direct, 12)) and fit.dispersion == pytest.approx(direct / 12)
    residuals = deviance_residuals(fit.data.trials, fit.data.switched, p)
    assert np.sum(residuals**2) == pytest.approx(direct, rel=1e-9)
    assert np.all(np.sign(residuals) == np.sign(counts - 100 * p))
    assert sparse_points(fit.problem, fit.optimum.u) == np.sum((100 * p < 5) | (100 * (1 - p) < 5))


def test_bootstrap_p_value_is_uniform_under_the_law_and_reproducible() -> None:
    values = []
    for run in range(25):
        counts = np.random.default_rng(100 + run).binomial(20, TRUTH.probability(CURRENT, 10e-9))
        values.append(fit_data(data(counts, 20), tau0=1e-9, goodness="bootstrap", samples=100).p_value)
    assert 0.25 < np.mean(values) < 0.75 and np.min(values) >= 1 / 101  # mean of 25 uniforms: 0.5 +- 0.06
    again = fit_data(data(counts, 20), tau0=1e-9, goodness="bootstrap", samples=100)
    assert again.p_value == values[-1] and again.p_value_method == "bootstrap of 100"
    other = fit_data(data(counts, 20), tau0=1e-9, goodness="bootstrap", samples=100, seed=1)
    assert other.p_value != again.p_value


def test_auto_goodness_bootstraps_only_where_it_could_matter() -> None:
    clear = fit_data(data(PLATEAU), tau0=1e-9, goodness="auto")
    assert clear.rejected and clear.p_value_method == "chi-squared"
    rng = np.random.default_rng(0)
    for _ in range(200):
        counts = rng.binomial(20, TRUTH.probability(CURRENT, 10e-9))
        fit = fit_data(data(counts, 20), tau0=1e-9)
        if 1e-5 < fit.p_value < 0.1:
            assert fit_data(data(counts, 20), tau0=1e-9, goodness="auto", samples=100).p_value_method == "bootstrap of 100"
            return
    pytest.fail("no data set came near the verdict")


def test_beta_binomial_widens_the_intervals_of_drifting_data() -> None:
    rng, rho = np.random.default_rng(4), 0.05
    current = np.linspace(175e-6, 225e-6, 40)
    p = TRUTH.probability(current, 10e-9)
    drifting = rng.binomial(200, rng.beta(p * (1 - rho) / rho, (1 - p) * (1 - rho) / rho))
    plain = fit_switching(current, 10e-9, 200, drifting, tau0=1e-9)
    wide = fit_switching(current, 10e-9, 200, drifting, tau0=1e-9, noise="auto", samples=100)
    assert plain.rejected and plain.noise == "binomial" and wide.noise == "beta-binomial"
    low, high = wide.interval("rho", 0.999)
    assert low < rho < high
    assert wide.overdispersion is not None and wide.overdispersion.p_value < 1e-6
    assert wide.overdispersion.ratio == pytest.approx(2 * (wide.log_likelihood - plain.log_likelihood), rel=1e-6)
    assert wide.overdispersion.p_value == pytest.approx(0.5 * stats.chi2.sf(wide.overdispersion.ratio, 1), rel=1e-6, abs=0)
    widths = [np.subtract(*fit.interval("delta")[::-1]) for fit in (wide, plain)]
    assert widths[0] / widths[1] == pytest.approx(math.sqrt(1 + 199 * rho), rel=0.35)
    low, high = wide.interval("delta", 0.6827)
    assert math.log(high / low) / 2 == pytest.approx(math.sqrt(wide.covariance[0, 0]), rel=0.2)
    assert not wide.rejected and "trend" in wide.p_value_method, "drift leaves no trend in the residuals"
    assert "Beta-binomial" in wide.report().note
    assert wide.interval("delta", 0.999)[0] < 40.0 < wide.interval("delta", 0.999)[1]


def test_beta_binomial_is_not_taken_without_need_and_a_wrong_law_keeps_its_trend() -> None:
    counts = np.random.default_rng(0).binomial(100, TRUTH.probability(CURRENT, 10e-9))
    assert fit_data(data(counts), tau0=1e-9, noise="auto").noise == "binomial"
    asked = fit_data(data(counts), tau0=1e-9, noise="beta-binomial", samples=100)
    assert asked.interval("rho")[0] == 0.0 and asked.estimates["rho"] < 0.02
    current = np.linspace(170e-6, 240e-6, 30)
    slow = np.round(200 / (1 + np.exp(-(current - 200e-6) / 2e-6)) * 0.7 + 0.15 * 200).astype(int)
    wrong = fit_switching(current, 10e-9, 200, slow, tau0=1e-9, noise="beta-binomial", samples=199)
    assert wrong.rejected


@pytest.mark.parametrize("tau0", [1e-9, None])
def test_a_plateau_is_found_where_it_is(tau0: float | None) -> None:
    fit = fit_data(data(PLATEAU), tau0=tau0)
    found = find_plateau(fit)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((CURRENT[4], CURRENT[9])) and found.points == 6
    assert (found.least, found.most) == (0.71, 0.74) and found.share == pytest.approx(0.723, abs=1e-3)
    words = " ".join(shape_of(fit, 100).sentences(1000.0))
    assert "p stays 0.71 to 0.74 between 0.19 and 0.21 V" in words and "back-hopping" in words
    assert "µA" in " ".join(shape_of(fit, 100).sentences())


def test_an_end_that_does_not_belong_is_no_part_of_a_plateau() -> None:
    fit = fit_data(data([0, 0, 0, 1, 3, 63, 73, 72, 72, 74, 91, 97, 99, 100]), tau0=1e-9)
    found = find_plateau(fit)
    assert found is not None and found.least == 0.72 and found.low == pytest.approx(CURRENT[6])


def test_no_plateau_and_no_fall_in_data_of_the_law() -> None:
    alarms = 0
    for run in range(60):
        counts = np.random.default_rng(run).binomial(50, TRUTH.probability(CURRENT, 10e-9))
        found = shape_of(fit_data(data(counts, 50), tau0=1e-9), samples=100)
        alarms += (found.plateau is not None) + (found.fall is not None and found.fall < 0.01)
    assert alarms <= 2
    flat_top = np.random.default_rng(0).binomial(50, TRUTH.probability(np.linspace(180e-6, 300e-6, 14), 10e-9))
    assert find_plateau(fit_switching(np.linspace(180e-6, 300e-6, 14), 10e-9, 50, flat_top, tau0=1e-9)) is None, "p = 1 is no plateau"


def test_a_fall_is_found_and_noise_is_not() -> None:
    falling = data([0, 2, 10, 40, 80, 99, 100, 98, 85, 70, 60, 52, 50, 49])
    assert fall_p_value(falling, 199, 0) == pytest.approx(1 / 200)
    assert "p falls with the current" in " ".join(shape_of(fit_data(falling, tau0=1e-9), 199).sentences())
    assert fall_p_value(data([0, 2, 10, 40, 80, 99, 99, 100, 100, 98, 100, 100, 100, 100]), 199, 0) > 0.05
    assert fall_p_value(data(sorted(PLATEAU)), 99, 0) == 1.0
    unequal = SwitchingData.of([1e-4, 2e-4, 3e-4], 1e-8, [100, 10, 100], [10, 5, 90])
    assert fall_p_value(unequal, 99, 0) == 1.0, "the shares rise, the counts do not"


def test_shape_needs_one_condition() -> None:
    current, pulse = np.tile(CURRENT, 2), np.repeat([1e-8, 1e-6], 14)
    fit = fit_switching(current, pulse, 100, np.round(100 * TRUTH.probability(current, pulse)), tau0=1e-9)
    found = shape_of(fit)
    assert found.plateau is None and found.fall is None and found.sentences() == []


def test_comparison_names_the_true_law_and_rejects_the_others() -> None:
    truth = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, saturation=0.8)
    counts = np.random.default_rng(1).binomial(2000, truth.probability(CURRENT, 10e-9))
    compared = compare_models(data(counts, 2000), ("exact", "seed", "two_rate", "logistic"), tau0=1e-9, samples=100)
    assert compared.best is not None and compared.best.name == "two_rate" and compared.rows[0] is compared.best
    assert {row.name: row.verdict for row in compared.rows} == {"two_rate": "not rejected", "exact": "rejected", "seed": "rejected", "logistic": "rejected"}
    row = compared.best
    assert row.fit is not None and row.aic == pytest.approx(2 * 3 - 2 * row.fit.log_likelihood) and row.aicc == pytest.approx(row.aic + 2 * 3 * 4 / (14 - 3 - 1))
    aiccs = [row.aicc for row in compared.rows]
    assert aiccs == sorted(aiccs) and compared.least == aiccs[0]
    assert "two_rate" in compared.report().note and "two_rate" in compared._repr_html_()


def test_comparison_says_that_none_is_accepted_and_why() -> None:
    compared = compare_models(data([0, 60, 2, 30, 72, 72, 73, 72, 71, 74, 90, 40, 99, 100]), tau0=1e-9, samples=100)
    assert compared.best is None and compared.accepted == [] and "None of these models is accepted" in compared.statement
    assert {row.name for row in compared.rows} == {"exact", "seed", "exact+lapse", "two_rate", "logistic", "two_rate_field"}


def test_an_empirical_winner_is_called_empirical() -> None:
    x = 1 / (1 + np.exp(-(CURRENT - 200e-6) / 5e-6))
    compared = compare_models(data(np.round(20_000 * x), 20_000), ("exact", "logistic"), tau0=1e-9)
    assert compared.best is not None and compared.best.name == "logistic"
    assert "empirical" in compared.statement and "No law with physics is accepted" in compared.statement


def test_a_law_that_cannot_be_fitted_has_a_row_that_says_why() -> None:
    few = SwitchingData.of([180e-6, 195e-6, 205e-6, 220e-6], 1e-8, 50, [2, 15, 35, 49])
    compared = compare_models(few, ("exact+lapse", "exact", "printed"), tau0=1e-9)
    rows = {row.name: row for row in compared.rows}
    assert rows["exact+lapse"].verdict == "cannot be tested" and rows["exact+lapse"].aicc == math.inf
    assert rows["exact"].verdict == "not rejected" and compared.best is rows["exact"]
    free = {row.name: row for row in compare_models(few, ("printed", "exact")).rows}
    assert free["printed"].fit is None and free["printed"].verdict.startswith("no fit: the model 'printed' needs")
    assert free["printed"] is compare_models(few, ("printed", "exact")).rows[-1] or free["printed"].name == "printed"
    with pytest.raises(ParameterError, match="none of the models"):
        compare_models(few, ("printed",))
    for bad in ("exakt", "exact+laps"):
        with pytest.raises(ParameterError, match="unknown model"):
            compare_models(few, (bad,))


def test_a_bootstrap_too_small_to_reject_anything_is_refused() -> None:
    given = data([0, 1, 5, 14, 25, 38, 50, 62, 75, 86, 93, 97, 99, 100])
    for call in (
        lambda: fit_data(given, tau0=1e-9, goodness="auto", samples=99), lambda: fit_data(given, tau0=1e-9, noise="auto", samples=99),
        lambda: compare_models(given, ["exact"], tau0=1e-9, goodness="chi2", samples=99), lambda: shape_of(fit_data(given, tau0=1e-9), 99),
    ):  # fmt: skip
        with pytest.raises(ParameterError, match="no law could be rejected"):
            call()
    assert fit_data(given, tau0=1e-9, samples=20).p_value_method == "chi-squared", "no bootstrap is asked for here"
