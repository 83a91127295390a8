"""The simulated track current of the dropout module against two independent models: thinning, and the macrospin.

    python -m benchmarks.track_currents --output results/track_currents

Writes ``.json`` and ``.md``; ``docs/track_currents.md`` says what they mean. Eleven track currents of the flow ``dropout_module`` (nominal; eight draws; one with a shortened
RESET) and of an over-driven SET, from ngspice. Against them:

(a) thinning of the two-state process, 100,000 consecutive cycles with the state carried over: a, b, p_drop, correlation and
RESET failure beside those of the circuit's master-equation nodes, as z-scores;
(b) the macrospin of ``bench_pmtj40`` under the same waveforms, edges included, beside the rate laws; and where they differ, by how
much each cause does it.

ngspice is needed, and numba (extra ``fast``) for (b) in minutes.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinbnn.characterize import Flow
from spinbnn.circuit import DropoutModuleBench, NgspiceShared, Sample
from spinbnn.circuit.dropout_cycle import TRACK
from spinbnn.device import DeviceParams, SwitchingModel
from spinbnn.device.bits import BitStream
from spinbnn.device.bits.thinning import thinned_cycles
from spinbnn.device.fitting import fit_switching
from spinbnn.device.macrospin import Macrospin
from spinbnn.device.switching import TabulatedSwitching, TwoRateSwitching, tilted_washboard
from spinbnn.rng import integer_seed
from spinbnn.tables import Column, Table

Array = NDArray[np.float64]

TEMPERATURE = 300.15
DRAWS = 8
DAMPINGS = (0.05, 0.3)
"""Of the macrospin: that of bench_pmtj40, and the one at which the rate law is at home."""
ABOVE = 2.4
"""End of the table of the macrospin over the current of p = 1/2."""
WEAK = 0.6
"""Share of the RESET pulse that the weak one has: exp(-3) = 5 % fail at an attempt time of a fifth of the whole pulse."""
BACK = 0.9
"""p_sat of the additional sample whose junction switches back under the current."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """One simulated cycle."""

    label: str
    bench: DropoutModuleBench
    sample: Sample
    time: Array
    current: Array
    measures: Mapping[str, float]

    @property
    def params(self) -> DeviceParams:
        """The device of this draw."""
        values = {k.replace(".", "__"): v for k, v in self.sample.device.items() if k in self.bench.params.quantities}
        return self.bench.params.with_values(**values)

    @property
    def before_set(self) -> float:
        """Middle of the rest between RESET and SET [s]."""
        return self.bench.timing.set_at - self.bench.timing.gap / 2

    @property
    def end(self) -> float:
        """Middle of the rest behind SET [s]."""
        return 0.5 * (self.bench.timing.set_at + self.bench.timing.set + self.bench.timing.read_at[0])

    def part(self, start: float, stop: float) -> tuple[Array, Array]:
        """Return the samples between two times, the ends interpolated."""
        inside = (self.time > start) & (self.time < stop)
        moments = np.concatenate([[start], self.time[inside], [stop]])
        return moments, np.interp(moments, self.time, self.current)


def one_condition(bench: DropoutModuleBench, rail: float, draws: int) -> Flow:
    """Return the flow ``dropout_module`` at one rail, 27 degC and the typical corner, on another bench."""
    flow = Flow.load("dropout_module").with_axes(temperature={"values": ["27 degC"]}, corner={"values": ["tt"]}, draw={"count": draws})
    return replace(flow, bench=bench).with_axes(set_voltage={"values": [f"{rail:.6g} V"]})


def rail_of_half(engine: NgspiceShared, bench: DropoutModuleBench, temperature: float) -> tuple[float, float]:
    """Return the rail at which the nominal module has p = 1/2, and the highest of the flow [V]."""
    axis = next(a for a in Flow.load("dropout_module").grid.axes if a.name == "set_voltage")
    rails = axis.coordinates.astype(float)
    samples = [bench.nominal(temperature=temperature, set_voltage=float(v)) for v in rails]
    p = np.array([bench.measure(r, s)["p_set"] for r, s in zip(engine.run(bench.deck(s) for s in samples), samples, strict=True)])
    hazard = np.log(-np.log1p(-np.clip(p, 1e-15, 1 - 1e-12)))
    return float(np.interp(math.log(math.log(2.0)), hazard, rails)), float(rails[-1])


def simulated(engine: NgspiceShared, bench: DropoutModuleBench, *, saturated: bool) -> list[Wave]:
    """Simulate the eleven cycles; ``saturated`` adds the one whose junction switches back."""
    rail, highest = rail_of_half(engine, bench, TEMPERATURE)
    nominal = bench.nominal(temperature=TEMPERATURE, set_voltage=rail)
    weak = replace(bench, timing=replace(bench.timing, reset=WEAK * bench.timing.reset))
    jobs: list[tuple[str, DropoutModuleBench, Sample]] = [("nominal", bench, nominal)]
    jobs += [(f"draw {k}", bench, sample) for k, sample in enumerate(one_condition(bench, rail, DRAWS).samples())]
    jobs += [(f"weak RESET ({weak.timing.reset * 1e9:g} ns)", weak, nominal), (f"over-driven ({highest:g} V)", bench, replace(nominal, set_voltage=highest))]
    if saturated:
        back = replace(bench, params=bench.params.with_values(switching__saturation=BACK))
        jobs.append((f"over-driven, p_sat = {BACK:g}", back, back.nominal(temperature=TEMPERATURE, set_voltage=highest)))
    found = []
    for (label, own, sample), result in zip(jobs, engine.run(own.deck(sample) for _, own, sample in jobs), strict=True):
        waves = result.require().waveforms
        found.append(Wave(label=label, bench=own, sample=sample, time=waves["time"], current=waves[TRACK], measures=dict(own.measure(result, sample))))
    return found


# (a) thinning


def thinning_row(wave: Wave, cycles: int, seed: int) -> dict[str, Any]:
    """Compare the thinned chain with the circuit's measures: values and z-scores."""
    model = SwitchingModel.from_params(wave.params)
    run = thinned_cycles(model, wave.time, wave.current, cycles, seed, temperature=wave.sample.temperature, moments=[wave.before_set])
    m = wave.measures
    chain = BitStream(a=m["transition_01"], b=m["transition_11"])
    start, end = run.before.astype(bool), run.after.astype(float)
    centred = end - end.mean()
    zeros, ones = int((~start).sum()), int(start.sum())
    share_error, lag_error = (float(v) for v in chain.standard_errors(cycles))

    def binomial(p: float, n: int) -> float:
        return math.sqrt(p * (1 - p) / n) if n else math.nan

    variance = float(np.mean(centred**2))
    entries = {
        "a": (float(end[~start].mean()) if zeros else math.nan, m["transition_01"], binomial(m["transition_01"], zeros)),
        "b": (float(end[start].mean()) if ones else math.nan, m["transition_11"], binomial(m["transition_11"], ones)),
        "p_drop": (float(end.mean()), m["p_drop"], share_error),
        "correlation": (float(np.mean(centred[1:] * centred[:-1]) / variance) if variance else math.nan, m["correlation"], lag_error),
        "p_reset_fail": (float(run.observed[start, 0].mean()) if ones else math.nan, m["p_reset_fail"], binomial(m["p_reset_fail"], ones)),
    }
    return {
        "label": wave.label, "current_set": m["current_set"], "current_reset": m["current_reset"], "cycles": cycles, "after_0": zeros, "after_1": ones,
        "candidates": run.candidates,
        **{name: {"thinned": mine, "circuit": theirs, "error": error, "z": (mine - theirs) / error if error else math.nan} for name, (mine, theirs, error) in entries.items()},
    }  # fmt: skip


