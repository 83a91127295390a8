from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from spinbnn.data import available, cifar, load
from spinbnn.data.cifar import FOLDER, META, PUBLISHED, RECORD, TEST_FILE, TRAIN_FILES
from spinbnn.errors import DataError

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def records(file, count=4):
    """Records of one file: label, then red, green, blue planes, each row by row."""
    draw = np.random.default_rng(sum(file.encode()))
    labels = draw.integers(0, 10, (count, 1), dtype=np.uint8)
    return np.concatenate([labels, draw.integers(0, 256, (count, RECORD - 1), dtype=np.uint8)], axis=1)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / FOLDER
    folder.mkdir()
    for file in (*TRAIN_FILES, TEST_FILE):
        (folder / file).write_bytes(records(file).tobytes())
    (folder / META).write_text("\n".join(NAMES) + "\n\n")
    return tmp_path


def test_records_become_bytes_for_training_and_floats_for_testing(root):
    data = load("cifar-10", root=root)
    assert data.train_images.dtype == torch.uint8 and data.test_images.dtype == torch.float32
    assert data.train_images.shape == (20, 3, 32, 32) and data.shape == (3, 32, 32) and data.class_names == tuple(NAMES)
    third = records(TRAIN_FILES[2])
    assert data.train_labels[8:12].tolist() == third[:, 0].tolist()
    # plane 1 is green, row 5, column 7: byte 1 + 1024 + 5 * 32 + 7
    assert data.train_images[9, 1, 5, 7] == third[1, 1 + 1024 + 5 * 32 + 7]
    assert data.train_images[10, 2, 31, 0] == third[2, 1 + 2048 + 31 * 32]
    held = records(TEST_FILE)
    assert data.test_labels.tolist() == held[:, 0].tolist()
    assert data.test_images[3, 0, 0, 9] == np.float32(held[3, 10]) / np.float32(255)
    assert available(root)["cifar-10"] == str(root / FOLDER)


def test_the_hash_covers_every_file(root):
    before = load("cifar-10", root=root).sha256
    for file in (TRAIN_FILES[0], TEST_FILE):
        path = root / FOLDER / file
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))
        assert load("cifar-10", root=root).sha256 != before


def test_the_source_says_what_the_pixels_are(root, monkeypatch):
    assert "unknown origin" in load("cifar-10", root=root).source and "4 images a file" in load("cifar-10", root=root).source
    (root / FOLDER / "README.md").write_text("\n# Pixels of a screen shot\nmore\n")
    assert "README.md says: Pixels of a screen shot" in load("cifar-10", root=root).source
    content = {file: records(file).tobytes() for file in (*TRAIN_FILES, TEST_FILE)}
    monkeypatch.setattr(cifar, "JPEG_Q75", hashlib.sha256(content[TEST_FILE]).hexdigest())
    assert "JPEG q75" in load("cifar-10", root=root).source
    monkeypatch.setattr(cifar, "PUBLISHED", {file: hashlib.md5(raw).hexdigest() for file, raw in content.items()})
    assert "files as published" in load("cifar-10", root=root).source
    assert set(PUBLISHED) == {*TRAIN_FILES, TEST_FILE}


@pytest.mark.parametrize("file", [TRAIN_FILES[0], TRAIN_FILES[4], TEST_FILE])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda raw: raw[:-1], "ends inside a record"),
        (lambda raw: raw + b"\0", "ends inside a record"),
        (lambda raw: b"", "is empty"),
        (lambda raw: raw[:-RECORD], "differ in their number"),
        (lambda raw: raw + raw[:RECORD], "differ in their number"),
        (lambda raw: raw[: 2 * RECORD] + b"\x0a" + raw[2 * RECORD + 1 :], "outside 0..9"),
    ],
)
def test_damage_is_named(root, file, spoil, message):
    path = root / FOLDER / file
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match=message) as caught:
        load("cifar-10", root=root)
    assert str(root / FOLDER) in caught.value.where and caught.value.remedy
    if "outside" in message:
        assert f"{file}, record 2" in caught.value.where


@pytest.mark.parametrize("file", [TRAIN_FILES[3], TEST_FILE, META])
def test_a_missing_file_is_named(root, file):
    (root / FOLDER / file).unlink()
    with pytest.raises(DataError) as caught:
        load("cifar-10", root=root)
    assert file in caught.value.where


def test_class_names_must_be_ten(root):
    (root / FOLDER / META).write_text("cat dog\n")
    with pytest.raises(DataError, match="ten class names"):
        load("cifar-10", root=root)


def test_pickles_are_pointed_out_and_not_read(tmp_path):
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(DataError, match="pickles are not read"):
        load("cifar-10", root=tmp_path)
    assert available(tmp_path)["cifar-10"] == ""
