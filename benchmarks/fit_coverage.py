"""Coverage of the intervals of ``fit_switching`` and bias of ``fit_population`` on synthetic experiments; prints Markdown.

    python -m benchmarks.fit_coverage                      all tables, about ten minutes on one core
    python -m benchmarks.fit_coverage --only coverage -n 2000
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable

import numpy as np

from spinbnn import rng
from spinbnn.device import ThermalSwitching
from spinbnn.device.fitting import PopulationFit, SwitchingData, SwitchingFit, fit_data, fit_population
from spinbnn.tables import Column, Table

TRUTH = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)
PULSE = 10e-9
I50 = float(TRUTH.current_for(0.5, PULSE))
SLOPE = 40.0 * 2.0 * I50 / 500e-6 * math.acos(2.0 * I50 / 500e-6)
"""d ln h/d ln I at I50 for the exact barrier: -Delta x b'(x) = 2 x Delta acos(2 x)."""
VALUES = {"delta": 40.0, "critical_current": 500e-6, "tau0": 1e-9, "i50": I50, "slope": SLOPE}


def experiment(run: int, points: int, trials: int, widths: tuple[float, ...] = (PULSE,), seed: int = 0) -> SwitchingData:
    """Return counts at currents with p from 0.02 to 0.98 (less where the pulse is too short for that)."""
    current, pulse = [], []
    for width in widths:
        most = min(0.98, 0.97 * float(TRUTH.probability(TRUTH.current_limit, width)))
        current.append(np.linspace(TRUTH.current_for(0.02, width), TRUTH.current_for(most, width), points))
        pulse.append(np.full(points, width))
    i, t = np.concatenate(current), np.concatenate(pulse)
    draw = rng.stream(seed, "fit coverage", points, trials, len(widths), run)
    return SwitchingData.of(i, t, trials, draw.binomial(trials, TRUTH.probability(i, t)))


def coverage(
    runs: int, points: int, trials: int, names: tuple[str, ...], fit: Callable[[SwitchingData], SwitchingFit], widths: tuple[float, ...] = (PULSE,)
) -> dict[str, float]:
    """Return the share of 95 % profile intervals that hold the truth, an open end holding everything; and the share of rejections."""
    hits, rejected = dict.fromkeys(names, 0), 0
    for run in range(runs):
        found = fit(experiment(run, points, trials, widths))
        rejected += found.rejected
        for name in names:
            low, high = found.ends(name)
            hits[name] += (0.0 if low is None else low) <= VALUES[name] <= (math.inf if high is None else high)
    return {name: count / runs for name, count in hits.items()} | {"rejected": rejected / runs}


