from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from tolerances import BATCH_NORM_FLOAT32, STANDARD_ERRORS
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from spinbnn.errors import ParameterError
from spinbnn.nn import ScaleDropout, fixed_masks, sample_masks, set_drop_probabilities


def integers(*shape, seed=0):
    return torch.randint(-20, 21, shape, generator=torch.Generator().manual_seed(seed)).float()


def shaken(layer, seed=0):
    """Give a layer parameters and statistics that differ everywhere."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        layer.alpha.uniform_(0.5, 1.5, generator=draw)
        layer.weight.uniform_(0.5, 1.5, generator=draw)
        layer.bias.uniform_(-1, 1, generator=draw)
        layer.running_mean.uniform_(-3, 3, generator=draw)
        layer.running_var.uniform_(5, 50, generator=draw)
    return layer


def reference(layer, row):
    """An ordinary BatchNorm with one row of a layer's parameters."""
    norm = (nn.BatchNorm2d if layer.spatial else nn.BatchNorm1d)(layer.channels)
    with torch.no_grad():
        norm.weight.copy_(layer.weight[row])
        norm.bias.copy_(layer.bias[row])
        norm.running_mean.copy_(layer.running_mean[row])
        norm.running_var.copy_(layer.running_var[row])
    return norm


@pytest.mark.parametrize("spatial", [True, False])
def test_dual_bn_equals_two_batch_norms(spatial):
    layer = shaken(ScaleDropout(3, spatial=spatial))
    norms = [reference(layer, 0), reference(layer, 1)]
    shape = (6, 3, 4, 4) if spatial else (6, 3)
    view = (1, 3, 1, 1) if spatial else (1, 3)
    for step, bit in enumerate([0, 1, 1, 0]):
        x = integers(*shape, seed=step)
        with fixed_masks(layer, [bit]):
            y = layer(x)
        scale = torch.ones(3) if bit else layer.alpha.detach()
        assert torch.equal(y, norms[bit](x * scale.view(view)))
    for row in (0, 1):
        assert torch.equal(layer.running_mean[row], norms[row].running_mean)
        assert torch.equal(layer.running_var[row], norms[row].running_var)
        assert layer.batches[row] == norms[row].num_batches_tracked
        x = integers(*shape, seed=9)
        layer.eval(), norms[row].eval()
        with fixed_masks(layer, [row]):
            y = layer(x)
        scale = torch.ones(3) if row else layer.alpha.detach()
        assert torch.allclose(
            y, norms[row](x * scale.view(view)), rtol=BATCH_NORM_FLOAT32, atol=BATCH_NORM_FLOAT32
        )


def test_pre_bn_scales_then_normalises_with_one_batch_norm():
    layer = shaken(ScaleDropout(3, placement="pre_bn")).eval()
    norm, x = reference(layer, 0).eval(), integers(2, 3, 4, 4)
    with fixed_masks(layer, [0]):
        kept = layer(x)
    with fixed_masks(layer, [1]):
        dropped = layer(x)
    assert torch.allclose(
        kept, norm(x * layer.alpha.view(1, 3, 1, 1)), rtol=BATCH_NORM_FLOAT32, atol=BATCH_NORM_FLOAT32
    )
    assert torch.allclose(dropped, norm(x), rtol=BATCH_NORM_FLOAT32, atol=BATCH_NORM_FLOAT32)
    assert not torch.allclose(kept, dropped, atol=0.1)


@pytest.mark.parametrize("placement", ["dual_bn", "pre_bn"])
@pytest.mark.parametrize("spatial", [True, False])
def test_masks_per_image_select_per_image_bit_for_bit(placement, spatial):
    layer = shaken(ScaleDropout(5, placement=placement, spatial=spatial)).eval()
    x, bits = integers(*((4, 5, 3, 3) if spatial else (4, 5))), [0, 1, 1, 0]
    with fixed_masks(layer, [bits]):
        mixed = layer(x)
    for image, bit in enumerate(bits):
        with fixed_masks(layer, [bit]):
            assert torch.equal(mixed[image], layer(x)[image])


def test_pre_bn_trains_with_masks_per_image():
    layer = shaken(ScaleDropout(2, placement="pre_bn", spatial=False))
    norm, x = reference(layer, 0), integers(4, 2)
    with fixed_masks(layer, [[0, 1, 0, 1]]):
        y = layer(x)
    scaled = x.clone()
    scaled[::2] *= layer.alpha.detach()
    assert torch.equal(y, norm(scaled))


def test_every_parameter_is_in_the_graph_in_either_branch():
    for placement in ("dual_bn", "pre_bn"):
        for bit in (0, 1):
            layer = ScaleDropout(3, placement=placement, spatial=False)
            with fixed_masks(layer, [bit]):
                layer(integers(8, 3)).square().sum().backward()
            assert all(parameter.grad is not None for parameter in layer.parameters())
            if placement == "dual_bn":
                assert layer.bias.grad[1 - bit].abs().sum() == 0
                assert layer.weight.grad[bit].abs().sum() > 0


