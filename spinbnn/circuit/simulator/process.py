"""The parent's hold on one worker process: start, ask with a deadline, kill, replace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from ...errors import MissingToolError
from .deck import Deck, SimulationResult
from .locate import INSTALL, NgspiceInstallation
from .wire import Packed, unpack

START_TIMEOUT = 120.0
"""Longest start of a worker: imports of numpy and PySpice on a busy machine. [s]"""

RECYCLE_AFTER = 2000
"""Runs after which a worker is replaced; ngspice keeps 1 to 2 kB of each."""

CLOSED = "the simulator was closed"

_START = """
import json, os, sys, types
sys.path[:] = json.loads(sys.argv[3])
import spinbnn
circuit = sys.modules["spinbnn.circuit"] = types.ModuleType("spinbnn.circuit")
circuit.__path__ = [os.path.join(folder, "circuit") for folder in spinbnn.__path__]
from spinbnn.circuit.simulator.worker import main
main(int(sys.argv[1]), int(sys.argv[2]))
"""
"""What a worker executes. The bare ``spinbnn.circuit`` spares it the benches and devices (and scipy) that
the real package exports: 0.25 s of processor time for each start instead of 1 s."""


class WorkerDied(Exception):
    """The worker's process ended without an answer (internal; becomes the status ``"crashed"``)."""


class WorkerLate(Exception):
    """The worker gave no answer in time (internal; becomes the status ``"timeout"``)."""


class WorkerProcess:
    """One worker, started when it is first needed and again after each death.

    A plain subprocess is used rather than `multiprocessing`: nothing re-imports the user's ``__main__``, so
    scripts without a guard, ``python -c``, notebooks and pytest all work alike, and no lock or thread of
    the parent is forked. The price is a start of 0.15 s (idle machine) instead of 0.06 s, paid once per
    worker and per poisoned deck. The worker gets the parent's ``sys.path``, thus the same spinbnn, and an
    environment of its own.

    Parameters
    ----------
    installation : NgspiceInstallation
        Which ngspice.
    folder : Path
        Existing folder for this worker alone; its working directory.
    """

    def __init__(self, installation: NgspiceInstallation, folder: Path) -> None:
        self._installation, self._folder = installation, folder
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None
        self._lock = threading.RLock()
        self._closed = False
        self.runs = 0
        self.starts = 0
        self.version = ""

    def start(self) -> None:
        """Start the process and wait until its ngspice is loaded.

        Raises
        ------
        MissingToolError
            If PySpice or libngspice cannot be loaded there.
        WorkerDied
            If this object has been closed.
        """
        with self._lock:
            self.stop()
            self._spawn()
            self._greet()

    def _spawn(self) -> None:
        ours, theirs = Pipe()
        path = [os.path.abspath(entry) for entry in sys.path]
        command = [sys.executable, "-c", _START, str(theirs.fileno()), str(os.getpid()), json.dumps(path)]
        try:
            with theirs, open(self._log_path, "wb") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[theirs.fileno()],
                    cwd=self._folder,
                    env=self._installation.environment(self._folder),
                )
        except OSError as error:
            ours.close()
            raise WorkerDied(CLOSED if self._closed else f"no process can be started: {error}") from error
        self._line, self.runs = ours, 0
        self.starts += 1
        if self._closed:
            self.stop()
            raise WorkerDied(CLOSED)

    def _greet(self) -> None:
        try:
            state, detail = self._receive(START_TIMEOUT)
        except (WorkerDied, WorkerLate) as error:
            self.stop()
            if self._closed:
                raise
            raise MissingToolError(
                f"the simulator's process does not start: {error}",
                where="PySpice and libngspice",
                value=self.words()[-500:],
                remedy=INSTALL,
            ) from error
        if state != "ready":
            self.stop()
            raise MissingToolError(
                "PySpice cannot load ngspice",
                where="libngspice",
                value=detail,
                remedy=f"pip install 'spinbnn[spice]'; {INSTALL}",
            )
        self.version = detail

    def ask(self, deck: Deck, save: tuple[str, ...] | None, timeout: float) -> SimulationResult:
        """Simulate one deck in the process.

        Raises
        ------
        WorkerLate
            After ``timeout`` seconds; the process has been killed.
        WorkerDied
            If the process ended; the message says how.
        MissingToolError
            If a new process was needed and could not be started.
        """
        with self._lock:
            if self._process is None or self._process.poll() is not None or self.runs >= RECYCLE_AFTER:
                self.start()
            assert self._line is not None
            self.runs += 1
            try:
                self._line.send((deck, save))
            except OSError as error:
                raise WorkerDied(self._end()) from error
            try:
                answer, unusable = self._receive(timeout)
            except WorkerLate:
                self.stop()
                raise
            if unusable:
                self.stop()
            assert isinstance(answer, SimulationResult | Packed)
            return unpack(answer)

    def stop(self) -> None:
        """End the process, now; `ask` may start another."""
        with self._lock:
            line, process = self._line, self._process
            self._line = self._process = None
            if process is not None:
                process.kill()
                process.wait()
            if line is not None:
                line.close()

    def close(self) -> None:
        """End the process for good, even while another thread waits for its answer."""
        self._closed = True
        if (process := self._process) is not None:
            process.kill()  # the waiting thread sees the line close, and lets go of the lock
        self.stop()

    def words(self) -> str:
        """Return what the process itself wrote (not ngspice's messages), for crashes."""
        return self._log_path.read_text(encoding="utf-8", errors="replace") if self._log_path.exists() else ""

    @property
    def _log_path(self) -> Path:
        return self._folder / "worker.log"

    def _receive(self, timeout: float) -> tuple[object, str]:
        assert self._line is not None
        try:
            if not self._line.poll(timeout):
                raise WorkerLate(f"no answer within {timeout:g} s")
            answer: tuple[object, str] = self._line.recv()
        except (EOFError, OSError) as error:
            raise WorkerDied(self._end()) from error
        return answer

    def _end(self) -> str:
        """Collect a dead process and say how it ended."""
        process = self._process
        if process is None or self._closed:
            return CLOSED
        try:
            code = process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if code >= 0:
            return f"the process of ngspice ended with exit code {code}"
        try:
            return f"the process of ngspice died of {signal.Signals(-code).name}"
        except ValueError:
            return f"the process of ngspice died of signal {-code}"
