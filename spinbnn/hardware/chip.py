"""One sampled chip: the dropout bits its modules give, exactly and by simulation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import rng
from ..errors import ParameterError, suggest
from .counts import MODULES

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chip:
    r"""The dropout modules of one chip, each cycle a two-state Markov chain.

    Parameters
    ----------
    seed : int
        The seed that fixed the chip [].
    id : str
        Short name that depends on the profile, the seed and the temperatures.
    modules : {"shared", "per_layer"}
        One module for all dropout layers, in the order of the layers, or one each.
    a, b : array (L,)
        ``a = P(1|0)`` and ``b = P(1|1)`` of one RESET-SET-READ cycle, given the bit before; 1 means DROP [].
    codes : array (L,), optional
        SET amplitude of each layer; None where nothing was characterised [V, A or 1].
    temperature, trim_temperature : float, optional
        At which a and b hold, and at which the codes were chosen [K].

    Notes
    -----
    Per layer, a module's chain runs over the passes; it is stationary with

    .. math:: p = \frac{a}{1 - b + a}, \qquad \text{lag-1 correlation } b - a .

    Shared, the chain runs over the layers of a pass and on into the next pass, so its marginals
    :math:`q_l = a_l + (b_l - a_l) q_{l-1}` are the cyclic fixed point with :math:`q_0 = q_L`, and one pass
    has the weights

    .. math:: w(d) = P(d_1) \prod_{l=2}^{L} P(d_l | d_{l-1}), \qquad P(d_1 = 1) = q_1 .

    A RESET that fails with :math:`\epsilon` before a SET that succeeds with p gives a = p and
    :math:`b = \epsilon + (1 - \epsilon) p`.

    Raises
    ------
    ParameterError
        If a and b are not probabilities of one length, or the chain never mixes (a = 0 and b = 1 throughout).

    Examples
    --------
    >>> chip = Chip(seed=0, id="demo", modules="per_layer", a=[0.2, 0.5], b=[0.2, 0.5])
    >>> chip.mask_weights([[0, 0], [0, 1], [1, 0], [1, 1]]).round(3).tolist()
    [0.4, 0.4, 0.1, 0.1]
    """

    seed: int
    id: str
    modules: str
    a: Floats
    b: Floats
    codes: Floats | None = None
    temperature: float | None = None
    trim_temperature: float | None = None

    def __post_init__(self) -> None:
        where = f"chip {self.id!r}"
        if self.modules not in MODULES:
            raise ParameterError(
                "unknown arrangement of dropout modules",
                where=where,
                value=self.modules,
                remedy=suggest(str(self.modules), MODULES),
            )
        for key in ("a", "b", "codes"):
            if getattr(self, key) is not None:
                value = np.array(getattr(self, key), float)
                value.flags.writeable = False
                object.__setattr__(self, key, value)
        if self.a.ndim != 1 or self.a.size == 0 or self.a.shape != self.b.shape:
            raise ParameterError(
                "a and b need one number for each dropout layer",
                where=where,
                value=(self.a.shape, self.b.shape),
                remedy="give two arrays of shape (L,)",
            )
        if not np.all((self.a >= 0) & (self.a <= 1) & (self.b >= 0) & (self.b <= 1)):
            raise ParameterError(
                "a and b must be probabilities",
                where=where,
                value=(self.a.tolist(), self.b.tolist()),
                remedy="use values from 0 to 1",
            )
        kept = self.b - self.a
        if np.any(kept == 1) if self.modules == "per_layer" else np.prod(kept) == 1:
            raise ParameterError(
                "a module never changes its bit",
                where=where,
                value=(self.a.tolist(), self.b.tolist()),
                remedy="needs a > 0 or b < 1",
            )

    @property
    def layers(self) -> int:
        """Dropout layers, L []."""
        return int(self.a.size)

    @property
    def drop_probability(self) -> Floats:
        """Probability that each layer's bit is 1, in the long run, shape (L,) []."""
        return stationary(self.a, self.b, self.modules)

    @property
    def correlation(self) -> Floats:
        """Correlation coefficient ``b - a`` that one cycle leaves of the bit before, shape (L,) []."""
        return self.b - self.a

    @property
    def reset_failure(self) -> Floats:
        """Equivalent RESET failure, (b - a) / (1 - a), not below 0, shape (L,) []."""
        return np.clip((self.b - self.a) / np.maximum(1 - self.a, np.finfo(float).tiny), 0.0, 1.0)

    def mask_weights(self, masks: ArrayLike) -> Floats:
        """Return the probability of each mask in one pass.

        Parameters
        ----------
        masks : array (S, L)
            Bits; 1 means DROP [].

        Returns
        -------
        array (S,)
            Weights; over all 2^L masks they sum to 1 [].

        Raises
        ------
        ParameterError
            If the masks are not bits of L layers.
        """
        bits = np.asarray(masks)
        if bits.ndim != 2 or bits.shape[1] != self.layers or not np.all((bits == 0) | (bits == 1)):
            raise ParameterError(
                f"needs masks of {self.layers} bits",
                where=f"chip {self.id!r}, mask_weights",
                value=bits.shape,
                remedy="give an array of shape (S, L) of 0 and 1",
            )
        bits = bits.astype(bool)
        one = np.broadcast_to(self.drop_probability, bits.shape).copy()
        if self.modules == "shared":
            one[:, 1:] = np.where(bits[:, :-1], self.b[1:], self.a[1:])
        weights: Floats = np.prod(np.where(bits, one, 1 - one), axis=1)
        return weights

    def sample_masks(self, n: int, seed: int) -> NDArray[np.uint8]:
        """Return the masks of n consecutive passes, started in the stationary state.

        Passes are correlated as in the hardware. The first masks do not depend on n.

        Parameters
        ----------
        n : int
            Passes [].
        seed : int
            Seed of the bits; the chip's own seed enters too [].

        Returns
        -------
        array (n, L)
            Bits; 1 means DROP [].

        Raises
        ------
        ParameterError
            If n is negative.

        Examples
        --------
        >>> chip = Chip(seed=0, id="demo", modules="shared", a=[0.2] * 3, b=[0.3] * 3)
        >>> masks = chip.sample_masks(1000, seed=1)
        >>> masks.shape, bool((masks[:10] == chip.sample_masks(10, seed=1)).all())
        ((1000, 3), True)
        """
        if n < 0:
            raise ParameterError(
                "needs a number of passes", where="sample_masks, n", value=n, remedy="e.g. n=20"
            )
        from ..device.bits import markov_bits  # the device and its fits take a second to load

        uniform = rng.stream(seed, "chip-masks", self.seed).random((n, self.layers))
        start = self.drop_probability
        if self.modules == "per_layer":
            return markov_bits(uniform, self.a, self.b, start)
        flat = markov_bits(
            uniform.reshape(-1, 1), np.tile(self.a, n)[:, None], np.tile(self.b, n)[:, None], start[:1]
        )
        return flat.reshape(n, self.layers)


