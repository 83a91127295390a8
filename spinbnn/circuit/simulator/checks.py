"""Checks of arguments that all drivers share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...errors import ParameterError
from .deck import Deck, number


def check_workers(workers: int) -> int:
    """Return the number of workers, or raise `ParameterError`."""
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ParameterError(
            "workers must be a whole number of at least 1",
            where="workers",
            value=workers,
            remedy="workers=1, or the number of cores",
        )
    return workers


def check_timeout(timeout: float) -> float:
    """Return the timeout in seconds, or raise `ParameterError`."""
    seconds = float(number(timeout, "timeout"))
    if seconds <= 0:
        raise ParameterError(
            "timeout must be positive", where="timeout", value=timeout, remedy="seconds for one deck"
        )
    return seconds


def check_decks(decks: Iterable[Deck]) -> Iterator[Deck]:
    """Pass decks through, and raise `ParameterError` at the first item that is none."""
    for place, deck in enumerate(decks):
        if not isinstance(deck, Deck):
            raise ParameterError(
                "not a Deck", where=f"decks[{place}]", value=deck, remedy="wrap the netlist: Deck(text=...)"
            )
        yield deck
