"""Converters: exact where nothing errs, errors of the stated size, clipping that is counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spinbnn.crossbar.adc import Adc, Clipping, for_popcount
from spinbnn.errors import ParameterError

RAMP = np.linspace(-3.0, 19.0, 8801)


def brute(bank, column, values):
    """Return the codes of one instance, threshold by threshold, as the kind's circuit finds them."""
    adc, n = bank.adc, 2**bank.adc.bits
    seen = values * (1 + bank.gain_error[column]) + bank.offset[column]
    thresholds = adc.lo + adc.step * (np.arange(n) - 0.5 + bank.errors[column])
    if adc.kind != "sar":
        return (seen[:, None] >= thresholds[None, 1:]).sum(axis=1)
    codes = []
    for x in seen:
        code = 0
        for bit in reversed(range(adc.bits)):
            code += 2**bit if x >= thresholds[code + 2**bit] else 0
        codes.append(code)
    return np.array(codes)


@pytest.mark.parametrize("kind", ["sar", "flash", "ramp"])
def test_without_errors_it_rounds(kind):
    adc = Adc(kind=kind, bits=4, lo=1.0, hi=16.0)
    out = adc.convert(RAMP)
    assert out.codes.tolist() == np.clip(np.floor(RAMP - 0.5), 0, 15).astype(int).tolist()
    assert np.array_equal(out.values, out.codes + 1.0)
    assert (out.clipping.low, out.clipping.high) == ((RAMP < 0.5).sum(), (RAMP >= 16.5).sum())
    assert out.clipping.total == RAMP.size


def test_an_input_on_a_threshold_gets_the_upper_code():
    adc = Adc(kind="sar", bits=2, lo=0.0, hi=3.0)
    assert adc.convert(np.array([0.5, 1.5, 2.5])).codes.tolist() == [1, 2, 3]
    bowed = replace(adc, bow=1e-12)  # the same through the search
    assert bowed.convert(np.array([0.5, 1.5, 2.5]) + 1e-9).codes.tolist() == [1, 2, 3]
    sense = for_popcount(8, 1, "sense")
    assert sense.convert(np.array([3.0, 4.0, 5.0])).codes.tolist() == [0, 1, 1]


def test_offset_gain_and_noise_move_the_input():
    adc = Adc(kind="flash", bits=4, lo=0.0, hi=15.0)
    x = np.arange(16.0)
    assert replace(adc, offset=2.0).convert(x).values.tolist() == np.minimum(x + 2, 15).tolist()
    assert replace(adc, gain_error=-0.5).convert(2 * x[:8]).values.tolist() == x[:8].tolist()
    z = np.tile([1.0, -1.0], 8)
    assert replace(adc, noise=1.0).convert(x, z).values.tolist() == np.clip(x + z, 0, 15).tolist()
    coarse = Adc(kind="flash", bits=2, lo=0.0, hi=12.0, noise=1.5)  # in the unit of the input, not in steps
    assert coarse.convert(np.array([4.0, 4.0, 4.0]), np.array([-1.0, 1.0, 2.0])).codes.tolist() == [1, 1, 2]
    with pytest.raises(ParameterError, match="noise"):
        replace(adc, noise=1.0).convert(x)


def test_the_bow_is_a_parabola_in_the_middle():
    adc = Adc(kind="ramp", bits=4, lo=0.0, hi=15.0, bow=0.75)
    thresholds = [RAMP[np.argmax(adc.convert(RAMP).codes >= k)] for k in range(1, 16)]
    t = np.arange(1, 16) / 16
    assert np.allclose(
        np.array(thresholds) - (np.arange(1, 16) - 0.5), 0.75 * 4 * t * (1 - t), rtol=0, atol=0.0026
    )


@pytest.mark.parametrize("kind", ["sar", "flash", "ramp", "sense"])
def test_instances_do_what_their_thresholds_say(kind):
    bits = 1 if kind == "sense" else 4
    adc = Adc(kind=kind, bits=bits, lo=0.0, hi=15.0, mismatch=0.7, bow=0.3, offset_sigma=0.4, gain_sigma=0.05)
    bank = adc.bank(3, 5, "fc1", 0)
    out = bank.convert(np.repeat(RAMP[:, None], 3, axis=1))
    for column in range(3):
        assert out.codes[:, column].tolist() == brute(bank, column, RAMP).tolist()
    assert len({tuple(c) for c in out.codes.T}) == 3


