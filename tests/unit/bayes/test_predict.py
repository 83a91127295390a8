from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from stand_ins import MarkovChip, StandInChip, StandInProfile, shake
from tolerances import MIXTURE_FLOAT32, ROUNDING_FLOAT64, STANDARD_ERRORS
from torch import nn

from spinbnn.bayes import draw_masks, predict, product_weights
from spinbnn.errors import DataError, ParameterError
from spinbnn.nn import BinaryLinear, ScaleDropout, all_masks, dropout_layers, to_hardware
from spinbnn.nn.models import lenet5

P = [0.1, 0.2, 0.3, 0.4, 0.5]


def images(count=9, seed=0):
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def model():
    return shake(lenet5(p=P))


def brute_force(model, x, weight_of):
    """Sum over all masks, by a route of its own: numpy, itertools, BatchNorm written out."""
    total = np.zeros((len(x), 10))
    for bits in itertools.product([0, 1], repeat=5):
        image, layers = x, iter(dropout_layers(model))

        def norm(z, bit, layers=layers):
            layer = next(layers)
            values = [
                v.detach().double()
                for v in (layer.weight[bit], layer.bias[bit], layer.running_mean[bit], layer.running_var[bit])
            ]
            scale = torch.ones(layer.channels).double() if bit else layer.alpha.detach().double()
            gamma, beta, mean, var, scale = (v.view(1, -1, *[1] * (z.ndim - 2)) for v in (*values, scale))
            return (gamma * (z.double() * scale - mean) / torch.sqrt(var + layer.eps) + beta).float()

        z = torch.nn.functional.max_pool2d(model.conv1(torch.where(image >= 0.5, 1.0, -1.0)), 2)
        z = torch.nn.functional.max_pool2d(model.conv2(norm(z, bits[0])), 2)
        z = model.fc1(norm(z, bits[1]).flatten(1))
        z = model.fc3(norm(model.fc2(norm(z, bits[2])), bits[3]))
        logits = norm(z, bits[4]).detach().double().numpy()
        probs = np.exp(logits - logits.max(1, keepdims=True))
        total += weight_of(bits) * probs / probs.sum(1, keepdims=True)
    return total


def test_exact_equals_brute_force(model):
    x = images()
    expected = brute_force(
        model, x, lambda bits: np.prod([p if bit else 1 - p for p, bit in zip(P, bits, strict=True)])
    )
    result = predict(model, x, "exact")
    assert np.abs(result.mean.numpy() - expected).max() < MIXTURE_FLOAT32
    assert result.probs.shape == (32, 9, 10) and result.probs.dtype == torch.float64
    assert torch.equal(result.masks, all_masks(5))
    assert result.weights.sum().item() == pytest.approx(1.0, abs=ROUNDING_FLOAT64)
    assert result.mean[0].std() > 0.01


def test_exact_with_the_markov_weights_of_a_shared_module(model):
    chip = MarkovChip(P, a=0.15, b=0.6)
    twin, x = to_hardware(model, StandInProfile(), chip), images(4)

    def chain(bits):
        start = 0.15 / (1 - 0.6 + 0.15)
        out = start if bits[0] else 1 - start
        for before, bit in itertools.pairwise(bits):
            one = 0.6 if before else 0.15
            out *= one if bit else 1 - one
        return out

    expected = brute_force(model, x, chain)
    result = predict(twin, x, "exact")
    assert np.abs(result.mean.numpy() - expected).max() < MIXTURE_FLOAT32
    assert np.abs(predict(model, x, "exact").mean.numpy() - expected).max() > 1e-3
    assert result.profile_id == "stand-in"
    assert predict(model, x, "exact").profile_id is None


def test_given_weights_take_the_place_of_the_models(model):
    only = np.zeros(32)
    only[5] = 1.0
    result = predict(model, images(2), "exact", weights=only)
    assert torch.equal(result.mean, result.probs[5])
    for wrong in (np.ones(32), np.ones(31) / 31, -only, np.where(only == 1, 1.0, np.nan), only * np.nan):
        with pytest.raises(ParameterError, match="weights"):
            predict(model, images(2), "exact", weights=wrong)


@pytest.mark.parametrize("masks", ["per_pass", "per_image"])
def test_sampled_converges_to_exact(model, masks):
    x, passes = images(3), 1500
    exact, sampled = predict(model, x, "exact"), predict(model, x, "sampled", passes, seed=1, masks=masks)
    error = (exact.variance / passes).sqrt()
    assert bool(((sampled.mean - exact.mean).abs() <= STANDARD_ERRORS * error + ROUNDING_FLOAT64).all())
    assert sampled.probs.shape == (passes, 3, 10)
    assert sampled.masks.shape == ((passes, 5) if masks == "per_pass" else (passes, 3, 5))


