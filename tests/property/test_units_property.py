"""Units: what is printed reads back, and every finite number survives a deck."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinbnn import units

finite = st.floats(min_value=1e-17, max_value=9.99e13)


@given(finite, st.sampled_from(["V", "A", "J", "s", "m", "ohm"]))
def test_format_reads_back(value: float, unit: str) -> None:
    text = units.format_si(value, unit, digits=12)
    assert units.quantity(text, unit) == pytest.approx(value, rel=1e-11)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e30, max_value=1e30))
def test_deck_numbers_are_exact(value: float) -> None:
    assert float(units.spice_number(value)) == value
    if value == 0 or abs(value) > 1e-30:
        assert units.parse_spice(units.spice_number(value)) == value
