"""Time and answers of the macrospin beside cmtj's Heun solver, on the same problem, one thread.

    python -m benchmarks.macrospin_vs_cmtj

Prints a Markdown table. CPU time (``time.process_time``), best of several rounds in which the programs take turns.
cmtj (PyPI, extra of developers) is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy import constants

from spinbnn.device import DeviceParams
from spinbnn.device.macrospin import Macrospin
from spinbnn.rng import stream
from spinbnn.tables import Column, Table

WAIT, REST = 1e-9, 2e-9
"""Time from the easy axis to the pulse, and after it [s]."""


def protocol(params: DeviceParams, *, step: float, engine: str = "auto", precision: str = "float32") -> Macrospin:
    """Return the macrospin with the run that cmtj is given: start on the easy axis, wait, pulse, rest."""
    return Macrospin(params, start="pole", thermalization=WAIT, relaxation=REST, step=step, engine=engine, precision=precision)  # type: ignore[arg-type]


def cmtj_final_mz(params: DeviceParams, current: float, pulse: float, seed: int, temperature: float = 300.0, step: float = 1e-12) -> float:
    """Return m_z at the end of one trajectory of cmtj; its Heun solver is asked for by name.

    With a temperature, cmtj's default solver becomes Euler-Heun, which is 63 % too hot at a step of 1 ps.
    """
    import cmtj

    at = Macrospin(params).magnet(temperature)
    none, mu0 = cmtj.CVector(0.0, 0.0, 0.0), constants.mu_0
    layer = cmtj.Layer.createSOTLayer(
        "free", cmtj.CVector(0.0, 0.0, -1.0), cmtj.CVector(0.0, 0.0, 1.0), float(mu0 * at.saturation_magnetization), float(at.thickness),
        float(at.volume / at.thickness), [none, none, none], params.value("magnetic.damping"), 0.0, 1.0,
    )  # fmt: skip
    layer.setReferenceLayer(cmtj.CVector(0.0, 1.0, 0.0))
    junction = cmtj.Junction([layer])
    junction.setLayerAnisotropyDriver("free", cmtj.ScalarDriver.getConstantDriver(float(at.effective_anisotropy)))
    junction.setLayerExternalFieldDriver("free", cmtj.AxialDriver(params.value("magnetic.in_plane_field") / mu0, 0.0, 0.0))
    torque = float(at.sot_field_per_ampere) * current / mu0
    junction.setLayerCurrentDriver("free", cmtj.ScalarDriver.getStepDriver(0.0, torque, WAIT, WAIT + pulse))
    junction.setLayerTemperatureDriver("free", cmtj.ScalarDriver.getConstantDriver(temperature))
    junction.setLayerSeed("free", seed)
    total = WAIT + pulse + REST
    junction.runSimulation(total, step, total, False, False, cmtj.SolverMode.Heun)
    return float(junction.getLayerMagnetisation("free").z)


def parts(rounds: int, repeats: int = 400) -> Table:
    """Return how the time of a step divides between random words, normals and Heun's step (numba, float32)."""
    from spinbnn.device.macrospin import compiled

    width, steps = compiled.WIDTH, compiled.STEPS
    low, high = np.empty((2, compiled.PAIRS * width), np.uint32)
    first, second = np.empty((2, compiled.PAIRS * width), np.float32)
    state, constants_ = np.ones((3, width), np.float32), np.array([0.005, 0.0, 0.007, 0.05, 0.5, 1.0], np.float32)
    key, drive = np.array([1, 2], np.uint64), np.full((3, steps * repeats), 0.01, np.float32)
    lane, block = 0, 0
    calls: dict[str, Callable[[], object]] = {
        "Philox4x64-10, 1.5 words of 64 bits": lambda: [compiled._draw(low, high, width, lane, block, key[0], key[1]) for _ in range(repeats)],
        "Box-Muller, 3 normals": lambda: [compiled._transform(low, high, first, second) for _ in range(repeats)],
        "all": lambda: compiled.advance(state, drive, constants_, key, lane, 0, steps * repeats),
    }
    best = dict.fromkeys(calls, float("inf"))
    for number in range(rounds + 1):
        for name, call in calls.items():
            begin = time.process_time()
            call()
            spent = (time.process_time() - begin) / (width * steps * repeats) * 1e9
            best[name] = min(best[name], spent) if number else best[name]  # the first round compiles
    words, normals, everything = best.values()
    rows = [*best.items()]
    rows.insert(2, ("Heun's step and the rest", everything - words - normals))
    return Table("One step of one trajectory, float32", ["part", Column("CPU time, best", "ns", 3)], rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="bench_pmtj40", help="device file (bench_pmtj40)")
    parser.add_argument("--current", type=float, default=197.8e-6, help="track current [A]")
    parser.add_argument("--pulse", type=float, default=10e-9, help="pulse width [s]")
    parser.add_argument("--step", type=float, default=1e-12, help="time step [s]")
    parser.add_argument("--n", type=int, default=4096, help="trajectories of the compiled engine")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which the best counts")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    options = parser.parse_args()
    params = DeviceParams.load(options.device)
    length = WAIT + options.pulse + REST

    def macrospin(engine: str, precision: str, count: int) -> Callable[[int], tuple[int, int]]:
        device = protocol(params, step=options.step, engine=engine, precision=precision)
        device.switching(options.current, 1e-11, n=2)  # compiles

        def run(number: int) -> tuple[int, int]:
            return int(device.switching(options.current, options.pulse, n=count, seed=number).switched), count

        return run

    def cmtj_run(number: int) -> tuple[int, int]:
        count = max(1, options.n // 32)
        seeds = stream(number, "cmtj").integers(1, 2**31 - 1, count).tolist()
        return sum(cmtj_final_mz(params, options.current, options.pulse, s, step=options.step) > 0 for s in seeds), count

    programs: dict[str, Callable[[int], tuple[int, int]]] = {}
    if find_spec("numba"):
        programs[f"spinbnn, numba {version('numba')}, float32"] = macrospin("numba", "float32", options.n)
        programs[f"spinbnn, numba {version('numba')}, float64"] = macrospin("numba", "float64", options.n)
    programs[f"spinbnn, numpy {version('numpy')}, float32"] = macrospin("numpy", "float32", options.n // 2)
    programs[f"spinbnn, numpy {version('numpy')}, float64"] = macrospin("numpy", "float64", options.n // 2)
    if find_spec("cmtj"):
        programs[f"cmtj {version('cmtj')}, Heun"] = cmtj_run
    else:
        print("cmtj is not installed: pip install cmtj", file=sys.stderr)
    times: dict[str, list[float]] = {name: [] for name in programs}
    switched = {name: np.zeros(2, int) for name in programs}
    for number in range(options.rounds):
        for name, run in programs.items():
            begin = time.process_time()
            found = run(number)
            times[name].append((time.process_time() - begin) / (found[1] * length * 1e9) * 1e6)
            switched[name] += found
    reference = next((min(seconds) for name, seconds in times.items() if name.startswith("cmtj")), None)
    rows = []
    for name, seconds in times.items():
        k, n = (int(v) for v in switched[name])
        best = min(seconds)
        rows.append([name, best, float(np.median(seconds)), reference / best if reference else None, k / n, (k / n * (1 - k / n) / n) ** 0.5, n])
    table = Table(
        f"Macrospin of {options.device}, {options.current * 1e6:g} µA, {options.pulse * 1e9:g} ns, steps of {options.step * 1e12:g} ps, three fresh normals a step",
        ["program", Column("CPU time, best", "µs/(trajectory ns)", 3), Column("median", "µs/(trajectory ns)", 3), Column("cmtj over this", "", 3), "switched", Column("standard error", "", 2), "trajectories"],
        rows, note=f"{os.cpu_count()} cores, one thread used; {platform.machine()}, Python {platform.python_version()}; {options.rounds} rounds.",
    )  # fmt: skip
    print(table.to_markdown())
    if find_spec("numba"):
        print("\n" + parts(options.rounds).to_markdown())
    if options.json:
        figures = {row[0]: {"best": row[1], "median": row[2], "ratio": row[3], "probability": row[4], "trajectories": row[6]} for row in rows}
        options.json.write_text(json.dumps({"arguments": {k: str(v) for k, v in vars(options).items() if k != "json"}, "figures": figures}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
