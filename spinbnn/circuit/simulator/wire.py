"""How a result travels from a worker process: its vectors behind one another in one buffer of doubles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .deck import SimulationResult


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """A result whose vectors stand in one buffer.

    Attributes
    ----------
    result : SimulationResult
        All of it but the waveforms.
    names : tuple of str
        Names of the vectors, in order.
    lengths : tuple of int
        Points of each.
    values : ndarray, shape (sum of lengths,)
        The vectors behind one another.
    """

    result: SimulationResult
    names: tuple[str, ...]
    lengths: tuple[int, ...]
    values: NDArray[np.float64]


def pack(result: SimulationResult) -> SimulationResult | Packed:
    """Return what is sent: one buffer if every vector is a row of doubles, else the result as it is.

    Examples
    --------
    >>> waves = {"time": np.array([0.0, 1.0]), "v(a)": np.array([0.5, 0.25])}
    >>> sent = pack(SimulationResult(index=0, status="ok", waveforms=waves))
    >>> sent.names, sent.lengths, sent.values.tolist()
    (('time', 'v(a)'), (2, 2), [0.0, 1.0, 0.5, 0.25])
    """
    arrays = list(result.waveforms.values())
    if not arrays or any(type(a) is not np.ndarray or a.dtype != np.float64 or a.ndim != 1 for a in arrays):
        return result
    return Packed(replace(result, waveforms={}), tuple(result.waveforms), tuple(map(len, arrays)), np.concatenate(arrays))


def unpack(answer: SimulationResult | Packed) -> SimulationResult:
    """Return the result that was sent, bit for bit; its vectors are parts of one buffer.

    Examples
    --------
    >>> waves = {"time": np.array([0.0, 1.0]), "v(a)": np.array([0.5, 0.25])}
    >>> unpack(pack(SimulationResult(index=0, status="ok", waveforms=waves))).waveforms
    {'time': array([0., 1.]), 'v(a)': array([0.5 , 0.25])}
    """
    if not isinstance(answer, Packed):
        return answer
    ends = np.cumsum(answer.lengths).tolist()
    parts = {name: answer.values[end - length : end] for name, length, end in zip(answer.names, answer.lengths, ends, strict=True)}
    return replace(answer.result, waveforms=parts)
