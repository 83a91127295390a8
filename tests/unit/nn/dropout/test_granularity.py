"""A mask bit for each channel."""

from __future__ import annotations

import copy

import pytest
import torch
from tolerances import STANDARD_ERRORS
from torch import nn

from spinbnn.errors import ParameterError
from spinbnn.nn import ScaleDropout, fixed_masks, sample_masks

PLACEMENTS = ("dual_bn", "pre_bn", "gamma", "prestat")
BITS = [1, 0, 0, 1, 0]


def integers(shape, seed=0):
    return torch.randint(-20, 21, shape, generator=torch.Generator().manual_seed(seed)).float()


def shaken(seed=0, **options):
    layer = ScaleDropout(5, granularity="element", spatial=False, **options)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in (layer.alpha, layer.weight, layer.bias, layer.running_mean):
            if tensor is not None:
                tensor.uniform_(-1.5, 1.5, generator=draw)
        layer.running_var.uniform_(5, 50, generator=draw)
    return layer


def vector(layer):
    """Return a layer with one bit and the same parameters and statistics."""
    twin = ScaleDropout(5, placement=layer.placement, mode=layer.mode, spatial=False)
    state = {key: value for key, value in layer.state_dict().items() if key != "channel_batches"}
    twin.load_state_dict(copy.deepcopy(state))
    return twin.train(layer.training)


def test_bits():
    assert ScaleDropout(5).bits == 1 and ScaleDropout(5, granularity="element").bits == 5


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("mode", ["unitary", "average"])
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_each_channel_is_that_of_a_layer_with_its_bit(placement, mode, training):
    layer, x = shaken(placement=placement, mode=mode).train(training), integers((6, 5))
    outputs, statistics = [], []
    for bit in (0, 1):
        one = vector(layer)
        with fixed_masks(one, [bit]):
            outputs.append(one(x))
        statistics.append(one)
    with fixed_masks(layer, BITS):
        y = layer(x)
    for channel, bit in enumerate(BITS):
        assert torch.equal(y[:, channel], outputs[bit][:, channel])
        row = bit if placement == "dual_bn" else 0
        for name in ("running_mean", "running_var"):
            assert torch.equal(
                getattr(layer, name)[row, channel], getattr(statistics[bit], name)[row, channel]
            )
        if placement == "dual_bn":
            other = statistics[bit].running_mean[1 - bit, channel]
            assert torch.equal(layer.running_mean[1 - bit, channel], other)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_bits_for_images_and_channels(placement):
    layer, x = shaken(placement=placement).eval(), integers((4, 5))
    bits = torch.randint(0, 2, (5, 4), generator=torch.Generator().manual_seed(3))
    with fixed_masks(layer, bits):
        mixed = layer(x)
    for image in range(4):
        with fixed_masks(layer, bits[:, image]):
            assert torch.equal(mixed[image], layer(x)[image])


def test_two_sets_train_with_one_mask_a_mini_batch_only():
    layer = shaken()
    with (
        pytest.raises(ParameterError, match="one mask per mini-batch"),
        fixed_masks(layer, torch.zeros(5, 3)),
    ):
        layer(integers((3, 5)))
    with pytest.raises(ParameterError, match="5 channels"), fixed_masks(layer, torch.zeros(5, 3)):
        layer(integers((4, 5)))


def test_the_batches_of_two_sets_are_the_fewest_over_the_channels():
    layer = shaken()
    for bits in ([1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 1, 1, 1, 1]):
        with fixed_masks(layer, bits):
            layer(integers((4, 5)))
    assert layer.channel_batches.tolist() == [[1, 1, 2, 2, 2], [2, 2, 1, 1, 1]]
    assert layer.batches.tolist() == [1, 1]
    assert "channel_batches" in layer.state_dict() and "channel_batches" not in ScaleDropout(5).state_dict()
    assert shaken(placement="gamma").channel_batches is None


def test_drawn_bits_are_independent_and_follow_p():
    layer = ScaleDropout(6, p=0.3, granularity="element", placement="gamma", spatial=False, eps=0.0).eval()
    with torch.no_grad():
        layer.alpha.fill_(3.0)
    count = 3000
    with torch.no_grad(), sample_masks(layer, torch.Generator().manual_seed(2)):
        dropped = torch.cat([layer(torch.ones(1, 6)) for _ in range(count)]) == 1.0
    rates = dropped.double().mean(0)
    assert (rates - 0.3).abs().max() < STANDARD_ERRORS * (0.21 / count) ** 0.5
    joint = (dropped.double().t() @ dropped.double() / count)[~torch.eye(6, dtype=torch.bool)]
    assert (joint - 0.09).abs().max() < STANDARD_ERRORS * (0.09 * 0.91 / count) ** 0.5


def test_one_pass_has_one_mask_for_all_images():
    layer = shaken(placement="gamma").eval()
    layer.p = 0.5
    with torch.no_grad(), sample_masks(layer, torch.Generator().manual_seed(2)):
        y = layer(torch.ones(7, 5))
    assert torch.equal(y, y[:1].expand(7, 5))


def test_random_scales_for_each_channel():
    layer = shaken(placement="gamma", mode="random").eval()
    with torch.no_grad(), fixed_masks(layer, BITS, torch.Generator().manual_seed(1)):
        y = layer(torch.ones(2, 5))
        point = (
            (torch.ones(2, 5) - layer.running_mean) * torch.rsqrt(layer.running_var + layer.eps) * layer.alpha
        )
    kept = torch.tensor(BITS) == 0
    assert torch.allclose(y[:, kept], (point + layer.bias)[:, kept], atol=1e-5)
    assert not torch.isclose(y[:, ~kept], (point + layer.bias)[:, ~kept], atol=1e-3).any()


def test_a_network_may_mix_layers_with_one_bit_and_with_many():
    net = nn.Sequential(
        ScaleDropout(3, spatial=False),
        ScaleDropout(3, granularity="element", spatial=False),
        ScaleDropout(3, spatial=False),
    )
    with fixed_masks(net, [1, 0, 1, 1, 0]):
        assert net[0].forced == 1 and net[1].forced.tolist() == [0, 1, 1] and net[2].forced == 0
    with fixed_masks(net, torch.tensor([[1, 0], [0, 1], [0, 0], [1, 1], [1, 0]])):
        assert net[0].forced.tolist() == [1, 0]
        assert net[1].forced.tolist() == [[0, 0, 1], [1, 0, 1]]
        assert net[2].forced.tolist() == [1, 0]
    assert all(layer.forced is None for layer in net)
    with pytest.raises(ParameterError, match="wrong shape") as caught, fixed_masks(net, [1, 0, 1]):
        pass
    assert "[1, 3, 1]" in caught.value.remedy
