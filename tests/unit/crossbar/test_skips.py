"""Skip connections: which maps fit, what is refused, what networks they make."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spinbnn.crossbar.plan import LayerSpec, NetworkPlan, Skip
from spinbnn.crossbar.plans import plan
from spinbnn.errors import ParameterError


def conv(name, channels, out=None, size=8, stride=1, **more):
    """Return a 3 x 3 convolution with padding 1."""
    return LayerSpec(
        kind="conv", name=name, in_channels=channels, out_channels=out or channels, kernel=(3, 3), padding=1,
        stride=stride, input_size=(size, size), output_size=(-(-size // stride),) * 2, **more,
    )  # fmt: skip


def net(*layers, skips=(), features=None, channels=2):
    last = layers[-1]
    total = features or last.out_channels * last.windows
    head = LayerSpec(kind="linear", name="head", in_channels=total, out_channels=3)
    return NetworkPlan(name="n", layers=(*layers, head), classes=3, input_shape=(channels, 8, 8), skips=skips)


@pytest.mark.parametrize(
    ("kind", "source", "target", "stride", "stored", "added"),
    [
        ("identity", (4, 8, 8), (4, 8, 8), 1, 256, 256),
        ("identity", (4, 8, 8), (5, 8, 8), None, 0, 0),
        ("subsample", (4, 8, 8), (6, 4, 4), 2, 64, 64),
        ("subsample", (4, 7, 7), (4, 4, 4), 2, 64, 64),  # every second of seven: four
        ("average", (4, 7, 7), (4, 3, 3), 2, 36, 36),
        ("average", (4, 8, 8), (4, 3, 3), None, 0, 0),
        ("subsample", (4, 8, 8), (3, 4, 4), None, 0, 0),  # channels are never dropped
        ("concat", (4, 8, 8), (9, 8, 8), 1, 256, 0),
        ("concat", (4, 8, 8), (9, 4, 4), None, 0, 0),
    ],
)
def test_shapes_that_fit(kind, source, target, stride, stored, added):
    skip = Skip(source="a", target="b", kind=kind)
    assert skip.stride(source, target) == stride
    if stride:
        assert (skip.stored(source, target), skip.additions(source, target)) == (stored, added)


def test_a_concatenation_widens_the_map():
    layers = conv("a", 2, 4), conv("b", 4, 4), conv("c", 8, 4)
    joined = net(*layers, skips=(Skip(source="a", target="b", kind="concat"),))
    assert joined.maps["b"] == (8, 8, 8)
    assert joined.kept_outputs["b"] == 256  # its own outputs, not the appended ones
    with pytest.raises(ParameterError, match="does not fit"):
        net(*layers)
    before_head = net(
        conv("a", 2, 6),
        conv("b", 6, 2),
        skips=(Skip(source="a", target="b", kind="concat"),),
        features=8 * 16,
    )
    assert before_head.kept_outputs["b"] == 2 * 16  # a linear layer behind a 2 x 2 pooling of 8 channels


def test_a_layer_may_take_another_map_than_the_one_before():
    layers = conv("a", 2, 4), conv("p", 4, 4, source="a"), conv("b", 4, 4, source="a")
    plan_ = net(*layers, skips=(Skip(source="p", target="b"),))
    assert plan_.sources == {"a": "input", "p": "a", "b": "a", "head": "b"}
    assert plan_.kept_outputs == {"a": 256, "p": 0, "b": 256, "head": 3}
    assert plan_.table().rows[1][2] == "a" and "p -> b (identity, 8 bit)" in plan_.table().note


@pytest.mark.parametrize(
    ("layers", "skips", "message"),
    [
        ((conv("a", 2, 4), conv("b", 4)), (Skip(source="x", target="b"),), "names no layer"),
        ((conv("a", 2, 4), conv("b", 4)), (Skip(source="a", target="x"),), "names no layer"),
        ((conv("a", 2, 4), conv("b", 4)), (Skip(source="b", target="a"),), "backwards"),
        ((conv("a", 2, 4), conv("b", 4)), (Skip(source="input", target="b"),), "cannot be joined"),
        ((conv("a", 2, 4), conv("b", 4, source="c")), (), "not there yet"),
        ((conv("a", 2, 4), conv("b", 2, source="input")), (), "nothing takes"),
    ],
)
def test_plans_that_do_not_hold_together_are_refused(layers, skips, message):
    with pytest.raises(ParameterError, match=message) as error:
        net(*layers, skips=skips)
    assert error.value.where.startswith("plan 'n'") and error.value.remedy


@pytest.mark.parametrize("changes", [{"kind": "dense"}, {"bits": 0}, {"target": "a"}])
def test_wrong_skips_are_refused(changes):
    with pytest.raises(ParameterError):
        Skip(**{"source": "a", "target": "b"} | changes)


@pytest.mark.parametrize("changes", [{"name": ""}, {"name": "input"}, {"pooling": "median"}])
def test_wrong_layers_are_refused(changes):
    with pytest.raises(ParameterError):
        replace(conv("a", 2), **changes)


def test_resnet20_is_the_published_network():
    net_ = plan("resnet20", first="digital", last="digital")
    assert (net_.parameters, net_.macs) == (268336, 40551040)
    assert [layer.name for layer in net_.layers if layer.digital] == ["stem", "fc"]
    assert [s.kind for s in net_.skips].count("subsample") == 2
    assert all(s.target == layer.name for s, layer in zip(net_.skips, net_.layers[1:-1], strict=True))
    assert net_.maps["s3b3c2"] == (64, 8, 8) and net_.layers[-2].pooling == "average"
    assert plan("resnet20", logit_dropout=True, placement="dual_bn").dropout_layers == 19
    assert len(plan("resnet20", shortcuts="block").skips) == 9


def test_resnet18_projections():
    irnet = plan("resnet18", first="digital")
    shortcuts = [layer for layer in irnet.layers if layer.kernel == (1, 1) and layer.kind == "conv"]
    assert [(p.name, p.source, p.stride, p.digital) for p in shortcuts] == [
        ("s2b1p", "s1b2c2", 2, True),
        ("s3b1p", "s2b2c2", 2, True),
        ("s4b1p", "s3b2c2", 2, True),
    ]
    assert irnet.sources["s2b1c1"] == "s1b2c2"
    birealnet = plan("resnet18", shortcuts="double", downsample="average_projection")
    assert len(birealnet.skips) == 16 and birealnet.parameters == irnet.parameters
    pooled = next(layer for layer in birealnet.layers if layer.name == "s2b1p")
    assert (pooled.input_size, pooled.stride) == ((16, 16), 1)
    assert [layer.name for layer in birealnet.layers if layer.pooling == "average"] == [
        "s1b2c2",
        "s2b2c2",
        "s3b2c2",
        "s4b2c2",
    ]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("resnet20", {"shortcuts": "triple"}),
        ("resnet20", {"downsample": "pool"}),
        ("resnet20", {"placement": "gamma"}),
        ("vgg_small", {"placement": "gamma"}),
        ("lenet5", {"shortcuts": "double"}),
    ],
)
def test_wrong_options_are_refused(name, options):
    with pytest.raises(ParameterError) as error:
        plan(name, **options)
    assert error.value.where.startswith("plan, ")
