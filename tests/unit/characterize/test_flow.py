"""Flow files: every wrong key names file and key; the hash follows all that fixes the numbers and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from spinbnn import provenance, resources
from spinbnn.characterize import Flow
from spinbnn.characterize.grid import read_axis
from spinbnn.circuit.dropout_bench import Timing
from spinbnn.errors import DataError, ParameterError, SpinbnnError

Load = Callable[..., Flow]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('bench = "dropout_module"', 'bench = "dropout_modul"', ["bench", "did you mean 'dropout_module'"]),
        ('bench = "dropout_module"', 'bench = ["x"]', ["key 'bench'", "text is needed"]),
        ('device = "seed_eq23"', "device = 5", ["key 'device'", "text is needed"]),
        ('device = "seed_eq23"', 'device = "seed_eq24"', ["key 'device'", "did you mean 'seed_eq23'"]),
        ('technology = "cmos40lp"', "technology = 7", ["key 'technology'", "text is needed"]),
        ('technology = "cmos40lp"', 'technology = "cmos"', ["key 'technology'", "no device of this name", "cmos40lp"]),
        ('technology = "cmos40lp"', 'technology = "seed_eq23"', ["key 'technology'", "seed_eq23.toml"]),
        ('name = "small"', "name = 3", ["key 'name'", "text is needed"]),
        ('name = "small"', 'name = "../small"', ["key 'name'", "../small"]),
        ('name = "small"', 'description = "no name"', ["a key is missing", "'name'"]),
        ("seed = 5", 'seed = 5\nmeasures = ["p_dorp"]', ["measure", "p_dorp", "did you mean 'p_drop'"]),
        ("seed = 5", "seed = 5\nmeasures = 5", ["key 'measures'", "list of names"]),
        ("seed = 5", 'seed = 5\nmeasures = "p_drop"', ["key 'measures'", "list of names"]),
        ("seed = 5", 'seed = 5\nmeasures = ["p_drop", "p_drop"]', ["key 'measures'", "each once"]),
        ("seed = 5", 'seed = 5\nbarrier = ["exact"]', ["key 'barrier'"]),
        ("seed = 5", "seed = 5\ntiming = 5", ["timing", "TOML table"]),
        ("seed = 5", "seed = -5", ["key 'seed'", "-5"]),
        ("seed = 5", "seed = true", ["key 'seed'", "True"]),
        ('"0.9 V"', '"0.9 A"', ["axes.set_voltage", "0.9 A"]),
        ('"0.9 V"', "0.9", ["unit is missing"]),
        ('"0.9 V"', '"1.0 V"', ["axes.set_voltage", "repeats a value"]),
        ('"1.1 V"', '"1.5 V"', ["axes (set_voltage = 1.5", "SET rail", "1.32"]),
        ('set_voltage = { values = ["0.9 V", "1.0 V", "1.1 V"] }', "set_voltage = [1, 2]", ["axes.set_voltage", "TOML table"]),
        ('set_voltage = { values = ["0.9 V", "1.0 V", "1.1 V"] }', "set_voltage = { count = 2 }", ["axes.set_voltage", "count"]),
        ('set_voltage = { values = ["0.9 V", "1.0 V", "1.1 V"] }', "", ["'set_voltage' is missing"]),
        ("draw = { count = 4 }", "draw = { count = 0 }", ["axes.draw", "whole number"]),
        ("draw = { count = 4 }", "drow = { count = 4 }", ["drow", "did you mean 'draw'"]),
        ("draw = { count = 4 }", 'corner = { values = ["tt", "sss"] }', ["axes.corner", "sss", "did you mean 'ss'"]),
        ("draw = { count = 4 }", 'corner = { start = "1 V", stop = "2 V", points = 2 }', ["axes.corner", "takes values"]),
        ("draw = { count = 4 }", 'temperature = { values = ["25 degC", "900 degC"] }', ["axes (set_voltage", "temperature = 1173.15", "Curie"]),
        ("draw = { count = 4 }", 'temperature = { values = ["0 K"] }', ["axes.temperature", "> 0 K"]),
        ("[limits.p_reset_fail]", "[limits.p_reset]", ["p_reset", "did you mean"]),
        ("[limits.p_reset_fail]\nmaximum = 0.02", "[limits]\np_reset_fail = 3", ["limits.p_reset_fail", "TOML table"]),
        ("maximum = 0.02", 'maximum = "0.02 V"', ["limits.p_reset_fail"]),
        ("maximum = 0.02", "maximum = 0.02\nminimum = 0.5", ["limits.p_reset_fail", "minimum <= maximum"]),
        ("seed = 5", 'seed = 5\nmeasures = ["p_drop"]', ["limits.p_reset_fail", "does not take"]),
        ('schema = "spinbnn.flow/1"', "", ["schema"]),
        ("[variation]", "[varation]", ["varation", "did you mean"]),
        ("[variation]", 'measures = ["p_dorp"]\n[variation]', ["axes"]),
        ("device = true", "device = 1", ["variation.device", "true or false"]),
        ("mismatch = true", 'mismatch = "false"', ["variation.mismatch", "true or false"]),
        ("mismatch = true", 'die = "two"', ["variation.die", "'two'"]),
        ("mismatch = true", "die = 1.5", ["variation.die", "1.5"]),
        ("mismatch = true", "die = true", ["variation.die", "True"]),
        ("mismatch = true", "die = -1", ["variation.die", "-1"]),
        ("[axes]", "[timing]\nreset = '5 nm'\n[axes]", ["timing.reset", "5 nm"]),
        ("[axes]", "[timing]\nreset = '0.05 ns'\n[axes]", ["too short"]),
        ("[axes]", "[timing]\nreset = 5\n[axes]", ["timing.reset"]),
    ],
)
def test_bad_flows_name_file_key_value_and_remedy(load: Load, old: str, new: str, words: list[str]) -> None:
    with pytest.raises(SpinbnnError) as caught:
        load(old, new)
    message = str(caught.value)
    assert "small.toml" in caught.value.where, message
    assert "remedy" in message and all(word in message for word in words), message


@pytest.mark.parametrize("key", ["variation", "limits", "axes"])
@pytest.mark.parametrize("value", [True, 3, [1], "x"])
def test_a_value_where_a_table_belongs(text: str, key: str, value: object) -> None:
    import tomllib

    with pytest.raises(ParameterError, match="TOML table") as caught:
        Flow.from_dict({**tomllib.loads(text), key: value}, where="mine.toml")
    assert "mine.toml" in caught.value.where and key in caught.value.where


def test_die_false_is_no_spread_between_dies(load: Load) -> None:
    assert load("mismatch = true", "die = false").die is None
    assert load("mismatch = true", "die = 0").die == 0
    assert load().die is None


def test_malformed_toml_names_the_line(load: Load) -> None:
    with pytest.raises(DataError, match="line"):
        load(more="\nx = ")


def test_a_cell_without_a_port_is_found_at_load(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine" / "netlists" / "cells"
    folder.mkdir(parents=True)
    source = resources.find("cell", "sense_amp").read_text()
    assert ".subckt sense_amp inp inn " in source
    (folder / "sense_amp.cir").write_text(source.replace(".subckt sense_amp inp inn ", ".subckt sense_amp inp "))
    monkeypatch.setenv("SPINBNN_PATH", str(tmp_path / "mine"))
    with pytest.raises(SpinbnnError, match="ports") as caught:
        load()
    assert "small.toml" in caught.value.where


def test_draws_are_tried_at_load(load: Load, tmp_path: Path) -> None:
    """Nominal delta at the end of its range: the draws above it, about half, are out of range."""
    mine = tmp_path / "mine.toml"
    mine.write_text(resources.find("device", "seed_eq23").read_text().replace("delta = { value = 40,", "delta = { value = 500,"))
    found: dict[int, set[int]] = {1: set(), 4: set()}
    messages: list[str] = []
    for draws, bad in found.items():
        for seed in range(8):
            try:
                load('"seed_eq23"', f'"{mine}"', "seed = 5", f"seed = {seed}", "count = 4", f"count = {draws}")
            except ParameterError as error:
                bad.add(seed)
                messages.append(str(error))
    assert all(word in message for word in ("small.toml, variation", "mine.toml", "thermal.delta", "500") for message in messages), messages
    assert 0 < len(found[1]) < 8, "the first draw alone"
    assert found[1] < found[4], "every draw of the axis"
    load('"seed_eq23"', f'"{mine}"', "device = true", "device = false")


def test_the_first_draw_is_tried_at_every_end(load: Load, tmp_path: Path) -> None:
    """A Curie temperature with a spread: some first draws are not magnetic at the hottest point of the axis."""
    mine = tmp_path / "mine.toml"
    source = resources.find("device", "seed_eq23").read_text()
    assert source.count("curie_temperature = { ") == 1
    mine.write_text(source.replace("curie_temperature = { ", 'curie_temperature = { sigma = "20 %", '))
    messages = []
    for seed in range(8):
        try:
            load('"seed_eq23"', f'"{mine}"', "seed = 5", f"seed = {seed}", "draw = { count = 4 }", 'temperature = { values = ["300 K", "1000 K"] }')
        except ParameterError as error:
            messages.append(str(error))
    assert 0 < len(messages) < 8
    assert all("small.toml, axes (set_voltage = 0.9, temperature = 1000.0; draw 0)" in m and "Curie" in m for m in messages), messages


def test_new_axes_are_checked_too(load: Load) -> None:
    flow = load()
    for bad, words in (
        ({"set_voltage": {"values": ["1.5 V"]}}, "SET rail"),
        ({"draw": {"values": ["1"]}}, "takes a count"),
        ({"drow": {"count": 3}}, "did you mean 'draw'"),
    ):
        with pytest.raises(ParameterError, match=words) as caught:
            flow.with_axes(**bad)
        assert "small.toml" in caught.value.where
    assert flow.with_axes(draw={"count": 2}).grid.shape == (3, 2)


def test_axes() -> None:
    assert read_axis("v", {"start": "1 mV", "stop": "1 V", "points": 4, "scale": "log"}, "V", "", where="f").values == pytest.approx((1e-3, 1e-2, 1e-1, 1.0))
    for bad in ({"start": "1 V"}, {"values": []}, {"values": ["1 V", "1 V"]}, {"start": "2 V", "stop": "1 V", "points": 3}, {"start": "0 V", "stop": "1 V", "points": 3, "scale": "log"}, []):
        with pytest.raises(ParameterError):
            read_axis("v", bad, "V", "", where="f")


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param(("seed = 5", "seed = 6"), id="seed"),
        pytest.param(('"0.9 V"', '"0.91 V"'), id="axis value"),
        pytest.param(("count = 4", "count = 5"), id="draws"),
        pytest.param(("draw = {", 'corner = { values = ["tt"] }\ndraw = {'), id="axis"),
        pytest.param(("device = true", "device = false"), id="variation.device"),
        pytest.param(("mismatch = true", "mismatch = false"), id="variation.mismatch"),
        pytest.param(("mismatch = true", "mismatch = true\ndie = 0"), id="variation.die on"),
        pytest.param(("seed = 5", 'seed = 5\nmeasures = ["p_drop", "p_reset_fail"]'), id="measures"),
        pytest.param(("seed = 5", 'seed = 5\nbarrier = "seed"'), id="barrier"),
        *[pytest.param(("[axes]", f"[timing]\n{name} = '{1.25e9 * value} ns'\n[axes]"), id=f"timing.{name}") for name, value in Timing().seconds().items()],
    ],
)
def test_hash_follows_every_key_that_fixes_the_numbers(load: Load, edits: tuple[str, str]) -> None:
    assert load().content_hash != load(*edits).content_hash


def test_hash_tells_dies_apart(load: Load) -> None:
    one, two = (load("mismatch = true", f"mismatch = true\ndie = {k}") for k in (0, 1))
    assert one.content_hash != two.content_hash


@pytest.mark.parametrize(("name", "old", "new"), [("seed_eq23", "value = 40,", "value = 41,"), ("seed_eq23", '"7.7 %"', '"7.8 %"'), ("cmos40lp", '"1.1 V"', '"1.05 V"')])
def test_hash_follows_the_numbers_of_device_and_technology_and_not_their_names(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str) -> None:
    source = resources.find("device", name).read_text()
    monkeypatch.setenv("SPINBNN_PATH", str(tmp_path / "more"))  # the same design for the technology of the other name
    design = resources.copy("device", "module_voltage_cmos40lp", tmp_path / "more" / "device_params" / "module_voltage_renamed.toml")
    design.write_text(design.read_text().replace('technology = "cmos40lp"', 'technology = "renamed"'))
    assert old in source
    base, mine = load(), tmp_path / "mine.toml"
    mine.write_text(source.replace(f'name = "{name}"', 'name = "renamed"'))
    renamed = load(f'"{name}"', f'"{mine}"')
    assert "renamed" in (renamed.bench.params.name, renamed.bench.technology.name)
    assert renamed.content_hash == base.content_hash
    assert [s.device for s in renamed.samples()] == [s.device for s in base.samples()], "a name is no seed"
    assert [renamed.bench.deck(s).text for s in renamed.samples()] == [base.bench.deck(s).text for s in base.samples()]
    mine.write_text(source.replace(old, new, 1))
    assert load(f'"{name}"', f'"{mine}"').content_hash != base.content_hash


@pytest.mark.parametrize("kind", ["cell", "model"])
def test_hash_follows_cells_and_models(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    base = load().content_hash
    source = resources.find(kind, {"cell": "sot_mtj", "model": "cmos40lp"}[kind])
    copy = tmp_path / "mine" / "netlists" / f"{kind}s" / source.name
    copy.parent.mkdir(parents=True)
    copy.write_text(source.read_text())
    monkeypatch.setenv("SPINBNN_PATH", str(tmp_path / "mine"))
    assert load().content_hash == base, "the place of a file has no part in the hash"
    copy.write_text(source.read_text() + "\n* changed\n")
    assert load().content_hash != base


def test_hash_follows_the_code(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = load()
    base, rooms = flow.content_hash, []
    monkeypatch.setattr(provenance, "source_hash", lambda *names: rooms.extend(names) or "changed")
    assert flow.content_hash != base
    assert {"device/switching", "device/variation", "circuit/dropout_bench.py", "circuit/simulator/session.py", "rng.py", "units.py"} <= set(rooms)


def test_hash_does_not_follow_words(load: Load) -> None:
    base = load().content_hash
    assert base == load('name = "small"', 'name = "other"\ndescription = "words"').content_hash
    assert base == load("maximum = 0.02", "maximum = 0.03").content_hash


def test_same_draw_at_every_coordinate_and_no_change_by_more_draws(load: Load) -> None:
    one, more = load(), load("count = 4", "count = 9")
    samples, others = list(one.samples()), list(more.samples())
    for v in range(3):
        for k in range(4):
            assert samples[4 * v + k].device == samples[k].device == others[9 * v + k].device
            assert samples[4 * v + k].mismatch == others[9 * v + k].mismatch == (5, k)
    decks = [one.bench.deck(s).text for s in (samples[0], samples[1])]
    assert decks[0] != decks[1]
    assert one.bench.deck(samples[2]).text == more.bench.deck(others[2]).text


def test_switches_of_the_variation_reach_the_samples(load: Load) -> None:
    nominal = {k: q.value for k, q in load().bench.params.quantities.items()}
    off = list(load("device = true", "device = false", "mismatch = true", "mismatch = false").samples())
    assert all(dict(s.device) == nominal and s.mismatch is None for s in off)
    assert all(dict(s.device) != nominal for s in load().samples())


def test_a_die_shifts_all_samples_of_a_flow(load: Load, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    source = resources.find("device", "seed_eq23").read_text()
    mine.write_text(source.replace('sigma = "4 %", source = "assumed", note = "spread: CV(Hk)', 'sigma = "4 %", sigma_global = "10 %", source = "assumed", note = "spread: CV(Hk)'))
    key = "spin_hall.critical_current"
    none, first = (load('"seed_eq23"', f'"{mine}"', "mismatch = true", f"die = {die}") for die in ("false", "0"))
    ratio = [b.device[key] / a.device[key] for a, b in zip(none.samples(), first.samples(), strict=True)]
    assert ratio == pytest.approx([ratio[0]] * 12, rel=1e-12) and abs(ratio[0] - 1) > 1e-3


def test_flow_is_frozen(load: Load) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load().seed = 3  # type: ignore[misc]
