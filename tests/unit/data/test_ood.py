from __future__ import annotations

import numpy as np
import pytest
import torch

from spinbnn.data import (
    OOD,
    ChannelStatistics,
    add_gaussian_noise,
    add_noise,
    gaussian_noise,
    load,
    ood,
    uniform_noise,
)
from spinbnn.errors import DataError, ParameterError

SHAPE = (1, 28, 28)


def test_noise_sets_are_the_noise_images():
    assert torch.equal(ood("uniform", 4, SHAPE, 3), uniform_noise(4, seed=3, shape=SHAPE))
    assert torch.equal(ood("gaussian", 4, (3, 32, 32), 3), gaussian_noise(4, seed=3, shape=(3, 32, 32)))
    near = ood("gaussian", 4, (2, 8, 8), statistics=ChannelStatistics(mean=(0.5, 0.2), std=(0.1, 0.0)))
    assert torch.equal(near, gaussian_noise(4, shape=(2, 8, 8), mean=(0.5, 0.2), std=(0.1, 0.0)))
    assert float(near[:, 1].std()) < 1e-6


def test_noisy_sets_are_given_images_under_noise():
    images = load("digits").images("test")
    assert torch.equal(ood("noisy_uniform", 5, SHAPE, 2, images=images), add_noise(images[:5], 1.0, seed=2))
    weak = ood("noisy_gaussian", 5, SHAPE, 2, images=images, strength=0.2)
    assert torch.equal(weak, add_gaussian_noise(images[:5], 0.2, seed=2))
    whole = (images * 255).to(torch.uint8)
    assert torch.equal(ood("noisy_uniform", 5, SHAPE, images=whole), add_noise(whole[:5].float() / 255, 1.0))
    with pytest.raises(ParameterError, match="none are given"):
        ood("noisy_uniform", 5, SHAPE)


def test_other_data_sets_give_their_first_test_images(tmp_path):
    assert torch.equal(ood("digits", 5, SHAPE), load("digits").test_images[:5])
    (tmp_path / "kmnist").mkdir()
    drawn = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "kmnist" / "kmnist-test-imgs.npz", drawn)
    np.savez(tmp_path / "kmnist" / "kmnist-test-labels.npz", np.zeros(6, np.uint8))
    found = ood("kmnist", 4, SHAPE, root=tmp_path)
    assert np.array_equal((found[:, 0] * 255).round().numpy(), drawn[:4])
    with pytest.raises(ParameterError, match="not so many"):
        ood("kmnist", 7, SHAPE, root=tmp_path)
    with pytest.raises(ParameterError, match="not of the shape"):
        ood("kmnist", 4, (3, 32, 32), root=tmp_path)
    with pytest.raises(DataError, match="not there"):
        ood("mnist", 4, SHAPE, root=tmp_path)


def test_bad_names_and_counts():
    with pytest.raises(ParameterError, match="unknown") as caught:
        ood("gausian", 4, SHAPE)
    assert "'gaussian'" in caught.value.remedy and "kmnist" in OOD
    for name in ("uniform", "gaussian", "digits"):
        with pytest.raises(ParameterError):
            ood(name, 0, SHAPE)


@pytest.mark.parametrize("name", ["gaussian", "uniform", "digits", "noisy_uniform"])
def test_counts_and_shapes_that_are_none(name):
    images = torch.zeros(5, 1, 28, 28)
    for count, shape in ((2.5, (1, 28, 28)), (0, (1, 28, 28)), (True, (1, 28, 28)), (2, ()), (2, (1, 28, 0))):
        with pytest.raises(ParameterError):
            ood(name, count, shape, images=images)
