"""The laws ``eta = ln h`` of the fits, with analytic derivatives; ``h`` is the expected number of events in a pulse.

A thermal law is ``eta = ln(t/tau0) - Delta(T) b(x)``, ``x = I/Ic0(T)``. Two sets of coordinates are used: the parameters
themselves, and what a single pulse width measures, the current ``i50`` at which ``h = ln 2`` and the slope
``s = d eta/d ln I`` there. With ``L = ln(t/tau0) - ln ln 2`` they are tied by

.. math:: \\Delta\\, b(x_{50}) = L, \\qquad s = -\\Delta\\, x_{50}\\, b'(x_{50}), \\qquad g(x_{50}) := -x b'/b = s/L

and ``g`` rises from 0 to infinity below the threshold: every ``(i50, s, tau0 < t)`` is one ``(Delta, Ic0, tau0)``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..switching.barriers import SEED_LIMIT, exact_barrier, seed_barrier

Array = NDArray[np.float64]
LN_LN2 = math.log(math.log(2.0))


class Median(NamedTuple):
    """The point of a barrier where p = 1/2: ``x``, ``steep = -x b'(x)``, ``bend = d ln steep/d ln x``, ``rise = d ln g/d ln x``."""

    x: float
    steep: float
    bend: float
    rise: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The conditions of the points as a law sees them.

    Parameters
    ----------
    current : ndarray
        Current over ``m(T)^n`` [A].
    log_pulse : ndarray
        Logarithm of the pulse width in seconds [1].
    barrier_scale : ndarray
        ``Delta(T)/Delta(T_ref) = (T_ref/T) m(T)^n`` [1].
    """

    current: Array
    log_pulse: Array
    barrier_scale: Array


class Law(ABC):
    """One law; ``theta`` holds the logarithms of :attr:`parameters`."""

    name: str
    parameters: tuple[str, ...]
    link: str = "cloglog"

    @abstractmethod
    def eta(self, theta: Array, design: Design) -> tuple[Array, Array]:
        """Return eta, shape (N,), and its derivatives by ``theta``, shape (P, N)."""


class ThermalLaw(Law):
    """Escape over a barrier that the current lowers; a subclass gives the barrier."""

    parameters = ("delta", "critical_current", "tau0")
    has_median = True

    @abstractmethod
    def barrier(self, x: Array) -> tuple[Array, Array]:
        """Return b(x) and db/dx."""

    @abstractmethod
    def median(self, ratio: float) -> Median:
        """Return the point with ``g(x) = ratio``."""

    @abstractmethod
    def inverse(self, height: float) -> float | None:
        """Return the x with ``b(x) = height``, None where the rising branch has none."""

    def eta(self, theta: Array, design: Design) -> tuple[Array, Array]:
        """Return eta and its derivatives by (ln delta, ln Ic0, ln tau0)."""
        x = design.current * math.exp(-theta[1])
        b, slope = self.barrier(x)
        delta = math.exp(theta[0]) * design.barrier_scale
        lowered = delta * b
        out = np.empty((3, x.size))
        out[0], out[1], out[2] = -lowered, delta * slope * x, -1.0
        return design.log_pulse - theta[2] - lowered, out

    def at_median(self, ln_delta: float, log_ratio: float) -> Median | None:
        """Return the point where ``Delta b(x) = log_ratio``; None if there is none at positive currents."""
        x = self.inverse(log_ratio * math.exp(-ln_delta))
        if not x:
            return None
        b, slope = self.barrier(np.array([x]))
        g = -x * float(slope[0]) / float(b[0]) if b[0] > 0 else math.inf
        bend = self._bend(x)
        return Median(x, -x * float(slope[0]), bend, bend + g)

    @abstractmethod
    def _bend(self, x: float) -> float:
        """Return ``1 + x b''/b'``."""

    def from_median(self, u: Array, log_reference: float) -> tuple[Array, Array]:
        """Turn (ln i50, ln s, ln tau0) at a reference pulse into (ln delta, ln Ic0, ln tau0) and the (3, 3) Jacobian."""
        span = log_reference - u[2] - LN_LN2
        at = self.median(math.exp(u[1]) / span)
        theta = np.array([u[1] - math.log(at.steep), u[0] - math.log(at.x), u[2]])
        stretch = 1.0 / at.rise  # d ln x / d ln g; ln g = ln s - ln span
        jacobian = np.array(
            [[0.0, 1.0 - at.bend * stretch, -at.bend * stretch / span], [1.0, -stretch, -stretch / span], [0.0, 0.0, 1.0]]
        )
        return theta, jacobian


