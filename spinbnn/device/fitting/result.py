"""What a fit gives: estimates, intervals, the verdict, and the law as a model for circuits."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...errors import ParameterError
from ...tables import Table
from ..switching import SwitchingModel, ThermalSwitching, TwoRateSwitching
from ..temperature import bloch_ratio
from .data import SwitchingData
from .goodness import Overdispersion, Progress
from .identify import REMEDY, covariance_of
from .intervals import bootstrap_ends, profile_curve, profile_end
from .laws import Array
from .likelihood import NATURAL, Problem, coordinate_of, design_of, value_of
from .search import Optimum

REJECT_BELOW = 0.01
"""p-value below which a fit counts as rejected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchingFit:
    """A fit of a switching law to counts; made by :func:`fit_switching`.

    Attributes
    ----------
    model, noise : str
        Law, and ``"binomial"`` or ``"beta-binomial"``.
    tau0 : float or None
        Declared attempt time; None if it was free or the law has none [s].
    temperature : float
        Reference temperature of the estimates [K].
    estimates : dict of str to float
        ``delta`` [1], ``critical_current`` (paper's convention, twice the 0 K threshold) [A], ``tau0`` [s], ``i50`` [A],
        ``slope`` = d ln h/d ln I at i50 [1], ``p_sat``, ``lapse_lower``, ``lapse_upper``, ``rho`` [1]: those that the law has and the
        data identify. ``i50`` is the current at which a pulse of :attr:`reference_pulse` has ``h = ln 2``: p = 1/2 before
        saturation and lapses.
    identifiable : dict of str to bool
        Name -> whether the data give it.
    parameters, covariance : tuple of str, ndarray
        Inverse Fisher information of the logarithms of the parameters (lapse rates: of the rates); conditional on tau0 where that
        is not identifiable.
    deviance, dof : float, int
        Binomial deviance against the saturated model, and points less parameters [1].
    p_value, p_value_method : float, str
        Tail probability of the deviance; of the residuals' trend for a beta-binomial fit; NaN without degrees of freedom [1].
    data, data_hash : SwitchingData, str
        The data and the hash of their numbers.
    """

    model: str
    noise: str
    tau0: float | None
    temperature: float
    estimates: dict[str, float]
    identifiable: dict[str, bool]
    parameters: tuple[str, ...]
    covariance: Array = field(repr=False)
    deviance: float
    dof: int
    p_value: float
    p_value_method: str
    identifiability: str
    overdispersion: Overdispersion | None
    data: SwitchingData
    data_hash: str
    seed: int
    curie_temperature: float | None
    anisotropy_exponent: float
    problem: Problem = field(repr=False)
    optimum: Optimum = field(repr=False)

    @property
    def rejected(self) -> bool:
        """Whether the data reject the model (p-value below 0.01); never without degrees of freedom."""
        return self.p_value < REJECT_BELOW

    @property
    def dispersion(self) -> float:
        """Deviance over degrees of freedom; near 1 for a good binomial model."""
        return self.deviance / self.dof if self.dof else math.nan

    @property
    def reference_pulse(self) -> float:
        """Pulse width that i50 and slope belong to [s]."""
        return self.problem.reference_pulse

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood at the maximum, binomial coefficients left out [1]."""
        return -self.optimum.value.loss

    def interval(
        self, name: str, level: float = 0.95, *, method: Literal["profile", "bootstrap"] = "profile", samples: int = 999,
        seed: int | None = None, progress: Progress | None = None,
    ) -> tuple[float, float]:  # fmt: skip
        """Return an interval of an estimate.

        Parameters
        ----------
        name : str
            A key of :attr:`estimates`.
        level : float
            Coverage [1].
        method : {"profile", "bootstrap"}
            Profile likelihood, or percentiles of parametric bootstrap refits.
        samples, seed : int
            Bootstrap: number of refits, and the seed (that of the fit by default).
        progress : callable, optional
            Takes (done, samples).

        Returns
        -------
        tuple of float
            Lower and upper end; a rate that reaches 0, or a saturation that reaches 1, ends there.

        Raises
        ------
        ParameterError
            If the name is unknown or not identifiable, the level is not in (0, 1), or the data do not bound one side.
        """
        low, high = self.ends(name, level, method=method, samples=samples, seed=seed, progress=progress)
        if low is None or high is None:
            raise ParameterError(f"the data do not bound {name}", where="SwitchingFit.interval", value=level, remedy="measure more points between p = 0.1 and 0.9")
        return low, high

    def ends(
        self, name: str, level: float = 0.95, *, method: Literal["profile", "bootstrap"] = "profile", samples: int = 999,
        seed: int | None = None, progress: Progress | None = None,
    ) -> tuple[float | None, float | None]:  # fmt: skip
        """Return the interval as :meth:`interval` does, but None for an end that the data do not give."""
        if name not in self.estimates:
            if self.identifiable.get(name) is False:
                raise ParameterError(f"{name} is not identifiable from these data", where="SwitchingFit.interval", value=name, remedy=REMEDY)
            raise ParameterError("no such estimate", where="SwitchingFit.interval", value=name, remedy=f"one of {', '.join(self.estimates)}")
        if not 0.0 < level < 1.0:
            raise ParameterError("a level lies in (0, 1)", where="SwitchingFit.interval, level", value=level, remedy="e.g. 0.95")
        if method == "bootstrap":
            found = bootstrap_ends(self.problem, self.optimum, name, level, samples, self.seed if seed is None else seed, progress)
        elif method == "profile":
            drop = 0.5 * float(special.chdtri(1, 1.0 - level))
            low, high = (profile_end(self.problem, self.optimum.u, self.optimum.value.loss, drop, name, s) for s in (-1, 1))
            found = (low, high)
        else:
            raise ParameterError("unknown method", where="SwitchingFit.interval, method", value=method, remedy="'profile' or 'bootstrap'")
        out = [None if end is None else value_of(name, end) for end in found]
        if name in ("lapse_lower", "lapse_upper", "rho", "field_ratio") and out[0] is None:
            out[0] = 0.0
        if name == "p_sat" and out[1] is None:
            out[1] = 1.0
        return out[0], out[1]

    def profile(self, name: str, points: int = 41) -> tuple[Array, Array]:
        """Return values of an estimate and twice the loss of log-likelihood at each; NaN where it cannot be had.

        The values reach somewhat beyond the 99 % interval, or to a tenth and tenfold the estimate where that has no end.
        """
        ends = self.ends(name, 0.99)
        here = self.problem.quantity(name, self.optimum.u)
        assert here is not None
        natural = name in NATURAL or name == "rho"
        spread = []
        for end, sign in zip(ends, (-1.0, 1.0), strict=True):
            edge = None if end is None or (end <= 0.0 and not natural) else coordinate_of(name, end)
            spread.append(here[0] + sign * math.log(10.0) if edge is None else here[0] + 1.15 * (edge - here[0]))
        values, ratio = profile_curve(self.problem, self.optimum.u, self.optimum.value.loss, name, spread[0], spread[1], points)
        return np.array([value_of(name, float(v)) for v in values]), ratio

    def probability(self, current: ArrayLike, pulse: ArrayLike | None = None, temperature: ArrayLike | None = None) -> Array:
        """Return the fitted probability.

        Parameters
        ----------
        current : array_like
            Magnitude of the track current [A].
        pulse : array_like, optional
            Pulse width; :attr:`reference_pulse` by default [s].
        temperature : array_like, optional
            Temperature; :attr:`temperature` by default [K].
        """
        return self.band(current, pulse, temperature)[1]

    def band(
        self, current: ArrayLike, pulse: ArrayLike | None = None, temperature: ArrayLike | None = None, level: float = 0.95
    ) -> tuple[Array, Array, Array]:
        """Return lower end, fit and upper end of the probability: delta method on the logit, with the Fisher information.

        Parameters are those of :meth:`probability`; the band holds point by point.
        """
        given = np.broadcast_arrays(current, self.reference_pulse if pulse is None else pulse, self.temperature if temperature is None else temperature)
        at = SwitchingData.of(given[0], given[1], 1, 0, temperature=given[2], where="SwitchingFit.band")
        stiff = bloch_ratio(at.temperature, self.temperature, self.curie_temperature) ** self.anisotropy_exponent
        curve = self.problem.curve(self.optimum.u, design_of(at, stiff, self.temperature))
        gradient = curve.d_log_p - curve.d_log_q
        covariance = covariance_of(self.problem, self.optimum)
        spread = np.sqrt(np.maximum(np.einsum("in,ij,jn->n", gradient, covariance, gradient), 0.0))
        logit, half = curve.log_p - curve.log_q, float(special.ndtri(0.5 + 0.5 * level)) * spread
        shape = given[0].shape
        low, high = (1.0 / (1.0 + np.exp(-np.clip(logit + s * half, -700.0, 700.0))) for s in (-1, 1))
        return low.reshape(shape), np.exp(curve.log_p).reshape(shape), high.reshape(shape)

    def to_model(self) -> SwitchingModel:
        """Return the fitted law as a switching model for circuits and networks; lapse rates are no part of it.

        Raises
        ------
        ParameterError
            If tau0 and Ic0 are not identified, or the law is no thermal law.
        """
        if self.model not in ("exact", "seed", "two_rate", "two_rate_field") or "critical_current" not in self.estimates:
            raise ParameterError("this fit gives no thermal switching model", where="SwitchingFit.to_model", value=self.model, remedy=f"fit 'exact', 'seed' or 'two_rate'; {REMEDY}")
        tau0 = self.estimates["tau0"] if self.tau0 is None else self.tau0
        if self.model == "two_rate_field":
            return TwoRateSwitching(
                delta=self.estimates["delta"], attempt_time=tau0, critical_current=self.estimates["critical_current"], reference_temperature=self.temperature,
                field_ratio=self.estimates["field_ratio"],
            )  # fmt: skip
        return ThermalSwitching(
            delta=self.estimates["delta"], attempt_time=tau0, critical_current=self.estimates["critical_current"], reference_temperature=self.temperature,
            curie_temperature=self.curie_temperature, anisotropy_exponent=self.anisotropy_exponent, saturation=self.estimates.get("p_sat", 1.0),
            barrier="seed" if self.model == "seed" else "exact",
        )  # fmt: skip

    def report(self) -> Table:
        """Return estimates with 95 % profile intervals and the verdict; an end that the data do not give reads ``unbounded``."""
        from .report import fit_table

        return fit_table(self)

    def _repr_html_(self) -> str:
        return self.report().to_html()
