from __future__ import annotations

import numpy as np
import pytest
import torch

from spinbnn.errors import ParameterError
from spinbnn.nn.depth_rule import layer_rule, resolve_p
from spinbnn.nn.models import build

RULED = {
    "lenet5": [0.1, 0.2, 0.5, 0.5, 0.1],
    "lenet_20_50_500": [0.1, 0.1, 0.5, 0.1],
    "lenet_32_64_512": [0.1, 0.1, 0.5, 0.1],
    "vgg_small": [0.1, 0.2, 0.2, 0.5, 0.5],
    "resnet20": [0.1] * 6 + [0.2] * 6 + [0.5] * 6,
    "resnet18": [0.1] * 8 + [0.2] * 4 + [0.5] * 4,
}


def test_the_bounds_belong_to_the_smaller_probability():
    assert layer_rule([1, 2, 4, 5, 16]) == [0.1, 0.2, 0.2, 0.5, 0.5]
    assert layer_rule([1000, 1001, 4000, 4001, 16000]) == [0.1, 0.2, 0.2, 0.5, 0.5]
    assert layer_rule([7]) == [0.5]


@pytest.mark.parametrize("name", RULED)
def test_the_networks_store_the_numbers_of_the_rule(name):
    model = build(name, p="layer_rule")
    assert model.options["p"] == RULED[name]
    assert build(name, **model.options).options == model.options


def test_the_logits_count_where_they_have_a_dropout():
    assert build("lenet5", p="layer_rule", logit_dropout=False).options["p"] == RULED["lenet5"][:4]
    assert build("resnet20", p="layer_rule", logit_dropout=True).options["p"] == [*RULED["resnet20"], 0.1]


@pytest.mark.parametrize("weights", [[], [3, 0], [-1, 2]])
def test_layers_without_weights_have_no_rule(weights):
    with pytest.raises(ParameterError, match="layers with weights"):
        layer_rule(weights)


def test_other_words_and_other_numbers_are_refused():
    with pytest.raises(ParameterError, match="unknown rule"):
        resolve_p("depth", [1, 2], "net")
    with pytest.raises(ParameterError, match="wrong number"):
        resolve_p([0.1], [1, 2], "net")


@pytest.mark.parametrize("one", [np.float32(0.25), np.array(0.25), torch.tensor(0.25), 0.25])
def test_one_probability_of_any_numeric_type_serves_all_layers(one):
    assert resolve_p(one, [1, 2, 3], "net") == [0.25] * 3
    assert resolve_p(np.array([0.25, 0.5]), [1, 2], "net") == [0.25, 0.5]


@pytest.mark.parametrize("wrong", [None, [None, 0.1], ["a", 0.1], [[0.1, 0.2], 0.1]])
def test_what_is_no_number_is_refused_by_name(wrong):
    with pytest.raises(ParameterError, match="are numbers") as caught:
        resolve_p(wrong, [1, 2], "net")
    assert caught.value.where == "net, argument 'p'"
