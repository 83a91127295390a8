"""Thermally activated switching of an SOT-MTJ: two rates under a signed current (Eq. 23, corrected)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError, suggest
from ..parameters import DeviceParams
from .activated import ActivatedSwitching, activated_fields
from .barriers import BARRIERS
from .base import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalSwitching(ActivatedSwitching):
    r"""Néel-Brown rates over a current-lowered barrier (Eq. 23, corrected).

    .. math:: k_\uparrow = \tau_0^{-1} e^{-\Delta(T)\, b(x)}, \quad k_\downarrow = \tau_0^{-1} e^{-\Delta(T)\, b(-x)},
              \quad x = I / I_{c0}(T)

    with ``b`` of :mod:`spinbnn.device.switching.barriers`, ``Delta(T)`` and ``Ic0(T)`` of
    :class:`~spinbnn.device.switching.ActivatedSwitching`. A saturation ``p_sat < 1`` adds back-switching while the current
    flows: the rate back to the state that the current leaves is ``(1/p_sat - 1)`` times the forward one.

    Parameters
    ----------
    delta, attempt_time, critical_current, reference_temperature, curie_temperature, anisotropy_exponent
        See :class:`~spinbnn.device.switching.ActivatedSwitching`.
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

    Valid (:meth:`valid`): the barrier is not clamped, ``|I| <= current_limit`` (at this temperature); the pulse is
    at least tau0 long; the temperature is below the Curie temperature. Outside, the barrier stays at 0 and p at its plateau;
    only the temperature is refused.

    References
    ----------
    arXiv:2311.15816, Eq. 23; K.-S. Lee et al., doi:10.1063/1.4865185.

    Examples
    --------
    >>> model = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, barrier="seed")
    >>> round(float(1 - model.probability(-400e-6, 5e-9, initial=1)), 5)  # a RESET that fails
    0.00674
    >>> model.valid([200e-6, 400e-6], 10e-9).tolist()
    [True, False]
    """

    saturation: float = 1.0
    barrier: str = "exact"

    def __post_init__(self) -> None:
        ActivatedSwitching.__post_init__(self)
        if self.barrier not in BARRIERS:
            raise ParameterError("unknown barrier", where="ThermalSwitching, barrier", value=self.barrier, remedy=suggest(str(self.barrier), BARRIERS))
        if not 0 < self.saturation <= 1:
            raise ParameterError("p_sat must lie in (0, 1]", where="ThermalSwitching, saturation", value=self.saturation, remedy="use 1 without back-switching")

    @classmethod
    def from_device(cls, params: DeviceParams, barrier: str = "exact") -> ThermalSwitching:
        """Build from a device file."""
        return cls(saturation=params.value("switching.saturation"), barrier=barrier, **activated_fields(params))

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
        """Current at the reference temperature at which the barrier is gone [A]."""
        return BARRIERS[self.barrier][1] * self.critical_current

    def valid(self, current: ArrayLike, pulse: ArrayLike, temperature: ArrayLike = 300.0) -> NDArray[np.bool_]:
        """Return where the barrier is not clamped, the pulse at least tau0 long and the temperature below the Curie point."""
        slow = self._slow(pulse, temperature)
        safe = np.where(slow, np.asarray(temperature, dtype=float), self.reference_temperature)
        return np.asarray(slow & (np.abs(np.asarray(current, dtype=float)) <= BARRIERS[self.barrier][1] * self.critical_current_at(safe)))

    def _scan(self, pulse: Array, temperature: Array) -> Array:
        top = np.broadcast_to(BARRIERS[self.barrier][1] * self.critical_current_at(temperature), pulse.shape)
        return np.stack([np.zeros_like(top), top])
