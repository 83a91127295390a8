"""Forward and backward escape under an in-plane field: saturation, back-switching and a non-monotone p(I)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..magnet import magnet
from ..parameters import DeviceParams
from .activated import ActivatedSwitching, activated_fields
from .base import Array
from .washboard import threshold_torque, tilted_washboard

SCAN = 257
"""Currents that are scanned for crossings."""
REACH = 1.5
"""End of the scan over the current at which the backward barrier is gone too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoRateSwitching(ActivatedSwitching):
    r"""Escape over both saddles of the washboard, from both states.

    .. math:: k_\uparrow &= \tau_0^{-1}\left[e^{-\Delta B(j, h)} + e^{-\Delta B(-j, -h)}\right] \\
              k_\downarrow &= \tau_0^{-1}\left[e^{-\Delta B(j, -h)} + e^{-\Delta B(-j, h)}\right],
              \qquad j = 2I/I_{c0}(T), \quad h = H_x/H_k(T)

    with ``B`` of :func:`~spinbnn.device.switching.tilted_washboard`. The torque turns the magnet one way round: out of state 0 over
    the saddle at ``+x``, out of state 1 over the one at ``-x``. The field lowers the first and raises the second, so that
    ``h j > 0`` favours state 1 and ``h j < 0`` state 0. The second terms are the escapes against the torque.

    Without a field both rates are equal: the magnet escapes, and falls to either side, ``p = (1 - exp(-2kt))/2``. With one,
    p rises to about 1, and falls towards 1/2 where the current takes the backward barrier away as well.

    Parameters
    ----------
    delta, attempt_time, critical_current, reference_temperature, curie_temperature, anisotropy_exponent
        See :class:`~spinbnn.device.switching.ActivatedSwitching`; tau0 belongs to one saddle.
    field_ratio : float or ndarray
        ``H_x/H_k`` at the reference temperature, in (-1, 1) [1].

    Notes
    -----
    Perpendicular device at high damping, no field-like torque, rectangular pulses. At the damping of real free layers the
    magnet precesses out of the plane: escape is faster below the threshold, and the falling branch begins earlier and ends
    below 1/2 (docs/device.md has the comparison with stochastic LLG). Rates are at most 1/tau0 a saddle.

    Valid (:meth:`valid`): no barrier is clamped, ``|j| < j_c(|h|)``; the pulse is at least tau0 long; the temperature is
    below the Curie temperature, and K_eff positive there. The falling branch lies outside: its current is that of the washboard, its height is
    qualitative. A field with ``|h| >= 1`` at the temperature is refused.

    References
    ----------
    K.-S. Lee et al., doi:10.1063/1.4865185 (thermally activated SOT switching).

    Examples
    --------
    >>> model = TwoRateSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, field_ratio=0.125)
    >>> [round(float(p), 3) for p in model.probability([160e-6, 200e-6, 230e-6, 330e-6], 10e-9)]
    [0.345, 1.0, 0.993, 0.5]
    >>> still = TwoRateSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, field_ratio=0.0)
    >>> round(float(still.probability(300e-6, 1e-6)), 6)
    0.5
    """

    field_ratio: float | Array = 0.0

    def __post_init__(self) -> None:
        ActivatedSwitching.__post_init__(self)
        threshold_torque(self.field_ratio)  # refuses |h| >= 1

    @classmethod
    def from_device(cls, params: DeviceParams) -> TwoRateSwitching:
        """Build from a device file; the field ratio from ``magnetic.in_plane_field`` (0 where absent) and the macrospin's Hk.

        State 1 is the one that the file's field favours under positive current, so that its sign has no part in the ratio.

        Raises
        ------
        ParameterError
            If the file gives a field but not what Hk needs.
        """
        field = abs(params.get("magnetic.in_plane_field") or 0.0)
        ratio = field / float(magnet(params.values()).anisotropy_field) if field else 0.0
        return cls(field_ratio=ratio, **activated_fields(params))

    def field_ratio_at(self, temperature: ArrayLike) -> Array:
        """Return ``H_x/H_k(T)`` [1]; ``H_k ~ K_eff/Ms``."""
        return np.asarray(self.field_ratio * self.magnetisation(temperature) / self.stiffness(temperature))

    def rates(self, current: ArrayLike, temperature: ArrayLike = 300.0) -> tuple[Array, Array]:
        """Return the rates 0 -> 1 and 1 -> 0 [1/s] at a track current [A] and a temperature [K]."""
        delta, h = self.delta_at(temperature), self.field_ratio_at(temperature)
        j = 2.0 * np.asarray(current, dtype=float) / self.critical_current_at(temperature)

        def escape(torque: Array, field: Array) -> Array:
            return np.asarray(np.exp(-delta * tilted_washboard(torque, field).barrier) / self.attempt_time)

        return escape(j, h) + escape(-j, -h), escape(j, -h) + escape(-j, h)

    @property
    def current_limit(self) -> float | Array:
        """Current at the reference temperature at which the lower of the two barriers is gone [A]."""
        return np.asarray(threshold_torque(np.abs(self.field_ratio)) * self.critical_current / 2.0)

    def valid(self, current: ArrayLike, pulse: ArrayLike, temperature: ArrayLike = 300.0) -> NDArray[np.bool_]:
        """Return where no barrier is clamped, the pulse is at least tau0 long and the temperature below the Curie point."""
        slow = self._slow(pulse, temperature)
        safe = np.where(slow, np.asarray(temperature, dtype=float), self.reference_temperature)
        h = np.abs(self.field_ratio_at(safe))
        limit = threshold_torque(np.minimum(h, 1.0 - 1e-12)) * self.critical_current_at(safe) / 2.0
        return np.asarray(slow & (h < 1.0) & (np.abs(np.asarray(current, dtype=float)) <= limit))

    def _scan(self, pulse: Array, temperature: Array) -> Array:
        h = np.abs(self.field_ratio_at(temperature))
        half = self.critical_current_at(temperature) / 2.0
        near, far = (np.broadcast_to(threshold_torque(sign * h) * half, pulse.shape) for sign in (1.0, -1.0))
        share = np.linspace(0.0, 1.0, SCAN // 2 + 1).reshape(-1, *([1] * pulse.ndim))
        return np.concatenate([share * near, (near + share * (REACH * far - near))[1:]])