def test_eval_without_a_mask_is_the_kept_branch():
    layer, x = shaken(ScaleDropout(3)).eval(), integers(2, 3, 2, 2)
    with fixed_masks(layer, [0]):
        kept = layer(x)
    assert torch.equal(layer(x), kept)
    layer.generator = torch.Generator().manual_seed(0)
    layer.p = 1.0
    assert torch.equal(layer(x), kept)


def test_training_without_a_source_of_masks_names_the_remedies():
    with pytest.raises(ParameterError) as caught:
        ScaleDropout(3)(integers(2, 3, 2, 2))
    assert "fixed_masks" in str(caught.value) and "sample_masks" in str(caught.value)


def test_the_drawn_bits_follow_p_and_leave_global_randomness_alone():
    layer = ScaleDropout(1, p=0.3, spatial=False)
    with torch.no_grad():
        layer.alpha.fill_(2.0)
    layer.eval()
    state = torch.get_rng_state()
    with sample_masks(layer, torch.Generator().manual_seed(3)), torch.no_grad():
        kept = sum(float(layer(torch.ones(1, 1))) > 1.5 for _ in range(2000))
    assert abs(kept / 2000 - 0.7) < STANDARD_ERRORS * (0.3 * 0.7 / 2000) ** 0.5
    assert torch.equal(state, torch.get_rng_state())


def test_the_layers_own_generator_serves_training():
    layer = ScaleDropout(3, spatial=False)
    layer.p = 1.0
    layer.generator = torch.Generator().manual_seed(0)
    layer(integers(4, 3))
    assert layer.batches.tolist() == [0, 1]


@pytest.mark.parametrize("placement", ["dual_bn", "pre_bn"])
def test_initial_scales(placement):
    def scales(init, seed=0):
        draw = torch.Generator().manual_seed(seed)
        layer = ScaleDropout(4000, placement=placement, alpha_init=init, generator=draw)
        return layer.alpha.detach(), draw.get_state()

    (ones, after), (normal, _), (uniform, _) = scales("ones"), scales("normal"), scales("uniform")
    assert torch.equal(ones, torch.ones(4000))
    assert torch.equal(after, torch.Generator().manual_seed(0).get_state())
    assert abs(normal.mean() - 1) < STANDARD_ERRORS * 0.3 / 4000**0.5
    assert abs(normal.std() - 0.3) < STANDARD_ERRORS * 0.3 / 8000**0.5
    assert uniform.min() >= 0 and uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < STANDARD_ERRORS / 48000**0.5
    assert torch.equal(normal, scales("normal")[0]) and not torch.equal(normal, scales("normal", 1)[0])
    assert torch.equal(scales(None)[0], normal if placement == "pre_bn" else ones)


def test_others_tools_find_it_and_can_copy_it():
    layer = ScaleDropout(3)
    layer.generator = torch.Generator().manual_seed(0)
    assert isinstance(layer, _DropoutNd)
    assert copy.deepcopy(layer).p == layer.p
    assert "placement='dual_bn'" in repr(layer)


@pytest.mark.parametrize(
    "options, key",
    [
        ({"p": 1.5}, "p"),
        ({"p": float("nan")}, "p"),
        ({"p": 1.0}, "p"),
        ({"p": -0.1}, "p"),
        ({"granularity": "pixel"}, "granularity"),
        ({"placement": "post"}, "placement"),
        ({"mode": "zero"}, "mode"),
        ({"alpha_init": "zeros"}, "alpha_init"),
    ],
)
def test_wrong_options_are_refused(options, key):
    with pytest.raises(ParameterError) as caught:
        ScaleDropout(3, **options)
    assert f"'{key}'" in caught.value.where


def test_the_measured_probability_of_a_chip_may_be_one():
    layer = ScaleDropout(3)
    set_drop_probabilities(layer, 1.0)
    assert layer.p == 1.0


def test_wrong_shapes_are_refused():
    layer = ScaleDropout(3).eval()
    for shape in ((2, 4, 5, 5), (2, 3)):
        with pytest.raises(ParameterError, match="wrong shape"):
            layer(torch.zeros(shape))
    with pytest.raises(ParameterError, match="fit the batch"), fixed_masks(layer, [[0, 1, 1]]):
        layer(torch.zeros(2, 3, 1, 1))
    with (
        pytest.raises(ParameterError, match="one mask bit per mini-batch"),
        fixed_masks(layer.train(), [[0, 1]]),
    ):
        layer(torch.zeros(2, 3, 1, 1))


@pytest.mark.parametrize(
    "key, value",
    [
        ("channels", 0), ("channels", -1), ("channels", 2.0), ("channels", True), ("p", "0.2"), ("p", None), ("p", True),
        ("eps", -1e-5), ("eps", float("nan")), ("momentum", None), ("momentum", 1.5), ("random_range", (1,)),
        ("random_range", None), ("random_range", ("a", "b")),
    ],
)  # fmt: skip
def test_options_of_the_wrong_kind_are_refused_by_name(key, value):
    with pytest.raises(ParameterError) as caught:
        ScaleDropout(**{"channels": 3, key: value})
    assert key in caught.value.where
    assert ScaleDropout(np.int64(3), np.float32(0.25)).p == 0.25
