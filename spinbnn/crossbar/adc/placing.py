"""Where the references of a converter lie for popcounts."""

from __future__ import annotations

import math
from typing import Any

from ...errors import ParameterError
from .converter import Adc


def for_popcount(
    rows: int, bits: int, kind: str = "sar", *, clip: float | None = None, agree: float = 0.5, **errors: Any
) -> Adc:
    r"""Return a converter whose range is placed for the counts of a column.

    Parameters
    ----------
    rows : int
        Driven cells, N; the count n lies between 0 and N [].
    bits : int
        Resolution [].
    kind : {"sar", "flash", "ramp", "sense"}
        Of the converter.
    clip : float, optional
        None: every count is reachable. Else the range is narrowed to the counts that leave at most this probability
        outside, half on each side, for binomial counts [].
    agree : float
        Probability that a row agrees, of the binomial counts [].
    **errors
        Further fields of :class:`~spinbnn.crossbar.adc.converter.Adc`, in counts.

    Notes
    -----
    The step is never below one count: where the codes suffice, it is exactly one, the first code stands on an integer,
    and the conversion is free of error inside the range. Otherwise the codes are spread evenly over it. A sense
    amplifier's single threshold lies at ``rows / 2``. Of binomial counts, the fraction outside the range,

    .. math:: P(n < lo - \Delta/2) + P(n \ge hi + \Delta/2),

    is stored as ``clipping_probability``. Counts of a trained network are not binomial: the clipping that a run counts
    is the measure, this is what the design expected.

    Raises
    ------
    ParameterError
        For rows below 1, or probabilities outside (0, 1).

    Examples
    --------
    >>> full, narrow = for_popcount(256, 9), for_popcount(256, 6, clip=1e-3)
    >>> full.step, full.clipping_probability, (narrow.lo, narrow.hi), narrow.clipping_probability < 1e-3
    (1.0, 0.0, (97.0, 160.0), True)
    """
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
        raise ParameterError(
            "needs at least one row", where="for_popcount, rows", value=rows, remedy="e.g. 256"
        )
    for key, chance in (("clip", clip), ("agree", agree)):
        if chance is not None and not 0 < chance < 1:
            raise ParameterError(
                "needs a probability between 0 and 1",
                where=f"for_popcount, {key}",
                value=chance,
                remedy="e.g. 0.001" if key == "clip" else "0.5",
            )
    if kind == "sense":
        return Adc(kind=kind, bits=bits, lo=0.0, hi=float(rows), clipping_probability=0.0, **errors)
    Adc(kind=kind, bits=bits, lo=0.0, hi=1.0)  # refuses kind and bits before they are used
    codes = 2**bits - 1
    lo, hi = 0.0, float(rows)
    if clip is not None:
        from scipy.stats import binom

        lo, hi = (float(binom.ppf(q, rows, agree)) for q in (clip / 2, 1 - clip / 2))
        hi = max(hi, lo + 1)
    if (
        hi - lo <= codes
    ):  # the codes suffice: one count a step, spare codes on both sides (on top, if all counts fit)
        spare = codes - (hi - lo)
        lo = max(0.0, lo - math.floor(spare / 2)) if clip is not None else 0.0
        hi = lo + codes
    step = (hi - lo) / codes
    return Adc(
        kind=kind,
        bits=bits,
        lo=lo,
        hi=hi,
        clipping_probability=_outside(rows, agree, lo - step / 2, hi + step / 2),
        **errors,
    )


def _outside(rows: int, agree: float, low: float, high: float) -> float:
    """Return the probability of counts below ``low`` or from ``high`` on."""
    if low <= 0 and high > rows:
        return 0.0
    from scipy.stats import binom

    below = float(binom.cdf(math.ceil(low) - 1, rows, agree))
    above = float(binom.sf(math.ceil(high) - 1, rows, agree))
    return below + above
