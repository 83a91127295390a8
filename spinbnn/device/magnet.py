"""The free layer as one magnetic moment: anisotropy, stability and spin-orbit fields from geometry and material."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import constants, special

from ..errors import ParameterError
from .temperature import bloch_ratio

Array = NDArray[np.float64]
NEEDED = ("geometry.pillar_diameter", "geometry.free_layer_thickness", "magnetic.saturation_magnetization", "thermal.reference_temperature")
"""Fields that a free layer cannot do without."""
TORQUE = ("geometry.track_width", "geometry.track_thickness", "spin_hall.efficiency")
"""Fields that the spin-orbit field needs besides."""


def demagnetization_factor(diameter: ArrayLike, thickness: ArrayLike) -> Array:
    r"""Return ``N_z - N_x`` of a uniformly magnetised disc (magnetometric factors).

    .. math:: N_z = 1 - K_N, \quad K_N = \frac{4}{3\pi k'}\left[\frac{k'^2}{k^2}(K - E) + E - k\right],
              \quad N_x = (1 - N_z)/2

    An axially magnetised cylinder is a solenoid's current sheet: the mean of B over its volume is Nagaoka's coefficient
    ``K_N``, with ``k = D/sqrt(D^2 + t^2)``.

    Parameters
    ----------
    diameter, thickness : array_like
        Of the disc [m].

    Returns
    -------
    ndarray
        Difference of the factors, in (-1/2, 1) [1].

    Notes
    -----
    H. Nagaoka (1909); R. I. Joseph, J. Appl. Phys. 37, 4639 (1966), doi:10.1063/1.1708110. A thin film has 1, an infinite
    wire -1/2.

    Examples
    --------
    >>> round(float(demagnetization_factor(50e-9, 1.1e-9)), 3)
    0.901
    """
    d, t = np.asarray(diameter, dtype=float), np.asarray(thickness, dtype=float)
    k2 = d**2 / (d**2 + t**2)
    k, kc = np.sqrt(k2), t / np.sqrt(d**2 + t**2)
    first, second = special.ellipkm1(kc**2), special.ellipe(k2)
    nagaoka = 4.0 / (3.0 * np.pi * kc) * (kc**2 / k2 * (first - second) + second - k)
    return np.asarray((3.0 * (1.0 - nagaoka) - 1.0) / 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Magnet:
    """Macrospin of a perpendicular free layer at one temperature; every field may be an array.

    Attributes
    ----------
    temperature : ndarray
        [K]
    volume : ndarray
        [m^3]
    thickness : ndarray
        Of the free layer [m].
    saturation_magnetization : ndarray
        Ms(T) [A/m].
    effective_anisotropy : ndarray
        K_eff(T), demagnetisation included [J/m^3].
    sot_field_per_ampere : ndarray
        mu0 H_DL over the track current [T/A]; NaN where the device file does not give the track or the efficiency.
    """

    temperature: Array
    volume: Array
    thickness: Array
    saturation_magnetization: Array
    effective_anisotropy: Array
    sot_field_per_ampere: Array

    @property
    def anisotropy_field(self) -> Array:
        """``mu0 H_k = 2 K_eff/Ms`` [T]."""
        return np.asarray(2.0 * self.effective_anisotropy / self.saturation_magnetization)

    @property
    def delta(self) -> Array:
        """``K_eff V/(k_B T)`` of a macrospin [1]; above about 45 nm real devices reverse by nucleation, with less."""
        return np.asarray(self.effective_anisotropy * self.volume / (constants.k * self.temperature))

    @property
    def critical_current(self) -> Array:
        """Current at which ``H_DL = H_k``: the paper's Ic0, twice the 0 K threshold without an in-plane field [A]."""
        return np.asarray(self.anisotropy_field / self.sot_field_per_ampere)

    def threshold(self, in_plane_field: ArrayLike = 0.0) -> Array:
        r"""Return the 0 K threshold current under an in-plane field along the current [A].

        .. math:: H_{DL} = H_k/2 - H_x/\sqrt 2

        K.-S. Lee et al., doi:10.1063/1.4798288; for small fields, ``H_x << H_k``.

        Parameters
        ----------
        in_plane_field : array_like
            ``mu0 H_x``, its magnitude [T].
        """
        field = np.abs(np.asarray(in_plane_field, dtype=float))
        return np.asarray((self.anisotropy_field / 2.0 - field / np.sqrt(2.0)) / self.sot_field_per_ampere)


