"""Verdicts on a yield: what the draws show, what they do not, and how many it takes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from spinbnn.characterize.datasheet_verdict import draws_needed, verdict, yield_interval
from spinbnn.characterize.specification import Limit


def judged(inside: int, draws: int, share: float = 0.99) -> str:
    return verdict(Limit(maximum=1.0, applies="yield", share=share), all_within=inside == draws, inside=inside, draws=draws, typical=0.5)


def test_one_rule_on_both_sides() -> None:
    """39 of 40 is 97.5 %, and its interval holds 99 %: that is no miss."""
    assert [judged(k, 40) for k in (40, 39, 38, 30)] == ["open", "open", "FAIL", "FAIL"]
    assert [judged(k, 1000) for k in (1000, 997, 996, 984, 983)] == ["pass", "pass", "open", "open", "FAIL"]
    for inside, draws in ((40, 40), (39, 40), (38, 40), (997, 1000), (984, 1000), (983, 1000)):
        low, high = yield_interval(inside, draws)
        assert judged(inside, draws) == ("pass" if low >= 0.99 else "FAIL" if high < 0.99 else "open")


def test_381_draws_show_99_percent() -> None:
    assert (judged(380, 380), judged(381, 381)) == ("open", "pass")
    assert judged(10**6, 10**6, share=1.0) == "open" and judged(10**6 - 1, 10**6, share=1.0) == "FAIL"


@pytest.mark.parametrize(("outside", "draws", "needed"), [(0, 40, 381), (1, 40, 563), (2, 40, 726), (3, 40, 878)])
def test_the_draws_that_are_needed_show_the_yield_and_one_less_does_not(outside: int, draws: int, needed: int) -> None:
    assert draws_needed(draws - outside, draws, 0.99) == needed
    assert judged(needed - outside, needed) == "pass" and judged(needed - 1 - outside, needed - 1) == "open"


def test_no_number_of_draws_shows_100_percent_or_needs_fewer_than_there_are() -> None:
    assert draws_needed(5, 5, 1.0) is None
    assert draws_needed(500, 500, 0.99) == 500


def test_a_design_at_the_demand_seldom_passes() -> None:
    """What the docstring says of the rule, from the binomial distribution."""
    for draws in (381, 563, 1000, 2000):
        least = next(k for k in range(draws - 60, draws + 1) if judged(k, draws) == "pass")
        assert binom.sf(least - 1, draws, 0.99) <= 0.025
    for draws, most in ((40, 0.061), (200, 0.052), (1000, 0.0264)):
        failing = max(k for k in range(draws + 1) if judged(k, draws) == "FAIL")
        assert binom.cdf(failing, draws, 0.99) == pytest.approx(most, abs=0.0006)
    exact = [int(np.ceil(np.log(error) / np.log(0.99))) for error in (0.05, 0.025)]
    assert exact == [299, 368]


def test_limits_without_draws_pass_or_fail() -> None:
    every = Limit(maximum=1.0)
    assert verdict(every, all_within=True, inside=40, draws=40, typical=0.5) == "pass"
    assert verdict(every, all_within=False, inside=39, draws=40, typical=0.5) == "FAIL"
    share = Limit(maximum=1.0, applies="yield", share=0.99)
    assert verdict(share, all_within=True, inside=None, draws=1, typical=0.5) == "pass"
    assert verdict(Limit(maximum=0.4, applies="typical"), all_within=True, inside=None, draws=1, typical=0.5) == "FAIL"
