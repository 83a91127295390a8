"""Progress bars with the time left, on standard error; silent where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Step(Protocol):
    """Takes (done, total) and an optional remark."""

    def __call__(self, done: int, total: int, text: str = "") -> None:
        """Show that ``done`` of ``total`` are finished."""


@contextmanager
def progress(label: str) -> Iterator[Step]:
    """Yield a callable that moves one bar; without a terminal it prints a line every ten seconds at most."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Plain(label, console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(elapsed_when_finished=True), TextColumn("{task.fields[remark]}"))
    with Progress(*columns, console=console, transient=False) as bar:
        task = bar.add_task(label, total=None, remark="")
        begun = False

        def step(done: int, total: int, text: str = "") -> None:
            nonlocal begun
            if not begun:  # what was there before says nothing of the speed
                begun = True
                bar.reset(task, completed=done, total=total)
            bar.update(task, completed=done, total=total, remark=text)

        yield step


class _Plain:
    def __init__(self, label: str, console: Console) -> None:
        self.label, self.console = label, console
        self.begin = self.last = time.monotonic()
        self.first: int | None = None

    def __call__(self, done: int, total: int, text: str = "") -> None:
        now = time.monotonic()
        if self.first is None:
            self.first = done
        if done < total and now - self.last < 10.0:
            return
        self.last = now
        fresh = done - self.first
        left = f", {(now - self.begin) / fresh * (total - done):.0f} s left" if fresh > 0 and done < total else ""
        self.console.print(f"{self.label}: {done}/{total}{left} {text}".rstrip(), highlight=False)
