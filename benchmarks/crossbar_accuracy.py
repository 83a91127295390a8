"""Accuracy of LeNet-5 on MNIST against ADC bits, resistance spread, wire resistance and array size, and what training through the arrays gives.

    python benchmarks/crossbar_accuracy.py [--chips 5] [--images 10000] [--weights ...] [--out results/crossbar_accuracy]

One knob at a time around the shipped array files: 256 x 256 bit cells, 8-bit converters whose range leaves one binomial count in a million
outside, every column calibrated, rows driven, fidelity ``exact``. Accuracies are means over chips of the network without masks. A knob breaks the network
where the mean falls more than one point below software. Training: the same short training with and without the arrays in the loop,
tested on chips that it never met.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mnist_model import WEIGHTS, trained

from spinbnn import provenance
from spinbnn.crossbar.array_params import ArrayParams
from spinbnn.files import write_text
from spinbnn.hardware import HardwareProfile
from spinbnn.hardware.arrays import CrossbarSetup
from spinbnn.nn.hardware import FidelityWarning, clipping, to_hardware
from spinbnn.nn.models import lenet5
from spinbnn.tables import Column, Table
from spinbnn.training import train

LINES = [(name, readout) for name in ("array_mohm", "array_100k") for readout in ("single", "differential")]
KNOBS: dict[str, tuple[str, tuple[float, ...], float]] = {
    "bits": ("bits of the converter", (8, 7, 6, 5, 4, 3, 2), 8),
    "bits_all": ("bits of the converter, range over all counts", (9, 8, 7, 6, 5, 4, 3), 9),
    "spread": ("spread of the junction resistance", (0.0, 0.05, 0.07, 0.1, 0.2, 0.3, 0.5), 0.07),
    "wire": ("wire resistance over that of the file", (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0), 1.0),
    "size": ("rows and columns of an array", (16, 32, 64, 128, 256), 256.0),
}
"""Knob: words, values in the order from harmless to hard, and the shipped value."""
LOST = 0.01


def turned(knob: str, value: float, setup: CrossbarSetup) -> tuple[CrossbarSetup, int]:
    """Return the set-up and array size with one knob turned."""
    params = setup.params
    if knob == "bits":
        return replace(setup, adc_bits=int(value)), 256
    if knob == "bits_all":
        return replace(setup, adc_bits=int(value), adc_clip=None), 256
    if knob == "spread":
        return replace(setup, params=params.with_values(junction__parallel_resistance__sigma=value)), 256
    if knob == "wire":
        wires = {f"wire__{line}_resistance": value * params.value(f"wire.{line}_resistance") for line in ("row", "column")}
        return replace(setup, params=params.with_values(**wires)), 256
    return setup, int(value)


def accuracies(model: Any, x: torch.Tensor, y: torch.Tensor, setup: CrossbarSetup, size: int, seeds: Iterable[int], fidelity: str = "exact") -> tuple[list[float], float]:
    """Return the accuracy of each chip, and the largest clipped fraction of a layer."""
    profile = HardwareProfile.ideal(0.2).with_arrays(setup, (size, size))
    found, clipped = [], 0.0
    for seed in seeds:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FidelityWarning)
            chip = to_hardware(model, profile, profile.chip(seed), fidelity)
        with torch.no_grad():
            answers = torch.cat([chip(x[k : k + 500]).argmax(1) for k in range(0, len(x), 500)])
        found.append(float((answers == y).float().mean()))
        clipped = max([clipped, *(c.fraction for c in clipping(chip).values())])
    return found, clipped


def sweep(model: Any, x: torch.Tensor, y: torch.Tensor, chips: int, knobs: list[str]) -> list[dict[str, Any]]:
    """Turn one knob at a time."""
    seeds = HardwareProfile.ideal(0.2).chip_seeds(chips, seed=11)
    rows = []
    for knob in knobs:
        for name, readout in LINES:
            for value in KNOBS[knob][1]:
                setup, size = turned(knob, value, CrossbarSetup(params=ArrayParams.load(name), readout=readout))
                found, clipped = accuracies(model, x, y, setup, size, seeds)
                rows.append({"knob": knob, "value": value, "array": name, "readout": readout, "mean": float(np.mean(found)), "low": min(found), "high": max(found), "clipped": clipped})
                print(f"{knob:9s} {name:10s} {readout:12s} {value:6g} {100 * np.mean(found):6.2f} % ({100 * min(found):.2f} to {100 * max(found):.2f}), clipped {clipped:.1e}", flush=True)
    return rows


def corrections(model: Any, x: torch.Tensor, y: torch.Tensor, chips: int) -> list[dict[str, Any]]:
    """Compare calibrations, references and gated rows at the shipped values."""
    seeds = HardwareProfile.ideal(0.2).chip_seeds(chips, seed=11)
    rows = []
    for name, readout in LINES:
        for calibration in ("column", "array", "none"):
            for references in ("columns", "ideal") if readout == "single" and calibration != "column" else ("columns",):
                for rows_mode in ("driven", "gated"):
                    setup = CrossbarSetup(params=ArrayParams.load(name), readout=readout, calibration=calibration, references=references, rows=rows_mode)
                    found, clipped = accuracies(model, x, y, setup, 256, seeds, "exact" if rows_mode == "driven" else "table")
                    rows.append({"array": name, "readout": readout, "calibration": calibration, "references": references if readout == "single" else "", "rows": rows_mode, "mean": float(np.mean(found)), "low": min(found), "high": max(found), "clipped": clipped})
                    print(rows[-1], flush=True)
    return rows


def training(data: Any, epochs: int, chips: int) -> list[dict[str, Any]]:
    """Train with and without the arrays, test on other chips."""
    rows = []
    wide = ArrayParams.load("array_100k").with_values(junction__parallel_resistance__sigma=0.3)
    for words, params in (("array_mohm as shipped", ArrayParams.load("array_mohm")), ("array_100k, spread 30 %", wide)):
        setup = CrossbarSetup(params=params)
        for arrays in (None, setup):
            model = lenet5(seed=0)
            done = train(model, data, epochs=epochs, batch_size=200, learning_rate=0.01, augment="shift", shift=1, seed=0, arrays=arrays)
            model.eval()
            with torch.no_grad():
                software = float((model(data.test_images).argmax(1) == data.test_labels).float().mean())
            found, _ = accuracies(model, data.test_images, data.test_labels, setup, 256, HardwareProfile.ideal(0.2).chip_seeds(chips, seed=12))
            rows.append({"setup": words, "trained": "through the arrays" if arrays else "software", "epochs": epochs, "seconds": done.seconds, "software": software, "chips": chips, "mean": float(np.mean(found)), "low": min(found), "high": max(found)})
            print(rows[-1], flush=True)
    return rows


def breaks(rows: list[dict[str, Any]], software: float) -> list[list[Any]]:
    """Return for each knob and line the first value, from harmless to hard, that loses more than a point."""
    lines = []
    for knob, (words, values, shipped) in KNOBS.items():
        for name, readout in LINES:
            line = {r["value"]: r["mean"] for r in rows if (r["knob"], r["array"], r["readout"]) == (knob, name, readout)}
            if line:
                bad = [v for v in values if software - line[v] > LOST]
                lines.append([words, name, readout, f"{shipped:g}", f"{100 * line[shipped]:.2f}" if shipped in line else "", f"{bad[0]:g}" if bad else f"none to {values[-1]:g}", f"{100 * line[values[-1]]:.2f}"])
    return lines


def figure(record: dict[str, Any], path: Path) -> None:
    """Draw one panel a knob: points lost to software (dotted: one point), mean of the chips, and their range."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    knobs = [k for k in KNOBS if any(r["knob"] == k for r in record["sweep"])]
    picture, axes = plt.subplots(1, len(knobs), figsize=(3.3 * len(knobs), 3.4), sharey=True, layout="constrained")
    colours = {"array_mohm": "#1f6feb", "array_100k": "#c2410c"}
    marks = {"single": ("o", "-"), "differential": ("s", "--")}
    for axis, knob in zip(np.atleast_1d(axes), knobs, strict=True):
        words, values, shipped = KNOBS[knob]
        places = {v: i for i, v in enumerate(values)}
        for name, readout in LINES:
            line = [r for r in record["sweep"] if (r["knob"], r["array"], r["readout"]) == (knob, name, readout)]
            at = [places[r["value"]] for r in line]
            mark, dash = marks[readout]
            label = f"{'1 MΩ' if name == 'array_mohm' else '100 kΩ'}, {'single-ended' if readout == 'single' else readout}"
            lost = {key: [max(100 * (record["software"] - r[key]), 0.1) for r in line] for key in ("mean", "low", "high")}
            axis.plot(at, lost["mean"], dash, marker=mark, ms=4, lw=1.3, color=colours[name], label=label)
            axis.fill_between(at, lost["low"], lost["high"], color=colours[name], alpha=0.12, lw=0)
        axis.axhline(100 * LOST, color="0.3", lw=0.8, ls=":")
        if shipped in places:
            axis.axvline(places[shipped], color="0.75", lw=0.8, zorder=0)
        axis.set_yscale("log")
        axis.set_xticks(range(len(values)), [f"{v:g}" for v in values])
        axis.set_xlabel(words, fontsize=8)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.25, lw=0.5)
        axis.set_ylim(0.08, 100)
    first = np.atleast_1d(axes)[0]
    first.set_yticks([0.1, 1, 10, 100], ["0.1 or less", "1", "10", "100"])
    first.set_ylabel("accuracy lost to software [points]", fontsize=9)
    first.legend(fontsize=7, loc="upper left", frameon=False)
    picture.savefig(path, dpi=150)
    plt.close(picture)


