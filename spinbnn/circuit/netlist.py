"""Flatten a deck: every transistor, resistor and capacitor below its instances, with numbers for parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import NetlistError, UnitError, suggest
from ..units import parse_spice
from .expression import evaluate

LEAVES = {"nfet": "n", "pfet": "p"}
"""Wrapper subcircuits of the technology that are one transistor each."""
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\s*=\s*(\{[^}]*\}|'[^']*'|\S+)")
_DEPTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element of a flat netlist.

    Parameters
    ----------
    path : tuple of str
        Instance names from the top, lower case: ``("xm", "xp1")`` is P1 of the module.
    kind : {"n", "p", "r", "c"}
        Transistor by polarity, resistor, capacitor.
    width, length : float
        Of a transistor [m]; 0 otherwise.
    value : float
        Of a resistor or capacitor [ohm, F]; 0 otherwise.
    cell : str
        Subcircuit that it stands in; empty at the top.
    """

    path: tuple[str, ...]
    kind: str
    width: float = 0.0
    length: float = 0.0
    value: float = 0.0
    cell: str = ""


@dataclass(frozen=True, slots=True)
class _Block:
    name: str
    parameters: dict[str, str]
    lines: list[str]


def flatten(text: str, *, skip: Sequence[str] = ()) -> list[Element]:
    """Return every transistor, resistor and capacitor of a deck.

    Parameters
    ----------
    text : str
        Netlist with all its subcircuits; other elements (sources, models) are passed over.
    skip : sequence of str
        Subcircuits to leave out, such as ``sot_mtj``, whose resistors and capacitors are a model and no layout.

    Raises
    ------
    NetlistError
        If a subcircuit is unknown or calls itself, or a size is not a number.

    Examples
    --------
    >>> deck = '''.subckt nfet d g s b w=1u l=40n
    ... .ends
    ... .subckt pair a w=1u
    ... X1 a a 0 0 nfet w={2*w}
    ... C1 a 0 2f
    ... .ends
    ... Xp x pair w=0.3u'''
    >>> [(e.path, e.kind, e.width, e.value) for e in flatten(deck)]
    [(('xp', 'x1'), 'n', 6e-07, 0.0), (('xp', 'c1'), 'c', 0.0, 2e-15)]
    """
    blocks, top = _blocks(text)
    found: list[Element] = []
    _walk(top, {}, (), "", blocks, {name.lower() for name in skip}, found)
    return found


def _blocks(text: str) -> tuple[dict[str, _Block], list[str]]:
    lines: list[str] = []
    for raw in text.splitlines():
        line = raw.split(";")[0].rstrip()
        if not line.strip() or line.lstrip().startswith("*"):
            continue
        if line.startswith("+") and lines:
            lines[-1] += " " + line[1:].strip()
        else:
            lines.append(line.strip())
    blocks: dict[str, _Block] = {}
    top: list[str] = []
    current: _Block | None = None
    for line in lines:
        word = line.split()[0].lower()
        if word == ".subckt":
            parameters = {key.lower(): value for key, value in _ASSIGNMENT.findall(line)}
            current = _Block(line.split()[1].lower(), parameters, [])
            blocks[current.name] = current
        elif word == ".ends":
            current = None
        else:
            (top if current is None else current.lines).append(line)
    return blocks, top


def _walk(lines: list[str], names: Mapping[str, float], path: tuple[str, ...], cell: str, blocks: Mapping[str, _Block], skip: set[str], found: list[Element]) -> None:
    if len(path) > _DEPTH:
        raise NetlistError("a subcircuit calls itself", where="/".join(path[:3]), value=path[-1], remedy="break the circle")
    for line in lines:
        kind, words = line[0].lower(), _ASSIGNMENT.sub("", line).split()
        here = (*path, words[0].lower())
        if kind in "rc" and len(words) > 3:
            found.append(Element(path=here, kind=kind, value=_value(words[3] if "{" not in line else line.split(None, 3)[3], names, here), cell=cell))
        elif kind == "x":
            given = {key.lower(): _value(value, names, here) for key, value in _ASSIGNMENT.findall(line)}
            called = words[-1].lower()
            if called in skip:
                continue
            if called not in blocks:
                raise NetlistError("unknown subcircuit", where="/".join(here), value=called, remedy=suggest(called, blocks))
            block = blocks[called]
            below = {key: _value(value, given, here) for key, value in block.parameters.items() if key not in given} | given
            if called in LEAVES:
                found.append(Element(path=here, kind=LEAVES[called], width=below["w"], length=below["l"], cell=cell))
            else:
                _walk(block.lines, below, here, called, blocks, skip, found)


def _value(text: str, names: Mapping[str, float], path: tuple[str, ...]) -> float:
    body = text.strip().strip("{}'")
    try:
        return parse_spice(body)
    except UnitError:
        pass
    try:
        return evaluate(body, names)
    except NetlistError as error:
        raise NetlistError("a size is not a number", where="/".join(path), value=text, remedy=error.remedy) from None
