"""Which transistors a netlist uses: every ``nfet`` and ``pfet`` in it, with the width and length that its parameters give."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import NetlistError
from .hierarchy import WRAPPERS, Placed, placed_elements

DEFAULT_WIDTH = 1e-6
"""Width of a wrapper that is not told one [m]."""


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
        If a size is no positive number; see also :func:`~spinbnn.circuit.hierarchy.placed_elements`.

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
    return frozenset(
        Size(WRAPPERS[element.called], *(float(f"{drawn_size(element, key, default):.12g}") for key, default in (("w", DEFAULT_WIDTH), ("l", gate_length))))
        for element in placed_elements(netlist)
    )


def drawn_size(element: Placed, key: str, default: float) -> float:
    """Return width ``"w"`` or length ``"l"`` of a placed transistor [m].

    Raises
    ------
    NetlistError
        If it is no positive number.
    """
    if key not in element.texts:
        return default
    value = element.number(element.texts[key], f"the size of a transistor ({key})")
    if not value > 0:
        raise NetlistError(f"the size of a transistor ({key}) must be > 0", where=f"{element.statement.place}, {'/'.join(element.path)}", value=value, remedy="give metres")
    return value
