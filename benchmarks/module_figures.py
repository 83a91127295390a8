"""Figures of the dropout module: one cycle of two drivers, and p over amplitude, temperature and draws of all three.

    python -m benchmarks.module_figures --output results

Writes ``module_cycle_voltage.png``, ``module_cycle_trimmed.png`` and ``module_amplitude.png``. The nominal module is simulated here
(ngspice); the drawn ones are those of ``results/dropout_variants.json`` (``python benchmarks/dropout_variants.py``).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from spinbnn.characterize import Flow
from spinbnn.circuit import DropoutModuleBench, NgspiceShared
from spinbnn.circuit.dropout_cycle import DRIVERS, TRACK
from spinbnn.report.figure import Figure
from spinbnn.report.figures.cycle import DriverCurves, amplitude_and_spread, module_cycle
from spinbnn.report.figures.picture import save_png

FLOWS = {"voltage": "dropout_module", "regulated": "dropout_module_regulated", "trimmed": "dropout_module_trimmed"}
QUANTITIES = {"set_voltage": "SET rail", "set_current": "reference current", "code": "code of the DAC"}
REMARKS = {"voltage": "one rail for all", "regulated": "one current for all", "trimmed": "a code for each module"}
EDGE, POINTS = 0.002, 21
"""p at the ends of the curves, and their points."""
GATES = {"gp1": "SET", "gn1": "RESET, READ", "gp2": "RESET", "gn2": "SET, READ", "reb": "read", "enb": "sense"}
"""What the gates are active for; gp and the enables are active low."""
TEMPERATURES = {"−40 °C": 233.15, "27 °C": 300.15, "125 °C": 398.15}


def bench_of(driver: str) -> tuple[DropoutModuleBench, np.ndarray]:
    """Return bench and amplitudes of a driver's flow."""
    flow = Flow.load(FLOWS[driver])
    assert isinstance(flow.bench, DropoutModuleBench)
    return flow.bench, next(a for a in flow.grid.axes if a.name == flow.bench.design.amplitude).coordinates.astype(float)


def measured(engine: NgspiceShared, bench: DropoutModuleBench, amplitudes: np.ndarray) -> dict[str, np.ndarray]:
    """Return p of the nominal module over the amplitude, at each temperature."""
    found = {}
    for label, kelvin in TEMPERATURES.items():
        samples = [bench.nominal(temperature=kelvin, **{bench.design.amplitude: float(a)}) for a in amplitudes]
        found[label] = np.array([bench.measure(r, s)["p_drop"] for r, s in zip(engine.run(bench.deck(s) for s in samples), samples, strict=True)])
    return found


def curves(engine: NgspiceShared, driver: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return amplitudes of a driver and p of the nominal module at each temperature, where p goes from 0.2 to 99.8 %."""
    bench, coarse = bench_of(driver)
    p = np.stack(list(measured(engine, bench, coarse).values()))
    first, last = int(np.argmax((p > EDGE).any(axis=0))), int(np.argmax((p > 1 - EDGE).all(axis=0))) or coarse.size - 1
    fine = np.linspace(coarse[max(0, first - 1)], coarse[last], POINTS)
    if bench.design.driver == "trimmed":
        fine = np.unique(np.round(fine))
    return fine, measured(engine, bench, fine)


def half(amplitudes: np.ndarray, p: np.ndarray, *, whole: bool) -> float:
    """Return the amplitude of p = 1/2, interpolated; of a code the next whole one."""
    hazard = np.log(-np.log1p(-np.clip(p, 1e-12, 1 - 1e-12)))
    k = int(np.argmax(hazard > np.log(np.log(2.0))))
    value = float(np.interp(np.log(np.log(2.0)), hazard[k - 1 : k + 1], amplitudes[k - 1 : k + 1]))
    return float(round(value)) if whole else value


def cycle(engine: NgspiceShared, driver: str, amplitude: float) -> Figure:
    """Draw the cycle of the nominal module."""
    bench, _ = bench_of(driver)
    sample = bench.nominal(temperature=TEMPERATURES["27 °C"], **{bench.design.amplitude: amplitude})
    result = next(iter(engine.run([bench.deck(sample)]))).require()
    w, t = result.waveforms, bench.timing
    first, second = t.read_at
    phases = [("RESET", t.reset_at, t.reset_at + t.reset), ("SET", t.set_at, t.set_at + t.set), ("READ, state 0", first, first + t.read), ("READ, state 1", second, second + t.read)]
    traces: dict[str, tuple[Any, str]] = {
        "track current": (w[TRACK], "A"), "P(1), from state 0": (w["v(p0)"], "1"), "P(1), from state 1": (w["v(p1)"], "1"),
        "data rd": (w["v(rd)"], "V"), "reference rf": (w["v(rf)"], "V"), "decision op": (w["v(op)"], "V"), "decision on": (w["v(on)"], "V"),
    }  # fmt: skip
    shown = {"set_voltage": f"SET rail {amplitude:.4g} V", "code": f"code {amplitude:.0f}"}[bench.design.amplitude]
    gates = {f"{name}, {GATES[name]}" if name in GATES else name: w[f"v({name})"] for name in DRIVERS}
    p = bench.measure(result, sample)["p_drop"]
    return module_cycle(
        w["time"], gates, traces, phases, name=f"module-cycle-{driver}",
        panels=[["track current"], ["P(1), from state 0", "P(1), from state 1"], ["data rd", "reference rf"], ["decision op", "decision on"]],
        heading=f"{bench.design.name}, {shown}, 27 °C, tt: drop probability {p:.3f}",
    )  # fmt: skip


def drawn(path: Path, driver: str) -> list[float]:
    """Return p of the drawn modules with all spreads, target 1/2; of a trimmed driver with all bits."""
    rows = [r for r in json.loads(path.read_text(encoding="utf-8"))["rows"] if r["driver"] == driver and r["target"] == 0.5 and r["spread"] == "all" and "p" in r]
    if not rows:
        raise SystemExit(f"{path} has no draws of the driver {driver!r}: run python benchmarks/dropout_variants.py --output {path}")
    return list(rows[-1]["p"])


def main() -> None:
    """Simulate, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=Path, default=Path("results/dropout_variants.json"), help="answer of dropout_variants.py")
    parser.add_argument("--output", type=Path, default=Path("results"), help="folder to write to")
    options = parser.parse_args()
    draws = {driver: drawn(options.draws, driver) for driver in FLOWS}
    drivers = {}
    with NgspiceShared(workers=1) as engine:
        for driver in FLOWS:
            amplitudes, p = curves(engine, driver)
            bench, _ = bench_of(driver)
            name = bench.design.amplitude
            drivers[driver] = DriverCurves(amplitude=amplitudes, quantity=QUANTITIES[name], unit=bench.axes[name][0], p=p, draws=draws[driver], remark=REMARKS[driver])
            if driver != "regulated":
                figure = cycle(engine, driver, half(amplitudes, p["27 °C"], whole=name == "code"))
                print(save_png(figure, options.output / f"module_cycle_{driver}.png"), figure.description)
    figure = amplitude_and_spread(drivers)
    print(save_png(figure, options.output / "module_amplitude.png"), figure.description)


if __name__ == "__main__":
    main()
