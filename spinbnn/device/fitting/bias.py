"""First-order bias of the maximum-likelihood estimates."""

from __future__ import annotations

import numpy as np

from .laws import Array
from .likelihood import Problem

STEP = 1e-4
"""Step of the second derivatives of p, in the coordinates."""


def first_order_bias(problem: Problem, u: Array, count: int = 2) -> Array:
    r"""Return the bias of order 1/n of the first ``count`` coordinates, the others held.

    .. math:: b = -\tfrac12 J^{-1} \sum_i \frac{n_i}{p_i q_i}\, \nabla p_i\; \mathrm{tr}\!\left(J^{-1} \nabla^2 p_i\right)

    Parameters
    ----------
    problem : Problem
        Law and conditions; the counts do not matter.
    u : ndarray
        Coordinates at which it is evaluated.
    count : int
        Number of coordinates.

    Over-dispersed counts weigh ``1 + (n - 1) rho`` times less.

    Returns
    -------
    ndarray, shape (count,)
        Expected estimate less truth.

    References
    ----------
    Cox and Snell, J. R. Stat. Soc. B 30, 248 (1968), for binomial counts whose mean is any function of the parameters.
    """
    def slope(at: Array) -> Array:
        curve = problem.curve(at)
        return np.exp(curve.log_p) * curve.d_log_p[:count]

    curve = problem.curve(u)
    weight = problem.trials * np.exp(-np.maximum(curve.log_p + curve.log_q, -600.0))
    if problem.overdispersed:
        weight = weight / (1.0 + (problem.trials - 1.0) / (1.0 + np.exp(-u[-1])))
    gradient = slope(u)
    second = np.empty((count, count, gradient.shape[1]))
    for j in range(count):
        step = np.zeros(len(u))
        step[j] = STEP
        second[j] = (slope(u + step) - slope(u - step)) / (2.0 * STEP)
    information = (gradient * weight) @ gradient.T
    inverse = np.linalg.inv(information)
    return np.asarray(-0.5 * inverse @ (gradient * weight) @ np.einsum("jk,jkn->n", inverse, second))
