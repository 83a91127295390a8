"""How far the spread of junctions and transistors moves p at three temperatures, for each way of setting the SET amplitude.

    python benchmarks/trim_spread.py cmos40lp --draws 200 [--workers 2] [--slope 0] [--out trim_spread.json]

Modules as the shipped designs have them, each with its draw of junction and mismatch, at -40, 27 and 125 degC:

- voltage: one rail for all, that of p = 0.5 of the nominal module at 27 degC;
- regulated: one current for all, likewise;
- trimmed once: a code for each module, set at 27 degC and the nominal supply; then temperature and supply (5 %) move;
- trimmed: a code for each module at each temperature; then the supply moves.

p does not depend on gate drivers and read-out (tests/spice/test_module_variants.py), so that decks are without the former and have a
short latter. ``--slope`` replaces the temperature coefficient of the reference current [1/K].
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from spinbnn import files, provenance
from spinbnn.characterize import Flow, run_flow
from spinbnn.characterize.operating_point import operate, search
from spinbnn.circuit import NgspiceShared, Timing
from spinbnn.circuit.design import ModuleDesign

KEPT = ("p_drop", "current_set", "p_reset_fail")
NEAR = (0.03, 0.10)


def lean(flow: Flow, slope: float | None, design: str | None = None) -> Flow:
    """Return the flow without gate drivers, with a short read-out and few measures."""
    bench: Any = flow.bench
    chosen = bench.design if design is None else ModuleDesign.load(design)
    bias = dict(chosen.bias)
    if slope is not None and bias:
        bias["slope"] = slope
    short = Timing(reset=bench.timing.reset, set=bench.timing.set, gap=bench.timing.gap, read=1.5e-9, sense=0.5e-9)
    return replace(flow, bench=replace(bench, design=replace(chosen, gates={}, bias=bias), timing=short, netlists={}), measures=KEPT, specification=replace(flow.specification, limits={}, area=None))


def amplitude_of(flow: Flow, low: float, high: float) -> float:
    """Return the amplitude that gives the nominal module p = 0.5 at 27 degC, by bisection."""
    bench: Any = flow.bench
    with NgspiceShared(workers=1) as engine:
        while high - low > 1e-4 * high:
            middle = 0.5 * (low + high)
            sample = bench.nominal(temperature=300.15, **{bench.design.amplitude: middle})
            (result,) = engine.run([bench.deck(sample)])
            low, high = (low, middle) if bench.measure(result, sample)["p_drop"] > 0.5 else (middle, high)
    return 0.5 * (low + high)


def line(variant: str, temperature: float, p: np.ndarray, worst: np.ndarray, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of one variant at one temperature; ``worst`` is each module's p at the supply that moves it most."""
    n = p.size
    return {
        "variant": variant, "temperature_c": round(temperature - 273.15, 2), "modules": n, "failed": int(np.sum(~np.isfinite(p))),
        "mean": float(np.nanmean(p)), "sd": float(np.nanstd(p, ddof=1)) if n > 1 else math.nan, "minimum": float(np.nanmin(p)), "maximum": float(np.nanmax(p)),
        **{f"within_{100 * d:.0f}": int(np.sum(np.abs(p - 0.5) <= d)) for d in NEAR},
        **{f"supply_within_{100 * d:.0f}": int(np.sum(np.abs(worst - 0.5) <= d)) for d in NEAR}, **extra,
    }  # fmt: skip


def fixed(variant: str, name: str, draws: int, workers: int, slope: float | None, start: tuple[float, float], unit: str) -> list[dict[str, Any]]:
    """One amplitude for all modules at all temperatures."""
    flow = lean(Flow.load(name), slope)
    axis = flow.bench.design.amplitude  # type: ignore[attr-defined]
    value = amplitude_of(flow, *start)
    flow = replace(flow.with_axes(**{axis: {"values": [f"{value!r} {unit}"]}, "draw": {"count": draws}, "temperature": {"values": ["-40 degC", "27 degC", "125 degC"]}}))
    table = run_flow(flow, workers=workers)
    order = [a.name for a in table.grid_axes]
    p = np.where(table.status == 0, table.values("p_drop"), np.nan)
    p = np.moveaxis(p, [order.index("temperature"), order.index("draw")], [0, 1]).reshape(3, draws)
    kelvins = next(a for a in table.grid_axes if a.name == "temperature").values
    return [line(variant, float(k), row, row, {"amplitude": value, "unit": unit}) for k, row in zip(kelvins, p, strict=True)]


