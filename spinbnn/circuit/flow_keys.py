"""Reading the keys of a flow file: types, unknown names, and errors that name the file; for benches on every floor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..errors import ParameterError, SpinbnnError, suggest


@contextmanager
def named(place: str, file: str) -> Iterator[None]:
    """Put ``place`` before the ``where`` of an error of our family that does not name ``file`` itself.

    Examples
    --------
    >>> with named("small.toml, key 'device'", "small.toml"):
    ...     raise ParameterError("out of range", where="mine.toml, key 'thermal.delta'", value=-1.0)
    Traceback (most recent call last):
    spinbnn.errors.ParameterError: out of range
      where:  small.toml, key 'device': mine.toml, key 'thermal.delta'
      value:  -1.0
    """
    try:
        yield
    except SpinbnnError as error:
        if file not in error.where:
            error.where = f"{place}: {error.where}" if error.where else place
        raise


def known_keys(given: Any, known: Iterable[str], where: str) -> None:
    """Refuse what is no table, and a key that is not known.

    Examples
    --------
    >>> known_keys({"widht": 1}, ("width", "height"), "a.toml, timing")
    Traceback (most recent call last):
    spinbnn.errors.ParameterError: unknown key
      where:  a.toml, timing
      value:  'widht'
      remedy: did you mean 'width'? Known: height, width
    """
    if not isinstance(given, Mapping):
        raise ParameterError("a TOML table is needed here", where=where, value=given, remedy=f"with the keys {', '.join(sorted(known))}")
    for key in given:
        if key not in known:
            raise ParameterError("unknown key", where=where, value=key, remedy=suggest(key, known))


def text(value: Any, where: str) -> str:
    """Return a value that must be text."""
    if not isinstance(value, str):
        raise ParameterError("text is needed here", where=where, value=value, remedy='write it in quotes: key = "..."')
    return value


def switch(value: Any, where: str) -> bool:
    """Return a value that must be true or false."""
    if not isinstance(value, bool):
        raise ParameterError("a switch is true or false", where=where, value=value, remedy="write true or false without quotes")
    return value


def whole(value: Any, where: str, what: str, *, least: int = 0, more: str = "") -> int:
    """Return a value that must be a whole number of at least ``least``; ``what`` names it, ``more`` ends the sentence.

    Examples
    --------
    >>> whole(2000, "a.toml, key 'trials'", "the number of trials", least=1)
    2000
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        kind = {0: "a non-negative integer", 1: "a whole number > 0"}.get(least, f"a whole number >= {least}")
        raise ParameterError(f"{what} must be {kind}{more}", where=where, value=value, remedy=f"e.g. {max(least, 1)}")
    return value
