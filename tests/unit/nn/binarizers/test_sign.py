"""The forward that all binarisers share, and the straight-through gradient."""

from __future__ import annotations

import math

import pytest
import torch

from spinbnn.nn import BINARIZERS, binary_sign, make_binarizer

POINTS = [-2.0, -1e-30, -0.0, 0.0, 1e-30, 5.0]
SIGNS = [-1, -1, 1, 1, 1, 1]


def test_zero_is_plus_one_and_there_is_no_third_value():
    assert binary_sign(torch.tensor(POINTS)).tolist() == SIGNS
    drawn = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    assert set(binary_sign(drawn).tolist()) == {-1.0, 1.0}


def test_gradient_passes_within_the_clip_only():
    x = torch.tensor([-1.5, -1.0, -0.3, 0.0, 0.9, 1.0, 1.0001], requires_grad=True)
    weight = torch.arange(1.0, 8.0)
    (binary_sign(x) * weight).sum().backward()
    assert x.grad.tolist() == [0, 2, 3, 4, 5, 6, 0]


def test_a_negative_gradient_passes_with_its_sign():
    x = torch.tensor([-3.0, 0.5], requires_grad=True)
    (binary_sign(x) * -2.0).sum().backward()
    assert x.grad.tolist() == [0, -2]


def test_infinite_clip_passes_everything():
    x = torch.tensor([-50.0, 0.0, 50.0], requires_grad=True)
    binary_sign(x, math.inf).sum().backward()
    assert x.grad.tolist() == [1, 1, 1]


def test_the_input_is_not_changed_and_dtype_is_kept():
    x = torch.tensor([-2.0, 3.0], dtype=torch.float64, requires_grad=True)
    y = binary_sign(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == torch.float64
    assert x.tolist() == [-2.0, 3.0]


@pytest.mark.parametrize("name", BINARIZERS)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("gradient", [True, False])
def test_every_binariser_computes_the_sign_of_its_input(name, training, gradient):
    rule = make_binarizer(name).train(training)
    x = torch.tensor([POINTS]).requires_grad_(gradient)
    for progress in (0.0, 0.4, 1.0):
        rule.anneal(progress)
        assert rule.input(x).tolist() == [SIGNS]


@pytest.mark.parametrize("name", BINARIZERS)
@pytest.mark.parametrize("shape", [(3, 5), (3, 2, 3, 3)])
def test_binary_weights_are_signs_with_or_without_a_gradient(name, shape):
    rule = make_binarizer(name)
    w = 0.1 + torch.randn(shape, generator=torch.Generator().manual_seed(2))
    w[0] = 0.25  # a constant filter: normalised, it is zero everywhere
    centred = w if name in ("bnn", "bireal") else w - w.flatten(1).mean(1).view(-1, *[1] * (len(shape) - 1))
    expected = torch.where(centred >= 0, 1.0, -1.0)
    assert torch.equal(rule.weight(w), expected)
    proxies = w.clone().requires_grad_()
    found = rule.weight(proxies)
    assert torch.equal(found, expected)
    (found * w).sum().backward()
    assert bool(torch.isfinite(proxies.grad).all()) and bool(proxies.grad[1:].abs().sum() > 0)
