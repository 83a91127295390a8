"""What the word lines are given: shapes and types that no layer takes are refused or made float32, never cut to size."""

from __future__ import annotations

import pytest
import torch

from spinbnn.crossbar.array_params import ArrayParams
from spinbnn.errors import ParameterError
from spinbnn.hardware.arrays import CrossbarSetup
from spinbnn.nn import BinaryConv2d, BinaryLinear
from spinbnn.nn.hardware import (
    HardwareAware,
    HardwareConv2d,
    HardwareLinear,
    LinearResponseLayer,
    SolvedLayer,
)

IDEAL = ArrayParams.load("array_mohm").with_values(
    wire__row_resistance=0, wire__column_resistance=0, junction__parallel_resistance__sigma=0, junction__tmr__sigma=0
)
SETUP, GATED = CrossbarSetup(params=IDEAL), CrossbarSetup(params=IDEAL, rows="gated")


def draw():
    return torch.Generator().manual_seed(0)


def twins(layer, strategy=1, array=(256, 256)):
    """Return the layer at every fidelity."""
    place = {"seed": 1, "name": "x", "strategy": strategy}
    ideal = HardwareConv2d(layer, array, strategy=strategy) if isinstance(layer, BinaryConv2d) else HardwareLinear(layer, array)
    return [ideal, LinearResponseLayer(layer, SETUP, array, fidelity="table", **place), SolvedLayer(layer, GATED, array, **place)]


@pytest.mark.parametrize("strategy", [1, 2])
@pytest.mark.parametrize("shape", [(1, 4, 6, 6), (1, 2, 6, 6), (3, 6, 6), (1, 3, 2, 6), (1, 3, 36)])
def test_images_that_the_convolution_does_not_take(strategy, shape):
    """Four channels for three were computed with the first three."""
    layer = BinaryConv2d(3, 4, 5, padding=1, generator=draw())
    for twin in twins(layer, strategy):
        with pytest.raises(ParameterError, match="shape") as error:
            twin(torch.ones(shape))
        assert "(B, 3, h, w), at least 3 x 3" in error.value.remedy
        assert twin(torch.ones(2, 3, 3, 3)).shape == (2, 4, 1, 1)


@pytest.mark.parametrize("shape", [(2, 14), (2, 9), (10,), (2, 3, 10)])
def test_rows_that_the_linear_layer_does_not_take(shape):
    for twin in twins(BinaryLinear(10, 3, generator=draw()), array=(4, 4)):
        with pytest.raises(ParameterError, match="shape") as error:
            twin(torch.ones(shape))
        assert error.value.remedy == "(B, 10)"


@pytest.mark.parametrize("strategy", [1, 2])
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_inputs_of_16_bits_give_exact_sums(kind, strategy):
    """Sums of 2,700 signs, which neither type holds: such inputs come from an autocast region."""
    layer = BinaryConv2d(300, 2, 3, generator=draw())
    x = layer.binary_weight().detach()[:1]
    x[0, 0, 0, :2] *= -1
    for twin in twins(layer, strategy):
        out = twin(x.to(kind))
        assert out.dtype == torch.float32 and out.flatten()[0] == 2696


def test_bytes_are_numbers():
    layer = BinaryLinear(10, 3, input_bits=8, binarize_input=False, generator=draw())
    x = torch.randint(0, 256, (4, 10), dtype=torch.uint8, generator=draw())
    for twin in twins(layer):
        assert torch.equal(twin(x), layer(x.float()).detach())


def test_training_takes_16_bits_and_refuses_what_is_no_sign():
    layer = BinaryLinear(10, 3, generator=draw())
    x = torch.randn((4, 10), generator=draw())
    with HardwareAware(layer, SETUP, chips=1) as aware, torch.autocast("cpu", dtype=torch.bfloat16):
        aware.step(0)
        assert torch.equal(layer(x.bfloat16()), layer(x).float())
    plain = BinaryLinear(10, 3, binarize_input=False, generator=draw())
    with HardwareAware(plain, SETUP, chips=1), pytest.raises(ParameterError, match="word lines"):
        plain(x)


def test_responses_rounded_to_16_bits_are_refused():
    table = twins(BinaryLinear(10, 3, generator=draw()))[1]
    assert table.double()(torch.ones(1, 10)).dtype == torch.float64
    with pytest.raises(ParameterError, match="22 bits") as error:
        table.half()(torch.ones(1, 10))
    assert "float32" in error.value.remedy


@pytest.mark.parametrize("strategy", [1, 2])
def test_no_images_give_no_sums(strategy):
    for twin in twins(BinaryConv2d(3, 4, 3, generator=draw()), strategy):
        assert twin(torch.ones(0, 3, 5, 5)).shape == (0, 4, 3, 3)


def test_real_inputs_are_refused_at_every_fidelity():
    layer = BinaryConv2d(3, 4, 3, binarize_input=False, generator=draw())
    layer.input_bits = 32
    for make in (
        lambda: HardwareConv2d(layer, (8, 8)),
        lambda: LinearResponseLayer(layer, SETUP, (8, 8), seed=1, name="x", fidelity="table"),
        lambda: SolvedLayer(layer, GATED, (8, 8), seed=1, name="x"),
    ):
        with pytest.raises(ParameterError, match="8-bit image"):
            make()
