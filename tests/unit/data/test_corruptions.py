from __future__ import annotations

import math

import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.stats import norm
from tolerances import RESAMPLED_FLOAT32, STANDARD_ERRORS

from spinbnn.data import (
    CORRUPTIONS,
    add_gaussian_noise,
    add_noise,
    blur,
    corrupt,
    gaussian_noise,
    lower_contrast,
    rotate,
    shuffle_pixels,
    uniform_noise,
)
from spinbnn.errors import ParameterError
from spinbnn.rng import stream


def images(height=28, width=28):
    return torch.rand(3, 1, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("turns", [1, 2, 3, -1])
def test_quarter_turns_equal_rot90(turns):
    x = images()
    assert (rotate(x, 90.0 * turns) - torch.rot90(x, turns, dims=(2, 3))).abs().max() < RESAMPLED_FLOAT32


def test_half_turn_of_a_wide_image_and_no_turn():
    x = images(10, 20)
    assert (rotate(x, 180.0) - x.flip(2, 3)).abs().max() < RESAMPLED_FLOAT32
    assert torch.equal(rotate(x, 0), x) and rotate(x, 0) is not x


def test_a_wide_image_is_turned_without_distortion():
    x = torch.zeros(1, 1, 11, 21)
    x[0, 0, 5, 14] = 1.0  # four pixels right of the centre goes four pixels up
    assert rotate(x, 90.0)[0, 0, 1, 10] > 0.99


def test_rotation_brings_zeros_in_and_keeps_the_interior():
    y = rotate(torch.ones(1, 1, 28, 28), 45.0)
    assert y[0, 0, 0, 0] == 0 and y[0, 0, 14, 14] > 0.999 and y.max() <= 1.0 + RESAMPLED_FLOAT32
    with pytest.raises(ParameterError):
        rotate(torch.ones(28, 28), 10)


def test_noise_images_are_uniform_and_fixed_by_the_seed():
    noise = uniform_noise(50, seed=1)
    assert noise.shape == (50, 1, 28, 28) and noise.dtype == torch.float32
    assert abs(float(noise.mean()) - 0.5) < STANDARD_ERRORS * (1 / 12 / noise.numel()) ** 0.5
    assert torch.equal(noise, uniform_noise(50, seed=1))
    assert not torch.equal(noise, uniform_noise(50, seed=2))


def test_added_noise_grows_with_its_strength_and_is_clipped():
    x = images()
    assert torch.equal(add_noise(x, 0.0), x)
    weak, strong = add_noise(x, 0.1, seed=3), add_noise(x, 0.9, seed=3)
    assert bool((strong >= weak).all()) and strong.max() == 1.0
    assert (weak - x).max() <= 0.1 + RESAMPLED_FLOAT32
    assert torch.equal(add_noise(x, 0.9, seed=3)[:2], add_noise(x[:2], 0.9, seed=3))
    with pytest.raises(ParameterError):
        add_noise(x, -0.1)


def test_added_uniform_noise_is_the_streams_numbers_times_the_strength():
    x = torch.full((2, 1, 4, 4), 0.25)
    drawn = torch.from_numpy(stream(3, "added noise").random((2, 1, 4, 4), dtype="float32"))
    assert torch.equal(add_noise(x, 0.5, seed=3), x + 0.5 * drawn)


def test_gaussian_noise_images_are_clipped_draws():
    noise = gaussian_noise(40, seed=1, shape=(3, 10, 10))
    assert noise.shape == (40, 3, 10, 10) and noise.dtype == torch.float32
    for value, share in ((0.0, 0.5), (1.0, norm.sf(1.0))):
        error = (share * (1 - share) / noise.numel()) ** 0.5
        assert abs(float((noise == value).float().mean()) - share) < STANDARD_ERRORS * error
    between = noise[(noise > 0) & (noise < 1)].double()
    expected = norm.cdf(0.5) - 0.5, norm.cdf(1.0) - 0.5  # the median of what is left is not 0.5
    below = float((between < 0.5).double().mean())
    assert abs(below - expected[0] / expected[1]) < STANDARD_ERRORS * (0.25 / between.numel()) ** 0.5
    assert torch.equal(noise[:7], gaussian_noise(7, seed=1, shape=(3, 10, 10)))
    assert not torch.equal(noise, gaussian_noise(40, seed=2, shape=(3, 10, 10)))


def test_gaussian_noise_in_the_normalised_space_has_the_channels_mean_and_deviation():
    noise = gaussian_noise(200, shape=(2, 16, 16), mean=(0.4, 0.6), std=(0.05, 0.1)).double()
    error = 0.1 / (200 * 256) ** 0.5
    assert (noise.mean((0, 2, 3)) - torch.tensor([0.4, 0.6])).abs().max() < STANDARD_ERRORS * error
    assert (noise.std((0, 2, 3)) - torch.tensor([0.05, 0.1])).abs().max() < STANDARD_ERRORS * error
    for wrong in ({"mean": (0.1, 0.2, 0.3)}, {"std": -1.0}, {"std": math.nan}, {"mean": ((0.1, 0.2),)}):
        with pytest.raises(ParameterError, match="mean or standard deviation"):
            gaussian_noise(2, shape=(2, 4, 4), **wrong)


@pytest.mark.parametrize("make", [uniform_noise, gaussian_noise])
def test_noise_images_refuse_counts_and_shapes_that_are_none(make):
    for count in (0, -1, 2.5, True):
        with pytest.raises(ParameterError, match="at least one"):
            make(count)
    for shape in ((28, 28), (1, 0, 28), (1, 28, 28, 1), (1.0, 28, 28)):
        with pytest.raises(ParameterError, match="three positive"):
            make(1, shape=shape)


def test_added_gaussian_noise_has_its_deviation_and_its_own_stream():
    x = torch.full((5, 1, 50, 50), 0.5)
    noisy = add_gaussian_noise(x, 0.05, seed=2)
    assert abs(float((noisy - x).double().std()) - 0.05) < STANDARD_ERRORS * 0.05 / (2 * x.numel()) ** 0.5
    assert abs(float((noisy - x).double().mean())) < STANDARD_ERRORS * 0.05 / x.numel() ** 0.5
    strong = add_gaussian_noise(x, 5.0, seed=2)
    assert strong.min() == 0 and strong.max() == 1
    assert torch.equal((strong > 0.5), (noisy > 0.5))  # the same pattern at every strength
    assert torch.equal(add_gaussian_noise(x[:2], 0.05, seed=2), noisy[:2])


@pytest.mark.parametrize("sigma", [0.3, 0.7, 2.0, 9.0])
def test_blur_equals_scipys_gaussian_filter(sigma):
    x = torch.rand(2, 3, 13, 9, generator=torch.Generator().manual_seed(1))
    expected = gaussian_filter(x.double().numpy(), sigma=(0, 0, sigma, sigma), mode="nearest", truncate=4.0)
    assert (blur(x, sigma) - torch.from_numpy(expected)).abs().max() < RESAMPLED_FLOAT32
    assert torch.equal(blur(x, 0.0), x)


def test_contrast_keeps_each_images_mean_and_shrinks_its_deviation():
    x = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    low = lower_contrast(x, 0.7)
    assert (low.mean((1, 2, 3)) - x.mean((1, 2, 3))).abs().max() < RESAMPLED_FLOAT32
    assert (low.std((1, 2, 3)) / x.std((1, 2, 3)) - 0.3).abs().max() < RESAMPLED_FLOAT32
    assert lower_contrast(x, 1.0).std((1, 2, 3)).max() < RESAMPLED_FLOAT32
    assert torch.equal(lower_contrast(x[:1], 0.7), low[:1])


def test_shuffling_moves_its_share_of_pixels_alike_in_all_images():
    place = torch.arange(64.0).reshape(1, 1, 8, 8)
    x = torch.cat([place, place + 100]).repeat(1, 3, 1, 1)
    moved = set()
    for strength, count in ((0.0, 0), (0.25, 16), (0.5, 32), (1.0, 64)):
        y = shuffle_pixels(x, strength, seed=4)
        here = (y != x)[0, 0].flatten().nonzero().flatten().tolist()
        assert len(here) == count and moved <= set(here)
        moved = set(here)
        assert torch.equal(y[0].flatten(1).sort(1).values, x[0].flatten(1))
        assert torch.equal(y[1], y[0] + 100) and torch.equal(y[0, 1], y[0, 0])
    assert not torch.equal(shuffle_pixels(x, 1.0, seed=4), shuffle_pixels(x, 1.0, seed=5))


DIRECT = {
    "uniform_noise": lambda x, s: add_noise(x, s, seed=6),
    "gaussian_noise": lambda x, s: add_gaussian_noise(x, s, seed=6),
    "rotation": rotate,
    "blur": blur,
    "contrast": lower_contrast,
    "shuffle": lambda x, s: shuffle_pixels(x, s, seed=6),
}


@pytest.mark.parametrize("name", list(CORRUPTIONS))
def test_by_name_it_is_the_same_and_leaves_its_input_alone(name):
    x = images()
    before = x.clone()
    for strength in CORRUPTIONS[name].grid:
        y = corrupt(x, name, strength, seed=6)
        assert torch.equal(y, DIRECT[name](x, strength)) and y.shape == x.shape
        assert y.min() > -RESAMPLED_FLOAT32 and y.max() < 1 + RESAMPLED_FLOAT32
        assert torch.equal(y, x) == (strength == 0)
        assert (corrupt(x[:2], name, strength, seed=6) - y[:2]).abs().max() < RESAMPLED_FLOAT32
    assert torch.equal(x, before) and CORRUPTIONS[name].grid[0] == 0
    assert list(CORRUPTIONS[name].grid) == sorted(CORRUPTIONS[name].grid)
    whole = (x * 255).to(torch.uint8)
    assert torch.equal(corrupt(whole, name, 0.1), corrupt(whole.float() / 255, name, 0.1))


@pytest.mark.parametrize("name", list(CORRUPTIONS))
def test_bad_strengths_and_images(name):
    x = images()
    wrong = [math.nan, math.inf] + ([] if name == "rotation" else [-0.1]) + ([1.1] if name in ("contrast", "shuffle") else [])
    for strength in wrong:
        with pytest.raises(ParameterError):
            corrupt(x, name, strength)
    with pytest.raises(ParameterError, match="floating-point"):
        corrupt(x.to(torch.int64), name, 0.1)
    with pytest.raises(ParameterError, match="unknown corruption") as caught:
        corrupt(x, name[:-1], 0.1)
    assert name in caught.value.remedy


def test_a_blurred_image_stays_between_its_own_pixels():
    """float32 weights add up to 1 within rounding; the bounds are each image's own, whatever stands beside it."""
    flat = torch.full((1, 1, 32, 32), 0.3)
    for sigma in (0.5, 0.9, 1.3, 2.0, 3.0):
        assert torch.equal(blur(torch.ones(1, 3, 32, 32), sigma), torch.ones(1, 3, 32, 32))
        assert torch.equal(blur(torch.cat([flat, torch.ones_like(flat)]), sigma)[:1], blur(flat, sigma))
        assert torch.equal(blur(flat, sigma), flat)
