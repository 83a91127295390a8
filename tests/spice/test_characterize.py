"""Characterisation with ngspice: independent of the number of workers, resumable after a kill, failures kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from spinbnn.characterize import Flow, LookupTable, run_flow
from spinbnn.circuit import Deck, SimulationResult
from spinbnn.circuit.dropout_analytic import analytic_simulator
from spinbnn.circuit.simulator import find_ngspice
from spinbnn.errors import CoverageError, DataError

pytestmark = pytest.mark.spice


def small() -> Flow:
    return Flow.load("dropout_module").with_axes(
        set_voltage={"values": ["0.96 V", "1.0 V"]}, temperature={"values": ["25 degC"]}, corner={"values": ["tt", "ss"]}, draw={"count": 6}
    )


def equal(one: LookupTable, other: LookupTable) -> bool:
    return one.content_hash == other.content_hash and all(np.array_equal(one.values(n), other.values(n), equal_nan=True) for n in one.measures)


@pytest.fixture(scope="module")
def reference() -> LookupTable:
    return run_flow(small(), workers=1)


def test_one_and_two_workers_are_equal_value_by_value(reference: LookupTable) -> None:
    two = run_flow(small(), workers=2)
    assert reference.complete and two.complete
    assert equal(reference, two)
    assert np.unique(two.values("p_drop")).size == two.status.size
    assert reference.rung is not None and not reference.rung.any(), "the bench's own numerics solve every sample"


def test_an_executor_and_the_other_driver_give_the_same_table(reference: LookupTable) -> None:
    """Both drivers of ngspice are one simulator to journals and tables: their numbers are the same bits."""
    with ThreadPoolExecutor(2) as pool:
        assert equal(run_flow(small(), executor=pool), reference)
    assert equal(run_flow(small(), simulator="batch"), reference)
    assert reference.attributes["simulator"] == f"ngspice-{find_ngspice().version}"


def test_a_run_is_not_resumed_with_other_numbers(tmp_path: Path) -> None:
    """Samples of the closed forms and of ngspice never stand in one table."""
    few = small().with_axes(draw={"count": 1})

    class Interrupted:
        identity = "analytic"

        def run(self, decks: Iterable[Deck]) -> Iterator[SimulationResult]:
            yield next(iter(analytic_simulator().run(decks)))
            raise KeyboardInterrupt

    out = tmp_path / "t.h5"
    with pytest.raises(KeyboardInterrupt):
        run_flow(few, simulator=Interrupted(), out=out)
    with pytest.raises(DataError, match="another simulator"):
        run_flow(few, out=out)
    assert run_flow(few, simulator=analytic_simulator(), out=out).attributes["resumed"] == 1
    with pytest.raises(CoverageError, match="another simulator"):
        run_flow(few, out=out)


def test_killed_run_resumes_and_measures_nothing_twice(reference: LookupTable, tmp_path: Path) -> None:
    """SIGKILL in the middle: the rest is measured, the finished samples are not measured again."""
    out = tmp_path / "table.h5"
    flow_file = tmp_path / "small.toml"
    flow_file.write_text(_toml())
    command = [sys.executable, "-m", "spinbnn", "characterize", str(flow_file), "-o", str(out)]
    process = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = tmp_path / "table.h5.journal"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (journal.exists() and journal.read_bytes().count(b"\n") >= 6):
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists(), "nothing half-written"
    finished = journal.read_bytes().count(b"\n") - 1
    assert 0 < finished < reference.status.size
    with journal.open("ab") as stream:  # a line torn by the kill
        stream.write(b'{"index": 23, "status": "o')
    table = run_flow(Flow.load(flow_file), workers=2, out=out)
    assert table.attributes["resumed"] == finished
    assert table.attributes["simulated"] == reference.status.size - finished
    assert equal(table, reference)
    assert not journal.exists()
    again = run_flow(Flow.load(flow_file), out=out)
    assert (again.attributes["simulated"], again.attributes["resumed"]) == (0, reference.status.size)
    assert equal(again, reference)


def _toml() -> str:
    return """
schema = "spinbnn.flow/1"
name = "dropout_module"
bench = "dropout_module"
technology = "cmos40lp"
device = "seed_eq23"
seed = 20261120
[axes]
set_voltage = { values = ["0.96 V", "1.0 V"] }
temperature = { values = ["25 degC"] }
corner = { values = ["tt", "ss"] }
draw = { count = 6 }
[variation]
device = true
mismatch = true
"""


def test_draws_are_common_to_all_coordinates(reference: LookupTable) -> None:
    """Draw k is one device: its RESET current does not depend on the SET voltage."""
    reset = reference.values("current_reset")
    assert np.allclose(reset[0], reset[1], rtol=2e-3)
    assert np.std(reset[0, 0, 0]) / np.mean(reset) > 5e-3
