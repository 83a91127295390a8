"""Which method is taken, what it costs, and what is refused: auto, noisy and random networks, hardware, marginals."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from random_networks import plain_loop
from stand_ins import StandInChip, StandInProfile, shake
from tolerances import STANDARD_ERRORS
from torch import nn

from spinbnn.bayes import predict, shared_prefixes
from spinbnn.crossbar.array_params import ArrayParams
from spinbnn.errors import ParameterError
from spinbnn.hardware.arrays import CrossbarSetup
from spinbnn.hardware.profile import HardwareProfile
from spinbnn.nn import BinaryLinear, ScaleDropout, all_masks, clipping, set_read_noise, to_hardware
from spinbnn.nn.models import lenet5

P = [0.1, 0.2, 0.3, 0.4, 0.5]


def images(count=3):
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def model():
    return shake(lenet5(p=P))


def deep(count, p=0.2, width=3):
    """A chain of binary layers, each with scale dropout."""
    draw = torch.Generator().manual_seed(0)
    layers = [m for _ in range(count) for m in (BinaryLinear(width, width, generator=draw), ScaleDropout(width, p, spatial=False))]
    return shake(nn.Sequential(*layers))


@pytest.mark.parametrize("method", ["sampled", "tree"])
def test_masks_per_pass_and_per_image_have_equal_marginals(model, method):
    """Means over many passes agree image by image; the images of one pass agree in their masks only per pass."""
    x, passes = images(4), 3000
    one = predict(model, x, method, passes, seed=1, masks="per_pass")
    own = predict(model, x, method, passes, seed=2, masks="per_image")
    spread = (one.variance / passes + own.variance / passes).sqrt()
    assert bool(((one.mean - own.mean).abs() <= STANDARD_ERRORS * spread + 1e-12).all())
    for masks in (one.masks.double()[:, None].expand(-1, 4, -1), own.masks.double()):
        error = (torch.tensor(P) * (1 - torch.tensor(P)) / passes).sqrt()
        assert bool(((masks.mean(0) - torch.tensor(P)).abs() <= STANDARD_ERRORS * error).all())
    # the same image four times: per pass all four answers are one, per image they are independent
    same = images(1).expand(4, -1, -1, -1)
    together = predict(model, same, method, 400, seed=1).probs
    apart = predict(model, same, method, 400, seed=1, masks="per_image").probs
    assert bool((together == together[:, :1]).all())
    correlation = np.corrcoef(apart[:, :, 0].numpy().T)
    assert np.abs(correlation - np.eye(4)).max() < STANDARD_ERRORS / np.sqrt(400)


def test_auto_takes_the_cheapest_that_meets_the_tolerance(model):
    x = images(1)
    exact = predict(model, x)
    assert exact.method == "exact" and "auto took exact: it costs as much as" in exact.note
    assert predict(model, x, tolerance=0.5).method == "mass"
    for net, passes, tolerance, kind in (
        (deep(18, 0.01), 500, 0.05, "mass"),  # few masks hold the mass
        (deep(18, 0.01), 2, 0.05, "tree"),  # but more than so few passes need
        (deep(18, 0.01), 500, 0.0, "tree"),  # nothing bounded is at hand
        (deep(18, 0.4), 500, 0.05, "tree"),  # too many masks
        (deep(12, 0.2), 20, 0.0, "tree"),
    ):
        answer = predict(net, torch.ones(1, 3), samples=passes, tolerance=tolerance)
        assert (answer.method, answer.note.startswith(f"auto took {kind}")) == (kind, True)
        assert 1 - answer.covered <= tolerance
    assert predict(deep(9, 0.5), torch.ones(1, 3), samples=8000).method == "exact"  # so many passes meet every mask
    assert predict(deep(10), torch.ones(1, 3), weights=np.full(1024, 1 / 1024)).method == "exact"
    assert predict(model, x, "exact").note == "" and predict(model, x, "tree").covered == 1.0


def test_the_stated_costs_are_those_of_the_rows():
    net = deep(2, 0.5, width=4)  # 16 + 4, 4, 16 + 4, 4 per row: one row, then 2, 2 and 4
    note = predict(net, torch.ones(1, 4), samples=1).note
    work = [20, 4, 20, 4]
    assert f"{(20 + 2 * 4 + 2 * 20 + 4 * 4) / sum(work):.3g} passes" in note and "T = 1: 1)" in note


def test_random_scales_are_sampled_only():
    net = shake(lenet5(p=0.5, placement="prestat", mode="random"))
    x = images(5)
    for method in ("exact", "mass", "tree"):
        with pytest.raises(ParameterError, match="mode='random'") as caught:
            predict(net, x, method)
        assert "sampled" in caught.value.remedy
    first = predict(net, x, samples=6, seed=3)
    assert first.method == "sampled" and "mode='random'" in first.note
    for masks in ("per_pass", "per_image"):
        whole = predict(net, x, "sampled", 6, seed=3, masks=masks)
        for size in (1, 2):
            assert torch.equal(predict(net, x, "sampled", 6, seed=3, masks=masks, batch_size=size).probs, whole.probs)
        assert torch.equal(predict(net, x[:3], "sampled", 4, seed=3, masks=masks).probs, whole.probs[:4, :3])
        assert not torch.equal(predict(net, x, "sampled", 6, seed=4, masks=masks).probs, whole.probs)
    same = predict(net, x[:1].expand(2, -1, -1, -1), "sampled", 300, masks="per_image")
    alike = (same.masks[:, 0] == same.masks[:, 1]).all(1) & (same.masks[:, 0].sum(1) > 0)
    assert bool(alike.any()) and not torch.equal(same.probs[alike, 0], same.probs[alike, 1])


def hardware(noise=0.0, fidelity="table"):
    params = ArrayParams.load("array_mohm")
    setup = CrossbarSetup(params=params, adc_errors={"noise": noise} if noise else {})
    profile = HardwareProfile.ideal(0.3, 3, array=(64, 64)).with_arrays(setup)
    draw = torch.Generator().manual_seed(0)
    layers = [m for _ in range(3) for m in (BinaryLinear(40, 40, generator=draw), ScaleDropout(40, 0.3, spatial=False))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return to_hardware(shake(nn.Sequential(*layers)), profile, profile.chip(1), fidelity=fidelity)


def test_networks_on_solved_arrays_are_walked_and_count_the_reads_that_take_place():
    net, x = hardware(), torch.randn(3, 40, generator=torch.Generator().manual_seed(0))
    tree = predict(net, x, "tree", 8, seed=1)
    assert tree.note == ""
    first = {name: count.total for name, count in clipping(net).items()}
    assert first["0"] == 3 * 40 and first["4"] <= 4 * 3 * 40  # the first layer once; the look before is not counted
    assert torch.equal(tree.probs, plain_loop(net, x, tree.masks))
    assert torch.equal(predict(net, x, "sampled", 8, seed=1).probs, tree.probs)
    own = predict(net, x, "tree", 8, seed=1, masks="per_image")
    assert torch.equal(own.probs, plain_loop(net, x, own.masks))


def test_read_noise_is_sampled_only():
    net, x = hardware(noise=1.0), torch.randn(2, 40, generator=torch.Generator().manual_seed(0))
    set_read_noise(net, torch.Generator().manual_seed(5))
    for method in ("exact", "mass", "tree"):
        with pytest.raises(ParameterError, match="draw noise at every read"):
            predict(net, x, method)
    answer = predict(net, x, samples=3, seed=1)
    assert answer.method == "sampled" and "noise" in answer.note
    set_read_noise(net, torch.Generator().manual_seed(5))
    assert torch.equal(plain_loop(net, x, answer.masks), answer.probs)


def test_a_chip_for_another_number_of_bits_is_refused(model):
    twin = to_hardware(model, StandInProfile(), StandInChip(P))
    twin.chip = StandInChip([0.1] * 4)
    with pytest.raises(ParameterError, match="do not fit the network") as caught:
        predict(twin, images(1))
    assert caught.value.value == 4 and "chip" in caught.value.where


def test_elements_have_their_own_bits():
    net = shake(lenet5(p=0.5, placement="prestat", granularity="element"))
    x = images(2)
    tree = predict(net, x, samples=5)
    assert tree.method == "tree" and tree.masks.shape == (5, 6 + 16 + 120 + 84 + 10)
    assert torch.equal(tree.probs, plain_loop(net, x, tree.masks))
    with pytest.raises(ParameterError, match=r"2\^236 masks"):
        predict(net, x, "exact")


@pytest.mark.parametrize("masks", ["per_pass", "per_image"])
@pytest.mark.parametrize("budget", [1, 30_000])
def test_a_network_of_signs_alone_goes_depth_first_by_rows(model, masks, budget, monkeypatch):
    x = images(4)
    whole = predict(model, x, "tree", 9, seed=3, masks=masks)
    assert torch.equal(whole.probs, plain_loop(model, x, whole.masks))
    for name in ("BUDGET", "SAMPLED_BUDGET"):
        monkeypatch.setattr(shared_prefixes, name, budget)
    for method in ("tree", "sampled"):
        assert torch.equal(predict(model, x, method, 9, seed=3, masks=masks).probs, whole.probs)
    assert torch.equal(predict(model, x, "exact").probs, plain_loop(model, x, all_masks(5)))


def test_auto_never_draws_passes_where_weights_are_given():
    share, x = np.zeros(2**13), torch.ones(2, 3)
    share[-1] = 1.0
    found = predict(deep(13), x, samples=1, weights=share)
    assert found.method == "mass" and found.masks.tolist() == [[1] * 13]
    with pytest.raises(ParameterError, match=r"4096 masks cover 0\.5"):
        predict(deep(13), x, samples=1, weights=np.full(2**13, 2.0**-13))
    with pytest.raises(ParameterError, match="sum to 1"):
        predict(deep(13), x, weights=[0.5, 0.5])
    with pytest.raises(ParameterError, match="mode='random'") as caught:
        predict(nn.Sequential(ScaleDropout(3, 0.5, placement="gamma", spatial=False, mode="random")), x, weights=[0.5, 0.5])
    assert "without weights" in caught.value.remedy


def test_auto_keeps_the_tolerance_of_networks_that_cannot_be_walked():
    class Branching(nn.Module):
        def __init__(self, count, p):
            super().__init__()
            self.chain = deep(count, p)

        def forward(self, x):
            return self.chain(x if x.sum() > 0 else -x)

    for count, p, tolerance, kind in ((8, 0.01, 0.1, "mass"), (8, 0.01, 0.0, "exact"), (9, 0.5, 0.0, "sampled"), (18, 0.001, 0.05, "mass")):
        found = predict(Branching(count, p), torch.ones(2, 3), tolerance=tolerance)
        assert found.method == kind and "cannot be walked" in found.note


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"samples": 2.5}, "passes"), ({"samples": True}, "passes"), ({"max_masks": 2.5}, "masks"), ({"batch_size": 1.5}, "batch"),
        ({"x": np.ones((2, 3))}, "no tensor"), ({"x": torch.ones(3)}, "no tensor"),
    ],
)  # fmt: skip
def test_what_is_no_number_of_things_and_no_images_is_refused(options, word):
    with pytest.raises(ParameterError, match=word):
        predict(deep(2), **({"x": torch.ones(2, 3)} | options))
