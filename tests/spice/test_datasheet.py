"""The search for a code and the sizing with ngspice; the shipped flows of the datasheets."""

from __future__ import annotations

import numpy as np
import pytest

from spinbnn import resources
from spinbnn.characterize import Flow, run_flow
from spinbnn.characterize.datasheet import datasheet
from spinbnn.characterize.operating_point import operate, search
from spinbnn.characterize.shard import merge_tables
from spinbnn.characterize.sizing import size_module
from spinbnn.circuit import Technology, Timing
from spinbnn.device import DeviceParams

SHEETS = [name for name in resources.available("flow") if name.startswith("dropout_module_") and not name.endswith("sky130")]


@pytest.mark.parametrize("name", SHEETS)
def test_flows_of_datasheets_state_the_limits_of_the_issue(name: str) -> None:
    flow = Flow.load(name)
    if flow.specification.area is None:
        pytest.skip("a flow for tables, not for a datasheet")
    assert flow.name == name, "the table finds its flow by that name"
    limits = flow.specification.limits
    p = limits["p_drop"]
    assert (p.minimum, p.typical, p.maximum) == (0.45, 0.5, 0.55)
    assert (limits["p_reset_fail"].maximum, limits["wrong_decision"].maximum, limits["latency_cycle"].maximum) == (0.01, 1e-4, pytest.approx(20e-9, rel=1e-12, abs=0))
    assert limits["p_reset_fail"].applies == "all"
    amplitudes = next(len(axis.values) for axis in flow.grid.axes if axis.name == flow.bench.design.amplitude)  # type: ignore[attr-defined]
    assert (amplitudes == 1) == (flow.specification.operating_point is None), "one amplitude for all, or a search"


@pytest.mark.spice
def test_the_code_of_the_search_is_nearer_to_the_target_than_its_neighbours() -> None:
    flow = Flow.load("dropout_module_trim").with_axes(draw={"count": 2})
    table = search(flow)
    got = operate(table, flow.specification)
    assert got.amplitude is not None and np.sum(table.status == 0) <= 2 * 7 and not np.any(got.status)
    code = int(got.amplitude[0, 1])
    p = run_flow(flow.with_axes(code={"values": [code - 1, code, code + 1]})).values("p_drop")[:, 0, 1]
    assert p[1] == got.values["p_drop"][0, 1], "draw k is the same module in another grid"
    assert np.argmin(np.abs(p - 0.5)) == 1 and p[0] < p[1] < p[2]


@pytest.mark.spice
@pytest.mark.slow
def test_a_sized_module_has_the_target_and_resets_in_the_cold() -> None:
    device, timing = DeviceParams.load("seed_eq23"), Timing(read=5e-9, sense=2.4e-9)
    sizing = size_module(Technology.load("cmos40lp"), device, target=0.2, timing=timing)
    nominal, cold, hot = sizing.measured.values()
    assert nominal["p_drop"] == pytest.approx(0.2, abs=0.004), "the rail is bisected to 1e-4, which is 0.2 points"
    assert max(m["p_reset_fail"] for m in (nominal, cold, hot)) <= 0.01
    assert min(m["margin_0"] for m in (nominal, cold, hot)) == pytest.approx(min(m["margin_1"] for m in (nominal, cold, hot)), abs=2e-3), "the reference is balanced"
    again = size_module(Technology.load("cmos40lp"), device, target=0.2, timing=timing)
    assert again.design.content_hash == sizing.design.content_hash and again.amplitude == sizing.amplitude


@pytest.mark.spice
def test_a_search_in_shards_and_with_two_workers_gives_the_identical_table() -> None:
    flow = Flow.load("dropout_module_trim").with_axes(draw={"count": 3})
    whole = search(flow, workers=1)
    assert search(flow, workers=2).content_hash == whole.content_hash
    merged = merge_tables([search(flow, shard=f"{k}/2") for k in (2, 1)])
    assert merged.content_hash == whole.content_hash
    sheets = [[entry.plain() for entry in datasheet([(flow, table)]).entries] for table in (whole, merged)]
    assert sheets[0] == sheets[1]
