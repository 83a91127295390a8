"""The two drivers of ngspice against analytic answers, against each other, and against their own past decks."""

from __future__ import annotations

import math
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spinbnn
from spinbnn.circuit.simulator import (
    Deck,
    NgspiceBatch,
    NgspiceShared,
    SimulationResult,
    find_ngspice,
    process,
)
from spinbnn.circuit.simulator.deck import OptionValue
from spinbnn.errors import ParameterError
from spinbnn.rng import stream

pytestmark = [
    pytest.mark.spice,
    pytest.mark.skipif(
        find_ngspice().library is None or find_ngspice().executable is None or find_spec("PySpice") is None,
        reason="needs ngspice, libngspice and PySpice (apt-get install ngspice libngspice0; pip extra 'spice')",
    ),
]

DRIVERS = (NgspiceShared, NgspiceBatch)
SOURCE_ROOT = str(Path(spinbnn.__file__).parents[1])

# 10-90 % rise of an RC is ln(9) RC exactly. Gear-2 with steps of RC/500 has a relative error of order
# (step/RC)^2 = 4e-6, linear interpolation of the crossings (step/RC)^2/8; 1e-3 is the project's bound and
# leaves room for the first steps after the edge, which are of first order.
RISE_RTOL = 1e-3


def divider(upper: float = 1e3, lower: float = 1e3, **changes: Any) -> Deck:
    """1 V over two resistors: v(b) = lower / (upper + lower)."""
    deck = Deck(
        name="divider", text=f"V1 a 0 1\nR1 a b {float(upper)!r}\nR2 b 0 {float(lower)!r}", save=("v(b)",)
    )
    return replace(deck, **changes)


def rc(resistance: float = 1e3, capacitance: float = 1e-9) -> Deck:
    """Step into an RC, from 0 V to 1 V at one time constant."""
    tau = resistance * capacitance
    return Deck(
        name="rc",
        text=f"V1 in 0 PULSE(0 1 {tau!r} {tau * 1e-6!r} {tau * 1e-6!r} 1 2)\nR1 in out {resistance!r}\nC1 out 0 {capacitance!r}",
        save=("v(out)", "i(V1)"),
        stop=8 * tau,
        max_step=tau / 500,
        options={"method": "gear"},
    )


OPTIONS: tuple[dict[str, OptionValue], ...] = (
    {"method": "gear"},
    {"method": "trap", "reltol": 1e-4},
    {},
    {"trtol": 1, "abstol": 1e-15},
)


def random_decks(count: int) -> list[Deck]:
    """RC and diode circuits with drawn values, temperatures and options."""
    decks = []
    for n in range(count):
        rng = stream(11, "driver decks", n)
        r, c, i_s = 10 ** rng.uniform(2, 5), 10 ** rng.uniform(-12, -10), 10 ** rng.uniform(-16, -13)
        text = (
            f".param r={float(r)!r}\nV1 in 0 PULSE(0 2 1e-9 1e-10 1e-10 1e-7 1)\nR1 in out {{r}}\n"
            f"C1 out 0 {float(c)!r}\nD1 out 0 dm\n.model dm d is={float(i_s)!r} cjo=1e-13 tt=1e-10"
        )
        decks.append(
            Deck(
                name=f"diode{n}",
                text=text,
                stop=5e-8,
                max_step=2e-10,
                options=OPTIONS[n % 4],
                temperature_c=float(rng.uniform(-40, 125)),
                initial={"out": 0.0},
                save=("v(out)", "i(v1)", "@d1[id]") if n % 2 else (),
            )
        )
    return decks


def same(a: SimulationResult, b: SimulationResult) -> bool:
    """Whether two results agree bit for bit, names and order included."""
    return (
        (a.index, a.status, a.rung) == (b.index, b.status, b.rung)
        and list(a.waveforms) == list(b.waveforms)
        and all(np.array_equal(a.waveforms[name], b.waveforms[name]) for name in a.waveforms)
    )


@pytest.fixture(scope="module", params=DRIVERS, ids=lambda driver: driver.__name__)
def sim(request: pytest.FixtureRequest) -> Iterator[NgspiceShared | NgspiceBatch]:
    with request.param(workers=1, timeout=60.0) as driver:
        yield driver


def test_rc_rise_time_is_2_197_rc(sim: NgspiceShared | NgspiceBatch) -> None:
    [result] = sim.run([rc()])
    waves = result.require().waveforms
    time_s, out = waves["time"], waves["v(out)"]
    rise = float(np.interp(0.9, out, time_s) - np.interp(0.1, out, time_s))
    assert math.isclose(rise, math.log(9.0) * 1e-6, rel_tol=RISE_RTOL)
    assert (result.rung, result.error) == (0, "")
    # the source delivers what flows through R: i(V1) = -(v(in) - v(out)) / R
    np.testing.assert_allclose(waves["i(V1)"][-1], -(1.0 - out[-1]) / 1e3, rtol=1e-9)


