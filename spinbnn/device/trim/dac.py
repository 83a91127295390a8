"""The DAC that sets the SET pulse of one module."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
MAX_BITS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimDac:
    """A DAC that sets the SET pulse of one module: evenly spaced levels of current, or of voltage over the track.

    Parameters
    ----------
    bits : int
        Resolution, 1 to 20 [1].
    low, high : float
        Lowest and highest level [A or V].
    unit : {"A", "V"}
        Whether a level is the track current, or a voltage over track and series resistance.
    series_resistance : float
        In series with the track, for volts [ohm].

    Raises
    ------
    ParameterError
        If a number is out of range.

    Examples
    --------
    >>> dac = TrimDac.around(200e-6, 0.3, 6)
    >>> dac.codes, round(dac.lsb * 1e6, 4), round(float(dac.level(0)) * 1e6, 3)
    (64, 0.9524, 170.0)
    """

    bits: int
    low: float
    high: float
    unit: str = "A"
    series_resistance: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.bits, bool) or not isinstance(self.bits, int | np.integer) or not 1 <= self.bits <= MAX_BITS:
            raise ParameterError(f"a DAC has 1 to {MAX_BITS} bits", where="TrimDac, bits", value=self.bits, remedy="e.g. 6")
        if not 0 <= self.low < self.high < math.inf:
            raise ParameterError("levels need 0 <= low < high", where="TrimDac", value=(self.low, self.high), remedy="use TrimDac.around(centre, span, bits)")
        if self.unit not in ("A", "V"):
            raise ParameterError("a level is a current or a voltage", where="TrimDac, unit", value=self.unit, remedy="use 'A' or 'V'")
        if not 0 <= self.series_resistance < math.inf:
            raise ParameterError("a resistance must be >= 0", where="TrimDac, series_resistance", value=self.series_resistance, remedy="give ohms")

    @classmethod
    def around(cls, centre: float, span: float, bits: int, *, unit: str = "A", series_resistance: float = 0.0) -> TrimDac:
        """Return a DAC from ``centre (1 - span/2)`` to ``centre (1 + span/2)``; the span is relative, in (0, 2] [1]."""
        if not 0 < span <= 2 or not centre > 0:
            raise ParameterError("needs a centre > 0 and a relative span in (0, 2]", where="TrimDac.around", value=(centre, span), remedy="e.g. span=0.3 for +-15 %")
        return cls(bits=bits, low=centre * (1 - span / 2), high=centre * (1 + span / 2), unit=unit, series_resistance=series_resistance)

    @property
    def codes(self) -> int:
        """Number of codes."""
        return 1 << self.bits

    @property
    def lsb(self) -> float:
        """Distance of two levels [A or V]."""
        return (self.high - self.low) / (self.codes - 1)

    def level(self, code: ArrayLike) -> Array:
        """Return the level of a code [A or V]."""
        return np.asarray(self.low + self.lsb * np.asarray(code, dtype=float))

    def nearest(self, level: ArrayLike) -> Codes:
        """Return the code of the nearest level, the first or last one beyond the ends."""
        return np.asarray(np.clip(np.rint((np.asarray(level, dtype=float) - self.low) / self.lsb), 0, self.codes - 1), dtype=np.int64)
