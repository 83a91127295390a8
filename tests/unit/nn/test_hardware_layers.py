from __future__ import annotations

import pytest
import torch
from stand_ins import StandInChip, StandInProfile, shake
from torch import nn

from spinbnn.errors import ParameterError, ProfileError
from spinbnn.nn import (
    BinaryConv2d,
    BinaryLinear,
    HardwareConv2d,
    HardwareLinear,
    all_masks,
    drop_probabilities,
    fixed_masks,
    to_hardware,
)
from spinbnn.nn.models import lenet5


def images(count=6, seed=0):
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("first", ["binary", "bit_serial", "digital"])
@pytest.mark.parametrize("last", ["binary", "digital"])
@pytest.mark.parametrize("array", [(256, 256), (37, 11)])
def test_lenet5_on_arrays_is_bit_equal_to_software(first, last, array):
    model = shake(lenet5(first=first, last=last)).eval()
    twin = to_hardware(model, StandInProfile(array=array), StandInChip([0.2] * 5))
    assert not any(isinstance(module, BinaryConv2d | BinaryLinear) for module in twin.modules())
    x = images()
    for mask in all_masks(5)[::7]:
        with torch.no_grad(), fixed_masks(model, mask), fixed_masks(twin, mask):
            assert torch.equal(model(x), twin(x))


@pytest.mark.parametrize("stride, padding, kernel", [(1, 0, 3), (2, 1, 3), (1, 2, 5), (3, 1, 2), (1, 1, 1)])
@pytest.mark.parametrize("array", [(256, 256), (7, 3), (1, 1)])
def test_random_convolutions(stride, padding, kernel, array):
    draw = torch.Generator().manual_seed(stride + 10 * padding)
    layer = BinaryConv2d(3, 5, kernel, stride=stride, padding=padding, generator=draw)
    x = torch.randn(2, 3, 9, 8, generator=draw)
    assert torch.equal(HardwareConv2d(layer, array)(x), layer(x))


@pytest.mark.parametrize("rows, array", [(1, (4, 4)), (256, (256, 256)), (257, (256, 256)), (1000, (64, 2))])
def test_random_linear_layers(rows, array):
    draw = torch.Generator().manual_seed(rows)
    layer = BinaryLinear(rows, 6, generator=draw)
    x = torch.randn(5, rows, generator=draw)
    twin = HardwareLinear(layer, array)
    assert torch.equal(twin(x), layer(x))
    assert twin.cells.arrays == -(-rows // array[0]) * -(-6 // array[1])


def test_bit_serial_input_takes_all_of_0_to_255():
    layer = BinaryLinear(
        256, 4, binarize_input=False, input_bits=8, generator=torch.Generator().manual_seed(0)
    )
    x = torch.stack([torch.arange(256), torch.full((256,), 255), torch.zeros(256, dtype=torch.int64)]).float()
    assert torch.equal(HardwareLinear(layer, (100, 100))(x), layer(x))


@pytest.mark.parametrize("array", [(256, 256), (7, 3)])
def test_bit_serial_convolutions_with_padding(array):
    draw = torch.Generator().manual_seed(0)
    layer = BinaryConv2d(2, 4, 3, padding=1, stride=2, binarize_input=False, input_bits=8, generator=draw)
    x = torch.randint(0, 256, (3, 2, 8, 7), generator=draw).float()
    assert torch.equal(HardwareConv2d(layer, array)(x), layer(x))


def test_a_flipped_cell_changes_the_sum_by_two():
    layer = BinaryLinear(10, 3, generator=torch.Generator().manual_seed(0))
    twin, x = HardwareLinear(layer, (4, 4)), torch.ones(1, 10)
    before = twin(x)
    twin.cells.bits[5, 1] ^= 1
    assert (twin(x) - before).abs().tolist() == [[0, 2, 0]]


def test_inputs_that_word_lines_cannot_carry_are_refused():
    layer = BinaryLinear(2, 2, binarize_input=False)
    with pytest.raises(ParameterError, match="word lines"):
        HardwareLinear(layer, (4, 4))(torch.tensor([[0.0, 1.0]]))
    layer = BinaryLinear(2, 2, binarize_input=False, input_bits=8)
    with pytest.raises(ParameterError, match="word lines"):
        HardwareLinear(layer, (4, 4))(torch.tensor([[256.0, 1.0]]))
    layer.input_bits = 32
    with pytest.raises(ParameterError, match="signs or an 8-bit image"):
        HardwareLinear(layer, (4, 4))


def test_the_copy_has_the_chips_probabilities_and_the_original_is_untouched():
    model = lenet5(p=0.2)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    chip = StandInChip([0.1, 0.2, 0.3, 0.4, 0.5])
    twin = to_hardware(model, StandInProfile(), chip)
    assert twin.chip is chip and twin.profile_id == "stand-in"
    assert drop_probabilities(twin).tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert drop_probabilities(model).tolist() == [0.2] * 5
    assert model.training and not twin.training
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert not any(p.requires_grad for p in twin.parameters())


def test_a_single_layer_can_be_mapped():
    assert isinstance(to_hardware(BinaryLinear(3, 2), StandInProfile(), StandInChip([])), HardwareLinear)


def test_missing_arrays_and_wrong_lengths_are_named():
    for fidelity in ("table", "exact"):
        with pytest.raises(ProfileError) as caught:
            to_hardware(lenet5(), StandInProfile(), StandInChip([0.2] * 5), fidelity)
        assert "the profile has none" in str(caught.value) and "stand-in" in str(caught.value)
    with pytest.raises(ParameterError, match="fidelity") as caught:
        to_hardware(lenet5(), StandInProfile(), StandInChip([0.2] * 5), "ideel")
    assert "did you mean 'ideal'" in str(caught.value)
    with pytest.raises(ProfileError, match="another number"):
        to_hardware(lenet5(), StandInProfile(), StandInChip([0.2] * 4))
    with pytest.raises(ParameterError, match="array"):
        to_hardware(nn.Sequential(BinaryLinear(2, 2)), StandInProfile(array=(0, 4)), StandInChip([]))
