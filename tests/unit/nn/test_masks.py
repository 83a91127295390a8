from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from spinbnn.errors import ParameterError
from spinbnn.nn import (
    ScaleDropout,
    all_masks,
    bit_probabilities,
    drop_probabilities,
    dropout_layers,
    fixed_masks,
    mask_bits,
    sample_masks,
    set_drop_probabilities,
)


@pytest.fixture
def net():
    return nn.Sequential(
        ScaleDropout(2, p=0.1, spatial=False),
        nn.Sequential(ScaleDropout(2, p=0.2, spatial=False)),
        ScaleDropout(2, p=0.3, spatial=False),
    )


def test_layers_come_in_order_of_registration(net):
    assert [layer.p for layer in dropout_layers(net)] == [0.1, 0.2, 0.3]
    assert drop_probabilities(net).dtype == torch.float64


def test_all_masks_count_in_binary_with_the_first_layer_highest():
    masks = all_masks(5)
    assert masks.shape == (32, 5) and masks.dtype == torch.uint8
    assert [int("".join(str(bit) for bit in row), 2) for row in masks.tolist()] == list(range(32))
    assert all_masks(0).shape == (1, 0)
    with pytest.raises(ParameterError):
        all_masks(30)


def test_fixed_masks_nest_and_restore_even_after_an_error(net):
    with fixed_masks(net, [1, 0, 1]):
        assert [layer.forced for layer in dropout_layers(net)] == [1, 0, 1]
        with fixed_masks(net, np.zeros(3, dtype=np.uint8)):
            assert [layer.forced for layer in dropout_layers(net)] == [0, 0, 0]
        assert [layer.forced for layer in dropout_layers(net)] == [1, 0, 1]
    with pytest.raises(RuntimeError), fixed_masks(net, torch.ones(3)):
        raise RuntimeError
    assert [layer.forced for layer in dropout_layers(net)] == [None] * 3


def test_a_fixed_mask_wins_over_sampling(net):
    for layer in dropout_layers(net):
        layer.p = 1.0
    with sample_masks(net, torch.Generator().manual_seed(0)), fixed_masks(net, [0, 0, 0]):
        net(torch.randn(4, 2, generator=torch.Generator().manual_seed(1)))
    assert all(layer.batches.tolist() == [1, 0] for layer in dropout_layers(net))
    assert all(layer.sampler is None for layer in dropout_layers(net))


@pytest.mark.parametrize("bits", [[0, 1], [0, 1, 2], [0.2, 0.2, 0.2], [[[0]]] * 3, 1])
def test_wrong_bits_are_refused(net, bits):
    with pytest.raises(ParameterError), fixed_masks(net, bits):
        pass


def test_set_drop_probabilities(net):
    set_drop_probabilities(net, 0.4)
    assert drop_probabilities(net).tolist() == [0.4] * 3
    set_drop_probabilities(net, np.array([0.0, 0.5, 1.0]))
    assert drop_probabilities(net).tolist() == [0.0, 0.5, 1.0]
    for wrong in ([0.1, 0.2], [0.1, 0.2, 1.2], [0.1, 0.2, float("nan")], -0.1):
        with pytest.raises(ParameterError):
            set_drop_probabilities(net, wrong)
    assert drop_probabilities(net).tolist() == [0.0, 0.5, 1.0]


def test_a_network_without_scale_dropout_is_refused():
    with pytest.raises(ParameterError, match="no scale-dropout"), fixed_masks(nn.Linear(1, 1), []):
        pass


def test_bits_and_their_probabilities_follow_the_layers(net):
    assert mask_bits(net) == [1, 1, 1] and bit_probabilities(net).tolist() == [0.1, 0.2, 0.3]
    net.append(ScaleDropout(2, p=0.4, granularity="element", spatial=False))
    assert mask_bits(net) == [1, 1, 1, 2]
    assert bit_probabilities(net).tolist() == [0.1, 0.2, 0.3, 0.4, 0.4]
    assert drop_probabilities(net).tolist() == [0.1, 0.2, 0.3, 0.4]
    assert bit_probabilities(net).dtype == torch.float64
    assert mask_bits(nn.Linear(1, 1)) == [] and bit_probabilities(nn.Linear(1, 1)).shape == (0,)


def test_a_generator_of_random_scales_stays_for_the_block(net):
    outer, inner = torch.Generator(), torch.Generator()
    with sample_masks(net, outer):
        with fixed_masks(net, [0, 0, 0]):
            assert all(layer.sampler is outer for layer in dropout_layers(net))
        with fixed_masks(net, [0, 0, 0], inner):
            assert all(layer.sampler is inner for layer in dropout_layers(net))
        assert all(layer.sampler is outer and layer.forced is None for layer in dropout_layers(net))
    assert all(layer.sampler is None for layer in dropout_layers(net))


def test_the_inner_of_two_nested_blocks_counts_and_the_outer_comes_back():
    net = nn.Sequential(ScaleDropout(1, p=0.5, spatial=False)).eval()
    net[0].alpha.data.fill_(3.0)
    one = torch.ones(1, 1)

    def value():
        with torch.no_grad():
            return round(net(one).item())

    draw = torch.Generator().manual_seed(0)
    with fixed_masks(net, [0]):
        with sample_masks(net, draw):
            assert {value() for _ in range(30)} == {1, 3}
            with fixed_masks(net, [1]):
                assert {value() for _ in range(9)} == {1}
        assert {value() for _ in range(9)} == {3}
    assert net[0].forced is None and net[0].sampler is None