@pytest.mark.parametrize(
    "method, masks", [("exact", "per_pass"), ("sampled", "per_pass"), ("sampled", "per_image")]
)
def test_results_do_not_depend_on_the_batch_size(model, method, masks):
    x = images(13)
    whole = predict(model, x, method, 6, seed=2, masks=masks, batch_size=256)
    for size in (1, 5, 13):
        assert torch.equal(
            predict(model, x, method, 6, seed=2, masks=masks, batch_size=size).probs, whole.probs
        )


def test_results_do_not_depend_on_other_images_or_passes(model):
    x = images(6)
    whole = predict(model, x, "sampled", 5, seed=2, masks="per_image")
    assert torch.equal(
        predict(model, x[:4], "sampled", 3, seed=2, masks="per_image").probs, whole.probs[:3, :4]
    )


def test_per_image_masks_are_applied_image_by_image(model):
    x = images(4)
    result, exact = predict(model, x, "sampled", 8, seed=3, masks="per_image"), predict(model, x, "exact")
    index = (result.masks.long() * torch.tensor([16, 8, 4, 2, 1])).sum(-1)
    assert len(index[0].unique()) > 1
    for s in range(8):
        for image in range(4):
            assert torch.equal(result.probs[s, image], exact.probs[index[s, image], image])


def test_a_chip_supplies_the_masks(model):
    chip = StandInChip(P)
    twin = to_hardware(model, StandInProfile(), chip)
    result = predict(twin, images(3), "sampled", 7, seed=5)
    assert np.array_equal(result.masks.numpy(), chip.sample_masks(7, 5))
    per_image = predict(twin, images(3), "sampled", 7, seed=5, masks="per_image")
    stream = chip.sample_masks(21, 5)
    assert np.array_equal(per_image.masks[:, 1].numpy(), stream[7:14])
    assert torch.equal(predict(twin, images(3), "exact").probs, predict(model, images(3), "exact").probs)


def test_the_seed_decides_and_global_randomness_does_not(model):
    x = images(2)
    torch.manual_seed(1)
    first = predict(model, x, "sampled", 6, seed=4).masks
    torch.manual_seed(2)
    assert torch.equal(first, predict(model, x, "sampled", 6, seed=4).masks)
    assert not torch.equal(draw_masks(torch.tensor(P), 50, 4), draw_masks(torch.tensor(P), 50, 5))


def test_modes_come_back(model):
    model.train()
    model.norm2.eval()
    predict(model, images(1))
    assert model.training and not model.norm2.training and model.norm3.training
    with pytest.raises(ParameterError):
        predict(model, torch.zeros(1, 3, 28, 28))
    assert model.training and not model.norm2.training
    model.norm2.train()
    assert all(layer.batches.sum() == 0 for layer in dropout_layers(model))


def deep(count):
    """A chain of tiny binary layers, each with scale dropout."""
    draw = torch.Generator().manual_seed(0)
    return nn.Sequential(
        *[
            m
            for _ in range(count)
            for m in (BinaryLinear(3, 3, generator=draw), ScaleDropout(3, spatial=False))
        ]
    )


def test_auto_takes_exact_up_to_eight_layers_and_says_so():
    x = torch.ones(2, 3)
    assert predict(deep(8), x).method == "exact"
    nine = predict(deep(9), x, samples=4)
    assert (nine.method, nine.samples, nine.seed) == ("tree", 4, 0)
    assert "exact would cost" in nine.note and "T" not in nine.method
    assert predict(deep(2), x, masks="per_image").method == "tree"
    assert predict(deep(2), x).seed is None
    assert predict(deep(10), x, "exact").samples == 1024


def test_too_many_masks_are_refused_with_the_remedy():
    with pytest.raises(ParameterError) as caught:
        predict(deep(13), torch.ones(1, 3), "exact")
    assert "sampled" in caught.value.remedy and "mass" in caught.value.remedy


