from __future__ import annotations

import pytest
import torch

from spinbnn.errors import ParameterError
from spinbnn.nn import BinaryConv2d, BinaryLinear, DigitalConv2d, DigitalLinear, ImageEncoder


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_convolution_equals_a_sum_over_signs_written_out():
    layer = BinaryConv2d(2, 3, 2, generator=generator())
    x = torch.randn(1, 2, 4, 4, generator=generator(1))
    z = layer(x)
    bits, weight = torch.where(x >= 0, 1, -1), layer.weight.detach()
    signs = torch.where(weight - weight.mean(dim=(1, 2, 3), keepdim=True) >= 0, 1, -1)
    for channel in range(3):
        for row in range(3):
            for column in range(3):
                expected = (bits[0, :, row : row + 2, column : column + 2] * signs[channel]).sum()
                assert z[0, channel, row, column] == expected


def test_outputs_are_integers_of_the_right_parity():
    z = BinaryLinear(31, 5, generator=generator())(torch.randn(9, 31, generator=generator(1)))
    assert torch.equal(z, z.round())
    assert bool((z.long() % 2 == 1).all())


def test_padding_adds_nothing():
    layer = BinaryConv2d(1, 1, 3, padding=1, generator=generator())
    corner = layer(torch.ones(1, 1, 3, 3))[0, 0, 0, 0]
    assert corner == layer.binary_weight()[0, 0, 1:, 1:].sum()


def test_gradients_reach_proxies_and_inputs():
    layer = BinaryLinear(6, 2, generator=generator())
    x = torch.tensor([[0.5, -0.5, 2.0, -2.0, 0.0, 1.0]], requires_grad=True)
    layer(x)[0, 0].backward()
    assert layer.weight.grad[0].abs().sum() > 0
    assert layer.weight.grad[1].abs().sum() == 0
    assert (x.grad[0] != 0).tolist() == [True, True, False, False, True, True]


def test_the_generator_alone_fixes_the_weights():
    state = torch.get_rng_state()
    first = BinaryConv2d(3, 4, 3, generator=generator(5)).weight
    assert torch.equal(first, BinaryConv2d(3, 4, 3, generator=generator(5)).weight)
    assert not torch.equal(first, BinaryConv2d(3, 4, 3, generator=generator(6)).weight)
    DigitalLinear(3, 4, generator=generator(5)), DigitalConv2d(1, 2, 3, generator=generator(5))
    assert torch.equal(state, torch.get_rng_state())


def test_layers_have_no_bias():
    for layer in (BinaryConv2d(1, 1, 1), BinaryLinear(1, 1), DigitalConv2d(1, 1, 1), DigitalLinear(1, 1)):
        assert layer.bias is None


def test_input_bits():
    assert BinaryConv2d(1, 1, 1).input_bits == 1
    assert BinaryConv2d(1, 1, 1, binarize_input=False, input_bits=8).input_bits == 8
    assert DigitalConv2d(1, 1, 1).input_bits == 32
    assert DigitalLinear(1, 1).input_bits == 1
    assert DigitalLinear(1, 1, binarize_input=False).input_bits == 32
    with pytest.raises(ParameterError, match="input bits"):
        BinaryLinear(1, 1, input_bits=4)


def test_digital_linear_takes_signs():
    layer = DigitalLinear(3, 2, generator=generator())
    assert torch.equal(
        layer(torch.tensor([[0.0, -7.0, 3.0]])), torch.tensor([[1.0, -1.0, 1.0]]) @ layer.weight.t()
    )


@pytest.mark.parametrize("name", ["libra", "recu"])
def test_an_input_that_is_not_to_be_binarised_is_taken_as_it_is(name):
    x = torch.tensor([[0.0, 255.0, 7.0]])
    layer = BinaryLinear(3, 2, binarize_input=False, input_bits=8, binarizer=name, generator=generator())
    assert torch.equal(layer(x), x @ layer.binary_weight().t())
    conv = BinaryConv2d(1, 2, 1, binarize_input=False, input_bits=8, binarizer=name, generator=generator())
    assert torch.equal(conv(x.view(1, 1, 1, 3))[0, 0, 0], x[0] * conv.binary_weight()[0, 0, 0, 0])
    digital = DigitalLinear(3, 2, binarize_input=False, binarizer=name, generator=generator())
    assert torch.equal(digital(x), torch.nn.functional.linear(x, digital.weight))


