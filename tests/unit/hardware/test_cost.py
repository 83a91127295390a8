"""Cost reports: accountings, unknown figures, output."""

from __future__ import annotations

import json

import pytest

from spinbnn.crossbar.plans import plan
from spinbnn.errors import ParameterError
from spinbnn.hardware.components import (
    BLOCKS,
    Component,
    ComponentSet,
    characterised,
    component_set,
    published,
)
from spinbnn.hardware.cost import estimate_cost
from spinbnn.hardware.counts import count_operations
from spinbnn.hardware.profile import HardwareProfile

LENET = plan("lenet5")
DUAL = plan("lenet5", placement="dual_bn")
FULL = ComponentSet(
    name="powers", blocks={b: Component(energy=10.0**i, latency=1.0, area=2.0) for i, b in enumerate(BLOCKS)}
)


def test_block_accounting_charges_each_block_its_own_operations():
    counts = count_operations(LENET, schedule="exact", first="digital")
    by_block = {
        b: sum(r.operations for r in estimate_cost(counts, FULL, "block").energy_rows if r.block == b)
        for b in BLOCKS
    }
    reads = 64 * 2 + 4 + 8 + 16
    assert by_block == {
        "memory": reads, "crossbar": reads, "adder": reads, "comparator": reads, "rng": 0, "averaging": 32,
        "mac": 86400, "buffer": 2528, "threshold": 0, "softmax": 32,
        "pooling": 0, "normalise": 0, "skip": 0, "skip_buffer": 0, "converter": 0, "partial_sum": 0,
    }  # fmt: skip
    assert estimate_cost(counts, FULL, "block").energy == sum(
        n * 10.0**i for i, n in enumerate(by_block.values())
    )


def test_paper_accounting_charges_every_block_every_read():
    report = estimate_cost(count_operations(LENET, samples=2), FULL, "paper")
    assert {row.operations for row in report.energy_rows if row.layer == "conv2"} == {128}
    assert report.energy == 1286 * 111111.0
    assert report.complete


def test_layers_add_up():
    report = estimate_cost(count_operations(LENET), published(), "block")
    layers = {
        name: sum(r.value for r in report.energy_rows if r.layer == name)
        for name in ("conv1", "fc3", "(network)")
    }
    assert layers["conv1"] == pytest.approx(10 * (576 * 5.54 + 3.80) * 1e-12, rel=1e-12, abs=0)
    assert layers["fc3"] == pytest.approx(10 * (5.54 + 3.80) * 1e-12, rel=1e-12, abs=0)
    assert layers["(network)"] == pytest.approx(184.2e-12, rel=1e-12, abs=0)


def test_no_draws_no_rng_in_the_exact_schedule():
    for accounting in ("paper", "block"):
        report = estimate_cost(count_operations(LENET, schedule="exact"), published(), accounting)
        rng = [row for row in report.energy_rows if row.block == "rng"]
        assert [row.operations for row in rng] == [0] * 5 and all(row.value == 0 for row in rng)
        assert report.unknown() == ("buffer", "softmax") and not report.complete
    report = estimate_cost(count_operations(LENET, schedule="exact"), published(), "paper")
    assert "the exact schedule is charged none" in report.tables()[0].note


@pytest.mark.parametrize("accounting", ["paper", "block"])
def test_a_second_threshold_set_makes_the_sum_a_lower_bound(accounting):
    one, two = (estimate_cost(count_operations(p), published(), accounting) for p in (LENET, DUAL))
    assert one.complete and (two.unknown(), two.complete) == (("threshold",), False)
    assert two.energy == one.energy  # what is known is the same
    assert two.headline() == f"at least {one.headline()} (unknown: second threshold set)"
    assert (one.to_dict()["placement"], two.to_dict()["placement"]) == ("pre_bn", "dual_bn")
    for table in two.tables():
        assert "placement dual_bn" in table.title
    assert "the second threshold sets hold 236 thresholds" in two.tables()[0].note
    assert "second" not in one.tables()[0].note
    selections = {r.layer: r.operations for r in two.energy_rows if r.block == "threshold"}
    assert selections == {"conv1": 8640, "conv2": 2560, "fc1": 1200, "fc2": 840, "fc3": 100}


