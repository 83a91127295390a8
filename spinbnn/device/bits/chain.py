"""What the pulses of a dropout module make of its bits: bias, correlation, entropy, and the bits themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError
from ...rng import stream
from ...tables import Column, Table
from ..switching import SwitchingModel
from .markov import binary_entropy, log2_most_likely, markov_bits

Array = NDArray[np.float64]
Bits = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BitStream:
    r"""Bits of RESET-SET-READ cycles; 1 (SET took place) means DROP.

    A module's next bit depends on the one before through a RESET that fails:

    .. math:: a = P(1|0) = p, \qquad b = P(1|1) = \epsilon + (1 - \epsilon) p

    Parameters
    ----------
    a, b : float or array_like
        P(1|0) and P(1|1) of one cycle; arrays stand for many modules and broadcast [1].

    Raises
    ------
    ParameterError
        If they are no probabilities, or a module never changes its bit (a = 0 and b = 1).

    Notes
    -----
    Exact for cycles with the same pulses at constant temperature. Drift, 1/f noise and self-heating correlate bits over
    longer times than a chain of this order can.

    Examples
    --------
    >>> bits = BitStream.from_set_reset(0.5, 0.05)
    >>> round(float(bits.probability), 4), round(float(bits.correlation), 4), round(float(bits.entropy_rate), 5)
    (0.5128, 0.025, 0.99907)
    """

    a: Array
    b: Array

    def __post_init__(self) -> None:
        a, b = np.broadcast_arrays(np.asarray(self.a, dtype=float), np.asarray(self.b, dtype=float))
        if np.any(~((a >= 0) & (a <= 1) & (b >= 0) & (b <= 1))):
            raise ParameterError("a and b must be probabilities", where="BitStream", value=(a.tolist(), b.tolist()), remedy="use values from 0 to 1")
        if np.any((a == 0) & (b == 1)):
            raise ParameterError("a module never changes its bit", where="BitStream", value=(a.tolist(), b.tolist()), remedy="needs a > 0 or b < 1")
        object.__setattr__(self, "a", a)
        object.__setattr__(self, "b", b)

    @classmethod
    def from_set_reset(cls, set_probability: ArrayLike, reset_failure: ArrayLike) -> BitStream:
        """Build from the SET probability p of a reset module and the RESET failure epsilon [1]."""
        p, failure = np.asarray(set_probability, dtype=float), np.asarray(reset_failure, dtype=float)
        return cls(a=p, b=failure + (1.0 - failure) * p)

    @classmethod
    def from_pulses(
        cls, model: SwitchingModel, *, set_current: ArrayLike, set_pulse: ArrayLike, reset_current: ArrayLike, reset_pulse: ArrayLike, temperature: ArrayLike = 300.0
    ) -> BitStream:  # fmt: skip
        """Build from the pulses of a cycle, back-switching in both of them included.

        Parameters
        ----------
        model : SwitchingModel
            One device, or many with arrays.
        set_current, reset_current : array_like
            Signed track currents; RESET is negative [A].
        set_pulse, reset_pulse : array_like
            Pulse widths [s].
        temperature : array_like
            Temperature [K].
        """
        after_reset = [model.probability(reset_current, reset_pulse, temperature), 1.0 - model.probability(reset_current, reset_pulse, temperature, initial=1)]
        rise, stay = model.probability(set_current, set_pulse, temperature), 1.0 - model.probability(set_current, set_pulse, temperature, initial=1)
        a, b = (np.clip(one * stay + (1.0 - one) * rise, 0.0, 1.0) for one in after_reset)
        return cls(a=a, b=b)

    @property
    def transition_matrix(self) -> Array:
        """``P(next | bit)``, rows by the bit before, shape ``(..., 2, 2)`` [1]."""
        return np.stack([np.stack([1 - self.a, self.a], axis=-1), np.stack([1 - self.b, self.b], axis=-1)], axis=-2)

    @property
    def probability(self) -> Array:
        """Stationary probability of a 1, ``a/(1 - b + a)``; with a failing RESET ``p/(1 - eps (1 - p))`` [1]."""
        return np.asarray(self.a / (1.0 - self.b + self.a))

    @property
    def correlation(self) -> Array:
        """Correlation of successive bits, ``b - a = eps (1 - p)`` [1]."""
        return np.asarray(self.b - self.a)

    @property
    def reset_failure(self) -> Array:
        """Equivalent RESET failure, ``(b - a)/(1 - a)``; negative where bits alternate, NaN where a = 1 [1]."""
        return np.divide(self.b - self.a, 1.0 - self.a, out=np.full(np.shape(self.a), np.nan), where=self.a < 1)

    def autocorrelation(self, lags: ArrayLike) -> Array:
        """Return the autocorrelation ``(b - a)^k`` at each lag k, shape ``(lags, ...)`` [1]."""
        k = np.asarray(lags, dtype=int)
        return np.asarray(self.correlation[None] ** k.reshape(-1, *(1,) * np.ndim(self.a)))

    @property
    def entropy_rate(self) -> Array:
        r"""Shannon entropy of a bit given all before it, :math:`\pi_0 h(a) + \pi_1 h(b)` [bit]."""
        one = self.probability
        return np.asarray((1.0 - one) * binary_entropy(self.a) + one * binary_entropy(self.b))

    def min_entropy(self, length: int | None = None) -> Array:
        r"""Return the min-entropy of a bit, from the most likely sequence.

        .. math:: H_\infty = -\tfrac{1}{n} \log_2 \max_{d_1 \ldots d_n} P(d_1 \ldots d_n)
                  \;\to\; -\log_2 \max(1 - a,\; b,\; \sqrt{a (1 - b)})

        Parameters
        ----------
        length : int, optional
            Length n of the sequence, started in the stationary state; None: the limit of long ones [1].

        Returns
        -------
        ndarray
            Bits of min-entropy a bit, at most the entropy rate in the limit [bit].
        """
        if length is None:
            return np.asarray(0.0 - np.log2(np.maximum(np.maximum(1.0 - self.a, self.b), np.sqrt(self.a * (1.0 - self.b)))))
        if length < 1:
            raise ParameterError("a sequence has one bit at least", where="min_entropy, length", value=length, remedy="use 1 or more, or None")
        one = self.probability
        return np.asarray(-log2_most_likely(one, self.a, self.b, length) / length)

    def standard_errors(self, n: int) -> tuple[Array, Array]:
        r"""Return the standard errors of the share of ones and of the lag-1 correlation over n bits [1].

        .. math:: \sigma_p^2 = \frac{p q}{n}\left[\frac{1 + \rho}{1 - \rho} - \frac{2\rho (1 - \rho^n)}{n (1 - \rho)^2}\right],
                  \qquad \sigma_\rho^2 = \frac{1}{n}\left[\frac{a (1 - a)}{q} + \frac{b (1 - b)}{p}\right]

        The first is exact, the second asymptotic.
        """
        p, rho = self.probability, self.correlation
        share = p * (1 - p) / n * ((1 + rho) / (1 - rho) - 2 * rho * (1 - rho**n) / (n * (1 - rho) ** 2))
        with np.errstate(divide="ignore", invalid="ignore"):
            lag = (self.a * (1 - self.a) / (1 - p) + self.b * (1 - self.b) / p) / n
        return np.sqrt(share), np.sqrt(lag)

    def sample(self, n: int, seed: int, *, start: int | None = None) -> Bits:
        """Draw n successive bits of every module.

        Parameters
        ----------
        n : int
            Cycles [1].
        seed : int
            Seed; each module has its own stream, by its number in C order. The first bits do not depend on n, nor on the
            number of modules.
        start : {0, 1}, optional
            Bit before the first cycle; None: the first bit is stationary.

        Returns
        -------
        ndarray of uint8, shape (n, ...)
            Bits.

        Examples
        --------
        >>> BitStream(a=[0.5, 0.5], b=[0.5, 0.99]).sample(2000, seed=1).mean(axis=0).round(1).tolist()
        [0.5, 1.0]
        """
        if n < 1 or start not in (None, 0, 1):
            raise ParameterError("needs n >= 1, and a start of 0, 1 or None", where="BitStream.sample", value=(n, start), remedy="e.g. n=1000")
        a, b = self.a.ravel(), self.b.ravel()
        first = self.probability.ravel() if start is None else (b if start else a)
        uniform = np.stack([stream(seed, "bits", module).random(n) for module in range(a.size)], axis=1)
        return markov_bits(uniform, a, b, first).reshape(n, *np.shape(self.a))

    def table(self) -> Table:
        """Return what the chain implies, one row a module."""
        rows = [
            [number, *map(float, row)]
            for number, row in enumerate(zip(*(np.ravel(v) for v in (self.a, self.b, self.probability, self.correlation, self.reset_failure, self.entropy_rate, self.min_entropy())), strict=True))
        ]  # fmt: skip
        heads: list[Column | str] = ["module", "a = P(1|0)", "b = P(1|1)", Column("P(1)", "", 6), "lag-1 correlation", "RESET failure", Column("entropy rate", "bit", 6), Column("min-entropy", "bit", 6)]
        return Table("Bit stream", heads, rows, note="Stationary chain; min-entropy a bit in the limit of long sequences.")
