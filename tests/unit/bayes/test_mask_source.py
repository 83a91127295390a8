"""Sources of mask bits: independent, chips, chains of a device."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stand_ins import StandInChip, shake
from tolerances import ROUNDING_FLOAT64, STANDARD_ERRORS

from spinbnn.bayes import predict
from spinbnn.bayes.mask_source import ChipSource, IndependentSource, MarkovSource, as_source, draw_masks
from spinbnn.errors import ParameterError
from spinbnn.nn import all_masks
from spinbnn.nn.models import lenet5


def images(count=3):
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_no_source_and_the_independent_one_draw_the_same_bits():
    p, model = [0.1, 0.2, 0.3, 0.4, 0.5], shake(lenet5(p=[0.1, 0.2, 0.3, 0.4, 0.5]))
    for masks in ("per_pass", "per_image"):
        own = predict(model, images(), "tree", 6, seed=3, masks=masks)
        given = predict(model, images(), "tree", 6, seed=3, masks=masks, source=IndependentSource(p))
        assert torch.equal(own.masks, given.masks) and torch.equal(own.probs, given.probs)
        count = None if masks == "per_pass" else 3
        assert torch.equal(own.masks, draw_masks(torch.tensor(p, dtype=torch.float64), 6, 3, count))


def test_a_chip_given_as_source_replaces_the_models_own_bits():
    model, chip = shake(lenet5()), StandInChip([0.9] * 5)
    result = predict(model, images(), "sampled", 9, seed=2, source=chip)
    assert np.array_equal(result.masks.numpy(), chip.sample_masks(9, 2))
    per_image = predict(model, images(), "tree", 4, seed=2, masks="per_image", source=chip)
    assert np.array_equal(per_image.masks[:, 2].numpy(), chip.sample_masks(12, 2)[8:])


@pytest.mark.parametrize("modules", ["per_layer", "shared"])
def test_chains_have_the_stated_marginals_and_correlation(modules):
    a, b, passes = [0.1, 0.3, 0.4], [0.6, 0.5, 0.2], 40_000
    source = MarkovSource(a, b, modules)
    bits = source.draw(passes, seed=1).numpy().astype(float)
    p = source.drop_probability
    for layer in range(3):
        rho = b[layer] - a[layer] if modules == "per_layer" else 0.0
        error = np.sqrt(p[layer] * (1 - p[layer]) / passes * max((1 + rho) / (1 - rho), 1.0))
        assert abs(bits[:, layer].mean() - p[layer]) < STANDARD_ERRORS * error
        if modules == "per_layer":
            measured = np.corrcoef(bits[1:, layer], bits[:-1, layer])[0, 1]
            assert measured == pytest.approx(rho, abs=STANDARD_ERRORS / np.sqrt(passes))
        elif layer:  # the bit before is the layer's neighbour in the same pass
            after = bits[bits[:, layer - 1] == 1, layer]
            assert after.mean() == pytest.approx(b[layer], abs=STANDARD_ERRORS * 0.5 / np.sqrt(len(after)))
    seen = np.array([(bits == mask).all(1).mean() for mask in all_masks(3).numpy()])
    expected = source.mask_weights(all_masks(3))
    spread = np.sqrt(expected * (1 - expected) / passes * 4)  # at most 4 correlated passes count as one here
    assert np.all(np.abs(seen - expected) < STANDARD_ERRORS * spread)


def test_correlated_passes_converge_to_the_mixture_of_their_law():
    model, x, passes = shake(lenet5()), images(2), 4000
    source = MarkovSource([0.2] * 5, [0.5] * 5, "shared")
    tree = predict(model, x, "tree", passes, seed=1, source=source)
    exact = predict(model, x, "exact", weights=source.mask_weights(all_masks(5)))
    error = (exact.variance / passes).sqrt() * 1.1  # passes are correlated by (b - a)^5 = 0.0024
    assert bool(((tree.mean - exact.mean).abs() <= STANDARD_ERRORS * error + ROUNDING_FLOAT64).all())
    assert bool(((tree.mean - predict(model, x, "exact").mean).abs() > STANDARD_ERRORS * error).any())
    assert tree.method == "tree" and predict(model, x, source=source).method == "tree"


def test_the_first_passes_do_not_depend_on_their_number():
    source = MarkovSource([0.2] * 4, [0.7] * 4)
    assert torch.equal(source.draw(50, 3)[:10], source.draw(10, 3))
    assert source.draw(5, 3, images=7).shape == (5, 7, 4)
    assert torch.equal(source.draw(5, 3, images=2)[:, 0], source.draw(10, 3)[:5])


def test_wrong_sources_are_refused():
    with pytest.raises(ParameterError, match="arrangement"):
        MarkovSource([0.2], [0.3], "alone")
    with pytest.raises(ParameterError, match="probabilities"):
        MarkovSource([1.2], [0.3])
    with pytest.raises(ParameterError, match="not a source"):
        as_source(object())
    assert isinstance(as_source(StandInChip([0.1])), ChipSource)
