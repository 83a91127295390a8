from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from tolerances import ROUNDING_FLOAT64

from spinbnn.bayes import (
    Prediction,
    accuracy,
    auroc,
    brier,
    ece,
    entropy,
    evaluate,
    expected_entropy,
    mutual_information,
    nll,
    predictive_entropy,
    reliability_bins,
)
from spinbnn.bayes.metrics import adaptive_ece, aurc, classwise_ece, e_aurc, evaluate_fully, mce
from spinbnn.errors import ParameterError


@pytest.fixture
def case():
    draw = np.random.default_rng(0)
    return draw.dirichlet(np.full(5, 0.4), size=400), draw.integers(0, 5, 400)


def test_nll_equals_scikit_learn(case):
    assert nll(*case) == pytest.approx(log_loss(case[1], case[0], labels=range(5)), rel=ROUNDING_FLOAT64)
    assert nll(torch.from_numpy(case[0]), torch.from_numpy(case[1])) == nll(*case)


def test_nll_of_a_sure_mistake_is_finite():
    assert nll([[1.0, 0.0]], [1]) == pytest.approx(690.775527898)


def test_brier_equals_scikit_learn_for_two_classes(case):
    p = case[0][:, 0]
    label = (case[1] == 0).astype(int)
    assert brier(np.stack([1 - p, p], 1), label) == pytest.approx(
        2 * brier_score_loss(label, p), rel=ROUNDING_FLOAT64
    )


@pytest.mark.parametrize("rounded", [None, 1])
def test_auroc_equals_scikit_learn_with_and_without_ties(rounded):
    draw = np.random.default_rng(1)
    inside, outside = draw.normal(0, 1, 300), draw.normal(0.7, 1, 200)
    if rounded:
        inside, outside = inside.round(rounded), outside.round(rounded)
    expected = roc_auc_score(np.r_[np.zeros(300), np.ones(200)], np.r_[inside, outside])
    assert auroc(inside, outside) == pytest.approx(expected, rel=ROUNDING_FLOAT64)
    assert auroc(outside, inside) == pytest.approx(1 - expected, rel=ROUNDING_FLOAT64)


def test_auroc_limits():
    assert auroc([1, 2], [3, 4]) == 1.0
    assert auroc([3, 4], [1, 2]) == 0.0
    assert auroc([1, 1], [1]) == 0.5
    for wrong in (([], [1.0]), ([1.0], [float("nan")])):
        with pytest.raises(ParameterError):
            auroc(*wrong)


def test_ece_by_hand():
    # two bins of 15: confidences .95 (right, right, wrong) and .55 (right)
    probs = [[0.95, 0.05]] * 3 + [[0.55, 0.45]]
    assert ece(probs, [0, 0, 1, 0]) == pytest.approx(0.75 * abs(2 / 3 - 0.95) + 0.25 * 0.45)


def test_confidence_of_exactly_one_belongs_to_the_last_bin():
    # .95 right and 1.0 wrong share the last of ten bins: |.5 - .975|; a bin of its own for 1.0 would give .525
    assert ece([[0.95, 0.05], [1.0, 0.0]], [0, 1], bins=10) == pytest.approx(0.475)
    table = reliability_bins([[1.0, 0.0]], [0], bins=10)
    assert table.count.tolist() == [0] * 9 + [1]
    assert len(table.edges) == 11


def test_reliability_bins_hold_their_edges_on_the_right():
    table = reliability_bins([[0.5, 0.5], [0.5 + 1e-9, 0.5 - 1e-9]], [0, 0], bins=2)
    assert table.count.tolist() == [1, 1]
    assert np.isnan(reliability_bins([[0.9, 0.1]], [0], bins=2).accuracy[0])
    with pytest.raises(ParameterError):
        reliability_bins([[1.0, 0.0]], [0], bins=0)


def test_a_calibrated_classifier_has_a_small_error():
    draw = np.random.default_rng(2)
    probs = draw.dirichlet([1, 1, 1], size=20000)
    labels = (probs.cumsum(1) < draw.random(20000)[:, None]).sum(1).clip(max=2)
    assert ece(probs, labels) < 0.02
    assert ece(np.eye(3)[probs.argmax(1)], labels) > 0.2


def test_accuracy(case):
    assert accuracy(*case) == (case[0].argmax(1) == case[1]).mean()


def test_weighted_entropies_are_those_of_replicated_samples():
    probs = np.random.default_rng(3).dirichlet([0.5] * 4, size=(3, 6))
    weights = np.array([0.5, 0.25, 0.25])
    replicated = probs[[0, 0, 1, 2]]
    for measure in (predictive_entropy, expected_entropy, mutual_information):
        assert torch.allclose(measure(probs, weights), measure(replicated), rtol=0, atol=ROUNDING_FLOAT64)
        assert torch.allclose(measure(probs, 8 * weights), measure(replicated), rtol=0, atol=ROUNDING_FLOAT64)
    assert not torch.allclose(mutual_information(probs, weights), mutual_information(probs))


