"""Units: what is printed reads back, and every finite number survives a deck."""

from __future__ import annotations

import math

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


Factors = list[tuple[str, int]]
"""Symbols with the exponent that they have once all parentheses are resolved."""
_leaf = st.tuples(st.sampled_from(["m", "s", "K", "V", "ohm", "nm", "uA", "1"]), st.integers(-2, 2)).map(lambda pair: (f"{pair[0]}^{pair[1]}", [pair]))


def _joined(parts: list[tuple[str, tuple[str, Factors]]]) -> tuple[str, Factors]:
    """Write ``(a op b op c)`` and give the explicit exponents: ``/`` turns the sign of the one factor behind it."""
    text, factors = parts[0][1][0], list(parts[0][1][1])
    for operator, (inner, its_factors) in parts[1:]:
        text += operator + inner
        factors += [(symbol, -n if "/" in operator else n) for symbol, n in its_factors]
    return f"({text})", factors


@given(st.recursive(_leaf, lambda inner: st.lists(st.tuples(st.sampled_from([" ", "*", "/", " / ", "·"]), inner), min_size=1, max_size=3).map(_joined), max_leaves=8))
def test_parentheses_give_the_explicit_exponents(written: tuple[str, Factors]) -> None:
    text, factors = written
    scale, dimension = units.unit_scale(text)
    single = [(units.unit_scale(symbol), n) for symbol, n in factors]
    assert dimension == tuple(sum(n * each[1][axis] for each, n in single) for axis in range(5))
    assert math.log10(scale) == pytest.approx(sum(n * math.log10(each[0]) for each, n in single), abs=1e-9)


@given(st.text(alphabet="mVs1/()*^ -2", max_size=12))
def test_any_text_is_a_unit_or_a_unit_error(text: str) -> None:
    try:
        scale, _ = units.unit_scale(text)
    except units.UnitError:
        return
    assert 0 < scale < math.inf and text.count("(") == text.count(")")
