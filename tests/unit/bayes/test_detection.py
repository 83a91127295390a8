from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_curve
from tolerances import ROUNDING_FLOAT64

from spinbnn.bayes import Prediction
from spinbnn.bayes.detection import SCORES, detection_row, unusualness
from spinbnn.bayes.metrics import OodRule, aupr, auroc, fpr_at_tpr
from spinbnn.errors import ParameterError

NAN = float("nan")


def groups(rounded, seed=0):
    draw = np.random.default_rng(seed)
    inside, outside = draw.normal(0, 1, 300), draw.normal(0.7, 1, 170)
    return (inside.round(rounded), outside.round(rounded)) if rounded is not None else (inside, outside)


def labelled(inside, outside):
    return np.r_[np.zeros(len(inside)), np.ones(len(outside))], np.r_[inside, outside]


@pytest.mark.parametrize("rounded", [None, 1, 0])
def test_average_precision_equals_scikit_learn_with_and_without_ties(rounded):
    label, score = labelled(*groups(rounded))
    assert aupr(*groups(rounded)) == pytest.approx(
        average_precision_score(label, score), rel=ROUNDING_FLOAT64
    )
    assert aupr(*groups(rounded), "inside") == pytest.approx(
        average_precision_score(1 - label, -score), rel=ROUNDING_FLOAT64
    )


@pytest.mark.parametrize("rounded", [None, 1, 0])
@pytest.mark.parametrize("tpr", [0.5, 0.95, 1.0])
def test_false_alarms_equal_scikit_learns_curve(rounded, tpr):
    label, score = labelled(*groups(rounded))
    for positive, sign in (("outside", 1), ("inside", -1)):
        false, true, _ = roc_curve(label if sign > 0 else 1 - label, sign * score, drop_intermediate=False)
        expected = false[np.argmax(true >= tpr - 1e-12)]
        assert fpr_at_tpr(*groups(rounded), tpr, positive) == pytest.approx(expected, abs=ROUNDING_FLOAT64)


def test_false_alarms_take_the_first_threshold_that_finds_enough():
    # of 20 outside scores 19 suffice for 95 %: the lowest, 0, does not count. argmin |recall - 0.95| agrees;
    # of 3 it would take 1.0 or 0.667, whichever is nearer to 0.95, here all three are needed
    inside = np.arange(10) + 0.5
    assert fpr_at_tpr(inside, np.r_[0.0, np.full(19, 9.0)]) == 0.1
    assert fpr_at_tpr(inside, [0.0, 9.0, 9.9]) == 1.0
    assert fpr_at_tpr(inside, [2.0, 9.0, 9.9], 0.6) == 0.1
    assert fpr_at_tpr([1.0, 1.0], [1.0]) == 1.0


def test_the_two_conventions_of_fpr95_differ():
    inside, outside = np.arange(100.0), np.r_[np.full(10, 0.5), np.full(90, 200.0)]
    assert fpr_at_tpr(inside, outside) == 0.99
    assert fpr_at_tpr(inside, outside, positive="inside") == 0.1


@pytest.mark.parametrize("measure", [auroc, aupr, fpr_at_tpr])
def test_scores_of_one_kind_or_nan_are_refused(measure):
    for wrong in (([], [1.0]), ([1.0], []), ([1.0], [NAN]), ([NAN], [1.0])):
        with pytest.raises(ParameterError, match="both kinds") as caught:
            measure(*wrong)
        assert caught.value.where.startswith(measure.__name__)


def test_other_arguments_out_of_range_are_refused():
    for tpr in (0.0, 1.1, NAN):
        with pytest.raises(ParameterError, match=r"\(0, 1\]"):
            fpr_at_tpr([0.0], [1.0], tpr)
    for measure in (aupr, fpr_at_tpr):
        with pytest.raises(ParameterError, match="outside or inside"):
            measure([0.0], [1.0], positive="ood")


# --- the rule


def mixture(seed=0, samples=10, images=50, sharp=0.1):
    draw = np.random.default_rng(seed)
    return draw.dirichlet(np.full(4, sharp), size=(samples, images)), draw.dirichlet(np.ones(samples))


def test_the_rule_equals_a_loop_with_numpys_weighted_quantile():
    probs, weights = mixture(sharp=5.0)
    for q, threshold in ((0.1, 0.2), (0.25, 0.25), (0.5, 0.3)):
        expected = [
            max(np.quantile(probs[:, i, c], q, weights=weights, method="inverted_cdf") for c in range(4))
            for i in range(50)
        ]
        rule = OodRule(quantile=q, threshold=threshold)
        assert rule.score(probs, weights).tolist() == expected
        flags = np.array(expected) < threshold
        assert 0 < flags.sum() < 50
        assert rule.flags(probs, weights).tolist() == flags.tolist()
        assert rule.rate(probs, weights) == flags.mean()