def test_operating_point_sweep_and_device_vectors(sim: NgspiceShared | NgspiceBatch) -> None:
    text = "V1 a 0 1\nR1 a b 1e3\nR2 b 0 3e3"
    decks = [
        Deck(text=text, save=("v(b)", "@r1[i]")),
        Deck(text=text + "\n.dc V1 0 1 0.25", save=("v(b)",)),
        Deck(text=text),
    ]
    point, sweep, everything = (result.require().waveforms for result in sim.run(decks))
    assert list(point) == ["v(b)", "@r1[i]"]
    np.testing.assert_allclose([point["v(b)"][0], point["@r1[i]"][0]], [0.75, 0.25e-3], rtol=1e-9)
    np.testing.assert_allclose(sweep["v-sweep"], [0, 0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(sweep["v(b)"], 0.75 * sweep["v-sweep"], atol=1e-12)
    assert sorted(everything) == ["i(v1)", "v(a)", "v(b)"]


def test_save_of_run_overrides_the_decks(sim: NgspiceShared | NgspiceBatch) -> None:
    [result] = sim.run([divider()], save=("v(a)",))
    assert list(result.require().waveforms) == ["v(a)"]


def test_temperature_reaches_the_circuit(sim: NgspiceShared | NgspiceBatch) -> None:
    text = "I1 0 a 1e-6\nD1 a 0 dm\n.model dm d is=1e-14"
    cold, warm = (
        r.require().waveforms["v(a)"][0]
        for r in sim.run([Deck(text=text, temperature_c=t, save=("v(a)",)) for t in (-40.0, 125.0)])
    )
    assert cold > warm + 0.2  # about -2 mV/K over 165 K


def test_no_state_passes_from_deck_to_deck(sim: NgspiceShared | NgspiceBatch) -> None:
    """A deck answers the same alone and after decks that set everything a deck can set."""
    probe = random_decks(3)[2]
    polluters = [
        Deck(
            text=".param r=1\n.func f(x)={2*x}\n.global out\nV1 in 0 {f(1)}\nR1 in out {r}\nR2 out 0 1",
            temperature_c=125.0,
            options={"reltol": 0.01, "method": "gear", "gmin": 1e-6, "maxord": 2, "itl4": 7, "tnom": 50},
            save=("v(in)",),
        ),
        Deck(
            text=".model dm d is=1e-3\nV1 in 0 1\nR1 in out 1\nD1 out 0 dm",
            initial={"out": 1.0},
            stop=1e-9,
            max_step=1e-10,
        ),
        Deck(text="V1 in 0 1\nX1 in 0 nosuch"),
        Deck(text="V1 in 0 1\nR1 in 0 xyz"),
    ]
    [alone] = sim.run([probe])
    *polluted, after = sim.run([*polluters, replace(probe, name="again")])
    assert [r.status for r in polluted] == ["ok", "ok", "failed", "failed"]
    assert same(alone.require(), replace(after.require(), index=0))
    # r = 1 of the first polluter must be gone: a deck that uses r without defining it fails
    [undefined] = sim.run([Deck(text="V1 in 0 1\nR1 in 0 {r}")])
    assert undefined.status == "failed" and "Undefined parameter" in undefined.error


def test_shared_and_batch_agree_bit_for_bit_at_one_and_two_workers() -> None:
    decks = random_decks(10)
    answers = []
    for driver in DRIVERS:
        for workers in (1, 2):
            with driver(workers=workers) as sim:
                answers.append([result.require() for result in sim.run(iter(decks))])
    reference = answers[0]
    assert [r.index for r in reference] == list(range(10)) and [r.name for r in reference] == [
        d.name for d in decks
    ]
    assert len({r.waveforms["v(out)"].tobytes() for r in reference}) == 10  # ten circuits, ten answers
    for other in answers[1:]:
        assert all(same(a, b) for a, b in zip(reference, other, strict=True))


def test_two_workers_work_at_the_same_time() -> None:
    with NgspiceShared(workers=2) as sim:
        seen = set()
        ask = sim._ask
        gate = threading.Barrier(2, timeout=30)

        def meet(process: object, *rest: object) -> SimulationResult:
            seen.add(id(process))
            gate.wait()  # passes only when both workers hold a deck
            return ask(process, *rest)  # type: ignore[arg-type]

        sim._ask = meet  # type: ignore[method-assign, assignment]
        assert all(result.ok for result in sim.run([divider(), divider()]))
        assert len(seen) == 2


def test_results_stream_and_decks_are_drawn_lazily(sim: NgspiceShared | NgspiceBatch) -> None:
    drawn = []

    def endless() -> Iterator[Deck]:
        for n in range(10**9):
            drawn.append(n)
            yield divider(lower=1e3 * (n + 1))

    results = sim.run(endless())
    values = [float(next(results).require().waveforms["v(b)"][0]) for _ in range(6)]
    np.testing.assert_allclose(values, [n / (n + 1) for n in range(1, 7)], rtol=1e-9)
    assert len(drawn) < 20
    results.close()  # type: ignore[attr-defined]
    [after] = sim.run([divider()])  # an abandoned run leaves the simulator usable
    assert after.require().waveforms["v(b)"][0] == 0.5


def test_recycling_is_invisible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "RECYCLE_AFTER", 3)
    with NgspiceShared() as sim:
        values = [r.require().waveforms["v(b)"][0] for r in sim.run([divider()] * 8)]
        assert values == [0.5] * 8
        assert sim._processes[0].starts == 3


def test_closing_ends_the_workers_and_a_running_deck() -> None:
    long = Deck(
        text="V1 a 0 SIN(0 1 1e9)\nR1 a b 1e3\nC1 b 0 1e-12", stop=1e-3, max_step=1e-12, save=("v(b)",)
    )
    for driver in DRIVERS:
        sim = driver(timeout=60.0)
        results: list[SimulationResult] = []
        thread = threading.Thread(target=lambda sim=sim, results=results: results.extend(sim.run([long])))
        thread.start()
        time.sleep(0.5)
        begin = time.monotonic()
        sim.close()
        thread.join(20.0)
        assert not thread.is_alive() and time.monotonic() - begin < 10.0
        assert [r.status for r in results] == ["crashed"]
        with pytest.raises(ParameterError, match="closed"):
            sim.run([divider()])


def test_works_from_a_command_line_without_a_main_guard(tmp_path: Path) -> None:
    """No re-import of ``__main__``: ``python -c``, a bare script and a foreign working directory all do."""
    code = textwrap.dedent(f"""
        import sys; sys.path.insert(0, {SOURCE_ROOT!r})
        from spinbnn.circuit.simulator import Deck, NgspiceShared
        sim = NgspiceShared(workers=2)
        decks = [Deck(text=f"V1 a 0 1\\nR1 a b 1e3\\nR2 b 0 {{r!r}}", save=("v(b)",)) for r in (1e3, 3e3)]
        print([float(r.require().waveforms["v(b)"][0]) for r in sim.run(decks)])
        assert "PySpice" not in sys.modules and "NGSPICE_LIBRARY_PATH" not in __import__("os").environ
    """)
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    for command in (
        [sys.executable, "-W", "error", "-c", code],
        [sys.executable, "-W", "error", str(script)],
    ):
        answer = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert (answer.returncode, answer.stdout.split(), answer.stderr) == (0, ["[0.5,", "0.75]"], "")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads /proc")
def test_a_worker_loads_only_what_it_needs() -> None:
    with NgspiceShared() as sim:
        worker = sim._processes[0]._process
        assert worker is not None
        loaded = Path(f"/proc/{worker.pid}/maps").read_text(encoding="utf-8")
    assert "libngspice" in loaded
    assert not any(name in loaded for name in ("/scipy/", "/torch/", "/h5py/", "/matplotlib/"))


@pytest.mark.parametrize("driver", DRIVERS)
def test_bad_arguments_are_refused(driver: type) -> None:
    for arguments in ({"workers": 0}, {"workers": 1.5}, {"timeout": 0.0}, {"timeout": float("nan")}):
        with pytest.raises(ParameterError):
            driver(**arguments)
    with driver() as sim:
        with pytest.raises(ParameterError, match="Deck"):
            list(sim.run(["V1 a 0 1"]))
        with pytest.raises(ParameterError, match="vector"):
            sim.run([divider()], save=("b",))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_circuits_and_plots_are_freed() -> None:
    """A worker that kept its circuits, or its plots, would grow by more than 100 kB a run here."""
    ladder = "\n".join(f"R{n} n{n} n{n + 1} 1e3\nC{n} n{n + 1} 0 1e-12" for n in range(100))
    deck = Deck(text=f"V1 n0 0 PULSE(0 1 1e-9 1e-11 1e-11 1 2)\n{ladder}", stop=2e-8, max_step=2e-10)

    def resident(process: Any) -> int:
        text = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        return int(text.split("VmRSS:")[1].split()[0])  # [kB]

    with NgspiceShared() as sim:
        assert all(result.ok for result in sim.run([deck] * 20))
        before = resident(sim._processes[0]._process)
        assert all(result.ok for result in sim.run([deck] * 60))
        assert sim._processes[0].starts == 1
        growth = resident(sim._processes[0]._process) - before
    assert growth < 60 * 25
