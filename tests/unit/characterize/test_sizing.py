"""Sizing: its arithmetic, its refusals and the design file; the sizes themselves are checked with ngspice."""

from __future__ import annotations

import itertools
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from spinbnn import resources
from spinbnn.characterize.sizing import _CORNERS, _Sizer, size_module, template_of
from spinbnn.characterize.sizing_rules import (
    RULES,
    dac_segments,
    dac_step,
    design_text,
    gates_for,
    grid_of,
    nearest_on_grid,
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


@pytest.mark.parametrize(("width", "length", "least", "grid"), [(11.72e-6, 300e-9, 0.12e-6, 10e-9), (24e-6, 600e-9, 0.42e-6, 5e-9)])
@pytest.mark.parametrize("bits", [5, 7, 8])
def test_segments_are_on_the_grid_and_exact_doubles(width: float, length: float, least: float, grid: float, bits: int) -> None:
    segments = dac_segments(width, length, least, bits, 0.4 / 2**bits, grid)
    for size in (size for segment in segments for size in segment):
        assert size / grid == pytest.approx(round(size / grid), abs=1e-6)
    full = [w for w, own in segments if own == length]
    assert len(full) >= 2 and all(b == pytest.approx(2 * a, rel=1e-9, abs=0) for a, b in itertools.pairwise(full))
    ratios = [w / own for w, own in segments]
    assert all(b == pytest.approx(2 * a, rel=0.02) for a, b in itertools.pairwise(ratios)), "a long segment is rounded by half a step of the grid"
    assert dac_step(segments, width, length) == pytest.approx(ratios[-1] * length / width / 2 ** (bits - 1), rel=5e-3, abs=0)
    assert dac_step(segments, width, length) == pytest.approx(0.4 / 2**bits, rel=0.05, abs=0), "the step that was asked for, but for the grid"


def test_grids_are_those_of_the_technologies() -> None:
    assert (grid_of("cmos40lp"), grid_of("sky130"), grid_of("my65")) == (10e-9, 5e-9, 5e-9)
    assert [nearest_on_grid(x, 5e-9) for x in (304.9e-9, 302e-9, 1e-9)] == [305e-9, 300e-9, 5e-9]


def test_segments_double_and_none_is_narrower_than_allowed() -> None:
    segments = dac_segments(24e-6, 600e-9, 0.42e-6, 6, 0.0074, 5e-9)
    ratios = [w / length for w, length in segments]
    assert ratios == pytest.approx([24e-6 * 0.0074 * 2**k / 600e-9 for k in range(6)], rel=6e-3, abs=0)
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
    designs = sorted(name for name in resources.available("device") if name.startswith("module_"))
    assert len(designs) >= 8
    for name in designs:
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
    for driver, template in (("regulated", "voltage"), ("trimmed", "voltage"), ("voltage", "regulated"), ("voltage", "trimmed")):
        with pytest.raises(ParameterError, match=f"a {driver} driver is not sized from a {template} one"):
            size(driver=driver, template=ModuleDesign.load(f"module_{template}_cmos40lp"))
    with pytest.raises(ParameterError, match="headroom for RESET"):
        size_module(replace(technology, supply=0.25), params, simulator=Never())  # type: ignore[arg-type]


def test_templates_fall_back_from_trimmed_to_regulated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert template_of("trimmed", "cmos40lp").driver == "trimmed"
    load = ModuleDesign.load
    monkeypatch.setattr(ModuleDesign, "load", classmethod(lambda cls, name: load("no_such_design" if "trimmed" in str(name) else name)))
    assert template_of("trimmed", "cmos40lp").driver == "regulated"
    with pytest.raises(ParameterError, match="no design to start from"):
        template_of("voltage", "my65")


# What the loops do when no width will do, with made-up answers of the simulator


def sizer(monkeypatch: pytest.MonkeyPatch, answer: object) -> _Sizer:
    """A sizer whose cycle is a function of the design and the place."""
    technology, params = Technology.load("cmos40lp"), DeviceParams.load("seed_eq23")
    made = _Sizer(technology, params, "voltage", 0.5, Timing(), 300.15, 0.01, ModuleDesign.load("module_driven_cmos40lp"), None)  # type: ignore[arg-type]

    def cycle(samples: list[object], design: ModuleDesign | None = None) -> list[dict[str, float]]:
        return [answer(made.design, sample) for sample in samples]  # type: ignore[operator]

    monkeypatch.setattr(made, "_cycle", cycle)
    return made


def test_reset_looks_at_the_mixed_corners_and_takes_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = {"tt": 1.0, "ss": 0.95, "ff": 1.2, "sf": 0.97, "fs": 0.9}

    def answer(design: ModuleDesign, sample: object) -> dict[str, float]:
        corner = sample.corner  # type: ignore[attr-defined]
        failure = 0.02 if corner == "sf" and sample.temperature > 390 and design.bridge["wn1"] < 2.5e-6 else 0.005  # type: ignore[attr-defined]
        return {"current_reset": 250e-6 * weak[corner] * design.bridge["wp2"] / 1.6e-6, "p_reset_fail": failure}

    made = sizer(monkeypatch, answer)
    made._reset(300e-6)
    assert 1.0 <= 250e-6 * weak["fs"] * made.design.bridge["wp2"] / 1.6e-6 / 300e-6 <= 1.05, "by the slow PMOS, not by ss"
    assert made.design.bridge["wn1"] >= 2.5e-6, "widened for the hot slow NMOS"
    assert any("(fs" in step.why or step.why.startswith("at fs") for step in made.steps)
    assert made.design.gates["gn1"]["wn2"] > made.template.gates["gn1"]["wn2"], "the gate driver has followed"
    assert {place[0] for place in _CORNERS} == {"tt", "ss", "ff", "sf", "fs"} and {place[0] for place in made.cold} == {"ss", "sf", "fs"}


def test_reset_that_no_width_reaches_ends_with_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = sizer(monkeypatch, lambda design, sample: {"current_reset": 200e-6, "p_reset_fail": 0.0})
    with pytest.raises(ParameterError, match="no widths of P2 and N1 give the RESET current of 300 uA") as caught:
        stuck._reset(300e-6)
    assert str(caught.value).count("P2 ") >= 8 and "200 uA" in str(caught.value) and "longer RESET" in caught.value.remedy
    failing = sizer(monkeypatch, lambda design, sample: {"current_reset": 310e-6, "p_reset_fail": 0.05})
    with pytest.raises(ParameterError, match=r"RESET fails in more than 0\.85 %") as caught:
        failing._reset(300e-6)
    assert "N1 1.84 um: 5 %" in str(caught.value), "what was tried"


def test_a_mirror_that_sags_at_every_width_ends_with_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    technology, params = Technology.load("cmos40lp"), DeviceParams.load("seed_eq23")
    made = _Sizer(technology, params, "regulated", 0.5, Timing(), 300.15, 0.01, ModuleDesign.load("module_regulated_cmos40lp"), None)  # type: ignore[arg-type]
    asked: set[str] = set()

    def cycle(samples: list[object], design: ModuleDesign | None = None) -> list[dict[str, float]]:
        assert "slope" not in made.design.bias, "the current at -40 degC is asked for as it stands"
        asked.update(sample.corner for sample in samples)  # type: ignore[attr-defined]
        return [{"current_set": 1e-4 * (0.99 if sample.supply < 1.09 and sample.corner == "fs" else 1.0)} for sample in samples]  # type: ignore[attr-defined]

    monkeypatch.setattr(made, "_cycle", cycle)
    with pytest.raises(ParameterError, match=r"holds the current at the lowest supply to 0\.3 %") as caught:
        made._mirror(2e-4)
    assert "8 um: 1.00 % (fs)" in str(caught.value) and asked == {"ss", "sf", "fs"}


def test_the_dac_covers_the_spread_and_the_lowest_target_at_every_temperature() -> None:
    technology, params = Technology.load("cmos40lp"), DeviceParams.load("seed_eq23")
    made = _Sizer(technology, params, "trimmed", 0.5, Timing(), 300.15, 0.01, ModuleDesign.load("module_regulated_cmos40lp"), None)  # type: ignore[arg-type]
    made._dac(207e-6)
    design, whole = made.design, 8e-6
    low = design.mirror["w"] / whole
    high = low + sum(w / own for w, own in design.dac) * 300e-9 / whole
    needs = [made._needed(k, 0.5, spin_hall__critical_current=f) for k in (233.15, 398.15) for f in (0.88, 1.12)]
    assert low < min(needs) and max(needs) < high and low < 0.8, "three sigma of Ic0"
    assert made._needed(398.15, 0.1) > low * 1.1 and (high - low) / (design.codes - 1) <= RULES["dac_step"] * 1.05
    assert low + made.code * (high - low) / (design.codes - 1) == pytest.approx(1.0, abs=0.5 * RULES["dac_step"])
    steeper = {k: v for k, v in design.bias.items() if k != "slope"}
    made.design = replace(made.template, bias=steeper)
    made._dac(207e-6)
    assert made.design.codes > design.codes, "without the slope the codes have to cover the temperature as well"