def test_the_rule_takes_the_percentile_of_each_class_before_the_largest():
    # every pass is sure, but of another class: the percentile of the largest probability would be 1
    passes = np.eye(2)[:, None, :]
    assert OodRule().score(passes).item() == 0.0
    assert OodRule().flags(passes).item() is True


def test_the_rule_is_one_of_low_percentiles():
    # nine passes of ten are sure: the 10th percentile of ten passes is the smallest, of twenty the second
    one_doubts = np.array([[0.2, 0.8]] + [[0.999, 0.001]] * 9)[:, None]
    assert OodRule().score(one_doubts).item() == 0.2
    assert OodRule().score(np.concatenate([one_doubts, one_doubts[1:], one_doubts[1:2]])).item() == 0.999
    assert OodRule().flags(np.full((1, 1, 1), 1.0)).item() is False
    # "less than": what equals the threshold is in distribution
    assert OodRule(threshold=0.75).flags([[[0.75, 0.25]]]).item() is False


def test_a_wrong_rule_is_refused():
    for wrong in (
        {"quantile": 0.0},
        {"quantile": 1.0},
        {"quantile": 10},
        {"threshold": 0.0},
        {"threshold": 95},
    ):
        with pytest.raises(ParameterError, match="OodRule"):
            OodRule(**wrong)


# --- the row


def prediction(seed, sharp, method="exact"):
    """Ten passes that mostly agree: logits of one class a image, ``sharp`` high, and noise of each pass."""
    draw = np.random.default_rng(seed)
    logits = sharp * np.eye(4)[draw.integers(0, 4, 60)] * draw.random((60, 1)) + draw.normal(
        0, 1, (10, 60, 4)
    )
    return Prediction(
        probs=torch.from_numpy(logits).softmax(-1),
        weights=torch.from_numpy(draw.dirichlet(np.ones(10))),
        method=method,
    )


def test_the_row_holds_detection_and_rejection_beside_each_other():
    inside, outside = prediction(0, 12.0), prediction(1, 2.0)
    row = detection_row(inside, outside, quantile=0.2)
    assert list(row) == [
        "detected_0.95", "rejected_0.95", "detected_0.99", "rejected_0.99",
        "auroc", "aupr_out", "aupr_in", "fpr95", "passed95", "images_in", "images_out",
    ]  # fmt: skip
    for threshold in (0.95, 0.99):
        rule = OodRule(quantile=0.2, threshold=threshold)
        assert row[f"detected_{threshold}"] == rule.rate(outside.probs, outside.weights)
        assert row[f"rejected_{threshold}"] == rule.rate(inside.probs, inside.weights)
    assert 0 < row["rejected_0.95"] < row["rejected_0.99"] < 1.0 == row["detected_0.95"]
    assert 1 > row["auroc"] == auroc(inside.entropy, outside.entropy) > 0.7
    assert row["aupr_in"] == aupr(inside.entropy, outside.entropy, "inside") != row["aupr_out"]
    assert row["fpr95"] == fpr_at_tpr(inside.entropy, outside.entropy)
    assert row["passed95"] == fpr_at_tpr(inside.entropy, outside.entropy, 0.95, "inside")
    by_rule = detection_row(inside, outside, score="rule", quantile=0.45)["auroc"]
    assert by_rule == auroc(*(unusualness(p, "rule", 0.45) for p in (inside, outside)))
    assert by_rule != detection_row(inside, outside, score="rule")["auroc"]


def test_every_score_is_higher_for_unsure_images():
    sure = Prediction(
        probs=torch.tensor([[[0.99, 0.01]]] * 3, dtype=torch.float64),
        weights=torch.full((3,), 1 / 3, dtype=torch.float64),
    )
    unsure = Prediction(
        probs=torch.tensor([[[0.9, 0.1]], [[0.2, 0.8]], [[0.6, 0.4]]], dtype=torch.float64),
        weights=sure.weights,
    )
    for score in SCORES:
        assert unusualness(sure, score).item() < unusualness(unsure, score).item(), score
    assert unusualness(unsure, "rule").item() == pytest.approx(0.8)
    assert unusualness(unsure, "rule", quantile=0.5).item() == pytest.approx(0.4)
    assert unusualness(sure, "confidence").item() == pytest.approx(0.01)


def test_predictions_of_two_kinds_are_no_row():
    inside = prediction(0, 1.0)
    few = Prediction(
        probs=inside.probs[:5], weights=torch.full((5,), 0.2, dtype=torch.float64), method="exact"
    )
    other = prediction(0, 1.0, method="sampled")
    assert detection_row(prediction(0, 1.0, method="tree"), other)["auroc"] == 0.5
    for outside in (few, other):
        with pytest.raises(ParameterError, match="one kind"):
            detection_row(inside, outside)
    with pytest.raises(ParameterError, match="unknown score"):
        detection_row(inside, inside, score="msp")
