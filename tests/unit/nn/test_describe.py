from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from spinbnn.crossbar.mapping import map_plan
from spinbnn.crossbar.plan import NetworkPlan, Skip
from spinbnn.crossbar.plans import plan
from spinbnn.errors import ParameterError
from spinbnn.hardware import count_operations
from spinbnn.nn import BinaryConv2d, BinaryLinear, ScaleDropout, describe
from spinbnn.nn.models import build, lenet5
from spinbnn.nn.summary import summary

ENDS = [(first, last) for first in ("binary", "bit_serial", "digital") for last in ("binary", "digital")]


def named_sources(network: NetworkPlan) -> NetworkPlan:
    """Name every layer's source, which a plan may leave out where it is the layer before."""
    return replace(network, layers=tuple(replace(x, source=network.sources[x.name]) for x in network.layers))


def same(model: nn.Module, hand_made: NetworkPlan) -> None:
    found, wanted = named_sources(describe(model)), named_sources(hand_made)
    if hand_made.last == "digital" and hand_made.skips:
        # the digital layer behind the mean takes real numbers; nothing of a digital layer is counted by its bits
        assert found.layers[-1].input_bits == 32
        found = replace(found, layers=(*found.layers[:-1], replace(found.layers[-1], input_bits=1)))
        for schedule in ("sampled", "prefix"):
            options = {"samples": 2, "schedule": schedule, "drop_probability": 0.2}
            counts = [count_operations(network, **options) for network in (describe(model), hand_made)]
            assert counts[0].layers == counts[1].layers
            assert counts[0].skip_capacity == counts[1].skip_capacity
    assert found == wanted


@pytest.mark.parametrize("first, last", ENDS)
@pytest.mark.parametrize("logit_dropout", [True, False])
@pytest.mark.parametrize("placement", ["pre_bn", "dual_bn"])
def test_vgg_small_is_the_plan_made_by_hand(first, last, logit_dropout, placement):
    options = {"first": first, "last": last, "logit_dropout": logit_dropout, "placement": placement}
    same(build("vgg_small", **options), plan("vgg_small", **options))


@pytest.mark.parametrize("shortcuts", ["double", "block"])
@pytest.mark.parametrize("downsample", ["subsample", "average", "projection", "average_projection"])
@pytest.mark.parametrize("ends", [("binary", "binary"), ("bit_serial", "binary"), ("digital", "digital")])
def test_resnet20_is_the_plan_made_by_hand(shortcuts, downsample, ends):
    options = {"shortcuts": shortcuts, "downsample": downsample, "placement": "dual_bn"}
    options |= {"first": ends[0], "last": ends[1], "logit_dropout": ends[0] == "binary"}
    same(build("resnet20", **options), plan("resnet20", **options))


@pytest.mark.parametrize(
    "name, style, options",
    [
        ("resnet20", "irnet", {}),
        ("resnet20", "bireal", {"shortcuts": "double", "downsample": "average"}),
        ("resnet18", "irnet", {}),
        ("resnet18", "bireal", {"shortcuts": "double", "downsample": "average_projection"}),
    ],
)
def test_the_styles_are_the_plans_of_their_sources(name, style, options):
    model = build(name, shortcuts=style, first="digital", last="digital", placement="pre_bn")
    same(model, plan(name, first="digital", last="digital", **options))


def test_reads_a_pass_of_the_described_lenet5():
    """The counts behind the published energy of an image, and those of the other first layers."""
    expected = {"binary": 643, "bit_serial": 4675, "digital": 67}
    for first, reads in expected.items():
        assert (
            count_operations(describe(lenet5(first=first, placement="pre_bn")), samples=1).array_reads
            == reads
        )
    exact = count_operations(describe(lenet5(placement="pre_bn")), schedule="exact", drop_probability=0.2)
    assert exact.array_reads == 732
    assert sum(m.reads for m in map_plan(describe(lenet5()), rows="devices").layers) == 708


class Net(nn.Module):
    """Up to three convolutions and a linear layer around the wiring that a test writes."""

    input_shape = (2, 8, 8)

    def __init__(self, wiring, layers="abc"):
        super().__init__()
        for name in layers:
            setattr(self, name, BinaryConv2d(2 if name == "a" else 4, 4, 3, padding=1))
            setattr(self, f"n{name}", ScaleDropout(4))
        self.fc = BinaryLinear(4, 3)
        self.wiring = wiring

    def forward(self, x):
        return self.fc(self.wiring(self, x))

    def y(self, x):
        return self.na(self.a(x))


def pooled(x):
    return x.mean((2, 3))


def test_sums_of_maps_become_skips():
    def wiring(net, x):
        y = net.y(x)
        z = functional.hardtanh(net.nb(net.b(y)) + y)
        z2 = net.nc(net.c(z))
        z2 += z
        return pooled(torch.relu_(z2))

    found = describe(Net(wiring))
    assert found.skips == (Skip(source="a", target="b"), Skip(source="b", target="c"))
    assert [(x.name, x.pooling, x.scale_dropout, x.threshold_sets) for x in found.layers] == [
        ("a", "max", True, 2), ("b", "max", True, 2), ("c", "average", True, 2), ("fc", "max", False, 1),
    ]  # fmt: skip


