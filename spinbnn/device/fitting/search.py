"""Fisher scoring in a box: the one search behind every fit, profile and bootstrap."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .laws import Array
from .likelihood import Evaluation

LEFT = 1e-10
"""Twice the gain in log-likelihood that may be left at the end of a search."""
LONGEST = 1.0
"""Longest step of a coordinate."""


class Optimum(NamedTuple):
    """Where a search ended; ``at_lower`` and ``at_upper`` mark coordinates that the box holds."""

    u: Array
    value: Evaluation
    at_lower: NDArray[np.bool_]
    at_upper: NDArray[np.bool_]
    converged: bool


class Target(Protocol):
    """What is minimised: a loss with its gradient and information, in a box."""

    @property
    def lower(self) -> Array:
        """Lower end of the box."""

    @property
    def upper(self) -> Array:
        """Upper end of the box."""

    def evaluate(self, u: Array) -> Evaluation:
        """Return loss, gradient and information."""


def minimise(problem: Target, start: Array, *, fixed: int | None = None, iterations: int = 200, left: float = LEFT) -> Optimum:
    """Minimise the negative log-likelihood within the problem's box, ``fixed`` a coordinate that stays, until
    twice the gain that is left falls below ``left``.

    Damped scoring: ``(J + damping diag J) step = -gradient`` over the coordinates that the box does not hold; the damping
    grows tenfold when the likelihood falls and shrinks tenfold when it rises.
    """
    lower, upper = problem.lower, problem.upper
    u = np.minimum(np.maximum(start, lower), upper)
    value = problem.evaluate(u)
    damping, converged = 0.0, False
    held = np.zeros(len(u), dtype=bool)
    if fixed is not None:
        held[fixed] = True
    for _ in range(iterations):
        free = np.flatnonzero(~(held | ((u <= lower) & (value.gradient > 0)) | ((u >= upper) & (value.gradient < 0))))
        if free.size == 0:
            converged = True
            break
        gradient = value.gradient[free]
        matrix = value.information[np.ix_(free, free)]
        scale = np.maximum(np.diag(matrix), 1e-12)
        step = -_solve(matrix + np.diag((damping + 1e-13) * scale), gradient)
        gain = -float(gradient @ step)
        if gain < 0.0:
            damping = max(10.0 * damping, 1e-3)
            continue
        if gain < left and damping <= 1e-3:
            converged = True
            break
        step *= min(1.0, LONGEST / float(np.max(np.abs(step))))
        trial = u.copy()
        trial[free] = np.minimum(np.maximum(u[free] + step, lower[free]), upper[free])
        if np.array_equal(trial, u):
            converged = gain < 1e-6
            break
        new = problem.evaluate(trial)
        if new.loss <= value.loss + 1e-13 * abs(value.loss) and np.all(np.isfinite(new.gradient)):
            if value.loss - new.loss < 1e-13 * abs(value.loss) and gain < 1e-6:
                u, value, converged = trial, new, True
                break
            u, value = trial, new
            damping = 0.0 if damping < 1e-4 else 0.1 * damping
        else:
            damping = max(10.0 * damping, 1e-3)
            if damping > 1e12:
                converged = gain < 1e-6
                break
    return Optimum(u, value, u <= lower, u >= upper, converged)


def _solve(matrix: Array, vector: Array) -> Array:
    try:
        return np.asarray(np.linalg.solve(matrix, vector), dtype=float)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(matrix, vector, rcond=None)[0], dtype=float)
