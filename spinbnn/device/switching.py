"""Thermally activated switching of an SOT-MTJ: two rates under a signed current."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ParameterError, suggest
from .barriers import BARRIERS
from .parameters import DeviceParams

Array = NDArray[np.float64]


class SwitchingModel(ABC):
    """Rates between state 0 (parallel) and state 1 (antiparallel); positive current drives 0 -> 1.

    Models are pure functions of arrays that broadcast. :meth:`from_params` builds the thermal model.

    Examples
    --------
    >>> from spinbnn.device import DeviceParams, SwitchingModel
    >>> model = SwitchingModel.from_params(DeviceParams.load("seed_eq23"), barrier="seed")
    >>> current = model.current_for(0.5, 10e-9)
    >>> round(float(current) * 1e6, 1), round(float(model.probability(current, 10e-9)), 6)
    (198.9, 0.5)
    """

    @staticmethod
    def from_params(params: DeviceParams, barrier: Literal["exact", "seed"] = "exact") -> ThermalSwitching:
        """Build the thermal model of a device.

        Parameters
        ----------
        params : DeviceParams
            Device file.
        barrier : str
            ``"exact"`` (washboard) or ``"seed"`` (as printed in Eq. 23b, clamped).

        Raises
        ------
        ParameterError
            If the barrier is unknown.
        """
        return ThermalSwitching(
            delta=params.value("thermal.delta"),
            attempt_time=params.value("thermal.attempt_time"),
            critical_current=params.value("spin_hall.critical_current"),
            reference_temperature=params.value("thermal.reference_temperature"),
            curie_temperature=params.get("thermal.curie_temperature"),
            anisotropy_exponent=params.get("thermal.anisotropy_exponent") or 0.0,
            saturation=params.value("switching.saturation"),
            barrier=barrier,
        )

    @abstractmethod
    def rates(self, current: ArrayLike, temperature: ArrayLike = 300.0) -> tuple[Array, Array]:
        """Return the rates 0 -> 1 and 1 -> 0 [1/s] at a track current [A] and a temperature [K]."""

    @property
    @abstractmethod
    def current_limit(self) -> float | Array:
        """Current [A] at the reference temperature beyond which the barrier is gone and the rate no longer grows."""

    def probability(
        self, current: ArrayLike, pulse: ArrayLike, temperature: ArrayLike = 300.0, *, initial: Literal[0, 1] = 0
    ) -> Array:
        r"""Return the probability that a rectangular pulse leaves the device in the other state.

        .. math:: p = \frac{k_\uparrow}{k_\uparrow + k_\downarrow}\left(1 - e^{-(k_\uparrow + k_\downarrow) t}\right)

        for ``initial = 0`` (arrows exchanged for ``initial = 1``). With one rate this is Eq. 23a of arXiv:2311.15816
        with its sign put right, ``1 - exp(-t/tau)``.

        Parameters
        ----------
        current : array_like
            Signed track current [A].
        pulse : array_like
            Pulse width, >= 0 [s].
        temperature : array_like
            Temperature [K].
        initial : {0, 1}
            State before the pulse.

        Returns
        -------
        ndarray
            Probability, broadcast shape [1].
        """
        width = np.asarray(pulse, dtype=float)
        if np.any(~(width >= 0)):
            raise ParameterError("a pulse width must be >= 0", where="probability, pulse", value=pulse, remedy="give seconds, e.g. 10e-9")
        if initial not in (0, 1):
            raise ParameterError("the initial state is 0 or 1", where="probability, initial", value=initial, remedy="use 0 or 1")
        up, down = self.rates(current, temperature)
        leave, back = (up, down) if initial == 0 else (down, up)
        total = leave + back
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(total > 0, leave / total, 0.0)
        return -np.expm1(-total * width) * share

    def current_for(
        self, probability: ArrayLike, pulse: ArrayLike, temperature: ArrayLike = 300.0, *, branch: Literal["lower"] = "lower"
    ) -> Array:
        """Return the positive current at which a pulse switches 0 -> 1 with this probability (lower branch).

        Parameters
        ----------
        probability : array_like
            Wanted probability, in (0, 1) [1].
        pulse : array_like
            Pulse width [s].
        temperature : array_like
            Temperature [K].
        branch : {"lower"}
            The rising branch below the current limit; this model has no other.

        Returns
        -------
        ndarray
            Track current [A].

        Raises
        ------
        ParameterError
            If the probability is not reached below the current limit.
        """
        if branch != "lower":
            raise ParameterError("this model rises monotonically: it has one branch", where="current_for, branch", value=branch, remedy="use 'lower'")
        wanted, width, kelvin = np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in (probability, pulse, temperature)))
        low = np.zeros_like(wanted)
        high = np.broadcast_to(np.asarray(self._limit(kelvin), dtype=float), wanted.shape).copy()
        least, most = self.probability(low, width, kelvin), self.probability(high, width, kelvin)
        if np.any(~((wanted > least) & (wanted <= most))):
            bad = np.argmax(~((wanted > least) & (wanted <= most)))
            raise ParameterError(
                f"this probability is not reached: the model spans ({least.flat[bad]:.3g}, {most.flat[bad]:.6g}] for a pulse of {width.flat[bad]:.3g} s",
                where="current_for, probability", value=float(wanted.flat[bad]), remedy="lengthen the pulse or ask for less",
            )  # fmt: skip
        for _ in range(64):  # bisection to float resolution
            middle = 0.5 * (low + high)
            below = self.probability(middle, width, kelvin) < wanted
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(0.5 * (low + high))

    def _limit(self, temperature: Array) -> float | Array:
        return self.current_limit


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalSwitching(SwitchingModel):
    r"""Néel-Brown rates over a current-lowered barrier (Eq. 23, corrected).

    .. math:: k_\uparrow = \tau_0^{-1} e^{-\Delta(T)\, b(x)}, \quad k_\downarrow = \tau_0^{-1} e^{-\Delta(T)\, b(-x)},
              \quad x = I / I_{c0}(T)

    with ``b`` of :mod:`spinbnn.device.barriers`. With ``m(T) = Ms(T)/Ms(T_ref)`` from Bloch's law
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


def static_threshold(critical_current: ArrayLike) -> Array:
    """Convert the paper's Ic0 into the 0 K switching threshold, Ic0/2 [A].

    Examples
    --------
    >>> float(static_threshold(500e-6))
    0.00025
    """
    return np.asarray(critical_current, dtype=float) / 2.0


def paper_critical_current(threshold: ArrayLike) -> Array:
    """Convert a 0 K threshold into the paper's Ic0, twice the threshold [A]."""
    return np.asarray(threshold, dtype=float) * 2.0
