from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from tolerances import ROUNDING_FLOAT64, STANDARD_ERRORS

from spinbnn.bayes import Prediction
from spinbnn.bayes.metrics import (
    mean_interval,
    normal_interval,
    paired_difference,
    percentile_interval,
    predictive_mean,
    predictive_variance,
    variation_ratio,
    weighted_percentile,
)
from spinbnn.errors import ParameterError

NAN = float("nan")


@pytest.fixture(scope="module")
def case():
    draw = np.random.default_rng(0)
    return draw.dirichlet(np.ones(3), size=(7, 5)), draw.dirichlet(np.ones(7))


def test_percentiles_equal_numpys_weighted_inverse(case):
    for q in (0.025, 0.1, 0.5, 0.9):
        expected = np.quantile(case[0], q, axis=0, weights=case[1], method="inverted_cdf")
        assert np.array_equal(weighted_percentile(case[0], q, case[1]).numpy(), expected)
        assert np.array_equal(weighted_percentile(case[0], q, 5 * case[1]).numpy(), expected)
    low, high = percentile_interval(case[0], case[1], 0.8)
    assert torch.equal(low, weighted_percentile(case[0], 0.1, case[1]))
    assert torch.equal(high, weighted_percentile(case[0], 0.9, case[1]))


def test_ten_percent_of_ten_passes_is_the_smallest_and_of_twenty_the_second():
    values = np.random.default_rng(1).permutation(20) / 20
    passes = np.stack([values, 1 - values], 1)[:, None]
    assert weighted_percentile(passes, 0.10)[0, 0] == 1 / 20
    ten = np.sort(values)[::2]
    assert weighted_percentile(np.stack([ten, 1 - ten], 1)[:, None], 0.10)[0, 0] == 0.0


def test_moments_and_normal_interval(case):
    mean = np.average(case[0], axis=0, weights=case[1])
    sd = np.sqrt(np.average((case[0] - mean) ** 2, axis=0, weights=case[1]))
    assert predictive_mean(*case).numpy() == pytest.approx(mean, abs=ROUNDING_FLOAT64)
    assert predictive_variance(*case).sqrt().numpy() == pytest.approx(sd, abs=ROUNDING_FLOAT64)
    for passes, level in ((1, 0.95), (20, 0.9)):
        half = stats.norm.ppf(0.5 + level / 2) * sd / np.sqrt(passes)
        low, high = normal_interval(*case, passes=passes, level=level, clip=False)
        assert low.numpy() == pytest.approx(mean - half, abs=ROUNDING_FLOAT64)
        assert high.numpy() == pytest.approx(mean + half, abs=ROUNDING_FLOAT64)
        cut = normal_interval(*case, passes=passes, level=level)
        assert torch.equal(cut[0], low.clamp_min(0)) and torch.equal(cut[1], high.clamp_max(1))
    assert bool((normal_interval(*case, passes=1, clip=False)[0] < 0).any())


def test_the_interval_is_where_the_mean_of_hardware_passes_falls():
    # draw T = 20 passes from an exact mixture, often: 95 % of their means lie within the interval
    draw = np.random.default_rng(2)
    probs, weights = 0.3 + 0.4 * draw.random((8, 1)), draw.dirichlet(np.ones(8))
    probs = np.concatenate([probs, 1 - probs], 1)[:, None]
    low, high = normal_interval(probs, weights, passes=20)
    means = probs[draw.choice(8, size=(20000, 20), p=weights), 0, 0].mean(1)
    inside = ((means >= low[0, 0].item()) & (means <= high[0, 0].item())).mean()
    assert inside == pytest.approx(0.95, abs=0.005 + STANDARD_ERRORS * np.sqrt(0.95 * 0.05 / 20000))


def test_a_prediction_has_them_all(case):
    p = Prediction(probs=torch.from_numpy(case[0]), weights=torch.from_numpy(case[1]))
    assert torch.allclose(p.standard_deviation**2, p.variance, rtol=0, atol=ROUNDING_FLOAT64)
    assert torch.equal(p.variation_ratio, variation_ratio(*case))
    assert torch.equal(p.normal_interval(20, 0.9)[0], normal_interval(*case, passes=20, level=0.9)[0])
    assert torch.equal(p.normal_interval(1, clip=False)[1], normal_interval(*case, passes=1, clip=False)[1])
    assert torch.equal(p.interval(0.8)[0], percentile_interval(*case, 0.8)[0])


def test_variation_ratio_counts_votes_by_weight():
    passes = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.5, 0.5]])[:, None]
    assert variation_ratio(passes).tolist() == [0.25]  # the tie votes for the first class
    assert variation_ratio(passes, [1, 1, 5, 1]).tolist() == [0.375]
    assert variation_ratio(passes, kind="mean").item() == pytest.approx(1 - 0.55)
    # the mean's class may have fewer votes: 1 - votes of the MAJORITY, not of the mean's class
    split = np.array([[0.51, 0.49], [0.51, 0.49], [0.0, 1.0]])[:, None]
    assert variation_ratio(split).item() == pytest.approx(1 / 3)
    assert variation_ratio(split, kind="mean").item() == pytest.approx(1 - 0.66)
    with pytest.raises(ParameterError, match="votes or mean"):
        variation_ratio(passes, kind="probabilistic")


@pytest.mark.parametrize("bad", [0.0, 1.0, NAN, 95])
def test_bad_levels_are_refused(case, bad):
    for call in (
        lambda: weighted_percentile(case[0], bad),
        lambda: percentile_interval(*case, bad),
        lambda: normal_interval(*case, passes=3, level=bad),
        lambda: mean_interval([1.0, 2.0], bad),
    ):
        with pytest.raises(ParameterError, match=r"\(0, 1\)"):
            call()


@pytest.mark.parametrize("passes", [0, -1, 1.5, NAN])
def test_bad_passes_are_refused(case, passes):
    with pytest.raises(ParameterError, match="whole number"):
        normal_interval(*case, passes=passes)


def test_an_empty_mixture_is_refused():
    with pytest.raises(ParameterError, match="mixture"):
        predictive_mean(np.zeros((0, 2, 3)))


def test_mean_interval_equals_scipys_student(case):
    values = case[0].ravel()[:9]
    for level in (0.9, 0.95):
        found = mean_interval(values, level)
        low, high = stats.t.interval(level, 8, loc=values.mean(), scale=stats.sem(values))
        assert (found.low, found.high) == pytest.approx((low, high), rel=1e-10)
        assert (found.mean, found.sd, found.n) == pytest.approx((values.mean(), values.std(ddof=1), 9))
    other = case[0].ravel()[20:29]
    expected = stats.ttest_rel(values, other).confidence_interval(0.95)
    paired = paired_difference(values, other)
    assert (paired.low, paired.high) == pytest.approx((expected.low, expected.high), rel=1e-10)
    assert paired.mean == pytest.approx((values - other).mean())


def test_one_repeat_has_no_interval():
    one = mean_interval([3.0])
    assert one.mean == 3.0 and one.n == 1 and all(np.isnan([one.sd, one.low, one.high]))


def test_bad_repeats_are_refused():
    for values in ([], [NAN], [[1.0, 2.0]], [1.0, float("inf")]):
        with pytest.raises(ParameterError, match="finite"):
            mean_interval(values)
    with pytest.raises(ParameterError, match="pairs"):
        paired_difference([1.0, 2.0], [1.0])
