"""Switching counts: what was applied, how often, and how often the device switched; checked once, then immutable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ... import files
from ...errors import ParameterError
from ..statistics import wilson_interval

Array = NDArray[np.float64]

COARSE = "Warning: every probability is a multiple of"
SUSPICION = 1e-3
"""Chance, under the stated number of trials, below which counts on a coarser grid are pointed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchingData:
    """Counted switching events of one device in one direction; made by :meth:`of` or read from a file.

    Rows are kept as they come: unsorted rows are fine, and rows that repeat a condition count as independent points.

    Parameters
    ----------
    current : ndarray, shape (N,)
        Magnitude of the track current [A].
    pulse : ndarray, shape (N,)
        Pulse width [s].
    temperature : ndarray, shape (N,)
        Temperature [K].
    trials, switched : ndarray, shape (N,)
        Number of pulses, and of pulses that switched; whole numbers [1].
    label : str
        Device and direction.
    direction : str
        Direction alone, where the file has such a column.
    source : str
        File.
    remarks : tuple of str
        What the reader of the file noticed.

    Examples
    --------
    >>> data = SwitchingData.of([190e-6, 200e-6, 210e-6], 10e-9, 50, [4, 26, 48], label="A")
    >>> data.points, data.share.tolist()
    (3, [0.08, 0.52, 0.96])
    """

    current: Array = field(repr=False)
    pulse: Array = field(repr=False)
    temperature: Array = field(repr=False)
    trials: Array = field(repr=False)
    switched: Array = field(repr=False)
    label: str = ""
    direction: str = ""
    source: str = ""
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, current: ArrayLike, pulse: ArrayLike, trials: ArrayLike, switched: ArrayLike, *, temperature: ArrayLike = 300.0,
        label: str = "", direction: str = "", source: str = "", remarks: Sequence[str] = (), where: str = "fit_switching", rows: Sequence[int] | None = None,
    ) -> SwitchingData:  # fmt: skip
        """Check arrays that broadcast against each other and keep them.

        Parameters
        ----------
        current : array_like
            Magnitude of the track current, > 0 [A].
        pulse : array_like
            Pulse width, > 0 [s].
        trials, switched : array_like of int
            Number of pulses, and of pulses that switched [1].
        temperature : array_like
            Temperature, > 0 [K].
        label, direction, source, remarks
            See the class.
        where : str
            Named in messages.
        rows : sequence of int, optional
            Numbers of the points in messages; 0, 1, ... by default.

        Raises
        ------
        ParameterError
            If a value is missing, not finite or out of range, or the arrays do not fit together.
        """
        try:
            given = np.broadcast_arrays(current, pulse, temperature, trials, switched)
            i, t, kelvin, n, k = (np.array(a, dtype=float).ravel() for a in given)
        except (TypeError, ValueError) as error:
            raise ParameterError("the data are no numbers, or not one list of points", where=where, value=str(error), remedy="give arrays of one length") from None
        if i.size == 0:
            raise ParameterError("there is no point", where=where, value=0, remedy="give at least three")
        checks = [
            (np.isfinite(i) & (i > 0), "a current must be finite and > 0 (give its magnitude)"),
            (np.isfinite(t) & (t > 0), "a pulse width must be > 0"),
            (np.isfinite(kelvin) & (kelvin > 0), "a temperature must be > 0 K"),
            (np.isfinite(n) & (n >= 1) & (n == np.round(n)), "trials must be whole numbers >= 1; they are never guessed"),
            (np.isfinite(k) & (k >= 0) & (k <= n) & (k == np.round(k)), "switched must be whole numbers in 0..trials"),
        ]
        for good, what in checks:
            if not np.all(good):
                bad = int(np.argmin(good))
                number = bad if rows is None else rows[bad]
                value = tuple(float(a[bad]) for a in (i, t, kelvin, n, k))
                raise ParameterError(what, where=f"{where}, point {number}", value=value, remedy="(current, pulse, temperature, trials, switched)")
        for array in (i, t, kelvin, n, k):
            array.setflags(write=False)
        return cls(current=i, pulse=t, temperature=kelvin, trials=n, switched=k, label=label, direction=direction, source=source, remarks=tuple(remarks))

    @property
    def points(self) -> int:
        """Number of points."""
        return int(self.current.size)

    @property
    def share(self) -> Array:
        """Switched over trials, shape (N,) [1]."""
        return self.switched / self.trials

    @property
    def hash(self) -> str:
        """Hash of the numbers; labels and remarks do not count."""
        return files.content_hash([a.tolist() for a in (self.current, self.pulse, self.temperature, self.trials, self.switched)])

    @property
    def reference_pulse(self) -> float:
        """The measured pulse width that is nearest to the geometric mean of all [s]."""
        widths = np.unique(self.pulse)
        return float(widths[np.argmin(np.abs(np.log(widths) - np.mean(np.log(self.pulse))))])

    def wilson(self, level: float = 0.95) -> tuple[Array, Array]:
        """Return Wilson's score interval of every point's probability.

        Examples
        --------
        >>> low, high = SwitchingData.of([1e-4], 1e-8, 50, [0]).wilson()
        >>> round(float(low[0]), 3), round(float(high[0]), 3)
        (0.0, 0.071)
        """
        return wilson_interval(self.switched, self.trials, level)

    def notes(self) -> list[str]:
        """Return what a reader of the results must know about the data: remarks of the file, repeated points, odd counts."""
        out = list(self.remarks)
        conditions = np.unique(np.stack([self.current, self.pulse, self.temperature]), axis=1).shape[1]
        if conditions < self.points:
            out.append(f"{self.points - conditions} of {self.points} rows repeat a condition; they count as independent points.")
        odd = coarse_warning(self.trials, self.switched)
        if odd and not any(remark.startswith(COARSE) for remark in out):
            out.append(odd)
        return out

    def fit_ready(self, where: str = "fit_switching") -> None:
        """Raise where no law can be fitted: fewer than three points, all pulses alike, or perfect separation.

        Raises
        ------
        ParameterError
            With the bound on p that flat data still give (95 %, one-sided).
        """
        if self.points < 3:
            raise ParameterError("too few data: at least three points, one of them with 0 < switched < trials", where=where, value=self.points, remedy="measure around p = 0.5")
        total, hits = int(np.sum(self.trials)), int(np.sum(self.switched))
        if hits in (0, total):
            bound = -math.expm1(math.log(0.05) / total)
            say = f"p < {bound:.2g}" if hits == 0 else f"p > {1 - bound:.6g}"
            what = f"flat data: {'none' if hits == 0 else 'all'} of {total} pulses switched; all that follows is {say} (95 %) if p is one number"
            raise ParameterError(what, where=where, value=hits, remedy="measure currents where the device switches sometimes")
        if self.separated:
            raise ParameterError(
                "the data do not bound delta: perfect separation, any steeper model fits as well", where=where, value=self.switched.tolist(),
                remedy="measure at least two currents with 0 < switched < trials",
            )  # fmt: skip

    @property
    def separated(self) -> bool:
        """Whether all pulses below one current failed and all above it switched, at one pulse width and temperature."""
        if np.unique(self.pulse).size > 1 or np.unique(self.temperature).size > 1:
            return False
        currents, place = np.unique(self.current, return_inverse=True)
        n, k = np.bincount(place, self.trials), np.bincount(place, self.switched)
        return any(not np.any(k[:i]) and np.array_equal(k[i + 1:], n[i + 1:]) for i in range(currents.size))


