"""The dropout bench without a simulator: what its decks hold, what its identity follows, what it refuses."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spinbnn import resources
from spinbnn.circuit import Cell, DropoutModuleBench, Technology, Timing, dropout_bench
from spinbnn.circuit.design import ModuleDesign
from spinbnn.circuit.dropout_variants import RegulatedModuleBench, TrimmedModuleBench
from spinbnn.circuit.simulator.messages import preflight
from spinbnn.device import DeviceParams
from spinbnn.device.switching.barriers import SEED_LIMIT
from spinbnn.errors import NetlistError, ParameterError

TECHNOLOGY, PARAMS = Technology.load("cmos40lp"), DeviceParams.load("seed_eq23")
BENCH = DropoutModuleBench(technology=TECHNOLOGY, params=PARAMS)


def test_a_deck_stands_alone() -> None:
    deck = BENCH.deck(BENCH.nominal(set_voltage=1.0))
    assert preflight(deck) == ""
    assert ".include" not in deck.text and ".lib" not in deck.text.lower().replace("cmos40lp.lib", "")
    for cell in BENCH.netlists.values():
        assert deck.text.count(f".subckt {cell.name} ") == 1
    assert deck.text.count(".model nlp") == 1


def test_decks_and_identity_do_not_change_with_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edited cell takes effect with the next bench, in its decks and in its identity together."""
    monkeypatch.setenv("SPINBNN_PATH", str(tmp_path))
    (tmp_path / "netlists" / "cells").mkdir(parents=True)
    mine = resources.copy("cell", "sot_mtj", tmp_path / "netlists" / "cells")
    bench = DropoutModuleBench(technology=TECHNOLOGY, params=PARAMS)
    sample = bench.nominal(set_voltage=1.0)
    assert bench.netlists["sot_mtj"].path == mine and bench.identity() == BENCH.identity()
    before, identity = bench.deck(sample), bench.identity()
    mine.write_text(mine.read_text().replace("Cj top f {cj}", "Cj top f {2*cj}"))
    assert bench.deck(sample) == before and bench.identity() == identity
    mine.unlink()
    assert replace(bench, barrier="seed").netlists == bench.netlists
    edited = replace(bench, netlists={**bench.netlists, "sot_mtj": Cell.parse(before_text(bench).replace("{cj}", "{2*cj}"), mine)})
    assert edited.deck(sample).text != before.text
    assert edited.identity()["cells"]["sot_mtj"] != identity["cells"]["sot_mtj"]


def before_text(bench: DropoutModuleBench) -> str:
    return bench.netlists["sot_mtj"].text


def test_identity_is_plain_data_and_follows_all_that_fixes_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    base = BENCH.identity()
    assert json.loads(json.dumps(base, allow_nan=False)) == base
    assert set(base["cells"]) == set(BENCH.cells) == set(BENCH.netlists)
    others: list[DropoutModuleBench] = [
        replace(BENCH, barrier="seed"),
        replace(BENCH, timing=Timing(set=9e-9)),
        replace(BENCH, timing=Timing(max_step=40e-12)),
        replace(BENCH, timing=Timing(gap_read=2e-9)),
        replace(BENCH, params=PARAMS.with_values(thermal__delta=41.0)),
        replace(BENCH, technology=replace(TECHNOLOGY, supply=1.2)),
        replace(BENCH, design=replace(BENCH.design, bridge={**BENCH.design.bridge, "wp1": 2e-6})),
        replace(BENCH, technology=replace(TECHNOLOGY, mismatch={**TECHNOLOGY.mismatch, "pmos_avt": 4e-9})),
    ]
    others += [
        replace(BENCH, netlists={**BENCH.netlists, name: Cell.parse(cell.text + "* edited\n", cell.path)}) for name, cell in BENCH.netlists.items()
    ]
    seen = [json.dumps(bench.identity(), sort_keys=True) for bench in [BENCH, *others]]
    assert len(set(seen)) == len(seen)
    constants: list[tuple[str, Any]] = [
        ("OPTIONS", {**dropout_bench.OPTIONS, "reltol": 1e-4}), ("TRACK", "i(vx)"), ("SUPPLIES", ("vdd",)),
    ]  # fmt: skip
    for name, value in constants:
        with monkeypatch.context() as patch:
            patch.setattr(dropout_bench, name, value)
            assert BENCH.identity() != base, name


