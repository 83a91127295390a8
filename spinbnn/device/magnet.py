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
FACTOR = "magnetic.demagnetization_factor"


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

        First order in ``H_x/H_k``: K.-S. Lee et al., doi:10.1063/1.4798288. The exact one of the washboard is
        ``static_threshold(magnet.critical_current, H_x/H_k)``; it is larger, by 0.4 % of the field-free one at
        ``H_x/H_k = 1/8``.

        Parameters
        ----------
        in_plane_field : array_like
            ``mu0 H_x``, its magnitude: field and current favour the same final state [T].

        Raises
        ------
        ParameterError
            If the field reaches ``H_k/sqrt(2)``, where the expansion leaves no threshold.
        """
        field = np.abs(np.asarray(in_plane_field, dtype=float))
        if np.any(~(field < self.anisotropy_field / np.sqrt(2.0))):
            raise ParameterError("the in-plane field is too large for the linear threshold", where="Magnet.threshold, in_plane_field", value=field.tolist(), remedy="use static_threshold of spinbnn.device.switching")
        return np.asarray((self.anisotropy_field / 2.0 - field / np.sqrt(2.0)) / self.sot_field_per_ampere)


def anisotropy_ratio(
    m: ArrayLike, *, exponent: ArrayLike | None = None, interface_exponent: ArrayLike | None = None, demagnetization: ArrayLike = 0.0
) -> Array:
    r"""Return K_eff over its value at the reference temperature.

    .. math:: \frac{K_\mathrm{eff}}{K_\mathrm{ref}} = m^n, \qquad \text{or} \qquad (1 + q)\, m^{n_i} - q\, m^2, \quad
              q = \frac{\mu_0 (N_z - N_x) M_s^2}{2 K_\mathrm{ref}}

    The second form lets the interface anisotropy and the demagnetisation go their own ways; it holds where ``exponent`` is
    None. Without any exponent the ratio is 1.

    Parameters
    ----------
    m : array_like
        ``Ms(T)/Ms(T_ref)`` [1].
    exponent : array_like or None
        n of K_eff [1].
    interface_exponent : array_like or None
        n_i of the interface anisotropy alone [1].
    demagnetization : array_like
        q, demagnetisation energy over K_eff at the reference temperature [1].

    Returns
    -------
    ndarray
        Ratio [1].

    Raises
    ------
    ParameterError
        If the ratio is not positive: the easy axis has left the perpendicular.

    Examples
    --------
    >>> [round(float(r), 4) for r in (anisotropy_ratio(0.9, exponent=2.18), anisotropy_ratio(0.9, interface_exponent=2.18, demagnetization=5.0))]
    [0.7948, 0.7187]
    """
    out = unchecked_ratio(m, exponent, interface_exponent, demagnetization)
    if np.any(~(out > 0)):
        raise ParameterError(
            "the easy axis is not perpendicular at this temperature: K_eff <= 0", where="anisotropy_ratio", value=np.asarray(out).tolist(),
            remedy="stay closer to the reference temperature",
        )  # fmt: skip
    return np.asarray(out)


def unchecked_ratio(m: ArrayLike, exponent: ArrayLike | None, interface_exponent: ArrayLike | None, demagnetization: ArrayLike) -> Array:
    """Return the ratio of :func:`anisotropy_ratio`, also where it is not positive [1]."""
    ratio = np.asarray(m, dtype=float)
    if exponent is not None:
        return np.asarray(ratio ** np.asarray(exponent, dtype=float))
    if interface_exponent is None:
        return np.ones_like(ratio)
    q = np.asarray(demagnetization, dtype=float)
    return np.asarray((1.0 + q) * ratio ** np.asarray(interface_exponent, dtype=float) - q * ratio**2)


def magnet(values: Mapping[str, ArrayLike], temperature: ArrayLike | None = None) -> Magnet:
    r"""Build the macrospin of a device from the fields of its file.

    .. math:: K_\mathrm{eff} = K_i/t_F - \tfrac12 \mu_0 (N_z - N_x) M_s^2, \qquad
              \mu_0 H_{DL} = \frac{\hbar\, \xi_{DL}}{2 e M_s t_F} \frac{I}{w d}

    Where the file gives ``magnetic.effective_anisotropy``, that is K_eff at the reference temperature, and
    ``magnetic.demagnetization_factor`` takes the place of the disc's ``N_z - N_x``. Ms follows Bloch's law, K_eff follows
    :func:`anisotropy_ratio` with ``thermal.anisotropy_exponent``, or else ``magnetic.interface_anisotropy_exponent``.

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
        If a field is missing, the easy axis is not perpendicular (K_eff <= 0) or the torque efficiency is 0.

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
    ms = given("magnetic.saturation_magnetization")
    effective, demagnetization = _energies(values)
    ratio = anisotropy_ratio(
        m, exponent=get("thermal.anisotropy_exponent"), interface_exponent=get("magnetic.interface_anisotropy_exponent"),
        demagnetization=demagnetization / effective,
    )  # fmt: skip
    if all(key in values for key in TORQUE):
        efficiency = np.abs(given("spin_hall.efficiency"))
        if np.any(~(efficiency > 0)):
            raise ParameterError("without a torque efficiency the current has no effect", where="magnet, spin_hall.efficiency", value=efficiency.tolist(), remedy="give the damping-like efficiency of the heavy metal")
        section = given("geometry.track_width") * given("geometry.track_thickness")
        torque = constants.hbar * efficiency / (2.0 * constants.e * ms * m * t * section)
    else:
        torque = np.full(np.shape(ms * m), np.nan)
    return Magnet(
        temperature=np.asarray(kelvin), volume=np.pi / 4.0 * d**2 * t, thickness=t, saturation_magnetization=np.asarray(ms * m),
        effective_anisotropy=np.asarray(effective * ratio), sot_field_per_ampere=np.asarray(torque),
    )  # fmt: skip


