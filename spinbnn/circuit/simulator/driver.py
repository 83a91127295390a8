"""What both drivers of ngspice share: the order of the results, refusals, timing, closing."""

from __future__ import annotations

import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Self

from ...errors import ParameterError
from .checks import check_decks
from .deck import Deck, SimulationResult, check_save
from .messages import preflight
from .ordered import in_order


class NgspiceDriver(ABC):
    """Base of `NgspiceShared` and `NgspiceBatch`; a context manager.

    A driver sets ``workers``, ``timeout`` and ``_finalizer`` (which ends its processes and removes its folders) and says in
    `_simulate` how one deck is run.
    """

    workers: int
    timeout: float
    _finalizer: weakref.finalize

    def run(
        self, decks: Iterable[Deck], save: tuple[str, ...] | list[str] | None = None
    ) -> Iterator[SimulationResult]:
        """Simulate decks and yield their results in input order, as soon as they are there.

        Parameters
        ----------
        decks : iterable of Deck
            Drawn lazily, a few ahead of the consumer.
        save : tuple of str, optional
            Vectors to keep, for all decks, instead of each deck's own.

        Yields
        ------
        SimulationResult
            One for each deck. Failures are results with a status, never exceptions.

        Raises
        ------
        ParameterError
            If an item is not a `Deck`, or this simulator is closed.
        """
        if not self._finalizer.alive:
            raise ParameterError(
                "this simulator is closed", where=f"{type(self).__name__}.run", remedy="make a new one"
            )
        chosen = None if save is None else check_save(save, "run")
        return in_order(lambda index, deck: self._one(index, deck, chosen), check_decks(decks), self.workers)

    def close(self) -> None:
        """End the simulator's processes and remove its folders; what still runs comes back as crashed."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _one(self, index: int, deck: Deck, save: tuple[str, ...] | None) -> SimulationResult:
        """Simulate one deck; runs in a thread of `in_order`."""
        if refusal := preflight(deck):
            return SimulationResult(index=index, status="failed", name=deck.name, error=refusal)
        begin = time.monotonic()
        result = self._simulate(deck, save)
        return replace(result, index=index, elapsed=time.monotonic() - begin)

    @abstractmethod
    def _simulate(self, deck: Deck, save: tuple[str, ...] | None) -> SimulationResult:
        """Run one deck that passed the pre-check; ``save`` replaces its own vectors."""
