"""Which transistors a netlist uses: every ``nfet`` and ``pfet`` in it, with the width and length that its parameters give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import NetlistError
from .expression import Node, parse, reduce
from .statements import Statement, assignments, read_statements

WRAPPERS = {"nfet": "n", "pfet": "p"}
DEFAULT_WIDTH = 1e-6
"""Width of a wrapper that is not told one [m]."""
_DEEPEST = 40


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """One size of transistor.

    Attributes
    ----------
    polarity : {"n", "p"}
        NMOS or PMOS.
    width, length : float
        Drawn size [m].
    """

    polarity: str
    width: float
    length: float


@dataclass(slots=True)
class _Scope:
    """A subcircuit, or the top of the netlist."""

    pins: tuple[str, ...]
    parameters: dict[str, str]
    calls: list[Statement]


def transistor_sizes(netlist: str, gate_length: float) -> frozenset[Size]:
    """Follow every subcircuit call of a netlist down to the wrappers ``nfet`` and ``pfet``.

    Parameters
    ----------
    netlist : str
        Cells and calls, without the models.
    gate_length : float
        Length of a wrapper that is not told one [m].

    Returns
    -------
    frozenset of Size
        Sizes are rounded to 12 digits, so that one size written in two ways is one.

    Raises
    ------
    NetlistError
        If a size is no positive number, or the netlist includes other files, in which sizes would not be seen.

    Examples
    --------
    >>> cell = '''.subckt inverter a y vdd w=1u
    ... Xp y a vdd vdd pfet w={2*w}
    ... Xn y a 0 0 nfet w={w} l=200n
    ... .ends
    ... X1 a y vdd inverter w=0.5u'''
    >>> for size in sorted(transistor_sizes(cell, 150e-9)):
    ...     print(size)
    Size(polarity='n', width=5e-07, length=2e-07)
    Size(polarity='p', width=1e-06, length=1.5e-07)
    """
    top, scopes = _Scope((), {}, []), {}
    open_scopes = [top]
    for statement in read_statements(netlist):
        match statement.keyword:
            case ".subckt":
                words, values = assignments(statement.text)
                scope = _Scope(tuple(words[2:]), values, [])
                scopes[words[1].lower()] = scope
                open_scopes.append(scope)
            case ".ends" if len(open_scopes) > 1:
                open_scopes.pop()
            case ".param":
                open_scopes[-1].parameters |= assignments(statement.text.split(None, 1)[1])[1] if " " in statement.text else {}
            case ".include" | ".inc" | ".incl" | ".lib":
                raise NetlistError("sizes of transistors in an included file are not seen", where=statement.place, value=statement.text, remedy="write the cells into the deck")
            case word if word.startswith("x"):
                open_scopes[-1].calls.append(statement)
    found: set[Size] = set()
    _follow(top, {}, scopes, gate_length, found, 0)
    return frozenset(found)


def _follow(scope: _Scope, given: Mapping[str, Node], scopes: Mapping[str, _Scope], gate_length: float, found: set[Size], depth: int) -> None:
    """Collect the sizes below one scope, whose parameters have the values ``given``; the rest are its defaults."""
    values = _Values(scope.parameters, given)
    for call in scope.calls:
        words, texts = assignments(call.text)
        name = words[-1].lower()
        if depth > _DEEPEST:
            raise NetlistError("subcircuits call each other without end", where=call.place, value=call.text[:80], remedy="mend the netlist")
        if name in WRAPPERS:
            sizes = {"w": DEFAULT_WIDTH, "l": gate_length}
            for key in sizes:
                if key in texts:
                    sizes[key] = values.number(texts[key], call)
            found.add(Size(WRAPPERS[name], *(float(f"{size:.12g}") for size in sizes.values())))
        elif name in scopes:
            inner = {key: values.node(text, call) for key, text in texts.items()}
            outer = {key: value for key, value in values.outer().items() if key not in scopes[name].parameters}
            _follow(scopes[name], outer | inner, scopes, gate_length, found, depth + 1)


class _Values:
    """Values of the parameters of one scope. What has no value is only an error where a size needs it."""

    def __init__(self, texts: Mapping[str, str], given: Mapping[str, Node]) -> None:
        self.texts, self.given = dict(texts), dict(given)
        self._open: set[str] = set()

    def outer(self) -> dict[str, Node]:
        """Return what scopes further in see of this one, unless they have a parameter of that name themselves."""
        return {name: self._lookup(name) or Node("name", name=name) for name in (*self.texts, *self.given)}

    def node(self, text: str, call: Statement) -> Node:
        try:
            return reduce(parse(text), self._lookup)
        except NetlistError:
            return Node("name", name="?")  # a text such as a file's name; a size that depends on it is refused below

    def number(self, text: str, call: Statement) -> float:
        try:
            value = reduce(parse(text), self._lookup)
        except NetlistError as error:
            raise NetlistError(error.what, where=f"{call.place}: {call.text[:80]}", value=error.value, remedy=error.remedy) from None
        if not value.is_number:
            raise NetlistError("the size of a transistor depends on a parameter that has no value", where=call.place, value=call.text[:120], remedy="give the parameter a default on the .subckt line, or a value where the cell is called")
        if not value.value > 0:
            raise NetlistError("the size of a transistor must be > 0", where=f"{call.place}: {call.text[:80]}", value=value.value, remedy="give metres")
        return value.value

    def _lookup(self, name: str) -> Node | None:
        if name in self.given:
            return self.given[name]
        if name not in self.texts or name in self._open:
            return None
        self._open.add(name)
        try:
            self.given[name] = reduce(parse(self.texts[name]), self._lookup)
        except NetlistError:
            self.given[name] = Node("name", name="?")
        finally:
            self._open.discard(name)
        return self.given[name]
