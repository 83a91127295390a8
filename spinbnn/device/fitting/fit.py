"""Fit switching laws to counted switching events by maximum likelihood."""

from __future__ import annotations

import math
from typing import Literal

from numpy.typing import ArrayLike
from scipy import special

from ...errors import ParameterError
from .data import SwitchingData
from .goodness import (
    Overdispersion,
    Progress,
    bootstrap_p_value,
    deviance,
    enough_samples,
    overdispersed,
    sparse_points,
    trend_p_value,
)
from .identify import identify, refuse_bounds
from .likelihood import Problem, value_of
from .options import Model, Options, problem_of
from .result import REJECT_BELOW, SwitchingFit
from .search import Optimum
from .starts import best_of, starts

Noise = Literal["binomial", "beta-binomial", "auto"]
Goodness = Literal["chi2", "bootstrap", "auto"]
NEAR = (1e-5, 0.1)
"""Chi-squared p-values between which goodness="auto" bootstraps sparse data: the verdict could change there."""
SHAPES = ("p_sat", "field_ratio", "lapse_lower", "lapse_upper", "rho")


def fit_switching(
    current: ArrayLike, pulse: ArrayLike, trials: ArrayLike, switched: ArrayLike, *,
    model: Model = "exact", tau0: float | None = None, temperature: ArrayLike = 300.0, temperature_reference: float | None = None,
    curie_temperature: float | None = None, anisotropy_exponent: float = 0.0, lapse: bool | Literal["lower", "upper"] = False,
    noise: Noise = "binomial", goodness: Goodness = "chi2", samples: int = 999, seed: int = 0, progress: Progress | None = None,
) -> SwitchingFit:  # fmt: skip
    r"""Fit a switching law to counts of switched pulses.

    .. math:: p = l_0 + (1 - l_0 - l_1)\left(1 - e^{-h}\right), \quad
              \ln h = \ln\frac{t}{\tau_0} - \Delta(T)\, b\!\left(\frac{I}{I_{c0}(T)}\right)

    Parameters
    ----------
    current : array_like
        Magnitude of the track current [A].
    pulse : array_like
        Pulse width, broadcast against the current [s].
    trials, switched : array_like of int
        Number of pulses, and of pulses that switched [1].
    model : str
        ``"exact"`` (washboard barrier), ``"seed"`` (as printed in Eq. 23b, clamped at 0), ``"printed"`` (not clamped; needs a
        declared tau0; only to compare with fits made that way), ``"two_rate"`` (exact barrier with a backward rate in a constant
        ratio to the forward one: ``p = p_sat (1 - exp(-h/p_sat))``), ``"two_rate_field"`` (escape over both saddles under an
        in-plane field, :class:`spinbnn.device.TwoRateSwitching`, ``field_ratio`` >= 0 fitted; needs a declared tau0 and one
        temperature), ``"logistic"`` (an empirical S-curve at one width).
    tau0 : float, optional
        Declared attempt time. None leaves it free: with one pulse width the fit then quotes i50, slope and delta, and no Ic0 [s].
    temperature : array_like
        Temperature of each point, or one [K].
    temperature_reference : float, optional
        Temperature that the estimates hold for; needed where the data have several [K].
    curie_temperature, anisotropy_exponent : float, optional
        Fixed parameters of ``m(T)^n`` as in :class:`spinbnn.device.ThermalSwitching` [K], [1].
    lapse : bool or {"lower", "upper"}
        Fit the rates ``l_0``, ``l_1`` of pulses that switch, or do not, whatever the current.
    noise : {"binomial", "beta-binomial", "auto"}
        ``"auto"`` takes the beta-binomial where the binomial fit is rejected and the likelihood ratio asks for it (p < 0.01).
    goodness : {"chi2", "bootstrap", "auto"}
        How ``p_value`` is had; ``"auto"`` bootstraps where a fifth of the points expect fewer than five events and the chi-squared
        p-value lies between 1e-5 and 0.1.
    samples, seed, progress
        Of the bootstrap; at least 100 samples, with fewer nothing could be rejected.

    Returns
    -------
    SwitchingFit

    Raises
    ------
    ParameterError
        If the data are inconsistent or flat, there are fewer points than parameters, or the likelihood has no maximum: delta at
        the end of the search (1 to exp(7)), as with one point alone between "never" and "always".

    Notes
    -----
    The search is Fisher scoring with analytic derivatives. With a free tau0 it moves (ln i50, ln slope, ln tau0), in which
    the ridge of the likelihood is a coordinate axis. Perpendicular device; see :class:`spinbnn.device.ThermalSwitching` for where the law holds.

    Examples
    --------
    >>> import numpy as np
    >>> from spinbnn.device import ThermalSwitching
    >>> truth = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)
    >>> current = np.linspace(170e-6, 230e-6, 13)
    >>> counts = np.round(10_000 * truth.probability(current, 10e-9))
    >>> fit = fit_switching(current, 10e-9, 10_000, counts, tau0=1e-9)
    >>> round(fit.estimates["delta"], 1), round(fit.estimates["critical_current"] * 1e6), fit.rejected
    (40.0, 500, False)
    >>> free = fit_switching(current, 10e-9, 10_000, counts)
    >>> sorted(free.estimates), free.identifiable["tau0"]
    (['delta', 'i50', 'slope'], False)
    """
    data = SwitchingData.of(current, pulse, trials, switched, temperature=temperature)
    return fit_data(
        data, model=model, tau0=tau0, temperature_reference=temperature_reference, curie_temperature=curie_temperature,
        anisotropy_exponent=anisotropy_exponent, lapse=lapse, noise=noise, goodness=goodness, samples=samples, seed=seed, progress=progress,
    )  # fmt: skip


