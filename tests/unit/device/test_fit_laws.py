"""Laws, likelihoods and noise of the fits: values against the switching models, derivatives against differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from spinbnn.device.fitting.bias import first_order_bias
from spinbnn.device.fitting.data import SwitchingData
from spinbnn.device.fitting.laws import LAWS, LN_LN2, ThermalLaw
from spinbnn.device.fitting.likelihood import Problem, coordinate_of, value_of
from spinbnn.device.fitting.options import Options, problem_of
from spinbnn.device.switching import LapseSwitching, ThermalSwitching, TwoRateSwitching

CURRENT = np.linspace(170e-6, 245e-6, 12)
PULSE = np.tile([5e-9, 1e-8, 1e-7], 4)
TYPICAL = {
    "delta": math.log(40.0), "critical_current": math.log(5e-4), "i50": math.log(2e-4), "slope": math.log(25.0), "tau0": math.log(1e-10), "width": math.log(5e-6),
    "p_sat": -0.1, "lapse_lower": 0.03, "lapse_upper": 0.05, "rho": -3.0, "field_ratio": 0.1,
}  # fmt: skip
CASES = [
    ("exact", 1e-9, False, False), ("exact", None, False, False), ("exact", None, True, True), ("seed", None, False, False), ("seed", 1e-9, "lower", True), ("printed", 1e-9, "upper", False),
    ("two_rate", 1e-9, False, False), ("two_rate", None, "lower", True), ("logistic", None, True, False), ("two_rate_field", 1e-9, False, True), ("two_rate_field", 1e-9, True, False),
]  # fmt: skip


def problem(model: str, tau0: float | None, lapse: bool | str, wide: bool, counts: np.ndarray | None = None) -> tuple[Problem, np.ndarray]:
    pulse = np.full(12, 1e-8) if model == "logistic" else PULSE
    k = np.random.default_rng(0).integers(0, 51, 12) if counts is None else counts
    data = SwitchingData.of(CURRENT, pulse, 50, k)
    options = Options.of(data, model=model, tau0=tau0, temperature_reference=None, curie_temperature=None, anisotropy_exponent=0.0, lapse=lapse)  # type: ignore[arg-type]
    made = problem_of(data, options)
    if wide:
        from dataclasses import replace

        made = replace(made, overdispersed=True)
    return made, np.array([TYPICAL[name] for name in made.coordinates])


@pytest.mark.parametrize(("model", "tau0", "lapse", "wide"), CASES)
def test_gradient_and_information_agree_with_differences(model: str, tau0: float | None, lapse: bool | str, wide: bool) -> None:
    made, u = problem(model, tau0, lapse, wide)
    here = made.evaluate(u)
    numeric = [(made.evaluate(u + h).loss - made.evaluate(u - h).loss) / 2e-6 for h in np.eye(len(u)) * 1e-6]
    assert here.gradient == pytest.approx(numeric, rel=2e-6, abs=2e-5)
    if not wide:  # the expected information is the Hessian where k = n p
        expected = made.with_counts(made.trials * made.probability(u))
        hessian = np.array([(expected.evaluate(u + h).gradient - expected.evaluate(u - h).gradient) / 2e-5 for h in np.eye(len(u)) * 1e-5])
        assert np.max(np.abs(hessian - here.information)) < 1e-6 * np.max(np.abs(hessian))


@pytest.mark.parametrize(("model", "tau0", "lapse", "wide"), CASES)
@pytest.mark.parametrize("name", ["i50", "slope", "delta", "critical_current", "tau0"])
def test_quantities_have_their_gradients(model: str, tau0: float | None, lapse: bool | str, wide: bool, name: str) -> None:
    made, u = problem(model, tau0, lapse, wide)
    found = made.quantity(name, u)
    if found is None:
        assert name in ("i50", "slope", "delta", "critical_current", "tau0") and model in ("logistic", "two_rate_field")
        return
    numeric = [(made.quantity(name, u + h)[0] - made.quantity(name, u - h)[0]) / 2e-6 for h in np.eye(len(u)) * 1e-6]  # type: ignore[index]
    assert found[1] == pytest.approx(numeric, abs=1e-6)


def test_probabilities_are_those_of_the_switching_models() -> None:
    shared = {"delta": 40.0, "attempt_time": 1e-9, "critical_current": 5e-4}
    exact = ThermalSwitching(**shared)  # type: ignore[arg-type]
    cases = {
        ("exact", False): exact,
        ("seed", False): ThermalSwitching(**shared, barrier="seed"),  # type: ignore[arg-type]
        ("two_rate", False): ThermalSwitching(**shared, saturation=math.exp(-0.1)),  # type: ignore[arg-type]
        ("exact", True): LapseSwitching(base=exact, lower=0.03, upper=0.05),
        ("two_rate_field", False): TwoRateSwitching(**shared, field_ratio=0.1),  # type: ignore[arg-type]
    }
    for (model, lapse), truth in cases.items():
        made, u = problem(model, 1e-9, lapse, False)
        # ThermalSwitching has the escape against the current as well, below 1e-30 here
        assert made.probability(u) == pytest.approx(truth.probability(CURRENT, PULSE), rel=1e-9, abs=0), model
    made, u = problem("logistic", None, False, False)
    assert made.probability(u) == pytest.approx(special.expit((CURRENT - 2e-4) / 5e-6), rel=1e-12, abs=0)


def test_printed_law_is_the_bare_quadratic() -> None:
    made, u = problem("printed", 1e-9, False, False)
    x = CURRENT / 5e-4
    h = PULSE / 1e-9 * np.exp(-40.0 * (1 - 2 * x * (math.pi / 2 - x)))
    assert made.probability(u) == pytest.approx(-np.expm1(-h), rel=1e-9, abs=0)
    assert np.any(x > 0.4436), "the case must reach past the clamp"


@pytest.mark.parametrize("name", ["exact", "seed"])
@pytest.mark.parametrize("ratio", [1e-3, 0.1, 1.0, 7.0, 100.0, 1e4])
def test_median_is_where_the_slope_over_the_height_has_the_ratio(name: str, ratio: float) -> None:
    law = LAWS[name]
    assert isinstance(law, ThermalLaw)
    at = law.median(ratio)
    b, slope = law.barrier(np.array([at.x]))
    assert -at.x * slope[0] / b[0] == pytest.approx(ratio, rel=1e-6)
    assert at.steep == pytest.approx(-at.x * slope[0], rel=1e-9)
    assert law.inverse(float(b[0])) == pytest.approx(at.x, rel=1e-9)


def test_median_coordinates_are_current_and_slope_at_h_of_ln_two() -> None:
    law, theta_of = LAWS["exact"], np.log([2.1e-4, 22.0, 3e-10])
    assert isinstance(law, ThermalLaw)
    theta, jacobian = law.from_median(theta_of, math.log(1e-8))
    numeric = np.array([(law.from_median(theta_of + h, math.log(1e-8))[0] - law.from_median(theta_of - h, math.log(1e-8))[0]) / 2e-6 for h in np.eye(3) * 1e-6]).T
    assert jacobian == pytest.approx(numeric, abs=1e-7)
    truth = ThermalSwitching(delta=math.exp(theta[0]), critical_current=math.exp(theta[1]), attempt_time=3e-10)
    assert float(truth.probability(2.1e-4, 1e-8)) == pytest.approx(0.5, rel=1e-9)
    ln_h = [math.log(-math.log1p(-float(truth.probability(2.1e-4 * math.exp(d), 1e-8)))) for d in (-1e-5, 1e-5)]
    assert (ln_h[1] - ln_h[0]) / 2e-5 == pytest.approx(22.0, rel=1e-5)
    at = law.at_median(theta[0], math.log(1e-8 / 3e-10) - LN_LN2)
    assert at is not None and at.x == pytest.approx(2.1e-4 / math.exp(theta[1]), rel=1e-9)


def test_extreme_points_give_finite_likelihoods() -> None:
    for model in ("exact", "two_rate", "two_rate_field", "printed"):
        made, u = problem(model, 1e-9, False, False, counts=np.array([0, 50] * 6))
        for delta in (1.0, 40.0, 1000.0):
            for ic in (1e-4, 5e-4, 1e-2):
                u[:2] = math.log(delta), math.log(ic)
                value = made.evaluate(np.clip(u, made.lower, made.upper))
                assert np.isfinite(value.loss) and np.all(np.isfinite(value.gradient)), (model, delta, ic)
        for edge in (made.lower, made.upper):
            assert np.isfinite(made.evaluate(edge).loss)


def test_beta_binomial_is_scipys_and_ends_at_the_binomial() -> None:
    made, u = problem("logistic", None, False, True)
    n, k, p, theta = made.trials, made.switched, made.probability(u), math.exp(u[-1])
    reference = stats.betabinom.logpmf(k, n, p / theta, (1 - p) / theta) - special.gammaln(n + 1) + special.gammaln(k + 1) + special.gammaln(n - k + 1)
    assert -made.evaluate(u).loss == pytest.approx(float(np.sum(reference)), rel=1e-9)
    narrow, v = problem("logistic", None, False, False)
    limit = narrow.evaluate(v).loss
    near, nearer = (abs(made.evaluate(np.append(v, math.log(theta))).loss - limit) for theta in (1e-6, 1e-7))
    assert near < 0.002 * limit and nearer == pytest.approx(near / 10, rel=0.05)
    assert value_of("rho", math.log(0.25)) == pytest.approx(0.2)


@pytest.mark.parametrize("name", ["delta", "rho", "lapse_lower"])
def test_coordinates_and_values_are_inverse(name: str) -> None:
    assert value_of(name, coordinate_of(name, 0.3)) == pytest.approx(0.3, rel=1e-12)


@pytest.mark.parametrize("current", [192e-6, 199e-6, 207e-6])
def test_first_order_bias_of_a_logit_is_the_known_one(current: float) -> None:
    # one current, known width: i50 = I - w L with L the measured logit, E[L] - L = -(1 - 2p)/(2npq), var L = 1/(npq)
    data = SwitchingData.of([current] * 3, 1e-8, [20, 25, 15], [10, 11, 9])
    options = Options.of(data, model="logistic", tau0=None, temperature_reference=None, curie_temperature=None, anisotropy_exponent=0.0, lapse=False)
    u = np.log([2e-4, 5e-6])
    p = special.expit((current - 2e-4) / 5e-6)
    information, relative = 60 * p * (1 - p), 5e-6 / 2e-4
    expected = relative * (1 - 2 * p) / (2 * information) - 0.5 * relative**2 / information
    assert first_order_bias(problem_of(data, options), u, count=1)[0] == pytest.approx(expected, rel=1e-5, abs=0)
