"""What an ImageData refuses, and its images, statistics and missing training part."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from tolerances import FLOAT64

from spinbnn.data import ImageData, as_float
from spinbnn.errors import DataError, ParameterError


def made(train=6, test=4, shape=(3, 5, 4), dtype=torch.uint8):
    draw = np.random.default_rng(0)
    pixels = torch.from_numpy(draw.integers(0, 256, (train, *shape), dtype=np.uint8))
    held = as_float(torch.from_numpy(draw.integers(0, 256, (test, *shape), dtype=np.uint8)))
    return ImageData(
        name="made", source="made up", sha256="0" * 64, classes=3,
        train_images=pixels if dtype == torch.uint8 else as_float(pixels), train_labels=torch.arange(train) % 3,
        validation_images=held[:0], validation_labels=torch.zeros(0, dtype=torch.int64),
        test_images=held, test_labels=torch.arange(test) % 3,
    )  # fmt: skip


def test_bytes_and_floats_give_the_same_images():
    kept, ready = made(), made(dtype=torch.float32)
    assert kept.train_images.dtype == torch.uint8 and ready.train_images.dtype == torch.float32
    pick = torch.tensor([4, 0, 5])
    assert torch.equal(kept.images("train", pick), ready.train_images[pick])
    assert torch.equal(kept.images("train"), ready.images("train"))
    assert kept.images("train", slice(1, 3)).dtype == torch.float32
    assert torch.equal(kept.images("test"), kept.test_images) and kept.shape == (3, 5, 4)
    with pytest.raises(ParameterError, match="no such part"):
        kept.images("tests")


def test_conversion_is_division_by_255_and_other_types_are_refused():
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(as_float(every), torch.arange(256, dtype=torch.float32) / 255.0)
    x = torch.rand(3, generator=torch.Generator().manual_seed(0))
    assert as_float(x) is x
    for wrong in (torch.float64, torch.int64, torch.bool):
        with pytest.raises(DataError, match="bytes or float32"):
            as_float(x.to(wrong))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_statistics_are_those_of_every_pixel_of_a_channel(dtype):
    data = made(dtype=dtype)
    flat = data.images("train").double().numpy().transpose(1, 0, 2, 3).reshape(3, -1)
    assert np.abs(np.array(data.statistics.mean) - flat.mean(1)).max() < 1e-7  # float32 pixels
    assert np.abs(np.array(data.statistics.std) - flat.std(1)).max() < 1e-7


def test_statistics_of_bytes_are_exact():
    data = made()
    flat = data.train_images.numpy().transpose(1, 0, 2, 3).reshape(3, -1) / 255.0
    assert np.abs(np.array(data.statistics.std) - flat.std(1)).max() < FLOAT64


def test_a_validation_part_from_bytes_is_float_and_the_rest_stays_bytes():
    data = made()
    split = data.with_validation(2, seed=1)
    assert split.train_images.dtype == torch.uint8 and split.validation_images.dtype == torch.float32
    both = torch.cat([split.images("train"), split.images("validation")]).flatten(1).sum(1).sort().values
    assert torch.equal(both, data.images("train").flatten(1).sum(1).sort().values)
    assert data.subset(train=2).train_images.dtype == torch.uint8


def test_without_training_images_it_says_so():
    data = made().subset(train=0)
    for action in (lambda: data.images("train"), lambda: data.with_validation(0), lambda: data.statistics, data.require_training):
        with pytest.raises(DataError, match="no training images") as caught:
            action()
        assert "made" in caught.value.where and caught.value.remedy
    assert len(data.images("test")) == 4 and len(data.images("validation")) == 0


def floats(value):
    x = made(dtype=torch.float32).train_images.clone()
    x[2, 1, 3, 2] = value
    return x


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_labels": torch.arange(5)}, "differ in number"),
        ({"train_images": torch.zeros(6, 3, 5, 5)}, "shape of the test"),
        ({"train_images": torch.zeros(6, 1, 5, 4)}, "shape of the test"),
        ({"train_images": torch.zeros(6, 20)}, "shape of the test"),
        ({"test_images": torch.zeros(4, 60)}, "shape of the test"),
        ({"test_images": torch.zeros(4, 3, 5, 4, dtype=torch.uint8)}, "float32"),
        ({"train_images": torch.zeros(6, 3, 5, 4, dtype=torch.float64)}, "float32"),
        ({"train_images": floats(1.01)}, "outside"),
        ({"train_images": floats(-0.01)}, "outside"),
        ({"train_images": floats(math.nan)}, "outside"),
        ({"train_images": floats(math.inf)}, "outside"),
        ({"train_labels": torch.tensor([0, 1, 2, 0, 1, 3])}, "names no class"),
        ({"train_labels": torch.tensor([0, 1, 2, 0, 1, -1])}, "names no class"),
        ({"train_labels": torch.zeros(6, dtype=torch.int32)}, "int64"),
        ({"train_labels": torch.zeros(6, 1, dtype=torch.int64)}, "int64"),
        ({"class_names": ("a", "b")}, "one name for each class"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_part(change, message):
    with pytest.raises(DataError, match=message) as caught:
        dataclasses.replace(made(), **change)
    assert "'made'" in caught.value.where and caught.value.remedy


@pytest.mark.parametrize("count", [-1, 2.5, True])
def test_numbers_of_images_are_whole_and_not_negative(count):
    for call in (lambda: made().subset(train=count), lambda: made().subset(test=count), lambda: made().with_validation(count)):
        with pytest.raises(ParameterError):
            call()
