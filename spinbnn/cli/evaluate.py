"""``spinbnn evaluate``."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from ..errors import ParameterError


@click.command("evaluate")
@click.argument("weights", type=click.Path(path_type=Path))
@click.option("--data", "data_name", required=True, help="Data set: digits, mnist, fashion-mnist, kmnist, cifar-10 or folder:PATH (spinbnn data list).")
@click.option("--method", type=click.Choice(["auto", "exact", "sampled"]), default="auto", show_default=True)
@click.option("--samples", type=click.IntRange(1), default=10, show_default=True, help="Passes of the sampled prediction.")
@click.option("--masks", type=click.Choice(["per_pass", "per_image"]), help="Sampled: one mask a pass, or one for each image, as the hardware draws them  [default: per_image].")
@click.option("--profile", type=click.Path(path_type=Path), help="Hardware profile; evaluates on chips sampled from it.")
@click.option("--chips", type=click.IntRange(1), default=1, show_default=True, help="Number of chips.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--limit", type=click.IntRange(1), help="Number of test images.")
def command(weights: Path, data_name: str, method: str, samples: int, masks: str | None, profile: Path | None, chips: int, seed: int, limit: int | None) -> None:
    """Evaluate trained weights on the test images of a data set, in software or on sampled chips."""
    from ..bayes import evaluate, predict
    from ..data import load
    from ..hardware import HardwareProfile
    from ..nn import to_hardware
    from ..tables import Cell, Column, Table
    from ..training import load_model

    if masks is not None and method != "sampled":
        raise ParameterError("only a sampled prediction draws masks", where="--masks", value=masks, remedy="add --method sampled")
    if profile is None and chips != 1:
        raise ParameterError("chips need a hardware profile", where="--chips", value=chips, remedy="give --profile FILE (a run folder holds profile.h5)")
    model, data = load_model(weights), load(data_name)
    if limit:
        data = data.subset(test=limit)
    models = {"software": model}
    if profile is not None:
        found = HardwareProfile.load(profile)
        models = {f"chip {k}": to_hardware(model, found, found.chip(s), fidelity="ideal") for k, s in enumerate(found.chip_seeds(chips, seed))}
    rows: list[list[Cell]] = []
    used = ""
    for name, network in models.items():
        drawn = (masks or "per_image") if method == "sampled" else "per_pass"
        prediction = predict(network, data.test_images, method=method, samples=samples, seed=seed, masks=drawn)
        used = prediction.method
        values = evaluate(prediction, data.test_labels)
        rows.append([name, 100 * values["accuracy"], values["nll"], 100 * values["ece"], float(prediction.entropy.mean()), float(prediction.mutual_information.mean())])
    heads: list[Column | str] = ["network", Column("accuracy", "%"), Column("NLL", "nat"), Column("ECE", "%"), Column("entropy", "nat"), Column("mutual information", "nat")]
    Console().print(Table(f"{weights.name} on {data_name}", heads, rows, note=f"{len(data.test_labels)} test images, method {used}, seed {seed}").rich())