@pytest.mark.parametrize("accounting", ["paper", "block"])
def test_weighted_masks_need_softmaxes(accounting):
    for schedule, masks in (("prefix", 15), ("exact", 32)):
        drop = 0.5 if schedule == "prefix" else None
        counts = count_operations(LENET, schedule=schedule, samples=20, drop_probability=drop)
        report = estimate_cost(counts, published(), accounting)
        assert report.unknown() == ("buffer", "softmax") and "softmax" in report.unknown("latency")
        (row,) = (r for r in report.energy_rows if r.block == "softmax")
        assert (row.layer, row.operations, row.value) == ("(network)", pytest.approx(masks, abs=0.1), None)
        assert "averaged with weights" in report.tables()[0].note
    assert estimate_cost(count_operations(LENET), published(), accounting).unknown() == ()


def test_the_new_blocks_are_charged_their_own_operations():
    """1334 selections a pass (at the logits too), 236 stored thresholds, one softmax a mask."""
    counts = count_operations(DUAL, samples=3)
    report = estimate_cost(counts, FULL, "block")
    by_block = {b: sum(r.operations for r in report.energy_rows if r.block == b) for b in BLOCKS}
    assert (by_block["threshold"], by_block["softmax"]) == (3 * 1334, 0)
    assert report.energy == sum(n * 10.0**i for i, n in enumerate(by_block.values()))
    assert report.latency == 4 * 3 * 643 + 15 + 3 + 3 * 1334
    assert report.area == 2.0 * (5 + 1 + 236)
    exact = estimate_cost(count_operations(DUAL, schedule="exact"), FULL, "paper")
    charged = {b: sum(r.operations for r in exact.energy_rows if r.block == b) for b in BLOCKS}
    assert (charged["threshold"], charged["softmax"]) == (864 * 2 + 256 * 4 + 120 * 8 + 84 * 16 + 320, 32)
    assert exact.unknown("area") == ("memory", "adder", "comparator", "averaging", "softmax")


def test_unknown_is_never_zero():
    only_draws = ComponentSet(name="draws", blocks={"rng": Component(energy=1e-12)})
    report = estimate_cost(count_operations(LENET), only_draws, "block")
    assert report.energy == pytest.approx(50e-12, rel=1e-9, abs=0)
    assert not report.complete and report.headline().startswith("at least 50 pJ (unknown: array memory,")
    exact = estimate_cost(count_operations(LENET, schedule="exact"), only_draws, "block")
    assert exact.energy is None and exact.headline().startswith("? (unknown")
    assert estimate_cost(count_operations(LENET), ComponentSet(name="none"), "paper").energy is None
    text = str(report)
    assert "?" in text and "total (at least)" in text


def test_digital_layers_of_the_published_set_are_unknown():
    report = estimate_cost(count_operations(LENET, last="digital"), published())
    assert report.unknown() == ("mac",) and report.headline().startswith("at least")


def test_latency_and_area():
    report = estimate_cost(count_operations(LENET, modules="per_layer"), published())
    assert report.latency == pytest.approx(50 * 15e-9, rel=1e-9, abs=0)
    assert report.area == pytest.approx(5 * 34.65e-12, rel=1e-9, abs=0)
    assert "crossbar" in report.unknown("latency") and "crossbar" in report.unknown("area")
    full = estimate_cost(count_operations(LENET), FULL)
    assert full.latency == 4 * 6430 + 50 + 10
    assert full.area == 2.0 * (5 + 1) and full.unknown("area") == (
        "memory",
        "adder",
        "comparator",
        "averaging",
    )


