"""How magnetisation, anisotropy, TMR and track resistance follow the temperature; every law names its reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ParameterError

Array = NDArray[np.float64]


def bloch_ratio(temperature: ArrayLike, reference: ArrayLike, vanishing: ArrayLike | None) -> Array:
    r"""Return a magnetisation over its value at the reference temperature, by Bloch's law.

    .. math:: m(T) = \frac{1 - (T/T_c)^{3/2}}{1 - (T_\mathrm{ref}/T_c)^{3/2}}

    Parameters
    ----------
    temperature : array_like
        Temperature, > 0 [K].
    reference : array_like
        Temperature at which the ratio is 1 [K].
    vanishing : array_like or None
        Temperature at which the magnetisation (or the spin polarisation) vanishes; None: the ratio is 1 at any
        temperature [K].

    Returns
    -------
    ndarray
        Ratio [1].

    Raises
    ------
    ParameterError
        If a temperature is not above 0 K, or not below the vanishing temperature.

    Notes
    -----
    Spin waves; good below about half the Curie temperature. The exponent is the bulk one, and interfaces lose their
    magnetisation faster.

    Examples
    --------
    >>> [round(float(r), 4) for r in bloch_ratio([250.0, 300.0, 400.0], 300.0, 1100.0)]
    [1.0397, 1.0, 0.9104]
    """
    kelvin, at = np.asarray(temperature, dtype=float), np.asarray(reference, dtype=float)
    for name, value in (("a temperature", kelvin), ("a reference temperature", at)):
        if np.any(~(value > 0)):
            raise ParameterError(f"{name} must be > 0 K", where="temperature", value=value.tolist(), remedy="give kelvin: 25 degC is 298.15")
    if vanishing is None:
        return np.ones(np.broadcast_shapes(kelvin.shape, at.shape))
    curie = np.asarray(vanishing, dtype=float)
    if np.any(~(curie > at)):
        raise ParameterError("the Curie temperature must exceed the reference temperature", where="temperature", value=curie.tolist(), remedy="check thermal.curie_temperature")
    if np.any(kelvin >= curie):
        raise ParameterError("at or above the Curie temperature", where="temperature", value=kelvin.tolist(), remedy=f"stay below {float(np.min(curie)):g} K")
    return np.asarray((1 - (kelvin / curie) ** 1.5) / (1 - (at / curie) ** 1.5))


def tmr_at(tmr: ArrayLike, temperature: ArrayLike = 300.0, bias: ArrayLike = 0.0, *, reference: ArrayLike = 300.0,
           bloch_temperature: ArrayLike | None = None, half_voltage: ArrayLike = np.inf) -> Array:  # fmt: skip
    r"""Return the TMR ratio at a temperature and a junction bias.

    .. math:: \mathrm{TMR}(T, V) = \frac{2P^2(T)}{1 - P^2(T)} \cdot \frac{1}{1 + V^2/V_h^2}, \qquad
              P(T) = P(T_\mathrm{ref}) \frac{1 - (T/T_P)^{3/2}}{1 - (T_\mathrm{ref}/T_P)^{3/2}}

    Jullière's ratio of two equal electrodes, whose polarisation follows Bloch's law.

    Parameters
    ----------
    tmr : array_like
        Ratio at the reference temperature and zero bias [1].
    temperature : array_like
        Temperature [K].
    bias : array_like
        Junction voltage [V].
    reference : array_like
        Temperature at which ``tmr`` holds [K].
    bloch_temperature : array_like or None
        Temperature at which the polarisation vanishes, T_P; None: no dependence on temperature [K].
    half_voltage : array_like
        Bias that halves the ratio [V].

    Returns
    -------
    ndarray
        TMR ratio [1].

    Raises
    ------
    ParameterError
        If a temperature is out of range; see :func:`bloch_ratio`.

    Notes
    -----
    Magnon-assisted and defect tunnelling are left out: real junctions with a high RA lose TMR faster. Sources:
    M. Jullière, doi:10.1016/0375-9601(75)90174-7; C. H. Shang et al., doi:10.1103/PhysRevB.58.R2917 (polarisation and
    Bloch's law); bias law of the SPINLIB models.

    Examples
    --------
    >>> round(float(tmr_at(1.2, 400.0, bloch_temperature=1100.0)), 3), round(float(tmr_at(1.2, bias=0.5, half_voltage=0.5)), 3)
    (0.902, 0.6)
    """
    ratio = np.asarray(tmr, dtype=float)
    polarisation = ratio / (2.0 + ratio) * bloch_ratio(temperature, reference, bloch_temperature) ** 2  # P^2
    if np.any(polarisation >= 1.0):
        raise ParameterError("the spin polarisation exceeds 1 at this temperature", where="tmr_at, temperature", value=np.asarray(temperature).tolist(), remedy="check electrical.tmr and electrical.tmr_bloch_temperature")
    return np.asarray(2.0 * polarisation / (1.0 - polarisation) / (1.0 + (np.asarray(bias, dtype=float) / half_voltage) ** 2))


def track_resistance_at(resistance: ArrayLike, temperature: ArrayLike = 300.0, *, reference: ArrayLike = 300.0, coefficient: ArrayLike = 0.0) -> Array:
    r"""Return the resistance of the heavy-metal track at a temperature.

    .. math:: R(T) = R_\mathrm{ref} (1 + \alpha_R (T - T_\mathrm{ref}))

    Parameters
    ----------
    resistance : array_like
        Resistance at the reference temperature [ohm].
    temperature, reference : array_like
        Temperature and reference temperature [K].
    coefficient : array_like
        Linear coefficient alpha_R [1/K].

    Returns
    -------
    ndarray
        Resistance [ohm].

    Raises
    ------
    ParameterError
        If the law gives no positive resistance at this temperature.

    Examples
    --------
    >>> round(float(track_resistance_at(800.0, 400.0, coefficient=1e-3)), 6)
    880.0
    """
    value = np.asarray(resistance, dtype=float) * (1.0 + np.asarray(coefficient, dtype=float) * (np.asarray(temperature, dtype=float) - reference))
    if np.any(~(value > 0)):
        raise ParameterError("the track has no positive resistance at this temperature", where="track_resistance_at", value=np.asarray(temperature).tolist(), remedy="check electrical.track_temperature_coefficient")
    return np.asarray(value)
