"""Intervals: profile likelihood, and percentiles of a parametric bootstrap.

The ends of a profile interval of ``c(u)`` are the least and the greatest ``c`` in the region ``-l(u) <= -l_max + chi2/2``.
Each is found by steps to the end of the region's local ellipsoid (Neale and Miller, Behav. Genet. 27, 113 (1997);
Venzon and Moolgavkar, Appl. Stat. 37, 87 (1988)); where that does not settle, by constrained minimisation and bisection.
Nothing is taken from the inverse Hessian of an optimiser.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from .goodness import Progress, simulate
from .laws import Array
from .likelihood import Evaluation, Problem
from .search import Optimum, minimise

Flags = NDArray[np.bool_]
FARTHEST = 4.0
"""Distance in the logarithm beyond which an end counts as not given by the data: a factor of exp(4) = 55."""
CLOSE = 1e-7
"""Error in log-likelihood at which an end counts as found."""


def profile_end(problem: Problem, optimum: Array, best: float, drop: float, name: str, direction: int) -> float | None:
    """Return one end of a profile interval in the coordinate of :meth:`Problem.quantity` (a logarithm, or a lapse).

    Parameters
    ----------
    problem : Problem
        Law and data.
    optimum : ndarray
        Coordinates of the maximum likelihood.
    best : float
        Negative log-likelihood there.
    drop : float
        Half the chi-squared quantile of the level [1].
    name : str
        Quantity.
    direction : {-1, 1}
        Lower or upper end.

    Returns
    -------
    float or None
        None where the likelihood does not fall far enough within a factor of 55, or within the range of the search.
    """
    end = _by_ellipsoids(problem, optimum, best + drop, name, direction)
    if end is None:
        return _by_bisection(problem, optimum, best, drop, name, direction)
    return None if math.isinf(end) else end


def _by_ellipsoids(problem: Problem, optimum: Array, target: float, name: str, direction: int) -> float | None:
    """Return the end, an infinity where there is none, or None where the steps do not settle."""
    lower, upper = problem.lower, problem.upper
    start = problem.quantity(name, optimum)
    if start is None:
        return None
    centre, u = start[0], optimum.copy()
    longest, last = 1.0, math.inf
    for round_ in range(60):
        value = problem.evaluate(u)
        found = problem.quantity(name, u)
        if found is None or not np.all(np.isfinite(value.gradient)):
            return None
        c, slope = found[0], direction * found[1]
        if abs(value.loss - target) < CLOSE and last < 1e-4:
            return c
        if abs(c - centre) > FARTHEST:
            return math.inf
        step, stuck = _ellipsoid_step(value.loss - target, value.gradient, value.information, slope, u <= lower, u >= upper)
        if step is None:
            return math.inf if stuck and value.loss < target else None
        size = float(np.max(np.abs(step)))
        if size > longest:
            step *= longest / size
        if round_ > 12:  # circling: shorter steps settle it
            step *= 0.5
        last = math.sqrt(max(float(step @ value.information @ step), 0.0))
        new = np.minimum(np.maximum(u + step, lower), upper)
        if np.array_equal(new, u) and value.loss < target - CLOSE:
            return math.inf
        u = new
    return None


def _ellipsoid_step(over: float, gradient: Array, information: Array, slope: Array, low: Flags, high: Flags) -> tuple[Array | None, bool]:
    """Return the step to the greatest ``slope . d`` on ``over + g.d + d.J.d/2 = 0`` within the box, and whether the box alone stops it."""
    blocked = np.zeros(len(gradient), dtype=bool)
    for _ in range(len(gradient) + 1):
        free = np.flatnonzero(~blocked)
        if free.size == 0 or not np.any(slope[free]):
            return None, True
        matrix = information[np.ix_(free, free)]
        matrix = matrix + np.diag(1e-13 * np.maximum(np.diag(matrix), 1e-12))
        try:
            inverse = np.linalg.inv(matrix)
        except np.linalg.LinAlgError:
            return None, False
        g, a = gradient[free], slope[free]
        newton, along = inverse @ g, inverse @ a
        room = 2.0 * (-over + 0.5 * float(g @ newton))
        reach = float(a @ along)
        if not reach > 0.0:
            return None, False
        multiplier = math.sqrt(max(room, 0.0) / reach)
        step = np.zeros(len(gradient))
        step[free] = multiplier * along - newton
        out = ((step < 0) & low) | ((step > 0) & high)
        if not np.any(out):
            return step, False
        blocked |= out
    return None, True


def _by_bisection(problem: Problem, optimum: Array, best: float, drop: float, name: str, direction: int) -> float | None:
    """Walk outwards until the profile has fallen by ``drop``, then bisect; slow and sure."""
    start = problem.quantity(name, optimum)
    if start is None:
        return None
    limit = _room(problem, name, start[0], direction)
    inside, low, state = 0.0, -drop, optimum
    outside, high = min(1e-2, limit), -drop
    while True:
        loss, found = profile(problem, name, start[0] + direction * outside, state)
        high = loss - best - drop
        if high >= 0.0:
            break
        if outside >= limit:
            return None
        inside, low, state, outside = outside, high, found, min(2.0 * outside, limit)
    for turn in range(100):  # secant where the profile is finite, bisection in between
        width = outside - inside
        if width < 1e-9 or -low < 0.1 * CLOSE:
            break
        share = -low / (high - low) if math.isfinite(high) else 0.5
        middle = inside + width * (min(max(share, 0.05), 0.95) if turn % 3 else 0.5)
        loss, found = profile(problem, name, start[0] + direction * middle, state)
        excess = loss - best - drop
        if excess < 0.0:
            inside, low, state = middle, excess, found
        else:
            outside, high = middle, excess
    return start[0] + direction * (inside if -low < 0.1 * CLOSE else 0.5 * (inside + outside))


def _room(problem: Problem, name: str, centre: float, direction: int) -> float:
    """Return how far the quantity may go: to the box, and not beyond :data:`FARTHEST`."""
    if name not in problem.coordinates:
        return FARTHEST
    at = problem.coordinates.index(name)
    edge = problem.upper[at] if direction > 0 else problem.lower[at]
    return max(min(FARTHEST, abs(float(edge) - centre)), 1e-12)


def profile(problem: Problem, name: str, value: float, start: Array) -> tuple[float, Array]:
    """Return the least negative log-likelihood with the quantity held at ``value``, and where it is.

    Parameters
    ----------
    problem : Problem
        Law and data.
    name : str
        Quantity.
    value : float
        Its logarithm, or the lapse itself.
    start : ndarray
        Coordinates to start from.
    """
    if name in problem.coordinates:
        at = problem.coordinates.index(name)
        begin = start.copy()
        begin[at] = value
        if problem.lower[at] <= value <= problem.upper[at]:
            found = minimise(problem, begin, fixed=at)
            return found.value.loss, found.u
    u, multiplier, before, stiffness = start, 0.0, math.inf, 1e3 * max(float(np.max(np.abs(problem.evaluate(start).information))), 1.0)
    for _ in range(8):  # augmented Lagrangian
        u = minimise(_Held(problem, name, value, multiplier, stiffness), u, iterations=60).u
        reached = problem.quantity(name, u)
        if reached is None:
            break
        distance = reached[0] - value
        if abs(distance) < 1e-8:
            return problem.evaluate(u).loss, u
        if abs(distance) > 0.5 * before:  # it cannot have this value
            break
        multiplier, before = multiplier + stiffness * distance, abs(distance)
    return math.inf, start


def profile_curve(problem: Problem, optimum: Array, best: float, name: str, low: float, high: float, points: int) -> tuple[Array, Array]:
    """Return values of a quantity (as coordinates) from ``low`` to ``high``, and twice the loss of log-likelihood at each.

    The walk goes outwards from the maximum; NaN where the quantity cannot have the value.
    """
    start = problem.quantity(name, optimum)
    centre = 0.5 * (low + high) if start is None else start[0]
    values, out = np.linspace(low, high, points), np.full(points, math.nan)
    for order in (np.flatnonzero(values >= centre), np.flatnonzero(values < centre)[::-1]):
        state = optimum
        for i in order:
            loss, found = profile(problem, name, float(values[i]), state)
            if math.isfinite(loss):
                out[i], state = max(2.0 * (loss - best), 0.0), found
    return values, out


class _Held:
    """A problem with a quantity pulled to a value: ``loss + multiplier r + stiffness r^2 / 2``, ``r`` its distance."""

    def __init__(self, problem: Problem, name: str, value: float, multiplier: float, stiffness: float) -> None:
        self.problem, self.name, self.value = problem, name, value
        self.multiplier, self.stiffness = multiplier, stiffness
        self.lower, self.upper = problem.lower, problem.upper

    def evaluate(self, u: Array) -> Evaluation:
        """Return the loss with the pull, its gradient and its Gauss-Newton information."""
        free, found = self.problem.evaluate(u), self.problem.quantity(self.name, u)
        if found is None:
            return Evaluation(math.inf, free.gradient, free.information)
        distance, slope = found[0] - self.value, found[1]
        pull = self.multiplier + self.stiffness * distance
        loss = free.loss + (self.multiplier + 0.5 * self.stiffness * distance) * distance
        return Evaluation(loss, free.gradient + pull * slope, free.information + self.stiffness * np.outer(slope, slope))


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
