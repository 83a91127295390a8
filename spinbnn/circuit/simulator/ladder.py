"""The numerics ladder: second tries that change how the equations are solved, never the circuit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from ...errors import SimulationError
from .deck import Deck, OptionValue

LOOSEST_RELTOL = 3e-3
"""Coarsest relative tolerance that the ladder may set by itself."""

_T = TypeVar("_T")


class SpiceFault(SimulationError):
    """One attempt that failed; the drivers turn it into a `SimulationResult`.

    Parameters
    ----------
    what : str
        What the simulator said.
    log : str
        Tail of its messages.
    numerical : bool
        Whether other numerics could help; a bad netlist is never tried twice.
    poisoned : bool
        Whether the simulator's process is unusable from here on.

    Examples
    --------
    >>> SpiceFault("timestep too small", numerical=True).numerical
    True
    """

    def __init__(self, what: str, *, log: str = "", numerical: bool = False, poisoned: bool = False) -> None:
        super().__init__(what)
        self.log, self.numerical, self.poisoned = log, numerical, poisoned
        self.rung = 0


def rungs(deck: Deck) -> tuple[Mapping[str, OptionValue], ...]:
    """Return the options that each rung adds behind the deck's own.

    Rung 0 is the deck as it stands, rung 1 the other integration method, rung 2 Gear with more
    iterations, rung 3 also ``reltol`` = 3e-3 (left out where the deck already asks for that or more).
    ``rshunt``, ``cshunt`` and ``gmin`` are never touched: they put resistors into the circuit, and have
    been seen to turn a floating node into a "success".

    Examples
    --------
    >>> rungs(Deck(text="R1 a 0 1k", options={"method": "gear", "reltol": 3e-3}))
    ({}, {'method': 'trap'}, {'method': 'gear', 'itl1': 500, 'itl4': 100})
    """
    other = "trap" if deck.options.get("method") == "gear" else "gear"
    patient: dict[str, OptionValue] = {"method": "gear", "itl1": 500, "itl4": 100}
    ladder: list[Mapping[str, OptionValue]] = [{}, {"method": other}, patient]
    if float(deck.options.get("reltol", 1e-3)) < LOOSEST_RELTOL:
        ladder.append({**patient, "reltol": LOOSEST_RELTOL})
    return tuple(ladder)


def climb(deck: Deck, attempt: Callable[[str], _T]) -> tuple[_T, int]:
    """Try the deck rung by rung, and return the first answer with its rung.

    Parameters
    ----------
    deck : Deck
        The circuit.
    attempt : callable
        Takes the rendered netlist; returns the answer or raises `SpiceFault`.

    Raises
    ------
    SpiceFault
        The fault of the deck's own options (a later rung's message would be about other numerics), with
        the last rung tried in ``rung``; or a fault that no numerics can cure, at once.

    Examples
    --------
    >>> def attempt(text):
    ...     if "trap" not in text:
    ...         raise SpiceFault("timestep too small", numerical=True)
    ...     return "solved"
    >>> climb(Deck(text="R1 a 0 1k", options={"method": "gear"}), attempt)
    ('solved', 1)
    """
    first: SpiceFault | None = None
    for rung, extra in enumerate(rungs(deck)):
        try:
            return attempt(deck.render(extra)), rung
        except SpiceFault as fault:
            first = first or fault
            first.rung = rung
            if not fault.numerical or fault.poisoned:
                first.poisoned = fault.poisoned
                break
    assert first is not None
    raise first
