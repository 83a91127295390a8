"""Binarisers by name, and layers that take them."""

from __future__ import annotations

import copy

import pytest
import torch

from spinbnn.errors import ParameterError
from spinbnn.nn import BINARIZERS, BinaryConv2d, BinaryLinear, DigitalLinear, make_binarizer

CHANGED = {
    "libra": {"weight_clip": 2.0},
    "bnn": {},
    "irnet": {"t_min": 1e-3},
    "bireal": {"magnitude": True},
    "recu": {"tau_min": 0.8},
}


@pytest.mark.parametrize("name", BINARIZERS)
def test_name_and_options_make_it_again(name):
    rule = make_binarizer(name, **CHANGED[name])
    again = make_binarizer(rule.name, **rule.options)
    assert type(again) is BINARIZERS[name] and again.options == rule.options
    assert rule.options.items() >= CHANGED[name].items()
    assert not list(rule.state_dict())


def test_an_object_is_taken_as_it_is():
    rule = make_binarizer("irnet")
    assert make_binarizer(rule) is rule
    layers = [
        BinaryLinear(3, 2, binarizer=rule),
        BinaryConv2d(1, 1, 3, binarizer=rule),
        DigitalLinear(2, 2, binarizer=rule),
    ]
    rule.anneal(1.0)
    assert all(layer.binarizer.t == 10.0 for layer in layers)
    with pytest.raises(ParameterError, match="beside"):
        make_binarizer(rule, t_min=0.2)


@pytest.mark.parametrize("wrong", ["xnor", 3, None])
def test_unknown_names_are_refused(wrong):
    with pytest.raises(ParameterError, match="unknown binariser"):
        BinaryLinear(2, 2, binarizer=wrong)


def test_unknown_options_are_refused_with_the_nearest_name():
    with pytest.raises(ParameterError, match="'t_mn'") as caught:
        make_binarizer("irnet", t_mn=0.1)
    assert "t_min" in caught.value.remedy
    with pytest.raises(ParameterError, match="no options"):
        make_binarizer("bnn", clip=1.0)


@pytest.mark.parametrize("name", BINARIZERS)
def test_layers_compute_with_their_binariser(name):
    draw = torch.Generator().manual_seed(0)
    x = torch.randn((4, 2, 6, 6), generator=draw)
    conv = BinaryConv2d(2, 3, 3, binarizer=name, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        conv.weight.mul_(20).add_(1)  # so that normalised and plain proxies differ in sign and clip
    rule = make_binarizer(name)
    v, w = x.clone().requires_grad_(), conv.weight.detach().clone().requires_grad_()
    expected = torch.nn.functional.conv2d(rule.input(v), rule.weight(w))
    expected.square().sum().backward()
    u = x.clone().requires_grad_()
    z = conv(u)
    z.square().sum().backward()
    assert torch.equal(z, expected) and torch.equal(u.grad, v.grad) and torch.equal(conv.weight.grad, w.grad)
    assert torch.equal(conv.binary_weight(), rule.weight(w))
    assert conv.binarizer.name == name and f"{type(rule).__name__}(" in repr(conv)
    assert copy.deepcopy(conv).binarizer is not conv.binarizer
    dense = DigitalLinear(72, 5, binarizer=name)
    v, u = x.flatten(1).requires_grad_(), x.flatten(1).clone().requires_grad_()
    torch.nn.functional.linear(rule.input(v), dense.weight).square().sum().backward()
    dense(u).square().sum().backward()
    assert torch.equal(u.grad, v.grad)


def test_the_file_of_a_layer_holds_proxies_alone_and_any_binariser_reads_it():
    layer = BinaryLinear(5, 3, binarizer="recu", generator=torch.Generator().manual_seed(0))
    assert list(layer.state_dict()) == ["weight"]
    other = BinaryLinear(5, 3, binarizer="libra")
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other.binary_weight(), layer.binary_weight())


def test_a_mapping_is_a_name_with_options_for_layers_as_for_networks():
    layer = BinaryLinear(3, 2, binarizer={"name": "irnet", "t_min": 1e-3})
    assert layer.binarizer.options == {"t_min": 1e-3, "t_max": 10.0}
    assert make_binarizer({"name": "recu"}, tau_min=0.8).tau_min == 0.8
    for wrong in ({}, {"t_min": 0.1}, {"name": {"name": 3}}):
        with pytest.raises(ParameterError, match="unknown binariser"):
            make_binarizer(wrong)
