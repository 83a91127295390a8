"""Run calls on a few threads and hand the answers over in input order, with a bounded window."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_A = TypeVar("_A")
_B = TypeVar("_B")

WINDOW = 4
"""Calls in flight or waiting for the consumer, per worker."""


def in_order(call: Callable[[int, _A], _B], items: Iterable[_A], workers: int) -> Iterator[_B]:
    """Yield ``call(index, item)`` for every item, in input order, ``workers`` at a time.

    Items are drawn lazily: never more than ``WINDOW * workers`` ahead of the consumer, so that a generator
    of a million decks needs no memory for them. A result is handed over as soon as all before it are done.

    Examples
    --------
    >>> list(in_order(lambda index, item: (index, item.upper()), "abc", workers=2))
    [(0, 'A'), (1, 'B'), (2, 'C')]
    """
    pending: deque[Future[_B]] = deque()
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="spice")
    try:
        for index, item in enumerate(items):
            pending.append(pool.submit(call, index, item))
            while pending and (len(pending) >= WINDOW * workers or pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
