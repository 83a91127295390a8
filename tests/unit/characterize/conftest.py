"""A small flow, and simulators that count, fail and stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from made_up_flow import DRAWS, THREE, flow_text

from spinbnn.characterize import Flow
from spinbnn.circuit import Deck, SimulationResult
from spinbnn.circuit.dropout_analytic import analytic_simulator

FLOW = flow_text(THREE, DRAWS, mismatch=True, more="[limits.p_reset_fail]\nmaximum = 0.02\n")


@pytest.fixture
def text() -> str:
    """The text of a flow of 3 x 4 samples."""
    return FLOW


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Flow]:
    """Write a flow to ``small.toml``, with some text replaced (old, new, old, new, ...), and read it."""

    def loader(*edits: str, more: str = "") -> Flow:
        body = FLOW
        for old, new in zip(edits[::2], edits[1::2], strict=True):
            assert body.count(old) == 1, f"{old!r} does not stand once in the flow"
            body = body.replace(old, new)
        path = tmp_path / "small.toml"
        path.write_text(body + more)
        return Flow.load(path)

    return loader


class Counting:
    """Hands decks on to the closed forms and counts them.

    ``stop_after`` interrupts the run; ``fail`` gives samples another status by the number of the deck; ``rung`` a rung.
    """

    identity = "analytic"

    def __init__(self, stop_after: int | None = None, fail: Mapping[int, str] | None = None, rung: Mapping[int, int] | None = None) -> None:
        self.inner, self.seen, self.stop_after = analytic_simulator(), 0, stop_after
        self.fail, self.rung = dict(fail or {}), dict(rung or {})

    def run(self, decks: Iterable[Deck]) -> Iterator[SimulationResult]:
        for k, result in enumerate(self.inner.run(decks)):
            if self.seen == self.stop_after:
                raise KeyboardInterrupt
            self.seen += 1
            status = self.fail.get(k, result.status)
            good = status == "ok"
            yield SimulationResult(index=k, status=status, waveforms=result.waveforms if good else {}, error="" if good else f"it {status}", rung=self.rung.get(k, 0))


@pytest.fixture
def counting() -> type[Counting]:
    """The class of the counting simulator."""
    return Counting
