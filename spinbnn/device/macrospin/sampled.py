"""A macrospin under a sampled current: the waveform on the time grid, and what a run under it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError
from ..statistics import wilson_interval

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveformCounts:
    """States of trajectories under a sampled current.

    Attributes
    ----------
    initial : int
        State before the waveform.
    moments : ndarray, shape (m,)
        Times at which the state was noted [s].
    ones : ndarray of int, shape (m + 1,)
        Trajectories in state 1 (sign of m_z) at the moments, and after the relaxation.
    trials : int
        Trajectories.
    final_mz : ndarray, shape (trials,)
        m_z after the relaxation [1].
    temperature : float
        Temperature [K].
    seed : int
        Seed of the run.

    Examples
    --------
    >>> counts = WaveformCounts(initial=0, moments=np.array([5e-9]), ones=np.array([0, 30]), trials=100, final_mz=np.zeros(100), temperature=300.0, seed=0)
    >>> counts.probability.tolist(), round(float(counts.standard_error[-1]), 4)
    ([0.0, 0.3], 0.0458)
    """

    initial: int
    moments: Array
    ones: NDArray[np.int64]
    trials: int
    final_mz: NDArray[np.floating[Any]]
    temperature: float
    seed: int

    @property
    def probability(self) -> Array:
        """Share of trajectories in state 1 at the moments, and at the end [1]."""
        return np.asarray(self.ones / self.trials)

    @property
    def standard_error(self) -> Array:
        """``sqrt(p (1 - p)/n)`` [1]; 0 where none or all are in state 1: see :meth:`interval`."""
        p = self.probability
        return np.asarray(np.sqrt(p * (1.0 - p) / self.trials))

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Return the ends of the Wilson score interval of the probability [1]."""
        return wilson_interval(self.ones, self.trials, level)


def checked_waveform(time: ArrayLike, current: ArrayLike) -> tuple[Array, Array]:
    """Return a waveform as two arrays.

    Raises
    ------
    ParameterError
        If times fall, lengths differ, or a value is not finite.

    Examples
    --------
    >>> [len(a) for a in checked_waveform([0.0, 1e-9, 1e-9], [0.0, 0.0, 1e-4])]  # a jump
    [3, 3]
    """
    try:
        moment, wave = np.asarray(time, dtype=float), np.asarray(current, dtype=float)
    except (TypeError, ValueError):
        raise ParameterError("numbers are needed", where="Macrospin, waveform", value=(time, current), remedy="times in seconds, currents in amperes") from None
    if moment.ndim != 1 or moment.shape != wave.shape or moment.size < 2:
        raise ParameterError("a waveform needs two samples at least, one current for each time", where="Macrospin, waveform", value=(moment.shape, wave.shape), remedy="give time and current of one length")
    if not (np.all(np.isfinite(moment)) and np.all(np.isfinite(wave)) and np.all(np.diff(moment) >= 0) and moment[-1] > moment[0]):
        raise ParameterError("times must not fall, and everything must be finite", where="Macrospin, waveform", value=[float(moment[0]), float(moment[-1])], remedy="sort the samples; two samples at one time are a jump")
    return moment, wave


def sample_means(time: Array, current: Array, begin: float, step: float, steps: int) -> Array:
    """Return the mean over every time step of a current that is linear between its samples, and 0 outside them.

    The mean keeps the charge, whatever the edges: as :func:`~spinbnn.device.macrospin.pulse.step_means` does for a pulse.

    Parameters
    ----------
    time, current : ndarray, shape (points,)
        Samples [s], [A]; two at one time are a jump.
    begin : float
        Where on the grid the first sample lies [s].
    step : float
        Time step [s].
    steps : int
        Number of steps.

    Returns
    -------
    ndarray, shape (steps,)
        In [A].

    Examples
    --------
    >>> sample_means(np.array([0.0, 2.0, 2.0, 3.0]), np.array([0.0, 2.0, 1.0, 1.0]), 1.0, 1.0, 5).tolist()
    [0.0, 0.5, 1.5, 1.0, 0.0]
    """
    edges = np.arange(steps + 1, dtype=np.float64) * step - begin
    local = time - time[0]
    widths = np.diff(local)
    charge = np.concatenate([[0.0], np.cumsum(0.5 * (current[1:] + current[:-1]) * widths)])
    inside = np.clip(edges, 0.0, local[-1])
    k = np.clip(np.searchsorted(local, inside, side="right") - 1, 0, widths.size - 1)
    late, wide = inside - local[k], widths[k]
    slope = np.divide(np.diff(current)[k], wide, out=np.zeros_like(wide), where=wide > 0)
    return np.asarray(np.diff(charge[k] + late * (current[k] + 0.5 * slope * late)) / step)
