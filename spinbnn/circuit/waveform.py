"""Measurements on sampled waveforms with uneven time steps: values, means, integrals, edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError, SimulationError

Array = NDArray[np.float64]


def at(time: Array, wave: Array, moment: float) -> float:
    """Return the value at one moment, linear between samples.

    Raises
    ------
    SimulationError
        If the waveform does not reach that moment.
    """
    _covers(time, moment, moment)
    return float(np.interp(moment, time, wave))


def window(time: Array, wave: Array, start: float, stop: float) -> tuple[Array, Array]:
    """Return the samples inside a window, with its two ends interpolated.

    Raises
    ------
    SimulationError
        If the waveform does not cover the window.

    Examples
    --------
    >>> x, y = window(np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, 6.0]), 0.5, 2.0)
    >>> x.tolist(), y.tolist()
    ([0.5, 1.0, 2.0], [1.0, 2.0, 4.0])
    """
    _covers(time, start, stop)
    inside = (time > start) & (time < stop)
    x = np.concatenate([[start], time[inside], [stop]])
    return x, np.concatenate([[np.interp(start, time, wave)], wave[inside], [np.interp(stop, time, wave)]])


def integral(time: Array, wave: Array, start: float, stop: float) -> float:
    """Return the integral over a window by the trapezoidal rule on the simulator's own points.

    Examples
    --------
    >>> t = np.array([0.0, 1.0, 3.0])
    >>> integral(t, 2 * t, 0.5, 2.0)
    3.75
    """
    x, y = window(time, wave, start, stop)
    return float(np.trapezoid(y, x))


def mean(time: Array, wave: Array, start: float, stop: float) -> float:
    """Return the time average over a window."""
    if not stop > start:
        raise ParameterError("an empty window", where="waveform.mean", value=(start, stop), remedy="give stop > start")
    return integral(time, wave, start, stop) / (stop - start)


def crossing(time: Array, wave: Array, level: float, start: float, stop: float, *, rising: bool = True) -> float:
    """Return the first moment in a window at which the wave crosses a level, or NaN if it never does.

    Examples
    --------
    >>> crossing(np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.0, 4.0]), 1.0, 0.0, 2.0)
    1.25
    """
    x, y = window(time, wave, start, stop)
    y = y - level if rising else level - y
    hits = np.flatnonzero((y[:-1] < 0) & (y[1:] >= 0))
    if not hits.size:
        return float("nan")
    k = hits[0]
    return float(x[k] - y[k] * (x[k + 1] - x[k]) / (y[k + 1] - y[k]))


def rise_time(time: Array, wave: Array, low: float, high: float, start: float, stop: float) -> float:
    """Return the 10-90 % time of an edge from ``low`` to ``high`` (either direction), or NaN if it is not completed."""
    swing = high - low
    rising = swing > 0
    first = crossing(time, wave, low + 0.1 * swing, start, stop, rising=rising)
    if np.isnan(first):
        return first
    return crossing(time, wave, low + 0.9 * swing, first, stop, rising=rising) - first


def _covers(time: Array, start: float, stop: float) -> None:
    slack = 1e-9 * (time[-1] - time[0])
    if not (time[0] - slack <= start <= stop <= time[-1] + slack):
        raise SimulationError(
            "the waveform does not cover the window", where="waveform", value=(start, stop),
            remedy=f"the samples run from {time[0]:.4g} s to {time[-1]:.4g} s",
        )  # fmt: skip
