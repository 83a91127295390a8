"""The plan of a network: sizes, chaining, ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spinbnn.crossbar.plan import LayerSpec, NetworkPlan, output_size
from spinbnn.crossbar.plans import names, plan
from spinbnn.errors import ParameterError


def conv(**changes):
    """Return a 3 x 3 convolution on 8 x 8 maps, changed."""
    fields = {"kind": "conv", "name": "c", "in_channels": 2, "out_channels": 4, "kernel": (3, 3)}
    return LayerSpec(**fields | {"input_size": (8, 8), "output_size": (6, 6)} | changes)


def head(features, classes=3, **changes):
    """Return a linear layer."""
    return LayerSpec(kind="linear", name="head", in_channels=features, out_channels=classes, **changes)


def test_derived_numbers_of_a_convolution():
    layer = conv(stride=2, padding=1, output_size=(4, 4))
    assert (layer.rows, layer.columns, layer.windows) == (18, 4, 16)
    assert (layer.parameters, layer.macs) == (72, 72 * 16)


def test_output_size_follows_the_floor_rule():
    assert output_size((7, 9), (3, 3), 2, 0) == (3, 4)
    assert output_size((32, 32), (3, 3), 1, 1) == (32, 32)


def test_pairs_are_coerced_so_that_plans_compare():
    assert conv(kernel=[3, 3], input_size=[8, 8]) == conv()


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "recurrent"},
        {"out_channels": 0},
        {"out_channels": 4.0},
        {"padding": -1},
        {"kernel": (3,)},
        {"kernel": 3},
        {"output_size": (7, 6)},
        {"weight_bits": 32},
        {"digital": True},
        {"input_bits": 4},
        {"input_bits": 32},
        {"threshold_sets": 0},
        {"threshold_sets": 3},
        {"threshold_sets": 2, "scale_dropout": False},
        {"placement": "dual_bn"},
        {"placement": "gamma", "threshold_sets": 2},
        {"placement": "prestat", "scale_dropout": False},
    ],
)
def test_wrong_layers_are_refused(changes):
    with pytest.raises(ParameterError) as error:
        conv(**changes)
    assert error.value.where.startswith("layer 'c'") and error.value.remedy


def test_a_linear_layer_has_no_windows():
    with pytest.raises(ParameterError, match="no windows"):
        head(10, input_size=(2, 2), output_size=(2, 2))


def test_pooling_by_an_integer_may_stand_between_layers():
    for features in (4 * 36, 4 * 9, 4 * 4, 4):  # 6 x 6 pooled by 1, 2, 3 and 6
        assert NetworkPlan(name="n", layers=(conv(), head(features)), classes=3, input_shape=(2, 8, 8)).macs
    with pytest.raises(ParameterError, match="does not fit"):
        NetworkPlan(name="n", layers=(conv(), head(4 * 25)), classes=3, input_shape=(2, 8, 8))


@pytest.mark.parametrize(
    "changes",
    [
        {"input_shape": (3, 8, 8)},
        {"input_shape": (2, 16, 16)},  # no pooling before the first layer
        {"classes": 4},
        {"layers": ()},
        {"layers": (conv(), replace(head(144), name="c"))},
        {"first": "bit_serial"},
        {"first": "analogue"},
        {"last": "digital"},
        {"layers": (conv(),), "classes": 4},
    ],
)
def test_plans_that_do_not_chain_are_refused(changes):
    fields = {"name": "n", "layers": (conv(), head(144)), "classes": 3, "input_shape": (2, 8, 8)}
    with pytest.raises(ParameterError) as error:
        NetworkPlan(**fields | changes)
    assert "plan 'n'" in error.value.where


def test_lenet5_is_the_published_size():
    lenet = plan("lenet5")
    assert [layer.output_size for layer in lenet.layers[:2]] == [(24, 24), (8, 8)]
    assert [(layer.in_channels, layer.out_channels) for layer in lenet.layers[2:]] == [
        (256, 120),
        (120, 84),
        (84, 10),
    ]
    assert lenet.parameters == 150 + 2400 + 30720 + 10080 + 840
    assert lenet.dropout_layers == 5
    assert plan("lenet5", logit_dropout=False).dropout_layers == 4


@pytest.mark.parametrize("first", ["binary", "bit_serial", "digital"])
@pytest.mark.parametrize("last", ["binary", "digital"])
def test_ends_can_be_changed_and_changed_back(first, last):
    changed = plan("lenet5").with_ends(first=first, last=last)
    assert (changed.first, changed.last) == (first, last)
    assert changed == plan("lenet5", first=first, last=last)
    assert changed.with_ends(first="binary", last="binary") == plan("lenet5")
    assert changed.with_ends() == changed


def test_bits_of_the_ends():
    ends = [(p.layers[0], p.layers[-1]) for p in (plan("lenet5", first="digital", last="digital"),)]
    assert [(layer.weight_bits, layer.input_bits) for layer in ends[0]] == [(32, 32), (32, 1)]
    assert plan("lenet5", first="bit_serial").layers[0].weight_bits == 1


def test_unknown_names_say_which_are_known():
    with pytest.raises(ParameterError, match="unknown network") as error:
        plan("lenet")
    assert "lenet5" in error.value.remedy and names() == ["lenet5", "resnet18", "resnet20", "vgg_small"]
    with pytest.raises(ParameterError):
        plan("lenet5", first="digitl")
    with pytest.raises(ParameterError):
        plan("lenet5", last="bit_serial")


def test_the_table_lists_every_layer_and_the_totals():
    text = plan("lenet5").table().to_csv().splitlines()
    assert len(text) == 7 and "44190" in text[-1] and "281640" in text[-1]


def test_placement_sets_the_threshold_sets_of_the_dropout_layers():
    published, dual = plan("lenet5"), plan("lenet5", placement="dual_bn")
    assert published == plan("lenet5", placement="pre_bn") != dual
    assert [layer.threshold_sets for layer in published.layers] == [1] * 5
    assert [layer.threshold_sets for layer in dual.layers] == [2] * 5
    assert (published.second_thresholds, dual.second_thresholds) == (0, 6 + 16 + 120 + 84 + 10)
    without = plan("lenet5", placement="dual_bn", logit_dropout=False)
    assert [layer.threshold_sets for layer in without.layers] == [2, 2, 2, 2, 1]
    assert (published.placement, dual.placement, without.placement) == ("pre_bn", "dual_bn", "dual_bn")
    ends = dual.with_ends(first="digital", last="digital")
    assert ends == plan("lenet5", placement="dual_bn", first="digital", last="digital")
    assert "placement dual_bn" in dual.table().title and dual.table().rows[0][-1] == 2
    for wrong in ("gamma", "dual"):
        with pytest.raises(ParameterError, match="placement"):
            plan("lenet5", placement=wrong)


def test_placement_of_mixed_plans_and_of_plans_without_dropout():
    def net(*layers):
        return NetworkPlan(name="n", layers=layers, classes=3, input_shape=(2, 8, 8))

    assert net(conv(threshold_sets=2), head(144)).placement == "mixed"
    assert net(conv(placement="gamma"), head(144)).placement == "mixed"  # one set each, and not the same
    assert net(conv(placement="gamma"), head(144, placement="prestat")).placement == "mixed"
    assert net(conv(placement="gamma"), head(144, scale_dropout=False)).placement == "gamma"
    assert net(conv(threshold_sets=2), head(144, scale_dropout=False)).placement == "dual_bn"
    assert net(conv(scale_dropout=False), head(144, scale_dropout=False)).placement == "none"


@pytest.mark.parametrize("first", ["binary", "bit_serial", "digital"])
@pytest.mark.parametrize("last", ["binary", "digital"])
@pytest.mark.parametrize("placement", ["pre_bn", "dual_bn"])
def test_the_model_gives_the_same_plan(first, last, placement):
    pytest.importorskip("torch")
    models = pytest.importorskip("spinbnn.nn.models")
    from spinbnn.nn.describe import describe

    ends = {"first": first, "last": last, "placement": placement}
    assert describe(models.lenet5(**ends), (1, 28, 28)) == plan("lenet5", **ends)
