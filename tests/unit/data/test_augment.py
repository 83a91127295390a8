from __future__ import annotations

import numpy as np
import pytest
import torch
from tolerances import RESAMPLED_FLOAT32, STANDARD_ERRORS
from torch.nn import functional

from spinbnn.data import AUGMENTATIONS, augment, shift_images
from spinbnn.data.augment import crop_boxes, crop_flip, resized_crop_flip, resized_crops
from spinbnn.errors import DataError, ParameterError
from spinbnn.rng import stream


def pixels(count=6, shape=(3, 12, 10)):
    draw = np.random.default_rng(5)
    return torch.from_numpy(draw.integers(1, 256, (count, *shape), dtype=np.uint8))


def moved(image, rows, columns):
    """One image moved down and right by whole pixels, zeros from outside, pixel by pixel."""
    out = torch.zeros_like(image)
    height, width = image.shape[-2:]
    for y in range(height):
        for x in range(width):
            if 0 <= y - rows < height and 0 <= x - columns < width:
                out[:, y, x] = image[:, y - rows, x - columns]
    return out


@pytest.mark.parametrize("reach", [1, 3])
def test_shift_moves_each_image_by_the_streams_numbers(reach):
    x = pixels().float() / 255
    found = shift_images(x, reach, stream(7, "augment", 2))
    offsets = stream(7, "augment", 2).integers(0, 2 * reach + 1, size=(2, 6))  # the draws of every release so far
    for k in range(6):
        assert torch.equal(found[k], moved(x[k], reach - int(offsets[0, k]), reach - int(offsets[1, k])))
    assert found.is_contiguous() and shift_images(x, 0, stream(7, "augment", 2)) is x


def test_crop_and_flip_are_a_displacement_and_a_mirror_image():
    x = pixels(40)
    found = crop_flip(x, np.random.default_rng(3))
    draws = np.random.default_rng(3).random((40, 3))
    seen = set()
    for k in range(40):
        rows, columns = 4 - int(9 * draws[k, 0]), 4 - int(9 * draws[k, 1])
        expected = moved(x[k], rows, columns)
        assert torch.equal(found[k], expected.flip(-1) if draws[k, 2] < 0.5 else expected)
        seen |= {("row", rows), ("column", columns), draws[k, 2] < 0.5}
    assert {("row", 4), ("row", -4), ("column", 4), ("column", -4), True, False} <= seen


def test_windows_and_mirrors_are_uniform():
    draws = 20_000
    image = torch.zeros(1, 1, 9, 9)
    image[0, 0, 4, 4] = 1.0
    found = crop_flip(image.expand(draws, -1, -1, -1), np.random.default_rng(0))
    counts = found.sum((0, 1))
    assert counts.sum() == draws
    spread = (draws / 81 * (1 - 1 / 81)) ** 0.5
    assert (counts - draws / 81).abs().max() < (STANDARD_ERRORS + 1) * spread  # 81 places
    right = torch.zeros(1, 1, 1, 3)
    right[..., 2] = 1.0
    flips = (crop_flip(right.expand(draws, -1, -1, -1), np.random.default_rng(1), padding=0)[..., 0] == 1).sum()
    assert abs(int(flips) - draws / 2) < STANDARD_ERRORS * draws**0.5 / 2


def test_resized_crops_equal_crop_interpolate_and_flip():
    x = pixels(30).float() / 255
    draws = np.random.default_rng(2).random((30, 10, 4))
    boxes = crop_boxes(draws, 12, 10)
    mirrored = np.arange(30) % 3 == 0
    found = resized_crops(x, boxes, mirrored)
    for k, (top, left, tall, wide) in enumerate(boxes.tolist()):
        part = x[k : k + 1, :, top : top + tall, left : left + wide]
        expected = functional.interpolate(part, size=(12, 10), mode="bilinear", align_corners=False)[0]
        expected = expected.flip(-1) if mirrored[k] else expected
        assert (found[k] - expected).abs().max() < RESAMPLED_FLOAT32
    assert len({tuple(b) for b in boxes.tolist()}) > 20


