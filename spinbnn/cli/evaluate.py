"""``spinbnn evaluate``."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from ..errors import ParameterError

METHODS = ("auto", "exact", "mass", "sampled", "tree")
DRAWN = ("sampled", "tree")


@click.command("evaluate")
@click.argument("weights", type=click.Path(path_type=Path))
@click.option("--data", "data_name", required=True, help="Data set: digits, mnist, fashion-mnist, kmnist, cifar-10 or folder:PATH (spinbnn data list).")
@click.option("--method", type=click.Choice(METHODS), default="auto", show_default=True, help="Which masks are answered, see spinbnn.bayes.predict.")
@click.option("--samples", type=click.IntRange(1), help="Passes of sampled, tree and auto  [default: 10].")
@click.option("--tolerance", type=click.FloatRange(0, 1, max_open=True), help="Of mass and auto: largest total variation from the exact mixture  [default: 0].")
@click.option("--masks", type=click.Choice(["per_pass", "per_image"]), help="Of sampled and tree: one mask a pass, or one for each image, as the hardware draws them  [default: per_image].")
@click.option("--profile", type=click.Path(path_type=Path), help="Hardware profile; evaluates on chips sampled from it.")
@click.option("--chips", type=click.IntRange(1), default=1, show_default=True, help="Number of chips.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--limit", type=click.IntRange(1), help="Number of test images.")
def command(weights: Path, data_name: str, method: str, samples: int | None, tolerance: float | None, masks: str | None, profile: Path | None, chips: int, seed: int, limit: int | None) -> None:
    """Evaluate trained weights on the test images of a data set, in software or on sampled chips."""
    from ..bayes import evaluate, predict
    from ..data import load
    from ..hardware import HardwareProfile
    from ..nn import to_hardware
    from ..tables import Cell, Column, Table
    from ..training import load_model

    for option, given, fitting in (("--masks", masks, DRAWN), ("--samples", samples, (*DRAWN, "auto")), ("--tolerance", tolerance, ("mass", "auto"))):
        if given is not None and method not in fitting:
            raise ParameterError(f"the method {method!r} does not take it", where=option, value=given, remedy=f"leave it out, or add --method {' or '.join(fitting)}")
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
    how: list[str] = []
    for name, network in models.items():
        drawn = (masks or "per_image") if method in DRAWN else "per_pass"
        prediction = predict(network, data.test_images, method=method, samples=samples or 10, seed=seed, masks=drawn, tolerance=tolerance or 0.0)
        used = prediction.method + (f" ({prediction.samples} masks with {prediction.covered:.6f} of the probability)" if prediction.method == "mass" else "")
        how.append(used + (f" ({prediction.note})" if prediction.note else ""))
        values = evaluate(prediction, data.test_labels)
        rows.append([name, 100 * values["accuracy"], values["nll"], 100 * values["ece"], float(prediction.entropy.mean()), float(prediction.mutual_information.mean())])
    heads: list[Column | str] = ["network", Column("accuracy", "%"), Column("NLL", "nat"), Column("ECE", "%"), Column("entropy", "nat"), Column("mutual information", "nat")]
    Console().print(Table(f"{weights.name} on {data_name}", heads, rows, note=f"{len(data.test_labels)} test images, method {'; '.join(dict.fromkeys(how))}, seed {seed}").rich())
