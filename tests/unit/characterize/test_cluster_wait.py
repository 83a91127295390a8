"""How long a result is awaited: the time without a connection counts, not the time without a result. No Dask is needed."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from concurrent.futures import Future
from itertools import chain, repeat
from threading import Timer
from types import ModuleType, SimpleNamespace

import pytest

from spinbnn.characterize.cluster import ClusterSimulator
from spinbnn.circuit.simulator.deck import SimulationResult
from spinbnn.errors import SimulationError


class Connection:
    """A client whose state goes through a list, one step a look."""

    def __init__(self, states: Iterable[str]) -> None:
        self.states, self.seen = iter(states), ""

    @property
    def status(self) -> str:
        self.seen = next(self.states, self.seen)
        return self.seen


@pytest.fixture
def remote(monkeypatch):
    """A simulator that has a connection and nothing else, with names of Dask's errors that nobody raises."""
    dask, core = ModuleType("distributed"), ModuleType("distributed.comm.core")
    dask.KilledWorker, core.CommClosedError = type("KilledWorker", (Exception,), {}), type("CommClosedError", (OSError,), {})
    for name, one in (("distributed", dask), ("distributed.comm", ModuleType("distributed.comm")), ("distributed.comm.core", core)):
        monkeypatch.setitem(sys.modules, name, one)
    monkeypatch.setattr("spinbnn.characterize.cluster.LOOK", 0.02)
    found = object.__new__(ClusterSimulator)
    found.address, found.timeout = "tcp://there:8786", 0.1
    return found


def late(seconds: float) -> tuple[Future[SimulationResult], Timer]:
    future: Future[SimulationResult] = Future()
    timer = Timer(seconds, future.set_result, [SimulationResult(index=0, status="ok", name="x")])
    timer.start()
    return future, timer


@pytest.mark.parametrize("states", [["running"], ["connecting", "connecting", "running"] * 200])
def test_a_job_may_take_longer_than_the_wait_for_a_scheduler(remote, states):
    remote._client = Connection(states)
    future, timer = late(0.4)
    assert remote._result(future, "job").name == "job"
    timer.join()


def test_a_connection_that_stays_away_is_a_lost_cluster(remote):
    remote._client = Connection(chain(["running", "running"], repeat("connecting")))
    with pytest.raises(SimulationError, match="the cluster was lost") as error:
        remote._result(Future(), "job")
    assert "no connection for 0.1 s (connecting)" in str(error.value) and error.value.remedy


def test_a_result_that_is_there_is_taken_from_a_connection_that_is_not(remote):
    remote._client = SimpleNamespace(status="closed")
    future, timer = late(0.0)
    timer.join()
    assert remote._result(future, "job").status == "ok"
