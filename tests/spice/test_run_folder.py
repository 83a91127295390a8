"""Exported samples, run by ngspice alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from spinbnn.characterize import Flow, run_flow
from spinbnn.characterize.export import write_raw, write_run_folder
from spinbnn.characterize.replay import differences, replay
from spinbnn.circuit.simulator import find_ngspice
from spinbnn.circuit.simulator.rawfile import read_raw
from spinbnn.circuit.simulator.vectors import canonical

pytestmark = [pytest.mark.spice, pytest.mark.skipif(find_ngspice().executable is None, reason="needs the program ngspice")]


@pytest.mark.parametrize("arguments", [[], ["-b"]], ids=["plain", "batch"])
def test_a_run_folder_gives_the_same_waveforms_with_ngspice_alone(tmp_path: Path, arguments: list[str]) -> None:
    flow = Flow.load("dropout_module").with_axes(set_voltage={"values": ["1.0 V"]}, temperature={"values": ["125 degC"]}, corner={"values": ["ss"]}, draw={"count": 2})
    table = run_flow(flow, simulator="batch")
    [again] = replay(flow, [1], simulator="batch")
    assert differences(table, again) == []
    folder = write_run_folder(tmp_path / "sample", again, table)
    installation = find_ngspice()
    program = installation.require_executable()
    elsewhere = tmp_path / "elsewhere"  # the variables that an unpacked ngspice needs, and not our start-up file
    elsewhere.mkdir()
    env = installation.environment(elsewhere)
    done = subprocess.run([program, *arguments, "deck.cir"], cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "rror" not in done.stdout + done.stderr, done.stdout + done.stderr
    found = {canonical(name): values for name, values in read_raw(folder / "out.raw").items()}
    expected = read_raw(folder / "expected.raw")
    assert set(found) == set(expected) == {"time", *again.deck.save}
    assert len(expected["time"]) > 500
    for name, values in expected.items():
        assert np.array_equal(found[name], values) and np.array_equal(values, again.result.waveforms[name]), name


def test_ngspice_loads_our_raw_file(tmp_path: Path) -> None:
    write_raw(tmp_path / "a.raw", {"time": np.array([0.0, 1e-9, 2e-9]), "v(a)": np.array([0.0, 0.25, 0.5]), "i(v1)": np.array([0.0, -1e-3, 3e-3])})
    (tmp_path / "deck.cir").write_text("* load\nV1 a 0 1\nR1 a 0 1\n.control\nload a.raw\nlet top = vecmax(v(a))\nlet low = vecmin(i(v1))\nlet end = vecmax(time)\nprint top low end\nquit\n.endc\n.end\n")
    done = subprocess.run([find_ngspice().require_executable(), "-b", "deck.cir"], cwd=tmp_path, env=find_ngspice().environment(tmp_path), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert "top = 5.000000e-01" in done.stdout and "low = -1.00000e-03" in done.stdout and "end = 2.000000e-09" in done.stdout, done.stdout + done.stderr