def test_a_sar_converter_can_miss_codes_and_a_flash_converter_cannot_go_back():
    wild = Adc(kind="sar", bits=6, lo=0.0, hi=63.0, mismatch=0.8).bank(1, 3, "x")
    x = np.linspace(-2, 66, 20001)
    assert len(np.unique(wild.convert(x[:, None]).codes)) < 64
    flash = Adc(kind="flash", bits=6, lo=0.0, hi=63.0, mismatch=2.0).bank(1, 3, "x")
    codes = flash.convert(x[:, None]).codes[:, 0]
    assert np.all(np.diff(codes) >= 0) and codes[0] == 0 and codes[-1] == 63


def test_a_ramp_that_steps_back_has_stopped_at_its_first_crossing():
    bank = Adc(kind="ramp", bits=4, lo=0.0, hi=15.0, mismatch=1.5).bank(20, 3, "x")
    thresholds = bank.errors[:, 1:] + np.arange(1, 16)
    steps = np.diff(thresholds, axis=1)
    assert np.all(steps > -1e-12) and np.any(abs(steps) < 1e-12)


def test_sizes_of_the_random_errors():
    draws = {
        k: Adc(kind=k, bits=4, lo=0, hi=15, mismatch=0.1).bank(4000, 1, k).errors for k in ("sar", "ramp")
    }
    sd = draws["sar"].std(axis=0)
    assert sd[[1, 2, 4, 8]] == pytest.approx(0.1 * np.sqrt([1, 2, 4, 8]), rel=0.05)
    assert sd[15] == pytest.approx(0.1 * np.sqrt(15), rel=0.05)
    bridge = draws["ramp"].std(axis=0)
    assert bridge[0] == 0 and bridge[15] == pytest.approx(0, abs=1e-14)
    assert bridge[5] == pytest.approx(0.1 * np.sqrt(5 * 10 / 15), rel=0.05)
    sense = Adc(kind="sense", bits=1, lo=0, hi=1, mismatch=0.1, offset_sigma=0.2, gain_sigma=0.03).bank(
        4000, 1, "s"
    )
    assert [sense.errors[:, 1].std(), sense.offset.std(), sense.gain_error.std()] == pytest.approx(
        [0.1, 0.2, 0.03], rel=0.05
    )


def test_instances_depend_on_their_names_alone():
    adc = Adc(kind="flash", bits=3, lo=0, hi=7, mismatch=0.2, offset_sigma=0.1)
    two, again, other = adc.bank(2, 9, "fc1", 0), adc.bank(5, 9, "fc1", 0), adc.bank(2, 9, "fc1", 1)
    assert np.array_equal(two.errors, again.errors[:2]) and np.array_equal(two.offset, again.offset[:2])
    assert not np.array_equal(two.errors, other.errors)
    assert not np.array_equal(two.errors, adc.bank(2, 10, "fc1", 0).errors)


def test_clipping_adds_up():
    adc = Adc(kind="sar", bits=2, lo=0.0, hi=3.0)
    seen = sum((adc.convert(np.array([-1.0, 0.0, 9.0, 9.0])).clipping for _ in range(2)), Clipping())
    assert (seen.low, seen.high, seen.total, seen.fraction) == (2, 4, 8, 0.75)
    assert Clipping().fraction == 0


@pytest.mark.parametrize("bits", [1, 3, 8, 9])
def test_full_range_gives_every_count_that_the_codes_allow(bits):
    rows = 200
    adc = for_popcount(rows, bits)
    out = adc.convert(np.arange(rows + 1.0))
    assert out.clipping.fraction == 0 == adc.clipping_probability
    if bits >= 8:
        assert out.values.tolist() == list(range(rows + 1)) and adc.step == 1
    else:
        assert (adc.lo, adc.hi) == (0, rows)
        assert np.abs(out.values - np.arange(rows + 1)).max() <= adc.step / 2 * (1 + 1e-12)


@pytest.mark.parametrize(("bits", "clip"), [(4, 1e-2), (5, 1e-3), (6, 1e-3), (6, 1e-6), (8, 1e-3)])
def test_narrow_range_clips_as_often_as_it_says(bits, clip):
    from scipy.stats import binom

    rows = 256
    adc = for_popcount(rows, bits, clip=clip)
    counts = np.arange(rows + 1.0)
    weights = binom.pmf(counts, rows, 0.5)
    out = adc.convert(counts)
    outside = (counts < adc.lo - adc.step / 2) | (counts >= adc.hi + adc.step / 2)
    assert out.clipping.low + out.clipping.high == outside.sum()
    assert adc.clipping_probability == pytest.approx(weights[outside].sum(), rel=1e-9, abs=0)
    assert adc.clipping_probability <= clip and adc.step >= 1
    if adc.step == 1:
        assert np.array_equal(out.values[~outside], counts[~outside])