def coverage_table(runs: int) -> Table:
    """Return the coverage for several designs."""
    rows = []
    fixed = ("i50", "delta", "critical_current")
    designs = [
        ("tau0 declared", 11, 200, fixed, (PULSE,), runs), ("tau0 declared", 11, 50, fixed, (PULSE,), runs), ("tau0 declared", 9, 1000, fixed, (PULSE,), runs),
        ("tau0 free, one width", 11, 200, ("i50", "slope", "delta"), (PULSE,), max(runs // 5, 20)),
        ("tau0 free, 3 ns to 3 ms", 9, 100, ("delta", "critical_current", "tau0"), (3e-9, 3e-7, 3e-5, 3e-3), max(runs // 5, 20)),
    ]  # fmt: skip
    for label, points, trials, names, widths, count in designs:
        declared = 1e-9 if label.startswith("tau0 declared") else None
        began = time.process_time()
        found = coverage(count, points, trials, names, lambda data, declared=declared: fit_data(data, tau0=declared), widths)
        cost = 1e3 * (time.process_time() - began) / count
        covered = ", ".join(f"{name} {found[name]:.4f}" for name in names)
        rows.append([label, f"{len(widths)} x {points} x {trials}", count, covered, found["rejected"], math.sqrt(0.95 * 0.05 / count), cost])
    heads: list[Column | str] = ["tau0", "widths x currents x pulses", "experiments", "coverage of 95 % intervals", Column("rejected (1 % wanted)", "", 2), Column("standard error", "", 2), Column("CPU time a fit with its intervals", "ms", 3)]
    return Table("Coverage of profile-likelihood intervals (Delta 40, Ic0 500 µA, tau0 1 ns, exact barrier)", heads, rows)


def population(run: int, sigma_delta: float, correlation: float, devices: int = 20, trials: int = 50, currents: int = 9) -> PopulationFit:
    """Return the population fit of ``devices`` devices with sigma(ln Ic0) = 2 %."""
    draw = rng.stream(0, "fit population", run)
    normal = draw.standard_normal((devices, 2))
    normal[:, 1] = correlation * normal[:, 0] + math.sqrt(1.0 - correlation**2) * normal[:, 1]
    current = np.linspace(0.91, 1.08, currents) * I50
    data = []
    for a, b in normal:
        device = ThermalSwitching(delta=40.0 * math.exp(sigma_delta * b), attempt_time=1e-9, critical_current=500e-6 * math.exp(0.02 * a))
        data.append(SwitchingData.of(current, PULSE, trials, draw.binomial(trials, device.probability(current, PULSE))))
    return fit_population(data, tau0=1e-9)


def population_table(runs: int) -> Table:
    """Return mean and standard error of the estimates of spread and correlation."""
    rows = []
    for sigma, correlation in ((0.05, 0.5), (0.077, 0.0), (0.0, 0.0)):
        found: dict[str, list[float]] = {}
        inside = {"sigma critical_current": 0, "sigma delta": 0}
        for run in range(runs):
            fit = population(run, sigma, correlation)
            for name, value in (
                ("sigma(ln Ic0), corrected", 100 * fit.spread["critical_current"]), ("root mean square of it", fit.spread["critical_current"] ** 2),
                ("sigma(ln Ic0), moments", 100 * fit.moments[0]), ("sigma(ln Ic0), naive", 100 * fit.naive[0]),
                ("sigma(ln delta), corrected", 100 * fit.spread["delta"]), ("sigma(ln delta), naive", 100 * fit.naive[1]),
                ("correlation, corrected", fit.correlation), ("correlation, naive", fit.naive_correlation),
                ("median of delta", fit.median["delta"]), ("median of Ic0 [µA]", 1e6 * fit.median["critical_current"]),
            ):  # fmt: skip
                found.setdefault(name, []).append(value)
            for name, truth in (("sigma critical_current", 0.02), ("sigma delta", sigma)):
                low, high = fit.interval(name)
                inside[name] += low <= truth + 1e-9 <= high
        truths = {"sigma(ln Ic0)": 2.0, "sigma(ln delta)": 100 * sigma, "correlation": correlation, "median of delta": 40.0, "median of Ic0": 500.0, "root": 2.0}
        for name, values in found.items():
            truth = next(v for k, v in truths.items() if name.startswith(k))
            mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(runs)
            if name.startswith("root"):
                mean, error = 100 * math.sqrt(mean), 100 * error / (2 * math.sqrt(mean))
            rows.append([f"sigma(ln delta) = {100 * sigma:g} %, correlation {correlation:g}", name, truth, mean, error])
        for name, count in inside.items():
            rows.append([f"sigma(ln delta) = {100 * sigma:g} %, correlation {correlation:g}", f"coverage, 95 % interval of {name}", 0.95, count / runs, math.sqrt(0.0475 / runs)])
    heads: list[Column | str] = ["population", "estimate", Column("truth"), Column("mean", "", 4), Column("standard error", "", 2)]
    return Table(f"20 devices x 50 pulses x 9 currents, sigma(ln Ic0) = 2 %, {runs} repetitions (spreads in %)", heads, rows)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Coverage of the intervals of fit_switching, bias of fit_population.")
    parser.add_argument("-n", "--runs", type=int, default=2000, help="synthetic experiments a design")
    parser.add_argument("--populations", type=int, default=200, help="synthetic populations")
    parser.add_argument("--only", choices=["coverage", "population"])
    given = parser.parse_args()
    if given.only != "population":
        print(coverage_table(given.runs).to_markdown(), end="\n\n", flush=True)
    if given.only != "coverage":
        print(population_table(given.populations).to_markdown())


if __name__ == "__main__":
    main()
