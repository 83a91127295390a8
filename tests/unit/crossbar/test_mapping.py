"""Tiles, arrays and reads of strategy 1."""

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


@pytest.mark.parametrize("changes", [{"strategy": 2}, {"rows": "bits"}, {"array": (1, 8), "rows": "devices"}])
def test_what_is_not_built_is_refused(changes):
    with pytest.raises(ParameterError) as error:
        map_plan(plan("lenet5"), **changes)
    assert error.value.remedy


def test_the_table_has_the_totals():
    assert "| total |  |  |  |  | 7 | 708 |" in str(map_plan(plan("lenet5"), rows="devices").table())
