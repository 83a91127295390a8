from __future__ import annotations

import hashlib
import json

import pytest
import torch
from stand_ins import StandInChip, StandInProfile
from torch import fx, nn
from torch.nn import functional

from spinbnn.errors import ParameterError
from spinbnn.nn import (
    BINARIZERS,
    BinaryConv2d,
    BinaryLinear,
    ImageEncoder,
    ScaleDropout,
    dropout_layers,
    fixed_masks,
    to_hardware,
)
from spinbnn.nn.binarizers import IRNetBinarizer, ReCUBinarizer
from spinbnn.nn.models import MODELS, Network, build, lenet5, resnet18, resnet20, vgg_small

SMALL = {  # the same networks on small images
    "lenet5": {"size": 20},
    "lenet_20_50_500": {"size": 20},
    "lenet_32_64_512": {"size": 20},
    "vgg_small": {"size": 8},
    "resnet20": {"size": 8},
    "resnet18": {"size": 8},
}
WEIGHTS = {  # of the layers alone
    "lenet5": 150 + 2400 + 256 * 120 + 120 * 84 + 84 * 10,
    "lenet_20_50_500": 500 + 25_000 + 800 * 500 + 500 * 10,
    "lenet_32_64_512": 800 + 51_200 + 1600 * 512 + 512 * 10,
    "vgg_small": 27 * 128 + 9 * (128 * 128 + 128 * 256 + 256**2 + 256 * 512 + 512**2) + 8192 * 10,
    "resnet20": 432 + 6 * 2304 + 4608 + 5 * 9216 + 18_432 + 5 * 36_864 + 640,
    "resnet18": 1728 + 4 * 36_864 + 73_728 + 3 * 147_456 + 294_912 + 3 * 589_824 + 1_179_648 + 3 * 2_359_296
    + 64 * 128 + 128 * 256 + 256 * 512 + 5120,
}  # fmt: skip
LITERATURE = {"lenet_32_64_512": 878e3, "vgg_small": 4.66e6, "resnet20": 271e3, "resnet18": 11.2e6}
ENDS = [(first, last) for first in ("binary", "bit_serial", "digital") for last in ("binary", "digital")]


class Leaves(fx.Tracer):
    """What a user of torch.fx writes: layers and scale dropout stay whole."""

    def is_leaf_module(self, m, module_qualified_name):
        return isinstance(
            m, BinaryConv2d | BinaryLinear | ImageEncoder | ScaleDropout
        ) or super().is_leaf_module(m, module_qualified_name)


def images(model: Network, count: int = 4, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, *model.input_shape, generator=torch.Generator().manual_seed(seed))


def weights(model: Network) -> int:
    layers = (m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear))
    return sum(layer.weight.numel() for layer in layers)


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_those_of_the_literature(name):
    model = build(name, placement="pre_bn")
    assert weights(model) == WEIGHTS[name]
    if name in LITERATURE:  # rounded to the digits that are published
        assert sum(p.numel() for p in model.parameters()) == pytest.approx(LITERATURE[name], rel=2.5e-3)


def test_lenet5_with_padding_is_lecuns():
    padded = lenet5(padding=2)
    assert weights(padded) == 61_470  # 61,706 with its 236 biases
    assert weights(lenet5(size=32)) == 61_470


def test_lenet5_is_what_it_was():
    """Names and draws of the first release of the network: stored weights go on fitting."""
    expected = {1: "9edca3981dc65778", 2: "1732c0e52a69c5c1", 3: "6c322e72db5b7ebe", 4: "c25b60625d9c2f31"}
    options = {
        1: {},
        2: {"first": "digital", "last": "digital", "seed": 3},
        3: {"placement": "pre_bn", "seed": 5},
        4: {"first": "bit_serial", "logit_dropout": False, "p": [0.1, 0.2, 0.3, 0.4]},
    }
    for number, digest in expected.items():
        state = lenet5(**options[number]).state_dict()
        content = hashlib.sha256()
        for key in sorted(state):
            content.update(state[key].numpy().tobytes())
        assert content.hexdigest()[:16] == digest
        names = "35d31e010b18" if number < 4 else "666af4f9d081"
        assert hashlib.sha256(" ".join(state).encode()).hexdigest()[:12] == names


