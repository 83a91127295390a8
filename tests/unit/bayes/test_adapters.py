from __future__ import annotations

import numpy as np
import pytest
import torch
from stand_ins import shake
from tolerances import ROUNDING_FLOAT64
from torch import nn

from spinbnn.bayes import Prediction, predict
from spinbnn.bayes.adapters import prediction_to_tu, to_torch_uncertainty, to_uqbox
from spinbnn.errors import DataError, ParameterError
from spinbnn.nn import ScaleDropout, sample_masks
from spinbnn.nn.models import lenet5


@pytest.fixture(scope="module")
def model():
    return shake(lenet5(p=0.5))


@pytest.fixture(scope="module")
def x():
    return torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def mixture(weights, images=2, seed=0):
    draw = np.random.default_rng(seed)
    probs = draw.dirichlet(np.ones(3), size=(len(weights), images))
    return Prediction(probs=torch.from_numpy(probs), weights=torch.tensor(weights, dtype=torch.float64))


def test_replicas_are_outermost_and_have_masks_of_their_own(model, x):
    wrapped = to_torch_uncertainty(model, samples=6, seed=3).eval()
    with torch.no_grad():
        logits = wrapped(x)
        alone = wrapped(x[1:2])
    assert logits.shape == (18, 10)
    # what the library's routines do: "(m b) c -> b m c", then softmax
    probs = logits.reshape(6, 3, 10).double().softmax(-1)
    expected = predict(model, x, "sampled", samples=6, seed=3)
    assert torch.equal(wrapped.masks, expected.masks) and len(expected.masks.unique(dim=0)) > 1
    assert torch.equal(probs, expected.probs)
    assert not torch.equal(probs[0], probs[int((expected.masks != expected.masks[0]).any(1).nonzero()[0])])
    assert torch.equal(logits.reshape(6, 3, 10)[:, 1], alone)


def test_evaluation_leaves_the_network_as_it_was(model, x):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    wrapped = to_torch_uncertainty(model, samples=2).eval()
    wrapped(x)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert "masks" not in wrapped.state_dict()
    with sample_masks(model, torch.Generator().manual_seed(0)):
        assert wrapped.train()(x).shape == (3, 10)
    model.load_state_dict(before)
    wrapped.eval()


def test_given_masks_are_used(model, x):
    exact = predict(model, x, "exact")
    wrapped = to_torch_uncertainty(model, masks=exact.masks).eval()
    with torch.no_grad():
        probs = wrapped(x).reshape(32, 3, 10).double().softmax(-1)
    assert wrapped.num_estimators == 32
    assert torch.equal(probs, exact.probs)


def test_a_chips_bits_are_its_modules(model, x):
    class Chip:
        drop_probability = np.full(5, 0.5)

        def sample_masks(self, samples, seed):
            return np.random.default_rng(seed).integers(0, 2, (samples, 5))

    model.chip = Chip()
    expected = Chip().sample_masks(7, 2).tolist()
    try:
        assert to_torch_uncertainty(model, samples=7, seed=2).masks.tolist() == expected
    finally:
        del model.chip
    assert to_torch_uncertainty(model, samples=7, seed=2, source=Chip()).masks.tolist() == expected
    assert to_torch_uncertainty(model, samples=7, seed=2).masks.tolist() != expected


def test_a_bit_for_each_channel():
    net = nn.Sequential(nn.Linear(4, 3), ScaleDropout(3, p=0.5, granularity="element", spatial=False)).eval()
    wrapped = to_torch_uncertainty(net, samples=5).eval()
    x = torch.ones(2, 4)
    assert wrapped.masks.shape == (5, 3)
    with torch.no_grad():
        probs = wrapped(x).reshape(5, 2, 3).double().softmax(-1)
    assert torch.equal(probs, predict(net, x, "sampled", samples=5).probs)