def trimmed(variant: str, name: str, draws: int, workers: int, slope: float | None, design: str | None) -> list[dict[str, Any]]:
    """A code for each module, or for each module and temperature."""
    flow = lean(Flow.load(name), slope, design)
    codes = flow.bench.design.codes  # type: ignore[attr-defined]
    flow = flow.with_axes(code={"start": "0", "stop": str(codes - 1), "points": codes}, draw={"count": draws})
    found = operate(search(flow, workers=workers), flow.specification)
    order = [a.name for a in found.axes]
    wanted = [order.index(n) for n in ("temperature", "supply", "draw")]
    p, code = (np.transpose(a, wanted) for a in (found.values["p_drop"], np.asarray(found.amplitude)))
    kelvins, volts = (next(a for a in found.axes if a.name == n).values for n in ("temperature", "supply"))
    middle = int(np.argmin([abs(float(v) - flow.bench.technology.supply) for v in volts]))  # type: ignore[attr-defined]
    out = []
    for k, kelvin in enumerate(kelvins):
        distance = np.abs(p[k] - 0.5)
        worst = np.take_along_axis(p[k], np.nanargmax(np.where(np.isnan(distance), -1, distance), axis=0)[None], 0)[0]
        chosen = code[k, middle]
        ends = {"code_minimum": float(chosen.min()), "code_median": float(np.median(chosen)), "code_maximum": float(chosen.max()), "at_an_end": int(np.sum((chosen == 0) | (chosen == codes - 1)))}
        out.append(line(variant, float(kelvin), p[k, middle], worst, {**ends, "codes": codes, "supply_minimum": float(np.nanmin(p[k])), "supply_maximum": float(np.nanmax(p[k]))}))
    return out


def main() -> None:
    """Run and print; each variant may be chosen alone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("technology", choices=("cmos40lp", "sky130"))
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--slope", type=float, help="temperature coefficient of the reference current [1/K]  [default: the design's]")
    parser.add_argument("--design", help="another trimmed design")
    parser.add_argument("--only", nargs="+", choices=("voltage", "regulated", "once", "trimmed"), default=("voltage", "regulated", "once", "trimmed"))
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    tail = "" if args.technology == "cmos40lp" else "_sky130"
    supply = 1.1 if args.technology == "cmos40lp" else 1.8
    rows: list[dict[str, Any]] = []
    if "voltage" in args.only:
        rows += fixed("voltage", f"dropout_module_mc{tail}", args.draws, args.workers, None, (0.6 * supply, 1.1 * supply), "V")
    if "regulated" in args.only:
        rows += fixed("regulated", f"dropout_module_regulated_mc{tail}", args.draws, args.workers, args.slope, (150e-6, 300e-6), "A")
    if "once" in args.only:
        rows += trimmed("trimmed once", f"dropout_module_trim_once{tail}", args.draws, args.workers, args.slope, args.design)
    if "trimmed" in args.only:
        rows += trimmed("trimmed", f"dropout_module_trim_temperature{tail}", args.draws, args.workers, args.slope, args.design)
    print("| variant | temperature | mean p | sd | min, max | within 3 points | within 10 points | the same at +-5 % of supply | codes (at an end) |")
    print("|---|---|---|---|---|---|---|---|---|")
    for r in rows:
        codes = f"{r['code_minimum']:.0f} to {r['code_maximum']:.0f} of {r['codes']} ({r['at_an_end']})" if "codes" in r else ""
        moved = f"{r['supply_within_3']}, {r['supply_within_10']}; {r['supply_minimum']:.3f} to {r['supply_maximum']:.3f}" if "codes" in r else ""
        print(f"| {r['variant']} | {r['temperature_c']:g} degC | {r['mean']:.3f} | {r['sd']:.4f} | {r['minimum']:.3g}, {r['maximum']:.3g} | {r['within_3']} of {r['modules']} | {r['within_10']} of {r['modules']} | {moved} | {codes} |")
    if args.out:
        data = {"schema": "spinbnn.trim_spread/1", "technology": args.technology, "slope": args.slope, "command": provenance.command(), "versions": provenance.versions(), "lines": rows}
        files.write_text(args.out, json.dumps(data, indent=1) + "\n")


if __name__ == "__main__":
    main()
