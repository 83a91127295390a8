"""`AnalyticSimulator`: decks answered by a formula; for tests, documentation and machines without ngspice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from ...errors import SpinbnnError
from .checks import check_decks
from .deck import Deck, SimulationResult, check_save
from .ladder import SpiceFault
from .vectors import canonical, choose

Response = Callable[[Deck], Mapping[str, np.ndarray]]


class AnalyticSimulator:
    """Give every deck to a Python function and check its answer as the drivers check ngspice's.

    Parameters
    ----------
    response : callable
        Takes a `Deck` (its ``parameters``, ``stop`` and ``temperature_c`` say what is asked) and returns all
        its vectors, each of shape (points,), with ``"time"`` [s] for a transient. It may raise any
        `spinbnn.errors.SpinbnnError` to say that this deck has no answer; other exceptions are its own bugs,
        and pass through.

    Examples
    --------
    >>> def divider(deck):
    ...     r1, r2 = deck.parameters["r1"], deck.parameters["r2"]
    ...     return {"v(b)": np.array([r2 / (r1 + r2)])}
    >>> deck = Deck(text="* see divider()", parameters={"r1": 1e3, "r2": 3e3}, save=("v(b)",))
    >>> [result] = AnalyticSimulator(divider).run([deck])
    >>> result.require().waveforms
    {'v(b)': array([0.75])}
    """

    def __init__(self, response: Response) -> None:
        self.response = response

    def run(
        self, decks: Iterable[Deck], save: tuple[str, ...] | list[str] | None = None
    ) -> Iterator[SimulationResult]:
        """Yield the results of ``decks`` in order; same meaning as in the drivers of ngspice.

        Raises
        ------
        ParameterError
            If an item is not a `Deck`.
        """
        chosen = None if save is None else check_save(save, "run")
        return (
            self._one(index, deck if chosen is None else replace(deck, save=chosen))
            for index, deck in enumerate(check_decks(decks))
        )

    def close(self) -> None:
        """Do nothing; there is nothing to close."""

    def __enter__(self) -> AnalyticSimulator:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _one(self, index: int, deck: Deck) -> SimulationResult:
        try:
            vectors = {
                canonical(name): np.asarray(values, dtype=float)
                for name, values in self.response(deck).items()
            }
            waveforms = choose(vectors, deck)
        except SpiceFault as fault:
            return SimulationResult(index=index, status="failed", name=deck.name, error=fault.what)
        except SpinbnnError as error:
            return SimulationResult(index=index, status="failed", name=deck.name, error=str(error))
        return SimulationResult(index=index, status="ok", name=deck.name, waveforms=waveforms)