def test_names_are_not_part_of_the_identity() -> None:
    renamed = replace(BENCH, technology=replace(TECHNOLOGY, name="other", description="other"), design=replace(BENCH.design, name="mine", technology="other"))
    sample = replace(BENCH.nominal(set_voltage=1.0), mismatch=(3, 5))
    assert renamed.identity() == BENCH.identity()
    assert renamed.deck(sample).text == BENCH.deck(sample).text


def test_every_transistor_with_mismatch_has_its_own_draw() -> None:
    base, drawn = (BENCH.deck(replace(BENCH.nominal(set_voltage=1.0), mismatch=m)).text.splitlines() for m in (None, (3, 5)))
    changed = [(a, b) for a, b in zip(base, drawn, strict=True) if a != b]
    assert [b.split()[0] for _, b in changed] == ["Xm", "Xr", "Xa"]
    shifts = [w.split("=")[1] for _, b in changed for w in b.split() if w[0] == "d" and "=" in w and w[1:3] not in ("el",)]
    assert len(shifts) == len(set(shifts)) == 4 + 1 + 7


def test_the_seed_clamp_of_the_cell_is_that_of_the_law() -> None:
    text = BENCH.netlists["sot_mtj"].text
    assert text.count(f"{2 * SEED_LIMIT!r} ? 0") == 2


@pytest.mark.parametrize(("tau0", "step", "fine"), [(1e-9, 50e-12, True), (1e-9, 200e-12, True), (1e-9, 201e-12, False), (0.1e-9, 50e-12, False), (0.1e-9, 20e-12, True)])
def test_steps_must_resolve_the_attempt_time(tau0: float, step: float, fine: bool) -> None:
    bench = replace(BENCH, params=PARAMS.with_values(thermal__attempt_time=tau0), timing=Timing(max_step=step))
    sample = bench.nominal(set_voltage=1.0)
    if fine:
        assert bench.deck(sample).max_step == step
        return
    with pytest.raises(ParameterError, match="steps are too long") as caught:
        bench.deck(sample)
    assert caught.value.where == "timing.max_step" and f"{tau0 / 5:.4g} s" in caught.value.remedy