def test_a_branch_that_was_never_trained_is_refused():
    net = nn.Sequential(ScaleDropout(3, p=0.5, placement="dual_bn", spatial=False))
    net[0].batches[:] = torch.tensor([5, 0])
    with pytest.raises(ParameterError, match="never trained"):
        to_torch_uncertainty(net, samples=20)
    assert to_torch_uncertainty(net, masks=torch.zeros(3, 1)).num_estimators == 3
    with torch.no_grad():
        net[0].alpha[0] = float("nan")
    with pytest.raises(DataError, match="not finite"):
        to_torch_uncertainty(net, masks=torch.zeros(3, 1))


def test_what_does_not_fit_is_refused(model, x):
    with pytest.raises(ParameterError, match="no scale-dropout layer"):
        to_torch_uncertainty(nn.Linear(2, 2))
    with pytest.raises(ParameterError, match="whole number"):
        to_torch_uncertainty(model, samples=0)
    for masks in (torch.zeros(3, 4), torch.full((3, 5), 2), torch.zeros(5), torch.zeros(0, 5)):
        with pytest.raises(ParameterError, match="do not fit"):
            to_torch_uncertainty(model, masks=masks)
    wrong = x.clone()
    wrong[1, 0, 2, 3] = float("nan")
    with pytest.raises(DataError, match="not finite"):
        to_torch_uncertainty(model, samples=1).eval()(wrong)


def test_equal_weights_only_change_places():
    p = mixture([0.25] * 4)
    assert torch.equal(prediction_to_tu(p), p.probs.transpose(0, 1))
    assert prediction_to_tu(p).shape == (2, 4, 3)
    row = to_uqbox(p)
    assert row["logits"].shape == (2, 3, 4)
    assert torch.allclose(row["logits"].softmax(1), p.probs.permute(1, 2, 0), rtol=0, atol=ROUNDING_FLOAT64)
    assert torch.equal(row["pred"], p.mean) and torch.equal(row["pred_uct"], p.entropy)


def test_unequal_weights_are_refused_or_resampled():
    p = mixture([0.5, 0.125, 0.375, 0.0])
    for convert in (prediction_to_tu, to_uqbox):
        with pytest.raises(ParameterError, match="no weights"):
            convert(p)
        with pytest.raises(ParameterError, match="whole number"):
            convert(p, components=0)
    # whole multiples: exactly the weighted mean, whatever the seed
    for seed in range(5):
        assert torch.allclose(
            prediction_to_tu(p, components=8, seed=seed).mean(1), p.mean, rtol=0, atol=1e-14
        )
    stack = prediction_to_tu(p, components=8)
    counts = [int((stack[0] == p.probs[s, 0]).all(1).sum()) for s in range(4)]
    assert counts == [4, 1, 3, 0]
    row = to_uqbox(p, components=8)
    assert row["logits"].shape == (2, 3, 8) and torch.equal(row["pred"], p.mean)


def test_resampling_takes_the_floor_or_the_ceiling_and_is_unbiased():
    weights = np.array([0.07, 0.63, 0.3])
    p = mixture(weights.tolist(), images=1)
    counts = []
    for seed in range(300):
        stack = prediction_to_tu(p, components=10, seed=seed)[0]
        counts.append([int((stack == p.probs[s, 0]).all(1).sum()) for s in range(3)])
    counts = np.array(counts)
    assert np.all((counts >= np.floor(10 * weights - 1e-9)) & (counts <= np.ceil(10 * weights + 1e-9)))
    assert counts.mean(0) == pytest.approx(10 * weights, abs=0.12)  # four standard errors of a binary count


def test_a_probability_of_zero_has_a_finite_logit():
    p = Prediction(
        probs=torch.tensor([[[1.0, 0.0]]], dtype=torch.float64), weights=torch.ones(1, dtype=torch.float64)
    )
    logits = to_uqbox(p)["logits"]
    assert bool(torch.isfinite(logits).all())
    assert logits.softmax(1).flatten().tolist() == [1.0, pytest.approx(0.0, abs=1e-299)]