def test_crop_boxes_follow_their_distribution():
    boxes = crop_boxes(np.random.default_rng(0).random((20_000, 10, 4)), 200, 200).astype(float)
    top, left, tall, wide = boxes.T
    assert (top >= 0).all() and (left >= 0).all() and (top + tall <= 200).all() and (left + wide <= 200).all()
    share, aspect = tall * wide / 200**2, wide / tall
    assert 0.075 < share.min() < 0.09 and share.max() > 0.98
    assert 0.73 < aspect.min() < 0.76 and 1.32 < aspect.max() < 1.36  # sides are rounded
    small = share < 0.5  # nearly all of these fit at the first try
    assert abs(np.median(share[small]) - 0.29) < 0.01 and abs(np.median(np.log(aspect[small]))) < 0.01
    assert np.abs(np.quantile(np.log(aspect[small]), [0.25, 0.75]) - np.log([3 / 4, 4 / 3]) / 2).max() < 0.02
    room = (200 - tall) > 20
    assert abs((top[room] / (200 - tall[room])).mean() - 0.5) < 0.02 and top[room].min() == 0
    assert abs((left[room] / np.maximum(200 - wide[room], 1)).mean() - 0.5) < 0.03


def test_the_second_try_is_taken_where_the_first_does_not_fit():
    draws = np.full((1, 2, 4), 0.0)
    draws[0, 0, :2] = 0.999, 0.999  # nearly the whole area, twice too wide: does not fit
    draws[0, 1] = 0.5, 0.5, 0.999, 0.0
    assert crop_boxes(draws, 32, 32).tolist() == [[8, 0, 24, 24]]
    assert crop_boxes(draws[:, :1], 32, 32).tolist() == [[0, 0, 32, 32]]  # no try fits: the whole image
    assert crop_boxes(draws[:, :1], 30, 90).tolist() == [[0, 25, 30, 40]]  # at most 4 : 3


@pytest.mark.parametrize("recipe", ["crop_flip", "resized_crop_flip"])
def test_an_image_does_not_depend_on_the_size_of_its_batch(recipe):
    x = pixels(8)
    whole = augment(x, recipe, stream(1, "augment", 0))
    assert torch.equal(whole[:3], augment(x[:3], recipe, stream(1, "augment", 0)))
    assert not torch.equal(whole, augment(x, recipe, stream(1, "augment", 1)))


@pytest.mark.parametrize("recipe", AUGMENTATIONS)
def test_bytes_and_floats_are_augmented_alike(recipe):
    x = pixels()
    made = augment(x, recipe, np.random.default_rng(9))
    assert made.dtype == torch.float32 and made.shape == x.shape and made.min() >= 0 and made.max() <= 1
    assert torch.equal(made, augment(x.float() / 255, recipe, np.random.default_rng(9)))
    assert x.dtype == torch.uint8 and (recipe == "none") == torch.equal(made, x.float() / 255)


def test_the_reach_of_a_shift_is_passed_on():
    x = pixels().float() / 255
    assert torch.equal(augment(x, "shift", np.random.default_rng(0), reach=3), shift_images(x, 3, np.random.default_rng(0)))


def test_bad_input():
    x = pixels()
    with pytest.raises(ParameterError, match="unknown augmentation") as caught:
        augment(x, "crop_flp", np.random.default_rng(0))
    assert "crop_flip" in caught.value.remedy
    with pytest.raises(ParameterError, match="four dimensions"):
        augment(x[0], "none", np.random.default_rng(0))
    for reach in (-1, 1.5, True):
        with pytest.raises(ParameterError, match="whole number"):
            augment(x, "shift", np.random.default_rng(0), reach=reach)
    with pytest.raises(DataError):
        resized_crop_flip(x.double(), np.random.default_rng(0))