def demagnetization_share(values: Mapping[str, ArrayLike]) -> Array:
    """Return the demagnetisation energy over K_eff at the reference temperature: q of :func:`anisotropy_ratio` [1].

    Parameters
    ----------
    values : mapping of str to array_like
        Fields in SI units, as :func:`magnet` takes them.

    Raises
    ------
    ParameterError
        If a field is missing, or the easy axis is not perpendicular.

    Examples
    --------
    >>> round(float(demagnetization_share({
    ...     "geometry.pillar_diameter": 40e-9, "geometry.free_layer_thickness": 1e-9, "thermal.reference_temperature": 300.0,
    ...     "magnetic.saturation_magnetization": 1.1e6, "magnetic.effective_anisotropy": 1.318e5})), 3)
    5.138
    """
    _require(values, NEEDED)
    effective, demagnetization = _energies(values)
    return np.asarray(demagnetization / effective)


def _energies(values: Mapping[str, ArrayLike]) -> tuple[Array, Array]:
    """Return K_eff and the demagnetisation energy at the reference temperature [J/m^3]."""
    d, t, ms = (np.asarray(values[key], dtype=float) for key in NEEDED[:3])
    factor = np.asarray(values[FACTOR], dtype=float) if FACTOR in values else demagnetization_factor(d, t)
    demagnetization = np.asarray(0.5 * constants.mu_0 * factor * ms**2)
    if "magnetic.effective_anisotropy" in values:
        effective = np.asarray(values["magnetic.effective_anisotropy"], dtype=float)
    else:
        _require(values, ("magnetic.interface_anisotropy",))
        effective = np.asarray(np.asarray(values["magnetic.interface_anisotropy"], dtype=float) / t - demagnetization)
    if np.any(~(effective > 0)):
        raise ParameterError(
            "the easy axis is not perpendicular: K_eff <= 0", where="magnet", value=effective.tolist(),
            remedy="raise magnetic.interface_anisotropy, or thin the free layer",
        )  # fmt: skip
    return effective, demagnetization


def _require(values: Mapping[str, ArrayLike], keys: tuple[str, ...]) -> None:
    if missing := [key for key in keys if key not in values]:
        raise ParameterError("the device file does not give this field", where="magnet", value=missing[0], remedy=f"add {missing[0]!r} to the file")
