from __future__ import annotations

import pytest
import torch
from tolerances import RESAMPLED_FLOAT32, STANDARD_ERRORS

from spinbnn.data import add_noise, rotate, uniform_noise
from spinbnn.errors import ParameterError


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
