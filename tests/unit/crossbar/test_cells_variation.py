"""Complementary cells and the devices of one chip."""

from __future__ import annotations

import numpy as np
import pytest
from tolerances import STANDARD_ERRORS

from spinbnn.crossbar.array_params import ArrayParams
from spinbnn.crossbar.cells import (
    antiparallel_states,
    device_rows,
    effective_conductance,
    signed_sum,
    word_lines,
)
from spinbnn.crossbar.variation import sample_array
from spinbnn.errors import ParameterError

MOHM = ArrayParams.load("array_mohm")
EVEN = MOHM.with_values(junction__parallel_resistance__sigma=0.0, junction__tmr__sigma=0.0)
RNG = np.random.default_rng(7)


@pytest.mark.parametrize(("x", "w", "state"), [(1, 1, "P"), (-1, -1, "P"), (1, -1, "AP"), (-1, 1, "AP")])
def test_table_1_of_the_paper(x, w, state):
    """Input and weight agree: the device that conducts is in the low-resistance state."""
    true, complement = antiparallel_states([[(w + 1) // 2]])
    driven = word_lines(np.array([x]))
    assert driven.tolist() == ([1, 0] if x == 1 else [0, 1])  # the other line at rest, not at the opposite voltage
    assert (true.item(), complement.item()) == (w == -1, w == 1)  # one device in each state, the true one in P for +1
    (conducting,) = np.array([true[0, 0], complement[0, 0]])[driven == 1]
    assert conducting == (state == "AP")


@pytest.mark.parametrize("readout", ["single", "differential"])
def test_equal_devices_give_the_signed_sum(readout):
    bits, x = RNG.integers(0, 2, (37, 5)), RNG.integers(-1, 2, (9, 37))
    sample = sample_array(EVEN, bits, seed=1)
    p, ap, v = (1 / EVEN.resistance(s, 0.1) for s in (False, True)), None, sample.voltage
    p, ap = p
    lines = word_lines(x, readout)
    if readout == "single":
        current = v * lines @ sample.device_rows()
        got = signed_sum(current, p, ap, v, reference=sample.reference_current(lines)[:, None])
    else:
        current = v * (lines @ sample.true - lines @ sample.complement)
        got = signed_sum(current, p, ap, v, readout=readout)
    assert np.allclose(got, x @ (2 * bits - 1), rtol=0, atol=1e-9)


@pytest.mark.parametrize("readout", ["single", "differential"])
def test_effective_conductances_add_up_to_the_column(readout):
    bits, x = RNG.integers(0, 2, (12, 3)), RNG.integers(-1, 2, 12)
    sample = sample_array(MOHM, bits, seed=1)
    column = sum(sample.effective(int(value), readout)[row] for row, value in enumerate(x))
    lines = word_lines(x, readout)
    direct = (
        lines @ sample.device_rows() if readout == "single" else lines @ (sample.true - sample.complement)
    )
    assert np.allclose(column, direct, rtol=1e-12, atol=0)


def test_device_rows_are_in_turns():
    matrix = device_rows([[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]])
    assert matrix.tolist() == [[1, 2], [5, 6], [3, 4], [7, 8]]
    assert word_lines(np.array([[1.0, -1.0]])).tolist() == [[1, 0, 0, 1]]


def test_torch_word_lines_stay_tensors():
    torch = pytest.importorskip("torch")
    x = torch.tensor([[1.0, -1.0, 0.0]])
    assert torch.equal(word_lines(x), torch.tensor([[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]]))


def test_spreads_are_those_of_the_file():
    bits = np.ones((100, 100), int)
    params = MOHM.with_values(access__resistance=0.0, junction__tmr__sigma=0.0)
    sample = sample_array(params, bits, seed=3)
    r = 1 / sample.true.ravel()
    z = (np.log(r) - np.log(1e6)) / np.sqrt(np.log1p(0.07**2))
    error = STANDARD_ERRORS / np.sqrt(r.size)
    assert abs(z.mean()) < error and abs(z.std() - 1) < error
    # medians, not means: both R and G are 0.24 % higher in the mean
    excess = np.sqrt(1 + 0.07**2)
    assert r.mean() / 1e6 == pytest.approx(excess, rel=0.07 * error)
    assert sample.true.mean() * 1e6 == pytest.approx(excess, rel=0.07 * error)


def test_a_wide_spread_is_standard_deviation_over_mean():
    params = EVEN.with_values(access__resistance=0.0, junction__parallel_resistance__sigma=0.5)
    r = 1 / sample_array(params, np.ones((200, 200), int), seed=3).true
    assert r.std() / r.mean() == pytest.approx(0.5, rel=0.03)  # 0.533 without the logarithm of 1 + cv^2


def test_the_solver_takes_a_sample_with_its_wires_and_references():
    solve_array = pytest.importorskip("spinbnn.crossbar.solve.array").solve_array
    params = EVEN.with_values(wire__row_resistance__sigma=0.2, wire__column_resistance__sigma=0.2)
    bits, x = RNG.integers(0, 2, (16, 6)), RNG.choice([-1, 1], (3, 16))
    lines = word_lines(x)
    gp, gap = (1 / params.resistance(s, 0.1) for s in (False, True))
    sums = []
    for scale in (0.0, 1.0):
        chip = params.with_values(wire__row_resistance=8.95e6 * scale, wire__column_resistance=8.95e6 * scale)
        sample = sample_array(chip, bits, seed=1)
        matrix = sample.device_rows(references=True)
        assert matrix.shape == np.shape(sample.row_wires) == (32, 8)
        currents = solve_array(
            matrix,
            lines * sample.voltage,
            wire_row=sample.row_wires,
            wire_column=sample.column_wires,
            active=lines > 0,
        ).currents
        reference = currents[:, -2:].mean(axis=1, keepdims=True)
        sums.append(signed_sum(currents[:, :-2], gp, gap, sample.voltage, reference=reference))
    assert np.allclose(sums[0], x @ (2 * bits - 1), rtol=0, atol=1e-9)
    assert 0 < np.abs(sums[1] - sums[0]).max() < 0.05  # 16 rows of a megaohm lose little


def test_references_are_a_parallel_and_an_antiparallel_column():
    sample = sample_array(EVEN, [[1], [0]], seed=1)
    assert np.allclose(
        sample.reference, [[1 / EVEN.resistance(s, 0.1) for s in (False, True)]] * 4, rtol=1e-12, atol=0
    )


def test_the_ratio_spreads_too_and_falls_with_the_bias():
    params = MOHM.with_values(access__resistance=0.0, junction__parallel_resistance__sigma=0.0)
    sample = sample_array(params, np.zeros((100, 100), int), seed=3, voltage=0.5)
    ratio = 1e-6 / sample.true.ravel() - 1  # true devices are AP
    z = np.log(ratio / 0.6) / np.sqrt(np.log1p(0.04**2))
    error = STANDARD_ERRORS / 100
    assert abs(z.mean()) < error and abs(z.std() - 1) < error
    assert np.allclose(sample.complement, 1e-6, rtol=1e-12, atol=0)


def test_the_devices_stay_when_the_weights_change():
    zeros, ones = (
        sample_array(EVEN.with_values(junction__parallel_resistance__sigma=0.07), np.full((8, 4), b), seed=5)
        for b in (0, 1)
    )
    assert np.allclose(
        (1 / zeros.complement - 10.5e3) * 2.2 / (1 / ones.complement - 10.5e3),
        1 / (1 / 2.2 * (1 + 1.2 / 1.04)),
        rtol=0.2,
    )
    factor = (1 / zeros.true - 10.5e3) / (1 / ones.true - 10.5e3)
    assert np.allclose(factor, 1 + EVEN.tmr_at(0.1), rtol=1e-9, atol=0)
    assert np.ptp(ones.true) > 0


def test_arrays_can_be_drawn_in_any_order():
    bits = RNG.integers(0, 2, (6, 4))
    params = MOHM.with_values(wire__row_resistance__sigma=0.1)
    first = sample_array(params, bits, seed=2, layer="fc1", tile=0)
    for seed, layer, tile in ((2, "fc1", 1), (2, "fc2", 0), (3, "fc1", 0)):
        other = sample_array(params, bits, seed=seed, layer=layer, tile=tile)
        assert not np.allclose(first.true, other.true, rtol=1e-6)
        assert not np.allclose(first.wire_row, other.wire_row, rtol=1e-6)
    again = sample_array(params, bits, seed=2, layer="fc1", tile=0)
    for name in ("true", "complement", "reference", "wire_row", "wire_column"):
        assert np.array_equal(getattr(first, name), getattr(again, name))


def test_chip_factors_are_common_to_all_arrays_of_a_chip():
    params = EVEN.with_values(
        junction__parallel_resistance__sigma_global=0.1,
        wire__column_resistance__sigma_global=0.1,
        access__resistance=0.0,
    )
    bits = np.ones((3, 3), int)
    a, b, c = (sample_array(params, bits, seed=s, layer=name) for s, name in ((1, "a"), (1, "b"), (2, "a")))
    assert np.ptp(a.true) == 0 and np.array_equal(a.true, b.true) and a.true[0, 0] != c.true[0, 0]
    assert a.wire_column == b.wire_column != c.wire_column
    assert a.wire_row == params.wire_row


def test_wires_spread_by_segment():
    params = MOHM.with_values(wire__column_resistance__sigma=0.2)
    sample = sample_array(params, np.zeros((50, 40), int), seed=1)
    assert isinstance(sample.wire_row, float) and sample.wire_column.shape == (100, 40)
    z = np.log(sample.wire_column / params.wire_column) / np.sqrt(np.log1p(0.04))
    assert abs(z.mean()) < STANDARD_ERRORS / np.sqrt(z.size) and abs(z.std() - 1) < STANDARD_ERRORS / np.sqrt(
        z.size
    )


def test_stuck_devices_keep_their_state():
    bits = RNG.integers(0, 2, (100, 100))
    params = EVEN.with_values(faults__stuck_parallel=0.1, faults__stuck_antiparallel=0.05, faults__open=0.02)
    sample, healthy = sample_array(params, bits, seed=4), sample_array(EVEN, bits, seed=4)
    matrix, whole = sample.device_rows(), healthy.device_rows()
    p, ap = (1 / EVEN.resistance(state, 0.1) for state in (False, True))
    counts = [sample.faults[name] for name in ("stuck_parallel", "stuck_antiparallel", "open")]
    for count, chance in zip(counts, (0.1, 0.05, 0.02), strict=True):
        assert abs(count - 20000 * chance) < STANDARD_ERRORS * np.sqrt(20000 * chance * (1 - chance))
    cut = np.isclose(matrix, 1e-10, rtol=1e-9, atol=0)
    assert cut.sum() == counts[2]
    changed = ~np.isclose(matrix, whole, rtol=1e-9, atol=0) & ~cut
    assert np.allclose(matrix[changed & np.isclose(whole, ap, rtol=1e-9, atol=0)], p, rtol=1e-9)
    assert np.allclose(matrix[changed & np.isclose(whole, p, rtol=1e-9, atol=0)], ap, rtol=1e-9)
    assert abs(changed.sum() - 20000 * 0.075) < STANDARD_ERRORS * np.sqrt(
        20000 * 0.075
    )  # half were in that state


def test_faults_are_nested():
    bits = np.zeros((60, 60), int)
    few, many = (
        sample_array(EVEN.with_values(faults__stuck_parallel=p), bits, seed=4).true for p in (0.05, 0.2)
    )
    stuck = ~np.isclose(few, few.min(), rtol=1e-9)
    assert stuck.any() and np.allclose(many[stuck], few[stuck], rtol=1e-12)
    assert (many > few).sum() > 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: antiparallel_states([[0, 2]]),
        lambda: antiparallel_states([[-1, 1]]),
        lambda: antiparallel_states([0, 1]),
        lambda: word_lines(np.array([0.5])),
        lambda: word_lines(np.array([1]), "triple"),
        lambda: word_lines(np.array([True, False])),
        lambda: word_lines(np.array([1, 0], np.uint8)),
        lambda: effective_conductance([[1.0]], [[1.0]], 2),
        lambda: signed_sum(1.0, 1.0, 1.0, 0.1, readout="differential"),
        lambda: signed_sum(1.0, 2.0, 1.0, 0.1),
        lambda: sample_array(MOHM, [[[1]]], seed=0),
        lambda: sample_array(MOHM, [[1]], seed=0, voltage=0.0),
        lambda: sample_array(MOHM, [[1]], seed=-1),
    ],
)
def test_wrong_arguments_are_refused(call):
    with pytest.raises(ParameterError) as error:
        call()
    assert error.value.remedy
