"""The shared module in ngspice: one transient of consecutive layers against the module alone, the chain against its matrices,
and the bits of 20,000 passes drawn by thinning on its own waveform."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from spinbnn.characterize import Flow, run_flow
from spinbnn.characterize.shared_bench import SharedModuleBench, SharedModuleJob
from spinbnn.circuit import NgspiceBatch, Technology
from spinbnn.circuit.dropout_cycle import TRACK, Timing
from spinbnn.circuit.dropout_measures import switching_model
from spinbnn.circuit.dropout_variants import TrimmedModuleBench
from spinbnn.circuit.logic_bench import multiplexer_figures
from spinbnn.circuit.shared_measures import alone_probabilities, measures
from spinbnn.circuit.shared_module import SharedModule
from spinbnn.circuit.waveform import at, integral
from spinbnn.device import DeviceParams
from spinbnn.hardware import Chip, HardwareProfile
from spinbnn.rng import stream
from tests import tolerances

pytestmark = pytest.mark.spice
PARAMS = DeviceParams.load("seed_eq23")
CODES = (18, 25, 34)


def module(**options: float) -> SharedModule:
    single = TrimmedModuleBench(technology=Technology.load("cmos40lp"), params=PARAMS, timing=Timing(**options))
    return SharedModule(single=single, targets=(0.1, 0.2, 0.5), sequence=(0.1, 0.2, 0.5, 0.2, 0.1))


@pytest.fixture(scope="module")
def simulator() -> Iterator[NgspiceBatch]:
    with NgspiceBatch(workers=1, timeout=300.0) as engine:
        yield engine


@pytest.fixture(scope="module")
def short_reset(simulator: NgspiceBatch) -> tuple[SharedModule, dict[str, np.ndarray], dict[str, float]]:
    """A train whose RESET fails in some per cent of the cycles: the chain is strong enough to be seen."""
    shared = module(reset=3e-9)
    sample = shared.single.nominal(code=0)
    (result,) = simulator.run([shared.deck(sample, CODES)])
    waves = result.require().waveforms
    alone = []
    for code in CODES:
        (result,) = simulator.run([shared.alone_deck(sample, code)])
        alone.append(alone_probabilities(result.require().waveforms, shared))
    return shared, waves, measures(waves, shared, codes=CODES, alone=alone, supply=shared.single.technology.supply)


def test_layers_have_the_matrix_of_the_module_alone(short_reset, simulator) -> None:
    shared, _, found = short_reset
    for layer, code in enumerate((18, 25, 34, 25, 18)):
        sample = shared.single.nominal(code=code)
        (result,) = simulator.run([shared.single.deck(sample)])
        alone = shared.single.measure(result, sample)
        for name in ("transition_01", "transition_11"):
            assert found[f"{name}_{layer + 1}"] == pytest.approx(alone[name], rel=tolerances.TRAIN_OF_CYCLES)
        assert found[f"current_set_{layer + 1}"] == pytest.approx(alone["current_set"], rel=1e-3, abs=0)
        assert abs(found[f"settling_{layer + 1}"]) < tolerances.TRAIN_OF_CYCLES * alone["p_drop"]
        target = (1, 2, 3, 2, 1)[layer]
        assert found[f"p_alone_{target}"] + found[f"rested_{target}"] == pytest.approx(alone["p_drop"], rel=tolerances.TRAIN_OF_CYCLES)
    assert found["transition_11_1"] - found["transition_01_1"] > 0.03, "RESET of 3 ns does fail"


def test_the_state_that_runs_through_all_cycles_is_the_chain(short_reset) -> None:
    """The carried nodes, from both starts, against products of the layers' matrices: not only at the end, from the first cycle on."""
    shared, waves, found = short_reset
    a, b = (np.array([found[f"transition_{k}_{n + 1}"] for n in range(5)]) for k in ("01", "11"))
    for node, p in (("p0", 0.0), ("p1", 1.0)):
        for n, cycle in enumerate(shared.cycles):
            p = a[shared.layer(n)] + (b[shared.layer(n)] - a[shared.layer(n)]) * p
            value = at(waves["time"], waves[f"v({node})"], cycle.stop)
            assert value == pytest.approx(p, rel=tolerances.TRAIN_OF_CYCLES)
    first = [at(waves["time"], waves[f"v({node})"], shared.cycles[0].stop) for node in ("p0", "p1")]
    assert first[1] - first[0] > 0.03, "one cycle does not forget the first state"
    for n in shared.started:  # a chain that starts later goes on as well: two layers further
        k = n + 2
        if k < len(shared.cycles):
            zero, one = (at(waves["time"], waves[f"v({start}{n})"], shared.cycles[k].stop) for start in ("z", "o"))
            kept = np.prod([b[shared.layer(i)] - a[shared.layer(i)] for i in range(n, k + 1)])
            assert one - zero == pytest.approx(kept, abs=1e-5)


