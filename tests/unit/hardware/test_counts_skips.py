"""Operations of networks with skip connections, against hand counts."""

from __future__ import annotations

import pytest

from spinbnn.crossbar.plan import LayerSpec, NetworkPlan, Skip
from spinbnn.crossbar.plans import plan
from spinbnn.hardware.cost import estimate_cost
from spinbnn.hardware.counts import count_operations
from spinbnn.hardware.layer_counts import skip_capacity

RESNET = plan("resnet20", first="digital", last="digital")


def conv(name, channels, **more):
    return LayerSpec(
        kind="conv", name=name, in_channels=channels, out_channels=4, kernel=(3, 3), padding=1,
        input_size=(4, 4), output_size=(4, 4), **more,
    )  # fmt: skip


def small(*skips, dropout=True, pooling="max"):
    """Return three convolutions on 4 x 4 maps of 4 channels, then a linear layer behind a 4 x 4 pooling."""
    layers = [conv("a", 2, scale_dropout=dropout), conv("b", 4, scale_dropout=dropout)]
    layers += [conv("c", 4, scale_dropout=dropout, pooling=pooling)]
    layers += [LayerSpec(kind="linear", name="fc", in_channels=4, out_channels=3, scale_dropout=False)]
    return NetworkPlan(name="s", layers=layers, classes=3, input_shape=(2, 4, 4), skips=skips)


def test_resnet20_by_hand():
    one = count_operations(RESNET, samples=1)
    stage = {1: 16 * 32 * 32, 2: 32 * 16 * 16, 3: 64 * 8 * 8}
    joined = 6 * stage[1] + 16 * 256 + 5 * stage[2] + 32 * 64 + 5 * stage[3]
    assert one.total("skip_additions") == joined
    assert one.total("skip_bits") == 8 * joined
    assert one.total("normalisations") == 7 * stage[1] + 6 * stage[2] + 6 * stage[3]
    assert one.total("pooling_additions") == stage[3] - 64
    assert one.total("comparisons") == 7 * stage[1] + 6 * stage[2] + 5 * stage[3] + 64
    assert one.total("dropout_draws") == 18
    assert one.skip_capacity == 8 * stage[1] and one.buffer_capacity == 0
    assert one.total("macs") == 432 * 1024 + 640


def test_lenet5_has_none_of_it():
    counts = count_operations(plan("lenet5"), schedule="exact")
    for name in ("skip_additions", "skip_bits", "normalisations", "pooling_additions"):
        assert counts.total(name) == 0
    assert counts.skip_capacity == 0 and "skip buffer" not in counts.table().note


def test_a_skip_is_summed_and_kept_for_every_branch():
    plan_ = small(Skip(source="a", target="c", bits=5))
    exact = count_operations(plan_, schedule="exact")
    a, b, c, _ = exact.layers
    assert (a.skip_bits, b.skip_bits, c.skip_bits) == (2 * 64 * 5, 0, 0)
    assert (a.skip_additions, b.skip_additions, c.skip_additions) == (0, 0, 8 * 64)
    assert [layer.normalisations for layer in exact.layers] == [2 * 64, 0, 8 * 64, 0]
    assert [layer.scale_multiplexings for layer in exact.layers] == [2 * 64, 4 * 64, 8 * 64, 0]
    # max pooling of sums needs the sums: behind the branches, and 4 thresholds each
    assert c.comparisons == 8 * (64 - 4) + 8 * 4
    assert count_operations(small(), schedule="exact").layers[2].comparisons == 4 * (64 - 4) + 8 * 4


