"""Weights files at one bit a binary weight: the same predictions, an eighth of a byte each, and what is refused."""

from __future__ import annotations

import json
import math

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from stand_ins import shake
from torch import nn

from spinbnn.bayes import predict
from spinbnn.errors import DataError
from spinbnn.nn.binarizers import BINARIZERS
from spinbnn.nn.layers import BinaryConv2d, BinaryLinear
from spinbnn.nn.models import lenet5, resnet20
from spinbnn.training import load_model, load_weights, read_record, save_weights
from spinbnn.training.packing import pack, packable, unpack


def images(count=3):
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def binary_layers(model):
    return [m for m in model.modules() if isinstance(m, BinaryConv2d | BinaryLinear)]


@pytest.mark.parametrize("binarizer", BINARIZERS)
@pytest.mark.parametrize("ends", ["binary", "digital"])
def test_packed_weights_predict_the_same_bit_for_bit(tmp_path, binarizer, ends):
    model = shake(lenet5(first=ends, last=ends, binarizer=binarizer, p=0.3)).eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    path = tmp_path / "packed.safetensors"
    save_weights(path, model, {"seed": 4}, packed=True)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    twin = load_model(path)
    for mine, other in zip(binary_layers(model), binary_layers(twin), strict=True):
        assert torch.equal(mine.binary_weight(), other.binary_weight())
        assert set(other.weight.unique().tolist()) == {-1.0, 1.0}
    assert torch.equal(predict(twin, images(), "exact").probs, predict(model, images(), "exact").probs)
    record = read_record(path)
    assert record["metadata"] == {"seed": 4} and len(record["packed"]) == len(binary_layers(model))
    again = tmp_path / "again.safetensors"
    save_weights(again, twin, {"seed": 4}, packed=True)
    assert again.read_bytes() == path.read_bytes()


def test_the_file_holds_one_bit_a_weight_and_no_proxies(tmp_path):
    model = lenet5()
    for name, packed in {"full": False, "packed": True}.items():
        save_weights(tmp_path / name, model, packed=packed)
    with safe_open(str(tmp_path / "packed"), framework="pt") as handle:
        tensors = {key: handle.get_tensor(key) for key in handle.keys()}  # noqa: SIM118
    weights = [layer.weight.numel() for layer in binary_layers(model)]
    assert sum(weights) == 150 + 2400 + 30720 + 10080 + 840
    bits = [value for key, value in tensors.items() if key.endswith(".bits")]
    assert sorted(map(len, bits)) == sorted(math.ceil(n / 8) for n in weights)
    assert not {f"{name}.weight" for name in ("conv1", "conv2", "fc1", "fc2", "fc3")} & tensors.keys()
    saved = (tmp_path / "full").stat().st_size - (tmp_path / "packed").stat().st_size
    assert abs(saved - sum(weights) * (4 - 1 / 8)) < 1000  # names and shapes in the header


def test_bits_go_round_and_wrong_sizes_do_not():
    for shape in [(1, 1), (3, 5), (2, 3, 3, 3), (8, 8)]:
        signs = torch.randint(0, 2, shape, generator=torch.Generator().manual_seed(1)) * 2.0 - 1.0
        assert torch.equal(unpack(pack(signs), shape), signs)
    for wrong in (torch.zeros(1, dtype=torch.uint8), torch.zeros(3, dtype=torch.uint8), torch.zeros(2)):
        with pytest.raises(ValueError, match="cannot hold"):
            unpack(wrong, (3, 4))


