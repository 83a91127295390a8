from __future__ import annotations

import math

import pytest
import torch
from tolerances import ROUNDING_FLOAT64

from spinbnn.nn import binary_sign, normalize_weight


def test_zero_is_plus_one_and_there_is_no_third_value():
    x = torch.tensor([-2.0, -1e-30, -0.0, 0.0, 1e-30, 5.0])
    assert binary_sign(x).tolist() == [-1, -1, 1, 1, 1, 1]
    assert set(binary_sign(torch.randn(1000, generator=torch.Generator().manual_seed(0))).tolist()) == {
        -1.0,
        1.0,
    }


def test_gradient_passes_within_the_clip_only():
    x = torch.tensor([-1.5, -1.0, -0.3, 0.0, 0.9, 1.0, 1.0001], requires_grad=True)
    weight = torch.arange(1.0, 8.0)
    (binary_sign(x) * weight).sum().backward()
    assert x.grad.tolist() == [0, 2, 3, 4, 5, 6, 0]


def test_infinite_clip_passes_everything():
    x = torch.tensor([-50.0, 0.0, 50.0], requires_grad=True)
    binary_sign(x, math.inf).sum().backward()
    assert x.grad.tolist() == [1, 1, 1]


def test_the_input_is_not_changed_and_dtype_is_kept():
    x = torch.tensor([-2.0, 3.0], dtype=torch.float64)
    assert binary_sign(x).dtype == torch.float64
    assert x.tolist() == [-2.0, 3.0]


@pytest.mark.parametrize("shape", [(4, 3, 5, 5), (7, 30)])
def test_normalised_weights_have_mean_zero_and_variance_one_per_output_channel(shape):
    weight = 0.3 + 2.0 * torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    flat = normalize_weight(weight).flatten(1)
    assert flat.mean(1).abs().max() < ROUNDING_FLOAT64
    assert (flat.var(1, unbiased=False) - 1).abs().max() < 1e-9


def test_normalisation_divides_by_the_variance_not_by_the_printed_equation_14():
    weight = torch.tensor([[10.0, 11.0, 12.0, 13.0]], dtype=torch.float64)
    expected = (weight - 11.5) / math.sqrt(((weight - 11.5) ** 2).mean())
    assert torch.allclose(normalize_weight(weight), expected, rtol=1e-9)
    assert (weight**2 - (weight - 11.5) ** 2).mean() == pytest.approx(11.5**2)  # what Eq. 14 prints: mu^2


def test_a_constant_channel_gives_finite_values_and_gradients():
    weight = torch.full((1, 4), 0.7, requires_grad=True)
    out = binary_sign(normalize_weight(weight), math.inf)
    out.sum().backward()
    assert set(out.tolist()[0]) == {1.0}
    assert torch.isfinite(weight.grad).all()
