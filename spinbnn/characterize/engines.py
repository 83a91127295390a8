"""What runs the jobs of a bench: ngspice, or Python in worker processes; and the name that its numbers are kept under."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from ..circuit.simulator.deck import SimulationResult
from ..errors import MissingToolError, ParameterError

if TYPE_CHECKING:
    from ..circuit.simulator import NgspiceInstallation

Results = Callable[[Iterable[Any]], Generator[SimulationResult, None, None]]


class JobRunner(Protocol):
    """A simulator for one kind of job: results in the order of the jobs."""

    def run(self, jobs: Iterable[Any], /) -> Iterator[SimulationResult]:
        """Yield one result for each job, in order."""
        ...


class Engine(Protocol):
    """How the jobs of a kind of bench are run.

    Attributes
    ----------
    name : str
        What benches call it.
    choices : tuple of str
        Simulators that may be asked for by name; the first is the default.
    """

    name: str
    choices: tuple[str, ...]

    def identity(self, choice: str, remote: bool) -> str:
        """Return the name under which the numbers are kept; ``remote``: run by an executor."""
        ...

    def start(self, choice: str, workers: int, timeout: float | None = None) -> AbstractContextManager[JobRunner]:
        """Start a simulator; ``timeout``: longest time for one job, None for the engine's own [s]."""
        ...

    def one(self, job: Any) -> SimulationResult:
        """Run one job where an executor put it."""
        ...


class NgspiceEngine:
    """Decks of ngspice: ``"shared"`` (PySpice's library in worker processes) or ``"batch"`` (``ngspice -b``)."""

    name = "ngspice"
    choices: tuple[str, ...] = ("shared", "batch")

    def identity(self, choice: str, remote: bool) -> str:
        """Return ``"ngspice-<version>"``, which both drivers share: they give the same bits.

        Raises
        ------
        MissingToolError
            If ngspice is not installed.
        """
        from ..circuit.simulator import NgspiceShared, find_ngspice

        installation = find_ngspice()
        if remote or choice == "batch":
            installation.require_executable()
        else:
            installation.require_library()
        if installation.version:
            return f"ngspice-{installation.version}"
        with NgspiceShared(workers=1, installation=installation) as engine:  # no program to ask: the library knows
            return f"ngspice-{engine.version}"

    def start(self, choice: str, workers: int, timeout: float | None = None) -> AbstractContextManager[JobRunner]:
        """Start a driver of ngspice."""
        from ..circuit.simulator import NgspiceBatch, NgspiceShared

        driver = NgspiceShared if choice == "shared" else NgspiceBatch
        return driver(workers=workers) if timeout is None else driver(workers=workers, timeout=timeout)

    def one(self, job: Any) -> SimulationResult:
        """Run one deck with ``ngspice -b``; a process looks for ngspice once."""
        from ..circuit.simulator import NgspiceBatch

        with NgspiceBatch(workers=1, installation=_installation()) as engine:
            return next(iter(engine.run([job])))


@lru_cache(maxsize=1)
def _installation() -> NgspiceInstallation:
    from ..circuit.simulator import find_ngspice

    return find_ngspice()


class PythonEngine:
    """Jobs that compute themselves (``job.run()``), in this process or in worker processes.

    Parameters
    ----------
    name : str
        Name of the model, under which its numbers are kept; its code is part of a flow's hash.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.choices: tuple[str, ...] = (name,)

    def identity(self, choice: str, remote: bool) -> str:
        """Return the engine's name."""
        return self.name

    def start(self, choice: str, workers: int, timeout: float | None = None) -> AbstractContextManager[JobRunner]:
        """Start the worker processes, or none for one worker."""
        from .processes import PythonSimulator

        if timeout is not None:
            raise ParameterError("jobs that are run in Python have no time-out", where="run_flow, timeout", value=timeout, remedy="leave it out")

        return PythonSimulator(workers=workers)

    def one(self, job: Any) -> SimulationResult:
        """Run one job here."""
        from .processes import run_job

        return run_job(job)


class NgspiceJobsEngine(PythonEngine):
    """Jobs in Python that run several decks of ``ngspice -b`` one after another, each chosen after the one before."""

    def __init__(self) -> None:
        super().__init__("ngspice_jobs")

    def identity(self, choice: str, remote: bool) -> str:
        """Return ``"ngspice_jobs-<version>"``.

        Raises
        ------
        MissingToolError
            If the program ngspice is not installed.
        """
        installation = _installation()
        installation.require_executable()
        return f"{self.name}-{installation.version}"

    def start(self, choice: str, workers: int, timeout: float | None = None) -> AbstractContextManager[JobRunner]:
        """Start the worker processes; ``timeout`` goes to each job's field of that name, for each of its decks [s]."""
        started = super().start(choice, workers)
        return started if timeout is None else _WithTimeout(started, timeout)


