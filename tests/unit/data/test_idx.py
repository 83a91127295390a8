from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from spinbnn.data import available, load
from spinbnn.data.idx import FILES, read_images, read_labels
from spinbnn.errors import DataError, ParameterError


def idx(array):
    """An unsigned-byte idx file by the published layout."""
    return (
        struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape)
        + array.astype(np.uint8).tobytes()
    )


@pytest.fixture
def arrays():
    draw = np.random.default_rng(0)
    return {
        "train_images": draw.integers(0, 256, (20, 28, 28)),
        "train_labels": np.arange(20) % 10,
        "test_images": draw.integers(0, 256, (10, 28, 28)),
        "test_labels": np.arange(10),
    }


@pytest.fixture
def root(tmp_path, arrays):
    folder = tmp_path / "mnist"
    folder.mkdir()
    for part, array in arrays.items():
        (folder / f"{FILES[part]}.gz").write_bytes(gzip.compress(idx(array)))
    return tmp_path


def test_gzip_files_are_read_exactly(root, arrays):
    data = load("mnist", root=root)
    assert np.array_equal((data.train_images[:, 0] * 255).round().numpy(), arrays["train_images"])
    assert data.test_labels.tolist() == list(range(10))
    assert data.train_images.shape == (20, 1, 28, 28)
    assert float(data.train_images.max()) <= 1.0 and len(data.validation_labels) == 0
    assert len(data.sha256) == 64


def test_torchvisions_layout_and_the_environment_variable(root, tmp_path, arrays, monkeypatch):
    raw = tmp_path / "elsewhere" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for part, array in arrays.items():
        (raw / FILES[part]).write_bytes(idx(array))
    monkeypatch.setenv("SPINBNN_DATA", str(tmp_path / "elsewhere"))
    assert load("fashion-mnist").test_labels.tolist() == list(range(10))
    found = available()
    assert found["fashion-mnist"] == str(raw) and found["mnist"] == "" and found["digits"] == "scikit-learn"


def test_the_hash_follows_the_content(root, arrays):
    before = load("mnist", root=root).sha256
    arrays["train_labels"][0] = 9
    (root / "mnist" / f"{FILES['train_labels']}.gz").write_bytes(gzip.compress(idx(arrays["train_labels"])))
    assert load("mnist", root=root).sha256 != before


def spoil_truncated_gzip(path):
    path.write_bytes(path.read_bytes()[:-20])


def spoil_flipped_gzip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def spoil_not_gzip(path):
    path.write_bytes(b"<html>not found</html>")


def spoil_empty(path):
    path.write_bytes(gzip.compress(b""))


def spoil_magic(path):
    path.write_bytes(gzip.compress(struct.pack(">IIII", 0x0D03, 1, 28, 28) + bytes(784)))


def spoil_short(path):
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))


def spoil_long(path):
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"x"))


def spoil_count(path):
    path.write_bytes(gzip.compress(idx(np.zeros((19, 28, 28)))))


def spoil_size(path):
    path.write_bytes(gzip.compress(idx(np.zeros((20, 32, 32)))))


def spoil_gone(path):
    path.unlink()


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_truncated_gzip,
        spoil_flipped_gzip,
        spoil_not_gzip,
        spoil_empty,
        spoil_magic,
        spoil_short,
        spoil_long,
        spoil_count,
        spoil_size,
        spoil_gone,
    ],
)
def test_damage_is_named_with_file_and_remedy(root, spoil):
    spoil(root / "mnist" / f"{FILES['train_images']}.gz")
    with pytest.raises(DataError) as caught:
        load("mnist", root=root)
    assert "train-" in caught.value.where and str(root) in caught.value.where
    assert caught.value.remedy


def test_swapped_kinds_and_strange_labels(root, arrays):
    images, labels = (
        root / "mnist" / f"{FILES['train_images']}.gz",
        root / "mnist" / f"{FILES['train_labels']}.gz",
    )
    with pytest.raises(DataError, match="expected kind"):
        read_labels(images)
    with pytest.raises(DataError, match="expected kind"):
        read_images(labels)
    labels.write_bytes(gzip.compress(idx(np.full(20, 11))))
    with pytest.raises(DataError, match="outside"):
        load("mnist", root=root)


def test_missing_places_say_what_to_set(tmp_path, monkeypatch):
    monkeypatch.delenv("SPINBNN_DATA", raising=False)
    with pytest.raises(DataError) as caught:
        load("mnist")
    assert "SPINBNN_DATA" in str(caught.value)
    with pytest.raises(DataError, match="not there"):
        load("mnist", root=tmp_path)
    with pytest.raises(ParameterError) as wrong:
        load("minst")
    assert "did you mean 'mnist'" in wrong.value.remedy
