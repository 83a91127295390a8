"""Fidelity ``table`` against ``exact``: random tiles, and a trained LeNet-5 on MNIST, the same sampled chips for both.

    python benchmarks/table_against_exact.py [--chips 20] [--images 1000] [--weights ...] [--out results/table_against_exact]

Tiles: errors of calibrated columns before conversion, in converter steps (spinbnn.hardware.arrays.measure_agreement). LeNet-5: the errors of
every layer's accumulations on what that layer of the ``exact`` chip really sees, column by column, after conversion, in counts; and the
accuracy of chips at both fidelities on the same images, with the 95 % interval of the mean difference over chips.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mnist_model import WEIGHTS, trained

from spinbnn import provenance
from spinbnn.crossbar.array_params import ArrayParams
from spinbnn.files import write_text
from spinbnn.hardware import HardwareProfile
from spinbnn.hardware.arrays import CrossbarSetup, measure_agreement
from spinbnn.hardware.arrays.agreement import distance
from spinbnn.nn.hardware import FidelityWarning, placed_layers, to_hardware
from spinbnn.tables import Column, Table

SIZES = ((64, 64), (128, 64), (256, 64), (256, 256))
WAYS = [(rows, readout) for rows in ("driven", "gated") for readout in ("single", "differential")]


def tiles(names: list[str], chips: int, inputs: int) -> list[dict[str, Any]]:
    """Measure random tiles."""
    found = []
    for name in names:
        for rows, readout in WAYS:
            for size in SIZES:
                setup = CrossbarSetup(params=ArrayParams.load(name), rows=rows, readout=readout)
                record = measure_agreement(setup, *size, chips=chips, inputs=inputs)
                found.append({"array": name, "array_rows": rows, "readout": readout, "holds": record.holds, **record.to_dict()})
                print(name, rows, readout, record, "" if record.holds else "OUTSIDE", flush=True)
    return found


def network(model: Any, x: torch.Tensor, y: torch.Tensor, name: str, rows: str, readout: str, chips: int) -> dict[str, Any]:
    """Compare chips of the network."""
    profile = HardwareProfile.ideal(0.2).with_arrays(CrossbarSetup(params=ArrayParams.load(name), rows=rows, readout=readout))
    accuracy: list[tuple[float, float]] = []
    errors: dict[str, list[np.ndarray]] = {}
    for seed in profile.chip_seeds(chips, seed=7):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FidelityWarning)
            table, exact = (to_hardware(model, profile, profile.chip(seed), f) for f in ("table", "exact"))
        ideal = to_hardware(model, profile, profile.chip(seed), "ideal")
        seen: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        handles = [m.register_forward_hook(lambda _m, i, o, n=n, seen=seen: seen.__setitem__(n, (i[0], o))) for n, m in placed_layers(exact).items()]
        answers = [torch.cat([net(x[k : k + 250]).argmax(1) for k in range(0, len(x), 250)]) for net in (table, exact)]
        accuracy.append((float((answers[0] == y).float().mean()), float((answers[1] == y).float().mean())))
        for n, (inputs, out) in seen.items():  # of the last 250 images
            want = ideal.get_submodule(n)(inputs)
            pair = [((got - want) / 2).movedim(1, -1).reshape(-1, out.shape[1]).numpy() for got in (placed_layers(table)[n](inputs), out)]
            errors.setdefault(n, []).append(np.stack(pair))
        for handle in handles:
            handle.remove()
    got = np.array(accuracy)
    difference = got[:, 0] - got[:, 1]
    layers = {}
    for n, found in errors.items():
        both = np.stack(found)  # (chips, 2, reads, columns)
        means = both[:, 0].mean(1) - both[:, 1].mean(1)
        layers[n] = {
            "mean_error": float(np.abs(means).max()), "mean_error_rms": float(np.sqrt((means**2).mean())),
            "spread_ratio": float(both[:, 0].std() / max(both[:, 1].std(), 1e-12)),
            "distance": distance(both[:, 0].ravel(), both[:, 1].ravel()), "exact_spread": float(both[:, 1].std()),
        }  # fmt: skip
    half = 1.96 * float(difference.std(ddof=1)) / len(difference) ** 0.5
    row = {
        "array": name, "array_rows": rows, "readout": readout, "chips": chips, "images": len(x), "accuracy_table": float(got[:, 0].mean()),
        "accuracy_exact": float(got[:, 1].mean()), "accuracy_exact_sd": float(got[:, 1].std(ddof=1)), "difference": float(difference.mean()),
        "half_interval": half, "binomial_half_interval": float(1.96 * np.sqrt(got[:, 1].mean() * (1 - got[:, 1].mean()) / len(x))), "layers": layers,
    }  # fmt: skip
    print({k: v for k, v in row.items() if k != "layers"}, flush=True)
    return row


def render(record: dict[str, Any]) -> str:
    """Return both tables."""
    first: list[list[Any]] = [
        [r["array"], r["array_rows"], r["readout"], f"{r['rows']} x {r['columns']}", f"{r['mean_error']:.3f}", f"{r['mean_error_rms']:.3f}", f"{r['read_error_rms']:.3f}",
         f"{r['spread_ratio']:.3f}", f"{r['spread_ratio_low']:.3f} to {r['spread_ratio_high']:.3f}", f"{r['distance']:.3f}", f"{r['exact_spread']:.2f}", "yes" if r["holds"] else "NO"]
        for r in record["tiles"]
    ]  # fmt: skip
    heads: list[Column | str] = ["array", "rows", "readout", "tile", "mean error, worst column", "rms over columns", "rms of a read", "spread ratio", "of single columns", "KS", "sd of exact", "holds"]
    second: list[list[Any]] = [
        [r["array"], r["array_rows"], r["readout"], f"{100 * r['accuracy_exact']:.2f} ± {100 * r['accuracy_exact_sd']:.2f}", f"{100 * r['accuracy_table']:.2f}",
         f"{100 * r['difference']:+.3f} ± {100 * r['half_interval']:.3f}", f"± {100 * r['binomial_half_interval']:.2f}",
         f"{max(v['mean_error'] for v in r['layers'].values()):.2f}", f"{min(v['spread_ratio'] for v in r['layers'].values()):.3f} to {max(v['spread_ratio'] for v in r['layers'].values()):.3f}",
         f"{max(v['distance'] for v in r['layers'].values()):.3f}"]
        for r in record["networks"]
    ]  # fmt: skip
    heads2: list[Column | str] = ["array", "rows", "readout", "exact [%]", "table [%]", "difference [points]", "of the images [points]", "mean error, worst column", "spread ratio of layers", "KS, worst layer"]
    return "\n\n".join((
        Table(f"Random tiles, {record['chips']} chips, {record['inputs']} inputs, in converter steps", heads, first).to_markdown(),
        Table("LeNet-5 on MNIST, 256 x 256 arrays, errors of the layers in counts after conversion", heads2, second).to_markdown(),
    ))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chips", type=int, default=20)
    parser.add_argument("--inputs", type=int, default=256)
    parser.add_argument("--images", type=int, default=10000)
    parser.add_argument("--gated-images", type=int, default=500, help="images for 'exact' with gated rows, about 100 a second and chip")
    parser.add_argument("--arrays", nargs="+", default=["array_mohm", "array_100k"])
    parser.add_argument("--weights", default=WEIGHTS)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--out", default="results/table_against_exact")
    options = parser.parse_args()
    torch.set_num_threads(1)
    record: dict[str, Any] = {"chips": options.chips, "inputs": options.inputs, "tiles": tiles(options.arrays, options.chips, options.inputs)}
    model, data = trained(options.weights, options.epochs)
    with torch.no_grad():
        counts = {"driven": options.images, "gated": options.gated_images}
        record["networks"] = [
            network(model, data.test_images[: counts[rows]], data.test_labels[: counts[rows]], name, rows, readout, options.chips)
            for name in options.arrays
            for rows, readout in WAYS
        ]
    record |= {"command": f"python benchmarks/{provenance.command()}", **provenance.record(7)}
    write_text(Path(f"{options.out}.json"), json.dumps(record, indent=1) + "\n")
    notes = " ".join(ArrayParams.load(name).assumption_note for name in options.arrays)
    write_text(Path(f"{options.out}.md"), f"# `table` against `exact`\n\n    {record['command']}\n\n{render(record)}\n\n{notes}\n")
    print(render(record))


if __name__ == "__main__":
    main()
