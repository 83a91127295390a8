"""The deck of the shared module and its measures, without a simulator: hand-made waveforms with known answers."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest

from spinbnn.circuit import Technology
from spinbnn.circuit.dropout_cycle import DRIVERS, TRACK, Timing
from spinbnn.circuit.dropout_variants import TrimmedModuleBench
from spinbnn.circuit.module_netlist import CodeSteps
from spinbnn.circuit.shared_measures import (
    alone_probabilities,
    chain_probabilities,
    mask_probabilities,
    measures,
    measures_of,
)
from spinbnn.circuit.shared_module import LayerCycle, SharedModule, train
from spinbnn.device import DeviceParams
from spinbnn.errors import ParameterError, SimulationError
from spinbnn.hardware import Chip

SINGLE = TrimmedModuleBench(technology=Technology.load("cmos40lp"), params=DeviceParams.load("seed_eq23"))
MODULE = SharedModule(single=SINGLE, targets=(0.1, 0.2, 0.5), sequence=(0.1, 0.2, 0.5, 0.2, 0.1))
CODES = (20, 25, 34)
A = np.array([0.1, 0.2, 0.5, 0.21, 0.11])
B = np.array([0.13, 0.22, 0.51, 0.25, 0.15])


def points(text: str, name: str) -> list[tuple[float, float]]:
    """Return the corners of a piecewise linear source of a deck."""
    (line,) = re.findall(rf"^V{name} \S+ 0 PWL\((.*)\)$", text, re.MULTILINE)
    numbers = [float(word) for word in line.split()]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def level(text: str, name: str, moment: float) -> float:
    """Return the value of a source at a moment."""
    if found := re.findall(rf"^V{name} \S+ 0 ([0-9.e+-]+)$", text, re.MULTILINE):
        return float(found[0])
    corners = points(text, name)
    return float(np.interp(moment, *zip(*corners, strict=True)))


@pytest.mark.parametrize("timing", [Timing(), Timing(gap_read=0.3e-9, read=5e-9, sense=2.4e-9)])
def test_cycles_follow_each_other_without_a_hole(timing: Timing) -> None:
    cycles = train(timing, 4)
    for early, late in itertools.pairwise(cycles):
        assert late.reset_at == pytest.approx(early.stop, rel=1e-9)
        assert late.reset_at - (early.read_at[0] + early.read) == pytest.approx(timing.gap, rel=1e-9)
    first = cycles[0]
    assert (first.reset_at, first.set_at, first.read_at[0]) == (timing.reset_at, timing.set_at, timing.read_at[0])
    assert len(first.read_at) == 1 and isinstance(first, LayerCycle)


def test_every_layer_reads_both_states_and_the_selection_moves_in_every_way() -> None:
    for layers in range(3, 9):
        module = SharedModule(single=SINGLE, targets=(0.2,), sequence=(0.2,) * layers)
        bits = module.bits
        assert len(bits) == len(module.cycles) == 2 * layers
        assert all({bits[k], bits[k + layers]} == {0, 1} for k in range(layers))
        assert set(itertools.pairwise(bits)) == {(0, 0), (0, 1), (1, 0), (1, 1)}
        assert sorted(module.layer(n) for n in module.started) == list(range(layers))
        assert all(module.layer(n - 1) == (module.layer(n) - 1) % layers for n in module.started)


def test_the_code_of_a_layer_stands_from_its_reset_to_the_end_of_its_cycle() -> None:
    deck = MODULE.deck(SINGLE.nominal(code=0), CODES)
    wanted = [CODES[(0, 1, 2, 1, 0)[k]] for k in range(5)] * 2
    for cycle, code in zip(MODULE.cycles, wanted, strict=True):
        for moment in (cycle.reset_at + 2 * cycle.edge, cycle.set_at, cycle.set_at + cycle.set, cycle.stop - cycle.edge):
            found = sum(int(level(deck.text, f"b{bit}", moment) > 0.5) << bit for bit in range(6))
            assert found == code
    assert deck.stop == MODULE.cycles[-1].stop
    for number, code in enumerate(CODES):
        assert deck.parameters[f"code_{number + 1}"] == code


def test_gates_and_reference_current_repeat_in_every_cycle() -> None:
    text = MODULE.deck(SINGLE.nominal(code=0), CODES).text
    one = SINGLE.deck(SINGLE.nominal(code=20)).text
    first = MODULE.cycles[0]
    for name in DRIVERS:
        whole, alone = (list(zip(*points(deck, name), strict=True)) for deck in (text, one))
        at = np.linspace(0, first.read_at[0] + first.read - 2 * first.edge - first.reset_at, 400)  # then the single module goes on to its second READ
        for cycle in MODULE.cycles:
            np.testing.assert_allclose(np.interp(cycle.reset_at + at, *whole), np.interp(first.reset_at + at, *alone), atol=1e-6)
    flow = [float(word) for word in re.findall(r"^Iref bias 0 PWL\((.*)\)$", text, re.MULTILINE)[0].split()]
    for cycle in MODULE.cycles:
        inside, after = (np.interp(moment, flow[::2], flow[1::2]) for moment in (cycle.set_at, cycle.read_at[0]))
        assert inside == pytest.approx(SINGLE.design.reference_current / SINGLE.design.bias["ratio"], rel=1e-9) and after == 0


def test_the_junction_shows_the_bit_when_it_is_read_and_chains_start_with_their_cycle() -> None:
    deck = MODULE.deck(SINGLE.nominal(code=0), CODES)
    for cycle, bit in zip(MODULE.cycles, MODULE.bits, strict=True):
        assert level(deck.text, "s", cycle.read_at[0]) == bit
    for n in MODULE.started:
        at = MODULE.cycles[n].reset_at
        assert level(deck.text, f"on{n}", at - MODULE.cycles[n].edge) == 0 and level(deck.text, f"on{n}", at) == 1
        assert (deck.initial[f"z{n}"], deck.initial[f"o{n}"]) == (0.0, 1.0)
    assert (deck.initial["p0"], deck.initial["p1"]) == (0.0, 1.0)
    lines = deck.text.splitlines()
    assert sum(line.startswith("Xz") for line in lines) == sum(line.startswith("Xo") and "chain_state" in line for line in lines) == 5


def test_the_select_load_is_that_of_the_whole_word() -> None:
    def widths(word: int) -> dict[str, float]:
        line = next(x for x in replace(MODULE, word=word, changed=1).deck(SINGLE.nominal(code=0), CODES).text.splitlines() if x.startswith("Xrest"))
        return {k: float(v) for k, v in (pair.split("=") for pair in line.split() if "=" in pair)}

    default = MODULE.logic["scale_mux"].parameters
    for word in (2, 32):
        found = widths(word)
        assert all(found[key] == pytest.approx((word - 1) * default[key], rel=1e-9) for key in ("wn", "wp"))
        assert all(found[key] == pytest.approx(default[key], rel=1e-9) for key in ("wni", "wpi"))


def test_codes_that_change_in_time_are_checked() -> None:
    for changes in (((2e-9, 1), (1e-9, 2)), ((0.0, 1),), ((-1e-9, 1),)):
        with pytest.raises(ParameterError, match="ascend"):
            CodeSteps(before=0, changes=changes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"targets": (0.1, 0.1)}, "each once"),
        ({"targets": (0.1, 0.2, 1.0)}, "drop probabilities"),
        ({"sequence": (0.1, 0.2, 0.3)}, "not among the targets"),
        ({"sequence": (0.1, 0.1, 0.2)}, "no layer has this target"),
        ({"targets": (0.2,), "sequence": (0.2, 0.2)}, "3 to 16 layers"),
        ({"targets": (0.2,), "sequence": (0.2,) * 17}, "3 to 16 layers"),
        ({"word": 1}, "2 to 64 bits"),
        ({"changed": 33}, "no more of them change"),
    ],
)
def test_modules_that_cannot_be_are_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError, match=words) as caught:
        replace(MODULE, **change)  # type: ignore[arg-type]
    assert caught.value.remedy


def test_codes_that_the_dac_does_not_have_are_refused() -> None:
    sample = SINGLE.nominal(code=0)
    for codes in ((1, 2), (1, 2, 64), (1, 2, -1), (1, 2, 2.5)):
        with pytest.raises(ParameterError):
            MODULE.deck(sample, codes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("a", "b"), [(A, B), (A, A), (np.full(3, 0.5), np.full(3, 0.9)), (np.full(3, 0.9), np.full(3, 0.2))])
def test_chain_and_masks_are_those_of_a_chip(a: np.ndarray, b: np.ndarray) -> None:
    """Two implementations: linear equations and a roll here, a fixed point and a shift in hardware.chip; and a sum over all masks."""
    chip = Chip(seed=0, id="circuit", modules="shared", a=a, b=b)
    masks = np.array(list(itertools.product((0, 1), repeat=a.size)))
    weights = mask_probabilities(a, b, masks)
    np.testing.assert_allclose(chain_probabilities(a, b), chip.drop_probability, rtol=1e-12)
    np.testing.assert_allclose(weights, chip.mask_weights(masks), rtol=1e-12)
    assert weights.sum() == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(weights @ masks, chain_probabilities(a, b), rtol=1e-12)


def made(module: SharedModule = MODULE, **changes: float) -> dict[str, np.ndarray]:
    """Return waveforms of which every measure is known: states that jump at the end of SET, rails with constant currents."""
    cycles, bits = module.cycles, module.bits
    time = np.unique(np.concatenate([np.arange(0, cycles[-1].stop, 20e-12), [c.stop for c in cycles], [cycles[-1].stop]]))
    waves = {"time": time, TRACK: np.zeros(time.size)}
    waves |= {name: np.zeros(time.size) for name in ("i(vvdd)", "i(vbuf)", "i(vbit)", "v(op)", "v(on)", "v(q)", "v(rd)", "v(rf)")}
    waves |= {f"{kind}{name})": np.zeros(time.size) for name in DRIVERS for kind in ("v(", "i(v")}
    states = {"p0": 0.0, "p1": 1.0}
    traces = {name: np.full(time.size, start) for name, start in states.items()}
    for n in module.started:
        traces |= {f"z{n}": np.zeros(time.size), f"o{n}": np.ones(time.size)}
    out, sel = np.zeros(time.size), np.zeros(time.size)
    for n, (cycle, bit) in enumerate(zip(cycles, bits, strict=True)):
        layer, later = module.layer(n), time >= cycle.set_at + cycle.set
        for name, trace in traces.items():
            if name in states or int(name[1:]) <= n:
                now = trace[-1]
                trace[later] = A[layer] + (B[layer] - A[layer]) * now
        inside = (time > cycle.reset_at) & (time <= cycle.stop)
        waves["i(vvdd)"][inside] = -(1e-6 * (layer + 1) + 4e-6 * bit)
        flat = (time >= cycle.set_at) & (time <= cycle.set_at + cycle.set)
        waves[TRACK][flat] = 200e-6 + 1e-6 * layer
        sense = cycle.read_at[0] + cycle.read - cycle.sense
        waves["v(op)" if bit else "v(on)"][(time > sense + 0.5e-9) & (time <= cycle.read_at[0] + cycle.read)] = 1.1
        turn = time > sense + 0.8e-9
        out[turn], sel[turn] = 1.1 * bit, 1.1 * bit
        before = bits[n - 1] if n else 0
        waves["i(vbuf)"][inside] = -(2e-6 if before != bit else 0.5e-6)
        waves["i(vbit)"][inside] = -{(0, 1): 3e-8, (1, 0): 1e-8, (0, 0): 0.0, (1, 1): 0.0}[before, bit]
    waves |= {"v(out)": out, "v(sel)": sel, "v(selb)": 1.1 - sel, **{f"v({name})": trace for name, trace in traces.items()}}
    for name, value in changes.items():
        waves[name] = waves[name] + value
    return waves


def test_measures_of_a_train_by_hand() -> None:
    alone = [(0.12, 0.11), (0.2, 0.2), (0.5, 0.505)]
    found = measures(made(), MODULE, codes=CODES, alone=alone, supply=1.1)
    assert set(found) == set(measures_of(5, 3))
    q = chain_probabilities(A, B)
    period = MODULE.cycles[1].reset_at - MODULE.cycles[0].reset_at
    first = MODULE.cycles[0]
    targets = (0, 1, 2, 1, 0)
    total, logic = 0.0, 0.0
    for k in range(5):
        tag, before = f"_{k + 1}", q[k - 1]
        assert found[f"transition_01{tag}"] == pytest.approx(A[k], rel=1e-9) and found[f"transition_11{tag}"] == pytest.approx(B[k], rel=1e-9)
        assert found[f"p_drop{tag}"] == pytest.approx(q[k], rel=1e-9)
        assert found[f"settling{tag}"] == pytest.approx(A[k] / (1 - B[k] + A[k]) - alone[targets[k]][1], abs=1e-9)
        assert found[f"code{tag}"] == CODES[targets[k]]
        assert found[f"current_set{tag}"] == pytest.approx(200e-6 + 1e-6 * k, rel=1e-9, abs=0)
        # the covariance of neighbours is (b - a) var(before)
        wanted = (B[k] - A[k]) * np.sqrt(before * (1 - before) / (q[k] * (1 - q[k])))
        assert found[f"correlation{tag}"] == pytest.approx(wanted, rel=1e-9)
        differ = (1 - before) * A[k] + before * (1 - B[k])
        selecting = 1.1 * period * (differ * (2e-6 + 16 * 2e-8) + (1 - differ) * 0.5e-6)
        module = 1.1 * period * (1e-6 * (k + 1) + 4e-6 * q[k])
        assert found[f"energy{tag}"] == pytest.approx(module + selecting, rel=5e-3, abs=0)  # steps of 20 ps in 25 ns
        total, logic = total + found[f"energy{tag}"], logic + selecting
        decision = first.read_at[0] + first.read - first.sense + 0.5e-9 - first.reset_at
        assert found[f"latency{tag}"] == pytest.approx(decision + 0.3e-9, abs=25e-12)
    assert [found[f"rested_{k}"] for k in (1, 2, 3)] == pytest.approx([0.01, 0.0, -0.005], abs=1e-12)
    assert [found[f"p_alone_{k}"] for k in (1, 2, 3)] == [0.11, 0.2, 0.505]
    assert found["energy_pass"] == pytest.approx(total, rel=1e-12, abs=0)
    assert found["energy_select"] == pytest.approx(logic, rel=5e-3, abs=0)
    assert found["latency_select"] == pytest.approx(0.3e-9, abs=25e-12)
    assert found["latency_pass"] == pytest.approx(5 * period, rel=1e-9, abs=0)
    assert found["settling_worst"] == pytest.approx(max(abs(found[f"settling_{k}"]) for k in range(1, 6)), abs=0)
    assert found["chain_error"] < 1e-6, "five cycles leave (b - a)^5 of the first state"
    assert found["read_ok"] == 1
    masks = np.array(list(itertools.product((0, 1), repeat=5)))
    chip = Chip(seed=0, id="x", modules="shared", a=A, b=B)
    apart = Chip(seed=0, id="y", modules="per_layer", a=q, b=q)
    assert found["independence"] == pytest.approx(0.5 * np.abs(chip.mask_weights(masks) - apart.mask_weights(masks)).sum(), rel=1e-9)


def test_faults_of_a_train_show_in_the_measures() -> None:
    good = measures(made(), MODULE, codes=CODES, alone=[(0.1, 0.1), (0.2, 0.2), (0.5, 0.5)], supply=1.1)
    wrong = measures(made(**{"v(p0)": 0.01}), MODULE, codes=CODES, alone=[(0.1, 0.1), (0.2, 0.2), (0.5, 0.5)], supply=1.1)
    assert wrong["chain_error"] == pytest.approx(0.01, abs=1e-5) and wrong["p_drop_1"] == good["p_drop_1"]
    waves = made()
    last = MODULE.cycles[-1]
    waves["v(out)"][waves["time"] > last.stop - 1e-9] = 0.55
    assert measures(waves, MODULE, codes=CODES, alone=[(0.1, 0.1), (0.2, 0.2), (0.5, 0.5)], supply=1.1)["read_ok"] == 0
    waves = made()
    undecided = (waves["time"] > MODULE.cycles[3].reset_at) & (waves["time"] < MODULE.cycles[3].stop)
    for name in ("v(op)", "v(on)"):
        waves[name][undecided] = 0.0
    found = measures(waves, MODULE, codes=CODES, alone=[(0.1, 0.1), (0.2, 0.2), (0.5, 0.5)], supply=1.1)
    assert np.isnan(found["latency_4"]) and not np.isnan(found["latency_3"])
    assert MODULE.bits[2] == MODULE.bits[3] and found["read_ok"] == 0, "the held bit is the right one by chance"
    with pytest.raises(SimulationError, match=r"left \[0, 1\]"):
        measures(made(**{"v(z2)": 0.9}), MODULE, codes=CODES, alone=[(0.1, 0.1), (0.2, 0.2), (0.5, 0.5)], supply=1.1)


def test_the_module_alone_runs_two_cycles_with_one_code() -> None:
    deck = MODULE.alone_deck(SINGLE.nominal(code=0), 37)
    first, second = train(SINGLE.timing, 2)
    assert deck.stop == second.stop and "code_1" not in deck.parameters and deck.parameters["code"] == 37
    for moment in (0.0, second.stop):
        assert sum(int(level(deck.text, f"b{bit}", moment) > 0.5) << bit for bit in range(6)) == 37
    assert (level(deck.text, "on1", first.stop - 2 * first.edge), level(deck.text, "on1", second.reset_at)) == (0, 1)
    time = np.linspace(0, second.stop, 2001)
    states = {"p0": (0.2, 0.9), "p1": (0.4, 0.9), "z1": (0.0, 0.3), "o1": (1.0, 0.6)}  # at the ends of both cycles
    waves = {"time": time, **{f"v({name})": np.where(time <= first.stop + 50e-12, *ends) for name, ends in states.items()}}
    assert alone_probabilities(waves, MODULE) == (pytest.approx(0.2 / 0.8), pytest.approx(0.3 / 0.7))
    stuck = {"time": time, **{f"v({name})": np.full(time.size, float(name in ("p1", "o1"))) for name in states}}
    assert np.isnan(alone_probabilities(stuck, MODULE)).all()
