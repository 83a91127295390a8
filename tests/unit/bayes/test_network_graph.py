"""Walking a network step by step: what is shared, what is refused, and that nothing is silently different."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from random_networks import plain_loop
from stand_ins import shake
from torch import nn
from torch.nn import functional

from spinbnn.bayes import network_graph, predict, prepared
from spinbnn.errors import ParameterError
from spinbnn.nn import BinaryConv2d, BinaryLinear, ScaleDropout, dropout_layers
from spinbnn.nn.models import build, lenet5


class Net(nn.Module):
    """Two binary layers with scale dropout around something given."""

    def __init__(self, between=None, after=None):
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        self.one, self.drop_one = BinaryLinear(6, 5, generator=draw), ScaleDropout(5, 0.5, spatial=False)
        self.two, self.drop_two = BinaryLinear(5, 3, generator=draw), ScaleDropout(3, 0.5, spatial=False)
        self.between, self.after = between or (lambda self, x: x), after or (lambda self, x: x)
        shake(self)

    def forward(self, x):
        x = self.between(self, self.drop_one(self.one(x)))
        return self.after(self, self.drop_two(self.two(x)))


def x_of(count=4):
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(1))


def both(net, x, masks="per_pass"):
    """Return a tree prediction after comparing it with the plain loop."""
    tree = predict(net, x, "tree", 9, seed=2, masks=masks)
    assert torch.equal(tree.probs, plain_loop(net, x, tree.masks))
    return tree


def branching(self, x):
    return x if x.sum() > 0 else -x


def constant(self, x):
    return x + torch.randn(5, generator=self.__dict__.setdefault("_noise", torch.Generator().manual_seed(0)))


def shared_inplace(self, x):
    y = x
    y += 1.0
    return y * x.relu_()


def through_a_view(self, x):
    y = x.view(-1, 5)
    y += 1.0
    return x


def divided(self, x):
    x = x * 1.0
    x /= 2.0
    return x


def by_function(self, x):
    torch.relu_(x)
    return x


def scalar(self, x):
    return x * x.mean()


def transposed(self, x):
    return x.t().contiguous().t().softmax(1)


@pytest.mark.parametrize(
    "between, reason",
    [
        (branching, "TraceError"),
        (shared_inplace, "writes into a tensor"),
        (by_function, "writes into a tensor"),
        (divided, "writes into a tensor"),
        (through_a_view, "writes into a tensor"),
        (scalar, "one row for each image"),
        (transposed, "one row for each image"),
    ],
)
@pytest.mark.parametrize("method", ["tree", "exact", "mass"])
def test_networks_that_cannot_be_walked_run_pass_by_pass_and_say_so(between, reason, method):
    net, x = Net(between), x_of()
    result = predict(net, x, method, 9, seed=2)
    assert "pass by pass" in result.note and reason in result.note
    assert torch.equal(result.probs, plain_loop(net, x, result.masks))
    sampled = predict(net, x, "sampled", 9, seed=2, masks="per_image")
    assert torch.equal(sampled.probs, plain_loop(net, x, sampled.masks))
    assert predict(net, x).method == "exact" and "cannot be walked" in predict(net, x).note


def test_a_random_number_frozen_by_the_trace_is_found_out():
    net, x = Net(constant), x_of()
    result = predict(net, x, "tree", 3)
    assert "does not compute what its forward function computes" in result.note
    assert not any(name.startswith("_tensor_constant") for name in vars(net))


class Parts(nn.Module):
    """Operations that see the whole batch, sizes, constants, in place and by method."""

    def __init__(self):
        super().__init__()
        draw = torch.Generator().manual_seed(3)
        self.conv, self.drop = BinaryConv2d(2, 4, 3, padding=1, generator=draw), ScaleDropout(4, 0.5)
        self.scale = nn.Parameter(torch.randn(4, 1, 1, generator=draw))
        self.register_buffer("shift", torch.randn(1, 4, 1, 1, generator=draw))
        self.pool, self.act, self.soft = nn.AvgPool2d(2), nn.Hardtanh(inplace=True), nn.Tanh()
        self.last, self.drop_last = BinaryLinear(16, 3, generator=draw), ScaleDropout(3, 0.5, spatial=False)
        shake(self)

    def forward(self, x, factor=2.0):
        y = self.act(self.drop(self.conv(x)))
        y = (y * self.scale - self.shift) * factor + torch.cat([y[:, 2:], y[:, :2]], 1)
        y = self.soft(self.pool(y)).relu_()
        y = torch.clamp(y, max=0.9).view(y.size(0), -1)
        y = y.reshape(y.shape[0], y.shape[1])
        return self.drop_last(self.last(y - 0.4).add_(0.0))


@pytest.mark.parametrize("masks", ["per_pass", "per_image"])
def test_sizes_constants_and_operations_in_place(masks):
    net, x = Parts(), torch.randn(3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    assert both(net, x, masks).note == ""
    assert predict(net, x, "exact").note == ""


@pytest.mark.parametrize("masks", ["per_pass", "per_image"])
def test_whatever_mixes_the_images_of_a_batch_sees_the_batch_of_its_pass(masks):
    net, x = Net(lambda self, x: x - x.mean(0, keepdim=True).expand(x.shape[0], 5)), x_of()
    if masks == "per_pass":
        assert "one row for each image" in both(net, x, masks).note
    net = Net(lambda self, x: torch.cumsum(x, 0))
    assert both(net, x_of(), masks).note == ""
    assert predict(net, x_of(), "sampled", 9, seed=2, masks=masks).note == ""


def test_new_parameters_are_seen_and_a_new_structure_is_traced_anew(monkeypatch):
    net, x, traced = Net(), x_of(), []
    original = network_graph.trace
    monkeypatch.setattr(prepared, "trace", lambda model: traced.append(1) or original(model))
    both(net, x)
    both(net, x)
    assert len(traced) == 1
    before = predict(net, x, "exact").mean
    with torch.no_grad():
        net.one.weight.data.neg_()
        net.drop_two.alpha.data.mul_(-1.0)
    assert not torch.equal(both(net, x).mean, before) and not torch.equal(predict(net, x, "exact").mean, before)
    assert len(traced) == 1
    net.two = BinaryLinear(5, 3, generator=torch.Generator().manual_seed(9))
    both(net, x)
    net.after = lambda self, x: 2 * x  # a plain attribute that is no value is not seen: the module below is
    net.switch = True
    both(net, x)
    assert len(traced) == 3
    handle = net.two.register_forward_hook(lambda module, given, out: -out)
    both(net, x)
    handle.remove()
    both(net, x)
    assert len(traced) == 5


def test_hooks_and_forward_functions_of_ones_own_are_not_passed_over():
    net, x = Net(), x_of()
    handle = net.register_forward_hook(lambda module, given, out: 3 * out)
    assert "hook" in both(net, x).note
    handle.remove()
    assert both(net, x).note == ""
    net.forward = lambda x: -Net.forward(net, x)
    assert "forward function of its own" in both(net, x).note


def test_a_dropped_model_is_not_kept_alive():
    net = Net()
    predict(net, x_of())
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


def test_a_layer_that_is_used_twice_has_one_bit():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.line, self.drop = BinaryLinear(6, 6, generator=torch.Generator().manual_seed(0)), ScaleDropout(6, 0.5, spatial=False)
            shake(self)

        def forward(self, x):
            return self.drop(self.line(self.drop(self.line(x))))

    assert both(Twice(), x_of()).note == "" and predict(Twice(), x_of(), "exact").samples == 2


def test_layers_may_run_in_another_order_than_they_are_registered():
    net = Net()
    net.drop_one, net.drop_two = ScaleDropout(5, 0.1, spatial=False), ScaleDropout(3, 0.9, spatial=False)
    del net._modules["drop_one"]
    net.drop_one = ScaleDropout(5, 0.1, spatial=False)
    shake(net)
    assert [layer.channels for layer in dropout_layers(net)] == [3, 5]
    assert both(net, x_of()).note == ""
    every = predict(net, x_of(), "exact")  # a tree of nine passes need not meet all four masks
    assert torch.equal(every.probs, plain_loop(net, x_of(), every.masks))


def test_a_foreign_kind_of_scale_dropout_is_left_to_the_loop():
    class Own(ScaleDropout):
        def _eval_forward(self, x, bit):
            return super()._eval_forward(x, bit) + 1.0

    net = Net()
    net.drop_two = Own(3, 0.5, spatial=False)
    assert "not a plain ScaleDropout" in both(net, x_of()).note


def test_overlapping_and_odd_pools():
    class Pools(nn.Module):
        def __init__(self):
            super().__init__()
            draw = torch.Generator().manual_seed(0)
            self.conv, self.drop = BinaryConv2d(1, 8, 3, padding=1, generator=draw), ScaleDropout(8, 0.5)
            self.a, self.b = nn.MaxPool2d(2), nn.MaxPool2d(3, 2, 1, ceil_mode=True)
            self.last, self.drop_last = BinaryLinear(8 * 25, 3, generator=draw), ScaleDropout(3, 0.5, spatial=False)
            shake(self)

        def forward(self, x):
            x = functional.max_pool2d(self.a(self.drop(self.conv(x))), kernel_size=2, stride=2)
            return self.drop_last(self.last(self.b(x).flatten(1)))

    x = torch.randn(20, 1, 37, 39, generator=torch.Generator().manual_seed(0))
    assert both(Pools(), x).note == ""


SHIPPED = [
    ("lenet5", {"last": "digital", "logit_dropout": False}, 6),
    ("lenet5", {"first": "digital", "placement": "prestat", "granularity": "element"}, 3),
    ("lenet5", {"first": "bit_serial", "binarizer": "irnet", "placement": "pre_bn", "mode": "average"}, 6),
    ("resnet20", {"shortcuts": "irnet"}, 2),
    ("resnet20", {"shortcuts": "bireal", "last": "digital"}, 2),
    ("vgg_small", {"last": "digital"}, 1),
]


@pytest.mark.parametrize("name, options, count", SHIPPED)
@pytest.mark.parametrize("masks", ["per_pass", "per_image"])
def test_the_shipped_networks(name, options, count, masks):
    net = shake(build(name, p=0.3, **options))
    x = torch.rand(count, *net.input_shape, generator=torch.Generator().manual_seed(0))
    samples = 4 if name == "lenet5" else 2
    tree = predict(net, x, "tree", samples, seed=1, masks=masks)
    assert tree.note == "" and torch.equal(tree.probs, plain_loop(net, x, tree.masks))
    assert torch.equal(predict(net, x, "sampled", samples, seed=1, masks=masks).probs, tree.probs)


def test_exact_on_an_image_does_not_depend_on_its_neighbours():
    net, x = shake(lenet5()), torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert torch.equal(predict(net, x, "exact").probs[:, :2], predict(net, x[:2], "exact").probs)


@pytest.mark.parametrize("alias", [nn.Identity(), nn.Dropout(0.5), nn.Flatten(), lambda h: h.float(), lambda h: +h])
def test_writing_through_another_name_of_a_tensor_is_left_to_the_loop(alias):
    """Also where the images of the look before do not show it: only the last one is cut."""

    class Alias(Net):
        def forward(self, x):
            h = self.drop_one(self.line(x))
            k = self.alias(h).clamp_(-8.0, 8.0)
            return self.drop_two(self.two(h + k) + self.out(h))

    torch.manual_seed(0)
    net, x = Alias(), x_of(5)
    net.line, net.out, net.alias = nn.Linear(6, 5), nn.Linear(5, 3), alias
    x[4] *= 1000.0
    assert "writes into a tensor that other steps read" in both(net.eval(), x).note


def test_a_trace_of_one_image_is_not_used_for_more():
    def numbered(self, x):
        return x + torch.arange(x.size(0)).view(-1, 1)

    net = Net(numbered)
    for count in (1, 5, 1, 2):
        assert both(net, x_of(count)).note == ""


def test_a_private_list_is_part_of_the_structure():
    net = Net(lambda self, x: x * self._factors[0])
    net._factors = [1.0]
    first = both(net, x_of())
    net._factors[0] = -3.0
    assert not torch.equal(both(net, x_of()).probs, first.probs)


def test_images_in_another_memory_format_are_walked():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3, padding=1), ScaleDropout(16), nn.Conv2d(16, 8, 3), ScaleDropout(8), nn.Flatten(), nn.Linear(288, 3)]
    net = shake(nn.Sequential(*layers))
    x = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = predict(net, x.to(memory_format=torch.channels_last), "tree", 5)
    assert found.note == "" and torch.equal(found.probs, predict(net, x, "tree", 5).probs)


@pytest.mark.parametrize("after", [lambda self, x: (x, x), lambda self, x: x[:, :, None], lambda self, x: x.sum(0, keepdim=True)])
@pytest.mark.parametrize("method", ["sampled", "exact"])
def test_what_is_no_logits_is_refused(after, method):
    with pytest.raises(ParameterError, match="does not return logits"):
        predict(Net(after=after), x_of(), method)
