"""Bits of two-state chains from uniform numbers, and the entropies of a chain."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float64]
Bits = NDArray[np.uint8]


def markov_bits(uniform: Array, a: ArrayLike, b: ArrayLike, start: ArrayLike) -> Bits:
    """Turn uniform numbers into bits of two-state chains down the first axis, without a loop over it.

    The next bit is ``u < b`` after a 1 and ``u < a`` after a 0. Where u lies outside the two thresholds the bit is certain;
    between them it copies the one before (b > a) or inverts it (b < a). So a bit is the last certain one, inverted once for
    each inversion since.

    Parameters
    ----------
    uniform : ndarray, shape (n, m)
        Numbers in [0, 1).
    a, b : array_like
        P(1|0) and P(1|1), shape ``(m,)`` or ``(n, m)`` [1].
    start : array_like, shape (m,)
        Probability that the first bit is 1 [1].

    Returns
    -------
    ndarray of uint8, shape (n, m)
        Bits.

    Examples
    --------
    >>> import numpy as np
    >>> markov_bits(np.array([[0.1], [0.5], [0.9], [0.5]]), 0.4, 0.6, 0.5).ravel().tolist()
    [1, 1, 0, 0]
    """
    if len(uniform) == 0:
        return np.zeros(uniform.shape, np.uint8)
    low, high = np.minimum(a, b), np.maximum(a, b)
    value, certain = uniform < low, (uniform < low) | (uniform >= high)
    value[0], certain[0] = uniform[0] < start, True
    inverts = ~certain & np.broadcast_to(np.asarray(a) > np.asarray(b), uniform.shape)
    last = np.maximum.accumulate(np.where(certain, np.arange(len(uniform))[:, None], 0), axis=0)
    count = np.cumsum(inverts, axis=0)
    odd = (count - np.take_along_axis(count, last, axis=0)) % 2 == 1
    return (np.take_along_axis(value, last, axis=0) ^ odd).astype(np.uint8)


def binary_entropy(p: ArrayLike) -> Array:
    """Return the entropy of a coin [bit]."""
    q = np.asarray(p, dtype=float)
    return np.asarray((special.entr(q) + special.entr(1.0 - q)) / np.log(2.0))


def log2_most_likely(one: Array, a: Array, b: Array, length: int) -> Array:
    """Return log2 of the probability of the most likely sequence, started with P(1) = one."""
    with np.errstate(divide="ignore"):
        ends = [np.log2(1.0 - one), np.log2(one)]
        steps = [[np.log2(1.0 - a), np.log2(a)], [np.log2(1.0 - b), np.log2(b)]]
    for _ in range(length - 1):
        ends = [np.maximum(ends[0] + steps[0][bit], ends[1] + steps[1][bit]) for bit in (0, 1)]
    return np.asarray(np.maximum(*ends))
