"""SIGKILL at random moments, of the runner and of its workers: nothing is lost, averaged in or measured twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from made_up_flow import flow_text

from spinbnn.characterize import Flow, LookupTable, run_flow
from spinbnn.circuit.simulator import find_ngspice
from spinbnn.circuit.simulator.ordered import WINDOW
from spinbnn.rng import stream

pytestmark = [
    pytest.mark.spice, pytest.mark.slow,
    pytest.mark.skipif(find_ngspice().library is None or find_spec("PySpice") is None, reason="needs libngspice and PySpice"),
]  # fmt: skip

WORKERS = 2
RUNNER = """
import json, os, sys
sys.path[:] = json.loads(sys.argv[1])
from spinbnn.characterize import Flow, run_flow
from spinbnn.circuit.simulator.process import WorkerProcess

log = os.open(sys.argv[4], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
true = WorkerProcess.ask

def ask(self, deck, save, timeout):
    # one line when a deck is handed to an ngspice, one when its answer is there
    if self._process is None or self._process.poll() is not None:
        self.start()
    key = f"{os.getpid()}:{deck.parameters['set_voltage']!r}:{deck.parameters['ic0']!r}"
    os.write(log, f"start {self._process.pid} {key}\\n".encode())
    result = true(self, deck, save, timeout)
    os.write(log, f"end {self._process.pid if self._process else 0} {key}\\n".encode())
    return result

WorkerProcess.ask = ask
table = run_flow(Flow.load(sys.argv[2]), workers=2, out=sys.argv[3])
print(json.dumps([table.attributes["simulated"], table.attributes["resumed"]]))
"""
FLOW = flow_text('set_voltage = { start = "0.9 V", stop = "1.1 V", points = 9 }', "draw = { count = 16 }", name="kills", seed=7, mismatch=True)


def lines(path: Path) -> list[str]:
    """Return the whole lines of a file that may be written right now."""
    return path.read_bytes().rpartition(b"\n")[0].decode().splitlines() if path.exists() else []


def test_ten_kills_of_runner_and_workers(tmp_path: Path) -> None:
    """Five of the runner, five of a worker, at random moments between two and ten finished samples apart."""
    flow_file, out, log = tmp_path / "kills.toml", tmp_path / "t.h5", tmp_path / "runs.log"
    flow_file.write_text(FLOW)
    flow = Flow.load(flow_file)
    reference = run_flow(flow, workers=1)
    total, journal = flow.grid.size, tmp_path / "t.h5.journal"
    draw = stream(11, "kills")
    command = [sys.executable, "-c", RUNNER, json.dumps([os.path.abspath(p) for p in sys.path]), str(flow_file), str(out), str(log)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(tmp_path)}
    keys = {index: f"{deck.parameters['set_voltage']!r}:{deck.parameters['ic0']!r}" for index, deck in enumerate(map(flow.bench.deck, flow.samples()))}
    assert len(set(keys.values())) == total
    written: list[set[str]] = []  # samples that were good in the journal at each death of a runner
    victims = list(draw.permutation(["runner"] * 5 + ["worker"] * 5))
    lost_with_runner = lost_with_worker = 0
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for victim in victims:
        goal = len(lines(journal)) + int(draw.integers(2, 10))
        deadline = time.monotonic() + 120
        while len(lines(journal)) < goal:
            assert process.poll() is None, f"the run ended before all kills: {process.communicate()}"
            assert time.monotonic() < deadline
            time.sleep(0.002)
        time.sleep(float(draw.uniform(0.0, 0.15)))  # anywhere in the next samples
        if victim == "runner":
            process.kill()
            process.communicate()
            rows = map(json.loads, lines(journal)[1:])
            written.append({keys[row["index"]] for row in rows if row["status"] == "ok"})
            time.sleep(1.5)  # its workers see that it is gone
            process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        else:
            busy = Counter()
            for line in lines(log):
                word, pid, _ = line.split(maxsplit=2)
                busy[int(pid)] += 1 if word == "start" else -1
            alive = [pid for pid in busy if pid and Path(f"/proc/{pid}").exists() and f"{process.pid}" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1:2]]
            os.kill(int(draw.choice(alive)), signal.SIGKILL)
        assert not out.exists(), "no table before its samples are there"
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    table = LookupTable.open(out)
    if not table.complete:  # a worker that dies of its first deck takes that deck along: told, and measured again on demand
        assert set(np.unique(table.status)) <= {0, 4}
        table = run_flow(flow, workers=1, out=out, retry_failed=True)
    assert table.content_hash == reference.content_hash
    assert all(np.array_equal(table.values(n), reference.values(n), equal_nan=True) for n in reference.measures)
    assert not journal.exists()

    # every run is one of a sample, or was in flight at a kill
    started, ended = Counter(), Counter()
    for line in lines(log):
        word, _, key = line.split(maxsplit=2)
        (started if word == "start" else ended)[key] += 1
    runs = sum(started.values())
    per_process: dict[str, Counter[str]] = {}
    for key, count in started.items():
        owner, _, sample = key.partition(":")
        per_process.setdefault(owner, Counter())[sample] += count
    owners = list(per_process)
    assert len(owners) == 6, "one runner to begin with, one after each of its five deaths"
    for k, owner in enumerate(owners):
        repeated_here = sum(count - 1 for count in per_process[owner].values())
        lost_with_worker += repeated_here
        later = set().union(*(per_process[o] for o in owners[k + 1 :]))
        again_later = sum(sample in later for sample in per_process[owner])
        if k < 5:
            assert not written[k] & later, "a sample that is written is never run again"
            assert later | written[k] == set(keys.values()), "and all others are"
        assert again_later <= (WINDOW * WORKERS if k < 5 else 0), "a runner's death costs what was handed over and not yet written"
        lost_with_runner += again_later
    distinct = len({sample for samples in per_process.values() for sample in samples})
    assert distinct == total
    assert lost_with_worker <= 5, "a worker's death costs one run"
    assert runs == total + lost_with_runner + lost_with_worker
    assert len(per_process) == len(written) + 1
    print(f"{total} samples, {runs} runs: {lost_with_runner} in flight at the 5 kills of the runner, {lost_with_worker} at the 5 of workers; last process {stdout.strip()}")
