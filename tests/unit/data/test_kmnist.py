from __future__ import annotations

import gzip
import io
import struct

import numpy as np
import pytest
import torch

from spinbnn.data import available, load
from spinbnn.data.idx import FILES
from spinbnn.data.mnist_family import NPZ
from spinbnn.errors import DataError


def arrays():
    draw = np.random.default_rng(1)
    return {
        "train_images": draw.integers(0, 256, (12, 28, 28), dtype=np.uint8),
        "train_labels": (np.arange(12) % 10).astype(np.uint8),
        "test_images": draw.integers(0, 256, (7, 28, 28), dtype=np.uint8),
        "test_labels": np.arange(7, dtype=np.uint8),
    }


def write_npz(folder, parts):
    folder.mkdir(exist_ok=True)
    for part in parts:
        np.savez_compressed(folder / NPZ[part], arrays()[part])


def write_idx(folder, parts):
    folder.mkdir(parents=True, exist_ok=True)
    for part in parts:
        array = arrays()[part]
        head = struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape)
        (folder / f"{FILES[part]}.gz").write_bytes(gzip.compress(head + array.tobytes()))


TEST = ("test_images", "test_labels")


@pytest.mark.parametrize("write", [write_npz, write_idx])
def test_both_layouts_give_the_same_images(tmp_path, write):
    write(tmp_path / "kmnist", FILES)
    data = load("kmnist", root=tmp_path)
    assert np.array_equal((data.train_images[:, 0] * 255).round().numpy(), arrays()["train_images"])
    assert data.test_labels.tolist() == list(range(7)) and data.train_images.dtype == torch.float32
    assert available(tmp_path)["kmnist"] == str(tmp_path / "kmnist")


@pytest.mark.parametrize("write", [write_npz, write_idx])
def test_the_test_part_alone_can_be_used_but_not_trained_on(tmp_path, write):
    write(tmp_path / "kmnist", TEST)
    data = load("kmnist", root=tmp_path)
    assert len(data.test_labels) == 7 and len(data.train_labels) == 0 and "test images only" in data.source
    with pytest.raises(DataError, match="no training images"):
        data.images("train")


def test_idx_files_are_preferred_and_torchvisions_folder_is_found(tmp_path):
    write_npz(tmp_path / "kmnist", TEST)
    write_idx(tmp_path / "KMNIST" / "raw", FILES)
    assert "npz" in load("kmnist", root=tmp_path).source
    write_idx(tmp_path / "kmnist", FILES)
    assert "idx" in load("kmnist", root=tmp_path).source
    for path in (tmp_path / "kmnist").iterdir():
        path.unlink()
    assert available(tmp_path)["kmnist"] == str(tmp_path / "KMNIST" / "raw")


@pytest.mark.parametrize("missing", list(NPZ))
def test_one_file_without_its_companion_is_refused(tmp_path, missing):
    write_npz(tmp_path / "kmnist", [part for part in NPZ if part != missing])
    with pytest.raises(DataError) as caught:
        load("kmnist", root=tmp_path)
    assert str(tmp_path) in caught.value.where and caught.value.remedy


def half(content):
    return content[: len(content) // 2]


def no_zip(content):
    return b"<html>not found</html>"


def pickled(content):
    out = io.BytesIO()
    np.savez(out, np.array([{"a": 1}], dtype=object))
    return out.getvalue()


def other_key(content):
    out = io.BytesIO()
    np.savez(out, images=np.zeros((7, 28, 28), np.uint8))
    return out.getvalue()


def floats(content):
    out = io.BytesIO()
    np.savez(out, np.zeros((7, 28, 28)))
    return out.getvalue()


def other_size(content):
    out = io.BytesIO()
    np.savez(out, np.zeros((7, 32, 32), np.uint8))
    return out.getvalue()


def other_count(content):
    out = io.BytesIO()
    np.savez(out, np.zeros((6, 28, 28), np.uint8))
    return out.getvalue()


def plain_array(content):
    out = io.BytesIO()
    np.save(out, np.zeros((7, 28, 28), np.uint8))
    return out.getvalue()


def flipped(content):
    content = bytearray(content)
    content[len(content) // 2] ^= 0xFF
    return bytes(content)


@pytest.mark.parametrize("spoil", [half, no_zip, pickled, other_key, floats, other_size, other_count, plain_array, flipped])
def test_a_damaged_npz_file_is_named(tmp_path, spoil):
    write_npz(tmp_path / "kmnist", TEST)
    path = tmp_path / "kmnist" / NPZ["test_images"]
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError) as caught:
        load("kmnist", root=tmp_path)
    assert "kmnist-test-" in caught.value.where and caught.value.remedy


def test_labels_out_of_range(tmp_path):
    write_npz(tmp_path / "kmnist", TEST)
    np.savez(tmp_path / "kmnist" / NPZ["test_labels"], np.full(7, 10, np.uint8))
    with pytest.raises(DataError, match=r"outside 0\.\.9") as caught:
        load("kmnist", root=tmp_path)
    assert "labels" in caught.value.where