@pytest.mark.parametrize(("rail", "supply", "words"), [(1.33, None, ["1.33 V", "1.32 V", "1.1 V"]), (0.0, None, ["0 V", "1.32 V"]), (1.0, 0.8, ["1 V", "0.96 V"]), (1.0, 0.0, ["supply", "> 0"]), (1.0, -1.1, ["supply"])])
def test_rails_out_of_range_name_value_and_limit(rail: float, supply: float | None, words: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        BENCH.deck(replace(BENCH.nominal(set_voltage=rail), supply=supply))
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert caught.value.value in (rail, supply)


def test_the_highest_rail_is_allowed() -> None:
    assert BENCH.deck(BENCH.nominal(set_voltage=1.32)).parameters["set_voltage"] == 1.32
    assert BENCH.deck(replace(BENCH.nominal(set_voltage=0.84), supply=0.7)).parameters["supply"] == 0.7


def test_wrong_cells_are_refused() -> None:
    with pytest.raises(ParameterError, match="cell of the bench is missing"):
        replace(BENCH, netlists={"sot_mtj": BENCH.netlists["sot_mtj"]})
    swapped = replace(BENCH, netlists={**BENCH.netlists, "sense_amp": BENCH.netlists["h_bridge"]})
    with pytest.raises(NetlistError, match="ports") as caught:
        swapped.deck(swapped.nominal(set_voltage=1.0))
    assert "h_bridge.cir" in caught.value.where


def test_a_design_of_another_technology_is_refused() -> None:
    """Sizes of 40 nm would run in any technology, and say nothing of it."""
    other = replace(TECHNOLOGY, name="my65")
    for make in (lambda: replace(BENCH, technology=other), lambda: DropoutModuleBench(technology=other, params=PARAMS, design=BENCH.design)):
        with pytest.raises(ParameterError, match="'cmos40lp', not for 'my65'") as caught:
            make()
        assert BENCH.design.name in caught.value.where and 'technology = "my65"' in caught.value.remedy
    assert DropoutModuleBench(technology=other, params=PARAMS, design=replace(BENCH.design, technology="my65")).deck(BENCH.nominal(set_voltage=1.0)).text


@pytest.mark.parametrize("bench", [DropoutModuleBench, RegulatedModuleBench, TrimmedModuleBench])
def test_the_default_design_is_that_of_driver_and_technology(bench: type[DropoutModuleBench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"module_{bench.driver}_cmos40lp"
    assert bench(technology=TECHNOLOGY, params=PARAMS).design == ModuleDesign.load(name)
    other = replace(TECHNOLOGY, name="my65")
    with pytest.raises(ParameterError, match=f"{bench.driver} driver comes with technology 'my65'") as caught:
        bench(technology=other, params=PARAMS)
    assert caught.value.value == f"module_{bench.driver}_my65" and "design = " in caught.value.remedy
    monkeypatch.setenv("SPINBNN_PATH", str(tmp_path))
    (tmp_path / "device_params").mkdir()
    mine = resources.copy("device", name, tmp_path / "device_params" / f"module_{bench.driver}_my65.toml")
    mine.write_text(mine.read_text().replace('technology = "cmos40lp"', 'technology = "my65"'))
    assert bench(technology=other, params=PARAMS).design.origin == mine.name


def test_a_flow_without_a_design_names_the_flow_where_there_is_none(tmp_path: Path) -> None:
    path = resources.copy("device", "cmos40lp", tmp_path / "my65.toml")
    path.write_text(path.read_text().replace('name = "cmos40lp"', 'name = "my65"'))
    data = {"technology": str(path), "device": "seed_eq23"}
    with pytest.raises(ParameterError, match="no design") as caught:
        DropoutModuleBench.from_flow(data, "mine.toml")
    assert "mine.toml" in caught.value.where
    with pytest.raises(ParameterError, match="sized for technology 'cmos40lp', not for 'my65'") as caught:
        DropoutModuleBench.from_flow(data | {"design": "module_voltage_cmos40lp"}, "mine.toml")
    assert "mine.toml" in caught.value.where


def test_device_numbers_are_made_once_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deck and measures ask for the same numbers; another temperature, device or bench has its own."""
    bench, calls = DropoutModuleBench(technology=TECHNOLOGY, params=PARAMS), []
    make = DropoutModuleBench._make_numbers
    monkeypatch.setattr(DropoutModuleBench, "_make_numbers", lambda self, sample: calls.append(sample) or make(self, sample))
    sample = bench.nominal(set_voltage=1.0)
    first = bench._device_numbers(sample)
    bench.deck(sample)
    assert len(calls) == 1 and bench._device_numbers(replace(sample, set_voltage=0.9, corner="ss")) == first and len(calls) == 1
    others = [replace(sample, temperature=400.0), replace(sample, device={**sample.device, "thermal.delta": 41.0})]
    assert len({tuple(bench._device_numbers(s).values()) for s in [sample, *others]}) == 3 and len(calls) == 3
    assert replace(bench, params=PARAMS.with_values(spin_hall__critical_current=4e-4))._device_numbers(replace(sample, device={}))["ic0"] == 4e-4
    first["rtrack"] = 0.0
    assert bench._device_numbers(sample)["rtrack"] > 0, "what is handed out is a copy"
    assert bench == DropoutModuleBench(technology=TECHNOLOGY, params=PARAMS)
    monkeypatch.setattr(dropout_bench, "KEPT_NUMBERS", 2)
    for kelvin in (310.0, 320.0, 330.0):
        bench._device_numbers(replace(sample, temperature=kelvin))
        assert len(bench._numbers) <= 2


def test_a_bench_travels_without_what_it_remembers() -> None:
    bench = DropoutModuleBench(technology=TECHNOLOGY, params=PARAMS)
    sample = bench.nominal(set_voltage=1.0)
    numbers = bench._device_numbers(sample)
    again = pickle.loads(pickle.dumps(bench))
    assert len(bench._numbers) == 1 and len(again._numbers) == 0
    assert again._device_numbers(sample) == numbers and again.identity() == bench.identity()


def test_threads_share_what_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dropout_bench, "KEPT_NUMBERS", 3)
    bench = DropoutModuleBench(technology=TECHNOLOGY, params=PARAMS)
    sample = bench.nominal(set_voltage=1.0)
    kelvins = [300.0 + k % 7 for k in range(200)]
    wanted = {kelvin: bench._make_numbers(replace(sample, temperature=kelvin)) for kelvin in set(kelvins)}
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda kelvin: bench._device_numbers(replace(sample, temperature=kelvin)), kelvins))
    assert found == [wanted[kelvin] for kelvin in kelvins]
