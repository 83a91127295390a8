"""A flow on a Dask cluster of two local workers: the identical table; a worker that dies; clusters that will not do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_flow import DRAWS, flow_text

from spinbnn.characterize import Flow, LookupTable, run_flow
from spinbnn.characterize import cluster as module
from spinbnn.characterize.cluster import ClusterSimulator
from spinbnn.characterize.search import search
from spinbnn.circuit import Deck
from spinbnn.circuit.simulator import find_ngspice
from spinbnn.errors import ParameterError, SimulationError

distributed = pytest.importorskip("distributed", reason="needs Dask's scheduler (extra 'cluster')")
pytestmark = [
    pytest.mark.spice, pytest.mark.slow, pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(find_ngspice().executable is None, reason="needs the program ngspice"),
]  # fmt: skip


FLOW = flow_text('set_voltage = { values = ["0.96 V", "1.0 V"] }', DRAWS, mismatch=True)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    os.environ["OMP_NUM_THREADS"] = "1"
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


def small() -> Flow:
    return Flow.load("dropout_module").with_axes(
        set_voltage={"values": ["0.96 V", "1.0 V"]}, temperature={"values": ["25 degC"]}, corner={"values": ["tt", "ss"]}, draw={"count": 6}
    )


def test_the_same_flow_on_a_cluster_gives_the_identical_table(address: str, tmp_path: Path) -> None:
    reference = run_flow(small(), workers=1)
    with ClusterSimulator(address) as remote:
        assert remote.workers == 2 and remote.identity == f"ngspice-{find_ngspice().version}"
        table = run_flow(small(), simulator=remote, out=tmp_path / "t.h5")
        assert {r["type"] for r in remote._client.scheduler_info()["workers"].values()} == {"Worker"}
    assert table.complete and table.content_hash == reference.content_hash
    assert all(np.array_equal(table.values(n), reference.values(n), equal_nan=True) for n in reference.measures)
    assert run_flow(small(), out=tmp_path / "t.h5").attributes["simulated"] == 0, "it is a table of ngspice like any other"


def test_the_command_runs_on_a_cluster(address: str, tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(FLOW)
    command = [sys.executable, "-m", "spinbnn", "characterize", str(path), "--cluster", address, "-o", str(tmp_path / "t.h5")]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert LookupTable.open(tmp_path / "t.h5").content_hash == run_flow(Flow.load(path), workers=1).content_hash


def test_jobs_in_python_run_there_too(address: str) -> None:
    flow = Flow.load("macrospin_pmtj40")
    axes = {a.name: {"values": [f"{v!r} {a.unit}" for v in a.values[:2]]} for a in flow.grid.axes if a.unit not in ("",)}
    few = flow.with_axes(**axes)
    with ClusterSimulator(address, "macrospin") as remote:
        assert run_flow(few, simulator=remote).content_hash == run_flow(few).content_hash


def test_a_bad_deck_is_a_row_and_a_killed_worker_costs_nothing(address: str) -> None:
    good = Deck(name="good", text="V1 a 0 1\nR1 a b 1e3\nR2 b 0 3e3", save=("v(b)",))
    bad = Deck(name="bad", text="V1 a 0 1\nX1 a 0 nosuch")
    with ClusterSimulator(address) as remote:
        pids = remote._client.run(os.getpid)
        killed = False

        def decks() -> Iterator[Deck]:
            nonlocal killed
            for k in range(60):
                if k == 30:
                    os.kill(next(iter(pids.values())), signal.SIGKILL)
                    killed = True
                yield bad if k == 10 else good

        results = list(remote.run(decks()))
    assert killed and [r.status for r in results] == ["failed" if k == 10 else "ok" for k in range(60)]
    assert "nosuch" in results[10].error and {r.name for r in results} == {"good", "bad"}
    assert all(r.waveforms["v(b)"][0] == pytest.approx(0.75, rel=1e-9) for r in results if r.ok)


class Deadly:
    """A job that kills the process that runs it."""

    name = "deadly"

    def run(self) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGKILL)
        return {}


def test_a_job_that_kills_every_worker_is_crashed(address: str) -> None:
    import cloudpickle

    cloudpickle.register_pickle_by_value(__import__("sys").modules[Deadly.__module__])
    with ClusterSimulator(address, "macrospin") as remote:
        [result] = remote.run([Deadly()])
    assert result.status == "crashed" and "died" in result.error


def test_clusters_that_will_not_do(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ParameterError, match="address"):
        ClusterSimulator("localhost")
    with pytest.raises(SimulationError, match="does not answer"):
        ClusterSimulator("tcp://127.0.0.1:9", timeout=1.0)
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as empty, pytest.raises(SimulationError, match="no workers"):
        ClusterSimulator(empty.scheduler_address)
    with ClusterSimulator(address) as remote:
        remote._expected = ("ngspice-1", remote._expected[1])  # a worker that joined later, with another simulator
        with pytest.raises(SimulationError, match="another simulator"):
            list(remote.run([Deck(text="V1 a 0 1\nR1 a 0 1")]))
    monkeypatch.setattr(module.provenance, "source_hash", lambda *rooms: "f" * 64)
    with pytest.raises(SimulationError, match="another spinbnn"):
        ClusterSimulator(address)


class Breaking:
    """A job that raises what is not of our family."""

    name = "breaking"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def run(self) -> dict[str, Any]:
        raise self.error


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), TimeoutError("the job's own"), ConnectionResetError("inside the job"), ValueError("a fault")])
def test_an_error_from_inside_a_job_is_not_a_lost_cluster(address: str, error: Exception) -> None:
    import cloudpickle

    cloudpickle.register_pickle_by_value(__import__("sys").modules[Breaking.__module__])
    with ClusterSimulator(address, "macrospin") as remote:
        with pytest.raises(SimulationError, match="a job raised an error on a worker") as caught:
            list(remote.run([Breaking(error)]))
        assert caught.value.value == f"{type(error).__name__}: {error}" and "breaking" in caught.value.where
        assert "in run" in str(caught.value.__cause__), "the traceback of the worker is kept"
        [good] = remote.run([Fine()])
        assert good.status == "ok", "the cluster is there"


class Fine:
    """A job that is good."""

    name = "fine"

    def run(self) -> dict[str, Any]:
        return {"x": np.array([1.0])}


def test_a_cluster_that_goes_away_is_lost() -> None:
    import cloudpickle

    cloudpickle.register_pickle_by_value(__import__("sys").modules[Fine.__module__])
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None)
    with ClusterSimulator(cluster.scheduler_address, "macrospin") as remote:

        def jobs() -> Iterator[Any]:
            for k in range(40):
                if k == 10:
                    cluster.close()
                yield Fine()

        with pytest.raises(SimulationError, match="the cluster was lost"):
            list(remote.run(jobs()))


def test_a_future_that_dask_leaves_open_is_a_lost_cluster(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import Future
    from types import SimpleNamespace

    monkeypatch.setattr("spinbnn.characterize.cluster.LOOK", 0.05)
    with ClusterSimulator(address, "macrospin") as remote:
        client, remote.timeout = remote._client, 0.2
        remote._client = SimpleNamespace(status="connecting")
        with pytest.raises(SimulationError, match="the cluster was lost"):
            remote._result(Future(), "job")
        remote._client = client


def test_a_search_on_a_cluster_gives_the_identical_table(address: str) -> None:
    flow = Flow.load("dropout_module_trim").with_axes(draw={"count": 2})
    reference = search(flow, workers=1)
    with ClusterSimulator(address) as remote:
        table = search(flow, simulator=remote)
    assert table.content_hash == reference.content_hash and table.attributes["searched"] == [0, 1]
