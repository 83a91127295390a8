"""Phase plan of the cycle."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spinbnn.circuit import DropoutModuleBench, Technology, Timing
from spinbnn.device import DeviceParams
from spinbnn.errors import ParameterError

PLAN = Timing(lead=1e-9, reset=5e-9, set=10e-9, read=7e-9, gap=2e-9, gap_read=3e-9)


def test_places_of_the_phases() -> None:
    """1 | RESET 5 | 2 | SET 10 | 3 | READ 7 | 2 | READ 7 | 2 ns."""
    assert (PLAN.reset_at, PLAN.set_at) == pytest.approx((1e-9, 8e-9), rel=1e-12, abs=0)
    assert PLAN.read_at == pytest.approx((21e-9, 30e-9), rel=1e-12, abs=0)
    assert PLAN.stop == pytest.approx(39e-9, rel=1e-12, abs=0)
    assert replace(PLAN, gap_read=None).read_at == pytest.approx((20e-9, 29e-9), rel=1e-12, abs=0)


def test_a_rest_that_is_not_given_is_the_gap() -> None:
    """Two ways to write one plan: the same times, and the same identity of a bench."""
    plain, spelt = Timing(gap=2e-9), Timing(gap=2e-9, gap_read=2e-9)
    assert plain.rest == 2e-9 and plain.seconds() == spelt.seconds() and plain.read_at == spelt.read_at and plain.stop == spelt.stop
    one, other = (DropoutModuleBench(technology=Technology.load("cmos40lp"), params=DeviceParams.load("seed_eq23"), timing=t) for t in (plain, spelt))
    assert one.identity() == other.identity() and one.identity()["timing"]["gap_read"] == 2e-9
    sample = one.nominal(set_voltage=1.0)
    assert one.deck(sample).text == other.deck(sample).text != replace(one, timing=Timing(gap=2e-9, gap_read=1e-9)).deck(sample).text


def test_the_rest_comes_from_a_flow_file() -> None:
    data = {"technology": "cmos40lp", "device": "seed_eq23", "timing": {"gap_read": "0.25 ns"}}
    assert DropoutModuleBench.from_flow(data, "a.toml").timing == Timing(gap_read=0.25e-9)


@pytest.mark.parametrize(("change", "words"), [({"gap_read": 0.0}, "gap_read"), ({"gap_read": -1e-9}, "gap_read"), ({"gap_read": float("nan")}, "gap_read"), ({"gap_read": 100e-12}, "edges"), ({"gap": 100e-12}, "edges")])
def test_rests_out_of_range_are_refused(change: dict[str, float], words: str) -> None:
    with pytest.raises(ParameterError) as caught:
        Timing(**change)  # type: ignore[arg-type]
    assert words in str(caught.value)
