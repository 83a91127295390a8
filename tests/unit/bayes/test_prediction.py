from __future__ import annotations

import numpy as np
import pytest
import torch
from tolerances import ROUNDING_FLOAT64

from spinbnn.bayes import Prediction
from spinbnn.errors import ParameterError


def mixture(samples=7, images=4, classes=3, seed=0):
    draw = np.random.default_rng(seed)
    probs = draw.dirichlet(np.full(classes, 0.5), size=(samples, images))
    weights = draw.dirichlet(np.ones(samples))
    return Prediction(probs=torch.from_numpy(probs), weights=torch.from_numpy(weights))


def test_moments_equal_numpys_weighted_ones():
    p = mixture()
    probs, weights = p.probs.numpy(), p.weights.numpy()
    mean = np.average(probs, axis=0, weights=weights)
    assert p.mean.numpy() == pytest.approx(mean, abs=ROUNDING_FLOAT64)
    assert p.variance.numpy() == pytest.approx(
        np.average((probs - mean) ** 2, axis=0, weights=weights), abs=ROUNDING_FLOAT64
    )
    assert p.labels.tolist() == mean.argmax(1).tolist()
    assert p.confidence.numpy() == pytest.approx(mean.max(1), abs=ROUNDING_FLOAT64)


def test_entropies_of_a_hand_made_mixture():
    p = Prediction(
        probs=torch.tensor([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]], dtype=torch.float64),
        weights=torch.tensor([0.5, 0.5], dtype=torch.float64),
    )
    assert p.entropy.tolist() == pytest.approx([np.log(2)] * 2)
    assert p.expected_entropy.tolist() == pytest.approx([0.0, np.log(2)])
    assert p.mutual_information.tolist() == pytest.approx([np.log(2), 0.0])
    assert bool((mixture().mutual_information >= 0).all())


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_interval_equals_numpys_weighted_inverted_cdf(level):
    p = mixture(samples=31)
    low, high = p.interval(level)
    for bound, q in ((low, (1 - level) / 2), (high, (1 + level) / 2)):
        expected = np.quantile(p.probs.numpy(), q, axis=0, weights=p.weights.numpy(), method="inverted_cdf")
        assert np.array_equal(bound.numpy(), expected)


def test_interval_of_equal_weights_by_hand():
    values = (
        torch.arange(1, 21, dtype=torch.float64)[
            torch.randperm(20, generator=torch.Generator().manual_seed(0))
        ]
        / 100
    )
    p = Prediction(
        probs=torch.stack([values, 1 - values], 1)[:, None, :],
        weights=torch.full((20,), 0.05, dtype=torch.float64),
    )
    low, high = p.interval(0.9)
    assert (low[0, 0].item(), high[0, 0].item()) == (0.01, 0.19)


def test_one_component_has_no_spread():
    p = Prediction(
        probs=torch.tensor([[[0.25, 0.75]]], dtype=torch.float64), weights=torch.ones(1, dtype=torch.float64)
    )
    assert p.variance.abs().max() == 0 and p.mutual_information.item() == 0
    assert p.interval(0.95)[0].tolist() == p.interval(0.95)[1].tolist() == [[0.25, 0.75]]


def test_wrong_shapes_weights_and_levels_are_refused():
    probs = torch.full((2, 1, 2), 0.5, dtype=torch.float64)
    for weights in ([1.0], [0.5, 0.6], [1.5, -0.5], [float("nan"), 1.0], [float("nan")] * 2):
        with pytest.raises(ParameterError, match="weights"):
            Prediction(probs=probs, weights=torch.tensor(weights, dtype=torch.float64))
    for value in (float("nan"), 0.7, -0.5, float("inf")):
        wrong = probs.clone()
        wrong[1, 0, 1] = value
        with pytest.raises(ParameterError, match="sum to 1") as caught:
            Prediction(probs=wrong, weights=torch.tensor([0.5, 0.5], dtype=torch.float64))
        assert "(1, 0)" in caught.value.where
    for level in (0.0, 1.0, 95):
        with pytest.raises(ParameterError, match="level"):
            mixture().interval(level)
