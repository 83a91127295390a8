r"""Restricted maximum likelihood of a mean and a covariance from values with known noise, in two dimensions.

.. math:: -2\ell(\Sigma) = \sum_d \ln|V_d| + \ln\left|\sum_d V_d^{-1}\right| + \sum_d r_d^T V_d^{-1} r_d, \qquad V_d = \Sigma + C_d
"""

from __future__ import annotations

import math

import numpy as np
from scipy import optimize, special

from .laws import Array

SMALLEST, LARGEST = 1e-6, 3.0
"""Range of the standard deviations."""
STEEPEST = math.atanh(0.999)
"""Range of the correlation, as its inverse hyperbolic tangent."""


class Reml:
    """Values ``y``, shape (D, 2), with noise covariances ``C``, shape (D, 2, 2)."""

    def __init__(self, values: Array, noise: Array) -> None:
        self.values, self.noise = values, noise
        self._best: tuple[float, Array] | None = None

    def _parts(self, covariance: Array) -> tuple[Array, Array, Array, Array]:
        """Return ``V^-1``, ``|V|``, their sum and the mean."""
        v = covariance + self.noise
        determinant = v[:, 0, 0] * v[:, 1, 1] - v[:, 0, 1] ** 2
        inverse = np.empty_like(v)
        inverse[:, 0, 0], inverse[:, 1, 1] = v[:, 1, 1] / determinant, v[:, 0, 0] / determinant
        inverse[:, 0, 1] = inverse[:, 1, 0] = -v[:, 0, 1] / determinant
        total = inverse.sum(axis=0)
        return inverse, determinant, total, np.linalg.solve(total, np.einsum("dij,dj->i", inverse, self.values))

    def loss(self, parameters: Array) -> float:
        """Return minus the restricted log-likelihood at (ln sigma_1, ln sigma_2, atanh of the correlation)."""
        inverse, determinant, total, mean = self._parts(covariance_of(parameters))
        away = self.values - mean
        quadratic = float(np.einsum("di,dij,dj->", away, inverse, away))
        return 0.5 * (float(np.sum(np.log(determinant))) + float(np.log(np.linalg.det(total))) + quadratic)

    def mean(self, covariance: Array) -> Array:
        """Return the weighted mean."""
        return self._parts(covariance)[3]

    def mean_covariance(self, covariance: Array) -> Array:
        """Return the covariance of the mean."""
        return np.asarray(np.linalg.inv(self._parts(covariance)[2]))

    def predict(self, covariance: Array) -> Array:
        """Return the best linear predictions of the true values: pulled to the mean as far as the noise asks."""
        inverse, _, _, mean = self._parts(covariance)
        return np.asarray(mean + np.einsum("ij,djk,dk->di", covariance, inverse, self.values - mean))

    def estimate(self, start: Array) -> Array:
        """Return the covariance of greatest restricted likelihood."""
        sigma = np.sqrt(np.maximum(np.diag(start), 1e-6))
        rho = float(np.clip(start[0, 1] / (sigma[0] * sigma[1]), -0.9, 0.9))
        points = [np.array([math.log(sigma[0]), math.log(sigma[1]), math.atanh(rho)]), np.array([math.log(sigma[0]) - 1.0, math.log(sigma[1]) - 1.0, 0.0])]
        found = min((self._search(point, None) for point in points), key=lambda f: f[0])
        self._best = found
        return covariance_of(found[1])

    def _search(self, start: Array, fixed: int | None) -> tuple[float, Array]:
        free = [i for i in range(3) if i != fixed]
        box = [(math.log(SMALLEST), math.log(LARGEST))] * 2 + [(-STEEPEST, STEEPEST)]

        def loss(part: Array) -> float:
            full = start.copy()
            full[free] = part
            return self.loss(full)

        done = optimize.minimize(loss, start[free], method="L-BFGS-B", bounds=[box[i] for i in free], options={"ftol": 1e-12, "gtol": 1e-7})
        out = start.copy()
        out[free] = done.x
        return float(done.fun), out

    def profile(self, which: int, level: float) -> tuple[float, float]:
        """Return the profile interval of a standard deviation (0, 1) or of the correlation (2); :meth:`estimate` comes first.

        A standard deviation of 0 takes the correlation with it: the likelihood ratio against it is not one degree of freedom but a
        half-half mixture of one and two (Stram and Lee, Biometrics 50, 1171 (1994)). The interval begins at 0 where that does not exclude it.
        """
        if self._best is None:
            self.estimate(np.cov(self.values.T))
        assert self._best is not None
        best, point = self._best
        drop = 0.5 * float(special.chdtri(1, 1.0 - level))
        edges = (-STEEPEST, STEEPEST) if which == 2 else (math.log(SMALLEST), math.log(LARGEST))
        none = 0.5 * float(optimize.brentq(lambda x: special.chdtrc(1, x) + special.chdtrc(2, x) - 2.0 * (1.0 - level), 0.0, 700.0))
        ends = []
        for sign, edge in zip((-1.0, 1.0), edges, strict=True):

            def excess(x: float) -> float:
                return self._search(np.where(np.arange(3) == which, x, point), which)[0] - best - drop

            centre = float(point[which])
            room = none - drop if which != 2 and sign < 0 else 0.0
            if edge == centre or excess(edge) <= room:  # the estimate may lie on the edge itself
                ends.append(edge if which == 2 else math.copysign(math.inf, sign))
            else:
                ends.append(float(optimize.brentq(excess, min(edge, centre), max(edge, centre), xtol=1e-5)))
        if which == 2:
            low, high = (math.tanh(e) if abs(e) < STEEPEST else math.copysign(1.0, e) for e in ends)
        else:
            low, high = math.exp(ends[0]), math.exp(ends[1])
        return low, high


def covariance_of(parameters: Array) -> Array:
    """Return the matrix of (ln sigma_1, ln sigma_2, atanh of the correlation).

    Examples
    --------
    >>> covariance_of(np.log([0.02, 0.1, 1.0])).round(6).tolist()
    [[0.0004, 0.0], [0.0, 0.01]]
    """
    first, second, rho = math.exp(parameters[0]), math.exp(parameters[1]), math.tanh(parameters[2])
    return np.array([[first * first, rho * first * second], [rho * first * second, second * second]])