def test_events_and_unknown_accountings_are_refused():
    counts = count_operations(LENET)
    with pytest.raises(ParameterError) as error:
        estimate_cost(counts, published(), "events")
    assert "cost issue" in error.value.remedy
    for wrong in ({"accounting": "papers"}, {"components": "table-ii"}):
        with pytest.raises(ParameterError):
            estimate_cost(counts, **{"components": published(), "accounting": "paper"} | wrong)
    with pytest.raises(ParameterError, match="unknown quantity"):
        estimate_cost(counts, published()).unknown("power")


def test_json_holds_joules_and_no_nan():
    report = estimate_cost(count_operations(LENET, schedule="exact"), published())
    data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert data["energy"] == pytest.approx(report.energy, rel=1e-9, abs=0)
    assert data["complete"] == {"energy": False, "latency": False, "area": False}
    assert (data["unknown"]["energy"], data["latency"]) == (["buffer", "softmax"], None)
    assert (data["accounting"], data["components"]) == ("paper", "scale-dropout-table-ii")
    assert data["reads"] == 732 and len(data["layers"]) == 5
    sampled = estimate_cost(count_operations(LENET), published())
    assert sampled.complete
    assert sampled.to_dict()["complete"] == {"energy": True, "latency": False, "area": False}


def test_component_sets_are_checked():
    with pytest.raises(ParameterError):
        ComponentSet(name="x", blocks={"adcs": Component()})
    with pytest.raises(ParameterError):
        Component(energy=-1.0)
    with pytest.raises(ParameterError):
        Component(energy=float("nan"))
    with pytest.raises(ParameterError):
        published()["adc"]
    assert component_set("scale-dropout-table-ii") == published()
    assert "| branch buffer | ? | ? | ? |  |" in str(published().table())


def test_the_characterised_set_knows_the_draw_and_nothing_else(synthetic):
    profile = HardwareProfile.build(synthetic(spread=0.0), temperature=298.15)
    components = characterised(profile)
    voltage = profile.chip(0).codes[0]
    assert components["rng"].energy == pytest.approx(
        1e-12 * voltage**2, rel=1e-3, abs=0)  # linear between 25 mV points
    assert components["rng"].latency == pytest.approx(15e-9, rel=1e-9, abs=0)
    assert components["rng"].area is None and all(components[b].energy is None for b in BLOCKS if b != "rng")
    report = estimate_cost(count_operations(LENET), components, "block")
    assert report.energy == pytest.approx(50 * components["rng"].energy, rel=1e-9, abs=0) and not report.complete


@pytest.mark.parametrize("accounting", ["paper", "block"])
@pytest.mark.parametrize(
    "changed", [{"strategy": 2}, {"array": (128, 256)}, {"first": "bit_serial"}], ids=["strategy 2", "tiles", "bit planes"]
)
def test_conversions_and_partial_sums_have_no_published_figure(accounting, changed):
    """One binary read of one tile is what Table II prices; outputs of several column results need converters and adders."""
    plain = estimate_cost(count_operations(LENET), published(), accounting)
    assert plain.complete and {"converter", "partial_sum"}.isdisjoint(r.block for r in (*plain.energy_rows, *plain.area_rows))
    counts = count_operations(LENET, **changed)
    report = estimate_cost(counts, published(), accounting)
    for quantity in ("energy", "latency", "area"):
        assert {"converter", "partial_sum"} <= set(report.unknown(quantity))
    assert report.headline().startswith("at least") and "column converter" in report.headline()
    priced = {b: sum(r.operations for r in estimate_cost(counts, FULL, accounting).energy_rows if r.block == b) for b in BLOCKS}
    several = [layer for layer in counts.layers if layer.partial_sum_additions]
    assert priced["converter"] == sum(layer.column_conversions for layer in several) > 0
    assert priced["partial_sum"] == counts.total("partial_sum_additions") > 0
