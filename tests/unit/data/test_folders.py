from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from spinbnn.data import load, load_folder
from spinbnn.errors import DataError, ParameterError


def picture(number, mode="RGB", size=(9, 6)):
    """Pillow sizes are (width, height)."""
    draw = np.random.default_rng(number)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    return draw.integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def root(tmp_path):
    for label, name in enumerate(("zebra", "ant")):
        (tmp_path / "zoo" / name).mkdir(parents=True)
        for k in range(5):
            Image.fromarray(picture(10 * label + k)).save(tmp_path / "zoo" / name / f"{k}.png")
    return tmp_path / "zoo"


def test_images_and_labels_follow_the_sorted_names(root):
    data = load_folder(root, test=0.4, seed=3)
    assert data.class_names == ("ant", "zebra") and data.classes == 2 and data.shape == (3, 6, 9)
    assert (len(data.train_labels), data.test_labels.tolist()) == (6, [0, 0, 1, 1])
    every = torch.cat([data.images("train"), data.images("test")])
    labels = torch.cat([data.train_labels, data.test_labels])
    expected = torch.from_numpy(picture(12)).permute(2, 0, 1) / 255.0  # ant/2.png
    (where,) = (every == expected).flatten(1).all(1).nonzero()[0]
    assert labels[where] == 0
    again = load_folder(root, test=0.4, seed=3)
    assert torch.equal(again.test_images, data.test_images) and again.sha256 == data.sha256
    assert not torch.equal(load_folder(root, test=0.4, seed=4).test_images, data.test_images)
    assert len(load_folder(root, test=1.0).test_labels) == 10


def test_parts_are_taken_from_their_folders(root, tmp_path):
    both = tmp_path / "both"
    shutil.copytree(root, both / "train")
    shutil.copytree(root, both / "test")
    (both / "test" / "ant" / "0.png").unlink()
    data = load_folder(both)
    assert (len(data.train_labels), len(data.test_labels)) == (10, 9) and "train/ and test/" in data.source
    shutil.rmtree(both / "test" / "ant")
    with pytest.raises(DataError, match="differ in their classes"):
        load_folder(both)


def test_by_name_below_the_data_root_and_by_path(root, monkeypatch):
    monkeypatch.setenv("SPINBNN_DATA", str(root.parent))
    assert load("folder:zoo").sha256 == load_folder(root).sha256 == load(f"folder:{root}").sha256
    assert load("folder:zoo").name == "folder:zoo"
    with pytest.raises(ParameterError, match="needs a path"):
        load("folder:")


def test_grey_palette_and_resized(root, tmp_path):
    grey = load_folder(root, channels=1, size=(12, 18))
    assert grey.shape == (1, 12, 18)
    (tmp_path / "g" / "a").mkdir(parents=True)
    Image.fromarray(picture(1, "L")).save(tmp_path / "g" / "a" / "x.png")
    Image.fromarray(picture(2, "L")).save(tmp_path / "g" / "a" / "y.JPG", quality=95)
    one = load_folder(tmp_path / "g", test=0.5)
    assert one.shape == (1, 6, 9)
    assert load_folder(tmp_path / "g", channels=3).shape == (3, 6, 9)
    image = Image.fromarray(picture(3)).quantize(4)
    image.save(tmp_path / "g" / "a" / "x.png")
    with pytest.raises(DataError, match="differ in shape") as caught:  # palettes become RGB, y is grey
        load_folder(tmp_path / "g")
    assert "y.JPG" in caught.value.where


def truncated(path):
    path.write_bytes(path.read_bytes()[:60])


def text(path):
    path.write_text("no image")


def other_size(path):
    Image.fromarray(picture(1, size=(9, 7))).save(path)


def transparent(path):
    Image.fromarray(picture(1)).convert("RGBA").save(path)


def sixteen_bits(path):
    Image.fromarray(np.zeros((6, 9), np.uint16)).save(path)


def transparent_colour(path):
    Image.fromarray(picture(1)).save(path, transparency=(0, 0, 0))


def transparent_palette(path):
    Image.fromarray(picture(1)).convert("P").save(path, transparency=3)


@pytest.mark.parametrize("spoil", [truncated, text, other_size, transparent, transparent_colour, transparent_palette, sixteen_bits])
def test_a_bad_image_is_named(root, spoil):
    spoil(root / "zebra" / "3.png")
    with pytest.raises(DataError) as caught:
        load_folder(root)
    assert caught.value.where.endswith("3.png") and caught.value.remedy


def test_another_split_of_the_same_files_has_another_hash(root):
    """A checkpoint is bound to the hash of its data: the labels of two splits are the same, the images are not."""
    first, again, second = (load_folder(root, seed=seed) for seed in (0, 0, 1))
    assert not torch.equal(first.train_images, second.train_images)
    assert first.sha256 == again.sha256 != second.sha256


def test_folders_that_hold_nothing(root, tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        load_folder(tmp_path / "elsewhere")
    (root / "empty").mkdir()
    with pytest.raises(DataError, match="no image") as caught:
        load_folder(root)
    assert caught.value.where.endswith("empty")
    (tmp_path / "flat").mkdir()
    with pytest.raises(DataError, match="no class folders"):
        load_folder(tmp_path / "flat")
    for wrong in ({"test": 0.0}, {"test": 1.5}, {"channels": 2}):
        with pytest.raises(ParameterError):
            load_folder(root, **wrong)
