"""Conventions of the critical current, and what turns one into the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ParameterError
from .base import Array
from .washboard import threshold_torque


def static_threshold(critical_current: ArrayLike, field_ratio: ArrayLike = 0.0) -> Array:
    r"""Convert the paper's Ic0 into the 0 K switching threshold [A].

    .. math:: I_c = \tfrac12 I_{c0}\, j_c(H_x/H_k)

    Parameters
    ----------
    critical_current : array_like
        Ic0 of the paper: the current at which ``H_DL = H_k`` [A].
    field_ratio : array_like
        ``H_x/H_k`` of an in-plane field along the current, positive where field and current favour the same state [1].

    Returns
    -------
    ndarray
        Threshold current; Ic0/2 without a field, ``j_c`` of :func:`~spinbnn.device.switching.threshold_torque` [A].

    Raises
    ------
    ParameterError
        If ``|H_x/H_k| >= 1``.

    Examples
    --------
    >>> float(static_threshold(500e-6))
    0.00025
    >>> round(float(static_threshold(640.8e-6, 0.1252)) * 1e6, 1)
    265.0
    """
    return np.asarray(np.asarray(critical_current, dtype=float) / 2.0 * threshold_torque(field_ratio))


def paper_critical_current(threshold: ArrayLike, field_ratio: ArrayLike = 0.0) -> Array:
    """Convert a 0 K threshold into the paper's Ic0 [A]; the inverse of :func:`static_threshold`.

    Examples
    --------
    >>> float(paper_critical_current(0.00025))
    0.0005
    """
    return np.asarray(np.asarray(threshold, dtype=float) * 2.0 / threshold_torque(field_ratio))


def current_density(current: ArrayLike, width: ArrayLike, thickness: ArrayLike) -> Array:
    """Return the mean current density of a track [A/m^2] from its current [A], width [m] and thickness [m].

    Raises
    ------
    ParameterError
        If the track has no section.

    Examples
    --------
    >>> round(float(current_density(263.8e-6, 60e-9, 4e-9)) / 1e10, 1)  # MA/cm^2
    109.9
    """
    return np.asarray(np.asarray(current, dtype=float) / _section(width, thickness))


def track_current(density: ArrayLike, width: ArrayLike, thickness: ArrayLike) -> Array:
    """Return the track current [A] of a mean current density [A/m^2]; the inverse of :func:`current_density`.

    Examples
    --------
    >>> round(float(track_current(1.1e12, 60e-9, 4e-9)) * 1e6, 1)
    264.0
    """
    return np.asarray(np.asarray(density, dtype=float) * _section(width, thickness))


def _section(width: ArrayLike, thickness: ArrayLike) -> Array:
    section = np.asarray(width, dtype=float) * np.asarray(thickness, dtype=float)
    if np.any(~(section > 0)):
        raise ParameterError("a track needs a width and a thickness > 0", where="current density", value=section.tolist(), remedy="give metres")
    return section
