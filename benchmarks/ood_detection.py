"""Unusual images told from MNIST test images: the published rule with its rejection rate, AUROC and FPR95, over training seeds.

    python -m benchmarks.ood_detection [--placement dual_bn] [--seeds 5] [--epochs 15] [--out results/ood_detection]

LeNet-5 6-16-120-84, all layers binary, 1-bit image (networks of `benchmarks.placements`). Scale-Dropout answers by its exact mixture and by
T = 20 passes; beside it the same network without dropout and the ensemble of the deterministic networks of all seeds, for which the rule has
one or as many components as members. 2,000 images of each set; ID are the first 2,000 test images of MNIST. Ranks by predictive entropy.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch

from benchmarks.study import LABELS, Recipe, images, obtain, of_seeds
from spinbnn import provenance
from spinbnn.bayes import Prediction, predict
from spinbnn.bayes.detection import detection_row
from spinbnn.bayes.metrics import evaluate, mean_interval, paired_difference
from spinbnn.data import ood, rotate
from spinbnn.files import write_json, write_text
from spinbnn.tables import Cell, Column, Table

COUNT = 2000
SETS = ("fashion-mnist", "kmnist", "gaussian", "uniform", "noisy_uniform", "rotated by 90 degrees")
PASSES = 20


def outside(name: str, inside: torch.Tensor) -> torch.Tensor:
    """Return the images of one set."""
    if name.startswith("rotated"):
        return rotate(inside, 90.0)
    return ood(name, COUNT, (1, 28, 28), seed=1, images=inside)


def ensemble(members: list[Prediction]) -> Prediction:
    """Return the mixture of the members' answers, with equal weights."""
    probs = torch.cat([one.mean[None] for one in members])
    return Prediction(probs=probs, weights=torch.full((len(probs),), 1.0 / len(probs), dtype=torch.float64), method="ensemble")


def rows_of(answer: Any, inside: torch.Tensor, labels: torch.Tensor) -> dict[str, dict[str, float]]:
    """Return the figures of one network (or ensemble) for every set."""
    known = answer(inside)
    found = {"test images": evaluate(known, labels)}
    return found | {name: detection_row(known, answer(outside(name, inside))) for name in SETS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--placement", default="dual_bn")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--out", default="results/ood_detection")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = images(Recipe())
    inside, labels = data.test_images[:COUNT], data.test_labels[:COUNT]
    found: dict[str, list[dict[str, dict[str, float]]]] = {}
    for placement in dict.fromkeys((options.placement, "pre_bn")):
        models = [obtain(r, data)[0] for r in of_seeds(Recipe(placement=placement, epochs=options.epochs), options.seeds)]
        for text, extra in (("exact", {"method": "exact"}), (f"T = {PASSES}", {"method": "sampled", "samples": PASSES, "masks": "per_image"})):
            found[f"{LABELS[placement]}, {text}"] = [rows_of(lambda x, m=m, extra=extra: predict(m, x, seed=1, **extra), inside, labels) for m in models]
    plain = [obtain(r, data)[0] for r in of_seeds(Recipe(placement="none", epochs=options.epochs), options.seeds)]
    found[LABELS["none"]] = [rows_of(lambda x, m=m: predict(m, x, method="exact"), inside, labels) for m in plain]
    found[f"ensemble of {options.seeds}"] = [rows_of(lambda x: ensemble([predict(m, x, method="exact") for m in plain]), inside, labels)]
    texts = [f"# Detection of unusual images, MNIST\n\n    python -m benchmarks.{provenance.command().replace('.py', '', 1)}\n\n{(__doc__ or '').split(chr(10) + chr(10), 2)[2].strip()}\n"]
    for name in SETS:
        heads: list[Column | str] = ["network", "accuracy ID [%]", "flagged, rule .95 [%]", "ID flagged [%]", "flagged, rule .99 [%]", "ID flagged [%]", "AUROC [%]", "FPR95 [%]"]
        keys = ("detected_0.95", "rejected_0.95", "detected_0.99", "rejected_0.99", "auroc", "fpr95")
        body: list[list[Cell]] = [
            [who, _text([100 * one["test images"]["accuracy"] for one in many]), *(_text([100 * one[name][key] for one in many]) for key in keys)]
            for who, many in found.items()
        ]
        texts.append(Table(name, heads, body, note="Mean over training seeds ± half of its 95 % interval.").to_markdown() + "\n")
    texts.append(differences(found).to_markdown() + "\n")
    write_text(f"{options.out}.md", "\n".join(texts))
    write_json(f"{options.out}.json", {"made": provenance.record(seed=0), "networks": found})
    print("\n".join(texts))


def differences(found: dict[str, list[dict[str, dict[str, float]]]]) -> Table:
    """Return the AUROC of each exact mixture less that of the network without dropout, paired by seed."""
    plain = found[LABELS["none"]]
    body: list[list[Cell]] = []
    for who in (name for name in found if name.endswith(", exact")):
        pairs = [paired_difference([100 * one[name]["auroc"] for one in found[who]], [100 * one[name]["auroc"] for one in plain]) for name in SETS]
        body.append([who, *(f"{one.mean:+.2f} [{one.low:+.2f}, {one.high:+.2f}]" for one in pairs)])
    return Table("AUROC less that without dropout [points], paired by seed", ["network", *SETS], body, note="In brackets the 95 % interval; the only statement here on which network is better.")


def _text(values: list[float]) -> str:
    one = mean_interval(values)
    return f"{one.mean:.4g}" if one.n == 1 else f"{one.mean:.4g} ± {0.5 * (one.high - one.low):.2g}"


if __name__ == "__main__":
    main()
