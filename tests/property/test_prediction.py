"""On random networks: tree = sampled = the plain loop bit for bit, exact and mass = brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from random_networks import RandomNetwork, brute_force, plain_loop
from tolerances import MIXTURE_FLOAT32, ROUNDING_FLOAT64

from spinbnn.bayes import predict, prepared, shared_prefixes
from spinbnn.bayes.mask_source import MarkovSource
from spinbnn.nn import all_masks, dropout_layers
from spinbnn.nn.masks import bit_probabilities, mask_bits

SEEDS = range(32)


def images(model, count=5, seed=0):
    return torch.rand(count, *model.image, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("masks", ["per_pass", "per_image"])
def test_tree_and_sampled_equal_the_plain_loop_bit_for_bit(seed, masks, monkeypatch):
    model = RandomNetwork(seed, element=seed % 4 == 3)
    x = images(model)
    tree = predict(model, x, "tree", 7, seed=seed, masks=masks)
    assert tree.note == "" and tree.method == "tree"
    assert torch.equal(tree.probs, plain_loop(model, x, tree.masks))
    sampled = predict(model, x, "sampled", 7, seed=seed, masks=masks)
    assert torch.equal(sampled.masks, tree.masks) and torch.equal(sampled.probs, tree.probs)
    for size in (1, 3):
        split = predict(model, x, "tree", 7, seed=seed, masks=masks, batch_size=size)
        assert torch.equal(split.probs, plain_loop(model, x, tree.masks, size))
    for budget in (1, 2000):  # one row at a time, and a few: depth first
        monkeypatch.setattr(shared_prefixes, "BUDGET", budget)
        monkeypatch.setattr(shared_prefixes, "SAMPLED_BUDGET", budget)
        assert torch.equal(predict(model, x, "tree", 7, seed=seed, masks=masks).probs, tree.probs)
        assert torch.equal(predict(model, x, "sampled", 7, seed=seed, masks=masks).probs, tree.probs)


@pytest.mark.parametrize("seed", SEEDS)
def test_exact_equals_brute_force_with_product_and_with_markov_weights(seed, monkeypatch):
    model = RandomNetwork(seed)
    x, p = images(model, 3), bit_probabilities(model).numpy()
    exact = predict(model, x, "exact")
    expected = brute_force(model, x, lambda bits: np.prod(np.where(bits, p, 1 - p)))
    assert exact.note == "" and float((exact.mean - expected).abs().max()) <= MIXTURE_FLOAT32
    assert torch.equal(exact.probs, plain_loop(model, x, all_masks(len(p))))
    chain = MarkovSource(0.5 * p, 0.5 + 0.5 * p, "shared")
    q = chain.drop_probability[0]

    def weight(bits):
        out = q if bits[0] else 1 - q
        for layer in range(1, len(bits)):
            one = 0.5 * p[layer] + (0.5 if bits[layer - 1] else 0.0)
            out *= one if bits[layer] else 1 - one
        return out

    markov = predict(model, x, "exact", weights=chain.mask_weights(all_masks(len(p))))
    assert float((markov.mean - brute_force(model, x, weight)).abs().max()) <= MIXTURE_FLOAT32
    mass = predict(model, x, "mass")
    assert float((mass.mean - exact.mean).abs().max()) <= ROUNDING_FLOAT64
    monkeypatch.setattr(shared_prefixes, "BUDGET", 1)
    assert torch.equal(predict(model, x, "exact").probs, exact.probs)


def test_the_random_networks_have_what_they_are_meant_to_test():
    models = [RandomNetwork(seed, element=seed % 4 == 3) for seed in SEEDS]
    steps = {step for model in models for step in model.plan}
    assert steps == {"plain", "pooled", "residual", "parallel", "digital"}
    layers = [layer for model in models for layer in dropout_layers(model)]
    assert {layer.placement for layer in layers} == {"dual_bn", "pre_bn", "gamma", "prestat"}
    assert {layer.mode for layer in layers} == {"unitary", "average"}
    assert any(max(mask_bits(model)) > 1 for model in models)
    assert min(float(layer.alpha.detach().min()) for layer in layers) < -1
    assert {model.encode.kind for model in models} == {"binary", "bit_serial", "digital"}


def test_masks_that_agree_share_all_layers():
    model = RandomNetwork(4)
    x = images(model)
    calls = []
    handle = dict(model.named_modules())["last"].register_forward_pre_hook(lambda _, given: calls.append(len(given[0])))
    for layer in dropout_layers(model):
        layer.p = 0.0
    predict(model, x, "tree", 50, seed=1)
    calls.clear()
    predict(model, x, "tree", 50, seed=1)
    handle.remove()
    assert calls == [len(x)]


def test_cost_is_counted_in_passes():
    model = RandomNetwork(4)
    model.eval()
    x, widths = images(model), mask_bits(model)
    with torch.no_grad():
        graph = prepared.prepare(model, list(model.named_modules()), x, widths).graph
    one = all_masks(len(widths))[:1]
    assert prepared.cost(graph, one, widths) == pytest.approx(1.0)
    assert prepared.cost(graph, one.repeat(9, 1), widths) == pytest.approx(1.0)
    assert 1.0 < prepared.cost(graph, all_masks(len(widths)), widths) < 2 ** len(widths)