def test_layers_whose_signs_would_not_come_back_keep_their_proxies(tmp_path):
    """A binariser that takes the mean away makes +1 of a row of -1: such a layer must not be packed."""

    class Odd(nn.Module):
        def weight(self, w):
            return torch.where(w.flatten(1).mean(1).view(-1, *[1] * (w.ndim - 1)) > 0.01, -1.0, 1.0).expand_as(w)

        def input(self, x):
            return x.sign()

    model = shake(lenet5()).eval()
    model.fc1.binarizer = Odd()
    with torch.no_grad():
        model.fc1.weight.fill_(0.5)  # all -1, and proxies of -1 would give +1
    assert "fc1.weight" not in packable(model) and len(packable(model)) == 4
    save_weights(tmp_path / "odd", model, packed=True)
    twin = lenet5()
    load_weights(tmp_path / "odd", twin)
    assert torch.equal(twin.fc1.weight, model.fc1.weight)


def test_rows_of_equal_signs_are_packed_where_they_come_back(tmp_path):
    model = shake(lenet5(binarizer="bnn")).eval()
    with torch.no_grad():
        model.fc1.weight[0].fill_(-0.3)
        model.fc1.weight[1].fill_(0.3)
    save_weights(tmp_path / "rows", model, packed=True)
    assert torch.equal(load_model(tmp_path / "rows").fc1.binary_weight(), model.fc1.binary_weight())


def test_a_residual_network_goes_round(tmp_path):
    model = shake(resnet20(binarizer="recu", first="digital", last="digital")).eval()
    save_weights(tmp_path / "packed", model, packed=True)
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(load_model(tmp_path / "packed")(x), model(x))
    assert (tmp_path / "packed").stat().st_size < 110_000


def change_record(path, target, change):
    with safe_open(str(path), framework="pt") as handle:
        record = json.loads(handle.metadata()["spinbnn"])
        tensors = {key: handle.get_tensor(key) for key in handle.keys()}  # noqa: SIM118
    change(record, tensors)
    save_file(tensors, target, metadata={"spinbnn": json.dumps(record)})
    return target


@pytest.mark.parametrize(
    "change",
    [
        lambda record, tensors: tensors.pop("fc1.weight.bits"),
        lambda record, tensors: tensors.update({"fc1.weight.bits": tensors["fc1.weight.bits"][:-1].clone()}),
        lambda record, tensors: record["packed"].update({"fc1.weight": [120, 2.5, "x"]}),
        lambda record, tensors: record["packed"].update({"fc1.weight": [60, 512]}),
        lambda record, tensors: record["packed"].pop("fc1.weight"),
        lambda record, tensors: record.update({"packed": 3}),
        lambda record, tensors: tensors["norm1.alpha"].fill_(float("nan")),
        lambda record, tensors: record.update({"schema": "spinbnn.weights/9"}),
        lambda record, tensors: record.pop("options"),
        lambda record, tensors: record["options"].update(colour="red"),
        lambda record, tensors: record.update({"model": "lenet6"}),
        lambda record, tensors: record.update({"drop_probabilities": ["a"] * 5}),
        lambda record, tensors: record.update({"drop_probabilities": [0.1]}),
        lambda record, tensors: record.update({"drop_probabilities": []}),
    ],
)
def test_damaged_files_are_named(tmp_path, change):
    save_weights(tmp_path / "good", lenet5(), packed=True)
    bad = change_record(tmp_path / "good", tmp_path / "bad", change)
    with pytest.raises(DataError) as caught:
        load_model(bad)
    assert caught.value.where.split(",")[0] == str(bad)


def test_truncated_files_and_values_that_are_not_finite(tmp_path):
    save_weights(tmp_path / "good", lenet5(), packed=True)
    content = (tmp_path / "good").read_bytes()
    for size in (0, 4, 100, len(content) - 1):
        (tmp_path / "half").write_bytes(content[:size])
        with pytest.raises(DataError, match="cannot be read"):
            read_record(tmp_path / "half")
    for packed in (False, True):
        model = lenet5()
        with torch.no_grad():
            model.fc2.weight[3, 3] = float("nan")
        with pytest.raises(DataError, match="not finite") as caught:
            save_weights(tmp_path / "nan", model, packed=packed)
        assert "fc2.weight" in str(caught.value) and not (tmp_path / "nan").exists()
