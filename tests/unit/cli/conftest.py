"""The commands on the closed forms of the dropout module instead of ngspice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import command_line
import pytest

from spinbnn.characterize.engines import ENGINES
from spinbnn.circuit import SimulationResult
from spinbnn.circuit.dropout_analytic import analytic_simulator

Run = Callable[..., tuple[int, str, str]]


class ClosedForms:
    """The closed forms; decks with a SET voltage of ``volts`` fail, every call is counted with its workers and time-out."""

    volts: float | None = None
    started: list[tuple[int, float | None]]
    identity = "ngspice-0"

    def run(self, decks: Any) -> Any:
        for k, result in enumerate(analytic_simulator().run(decks := list(decks))):
            bad = decks[k].parameters["set_voltage"] == self.volts
            yield SimulationResult(index=k, status="failed", name="deck", error="timestep too small", log="the log of ngspice", rung=3) if bad else result


@pytest.fixture
def closed_forms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[ClosedForms]:
    """Work in an empty folder, with the engine of ngspice replaced."""

    def start(choice: str, workers: int, timeout: float | None = None) -> Any:
        ClosedForms.started.append((workers, timeout))
        return nullcontext(ClosedForms())

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(ClosedForms, "volts", None)
    monkeypatch.setattr(ClosedForms, "started", [], raising=False)
    monkeypatch.setattr(ENGINES["ngspice"], "start", start)
    monkeypatch.setattr(ENGINES["ngspice"], "identity", lambda choice, remote: "ngspice-0")
    return ClosedForms


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Call the command, and return exit code, standard output and standard error."""
    return lambda *arguments: command_line.run(capsys, *arguments)
