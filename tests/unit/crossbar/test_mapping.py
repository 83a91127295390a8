"""Tiles, arrays and reads of both strategies."""

from __future__ import annotations

import numpy as np
import pytest

from spinbnn.crossbar.mapping import map_plan
from spinbnn.crossbar.plan import LayerSpec, NetworkPlan
from spinbnn.crossbar.plans import plan
from spinbnn.errors import ParameterError


def test_lenet5_on_bit_cells_and_on_device_rows():
    cells, devices = map_plan(plan("lenet5")), map_plan(plan("lenet5"), rows="devices")
    assert [m.reads for m in cells.layers] == [576, 64, 1, 1, 1]
    assert [m.reads for m in devices.layers] == [576, 128, 2, 1, 1]
    assert (cells.arrays, cells.reads, devices.arrays, devices.reads) == (5, 643, 7, 708)


@pytest.mark.parametrize(("first", "reads"), [("binary", 643), ("bit_serial", 4675), ("digital", 67)])
def test_reads_depend_on_the_first_layer(first, reads):
    assert map_plan(plan("lenet5", first=first)).reads == reads


def test_digital_layers_take_no_array():
    mapping = map_plan(plan("lenet5", first="digital", last="digital"))
    assert mapping.arrays == 3
    assert (mapping.layers[0].reads, mapping.layers[0].utilisation) == (0, 0.0)


def test_tiles_cover_every_row_and_column_once():
    layer = LayerSpec(kind="linear", name="fc", in_channels=300, out_channels=130)
    net = NetworkPlan(name="n", layers=(layer,), classes=130, input_shape=(300, 1, 1))
    mapped = map_plan(net, (256, 64), rows="devices").layers[0]
    assert (mapped.row_tiles, mapped.column_tiles, mapped.arrays) == (3, 3, 9)
    rows = np.concatenate([np.arange(*r) for r in mapped.row_ranges])
    columns = np.concatenate([np.arange(*r) for r in mapped.column_ranges])
    assert rows.tolist() == list(range(300)) and columns.tolist() == list(range(130))
    assert max(b - a for a, b in mapped.row_ranges) <= 128


def test_utilisation_is_used_over_held():
    mapping = map_plan(plan("lenet5"))
    assert mapping.layers[2].utilisation == 256 * 120 / 65536
    assert mapping.utilisation == 44190 / (5 * 65536)


@pytest.mark.parametrize(
    "changes", [{"strategy": 3}, {"strategy": True}, {"rows": "bits"}, {"array": (1, 8), "rows": "devices"}]
)
def test_what_is_not_built_is_refused(changes):
    with pytest.raises(ParameterError) as error:
        map_plan(plan("lenet5"), **changes)
    assert error.value.remedy


def test_the_table_has_the_totals():
    assert "| total |  |  |  |  |  | 7 | 708 |" in str(map_plan(plan("lenet5"), rows="devices").table())


def one_conv(size=(7, 6), kernel=(3, 2), stride=2, padding=1, channels=(5, 4)):
    """Return the mapping inputs of one convolution, and its plan."""
    from spinbnn.crossbar.plan import output_size

    out = output_size(size, kernel, stride, padding)
    layer = LayerSpec(
        kind="conv", name="c", in_channels=channels[0], out_channels=channels[1], kernel=kernel,
        input_size=size, output_size=out, stride=stride, padding=padding,
    )  # fmt: skip
    head = LayerSpec(kind="linear", name="fc", in_channels=channels[1] * out[0] * out[1], out_channels=2)
    return layer, NetworkPlan(name="n", layers=(layer, head), classes=2, input_shape=(channels[0], *size))


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"stride": 1},
        {"padding": 0},
        {"kernel": (5, 3), "padding": 2, "stride": 3},
        {"kernel": (1, 1), "padding": 1, "stride": 1},
        {"kernel": (2, 2), "padding": 3, "stride": 2},
    ],
)
def test_strategy_2_counts_the_pixels_that_each_kernel_position_meets(shape):
    layer, net = one_conv(**shape)
    mapped = map_plan(net, (2, 3), strategy=2).layers[0]
    results = np.zeros(layer.output_size, int)
    for i, j in np.ndindex(*layer.output_size):
        for ky, kx in np.ndindex(*layer.kernel):
            y, x = i * layer.stride + ky - layer.padding, j * layer.stride + kx - layer.padding
            results[i, j] += 0 <= y < layer.input_size[0] and 0 <= x < layer.input_size[1]
    tiles = 3 * 2  # 5 rows on 2, 4 columns on 3
    assert mapped.arrays == layer.kernel[0] * layer.kernel[1] * tiles
    assert mapped.accesses == results.sum()
    assert mapped.reads == results.sum() * tiles
    assert mapped.conversions == results.sum() * 3 * 4
    assert mapped.partial_sum_additions == np.maximum(3 * results - 1, 0).sum() * 4


def test_strategy_2_covers_every_weight_once():
    layer, net = one_conv()
    mapped = map_plan(net, (2, 3), strategy=2).layers[0]
    unrolled = np.arange(layer.rows).reshape(layer.in_channels, *layer.kernel)
    pieces = [np.arange(layer.rows)[s] for s in mapped.row_slices]
    assert len(pieces) == mapped.positions * mapped.row_tiles == mapped.arrays // mapped.column_tiles
    assert sorted(np.concatenate(pieces).tolist()) == list(range(layer.rows))
    assert pieces[4].tolist() == unrolled[2:4, 0, 1].tolist()  # second tile of the second position
    assert max(map(len, pieces)) <= 2


def test_strategies_agree_on_linear_layers_and_without_padding():
    one, two = map_plan(plan("lenet5")), map_plan(plan("lenet5"), strategy=2)
    for a, b in zip(one.layers[2:], two.layers[2:], strict=True):
        assert (a.arrays, a.reads, a.row_slices, a.utilisation) == (
            b.arrays,
            b.reads,
            b.row_slices,
            b.utilisation,
        )
    assert [m.reads for m in two.layers[:2]] == [25 * 576, 25 * 64]
    assert two.strategy == 2 and "strategy 2" in two.table().title
    assert two.layers[1].utilisation == 2400 / (25 * 65536)


def test_resnet20_on_both_strategies():
    ends = {"first": "digital", "last": "digital"}
    one, two = (map_plan(plan("resnet20", **ends), strategy=s) for s in (1, 2))
    # rows 144 (7 layers), 288 (6) and 576 (5): one, two and three tiles of 256
    assert [m.row_tiles for m in one.layers] == [0] + [1] * 7 + [2] * 6 + [3] * 5 + [0]
    assert (one.arrays, one.reads) == (7 + 12 + 15, 6 * 1024 + 256 + 5 * 512 + 128 + 5 * 192)
    assert two.arrays == 18 * 9
    assert two.layers[1].accesses == (32 + 31 + 31) ** 2  # the outer positions miss one row or column
    assert two.layers[7].accesses == (15 + 16 + 16) ** 2  # stride 2: the first position misses one
