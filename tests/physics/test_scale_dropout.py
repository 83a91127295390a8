"""Facts about scale dropout that the choice of placement rests on."""

from __future__ import annotations

import torch
from tolerances import BATCH_NORM_FLOAT32, CANCELLED_GRADIENT, ROUNDING_FLOAT64

from spinbnn.bayes import predict
from spinbnn.nn import ScaleDropout, dropout_layers, fixed_masks
from spinbnn.nn.models import lenet5


def accumulations(seed=0, batch=64, channels=8):
    """Integer sums as a binary 3x3 convolution over 16 channels gives them."""
    z = torch.randint(0, 145, (batch, channels, 6, 6), generator=torch.Generator().manual_seed(seed))
    return (2 * z - 144).float()


def scales(channels=8, seed=1):
    return torch.rand(channels, generator=torch.Generator().manual_seed(seed)) + 0.5


def test_the_published_order_cancels_while_training():
    layer, z = ScaleDropout(8, placement="pre_bn"), accumulations()
    with torch.no_grad():
        layer.alpha.copy_(scales())
    with fixed_masks(layer, [0]):
        kept = layer(z)
    with fixed_masks(layer, [1]):
        dropped = layer(z)
    assert (kept - dropped).abs().max() < BATCH_NORM_FLOAT32
    assert (kept >= 0).eq(dropped >= 0).float().mean() == 1.0


def test_the_scale_gets_next_to_no_gradient_in_either_placement():
    for placement in ("pre_bn", "dual_bn"):
        layer, z = ScaleDropout(8, placement=placement), accumulations()
        target = torch.randn(z.shape, generator=torch.Generator().manual_seed(2))
        with fixed_masks(layer, [0]):
            (layer(z) - target).square().sum().backward()
        assert layer.alpha.grad.norm() < CANCELLED_GRADIENT * layer.weight.grad.norm()


def test_with_the_published_order_branches_differ_in_eval_mode_through_mixed_statistics():
    layer = ScaleDropout(8, p=0.5, placement="pre_bn")
    with torch.no_grad():
        layer.alpha.copy_(scales())
    for step in range(200):
        with fixed_masks(layer, [step % 2]):
            layer(accumulations(step))
    layer.eval()
    z = accumulations(999)
    with fixed_masks(layer, [0]):
        kept = layer(z)
    with fixed_masks(layer, [1]):
        dropped = layer(z)
    ratio = (kept / dropped).median(dim=0).values.flatten(1).median(dim=1).values
    assert torch.allclose(ratio, layer.alpha.detach(), rtol=0.15)
    assert (kept.flatten(1).std() - 1).abs() > 0.005


def test_dual_bn_serves_each_branch_with_matching_statistics():
    layer = ScaleDropout(8, p=0.5, placement="dual_bn")
    with torch.no_grad():
        layer.alpha.copy_(scales())
    for step in range(200):
        with fixed_masks(layer, [step % 2]):
            layer(accumulations(step))
    layer.eval()
    for bit in (0, 1):
        with fixed_masks(layer, [bit]):
            y = layer(accumulations(999)).transpose(0, 1).flatten(1)
        assert (y.std(dim=1) - 1).abs().max() < 0.05 and y.mean(dim=1).abs().max() < 0.1


def test_equal_branches_carry_no_model_uncertainty_and_different_ones_do():
    x = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(3))
    model = lenet5()
    assert predict(model, x).mutual_information.max() < ROUNDING_FLOAT64
    draw = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for layer in dropout_layers(model):
            layer.bias[1].uniform_(-2, 2, generator=draw)
    assert predict(model, x).mutual_information.min() > 1e-6
