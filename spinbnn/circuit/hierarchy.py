"""Walking down a netlist: every element below every subcircuit call, with the values that its parameters have there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ..errors import NetlistError, suggest
from .expression import Node, parse, reduce
from .statements import Statement, assignments, read_statements

WRAPPERS = {"nfet": "n", "pfet": "p"}
"""Subcircuits of a technology that are one transistor each."""
WRAPPER_PARAMETERS = ("w", "l", "dvt", "mu")
"""What a call of them may give, see :meth:`spinbnn.circuit.technology.Technology.preamble`."""
DEEPEST = 40


class Values:
    """Values of the parameters of one scope. What has no value is only an error where a number is needed."""

    def __init__(self, texts: Mapping[str, str], given: Mapping[str, Node]) -> None:
        self.texts, self.given = dict(texts), dict(given)
        self._open: set[str] = set()

    def outer(self) -> dict[str, Node]:
        """Return what scopes further in see of this one, unless they have a parameter of that name themselves."""
        return {name: self._lookup(name) or Node("name", name=name) for name in (*self.texts, *self.given)}

    def node(self, text: str) -> Node:
        """Return the value of a text as far as it is known."""
        try:
            return reduce(parse(text), self._lookup)
        except NetlistError:
            return Node("name", name="?")  # a text such as a file's name; a number that depends on it is refused

    def number(self, text: str) -> float | None:
        """Return the number that a text stands for, or None if it depends on a parameter without a value.

        Raises
        ------
        NetlistError
            If the text is no expression, or has no value.
        """
        value = reduce(parse(text), self._lookup)
        return value.value if value.is_number else None

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An element at its place in the hierarchy.

    Attributes
    ----------
    path : tuple of str
        Instance names from the top, lower case.
    cell : str
        Subcircuit that it stands in; empty at the top.
    statement : Statement
        Its line.
    words : tuple of str
        The line up to its first ``name=``: name, nodes and, of a call, the subcircuit.
    texts : mapping of str to str
        Parameters of the line; of a transistor also the defaults of its wrapper, where the netlist holds that.
    values : Values
        What names stand for there.
    """

    path: tuple[str, ...]
    cell: str
    statement: Statement
    words: tuple[str, ...]
    texts: Mapping[str, str]
    values: Values

    @property
    def called(self) -> str:
        """Subcircuit of a call, in lower case."""
        return self.words[-1].lower()

    def number(self, text: str, what: str) -> float:
        """Return the number that a text of this line stands for; ``what`` names it in errors.

        Raises
        ------
        NetlistError
            If there is none.
        """
        place = f"{self.statement.place}, {'/'.join(self.path)}"
        try:
            value = self.values.number(text)
        except NetlistError as error:
            raise NetlistError(f"{what}: {error.what}", where=f"{place}: {text}", value=error.value, remedy=error.remedy) from None
        if value is None:
            raise NetlistError(f"{what} depends on a parameter that has no value", where=place, value=self.statement.text[:120], remedy="give the parameter a default on the .subckt line, or a value where the cell is called")
        return value


@dataclass(slots=True)
class _Scope:
    """A subcircuit, or the top of the netlist; ``declared``: what a call may give."""

    name: str
    declared: dict[str, str]
    texts: dict[str, str]
    elements: list[Statement]


