"""Read of a crossbar column in SPICE: settling, energy, and what 0.65 pJ an array counts; writes results/crossbar_read.md.

    python benchmarks/crossbar_read.py [--out results/crossbar_read.md]
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path

import spinbnn
from spinbnn.characterize.column_bench import ColumnBench, ColumnSample
from spinbnn.characterize.column_read_bench import ColumnReadBench
from spinbnn.circuit import NgspiceBatch, Technology
from spinbnn.circuit.column_read import ReadTiming
from spinbnn.crossbar.array_params import ArrayParams
from spinbnn.device import DeviceParams

ROWS = 256
PUBLISHED = 0.65e-12
"""Crossbar of 256 x 256 cells, J a reading: Table II of arXiv:2311.15816."""

BESIDE = (
    "## Beside it: NVSim (2018, built and run), 256 x 256, one row a read, 45 nm LSTP", "",
    "| cells | bits | total [pJ] | bit lines and cells | sense amplifiers | decoders, multiplexers, precharge | bit line [ns] | amplifier [ns] |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    "| 3/6 kohm, current mode | 256 | 40.09 | 12.43 | 26.58 | 0.74 | 0.007 | 0.81 |",
    "| 100/250 kohm, current mode | 32 | 4.386 | 0.013 | 3.325 | 1.04 | 0.007 | 0.81 |",
    "| 1/2.5 Mohm, voltage mode | 32 | - | 0.0003 | 0.041 | - | 32.1 | 0.01 |", "",
)  # fmt: skip
"""NVSim is a memory model: it reads one row. Its energies of decoders and multiplexers are summed here."""


def made(array: str) -> dict[str, object]:
    return {"array": ArrayParams.load(array), "device": DeviceParams.load("seed_eq23"), "technology": Technology.load("cmos40lp")}


def measured(engine: NgspiceBatch, bench: ColumnBench, sample: ColumnSample) -> dict[str, float]:
    (result,) = engine.run([bench.deck(sample)])
    found = dict(bench.measure(result, sample))
    print(bench.name, sample.feed, sample.popcount, {key: f"{value:.4g}" for key, value in found.items()}, flush=True)
    return found


def static(engine: NgspiceBatch, array: str) -> list[str]:
    """Effective popcount by feed and places, and the energy of 1 ns of 256 columns."""
    lines = ["| feed | places | popcount | n_eff | attenuation | current [uA] | 256 columns, 1 ns [pJ] |", "| --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    bench = ColumnBench(**made(array), rows=ROWS)  # type: ignore[arg-type]
    for feed in ("rows", "same_end", "opposite_end"):
        for popcount, places in ((0, "random"), (128, "near"), (128, "far"), (128, "spread"), (128, "random"), (256, "random")):
            found = measured(engine, bench, ColumnSample(popcount=popcount, pattern=places, feed=feed))
            energy = 256 * found["power"] * 1e-9
            lines.append(f"| {feed} | {places if 0 < popcount < ROWS else '-'} | {popcount} | {found['n_eff']:.1f} | {found['attenuation']:.4f} | {found['current'] * 1e6:.2f} | {energy * 1e12:.3f} |")
    return lines


def current_mode(engine: NgspiceBatch, array: str) -> list[str]:
    lines = [
        "| capacitances | feed | begins with | settled to 1/2 count [ns] | to 1/2 step of 6 bits [ns] | energy of that read [fJ] | 256 columns [pJ] | word lines [fJ] | 256 columns [pJ] |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    timing = ReadTiming(length=5e-9, max_step=10e-12)
    for access, feed, edge in (
        ("transistor", "rows", "word_line"), ("transistor", "rows", "read"), ("transistor", "same_end", "word_line"), ("transistor", "same_end", "read"),
        ("transistor", "opposite_end", "word_line"), ("transistor", "opposite_end", "read"), ("resistor", "rows", "read"), ("resistor", "opposite_end", "read"),
    ):  # fmt: skip
        bench = ColumnReadBench(**made(array), rows=ROWS, edge=edge, timing=timing, access=access)  # type: ignore[arg-type]
        sample = ColumnSample(popcount=128, feed=feed)
        (result,) = engine.run([bench.deck(sample)])
        fine, coarse = (replace(bench, resolution=step).measure(result, sample) for step in (1.0, 256 / 63))
        print(access, feed, edge, {key: f"{value:.4g}" for key, value in fine.items()}, flush=True)
        left = 0.1 * fine["final_current"] * (timing.length - timing.edge / 2 - fine["settling_time"])
        lines.append(
            f"| {'cards' if access == 'transistor' else 'array file'} | {feed} | {edge} | {fine['settling_time'] * 1e9:.2f} | {coarse['settling_time'] * 1e9:.2f} | "
            f"{(fine['energy_line'] - left) * 1e15:.2f} | {256e12 * (fine['energy_line'] - left):.3f} | {_number(1e15 * fine['energy_word_lines'], 1)} | {_number(256e12 * fine['energy_word_lines'], 2)} |"
        )  # fmt: skip
    return lines


def voltage_mode(engine: NgspiceBatch, array: str) -> list[str]:
    """Time to 1/e at two popcounts, and the difference of the line's voltage that one count makes at that time."""
    lines, times = ["| capacitances | driven | popcount | discharged to 1/e [ns] |", "| --- | ---: | ---: | ---: |"], []
    for access, driven, popcount, length in (
        ("transistor", ROWS, 128, 6e-9), ("transistor", ROWS, 129, 6e-9), ("resistor", ROWS, 128, 4e-9), ("resistor", 1, 1, 250e-9), ("resistor", 1, 0, 500e-9),
    ):  # fmt: skip
        timing = ReadTiming(length=length, max_step=length / 400)
        bench = ColumnReadBench(**made(array), rows=ROWS, driven=driven, sense="voltage", edge="read", timing=timing, access=access)  # type: ignore[arg-type]
        found = measured(engine, bench, ColumnSample(popcount=popcount))
        times.append(found["discharge_time"])
        lines.append(f"| {'cards' if access == 'transistor' else 'array file'} | {driven} | {popcount} | {found['discharge_time'] * 1e9:.3f} |")
    volts = bench.array.value("read.voltage")
    signal = volts / math.e * (times[0] - times[1]) / times[0]
    return [*lines, "", f"One count moves the line by {signal * 1e6:.0f} uV at that time (cards, 128 to 129, {volts:g} V precharged)."]


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/crossbar_read.md"))
    parser.add_argument("--array", default="array_mohm")
    given = parser.parse_args()
    params = ArrayParams.load(given.array)
    volts, ohms = params.value("read.voltage"), params.value("junction.parallel_resistance")
    with NgspiceBatch(workers=1, timeout=600.0) as engine:
        tables = [part(engine, given.array) for part in (static, current_mode, voltage_mode)]
    reading = ROWS * 256 * volts**2 / ohms * 1e-9
    text = [
        f"# Read of a crossbar column ({given.array}, 256 complementary cells, nominal devices, 300 K, tt)", "",
        f"Made by `python benchmarks/crossbar_read.py --array {given.array}`, spinbnn {spinbnn.__version__}.", "",
        f"**{params.assumption_note}**", "",
        f"65,536 cells x ({volts:g} V)^2 / {ohms:g} ohm x 1 ns = {reading * 1e12:.3f} pJ; published for the crossbar: {PUBLISHED * 1e12:.2f} pJ a reading.", "",
        "## Static", "", *tables[0], "", "## Current mode, popcount 128", "",
        "Sense input 100 ohm, 5 fF, 50 ps (assumed). 'cards': capacitances of the access transistors from the BSIM4 cards; 'array file': resistors in their",
        "place and the file's drain and gate capacitance. The word lines' energy is that of this column's gates and wire, one rise to the supply.", "", *tables[1], "",
        "## Voltage mode (precharge to the read voltage, discharge)", "", *tables[2], "", *BESIDE,
    ]  # fmt: skip
    given.out.write_text("\n".join(text), encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main()
