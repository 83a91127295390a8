"""Laws that hold for every converter."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spinbnn.crossbar.adc import Adc, for_popcount


@given(
    st.integers(1, 600), st.integers(1, 10), st.one_of(st.none(), st.floats(1e-9, 0.5)), st.floats(0.05, 0.95)
)
@settings(deadline=None, max_examples=80)
def test_popcounts_inside_the_range_err_by_half_a_step(rows, bits, clip, agree):
    adc = for_popcount(rows, bits, clip=clip, agree=agree)
    counts = np.arange(rows + 1.0)
    out = adc.convert(counts)
    inside = (counts >= adc.lo - adc.step / 2) & (counts < adc.hi + adc.step / 2)
    assert (
        abs(out.clipping.low + out.clipping.high - (~inside).sum()) <= 2
    )  # counts on an edge, within rounding
    assert np.all(np.abs(out.values - counts)[inside] <= adc.step / 2 * (1 + 1e-9))
    assert adc.step >= 1 - 1e-12 and np.all(np.diff(out.codes) >= 0)
    if clip is None:
        assert out.clipping.fraction == 0
    else:
        assert adc.clipping_probability <= clip * (1 + 1e-9)


@given(
    st.sampled_from(["sar", "flash", "ramp"]),
    st.integers(1, 8),
    st.floats(0, 0.5),
    st.floats(-0.3, 0.3),
    st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=60)
def test_random_errors_move_a_code_by_no_more_than_they_are(kind, bits, mismatch, bow, seed):
    adc = Adc(kind=kind, bits=bits, lo=-2.0, hi=5.0, mismatch=mismatch, bow=bow)
    bank = adc.bank(2, seed, "x")
    values = np.linspace(-3, 6, 901)[:, None].repeat(2, axis=1)
    ideal = np.clip((values + 2) / adc.step, 0, 2**bits - 1)
    codes = bank.convert(values).codes
    assert codes.min() >= 0 and codes.max() <= 2**bits - 1
    if kind != "sar":  # a search can end far from a threshold that it never met
        assert np.all(np.abs(codes - ideal) <= 0.5 + np.abs(bank.errors).max() + 1e-9)
