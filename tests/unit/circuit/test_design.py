"""Designs of the dropout module: what a file may hold, what fixes the numbers, what is refused."""

from __future__ import annotations

import itertools
import json
import math
import tomllib
from dataclasses import replace
from typing import Any

import pytest

from spinbnn import resources
from spinbnn.circuit.design import ModuleDesign
from spinbnn.errors import NetlistError, ParameterError, UnitError

NAMES = ["module_voltage_cmos40lp", "module_driven_cmos40lp", "module_regulated_cmos40lp", "module_trimmed_cmos40lp"]


def parsed(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.find("device", name).read_text())


@pytest.mark.parametrize("name", [*NAMES, "module_voltage_sky130", "module_regulated_sky130"])
def test_designs_load_and_every_number_has_a_source(name: str) -> None:
    design, data = ModuleDesign.load(name), parsed(name)
    assert design.name == name == design.origin.removesuffix(".toml")
    for section in ("bridge", "read", "sense", "mirror", "bias"):
        for key, entry in data.get(section, {}).items():
            if key not in ("cell", "reference"):
                assert entry["source"], (section, key)
    assert json.loads(json.dumps(design.identity(), allow_nan=False)) == design.identity()
    assert "bridge.cw" in design.assumed and "bridge.wp1" not in design.assumed


def test_the_amplitude_follows_the_driver() -> None:
    found = {name: (ModuleDesign.load(name).amplitude, ModuleDesign.load(name).codes) for name in NAMES}
    assert found == {NAMES[0]: ("set_voltage", 0), NAMES[1]: ("set_voltage", 0), NAMES[2]: ("set_current", 0), NAMES[3]: ("code", 64)}


def test_bits_are_binary_weighted_and_the_replica_has_the_ratio_of_the_mirror() -> None:
    design = ModuleDesign.load("module_trimmed_cmos40lp")
    weights = [width / length for width, length in design.dac]
    assert [b / a for a, b in itertools.pairwise(weights)] == pytest.approx([2.0] * 5)
    regulated = ModuleDesign.load("module_regulated_cmos40lp")
    for each in (design, regulated):
        assert each.bias["wm"] * each.bias["ratio"] == pytest.approx(regulated.mirror["w"], rel=1e-9, abs=0)
        assert each.bias["wc"] * each.bias["ratio"] == pytest.approx(each.bridge["wp1"], rel=1e-9, abs=0)
    # the step is at most a seventh of what moves p by 10 points: dp/dlnI is near 8.5
    assert weights[0] / (design.mirror["w"] / design.mirror["l"] + sum(weights) / 2) < 0.01


def test_identity_follows_every_number_and_no_name() -> None:
    design = ModuleDesign.load("module_trimmed_cmos40lp")
    renamed = replace(design, name="x", technology="y", description="z", origin="w", assumed=())
    assert renamed.identity() == design.identity() and renamed.content_hash == design.content_hash
    others = [replace(design, **{section: {**getattr(design, section), key: 2 * value}}) for section in ("bridge", "read", "sense", "mirror", "bias") for key, value in getattr(design, section).items()]
    others += [replace(design, gates={**design.gates, gate: {**sizes, "wn2": 9e-6}}) for gate, sizes in design.gates.items()]
    others += [replace(design, dac=design.dac[:-1]), replace(design, dac_switch=1e-6), replace(design, reference_current=1e-6), replace(design, sense_offset=0.1)]
    hashes = [each.content_hash for each in [design, *others]]
    assert len(set(hashes)) == len(hashes) > 30


@pytest.mark.parametrize(
    ("section", "key", "value", "error", "words"),
    [
        (None, "schema", "spinbnn.device/1", ParameterError, ["not a design", "spinbnn.design/1"]),
        (None, "driver", "current", ParameterError, ["driver", "current"]),
        (None, "colour", "red", ParameterError, ["unknown key", "colour"]),
        (None, "name", 3, ParameterError, ["'name'", "3"]),
        ("bridge", "wp1", {"value": "1 V", "source": "x"}, UnitError, ["bridge.wp1"]),
        ("bridge", "wp1", {"value": "1 um"}, ParameterError, ["value and a source", "bridge.wp1"]),
        ("bridge", "wp1", {"value": "-1 um", "source": "x"}, ParameterError, ["bridge.wp1", "> 0"]),
        ("bridge", "wp9", {"value": "1 um", "source": "x"}, NetlistError, ["dropout_module", "wp9"]),
        ("bridge", "delta", {"value": 1, "source": "x"}, NetlistError, ["no such size", "delta"]),
        ("sense", "cell", "sense", ParameterError, ["sense amplifier", "sense.cell"]),
        ("sense", "offset", {"value": "-1 mV", "source": "x"}, ParameterError, ["sense.offset"]),
        ("gates", "gx1", {}, ParameterError, ["unknown gate", "gx1"]),
        ("dac", "bits", [{"w": "1 um"}], ParameterError, ["dac.bits"]),
        ("dac", "lg", {"value": "1 um", "source": "x"}, ParameterError, ["dac", "lg"]),
        ("bias", "ratio", {"value": 0, "source": "x"}, ParameterError, ["bias.ratio"]),
    ],
)
def test_bad_files_are_named(section: str | None, key: str, value: Any, error: type[Exception], words: list[str]) -> None:
    data = parsed("module_trimmed_cmos40lp")
    (data if section is None else data[section])[key] = value
    with pytest.raises(error) as caught:
        ModuleDesign.from_dict(data, where="mine.toml")
    assert all(word in str(caught.value) for word in ["mine.toml", *words]), str(caught.value)


@pytest.mark.parametrize(("name", "section", "word"), [("module_regulated_cmos40lp", "mirror", "mirror"), ("module_trimmed_cmos40lp", "dac", "dac"), ("module_regulated_cmos40lp", "bias", "bias"), ("module_voltage_cmos40lp", "bridge", "bridge")])
def test_sections_belong_to_their_driver(name: str, section: str, word: str) -> None:
    data = parsed(name)
    del data[section]
    with pytest.raises(ParameterError, match=word):
        ModuleDesign.from_dict(data)
    voltage = parsed("module_voltage_cmos40lp")
    if section != "bridge":
        voltage[section] = parsed(name)[section]
        with pytest.raises(ParameterError, match=word):
            ModuleDesign.from_dict(voltage)


def test_a_design_is_named_by_a_text() -> None:
    with pytest.raises(ParameterError, match="named by a text"):
        ModuleDesign.load(3)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="not a design"):
        ModuleDesign.load("cmos40lp")


@pytest.mark.parametrize("offset", [math.nan, math.inf, -1e-3])
def test_an_offset_that_is_no_number_is_refused(offset: float) -> None:
    with pytest.raises(ParameterError, match="finite and >= 0"):
        replace(ModuleDesign.load("module_voltage_cmos40lp"), sense_offset=offset)


def test_a_missing_offset_is_not_taken_for_a_perfect_latch() -> None:
    data = parsed("module_voltage_cmos40lp")
    del data["sense"]["offset"]
    with pytest.raises(ParameterError, match="offset is missing"):
        ModuleDesign.from_dict(data, where="mine.toml")
