"""`NgspiceShared`: ngspice as a library, driven by PySpice, one worker process for each."""

from __future__ import annotations

import importlib.util
import queue
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

from ...errors import MissingToolError
from .checks import check_timeout, check_workers
from .deck import Deck, SimulationResult
from .driver import NgspiceDriver
from .locate import NgspiceInstallation, find_ngspice
from .messages import tail
from .process import WorkerDied, WorkerLate, WorkerProcess


class NgspiceShared(NgspiceDriver):
    """Run decks through PySpice's shared-library session, fenced off in worker processes.

    One bad deck can leave ngspice with the previous circuit, poison its library for good, or end the
    interpreter; nothing inside a process can stop a run that takes too long. So each worker is a process
    of its own, loads a fresh circuit for every attempt, checks every answer (`messages.fault`,
    `vectors.choose`), and is killed and replaced after a timeout, a crash or a poisoned load.

    Parameters
    ----------
    workers : int
        Processes, each with one ngspice of one thread.
    timeout : float
        Longest time for one deck, all rungs of the numerics ladder together. [s]
    installation : NgspiceInstallation, optional
        Which ngspice; `find_ngspice` by default.

    Raises
    ------
    MissingToolError
        If PySpice or libngspice is not there or cannot be loaded; the first worker is started here.

    See Also
    --------
    spinbnn.circuit.simulator.batch.NgspiceBatch : the same numbers bit for bit, without PySpice.

    Notes
    -----
    Results do not depend on the number of workers, nor on the order of the decks. Tested with ngspice 39 on
    Linux; needs POSIX process handling. Overhead over the bare simulation: about 1.5 ms for each deck.

    Examples
    --------
    >>> decks = [Deck(text=f"V1 a 0 1\\nR1 a b 1e3\\nR2 b 0 {r!r}", save=("v(b)",)) for r in (1e3, 3e3)]
    >>> with NgspiceShared(workers=1) as sim:                                  # doctest: +SKIP
    ...     [float(r.require().waveforms["v(b)"][0]) for r in sim.run(decks)]
    [0.5, 0.75]
    """

    def __init__(
        self, workers: int = 1, timeout: float = 60.0, *, installation: NgspiceInstallation | None = None
    ) -> None:
        self.workers, self.timeout = check_workers(workers), check_timeout(timeout)
        if importlib.util.find_spec("PySpice") is None:
            raise MissingToolError(
                "PySpice is not installed",
                where="NgspiceShared",
                remedy="pip install 'spinbnn[spice]', or use NgspiceBatch, which needs only ngspice",
            )
        self.installation = installation or find_ngspice()
        self.installation.require_library()
        self._folder = Path(tempfile.mkdtemp(prefix="spinbnn-spice-"))
        self._processes = [
            WorkerProcess(self.installation, _subfolder(self._folder, n)) for n in range(self.workers)
        ]
        self._finalizer = weakref.finalize(self, _shut_down, self._processes, self._folder)
        self._idle: queue.LifoQueue[WorkerProcess] = queue.LifoQueue()
        for process in reversed(self._processes):
            self._idle.put(process)
        try:
            self._processes[0].start()
        except (MissingToolError, WorkerDied):
            self.close()
            raise
        self.version = self._processes[0].version

    def _simulate(self, deck: Deck, save: tuple[str, ...] | None) -> SimulationResult:
        process = self._idle.get()
        try:
            return self._ask(process, deck, save)
        finally:
            self._idle.put(process)

    def _ask(self, process: WorkerProcess, deck: Deck, save: tuple[str, ...] | None) -> SimulationResult:
        """Ask once; and once more in a fresh process if a used one died, which an earlier deck may have hurt."""
        broken: dict[str, Any] = {"index": 0, "name": deck.name}
        while True:
            try:
                return process.ask(deck, save, self.timeout)
            except WorkerLate as late:
                return SimulationResult(status="timeout", error=f"{late}; the process was killed", **broken)
            except WorkerDied as death:
                used = process.runs > 1 and self._finalizer.alive
                log = tail(process.words().splitlines())
                process.stop()
                if not used:
                    return SimulationResult(status="crashed", error=str(death), log=log, **broken)
            except MissingToolError as error:
                return SimulationResult(status="crashed", error=str(error), **broken)


def _subfolder(folder: Path, n: int) -> Path:
    path = folder / str(n)
    path.mkdir()
    return path


def _shut_down(processes: list[WorkerProcess], folder: Path) -> None:
    for process in processes:
        process.close()
    shutil.rmtree(folder, ignore_errors=True)