def test_concatenations_become_skips():
    class Dense(nn.Module):
        input_shape = (2, 8, 8)

        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = (
                nn.Conv2d(2, 4, 3, padding=1),
                nn.Conv2d(4, 6, 3, padding=1),
                nn.Conv2d(12, 5, 8),
            )

        def forward(self, x):
            y = self.a(x)
            z = self.b(torch.relu(y))
            return self.c(torch.cat([x, y, z], 1)).flatten(1)

    found = describe(Dense())
    assert {(s.source, s.target, s.kind) for s in found.skips} == {
        ("input", "b", "concat"),
        ("a", "b", "concat"),
    }
    assert found.maps["b"] == (12, 8, 8)


def test_branches_name_their_source():
    def wiring(net, x):
        y = net.y(x)
        z = net.nb(net.b(y))
        return pooled(net.nc(net.c(y)) - z)

    found = describe(Net(wiring))
    assert [x.source for x in found.layers] == ["", "", "a", ""]
    assert found.skips == (Skip(source="b", target="c"),)


def test_the_kind_of_pooling_and_of_a_reduced_skip():
    def maximum(net, x):
        return functional.max_pool2d(net.y(x), 8).flatten(1)

    def both(net, x):
        y = net.y(x)
        return functional.max_pool2d(net.nc(net.c(functional.avg_pool2d(y, 2))), 4).flatten(1)

    assert describe(Net(maximum, "a")).layers[0].pooling == "max"
    assert describe(Net(lambda net, x: net.y(x).flatten(2).mean(2), "a")).layers[0].pooling == "average"
    found = describe(Net(both, "ac"))
    assert [x.pooling for x in found.layers] == ["average", "max", "max"]

    class Halving(Net):
        def __init__(self, reduce):
            super().__init__(None, "a")
            self.b = BinaryConv2d(4, 6, 3, 2, 1)
            self.nb = ScaleDropout(6)
            self.fc = BinaryLinear(6, 3)
            self.reduce = reduce

        def forward(self, x):
            y = self.y(x)
            short = functional.pad(self.reduce(y), (0, 0, 0, 0, 1, 1))
            return self.fc(pooled(self.nb(self.b(y)) + short))

    assert describe(Halving(lambda y: y[:, :, ::2, ::2])).skips[0].kind == "subsample"
    assert describe(Halving(lambda y: functional.avg_pool2d(y, 2))).skips[0].kind == "average"
    with pytest.raises(ParameterError, match="join behind a pooling"):
        describe(Halving(lambda y: functional.max_pool2d(y, 2)))


def one_map_used_twice(net, x):
    y = net.y(x)
    z = net.nb(net.b(y))
    return pooled(net.nc(net.c(z + y)) + z)


def two_sums(net, x):
    y = net.y(x)
    z = net.nb(net.b(y))
    u, v = z + y, z - y
    return pooled(net.nc(net.c(u)) + v)


@pytest.mark.parametrize(
    "layers, wiring, message",
    [
        ("ab", lambda net, x: pooled(net.nb(net.b(net.y(x))) * net.a(x).sigmoid()), "twice"),
        ("ab", lambda net, x: (lambda y: pooled(net.nb(net.b(y)) * y.sigmoid()))(net.y(x)), "combined in a way"),
        ("a", lambda net, x: (lambda y: pooled(y + y.relu()))(net.y(x)), "joined to itself"),
        ("a", lambda net, x: pooled(net.y(x) + x.repeat(1, 2, 1, 1)), "cannot be joined"),
        ("abc", one_map_used_twice, "with and without a sum"),
        ("abc", two_sums, "two different sums"),
        ("ab", lambda net, x: pooled(net.nb(net.b(net.y(x)[:, :, ::2, ::2]))), "pooled map in a way"),
        ("abc", lambda net, x: (lambda y: pooled(net.nb(net.b(functional.avg_pool2d(y, 2))))
            + pooled(net.nc(net.c(functional.max_pool2d(y, 2)))))(net.y(x)), "join behind a pooling"),
        ("ab", lambda net, x: (lambda y: pooled(net.nb(net.b(y) + y)))(net.y(x)), "behind a join"),
        ("ab", lambda net, x: pooled(net.nb(net.b(torch.zeros(1, 4, 8, 8)))), "does not come from the image"),
        ("ab", lambda net, x: (lambda y: pooled(net.nb(net.b(y)) + y[:, :1]))(net.y(x)), "becomes smaller"),
        ("a", lambda net, x: pooled(net.y(x)).chunk(2, 1)[0].repeat(1, 2), "becomes smaller"),
        ("a", lambda net, x: net.y(x)[:, :, 0, 0], "pooled map in a way"),
        ("a", lambda net, x: net.y(x).permute(0, 2, 3, 1), "more than one vector"),
        ("ab", lambda net, x: pooled(net.y(x)), "does not run"),
        ("a", lambda net, x: functional.max_pool2d(functional.avg_pool2d(net.y(x), 2), 4).flatten(1), "becomes smaller"),
    ],
)  # fmt: skip
def test_what_a_plan_does_not_hold_is_refused(layers, wiring, message):
    with pytest.raises(ParameterError, match=message):
        describe(Net(wiring, layers))


