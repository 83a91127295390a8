r"""Log-likelihood of switching counts with its gradient and information, for every law, saturation, lapse and noise.

The chain is ``eta -> F(eta) -> p = l0 + (1 - l0 - l1) F -> counts``. ``F`` is ``1 - exp(-h)`` (complementary log-log),
``p_sat (1 - exp(-h/p_sat))`` (a constant ratio of the backward to the forward rate) or the logistic function. Counts are
binomial, or beta-binomial with ``rho = theta/(1 + theta)`` (:mod:`spinbnn.device.fitting.noise`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from .data import SwitchingData
from .field_law import FieldLaw
from .laws import LN_LN2, Array, Design, Law, ThermalLaw
from .noise import beta_binomial, binomial

LN_DELTA = (0.0, 7.0)
"""Search range of ln delta."""
SHORTEST_TAU0 = 1e-15
"""Shortest attempt time that a free tau0 takes; the longest is the reference pulse [s]."""
FLOOR, CEILING = -700.0, 50.0
"""Range of eta; at the ends p is 0 or 1 in float64."""
LARGEST = 700.0
NATURAL = ("lapse_lower", "lapse_upper", "field_ratio")
"""Coordinates that are no logarithms."""
FIELD_JACOBIAN = np.eye(4)[:, [0, 1, 3]]


class Evaluation(NamedTuple):
    """Negative log-likelihood (binomial coefficients left out), its gradient, and the expected information."""

    loss: float
    gradient: Array
    information: Array


class Curve(NamedTuple):
    """``ln p`` and ``ln(1 - p)`` of every point, shape (N,), and their derivatives, shape (P, N)."""

    log_p: Array
    log_q: Array
    d_log_p: Array
    d_log_q: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A law, the conditions and the counts; coordinates ``u`` are what the search moves.

    ``u`` is (ln delta, ln Ic0) with a declared tau0, (ln i50, ln slope, ln tau0) with a free one, (ln i50, ln width) for
    the logistic curve; then ln p_sat, lapse_lower, lapse_upper and ln theta where they are fitted.
    """

    law: Law
    design: Design
    trials: Array
    switched: Array
    reference_pulse: float
    tau0: float | None
    saturating: bool = False
    lapse: tuple[bool, bool] = (False, False)
    overdispersed: bool = False
    coordinates: tuple[str, ...] = field(init=False)
    lower: Array = field(init=False)
    upper: Array = field(init=False)

    def __post_init__(self) -> None:
        low, high = math.log(float(np.min(self.design.current))), math.log(float(np.max(self.design.current)))
        box: dict[str, tuple[float, float]]
        if self.law.link == "logit":
            box = {"i50": (low - 1.5, high + 1.5), "width": (high - 12.0, high + 2.0)}
        elif isinstance(self.law, FieldLaw):
            box = {"delta": LN_DELTA, "critical_current": (low - 1.0, high + 5.0), "field_ratio": (0.0, 0.9)}
        elif self.tau0 is not None:
            box = {"delta": LN_DELTA, "critical_current": (low, high + 5.0)}
        else:
            box = {"i50": (low - 1.5, high + 1.5), "slope": (math.log(0.05), math.log(600.0)), "tau0": (math.log(SHORTEST_TAU0), math.log(self.reference_pulse))}
        if self.saturating:
            box["p_sat"] = (math.log(0.05), 0.0)
        for name, wanted in zip(("lapse_lower", "lapse_upper"), self.lapse, strict=True):
            if wanted:
                box[name] = (0.0, 0.45)
        if self.overdispersed:
            box["rho"] = (math.log(1e-3 / float(np.max(self.trials))), math.log(10.0))
        object.__setattr__(self, "coordinates", tuple(box))
        object.__setattr__(self, "lower", np.array([b[0] for b in box.values()]))
        object.__setattr__(self, "upper", np.array([b[1] for b in box.values()]))

    @property
    def free_tau0(self) -> bool:
        """Whether tau0 is searched for."""
        return "tau0" in self.coordinates

    def with_counts(self, switched: Array) -> Problem:
        """Return the same problem with other counts."""
        return replace(self, switched=switched)

    def theta(self, u: Array) -> tuple[Array, Array]:
        """Return the law's log parameters and their derivatives by its coordinates, shape (P_law, P_coordinates)."""
        if isinstance(self.law, FieldLaw):
            return np.array([u[0], u[1], math.log(self.tau0 or 1.0), u[2]]), FIELD_JACOBIAN
        if not isinstance(self.law, ThermalLaw):
            return u[:2], np.eye(2)
        if self.tau0 is not None:
            return np.array([u[0], u[1], math.log(self.tau0)]), np.eye(3)[:, :2]
        return self.law.from_median(u[:3], math.log(self.reference_pulse))

    def curve(self, u: Array, design: Design | None = None) -> Curve:
        """Return probabilities and their derivatives at the points of the data, or of another design."""
        given = design or self.design
        theta, jacobian = self.theta(u)
        if isinstance(self.law, FieldLaw):
            eta, by_theta, ln_share, share_by_theta = self.law.both(theta, given)
        else:
            eta, by_theta = self.law.eta(theta, given)
        by_u = jacobian.T @ by_theta
        np.clip(eta, FLOOR, CEILING, out=eta)
        d_p, d_q = np.zeros((len(u), eta.size)), np.zeros((len(u), eta.size))
        at = by_u.shape[0]
        if self.law.link == "logit":
            log_p, log_q = -np.logaddexp(0.0, -eta), -np.logaddexp(0.0, eta)
            slope_p, slope_q = np.exp(log_q), -np.exp(log_p)
        elif isinstance(self.law, FieldLaw):
            log_p, log_q, slope_p, slope_q, by_share_p, by_share_q = _saturating(eta, ln_share)
            share_by_u = jacobian.T @ share_by_theta
            d_p[:at], d_q[:at] = share_by_u * by_share_p, share_by_u * by_share_q
        elif self.saturating:
            log_p, log_q, slope_p, slope_q, by_share_p, by_share_q = _saturating(eta, np.full_like(eta, u[at]))
            d_p[at], d_q[at] = by_share_p, by_share_q
            at += 1
        else:
            log_p, log_q, slope_p, slope_q = _cloglog(eta)
        d_p[: by_u.shape[0]] += by_u * slope_p
        d_q[: by_u.shape[0]] += by_u * slope_q
        if any(self.lapse):
            log_p, log_q, d_p, d_q = self._lapse(u, at, Curve(log_p, log_q, d_p, d_q))
        return Curve(log_p, log_q, d_p, d_q)

    def _lapse(self, u: Array, at: int, inner: Curve) -> Curve:
        lower = float(u[at]) if self.lapse[0] else 0.0
        upper = float(u[at + self.lapse[0]]) if self.lapse[1] else 0.0
        with np.errstate(divide="ignore"):
            ln_lower, ln_upper, ln_rest = np.log(lower), np.log(upper), math.log(1.0 - lower - upper)
            log_p = np.logaddexp(ln_lower, ln_rest + inner.log_p)
            log_q = np.logaddexp(ln_upper, ln_rest + inner.log_q)
        d_p = inner.d_log_p * np.exp(ln_rest + inner.log_p - log_p)
        d_q = inner.d_log_q * np.exp(ln_rest + inner.log_q - log_q)
        if self.lapse[0]:
            d_p[at], d_q[at] = _exp(inner.log_q - log_p), -_exp(inner.log_q - log_q)
        if self.lapse[1]:
            d_p[at + self.lapse[0]], d_q[at + self.lapse[0]] = -_exp(inner.log_p - log_p), _exp(inner.log_p - log_q)
        return Curve(log_p, log_q, d_p, d_q)

    def evaluate(self, u: Array) -> Evaluation:
        """Return negative log-likelihood, gradient and expected information at ``u``."""
        if self.overdispersed:
            return Evaluation(*beta_binomial(self.trials, self.switched, *self.curve(u), float(u[-1])))
        if self.saturating or any(self.lapse) or self.law.link != "cloglog" or isinstance(self.law, FieldLaw):
            return Evaluation(*binomial(self.trials, self.switched, *self.curve(u)))
        # everything goes through eta: the same sums with fewer products
        theta, jacobian = self.theta(u)
        eta, by_theta = self.law.eta(theta, self.design)
        by_u = jacobian.T @ by_theta
        log_p, minus_h, slope, _ = _cloglog(np.minimum(np.maximum(eta, FLOOR), CEILING))
        n, k = self.trials, self.switched
        loss = -float(k @ log_p + (n - k) @ minus_h)
        gradient = -(by_u @ (k * slope + (n - k) * minus_h))
        return Evaluation(loss, gradient, (by_u * (n * slope * -minus_h)) @ by_u.T)

    def probability(self, u: Array, design: Design | None = None) -> Array:
        """Return p at the points of the data, or of another design."""
        return np.exp(self.curve(u, design).log_p)

    def quantity(self, name: str, u: Array) -> tuple[float, Array] | None:
        """Return a quantity (lapses as they are, the others as logarithms) and its gradient by ``u``; None where it does not exist."""
        gradient = np.zeros(len(u))
        if name in self.coordinates:
            gradient[self.coordinates.index(name)] = 1.0
            return float(u[self.coordinates.index(name)]), gradient
        theta, jacobian = self.theta(u)
        if name in self.law.parameters:
            at = self.law.parameters.index(name)
            gradient[: jacobian.shape[1]] = jacobian[at]
            return float(theta[at]), gradient
        if name not in ("i50", "slope") or not isinstance(self.law, ThermalLaw) or self.tau0 is None:
            return None
        span = math.log(self.reference_pulse / self.tau0) - LN_LN2
        at_median = self.law.at_median(float(u[0]), span)
        if at_median is None or not math.isfinite(at_median.rise):
            return None
        inverse_ratio = 1.0 / (at_median.rise - at_median.bend)  # d ln x50 / d ln delta
        if name == "i50":
            gradient[:2] = inverse_ratio, 1.0
            return float(u[1]) + math.log(at_median.x), gradient
        gradient[0] = 1.0 + at_median.bend * inverse_ratio
        return float(u[0]) + math.log(at_median.steep), gradient


