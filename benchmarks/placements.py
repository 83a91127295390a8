"""Placements of Scale-Dropout on validation data: accuracy, NLL, ECE and mutual information in and out, over training seeds.

    python -m benchmarks.placements [--data mnist fashion-mnist] [--seeds 5] [--epochs 15] [--part K/N] [--out results/placements]

Every network is LeNet-5 6-16-120-84, all layers binary, 1-bit image, p = .2, the exact mixture over its 32 masks; the row "no dropout" is the
same network without masks. 5,000 training images are held out; the choice is made on them, the test images stand in a table of their own.
``--part 0/2`` trains every second network (two processes share the folder runs/study); without it the missing ones are trained and the tables
are written. Intervals: 95 % of the mean over seeds (Student's t); differences are paired by seed.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

import torch

from benchmarks.study import LABELS, PLACEMENTS, Recipe, images, obtain, of_seeds
from spinbnn import provenance
from spinbnn.bayes import predict
from spinbnn.bayes.metrics import auroc, evaluate, mean_interval, paired_difference
from spinbnn.data import ood
from spinbnn.files import write_json, write_text
from spinbnn.tables import Cell, Column, Table

OUTSIDE = {"mnist": ("fashion-mnist", "kmnist", "uniform"), "fashion-mnist": ("mnist", "kmnist", "uniform")}
COUNT = 2000
FIGURES = {"accuracy": ("accuracy", "%", 100.0), "nll": ("NLL", "nat", 1.0), "ece": ("ECE", "%", 100.0), "mutual_information": ("MI in", "nat", 1.0)}


def measure(recipe: Recipe, data: Any) -> dict[str, Any]:
    """Return the figures of one network, kept beside its weights."""
    model, record = obtain(recipe, data)
    found: dict[str, Any] = {"recipe": asdict(recipe), "cpu_s": record["cpu_s"]}
    inside = predict(model, data.validation_images, method="exact")
    found["validation"] = evaluate(inside, data.validation_labels)
    found["test"] = evaluate(predict(model, data.test_images, method="exact"), data.test_labels)
    for name in OUTSIDE[recipe.data]:
        outside = predict(model, ood(name, COUNT, (1, 28, 28), seed=1), method="exact")
        found[name] = {
            "mutual_information": float(outside.mutual_information.mean()),
            "auroc_entropy": auroc(inside.entropy, outside.entropy),
            "auroc_mutual_information": auroc(inside.mutual_information, outside.mutual_information),
        }
    return found


def table(data: str, part: str, rows: dict[str, list[dict[str, Any]]]) -> Table:
    """Return mean and interval of every figure for each placement."""
    heads: list[Column | str] = ["placement", *(Column(text, unit) for text, unit, _ in FIGURES.values())]
    extra = part == "validation"
    if extra:
        heads += [f"MI {name} [nat]" for name in OUTSIDE[data]] + [f"AUROC {name}, entropy / MI" for name in OUTSIDE[data]]
    body: list[list[Cell]] = []
    for placement, found in rows.items():
        line: list[Cell] = [LABELS[placement]]
        line += [_text([factor * one[part][key] for one in found]) for key, (_, _, factor) in FIGURES.items()]
        if extra:
            line += [_text([one[name]["mutual_information"] for one in found]) for name in OUTSIDE[data]]
            line += [" / ".join(f"{mean_interval([one[name][key] for one in found]).mean:.3f}" for key in ("auroc_entropy", "auroc_mutual_information")) for name in OUTSIDE[data]]
        body.append(line)
    count = len(next(iter(rows.values())))
    return Table(f"{data}, {part} images", heads, body, note=f"Mean ± half of the 95 % interval over {count} training seeds.")


def differences(data: str, rows: dict[str, list[dict[str, Any]]], against: str) -> Table:
    """Return paired differences of validation figures against one placement."""
    body: list[list[Cell]] = []
    for placement, found in rows.items():
        if placement == against:
            continue
        line: list[Cell] = [LABELS[placement]]
        for key, (_, _, factor) in list(FIGURES.items())[:3]:
            one = paired_difference([factor * a["validation"][key] for a in found], [factor * b["validation"][key] for b in rows[against]])
            line.append(f"{one.mean:+.3f} [{one.low:+.3f}, {one.high:+.3f}]")
        body.append(line)
    return Table(f"{data}: difference to “{LABELS[against]}”, validation", ["placement", "accuracy [points]", "NLL [nat]", "ECE [points]"], body)


def _text(values: list[float]) -> str:
    one = mean_interval(values)
    return f"{one.mean:.4g} ± {0.5 * (one.high - one.low):.2g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", nargs="+", default=list(OUTSIDE), choices=list(OUTSIDE))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--part", help="K/N: train every N-th network from the K-th, write no table")
    parser.add_argument("--out", default="results/placements")
    options = parser.parse_args()
    torch.set_num_threads(1)
    todo = [
        recipe
        for seed in range(options.seeds)
        for data in options.data
        for placement in PLACEMENTS
        for recipe in [of_seeds(Recipe(data=data, placement=placement, epochs=options.epochs), options.seeds)[seed]]
    ]
    sets = {name: images(Recipe(data=name)) for name in options.data}
    if options.part:
        first, step = (int(word) for word in options.part.split("/"))
        for recipe in todo[first::step]:
            obtain(recipe, sets[recipe.data])
        return
    found = [measure(recipe, sets[recipe.data]) for recipe in todo]
    texts = [f"# Placements of Scale-Dropout\n\n    python -m benchmarks.{provenance.command().replace('.py', '', 1)}\n\n{(__doc__ or '').split(chr(10) + chr(10), 2)[2].strip()}\n"]
    for data in options.data:
        rows = {p: [one for one in found if one["recipe"]["data"] == data and one["recipe"]["placement"] == p] for p in PLACEMENTS}
        tables = [table(data, "validation", rows), *(differences(data, rows, name) for name in ("none", "pre_bn")), table(data, "test", rows)]
        texts += [one.to_markdown() + "\n" for one in tables]
    seconds = sum(one["cpu_s"] for one in found)
    texts.append(f"{len(found)} networks, {options.epochs} epochs each, {seconds / 60:.0f} minutes of processor time; commit {provenance.git_revision()}.\n")
    write_text(f"{options.out}.md", "\n".join(texts))
    write_json(f"{options.out}.json", {"made": provenance.record(seed=0), "networks": found})
    print("\n".join(texts))


if __name__ == "__main__":
    main()
