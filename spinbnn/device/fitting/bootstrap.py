"""Parametric bootstrap intervals: percentiles of refits to counts drawn from the fit."""

from __future__ import annotations

import math

import numpy as np

from ...errors import ParameterError
from .goodness import Progress, simulate
from .laws import Array
from .likelihood import Problem
from .search import Optimum


def bootstrap_ends(
    problem: Problem, optimum: Optimum, name: str, level: float, samples: int, seed: int, progress: Progress | None = None
) -> tuple[float | None, float | None]:
    """Return the percentile interval of a quantity, in the coordinate of :meth:`Problem.quantity`.

    Refits whose likelihood has no maximum count as infinite (their steepness runs to the border of the search); an end that falls
    among them is None.

    Parameters
    ----------
    problem, optimum
        The fit.
    name : str
        Quantity.
    level : float
        Coverage [1].
    samples, seed : int
        Number of refits; the seed of their draws.
    progress : callable, optional
        Takes (done, samples).

    Raises
    ------
    ParameterError
        If there are too few refits for the level.
    """
    if samples * (1.0 - level) < 10:
        raise ParameterError("too few bootstrap samples for this level", where="SwitchingFit.interval, samples", value=samples, remedy=f"at least {math.ceil(10 / (1.0 - level))}")
    values = _logs(problem, optimum, name, samples, seed, progress)
    # order statistics, no interpolation: infinities stay infinities
    rank = (samples + 1) * 0.5 * (1.0 - level)
    low, high = float(values[max(math.floor(rank) - 1, 0)]), float(values[min(samples - math.floor(rank), samples - 1)])
    return (low if math.isfinite(low) else None), (high if math.isfinite(high) else None)


def _logs(problem: Problem, optimum: Optimum, name: str, samples: int, seed: int, progress: Progress | None) -> Array:
    out = []
    for again, found in simulate(problem, optimum, samples, seed, "interval", progress):
        quantity = again.quantity(name, found.u)
        value = math.nan if quantity is None else quantity[0]
        if name in again.coordinates and name in ("delta", "critical_current", "slope", "i50", "tau0"):
            at = again.coordinates.index(name)
            value = math.inf if found.at_upper[at] else -math.inf if found.at_lower[at] else value
        out.append(value)
    values = np.array(out)
    missing = np.isnan(values)
    if np.any(missing):  # a quantity that a refit does not have may lie on either side
        values = np.concatenate([values[~missing], np.resize([math.inf, -math.inf], int(np.sum(missing)))])
    return np.sort(values)