def value_of(name: str, coordinate: float) -> float:
    """Turn a coordinate of the search into the quantity: rates stay, rho = theta/(1 + theta), the others are exponentials."""
    if name in NATURAL:
        return coordinate
    value = math.exp(coordinate)
    return value / (1.0 + value) if name == "rho" else value


def coordinate_of(name: str, value: float) -> float:
    """Turn a quantity into its coordinate, the inverse of :func:`value_of`; the least of rho is 1e-6."""
    if name in NATURAL:
        return value
    return math.log(max(value, 1e-6) / (1.0 - min(value, 0.999))) if name == "rho" else math.log(value)


def design_of(data: SwitchingData, stiffness: Array, temperature_reference: float) -> Design:
    """Return the conditions as the laws see them; ``stiffness`` is ``m(T)^n``."""
    return Design(current=data.current / stiffness, log_pulse=np.log(data.pulse), barrier_scale=temperature_reference / data.temperature * stiffness)


def _exp(x: Array) -> Array:
    return np.exp(np.minimum(x, 300.0))


def _cloglog(eta: Array) -> tuple[Array, Array, Array, Array]:
    """Return ln p, ln(1 - p) and their derivatives by eta, for ``p = 1 - exp(-h)``."""
    h = np.exp(eta)
    small = h < 1e-8
    safe = np.where(small, 1.0, h)
    # d ln p / d eta = h / (exp(h) - 1)
    slope = np.where(small, 1.0 - 0.5 * h, safe / np.expm1(np.minimum(safe, LARGEST)))
    return np.where(small, eta - 0.5 * h, np.log(-np.expm1(-safe))), -h, slope, -h


def _saturating(eta: Array, ln_share: Array) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Return ln p, ln(1 - p) and their derivatives by eta and by ln p_sat, for ``p = p_sat (1 - exp(-h/p_sat))``."""
    shifted = np.clip(eta - ln_share, FLOOR, CEILING)
    log_f, minus_y, slope, _ = _cloglog(shifted)
    log_p = ln_share + log_f
    with np.errstate(divide="ignore"):
        rest = np.log(-np.expm1(np.minimum(ln_share, 0.0)))
    log_q = np.logaddexp(rest, ln_share + minus_y)
    tail = _exp(shifted + ln_share + minus_y - log_q)  # y p_sat exp(-y) / q
    return log_p, log_q, slope, -tail, 1.0 - slope, tail - _exp(log_p - log_q)
