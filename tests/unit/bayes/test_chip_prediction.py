"""Prediction and training with the real profile and chips of spinbnn.hardware."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stand_ins import shake
from tolerances import ROUNDING_FLOAT64, STANDARD_ERRORS

from spinbnn.bayes import predict, product_weights
from spinbnn.data import load
from spinbnn.hardware.chip import Chip
from spinbnn.hardware.profile import HardwareProfile
from spinbnn.nn import all_masks, drop_probabilities, to_hardware
from spinbnn.nn.models import lenet5
from spinbnn.training import train


def images(count=3):
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def markov_chip():
    """One shared module whose RESET fails in 20 % of the cycles at p = 0.3."""
    return Chip(seed=3, id="shared", modules="shared", a=[0.3] * 5, b=[0.44] * 5)


def test_a_shared_chip_weights_the_exact_mixture_by_its_chain():
    profile, chip, model = (
        HardwareProfile.ideal(0.3, 5, modules="shared"),
        markov_chip(),
        shake(lenet5(p=0.3)),
    )
    twin = to_hardware(model, profile, chip)
    result = predict(twin, images(), "exact")
    assert drop_probabilities(twin).tolist() == pytest.approx([0.3 / (1 - 0.44 + 0.3)] * 5)
    assert np.allclose(
        result.weights.numpy(), chip.mask_weights(all_masks(5).numpy()), rtol=0, atol=ROUNDING_FLOAT64
    )
    independent = product_weights(all_masks(5), drop_probabilities(twin))
    assert 0.5 * float((result.weights - independent).abs().sum()) > 0.05
    assert result.profile_id == profile.id


@pytest.mark.parametrize("masks", ["per_pass", "per_image"])
def test_a_shared_chips_passes_converge_to_its_exact_mixture(masks):
    chip = markov_chip()
    twin = to_hardware(shake(lenet5(p=0.3)), HardwareProfile.ideal(0.3, 5, modules="shared"), chip)
    passes, x = 1200, images(2)
    exact, sampled = predict(twin, x, "exact"), predict(twin, x, "sampled", passes, seed=1, masks=masks)
    # Passes are correlated by (b - a)^5 = 5e-5 only, so that the standard error of independent ones holds.
    error = (exact.variance / passes).sqrt()
    assert bool(((sampled.mean - exact.mean).abs() <= STANDARD_ERRORS * error + ROUNDING_FLOAT64).all())


def test_training_sees_the_spread_of_a_profile():
    data, sigma, epochs, steps = load("digits").subset(train=400), 0.05, 3, 40
    options = {"epochs": epochs, "batch_size": 10}
    profile = HardwareProfile.gaussian([0.3, 0.2, 0.2, 0.2, 0.2], sigma)
    rows = train(lenet5(p=0.2), data, profile=profile, **options).history
    for row in rows:
        assert abs(row["drop_probability_mean"] - 0.3) < STANDARD_ERRORS * sigma / steps**0.5
        assert abs(row["drop_probability_std"] - sigma) < STANDARD_ERRORS * sigma / (2 * steps) ** 0.5
    assert len({row["drop_probability_mean"] for row in rows}) == epochs
    for fixed in (None, HardwareProfile.ideal(0.2, 5)):
        for row in train(lenet5(p=0.2), data, profile=fixed, **options).history:
            assert row["drop_probability_mean"] == pytest.approx(0.2, abs=ROUNDING_FLOAT64)
            assert row["drop_probability_std"] < ROUNDING_FLOAT64
