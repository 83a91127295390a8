"""Accuracy, ECE and mutual information of MNIST LeNet-5 from -40 to 125 degC: chips trimmed at 25 degC and used elsewhere.

    python -m benchmarks.temperature [--placement dual_bn] [--seeds 5] [--chips 20] [--epochs 15] [--tables NAME=FILE ...] [--out results/temperature]

The masks' answers are those of the software network; what a chip changes is the weight of each mask, by the drop probability of its
characterised module at that temperature (arrays at 300 K). "retrimmed": a code for every temperature. Networks of `benchmarks.placements`.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.study import Recipe, images, obtain, of_seeds
from spinbnn import provenance
from spinbnn.bayes import predict
from spinbnn.bayes.metrics import evaluate, mean_interval
from spinbnn.characterize import LookupTable
from spinbnn.files import write_json, write_text
from spinbnn.hardware import HardwareProfile
from spinbnn.nn import all_masks
from spinbnn.report.style import screen_style
from spinbnn.tables import Cell, Table

CELSIUS = (-40.0, 0.0, 25.0, 50.0, 85.0, 125.0)
TRIM = 298.15
FIGURES = {"accuracy": ("accuracy [%]", 100.0), "ece": ("ECE [%]", 100.0), "mutual_information": ("mutual information [nat]", 1.0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--placement", default="dual_bn")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--chips", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--tables", nargs="+", default=["voltage mode=flows/tables/dropout_module.h5"], help="label=file of characterised modules")
    parser.add_argument("--out", default="results/temperature")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = images(Recipe())
    labels = data.test_labels
    masks = all_masks(5).numpy()
    found: list[dict[str, Any]] = []
    nets = [obtain(r, data)[0] for r in of_seeds(Recipe(placement=options.placement, epochs=options.epochs), options.seeds)]
    answers = [predict(net, data.test_images, method="exact") for net in nets]
    for entry in options.tables:
        label, file = entry.split("=", 1)
        profile = HardwareProfile.build(LookupTable.open(Path(file)), drop_probability=0.2, trim="per_module", temperature=TRIM)
        chips = profile.chip_seeds(options.chips, 7)
        for celsius in CELSIUS:
            for trimmed, at in (("trimmed at 25 degC", TRIM), ("retrimmed", celsius + 273.15)):
                for number, answer in enumerate(answers):
                    rows = []
                    for seed in chips:
                        chip = profile.chip(seed, temperature=celsius + 273.15, trim_temperature=at)
                        one = dataclasses.replace(answer, weights=torch.from_numpy(chip.mask_weights(masks)))
                        rows.append({"p": float(chip.drop_probability.mean()), **evaluate(one, labels)})
                    mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
                    found.append({"module": label, "celsius": celsius, "trim": trimmed, "network": number, "chips": rows, **mean})
    texts = [f"# Temperature\n\n    python -m benchmarks.{provenance.command().replace('.py', '', 1)}\n\n{(__doc__ or '').split(chr(10) + chr(10), 2)[2].strip()}\n"]
    for module in dict.fromkeys(row["module"] for row in found):
        body: list[list[Cell]] = []
        for trimmed in ("trimmed at 25 degC", "retrimmed"):
            for celsius in CELSIUS:
                rows = [r for r in found if (r["module"], r["trim"], r["celsius"]) == (module, trimmed, celsius)]
                p = np.array([one["p"] for r in rows for one in r["chips"]])
                line: list[Cell] = [trimmed, f"{celsius:g}", f"{p.mean():.3f} ± {p.std(ddof=1):.3f}"]
                for key, (_, factor) in FIGURES.items():
                    one = mean_interval([factor * r[key] for r in rows])
                    line.append(f"{one.mean:.4g} ± {0.5 * (one.high - one.low):.2g}")
                body.append(line)
        note = f"p: mean ± sd over {options.chips} chips; figures: mean over chips, then over {options.seeds} training seeds ± half of the 95 % interval."
        texts.append(Table(f"Module: {module}", ["code", "temperature [degC]", "p_drop", *(t for t, _ in FIGURES.values())], body, note=note).to_markdown() + "\n")
    write_json(f"{options.out}.json", {"made": provenance.record(seed=0), "rows": found})
    texts.append(f"![Accuracy, ECE and mutual information over temperature]({Path(options.out).name}.png)\n")
    write_text(f"{options.out}.md", "\n".join(texts))
    _figure(found, Path(f"{options.out}.png"))
    print("\n".join(texts))


def _figure(found: list[dict[str, Any]], path: Path) -> None:
    import matplotlib.pyplot as plt

    with plt.rc_context(screen_style()):
        modules = list(dict.fromkeys(row["module"] for row in found))
        figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.0), layout="constrained")
        for axis, (key, (text, factor)) in zip(axes, FIGURES.items(), strict=True):
            for m, module in enumerate(modules):
                for t, (trimmed, line) in enumerate((("trimmed at 25 degC", "-"), ("retrimmed", "--"))):
                    groups = [[factor * r[key] for r in found if (r["module"], r["trim"], r["celsius"]) == (module, trimmed, c)] for c in CELSIUS]
                    spans = [mean_interval(values) for values in groups]
                    y = np.array([s.mean for s in spans])
                    bars = [y - [s.low for s in spans], np.array([s.high for s in spans]) - y]
                    apart = 3.0 * t - 1.5  # bars beside each other
                    label = f"{module}, {trimmed.replace('degC', '°C')}"
                    axis.errorbar(np.add(CELSIUS, apart), y, yerr=bars, fmt="o" + line, color=f"C{2 * m + t}", ms=4, lw=1.2, elinewidth=0.8, capsize=2, label=label)
            axis.set_xlabel("temperature [°C]")
            axis.set_ylabel(text)
        axes[0].legend(fontsize=7)
        figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
