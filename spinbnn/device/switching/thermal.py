"""Thermally activated switching of an SOT-MTJ: two rates under a signed current (Eq. 23, corrected)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ParameterError, suggest
from .barriers import BARRIERS
from .base import Array, SwitchingModel


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalSwitching(SwitchingModel):
    r"""Néel-Brown rates over a current-lowered barrier (Eq. 23, corrected).

    .. math:: k_\uparrow = \tau_0^{-1} e^{-\Delta(T)\, b(x)}, \quad k_\downarrow = \tau_0^{-1} e^{-\Delta(T)\, b(-x)},
              \quad x = I / I_{c0}(T)

    with ``b`` of :mod:`spinbnn.device.switching.barriers`. With ``m(T) = Ms(T)/Ms(T_ref)`` from Bloch's law
    (``1 - (T/Tc)^1.5``) and ``K_eff ~ m^n``: ``Delta(T) = Delta (T_ref/T) m^n`` and ``Ic0(T) = Ic0 m^n``. Without a
    Curie temperature ``m = 1``: the barrier in joules and Ic0 are constant. A saturation ``p_sat < 1`` adds back-switching
    while the current flows: the rate back to the state that the current leaves is ``(1/p_sat - 1)`` times the forward one.

    Parameters
    ----------
    delta : float or ndarray
        Thermal stability factor at the reference temperature [1].
    attempt_time : float or ndarray
        tau0; an effective number of the device, not a constant of nature [s].
    critical_current : float or ndarray
        Ic0 in the paper's convention, twice the 0 K threshold [A].
    reference_temperature : float
        Temperature of delta and Ic0 [K].
    curie_temperature : float or None
        Curie temperature [K].
    anisotropy_exponent : float
        n of ``K_eff ~ Ms^n`` [1].
    saturation : float
        p_sat; 1 assumes a field that breaks the symmetry [1].
    barrier : {"exact", "seed"}
        Which barrier.

    Notes
    -----
    Perpendicular (type z) device at high damping; an interpolator in current at one pulse width. Against stochastic LLG
    the law holds with tau0 = 1.1 to 1.7 ns at a damping of 0.3; at realistic damping tau0 drifts with the current, and one
    parameter set does not carry over to other pulse widths below about 10 ns. The barrier is never negative, so
    ``p <= 1 - exp(-t/tau0)``: with tau0 = 1 ns a 5 ns RESET fails with 0.67 % at least.

    References
    ----------
    arXiv:2311.15816, Eq. 23; K.-S. Lee et al., doi:10.1063/1.4865185.

    Examples
    --------
    >>> model = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, barrier="seed")
    >>> round(float(1 - model.probability(-400e-6, 5e-9, initial=1)), 5)  # a RESET that fails
    0.00674
    """

    delta: float | Array
    attempt_time: float | Array
    critical_current: float | Array
    reference_temperature: float = 300.0
    curie_temperature: float | None = None
    anisotropy_exponent: float = 0.0
    saturation: float = 1.0
    barrier: str = "exact"

    def __post_init__(self) -> None:
        if self.barrier not in BARRIERS:
            raise ParameterError("unknown barrier", where="ThermalSwitching, barrier", value=self.barrier, remedy=suggest(self.barrier, BARRIERS))
        for name in ("delta", "attempt_time", "critical_current", "reference_temperature"):
            if np.any(~(np.asarray(getattr(self, name)) > 0)):
                raise ParameterError(f"{name} must be > 0", where="ThermalSwitching", value=getattr(self, name), remedy="check the device file")
        if not 0 < self.saturation <= 1:
            raise ParameterError("p_sat must lie in (0, 1]", where="ThermalSwitching, saturation", value=self.saturation, remedy="use 1 without back-switching")
        if self.curie_temperature is not None and self.curie_temperature <= self.reference_temperature:
            raise ParameterError("the Curie temperature must exceed the reference temperature", where="ThermalSwitching", value=self.curie_temperature, remedy="check thermal.curie_temperature")

    def stiffness(self, temperature: ArrayLike) -> Array:
        """Return ``m(T)^n``, the effective anisotropy over its value at the reference temperature [1]."""
        kelvin = np.asarray(temperature, dtype=float)
        if np.any(~(kelvin > 0)):
            raise ParameterError("a temperature must be > 0 K", where="temperature", value=temperature, remedy="give kelvin: 25 degC is 298.15")
        if self.curie_temperature is None:
            return np.ones_like(kelvin)
        if np.any(kelvin >= self.curie_temperature):
            raise ParameterError("at or above the Curie temperature", where="temperature", value=temperature, remedy=f"stay below {self.curie_temperature:g} K")
        m = (1 - (kelvin / self.curie_temperature) ** 1.5) / (1 - (self.reference_temperature / self.curie_temperature) ** 1.5)
        return np.asarray(m**self.anisotropy_exponent)

    def delta_at(self, temperature: ArrayLike) -> Array:
        """Return Delta(T) [1]."""
        return np.asarray(self.delta * (self.reference_temperature / np.asarray(temperature, dtype=float)) * self.stiffness(temperature))

    def critical_current_at(self, temperature: ArrayLike) -> Array:
        """Return Ic0(T), paper's convention [A]."""
        return np.asarray(self.critical_current * self.stiffness(temperature))

    def rates(self, current: ArrayLike, temperature: ArrayLike = 300.0) -> tuple[Array, Array]:
        """Return the rates 0 -> 1 and 1 -> 0 [1/s] at a track current [A] and a temperature [K]."""
        barrier, _ = BARRIERS[self.barrier]
        delta, x = self.delta_at(temperature), np.asarray(current, dtype=float) / self.critical_current_at(temperature)
        up = np.exp(-delta * barrier(x)) / self.attempt_time
        down = np.exp(-delta * barrier(-x)) / self.attempt_time
        if self.saturation < 1.0:
            back = 1.0 / self.saturation - 1.0
            up, down = up + np.where(x < 0, back * down, 0.0), down + np.where(x > 0, back * up, 0.0)
        return up, down

    @property
    def current_limit(self) -> float | Array:
        """Current [A] at the reference temperature at which the barrier is gone."""
        return BARRIERS[self.barrier][1] * self.critical_current

    def _limit(self, temperature: Array) -> float | Array:
        return BARRIERS[self.barrier][1] * self.critical_current_at(temperature)
