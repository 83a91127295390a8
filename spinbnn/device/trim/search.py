"""How a code is found: by trials of the device, or from its p at every code."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ...rng import stream
from .dac import Array, Codes, TrimDac


def nearest_codes(p: Array, targets: ArrayLike) -> Codes:
    """Return the code whose p is nearest to each target, of devices whose p is known at every code.

    Parameters
    ----------
    p : ndarray, shape (codes, n)
        Probability of each device at each code [1].
    targets : array_like, shape (L,)
        Wanted probabilities [1].

    Returns
    -------
    ndarray of int, shape (n, L)
        Of two equally near codes the lower.

    Examples
    --------
    >>> nearest_codes(np.array([[0.1], [0.4], [0.9]]), [0.2, 0.8]).tolist()
    [[0, 2]]
    """
    return np.stack([np.argmin(np.abs(p - target), axis=0) for target in np.atleast_1d(np.asarray(targets, dtype=float))], axis=1)


def measured(exact: Callable[[Codes], Array], shots: int | None, seed: int, point: int) -> Callable[[Codes], Array]:
    """Return p of a code, or the share of that many trials; every call has a stream of its own."""
    if shots is None:
        return exact
    calls = iter(range(1 << 30))

    def share(code: Codes) -> Array:
        return np.asarray(stream(seed, "trim", point, next(calls)).binomial(shots, exact(code)) / shots)

    return share


def search(p: Callable[[Codes], Array], target: float, dac: TrimDac, devices: tuple[int, ...]) -> Codes:
    """Return the codes that a successive approximation finds; ``bits + 2`` calls of p."""
    code = np.zeros(devices, dtype=np.int64)
    for bit in reversed(range(dac.bits)):
        trial = code | (1 << bit)
        code = np.where(p(trial) <= target, trial, code)
    upper = np.minimum(code + 1, dac.codes - 1)
    return np.asarray(np.where(np.abs(p(upper) - target) < np.abs(p(code) - target), upper, code), dtype=np.int64)
