"""The read path without a simulator: strings of reference junctions, their draws, and the offset of a drawn latch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spinbnn.characterize import Flow
from spinbnn.circuit import DropoutModuleBench, Technology
from spinbnn.circuit.cell import Cell
from spinbnn.circuit.design import ModuleDesign
from spinbnn.circuit.dropout_analytic import analytic_simulator
from spinbnn.circuit.dropout_cycle import Timing
from spinbnn.circuit.module_netlist import windows
from spinbnn.circuit.netlist import flatten
from spinbnn.circuit.read_netlist import PAIRS, balance, own_offset, read_cells, reference_lines, sense_sizes
from spinbnn.circuit.reference_junctions import ReferenceJunction, junctions_of, reference_draws
from spinbnn.device import DeviceParams, VariationModel
from spinbnn.errors import ParameterError

DESIGN = ModuleDesign.load("module_voltage_cmos40lp")
PARAMS = DeviceParams.load("seed_eq23")
CELLS = {name: Cell.load(name) for name in read_cells(DESIGN)}
TECHNOLOGY = Technology.load("cmos40lp")
BENCH = DropoutModuleBench(technology=TECHNOLOGY, params=PARAMS)


def shaped(load: int, load_strings: int, reference_strings: int) -> ModuleDesign:
    return replace(DESIGN, read={**DESIGN.read, "load": load, "load_strings": load_strings, "reference_strings": reference_strings})


def resistances(design: ModuleDesign, junctions: list[ReferenceJunction]) -> dict[str, float]:
    """Resistance from vr to rd, from vr to rf and from rf to ground at zero bias, by nodal analysis of the lines."""
    edges = []
    for line in reference_lines(design, CELLS, junctions, half_voltage=0.5, capacitance=5e-17):
        words = line.split()
        given = dict(word.split("=") for word in words[4:])
        edges.append((words[1], words[2], float(given["rp"]) * (1 + float(given.get("tmr", 0.0)))))
    nodes = {node: k for k, node in enumerate(sorted({n for a, b, _ in edges for n in (a, b)}))}
    matrix = np.zeros((len(nodes), len(nodes)))
    for a, b, r in edges:
        for x, y, sign in ((a, a, 1), (b, b, 1), (a, b, -1), (b, a, -1)):
            matrix[nodes[x], nodes[y]] += sign / r
    inverse = np.linalg.pinv(matrix)

    def between(a: str, b: str) -> float:
        unit = np.zeros(len(nodes))
        unit[nodes[a]], unit[nodes[b]] = 1.0, -1.0
        return float(unit @ inverse @ unit)

    return {"data": between("vr", "rd"), "load": between("vr", "rf"), "reference": between("rf", "0")}


@pytest.mark.parametrize("shape", [(6, 1, 2), (4, 2, 1), (1, 1, 1), (3, 3, 3)])
def test_strings_have_the_resistance_of_their_smallest_form(shape: tuple[int, int, int]) -> None:
    design = shaped(*shape)
    nominal = [ReferenceJunction(resistance=331e3, tmr=1.2)] * design.reference_junctions
    found = resistances(design, nominal)
    assert found["data"] == pytest.approx(shape[0] * 331e3, rel=1e-9) and found["load"] == pytest.approx(shape[0] * 331e3, rel=1e-9)
    assert found["reference"] == pytest.approx(2 * 331e3 * 2.2 / 3.2, rel=1e-9)
    with pytest.raises(ParameterError, match="another number of junctions"):
        reference_lines(design, CELLS, nominal[1:], half_voltage=0.5, capacitance=5e-17)


def test_more_strings_have_less_spread_and_every_junction_has_its_place() -> None:
    def spread(shape: tuple[int, int, int]) -> dict[str, float]:
        design = shaped(*shape)
        draws = reference_draws(PARAMS, design.reference_junctions, 300, seed=4)
        found = [resistances(design, junctions_of(PARAMS, {k: float(v[n]) for k, v in draws.items()}, design.reference_junctions, 300.0)) for n in range(300)]
        return {key: float(np.std([np.log(one[key]) for one in found])) for key in found[0]}

    plain, doubled = spread((6, 1, 1)), spread((6, 2, 2))
    assert plain["data"] == pytest.approx(0.07 / np.sqrt(6), rel=0.15) and plain["load"] == pytest.approx(0.07 / np.sqrt(6), rel=0.15)
    assert doubled["data"] == pytest.approx(plain["data"] / 2, rel=0.2) and doubled["reference"] == pytest.approx(plain["reference"] / 2, rel=0.2)
    base = [ReferenceJunction(resistance=331e3, tmr=1.2)] * 28
    moved = [resistances(DESIGN, [*base[:k], ReferenceJunction(resistance=400e3, tmr=1.2), *base[k + 1 :]]) for k in range(28)]
    whole = resistances(DESIGN, base)
    changed = [{key for key in whole if abs(one[key] / whole[key] - 1) > 1e-6} for one in moved]
    assert changed == [{"data"}] * 6 + [{"load"}] * 6 + [{"reference"}] * 16


def test_draws_of_the_reference_are_their_own() -> None:
    devices = VariationModel.from_params(PARAMS).sample(8, 5)
    flow = Flow.load("dropout_module_mc").with_axes(draw={"count": 8})
    samples = list(replace(flow, seed=5).samples())
    for n, sample in enumerate(samples):
        assert {key: sample.device[key] for key in devices} == {key: float(devices[key][n]) for key in devices}
    few, more = reference_draws(PARAMS, 3, 4, seed=5), reference_draws(PARAMS, 28, 8, seed=5)
    assert all(np.array_equal(values, more[key][:4]) for key, values in few.items())
    assert all(sample.device[key] == more[key][n] for n, sample in enumerate(samples) for key in more)
    assert len({float(values[0]) for key, values in more.items() if key.endswith("resistance")}) == 28
    assert more["reference.0.electrical.parallel_resistance"][0] != devices["electrical.parallel_resistance"][0]
    off = replace(flow, vary_device=False)
    assert not any(key.startswith("reference.") for sample in off.samples() for key in sample.device)


def test_a_die_moves_device_and_reference_alike() -> None:
    quantity = PARAMS["electrical.parallel_resistance"]
    params = replace(PARAMS, quantities={**PARAMS.quantities, "electrical.parallel_resistance": replace(quantity, sigma_global=0.3)})
    plain, die = (reference_draws(params, 2, 3, seed=1, die=d) for d in (None, 7))
    model = VariationModel.from_params(params)
    shift = model.sample(1, 1, local=False, die=7)["electrical.parallel_resistance"][0] / quantity.value
    assert abs(shift - 1) > 0.02
    for key in plain:
        np.testing.assert_allclose(die[key] / plain[key], shift if key.endswith("resistance") else 1.0, rtol=1e-12)
    alone = reference_draws(params, 1, 2, seed=1, local=False, die=7)
    np.testing.assert_allclose(alone["reference.0.electrical.parallel_resistance"], shift * quantity.value, rtol=1e-12)


def test_the_reference_follows_the_temperature() -> None:
    cold, hot = (junctions_of(PARAMS, {"reference.0.electrical.parallel_resistance": 3e5}, 2, t) for t in (233.15, 398.15))
    assert [j.resistance for j in cold] == [3e5, 331e3] == [j.resistance for j in hot]
    assert cold[0].tmr > 1.25 > 1.15 > hot[0].tmr and cold[0].tmr == cold[1].tmr
    decks = [BENCH.deck(BENCH.nominal(set_voltage=1.0, temperature=t)).text for t in (233.15, 398.15)]
    lines = [next(line for line in text.splitlines() if line.startswith("Xrefa0_0")) for text in decks]
    assert [f"tmr={j[0].tmr!r}" in line for j, line in zip((cold, hot), lines, strict=True)] == [True, True]


def test_the_header_opens_before_read_and_the_equaliser_hangs_on_n1() -> None:
    t = Timing(gap_read=0.2e-9, gap_states=3e-9)
    found = windows(DESIGN, t)
    (start, width), = found["reb"]
    assert start == pytest.approx(t.read_at[0] - 4e-9) and start + width == pytest.approx(t.read_at[1] + t.read)
    assert windows(resistor(), t)["reb"] == [(s, t.read) for s in t.read_at]
    lines = BENCH.deck(BENCH.nominal(set_voltage=1.0)).text.splitlines()
    front = next(line for line in lines if line.startswith("Xr vr "))
    assert front.split()[1:7] == ["vr", "rd", "rf", "reb", "gn1", "vdd"]
    driven = DropoutModuleBench(technology=TECHNOLOGY, params=PARAMS, design=ModuleDesign.load("module_driven_cmos40lp"))
    front = next(line for line in driven.deck(driven.nominal(set_voltage=1.0)).text.splitlines() if line.startswith("Xr vr "))
    assert front.split()[4:6] == ["rebo", "gn1o"]


def test_both_nodes_carry_the_same_capacitance() -> None:
    """What hangs at rd and at rf, from the flattened deck: wires and junctions."""
    for design in (DESIGN, shaped(6, 1, 1), shaped(4, 2, 3)):
        bench = replace(BENCH, design=design)
        deck = bench.deck(bench.nominal(set_voltage=1.0))
        body = deck.text[deck.text.index("Vvdd vdd") :]
        load = {"rd": 0.0, "rf": 0.0}
        for line in body.splitlines():
            words = line.split()
            given = dict(word.split("=") for word in words if "=" in word)
            if "parallel_mtj" in words or "antiparallel_mtj" in words:
                for node in {"rd", "rf"} & set(words[1:3]):
                    load[node] += float(given["cj"]) + (float(given["cw"]) if "parallel_mtj" in words and words[1] == node else 0.0)
            elif "read_front" in words:
                load["rd"] += float(given["cb"])
            elif "dropout_module" in words:
                load["rd"] += float(given["cj"])
        assert load["rd"] == pytest.approx(load["rf"], rel=1e-9, abs=0), design.read
    assert balance(DESIGN, CELLS, 5e-17) == pytest.approx(2 * (0.1e-15 + 1e-16) - 5e-17, rel=1e-12, abs=0)


def resistor() -> ModuleDesign:
    return replace(DESIGN, reference="resistor", read={"wh": 0.3e-6, "cn": 1e-15, "series": 3.0, "top": 2.52, "bottom": 1.08})


def test_a_reference_of_resistors_is_still_a_choice() -> None:
    bench = replace(BENCH, design=resistor(), netlists={})
    sample = bench.nominal(set_voltage=1.0)
    text = bench.deck(sample).text
    assert "read_divider" in text and "parallel_mtj" not in text and bench.reference_junctions == 0
    assert f"rref={3.0 * 331e3!r}" in text
    for one in (bench, BENCH):
        (result,) = analytic_simulator(one.timing).run([one.deck(one.nominal(set_voltage=1.0))])
        found = one.measure(result, one.nominal(set_voltage=1.0))
        assert found["margin_0"] > 0.03 and found["margin_1"] > 0.03 and found["read_ok"] == 1


@pytest.mark.parametrize(
    ("changes", "match", "where"),
    [
        ({"read": {**DESIGN.read, "series": 3.0}}, "no such number", "read.series"),
        ({"read": {**DESIGN.read, "load": 4.5}}, "must be whole", "read.load"),
        ({"read": {k: v for k, v in DESIGN.read.items() if k != "precharge"}}, "is missing", "read"),
        ({"reference": "resistor"}, "is missing", "read"),
        ({"reference": "wood"}, "unknown reference", "reference"),
        ({"sense_noise": -1e-3}, "finite and >= 0", "sense.noise"),
        ({"sense_sensitivity": {"per_vi": -1.0}}, "is missing", "sense_sensitivity"),
    ],
)
def test_wrong_designs_are_named(changes: dict[str, object], match: str, where: str) -> None:
    with pytest.raises(ParameterError, match=match) as caught:
        replace(DESIGN, **changes)
    assert where in caught.value.where


def test_the_own_offset_is_the_sum_over_the_pairs() -> None:
    steps = {"i1": 3e-3, "i2": -1e-3, "c1": 2e-3, "c2": 7e-3, "q1": -4e-3, "q2": 5e-3, "t": 0.5}
    slopes = DESIGN.sense_sensitivity
    found = own_offset(DESIGN, CELLS["sense_amp"], lambda kind, width, name, length: (steps[str(name).split(".")[1]], 1.0))
    assert found == pytest.approx(slopes["per_vi"] * 4e-3 - slopes["per_vc"] * 5e-3 - slopes["per_vq"] * 9e-3, rel=1e-12, abs=0)
    found = own_offset(DESIGN, CELLS["sense_amp"], lambda kind, width, name, length: (0.2, 1.02 if name == "sense.i1" else 1.0))
    assert found == pytest.approx(slopes["per_mi"] * 0.02, rel=1e-9, abs=0)
    assert set(PAIRS) == set(slopes)
    assert np.isnan(own_offset(replace(DESIGN, sense_sensitivity={}), CELLS["sense_amp"], lambda *a: (0.0, 1.0)))


def test_the_offset_is_that_of_the_latch_in_the_deck() -> None:
    """The drawn shifts of the X line, times the sensitivities, are the measure."""
    sample = replace(BENCH.nominal(set_voltage=1.0), mismatch=(3, 5))
    deck = BENCH.deck(sample)
    line = next(x for x in deck.text.splitlines() if x.startswith("Xa "))
    given = {key: float(value) for key, value in (word.split("=") for word in line.split() if "=" in word)}
    slopes = DESIGN.sense_sensitivity
    wanted = sum(slopes[f"per_v{p}"] * (given[f"d{p}1"] - given[f"d{p}2"]) for p in "icq") + slopes["per_mi"] * (given["mi1"] - given["mi2"])
    (result,) = analytic_simulator(BENCH.timing).run([deck])
    found = BENCH.measure(result, sample)
    assert found["sense_offset"] == pytest.approx(wanted, rel=1e-12, abs=0) and abs(wanted) > 1e-4
    assert found["slack_0"] == pytest.approx(found["margin_0"] + wanted, rel=1e-12, abs=0)
    nominal = BENCH.measure(result, replace(sample, mismatch=None))
    assert (nominal["sense_offset"], nominal["slack_1"]) == (0.0, nominal["margin_1"])
    assert nominal["wrong_decision"] != found["wrong_decision"]


def test_the_input_pair_is_as_long_as_the_rest_unless_told() -> None:
    short = {k: v for k, v in DESIGN.sense.items() if k != "li"}
    assert sense_sizes(replace(DESIGN, sense=short), CELLS["sense_amp"])["li"] == DESIGN.sense["lg"] != DESIGN.sense["li"]
    found = flatten(BENCH.deck(BENCH.nominal(set_voltage=1.0)).text, skip=["sot_mtj", "parallel_mtj", "antiparallel_mtj"])
    lengths = {e.path[1]: e.length for e in found if e.path[0] == "xa" and e.kind in "np"}
    assert lengths["xi1"] == lengths["xi2"] == DESIGN.sense["li"] and {v for k, v in lengths.items() if k not in ("xi1", "xi2")} == {DESIGN.sense["lg"]}
