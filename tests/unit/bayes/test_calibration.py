from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from tolerances import ROUNDING_FLOAT64

from spinbnn.bayes.metrics import adaptive_ece, classwise_ece, ece, mce, reliability_bins
from spinbnn.errors import ParameterError


@pytest.fixture(scope="module")
def case():
    draw = np.random.default_rng(0)
    return draw.dirichlet(np.full(5, 0.4), size=400), draw.integers(0, 5, 400)


def top(probs, labels):
    return probs.max(1), (probs.argmax(1) == labels).astype(int)


def binned(events, given, edges, norm=1):
    """Binned error by a route of its own: a loop over bins that hold their upper edge."""
    gaps, shares = [], []
    for low, high in itertools.pairwise(edges):
        here = (given > low) & (given <= high)
        if here.any():
            gaps.append(abs(events[here].mean() - given[here].mean()))
            shares.append(here.mean())
    return max(gaps) if norm == "max" else float(np.dot(gaps, shares))


@pytest.mark.parametrize("binning, strategy", [("width", "uniform"), ("mass", "quantile")])
def test_bins_equal_scikit_learns(case, binning, strategy):
    confidence, right = top(*case)
    accuracy, mean = calibration_curve(right, confidence, n_bins=5, strategy=strategy)
    table = reliability_bins(*case, bins=5, binning=binning)
    filled = table.count > 0
    assert table.accuracy[filled] == pytest.approx(accuracy, abs=ROUNDING_FLOAT64)
    assert table.confidence[filled] == pytest.approx(mean, abs=ROUNDING_FLOAT64)
    assert table.count.sum() == 400
    assert binning == "width" or table.count.tolist() == [80] * 5


@pytest.mark.parametrize("bins", [1, 7, 15])
def test_errors_equal_a_loop_over_bins(case, bins):
    confidence, right = top(*case)
    edges = np.linspace(0, 1, bins + 1)
    assert ece(*case, bins=bins) == pytest.approx(binned(right, confidence, edges), abs=ROUNDING_FLOAT64)
    assert mce(*case, bins=bins) == pytest.approx(
        binned(right, confidence, edges, "max"), abs=ROUNDING_FLOAT64
    )
    classes = [binned(case[1] == c, case[0][:, c], edges) for c in range(5)]
    assert classwise_ece(*case, bins=bins) == pytest.approx(np.mean(classes), abs=ROUNDING_FLOAT64)
    order = np.argsort(confidence)
    groups = [order[-(-k * 400 // bins) : -(-(k + 1) * 400 // bins)] for k in range(bins)]
    gap = sum(abs((right[g] - confidence[g]).sum()) for g in groups) / 400
    assert adaptive_ece(*case, bins=bins) == pytest.approx(gap, abs=ROUNDING_FLOAT64)


def test_class_wise_errors_by_bins_of_equal_mass(case):
    gaps = []
    for c in range(5):
        order = np.argsort(case[0][:, c])
        gaps += [abs(((case[1] == c)[g] - case[0][g, c]).sum()) / 400 for g in np.split(order, 10)]
    assert classwise_ece(*case, bins=10, binning="mass") == pytest.approx(sum(gaps) / 5, abs=ROUNDING_FLOAT64)


def test_equal_confidences_share_a_bin_of_equal_mass():
    # six confidences of 0.9 and two of 0.6: four bins of two would cut the 0.9 by the order of the images
    probs = [[0.9, 0.1]] * 6 + [[0.6, 0.4]] * 2
    labels = [0, 0, 0, 1, 1, 1, 0, 1]
    table = reliability_bins(probs, labels, bins=4, binning="mass")
    assert sorted(table.count.tolist()) == [0, 0, 2, 6]
    expected = 0.75 * abs(0.5 - 0.9) + 0.25 * abs(0.5 - 0.6)
    assert adaptive_ece(probs, labels, bins=4) == pytest.approx(expected)
    turned = [3, 7, 0, 5, 1, 6, 4, 2]
    assert adaptive_ece(np.array(probs)[turned], np.array(labels)[turned], bins=4) == pytest.approx(expected)


def test_a_confidence_of_exactly_one_belongs_to_the_last_bin_of_every_measure():
    probs, labels = [[0.95, 0.05], [1.0, 0.0]], [0, 1]
    assert mce(probs, labels, bins=10) == pytest.approx(0.475)
    assert classwise_ece(probs, labels, bins=10) == pytest.approx(0.475)
    assert adaptive_ece(probs, labels, bins=1) == pytest.approx(0.475)
    # rounding may carry a softmax past 1: it shares the bin of 1, and the edges stay in order
    table = reliability_bins([[1.0 + 5e-7, 0.0], [1.0, 0.0], [0.5, 0.5]], [0, 0, 0], bins=3, binning="mass")
    assert sorted(table.count.tolist()) == [0, 1, 2] and np.all(np.diff(table.edges) >= 0)


def test_more_bins_than_images():
    assert reliability_bins([[0.9, 0.1], [0.6, 0.4]], [0, 1], bins=15, binning="mass").count.sum() == 2
    assert adaptive_ece([[0.9, 0.1], [0.6, 0.4]], [0, 1], bins=15) == pytest.approx((0.1 + 0.6) / 2)


def test_the_stated_bias_of_the_estimate():
    # a calibrated coin of 0.7: sqrt(2 K p q / (pi n)) with one filled bin
    draw = np.random.default_rng(1)
    values = [ece(np.tile([0.7, 0.3], (200, 1)), draw.random(200) >= 0.7) for _ in range(400)]
    expected = np.sqrt(2 * 0.7 * 0.3 / (np.pi * 200))
    assert np.mean(values) == pytest.approx(expected, abs=4 * np.std(values) / 20)


@pytest.mark.parametrize("measure", [ece, mce, adaptive_ece, classwise_ece])
def test_bad_bins_are_refused(measure, case):
    with pytest.raises(ParameterError, match="bin"):
        measure(*case, bins=0)
    with pytest.raises(ParameterError, match="bin"):
        measure(*case, bins=2.5)


def test_unknown_binning_is_refused(case):
    for measure in (reliability_bins, classwise_ece):
        with pytest.raises(ParameterError, match="width or mass"):
            measure(*case, binning="quantile")