def test_spare_codes_lie_on_both_sides():
    adc = for_popcount(256, 7, clip=1e-3)
    assert abs((adc.lo + adc.hi) / 2 - 128) <= 1 and adc.hi - adc.lo == 127


def test_a_narrow_range_follows_the_mean():
    adc = for_popcount(100, 4, clip=0.1, agree=0.8)
    assert adc.lo < 80 < adc.hi and 80 - adc.lo < 10


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "sigma-delta"},
        {"bits": 0},
        {"bits": 17},
        {"bits": True},
        {"bits": 2, "kind": "sense"},
        {"lo": 3.0},
        {"hi": float("inf")},
        {"noise": -1.0},
        {"mismatch": float("nan")},
        {"offset": float("nan")},
        {"gain_error": -1.0},
    ],
)
def test_wrong_converters_are_refused(changes):
    with pytest.raises(ParameterError) as error:
        Adc(**{"kind": "sar", "bits": 4, "lo": 0.0, "hi": 3.0} | changes)
    assert error.value.remedy


@pytest.mark.parametrize(
    "changes", [{"rows": 0}, {"clip": 0.0}, {"clip": 1.0}, {"agree": 1.0}, {"bits": 0}, {"kind": "dual"}]
)
def test_wrong_placements_are_refused(changes):
    with pytest.raises(ParameterError):
        for_popcount(**{"rows": 8, "bits": 3} | changes)


def test_no_inputs_and_infinite_inputs():
    adc = Adc(kind="sar", bits=2, lo=0.0, hi=3.0)
    assert adc.convert(np.zeros((0, 3))).codes.shape == (0, 3)
    out = adc.convert(np.array([-np.inf, np.inf]))
    assert out.codes.tolist() == [0, 3] and out.clipping == Clipping(low=1, high=1, total=2)


def test_precision_and_kind_of_the_input_are_kept():
    x = np.array([1.0, 2.0, 7.0], dtype=np.float32)
    for mismatch in (0.0, 0.1):
        out = Adc(kind="flash", bits=3, lo=0.0, hi=7.0, mismatch=mismatch).bank(3, 1).convert(x)
        assert out.values.dtype == np.float32 and out.codes.dtype == np.int64
    assert x.tolist() == [1.0, 2.0, 7.0]  # the input is not written to


def test_wrong_inputs_are_refused():
    bank = Adc(kind="sar", bits=2, lo=0, hi=3).bank(3, 0)
    for values in (np.zeros((2, 4)), np.float64(1.0), np.array([0.0, np.nan, 1.0])):
        with pytest.raises(ParameterError):
            bank.convert(values)
    with pytest.raises(ParameterError):
        bank.adc.bank(0, 1)


@pytest.mark.parametrize("mismatch", [0.0, 0.5])
def test_torch_tensors_give_the_same_codes_and_stay_tensors(mismatch):
    torch = pytest.importorskip("torch")
    adc = Adc(kind="sar", bits=6, lo=0.0, hi=63.0, mismatch=mismatch, offset_sigma=0.3, noise=0.5)
    bank = adc.bank(7, 2, "fc1")
    rng = np.random.default_rng(0)
    x, z = rng.uniform(-3, 67, (50, 7)), rng.standard_normal((50, 7))
    mine, theirs = bank.convert(x, z), bank.convert(torch.tensor(x), torch.tensor(z))
    assert isinstance(theirs.values, torch.Tensor) and theirs.codes.dtype == torch.int64
    assert np.array_equal(theirs.codes.numpy(), mine.codes) and np.array_equal(
        theirs.values.numpy(), mine.values
    )
    assert theirs.clipping == mine.clipping
    whole = torch.arange(70).reshape(10, 7)  # integers are counts too
    assert (
        bank.convert(whole, torch.tensor(z[:10])).codes.tolist()
        == bank.convert(whole.numpy(), z[:10]).codes.tolist()
    )
    assert adc.bank(1, 2).convert(torch.tensor(x, dtype=torch.float32), torch.tensor(z)).values.shape == (
        50,
        7,
    )


@pytest.mark.parametrize("kind", ["sar", "flash", "ramp"])
def test_infinite_inputs_are_clipped_and_counted_with_and_without_errors(kind):
    torch = pytest.importorskip("torch")
    x = np.array([[-np.inf, np.inf, 3.0]])
    for mismatch in (0.0, 0.2):
        bank = Adc(kind=kind, bits=3, lo=0.0, hi=7.0, mismatch=mismatch).bank(3, 1)
        for values in (x, torch.from_numpy(x)):
            out = bank.convert(values)
            assert out.codes.tolist()[0][:2] == [0, 7] and out.clipping == Clipping(low=1, high=1, total=3)