def test_average_pooling_is_additions_and_no_comparisons():
    c = count_operations(small(pooling="average"), samples=1).layers[2]
    assert (c.pooling_additions, c.comparisons) == (60, 4)
    bireal = count_operations(
        plan("resnet18", shortcuts="double", downsample="average_projection"), samples=1
    )
    source = next(layer for layer in bireal.layers if layer.name == "s1b2c2")
    assert source.pooling_additions == 64 * (32 * 32 - 16 * 16)
    assert source.comparisons == 64 * 32 * 32  # the convolution sees the whole map
    projection = next(layer for layer in bireal.layers if layer.name == "s2b1p")
    assert (projection.macs, projection.comparisons, projection.array_reads) == (64 * 128 * 256, 0, 0)
    mean = count_operations(plan("resnet20", downsample="average"), samples=1)
    assert mean.layers[6].pooling_additions == 16 * (32 * 32 - 16 * 16)


def test_equal_maps_are_kept_once_and_the_buffer_holds_what_is_needed_at_once():
    twice = small(Skip(source="a", target="b"), Skip(source="a", target="c"))
    assert count_operations(twice, samples=1).layers[0].skip_bits == 8 * 64
    assert skip_capacity(twice, branches=False) == 8 * 64
    both = small(Skip(source="a", target="c"), Skip(source="b", target="c", bits=4))
    assert skip_capacity(both, branches=False) == 12 * 64
    chain = small(Skip(source="a", target="b"), Skip(source="b", target="c", bits=4))
    assert skip_capacity(chain, branches=False) == 8 * 64
    assert skip_capacity(chain, branches=True) == 2 * 12 * 64  # a place for the branch that waits
    assert skip_capacity(small(Skip(source="a", target="b"), dropout=False), branches=True) == 8 * 64


def test_costs_say_that_skips_have_no_figure():
    report = estimate_cost(count_operations(RESNET, samples=2), "scale-dropout-table-ii", accounting="block")
    assert not report.complete
    assert {"skip", "skip_buffer", "normalise", "pooling", "mac"} <= set(report.unknown("energy"))
    assert {"skip", "skip_buffer", "normalise", "pooling"} <= set(report.unknown("area"))
    assert report.headline().startswith("at least") and "skip addition" in report.headline()
    assert report.to_dict()["skip_capacity"] == 131072


@pytest.mark.parametrize("strategy", [1, 2])
def test_strategies_differ_in_reads_and_partial_sums_alone(strategy):
    counts = count_operations(plan("lenet5"), strategy=strategy, samples=3)
    positions = 25 if strategy == 2 else 1
    assert counts.layers[0].array_reads == 3 * 576 * positions
    assert counts.layers[0].partial_sum_additions == 3 * 3456 * (positions - 1)
    assert counts.layers[0].column_conversions == 3 * 3456 * positions
    assert counts.total("comparisons") == 3 * 4684 and counts.mapping.strategy == strategy


@pytest.mark.parametrize(("size", "seen", "window"), [(5, 2, 2), (5, 1, 5), (7, 3, 2), (8, 2, 4)])
@pytest.mark.parametrize("flat", [False, True])
def test_pooling_looks_at_no_edge_that_fills_no_window(size, seen, window, flat):
    """Of 5 x 5 values, windows of 2 x 2 see 4 x 4: three comparisons each, not 25 - 4."""
    first = LayerSpec(kind="conv", name="a", in_channels=1, out_channels=3, kernel=(1, 1), input_size=(size, size), output_size=(size, size))
    taker = LayerSpec(kind="linear", name="b", in_channels=3 * seen * seen, out_channels=2, scale_dropout=False)
    layers = [first, taker]
    if not flat:
        second = LayerSpec(kind="conv", name="c", in_channels=3, out_channels=2, kernel=(1, 1), input_size=(seen, seen), output_size=(seen, seen))
        layers = [first, second, LayerSpec(kind="linear", name="b", in_channels=2 * seen * seen, out_channels=2, scale_dropout=False)]
    counts = count_operations(NetworkPlan(name="e", layers=layers, classes=2, input_shape=(1, size, size)), samples=1)
    outputs = 3 * seen * seen
    assert counts.layers[0].comparisons == outputs * (window * window - 1) + outputs