@pytest.mark.parametrize("name", MODELS)
def test_networks_are_traced_by_fx(name):
    model = build(name, first="digital", **SMALL[name])
    traced = fx.GraphModule(model, Leaves().trace(model))
    x = images(model)
    bits = [number % 2 for number in range(len(model.options["p"]))]
    with torch.no_grad(), fixed_masks(model, bits):  # the traced network holds the same layers
        assert torch.equal(model.eval()(x), traced.eval()(x))


@pytest.mark.parametrize(
    "name, first, last",
    [(name, *ends) for name in MODELS for ends in (ENDS if name != "resnet18" else ENDS[1:5:3])],
)
def test_binary_layers_see_signs_and_give_integers(name, first, last):
    model = build(name, first=first, last=last, **SMALL[name]).eval()
    seen = []

    def look(module, inputs, output):
        seen.append(module)
        assert torch.equal(output, output.round())
        if module.binarize_input:
            share = (inputs[0] >= 0).float().mean()
            assert 0.02 < share < 0.98  # not the signs of something that has one sign

    for module in model.modules():
        if isinstance(module, BinaryConv2d | BinaryLinear):
            module.register_forward_hook(look)
    with torch.no_grad():
        logits = model(images(model))
    digital = (first == "digital") + (last == "digital")
    assert len(seen) == {"lenet5": 5, "vgg_small": 7, "resnet20": 20, "resnet18": 18}.get(name, 4) - digital
    assert logits.shape == (4, 10) and bool(torch.isfinite(logits).all())


