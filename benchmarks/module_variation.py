"""Table III's experiment on LeNet-5 and MNIST (III-M): accuracy when the drop probability varies from chip to chip.

    python -m benchmarks.module_variation [--placement dual_bn] [--seeds 5] [--chips 20] [--epochs 15] [--part K/N] [--out results/module_variation]

(a) p of every layer's module is p + N(0, sigma^2), clipped to [0, 1] (Eq. 22; sigma 0, 3.3, 6.7, 10 points). (b) p of characterised modules:
trimmed with DAC steps of 1, 2 and 3 times the shipped one, and one code for all. "Without": trained with p = .2; "with": trained with the same variation in every
mini-batch. The exact mixture of every chip is that of the software masks, weighted by the chip's probabilities, on all 10,000 test images.
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

import numpy as np
import torch

from benchmarks.study import Recipe, images, module_profile, obtain, of_seeds
from spinbnn import provenance
from spinbnn.bayes import predict
from spinbnn.bayes.metrics import evaluate, mean_interval, paired_difference
from spinbnn.files import write_json, write_text
from spinbnn.nn import all_masks
from spinbnn.tables import Cell, Table

VARIATIONS: dict[str, dict[str, Any]] = {
    "(a) sigma 0": {},
    "(a) sigma 3.3 points": {"spread": 0.033},
    "(a) sigma 6.7 points": {"spread": 0.067},
    "(a) sigma 10 points": {"spread": 0.10},
    "(b) trimmed, 1x": {"code": "trimmed", "step": 1.0},
    "(b) trimmed, 2x": {"code": "trimmed", "step": 2.0},
    "(b) trimmed, 3x": {"code": "trimmed", "step": 3.0},
    "(b) one code for all": {"code": "one code", "step": 1.0},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--placement", default="dual_bn")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--chips", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--part", help="K/N: train every N-th network from the K-th, write no table")
    parser.add_argument("--out", default="results/module_variation")
    options = parser.parse_args()
    torch.set_num_threads(1)
    base = Recipe(placement=options.placement, epochs=options.epochs)
    data = images(base)
    jobs = [(name, seed) for seed in range(options.seeds) for name in VARIATIONS]
    if options.part:
        first, step = (int(word) for word in options.part.split("/"))
        for name, seed in jobs[first::step]:
            obtain(dataclasses.replace(base, seed=seed, **VARIATIONS[name]), data)
        return
    masks = all_masks(5).numpy()
    plain = [predict(obtain(r, data)[0], data.test_images, method="exact") for r in of_seeds(base, options.seeds)]
    rows: list[dict[str, Any]] = []
    body: list[list[Cell]] = []
    for name, fields in VARIATIONS.items():
        recipe = dataclasses.replace(base, **fields)
        trained = [predict(obtain(r, data)[0], data.test_images, method="exact") for r in of_seeds(recipe, options.seeds)] if fields else plain
        profile = module_profile(recipe)
        chips = [profile.chip(seed) for seed in profile.chip_seeds(options.chips, 11)]
        p = np.array([chip.drop_probability for chip in chips])
        accuracies: dict[str, list[float]] = {}
        for label, answers in (("without", plain), ("with", trained)):
            for number, answer in enumerate(answers):
                found = [evaluate(dataclasses.replace(answer, weights=torch.from_numpy(c.mask_weights(masks))), data.test_labels) for c in chips]
                rows.append({"variation": name, "trained": label, "network": number, "chips": found, "p": p.tolist()})
            accuracies[label] = [100 * float(np.mean([one["accuracy"] for one in row["chips"]])) for row in rows[-len(answers) :]]
        spread = np.mean([np.std([100 * one["accuracy"] for one in row["chips"]], ddof=1) for row in rows[-2 * len(plain) : -len(plain)]])
        gain = paired_difference(accuracies["with"], accuracies["without"])
        drop = paired_difference(accuracies["without"], [100 * float(evaluate(a, data.test_labels)["accuracy"]) for a in plain])
        body.append([
            name, f"{p.mean():.3f} ± {p.std(ddof=1):.3f}", *(_text(accuracies[key]) for key in ("without", "with")), f"{spread:.3f}",
            f"{drop.mean:+.3f} [{drop.low:+.3f}, {drop.high:+.3f}]", f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]",
        ])  # fmt: skip
    heads = ["variation", "p over chips and layers", "trained without [%]", "trained with [%]", "sd over chips [points]", "loss without, against p = .2 [points]", "gain of training with [points]"]
    note = f"Mean over {options.chips} chips and {options.seeds} training seeds ± half of the 95 % interval over seeds; differences paired by seed."
    text = Table("Accuracy", list(heads), body, note=note).to_markdown()
    head = f"# III-M: variation of the dropout module\n\n    python -m benchmarks.{provenance.command().replace('.py', '', 1)}\n\n{(__doc__ or '').split(chr(10) + chr(10), 2)[2].strip()}\n\n"
    write_text(f"{options.out}.md", head + text + "\n")
    write_json(f"{options.out}.json", {"made": provenance.record(seed=0), "rows": rows})
    print(head + text)


def _text(values: list[float]) -> str:
    one = mean_interval(values)
    return f"{one.mean:.2f} ± {0.5 * (one.high - one.low):.2f}"


if __name__ == "__main__":
    main()
