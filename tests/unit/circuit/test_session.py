"""The fences of one session, each by itself, against a library that plays ngspice's bad manners."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spinbnn.circuit.simulator import Deck
from spinbnn.circuit.simulator.session import Session

DECK = Deck(name="probe", text="V1 a 0 1\nR1 a 0 1e3", save=("v(a)",))


class Vector:
    def __init__(self, value: float) -> None:
        self._data = np.array([value])


class Library:
    """Keeps circuits until told to drop them, runs the newest, and says what its script tells it to say."""

    def __init__(self, on_load: list[str] | None = None, on_run: list[str] | None = None) -> None:
        self.on_load, self.on_run = on_load or [], on_run or []
        self.circuits = ["an older circuit"]
        self.plots = ["op7"]
        self.refuse = False
        self.commands: list[str] = []
        self._stderr: list[str] = []
        self._stdout: list[str] = []

    def exec_command(self, command: str) -> str:
        self.commands.append(command)
        self._stderr, self._stdout = [], []
        if command == "remcirc":
            if self.circuits:
                self.circuits.pop()
            else:
                self._stderr.append("Error: there is no circuit loaded.")
        elif command == "destroy all":
            self.plots = []
        elif command == "run":
            self._stderr += self.on_run
            if self.circuits:
                self.plots.insert(0, "op8")
        return ""

    def load_circuit(self, text: str) -> None:
        self._stderr, self._stdout = list(self.on_load), []
        if self.refuse:
            raise NameError("ngSpice_Circ returned 1")
        if not self.on_load:
            self.circuits.append(text)

    @property
    def plot_names(self) -> list[str]:
        return [*self.plots, "const"]

    def plot(self, simulation: Any, name: str) -> dict[str, Vector]:
        return {"a": Vector(1.0 if "probe" in self.circuits[-1] else -99.0)}


def session(library: Library) -> Session:
    made = Session.__new__(Session)
    made._ngspice = library
    return made


def test_everything_old_is_dropped_before_the_load() -> None:
    library = Library()
    library.circuits = ["one", "two", "three"]
    result, unusable = session(library).simulate(DECK)
    assert result.require().waveforms["v(a)"][0] == 1.0 and not unusable
    assert library.circuits == [DECK.render()] and library.plots == ["op8"]
    assert library.commands == ["remcirc"] * 4 + ["destroy all", "run"]


def test_a_load_with_an_error_is_never_run() -> None:
    library = Library(on_load=["Error: unknown subckt: x1 a 0 nosuch"])
    result, unusable = session(library).simulate(DECK)
    assert (result.status, result.error, unusable) == (
        "failed",
        "Error: unknown subckt: x1 a 0 nosuch",
        False,
    )
    assert "run" not in library.commands


def test_a_load_that_drops_the_circuit_without_a_known_word_gives_no_old_answer() -> None:
    result, _ = session(Library(on_load=["this deck displeases me"])).simulate(DECK)
    assert (result.status, result.error) == ("failed", "this deck displeases me")


def test_a_refused_load_means_a_new_process() -> None:
    library = Library(
        on_load=["Undefined parameter [q]", "Error: ngspice.dll cannot recover and awaits to be detached"]
    )
    library.refuse = True
    result, unusable = session(library).simulate(DECK)
    assert unusable and result.status == "failed" and result.error.startswith("Undefined parameter [q]")


@pytest.mark.parametrize(
    ("message", "rungs"), [("Warning: singular matrix:  check node x", 1), ("Timestep too small", 4)]
)
def test_only_numerical_faults_are_tried_again(message: str, rungs: int) -> None:
    library = Library(on_run=[message])
    result, unusable = session(library).simulate(DECK)
    assert (result.status, result.rung, unusable) == ("failed", rungs - 1, False)
    assert library.commands.count("run") == rungs


def test_save_replaces_the_decks_own() -> None:
    result, _ = session(Library()).simulate(DECK, ("v(nosuch)",))
    assert result.status == "failed" and "nosuch" in result.error
