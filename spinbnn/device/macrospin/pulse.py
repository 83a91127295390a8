"""The current pulse on the time grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def step_means(begin: float, pulse: float, rise: float, fall: float, step: float, steps: int) -> NDArray[np.float64]:
    """Return the mean of a trapezoidal pulse of height 1 over every time step.

    ``pulse`` is the width at half height: linear ramps of ``rise`` and ``fall`` around it carry the charge of the
    rectangular pulse, whatever their length. The mean over a step keeps that charge for any width, also between steps.

    Parameters
    ----------
    begin : float
        Begin of the rising ramp [s].
    pulse : float
        Width at half height, at least ``(rise + fall)/2`` [s].
    rise, fall : float
        From 0 to 1 and back [s].
    step : float
        Time step [s].
    steps : int
        Number of steps.

    Returns
    -------
    ndarray, shape (steps,)
        In [0, 1] [1].

    Examples
    --------
    >>> step_means(1e-12, 2.5e-12, 1e-12, 0.0, 1e-12, 6).round(9).tolist()
    [0.0, 0.5, 1.0, 1.0, 0.0, 0.0]
    """
    edges = np.arange(steps + 1, dtype=np.float64)
    down = begin + pulse + 0.5 * (rise - fall)
    covered = _ramp_integral(edges - begin / step, rise / step) - _ramp_integral(edges - down / step, fall / step)
    return np.clip(np.diff(covered), 0.0, 1.0)


def _ramp_integral(time: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Integrate from the far past a ramp that goes from 0 at time 0 to 1 at ``width``."""
    inside = np.clip(time, 0.0, width)
    return (inside * inside / (2.0 * width) if width > 0 else 0.0) + np.maximum(time - width, 0.0)
