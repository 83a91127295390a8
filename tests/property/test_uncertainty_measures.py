from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import ROUNDING_FLOAT64

from spinbnn.bayes.metrics import (
    OodRule,
    adaptive_ece,
    aupr,
    aurc,
    auroc,
    classwise_ece,
    e_aurc,
    ece,
    expected_entropy,
    fpr_at_tpr,
    mce,
    mutual_information,
    predictive_entropy,
    predictive_mean,
    predictive_variance,
    variation_ratio,
    weighted_percentile,
)

QUICK = settings(max_examples=60, deadline=None)
MIXTURE_MEASURES = [
    predictive_mean,
    predictive_variance,
    predictive_entropy,
    expected_entropy,
    mutual_information,
    variation_ratio,
    lambda probs, weights: weighted_percentile(probs, 0.1, weights),
    lambda probs, weights: OodRule(quantile=0.3).score(probs, weights),
]


@st.composite
def mixtures(draw):
    """Mixtures of up to 6 passes, 4 images and 4 classes; weights are whole numbers, so they can be replicated."""
    samples, images, classes = draw(st.integers(1, 6)), draw(st.integers(1, 4)), draw(st.integers(2, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sharp = draw(st.sampled_from([0.02, 0.5, 5.0]))
    probs = random.dirichlet(np.full(classes, sharp), size=(samples, images))
    counts = np.array(draw(st.lists(st.integers(0, 5), min_size=samples, max_size=samples)))
    counts[draw(st.integers(0, samples - 1))] += 1
    return probs, counts, random


@st.composite
def classified(draw):
    """Probabilities and labels with ties and with confidences of exactly 1."""
    images, classes = draw(st.integers(1, 40)), draw(st.integers(2, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    probs = random.dirichlet(np.full(classes, draw(st.sampled_from([0.02, 0.5, 5.0]))), size=images)
    if draw(st.booleans()):
        probs = np.round(probs * 4) + 1e-3
        probs = probs / probs.sum(1, keepdims=True)
    if draw(st.booleans()):
        probs[: images // 3] = np.eye(classes)[random.integers(0, classes, images // 3)]
    return probs, random.integers(0, classes, images), random


@st.composite
def two_groups(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    digits = draw(st.sampled_from([0, 1, 15]))
    return tuple(random.normal(m, 1, draw(st.integers(1, 30))).round(digits) for m in (0.0, 0.8))


def close(one, two):
    return torch.allclose(one, two, rtol=0, atol=ROUNDING_FLOAT64)


@QUICK
@given(mixtures())
def test_weighted_equals_replicated_and_split_and_permuted(case):
    probs, counts, random = case
    order = random.permutation(len(counts))
    split = np.concatenate([probs, probs])
    halves = np.concatenate([0.25 * counts, 0.75 * counts])
    for measure in MIXTURE_MEASURES:
        expected = measure(probs, counts)
        assert close(measure(probs.repeat(counts, axis=0), None), expected)
        assert close(measure(split, halves), expected)
        assert close(measure(probs[order], counts[order]), expected)
        assert close(measure(probs, counts / 7.0), expected)


@QUICK
@given(mixtures())
def test_bounds_of_uncertainty(case):
    probs, counts, _ = case
    classes = probs.shape[2]
    total, data = predictive_entropy(probs, counts), expected_entropy(probs, counts)
    model = mutual_information(probs, counts)
    assert bool((model >= 0).all())
    assert close(total, data + model) or bool((model == 0).any())
    assert float(total.max()) <= np.log(classes) + ROUNDING_FLOAT64
    assert bool((model <= np.log((counts > 0).sum()) + ROUNDING_FLOAT64).all())
    for kind in ("votes", "mean"):
        ratio = variation_ratio(probs, counts, kind)
        assert bool(((ratio >= 0) & (ratio <= 1 - 1 / classes + ROUNDING_FLOAT64)).all())


@QUICK
@given(classified(), st.integers(1, 20))
def test_bounds_and_order_of_calibration(case, bins):
    probs, labels, random = case
    values = [f(probs, labels, bins=bins) for f in (ece, mce, adaptive_ece, classwise_ece)]
    assert all(0.0 <= v <= 1.0 for v in values)
    assert values[0] <= values[1] + ROUNDING_FLOAT64
    # one bin: the difference of the means, and no binning has less
    single = ece(probs, labels, bins=1)
    assert abs(single - abs((probs.argmax(1) == labels).mean() - probs.max(1).mean())) < ROUNDING_FLOAT64
    assert all(v >= single - ROUNDING_FLOAT64 for v in values[:3])
    order = random.permutation(len(labels))
    for f, value in zip((ece, mce, adaptive_ece, classwise_ece), values, strict=True):
        assert abs(f(probs[order], labels[order], bins=bins) - value) < ROUNDING_FLOAT64


@QUICK
@given(classified())
def test_selective_areas(case):
    probs, labels, random = case
    order = random.permutation(len(labels))
    area = aurc(probs, labels)
    assert 0.0 <= e_aurc(probs, labels) <= area <= 1.0
    assert abs(aurc(probs[order], labels[order]) - area) < ROUNDING_FLOAT64
    # the order alone counts
    ranks = np.unique(probs.max(1), return_inverse=True)[1] - 7.0
    assert abs(aurc(probs, labels, ranks) - area) < ROUNDING_FLOAT64


@QUICK
@given(two_groups())
def test_detection_is_symmetric_and_one_of_ranks(case):
    inside, outside = case
    area = auroc(inside, outside)
    assert abs(area + auroc(outside, inside) - 1.0) < ROUNDING_FLOAT64
    assert abs(area - auroc(-outside, -inside)) < ROUNDING_FLOAT64
    assert aupr(inside, outside, "inside") == aupr(-outside, -inside)
    assert fpr_at_tpr(inside, outside, 0.9, "inside") == fpr_at_tpr(-outside, -inside, 0.9)
    base = len(outside) / (len(inside) + len(outside))
    assert 0.0 < aupr(inside, outside) <= 1.0
    assert abs(aupr(np.zeros(len(inside)), np.zeros(len(outside))) - base) < ROUNDING_FLOAT64
    for measure in (auroc, aupr, fpr_at_tpr):
        assert abs(measure(3 * inside + 1, 3 * outside + 1) - measure(inside, outside)) < ROUNDING_FLOAT64
    assert fpr_at_tpr(inside, outside, 0.5) <= fpr_at_tpr(inside, outside, 0.95)