@pytest.mark.parametrize("name", MODELS)
def test_the_first_step_of_training_changes_the_loss_and_reaches_every_weight(name):
    model = build(name, first="digital", last="digital", placement="prestat", **SMALL[name])
    x, y = images(model, 8), torch.arange(8) % 10
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    spread = []
    handles = [
        module.register_forward_hook(lambda m, i, out: spread.append(out.std().item()))
        for module in dropout_layers(model)
    ]
    losses = []
    for _ in range(2):
        with fixed_masks(model, [0] * len(model.options["p"])):
            loss = functional.cross_entropy(model(x), y)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for handle in handles:
        handle.remove()
    assert 1.0 < losses[0] < 6.0 and losses[1] != losses[0]
    assert all(0.8 < value < 1.2 for value in spread[: len(spread) // 2])  # normalised sums at the start
    still = [key for key, p in model.named_parameters() if p.grad is None or not bool((p.grad != 0).any())]
    assert not still


@pytest.mark.parametrize("name", MODELS)
def test_options_rebuild_a_network_and_are_json(name):
    state = torch.get_rng_state()
    model = build(name, placement="pre_bn", seed=2, binarizer={"name": "recu", "tau_min": 0.8}, **SMALL[name])
    assert torch.equal(state, torch.get_rng_state())
    twin = build(model.name, **json.loads(json.dumps(model.options)))
    other = build(name, placement="pre_bn", seed=3, **SMALL[name])
    assert twin.options == model.options and twin.name == name
    for (key, value), again, changed in zip(
        model.state_dict().items(), twin.state_dict().values(), other.state_dict().values(), strict=True
    ):
        assert torch.equal(value, again), key
        if key.endswith("alpha") or (value.ndim > 1 and "norm" not in key):
            assert not torch.equal(value, changed), key


def test_the_draws_of_the_weights_do_not_depend_on_the_other_options():
    plain, other = (
        resnet20(size=8),
        resnet20(size=8, placement="pre_bn", p=0.5, binarizer="bnn", granularity="element"),
    )
    for key in ("stem", "s1b1c1", "s3b3c2", "fc"):
        assert torch.equal(getattr(plain, key).weight, getattr(other, key).weight)


def test_binarisers_by_name_by_options_and_as_an_object():
    named = lenet5(binarizer="irnet")
    assert named.conv2.binarizer is not named.fc1.binarizer
    assert isinstance(named.conv2.binarizer, IRNetBinarizer) and named.options["binarizer"] == "irnet"
    rule = IRNetBinarizer(t_min=1e-3)
    shared = lenet5(binarizer=rule, last="digital")
    assert shared.conv2.binarizer is rule and shared.fc3.binarizer is rule
    assert shared.options["binarizer"] == {"name": "irnet", "t_min": 1e-3, "t_max": 10.0}
    again = build("lenet5", **shared.options)
    assert again.fc1.binarizer.t_min == 1e-3 and again.fc1.binarizer is not again.fc2.binarizer
    by_options = vgg_small(size=8, binarizer={"name": "recu"})
    assert isinstance(by_options.conv2.binarizer, ReCUBinarizer) and by_options.options["binarizer"] == "recu"
    for wrong in ("ree", {"name": "irnet", "tmin": 1}, {"t_min": 1.0}):
        with pytest.raises(ParameterError):
            lenet5(binarizer=wrong)


def by_hand(model, x, *, double, clip, down):
    """Write a residual network down once more, from its sources."""

    def act(y):
        return y.clamp(-1, 1) if clip else y

    x = act(model.stem_norm(model.stem(model.encode(x))))
    names = [key[:-2] for key, _ in model.named_children() if key.endswith("c1")]
    for name in names:
        c1, n1, c2, n2 = (getattr(model, f"{name}{end}") for end in ("c1", "c1_norm", "c2", "c2_norm"))
        y = n1(c1(x))
        if y.shape == x.shape:
            short = x
        elif down == "projection":
            short = getattr(model, f"{name}p_norm")(getattr(model, f"{name}p")(x))
            assert getattr(model, f"{name}p").stride == (2, 2)
        elif down == "average_projection":
            mean = (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4
            short = getattr(model, f"{name}p_norm")(getattr(model, f"{name}p")(mean))
            assert getattr(model, f"{name}p").stride == (1, 1)
        else:
            short = torch.zeros_like(y)
            quarter = y.shape[1] // 4  # half of the missing channels in front
            part = x[..., ::2, ::2]
            if down == "average":
                part = (part + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4
            short[:, quarter : quarter + x.shape[1]] = part
        if double:
            y = act(y + short)
            x = act(n2(c2(y)) + y)
        else:
            x = act(n2(c2(act(y))) + short)
    return model.fc_norm(model.fc(model.mean_norm(x.mean(dim=(2, 3)))))


@pytest.mark.parametrize(
    "make, options, wiring",
    [
        (resnet20, {}, {"double": True, "clip": True, "down": "subsample"}),
        (resnet20, {"shortcuts": "bireal"}, {"double": True, "clip": False, "down": "average"}),
        (resnet20, {"shortcuts": "block"}, {"double": False, "clip": True, "down": "subsample"}),
        (resnet20, {"shortcuts": "double", "downsample": "projection", "hardtanh": False},
         {"double": True, "clip": False, "down": "projection"}),
        (resnet18, {}, {"double": False, "clip": True, "down": "projection"}),
        (resnet18, {"shortcuts": "bireal"}, {"double": True, "clip": False, "down": "average_projection"}),
    ],
)  # fmt: skip
def test_residual_networks_are_wired_as_in_their_sources(make, options, wiring):
    model = make(first="digital", last="digital", size=8, **options)
    x = images(model, 3)
    with torch.no_grad(), fixed_masks(model, [0] * len(model.options["p"])):
        for _ in range(2):
            model(x)  # running statistics that are not 0 and 1
        model.eval()
        assert torch.allclose(model(x), by_hand(model, x, **wiring), atol=1e-5)
        assert not model.fc.binarize_input


@pytest.mark.parametrize(
    "name, options, count",
    [
        ("lenet5", {}, 0),
        ("vgg_small", {}, 6),
        ("resnet20", {}, 19),
        ("resnet20", {"shortcuts": "bireal"}, 0),
        ("resnet20", {"shortcuts": "bireal", "hardtanh": True}, 19),
        ("resnet20", {"shortcuts": "block"}, 19),
        ("resnet18", {}, 17),
        ("resnet18", {"hardtanh": False}, 0),
    ],
)
def test_hardtanh_stands_where_the_source_has_it(name, options, count):
    """Most of them change no value, only the gradient: behind each normalisation and sum of IR-Net's networks."""
    model = build(name, **SMALL[name], **options)
    nodes = Leaves().trace(model).nodes
    assert sum(getattr(node.target, "__name__", "") == "hardtanh" for node in nodes) == count


def test_vgg_small_pools_before_the_normalisation():
    model = vgg_small(size=8).eval()
    shapes = {}
    for name in ("norm1", "norm2", "norm3", "norm4", "norm5", "norm6"):
        getattr(model, name).register_forward_hook(
            lambda m, x, y, name=name: shapes.update({name: tuple(x[0].shape[1:])})
        )
    with torch.no_grad():
        model(images(model))
    assert list(shapes.values()) == [
        (128, 8, 8), (128, 4, 4), (256, 4, 4), (256, 2, 2), (512, 2, 2), (512, 1, 1),
    ]  # fmt: skip
    assert not isinstance(model.norm1, ScaleDropout) and model.fc.in_features == 512


@pytest.mark.parametrize("name", ["vgg_small", "resnet20", "resnet18"])
def test_images_of_other_shapes_and_channels(name):
    model = build(name, in_channels=1, size=16, classes=3, logit_dropout=True).eval()
    with torch.no_grad():
        assert model(images(model)).shape == (4, 3)
    assert isinstance(model.fc_norm, ScaleDropout)
    with pytest.raises(ParameterError, match="wrong shape") as caught:
        model(torch.zeros(1, 3, 16, 16))
    assert name in str(caught.value)


@pytest.mark.parametrize(
    "make, options",
    [
        (vgg_small, {"size": 20}),
        (vgg_small, {"size": 0}),
        (resnet20, {"size": 30}),
        (resnet18, {"size": 12}),
        (resnet20, {"shortcuts": "dense"}),
        (resnet20, {"downsample": "conv"}),
        (resnet20, {"in_channels": 0}),
        (resnet20, {"classes": 0}),
        (resnet20, {"classes": 2.5}),
        (resnet20, {"p": [0.1] * 17}),
        (lenet5, {"size": 15}),
        (lenet5, {"padding": -1}),
        (lenet5, {"first": None}),
        (lenet5, {"p": 1.5}),
        (lenet5, {"mode": "none"}),
        (lenet5, {"granularity": "kernel"}),
    ],
)
def test_bad_options_are_refused(make, options):
    with pytest.raises(ParameterError):
        make(**options)


def test_element_granularity_has_a_bit_for_each_channel():
    model = resnet20(size=8, granularity="element", placement="prestat")
    assert [layer.bits for layer in dropout_layers(model)] == [16] * 6 + [32] * 6 + [64] * 6


def test_a_residual_network_runs_on_arrays_bit_for_bit():
    model = resnet20(size=8, shortcuts="bireal").eval()
    twin = to_hardware(model, StandInProfile(), StandInChip([0.2] * 18))
    x = images(model, 2)
    with torch.no_grad():
        assert torch.equal(model(x), twin(x))


@pytest.mark.parametrize(
    "options, key, value",
    [
        ({"size": 15}, "size", 15),
        ({"size": 11, "padding": 2}, "size", 11),
        ({"size": "28"}, "size", "28"),
        ({"padding": -1}, "padding", -1),
        ({"padding": 1.5}, "padding", 1.5),
    ],
)
def test_sizes_of_a_lenet_are_refused_with_the_value_that_was_given(options, key, value):
    with pytest.raises(ParameterError, match="at least") as caught:
        lenet5(**options)
    assert caught.value.where == f"lenet5, argument {key!r}" and caught.value.value == value
    assert lenet5(size=16).conv2.out_channels == lenet5(size=12, padding=2).fc1.in_features == 16


def test_a_binariser_of_ones_own_needs_a_place_in_the_register(monkeypatch):
    from spinbnn.nn.binarizers import BNNBinarizer

    class Mine(BNNBinarizer):
        name = "mine"

    class Nameless(BNNBinarizer):
        pass

    for rule in (Mine(), Nameless()):
        with pytest.raises(ParameterError, match="could not be made again") as caught:
            lenet5(binarizer=rule)
        assert "BINARIZERS" in caught.value.remedy
    monkeypatch.setitem(BINARIZERS, "mine", Mine)
    model = lenet5(binarizer=Mine())
    assert model.options["binarizer"] == "mine"
    assert type(build("lenet5", **model.options).conv1.binarizer) is Mine
