"""fit_switching: recovery, intervals against brute force, degenerate data, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from spinbnn.device import ThermalSwitching, fit_switching
from spinbnn.errors import ParameterError

CURRENT = np.linspace(175e-6, 225e-6, 11)
TRUTH = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)


@pytest.mark.parametrize("model", ["exact", "seed"])
def test_fit_recovers_truth_with_honest_intervals(model: str) -> None:
    truth = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, barrier=model)
    values = {"delta": 40.0, "critical_current": 500e-6, "i50": float(truth.current_for(0.5, 10e-9))}
    hits, deviances, runs = dict.fromkeys(values, 0), [], 60
    for run in range(runs):
        counts = np.random.default_rng(run).binomial(200, truth.probability(CURRENT, 10e-9))
        fit = fit_switching(CURRENT, 10e-9, 200, counts, model=model, tau0=1e-9)  # type: ignore[arg-type]
        deviances.append(fit.deviance)
        for name, value in values.items():
            low, high = fit.interval(name)
            hits[name] += low <= value <= high
    for name, count in hits.items():  # 95 % of 60 = 57; below 51 has a probability of 0.8 %
        assert count >= 51, name
    assert np.mean(deviances) == pytest.approx(9.0, abs=4 * np.sqrt(18 / runs))


def test_profile_interval_agrees_with_the_fisher_width_for_many_shots() -> None:
    fit = fit_switching(CURRENT, 10e-9, 100_000, np.round(100_000 * TRUTH.probability(CURRENT, 10e-9)), tau0=1e-9)
    for i, name in enumerate(("delta", "critical_current")):
        low, high = fit.interval(name)
        assert (np.log(high) - np.log(low)) / 2 == pytest.approx(1.96 * np.sqrt(fit.covariance[i, i]), rel=0.02)
    assert fit.parameters == ("delta", "critical_current")


@pytest.mark.parametrize("model", ["exact", "seed"])
@pytest.mark.parametrize(("delta", "trials", "points", "widths"), [(110.0, 5000, 9, [1e-8]), (54.0, 20, 8, [1e-8]), (90.0, 200, 5, [5e-9, 1e-8, 5e-8]), (25.0, 20, 6, [1e-8])])
def test_interval_ends_lie_where_a_brute_search_finds_the_drop(model: str, delta: float, trials: int, points: int, widths: list[float]) -> None:
    truth = ThermalSwitching(delta=delta, attempt_time=1e-9, critical_current=500e-6, barrier=model)
    current = np.concatenate([np.linspace(truth.current_for(0.05, t), truth.current_for(0.9, t), points) for t in widths])
    pulse = np.repeat(widths, points)
    counts = np.random.default_rng(4).binomial(trials, truth.probability(current, pulse))
    fit = fit_switching(current, pulse, trials, counts, model=model, tau0=1e-9)  # type: ignore[arg-type]

    def log_likelihood(delta: object, critical: object) -> np.ndarray:
        columns = [np.atleast_1d(np.asarray(v, dtype=float))[:, None] for v in (delta, critical)]
        p = ThermalSwitching(delta=columns[0], attempt_time=1e-9, critical_current=columns[1], barrier=model).probability(current, pulse)
        return np.sum(special.xlogy(counts, p) + special.xlog1py(trials - counts, -p), axis=1)

    best = log_likelihood(fit.estimates["delta"], fit.estimates["critical_current"])[0]
    for name, other in (("delta", "critical_current"), ("critical_current", "delta")):
        for end in fit.interval(name):
            centre, span = fit.estimates[other], 1.5
            for _ in range(4):  # a grid, refined: no assumption about the shape
                grid = centre * np.exp(np.linspace(-span, span, 301))
                values = log_likelihood(end, grid) if name == "delta" else log_likelihood(grid, end)
                centre, span = float(grid[int(np.argmax(values))]), span / 50
            assert best - max(values) == pytest.approx(stats.chi2.ppf(0.95, 1) / 2, abs=2e-3)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"tau0": 1e-9}, ["i50", "slope"]), ({}, ["i50", "slope", "delta"]), ({"tau0": 1e-9, "lapse": True}, ["delta", "lapse_lower", "lapse_upper", "slope"]),
        ({"tau0": 1e-9, "model": "two_rate"}, ["delta", "p_sat"]), ({"model": "logistic"}, ["i50", "width"]), ({"tau0": 1e-9, "noise": "beta-binomial", "samples": 100}, ["delta", "rho"]),
    ],
)  # fmt: skip
def test_both_ways_to_an_interval_end_agree(options: dict[str, object], names: list[str]) -> None:
    from spinbnn.device.fitting import intervals

    truth = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, saturation=0.93)
    counts = np.random.default_rng(2).binomial(60, np.clip(0.02 + truth.probability(CURRENT, 10e-9), 0, 1))
    fit = fit_switching(CURRENT, 10e-9, 60, counts, **options)  # type: ignore[arg-type]
    drop, best = 0.5 * float(stats.chi2.ppf(0.9, 1)), fit.optimum.value.loss
    compared = 0
    for name in names:
        for direction in (-1, 1):
            fast = intervals._by_ellipsoids(fit.problem, fit.optimum.u, best + drop, name, direction)
            slow = intervals._by_bisection(fit.problem, fit.optimum.u, best, drop, name, direction)
            if fast is None:
                continue
            compared += 1
            assert (slow is None) == math.isinf(fast), (name, direction)
            if slow is not None:
                assert fast == pytest.approx(slow, abs=2e-5), (name, direction)
                loss, u = intervals.profile(fit.problem, name, fast, fit.optimum.u)
                assert loss - best == pytest.approx(drop, abs=1e-4)
                assert fit.problem.quantity(name, u)[0] == pytest.approx(fast, abs=1e-7)  # type: ignore[index]
    assert compared >= len(names)


@pytest.mark.parametrize("counts", [[0, 0, 25, 50, 50], [0, 0, 1, 50, 50], [0, 0, 0, 0, 7], [9, 50, 50, 50, 50]])
@pytest.mark.parametrize("tau0", [1e-9, None])
def test_perfect_separation_is_no_result(counts: list[int], tau0: float | None) -> None:
    current = np.linspace(180e-6, 220e-6, 5)
    with pytest.raises(ParameterError, match="do not bound delta: perfect separation"):
        fit_switching(current, 10e-9, 50, counts, tau0=tau0)
    with pytest.raises(ParameterError, match="do not bound delta: perfect separation"):
        fit_switching(current, 10e-9, 50, counts, model="logistic")
    with pytest.raises(ParameterError, match="does not rise with the current"):
        fit_switching(current, 10e-9, 50, [50, 40, 25, 10, 0], tau0=tau0)
    with pytest.raises(ParameterError, match="one list of points"):
        fit_switching(current, 10e-9, 50, counts[:3], tau0=tau0)


def test_separation_at_one_of_two_widths_is_found_by_the_search() -> None:
    current, pulse = np.tile(np.linspace(180e-6, 220e-6, 5), 2), np.repeat([1e-8, 1.1e-8], 5)
    for counts in ([0, 0, 20, 50, 50, 0, 0, 50, 50, 50], [0, 0, 50, 50, 50] * 2):
        for tau0 in (1e-9, None):
            with pytest.raises(ParameterError, match="perfect separation"):
                fit_switching(current, pulse, 50, counts, tau0=tau0)


@pytest.mark.parametrize(("counts", "words"), [([0] * 5, "none of 250 pulses switched; all that follows is p < 0.012"), ([50] * 5, "all of 250 pulses switched"), ([0, 0, 0, 50, 50], "perfect separation")])
def test_flat_data_are_a_stated_result(counts: list[int], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        fit_switching(np.linspace(180e-6, 220e-6, 5), 10e-9, 50, counts)


def test_an_open_interval_is_named_in_the_report_and_refused_alone() -> None:
    fit = fit_switching([180e-6, 190e-6, 200e-6], 10e-9, 5, [1, 3, 4], tau0=1e-9)
    table = fit.report()
    rows = {row[0]: row for row in table.rows}
    assert rows["critical_current"][4] == "unbounded" and isinstance(rows["critical_current"][3], float)
    assert "unbounded" in table.to_markdown() and "unbounded" in table.to_html()
    with pytest.raises(ParameterError, match="do not bound critical_current"):
        fit.interval("critical_current")
    assert fit.ends("critical_current")[1] is None
    low, high = fit.interval("delta")
    assert low < fit.estimates["delta"] < high


def test_as_many_points_as_parameters_cannot_be_tested() -> None:
    fit = fit_switching([180e-6, 200e-6, 215e-6], 10e-9, 100, [5, 50, 93], tau0=1e-9, lapse="upper")
    assert fit.dof == 0 and not fit.rejected and math.isnan(fit.p_value) and math.isnan(fit.dispersion)
    assert "cannot be tested" in fit.report().note
    with pytest.raises(ParameterError, match="3 points cannot give 4 parameters"):
        fit_switching([180e-6, 200e-6, 215e-6], 10e-9, 100, [5, 50, 93], tau0=1e-9, lapse=True)
    with pytest.raises(ParameterError, match="at least three points"):
        fit_switching([180e-6, 200e-6], 10e-9, 100, [5, 50], tau0=1e-9)


def test_one_pulse_width_gives_no_tau0_and_no_critical_current() -> None:
    fit = fit_switching(CURRENT, 10e-9, 1000, np.random.default_rng(1).binomial(1000, TRUTH.probability(CURRENT, 10e-9)))
    assert set(fit.estimates) == {"i50", "slope", "delta"} and fit.tau0 is None
    assert fit.identifiable["tau0"] is False and fit.identifiable["critical_current"] is False and fit.identifiable["i50"] and fit.identifiable["slope"]
    for name in ("tau0", "critical_current"):
        with pytest.raises(ParameterError, match="not identifiable") as caught:
            fit.interval(name)
        assert "declare tau0, or measure pulse widths over 3 to 4 decades" in str(caught.value)
    table = fit.report()
    assert [row for row in table.rows if row[0] in ("tau0", "critical_current")] == [["critical_current", "A", "not identifiable", "", ""], ["tau0", "s", "not identifiable", "", ""]]
    assert "not identifiable" in table.note
    low, high = fit.interval("i50")
    assert low < float(TRUTH.current_for(0.5, 10e-9)) < high
    fixed = fit_switching(CURRENT, 10e-9, 1000, fit.data.switched, tau0=1e-9)
    assert fit.deviance <= fixed.deviance + 1e-6 and fit.dof == fixed.dof - 1
    wide, narrow = fit.interval("delta"), fixed.interval("delta")
    assert wide[0] <= narrow[0] + 1e-6 and wide[1] >= narrow[1] - 1e-6 and wide[0] < 40.0 < wide[1]
    with pytest.raises(ParameterError, match="tau0"):
        fit.to_model()


def test_decades_of_pulse_width_give_tau0() -> None:
    widths = [1e-8, 1e-6, 1e-4, 1e-2]
    current = np.concatenate([np.linspace(TRUTH.current_for(0.03, t), TRUTH.current_for(0.97, t), 8) for t in widths])
    pulse = np.repeat(widths, 8)
    fit = fit_switching(current, pulse, 400, np.random.default_rng(3).binomial(400, TRUTH.probability(current, pulse)))
    assert all(fit.identifiable[name] for name in ("delta", "critical_current", "tau0"))
    for name, value in (("delta", 40.0), ("critical_current", 5e-4), ("tau0", 1e-9)):
        low, high = fit.interval(name, 0.999)
        assert low < value < high, name
    assert fit.parameters[:3] == ("delta", "critical_current", "tau0")
    for i, name in enumerate(fit.parameters):
        low, high = fit.interval(name, 0.6827)
        assert math.log(high / low) / 2 == pytest.approx(math.sqrt(fit.covariance[i, i]), rel=0.15), name
    model = fit.to_model()
    assert model.probability(current, pulse) == pytest.approx(fit.probability(current, pulse), rel=1e-9)


def test_two_close_widths_do_not_give_tau0() -> None:
    widths = [1e-8, 2e-8]
    current = np.concatenate([np.linspace(TRUTH.current_for(0.03, t), TRUTH.current_for(0.97, t), 6) for t in widths])
    fit = fit_switching(current, np.repeat(widths, 6), 50, np.round(50 * TRUTH.probability(current, np.repeat(widths, 6))))
    assert not fit.identifiable["tau0"] and "tau0" not in fit.estimates and "2 pulse widths over a factor of 2" in fit.identifiability


def test_temperatures_share_one_law() -> None:
    truth = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, reference_temperature=300.0, curie_temperature=1100.0, anisotropy_exponent=2.18)
    kelvin = np.repeat([260.0, 300.0, 360.0], 11)
    current = np.tile(np.linspace(150e-6, 235e-6, 11), 3)
    counts = np.random.default_rng(8).binomial(500, truth.probability(current, 1e-8, kelvin))
    given = {"temperature": kelvin, "curie_temperature": 1100.0, "anisotropy_exponent": 2.18, "tau0": 1e-9}
    fit = fit_switching(current, 1e-8, 500, counts, temperature_reference=300.0, **given)  # type: ignore[arg-type]
    assert not fit.rejected
    for name, value in (("delta", 40.0), ("critical_current", 5e-4)):
        low, high = fit.interval(name, 0.999)
        assert low < value < high
    assert fit.probability(current, 1e-8, kelvin) == pytest.approx(truth.probability(current, 1e-8, kelvin), abs=0.02)
    hot = fit_switching(current, 1e-8, 500, counts, temperature_reference=360.0, **given)  # type: ignore[arg-type]
    assert hot.deviance == pytest.approx(fit.deviance, rel=1e-6), "the reference is a choice, not physics"
    assert hot.estimates["delta"] == pytest.approx(fit.to_model().delta_at(360.0), rel=1e-4)  # type: ignore[attr-defined]
    wrong = fit_switching(current, 1e-8, 500, counts, temperature_reference=300.0, temperature=kelvin, tau0=1e-9)
    assert wrong.rejected, "without Ms(T) the law cannot describe these data"
    with pytest.raises(ParameterError, match="several temperatures"):
        fit_switching(current, 1e-8, 500, counts, **given)  # type: ignore[arg-type]
    single = fit_switching(CURRENT, 1e-8, 500, np.round(500 * TRUTH.probability(CURRENT, 1e-8)), temperature=350.0, tau0=1e-9)
    assert single.temperature == 350.0 and single.estimates["delta"] == pytest.approx(40.0, rel=0.01), "one temperature: the estimates hold there"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "exakt"}, "unknown model"), ({"tau0": 0.0}, "must be > 0"), ({"tau0": float("nan")}, "must be > 0"), ({"lapse": "both"}, "unknown lapse"), ({"noise": "poisson"}, "unknown noise"),
        ({"goodness": "R2"}, "unknown goodness"), ({"model": "printed"}, "needs a declared tau0"), ({"model": "two_rate_field"}, "needs a declared tau0"),
        ({"model": "two_rate", "lapse": True}, "one and the same"), ({"temperature": -1.0}, "> 0 K"), ({"temperature_reference": 0.0}, "must be > 0"), ({"curie_temperature": 200.0}, "Curie"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        fit_switching(CURRENT, 10e-9, 100, np.round(100 * TRUTH.probability(CURRENT, 10e-9)), **options)  # type: ignore[arg-type]


def test_logistic_takes_one_condition() -> None:
    with pytest.raises(ParameterError, match="neither pulse width nor temperature"):
        fit_switching(CURRENT, [1e-8] * 10 + [2e-8], 100, np.round(100 * TRUTH.probability(CURRENT, 1e-8)), model="logistic")


def test_lapses_and_saturation_are_recovered() -> None:
    p = TRUTH.probability(np.linspace(165e-6, 240e-6, 20), 1e-8)
    fit = fit_switching(np.linspace(165e-6, 240e-6, 20), 1e-8, 2000, np.random.default_rng(3).binomial(2000, 0.05 + 0.83 * p), tau0=1e-9, lapse=True)
    for name, value in (("lapse_lower", 0.05), ("lapse_upper", 0.12), ("delta", 40.0)):
        low, high = fit.interval(name, 0.999)
        assert low < value < high, name
    clean = fit_switching(np.linspace(165e-6, 240e-6, 20), 1e-8, 200, np.random.default_rng(4).binomial(200, p), tau0=1e-9, lapse=True)
    assert clean.interval("lapse_lower")[0] == 0.0, "a rate of 0 is the end of its range, not an open end"
    saturated = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, saturation=0.8)
    back = fit_switching(np.linspace(165e-6, 240e-6, 20), 1e-8, 2000, np.random.default_rng(5).binomial(2000, saturated.probability(np.linspace(165e-6, 240e-6, 20), 1e-8)), tau0=1e-9, model="two_rate")
    low, high = back.interval("p_sat", 0.999)
    assert low < 0.8 < high and not back.rejected
    assert back.to_model().saturation == pytest.approx(back.estimates["p_sat"])  # type: ignore[attr-defined]


def test_field_ratio_is_recovered_from_a_curve_that_falls() -> None:
    from spinbnn.device.switching import TwoRateSwitching

    truth = TwoRateSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, field_ratio=0.1)
    current = np.linspace(120e-6, 300e-6, 16)
    counts = np.random.default_rng(0).binomial(300, truth.probability(current, 1e-8))
    fit = fit_switching(current, 1e-8, 300, counts, model="two_rate_field", tau0=1e-9)
    assert not fit.rejected and fit.estimates["field_ratio"] == pytest.approx(0.1, rel=0.1)
    assert fit_switching(current, 1e-8, 300, counts, tau0=1e-9).rejected
    low, high = fit.interval("field_ratio", 0.999)
    assert low < 0.1 < high
    assert fit.to_model().probability(current, 1e-8) == pytest.approx(fit.probability(current), rel=1e-6)


def test_band_holds_the_truth_and_is_the_delta_method() -> None:
    current = np.linspace(180e-6, 220e-6, 7)
    counts = np.random.default_rng(11).binomial(5000, TRUTH.probability(CURRENT, 10e-9))
    fit = fit_switching(CURRENT, 10e-9, 5000, counts, tau0=1e-9)
    low, middle, high = fit.band(current, level=0.999)
    assert np.all(low < middle) and np.all(middle < high)
    assert np.all((low < TRUTH.probability(current, 10e-9)) & (TRUTH.probability(current, 10e-9) < high))
    i50 = fit.estimates["i50"]  # there the band in current is the interval of i50
    low, middle, high = fit.band(i50)
    assert float(middle) == pytest.approx(0.5, abs=1e-9)
    ends = fit.interval("i50")
    slope = 0.5 * math.log(2.0) * fit.estimates["slope"]  # dp/d ln I at p = 1/2
    assert float(high - low) == pytest.approx(slope * math.log(ends[1] / ends[0]), rel=0.02)


def test_bootstrap_intervals_are_near_the_profile_and_depend_on_the_seed_alone() -> None:
    counts = np.random.default_rng(7).binomial(400, TRUTH.probability(CURRENT, 10e-9))
    fit = fit_switching(CURRENT, 10e-9, 400, counts, tau0=1e-9)
    calls: list[tuple[int, int]] = []
    ends = fit.interval("delta", method="bootstrap", samples=299, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (299, 299)
    width = np.subtract(*fit.interval("delta")[::-1])
    assert ends == pytest.approx(fit.interval("delta"), abs=0.25 * width)
    assert ends == fit.interval("delta", method="bootstrap", samples=299) != fit.interval("delta", method="bootstrap", samples=299, seed=1)
    with pytest.raises(ParameterError, match="too few bootstrap samples"):
        fit.interval("delta", method="bootstrap", samples=50)
    with pytest.raises(ParameterError, match="unknown method"):
        fit.interval("delta", method="hessian")  # type: ignore[arg-type]


def test_bootstrap_says_where_an_end_is_open() -> None:
    fit = fit_switching([180e-6, 190e-6, 200e-6, 210e-6], 10e-9, 6, [0, 2, 4, 6], tau0=1e-9)
    assert fit.ends("delta", method="bootstrap", samples=299)[1] is None, "many draws of so few counts separate perfectly"


def test_interval_asks_for_a_name_and_a_level() -> None:
    fit = fit_switching(CURRENT, 10e-9, 400, np.round(400 * TRUTH.probability(CURRENT, 10e-9)), tau0=1e-9)
    with pytest.raises(ParameterError, match="no such estimate"):
        fit.interval("detla")
    with pytest.raises(ParameterError, match="a level lies in"):
        fit.interval("delta", 95.0)
    values, ratio = fit.profile("delta", 21)
    assert ratio.min() < 0.05 and ratio[0] > 3.84 and ratio[-1] > 3.84 and np.all(np.diff(values) > 0)
    assert np.interp(3.8415, ratio[values > 40.0], values[values > 40.0]) == pytest.approx(fit.interval("delta")[1], rel=0.01)


def test_rows_in_any_order_give_the_same_fit() -> None:
    counts = np.random.default_rng(9).binomial(100, TRUTH.probability(CURRENT, 10e-9))
    order = np.random.default_rng(1).permutation(11)
    one, other = (fit_switching(CURRENT[o], 10e-9, 100, counts[o], tau0=1e-9) for o in (slice(None), order))
    assert other.estimates["delta"] == pytest.approx(one.estimates["delta"], rel=1e-6)
    assert one.data_hash != other.data_hash
