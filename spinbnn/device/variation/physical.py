"""How stability, critical current, resistances and capacitance of a drawn device follow its geometry and material."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import constants

from ...errors import ParameterError
from ..magnet import NEEDED, TORQUE, Magnet, magnet

Array = NDArray[np.float64]

DIAMETER, BARRIER = "geometry.pillar_diameter", "geometry.barrier_thickness"
AREA_PRODUCT, HEIGHT = "electrical.resistance_area_product", "electrical.barrier_height"
KEFF, INTERFACE = "magnetic.effective_anisotropy", "magnetic.interface_anisotropy"
LAYER = (DIAMETER, "geometry.free_layer_thickness", "magnetic.saturation_magnetization", INTERFACE, KEFF, "magnetic.demagnetization_factor")
"""Fields of the free layer that Delta and Ic0 follow."""
_TRACK = ("geometry.track_length", "geometry.track_width", "geometry.track_thickness", "electrical.track_resistivity")

DRIVERS: dict[str, tuple[str, ...]] = {
    AREA_PRODUCT: (BARRIER, HEIGHT),
    "electrical.parallel_resistance": (AREA_PRODUCT, DIAMETER, BARRIER, HEIGHT),
    "electrical.track_resistance": _TRACK,
    "electrical.junction_capacitance": (DIAMETER, BARRIER),
    "thermal.delta": LAYER,
    "spin_hall.critical_current": (*LAYER, *TORQUE),
}
"""Fields that follow others, and the ones that they follow."""

BARRIER_HEIGHT = 0.4 * constants.e
"""Height of the MgO barrier where the file gives none: 0.4 eV, as the SPINLIB models take it
(ferrispnugraha/vgsot_python_model, ``phi_bar``) [J]."""


def tunnel_slope(height: ArrayLike = BARRIER_HEIGHT) -> Array:
    r"""Return ``d ln RA / d t_ox`` of a rectangular barrier (WKB, free electron mass).

    .. math:: \frac{d \ln RA}{d t_{ox}} = \frac{2\sqrt{2 m_e \varphi}}{\hbar} = 10.25\,\mathrm{nm^{-1}} \sqrt{\varphi / \mathrm{eV}}

    Parameters
    ----------
    height : array_like
        Barrier height phi [J].

    Returns
    -------
    ndarray
        Slope [1/m].

    Notes
    -----
    J. G. Simmons, doi:10.1063/1.1702682, leading exponential. The effective mass in MgO is below the free one, so measured
    slopes differ: a measured slope goes into the height.

    Examples
    --------
    >>> round(float(tunnel_slope(1.602176634e-19)) * 1e-9, 2), round(float(tunnel_slope()) * 1e-9, 2)
    (10.25, 6.48)
    """
    return np.asarray(2.0 * np.sqrt(2.0 * constants.m_e * np.asarray(height, dtype=float)) / constants.hbar)


def followers(varied: Collection[str], given: Collection[str]) -> tuple[str, ...]:
    """Return the fields among ``given`` that follow one of the ``varied``, in the order in which they are computed.

    Examples
    --------
    >>> followers(["geometry.track_width"], ["electrical.track_resistance", "spin_hall.critical_current", "thermal.delta"])
    ('electrical.track_resistance', 'spin_hall.critical_current')
    """
    return tuple(key for key, drivers in DRIVERS.items() if key in given and any(d in varied for d in drivers))


def check_drivers(varied: Collection[str], nominal: Mapping[str, float], where: str) -> None:
    """Raise where a spread has no effect, or a law lacks a field.

    Parameters
    ----------
    varied : collection of str
        Fields with a spread of their own.
    nominal : mapping of str to float
        Every field of the file, SI.
    where : str
        File, for messages.

    Raises
    ------
    ParameterError
        If the interface anisotropy or a demagnetisation varies while ``effective_anisotropy`` replaces them, the height of
        the tunnel barrier varies and its thickness is not given, or the free layer lacks a field that Delta and Ic0 follow
        it by.
    """
    if HEIGHT in varied and BARRIER not in nominal:
        raise ParameterError("the resistance follows the height of the tunnel barrier through its thickness, which is missing", where=where, value=HEIGHT, remedy=f"add {BARRIER!r} to the file, or remove the spread")
    if KEFF in nominal:
        for key in (INTERFACE, "magnetic.demagnetization_factor"):
            if key in varied:
                raise ParameterError(f"the spread of this field has no effect: {KEFF} replaces it", where=where, value=key, remedy=f"give {KEFF} the spread, or leave {KEFF} out")
    layer = [key for key in LAYER if key in varied]
    if layer and any(key in nominal for key in ("thermal.delta", "spin_hall.critical_current")):
        missing = [key for key in NEEDED if key not in nominal] + ([] if KEFF in nominal or INTERFACE in nominal else [INTERFACE])
        if missing:
            raise ParameterError(f"Delta and Ic0 follow the spread of {layer[0]}, and a field of the free layer is missing", where=where, value=missing[0], remedy=f"add {missing[0]!r} to the file, or remove the spread")


def ratios(
    draws: Mapping[str, Array], nominal: Mapping[str, float], varied: Collection[str], *, nucleation_diameter: float | None = None, where: str = "variation"
) -> dict[str, Array]:  # fmt: skip
    r"""Return, for every field that follows a varied one, what physics makes of the draw over what it makes of the nominal device.

    .. math::

        \Delta &\propto K_\mathrm{eff} D^2 t_F, \qquad I_{c0} \propto K_\mathrm{eff}\, t_F\, w d / |\xi|, \qquad
        R_\mathrm{track} \propto \rho L/(w d)

        R_P &\propto \frac{RA}{D^2}\, e^{s(\varphi) t_{ox} - s(\varphi_0) t_{ox,0}}, \qquad C \propto D^2/t_{ox}

    with K_eff of :func:`spinbnn.device.magnet.magnet` (interface anisotropy and the disc's demagnetisation, or
    ``effective_anisotropy`` as it is) at the reference temperature, and s of :func:`tunnel_slope`. The saturation
    magnetisation enters through K_eff alone: ``I_c0 ~ H_k M_s t_F = 2 K_eff t_F``. A field that the file does not give is
    constant.

    Parameters
    ----------
    draws : mapping of str to ndarray
        Drawn fields, all of one shape, SI.
    nominal : mapping of str to float
        The same fields of the nominal device, SI.
    varied : collection of str
        Fields that were drawn with a spread of their own; nothing else is followed.
    nucleation_diameter : float, optional
        Above this diameter Delta no longer grows with the area: reversal nucleates (H. Sato et al., arXiv:1208.5828, Delta
        independent of D for 48 to 81 nm). None: a macrospin at any diameter [m].
    where : str
        File, for messages.

    Returns
    -------
    dict of str to ndarray
        Ratio of each following field [1].

    Raises
    ------
    ParameterError
        If a drawn free layer is not perpendicular; the message names the first draw.

    Examples
    --------
    >>> nominal = {"geometry.track_width": 60e-9, "electrical.track_resistance": 800.0, "spin_hall.critical_current": 5e-4}
    >>> draws = {**{k: np.full(1, v) for k, v in nominal.items()}, "geometry.track_width": np.array([66e-9])}
    >>> {k: round(float(v[0]), 4) for k, v in ratios(draws, nominal, ["geometry.track_width"]).items()}
    {'electrical.track_resistance': 0.9091, 'spin_hall.critical_current': 1.1}
    """
    keys = followers(varied, nominal)

    def over(key: str) -> Array | float:
        return np.asarray(draws[key] / nominal[key]) if key in varied and key in nominal else 1.0

    out: dict[str, Array] = {}
    if any(key in varied for key in LAYER) and any(key in keys for key in ("thermal.delta", "spin_hall.critical_current")):
        drawn, typical = _layer(draws, where), _layer({key: np.asarray(value) for key, value in nominal.items()}, where)
        anisotropy, volume = drawn.effective_anisotropy / typical.effective_anisotropy, drawn.volume / typical.volume
        thickness = drawn.thickness / typical.thickness
        if nucleation_diameter is not None:
            volume = volume * _beyond(draws[DIAMETER], nucleation_diameter) / _beyond(np.asarray(nominal[DIAMETER]), nucleation_diameter)
    else:
        anisotropy = volume = thickness = np.asarray(1.0)
    tunnel: Array | float = 1.0
    if BARRIER in varied or HEIGHT in varied:
        slopes = [tunnel_slope(values.get(HEIGHT, BARRIER_HEIGHT)) for values in (draws, nominal)]
        tunnel = np.exp(slopes[0] * draws[BARRIER] - slopes[1] * nominal[BARRIER])
    section = over("geometry.track_width") * over("geometry.track_thickness")
    laws = {
        AREA_PRODUCT: tunnel,
        "electrical.parallel_resistance": over(AREA_PRODUCT) * tunnel / over(DIAMETER) ** 2,
        "electrical.track_resistance": over("electrical.track_resistivity") * over("geometry.track_length") / section,
        "electrical.junction_capacitance": over(DIAMETER) ** 2 / over(BARRIER),
        "thermal.delta": anisotropy * volume,
        "spin_hall.critical_current": anisotropy * thickness * section / np.abs(over("spin_hall.efficiency")),
    }
    for key in keys:
        out[key] = np.asarray(laws[key], dtype=float)
    return out


def _layer(values: Mapping[str, Array], where: str) -> Magnet:
    """Return the magnets of a population at the reference temperature; of one that is not perpendicular, say which."""
    needed = {key: np.asarray(values[key], dtype=float) for key in (*LAYER, "thermal.reference_temperature") if key in values}
    try:
        return magnet(needed)
    except ParameterError as error:
        shape = np.broadcast_shapes(*(v.shape for v in needed.values()))
        if not shape:  # the nominal device
            raise
        flat = {key: np.broadcast_to(v, shape).ravel() for key, v in needed.items()}
        low, high = 0, math.prod(shape)
        while high - low > 1:  # the first draw that fails
            middle = (low + high) // 2
            low, high = (low, middle) if _fails({k: v[low:middle] for k, v in flat.items()}) else (middle, high)
        raise ParameterError(f"a drawn device has no magnet: {error.what}", where=f"{where}, draw {low}", value={k: float(v[low]) for k, v in flat.items()}, remedy='reduce the spreads, or cut them off with distribution = "truncated"') from None


def _fails(values: Mapping[str, Array]) -> bool:
    try:
        magnet(values)
    except ParameterError:
        return True
    return False


def _beyond(diameter: Array, nucleation: float) -> Array:
    """Return the share of the pillar's area that reverses as one, (D_n/D)^2 and at most 1."""
    return np.asarray(np.minimum(1.0, nucleation / diameter) ** 2)
