"""Driver variants of the dropout module without a simulator: decks, amplitudes, windows and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spinbnn.circuit import DropoutModuleBench, Technology, Timing
from spinbnn.circuit.design import ModuleDesign
from spinbnn.circuit.dropout_analytic import analytic_simulator
from spinbnn.circuit.dropout_variants import RegulatedModuleBench, TrimmedModuleBench
from spinbnn.circuit.module_netlist import CodeSteps, cell_names, module_lines, pulses, windows
from spinbnn.circuit.netlist import flatten
from spinbnn.circuit.simulator.messages import preflight
from spinbnn.device import DeviceParams
from spinbnn.errors import ParameterError

TECHNOLOGY, PARAMS = Technology.load("cmos40lp"), DeviceParams.load("seed_eq23")
VOLTAGE = DropoutModuleBench(technology=TECHNOLOGY, params=PARAMS)
DRIVEN = DropoutModuleBench(technology=TECHNOLOGY, params=PARAMS, design=ModuleDesign.load("module_driven_cmos40lp"))
REGULATED = RegulatedModuleBench(technology=TECHNOLOGY, params=PARAMS)
TRIMMED = TrimmedModuleBench(technology=TECHNOLOGY, params=PARAMS)
COUNTS = ("load", "load_strings", "reference_strings")
AMPLITUDES = [(VOLTAGE, {"set_voltage": 1.0}), (DRIVEN, {"set_voltage": 1.0}), (REGULATED, {"set_current": 200e-6}), (TRIMMED, {"code": 37})]


@pytest.mark.parametrize(("bench", "amplitude"), AMPLITUDES)
def test_decks_stand_alone_and_hold_each_cell_once(bench: DropoutModuleBench, amplitude: dict[str, float]) -> None:
    deck = bench.deck(bench.nominal(**amplitude))
    assert preflight(deck) == ""
    for name in cell_names(bench.design):
        assert deck.text.count(f".subckt {name} ") == 1
    assert set(bench.cells) == set(bench.identity()["cells"]) == set(bench.netlists)
    assert ("i(vvset)" in deck.save) == (bench.driver == "voltage") == ("Vvset" in deck.text)
    name, value = next(iter(amplitude.items()))
    assert deck.parameters[name] == value
    assert name in bench.axes and name in bench.required_axes
    moved = bench.deck(bench.nominal(**{name: value + (1 if name == "code" else 0.01 * value)}))
    assert moved.text != deck.text


def test_transistors_of_each_variant() -> None:
    count = {}
    for bench, amplitude in AMPLITUDES:
        found = [e for e in flatten(bench.deck(bench.nominal(**amplitude)).text, skip=["sot_mtj"]) if e.kind in "np"]
        count[bench.design.name] = len(found)
        for e in found:
            assert e.width >= 0.12e-6 and e.length >= 40e-9, e.path
    # 4 in the bridge, 4 in the read front, 11 in the latch; 4 a gate driver; 1 mirror and 2 bias; 3 a bit
    assert list(count.values()) == [19, 19 + 24, 19 + 24 + 3, 19 + 24 + 3 + 18]


def test_every_size_of_a_design_reaches_the_deck() -> None:
    """Each number of the trimmed design, changed alone, changes the deck: none is read and forgotten."""
    sample = TRIMMED.nominal(code=5, temperature=320.0)
    base, design = TRIMMED.deck(sample).text, TRIMMED.design
    changed = [replace(design, **{section: {**getattr(design, section), key: value + 1 if key in COUNTS else value * 1.1}}) for section in ("bridge", "read", "sense", "mirror", "bias") for key, value in getattr(design, section).items()]
    changed += [replace(design, gates={**design.gates, gate: {**sizes, key: value * 1.1}}) for gate, sizes in design.gates.items() for key, value in sizes.items()]
    changed += [replace(design, dac_switch=1e-6), replace(design, reference_current=1e-6), replace(design, dac=((1e-7, 1e-6), *design.dac[1:]))]
    timing = Timing(gap=1.2e-9)
    roomy = replace(TRIMMED, timing=timing)
    for each in changed:
        assert replace(roomy, design=each).deck(sample).text != roomy.deck(sample).text, each
    assert base == TRIMMED.deck(sample).text


def test_the_mirror_settles_through_n1_before_set() -> None:
    t = Timing()
    plain, mirrored = windows(VOLTAGE.design, t), windows(REGULATED.design, t)
    assert plain["gp1"] == [(t.set_at, t.set)] and plain["gn1"][0] == (t.reset_at, t.reset)
    assert mirrored["gp1"] == [(pytest.approx(t.set_at - 0.8e-9), pytest.approx(t.set + 0.8e-9))]
    start, width = mirrored["gn1"][0]
    assert start == t.reset_at and start + width == pytest.approx(t.set_at + t.edge)  # N1 opens while N2 closes
    assert {k: v for k, v in plain.items() if k not in ("gp1", "gn1")} == {k: v for k, v in mirrored.items() if k not in ("gp1", "gn1")}
    assert mirrored["gp2"][0][0] + mirrored["gp2"][0][1] <= mirrored["gp1"][0][0], "P2 is off before P1 conducts"
    with pytest.raises(ParameterError, match="gap is too short") as caught:
        replace(REGULATED, timing=Timing(gap=0.85e-9)).deck(REGULATED.nominal(set_current=2e-4))
    assert "9e-10 s" in caught.value.remedy


def test_pulses_rest_where_their_transistor_is_off() -> None:
    assert pulses("gp1", [(1e-9, 1e-9)], 1.1, 5e-11).startswith("Vgp1 gp1 0 PWL(0.0 1.1 1e-09 1.1 1.05e-09 0.0 ")
    assert pulses("gn2", [(1e-9, 1e-9)], 1.1, 5e-11).startswith("Vgn2 gn2 0 PWL(0.0 0.0 1e-09 0.0 1.05e-09 1.1 ")


def test_mismatch_reaches_mirror_and_bits_but_not_the_shared_bias() -> None:
    sample = TRIMMED.nominal(code=5)
    base, drawn, other = (TRIMMED.deck(replace(sample, mismatch=m)).text.splitlines() for m in (None, (3, 5), (3, 6)))
    changed = {b.split()[0] for a, b in zip(base, drawn, strict=True) if a != b}
    assert changed == {"Xm", "Xr", "Xa", "Xo", *(f"Xb{k}" for k in range(6))}
    assert {b.split()[0] for a, b in zip(other, drawn, strict=True) if a != b} == changed
    shifts = [b.split(" d=")[1].split()[0] for b in drawn if b.startswith(("Xo ", "Xb0", "Xb1", "Xb2", "Xb3", "Xb4", "Xb5")) and " d=" in b]
    assert len(set(shifts)) == len(shifts) == 7
    slow = TRIMMED.deck(replace(sample, corner="ss")).text
    heads = [TECHNOLOGY.preamble(corner=corner) for corner in ("tt", "ss")]
    assert slow == TRIMMED.deck(sample).text.replace(*heads) != TRIMMED.deck(sample).text  # the corner stands in the wrappers alone


def test_the_voltage_variants_share_their_draws() -> None:
    """Draw k is the same bridge with and without gate drivers, and in the regulated module."""
    decks = [bench.deck(replace(bench.nominal(**amplitude), mismatch=(3, 5))).text for bench, amplitude in AMPLITUDES]
    latches = {next(line for line in text.splitlines() if line.startswith("Xa ")).split("sense_amp")[1] for text in decks}
    assert len(latches) == 1


def test_a_change_of_code_is_a_step_of_the_bits_that_change() -> None:
    sample = TRIMMED.nominal(code=0b101)
    text = TRIMMED.settling_deck(sample, before=0b110, delay=2e-9).text.splitlines()
    bits = {line.split()[0]: line.split("PWL(")[1].rstrip(")").split() for line in text if line.startswith("Vb") and "PWL(" in line}
    still = {line.split()[0]: line.split()[-1] for line in text if line.startswith("Vb") and "PWL(" not in line}
    assert {name: (p[1], p[5]) for name, p in bits.items()} == {"Vb0": ("0.0", "1.1"), "Vb1": ("1.1", "0.0")}
    assert still == {"Vb2": "1.1", **{f"Vb{k}": "0.0" for k in (3, 4, 5)}}
    assert float(bits["Vb0"][2]) == pytest.approx(TRIMMED.timing.set_at - 2e-9)
    for delay in (0.0, 1.0):
        with pytest.raises(ParameterError, match="within the cycle"):
            TRIMMED.settling_deck(sample, before=0, delay=delay)
    with pytest.raises(ParameterError, match="not a code"):
        TRIMMED.settling_deck(sample, before=64, delay=1e-9)


@pytest.mark.parametrize("code", [-1, 64, 3.5, float("nan")])
def test_codes_out_of_range_are_named(code: float) -> None:
    with pytest.raises(ParameterError, match="not a code") as caught:
        TRIMMED.deck(TRIMMED.nominal(code=code))
    assert caught.value.where == "axis code" and "63" in caught.value.remedy
    with pytest.raises(ParameterError, match="not a code"):
        TRIMMED.check_axis("code", [0, code])


def test_wrong_amplitudes_and_designs_are_named() -> None:
    for current in (0.0, -1e-4, float("inf")):
        with pytest.raises(ParameterError, match="current must be > 0"):
            REGULATED.deck(REGULATED.nominal(set_current=current))
    with pytest.raises(ParameterError, match="another amplitude") as caught:
        REGULATED.nominal(set_voltage=1.0)
    assert "set_current" in caught.value.remedy
    with pytest.raises(ParameterError, match="driver of another bench") as caught:
        replace(VOLTAGE, design=REGULATED.design, netlists={})
    assert "dropout_module_regulated" in caught.value.remedy
    with pytest.raises(ParameterError, match="only a trimmed driver"):
        module_lines(VOLTAGE.design, VOLTAGE.netlists, VOLTAGE.timing, lambda *a: (0.0, 1.0), supply=1.1, amplitude=CodeSteps(before=0, changes=((1e-9, 1),)), device={}, parallel_resistance=3e5, gate_length=4e-8, temperature=300.0)


def test_the_corner_reaches_the_check_of_axes() -> None:
    with pytest.raises(ParameterError, match="no such corner"):
        TRIMMED.check_axis("corner", ["tt", "xx"])


def test_identity_tells_the_designs_apart() -> None:
    hashes = {str(bench.identity()) for bench, _ in AMPLITUDES}
    assert len(hashes) == 4
    assert DRIVEN.identity()["bench"] == VOLTAGE.identity()["bench"] == "dropout_module"
    assert {"design": "module_driven_cmos40lp", "design_hash": DRIVEN.design.content_hash}.items() <= DRIVEN.attributes().items()
    assert any("module_trimmed_cmos40lp bias.cb" in note for note in TRIMMED.notes())


def test_the_analytic_simulator_answers_a_regulated_deck() -> None:
    sample = REGULATED.nominal(set_current=207e-6)
    (result,) = analytic_simulator(REGULATED.timing).run([REGULATED.deck(sample)])
    measured = REGULATED.measure(result, sample)
    assert measured["current_set"] == pytest.approx(207e-6, rel=1e-6, abs=0)
    assert 0.3 < measured["p_drop"] < 0.7
