"""The session inside a worker process: PySpice's shared library of ngspice, fenced off.

PySpice (GPL-3) is imported inside `open_library`, so only in a process that is about to simulate.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from . import messages
from .deck import Deck, SimulationResult
from .ladder import SpiceFault, climb
from .vectors import canonical, choose

_MOST_CIRCUITS = 8
"""Circuits that can be left over by one bad load; more would be a leak of ours."""


def open_library() -> Any:
    """Import PySpice without its noise and return its session with two callbacks replaced.

    PySpice takes every line on stderr for an error, the notes of a successful gmin stepping among them, and
    its callback for background threads returns None where C expects an integer. Here the callback only
    collects; `messages.fault` judges.
    """
    logging.getLogger("PySpice").setLevel(logging.CRITICAL + 1)
    warnings.simplefilter("ignore")
    from PySpice.Spice.NgSpice.Shared import NgSpiceShared, ffi, ffi_string_utf8

    class Library(NgSpiceShared):  # type: ignore[misc, unused-ignore]
        """PySpice's session; collects messages and never raises because of them."""

        @staticmethod
        def _send_char(message_c: Any, ngspice_id: int, user_data: Any) -> int:
            text = ffi_string_utf8(message_c)
            if isinstance(text, bytes):
                text = text.decode("utf-8", "replace")
            session = ffi.from_handle(user_data)
            channel, _, content = text.partition(" ")
            (session._stderr if channel == "stderr" else session._stdout).append(content)
            return 0

        @staticmethod
        def _background_thread_running(is_running: bool, ngspice_id: int, user_data: Any) -> int:
            ffi.from_handle(user_data)._is_running = is_running
            return 0

        @staticmethod
        def _send_stat(message: Any, ngspice_id: int, user_data: Any) -> int:
            return 0

    return Library.new_instance()


class Session:
    """One ngspice in this process: a fresh circuit for every attempt, every answer checked.

    The order of an attempt: drop all circuits and plots, load, read the messages, run, read the messages,
    take the one new plot, check it. Dropping first matters: after a bad load, ``run`` would silently
    simulate the circuit before it.
    """

    def __init__(self) -> None:
        self._ngspice = open_library()
        self._command("set num_threads=1")
        self._command("unset askquit")

    @property
    def version(self) -> str:
        """Version of the library, such as ``"39"``."""
        return str(self._ngspice.ngspice_version)

    def simulate(self, deck: Deck, save: tuple[str, ...] | None = None) -> tuple[SimulationResult, bool]:
        """Simulate one deck.

        Parameters
        ----------
        deck : Deck
            The circuit.
        save : tuple of str, optional
            Vectors to keep instead of the deck's own.

        Returns
        -------
        SimulationResult
            With index 0; never an exception of ngspice's.
        bool
            Whether this process must be replaced.
        """
        if save is not None:
            deck = replace(deck, save=save)
        try:
            (waveforms, log), rung = climb(deck, lambda text: self._attempt(text, deck))
        except SpiceFault as fault:
            return SimulationResult(
                index=0, status="failed", name=deck.name, error=fault.what, rung=fault.rung, log=fault.log
            ), fault.poisoned
        return SimulationResult(
            index=0, status="ok", name=deck.name, waveforms=waveforms, rung=rung, log=log
        ), False

    def _attempt(self, text: str, deck: Deck) -> tuple[dict[str, np.ndarray], str]:
        self._clean()
        lines = self._load(text)
        if fault := messages.fault(lines):
            raise SpiceFault(fault, log=messages.tail(lines))
        accepted = self._command("run") == 0
        lines += self._ngspice._stderr
        log = messages.tail(lines)
        if fault := messages.fault(lines):
            raise SpiceFault(
                fault, log=log, numerical=messages.is_numerical(lines), poisoned=messages.is_poisoned(lines)
            )
        plots = [name for name in self._ngspice.plot_names if name != "const"]
        if not accepted or not plots:
            raise SpiceFault(messages.explain(lines) or "ngspice gave no result and no message", log=log)
        try:
            plot = self._ngspice.plot(None, plots[0])
        except RuntimeError as error:  # cffi: a plot without vectors is a null pointer
            raise SpiceFault(f"the result cannot be read: {error}", log=log) from error
        vectors = {canonical(name): np.array(vector._data) for name, vector in plot.items()}
        return choose(vectors, deck, log), log

    def _load(self, text: str) -> list[str]:
        """Load a netlist and return the messages; a refusal by the library means that it is poisoned."""
        try:
            self._ngspice.load_circuit(text)
        except NameError as error:
            lines, out = self._ngspice._stderr, self._ngspice._stdout
            what = messages.explain(lines)
            if messages.has_quit(out) or messages.has_quit(lines):
                what = messages.QUIT_TEXT
            raise SpiceFault(what or str(error), log=messages.tail(lines), poisoned=True) from error
        return list(self._ngspice._stderr)

    def _clean(self) -> None:
        """Drop all circuits and plots; without it every run leaks, and a bad load runs the old circuit."""
        for _ in range(_MOST_CIRCUITS):
            self._command("remcirc")
            if any("no circuit" in line.lower() for line in self._ngspice._stderr):
                break
        self._command("destroy all")

    def _command(self, command: str) -> int:
        """Execute one command; its messages are in the library's lists afterwards."""
        try:
            self._ngspice.exec_command(command)
        except NameError:  # a non-zero return code; the messages say why
            return 1
        return 0
