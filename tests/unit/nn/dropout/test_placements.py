"""The four placements against their equations, while training and in eval mode."""

from __future__ import annotations

import pytest
import torch
from tolerances import BATCH_NORM_FLOAT32, CANCELLED_GRADIENT
from torch import nn

from spinbnn.errors import ParameterError
from spinbnn.nn import ScaleDropout, fixed_masks

PLACEMENTS = ("dual_bn", "pre_bn", "gamma", "prestat")
MODES = ("unitary", "average")


def accumulations(shape=(6, 3, 4, 4), seed=0, dtype=torch.float32):
    return torch.randint(-20, 21, shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def shaken(layer, seed=0):
    """Give a layer parameters and statistics that differ everywhere, some alphas negative."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        layer.alpha.uniform_(-1.5, 1.5, generator=draw)
        for parameter in (layer.weight, layer.bias):
            if parameter is not None:
                parameter.uniform_(-1.5, 1.5, generator=draw)
        layer.running_mean.uniform_(-3, 3, generator=draw)
        layer.running_var.uniform_(5, 50, generator=draw)
    return layer


def wide(vector, x):
    return vector.view(1, -1, *[1] * (x.ndim - 2))


def written_out(layer, x, bit, mean, variance):
    """Return the output of a layer from its equation, with the given statistics (per channel, of the right branch)."""
    alpha = layer.alpha.detach()
    dropped = alpha.mean().expand(len(alpha)) if layer.mode == "average" else torch.ones_like(alpha)
    hat = dropped if bit else alpha
    row = bit if layer.placement == "dual_bn" else 0
    weight = layer.weight.detach()[row] if layer.weight is not None else None
    bias, root = layer.bias.detach()[row], torch.sqrt(variance + layer.eps)
    if layer.placement == "gamma":
        return (x - wide(mean, x)) / wide(root, x) * wide(hat, x) + wide(bias, x)
    return (x * wide(hat, x) - wide(mean, x)) / wide(root, x) * wide(weight, x) + wide(bias, x)


@pytest.mark.parametrize("spatial", [True, False])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_eval_mode_is_the_equation_with_the_running_statistics(placement, mode, spatial):
    layer = shaken(ScaleDropout(3, placement=placement, mode=mode, spatial=spatial)).eval()
    x = accumulations() if spatial else accumulations((6, 3))
    scale, shift = layer.coefficients()
    assert scale.shape == shift.shape == (2, 3)
    for bit in (0, 1):
        row = bit if placement == "dual_bn" else 0
        with fixed_masks(layer, [bit]):
            y = layer(x)
        expected = written_out(layer, x, bit, layer.running_mean[row], layer.running_var[row])
        assert torch.allclose(y, expected, rtol=BATCH_NORM_FLOAT32, atol=BATCH_NORM_FLOAT32)
        assert torch.equal(y, x * wide(scale[bit], x) + wide(shift[bit], x))


@pytest.mark.parametrize("spatial", [True, False])
@pytest.mark.parametrize("bit", [0, 1])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_training_is_the_equation_with_the_statistics_of_the_mini_batch(placement, mode, bit, spatial):
    layer = shaken(ScaleDropout(3, placement=placement, mode=mode, spatial=spatial, momentum=0.3))
    x = accumulations() if spatial else accumulations((6, 3))
    alpha = layer.alpha.detach()
    hat = (alpha.mean().expand(3) if mode == "average" else torch.ones(3)) if bit else alpha
    seen = x if placement in ("gamma", "prestat") else x * wide(hat, x)
    values = seen.transpose(0, 1).flatten(1)
    mean, variance = values.mean(1), values.var(1, correction=0)
    before = (layer.running_mean.clone(), layer.running_var.clone())
    with fixed_masks(layer, [bit]):
        y = layer(x)
    expected = written_out(layer, x, bit, mean, variance)
    assert torch.allclose(y, expected, rtol=BATCH_NORM_FLOAT32, atol=BATCH_NORM_FLOAT32)
    row = bit if placement == "dual_bn" else 0
    updated = 0.7 * before[0][row] + 0.3 * mean, 0.7 * before[1][row] + 0.3 * values.var(1)
    assert torch.allclose(layer.running_mean[row], updated[0], rtol=1e-5, atol=1e-6)
    assert torch.allclose(layer.running_var[row], updated[1], rtol=1e-5)
    assert layer.batches[row] == 1 and layer.batches.sum() == 1
    if placement == "dual_bn":
        assert torch.equal(layer.running_mean[1 - bit], before[0][1 - bit])
        assert torch.equal(layer.running_var[1 - bit], before[1][1 - bit])


def test_gamma_kept_is_an_affine_batch_norm_whose_gain_is_alpha():
    layer = shaken(ScaleDropout(3, placement="gamma"))
    norm = nn.BatchNorm2d(3)
    with torch.no_grad():
        norm.weight.copy_(layer.alpha)
        norm.bias.copy_(layer.bias[0])
        norm.running_mean.copy_(layer.running_mean[0])
        norm.running_var.copy_(layer.running_var[0])
    x, upstream = accumulations(), torch.randn((6, 3, 4, 4), generator=torch.Generator().manual_seed(5))
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    with fixed_masks(layer, [0]):
        ours = layer(a)
    theirs = norm(b)
    (ours * upstream).sum().backward(), (theirs * upstream).sum().backward()
    assert torch.allclose(ours, theirs, rtol=BATCH_NORM_FLOAT32, atol=BATCH_NORM_FLOAT32)
    assert torch.allclose(layer.alpha.grad, norm.weight.grad, rtol=1e-4)
    assert torch.allclose(a.grad, b.grad, rtol=1e-4, atol=1e-6)
    assert torch.equal(layer.running_var[0], norm.running_var)
    assert "weight" not in dict(layer.named_parameters())


@pytest.mark.parametrize("placement", ["gamma", "prestat"])
@pytest.mark.parametrize("mode, bit", [("unitary", 0), ("average", 0), ("average", 1)])
def test_where_nothing_cancels_the_gradient_of_alpha_is_that_of_finite_differences(placement, mode, bit):
    layer = shaken(ScaleDropout(4, placement=placement, mode=mode, spatial=False)).double()
    x, draw = accumulations((9, 4), dtype=torch.float64), torch.Generator().manual_seed(6)
    target = torch.randn((9, 4), generator=draw, dtype=torch.float64)

    def loss():
        with fixed_masks(layer, [bit]):
            return (layer(x) - target).pow(3).sum()

    loss().backward()
    assert layer.alpha_gradient() > 0.05 and not layer.cancels_alpha
    for channel in range(4):
        values = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                layer.alpha[channel] += step
                values.append(loss().item())
                layer.alpha[channel] -= step
        assert layer.alpha.grad[channel].item() == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-5)


@pytest.mark.parametrize("placement", ["gamma", "prestat"])
def test_the_gradient_of_the_input_passes_through_the_statistics(placement):
    layer = shaken(ScaleDropout(2, placement=placement, spatial=False)).double()
    x = accumulations((5, 2), dtype=torch.float64).requires_grad_()

    def output(value):
        with fixed_masks(layer, [0]):
            return layer(value)

    assert torch.autograd.gradcheck(output, (x,))


@pytest.mark.parametrize("placement", ["pre_bn", "dual_bn"])
@pytest.mark.parametrize("mode, bit", [("unitary", 0), ("average", 0), ("average", 1)])
@pytest.mark.parametrize("granularity", ["vector", "element"])
def test_where_the_normalisation_cancels_alpha_gets_next_to_no_gradient(placement, mode, bit, granularity):
    layer = ScaleDropout(8, placement=placement, mode=mode, granularity=granularity)
    with torch.no_grad():
        layer.alpha.uniform_(0.5, 1.5, generator=torch.Generator().manual_seed(1))
    x = 5 * accumulations((64, 8, 6, 6))
    target = torch.randn(x.shape, generator=torch.Generator().manual_seed(2))
    with fixed_masks(layer, [bit] * layer.bits):
        (layer(x) - target).square().sum().backward()
    assert layer.cancels_alpha and layer.alpha_gradient() < CANCELLED_GRADIENT


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_unitary_dropped_alpha_gets_gradient_zero_and_every_parameter_is_in_the_graph(placement):
    layer = shaken(ScaleDropout(3, placement=placement, spatial=False))
    with fixed_masks(layer, [1]):
        layer(accumulations((8, 3))).square().sum().backward()
    assert all(parameter.grad is not None for parameter in layer.parameters())
    assert layer.alpha.grad.abs().sum() == 0


@pytest.mark.parametrize("placement", ["pre_bn", "gamma", "prestat"])
def test_masks_per_image_train_where_one_set_of_statistics_serves_both(placement):
    layer = shaken(ScaleDropout(3, placement=placement))
    x, bits = accumulations(), [0, 1, 1, 0, 1, 0]
    hat = torch.where(torch.tensor(bits)[:, None].bool(), torch.ones(1, 3), layer.alpha.detach())[
        :, :, None, None
    ]
    with fixed_masks(layer, [bits]):
        y = layer(x)
    seen = (x * hat if placement == "pre_bn" else x).transpose(0, 1).flatten(1)
    mean, root = wide(seen.mean(1), x), wide((seen.var(1, correction=0) + layer.eps).sqrt(), x)
    if placement == "gamma":
        expected = (x - mean) / root * hat + wide(layer.bias[0], x)
    else:
        expected = (x * hat - mean) / root * wide(layer.weight[0], x) + wide(layer.bias[0], x)
    assert torch.allclose(y, expected.detach(), rtol=BATCH_NORM_FLOAT32, atol=BATCH_NORM_FLOAT32)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_one_value_a_channel_has_no_statistics(placement):
    layer = ScaleDropout(3, placement=placement, spatial=False)
    with fixed_masks(layer, [0]), pytest.raises(ParameterError, match="more than one value a channel"):
        layer(torch.zeros(1, 3))
    assert layer.batches.sum() == 0


def test_the_ratio_of_gradients_needs_a_backward_pass():
    with pytest.raises(ParameterError, match="no gradients"):
        ScaleDropout(3).alpha_gradient()
