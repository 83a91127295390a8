"""Chips: mask weights against enumeration and against long simulated chains."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest

from spinbnn.errors import ParameterError
from spinbnn.hardware.chip import Chip, stationary
from spinbnn.rng import stream

# Statistical checks: fixed seed, 4 standard errors; right code misses one of 100 such figures with p < 1 %.
FOUR_SIGMA = 4.0


def masks_of(layers):
    return np.array(list(itertools.product((0, 1), repeat=layers)), np.uint8)


def chip(modules, a, b, **more):
    return Chip(seed=3, id="t", modules=modules, a=a, b=b, **more)


def loop(uniform, a, b, start):
    """The chain as a plain loop: the reference for the one without a loop."""
    bits = np.zeros(uniform.shape, int)
    for column in range(uniform.shape[1]):
        for t in range(uniform.shape[0]):
            p = start[column] if t == 0 else (b if bits[t - 1, column] else a)[t, column]
            bits[t, column] = uniform[t, column] < p
    return bits


A, B = np.array([0.1, 0.4, 0.25]), np.array([0.3, 0.35, 0.9])


def test_shared_weights_are_the_stationary_law_of_the_mask_chain():
    """Enumerate the 8 x 8 chain of whole masks from pass to pass; its stationary law must be the weights."""
    masks = masks_of(3)
    step = np.ones((8, 8))
    for i, old in enumerate(masks):
        for j, new in enumerate(masks):
            before = np.concatenate([[old[-1]], new[:-1]])
            p = np.where(before == 1, B, A)
            step[i, j] = np.prod(np.where(new == 1, p, 1 - p))
    law = np.linalg.matrix_power(step, 200)[0]
    weights = chip("shared", A, B).mask_weights(masks)
    np.testing.assert_allclose(weights, law, rtol=0, atol=1e-14)
    np.testing.assert_allclose(weights @ masks, chip("shared", A, B).drop_probability, rtol=0, atol=1e-14)


def test_per_layer_weights_are_products():
    one = chip("per_layer", A, B)
    p = A / (1 - B + A)
    np.testing.assert_allclose(one.drop_probability, p, rtol=1e-15)
    masks = masks_of(3)
    expected = [np.prod([q if bit else 1 - q for bit, q in zip(mask, p, strict=True)]) for mask in masks]
    np.testing.assert_allclose(one.mask_weights(masks), expected, rtol=1e-14)


@pytest.mark.parametrize("modules", ["shared", "per_layer"])
def test_weights_against_a_long_chain(modules):
    """Batch means over 200 stretches of 1000 passes give the standard error of correlated samples."""
    one, masks = chip(modules, A, B), masks_of(3)
    bits = one.sample_masks(200_000, seed=11)
    index = bits @ [4, 2, 1]
    means = np.stack([np.bincount(part, minlength=8) / part.size for part in np.split(index, 200)])
    error = means.std(axis=0, ddof=1) / np.sqrt(200)
    assert np.all(np.abs(means.mean(axis=0) - one.mask_weights(masks)) < FOUR_SIGMA * error)
    assert np.all(error < 0.002)


def test_per_layer_passes_are_correlated_by_b_minus_a():
    one = chip("per_layer", A, B)
    bits = one.sample_masks(100_000, seed=1).astype(float)
    centred = bits - bits.mean(axis=0)
    lag = (centred[1:] * centred[:-1]).mean(axis=0) / (centred**2).mean(axis=0)
    assert np.all(
        np.abs(lag - one.correlation) < FOUR_SIGMA / np.sqrt(100_000)
    )  # Bartlett's error is below 1/sqrt(n) x 1.3
    assert lag[2] > 0.6 and lag[1] < 0


def test_shared_conditionals_of_consecutive_layers():
    bits = chip("shared", A, B).sample_masks(100_000, seed=2)
    for layer in range(3):
        before = np.roll(bits[:, 2], 1)[1:] if layer == 0 else bits[1:, layer - 1]
        now = bits[1:, layer]
        for state, p in ((0, A[layer]), (1, B[layer])):
            n = np.sum(before == state)
            assert abs(now[before == state].mean() - p) < FOUR_SIGMA * np.sqrt(p * (1 - p) / n)


@pytest.mark.parametrize("modules", ["shared", "per_layer"])
def test_the_first_pass_is_stationary_already(modules):
    one, n = chip(modules, [0.02, 0.02, 0.02], [0.98, 0.9, 0.98]), 4000
    first = np.array([one.sample_masks(1, seed)[0] for seed in range(n)])
    q = one.drop_probability
    assert np.all(np.abs(first.mean(axis=0) - q) < FOUR_SIGMA * np.sqrt(q * (1 - q) / n))
    assert q[0] > 0.1  # far from a: a start in state 0 would show


def test_chain_without_a_loop_is_the_loop():
    """Per layer a chain runs over the passes, shared over the layers of a pass and on into the next one."""
    generator = np.random.default_rng(0)
    for seed in range(20):
        a, b = generator.random((2, 3))
        alone, shared = chip("per_layer", a, b), chip("shared", a, b)
        u = stream(seed, "chip-masks", alone.seed).random((50, 3))
        np.testing.assert_array_equal(alone.sample_masks(50, seed), loop(u, np.tile(a, (50, 1)), np.tile(b, (50, 1)), alone.drop_probability))
        flat = loop(u.reshape(-1, 1), np.tile(a, 50)[:, None], np.tile(b, 50)[:, None], shared.drop_probability[:1])
        np.testing.assert_array_equal(shared.sample_masks(50, seed), flat.reshape(50, 3))


@pytest.mark.parametrize("modules", ["shared", "per_layer"])
def test_samples_do_not_depend_on_how_many(modules):
    one = chip(modules, A, B)
    assert np.array_equal(one.sample_masks(7, seed=5), one.sample_masks(400, seed=5)[:7])
    assert not np.array_equal(one.sample_masks(400, seed=5), one.sample_masks(400, seed=6))
    assert one.sample_masks(0, seed=5).shape == (0, 3)
    assert one.sample_masks(4, seed=5).dtype == np.uint8


def test_reset_failure_round_trip():
    p, eps = np.array([0.2, 0.5]), np.array([0.0067, 0.05])
    one = chip("per_layer", p, eps + (1 - eps) * p)
    np.testing.assert_allclose(one.reset_failure, eps, rtol=1e-12)
    np.testing.assert_allclose(one.drop_probability, p / (1 - eps * (1 - p)), rtol=1e-14)
    np.testing.assert_allclose(one.correlation, eps * (1 - p), rtol=1e-12)


def test_certain_bits():
    one = chip("per_layer", [0.0, 1.0], [0.0, 1.0])
    assert one.mask_weights([[0, 1], [1, 1]]).tolist() == [1.0, 0.0]
    assert one.sample_masks(20, seed=0).tolist() == [[0, 1]] * 20


def test_stationary_broadcasts():
    a, b = np.tile(A, (4, 2, 1)), np.tile(B, (4, 2, 1))
    assert stationary(a, b, "shared").shape == (4, 2, 3)
    np.testing.assert_allclose(
        stationary(a, b, "shared")[1, 1], chip("shared", A, B).drop_probability, rtol=1e-15
    )


@pytest.mark.parametrize(
    ("modules", "a", "b"),
    [
        ("common", A, B),
        ("shared", A, B[:2]),
        ("shared", [[0.1]], [[0.1]]),
        ("shared", [], []),
        ("shared", [1.1], [0.2]),
        ("shared", [float("nan")], [0.2]),
        ("shared", [0.0, 0.0], [1.0, 1.0]),
        ("per_layer", [0.0, 0.5], [1.0, 0.5]),
    ],
)
def test_wrong_chips_are_refused(modules, a, b):
    with pytest.raises(ParameterError) as error:
        chip(modules, a, b)
    assert error.value.remedy


@pytest.mark.parametrize("masks", [[0, 1, 0], [[0, 1]], [[0, 1, 2]], [[0.5, 0, 1]]])
def test_wrong_masks_are_refused(masks):
    with pytest.raises(ParameterError, match="3 bits"):
        chip("shared", A, B).mask_weights(masks)


def test_chips_are_immutable_and_travel():
    one = chip("shared", A, B, codes=[1.0, 1.1, 1.2])
    with pytest.raises(ValueError, match="read-only"):
        one.a[0] = 0.5
    again = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(again.codes, one.codes)
    np.testing.assert_array_equal(again.sample_masks(9, 1), one.sample_masks(9, 1))
    with pytest.raises(ParameterError):
        one.sample_masks(-1, seed=0)
