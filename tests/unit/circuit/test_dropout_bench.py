"""The dropout bench without a simulator: what its decks hold, what its identity follows, what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spinbnn import resources
from spinbnn.circuit import Cell, DropoutModuleBench, Technology, Timing, dropout_bench
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
    renamed = replace(BENCH, technology=replace(TECHNOLOGY, name="other", description="other"))
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
    swapped = replace(BENCH, netlists={**BENCH.netlists, "sense_amp": BENCH.netlists["read_divider"]})
    with pytest.raises(NetlistError, match="ports") as caught:
        swapped.deck(swapped.nominal(set_voltage=1.0))
    assert "read_divider.cir" in caught.value.where
