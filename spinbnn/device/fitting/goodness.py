"""Whether the data could come from the fitted law: deviance, bootstrap, over-dispersion, trend of the residuals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from ... import rng
from ...errors import ParameterError
from .laws import Array
from .likelihood import Problem
from .search import Optimum, minimise
from .starts import starts

Progress = Callable[[int, int], object]
REFIT = 1e-4
"""Twice the log-likelihood that may be left at the end of a bootstrap refit."""
SPARSE = 5.0
"""Expected count below which a cell is sparse."""


FEWEST = 100
"""Fewest bootstrap samples for a verdict: (1 + 0)/(1 + 99) is not below 0.01, so that nothing could be rejected."""


def enough_samples(samples: int, where: str) -> None:
    """Raise where a bootstrap is too small to reject anything.

    Raises
    ------
    ParameterError
        If there are fewer than :data:`FEWEST` samples.
    """
    if samples < FEWEST:
        raise ParameterError("too few bootstrap samples: no law could be rejected", where=f"{where}, samples", value=samples, remedy=f"at least {FEWEST}")


def deviance_residuals(n: Array, k: Array, p: Array) -> Array:
    r"""Return the signed roots of each point's binomial deviance.

    .. math:: d_i = \mathrm{sign}(k - np)\sqrt{2\left[k \ln\frac{k}{np} + (n-k)\ln\frac{n-k}{n(1-p)}\right]}

    Parameters
    ----------
    n, k : ndarray
        Trials and switched [1].
    p : ndarray
        Fitted probability [1].

    Examples
    --------
    >>> deviance_residuals(np.array([10.0]), np.array([5.0]), np.array([0.5])).tolist()
    [0.0]
    """
    p = np.clip(p, 1e-300, 1.0 - 1e-16)
    both = special.xlogy(k, k / (n * p)) + special.xlogy(n - k, (n - k) / (n * (1.0 - p)))
    return np.sign(k - n * p) * np.sqrt(2.0 * np.maximum(both, 0.0))


def deviance(problem: Problem, u: Array) -> float:
    """Return the binomial deviance against the saturated model [1]."""
    return float(np.sum(deviance_residuals(problem.trials, problem.switched, problem.probability(u)) ** 2))


def sparse_points(problem: Problem, u: Array) -> int:
    """Return at how many points fewer than five switched, or unswitched, pulses are expected."""
    expected = problem.trials * problem.probability(u)
    return int(np.sum(np.minimum(expected, problem.trials - expected) < SPARSE))


def simulate(problem: Problem, optimum: Optimum, samples: int, seed: int, name: str, progress: Progress | None = None) -> list[tuple[Problem, Optimum]]:
    """Draw counts from the fit and fit them again from its estimates; the draw of a sample depends on its number alone."""
    p = np.clip(problem.probability(optimum.u), 0.0, 1.0)
    theta = float(np.exp(optimum.u[-1])) if problem.overdispersed else 0.0
    out = []
    for sample in range(samples):
        generator = rng.stream(seed, "fitting", name, sample)
        share = generator.beta(np.maximum(p / theta, 1e-12), np.maximum((1.0 - p) / theta, 1e-12)) if theta > 0 else p
        again = problem.with_counts(generator.binomial(problem.trials.astype(int), share).astype(float))
        found = minimise(again, optimum.u, left=REFIT, iterations=100)
        if not found.converged:
            found = min(found, minimise(again, starts(again)[1], left=REFIT, iterations=100), key=lambda o: o.value.loss)
        out.append((again, found))
        if progress is not None:
            progress(sample + 1, samples)
    return out


def bootstrap_p_value(problem: Problem, optimum: Optimum, samples: int, seed: int, progress: Progress | None = None) -> float:
    """Return the share of simulated and refitted data sets whose deviance is at least the measured one, ``(1 + #)/(1 + B)``."""
    measured = deviance(problem, optimum.u)
    runs = simulate(problem, optimum, samples, seed, "goodness", progress)
    return (1 + sum(deviance(again, found.u) >= measured for again, found in runs)) / (1 + samples)


def trend_p_value(problem: Problem, optimum: Optimum, samples: int, seed: int, progress: Progress | None = None) -> float:
    """Return the bootstrap p-value of the sum of products of neighbouring residuals (along the current).

    Over-dispersion leaves neighbours independent; a wrong law leaves runs of one sign.
    """
    order = np.lexsort((problem.design.current, problem.design.log_pulse, problem.design.barrier_scale))

    def statistic(at: Problem, u: Array) -> float:
        residual = deviance_residuals(at.trials, at.switched, at.probability(u))[order]
        return float(residual[1:] @ residual[:-1]) / max(float(residual @ residual), 1e-300)

    measured = statistic(problem, optimum.u)
    runs = simulate(problem, optimum, samples, seed, "trend", progress)
    return (1 + sum(statistic(again, found.u) >= measured for again, found in runs)) / (1 + samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdispersion:
    """Likelihood-ratio test of the beta-binomial against the binomial.

    Parameters
    ----------
    rho : float
        Intra-point correlation; the variance of a count is ``n p q (1 + (n - 1) rho)`` [1].
    ratio : float
        Twice the gain in log-likelihood [1].
    p_value : float
        Against the half-half mixture of 0 and chi-squared with one degree of freedom [1].
    """

    rho: float
    ratio: float
    p_value: float


def overdispersed(problem: Problem, optimum: Optimum) -> tuple[Overdispersion, Problem, Optimum]:
    """Fit the beta-binomial from a binomial fit; return the test, the new problem and its optimum."""
    wide = replace(problem, overdispersed=True)
    tries = [minimise(wide, np.append(optimum.u, np.log(theta))) for theta in (0.003, 0.03, 0.2)]
    found = min(tries, key=lambda o: o.value.loss)
    ratio = max(2.0 * (optimum.value.loss - found.value.loss), 0.0)
    theta = float(np.exp(found.u[-1]))
    test = Overdispersion(rho=theta / (1.0 + theta), ratio=ratio, p_value=0.5 * float(special.chdtrc(1, ratio)) if ratio > 0 else 1.0)
    return test, wide, found