def coarse_counts(trials: ArrayLike, switched: ArrayLike) -> tuple[int, int, float] | None:
    r"""Say whether the counts lie on a coarser grid than the stated number of trials explains.

    With ``g`` the greatest common divisor of all counts, the stated ``n`` looks like ``n/g``. The chance of that under ``n`` is

    .. math:: \prod_i \sum_{j \equiv 0\ (g)} \mathrm{Bin}(j;\, n,\, k_i/n)

    which leaves out points at 0 and at n by itself.

    Parameters
    ----------
    trials, switched : array_like
        Number of pulses (one number for all), and of pulses that switched [1].

    Returns
    -------
    tuple of (int, int, float) or None
        Implied trials, stated trials and that chance; None if it is above 0.001 or trials differ from point to point.

    Examples
    --------
    >>> coarse_counts(100, [0, 4, 10, 18, 34, 50, 64, 66, 82, 84, 90, 94, 100])[:2]
    (50, 100)
    >>> coarse_counts(100, [0, 4, 10, 18, 34, 50, 64, 66, 82, 84, 90, 93, 100]) is None
    True
    """
    n, k = (np.atleast_1d(np.asarray(a, dtype=float)) for a in (trials, switched))
    stated = int(n[0])
    if np.any(n != stated):
        return None
    divisor = math.gcd(stated, *(int(v) for v in k))
    if divisor in (1, stated):
        return None
    grid = np.arange(0, stated + 1, divisor)
    p = (k / stated)[:, None]
    ways = special.gammaln(stated + 1) - special.gammaln(grid + 1) - special.gammaln(stated - grid + 1)
    chance = float(np.prod(np.sum(np.exp(ways + special.xlogy(grid, p) + special.xlogy(stated - grid, 1.0 - p)), axis=1)))
    return (stated // divisor, stated, chance) if chance < SUSPICION else None


def coarse_warning(trials: ArrayLike, switched: ArrayLike) -> str:
    """Return the finding of :func:`coarse_counts` in words, or nothing."""
    coarse = coarse_counts(trials, switched)
    if coarse is None:
        return ""
    implied, stated, chance = coarse
    return (
        f"{COARSE} {1 / implied:g}: n looks like {implied}, the data say {stated} (chance {chance:.1g} under {stated} trials). "
        f"With the true number every interval is wider. Remedy: --trials {implied} (trials={implied}), if that is what was measured."
    )
