"""Samples on an existing Dask cluster: the scheduler is somebody else's, the journal and the table stay here."""

from __future__ import annotations

import socket
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Self

from .. import provenance
from ..circuit.simulator.deck import SimulationResult
from ..errors import MissingToolError, ParameterError, SimulationError, SpinbnnError
from .engines import ENGINES

SOURCES = ("characterize", "circuit", "device", "rng.py", "units.py")
"""Code that a worker runs; it must be the same there and here."""
AHEAD = 4
"""Jobs on the cluster for each of its threads, so that none waits for us."""
LOOK = 1.0
"""How often the connection is looked at while a result is awaited: Dask leaves some futures open for ever when its scheduler goes. [s]"""


@lru_cache(maxsize=4)
def here(engine: str) -> tuple[str, str]:
    """Return what a process runs jobs with: the simulator's identity and the hash of our own code."""
    choices = ENGINES[engine].choices
    return ENGINES[engine].identity(choices[-1], True), provenance.source_hash(*SOURCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """An error that is not of our family and came from inside a job: a full disk of its worker, a fault of the bench.

    It travels as a value, because an ``OSError`` that Dask raises here would look like a lost connection.
    """

    kind: str
    text: str
    host: str
    trace: str


def run_there(engine: str, job: Any, expected: tuple[str, str]) -> SimulationResult | JobError:
    """Run one job in a worker of the cluster, if that has the same simulator and code; what the workers execute.

    Raises
    ------
    SimulationError
        If it has not: its numbers may be others.

    Examples
    --------
    >>> run_there("macrospin", None, here("macrospin")).kind
    'AttributeError'
    """
    if (found := here(engine)) != expected:
        raise SimulationError("a worker of the cluster has another simulator or another spinbnn", where="Dask worker", value=list(found), remedy=f"install {list(expected)} on every worker, and start it again")
    try:
        return ENGINES[engine].one(job)
    except SpinbnnError:
        raise
    except Exception as error:
        return JobError(kind=type(error).__name__, text=str(error), host=socket.gethostname(), trace=traceback.format_exc())


class ClusterSimulator:
    """Run jobs on a Dask cluster that is already there, through the executor of its client.

    The journal is written and measures are taken here, so that a cluster that goes away costs the jobs in flight only.
    A job whose worker is killed is given to another one by Dask; after the third death it has the status ``"crashed"``.

    Parameters
    ----------
    address : str
        Of the scheduler, ``"tcp://host:8786"``.
    engine : str
        Engine of the bench.
    timeout : float
        Longest wait for the scheduler, at the start and when it has gone. [s]

    Attributes
    ----------
    identity : str
        Identity of the simulator that every worker has.

    Raises
    ------
    MissingToolError
        If ``distributed`` is not installed, or a worker has no ngspice.
    SimulationError
        If the scheduler does not answer, has no worker, or its workers differ from each other or run other code than this process.
    """

    def __init__(self, address: str, engine: str = "ngspice", timeout: float = 20.0) -> None:
        try:
            from distributed import Client  # type: ignore[import-not-found, unused-ignore]
        except ModuleNotFoundError as error:
            raise MissingToolError("Dask's scheduler is not installed", where="distributed", remedy="pip install 'spinbnn[cluster]'") from error
        if "://" not in address:
            raise ParameterError("not the address of a scheduler", where="cluster", value=address, remedy="write tcp://HOST:PORT, as 'dask scheduler' prints it")
        self.address, self.engine, self.timeout = address, engine, timeout
        try:
            self._client = Client(address, timeout=timeout, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise SimulationError("the scheduler of the cluster does not answer", where=address, value=str(error), remedy="start it with 'dask scheduler', and give the address that it prints") from error
        try:
            found = self._client.run(here, engine)
            self._expected = self._agreed(found)
            threads = sum(self._client.nthreads().values())
        except BaseException:
            self.close()
            raise
        self.identity, self.workers = self._expected[0], threads

    def _agreed(self, found: dict[str, Any]) -> tuple[str, str]:
        if not found:
            raise SimulationError("the cluster has no workers", where=self.address, remedy=f"start some: dask worker {self.address}")
        kinds = {tuple(v) for v in found.values()}
        if len(kinds) > 1:
            raise SimulationError("the workers of the cluster differ in ngspice or spinbnn", where=self.address, value={k: [v[0], v[1][:12]] for k, v in found.items()}, remedy="install the same on every worker")
        identity, code = kinds.pop()
        if code != provenance.source_hash(*SOURCES):
            raise SimulationError("the workers of the cluster run another spinbnn than this process", where=self.address, value=code[:12], remedy="install this version there, and start the workers again")
        return identity, code

    def run(self, jobs: Iterable[Any], /) -> Iterator[SimulationResult]:
        """Yield one result for each job, in order; a few for each thread of the cluster are on their way.

        Raises
        ------
        SimulationError
            If the cluster is lost, a worker refuses the job, or the job raised an error that is not of our family.
        """
        executor = self._client.get_executor(pure=False, retries=0)
        waiting: deque[tuple[Any, str]] = deque()
        try:
            for job in jobs:
                waiting.append((executor.submit(run_there, self.engine, job, self._expected), str(getattr(job, "name", "job"))))
                if len(waiting) >= AHEAD * max(1, self.workers):
                    yield self._result(*waiting.popleft())
            while waiting:
                yield self._result(*waiting.popleft())
        finally:
            for future, _ in waiting:
                future.cancel()

    def _result(self, future: Any, name: str) -> SimulationResult:
        from concurrent.futures import CancelledError, wait

        from distributed import KilledWorker
        from distributed.comm.core import CommClosedError  # type: ignore[import-not-found, unused-ignore]

        away = 0.0
        try:
            while not wait([future], timeout=LOOK).done:
                away = 0.0 if self._client.status == "running" else away + LOOK
                if away >= self.timeout:
                    raise TimeoutError(f"no connection for {self.timeout:g} s ({self._client.status})")
            found = future.result()
        except KilledWorker as error:
            return SimulationResult(index=0, status="crashed", name=name, error=f"the workers of the cluster died of this job: {error}".split("\n")[0])
        except (CancelledError, CommClosedError, OSError, TimeoutError) as error:
            raise SimulationError("the cluster was lost", where=self.address, value=f"{type(error).__name__}: {error}", remedy="start it again; the same command resumes") from error
        if isinstance(found, JobError):
            raise SimulationError("a job raised an error on a worker; the cluster is there", where=f"job {name!r} on {found.host}", value=f"{found.kind}: {found.text}", remedy="mend that worker (disk, memory), or report this; the same command resumes") from RuntimeError(found.trace)
        assert isinstance(found, SimulationResult)
        return replace(found, name=name)

    def close(self) -> None:
        """Leave the cluster; it goes on without us."""
        with suppress(OSError, TimeoutError):
            self._client.close(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
