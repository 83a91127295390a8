"""Array solvers on the same arrays, one thread: CPU time, memory and error.

    python -m benchmarks.crossbar_solver

Random half-and-half states, inputs of 0 or 0.1 V, 1 ohm per segment. Every row runs in a process of its own: CPU time
(``time.process_time``) of the best call, set-up of the matrices and checks included; memory is the rise of the peak resident set over
what the process held after its imports and a small warm-up (which also loads numba's compiled code). The error is the largest
difference from scipy's LU over the largest current. badcrossbar (PyPI; needs pathvalidate, and cairo only for its plots) is left out
where it is not installed, ngspice too; ngspice is run up to ``--ngspice`` rows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from spinbnn.crossbar.solve import TransferMatrix, solve_array
from spinbnn.rng import stream
from spinbnn.tables import Column, Table

CASES = {"100k/250k": (1e5, 2.5e5), "6k/12k": (6e3, 1.2e4)}
WIRE = 1.0
SOLVERS = ("lines", "lines, numpy", "lines, gated rows", "transfer, built", "transfer, used", "scipy LU", "badcrossbar", "ngspice")


def array(size: int, inputs: int, case: str) -> tuple[np.ndarray, np.ndarray]:
    """Return resistances (size, size) [ohm] and voltages (inputs, size) [V]."""
    draw = stream(1, "crossbar benchmark", size, case)
    low, high = CASES[case]
    return np.where(draw.random((size, size)) < 0.5, low, high), 0.1 * (draw.random((inputs, size)) < 0.5)


def lu(resistance: np.ndarray, volts: np.ndarray) -> np.ndarray:
    """Assemble and factorise once with scipy, then solve for all inputs (no refinement, no check)."""
    from spinbnn.crossbar.solve import direct

    g = 1.0 / resistance
    wires = np.full(g.shape, WIRE)
    return direct._solve(g, wires, wires, volts[:, :, None] * g).sum(axis=1)


def by_badcrossbar(resistance: np.ndarray, volts: np.ndarray) -> np.ndarray:
    """badcrossbar drives from the left and grounds at the bottom too."""
    import logging

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import badcrossbar
    logging.disable(logging.CRITICAL)
    return np.asarray(badcrossbar.compute(volts.T, resistance, WIRE, node_voltages=False, all_currents=False).currents.output)


def by_ngspice(resistance: np.ndarray, volts: np.ndarray) -> np.ndarray:
    """One deck per input."""
    from spinbnn.circuit.simulator import Deck, NgspiceBatch

    rows, columns = resistance.shape
    save = tuple(f"i(vo{c})" for c in range(columns))
    decks = []
    for v in volts:
        lines = [f"Vi{r} a{r}_0 0 {float(v[r])!r}" for r in range(rows)] + [f"Vo{c} b{rows}_{c} 0 0" for c in range(columns)]
        lines += [
            f"Ra{r}_{c} a{r}_{c} a{r}_{c + 1} {WIRE!r}\nRb{r}_{c} b{r}_{c} b{r + 1}_{c} {WIRE!r}\nRc{r}_{c} a{r}_{c + 1} b{r}_{c} {float(resistance[r, c])!r}"
            for r in range(rows)
            for c in range(columns)
        ]
        decks.append(Deck(name="array", text="\n".join(lines), save=save))
    return np.array([[float(np.ravel(x.waveforms[n])[-1]) for n in save] for x in NgspiceBatch(timeout=3600.0).run(decks, save)])


def call(solver: str, resistance: np.ndarray, volts: np.ndarray) -> Any:
    """Return the call that is timed; its value is the currents (inputs, columns)."""
    g = 1.0 / resistance
    wires: dict[str, Any] = {"wire_row": WIRE, "wire_column": WIRE}
    if solver == "lines":
        return lambda: solve_array(g, volts, **wires, method="lines").currents
    if solver == "lines, numpy":
        return lambda: solve_array(g, volts, **wires, method="lines", engine="numpy").currents
    if solver == "lines, gated rows":
        return lambda: solve_array(g, volts, **wires, method="lines", active=volts > 0).currents
    if solver == "transfer, built":
        return lambda: TransferMatrix.build(g, **wires).currents(volts)
    if solver == "transfer, used":
        built = TransferMatrix.build(g, **wires)
        return lambda: built.currents(volts)
    return {"scipy LU": lambda: lu(resistance, volts), "badcrossbar": lambda: by_badcrossbar(resistance, volts), "ngspice": lambda: by_ngspice(resistance, volts)}[solver]


def cpu() -> float:
    """CPU time of this process and of the children that it has waited for [s]."""
    spent = os.times()
    return time.process_time() + spent.children_user + spent.children_system


def peak() -> float:
    """Peak resident set of this process, or of its largest child [MiB]."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024


def measure(solver: str, size: int, inputs: int, case: str, rounds: int, out: str) -> dict[str, float]:
    """Measure one row in this process."""
    call(solver, *array(8, 1, case))()
    run = call(solver, *array(size, inputs, case))
    before, best, spent, number = peak(), float("inf"), 0.0, 0
    while number == 0 or (number < rounds and spent < 3.0):
        begin = cpu()
        currents = run()
        last = cpu() - begin
        number, spent, best = number + 1, spent + last, min(best, last)
    np.save(out, currents)
    return {"seconds": best, "memory": peak() - before}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--inputs", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--solvers", nargs="+", choices=SOLVERS, default=list(SOLVERS))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--ngspice", type=int, default=64, help="largest array for ngspice (128 takes minutes)")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(measure(**json.loads(chosen.one))))
        return
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    rows: list[tuple[Any, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            for size in chosen.sizes:
                for inputs in chosen.inputs:
                    known: dict[str, np.ndarray] = {}
                    for solver in sorted(chosen.solvers, key=lambda name: name != "scipy LU"):
                        if (solver == "ngspice" and (size > chosen.ngspice or inputs > 1)) or (solver == "badcrossbar" and not find_spec(solver)):
                            continue
                        out = str(Path(folder) / "currents.npy")
                        job = json.dumps({"solver": solver, "size": size, "inputs": inputs, "case": case, "rounds": chosen.rounds, "out": out})
                        done = subprocess.run([sys.executable, "-m", "benchmarks.crossbar_solver", "--one", job], env=environment, capture_output=True, text=True, check=False)
                        if done.returncode:
                            print(f"{solver}, {size}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                            continue
                        found = json.loads(done.stdout.splitlines()[-1])
                        known[solver] = np.load(out)
                        comparable = "scipy LU" in known and solver != "lines, gated rows"
                        error = np.abs(known[solver] - known["scipy LU"]).max() / np.abs(known["scipy LU"]).max() if comparable else float("nan")
                        rows.append((case, size, inputs, solver, found["seconds"] * 1e3, found["memory"], f"{error:.1e}" if comparable else ""))
                        print(*rows[-1], file=sys.stderr, flush=True)
    columns = ["cells [ohm]", "size", "inputs", "solver", Column("CPU time", "ms", 4), Column("memory", "MiB", 3), "error"]
    print(Table(f"Arrays with {WIRE:g} ohm per segment, one thread", columns, rows).to_markdown())
    print(f"\n{platform.processor() or platform.machine()}, load {os.getloadavg()[1]:.1f}, Python {platform.python_version()}, numpy {version('numpy')}, scipy {version('scipy')}"
          + (f", numba {version('numba')}" if find_spec("numba") else ""))  # fmt: skip


if __name__ == "__main__":
    main()
