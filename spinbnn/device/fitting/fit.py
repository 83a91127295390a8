"""Fit the thermal switching model to counted switching events by binomial maximum likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

from ... import files
from ...errors import ParameterError
from ...tables import Cell, Column, Table
from ..switching.barriers import BARRIERS

Array = NDArray[np.float64]
LN_LN2 = math.log(math.log(2.0))
LN_DELTA = (0.0, 7.0)
"""Search range of ln delta."""
LN_SPAN = 3.0
"""Search range of ln Ic0 about its start."""
OUTSIDE = 1e12
"""Loss outside the domain of a path."""
REJECT_BELOW = 0.01
"""p-value of the deviance below which a fit counts as rejected."""


def _slope(barrier: str, x: Array) -> Array:
    """Return db/dx."""
    if barrier == "exact":
        return np.where(x < 0.5, -2.0 * np.arccos(np.clip(2.0 * x, -1.0, 1.0)), 0.0)
    return np.where(x < BARRIERS["seed"][1], -math.pi + 4.0 * x, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchingFit:
    """Maximum-likelihood fit of Eq. 23 (corrected) to switching counts.

    Attributes
    ----------
    estimates : dict of str to float
        ``delta`` [1], ``critical_current`` (paper's convention) [A], ``i50`` (only for one pulse width) [A].
    covariance : ndarray, shape (2, 2)
        Inverse Fisher information of (ln delta, ln critical_current) [1].
    deviance, dof, p_value : float, int, float
        Binomial deviance against the saturated model and its chi-squared tail.
    tau0 : float
        Attempt time; fixed, not fitted [s].
    identifiability : str
        What the data can and cannot give.
    """

    model: str
    tau0: float
    temperature: float
    estimates: dict[str, float]
    covariance: Array
    deviance: float
    dof: int
    p_value: float
    identifiability: str
    data: tuple[Array, Array, Array, Array]
    data_hash: str

    @property
    def rejected(self) -> bool:
        """Whether the data reject the model (p-value below 0.01)."""
        return self.p_value < REJECT_BELOW

    @property
    def dispersion(self) -> float:
        """Deviance over degrees of freedom; near 1 for a good binomial model."""
        return self.deviance / self.dof if self.dof else math.nan

    def interval(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """Return a profile-likelihood interval of ``delta``, ``critical_current`` or ``i50``.

        Raises
        ------
        ParameterError
            If the name is unknown, the level is not in (0, 1), or the likelihood does not fall enough on one side.
        """
        if name not in self.estimates:
            raise ParameterError("no such estimate", where="SwitchingFit.interval", value=name, remedy=f"one of {', '.join(self.estimates)}")
        if not 0.0 < level < 1.0:
            raise ParameterError("a level lies in (0, 1)", where="SwitchingFit.interval, level", value=level, remedy="e.g. 0.95")
        ends = [self._end(name, level, direction) for direction in (-1, 1)]
        if ends[0] is None or ends[1] is None:
            raise ParameterError(f"the data do not bound {name}", where="SwitchingFit.interval", value=level, remedy="measure more points between p = 0.1 and 0.9")
        return ends[0], ends[1]

    def _end(self, name: str, level: float, direction: int) -> float | None:
        """Return one end of a profile interval; None if the likelihood does not fall enough within a factor ``exp(4)``."""
        best, drop = _loss(self._optimum, self.data, self.model, self.tau0)[0], 0.5 * stats.chi2.ppf(level, 1)

        def excess(shift: float) -> float:
            return self._profile(name, math.log(self.estimates[name]) + direction * shift) - best - drop

        inside, width = 0.0, 1e-3
        if name != "i50":  # from the Fisher width
            width = min(max(width, math.sqrt(2 * drop * self.covariance[0, 0] if name == "delta" else 2 * drop * self.covariance[1, 1])), 4.0)
        while excess(width) < 0:
            if width >= 4.0:
                return None
            inside, width = width, min(2.0 * width, 4.0)
        return self.estimates[name] * math.exp(direction * optimize.brentq(excess, inside, width, xtol=1e-10))

    @property
    def _optimum(self) -> Array:
        return np.log([self.estimates["delta"], self.estimates["critical_current"]])

    def _profile(self, name: str, value: float) -> float:
        """Return the negative log-likelihood at the logarithm ``value``, minimised over the other parameter."""

        def path(other: float) -> tuple[Array, Array] | None:
            if name == "delta":
                return np.array([value, other]), np.array([0.0, 1.0])
            if name == "critical_current":
                return np.array([other, value]), np.array([1.0, 0.0])
            # i50 fixed: the barrier at i50 fixes Ic0 for each delta, b(x50) = height
            height = (math.log(self.data[1][0] / self.tau0) - LN_LN2) / math.exp(other)
            x50 = _inverse_barrier(self.model, height)
            if not x50:  # none, or 0
                return None
            slope = float(_slope(self.model, np.asarray(x50)))
            return np.array([other, value - math.log(x50)]), np.array([1.0, height / (slope * x50)])

        start = float(self._optimum[1 if name == "delta" else 0])
        if name != "i50":  # along the ridge of the likelihood
            ridge = self.covariance[0, 1] / (self.covariance[0, 0] if name == "delta" else self.covariance[1, 1])
            start += min(max(ridge * (value - math.log(self.estimates[name])), -1.0), 1.0)
        return _minimise_along(path, start, self.data, self.model, self.tau0)

    def report(self) -> Table:
        """Return estimates with 95 % profile intervals and the verdict; an end that the data do not give reads ``unbounded``."""
        units = {"delta": ("1", 1.0), "critical_current": ("µA", 1e6), "i50": ("µA", 1e6)}
        rows: list[list[Cell]] = []
        for name, value in self.estimates.items():
            unit, scale = units[name]
            ends = [self._end(name, 0.95, direction) for direction in (-1, 1)]
            rows.append([name, unit, value * scale, *("unbounded" if end is None else end * scale for end in ends)])
        verdict = "REJECTED" if self.rejected else "not rejected"
        note = f"{verdict}: deviance {self.deviance:.1f} on {self.dof} degrees of freedom, p = {self.p_value:.2g}. tau0 = {self.tau0:g} s (fixed). {self.identifiability}"
        return Table(f"Fit of the {self.model} barrier", ["parameter", "unit", Column("estimate"), Column("2.5 %"), Column("97.5 %")], rows, note=note)

    def _repr_html_(self) -> str:
        return self.report().to_html()


def fit_switching(
    current: ArrayLike, pulse: ArrayLike, trials: ArrayLike, switched: ArrayLike, *,
    model: Literal["exact", "seed"] = "exact", tau0: float | None = None, temperature: float = 300.0,
) -> SwitchingFit:  # fmt: skip
    r"""Fit thermal stability and critical current to switching counts.

    .. math:: p = 1 - e^{-h}, \quad \ln h = \ln(t/\tau_0) - \Delta\, b(I/I_{c0})

    a binomial model with complementary log-log link, maximised with its analytic gradient.

    Parameters
    ----------
    current : array_like
        Magnitude of the track current [A].
    pulse : array_like
        Pulse width, broadcast against the current [s].
    trials, switched : array_like of int
        Number of pulses, and of pulses that switched [1].
    model : {"exact", "seed"}
        Barrier.
    tau0 : float, optional
        Attempt time; 1 ns by default. It is never fitted here: a single pulse width cannot give it [s].
    temperature : float
        Temperature of the measurement, recorded with the result [K].

    Returns
    -------
    SwitchingFit

    Raises
    ------
    ParameterError
        If the data are inconsistent (counts outside 0..n, non-positive currents, fewer than three points, no point
        with 0 < switched < trials), or the likelihood has no maximum: delta at the end of the search (1 to exp(7)), as
        with one point alone between "never" and "always".

    Notes
    -----
    Perpendicular device at one pulse width; see :class:`spinbnn.device.ThermalSwitching` for the validity range.

    Examples
    --------
    >>> import numpy as np
    >>> from spinbnn.device import ThermalSwitching
    >>> truth = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)
    >>> current = np.linspace(170e-6, 230e-6, 13)
    >>> counts = np.round(10_000 * truth.probability(current, 10e-9))
    >>> fit = fit_switching(current, 10e-9, 10_000, counts)
    >>> round(fit.estimates["delta"], 1), round(fit.estimates["critical_current"] * 1e6), fit.rejected
    (40.0, 500, False)
    """
    if model not in BARRIERS:
        raise ParameterError("unknown model", where="fit_switching, model", value=model, remedy="'exact' or 'seed'")
    data = _check(current, pulse, trials, switched)
    attempt = 1e-9 if tau0 is None else float(tau0)
    if not attempt > 0 or not temperature > 0:
        raise ParameterError("tau0 and temperature must be > 0", where="fit_switching", value=(attempt, temperature), remedy="give seconds and kelvin")
    best = min((_minimise(start, data, model, attempt) for start in _starts(data, model, attempt)), key=lambda r: r.fun)
    _refuse_bounds(best.x, best.fun, data, model, attempt)
    delta, ic0 = (float(v) for v in np.exp(best.x))
    estimates = {"delta": delta, "critical_current": ic0}
    widths = np.unique(data[1])
    if widths.size == 1:
        x50 = _inverse_barrier(model, (math.log(widths[0] / attempt) - LN_LN2) / delta)
        if x50 is not None:
            estimates["i50"] = ic0 * x50
        text = "One pulse width: i50 and the slope (delta) are identified; tau0 and Ic0 are not separable, Ic0 holds for this tau0."
    else:
        text = f"{widths.size} pulse widths over a factor of {widths[-1] / widths[0]:.3g}; tau0 stays fixed in this fit."
    fisher = _fisher(best.x, data, model, attempt)
    eigenvalues = np.linalg.eigvalsh(fisher)
    if not eigenvalues[0] > 1e-12 * eigenvalues[1]:
        raise ParameterError("the data do not determine both parameters", where="fit_switching", value=eigenvalues.tolist(), remedy="measure several currents with probabilities between 0.05 and 0.95")
    deviance, dof = _deviance(best.x, data, model, attempt), data[0].size - 2
    arrays = [a.tolist() for a in data]
    return SwitchingFit(
        model=model, tau0=attempt, temperature=float(temperature), estimates=estimates, covariance=np.asarray(np.linalg.inv(fisher), dtype=float), deviance=deviance,
        dof=dof, p_value=float(stats.chi2.sf(deviance, dof)), identifiability=text, data=data, data_hash=files.content_hash(arrays),
    )  # fmt: skip


def _check(current: ArrayLike, pulse: ArrayLike, trials: ArrayLike, switched: ArrayLike) -> tuple[Array, Array, Array, Array]:
    try:
        i, t, n, k = (np.array(a, dtype=float).ravel() for a in np.broadcast_arrays(current, pulse, trials, switched))
    except (TypeError, ValueError) as error:
        raise ParameterError("the data are no numbers, or not one list of points", where="fit_switching", value=str(error), remedy="give arrays of one length") from None
    checks = [
        (np.isfinite(i) & (i > 0), "a current must be finite and > 0 (give its magnitude)"),
        (np.isfinite(t) & (t > 0), "a pulse width must be > 0"),
        (np.isfinite(n) & (n >= 1) & (n == np.round(n)), "trials must be whole numbers >= 1; they are never guessed"),
        (np.isfinite(k) & (k >= 0) & (k <= n) & (k == np.round(k)), "switched must be whole numbers in 0..trials"),
    ]
    for good, what in checks:
        if not np.all(good):
            bad = int(np.argmin(good))
            raise ParameterError(what, where=f"fit_switching, point {bad}", value=(i[bad], t[bad], n[bad], k[bad]), remedy="(current, pulse, trials, switched)")
    if i.size < 3 or not np.any((k > 0) & (k < n)):
        raise ParameterError("too few data: at least three points, one of them with 0 < switched < trials", where="fit_switching", value=int(i.size), remedy="measure around p = 0.5")
    return i, t, n, k


def _eta(theta: Array, data: tuple[Array, ...], model: str, tau0: float) -> tuple[Array, Array, Array]:
    """Return ln h, and its derivatives with respect to (ln delta, ln Ic0)."""
    delta, x = math.exp(theta[0]), data[0] / math.exp(theta[1])
    barrier = BARRIERS[model][0](x)
    return np.log(data[1] / tau0) - delta * barrier, -delta * barrier, delta * _slope(model, x) * x


def _loss(theta: Array, data: tuple[Array, ...], model: str, tau0: float) -> tuple[float, Array]:
    eta, d_delta, d_ic = _eta(theta, data, model, tau0)
    h = np.exp(np.minimum(eta, 50.0))
    n, k = data[2], data[3]
    with np.errstate(divide="ignore"):
        log_p = np.where(h > 1e-12, np.log(-np.expm1(-h)), eta)
    value = -float(np.sum(np.where(k > 0, k * log_p, 0.0) - (n - k) * h))
    # d log(1 - exp(-h)) / d eta = h / (exp(h) - 1)
    ratio = np.where(h < 1e-8, 1.0 - h / 2, h / np.where(h < 1e-8, 1.0, np.expm1(np.minimum(h, 700.0))))
    pull = k * ratio - (n - k) * h
    return value, -np.array([np.sum(pull * d_delta), np.sum(pull * d_ic)])


def _minimise(start: Array, data: tuple[Array, ...], model: str, tau0: float) -> optimize.OptimizeResult:
    scale = float(np.sum(data[2]))

    def scaled(theta: Array) -> tuple[float, Array]:
        value, gradient = _loss(theta, data, model, tau0)
        return value / scale, gradient / scale

    bounds = [LN_DELTA, (start[1] - LN_SPAN, start[1] + LN_SPAN)]
    found = optimize.minimize(scaled, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-15, "gtol": 1e-12, "maxiter": 1000})
    found.fun = found.fun * scale
    return found


def _minimise_along(
    path: Callable[[float], tuple[Array, Array] | None], start: float, data: tuple[Array, ...], model: str, tau0: float
) -> float:
    """Return the least loss along ``path(u) -> (theta, d theta/du)``.

    Fisher scoring with halved steps; a bounded search where that does not converge. ``path`` gives None outside its domain.
    """

    def loss(u: float) -> float:
        point = path(u)
        return OUTSIDE if point is None else _loss(point[0], data, model, tau0)[0]

    u, value = start, loss(start)
    for _ in range(200):
        point = path(u)
        if point is None:
            break
        theta, tangent = point
        slope = float(_loss(theta, data, model, tau0)[1] @ tangent)
        information = float(tangent @ _fisher(theta, data, model, tau0) @ tangent)
        if not information > 0:
            break
        if slope**2 / information < 1e-9:  # twice the gain that is left
            return value
        step = min(max(-slope / information, -0.5), 0.5)
        while (lower := loss(u + step)) >= value and abs(step) > 1e-12:
            step *= 0.5
        if lower >= value:
            break
        u, value = u + step, lower
    found = optimize.minimize_scalar(loss, bounds=(u - 1.5, u + 1.5), method="bounded", options={"xatol": 1e-10})
    return min(float(found.fun), value)


def _refuse_bounds(theta: Array, loss: float, data: tuple[Array, ...], model: str, tau0: float) -> None:
    """Raise if the maximum of the likelihood lies on, or is as high on, the border of the search."""
    advice = "measure at least two currents with 0 < switched < trials"
    offsets = [float(theta[1] - start[1]) for start in _starts(data, model, tau0)]
    if theta[0] <= LN_DELTA[0] + 1e-6 or any(abs(offset - LN_SPAN) < 1e-6 for offset in offsets):
        raise ParameterError(
            "the data bound neither delta nor critical_current: the switching does not rise with the current",
            where="fit_switching", value=np.exp(theta).tolist(), remedy="check the order of the data and the direction of the current",
        )  # fmt: skip
    if any(abs(offset + LN_SPAN) < 1e-6 for offset in offsets):
        raise ParameterError("the data do not bound critical_current: every current lies beyond it", where="fit_switching", value=float(np.exp(theta[1])), remedy=advice)
    at_border = _minimise_along(lambda u: (np.array([LN_DELTA[1], u]), np.array([0.0, 1.0])), float(theta[1]), data, model, tau0)
    if theta[0] >= LN_DELTA[1] - 1e-3 or at_border <= loss + 1e-6:
        raise ParameterError("the data do not bound delta: perfect separation, any steeper model fits as well", where="fit_switching", value=float(np.exp(theta[0])), remedy=advice)


def _starts(data: tuple[Array, ...], model: str, tau0: float) -> list[Array]:
    """Return start values: for several delta, the Ic0 that puts p = 1/2 at the measured median current."""
    i, t, n, k = data
    share = (k + 0.5) / (n + 1.0)
    order = np.argsort(np.abs(share - 0.5))[:3]
    centre, width = float(np.mean(i[order])), float(np.exp(np.mean(np.log(t[order]))))
    starts = []
    for delta in (15.0, 25.0, 40.0, 60.0, 90.0):
        x50 = _inverse_barrier(model, (math.log(width / tau0) - LN_LN2) / delta)
        starts.append(np.log([delta, centre / (x50 or BARRIERS[model][1] * 0.95)]))
    return starts


def _inverse_barrier(model: str, value: float) -> float | None:
    """Return x with b(x) = value, or None if the barrier never has it at positive currents."""
    function, limit = BARRIERS[model]
    if not 0.0 < value < 1.0:
        return None
    return float(optimize.brentq(lambda x: float(function(x)) - value, 0.0, limit))


def _fisher(theta: Array, data: tuple[Array, ...], model: str, tau0: float) -> Array:
    eta, d_delta, d_ic = _eta(theta, data, model, tau0)
    h = np.exp(np.clip(eta, -50.0, 50.0))
    weight = data[2] * h**2 / np.expm1(np.minimum(h, 600.0))
    g = np.stack([d_delta, d_ic])
    return np.asarray((g * weight) @ g.T)


def _deviance(theta: Array, data: tuple[Array, ...], model: str, tau0: float) -> float:
    eta, _, _ = _eta(theta, data, model, tau0)
    p = -np.expm1(-np.exp(np.minimum(eta, 50.0)))
    n, k = data[2], data[3]
    p = np.clip(p, 1e-300, 1 - 1e-16)
    return float(2.0 * np.sum(special.xlogy(k, k / (n * p)) + special.xlogy(n - k, (n - k) / (n * (1 - p)))))