def placed_elements(netlist: str, kinds: Collection[str] = ("x",), *, skip: Collection[str] = ()) -> Iterator[Placed]:
    """Follow every subcircuit call of a netlist, and yield the elements below.

    Parameters
    ----------
    netlist : str
        Cells and calls; the wrappers ``nfet`` and ``pfet`` may be in it, and are where the walk ends.
    kinds : collection of str
        First letters of the elements to yield; ``"x"`` stands for calls of the wrappers.
    skip : collection of str
        Subcircuits to leave out, in lower case.

    Raises
    ------
    NetlistError
        If a subcircuit is unknown or calls itself, a call gives a parameter that its subcircuit does not declare, or the
        netlist includes other files, which are not looked into.

    Examples
    --------
    >>> cell = '''.subckt pair a w=1u
    ... X1 a a 0 0 nfet w={2*w}
    ... C1 a 0 2f
    ... .ends
    ... Xp x pair w=0.3u'''
    >>> for e in placed_elements(cell, "xc"):
    ...     print(e.path, e.words[0], e.texts)
    ('xp', 'x1') X1 {'w': '{2*w}'}
    ('xp', 'c1') C1 {}
    """
    top, scopes = _read(netlist)
    yield from _walk(top, {}, scopes, (), frozenset(kinds), frozenset(skip))


def _read(netlist: str) -> tuple[_Scope, dict[str, _Scope]]:
    top, scopes = _Scope("", {}, {}, []), {}
    opened = [top]
    for statement in read_statements(netlist):
        match statement.keyword:
            case ".subckt":
                words, values = assignments(statement.text)
                scope = _Scope(words[1].lower(), values, dict(values), [])
                scopes[scope.name] = scope
                opened.append(scope)
            case ".ends" if len(opened) > 1:
                opened.pop()
            case ".param":
                opened[-1].texts |= assignments(statement.text.split(None, 1)[1])[1] if " " in statement.text else {}
            case ".include" | ".inc" | ".incl" | ".lib":
                raise NetlistError("what stands in an included file is not seen", where=statement.place, value=statement.text, remedy="write the cells into the deck")
            case word if word[0] != ".":
                opened[-1].elements.append(statement)
    return top, scopes


def _walk(scope: _Scope, given: Mapping[str, Node], scopes: Mapping[str, _Scope], path: tuple[str, ...], kinds: frozenset[str], skip: frozenset[str]) -> Iterator[Placed]:
    """Yield the elements below one scope, whose parameters have the values ``given``; the rest are its defaults."""
    values = Values(scope.texts, given)
    for statement in scope.elements:
        kind = statement.keyword[0]
        if kind != "x" and kind not in kinds:
            continue
        words, texts = assignments(statement.text)
        if words[-1].lower() == "params:":
            words.pop()
        element = Placed(path=(*path, words[0].lower()), cell=scope.name, statement=statement, words=tuple(words), texts=texts, values=values)
        if kind != "x":
            yield element
            continue
        name, inner = element.called, scopes.get(element.called)
        if name in skip:
            continue
        if name not in WRAPPERS and inner is None:
            raise NetlistError("unknown subcircuit", where=f"{statement.place}, {'/'.join(element.path)}", value=name, remedy=suggest(name, scopes))
        _check_given(element, WRAPPER_PARAMETERS if inner is None else tuple(inner.declared))
        if len(path) >= DEEPEST:
            raise NetlistError("a subcircuit calls itself: they call each other without end", where=f"{statement.place}, {'/'.join(element.path[:3])}", value=statement.text[:80], remedy="break the circle")
        if inner is None or name in WRAPPERS:
            if "x" in kinds:
                yield element if inner is None else Placed(path=element.path, cell=element.cell, statement=statement, words=element.words, texts=inner.declared | texts, values=values)
            continue
        passed = {key: values.node(text) for key, text in texts.items()}
        seen = {key: value for key, value in values.outer().items() if key not in inner.texts}
        yield from _walk(inner, seen | passed, scopes, element.path, kinds, skip)


def _check_given(element: Placed, declared: Collection[str]) -> None:
    """Refuse a parameter that the subcircuit does not declare: ngspice would pass it over, and the default would hold."""
    for key, text in element.texts.items():
        if key not in declared:
            raise NetlistError(
                f"subcircuit {element.called!r} has no parameter {key!r}", where=f"{element.statement.place}, {'/'.join(element.path)}", value=f"{key}={text}",
                remedy=suggest(key, declared) if declared else "it has no parameters at all",
            )  # fmt: skip
