"""What a dropped scale becomes, and random scales."""

from __future__ import annotations

import pytest
import torch
from tolerances import BATCH_NORM_FLOAT32, STANDARD_ERRORS

from spinbnn.errors import ParameterError
from spinbnn.nn import ScaleDropout, fixed_masks, sample_masks


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def layer_of(placement="gamma", channels=4, **options):
    layer = ScaleDropout(channels, placement=placement, mode="random", spatial=False, **options).eval()
    with torch.no_grad():
        layer.alpha.copy_(torch.linspace(3.0, 4.0, channels))  # outside the range of the draws
        layer.bias.uniform_(-1, 1, generator=source(1))
        layer.running_mean.uniform_(-2, 2, generator=source(2))
        layer.running_var.uniform_(1, 2, generator=source(3))
    return layer


def scales_seen(layer, bits, generator, batch=1):
    """Return alpha_hat as the outputs of two inputs tell it, ``(batch, C)``: the outputs are affine in the input."""
    seen = []
    for value in (0.0, 1.0):
        with torch.no_grad(), fixed_masks(layer, bits, torch.Generator().manual_seed(generator)):
            seen.append(layer(torch.full((batch, layer.channels), value)))
    inverse = torch.rsqrt(layer.running_var[0] + layer.eps)
    return (seen[1] - seen[0]) / inverse


def test_average_drops_to_the_mean_of_the_layer():
    layer = ScaleDropout(3, placement="gamma", mode="average", spatial=False, eps=0.0).eval()
    layer.alpha.data.copy_(torch.tensor([1.0, 2.0, 6.0]))
    with torch.no_grad(), fixed_masks(layer, [1]):
        assert layer(torch.ones(1, 3)).tolist() == [[3.0, 3.0, 3.0]]


def test_the_gradient_of_a_dropped_average_is_shared_by_all_scales():
    layer = ScaleDropout(4, placement="gamma", mode="average", spatial=False)
    with fixed_masks(layer, [1]):
        (layer(torch.tensor([[1.0, 5, 2, 0], [3, 1, 1, 9]])) * torch.tensor([1.0, 2, 3, 4])).pow(
            3
        ).sum().backward()
    assert layer.alpha.grad.abs().min() > 0
    assert torch.allclose(layer.alpha.grad, layer.alpha.grad[0].expand(4))


@pytest.mark.parametrize("placement", ["gamma", "prestat", "pre_bn"])
def test_random_scales_replace_dropped_ones_only_and_come_from_the_stated_range(placement):
    layer = layer_of(placement, 3000, random_range=(0.5, 2.0), alpha_init="ones")
    kept, dropped = scales_seen(layer, [0], 7), scales_seen(layer, [1], 7)
    assert torch.allclose(kept[0], layer.alpha, rtol=1e-4)
    assert dropped.min() >= 0.5 - 1e-5 and dropped.max() < 2.0 + 1e-5
    assert abs(dropped.mean() - 1.25) < STANDARD_ERRORS * 1.5 / (12 * 3000) ** 0.5
    assert abs(dropped.std() - 1.5 / 12**0.5) < 0.02
    assert torch.allclose(scales_seen(layer, [1], 7), dropped)
    assert not torch.allclose(scales_seen(layer, [1], 8), dropped)


def test_one_vector_is_drawn_a_pass_for_the_batch_and_one_an_image_for_bits_of_images():
    layer = layer_of()
    same = scales_seen(layer, [1], 7, batch=3)
    assert torch.equal(same[0], same[1]) and torch.equal(same[1], same[2])
    own = scales_seen(layer, [[1, 0, 1]], 7, batch=3)
    assert torch.allclose(own[1], layer.alpha.detach(), rtol=1e-5)
    assert not torch.allclose(own[0], own[2])


def test_the_number_of_draws_does_not_depend_on_the_bits():
    first, second = layer_of(), layer_of()
    states = []
    for bit in (0, 1):
        draw = source(5)
        with torch.no_grad(), fixed_masks(torch.nn.Sequential(first, second), [bit, 1], draw):
            first(torch.ones(1, 4))
        states.append(draw.get_state())
    assert torch.equal(*states) and not torch.equal(states[0], source(5).get_state())


def test_random_scales_train_where_nothing_cancels_them():
    layer = ScaleDropout(3, placement="prestat", mode="random", spatial=False)
    x = torch.randint(-9, 10, (8, 3), generator=source()).float()
    with fixed_masks(layer, [1], source(4)):
        y = layer(x)
    drawn = torch.rand((1, 3), generator=source(4)) * 2
    expected = (x * drawn - x.mean(0)) / (x.var(0, correction=0) + layer.eps).sqrt()
    assert torch.allclose(y, expected, rtol=BATCH_NORM_FLOAT32, atol=BATCH_NORM_FLOAT32)


def test_random_scales_come_from_the_source_of_the_bits():
    layer = layer_of()
    layer.p = 1.0
    with torch.no_grad(), sample_masks(layer, source(3)):
        first, second = layer(torch.ones(1, 4)), layer(torch.ones(1, 4))
    assert not torch.allclose(first, second)
    state = torch.get_rng_state()
    layer.train().generator = source(4)
    layer(torch.arange(8.0).view(2, 4))
    assert torch.equal(state, torch.get_rng_state())


def test_without_a_source_only_the_kept_branch_of_eval_mode_has_an_answer():
    layer, x = layer_of(), torch.ones(2, 4)
    point = layer(x)
    with fixed_masks(layer, [0]):
        assert torch.equal(layer(x), point)
    with pytest.raises(ParameterError, match="source of random scales"), fixed_masks(layer, [[0, 1]]):
        layer(x)
    with pytest.raises(ParameterError, match="source of random scales"), fixed_masks(layer.train(), [0]):
        layer(x)


def test_a_pass_with_random_scales_is_no_function_of_its_bits():
    with pytest.raises(ParameterError, match="no function of its mask bits"):
        layer_of().coefficients()


def test_random_scales_before_two_normalisations_are_refused_with_the_reason():
    with pytest.raises(ParameterError, match="cancels them while training"):
        ScaleDropout(3, placement="dual_bn", mode="random")
    for wrong in ((1.0, 1.0), (2.0, 1.0), (0.0, float("inf")), (float("nan"), 1.0)):
        with pytest.raises(ParameterError, match="ascending"):
            ScaleDropout(3, placement="gamma", mode="random", random_range=wrong)


def test_the_mode_is_shown():
    assert "mode='random'" in repr(layer_of()) and "mode" not in repr(ScaleDropout(2))
