from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from tolerances import RESAMPLED_FLOAT32

from spinbnn.data import load, stratified_split
from spinbnn.errors import DataError, ParameterError


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_digits_are_1297_and_500_in_the_unit_interval(digits):
    assert (len(digits.train_labels), len(digits.test_labels)) == (1297, 500)
    for images in (digits.train_images, digits.test_images):
        assert images.shape[1:] == (1, 28, 28) and images.dtype == torch.float32
        assert images.min() >= 0 and images.max() <= 1
    assert digits.sha256 == load("digits").sha256
    assert torch.equal(digits.test_images, load("digits").test_images)


def test_digits_split_is_stratified_and_complete(digits):
    counts = np.bincount(digits.test_labels, minlength=10)
    every = np.bincount(load_digits().target, minlength=10)
    assert np.abs(counts - every * 500 / 1797).max() < 1
    assert np.array_equal(np.bincount(digits.train_labels, minlength=10) + counts, every)


def test_up_sampling_equals_bilinear_interpolation_written_out(digits):
    _, test = stratified_split(load_digits().target, 500, 0)
    small = load_digits().images[test[3]] / 16
    place = np.clip((np.arange(28) + 0.5) * 8 / 28 - 0.5, 0, 7)
    low = np.minimum(place.astype(int), 6)
    part = place - low
    rows = small[low] * (1 - part)[:, None] + small[low + 1] * part[:, None]
    expected = rows[:, low] * (1 - part) + rows[:, low + 1] * part
    assert np.abs(digits.test_images[3, 0].numpy() - expected).max() < RESAMPLED_FLOAT32


def test_stratified_split_depends_on_the_seed_alone():
    labels = np.random.default_rng(0).integers(0, 4, 101)
    first, second = stratified_split(labels, 30, 1)
    assert len(second) == 30 and sorted([*first, *second]) == list(range(101))
    assert np.array_equal(second, stratified_split(labels, 30, 1)[1])
    assert not np.array_equal(second, stratified_split(labels, 30, 2)[1])


def test_validation_comes_from_training_and_keeps_pairs(digits):
    split = digits.with_validation(200, seed=3)
    assert (len(split.train_labels), len(split.validation_labels), len(split.test_labels)) == (1097, 200, 500)
    both = torch.cat([split.train_images, split.validation_images]).flatten(1).sum(1).sort().values
    assert torch.equal(both, digits.train_images.flatten(1).sum(1).sort().values)
    match = (digits.train_images == split.validation_images[7]).flatten(1).all(1)
    assert split.validation_labels[7] in digits.train_labels[match]
    assert torch.equal(split.validation_images, digits.with_validation(200, seed=3).validation_images)
    assert not torch.equal(split.validation_images, digits.with_validation(200, seed=4).validation_images)
    with pytest.raises(ParameterError, match="already"):
        split.with_validation(10)
    with pytest.raises(ParameterError, match="does not fit"):
        digits.with_validation(1297)


def test_subset(digits):
    small = digits.subset(train=10, test=5)
    assert (len(small.train_images), len(small.test_labels)) == (10, 5)


def test_unequal_numbers_are_refused(digits):
    with pytest.raises(DataError, match="differ in number"):
        dataclasses.replace(digits, test_labels=digits.test_labels[:-1])