@pytest.mark.parametrize(
    "method, options, word",
    [
        ("tree", {"samples": 0}, "20"),
        ("tree", {"weights": [1.0]}, "exact"),
        ("mass", {"tolerance": 1.0}, "0.01"),
        ("mass", {"tolerance": float("nan")}, "0.01"),
        ("auto", {"tolerance": -0.1}, "0.01"),
        ("mass", {"max_masks": 0}, "4096"),
        ("mass", {"masks": "per_image"}, "tree"),
        ("exact", {"source": StandInChip([0.5, 0.5])}, "weights"),
        ("sampled", {"source": StandInChip([0.5] * 3)}, "2 mask bits"),
        ("tree", {"source": 7}, "MarkovSource"),
        ("exakt", {}, "did you mean 'exact'"),
        ("sampled", {"samples": 0}, "20"),
        ("sampled", {"masks": "per_batch"}, "per_image"),
        ("exact", {"masks": "per_image"}, "sampled"),
        ("sampled", {"weights": [1.0]}, "exact"),
        ("exact", {"batch_size": 0}, "batch_size"),
    ],
)
def test_wrong_requests_name_the_remedy(method, options, word):
    with pytest.raises(ParameterError) as caught:
        predict(deep(2), torch.ones(1, 3), method, **options)
    assert word in caught.value.remedy


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("method", ["exact", "sampled"])
def test_images_that_are_not_finite_are_refused(model, method, value):
    x = images(4)
    x[2, 0, 5, 7] = value
    with pytest.raises(DataError, match="1 of 4 images") as caught:
        predict(model, x, method, 2)
    assert "image 2" in caught.value.where and "(0, 5, 7)" in caught.value.where
    assert repr(value) in str(caught.value) and caught.value.remedy
    x[1:3] = float("nan")
    with pytest.raises(DataError, match="2 of 4 images"):
        predict(model, x, method, 2)


def test_a_network_with_nan_weights_gives_no_answer(model):
    broken = shake(lenet5(p=P))
    with torch.no_grad():
        broken.norm5.bias[0, 3] = float("nan")
    for method in ("exact", "sampled", "tree", "mass", "auto"):
        with pytest.raises(DataError, match="1 of 20 values of the network are not finite"):
            predict(broken, images(2), method)
    with torch.no_grad():
        broken.norm5.bias[0, 3] = 0.0
        broken.conv2.weight[3, 1, 2, 2] = float("nan")  # its sign is -1: only a look at the weights sees it
    with pytest.raises(DataError, match=r"conv2\.weight"):
        predict(broken, images(2))


def branched(kept, dropped, p, layer=2, placement="dual_bn"):
    """A network whose given layer saw so many mini-batches in either branch, all others a hundred."""
    net = shake(lenet5(p=P, placement=placement))
    for index, norm in enumerate(dropout_layers(net)):
        if placement == "dual_bn":
            norm.batches.copy_(torch.tensor([kept, dropped] if index == layer else [100, 100]))
        else:
            norm.batches.fill_(100)
    dropout_layers(net)[layer].p = p
    return net


@pytest.mark.parametrize("method", ["exact", "sampled"])
def test_branches_that_never_saw_data_are_not_used(method):
    for kept, dropped, p, word in ((11, 0, 0.01, "dropped"), (0, 11, 0.99, "kept")):
        with pytest.raises(ParameterError, match=f"the {word} branch of a trained layer") as caught:
            predict(branched(kept, dropped, p), images(1), method, 3)
        assert "'norm3'" in caught.value.where and caught.value.value == (kept, dropped)
    for kept, dropped, p in ((11, 0, 0.0), (0, 11, 1.0), (1, 1, 0.01), (0, 0, 0.5)):
        assert predict(branched(kept, dropped, p), images(1), method, 3).probs.shape[1] == 1
    assert predict(branched(0, 0, 0.5, placement="pre_bn"), images(1), method, 3).probs.shape[1] == 1


def test_given_weights_and_chips_decide_which_branches_count():
    net = branched(11, 0, 0.0)
    weights = product_weights(all_masks(5), torch.full((5,), 0.5, dtype=torch.float64))
    with pytest.raises(ParameterError, match="never trained"):
        predict(net, images(1), "exact", weights=weights)
    twin = to_hardware(net, StandInProfile(), StandInChip(P))
    for method in ("exact", "sampled"):
        with pytest.raises(ParameterError, match="never trained"):
            predict(twin, images(1), method, 3)


def test_a_model_without_scale_dropout_is_refused():
    with pytest.raises(ParameterError, match="no scale-dropout"):
        predict(nn.Linear(2, 2), torch.ones(1, 2))


def test_product_weights_sum_to_one():
    weights = product_weights(all_masks(5), torch.tensor(P, dtype=torch.float64))
    assert weights.sum().item() == pytest.approx(1.0, abs=ROUNDING_FLOAT64)
    assert weights[0].item() == pytest.approx(0.9 * 0.8 * 0.7 * 0.6 * 0.5)
    assert weights[16].item() == pytest.approx(0.1 * 0.8 * 0.7 * 0.6 * 0.5)
