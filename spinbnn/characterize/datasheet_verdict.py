"""Verdicts: whether a limit is met, missed, or not shown with the draws that there are."""

from __future__ import annotations

from ..device.statistics import wilson_interval
from .specification import Limit

_MOST = 10**9


def yield_interval(inside: int, draws: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of the share of draws within a limit [1].

    Examples
    --------
    >>> [round(end, 4) for end in yield_interval(39, 40)]
    [0.8712, 0.9956]
    """
    low, high = wilson_interval(inside, draws)
    return float(low), float(high)


def verdict(limit: Limit, *, all_within: bool, inside: int | None, draws: int, typical: float) -> str:
    """Return ``"pass"``, ``"FAIL"`` or ``"open"``.

    A limit of yield is passed if the lower end of the 95 % interval of the yield is at least the demanded one, missed if
    the upper end is below it, and open in between: not shown. Other limits, and a yield without draws, are passed if every
    value lies within (or the typical one), else missed.

    Parameters
    ----------
    limit : Limit
        What is demanded.
    all_within : bool
        Whether every value lies within.
    inside : int or None
        Draws within at every condition; None if there are no draws to count.
    draws : int
        Draws.
    typical : float
        Typical value [unit of the measure].

    Notes
    -----
    The interval is Wilson's two-sided one (:func:`spinbnn.device.statistics.wilson_interval`), the one that is printed, so
    that the reader sees what decided. A design whose true yield is exactly 99 % passes with a probability of 2.5 % at
    most, if the number of draws is fixed beforehand. All draws within take 381 of them to show 99 %; the exact one-sided bound at 95 % would take
    299, at 97.5 % 368. The upper end is the looser one: with 40 to 200 draws such a design fails in 5 to 6 % of the runs.

    Examples
    --------
    >>> limit = Limit(maximum=1.0, applies="yield", share=0.99)
    >>> [verdict(limit, all_within=False, inside=k, draws=n, typical=0.5) for k, n in ((381, 381), (380, 380), (39, 40), (37, 40))]
    ['pass', 'open', 'open', 'FAIL']
    """
    if limit.applies == "typical":
        return "pass" if limit.holds(typical) else "FAIL"
    if limit.applies == "all" or inside is None:
        return "pass" if all_within else "FAIL"
    low, high = yield_interval(inside, draws)
    return "pass" if low >= limit.share else "FAIL" if high < limit.share else "open"


def draws_needed(inside: int, draws: int, share: float) -> int | None:
    """Return the least number of draws that can show a yield, if every further draw lies within; None for a yield of 1.

    Parameters
    ----------
    inside, draws : int
        Draws within, and draws so far.
    share : float
        Demanded yield [1].

    Examples
    --------
    >>> draws_needed(40, 40, 0.99), draws_needed(39, 40, 0.99), draws_needed(400, 400, 0.99), draws_needed(5, 5, 1.0)
    (381, 563, 400, None)
    """
    outside = draws - inside

    def shown(total: int) -> bool:
        return yield_interval(total - outside, total)[0] >= share

    low, high = draws - 1, max(draws, 1)
    while not shown(high):
        low, high = high, 2 * high
        if high > _MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return high