def test_entropy_of_zero_probabilities_is_zero():
    assert entropy(np.eye(3)).tolist() == [0, 0, 0]
    assert entropy(np.full((1, 10), 0.1)).item() == pytest.approx(np.log(10))


def test_mutual_information_is_never_negative():
    probs = np.repeat(np.random.default_rng(4).dirichlet([0.3] * 10, size=(1, 500)), 7, axis=0)
    values = mutual_information(probs)
    assert values.min() >= 0 and values.max() < ROUNDING_FLOAT64


@pytest.mark.parametrize(
    "probs, labels",
    [
        ([[0.5, 0.5]], [2]),
        ([[0.5, 0.5]], [-1]),
        ([[0.5, 0.5]], [0, 1]),
        ([0.5, 0.5], [0]),
        (np.zeros((0, 2)), []),
    ],
)
def test_wrong_shapes_and_labels_are_refused(probs, labels):
    with pytest.raises(ParameterError):
        accuracy(probs, labels)


NAN, INF = float("nan"), float("inf")
NO_DISTRIBUTIONS = [
    [5.0, 5.0],
    [NAN, NAN],
    [NAN, 1.0],
    [INF, 0.0],
    [1.2, -0.2],
    [0.5, 0.5 + 2e-6],
    [0.0, 0.0],
]


@pytest.mark.parametrize("row", NO_DISTRIBUTIONS)
@pytest.mark.parametrize("measure", [accuracy, nll, brier, ece, reliability_bins])
def test_what_is_no_distribution_has_no_score(measure, row):
    with pytest.raises(ParameterError, match="sum to 1") as caught:
        measure([[0.5, 0.5], row], [0, 0])
    assert f"{measure.__name__}, row 1" in caught.value.where or measure is ece


@pytest.mark.parametrize("row", NO_DISTRIBUTIONS)
@pytest.mark.parametrize("measure", [predictive_entropy, expected_entropy, mutual_information])
def test_what_is_no_distribution_has_no_uncertainty(measure, row):
    with pytest.raises(ParameterError, match="sum to 1") as caught:
        measure([[[0.5, 0.5]], [row]])
    assert "row (1, 0)" in caught.value.where
    with pytest.raises(ParameterError, match="sum to 1"):
        entropy(row)


def test_softmax_in_float32_is_precise_enough():
    logits = 10 * torch.randn(200, 1000, generator=torch.Generator().manual_seed(0))
    assert 0 <= accuracy(logits.softmax(1), torch.zeros(200)) <= 1


def test_empty_bins_add_nothing():
    # one bin of two holds both images; its gap is |0.5 - 0.9|
    assert ece([[0.9, 0.1], [0.9, 0.1]], [0, 1], bins=2) == pytest.approx(0.4)


@pytest.mark.parametrize("label", [0.5, NAN])
def test_labels_are_whole_numbers(label):
    with pytest.raises(ParameterError, match="whole"):
        accuracy([[0.5, 0.5]], [label])


def test_wrong_mixture_weights_are_refused():
    probs = np.full((2, 1, 2), 0.5)
    for weights in ([1.0], [1.0, -1.0], [0.0, 0.0], [NAN, 1.0], [NAN, NAN], [INF, 1.0]):
        with pytest.raises(ParameterError):
            mutual_information(probs, weights)
    with pytest.raises(ParameterError):
        predictive_entropy(probs[0])


def test_evaluate_gathers_the_measures(case):
    half = torch.tensor([0.5, 0.5], dtype=torch.float64)
    prediction = Prediction(probs=torch.from_numpy(np.stack([case[0], case[0]])), weights=half)
    result = evaluate(prediction, case[1])
    assert result["nll"] == pytest.approx(nll(*case))
    assert set(result) == {"accuracy", "nll", "brier", "ece", "entropy", "mutual_information"}


def test_everything_in_one_row():
    draw = np.random.default_rng(5)
    probs, labels = draw.dirichlet(np.ones(4), size=(3, 80)), draw.integers(0, 4, 80)
    prediction = Prediction(
        probs=torch.from_numpy(probs), weights=torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64)
    )
    row, mean = evaluate_fully(prediction, labels), prediction.mean
    surest = torch.argsort(prediction.mutual_information)
    wrong = (prediction.labels[surest].numpy() != labels[surest]).cumsum() / np.arange(1, 81)
    added = {
        "mce": mce(mean, labels),
        "adaptive_ece": adaptive_ece(mean, labels),
        "classwise_ece": classwise_ece(mean, labels),
        "aurc": aurc(mean, labels),
        "e_aurc": e_aurc(mean, labels),
        "aurc_mutual_information": pytest.approx(wrong.mean(), rel=ROUNDING_FLOAT64),
        "expected_entropy": float(prediction.expected_entropy.mean()),
        "variation_ratio": float(prediction.variation_ratio.mean()),
    }
    assert row == {**evaluate(prediction, labels), **added}