def magnet(values: Mapping[str, ArrayLike], temperature: ArrayLike | None = None) -> Magnet:
    r"""Build the macrospin of a device from the fields of its file.

    .. math:: K_\mathrm{eff} = K_i/t_F - \tfrac12 \mu_0 (N_z - N_x) M_s^2, \qquad
              \mu_0 H_{DL} = \frac{\hbar\, \xi_{DL}}{2 e M_s t_F} \frac{I}{w d}

    Ms follows Bloch's law, ``K_i ~ Ms^n`` (``magnetic.interface_anisotropy_exponent``). Where the file gives
    ``magnetic.effective_anisotropy``, that is K_eff at the reference temperature, and it goes as ``Ms^n`` with
    ``thermal.anisotropy_exponent``.

    Parameters
    ----------
    values : mapping of str to array_like
        Fields in SI units, e.g. a sample of :class:`~spinbnn.device.VariationModel`; arrays broadcast.
    temperature : array_like, optional
        Temperature; the reference temperature by default [K].

    Returns
    -------
    Magnet

    Raises
    ------
    ParameterError
        If a field is missing, or the easy axis is not perpendicular (K_eff <= 0).

    Examples
    --------
    >>> found = magnet({
    ...     "geometry.pillar_diameter": 40e-9, "geometry.free_layer_thickness": 1e-9, "geometry.track_width": 60e-9,
    ...     "geometry.track_thickness": 4e-9, "magnetic.saturation_magnetization": 1.1e6, "spin_hall.efficiency": 0.3,
    ...     "magnetic.effective_anisotropy": 1.318e5, "thermal.reference_temperature": 300.0})
    >>> [round(float(v), 4) for v in (found.delta, 1e3 * found.anisotropy_field, 1e6 * found.threshold(30e-3))]
    [39.9872, 239.6364, 263.6609]
    """
    _require(values, NEEDED)

    def get(key: str) -> Array | None:
        return np.asarray(values[key], dtype=float) if key in values else None

    def given(key: str) -> Array:
        return np.asarray(values[key], dtype=float)

    reference = given("thermal.reference_temperature")
    kelvin = reference if temperature is None else np.asarray(temperature, dtype=float)
    d, t = given("geometry.pillar_diameter"), given("geometry.free_layer_thickness")
    m = bloch_ratio(kelvin, reference, get("thermal.curie_temperature"))
    ms = given("magnetic.saturation_magnetization") * m
    effective, exponent = get("magnetic.effective_anisotropy"), get("thermal.anisotropy_exponent")
    if effective is not None:
        anisotropy = effective * m ** (0.0 if exponent is None else exponent)
    else:
        _require(values, ("magnetic.interface_anisotropy",))
        power = get("magnetic.interface_anisotropy_exponent")
        interface = given("magnetic.interface_anisotropy") * m ** (0.0 if power is None else power)
        anisotropy = interface / t - 0.5 * constants.mu_0 * demagnetization_factor(d, t) * ms**2
    if np.any(~(anisotropy > 0)):
        raise ParameterError(
            "the easy axis is not perpendicular: K_eff <= 0", where="magnet", value=np.asarray(anisotropy).tolist(),
            remedy="raise magnetic.interface_anisotropy, or thin the free layer",
        )  # fmt: skip
    if all(key in values for key in TORQUE):
        section = given("geometry.track_width") * given("geometry.track_thickness")
        torque = constants.hbar * np.abs(given("spin_hall.efficiency")) / (2.0 * constants.e * ms * t * section)
    else:
        torque = np.full(np.shape(ms), np.nan)
    return Magnet(
        temperature=np.asarray(kelvin), volume=np.pi / 4.0 * d**2 * t, thickness=t, saturation_magnetization=ms,
        effective_anisotropy=np.asarray(anisotropy), sot_field_per_ampere=np.asarray(torque),
    )  # fmt: skip


def _require(values: Mapping[str, ArrayLike], keys: tuple[str, ...]) -> None:
    if missing := [key for key in keys if key not in values]:
        raise ParameterError("the device file does not give this field", where="magnet", value=missing[0], remedy=f"add {missing[0]!r} to the file")