def test_masks_of_thinned_passes_have_the_weights_of_the_chip(short_reset) -> None:
    """Bits drawn by jumps on the track current, state carried over: the mask counts against hardware.chip."""
    shared, waves, found = short_reset
    passes, layers = 20_000, shared.layers
    time, current = waves["time"], waves[TRACK]
    begin, end = shared.cycles[layers].reset_at, shared.cycles[-1].stop  # the second pass, codes settled
    inside = (time >= begin) & (time <= end)
    moments, track = time[inside], current[inside]
    device = shared.single._device_numbers(shared.single.nominal(code=0))
    up, down = (np.asarray(r) for r in switching_model(device).rates(0.5 * (track[1:] + track[:-1])))
    steps = np.diff(moments)
    generator = stream(20261120, "thinning of a shared module")
    state, masks = np.zeros(passes + 50, bool), np.zeros((passes + 50, layers), bool)
    # chains side by side: the state of each after its first pass is the start of its second
    for _ in range(2):  # the first pass forgets the start
        for k in range(steps.size):
            if max(up[k], down[k]) * steps[k] > 1e-12:
                total = up[k] + down[k]
                relaxed = -np.expm1(-total * steps[k])
                flip = np.where(state, down[k] / total, up[k] / total) * relaxed
                state ^= generator.random(state.size) < flip
            for layer in range(layers):
                stop = shared.cycles[layers + layer].stop
                if moments[k] < stop <= moments[k + 1]:
                    masks[:, layer] = state
    counts = np.bincount(masks @ (2 ** np.arange(layers)[::-1]), minlength=2**layers)
    chip = Chip(seed=0, id="train", modules="shared", a=[found[f"transition_01_{k}"] for k in range(1, 6)], b=[found[f"transition_11_{k}"] for k in range(1, 6)])
    every = np.array(list(itertools.product((0, 1), repeat=layers)))
    weights = chip.mask_weights(every)
    expected = weights * state.size
    seen = expected > 5
    error = (counts - expected)[seen] / np.sqrt(expected * (1 - weights))[seen]
    assert np.abs(error).max() < tolerances.STANDARD_ERRORS
    apart = np.prod(np.where(every == 1, chip.drop_probability, 1 - chip.drop_probability), axis=1) * state.size
    chi = [float(np.sum((counts - model)[seen] ** 2 / model[seen])) for model in (expected, apart)]
    assert chi[0] < seen.sum() + 4 * np.sqrt(2 * seen.sum()) < chi[1], "independent bits do not fit"


