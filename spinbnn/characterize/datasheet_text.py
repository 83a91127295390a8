"""Coordinates and quantities as a datasheet prints them."""

from __future__ import annotations

import math

from .grid import Axis, Value


def coordinate(axis: Axis, value: Value) -> str:
    """Return a coordinate as text, temperatures in degrees Celsius.

    Examples
    --------
    >>> coordinate(Axis(name="temperature", unit="K", description="", values=(233.15,)), 233.15)
    '-40 degC'
    >>> coordinate(Axis(name="draw", unit="", description="", values=(0,)), 7)
    'draw 7'
    """
    if axis.name == "draw":
        return f"draw {value}"
    if isinstance(value, str):
        return value
    if axis.name == "temperature":
        return f"{float(value) - 273.15:.4g} degC"
    if axis.unit == "1":
        return f"{axis.name} {float(value):g}"
    scale, unit = prefixed(axis.unit, abs(float(value)))
    return f"{float(value) / scale:.5g} {unit}"


def prefixed(unit: str, size: float) -> tuple[float, str]:
    """Return the scale and the unit with the prefix that brings a number between 1 and 1000.

    Examples
    --------
    >>> prefixed("J", 4.6e-12), prefixed("1", 1e-9), prefixed("m^2", 4e-11)
    ((1e-12, 'pJ'), (1.0, '1'), (1e-12, 'um^2'))
    """
    if unit == "m^2":
        return 1e-12, "um^2"
    if unit not in ("s", "A", "V", "W", "J", "F", "m", "ohm", "Hz") or not (math.isfinite(size) and size > 0):
        return 1.0, unit
    for scale, prefix in ((1e-18, "a"), (1e-15, "f"), (1e-12, "p"), (1e-9, "n"), (1e-6, "u"), (1e-3, "m"), (1.0, ""), (1e3, "k"), (1e6, "M")):
        if size < 1000 * scale * (1 - 1e-12):
            return scale, prefix + unit
    return 1e9, "G" + unit
