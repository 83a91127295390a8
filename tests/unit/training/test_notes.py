"""What a training result says about scales that do not learn and branches that were hardly trained."""

from __future__ import annotations

import pytest
import torch
from stand_ins import StandInProfile
from tolerances import ROUNDING_FLOAT64

from spinbnn.bayes import predict
from spinbnn.data import load
from spinbnn.errors import ParameterError
from spinbnn.nn import ScaleDropout, dropout_layers, set_drop_probabilities
from spinbnn.nn.models import lenet5
from spinbnn.training import train
from spinbnn.training.notes import training_note

SAME = "all masks give the same answer; mutual information is 0"


@pytest.fixture(scope="module")
def data():
    return load("digits")


def trained(data, **options):
    model = lenet5(placement="pre_bn", p=0.3, **options)
    start = [layer.alpha.detach().clone() for layer in dropout_layers(model)]
    result = train(model, data, epochs=4, batch_size=32, learning_rate=0.02)
    return model, start, result


def test_the_published_order_has_the_diversity_of_its_initial_scales(data):
    model, start, result = trained(data)
    for before, layer in zip(start, dropout_layers(model), strict=True):
        assert (layer.alpha.detach() - before).abs().max() < 1e-2 < (before - 1).abs().max()
    answer = predict(model, data.test_images, "exact")
    assert answer.mutual_information.mean() > 1e-3
    assert (answer.probs[0].argmax(1) != answer.probs[-1].argmax(1)).sum() >= 5
    assert "alpha gets no gradient" in result.note and "only from the initialisation" in result.note
    moved = max(float((layer.alpha.detach() - 1).abs().max()) for layer in dropout_layers(model))
    assert f"max |alpha - 1| = {moved:.3g}" in result.note
    assert SAME not in result.note


def test_with_scales_of_one_the_published_order_is_a_point_network_and_says_so(data):
    model, _, result = trained(data, alpha_init="ones")
    assert SAME in result.note and "alpha_init='normal'" in result.note
    answer = predict(model, data.test_images, "exact")
    assert answer.mutual_information.max() < 1e-4
    assert bool((answer.probs.argmax(2) == answer.probs[0].argmax(1)).all())


def test_two_sets_of_statistics_differ_without_initial_scales(data):
    model = lenet5(p=0.5)
    result = train(model, data, epochs=2, batch_size=32, learning_rate=0.02)
    assert "dual_bn" in result.note and SAME not in result.note and "Hardly" not in result.note
    assert predict(model, data.test_images[:100], "exact").mutual_information.mean() > 1e-3


def test_hardly_trained_branches_are_named(data):
    small = data.subset(train=220)
    model = lenet5()
    set_drop_probabilities(model, [0.01, 0.0, 1.0, 0.5, 0.99])
    result = train(model, small, epochs=1, batch_size=20)
    seen = [layer.batches.tolist() for layer in dropout_layers(model)]
    assert seen[0] == [11, 0] and seen[1] == [11, 0] and seen[2] == [0, 11]
    named = result.note.split("mini-batches): ")[1].split(". ")[0]
    assert named.startswith(
        "layer norm1 kept (11), layer norm1 dropped (0), layer norm2 kept (11), layer norm3 dropped (11)"
    )
    assert f"layer norm4 dropped ({seen[3][1]})" in named
    assert "norm2 dropped" not in named and "norm3 kept" not in named
    with pytest.raises(ParameterError, match="never trained"):
        predict(model, data.test_images[:5])


def test_with_a_profile_every_branch_can_occur_and_enough_batches_are_not_named(data):
    small = data.subset(train=220)
    model = lenet5(p=[0.0, 0.2, 0.2, 0.2, 0.2])
    result = train(
        model, small, epochs=1, batch_size=20, profile=StandInProfile(p=(0.0, 0.2, 0.2, 0.2, 0.2), spread=0.0)
    )
    assert "layer norm1 dropped (0)" in result.note
    for layer, batches in zip(
        dropout_layers(model), ([20, 20], [19, 20], [20, 19], [500, 20], [20, 500]), strict=True
    ):
        layer.batches.copy_(torch.tensor(batches))
    note = training_note(model, silent=False, occurring=[(True, True)] * 5)
    assert note.split("): ")[1].startswith("layer norm2 kept (19), layer norm3 dropped (19). ")
    for layer in dropout_layers(model):
        layer.batches.fill_(20)
    assert training_note(model, silent=False, occurring=[(True, True)] * 5) == ""


def test_training_with_equal_branches_before_it_has_no_uncertainty(data):
    model = lenet5(placement="pre_bn", alpha_init="ones")
    assert predict(model, data.test_images[:20]).mutual_information.max() < ROUNDING_FLOAT64


def test_scales_that_should_train_and_do_not_are_named():
    net = torch.nn.Sequential(ScaleDropout(2, placement="prestat"), ScaleDropout(2, placement="gamma"))
    seldom = [(True, True)] * 2
    assert training_note(net, silent=False, occurring=seldom) == ""
    note = training_note(net, silent=True, occurring=seldom)
    assert "although placement 'gamma' and 'prestat' does not cancel them" in note and "dual_bn" not in note
    mixed = torch.nn.Sequential(ScaleDropout(2, placement="prestat"), ScaleDropout(2))
    for layer in mixed:
        layer.batches.fill_(20)
    assert "placement 'prestat' does not" in training_note(mixed, silent=True, occurring=seldom)


@pytest.mark.parametrize(
    "mode, alpha, same",
    [
        ("unitary", [1.0, 1.0], True),
        ("unitary", [1.5, 1.5], False),
        ("average", [1.5, 1.5], True),
        ("average", [1.5, 1.2], False),
        ("random", [1.0, 1.0], False),
    ],
)
def test_whether_the_masks_of_the_published_order_differ_depends_on_what_a_dropped_scale_becomes(mode, alpha, same):
    layer = ScaleDropout(2, placement="pre_bn", mode=mode)
    layer.alpha.data.copy_(torch.tensor(alpha))
    assert (SAME in training_note(torch.nn.Sequential(layer), silent=True, occurring=[(True, True)])) is same


@pytest.mark.parametrize("placement", ["gamma", "prestat"])
def test_scales_that_nothing_cancels_train(data, placement):
    model = lenet5(placement=placement, p=0.3)
    result = train(model, data.subset(train=400), epochs=2, batch_size=40, learning_rate=0.02)
    assert not result.alpha_without_gradient and result.note == ""
    assert result.history[-1]["alpha_gradient"] > 0.1
    assert min(float((layer.alpha.detach() - 1).abs().max()) for layer in dropout_layers(model)) > 1e-2
