"""Flatten a deck: every transistor, resistor and capacitor below its instances, with numbers for parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import NetlistError
from .hierarchy import WRAPPERS, Placed, placed_elements
from .sizes import drawn_size


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


def flatten(text: str, *, skip: Sequence[str] = ()) -> list[Element]:
    """Return every transistor, resistor and capacitor of a deck.

    Parameters
    ----------
    text : str
        Netlist with all its subcircuits, the wrappers ``nfet`` and ``pfet`` among them; other elements (sources, models)
        are passed over.
    skip : sequence of str
        Subcircuits to leave out, such as ``sot_mtj``, whose resistors and capacitors are a model and no layout.

    Raises
    ------
    NetlistError
        If a size or value is not a number; see also :func:`~spinbnn.circuit.hierarchy.placed_elements`.

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
    found = []
    for element in placed_elements(text, "xrc", skip=[name.lower() for name in skip]):
        kind = element.statement.keyword[0]
        if kind == "x":
            width, length = (_drawn(element, key) for key in ("w", "l"))
            found.append(Element(path=element.path, kind=WRAPPERS[element.called], width=width, length=length, cell=element.cell))
        else:
            found.append(Element(path=element.path, kind=kind, value=_value(element), cell=element.cell))
    return found


def _drawn(element: Placed, key: str) -> float:
    if key not in element.texts:
        raise NetlistError("the wrapper of a transistor is not in the netlist, and the call does not say its size", where=f"{element.statement.place}, {'/'.join(element.path)}", value=key, remedy="flatten the whole deck, with Technology.preamble")
    return drawn_size(element, key, 0.0)


def _value(element: Placed) -> float:
    """Return the value of a resistor or capacitor: the fourth word, or an expression in braces; what follows is passed over."""
    parts = element.statement.text.split(None, 3)
    text = parts[3] if len(parts) == 4 else ""
    if text[:1] in ("{", "'"):
        text = text[: text.find("}" if text[0] == "{" else "'", 1) + 1]
    elif text:
        text = text.split()[0]
    if not text or "=" in text:
        raise NetlistError("a resistor or capacitor without a value", where=f"{element.statement.place}, {'/'.join(element.path)}", value=element.statement.text[:80], remedy="R1 a b 1k")
    return element.number(text, "the value is not a number")
