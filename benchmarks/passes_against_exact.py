"""What T passes show of the exact mixture: LeNet-5, MNIST inside, Fashion-MNIST outside; prints a table.

    python benchmarks/passes_against_exact.py

The passes are drawn from the branches of the exact mixture, by their weights and the same for all images of a repeat, so
that nothing but the number of passes differs.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from typing import Any

import torch
from mnist_model import trained

from spinbnn.bayes import Prediction, evaluate, predict
from spinbnn.bayes.detection import detection_row
from spinbnn.data import load
from spinbnn.nn import set_drop_probabilities
from spinbnn.rng import stream
from spinbnn.tables import Column, Table

WEIGHTS = "runs/uncertainty/lenet5.safetensors"
COLUMNS = (
    "accuracy",
    "nll",
    "ece",
    "entropy",
    "mutual_information",
    "detected_0.95",
    "rejected_0.95",
    "auroc",
    "fpr95",
)


def passes(exact: Prediction, counts: Any, total: int) -> Prediction:
    """Return the mixture of ``total`` passes that took each branch so many times."""
    return dataclasses.replace(exact, weights=torch.from_numpy(counts / total), method="sampled")


def row(inside: Prediction, outside: Prediction, labels: torch.Tensor) -> dict[str, float]:
    """Return the measures of one pair of predictions."""
    return {**evaluate(inside, labels), **detection_row(inside, outside)}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", default=WEIGHTS)
    parser.add_argument("--epochs", type=int, default=5, help="of the training, if the file is missing")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--p", type=float, default=0.2, help="drop probability of the prediction")
    given = parser.parse_args()
    model, data = trained(given.weights, given.epochs)
    set_drop_probabilities(model, given.p)
    images, labels = data.test_images[: given.images], data.test_labels[: given.images]
    inside = predict(model, images, "exact")
    outside = predict(model, load("fashion-mnist").test_images[: given.images], "exact")
    lines = [["exact", *(row(inside, outside, labels)[name] for name in COLUMNS)]]
    for total in (5, 10, 20, 50):
        found = []
        for repeat in range(given.repeats):
            counts = stream(0, "passes", total, repeat).multinomial(total, inside.weights.numpy())
            found.append(row(*(passes(p, counts, total) for p in (inside, outside)), labels))
        lines.append([f"T = {total}", *(statistics.fmean(r[name] for r in found) for name in COLUMNS)])
        lines.append([f"sd, T = {total}", *(statistics.stdev(r[name] for r in found) for name in COLUMNS)])
    title = f"{given.images} images of each set, p = {given.p:g}, {given.repeats} repeats; means, and sd of one repeat"
    print(Table(title, ["passes", *(Column(name) for name in COLUMNS)], lines).to_markdown())


if __name__ == "__main__":
    main()