@pytest.mark.slow
def test_the_settling_between_codes_is_below_the_numerics(simulator) -> None:
    """Worst change of codes, from one end of the DAC to a code in the middle, in steps of 5 ps."""
    single = module(max_step=5e-12).single
    middle = 34
    shared = SharedModule(single=single, targets=(0.01, 0.5, 0.99), sequence=(0.01, 0.5, 0.99, 0.5))
    (train, alone) = simulator.run([shared.deck(single.nominal(code=0), (0, middle, 63)), shared.alone_deck(single.nominal(code=0), middle)])
    p = alone_probabilities(alone.require().waveforms, shared)
    found = measures(train.require().waveforms, shared, codes=(0, middle, 63), alone=[p, p, p], supply=single.technology.supply)
    assert abs(found["settling_2"]) < 1e-4 and abs(found["settling_4"]) < 1e-4


def test_the_multiplexer_follows_the_bit_and_costs_what_a_whole_word_costs(short_reset, simulator) -> None:
    shared, waves, found = short_reset
    assert found["read_ok"] == 1 and 20e-12 < found["latency_select"] < 500e-12
    supply, full = shared.single.technology.supply, multiplexer_figures(simulator, shared.single.technology)
    spent = {}
    for n in range(1, len(shared.cycles)):
        pair = shared.bits[n - 1], shared.bits[n]
        cycle = shared.cycles[n]
        spent[pair] = [-supply * integral(waves["time"], waves[f"i(v{name})"], cycle.reset_at, cycle.stop) for name in ("buf", "bit")]
    moved = [spent[0, 1][k] + spent[1, 0][k] - spent[0, 0][k] - spent[1, 1][k] for k in range(2)]
    assert full.select_energy < moved[0] < 1.6 * full.select_energy, "the buffer with 32 bits, and the hold latch in front of it"
    assert moved[1] == pytest.approx(full.bit_energy, rel=0.2, abs=0)


@pytest.mark.slow
def test_a_job_finds_its_codes_and_measures_its_train() -> None:
    flow = Flow.load("dropout_module_shared").with_axes(draw={"count": 1})
    bench = flow.bench
    assert isinstance(bench, SharedModuleBench)
    job = bench.deck(next(flow.samples()))
    assert isinstance(job, SharedModuleJob)
    found = {name: float(value[0]) for name, value in job.run().items()}
    assert found["code_1"] < found["code_2"] < found["code_3"] and found["code_1"] == found["code_5"]
    for k, target in enumerate((0.1, 0.2, 0.5)):
        assert found[f"p_alone_{k + 1}"] == pytest.approx(target, abs=0.03)
        assert found[f"p_drop_{k + 1}"] == pytest.approx(target, abs=0.04)
    given = dataclasses.replace(job, codes=tuple(int(found[f"code_{k}"]) for k in (1, 2, 3)))
    assert {name: float(value[0]) for name, value in given.run().items()} == found, "the same codes, given: the same numbers"


@pytest.mark.slow
def test_a_profile_of_a_table_over_codes_is_made_of_real_codes() -> None:
    """Every whole code of a stretch of the DAC: what a chip gets was simulated, not interpolated."""
    axes = {"code": {"start": "24", "stop": "36", "points": 13}, "temperature": {"values": ["27 degC"]}, "corner": {"values": ["tt"]}, "draw": {"count": 2}}
    table = run_flow(Flow.load("dropout_module_trimmed").with_axes(**axes))
    a, b = (table.values(f"transition_{k}")[:, 0, 0, :] for k in ("01", "11"))
    p = a / (1 - b + a)  # code x draw
    middle = [float(np.sort(p[:, k])[p.shape[0] // 2]) + 0.004 for k in range(2)]
    for draw, target in enumerate(middle):
        profile = HardwareProfile.build(table, layers=1, drop_probability=target, trim="per_module", modules="per_layer")
        best = int(np.argmin(np.abs(p[:, draw] - target)))
        assert profile.module.codes((target,), 300.15, "per_module", 1.0)[draw, 0] == 24 + best
        assert profile.module_drop_probabilities()[draw, 0] == pytest.approx(p[best, draw], rel=1e-9)
    assert profile.draw_energy is not None and 1e-12 < profile.draw_energy < 20e-12
