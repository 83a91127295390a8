"""The one family of errors: every message says what, where, the offending value and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

_UNSET = object()


class SpinbnnError(Exception):
    """Base of all errors that spinbnn raises on purpose.

    Parameters
    ----------
    what : str
        One sentence: what is wrong.
    where : str
        File and key, object and argument, or deck and node.
    value : object
        The offending value, shown with ``repr``.
    remedy : str
        What the reader should do.

    Examples
    --------
    >>> print(SpinbnnError("negative width", where="cell.toml, key 'width'", value=-1.0, remedy="use a length > 0"))
    negative width
      where:  cell.toml, key 'width'
      value:  -1.0
      remedy: use a length > 0
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", value: Any = _UNSET, remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        self.has_value = value is not _UNSET
        self.value = None if value is _UNSET else value
        super().__init__(what)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where:  {self.where}")
        if self.has_value:
            lines.append(f"  value:  {self.value!r}")
        if self.remedy:
            lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        value = self.value if self.has_value else _UNSET
        return _rebuild, (type(self), self.what, self.where, self.has_value, None if value is _UNSET else value, self.remedy)


def _rebuild(cls: type[SpinbnnError], what: str, where: str, has_value: bool, value: Any, remedy: str) -> SpinbnnError:
    """Make the error again on the other side of a process border."""
    if has_value:
        return cls(what, where=where, value=value, remedy=remedy)
    return cls(what, where=where, remedy=remedy)


class ParameterError(SpinbnnError):
    """A parameter, key or argument that is missing, unknown or out of range."""


class UnitError(ParameterError):
    """A quantity without a unit, with an unknown one, or with one of another dimension."""


class NetlistError(SpinbnnError):
    """A netlist that cannot be read, or whose ports and parameters do not match its use."""


class SimulationError(SpinbnnError):
    """A simulator that failed, crashed, or gave no usable answer."""

    exit_code = 3


class CoverageError(SpinbnnError):
    """A point outside a table, or on a cell that failed or was not measured."""


class ProfileError(SpinbnnError):
    """A hardware profile that does not hold what is asked of it."""


class DataError(SpinbnnError):
    """A data file that is missing, damaged or not what its name says."""


class MissingToolError(SpinbnnError):
    """A program or package that is needed and not installed."""

    exit_code = 3


def suggest(key: str, known: Iterable[str]) -> str:
    """Return ``"did you mean 'x'?"`` with the known keys behind it.

    Examples
    --------
    >>> suggest("tempreature", ["temperature", "pulse"])
    "did you mean 'temperature'? Known: pulse, temperature"
    """
    names = sorted(known)
    close = difflib.get_close_matches(key, names, n=1)
    lead = f"did you mean {close[0]!r}? " if close else ""
    return f"{lead}Known: {', '.join(names)}"