def render(record: dict[str, Any]) -> str:
    """Return the tables."""
    first: list[Column | str] = ["knob", "array", "readout", "shipped", "accuracy there [%]", "first value that loses a point", "accuracy at the last value [%]"]
    parts = [Table(f"What breaks first: LeNet-5 on MNIST, {record['chips']} chips, {record['images']} images; software {100 * record['software']:.2f} %", first, breaks(record["sweep"], record["software"])).to_markdown()]
    if record["corrections"]:
        cells: list[list[Any]] = [[r["array"], r["readout"], r["references"], r["calibration"], r["rows"], f"{100 * r['mean']:.2f}", f"{100 * r['low']:.2f} to {100 * r['high']:.2f}", f"{r['clipped']:.1e}"] for r in record["corrections"]]
        parts.append(Table("Calibration, references and gating (gated rows by 'table')", ["array", "readout", "references", "calibration", "rows", "accuracy [%]", "chips", "clipped, worst layer"], cells).to_markdown())
    if record["training"]:
        cells = [[r["setup"], r["trained"], f"{100 * r['software']:.2f}", f"{100 * r['mean']:.2f}", f"{100 * r['low']:.2f} to {100 * r['high']:.2f}", f"{r['seconds']:.0f}"] for r in record["training"]]
        parts.append(Table(f"Training through the arrays, {record['training'][0]['epochs']} epochs, tested on {record['training'][0]['chips']} other chips", ["arrays", "trained", "software [%]", "chips [%]", "from to [%]", Column("training", "s")], cells).to_markdown())
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chips", type=int, default=5)
    parser.add_argument("--images", type=int, default=10000)
    parser.add_argument("--knobs", nargs="+", default=list(KNOBS), choices=list(KNOBS))
    parser.add_argument("--training-epochs", type=int, default=5, help="0: no training")
    parser.add_argument("--training-chips", type=int, default=20)
    parser.add_argument("--weights", default=WEIGHTS)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--out", default="results/crossbar_accuracy")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, data = trained(options.weights, options.epochs)
    x, y = data.test_images[: options.images], data.test_labels[: options.images]
    with torch.no_grad():
        software = float((model(x).argmax(1) == y).float().mean())
    record: dict[str, Any] = {"chips": options.chips, "images": len(x), "software": software, "sweep": sweep(model, x, y, options.chips, options.knobs)}
    record["corrections"] = corrections(model, x, y, options.chips)
    record["training"] = training(data, options.training_epochs, options.training_chips) if options.training_epochs else []
    record |= {"command": f"python benchmarks/{provenance.command()}", **provenance.record(11)}
    write_text(Path(f"{options.out}.json"), json.dumps(record, indent=1) + "\n")
    notes = "\n".join(ArrayParams.load(name).assumption_note for name in ("array_mohm", "array_100k"))
    write_text(Path(f"{options.out}.md"), f"# Accuracy against the arrays\n\n    {record['command']}\n\n{render(record)}\n\n{notes}\n\n![Accuracy against converter bits, spread, wires and array size]({Path(options.out).name}.png)\n")
    figure(record, Path(f"{options.out}.png"))
    print(render(record))


if __name__ == "__main__":
    main()
