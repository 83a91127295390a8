"""The search for a code looks at few of them and finds the one that the whole range holds, whatever the curve is like."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinbnn.characterize.grid import Axis
from spinbnn.characterize.journal import Row
from spinbnn.characterize.search import INTERPOLATIONS, SearchPlan, rising
from spinbnn.characterize.specification import OperatingPoint, Specification


def searched(p: np.ndarray, target: float = 0.5) -> list[int]:
    """Return the codes that a search looks at, in their order."""
    axis = Axis(name="code", unit="1", description="", values=tuple(float(k) for k in range(p.size)))
    plan = SearchPlan((axis,), Specification(operating_point=OperatingPoint(axis="code", measure="p", target=target)))
    rows: dict[int, Row] = {}
    order: list[int] = []
    while missing := plan.missing(rows):
        assert len(missing) == 1
        order += missing
        rows[missing[0]] = Row(status="ok", values={"p": float(p[missing[0]])})
    assert len(order) == len(set(order)) <= plan.most
    return order


def module(codes: int, step: float, low: float, need: float, steepness: float) -> np.ndarray:
    current = (low + step * np.arange(codes)) / need
    return np.asarray(1 - np.exp(-math.log(2) * np.exp(steepness * np.log(current))))


@pytest.mark.parametrize(("codes", "step", "low", "most"), [(64, 0.0074, 0.75, 4.5), (128, 0.003, 0.76, 4.5), (256, 0.0025, 0.665, 4.5)])
def test_four_samples_of_a_module_are_enough(codes: int, step: float, low: float, most: float) -> None:
    counts = []
    for need in np.linspace(0.85, 1.1, 41):
        for steepness in (18.0, 25.0, 32.0):
            p = module(codes, step, low, float(need), steepness)
            seen = searched(p)
            assert int(np.argmin(np.abs(p - 0.5))) in seen
            counts.append(len(seen))
    assert np.mean(counts) < most < math.log2(codes), "fewer than a bisection"


@settings(deadline=None)
@given(st.lists(st.floats(min_value=-0.1, max_value=1.1), min_size=1, max_size=70), st.floats(min_value=0.01, max_value=0.99))
def test_any_rising_curve_ends_with_the_nearest_value(values: list[float], target: float) -> None:
    p = np.sort(np.array(values))
    seen = searched(p, target)
    assert np.abs(p[seen] - target).min() == np.abs(p - target).min()
    assert len(seen) <= INTERPOLATIONS + math.ceil(math.log2(p.size + 1))


@pytest.mark.parametrize("curve", [lambda k: 0.0 * k, lambda k: 0.0 * k + 1.0, lambda k: (k >= 200) * 1.0, lambda k: (k >= 3) * 1.0])
def test_curves_that_say_nothing_are_halved(curve: Callable[[np.ndarray], np.ndarray]) -> None:
    p = curve(np.arange(256.0))
    seen = searched(p)
    assert len(seen) <= INTERPOLATIONS + 8
    if 0 < p.sum() < 256:
        edge = int(np.argmax(p))
        assert {edge - 1, edge} <= set(seen)


def test_measures_beyond_one_are_found_too() -> None:
    p = np.linspace(0.0, 40.0, 100)
    assert np.abs(p[searched(p, 13.0)] - 13.0).min() == np.abs(p - 13.0).min()


def test_the_scale_rises() -> None:
    x = [rising(v) for v in (-1.0, 0.0, 1e-9, 0.3, 0.5, 0.999, 1.0, 2.0)]
    assert x == sorted(x) and x[0] == x[1] and x[-1] == x[-2]
    assert rising(0.5) == pytest.approx(math.log(math.log(2)), rel=1e-12)
