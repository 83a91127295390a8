"""Every way a deck can fail: a clear text, never a wrong number, and the next good deck is right."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from spinbnn.circuit.simulator import Deck, NgspiceBatch, NgspiceInstallation, NgspiceShared, find_ngspice
from spinbnn.errors import MissingToolError, SimulationError

pytestmark = [
    pytest.mark.spice,
    pytest.mark.skipif(
        find_ngspice().library is None or find_ngspice().executable is None or find_spec("PySpice") is None,
        reason="needs ngspice, libngspice and PySpice (apt-get install ngspice libngspice0; pip extra 'spice')",
    ),
]

Driver = NgspiceShared | NgspiceBatch

GOOD = Deck(name="good", text="V1 a 0 1\nR1 a b 1e3\nR2 b 0 3e3", save=("v(b)",))
LONG = Deck(
    name="long",
    text="V1 a 0 SIN(0 1 1e9)\nR1 a b 1e3\nC1 b 0 1e-12",
    stop=1e-3,
    max_step=1e-12,
    save=("v(b)",),
)

# name: netlist, words that the error must hold
BAD = {
    "undefined parameter": ("V1 a 0 1\nR1 a 0 {nosuch}", ["Undefined parameter [nosuch]", ".param"]),
    "bad parameter expression": ("V1 a 0 1\n.param q={1+*}\nR1 a 0 {q}", ["Expression err", "1+*"]),
    "division by zero": ("V1 a 0 1\n.param q={1/0}\nR1 a 0 {q}", ["r1 a 0 inf"]),
    "unknown subcircuit": ("V1 a 0 1\nX1 a 0 nosuch", ["unknown subckt", "nosuch"]),
    "recursive subcircuit": ("V1 a 0 1\n.subckt s a b\nX1 a b s\n.ends\nX0 a 0 s", ["unknown subckt"]),
    "unbalanced subcircuit": ("V1 a 0 1\n.subckt s a b\nR1 a b 1k\nX1 a 0 s", ["Mismatch of .subckt"]),
    "too many ports": (
        "V1 a 0 1\n.subckt s a b\nR1 a b 1k\n.ends\nX0 a 0 q s",
        ["Too many parameters", '"s"'],
    ),
    "missing include": ("V1 a 0 1\n.include /nonexistent/cards.lib\nR1 a 0 1k", ["/nonexistent/cards.lib"]),
    "missing model": ("V1 a 0 1\nD1 a 0 nosuch", ["can't find model 'nosuch'"]),
    "unknown model parameter": (
        "V1 a 0 1\nD1 a 0 dm\n.model dm d is=1e-14 bogus=3",
        ["unrecognized parameter (bogus)"],
    ),
    "value that is no number": ("V1 a 0 1\nR1 a 0 xyz", ["xyz"]),
    "bad B expression": ("V1 a 0 1\nR1 a 0 1k\nB1 b 0 V=v(a)+*2\nR2 b 0 1k", ["syntax error"]),
    "duplicate element": ("V1 a 0 1\nR1 a 0 1k\nR1 a 0 2k", ["already exists"]),
    "no such element letter": ("V1 a 0 1\nR1 a 0 1k\nfoo bar", ["bad syntax", "foo bar"]),
    "unknown command": ("V1 a 0 1\nR1 a 0 1k\n.foo bar", ["unimplemented control card", ".foo bar"]),
    "no elements": ("* nothing", [""]),
    "floating node": ("V1 a 0 1\nR1 a 0 1k\nI1 x 0 1u\nC1 x 0 1p", ["check node x", "DC path"]),
    "node between capacitors": ("V1 a 0 1\nC1 a x 1p\nC2 x 0 1p", ["check node x"]),
    "no ground": ("V1 a b 1\nR1 a b 1k", ["singular matrix"]),
    "loop of voltage sources": (
        "V1 a 0 1\nV2 a 0 2\nR1 a 0 1k",
        ["singular matrix", "loop of voltage sources"],
    ),
    "unknown node in a B source": (
        "V1 a 0 1\nR1 a 0 1k\nB1 b 0 V=v(nosuch)\nR2 b 0 1k",
        ["check node nosuch"],
    ),
    "unknown current in a B source": (
        "V1 a 0 1\nR1 a 0 1k\nB1 b 0 V=i(vno)\nR2 b 0 1k",
        ["unknown controlling source vno"],
    ),
    "outside a function's domain": (
        "V1 a 0 1\nR1 a 0 1k\nB1 b 0 V=sqrt(v(a)-2)\nR2 b 0 1k",
        ["out of range for sqrt", "clamp"],
    ),
    "initial voltage of no node": ("V1 a 0 1\nR1 a 0 1k\n.ic v(zz)=1", ["zz", "does not have"]),
    "control block": ("V1 a 0 1\nR1 a 0 1k\n.control\nquit\n.endc", ["line 3", "control blocks"]),
    "second .end": ("V1 a 0 1\nR1 a 0 1k\n.end\nR2 a 0 1k", ["line 3", ".end"]),
    "relative include": ("V1 a 0 1\n.include cards.lib\nR1 a 0 1k", ["absolute path"]),
    "noise source": ("V1 a 0 trnoise(1 1n 0 0)\nR1 a 0 1k", ["in Python"]),
    "complex analysis": ("V1 a 0 ac 1\nR1 a 0 1k\n.ac dec 10 1 1e6", [".ac"]),
    "two analyses": ("V1 a 0 1\nR1 a 0 1k\n.op\n.dc V1 0 1 0.5", ["more than one analysis"]),
}

RUNAWAY = Deck(  # dm/dt = m^2: infinite after a finite time; no numerics can cross it
    name="runaway",
    text="B1 0 m I=v(m)*v(m)*1e-3\nC1 m 0 1e-12\nR1 m 0 1e9",
    initial={"m": 1.0},
    stop=5e-8,
    max_step=5e-11,
    save=("v(m)",),
    options={"method": "gear"},
)


@pytest.fixture(scope="module", params=(NgspiceShared, NgspiceBatch), ids=lambda driver: driver.__name__)
def sim(request: pytest.FixtureRequest) -> Iterator[Driver]:
    with request.param(workers=1, timeout=60.0) as driver:
        yield driver


def check_good(sim: Driver) -> None:
    [good] = sim.run([GOOD])
    assert good.require().waveforms["v(b)"][0] == pytest.approx(0.75, rel=1e-9)


@pytest.mark.parametrize("case", BAD)
def test_bad_deck_gives_a_clear_error_and_leaves_no_trace(sim: Driver, case: str) -> None:
    text, words = BAD[case]
    before, bad, after = sim.run([GOOD, Deck(name=case, text=text), GOOD])
    assert bad.status == "failed" and bad.waveforms == {} and bad.index == 1
    assert bad.error, "a failure must have a text"
    for word in words:
        assert word.lower() in bad.error.lower()
    for good in (before, after):
        assert good.require().waveforms["v(b)"][0] == pytest.approx(0.75, rel=1e-9)
    with pytest.raises(SimulationError, match="failed") as caught:
        bad.require()
    assert case in caught.value.where and caught.value.remedy


def test_time_step_too_small_climbs_the_whole_ladder(sim: Driver) -> None:
    [result] = sim.run([RUNAWAY])
    assert result.status == "failed" and "Timestep too small" in result.error
    assert result.rung == 3
    assert "v^3 is |v|^3" in result.error
    check_good(sim)


def test_missing_vectors_are_named(sim: Driver) -> None:
    one, all_missing = sim.run(
        [Deck(text=GOOD.text, save=("v(b)", "v(nosuch)")), Deck(text=GOOD.text, save=("v(nosuch)",))]
    )
    assert one.status == all_missing.status == "failed"
    assert "v(nosuch)" in one.error and "v(b)" in one.error
    check_good(sim)


def test_gmin_stepping_that_succeeds_is_a_success(sim: Driver) -> None:
    """PySpice alone calls this a failure, because progress notes come on stderr."""
    text = "V1 a 0 10\nR1 a b 1e3\nB1 b 0 I=1e-12*(exp(min(v(b)*40,700))-1)"
    [result] = sim.run([Deck(name="steep", text=text, save=("v(b)",))])
    volts = float(result.require().waveforms["v(b)"][0])
    assert "gmin stepping completed" in result.log  # otherwise this test tests nothing
    assert (10.0 - volts) / 1e3 == pytest.approx(1e-12 * math.expm1(40.0 * volts), rel=5e-3)  # reltol 1e-3


def test_quit_in_an_included_file_is_survived(sim: Driver, tmp_path: Path) -> None:
    """Behind an include the refusal of control blocks does not see it: it does reach ngspice."""
    (tmp_path / "quit.inc").write_text(".control\nquit\n.endc\n", encoding="ascii")
    bad = Deck(name="quit", text=f"V1 a 0 1\nR1 a 0 1k\n.include {tmp_path}/quit.inc")
    _, result, after = sim.run([GOOD, bad, GOOD])
    assert result.status == "failed" and "told ngspice to quit" in result.error
    assert after.require().waveforms["v(b)"][0] == pytest.approx(0.75, rel=1e-9)


def test_a_crash_of_ngspice_is_a_result(sim: Driver, tmp_path: Path) -> None:
    """A file that includes itself overflows the stack of ngspice 39."""
    path = tmp_path / "self.inc"
    path.write_text(f".include {path}\n", encoding="ascii")
    _, result, after = sim.run([GOOD, Deck(name="self", text=f"V1 a 0 1\nR1 a 0 1k\n.include {path}"), GOOD])
    assert result.status in ("crashed", "failed") and result.error and not result.waveforms
    assert after.require().waveforms["v(b)"][0] == pytest.approx(0.75, rel=1e-9)


@pytest.mark.parametrize("driver", [NgspiceShared, NgspiceBatch])
def test_timeout_kills_and_replaces(driver: type) -> None:
    with driver(workers=2, timeout=1.5) as sim:
        begin = time.monotonic()
        results = list(sim.run([GOOD, LONG, GOOD, LONG, GOOD, GOOD]))
        wall = time.monotonic() - begin
    assert [r.status for r in results] == ["ok", "timeout", "ok", "timeout", "ok", "ok"]
    assert all(r.waveforms["v(b)"][0] == pytest.approx(0.75, rel=1e-9) for r in results if r.ok)
    assert "1.5 s" in results[1].error and results[1].elapsed >= 1.5
    assert wall < 20.0
    with pytest.raises(SimulationError, match="stopped"):
        results[3].require()


def test_a_killed_worker_is_replaced_and_an_innocent_deck_is_run_again() -> None:
    """Dying on its first deck blames the deck; dying later may be an earlier deck's fault, so it is tried once more."""
    with NgspiceShared(timeout=30.0) as sim:
        process = sim._processes[0]
        for runs, expected in ((0, "crashed"), (1, "timeout")):
            sim.timeout = 30.0
            process.start()
            if runs:
                check_good(sim)
            starts = process.starts
            victim = process._process
            assert victim is not None
            killer = threading.Timer(0.5, os.kill, (victim.pid, signal.SIGSEGV))
            killer.start()
            sim.timeout = 2.0 if runs else 30.0  # the second try of the long deck ends by the clock
            [result] = sim.run([LONG])
            killer.join()
            assert result.status == expected, result.error
            assert process.starts == starts + runs
            if not runs:
                assert "SIGSEGV" in result.error
            sim.timeout = 30.0
            check_good(sim)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    """Even in the middle of a run that would take hours."""
    code = (
        "import sys, threading; sys.path[:] = eval(sys.argv[1])\n"
        "from spinbnn.circuit.simulator import Deck, NgspiceShared\n"
        "sim = NgspiceShared(timeout=600.0)\n"
        f"deck = Deck(text={LONG.text!r}, stop=1e-3, max_step=1e-12, save=('v(b)',))\n"
        "threading.Timer(0.3, lambda: print(sim._processes[0]._process.pid, flush=True)).start()\n"
        "list(sim.run([deck]))\n"
    )
    command = [sys.executable, "-c", code, repr(sys.path)]
    env = {**os.environ, "TMPDIR": str(tmp_path)}  # a killed parent cannot tidy up
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=env) as parent:
        assert parent.stdout is not None
        worker = Path(f"/proc/{int(parent.stdout.readline())}")
        assert worker.exists()
        parent.kill()
    deadline = time.monotonic() + 10.0
    while worker.exists() and "Z" not in (worker / "stat").read_text().rpartition(")")[2].split()[:1]:
        assert time.monotonic() < deadline, "the worker lives on without its parent"
        time.sleep(0.1)


def test_a_library_that_cannot_be_loaded_is_told_at_construction(tmp_path: Path) -> None:
    fake = tmp_path / "libngspice.so"
    fake.write_bytes(b"not a library")
    with pytest.raises(MissingToolError) as caught:
        NgspiceShared(installation=NgspiceInstallation(library=str(fake)))
    assert "apt-get install" in caught.value.remedy and str(fake) in str(caught.value.value)
    with pytest.raises(MissingToolError, match="libngspice"):
        NgspiceShared(installation=NgspiceInstallation())
    with pytest.raises(MissingToolError, match="program"):
        NgspiceBatch(installation=NgspiceInstallation())