def test_image_encodings():
    image = torch.arange(256).float() / 255
    assert ImageEncoder("bit_serial")(image).tolist() == list(range(256))
    assert ImageEncoder("binary")(image).tolist() == [-1] * 128 + [1] * 128
    assert torch.equal(ImageEncoder("digital")(image), image)
    assert [ImageEncoder(kind).bits for kind in ("binary", "bit_serial", "digital")] == [1, 8, 32]
    with pytest.raises(ParameterError, match="encoding"):
        ImageEncoder("ternary")


@pytest.mark.parametrize("kind", ["binary", "bit_serial", "digital"])
def test_the_encoder_refuses_images_of_another_shape_or_type(kind):
    encode = ImageEncoder(kind, shape=(1, 4, 6), where="network")
    assert encode(torch.zeros(2, 1, 4, 6)).shape == (2, 1, 4, 6)
    for shape in ((1, 4, 6), (2, 1, 6, 4), (2, 3, 4, 6), (2, 24)):
        with pytest.raises(ParameterError, match="wrong shape") as caught:
            encode(torch.zeros(shape))
        assert caught.value.where == "network" and "(B, 1, 4, 6) in [0, 1]" in caught.value.remedy
    for encoder in (encode, ImageEncoder(kind)):
        with pytest.raises(ParameterError, match="wrong type") as caught:
            encoder(torch.zeros(2, 1, 4, 6, dtype=torch.uint8))
        assert "float() / 255" in caught.value.remedy
    assert encode(torch.zeros(2, 1, 4, 6, dtype=torch.float64)).dtype == torch.float64


def test_the_encoder_shows_and_checks_its_options():
    assert repr(ImageEncoder("digital", shape=[3, 32, 32])) == "ImageEncoder('digital', shape=(3, 32, 32))"
    for wrong in ((28, 28), (1, 0, 28)):
        with pytest.raises(ParameterError, match="three positive"):
            ImageEncoder("binary", shape=wrong)


@pytest.mark.parametrize("kind", ["binary", "bit_serial"])
@pytest.mark.parametrize("value", [float("nan"), 255.0, -1.0, 1.01, float("inf")])
def test_the_encoder_refuses_values_that_no_step_stands_for(kind, value):
    image = torch.full((2, 1, 4, 4), 0.5)
    image[1, 0, 2, 3] = value
    with pytest.raises(ParameterError, match=r"outside \[0, 1\]") as caught:
        ImageEncoder(kind, where="network")(image)
    assert caught.value.where == "network" and "/ 255" in caught.value.remedy
    assert torch.equal(ImageEncoder("digital")(image).isnan(), image.isnan())


def test_the_encoder_takes_rounding_around_the_ends_and_no_images():
    near = torch.tensor([-0.0019, -1e-7, 1 + 1e-6, 1.0019])
    assert ImageEncoder("bit_serial")(near).tolist() == [0, 0, 255, 255]
    assert ImageEncoder("binary")(near).tolist() == [-1, -1, 1, 1]
    assert ImageEncoder("binary", shape=(1, 4, 4))(torch.zeros(0, 1, 4, 4)).shape == (0, 1, 4, 4)


@pytest.mark.parametrize("options", [{"input_bits": 32, "binarize_input": False}, {"input_bits": 8}])
def test_bits_that_word_lines_do_not_carry_are_refused(options):
    for make in (lambda: BinaryLinear(2, 2, **options), lambda: BinaryConv2d(2, 2, 1, **options)):
        with pytest.raises(ParameterError, match="bit") as caught:
            make()
        assert "input_bits" in caught.value.where
