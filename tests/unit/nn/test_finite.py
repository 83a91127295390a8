"""Networks with weights that are no numbers are refused where they enter."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from spinbnn.errors import DataError, ProfileError
from spinbnn.nn import BinaryLinear, ScaleDropout, check_finite, to_hardware
from spinbnn.nn.models import lenet5

CHIP = SimpleNamespace(drop_probability=[0.2] * 5, id="demo")
PROFILE = SimpleNamespace(array=(64, 64), id="demo")


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["conv2.weight", "norm3.alpha", "norm3.running_var"])
def test_the_first_value_that_is_not_finite_is_named(name, bad):
    model = lenet5()
    check_finite(model, "here")
    value = dict([*model.named_parameters(), *model.named_buffers()])[name]
    with torch.no_grad():
        value.view(-1)[-1] = bad
    with pytest.raises(DataError, match="1 of") as caught:
        check_finite(model, "here")
    assert caught.value.where.startswith("here, ") and repr(name) in caught.value.where
    last = tuple(size - 1 for size in value.shape)
    assert str(last) in caught.value.where


def test_opposite_infinities_do_not_hide_each_other():
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.data.copy_(torch.tensor([[float("inf"), -float("inf")]]))
    with pytest.raises(DataError, match="2 of 2"):
        check_finite(layer, "here")


def test_a_sum_beyond_the_range_of_the_type_is_no_damage():
    layer = nn.Linear(4, 1, bias=False)
    layer.weight.data.fill_(3e38)
    check_finite(layer, "here")


def test_a_damaged_proxy_would_answer_like_a_negative_one_and_is_not_mapped():
    model = lenet5()
    model.fc1.weight.data[3, 5] = float("nan")
    assert set(model.fc1.binary_weight()[3].tolist()) == {-1.0}
    with pytest.raises(DataError, match="not finite") as caught:
        to_hardware(model, PROFILE, CHIP)
    assert "to_hardware" in caught.value.where and "fc1.weight" in caught.value.where


def test_a_chip_has_no_mask_bit_for_each_channel():
    model = nn.Sequential(BinaryLinear(4, 3), ScaleDropout(3, granularity="element", spatial=False))
    chip = SimpleNamespace(drop_probability=[0.2], id="demo")
    with pytest.raises(ProfileError, match="one dropout module for each layer"):
        to_hardware(model, PROFILE, chip)
