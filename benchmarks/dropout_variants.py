"""How far mismatch and junction spread move the drop probability, for each driver of the dropout module.

    python benchmarks/dropout_variants.py --draws 200 --workers 2 --output results/dropout_variants.json

Every draw is one device and its transistors. ``spread`` says which of them varies: the junction's Delta and Ic0, its
track, the transistors, or all. Voltage-mode and regulated drivers use the one amplitude that gives the nominal module
the target; of the trimmed one every module gets its own code, found by successive approximation on the simulated p.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from spinbnn.circuit import NgspiceShared, Technology, Timing
from spinbnn.circuit.design import ModuleDesign
from spinbnn.circuit.dropout_bench import DropoutModuleBench, Sample
from spinbnn.circuit.dropout_variants import RegulatedModuleBench, TrimmedModuleBench
from spinbnn.device import DeviceParams, VariationModel

SPREADS: dict[str, tuple[tuple[str, ...], bool]] = {
    "junction": (("thermal.delta", "spin_hall.critical_current"), False),
    "track": (("electrical.track_resistance",), False),
    "transistors": ((), True),
    "all": (("thermal.delta", "spin_hall.critical_current", "electrical.track_resistance", "electrical.parallel_resistance", "electrical.tmr"), True),
}
SHORT = Timing(read=2.5e-9, sense=1e-9)
"""Reads do not touch p, short ones halve the time of a run. Gate drivers do not touch the amplitude, and are left out."""


def measure(engine: NgspiceShared, bench: DropoutModuleBench, samples: Sequence[Sample]) -> list[dict[str, float]]:
    decks = (bench.deck(sample) for sample in samples)
    return [dict(bench.measure(result, sample)) for result, sample in zip(engine.run(decks), samples, strict=True)]


def amplitude_for(engine: NgspiceShared, bench: DropoutModuleBench, target: float, low: float, high: float) -> float:
    """Return the amplitude at which the nominal module has the target, by interpolation of ln(-ln(1 - p))."""
    for _ in range(3):
        grid = np.linspace(low, high, 7)
        p = np.array([m["p_drop"] for m in measure(engine, bench, [bench.nominal(**{bench.design.amplitude: float(x)}) for x in grid])])
        hazard = np.log(-np.log1p(-np.clip(p, 1e-12, 1 - 1e-12)))
        wanted = np.log(-np.log1p(-target))
        k = int(np.clip(np.searchsorted(hazard, wanted), 1, grid.size - 1))
        low, high = float(grid[k - 1]), float(grid[k])
    return float(np.interp(wanted, hazard, grid))


def population(bench: DropoutModuleBench, spread: str, draws: int, seed: int, **amplitude: float) -> list[Sample]:
    fields, mismatch = SPREADS[spread]
    drawn = VariationModel.from_params(bench.params).sample(draws, seed, local=True)
    nominal = bench.nominal(**amplitude)
    out = []
    for draw in range(draws):
        device = {**nominal.device, **{key: float(drawn[key][draw]) for key in fields}}
        out.append(replace(nominal, device=device, mismatch=(seed, draw) if mismatch else None))
    return out


def trimmed(engine: NgspiceShared, bench: TrimmedModuleBench, samples: Sequence[Sample], target: float) -> dict[int, np.ndarray]:
    """Return p of every module for a DAC of 1 to all bits: the nearer of the two codes around the target."""
    bits = len(bench.design.dac)
    low = np.zeros(len(samples), int)
    visited: list[dict[int, float]] = [{} for _ in samples]
    for code in (0, bench.design.codes - 1):
        for seen, m in zip(visited, measure(engine, bench, [replace(s, code=code) for s in samples]), strict=True):
            seen[code] = m["p_drop"]
    out = {}
    for bit in reversed(range(bits)):
        trial = low + (1 << bit)
        for k, m in enumerate(measure(engine, bench, [replace(s, code=int(c)) for s, c in zip(samples, trial, strict=True)])):
            visited[k][int(trial[k])] = m["p_drop"]
            if m["p_drop"] <= target:
                low[k] = trial[k]
        step = 1 << bit
        best = []
        for seen in visited:
            known = [p for code, p in seen.items() if code % step == 0]
            best.append(min(known, key=lambda p: abs(p - target)))
        out[bits - bit] = np.array(best)
    return out


def summary(values: Iterable[float], target: float) -> dict[str, float]:
    p = np.asarray(list(values))
    return {"mean": float(p.mean()), "sd": float(p.std(ddof=1)), "within_3": float(np.mean(np.abs(p - target) <= 0.03)), "within_10": float(np.mean(np.abs(p - target) <= 0.10))}


def run(draws: int, seed: int, workers: int, targets: Sequence[float], spreads: Sequence[str] = tuple(SPREADS)) -> dict[str, Any]:
    technology, params = Technology.load("cmos40lp"), DeviceParams.load("seed_eq23")
    design = {driver: replace(ModuleDesign.load(f"module_{driver}_cmos40lp"), gates={}) for driver in ("voltage", "regulated", "trimmed")}
    benches: Mapping[str, DropoutModuleBench] = {
        "voltage": DropoutModuleBench(technology=technology, params=params, timing=SHORT, design=design["voltage"]),
        "regulated": RegulatedModuleBench(technology=technology, params=params, timing=SHORT, design=design["regulated"]),
        "trimmed": TrimmedModuleBench(technology=technology, params=params, timing=SHORT, design=design["trimmed"]),
    }
    ranges = {"voltage": (0.90, 1.08), "regulated": (170e-6, 250e-6)}
    rows: list[dict[str, Any]] = []
    start, cycles = time.perf_counter(), 0
    with NgspiceShared(workers=workers) as engine:
        for target in targets:
            for driver in ("voltage", "regulated"):
                bench = benches[driver]
                amplitude = amplitude_for(engine, bench, target, *ranges[driver])
                for spread in spreads:
                    measured = measure(engine, bench, population(bench, spread, draws, seed, **{bench.design.amplitude: amplitude}))
                    cycles += draws
                    current = np.array([m["current_set"] for m in measured])
                    failure = np.array([m["p_reset_fail"] for m in measured])
                    rows.append({
                        "driver": driver, "target": target, "spread": spread, "amplitude": amplitude, "draws": draws,
                        "current_mean": float(current.mean()), "current_cv": float(current.std(ddof=1) / current.mean()),
                        "reset_mean": float(failure.mean()), "reset_max": float(failure.max()), "reset_above_2": float(np.mean(failure > 0.02)),
                        **summary((m["p_drop"] for m in measured), target),
                    })  # fmt: skip
                    print(rows[-1], flush=True)
                    if spread == "all":
                        rows[-1]["p"] = [round(m["p_drop"], 5) for m in measured]
            bench = benches["trimmed"]
            assert isinstance(bench, TrimmedModuleBench)
            found = trimmed(engine, bench, population(bench, "all", draws, seed, code=0), target)
            cycles += draws * (2 + len(bench.design.dac))
            for bits, p in found.items():
                rows.append({"driver": "trimmed", "target": target, "spread": "all", "bits": bits, "draws": draws, **summary(p, target)})
                print(rows[-1], flush=True)
            rows[-1]["p"] = [round(float(v), 5) for v in found[max(found)]]
    return {"seed": seed, "draws": draws, "cycles": cycles, "seconds": round(time.perf_counter() - start, 1), "workers": workers, "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--targets", type=float, nargs="+", default=[0.5, 0.2])
    parser.add_argument("--spreads", nargs="+", choices=tuple(SPREADS), default=list(SPREADS))
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    answer = run(given.draws, given.seed, given.workers, given.targets, given.spreads)
    if given.output:
        given.output.write_text(json.dumps(answer, indent=1) + "\n")


if __name__ == "__main__":
    main()
