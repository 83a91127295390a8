"""Masks in order of probability: order, coverage, bound, budget."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_ins import MarkovChip, StandInChip, StandInProfile, shake
from tolerances import ROUNDING_FLOAT64

from spinbnn.bayes import predict, product_weights
from spinbnn.bayes.mass import MaskLaw, heaviest, likely_masks
from spinbnn.errors import ParameterError
from spinbnn.hardware.chip import Chip
from spinbnn.hardware.profile import HardwareProfile
from spinbnn.nn import all_masks, to_hardware
from spinbnn.nn.models import lenet5

chances = st.one_of(st.sampled_from([0.0, 1.0, 0.5, 0.1]), st.floats(0.01, 0.99))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(chances, chances), min_size=1, max_size=7), chances, st.sampled_from([0.0, 0.01, 0.3]))
def test_likely_masks_are_the_heaviest_of_all(pairs, start, tolerance):
    a, b = (np.array(column) for column in zip(*pairs, strict=True))
    law = MaskLaw(start, a, b)
    every = law.weights(all_masks(len(a)))
    assert float(every.sum()) == pytest.approx(1.0, abs=ROUNDING_FLOAT64)
    masks, weights, covered = likely_masks(law, tolerance, 10**6)
    assert torch.allclose(law.weights(masks), weights, rtol=1e-12, atol=0)
    assert len({tuple(m) for m in masks.tolist()}) == len(masks)
    assert bool((weights[1:] <= weights[:-1]).all()) and bool((weights > 0).all())
    assert 1.0 - covered <= max(tolerance, ROUNDING_FLOAT64)
    if tolerance == 0.0:
        assert len(masks) == int((every > 0).sum())
    else:  # the last one was needed, and no mask left out is heavier than one taken
        assert 1.0 - (covered - float(weights[-1])) > tolerance - ROUNDING_FLOAT64
        left = np.sort(every.numpy())[::-1][len(masks) :]
        assert left.max(initial=0.0) <= float(weights[-1]) * (1 + 1e-12)


def test_the_weights_of_a_shared_chip_are_those_of_its_law():
    chip = Chip(seed=1, id="demo", modules="shared", a=[0.1, 0.3, 0.2], b=[0.5, 0.4, 0.9])
    law = MaskLaw.of_chip(chip)
    assert np.allclose(law.weights(all_masks(3)), chip.mask_weights(all_masks(3)), rtol=1e-12, atol=0)
    alone = Chip(seed=1, id="demo", modules="per_layer", a=[0.1, 0.3, 0.2], b=[0.5, 0.4, 0.9])
    assert np.allclose(MaskLaw.of_chip(alone).weights(all_masks(3)), alone.mask_weights(all_masks(3)), rtol=1e-12, atol=0)
    assert MaskLaw.of_chip(StandInChip([0.5])) is None


def test_eighteen_layers_are_not_enumerated():
    masks, _, covered = likely_masks(MaskLaw.product([0.05] * 18), 0.05, 4096)
    assert len(masks) == 313 and covered >= 0.95  # the count that the design's figures give
    assert masks[0].sum() == 0 and sorted(masks[1:19].sum(1).tolist()) == [1] * 18


def test_too_many_masks_say_what_is_covered_and_what_would_do():
    with pytest.raises(ParameterError, match=r"100 masks cover 0\.19") as caught:
        likely_masks(MaskLaw.product([0.2] * 18), 0.05, 100)
    reached = float(caught.value.remedy.split("tolerance=")[1].split(",")[0])
    assert 0.8 < reached < 0.82 and "tree" in caught.value.remedy
    with pytest.raises(ParameterError, match=r"2 masks cover 0\.75"):
        heaviest(torch.tensor([0.25, 0.25, 0.5, 0.0], dtype=torch.float64), 0.0, 2)


def test_heaviest_of_given_weights():
    weights = torch.tensor([0.0, 0.4, 0.4, 0.2], dtype=torch.float64)
    assert heaviest(weights, 0.0, 4)[0].tolist() == [[0, 1], [1, 0], [1, 1]]
    masks, share, covered = heaviest(weights, 0.25, 4)
    assert masks.tolist() == [[0, 1], [1, 0]] and share.tolist() == [0.4, 0.4] and covered == pytest.approx(0.8)


@pytest.fixture(scope="module")
def model():
    return shake(lenet5(p=[0.1, 0.2, 0.3, 0.4, 0.5]))


def images(count=4):
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_mass_without_tolerance_is_exact(model):
    x = images()
    exact, mass = predict(model, x, "exact"), predict(model, x, "mass")
    assert mass.samples == 32 and mass.covered == pytest.approx(1.0, abs=ROUNDING_FLOAT64) and mass.seed is None
    index = mass.masks.long() @ torch.tensor([16, 8, 4, 2, 1])
    assert torch.equal(mass.probs, exact.probs[index])
    assert torch.allclose(mass.weights, exact.weights[index], rtol=1e-12, atol=0)
    assert float((mass.mean - exact.mean).abs().max()) < ROUNDING_FLOAT64


@pytest.mark.parametrize("tolerance", [0.02, 0.1, 0.4])
def test_the_mean_keeps_the_stated_bound(model, tolerance):
    x = images()
    exact, mass = predict(model, x, "exact"), predict(model, x, "mass", tolerance=tolerance)
    assert mass.samples < 32 and 1.0 - mass.covered <= tolerance
    assert float(mass.weights.sum()) == pytest.approx(1.0, abs=ROUNDING_FLOAT64)
    variation = 0.5 * (mass.mean - exact.mean).abs().sum(1)
    assert float(variation.max()) <= 1.0 - mass.covered
    taken = product_weights(mass.masks, torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5]))
    assert mass.covered == pytest.approx(float(taken.sum()), abs=1e-7)


def test_mass_takes_the_chips_weights_and_given_ones(model):
    x = images(2)
    shared = Chip(seed=3, id="shared", modules="shared", a=[0.3] * 5, b=[0.7] * 5)
    twins = {
        "law": to_hardware(model, HardwareProfile.ideal(0.3, 5, modules="shared"), shared),
        "weights alone": to_hardware(model, StandInProfile(), MarkovChip([0.5] * 5, a=0.3, b=0.7)),
    }
    for twin in twins.values():
        mass = predict(twin, x, "mass", tolerance=0.2)
        expected = twin.chip.mask_weights(mass.masks.numpy())
        assert np.allclose(mass.weights, expected / expected.sum(), rtol=1e-12, atol=0)
        assert mass.covered == pytest.approx(expected.sum(), rel=1e-12)
        assert mass.masks[:2].sum(1).tolist() in ([0, 5], [5, 0])  # runs of one bit are the likely ones
    given_weights = np.zeros(32)
    given_weights[[7, 9]] = 0.75, 0.25
    mass = predict(model, x, "mass", weights=given_weights)
    assert mass.masks.tolist() == [[0, 0, 1, 1, 1], [0, 1, 0, 0, 1]] and mass.weights.tolist() == [0.75, 0.25]


def test_a_chip_that_gives_weights_only_cannot_be_searched_when_deep():
    from spinbnn.nn import BinaryLinear, ScaleDropout

    draw = torch.Generator().manual_seed(0)
    layers = [m for _ in range(17) for m in (BinaryLinear(3, 3, generator=draw), ScaleDropout(3, spatial=False))]
    net = torch.nn.Sequential(*layers)
    net.chip = StandInChip([0.1] * 17)
    with pytest.raises(ParameterError, match="too many to list"):
        predict(net, torch.ones(1, 3), "mass", tolerance=0.1)
