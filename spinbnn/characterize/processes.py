"""Jobs that compute themselves, run in worker processes: a dead worker costs one job, never the run."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import IO, Any, Protocol, Self

import numpy as np

from ..circuit.simulator.checks import check_workers
from ..circuit.simulator.deck import SimulationResult
from ..circuit.simulator.ordered import in_order
from ..circuit.simulator.wire import Packed, pack, unpack
from ..errors import ParameterError, SpinbnnError

_START = """
import json, sys
sys.path[:] = json.loads(sys.argv[3])
from spinbnn.characterize.processes import main
main(int(sys.argv[1]), int(sys.argv[2]))
"""
_ORPHAN_CHECK = 1.0
"""How often a worker looks whether its parent lives. [s]"""


class Job(Protocol):
    """A picklable piece of work."""

    @property
    def name(self) -> str:
        """Name for messages."""
        ...

    def run(self) -> dict[str, np.ndarray]:
        """Return named arrays, or raise an error of our family that says why there are none."""
        ...


def run_job(job: Job) -> SimulationResult:
    """Run one job here; an error of our family becomes the status ``"failed"``, any other passes through."""
    begin = time.monotonic()
    try:
        found = job.run()
    except SpinbnnError as error:
        return SimulationResult(index=0, status="failed", name=job.name, error=str(error), elapsed=time.monotonic() - begin)
    return SimulationResult(index=0, status="ok", name=job.name, waveforms=found, elapsed=time.monotonic() - begin)


class PythonSimulator:
    """Run jobs that compute themselves, with one worker in this process, with more in processes of their own.

    Plain subprocesses are used, as for ngspice: nothing imports the user's ``__main__`` again, so that scripts without a
    guard, notebooks and ``python -c`` all work, and no thread or lock is forked. A start costs about a second of imports.

    Parameters
    ----------
    workers : int
        Processes.

    Notes
    -----
    Results do not depend on the number of workers. A job that kills its process has the status ``"crashed"``; the next
    one gets a fresh process.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Square:
    ...     name: str
    ...     value: float
    ...     def run(self):
    ...         return {"square": np.array([self.value**2])}
    >>> with PythonSimulator(workers=1) as simulator:
    ...     [float(r.waveforms["square"][0]) for r in simulator.run([Square("a", 2.0), Square("b", 3.0)])]
    [4.0, 9.0]
    """

    def __init__(self, workers: int = 1) -> None:
        self.workers = check_workers(workers)
        self._processes = [_Process() for _ in range(workers)] if workers > 1 else []
        self._idle: queue.LifoQueue[_Process] = queue.LifoQueue()
        for process in reversed(self._processes):
            self._idle.put(process)
        self._closed = False

    def run(self, jobs: Iterable[Job], /) -> Iterator[SimulationResult]:
        """Yield one result for each job, in order, as soon as it is there.

        Raises
        ------
        ParameterError
            If this simulator is closed.
        """
        if self._closed:
            raise ParameterError("this simulator is closed", where="PythonSimulator.run", remedy="make a new one")
        if self.workers == 1:
            return (replace(run_job(job), index=index) for index, job in enumerate(jobs))
        return in_order(self._ask, jobs, self.workers)

    def _ask(self, index: int, job: Job) -> SimulationResult:
        process = self._idle.get()
        try:
            return replace(process.ask(job), index=index)
        finally:
            self._idle.put(process)

    def close(self) -> None:
        """End the processes, now."""
        self._closed = True
        for process in self._processes:
            process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Process:
    """One worker process, started by its first job and again after a death."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None
        self._log: IO[bytes] | None = None
        self._closed = False
        self._lock = threading.Lock()

    def _start(self) -> Connection:
        ours, theirs = Pipe()
        path = [os.path.abspath(entry) for entry in sys.path]
        command = [sys.executable, "-c", _START, str(theirs.fileno()), str(os.getpid()), json.dumps(path)]
        self._line, self._log = ours, tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        with theirs:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, pass_fds=[theirs.fileno()])
        if self._closed:
            self._process.kill()
        return ours

    def ask(self, job: Job) -> SimulationResult:
        """Run one job there; a death is the status ``"crashed"``, an error that is not of our family is raised here."""
        with self._lock:
            try:
                line = self._line or self._start()
                line.send(job)
                answer = line.recv()
            except (EOFError, ConnectionError):
                return SimulationResult(index=0, status="crashed", name=job.name, error=self._end())
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, SimulationResult | Packed)
        return unpack(answer)

    def _end(self) -> str:
        """Collect the dead process, say how it ended, and forget it."""
        code, words = 0, ""
        if self._process is not None:
            try:
                code = self._process.wait(5.0)
            except subprocess.TimeoutExpired:  # it closed its line and lives: nothing more can be had of it
                self._process.kill()
                code = self._process.wait()
        if self._log is not None:
            self._log.seek(0)
            words = self._log.read()[-500:].decode(errors="replace").strip()
        for held in (self._line, self._log):
            if held is not None:
                held.close()
        self._process = self._line = self._log = None
        if self._closed:
            return "the simulator was closed"
        how = f"ended with exit code {code}" if code >= 0 else f"was killed by signal {-code}"
        return f"the worker process {how}{': ' if words else ''}{words}"

    def close(self) -> None:
        """End the process for good, also while a thread waits for its answer."""
        self._closed = True
        if (process := self._process) is not None:
            process.kill()  # the waiting thread sees the line close, and lets go of the lock
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._end()


def main(descriptor: int, parent: int) -> None:
    """Answer jobs until the other side closes the line; what a worker process executes.

    Parameters
    ----------
    descriptor : int
        Inherited socket that carries pickled jobs one way, results or errors the other.
    parent : int
        Process id of the parent; the worker ends when it is gone, even in the middle of a job.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    line: Any = Connection(descriptor)
    while True:
        try:
            job = line.recv()
        except EOFError:
            return
        try:
            answer: Any = pack(run_job(job))
        except Exception as error:  # a fault of the job's code: shown where the run was started
            answer = error
        line.send(answer)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_ORPHAN_CHECK)
    os._exit(0)
