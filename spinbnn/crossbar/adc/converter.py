"""Analog-to-digital converters as functions of arrays: offset, gain, noise, integral error, counted clipping."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError, suggest
from ...rng import stream

Floats = NDArray[np.float64]
KINDS = ("sar", "flash", "ramp", "sense")
MAX_BITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Clipping:
    """Conversions below and above the range, of all; sums of it add up over calls.

    Examples
    --------
    >>> seen = Clipping(low=1, high=0, total=8) + Clipping(low=0, high=1, total=8)
    >>> seen, seen.fraction
    (Clipping(low=1, high=1, total=16), 0.125)
    """

    low: int = 0
    high: int = 0
    total: int = 0

    def __add__(self, other: Clipping) -> Clipping:
        return Clipping(low=self.low + other.low, high=self.high + other.high, total=self.total + other.total)

    @property
    def fraction(self) -> float:
        """Clipped conversions over all; 0 where there were none []."""
        return (self.low + self.high) / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conversion:
    """What a converter gave.

    Attributes
    ----------
    whole : array
        Codes as floats, from 0 to ``2^bits - 1`` [].
    values : array
        ``lo + step * codes``, in the unit of the range.
    clipping : Clipping
        Inputs outside the range; a sense amplifier clips nothing.
    """

    whole: Any
    values: Any
    clipping: Clipping

    @property
    def codes(self) -> Any:
        """Codes as integers []."""
        return to_integers(self.whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adc:
    r"""A converter and its errors; the range is in the unit of what it converts (counts, amperes, volts).

    Parameters
    ----------
    kind : {"sar", "flash", "ramp", "sense"}
        Successive approximation, flash, ramp, or a 1-bit sense amplifier.
    bits : int
        Resolution, 1 to 16; 1 for ``"sense"`` [].
    lo, hi : float
        Values of the first and the last code [input unit].
    offset : float
        Added to the input [input unit].
    gain_error : float
        The input is multiplied by 1 + this [].
    noise : float
        Standard deviation of every conversion, at the input [input unit].
    bow : float
        Peak of a parabolic integral error, 0 at both ends [LSB].
    mismatch : float
        Random error of one instance, see below [LSB].
    offset_sigma, gain_sigma : float
        Standard deviations of offset and gain error from instance to instance [input unit, 1].
    clipping_probability : float, optional
        What the placing of the range expects, see :func:`for_popcount`; None: not stated [].

    Notes
    -----
    With :math:`\Delta = (hi - lo) / (2^b - 1)`, code k is the number of thresholds

    .. math:: T_k = lo + \Delta\, [k - \tfrac12 + 4 \beta t (1 - t) + e_k], \quad t = k / 2^b, \quad k = 1 .. 2^b - 1

    that do not exceed :math:`(1 + g) x + o + \nu`; an input on a threshold gets the upper code. :math:`\beta` is
    ``bow``. The random part :math:`e_k` of an instance has the shape of its kind, u being ``mismatch``:

    - ``sar``: every bit i of k adds :math:`u\, 2^{i/2} z_i`, capacitors of independent units; the search runs from the
      largest bit down, so that codes can be missing,
    - ``flash``: :math:`u z_k`, independent comparators, the encoder counts them,
    - ``ramp``: a random walk of steps u pinned to 0 at both ends; the first crossing counts,
    - ``sense``: :math:`u z`.

    Validity: memoryless; no dynamic error, no hysteresis. An input below ``lo - step/2`` or from ``hi + step/2`` on
    is clipped and counted.

    Raises
    ------
    ParameterError
        For an unknown kind, bits outside 1 to 16 (or other than 1 for a sense amplifier), an empty range, or a
        negative or infinite error.

    Examples
    --------
    >>> adc = Adc(kind="flash", bits=2, lo=0.0, hi=3.0)
    >>> out = adc.convert(np.array([-0.6, 0.4, 0.5, 2.2, 3.5]))
    >>> out.codes.tolist(), out.values.tolist(), (out.clipping.low, out.clipping.high)
    ([0, 0, 1, 2, 3], [0.0, 0.0, 1.0, 2.0, 3.0], (1, 1))
    """

    kind: str
    bits: int
    lo: float
    hi: float
    offset: float = 0.0
    gain_error: float = 0.0
    noise: float = 0.0
    bow: float = 0.0
    mismatch: float = 0.0
    offset_sigma: float = 0.0
    gain_sigma: float = 0.0
    clipping_probability: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ParameterError(
                "unknown kind of converter",
                where="Adc, kind",
                value=self.kind,
                remedy=suggest(str(self.kind), KINDS),
            )
        most = 1 if self.kind == "sense" else MAX_BITS
        if isinstance(self.bits, bool) or not isinstance(self.bits, int) or not 1 <= self.bits <= most:
            raise ParameterError(
                f"a converter of kind {self.kind!r} has 1{'' if most == 1 else f' to {most}'} bits",
                where="Adc, bits",
                value=self.bits,
                remedy="give an integer in this range; 0 bits convert nothing",
            )
        if not (math.isfinite(self.lo) and math.isfinite(self.hi) and self.lo < self.hi):
            raise ParameterError(
                "the range is empty", where="Adc, lo and hi", value=(self.lo, self.hi), remedy="needs lo < hi"
            )
        for key in ("noise", "mismatch", "offset_sigma", "gain_sigma"):
            if not 0 <= getattr(self, key) < math.inf:
                raise ParameterError(
                    "a standard deviation is finite and not negative",
                    where=f"Adc, {key}",
                    value=getattr(self, key),
                    remedy="0 for none",
                )
        for key in ("offset", "gain_error", "bow"):
            if not math.isfinite(getattr(self, key)) or (key == "gain_error" and self.gain_error <= -1):
                raise ParameterError(
                    "an error must be finite (a gain error above -1)",
                    where=f"Adc, {key}",
                    value=getattr(self, key),
                    remedy="0 for none",
                )

    @property
    def step(self) -> float:
        """Input between neighbouring codes, one LSB [input unit]."""
        return (self.hi - self.lo) / (2**self.bits - 1)

    def bank(self, count: int, seed: int, *names: str | int) -> AdcBank:
        """Return ``count`` instances of this converter, their errors drawn from named streams.

        Parameters
        ----------
        count : int
            Instances, one for each column (or 1 for all) [].
        seed : int
            Of the chip.
        *names : str or int
            Layer and tile; the draws depend on the seed and these names alone.

        Examples
        --------
        >>> bank = Adc(kind="sar", bits=6, lo=0.0, hi=63.0, mismatch=0.2).bank(4, 1, "fc1", 0)
        >>> bank.errors.shape, bool(abs(bank.errors).max() < 5)
        ((4, 64), True)
        """
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ParameterError(
                "needs at least one converter",
                where="Adc.bank, count",
                value=count,
                remedy="one for each column",
            )
        draws = stream(seed, "adc", *names).standard_normal((count, 2 + 2**self.bits))
        offset = self.offset + self.offset_sigma * draws[:, 0]
        gain = self.gain_error + self.gain_sigma * draws[:, 1]
        if np.any(gain <= -1):
            raise ParameterError(
                "a drawn gain is negative",
                where="Adc.bank, gain_sigma",
                value=self.gain_sigma,
                remedy="use a smaller spread",
            )
        errors = self._ordered(self._bow() + self._random(draws[:, 2:]))
        return AdcBank(adc=self, offset=offset, gain_error=gain, errors=errors)

    def convert(self, values: Any, noise: Any = None) -> Conversion:
        """Convert with one instance that has no random error; see :meth:`AdcBank.convert`."""
        errors = self._ordered(self._bow()[None, :])
        one = AdcBank(
            adc=self, offset=np.array([self.offset]), gain_error=np.array([self.gain_error]), errors=errors
        )
        return one.convert(values, noise)

    def _bow(self) -> Floats:
        t = np.arange(2**self.bits) / 2**self.bits
        return self.bow * 4 * t * (1 - t)

    def _random(self, z: Floats) -> Floats:
        """Return the random part of the thresholds of each instance, code 0 unused [LSB]."""
        codes = np.arange(2**self.bits)
        if self.kind == "sar":
            weights = z[:, : self.bits] * 2 ** (np.arange(self.bits) / 2)
            return self.mismatch * weights @ ((codes >> np.arange(self.bits)[:, None]) & 1)
        if self.kind == "ramp":
            walk = np.cumsum(z, axis=1)
            walk -= walk[:, :1]
            return self.mismatch * (walk - walk[:, -1:] * codes / max(codes[-1], 1))
        errors = self.mismatch * z
        errors[:, 0] = 0.0
        return errors

    def _ordered(self, errors: Floats) -> Floats:
        """Return errors of thresholds that rise: a flash encoder counts, a ramp stops at its first crossing."""
        codes = np.arange(2**self.bits)
        if self.kind in ("sar", "sense") or not errors.any():
            return errors
        rising = np.sort if self.kind == "flash" else np.maximum.accumulate
        return np.concatenate([errors[:, :1], rising(errors[:, 1:] + codes[1:], axis=1) - codes[1:]], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdcBank:
    """Instances of one converter, one for each column.

    Attributes
    ----------
    adc : Adc
        The converter.
    offset, gain_error : array (K,)
        Of each instance [input unit, 1].
    errors : array (K, 2^bits)
        Of each threshold; that of code 0 is not used [LSB].
    """

    adc: Adc
    offset: Floats
    gain_error: Floats
    errors: Floats

    def convert(self, values: Any, noise: Any = None) -> Conversion:
        """Convert an array, its last axis over the instances.

        Parameters
        ----------
        values : array (..., K) or, with one instance, of any shape
            numpy, or another array kind with numpy's operators (torch); the results are of the same kind [input unit].
        noise : array, optional
            Standard normal numbers that broadcast to ``values``; needed where the converter has noise [].

        Returns
        -------
        Conversion
            Codes, values, and how many inputs were clipped.

        Raises
        ------
        ParameterError
            For NaN, another number of columns than instances, or noise that is needed and missing.
        """
        adc, count = self.adc, len(self.offset)
        if not hasattr(values, "shape"):
            values = np.asarray(values, dtype=float)
        if hasattr(values, "is_floating_point") and not values.is_floating_point():
            values = values.double()
        if count > 1 and (len(values.shape) == 0 or values.shape[-1] != count):
            raise ParameterError(
                "there is one converter for each column",
                where="AdcBank.convert, values",
                value=tuple(values.shape),
                remedy=f"the last axis needs {count} columns",
            )
        if adc.noise and noise is None:
            raise ParameterError(
                "the converter has noise and no random numbers were given",
                where="AdcBank.convert, noise",
                value=None,
                remedy="give standard normal numbers of the shape of values, from your own generator",
            )
        scale = (1 + self.gain_error) / adc.step
        position = values * like(values, scale)  # in codes: k at the centre of code k, plus 1/2
        position += like(values, (self.offset - adc.lo) / adc.step + 0.5)
        if noise is not None:
            position += noise * (adc.noise / adc.step)
        least, most, size = self._span(position)
        codes = 2**adc.bits
        low = high = 0
        if adc.kind != "sense":
            low = int((position < 0).sum()) if least < 0 else 0
            high = int((position >= codes).sum()) if most >= codes else 0
        whole = self._search(position) if self.errors.any() else floor(position)
        if least < 0 or most >= codes:
            whole = whole.clip(0, codes - 1)
        step, first = adc.step, adc.lo
        result = whole if (step, first) == (1, 0) else whole * step + first
        return Conversion(whole=whole, values=result, clipping=Clipping(low=low, high=high, total=size))

    def _span(self, position: Any) -> tuple[float, float, int]:
        """Return the extremes and the number of the inputs; refuse NaN."""
        size = math.prod(position.shape)
        least, most = (float(position.min()), float(position.max())) if size else (0.0, 0.0)
        if math.isnan(least) or math.isnan(most):
            raise ParameterError(
                "an input is not a number",
                where="AdcBank.convert, values",
                value=math.nan,
                remedy="look at what the columns gave",
            )
        return least, most, size

    def _search(self, position: Any) -> Any:
        """Return the codes bit by bit, each by a comparison with the thresholds of its instance."""
        count, codes = self.errors.shape
        thresholds = like(position, (self.errors + np.arange(codes)).ravel())
        columns = integers_like(position, np.arange(count) * codes)
        found = to_integers(position.clip(0, 0))  # 0 for infinite inputs too
        for bit in reversed(range(self.adc.bits)):
            trial = found + 2**bit
            found = found + (position >= thresholds[trial + columns]) * 2**bit
        return found.to(position.dtype) if hasattr(found, "new_tensor") else found.astype(position.dtype)


def floor(values: Any) -> Any:
    """Return the integer part of an array of any kind, as floats."""
    return values.floor() if hasattr(values, "floor") else values.__array_namespace__().floor(values)


def to_integers(values: Any) -> Any:
    """Return an array of any kind as 64-bit integers."""
    return values.long() if hasattr(values, "long") else values.astype(np.int64)


def like(array: Any, values: Floats) -> Any:
    """Return ``values`` as an array of the kind, precision and place of ``array``."""
    if hasattr(array, "new_tensor"):
        return array.new_tensor(values)
    space = array.__array_namespace__()
    return space.asarray(values, dtype=array.dtype if array.dtype.kind == "f" else space.float64)


def integers_like(array: Any, values: NDArray[np.int64]) -> Any:
    """Return integers as an array of the kind and place of ``array``."""
    if hasattr(array, "new_tensor"):
        return array.new_tensor(values).long()
    return array.__array_namespace__().asarray(values)
