"""The temperature law of the reference current, and the SET leg on its own, as text; ngspice has its say in tests/spice."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from spinbnn.circuit import Technology
from spinbnn.circuit.cell import Cell
from spinbnn.circuit.design import ModuleDesign
from spinbnn.circuit.dropout_bench import DropoutModuleBench
from spinbnn.circuit.dropout_variants import RegulatedModuleBench, TrimmedModuleBench
from spinbnn.circuit.set_leg import set_leg_lines
from spinbnn.device import DeviceParams
from spinbnn.errors import ParameterError

TECHNOLOGY, PARAMS = Technology.load("cmos40lp"), DeviceParams.load("seed_eq23")
REGULATED = RegulatedModuleBench(technology=TECHNOLOGY, params=PARAMS)
TRIMMED = TrimmedModuleBench(technology=TECHNOLOGY, params=PARAMS)
MIRRORED = ("module_regulated_cmos40lp", "module_trimmed_cmos40lp", "module_sized_cmos40lp", "module_regulated_sky130", "module_trimmed_sky130")


def with_slope(bench: DropoutModuleBench, slope: float) -> DropoutModuleBench:
    return replace(bench, design=replace(bench.design, bias={**bench.design.bias, "slope": slope}))


def reference(text: str) -> float:
    """Largest current of the source that draws the reference current."""
    (line,) = (line for line in text.splitlines() if line.startswith("Iref "))
    return max(float(x) for x in re.findall(r"[-+0-9.e]+", line.split("PWL(")[1]) if abs(float(x)) > 1e-6)


@pytest.mark.parametrize(("bench", "amplitude", "nominal"), [(REGULATED, {"set_current": 200e-6}, 25e-6), (TRIMMED, {"code": 9}, TRIMMED.design.reference_current / 8)])
def test_the_reference_falls_with_the_temperature_about_300_kelvin(bench: DropoutModuleBench, amplitude: dict[str, float], nominal: float) -> None:
    sloped = with_slope(bench, -2e-3)
    for kelvin, factor in ((300.0, 1.0), (233.15, 1.1337), (400.0, 0.8)):
        assert reference(sloped.deck(sloped.nominal(temperature=kelvin, **amplitude)).text) == pytest.approx(nominal * factor, rel=1e-9, abs=0)
    assert reference(with_slope(bench, 0.0).deck(bench.nominal(temperature=400.0, **amplitude)).text) == pytest.approx(nominal, rel=1e-12, abs=0)


def test_a_design_without_a_slope_has_a_constant_reference() -> None:
    flat = replace(REGULATED.design, bias={k: v for k, v in REGULATED.design.bias.items() if k != "slope"})
    assert flat.current_factor(233.15) == flat.current_factor(398.15) == 1.0
    assert flat.content_hash != REGULATED.design.content_hash, "the slope fixes numbers"


def test_the_slope_is_no_parameter_of_the_bias_cell() -> None:
    (line,) = (line for line in with_slope(TRIMMED, -2e-3).deck(TRIMMED.nominal(code=9)).text.splitlines() if line.startswith("Xb bias"))
    assert "slope" not in line and "wm=" in line and "ratio" not in line


def test_a_reference_that_would_turn_negative_is_refused() -> None:
    steep = with_slope(REGULATED, -0.011)
    with pytest.raises(ParameterError, match="not positive at this temperature") as caught:
        steep.deck(steep.nominal(temperature=398.15, set_current=2e-4))
    assert "bias.slope" in caught.value.where
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ParameterError, match=r"finite and > 0"):
            with_slope(REGULATED, bad)
    with pytest.raises(ParameterError, match=r"bias.wm|finite and > 0"):
        replace(REGULATED.design, bias={**REGULATED.design.bias, "wm": -1e-6})


@pytest.mark.parametrize("name", MIRRORED)
def test_every_mirrored_design_has_a_slope_with_its_command(name: str) -> None:
    design = ModuleDesign.load(name)
    assert -3e-3 < design.bias["slope"] < -2e-3 and "bias.slope" not in design.assumed


def test_the_leg_has_the_bits_of_the_code_and_no_gates_that_move() -> None:
    cells = {name: Cell.load(name) for name in ("set_bias", "set_mirror", "trim_bit")}
    seen: list[tuple[str, str | None]] = []

    def shift(polarity: str, width: float, name: str | None, length: float | None) -> tuple[float, float]:
        seen.append((polarity, name))
        return 0.01, 0.9

    lines = set_leg_lines(TRIMMED.design, cells, shift, code=37, supply=1.1, track=800.0, gate_length=4e-8, temperature=300.0)
    levels = {line.split()[0]: float(line.split()[-1]) for line in lines if re.match(r"Vb\d", line)}
    assert sum(2**k for k in range(6) if levels[f"Vb{k}"] > 0) == 37 and set(levels.values()) == {0.0, 1.1}
    assert next(line for line in lines if line.startswith("Xp1")).startswith("Xp1 la 0 vset vdd pfet") and "PWL" not in "\n".join(lines)
    named = {name for _, name in seen if name}
    assert named == {"p1", "n2", "mirror", *(f"bit{k}" for k in range(6))}, "the names of the cycle: the same draws"
    with pytest.raises(ParameterError, match="not a code"):
        set_leg_lines(TRIMMED.design, cells, shift, code=64, supply=1.1, track=800.0, gate_length=4e-8, temperature=300.0)
    with pytest.raises(ParameterError, match="no DAC"):
        set_leg_lines(REGULATED.design, cells, shift, code=0, supply=1.1, track=800.0, gate_length=4e-8, temperature=300.0)


def flow_of(text: str) -> list[tuple[float, float]]:
    """Points (moment, current) of the reference current."""
    (line,) = (line for line in text.splitlines() if line.startswith("Iref "))
    numbers = [float(x) for x in line.split("PWL(")[1].rstrip(")").split()]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_a_bank_that_wakes_early_holds_its_reference_to_the_end() -> None:
    plain = flow_of(TRIMMED.deck(TRIMMED.nominal(code=9)).text)
    assert plain[-1][1] == 0.0 and plain[1][0] == TRIMMED.timing.reset_at, "without wake: from RESET to the end of SET"
    early = replace(TRIMMED, design=replace(TRIMMED.design, bias={**TRIMMED.design.bias, "wake": 4e-9}))
    assert early.timing.lead == pytest.approx(4.5e-9) and early.identity() != TRIMMED.identity()
    assert replace(early, barrier="seed").timing.lead == early.timing.lead, "the rest is made longer once"
    points = flow_of(early.deck(early.nominal(code=9)).text)
    assert [current for _, current in points] == [0.0, 0.0, plain[2][1]], "it never ends"
    assert points[1][0] == pytest.approx(early.timing.reset_at - 4e-9) and points[1][0] > 0
    assert replace(early, timing=replace(early.timing, lead=9e-9)).timing.lead == 9e-9
