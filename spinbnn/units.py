"""Physical quantities as text with a unit, and SPICE numbers: two notations that differ.

Files hold SI text (``"1.1 nm"``, ``"3.5 mV um"``, ``"60 fJ/(V m)"``); inside spinbnn every number is an SI float.
SPICE suffixes (``1meg``, ``10M`` = 10 *milli*) are read by :func:`parse_spice` alone.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

from .errors import UnitError

_PREFIX = {
    "a": 1e-18, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "c": 1e-2,
    "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
}  # fmt: skip
# dimension = exponents of (m, kg, s, A, K)
_BASE: dict[str, tuple[float, tuple[int, int, int, int, int]]] = {
    "m": (1.0, (1, 0, 0, 0, 0)),
    "g": (1e-3, (0, 1, 0, 0, 0)),
    "s": (1.0, (0, 0, 1, 0, 0)),
    "A": (1.0, (0, 0, 0, 1, 0)),
    "K": (1.0, (0, 0, 0, 0, 1)),
    "V": (1.0, (2, 1, -3, -1, 0)),
    "ohm": (1.0, (2, 1, -3, -2, 0)),
    "Ohm": (1.0, (2, 1, -3, -2, 0)),
    "Ω": (1.0, (2, 1, -3, -2, 0)),
    "S": (1.0, (-2, -1, 3, 2, 0)),
    "F": (1.0, (-2, -1, 4, 2, 0)),
    "H": (1.0, (2, 1, -2, -2, 0)),
    "J": (1.0, (2, 1, -2, 0, 0)),
    "eV": (1.602176634e-19, (2, 1, -2, 0, 0)),
    "W": (1.0, (2, 1, -3, 0, 0)),
    "T": (1.0, (0, 1, -2, -1, 0)),
    "Hz": (1.0, (0, 0, -1, 0, 0)),
    "Oe": (1e3 / (4 * math.pi), (-1, 0, 0, 1, 0)),
    "dec": (1.0, (0, 0, 0, 0, 0)),
    "deg": (math.pi / 180, (0, 0, 0, 0, 0)),
    "rad": (1.0, (0, 0, 0, 0, 0)),
    "%": (1e-2, (0, 0, 0, 0, 0)),
    "1": (1.0, (0, 0, 0, 0, 0)),
}
_NO_PREFIX = {"%", "1", "dec", "deg", "rad", "Oe"}
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*$", re.S)
_TOKEN = re.compile(r"([A-Za-zΩµμ%]+|1(?![\d.]))(?:\^?(-?\d{1,2}))?|([/*·()])|\s+")

Dimension = tuple[int, int, int, int, int]


def _factor(symbol: str, unit: str) -> tuple[float, Dimension]:
    if symbol in _BASE:
        return _BASE[symbol]
    head, tail = symbol[0], symbol[1:]
    if head in _PREFIX and tail in _BASE and tail not in _NO_PREFIX:
        scale, dimension = _BASE[tail]
        return _PREFIX[head] * scale, dimension
    raise UnitError(
        f"unknown unit {symbol!r}", where="unit", value=unit, remedy="use SI units with a prefix, such as 'nm', 'uA/um', 'ohm um^2'"
    )


@lru_cache(maxsize=1024)
def unit_scale(unit: str) -> tuple[float, Dimension]:
    """Return the SI factor and the dimension (exponents of m, kg, s, A, K) of a unit text.

    A space, ``*`` or ``·`` multiplies. ``/`` divides by the one symbol or parenthesis behind it: ``J/V m`` is
    ``(J/V) m``; write ``J/(V m)``. Parentheses nest.

    Raises
    ------
    UnitError
        If the text is no product of known units, a parenthesis is not closed, or the factor is beyond a float.

    Examples
    --------
    >>> unit_scale("uA/um")
    (1.0, (-1, 0, 0, 1, 0))
    >>> unit_scale("1/(s/(A m))") == unit_scale("A m/s")
    True
    """

    def bad(what: str) -> UnitError:
        return UnitError(what, where="unit", value=unit, remedy="write units like 'nm', '1/s', 'A/m^2', 'fJ/(V m)'")

    scale, exponents = 1.0, [0, 0, 0, 0, 0]
    text, position = unit.strip(), 0
    opened = [1]  # sign of the exponents within each open parenthesis
    sign, expect = 1, bool(text)  # sign of the next factor; whether a factor must follow
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise bad("unreadable unit")
        position = token.end()
        symbol, power, mark = token.groups()
        if symbol:
            factor, dimension = _factor(symbol, unit)
            n = sign * opened[-1] * int(power or 1)
            try:
                scale *= factor**n
            except OverflowError:
                raise bad("the factor of the unit is beyond a float") from None
            exponents = [e + n * d for e, d in zip(exponents, dimension, strict=True)]
            sign, expect = 1, False
        elif mark == "(":
            opened.append(sign * opened[-1])
            sign, expect = 1, True
        elif mark == ")":
            if expect or len(opened) == 1:
                raise bad("a unit is missing before ')'" if expect else "a parenthesis is closed that was not opened")
            opened.pop()
        elif mark:
            if expect:
                raise bad(f"a unit is missing before {mark!r}")
            sign, expect = (-1 if mark == "/" else 1), True
    if len(opened) > 1:
        raise bad("a parenthesis is not closed")
    if expect:
        raise bad("the unit ends with an operator")
    if not 0.0 < scale < math.inf:
        raise bad("the factor of the unit is beyond a float")
    return scale, (exponents[0], exponents[1], exponents[2], exponents[3], exponents[4])


def quantity(text: str | float | int, unit: str, *, where: str = "") -> float:
    """Read a quantity and return it as an SI float; its unit must have the dimension of ``unit``.

    Parameters
    ----------
    text : str or float
        ``"1.1 nm"``; a plain number is accepted only where ``unit`` is dimensionless.
    unit : str
        The unit that the field is documented in; only its dimension counts. ``"degC"`` is read as a Celsius
        temperature and returned in kelvin [K].
    where : str
        File and key for the message.

    Returns
    -------
    float
        The value in SI base units.

    Raises
    ------
    UnitError
        If the unit is missing, unknown or of another dimension, or the number cannot be read or is not finite in SI.

    Examples
    --------
    >>> quantity("1.1 nm", "m")
    1.1e-09
    >>> quantity("25 degC", "K")
    298.15
    >>> quantity("7 %", "1")
    0.07
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise UnitError("a quantity must be text with a unit, or a number", where=where, value=text, remedy=f"e.g. '1 {unit}'")
    wanted = unit_scale("K" if unit == "degC" else unit)[1]
    if not isinstance(text, str):
        number = _finite(text, text, where)
        if wanted != (0, 0, 0, 0, 0):
            raise UnitError("a unit is missing", where=where, value=text, remedy=f"write it as text with its unit: \"{text} {unit}\"")
        return number
    found = _NUMBER.match(text)
    if found is None:
        raise UnitError("no number found", where=where, value=text, remedy=f"write a number and a unit, e.g. \"1.0 {unit}\"")
    number, symbol = float(found.group(1)), found.group(2)
    if symbol == "degC":
        if wanted != unit_scale("K")[1]:
            raise UnitError(f"unit 'degC' does not fit a quantity in {unit!r}", where=where, value=text, remedy=f"give it in {unit!r}")
        return _finite(round(number + 273.15, 10), text, where)
    if not symbol:
        if wanted != (0, 0, 0, 0, 0):
            raise UnitError("a unit is missing", where=where, value=text, remedy=f"write \"{text.strip()} {unit}\"")
        return _finite(number, text, where)
    try:
        scale, dimension = unit_scale(symbol)
    except UnitError as error:
        raise UnitError(error.what, where=where or "unit", value=text, remedy=error.remedy) from None
    if dimension != wanted:
        raise UnitError(f"unit {symbol!r} does not fit a quantity in {unit!r}", where=where, value=text, remedy=f"give it in {unit!r}")
    # one rounding instead of two: '1.1 nm' must be the float 1.1e-09
    exponent = round(math.log10(scale))
    if math.isclose(scale, 10.0**exponent, rel_tol=1e-12) and "e" not in found.group(1).lower():
        return _finite(float(f"{found.group(1)}e{exponent}"), text, where)
    return _finite(number * scale, text, where)


