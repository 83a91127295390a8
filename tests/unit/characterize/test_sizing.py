"""Sizing: its arithmetic, its refusals and the design file; the sizes themselves are checked with ngspice."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from spinbnn.characterize.sizing import size_module, template_of
from spinbnn.characterize.sizing_rules import (
    dac_segments,
    design_text,
    gates_for,
    on_grid,
    root,
    scaled_mirror,
)
from spinbnn.circuit import Technology, Timing
from spinbnn.circuit.design import ModuleDesign
from spinbnn.device import DeviceParams
from spinbnn.errors import ParameterError


def test_widths_are_rounded_up_to_the_grid() -> None:
    assert [on_grid(x) for x in (0.451e-6, 0.46e-6, 0.460000000001e-6, 12e-6)] == [0.46e-6, 0.46e-6, 0.46e-6, 12e-6]


def test_segments_double_and_none_is_narrower_than_allowed() -> None:
    segments = dac_segments(24e-6, 600e-9, 0.42e-6, 6, 0.0074)
    ratios = [w / length for w, length in segments]
    assert ratios == pytest.approx([24e-6 * 0.0074 * 2**k / 600e-9 for k in range(6)], rel=2e-3, abs=0)
    assert all(w >= 0.42e-6 for w, _ in segments) and [length > 600e-9 for _, length in segments] == [True, True, False, False, False, False]


def test_a_wider_mirror_keeps_ratio_and_lengths() -> None:
    before = ModuleDesign.load("module_trimmed_cmos40lp")
    after = scaled_mirror(before, 1.5)
    assert after.mirror["w"] == pytest.approx(9e-6, rel=1e-9, abs=0) and after.mirror["l"] == before.mirror["l"]
    assert after.bias["wm"] / before.bias["wm"] == pytest.approx(1.5, rel=1e-9) and after.bias["ratio"] == before.bias["ratio"]
    assert after.bridge["wp1"] == pytest.approx(9e-6, rel=1e-9, abs=0) and after.bridge["wp2"] == before.bridge["wp2"]
    assert [a[1] for a in after.dac] == [b[1] for b in before.dac] and after.dac[-1][0] == pytest.approx(2.88e-6, rel=1e-9, abs=0)


def test_gate_drivers_follow_the_transistor_behind_them() -> None:
    before = ModuleDesign.load("module_trimmed_cmos40lp")
    after = gates_for(before, replace(before, bridge={**before.bridge, "wn1": 3.2e-6, "wp2": 0.16e-6}), 0.12e-6)
    assert after["gn1"]["wp2"] == pytest.approx(2.4e-6, rel=1e-9, abs=0) and after["enb"] == before.gates["enb"]
    assert min(after["gp2"].values()) == 0.12e-6


def test_root_finds_rising_and_falling_and_refuses_none() -> None:
    for sign in (1.0, -1.0):
        assert root(lambda x, s=sign: s * (x - 0.3), 0.0, 1.0, tolerance=1e-6, what="x") == pytest.approx(0.3, rel=1e-5)
    with pytest.raises(ParameterError, match="the SET amplitude is not found"):
        root(lambda x: x + 1.0, 0.0, 1.0, tolerance=1e-6, what="the SET amplitude")


def test_the_design_file_is_read_back_as_it_was(tmp_path: Path) -> None:
    for name in ("module_voltage_cmos40lp", "module_driven_cmos40lp", "module_regulated_cmos40lp", "module_trimmed_cmos40lp"):
        design = ModuleDesign.load(name)
        text = design_text(design, {"bridge.wp1": "sized: because", "dac": "sized: steps"}, design, description="d", command="spinbnn size x y")
        (tmp_path / "again.toml").write_text(text)
        again = ModuleDesign.load(tmp_path / "again.toml")
        assert again.content_hash == design.content_hash
        assert set(again.assumed) == set(design.assumed), "what was assumed stays assumed"
        assert tomllib.loads(text)["bridge"]["wp1"]["source"] == "sized: because" and text.startswith("# spinbnn size x y\n")


def test_bad_input_is_refused_before_anything_is_simulated() -> None:
    technology, params = Technology.load("cmos40lp"), DeviceParams.load("seed_eq23")

    class Never:
        def run(self, decks: object) -> object:
            raise AssertionError("simulated")

    def size(**more: object) -> object:
        return size_module(technology, params, simulator=Never(), **more)  # type: ignore[arg-type]

    with pytest.raises(ParameterError, match="unknown driver"):
        size(driver="magic")
    with pytest.raises(ParameterError, match="between 0 and 1"):
        size(target=1.0)
    with pytest.raises(ParameterError, match="RESET cannot fail in less than") as caught:
        size(timing=Timing(reset=2e-9))
    assert "lengthen RESET" in str(caught.value)
    with pytest.raises(ParameterError, match="no mirror"):
        size(driver="regulated", template=ModuleDesign.load("module_voltage_cmos40lp"))
    with pytest.raises(ParameterError, match="headroom for RESET"):
        size_module(replace(technology, supply=0.25), params, simulator=Never())  # type: ignore[arg-type]


def test_templates_fall_back_from_trimmed_to_regulated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert template_of("trimmed", "cmos40lp").driver == "trimmed"
    load = ModuleDesign.load
    monkeypatch.setattr(ModuleDesign, "load", classmethod(lambda cls, name: load("no_such_design" if "trimmed" in str(name) else name)))
    assert template_of("trimmed", "cmos40lp").driver == "regulated"
    with pytest.raises(ParameterError, match="no design to start from"):
        template_of("voltage", "my65")