def test_two_kinds_of_pooling_of_one_map_are_refused():
    def wiring(net, x):
        y = net.y(x)
        z = net.nb(net.b(functional.avg_pool2d(y, 2)))
        return pooled(net.nc(net.c(functional.max_pool2d(y, 2))) + z)

    with pytest.raises(ParameterError, match="pooled map in a way"):
        describe(Net(wiring))


def test_bits_that_a_plan_does_not_hold_are_refused_and_listed_by_the_summary():
    each = lenet5(granularity="element", placement="prestat")
    with pytest.raises(ParameterError, match="one dropout bit a layer") as caught:
        describe(each)
    assert "granularity='vector'" in caught.value.remedy
    with pytest.raises(ParameterError, match="random"):
        describe(lenet5(mode="random"))
    assert describe(lenet5(mode="average")) == describe(lenet5())
    assert [row[7] for row in summary(each).rows] == [6, 16, 120, 84, 10, 0, 236]


@pytest.mark.parametrize("placement, sets", [("pre_bn", 1), ("gamma", 1), ("prestat", 1), ("dual_bn", 2)])
def test_threshold_sets_follow_the_placement(placement, sets):
    assert {layer.threshold_sets for layer in describe(lenet5(placement=placement)).layers} == {sets}


def test_a_function_with_its_own_gradient_is_followed_through_its_module():
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            return grad * 2

    class Own(nn.Module):
        def forward(self, x):
            return Twice.apply(x)

    net = Net(lambda net, x: pooled(net.own(net.y(x))), "a")
    net.own = Own()
    assert [layer.name for layer in describe(net).layers] == ["a", "fc"]


def test_the_model_is_left_as_it_was():
    model = build("resnet20", size=8)
    model.stem_norm.eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    describe(model)
    with pytest.raises(ParameterError):
        describe(model, (1, 8, 8))
    assert model.training and not model.stem_norm.training
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_control_flow_that_depends_on_the_image_can_be_described():
    def wiring(net, x):
        return pooled(net.y(x) if float(x.sum()) == 0 else net.y(x).relu())

    assert [layer.name for layer in describe(Net(wiring, "a")).layers] == ["a", "fc"]


def test_summary_of_a_residual_network():
    table = summary(build("resnet18", first="digital", last="digital"))
    rows = {row[0]: row for row in table.rows}
    assert rows["s2b1p"][1:7] == ["s1b2c2", "128 x 16 x 16", 8192, 32, 0, 8192 * 256]
    assert rows["s2b1c1"][1] == "s1b2c2" and rows["s2b1c1"][5:8] == [73_728 * 256, 0, 1]
    assert rows["total"][5] + rows["total"][6] == plan("resnet18", first="digital", last="digital").macs
    assert rows["total"][7] == 16
    model = build("resnet18")
    assert rows["total"][3] == sum(p.numel() for p in model.parameters())
    assert rows["other"][3] == rows["total"][3] - 11_164_352


def test_summary_counts_grouped_layers_and_linear_layers_on_vectors():
    net = nn.Sequential(nn.Conv2d(4, 8, 3, groups=2), nn.Flatten(2), nn.Linear(16, 5))
    rows = summary(net, (4, 6, 6)).rows
    assert rows[0][3:7] == [8 * 2 * 9, 32, 0, 8 * 2 * 9 * 16]
    assert rows[1][3:7] == [80, 32, 0, 80 * 8]
    with pytest.raises(ParameterError, match="shape of one image"):
        summary(net)


@pytest.mark.parametrize("name", ["lenet5", "resnet20"])
@pytest.mark.parametrize("placement", ["pre_bn", "dual_bn", "gamma", "prestat"])
def test_a_plan_names_the_placement_and_counts_by_its_threshold_sets_alone(name, placement):
    found = describe(build(name, placement=placement))
    assert found.placement == placement and f"placement {placement})" in found.table().title
    counted = plan(name, placement="dual_bn" if placement == "dual_bn" else "pre_bn")
    for schedule in ("sampled", "prefix"):
        options = {"samples": 2, "schedule": schedule, "drop_probability": 0.2}
        ours, theirs = (count_operations(network, **options) for network in (found, counted))
        assert ours.layers == theirs.layers and ours.skip_capacity == theirs.skip_capacity


def test_a_network_of_double_precision_is_described():
    assert describe(lenet5().double()) == describe(lenet5())
    assert summary(lenet5().double()).rows == summary(lenet5()).rows
