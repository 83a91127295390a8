"""Arguments of the macrospin, checked: each message names the argument and what it should be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError

Array = NDArray[np.float64]
POINT = ("current", "pulse", "temperature", "voltage")
"""What makes a point, in the order in which it is handed on."""


def check_time(name: str, value: Any, *, positive: bool = False) -> None:
    """Refuse what is no finite time >= 0, or > 0.

    Raises
    ------
    ParameterError
        If it is not.

    Examples
    --------
    >>> check_time("rise", 0.0)
    """
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0 or (positive and value == 0):
        raise ParameterError("out of range", where=f"Macrospin, {name}", value=value, remedy=f"a finite number {'> 0' if positive else '>= 0'}, in seconds")


def check_integer(name: str, value: Any, least: int) -> None:
    """Refuse what is no integer from ``least`` to 2^62 (trajectories are counted in 64 bits).

    Raises
    ------
    ParameterError
        If it is not.

    Examples
    --------
    >>> check_integer("n", np.int64(3), 1)
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= 2**62:
        raise ParameterError(f"must be an integer >= {least}", where=f"Macrospin, {name}", value=value, remedy=f"e.g. {name}={max(least, 1)}")


def vector(field: Any) -> tuple[float, float, float]:
    """Return the field as three numbers [T].

    Raises
    ------
    ParameterError
        If it has not three finite components.

    Examples
    --------
    >>> vector(np.array([0.03, 0, 0]))
    (0.03, 0.0, 0.0)
    """
    try:
        b = np.asarray(field, dtype=float)
    except (TypeError, ValueError):
        b = np.empty(0)
    if b.shape != (3,) or not np.all(np.isfinite(b)):
        raise ParameterError("the field needs three finite components", where="Macrospin, field", value=field, remedy="(Bx, By, Bz) in tesla")
    x, y, z = b.tolist()
    return x, y, z


def broadcast(current: ArrayLike, pulse: ArrayLike, temperature: ArrayLike, voltage: ArrayLike) -> tuple[Array, ...]:
    """Return the arrays of :data:`POINT` in their common shape.

    Raises
    ------
    ParameterError
        If one holds no numbers, or the shapes do not broadcast.

    Examples
    --------
    >>> [a.shape for a in broadcast([1e-4, 2e-4], 1e-8, 300.0, 0.0)]
    [(2,), (2,), (2,), (2,)]
    """
    arrays = []
    for name, given in zip(POINT, (current, pulse, temperature, voltage), strict=True):
        try:
            arrays.append(np.asarray(given, dtype=float))
        except (TypeError, ValueError):
            raise ParameterError("numbers are needed", where=f"Macrospin, {name}", value=given, remedy="give SI values: amperes, seconds, kelvin, volts") from None
    try:
        return tuple(np.array(a) for a in np.broadcast_arrays(*arrays))
    except ValueError:
        shapes = {name: a.shape for name, a in zip(POINT, arrays, strict=True)}
        raise ParameterError("the shapes do not broadcast", where=f"Macrospin, {', '.join(POINT)}", value=shapes, remedy="give a grid as currents (C, 1) and pulses (P,), or scalars") from None