def _finite(value: float, text: str | float, where: str) -> float:
    try:
        number = float(value)
    except OverflowError:  # a whole number beyond the floats
        number = math.inf
    if not math.isfinite(number):
        shown = text if isinstance(text, str | float) else number
        raise UnitError("not a finite number", where=where, value=shown, remedy="give a finite value")
    return number


def in_unit(value: float, unit: str) -> float:
    """Convert an SI value into ``unit`` (for printing).

    Examples
    --------
    >>> round(in_unit(3.8e-12, "pJ"), 12)
    3.8
    """
    return value / unit_scale(unit)[0]


def format_si(value: float | None, unit: str = "", digits: int = 4) -> str:
    """Print an SI value with an engineering prefix; ``None`` and NaN print as ``?``.

    Examples
    --------
    >>> format_si(2.3e-4, "A"), format_si(0.0, "V"), format_si(None, "J")
    ('230 µA', '0 V', '?')
    """
    if value is None or math.isnan(value):
        return "?"
    symbols = {-18: "a", -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
    if value == 0 or not math.isfinite(value) or unit in ("", "1", "%"):
        return f"{value:.{digits}g} {unit}".strip()
    rounded = float(f"{value:.{digits}g}")
    exponent = min(12, max(-18, 3 * math.floor(math.log10(abs(rounded)) / 3)))
    return f"{rounded / 10.0**exponent:.{digits}g} {symbols[exponent]}{unit}".strip()


_SPICE = {"t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "mil": 25.4e-6, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18}
_SPICE_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(meg|mil|[tgkmunpfa])?[a-zA-Z]*$", re.I)


def parse_spice(text: str) -> float:
    """Read a SPICE number: case does not count, ``M`` is milli, ``meg`` is mega, letters behind a suffix are ignored.

    Raises
    ------
    UnitError
        If the text is no SPICE number, or not a finite one.

    Examples
    --------
    >>> parse_spice("1M"), parse_spice("1Meg"), parse_spice("10pF"), parse_spice("2.4u")
    (0.001, 1000000.0, 1e-11, 2.4e-06)
    """
    found = _SPICE_NUMBER.match(text.strip())
    if found is None:
        raise UnitError("not a SPICE number", where="netlist", value=text, remedy="write 1.2u, 10meg, 1e-9 ...")
    number, suffix = found.groups()
    if not suffix:
        return _finite(float(number), text, "netlist")
    scale = _SPICE[suffix.lower()]
    exponent = round(math.log10(scale))
    if scale == 10.0**exponent and "e" not in number.lower():
        return _finite(float(f"{number}e{exponent}"), text, "netlist")
    return _finite(float(number) * scale, text, "netlist")


def spice_number(value: float) -> str:
    """Write a number into a deck: plain, no suffix, all digits.

    Raises
    ------
    UnitError
        If the value is not finite.

    Examples
    --------
    >>> spice_number(1.1e-9)
    '1.1e-09'
    """
    number = float(value)
    if not math.isfinite(number):
        raise UnitError("a deck takes finite numbers only", where="deck", value=value, remedy="check the sampled parameters")
    return repr(number)
