from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from spinbnn.bayes.metrics import aurc, e_aurc, risk_coverage
from spinbnn.errors import ParameterError


def area(wrong):
    """Mean error rate of the first 1, 2, ... n answers."""
    return math.fsum(sum(wrong[:k]) / k for k in range(1, len(wrong) + 1)) / len(wrong)


def test_ties_are_the_mean_over_their_orders():
    confidence = [0.9, 0.7, 0.7, 0.7, 0.2, 0.2]
    wrong = [0, 1, 0, 0, 1, 0]
    orders = [
        p for p in itertools.permutations(range(6)) if np.all(np.diff(np.array(confidence)[list(p)]) <= 0)
    ]
    assert len(orders) == 12
    expected = np.mean([area([wrong[i] for i in order]) for order in orders])
    curve = risk_coverage(confidence, wrong)
    assert curve.aurc == pytest.approx(expected, rel=1e-12)
    best = min(area(order) for order in itertools.permutations(wrong))
    assert curve.e_aurc == pytest.approx(expected - best, rel=1e-12)
    assert curve.coverage.tolist() == pytest.approx([k / 6 for k in range(1, 7)])
    assert curve.risk[-1] == pytest.approx(2 / 6)


def test_the_excess_of_a_perfect_order_is_zero_and_of_many_images_the_published_limit():
    draw = np.random.default_rng(0)
    wrong = (draw.random(20000) < 0.2).astype(float)
    assert risk_coverage(-wrong, wrong).e_aurc == 0.0
    r = wrong.mean()
    limit = r + (1 - r) * math.log(1 - r)
    assert risk_coverage(-wrong, wrong).aurc == pytest.approx(limit, rel=2e-3)
    # an order that knows nothing: the error rate at every coverage
    assert risk_coverage(np.zeros(20000), wrong).aurc == pytest.approx(r, rel=1e-12)
    assert risk_coverage(wrong, wrong).aurc > r


def test_probabilities_and_labels():
    probs, labels = [[0.6, 0.4], [0.9, 0.1], [0.3, 0.7]], [1, 0, 1]
    assert aurc(probs, labels) == pytest.approx(area([0, 0, 1]))
    assert e_aurc(probs, labels) == 0.0
    assert aurc(probs, labels, confidence=[3.0, 2.0, 1.0]) == pytest.approx(area([1, 0, 0]))
    assert e_aurc(probs, labels, confidence=[3.0, 2.0, 1.0]) == pytest.approx(
        area([1, 0, 0]) - area([0, 0, 1])
    )


@pytest.mark.parametrize(
    "confidence, wrong",
    [
        ([], []),
        ([1.0], [0.0, 1.0]),
        ([float("nan")], [0.0]),
        ([0.5], [1.5]),
        ([0.5], [-1.0]),
        ([[0.5]], [[1.0]]),
    ],
)
def test_wrong_rows_are_refused(confidence, wrong):
    with pytest.raises(ParameterError, match="risk_coverage"):
        risk_coverage(confidence, wrong)