def stationary(a: ArrayLike, b: ArrayLike, modules: str) -> Floats:
    r"""Return the long-run probability of a 1 in each layer.

    Parameters
    ----------
    a, b : array (..., L)
        P(1|0) and P(1|1) of each layer's cycle [].
    modules : {"shared", "per_layer"}
        Per layer, :math:`a / (1 - b + a)`. Shared, the fixed point of :math:`q_l = a_l + (b_l - a_l)
        q_{l-1}`, :math:`q_0 = q_L`.

    Returns
    -------
    array (..., L)
        Probabilities [].

    Examples
    --------
    >>> stationary([0.2, 0.2], [0.3, 0.3], "per_layer").round(6).tolist()
    [0.222222, 0.222222]
    >>> stationary([0.2, 0.5], [0.3, 0.6], "shared").round(6).tolist()
    [0.252525, 0.525253]
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    if modules == "per_layer":
        alone: Floats = a / (1 - b + a)
        return alone
    kept = b - a
    offset = np.zeros(a.shape[:-1])
    for layer in range(a.shape[-1]):
        offset = a[..., layer] + kept[..., layer] * offset
    q = offset / (1 - np.prod(kept, axis=-1))
    result = np.empty(a.shape)
    for layer in range(a.shape[-1]):
        q = a[..., layer] + kept[..., layer] * q
        result[..., layer] = q
    return np.clip(result, 0.0, 1.0)
