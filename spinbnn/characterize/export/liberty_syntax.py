"""The syntax of Liberty files: groups, ``key : value;`` and ``key (values);``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ...errors import DataError

_TOKEN = re.compile(r'/\*.*?\*/|\\\n|\s+|"((?:[^"\\]|\\.|\\\n)*)"|([(){};:,])|([^\s(){};:,"]+)', re.S)

_Token = tuple[str, bool, int]
"""Text, whether it is a mark, line."""


@dataclass(slots=True, kw_only=True)
class Group:
    """A group of a Liberty file: ``kind (name) { attributes, calls, groups }``."""

    kind: str
    name: tuple[str, ...]
    attributes: dict[str, str] = field(default_factory=dict)
    calls: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)


def parse_liberty(text: str) -> Group:
    """Read the syntax of Liberty: groups, ``key : value;`` and ``key (values);``.

    Raises
    ------
    DataError
        At what is none of them; the message names the line.

    Examples
    --------
    >>> parse_liberty('library (a) { time_unit : "1ns"; cell (b) { area : 2; } }').groups[0].attributes
    {'area': '2'}
    """
    tokens = list(_tokens(text))
    outer = Group(kind="", name=())
    end = _statement(tokens, 0, outer)
    if len(outer.groups) != 1 or end != len(tokens) - 1:
        raise _bad(tokens[min(end, len(tokens) - 1)])
    return outer.groups[0]


def _tokens(text: str) -> Iterator[_Token]:
    """Yield (text, whether it is a mark, line)."""
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise DataError("not Liberty", where=f"line {text.count(chr(10), 0, at) + 1}", value=text[at : at + 20], remedy="mend that line")
        if match.lastindex:
            yield match[match.lastindex], match.lastindex == 2, text.count("\n", 0, at) + 1
        at = match.end()
    yield "", True, text.count("\n") + 1


def _bad(token: _Token) -> DataError:
    return DataError("not Liberty", where=f"line {token[2]}", value=token[0] or "end of the file", remedy="mend that line")


def _statement(tokens: list[_Token], at: int, owner: Group) -> int:
    """Read one statement into its owner, and return the place behind it."""
    word = tokens[at]
    if word[1]:
        raise _bad(word)
    if tokens[at + 1][:2] == (":", True):
        if tokens[at + 2][1] or tokens[at + 3][:2] != (";", True):
            raise _bad(tokens[at + 2 if tokens[at + 2][1] else at + 3])
        owner.attributes[word[0]] = tokens[at + 2][0]
        return at + 4
    if tokens[at + 1][:2] != ("(", True):
        raise _bad(tokens[at + 1])
    at, values = at + 2, []
    while tokens[at][:2] != (")", True):
        if tokens[at][1] and tokens[at][0] != ",":
            raise _bad(tokens[at])
        if not tokens[at][1]:
            values.append(tokens[at][0])
        at += 1
    at += 1
    if tokens[at][:2] == (";", True):
        owner.calls.setdefault(word[0], []).append(tuple(values))
        return at + 1
    if tokens[at][:2] != ("{", True):
        raise _bad(tokens[at])
    group, at = Group(kind=word[0], name=tuple(values)), at + 1
    while tokens[at][:2] != ("}", True):
        at = _statement(tokens, at, group)
    owner.groups.append(group)
    return at + 1
