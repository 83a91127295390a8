"""What the counts scatter like: binomial, or beta-binomial where the probability itself drifts from point to point."""

from __future__ import annotations

import numpy as np
from scipy import special

from .laws import Array


def binomial(n: Array, k: Array, log_p: Array, log_q: Array, d_p: Array, d_q: Array) -> tuple[float, Array, Array]:
    r"""Return the binomial negative log-likelihood, its gradient and the expected information.

    .. math:: -\ell = -\sum k \ln p + (n - k) \ln q, \qquad
              J = \sum n \left(p\, \nabla\!\ln p\, \nabla\!\ln p^T + q\, \nabla\!\ln q\, \nabla\!\ln q^T\right)

    Parameters
    ----------
    n, k : ndarray, shape (N,)
        Trials and switched [1].
    log_p, log_q : ndarray, shape (N,)
        Logarithms of p and 1 - p [1].
    d_p, d_q : ndarray, shape (P, N)
        Their derivatives.
    """
    miss = n - k
    loss = -float(k @ log_p + miss @ log_q)
    gradient = -(d_p @ k + d_q @ miss)
    information = (d_p * (n * np.exp(log_p))) @ d_p.T + (d_q * (n * np.exp(log_q))) @ d_q.T
    return loss, gradient, information


def beta_binomial(n: Array, k: Array, log_p: Array, log_q: Array, d_p: Array, d_q: Array, ln_theta: float) -> tuple[float, Array, Array]:
    r"""Return the beta-binomial negative log-likelihood, its gradient and an information.

    The probability of a point is drawn from a beta distribution with mean p and variance ``p q rho``,
    ``rho = theta/(1 + theta)``; the variance of a count is ``n p q (1 + (n - 1) rho)``. With ``a = p/theta``, ``b = q/theta``

    .. math:: \ell = \sum \ln\Gamma(a + k) - \ln\Gamma(a) + \ln\Gamma(b + n - k) - \ln\Gamma(b)
              - \ln\Gamma(1/\theta + n) + \ln\Gamma(1/\theta)

    The last row of ``d_p`` and ``d_q`` belongs to ln theta and is overwritten. The information of the other parameters is
    the binomial one over ``1 + (n - 1) rho``; what involves ln theta is observed.
    """
    theta = np.exp(ln_theta)
    c, miss = 1.0 / theta, n - k
    gain_p, by_p, bend_p = _rise(log_p - ln_theta, k)
    gain_q, by_q, bend_q = _rise(log_q - ln_theta, miss)
    loss = -float(np.sum(gain_p + gain_q - special.gammaln(c + n) + special.gammaln(c)))
    total = c * (special.digamma(c + n) - special.digamma(c))
    gradient = -(d_p @ by_p + d_q @ by_q)
    gradient[-1] = -float(np.sum(total - by_p - by_q))
    weight = n / (1.0 + (n - 1.0) * theta / (1.0 + theta))
    information = (d_p * (weight * np.exp(log_p))) @ d_p.T + (d_q * (weight * np.exp(log_q))) @ d_q.T
    # with theta: observed
    cross = d_p @ (by_p + bend_p) + d_q @ (by_q + bend_q)
    information[-1, :] = information[:, -1] = cross
    second = total + c * c * (special.polygamma(1, c + n) - special.polygamma(1, c)) - by_p - bend_p - by_q - bend_q
    own = max(abs(float(np.sum(second))), 1e-3)
    with np.errstate(invalid="ignore"):
        tied = float(np.sum(cross[:-1] ** 2 / np.maximum(np.diag(information)[:-1], 1e-12))) / own
    if not tied < 0.8:  # keep it positive definite
        information[-1, :] = information[:, -1] = cross * (0.8 / tied) ** 0.5 if np.isfinite(tied) else 0.0
    information[-1, -1] = own
    return loss, gradient, information


def _rise(ln_a: Array, k: Array) -> tuple[Array, Array, Array]:
    """Return ``ln Gamma(a + k) - ln Gamma(a)``, its derivative by ln a, and ``a^2`` times the second derivative by a; all 0 at k = 0."""
    tiny = ln_a < -200.0  # ln Gamma(a) = -ln a
    a = np.exp(np.where(tiny, 0.0, ln_a))
    some = np.where(k > 0, k, 1.0)
    value = np.where(tiny, special.gammaln(some) + ln_a, special.gammaln(a + some) - special.gammaln(a))
    first = np.where(tiny, 1.0, a * (special.digamma(a + some) - special.digamma(a)))
    second = np.where(tiny, -1.0, a * a * (special.polygamma(1, a + some) - special.polygamma(1, a)))
    return np.where(k > 0, value, 0.0), np.where(k > 0, first, 0.0), np.where(k > 0, second, 0.0)