def fit_data(
    data: SwitchingData, *, model: Model = "exact", tau0: float | None = None, temperature_reference: float | None = None,
    curie_temperature: float | None = None, anisotropy_exponent: float = 0.0, lapse: bool | Literal["lower", "upper"] = False,
    noise: Noise = "binomial", goodness: Goodness = "chi2", samples: int = 999, seed: int = 0, progress: Progress | None = None,
) -> SwitchingFit:  # fmt: skip
    """Fit a law to :class:`SwitchingData`; see :func:`fit_switching` for the parameters.

    Examples
    --------
    >>> data = SwitchingData.of([190e-6, 200e-6, 210e-6, 220e-6], 10e-9, 50, [4, 15, 35, 48])
    >>> fit_data(data, tau0=1e-9).dof
    2
    """
    for name, given, allowed in (("noise", noise, ("binomial", "beta-binomial", "auto")), ("goodness", goodness, ("chi2", "bootstrap", "auto"))):
        if given not in allowed:
            raise ParameterError(f"unknown {name}", where=f"fit_switching, {name}", value=given, remedy=f"one of {', '.join(allowed)}")
    if goodness != "chi2" or noise != "binomial":
        enough_samples(samples, "fit_switching")
    data.fit_ready()
    options = Options.of(
        data, model=model, tau0=tau0, temperature_reference=temperature_reference, curie_temperature=curie_temperature,
        anisotropy_exponent=anisotropy_exponent, lapse=lapse,
    )  # fmt: skip
    problem = problem_of(data, options)
    if data.points < len(problem.coordinates):
        raise ParameterError(
            f"{data.points} points cannot give {len(problem.coordinates)} parameters", where="fit_switching", value=problem.coordinates,
            remedy="measure more points, or fit a law with fewer parameters",
        )  # fmt: skip
    optimum = best_of(problem, starts(problem))
    refuse_bounds(problem, optimum)

    def finish(problem: Problem, optimum: Optimum, test: Overdispersion | None) -> SwitchingFit:
        known = identify(problem, optimum, data)
        free_ridge = problem.free_tau0 and not known.identifiable["tau0"]
        names = ["i50", "slope", "delta"] if free_ridge else [*problem.law.parameters, "i50", "slope"]
        estimates = {}
        for name in dict.fromkeys([*names, *(c for c in problem.coordinates if c in SHAPES)]):
            found = problem.quantity(name, optimum.u)
            if found is not None and not (name == "tau0" and problem.tau0 is not None):
                estimates[name] = value_of(name, found[0])
        dof = data.points - len(problem.coordinates)
        total = deviance(problem, optimum.u)
        p_value, how = (float(special.chdtrc(dof, total)) if dof > 0 else math.nan), "chi-squared"
        if dof > 0 and problem.overdispersed:
            p_value, how = trend_p_value(problem, optimum, samples, seed, progress), f"trend of the residuals, bootstrap of {samples}"
        elif dof > 0 and (goodness == "bootstrap" or (goodness == "auto" and NEAR[0] < p_value < NEAR[1] and 5 * sparse_points(problem, optimum.u) >= data.points)):
            p_value, how = bootstrap_p_value(problem, optimum, samples, seed, progress), f"bootstrap of {samples}"
        return SwitchingFit(
            model=options.model, noise="beta-binomial" if problem.overdispersed else "binomial", tau0=problem.tau0, temperature=options.reference,
            estimates=estimates, identifiable=known.identifiable, parameters=known.parameters, covariance=known.covariance, deviance=total, dof=dof,
            p_value=p_value, p_value_method=how, identifiability=known.text, overdispersion=test, data=data, data_hash=data.hash, seed=seed,
            curie_temperature=options.curie_temperature, anisotropy_exponent=options.anisotropy_exponent, problem=problem, optimum=optimum,
        )  # fmt: skip

    fit = finish(problem, optimum, None)
    if noise == "binomial" or (noise == "auto" and not fit.rejected):
        return fit
    test, wide, found = overdispersed(problem, optimum)
    return fit if noise == "auto" and test.p_value >= REJECT_BELOW else finish(wide, found, test)
