"""What the thermally activated models share: Delta, Ic0 and attempt time, and how they follow the temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError
from ..magnet import anisotropy_ratio, demagnetization_share, unchecked_ratio
from ..parameters import DeviceParams
from ..temperature import bloch_ratio
from .base import Array, SwitchingModel

POSITIVE = ("delta", "attempt_time", "critical_current", "reference_temperature")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivatedSwitching(SwitchingModel):
    r"""Parameters of a model with rates ``exp(-Delta(T) b)/tau0``, and their temperature dependence.

    With ``m = Ms(T)/Ms(T_ref)`` (:func:`~spinbnn.device.temperature.bloch_ratio`) and ``kappa = K_eff(T)/K_eff(T_ref)``
    (:func:`~spinbnn.device.magnet.anisotropy_ratio`):

    .. math:: \Delta(T) = \Delta \frac{T_\mathrm{ref}}{T}\,\kappa, \qquad I_{c0}(T) = I_{c0}\,\kappa, \qquad
              H_k(T) = H_k\,\kappa/m

    Without a Curie temperature ``m = kappa = 1``: the barrier in joules and Ic0 are constant.

    Attributes
    ----------
    delta : float or ndarray
        Thermal stability factor at the reference temperature [1].
    attempt_time : float or ndarray
        tau0; an effective number of the device, not a constant of nature [s].
    critical_current : float or ndarray
        Ic0 in the paper's convention, twice the 0 K threshold without an in-plane field [A].
    reference_temperature : float
        Temperature of delta and Ic0 [K].
    curie_temperature : float or None
        Curie temperature [K].
    anisotropy_exponent : float or None
        n of ``K_eff ~ Ms^n``; None: the two fields below, where they are given [1].
    interface_exponent : float or None
        n of the interface anisotropy alone [1].
    demagnetization : float
        Demagnetisation energy over K_eff at the reference temperature [1].
    """

    delta: float | Array
    attempt_time: float | Array
    critical_current: float | Array
    reference_temperature: float = 300.0
    curie_temperature: float | None = None
    anisotropy_exponent: float | None = None
    interface_exponent: float | None = None
    demagnetization: float | Array = 0.0

    def __post_init__(self) -> None:
        for name in POSITIVE:
            if np.any(~(np.asarray(getattr(self, name)) > 0)):
                raise ParameterError(f"{name} must be > 0", where=type(self).__name__, value=getattr(self, name), remedy="check the device file")
        if self.curie_temperature is not None and not self.curie_temperature > self.reference_temperature:
            raise ParameterError("the Curie temperature must exceed the reference temperature", where=type(self).__name__, value=self.curie_temperature, remedy="check thermal.curie_temperature")

    def magnetisation(self, temperature: ArrayLike) -> Array:
        """Return ``m(T)``, Ms over its value at the reference temperature [1]."""
        return bloch_ratio(temperature, self.reference_temperature, self.curie_temperature)

    def stiffness(self, temperature: ArrayLike) -> Array:
        """Return the effective anisotropy over its value at the reference temperature [1]."""
        return anisotropy_ratio(
            self.magnetisation(temperature), exponent=self.anisotropy_exponent, interface_exponent=self.interface_exponent,
            demagnetization=self.demagnetization,
        )  # fmt: skip

    def delta_at(self, temperature: ArrayLike) -> Array:
        """Return Delta(T) [1]."""
        return np.asarray(self.delta * (self.reference_temperature / np.asarray(temperature, dtype=float)) * self.stiffness(temperature))

    def critical_current_at(self, temperature: ArrayLike) -> Array:
        """Return Ic0(T), paper's convention [A]."""
        return np.asarray(self.critical_current * self.stiffness(temperature))

    def _slow(self, pulse: ArrayLike, temperature: ArrayLike) -> NDArray[np.bool_]:
        """Return where a pulse is at least the attempt time long, the temperature below the Curie point and K_eff > 0."""
        kelvin = np.asarray(temperature, dtype=float)
        warm = (kelvin > 0) & (kelvin < (np.inf if self.curie_temperature is None else self.curie_temperature))
        m = self.magnetisation(np.where(warm, kelvin, self.reference_temperature))
        upright = unchecked_ratio(m, self.anisotropy_exponent, self.interface_exponent, self.demagnetization) > 0
        return np.asarray((np.asarray(pulse, dtype=float) >= self.attempt_time) & warm & upright)


def activated_fields(params: DeviceParams) -> dict[str, Any]:
    """Return the arguments of :class:`ActivatedSwitching` from a device file."""
    found = {
        "delta": params.value("thermal.delta"),
        "attempt_time": params.value("thermal.attempt_time"),
        "critical_current": params.value("spin_hall.critical_current"),
        "reference_temperature": params.value("thermal.reference_temperature"),
        "curie_temperature": params.get("thermal.curie_temperature"),
        "anisotropy_exponent": params.get("thermal.anisotropy_exponent"),
        "interface_exponent": params.get("magnetic.interface_anisotropy_exponent"),
    }
    if found["anisotropy_exponent"] is None and found["interface_exponent"] is not None:
        found["demagnetization"] = float(demagnetization_share(params.values()))
    return found