class _WithTimeout:
    """A simulator whose jobs get a time-out."""

    def __init__(self, started: AbstractContextManager[JobRunner], timeout: float) -> None:
        self._started, self._timeout = started, timeout

    def __enter__(self) -> _WithTimeout:
        self._runner = self._started.__enter__()
        return self

    def __exit__(self, *what: Any) -> None:
        self._started.__exit__(*what)

    def run(self, jobs: Iterable[Any], /) -> Iterator[SimulationResult]:
        return self._runner.run(replace(job, timeout=self._timeout) for job in jobs)


ENGINES: dict[str, Engine] = {"ngspice": NgspiceEngine(), "ngspice_jobs": NgspiceJobsEngine(), "macrospin": PythonEngine("macrospin")}
"""Engines by the name that a bench gives."""


def engine_choice(engine: str, simulator: str | None) -> str:
    """Return the simulator that was asked for by name, or the engine's default.

    Raises
    ------
    ParameterError
        If the engine has no such simulator.

    Examples
    --------
    >>> engine_choice("ngspice", None), engine_choice("ngspice", "batch")
    ('shared', 'batch')
    """
    choices = ENGINES[engine].choices
    if simulator is None:
        return choices[0]
    if simulator not in choices:
        known = [choice for other in ENGINES.values() for choice in other.choices]
        what = f"the jobs of this bench are run by {engine}, not by this simulator" if simulator in known else "unknown simulator"
        raise ParameterError(what, where="run_flow, simulator", value=simulator, remedy=f"{', '.join(map(repr, choices))}, or an object with run(jobs)")
    return simulator


def simulator_identity(simulator: JobRunner | str | None, executor: Executor | None = None, engine: str = "ngspice") -> str:
    """Return the name under which a simulator's numbers are kept: samples of two are never mixed in a table.

    Both drivers of ngspice give the same bits and share ``"ngspice-<version>"``. Another object gives its attribute
    ``identity``, or else the name of its type.

    Parameters
    ----------
    simulator : str, JobRunner or None
        A name, an object with ``run(jobs)``, or None for the engine's default.
    executor : concurrent.futures.Executor, optional
        Where the jobs are run instead.
    engine : str
        Engine of the bench.

    Raises
    ------
    MissingToolError
        If ngspice is asked for and not installed.
    ParameterError
        If the engine has no simulator of this name.

    Examples
    --------
    >>> from spinbnn.circuit.dropout_analytic import analytic_simulator
    >>> simulator_identity(analytic_simulator()), simulator_identity(None, engine="macrospin")
    ('analytic', 'macrospin')
    """
    if executor is None and simulator is not None and not isinstance(simulator, str):
        from ..circuit.simulator import AnalyticSimulator, NgspiceBatch, NgspiceShared

        if isinstance(simulator, NgspiceBatch | NgspiceShared):
            return f"ngspice-{simulator.installation.version or simulator.version}"
        default = "analytic" if isinstance(simulator, AnalyticSimulator) else type(simulator).__name__
        return str(getattr(simulator, "identity", default))
    choice = engine_choice(engine, simulator if isinstance(simulator, str) else None)
    return ENGINES[engine].identity(choice, executor is not None)


def same_simulator(found: str, simulator: JobRunner | str | None, executor: Executor | None, engine: str) -> tuple[bool, str]:
    """Return whether numbers kept under ``found`` are of this simulator, and its identity.

    A finished table serves where its tool is not installed: then the name of the engine decides.
    """
    try:
        wanted = simulator_identity(simulator, executor, engine)
    except MissingToolError:
        return found.startswith(f"{engine}-"), engine
    return found == wanted, wanted


def results_of(workers: int | None, executor: Executor | None, simulator: JobRunner | str | None, engine: str, timeout: float | None = None) -> Results:
    """Return what turns jobs into results; its simulator starts with the first job and ends with the generator."""

    def run(jobs: Iterable[Any]) -> Generator[SimulationResult, None, None]:
        if executor is not None:
            yield from executor.map(ENGINES[engine].one, jobs)
            return
        if simulator is not None and not isinstance(simulator, str):
            yield from simulator.run(jobs)
            return
        limit = {} if timeout is None else {"timeout": timeout}
        with ENGINES[engine].start(engine_choice(engine, simulator), workers or 1, **limit) as started:
            yield from started.run(jobs)

    return run
