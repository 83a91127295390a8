from __future__ import annotations

import copy

import pytest
import torch
from stand_ins import StandInChip, StandInProfile
from torch import nn
from torch.nn import functional

from spinbnn.errors import ParameterError
from spinbnn.nn import (
    BinaryConv2d,
    BinaryLinear,
    ImageEncoder,
    ScaleDropout,
    describe,
    drop_probabilities,
    dropout_layers,
    fixed_masks,
    sample_masks,
    to_hardware,
)
from spinbnn.nn.binarizers import ReCUBinarizer
from spinbnn.nn.convert import binarize


def plain() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, stride=2, padding="valid"), nn.ReLU(), nn.Dropout(0.5),
        nn.Flatten(), nn.Linear(16, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Dropout(0.5), nn.Linear(20, 10),
    )  # fmt: skip


class Block(nn.Module):
    def __init__(self, before, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.down = None
        if stride != 1 or before != width:
            self.down = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        short = x if self.down is None else self.down(x)
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + short)


class Residual(nn.Module):
    """ResNet as torchvision writes it: one ReLU for all, functional calls, a projection."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.stem, self.bn = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.layer1, self.layer2 = Block(8, 8, 1), Block(8, 16, 2)
        self.fc = nn.Linear(16, 4)

    def forward(self, x):
        x = functional.relu(self.bn(self.stem(x)))
        x = self.layer2(self.layer1(x))
        return self.fc(functional.adaptive_avg_pool2d(x, 1).flatten(1))


def became(network) -> dict[str, str]:
    return {str(row[0]): str(row[2]) for row in network.conversion.rows}


def image(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def signs_seen(network, x) -> dict[str, float]:
    """Return, for each binary layer, the share of its inputs that are not negative."""
    shares = {}
    for name, module in network.named_modules():
        if isinstance(module, BinaryConv2d | BinaryLinear):
            module.register_forward_hook(
                lambda m, inputs, output, name=name: shares.update(
                    {name: float((inputs[0] >= 0).float().mean())}
                )
            )
    with torch.no_grad(), fixed_masks(network, [0] * len(dropout_layers(network))):
        network.train()(x)
    return shares


def test_a_plain_network_becomes_binary_and_says_what_became_what():
    net = plain()
    before = copy.deepcopy(net.state_dict())
    binary = binarize(net, p=[0.1, 0.2, 0.3], input_shape=(1, 8, 8))
    assert became(binary) == {
        "encode": "ImageEncoder", "0": "digital", "2": "removed", "3": "BinaryConv2d", "4": "ScaleDropout",
        "5": "removed", "7": "BinaryConv2d", "7_norm": "ScaleDropout", "8": "removed", "9": "removed",
        "11": "BinaryLinear", "12": "ScaleDropout", "15": "digital",
    }  # fmt: skip
    assert drop_probabilities(binary).tolist() == [0.1, 0.2, 0.3]
    assert (binary.name, binary.first, binary.last, binary.input_shape) == (
        "Sequential",
        "digital",
        "digital",
        (1, 8, 8),
    )
    assert binary.training and isinstance(net[3], nn.Conv2d) and type(net[3]) is nn.Conv2d
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    for name in ("3", "7", "11"):
        assert torch.equal(binary.get_submodule(name).weight, before[f"{name}.weight"])
    assert not binarize(net.eval(), input_shape=(1, 8, 8)).training
    shares = signs_seen(binary, image(16, 1, 8, 8))
    assert all(0.05 < share < 0.95 for share in shares.values()) and len(shares) == 3


def test_the_digital_ends_stay_as_they_are():
    net = plain().eval()
    binary = binarize(net)
    x = image(3, 1, 8, 8)
    with torch.no_grad():
        assert torch.equal(net[1](net[0](x)), binary.get_submodule("1")(binary.get_submodule("0")(x)))
    assert type(binary.get_submodule("1")) is nn.BatchNorm2d
    assert torch.equal(binary.get_submodule("15").bias, net[15].bias)
    assert isinstance(
        binary.get_submodule("13"), nn.ReLU
    )  # in front of the digital layer it keeps its meaning
    assert not hasattr(binary, "encode") and binary.input_shape is None


def test_a_residual_network_keeps_both_signs_everywhere():
    net = Residual()
    binary = binarize(net, p="layer_rule", keep=("layer2.down.0",), input_shape=(3, 8, 8))
    report = became(binary)
    assert report["layer2.down.0"] == "kept" and type(binary.get_submodule("layer2.down.1")) is nn.BatchNorm2d
    assert list(report.values()).count("hardtanh") == 2  # stem, layer1: also summed or taken by the shortcut
    assert drop_probabilities(binary).tolist() == [0.2, 0.2, 0.5, 0.5]
    shares = signs_seen(binary, image(16, 3, 8, 8))
    assert list(shares) == ["layer1.conv1", "layer1.conv2", "layer2.conv1", "layer2.conv2"]
    assert all(0.2 < share < 0.9 for share in shares.values())
    plan = describe(binary)
    assert [(s.source, s.target) for s in plan.skips] == [
        ("stem", "layer1.conv2"),
        ("layer2.down.0", "layer2.conv2"),
    ]
    without = binarize(net, first="binary", last="binary", input_shape=(3, 8, 8))
    assert len(dropout_layers(without)) == 7 and all(
        0.1 < s < 0.95 for s in signs_seen(without, image(16, 3, 8, 8)).values()
    )


def exact_float(bias: bool, norm: bool, spatial: bool = True) -> nn.Sequential:
    """A float layer that its signs stand for exactly: all weights of a channel have one size."""
    torch.manual_seed(3)
    layer = nn.Conv2d(2, 4, 3, bias=bias) if spatial else nn.Linear(18, 4, bias=bias)
    size = torch.tensor([0.5, 0.25, 2.0, 0.75]).view(-1, *[1] * (layer.weight.ndim - 1))
    layer.weight.data = torch.where(layer.weight >= 0, size, -size)
    behind = nn.BatchNorm2d(4) if spatial else nn.BatchNorm1d(4)
    behind.running_mean.uniform_(-2, 2)
    behind.running_var.uniform_(0.5, 8)
    behind.weight.data.uniform_(-2, 2)
    behind.bias.data.uniform_(-1, 1)
    tail = nn.Flatten() if spatial else nn.Identity()
    return nn.Sequential(layer, *([behind] if norm else []), tail, nn.Linear(4, 2)).eval()


@pytest.mark.parametrize("placement", ["pre_bn", "dual_bn", "gamma", "prestat"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("first", ["binary", "bit_serial"])
def test_where_signs_stand_for_the_weights_exactly_so_does_the_network(placement, bias, norm, first):
    net = exact_float(bias, norm)
    options = {"placement": placement, "alpha_init": "ones", "binarizer": "bnn", "first": first}
    binary = binarize(net, input_shape=(2, 3, 3), **options)
    drop = dropout_layers(binary)[0]
    x = (image(6, 2, 3, 3) * 255).round() / 255
    seen = torch.where(x >= 0.5, 1.0, -1.0) if first == "binary" else x
    for bit in [0, 1] if placement != "gamma" or not norm else [0]:
        with torch.no_grad(), fixed_masks(binary, [bit]):
            assert torch.allclose(binary(x), net(seen), rtol=1e-4, atol=1e-4)
    if placement == "gamma" and norm:
        assert torch.equal(drop.alpha, net[1].weight)
    assert drop.running_mean.shape[0] == (2 if placement == "dual_bn" else 1)


def test_linear_layers_take_their_normalisation_over():
    net = exact_float(True, True, spatial=False)
    full = nn.Sequential(nn.Flatten(), *net)
    binary = binarize(full, first="binary", binarizer="bnn", input_shape=(2, 3, 3))
    x = image(5, 2, 3, 3)
    with torch.no_grad():
        assert torch.allclose(
            binary.eval()(x), full.eval()(torch.where(x >= 0.5, 1.0, -1.0)), rtol=1e-4, atol=1e-4
        )
    assert not dropout_layers(binary)[0].spatial


def test_a_bias_survives_training_statistics():
    """Without a normalisation the bias is the shift; with one it moves the mean and so cancels, as before."""
    net = exact_float(True, False)
    drop = dropout_layers(binarize(net, first="binary", placement="prestat"))[0]
    assert torch.equal(drop.bias[0], net[0].bias)
    normed = exact_float(True, True)
    drop = dropout_layers(binarize(normed, first="binary", placement="prestat"))[0]
    assert torch.equal(drop.bias[0], normed[1].bias) and drop.eps == normed[1].eps


def test_options_of_the_normalisation_and_of_the_binariser():
    net = plain()
    net[4] = nn.BatchNorm2d(8, eps=1e-3, momentum=0.3)
    net[12] = nn.BatchNorm1d(20, affine=False, track_running_stats=False, momentum=None)
    rule = ReCUBinarizer()
    binary = binarize(net, binarizer=rule, mode="average", granularity="element", placement="prestat")
    layers = dropout_layers(binary)
    assert (layers[0].eps, layers[0].momentum, layers[2].momentum) == (1e-3, 0.3, 0.1)
    assert all((d.mode, d.granularity, d.placement) == ("average", "element", "prestat") for d in layers)
    assert binary.get_submodule("7").binarizer is rule
    assert bool((layers[2].weight == 1).all()) and bool((layers[2].running_mean == 0).all())


def test_initial_scales_come_from_the_seed_alone():
    net = plain()
    state = torch.get_rng_state()
    one, two, other = (binarize(net, placement="pre_bn", seed=seed) for seed in (0, 0, 1))
    assert torch.equal(state, torch.get_rng_state())
    for a, b, c in zip(*(dropout_layers(n) for n in (one, two, other)), strict=True):
        assert torch.equal(a.alpha, b.alpha) and not torch.equal(a.alpha, c.alpha)
    assert not torch.equal(dropout_layers(one)[0].alpha, dropout_layers(one)[1].alpha[:8])


def test_what_comes_out_can_be_copied_saved_described_and_mapped():
    binary = binarize(plain(), first="bit_serial", last="binary", input_shape=(1, 8, 8)).eval()
    x = image(3, 1, 8, 8)
    twin = copy.deepcopy(binary)
    assert twin.input_shape == (1, 8, 8) and twin.conversion.rows == binary.conversion.rows
    other = binarize(plain(), first="bit_serial", last="binary", input_shape=(1, 8, 8), seed=5).eval()
    with torch.no_grad():
        other.get_submodule("3").weight.neg_()
        assert not torch.equal(other(x), binary(x))
        other.load_state_dict(binary.state_dict())
        assert torch.equal(other(x), binary(x)) and torch.equal(twin(x), binary(x))
    plan = describe(binary)
    assert [layer.input_bits for layer in plan.layers] == [8, 1, 1, 1, 1]
    assert (plan.first, plan.last, plan.dropout_layers, plan.name) == (
        "bit_serial",
        "binary",
        5,
        "Sequential",
    )
    mapped = to_hardware(binary, StandInProfile(), StandInChip([0.2] * 5))
    with torch.no_grad():
        assert torch.equal(mapped(x), binary(x))
    with pytest.raises(ParameterError, match="wrong shape"):
        binary(torch.zeros(1, 1, 9, 9))


class Free(nn.Module):
    """Three convolutions and whatever a test does with them."""

    def __init__(self, run):
        super().__init__()
        self.a, self.b, self.c = (
            nn.Conv2d(1, 4, 3, padding=1),
            nn.Conv2d(4, 4, 3, padding=1),
            nn.Conv2d(4, 4, 3, padding=1),
        )
        self.bn, self.relu, self.fc = nn.BatchNorm2d(4), nn.ReLU(), nn.Linear(4, 2)
        self.run = run

    def forward(self, x):
        return self.fc(self.run(self, x).mean((2, 3)))


def statement(net, x):
    x = net.a(x)
    functional.relu(x, inplace=True)
    return net.b(x)


@pytest.mark.parametrize(
    "activation",
    [
        functional.relu,
        torch.relu,
        lambda x: x.relu(),
        functional.relu6,
        functional.gelu,
        functional.silu,
        functional.hardswish,
    ],
)
def test_one_sided_activations_in_front_of_binary_layers_are_taken_out(activation):
    binary = binarize(Free(lambda net, x: net.b(activation(net.a(x)))))
    assert "removed" in became(binary).values()
    summed = binarize(Free(lambda net, x: (lambda y: net.c(net.b(y) + y))(activation(net.a(x)))))
    assert "hardtanh" in became(summed).values()
    assert all(0.05 < share < 0.95 for share in signs_seen(summed, image(16, 1, 6, 6)).values())


def test_activations_that_reach_no_binary_layer_stay():
    binary = binarize(Free(lambda net, x: torch.sigmoid(functional.relu(net.b(net.a(x))))))
    assert "removed" not in became(binary).values() and "relu" in binary.code and "sigmoid" in binary.code
    recentred = binarize(Free(lambda net, x: net.b(net.bn(functional.relu(net.a(x))))))
    assert "relu" in recentred.code and isinstance(recentred.bn, nn.BatchNorm2d)


def test_sums_of_activations_are_followed():
    def run(net, x):
        y = functional.relu(net.a(x))
        z = functional.relu(net.b(y))
        return net.c(functional.relu(y + z))

    binary = binarize(Free(run))
    assert list(became(binary).values()).count("hardtanh") == 2 and "relu" not in binary.code
    assert 0.05 < signs_seen(binary, image(16, 1, 6, 6))["c"] < 0.95


@pytest.mark.parametrize(
    "run, message",
    [
        (lambda net, x: net.b(torch.sigmoid(net.a(x))), "never negative"),
        (lambda net, x: net.b(net.a(x).abs()), "never negative"),
        (lambda net, x: net.b(net.a(x).clamp(0, 1)), "never negative"),
        (lambda net, x: net.b(net.a(x).clamp(min=0.0)), "never negative"),
        (lambda net, x: net.b(functional.softplus(net.a(x))), "never negative"),
        (statement, "not used"),
        (lambda net, x: net.b(net.b(net.a(x))), "runs twice"),
        (lambda net, x: net.bn(net.b(net.bn(net.a(x)))), "runs twice"),
        (lambda net, x: net.b(net.a(x)) if x.sum() > 0 else net.a(x), "cannot be traced"),
        (lambda net, x: functional.conv2d(net.a(x), net.b.weight), "called as a function"),
        (lambda net, x: net.a(x) + net.b(torch.cat([x, x, x, x], 1)), "takes the image"),
        (lambda net, x: net.a(x), "no layer to make binary"),
    ],
)
def test_what_cannot_be_converted_is_refused(run, message):
    with pytest.raises(ParameterError, match=message):
        binarize(Free(run))


def test_a_normalisation_of_only_some_of_the_sums_stays():
    def run(net, x):
        y = net.b(net.a(x))
        return net.c(net.bn(y) + y)

    binary = binarize(Free(run))
    assert became(binary)["b_norm"] == "ScaleDropout" and type(binary.bn) is nn.BatchNorm2d


def test_probabilities_are_in_the_order_of_the_masks():
    class Crossed(Free):
        def __init__(self):
            super().__init__(None)
            self.nb, self.nc = nn.BatchNorm2d(4), nn.BatchNorm2d(4)

        def forward(self, x):
            x = self.a(x)
            y, z = self.b(x), self.c(x)
            z = self.nc(z)
            return self.fc((self.nb(y) + z).mean((2, 3)))

    binary = binarize(Crossed(), p=[0.1, 0.3])
    assert drop_probabilities(binary).tolist() == [0.1, 0.3]
    assert (binary.nc.p, binary.nb.p) == (0.1, 0.3)


def test_a_kept_module_is_left_whole():
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 1)

        def forward(self, x):
            return torch.sigmoid(self.conv(x)) if float(x.detach().sum()) > 0 else x

    net = Free(lambda net, x: net.b(net.branches(net.c(net.a(x))) - 0.5))
    net.branches = Branches()
    with pytest.raises(ParameterError, match="cannot be traced"):
        binarize(net)
    binary = binarize(net, keep=["branches"])
    assert isinstance(binary.branches, Branches) and type(binary.branches.conv) is nn.Conv2d
    assert binary.eval()(image(2, 1, 6, 6)).shape == (2, 2)


def test_a_clamp_around_zero_is_no_trap():
    binary = binarize(Free(lambda net, x: net.b(net.a(x).clamp(-1, 1))))
    assert "clamp" in binary.code


@pytest.mark.parametrize(
    "layer, message",
    [
        (nn.Conv2d(4, 4, 3, groups=2), "grouped"),
        (nn.Conv2d(4, 4, 3, dilation=2), "dilated"),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), "reflect"),
        (nn.Conv2d(4, 4, 2, padding="same"), "even kernel"),
        (nn.ConvTranspose2d(4, 4, 3), "cannot be made binary"),
        (type("Mine", (nn.Conv2d,), {"forward": lambda self, x: x})(4, 4, 3), "forward of its own"),
    ],
)
def test_layers_that_no_array_computes_are_refused_or_kept(layer, message):
    net = Free(lambda net, x: net.c(net.b(net.a(x))))
    net.b = layer
    with pytest.raises(ParameterError, match=message):
        binarize(net)
    assert became(binarize(net, keep=["b"]))["b"] == "kept"


def test_same_padding_and_strides_are_taken_over():
    net = Free(lambda net, x: net.c(net.b(net.a(x))))
    net.b, net.c = nn.Conv2d(4, 4, (3, 5), padding="same"), nn.Conv2d(4, 4, 3, stride=2)
    binary = binarize(net)
    assert (binary.b.padding, binary.c.stride, binary.c.padding) == ((1, 2), (2, 2), (0, 0))


def test_wrong_arguments_are_refused():
    for options, message in [
        ({"first": "analog"}, "unknown kind of first"),
        ({"last": "bit_serial"}, "unknown kind of last"),
        ({"p": [0.1]}, "wrong number"),
        ({"p": "rule"}, "unknown rule"),
        ({"keep": ("conv9",)}, "no such module"),
        ({"binarizer": "ste"}, "unknown binariser"),
        ({"placement": "post"}, "placement"),
    ]:
        with pytest.raises(ParameterError, match=message):
            binarize(plain(), **options)
    broken = plain()
    broken[3].weight.data[0, 0, 0, 0] = float("nan")
    with pytest.raises(ParameterError, match="no finite numbers"):
        binarize(broken)
    behind = nn.Sequential(nn.BatchNorm2d(1), *plain())
    with pytest.raises(ParameterError, match="does not take the image itself"):
        binarize(behind, first="binary")
    with pytest.raises(ParameterError, match="does not take the image itself"):
        binarize(plain(), first="binary", keep=("0",))
    with pytest.raises(ParameterError, match="no layer to make binary"):
        binarize(nn.Sequential(nn.Flatten(), nn.Linear(4, 4)), first="binary")


def test_modules_nested_in_another_order_than_they_run_are_refused():
    class Tangled(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.ModuleList([nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)])
            self.two = nn.ModuleList([nn.Conv2d(4, 4, 1), nn.Linear(4, 2)])

        def forward(self, x):
            x = self.one[2](self.two[0](self.one[1](self.one[0](x))))
            return self.two[1](x.mean((2, 3)))

    with pytest.raises(ParameterError, match="another order"):
        binarize(Tangled())


def test_a_converted_network_learns_the_digits():
    """A float network on 8 x 8 digits, converted, trained on: its accuracy comes back."""
    load_digits = pytest.importorskip("sklearn.datasets").load_digits
    digits = load_digits()
    x, y = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16, torch.tensor(digits.target)
    held_out = torch.arange(len(x)) % 5 == 0
    x, y, test_x, test_y = x[~held_out], y[~held_out], x[held_out], y[held_out]
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(),
        nn.Flatten(), nn.Linear(384, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip

    def train(model, epochs, rate):
        optimiser = torch.optim.Adam(model.parameters(), rate)
        order = torch.Generator().manual_seed(1)
        model.train()
        for _ in range(epochs):
            for rows in torch.randperm(len(x), generator=order)[:1400].split(50):
                optimiser.zero_grad()
                functional.cross_entropy(model(x[rows]), y[rows]).backward()
                optimiser.step()
        model.eval()
        with torch.no_grad():
            return float((model(test_x).argmax(1) == test_y).float().mean())

    assert train(net, 3, 3e-3) > 0.95
    binary = binarize(net, p=0.1, input_shape=(1, 8, 8))
    with sample_masks(binary, torch.Generator().manual_seed(0)):
        train(binary, 5, 3e-3)
    with torch.no_grad():
        accuracy = float((binary(test_x).argmax(1) == test_y).float().mean())
    assert accuracy > 0.9
    assert isinstance(binary.encode, ImageEncoder) and len(dropout_layers(binary)) == 2
    assert all(isinstance(layer, ScaleDropout) for layer in dropout_layers(binary))


def with_activation(run, activation) -> Free:
    """A net whose ``act`` is a module or a function."""
    net = Free(run)
    net.act = activation
    return net


@pytest.mark.parametrize(
    "activation",
    [nn.Hardtanh(0.0, 1.0), nn.Threshold(0.0, 0.0), lambda x: functional.hardtanh(x, 0.0, 1.0),
     lambda x: functional.hardtanh(x, min_val=0.5, max_val=1.0)],
)  # fmt: skip
def test_a_hardtanh_or_threshold_without_negative_values_is_a_trap_too(activation):
    with pytest.raises(ParameterError, match="never negative"):
        binarize(with_activation(lambda net, x: net.b(net.act(net.a(x))), activation))


def test_activations_with_negative_values_stay():
    for activation in (nn.Hardtanh(), nn.Threshold(-1.0, -2.0), functional.hardtanh, functional.leaky_relu):
        binary = binarize(with_activation(lambda net, x: net.b(net.act(net.a(x))), activation))
        assert "removed" not in became(binary).values()


@pytest.mark.parametrize(
    "activation", [nn.ReLU(inplace=True), torch.relu_, lambda x: functional.relu(x, inplace=True)]
)
def test_an_activation_in_place_on_a_map_that_is_used_again_is_refused(activation):
    def run(net, x):
        z = net.a(x)
        return net.b(net.act(z)) + z  # the same map, so that the sum is of the activated one

    with pytest.raises(ParameterError, match="in place"):
        binarize(with_activation(run, activation))
    before = binarize(
        with_activation(lambda net, x: (lambda z: net.c(z) + net.b(net.act(z)))(net.a(x)), activation)
    )
    assert "removed" in became(before).values()


def test_a_module_of_the_users_is_not_overwritten_by_the_added_scale_dropout():
    net = Free(lambda net, x: net.b_norm(net.b(net.a(x))))
    net.b_norm = nn.GroupNorm(2, 4)
    binary = binarize(net)
    assert became(binary)["b_norm_added"] == "ScaleDropout" and isinstance(binary.b_norm, nn.GroupNorm)
    assert binary.eval()(image(2, 1, 6, 6)).shape == (2, 2)


def test_a_kept_end_is_the_digital_end():
    net = Free(lambda net, x: net.c(net.b(net.a(x))))
    assert became(binarize(net, keep=("a",)))["b"] == "BinaryConv2d"
    kept = became(binarize(net, keep=("a", "fc")))
    assert (kept["a"], kept["c"], kept["fc"]) == ("kept", "BinaryConv2d", "kept")
    nested = nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(16, 2)
    )
    assert became(binarize(nested, keep=("0",)))["1"] == "BinaryConv2d"
    assert became(binarize(nested))["1"] == "BinaryConv2d"


def test_types_and_frozen_weights_are_those_of_the_network():
    net = plain().double()
    net[3].weight.requires_grad_(False)
    binary = binarize(net, input_shape=(1, 8, 8)).eval()
    assert binary(image(2, 1, 8, 8).double()).dtype == torch.float64
    assert all(v.dtype in (torch.float64, torch.int64) for v in binary.state_dict().values())
    assert not binary.get_submodule("3").weight.requires_grad
    assert binary.get_submodule("7").weight.requires_grad


def test_arguments_of_the_wrong_kind_are_refused():
    for shape in ((8, 8), (2, 1, 8, 8)):
        with pytest.raises(ParameterError, match="shape of one image"):
            binarize(plain(), input_shape=shape)
    with pytest.raises(ParameterError, match=r"is a torch\.nn\.Module"):
        binarize("lenet5")
    rule = binarize(plain(), binarizer={"name": "irnet", "t_min": 1e-3}).get_submodule("3").binarizer
    assert (rule.name, rule.t_min) == ("irnet", 1e-3)
