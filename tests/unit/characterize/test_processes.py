"""Jobs in worker processes: the same results in the same order, a death costs one job, faults are shown."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinbnn.characterize.engines import ENGINES, PythonEngine
from spinbnn.characterize.processes import PythonSimulator, run_job
from spinbnn.errors import ParameterError, SimulationError

JOBS = '''
import os, time
from dataclasses import dataclass
import numpy as np
from spinbnn.errors import SimulationError

@dataclass(frozen=True)
class Task:
    name: str
    value: float
    how: str = "good"

    def run(self):
        if self.how == "die":
            print("last words", flush=True)
            os._exit(7)
        if self.how == "kill":
            os.kill(os.getpid(), 9)
        if self.how == "fail":
            raise SimulationError("no answer", where="task", value=self.value, remedy="none")
        if self.how == "bug":
            raise ZeroDivisionError("a fault of the job")
        if self.how == "slow":
            time.sleep(0.3)
        if self.how == "wait":
            time.sleep(60)
        return {"square": np.array([self.value**2]), "pid": np.array([os.getpid()], dtype=float)}
'''


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A job class that worker processes can import."""
    (tmp_path / "jobs_of_test.py").write_text(JOBS)
    monkeypatch.syspath_prepend(str(tmp_path))
    import jobs_of_test

    yield jobs_of_test.Task
    del sys.modules["jobs_of_test"]


def squares(results: Any) -> list[float]:
    return [float(r.require().waveforms["square"][0]) for r in results]


def test_one_and_two_workers_give_the_same_in_order(task: Any) -> None:
    jobs = [task(f"t{k}", float(k), "slow" if k == 0 else "good") for k in range(6)]  # the first is the last to finish
    with PythonSimulator(workers=1) as one, PythonSimulator(workers=2) as two:
        here, there = list(one.run(jobs)), list(two.run(iter(jobs)))
    assert squares(here) == squares(there) == [float(k * k) for k in range(6)]
    assert [r.index for r in here] == [r.index for r in there] == list(range(6))
    assert [r.name for r in there] == [j.name for j in jobs]
    assert {int(r.waveforms["pid"][0]) for r in here} == {os.getpid()}
    others = {int(r.waveforms["pid"][0]) for r in there}
    assert len(others) == 2 and os.getpid() not in others


def test_failures_and_deaths_cost_one_job(task: Any) -> None:
    hows = ["good", "fail", "die", "good", "kill", "good"]
    with PythonSimulator(workers=2) as simulator:
        results = list(simulator.run([task(f"t{k}", 3.0, how) for k, how in enumerate(hows)]))
    assert [r.status for r in results] == ["ok", "failed", "crashed", "ok", "crashed", "ok"]
    assert "no answer" in results[1].error and "remedy: none" in results[1].error
    assert "exit code 7" in results[2].error and "last words" in results[2].error
    assert "signal 9" in results[4].error
    assert squares([results[0], results[3], results[5]]) == [9.0] * 3


def test_a_fault_of_the_code_is_raised_with_one_worker_and_with_two(task: Any) -> None:
    for workers in (1, 2):
        with PythonSimulator(workers=workers) as simulator, pytest.raises(ZeroDivisionError, match="fault of the job"):
            list(simulator.run([task("a", 1.0), task("b", 1.0, "bug")]))


def test_jobs_are_drawn_lazily_and_closing_ends_the_processes(task: Any) -> None:
    drawn = []

    def jobs() -> Iterator[Any]:
        for k in range(1000):
            drawn.append(k)
            yield task(f"t{k}", float(k), "wait" if k else "good")

    begin = time.monotonic()
    with PythonSimulator(workers=2) as simulator:
        assert squares([next(iter(simulator.run(jobs())))]) == [0.0]
    assert time.monotonic() - begin < 30 and len(drawn) <= 9
    with pytest.raises(ParameterError, match="closed"):
        simulator.run([])
    with pytest.raises(ParameterError):
        PythonSimulator(workers=0)


def test_run_job_keeps_the_error_of_our_family(task: Any) -> None:
    good = run_job(task("a", 2.0))
    assert good.ok and good.elapsed >= 0
    with pytest.raises(SimulationError, match="no answer"):
        run_job(task("a", 2.0, "fail")).require()
    assert run_job(replace(task("a", 2.0), how="fail")).name == "a"


@pytest.mark.slow
def test_a_script_without_a_guard_may_use_workers(task: Any, tmp_path: Path) -> None:
    """Nothing imports the caller's main module again."""
    script = tmp_path / "script.py"
    script.write_text(
        "from spinbnn.characterize.processes import PythonSimulator\nfrom jobs_of_test import Task\nprint('once')\n"
        "with PythonSimulator(workers=2) as s:\n    print([float(r.waveforms['square'][0]) for r in s.run([Task('a', 2.0), Task('b', 3.0)])])\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert done.stdout == "once\n[4.0, 9.0]\n", done.stderr


@pytest.mark.slow
def test_a_worker_ends_with_its_parent(task: Any, tmp_path: Path) -> None:
    script = tmp_path / "orphan.py"
    script.write_text(
        "import os, threading, time\nfrom spinbnn.characterize.processes import PythonSimulator\nfrom jobs_of_test import Task\n"
        "s = PythonSimulator(workers=2)\nr = s.run([Task('a', 2.0), Task('b', 2.0), Task('c', 1.0, 'wait')])\n"
        "print(*(int(next(r).waveforms['pid'][0]) for _ in range(2)), flush=True)\ntime.sleep(0.5)\nos.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    workers = [int(word) for word in done.stdout.split()]
    assert len(workers) == 2
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}/stat").exists() and ") Z" not in Path(f"/proc/{pid}/stat").read_text() for pid in workers):
        assert time.monotonic() < deadline, "a worker outlives its parent"
        time.sleep(0.1)


def test_the_engine_of_python_jobs(task: Any) -> None:
    engine = PythonEngine("model")
    assert engine.identity("model", False) == engine.identity("model", True) == "model" and engine.choices == ("model",)
    assert squares([engine.one(task("a", 4.0))]) == [16.0]
    assert ENGINES["macrospin"].identity("macrospin", False) == "macrospin"


@dataclass(frozen=True)
class Local:
    """A job that worker processes cannot import: pytest loads this file under a name of its own."""

    name: str = "local"

    def run(self) -> dict[str, np.ndarray]:
        return {}


def test_a_job_that_a_worker_cannot_read_says_so() -> None:
    Local.__module__ = "no_such_module"
    sys.modules["no_such_module"] = sys.modules[__name__]
    try:
        with PythonSimulator(workers=2) as simulator:
            [result] = simulator.run([Local()])
    finally:
        del sys.modules["no_such_module"]
    assert result.status == "crashed" and "no_such_module" in result.error
