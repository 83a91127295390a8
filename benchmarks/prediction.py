"""Time of every prediction method against a loop over T forward passes: LeNet-5 and VGG-small, one thread, one run.

    python -m benchmarks.prediction [--quick] [--networks lenet5 vgg_small] [--out results/prediction]

The loop is what a user writes: ``fixed_masks(model, mask)`` and ``model(x)`` for each of the T masks that ``sampled`` and
``tree`` draw, then the softmax. Times are CPU time, the smallest of the repetitions, loop and methods in turn. Weights
are random, and so are alpha, gamma and the statistics: both branches differ, as after training. Before anything is
timed, ``sampled`` and ``tree`` are compared with the loop bit for bit, ``exact`` and ``mass`` with a loop over all masks.

Columns: milliseconds of the loop, then its ratio to each method. ``exact`` and ``mass`` (total variation at most 0.05) do not
depend on T.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spinbnn import provenance
from spinbnn.bayes import predict
from spinbnn.files import write_text
from spinbnn.nn import ScaleDropout, all_masks, fixed_masks
from spinbnn.nn.models import build
from spinbnn.tables import Column, Table

PASSES = (10, 20, 50)
BATCHES = (1, 100)
DROP = (0.1, 0.2, 0.5)
TOLERANCE = 0.05
TARGET = 12.0
NETWORKS = {"lenet5": {"repeats": 20, "all": True}, "vgg_small": {"repeats": 2, "all": False}}


def network(name: str, p: float) -> nn.Module:
    """Return a network in eval mode in which both branches of every layer differ."""
    model, draw = build(name, p=p), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, ScaleDropout):
                for tensor, low, high in (
                    (layer.alpha, 0.5, 1.5), (layer.weight, 0.5, 1.5), (layer.bias, -0.5, 0.5),
                    (layer.running_mean, -5.0, 5.0), (layer.running_var, 20.0, 90.0),
                ):  # fmt: skip
                    tensor.uniform_(low, high, generator=draw)
    return model.eval()


def loop(model: nn.Module, x: Tensor, masks: Tensor) -> Tensor:
    """Return the class probabilities of every mask, one forward pass each."""
    rows = []
    with torch.no_grad():
        for mask in masks:
            with fixed_masks(model, mask):
                rows.append(torch.softmax(model(x).double(), dim=1))
    return torch.stack(rows)


def milliseconds(calls: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Return the smallest CPU time of each call, taken in turn."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.process_time()
            call()
            best[name] = min(best[name], 1e3 * (time.process_time() - start))
    return best


def check(model: nn.Module, x: Tensor, passes: int, everything: bool) -> None:
    """Compare the methods with the loop, bit for bit."""
    for method in ("sampled", "tree"):
        found = predict(model, x, method, passes, batch_size=len(x))
        assert torch.equal(found.probs, loop(model, x, found.masks)), method
    for method in ("exact", "mass"):
        found = predict(model, x[:4], method, tolerance=0.0 if method == "exact" else TOLERANCE)
        assert found.masks is not None
        chosen = slice(None) if everything else slice(0, None, 16)
        assert torch.equal(found.probs[chosen], loop(model, x[:4], found.masks[chosen])), method


def measure(name: str, batch: int, p: float, passes: tuple[int, ...], repeats: int) -> list[dict[str, Any]]:
    """Return one row for each number of passes."""
    model = network(name, p)
    x = torch.rand(batch, *model.input_shape, generator=torch.Generator().manual_seed(1))
    check(model, x, passes[0], bool(NETWORKS[name]["all"]))
    masks = {t: predict(model, x[:1], "sampled", t).masks for t in passes}
    calls: dict[str, Callable[[], Any]] = {
        "exact": lambda: predict(model, x, "exact", batch_size=batch),
        "mass": lambda: predict(model, x, "mass", tolerance=TOLERANCE, batch_size=batch),
    }
    for t in passes:
        calls[f"loop {t}"] = lambda t=t: loop(model, x, masks[t])  # type: ignore[misc]
        for method in ("sampled", "tree"):
            calls[f"{method} {t}"] = lambda t=t, method=method: predict(model, x, method, t, batch_size=batch)  # type: ignore[misc]
    found = milliseconds(calls, repeats)
    count = len(all_masks(sum(1 for m in model.modules() if isinstance(m, ScaleDropout))))
    taken = predict(model, x[:1], "mass", tolerance=TOLERANCE).samples
    rows = []
    for t in passes:
        times = {"loop": found[f"loop {t}"], "sampled": found[f"sampled {t}"], "tree": found[f"tree {t}"], "exact": found["exact"], "mass": found["mass"]}
        rows.append({"network": name, "images": batch, "p": p, "passes": t, "masks": count, "likely_masks": taken, "milliseconds": times})
        print(name, batch, p, t, {k: round(v, 2) for k, v in times.items()}, flush=True)
    return rows


def table(rows: list[dict[str, Any]]) -> Table:
    """Return the table of ratios."""
    heads: list[Column | str] = [
        "network", "images", "p", "T", Column("loop", "ms"), Column("sampled", "x"), Column("tree", "x"), Column("exact", "x"), Column("mass", "x"), "masks of mass",
    ]  # fmt: skip
    lines = []
    for row in rows:
        times = row["milliseconds"]
        ratios = [round(times["loop"] / times[k], 1) for k in ("sampled", "tree", "exact", "mass")]
        lines.append([row["network"], row["images"], row["p"], row["passes"], round(times["loop"], 2), *ratios, f"{row['likely_masks']} of {row['masks']}"])
    return Table("Prediction: time of a loop over T passes, and how many times faster each method is", heads, lines, note=f"One thread, CPU time; mass covers {1 - TOLERANCE:.0%}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="LeNet-5, T = 20, p = 0.2")
    parser.add_argument("--networks", nargs="+", choices=sorted(NETWORKS), default=sorted(NETWORKS))
    parser.add_argument("--out", type=Path, default=Path("results/prediction"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    names, passes, drops = (["lenet5"], (20,), (0.2,)) if options.quick else (options.networks, PASSES, DROP)
    rows: list[dict[str, Any]] = []
    for name in names:
        for batch in BATCHES:
            repeats = max(1, int(NETWORKS[name]["repeats"]) // (1 if batch == 1 or name == "lenet5" else 2))
            for p in drops:
                rows += measure(name, batch, p, passes, repeats)
    mine = [r["milliseconds"] for r in rows if r["network"] == "lenet5" and r["passes"] == 20]
    least = min((times["loop"] / times["exact"] for times in mine), default=float("nan"))
    verdict = f"LeNet-5, exact against the loop of T = 20: at least {least:.1f} times (target {TARGET:g})"
    print(table(rows).to_markdown(), verdict, sep="\n")
    if not options.quick:
        command = f"python -m benchmarks.{provenance.command().replace('.py', '', 1)}"
        record = {"command": command, "verdict": verdict, "rows": rows, **provenance.record(0)}
        write_text(options.out.with_suffix(".json"), json.dumps(record, indent=1) + "\n")
        write_text(options.out.with_suffix(".md"), f"# Prediction methods against a loop over passes\n\n    {command}\n\n{table(rows).to_markdown()}\n\n{verdict}.\n")


if __name__ == "__main__":
    main()