class ExactLaw(ThermalLaw):
    """The washboard barrier ``b = sqrt(1 - j^2) - j acos j``, ``j = 2x``, zero beyond ``x = 1/2``."""

    name = "exact"

    def barrier(self, x: Array) -> tuple[Array, Array]:
        """Return b(x) and db/dx = -2 acos(2x)."""
        return exact_barrier(x), -2.0 * np.arccos(np.minimum(2.0 * x, 1.0))

    def median(self, ratio: float) -> Median:
        """Solve ``phi cos phi = g (sin phi - phi cos phi)`` with ``j = cos phi``."""
        phi = min(math.sqrt(3.0 / (ratio + 1.2)), 1.5)
        for _ in range(60):
            cos, sin = math.cos(phi), math.sin(phi)
            step = (phi * cos - ratio * _sine_excess(phi)) / (cos - (1.0 + ratio) * phi * sin)
            phi = min(max(phi - step, 0.5 * phi), 0.5 * (phi + 0.5 * math.pi))
            if abs(step) < 1e-15 * phi:
                break
        cos = math.cos(phi)
        bend = 1.0 - cos / (phi * math.sin(phi))
        return Median(0.5 * cos, phi * cos, bend, bend + ratio)

    def inverse(self, height: float) -> float | None:
        """Solve ``sin phi - phi cos phi = height``."""
        if not 0.0 < height < 1.0:
            return None
        phi = min((3.0 * height) ** (1.0 / 3.0), 1.5)
        for _ in range(60):
            step = (_sine_excess(phi) - height) / (phi * math.sin(phi))
            phi = min(max(phi - step, 0.5 * phi), 0.5 * (phi + 0.5 * math.pi))
            if abs(step) < 1e-15 * phi:
                break
        return 0.5 * math.cos(phi)

    def _bend(self, x: float) -> float:
        phi = math.acos(min(2.0 * x, 1.0 - 1e-15))
        return 1.0 - math.cos(phi) / (phi * math.sin(phi))


def _sine_excess(phi: float) -> float:
    """Return ``sin phi - phi cos phi`` without cancellation."""
    if phi > 0.05:
        return math.sin(phi) - phi * math.cos(phi)
    square = phi * phi
    return phi * square / 3.0 * (1.0 - square / 10.0 * (1.0 - square / 28.0))


class SeedLaw(ThermalLaw):
    """The printed barrier ``1 - pi x + 2 x^2``, clamped at zero from ``x = 0.4436``."""

    name = "seed"

    def barrier(self, x: Array) -> tuple[Array, Array]:
        """Return b(x) and db/dx = 4x - pi, both 0 beyond the zero."""
        return seed_barrier(x), np.where(x < SEED_LIMIT, 4.0 * x - math.pi, 0.0)

    def median(self, ratio: float) -> Median:
        """Solve ``(2g + 4) x^2 - pi (g + 1) x + g = 0``, lower root."""
        half = 0.5 * math.pi * (ratio + 1.0)
        x = ratio / (half + math.sqrt(half * half - ratio * (2.0 * ratio + 4.0)))
        return Median(x, x * (math.pi - 4.0 * x), self._bend(x), self._bend(x) + ratio)

    def inverse(self, height: float) -> float | None:
        """Return the lower root of ``b(x) = height``."""
        if not 0.0 < height < 1.0:
            return None
        return 0.25 * (math.pi - math.sqrt(math.pi**2 - 8.0 * (1.0 - height)))

    def _bend(self, x: float) -> float:
        return 1.0 - 4.0 * x / (math.pi - 4.0 * x)


class PrintedLaw(SeedLaw):
    """The barrier as printed, not clamped: negative past ``x = 0.4436``; only to compare with fits made that way."""

    name = "printed"
    has_median = False

    def barrier(self, x: Array) -> tuple[Array, Array]:
        """Return b(x) and db/dx of the bare quadratic."""
        return 1.0 - math.pi * x + 2.0 * x * x, 4.0 * x - math.pi

    def inverse(self, height: float) -> float | None:
        """Return the lower root of ``b(x) = height``; heights reach down to ``1 - pi^2/8``."""
        inside = math.pi**2 - 8.0 * (1.0 - height)
        if height >= 1.0 or inside <= 0.0:
            return None
        return 0.25 * (math.pi - math.sqrt(inside))

    def at_median(self, ln_delta: float, log_ratio: float) -> Median | None:
        """As for the others; here the barrier may be negative at p = 1/2, and ``g`` with it."""
        x = self.inverse(log_ratio * math.exp(-ln_delta))
        if not x:
            return None
        bend = self._bend(x)
        b = 1.0 - math.pi * x + 2.0 * x * x
        return Median(x, x * (math.pi - 4.0 * x), bend, bend + (x * (math.pi - 4.0 * x) / b if b else math.inf))


class LogisticLaw(Law):
    """The empirical S-curve ``p = 1/(1 + exp(-(I - i50)/width))``: a reference without physics, for one pulse width."""

    name = "logistic"
    parameters = ("i50", "width")
    link = "logit"

    def eta(self, theta: Array, design: Design) -> tuple[Array, Array]:
        """Return the logit and its derivatives by (ln i50, ln width)."""
        middle, width = math.exp(theta[0]), math.exp(theta[1])
        eta = (design.current - middle) / width
        return eta, np.stack([np.full_like(eta, -middle / width), -eta])


LAWS: dict[str, Law] = {law.name: law for law in (ExactLaw(), SeedLaw(), PrintedLaw(), LogisticLaw())}