# (b) macrospin


def transitions(model: SwitchingModel, moments: Array, current: Array, temperature: float) -> tuple[float, float]:
    """Return P(1|0) and P(1|1) of a rate law under a sampled current: midpoint rates on ten parts of every segment."""
    fine = np.unique(np.concatenate([moments[:-1] + share * np.diff(moments) for share in np.linspace(0, 1, 11)]))
    up, down = (np.asarray(r) for r in model.rates(np.interp(0.5 * (fine[1:] + fine[:-1]), moments, current), temperature))
    total = (up + down) * np.diff(fine)
    share = np.divide(up, up + down, out=np.zeros_like(up), where=up + down > 0)
    left = np.cumsum(total[::-1])[::-1] - total
    a = float(np.sum(-np.expm1(-total) * share * np.exp(-left)))
    return a, a + math.exp(-float(total.sum()))


def fitted(params: DeviceParams, temperature: float, n: int, seed: int, workers: int) -> tuple[DeviceParams, TabulatedSwitching, dict[str, Any]]:
    """Return the thermal law fitted to the macrospin's rising branch at rectangular pulses of 10 ns, tau0 declared, and its table."""
    half = float(TwoRateSwitching.from_device(params).current_for(0.5, 10e-9, temperature))
    device, coarse = Macrospin(params, workers=workers), half * np.linspace(0.6, 1.1, 21)
    rough = device.switching(coarse, 10e-9, n=max(200, n // 20), seed=seed, temperature=temperature).probability
    low, high = coarse[int(np.argmax(rough > 0.01))], coarse[int(np.argmax(rough > 0.97))]
    current, widths = np.append(np.linspace(low, high, 8), high + (ABOVE * half - high) * np.linspace(0.1, 1.0, 7) ** 1.5), np.array([9e-9, 10e-9, 11e-9])
    counted = device.switching(current[:, None], widths, n=n, seed=seed, temperature=temperature)
    table = TabulatedSwitching.from_counts(counted.current.ravel(), counted.pulse.ravel(), temperature, n, counted.switched.ravel())
    current, switched = current[:8], counted.switched[:8, 1]
    fit = fit_switching(current, 10e-9, n, switched, tau0=params.value("thermal.attempt_time"), temperature=temperature, temperature_reference=params.value("thermal.reference_temperature"), curie_temperature=params.get("thermal.curie_temperature"))
    made = params.with_values(thermal__delta=fit.estimates["delta"], spin_hall__critical_current=fit.estimates["critical_current"])
    return made, table, {
        "current": current.tolist(), "probability": (switched / n).tolist(), "delta": fit.estimates["delta"], "critical_current": fit.estimates["critical_current"],
        "deviance": fit.deviance, "dof": fit.dof, "p_value": fit.p_value,
    }  # fmt: skip


def macrospin_row(wave: Wave, original: DeviceParams, table: TabulatedSwitching | None, n: int, seed: int, workers: int) -> dict[str, Any]:
    """Return the cycle's probabilities by the circuit, the rate laws and the macrospin of the same draw."""
    t, kelvin = wave.bench.timing, wave.sample.temperature
    cycle, alone = wave.part(wave.time[0], wave.end), wave.part(wave.before_set, wave.end)
    magnet = Macrospin(wave.params, workers=workers)
    two = TwoRateSwitching.from_device(original_draw(original, wave))
    device = [magnet.waveform(*cycle, n=n, seed=seed + state, temperature=kelvin, initial=state, moments=[wave.before_set]) for state in (0, 1)]  # type: ignore[arg-type]
    set_alone = magnet.waveform(*alone, n=n, seed=seed + 2, temperature=kelvin)
    a, b = (float(run.probability[-1]) for run in device)
    m = wave.measures
    pulse = wave.part(t.set_at, wave.end)
    level = m["current_set"]
    width = float(np.trapezoid(pulse[1], pulse[0]) / level)
    return {
        "label": wave.label, "current_set": level, "current_reset": m["current_reset"], "width": width,
        "set": {
            "circuit": m["p_set"], "tabulated": None if table is None else float(table.probability(level, width, kelvin)),
            "two_rate": transitions(two, *alone, kelvin)[0], "macrospin": float(set_alone.probability[-1]), "error": float(set_alone.standard_error[-1]),
        },
        "reset_fail": {
            "circuit": m["p_reset_fail"], "two_rate": transitions(two, *wave.part(wave.time[0], wave.before_set), kelvin)[1],
            "macrospin": float(device[1].probability[0]), "error": float(device[1].standard_error[0]),
        },
        "a": {"circuit": m["transition_01"], "macrospin": a, "error": float(device[0].standard_error[-1])},
        "b": {"circuit": m["transition_11"], "macrospin": b, "error": float(device[1].standard_error[-1])},
        "p_drop": {"circuit": m["p_drop"], "macrospin": a / (1 - b + a)}, "correlation": {"circuit": m["correlation"], "macrospin": b - a},
    }  # fmt: skip


def original_draw(original: DeviceParams, wave: Wave) -> DeviceParams:
    """Return the draw of a wave on the device file as it stands, its Delta and Ic0 moved as those of the fitted device."""
    base, drawn = wave.bench.params, wave.params
    ratio = {key: drawn.value(key) / base.value(key) for key in ("thermal.delta", "spin_hall.critical_current")}
    return drawn.with_values(**{key.replace(".", "__"): original.value(key) * r for key, r in ratio.items()})


def trapezoid(start: float, level: float, width: float, rise: float = 0.0, fall: float = 0.0) -> tuple[Array, Array]:
    """Return a pulse of a width at half height, its half height reached at ``start``; it carries the charge of the rectangle."""
    up, down = start - 0.5 * rise, start + width - 0.5 * fall
    return np.array([0.0, up, up + rise, down, down + fall]), np.array([0.0, 0.0, level, level, 0.0])


def causes(wave: Wave, over: Wave, n: int, seed: int, workers: int) -> list[dict[str, Any]]:
    """Return the probability of state 1 as one thing after the other is changed.

    All runs see the same noise at the same time of the waveform: ``shift`` is the mean of the differences, trajectory by
    trajectory, to the first run of the group.
    """
    kelvin, t = wave.sample.temperature, wave.bench.timing
    magnet = Macrospin(wave.params, workers=workers)
    rows: list[dict[str, Any]] = []
    first: dict[str, NDArray[np.bool_]] = {}

    def add(group: str, what: str, moments: Array, current: Array, initial: int = 0) -> None:
        run = magnet.waveform(moments, current, n=n, seed=seed, temperature=kelvin, initial=initial)  # type: ignore[arg-type]
        state = run.final_mz * magnet.pole >= 0
        change = state.astype(float) - first.setdefault(group, state)
        rows.append({"group": group, "what": what, "from": initial, "p": float(run.probability[-1]), "error": float(run.standard_error[-1]), "shift": float(change.mean()), "shift_error": float(change.std() / math.sqrt(n))})

    for name, one in (("SET, nominal", wave), ("SET, over-driven", over)):
        level, lead = one.measures["current_set"], 2.5e-9
        moments, current = one.part(t.set_at - 0.5 * t.gap, one.end)
        moments = np.concatenate([[0.0], moments - moments[0] + lead])
        current = np.concatenate([[0.0], current])
        width, start = float(np.trapezoid(current, moments) / level), float(np.interp(0.5 * level, current[: np.argmax(current > 0.5 * level) + 1], moments[: np.argmax(current > 0.5 * level) + 1]))
        add(name, "as simulated", moments, current)
        add(name, "rectangle of the same level and charge", *trapezoid(start, level, width))
        for edge in (0.1e-9, 0.2e-9, 0.5e-9, 1e-9, 2e-9):
            add(name, f"the same with a rise of {edge * 1e9:g} ns", *trapezoid(start, level, width, edge))
        for edge in (0.2e-9, 0.5e-9, 1e-9, 2e-9):
            add(name, f"the same with a fall of {edge * 1e9:g} ns", *trapezoid(start, level, width, 0.0, edge))
    level = -wave.measures["current_reset"]
    moments, current = wave.part(0.0, wave.before_set)
    width = float(np.trapezoid(current, moments) / level)
    add("RESET", "as simulated", moments, current, 1)
    for share in (1.0, 0.8, 0.7, 0.6, 0.55, 0.5, 0.45, 0.4):
        add("RESET", f"rectangle, {share:g} of its current", *trapezoid(t.reset_at, share * level, width), 1)
    for edge in (0.2e-9, 0.5e-9, 1e-9, 2e-9, 4e-9):
        add("RESET", f"rectangle with a fall of {edge * 1e9:g} ns", *trapezoid(t.reset_at, level, width, 0.0, edge), 1)
    moments, current = wave.part(0.0, wave.end)
    for share in (1.0, 0.5):
        scaled = np.where(moments < wave.before_set, share * current, current)
        for more in (0.0, 1e-9, 5e-9):
            for state in (0, 1):
                add(f"cycle from {state}", f"RESET of {share:g} of its current, {t.gap * 1e9 + more * 1e9:g} ns of rest", moments + more * (moments > wave.before_set), scaled, state)
    return rows


def attempt_times(params: DeviceParams, temperature: float, n: int, seed: int, workers: int) -> list[dict[str, float]]:
    """Return the escape rate of the macrospin over the current, the time lost at the start, and the attempt time that belongs to it."""
    two = TwoRateSwitching.from_device(params)
    half = float(two.current_for(0.5, 10e-9, temperature))
    rows = []
    for damping in DAMPINGS:
        device = Macrospin(params.with_values(magnetic__damping=damping), workers=workers)
        for share in (0.85, 0.92, 1.0, 1.06):
            current = share * half
            p = device.switching(current, [6e-9, 12e-9], n=n, seed=seed, temperature=temperature).probability
            hazard = -np.log1p(-p)
            rate = float((hazard[1] - hazard[0]) / 6e-9)
            error = float(np.sqrt(np.sum(p / (1 - p) / n)) / (hazard[1] - hazard[0]))
            j, h = 2 * current / float(two.critical_current_at(temperature)), float(two.field_ratio_at(temperature))
            barrier = float(two.delta_at(temperature)) * float(tilted_washboard(np.asarray(j), np.asarray(h)).barrier)
            rows.append({
                "damping": damping, "current": current, "rate": rate, "relative_error": error, "head_start": float(hazard[0] / rate - 6e-9),
                "barrier": barrier, "attempt_time": math.exp(-barrier) / rate, "rate_two": float(two.rates(current, temperature)[0]),
            })  # fmt: skip
    return rows


# report


def tables(answer: Mapping[str, Any]) -> list[Table]:
    """Return the answer as tables."""
    names = ("a", "b", "p_drop", "correlation", "p_reset_fail")
    out = [
        Table(
            f"Thinning, {answer['cycles']:,} consecutive cycles: the chain's figure, and its distance from the circuit's in standard errors",
            ["sample", Column("SET", "µA", 4), Column("RESET", "µA", 4), *(v for name in names for v in (Column(name, "", 5), Column("z", "", 2)))],
            [[r["label"], r["current_set"] * 1e6, r["current_reset"] * 1e6, *(v for name in names for v in (known(r[name]["thinned"]), known(r[name]["z"])))] for r in answer["thinning"]],
        )
    ]  # fmt: skip
    for device in answer.get("devices", []):
        rows = [[
            r["label"], r["current_set"] * 1e6, r["set"]["circuit"], r["set"]["two_rate"], r["set"]["tabulated"], r["set"]["macrospin"], r["set"]["error"],
            r["reset_fail"]["circuit"], r["reset_fail"]["two_rate"], r["reset_fail"]["macrospin"], r["a"]["macrospin"], r["b"]["macrospin"], r["p_drop"]["circuit"], r["p_drop"]["macrospin"],
        ] for r in device["rows"]]  # fmt: skip
        heads: list[Column | str] = [
            "sample", Column("SET", "µA", 4), *(Column(f"p_set, {name}", "", 3) for name in ("circuit (fitted law)", "two-rate law", "table", "macrospin")), Column("standard error", "", 2),
            *(Column(f"RESET failure, {name}", "", 3) for name in ("circuit", "two-rate law", "macrospin")), Column("a, macrospin", "", 3), Column("b, macrospin", "", 3),
            Column("p_drop, circuit", "", 3), Column("p_drop, macrospin", "", 3),
        ]  # fmt: skip
        fit = device["fit"]
        note = f"Fitted law: delta {fit['delta']:.2f}, Ic0 {fit['critical_current'] * 1e6:.1f} µA, tau0 declared; deviance {fit['deviance']:.1f} at {fit['dof']} degrees of freedom. The table is that of the nominal magnet."
        out.append(Table(f"Macrospin of bench_pmtj40 under the same currents, damping {device['damping']:g}, {answer['n']:,} trajectories a row and state", heads, rows, note=note))
        out.append(Table(
            f"One cause after the other, damping {device['damping']:g}: P(state 1), and its shift against the first row of the group under the same noise",
            ["part", "waveform", "from", Column("p", "", 4), Column("standard error", "", 2), Column("shift", "", 3), Column("its standard error", "", 2)],
            [[r["group"], r["what"], r["from"], r["p"], r["error"], r["shift"], r["shift_error"]] for r in device["causes"]],
        ))  # fmt: skip
    if "attempt_times" in answer:
        out.append(Table(
            "Escape rate of the macrospin under rectangular pulses (from p at 6 and 12 ns), what the onset adds, and the attempt time that the two-rate barrier leaves",
            ["damping", Column("current", "µA", 4), Column("rate", "1/µs", 3), Column("relative error", "", 2), Column("head start", "ns", 2), Column("barrier", "kT", 3), Column("attempt time", "ns", 3), Column("rate, two-rate law", "1/µs", 3)],
            [[r["damping"], r["current"] * 1e6, r["rate"] * 1e-6, r["relative_error"], r["head_start"] * 1e9, r["barrier"], r["attempt_time"] * 1e9, r["rate_two"] * 1e-6] for r in answer["attempt_times"]],
            note="Head start: the time at this rate that would have made the switching of the onset beyond rate times width.",
        ))  # fmt: skip
    return out


def known(value: Any) -> Any:
    """Return plain data with None for NaN."""
    if isinstance(value, dict):
        return {name: known(v) for name, v in value.items()}
    if isinstance(value, list):
        return [known(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def note(answer: Mapping[str, Any]) -> str:
    """Return the answer as Markdown."""
    scores = zs(answer["thinning"])
    shown = "\n\n".join(table.to_markdown() for table in tables(answer))
    last = f"Thinning: largest |z| of {len(scores)} is {max(map(abs, scores)):.2f}, mean z² {np.mean(np.square(scores)):.2f} (figures of one sample are correlated)."
    return f"# The track current against thinning and the macrospin\n\n    python -m benchmarks.track_currents --cycles {answer['cycles']} --n {answer['n']} --seed {answer['seed']} --output results/track_currents\n\n{shown}\n\n{last}\n"


def measured(cycles: int, n: int, seed: int, workers: int, *, macrospin: bool = True) -> dict[str, Any]:
    """Run everything and return plain data."""
    answer: dict[str, Any] = {"flow": "dropout_module", "seed": seed, "cycles": cycles, "n": n}
    bench = Flow.load("dropout_module").bench
    assert isinstance(bench, DropoutModuleBench)
    with NgspiceShared(workers=1) as engine:
        begin = time.process_time()
        answer["thinning"] = [thinning_row(w, cycles, integer_seed(seed, "thinning", k)) for k, w in enumerate(simulated(engine, bench, saturated=True))]
        answer["thinning_seconds"] = time.process_time() - begin
        if not macrospin:
            return answer
        begin, answer["devices"] = time.process_time(), []
        for number, damping in enumerate(DAMPINGS):
            original = DeviceParams.load("bench_pmtj40").with_values(magnetic__damping=damping)
            device, table, fit = fitted(original, TEMPERATURE, n, integer_seed(seed, "fit", number), workers)
            waves = simulated(engine, replace(bench, params=device), saturated=False)
            rows = [macrospin_row(w, original, None if w.label.startswith("draw") else table, n, integer_seed(seed, "macrospin", number, k), workers) for k, w in enumerate(waves)]
            answer["devices"].append({"damping": damping, "fit": fit, "rows": rows, "causes": causes(waves[0], waves[-1], n, integer_seed(seed, "causes"), workers)})
    answer["attempt_times"] = attempt_times(original, TEMPERATURE, n, integer_seed(seed, "rates"), workers)
    answer["macrospin_seconds"] = time.process_time() - begin
    return answer


def zs(rows: Iterable[Mapping[str, Any]]) -> list[float]:
    """Return every z-score that there is."""
    names = ("a", "b", "p_drop", "correlation", "p_reset_fail")
    return [r[name]["z"] for r in rows for name in names if r[name]["z"] is not None and not math.isnan(r[name]["z"])]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=100_000, help="consecutive cycles of each thinned chain")
    parser.add_argument("--n", type=int, default=4000, help="macrospin trajectories a row")
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--workers", type=int, default=1, help="threads of the macrospin")
    parser.add_argument("--no-macrospin", action="store_true", help="(a) alone")
    parser.add_argument("--output", type=Path, help="write OUTPUT.json and OUTPUT.md")
    options = parser.parse_args()
    answer = measured(options.cycles, options.n, options.seed, options.workers, macrospin=not options.no_macrospin)
    print(note(answer))
    if options.output:
        options.output.with_suffix(".json").write_text(json.dumps(known(answer), indent=1) + "\n", encoding="utf-8")
        options.output.with_suffix(".md").write_text(note(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
