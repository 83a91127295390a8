"""Laws that hold for every chip and every schedule."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spinbnn.crossbar.plans import plan
from spinbnn.hardware.chip import Chip
from spinbnn.hardware.counts import count_operations

LENET = plan("lenet5")
PROBABILITY = st.floats(0.001, 0.999)


@st.composite
def chips(draw):
    layers = draw(st.integers(1, 6))
    numbers = st.lists(PROBABILITY, min_size=layers, max_size=layers)
    return Chip(
        seed=0,
        id="any",
        modules=draw(st.sampled_from(["shared", "per_layer"])),
        a=draw(numbers),
        b=draw(numbers),
    )


@given(chips())
@settings(deadline=None, max_examples=60)
def test_weights_are_a_distribution_with_the_chip_marginals(chip):
    masks = np.array(list(itertools.product((0, 1), repeat=chip.layers)))
    weights = chip.mask_weights(masks)
    assert np.all(weights >= 0)
    np.testing.assert_allclose(weights.sum(), 1.0, rtol=0, atol=1e-12)  # rounding of at most 64 products
    np.testing.assert_allclose(weights @ masks, chip.drop_probability, rtol=0, atol=1e-12)


@given(chips())
@settings(deadline=None, max_examples=60)
def test_stationary_start_stays_stationary(chip):
    """One more cycle leaves the marginals as they are."""
    before = np.roll(chip.drop_probability, 1) if chip.modules == "shared" else chip.drop_probability
    after = chip.a + (chip.b - chip.a) * before
    np.testing.assert_allclose(after, chip.drop_probability, rtol=0, atol=1e-12)


@given(st.integers(1, 60), st.lists(st.floats(0, 1), min_size=5, max_size=5))
@settings(deadline=None, max_examples=60)
def test_shared_prefixes_never_cost_more(samples, drop):
    shared = count_operations(LENET, schedule="prefix", samples=samples, drop_probability=drop)
    sampled, exact = count_operations(LENET, samples=samples), count_operations(LENET, schedule="exact")
    for s, t, e in zip(shared.layers, sampled.layers, exact.layers, strict=True):
        assert s.array_reads <= min(t.array_reads, e.array_reads) * (1 + 1e-12)
        assert s.array_reads >= s.evaluations * 0.999 and s.evaluations >= 1 - 1e-12
    assert shared.dropout_draws == sampled.dropout_draws


@given(st.integers(1, 60), st.floats(0, 1), st.sampled_from(["sampled", "prefix", "exact"]), st.booleans())
@settings(deadline=None, max_examples=60)
def test_a_second_threshold_set_adds_selections_and_nothing_else(samples, drop, schedule, logit_dropout):
    one, two = (
        count_operations(
            plan("lenet5", placement=placement, logit_dropout=logit_dropout),
            schedule=schedule,
            samples=samples,
            drop_probability=drop,
        )
        for placement in ("pre_bn", "dual_bn")
    )
    for a, b in zip(one.layers, two.layers, strict=True):
        assert (a.threshold_selections, b.threshold_selections) == (0, b.scale_multiplexings)
        assert replace(b, threshold_selections=0) == a
    assert (one.masks, one.softmaxes, one.dropout_draws) == (two.masks, two.softmaxes, two.dropout_draws)
