"""`NgspiceBatch`: one ``ngspice -b`` process for each deck; needs the program only, no PySpice."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...errors import DataError, MissingToolError
from . import messages
from .checks import check_timeout, check_workers
from .deck import Deck, SimulationResult
from .driver import NgspiceDriver
from .ladder import SpiceFault, climb
from .locate import INSTALL, NgspiceInstallation, find_ngspice
from .rawfile import read_raw
from .vectors import canonical, choose


class NgspiceBatch(NgspiceDriver):
    """Run decks through ``ngspice -b -r``, each in a process of its own.

    The same checks, the same ladder and, bit for bit, the same numbers as
    `spinbnn.circuit.simulator.shared.NgspiceShared`; nothing can leak from one deck to the next. It costs
    about a tenth more processor time per sample, and does not need PySpice (GPL-3).

    Parameters
    ----------
    workers : int
        Processes at a time.
    timeout : float
        Longest time for one deck, all rungs of the numerics ladder together. [s]
    installation : NgspiceInstallation, optional
        Which ngspice; `find_ngspice` by default.

    Raises
    ------
    MissingToolError
        If there is no program ngspice, or it does not start.

    Examples
    --------
    >>> deck = Deck(text="V1 a 0 1\\nR1 a b 1e3\\nR2 b 0 1e3", save=("v(b)",))
    >>> with NgspiceBatch() as sim:                                            # doctest: +SKIP
    ...     [float(r.require().waveforms["v(b)"][0]) for r in sim.run([deck])]
    [0.5]
    """

    def __init__(
        self, workers: int = 1, timeout: float = 60.0, *, installation: NgspiceInstallation | None = None
    ) -> None:
        self.workers, self.timeout = check_workers(workers), check_timeout(timeout)
        self.installation = installation or find_ngspice()
        program = self.installation.require_executable()
        if not self.installation.version:
            raise MissingToolError(
                "ngspice does not start", where=program, remedy=f"run it by hand to see why; {INSTALL}"
            )
        self.version = self.installation.version
        self._folder = Path(tempfile.mkdtemp(prefix="spinbnn-spice-"))
        self._running = _Running()
        self._finalizer = weakref.finalize(self, _shut_down, self._running, self._folder)

    def _simulate(self, deck: Deck, save: tuple[str, ...] | None) -> SimulationResult:
        return self._solve(deck if save is None else replace(deck, save=save), time.monotonic() + self.timeout)

    def _solve(self, deck: Deck, deadline: float) -> SimulationResult:
        try:
            (waveforms, log), rung = climb(deck, lambda text: self._attempt(text, deck, deadline))
        except SpiceFault as fault:
            return SimulationResult(
                index=0, status="failed", name=deck.name, error=fault.what, rung=fault.rung, log=fault.log
            )
        except subprocess.TimeoutExpired:
            return SimulationResult(
                index=0,
                status="timeout",
                name=deck.name,
                error=f"no answer within {self.timeout:g} s; the process was killed",
            )
        except _Crash as crash:
            return SimulationResult(
                index=0, status="crashed", name=deck.name, error=str(crash), log=crash.log
            )
        return SimulationResult(index=0, status="ok", name=deck.name, waveforms=waveforms, rung=rung, log=log)

    def _attempt(self, text: str, deck: Deck, deadline: float) -> tuple[dict[str, np.ndarray], str]:
        try:
            folder = Path(tempfile.mkdtemp(dir=self._folder))
        except FileNotFoundError as error:
            raise _Crash("the simulator was closed") from error
        try:
            (folder / "deck.cir").write_text(text, encoding="utf-8")
            code, out, err = self._running.call(
                [self.installation.require_executable(), "-b", "-r", "out.raw", "deck.cir"],
                folder,
                self.installation.environment(folder),
                deadline - time.monotonic(),
            )
            return self._judge(deck, folder / "out.raw", code, out, err)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def _judge(
        deck: Deck, raw: Path, code: int, out: list[str], err: list[str]
    ) -> tuple[dict[str, np.ndarray], str]:
        """Check messages, exit code and raw file; ngspice ends with code 0 on a floating node, for one."""
        log = messages.tail(err)
        if code < 0:
            raise _Crash(f"ngspice died of signal {-code}", log)
        if fault := messages.fault(err):
            raise SpiceFault(fault, log=log, numerical=messages.is_numerical(err))
        if messages.has_quit(out) and not raw.exists():
            raise SpiceFault(messages.QUIT_TEXT, log=log)
        if code != 0 or not raw.exists():
            raise SpiceFault(
                messages.explain(err) or f"ngspice gave no result and no message (exit code {code})", log=log
            )
        try:
            vectors = {canonical(name): values for name, values in read_raw(raw).items()}
        except DataError as error:
            raise SpiceFault(f"the raw file cannot be read: {error.what}", log=log) from error
        return choose(vectors, deck, log), log


class _Crash(Exception):
    """ngspice died of a signal (internal)."""

    def __init__(self, what: str, log: str = "") -> None:
        super().__init__(what)
        self.log = log


@dataclass(slots=True, eq=False)
class _Running:
    """The processes in flight, so that `close` can kill them."""

    processes: set[subprocess.Popen[str]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    closed: bool = False

    def call(
        self, command: list[str], folder: Path, env: dict[str, str], timeout: float
    ) -> tuple[int, list[str], list[str]]:
        with self.lock:
            if self.closed:
                raise _Crash("the simulator was closed")
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            )
            self.processes.add(process)
        try:
            with process:
                try:
                    out, err = process.communicate(timeout=max(timeout, 0.001))
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise
        finally:
            with self.lock:
                self.processes.discard(process)
        return process.returncode, out.splitlines(), err.splitlines()


def _shut_down(running: _Running, folder: Path) -> None:
    with running.lock:
        running.closed = True
        for process in running.processes:
            process.kill()
    shutil.rmtree(folder, ignore_errors=True)
