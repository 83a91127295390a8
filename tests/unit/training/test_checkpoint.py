from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from stand_ins import StandInChip, StandInProfile, shake

from spinbnn.errors import DataError, ParameterError
from spinbnn.nn import drop_probabilities, set_drop_probabilities, to_hardware
from spinbnn.nn.models import lenet5
from spinbnn.training import load_model, load_weights, read_record, save_weights


@pytest.fixture
def saved(tmp_path):
    model = shake(lenet5(first="digital", p=0.1, seed=7))
    set_drop_probabilities(model, [0.1, 0.2, 0.3, 0.4, 0.5])
    path = tmp_path / "weights" / "lenet.safetensors"
    save_weights(path, model, {"epochs": 3})
    return model, path


def test_load_model_rebuilds_everything(saved):
    model, path = saved
    twin = load_model(path)
    assert not twin.training
    assert drop_probabilities(twin).tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert torch.equal(twin(x), model.eval()(x))
    assert read_record(path)["metadata"] == {"epochs": 3}
    assert [file.name for file in path.parent.iterdir()] == ["lenet.safetensors"]


def test_the_file_is_the_same_each_time(saved, tmp_path):
    model, path = saved
    save_weights(tmp_path / "again.safetensors", model, {"epochs": 3})
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_weights_of_another_network_are_refused(saved):
    with pytest.raises(DataError, match="fit the model"):
        load_weights(saved[1], lenet5(placement="pre_bn"))


def test_damaged_foreign_and_missing_files(saved, tmp_path):
    _, path = saved
    foreign = tmp_path / "foreign.safetensors"
    save_file({"x": torch.zeros(1)}, foreign)
    half = tmp_path / "half.safetensors"
    half.write_bytes(path.read_bytes()[:-100])
    for wrong in (foreign, half, tmp_path / "none.safetensors"):
        with pytest.raises(DataError) as caught:
            load_model(wrong)
        assert caught.value.where == str(wrong)


def test_only_models_that_can_be_rebuilt_are_saved(tmp_path):
    with pytest.raises(ParameterError, match="state_dict"):
        save_weights(tmp_path / "x", torch.nn.Linear(1, 1))
    with pytest.raises(ParameterError, match="that to_hardware was given"):
        save_weights(tmp_path / "x", to_hardware(lenet5(), StandInProfile(), StandInChip([0.2] * 5)))
