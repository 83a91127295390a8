"""Networks that the studies of issue E share: each is trained once, by a fixed recipe, and kept with its record.

A network is named by everything that fixes its weights; `obtain` reads it from the folder of runs or trains it there (a killed training
resumes), so that several processes and several studies work on one folder.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from spinbnn import provenance
from spinbnn.characterize import LookupTable
from spinbnn.data import ImageData, load
from spinbnn.files import content_hash, write_json
from spinbnn.hardware import HardwareProfile
from spinbnn.nn.models import build
from spinbnn.resources import find
from spinbnn.training import load_model, save_weights, train

RUNS = Path("runs/study")
VALIDATION = 5000
PLACEMENTS = ("none", "pre_bn", "dual_bn", "gamma", "prestat")
LABELS = {
    "none": "no dropout (deterministic)",
    "pre_bn": "Scale-Dropout (as published)",
    "dual_bn": "dual_bn",
    "gamma": "gamma",
    "prestat": "prestat",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that fixes the weights of one network: Adam with cosine, shift by up to one pixel."""

    data: str = "mnist"
    model: str = "lenet5"
    placement: str = "dual_bn"
    p: float = 0.2
    first: str = "binary"
    last: str = "binary"
    epochs: int = 15
    batch_size: int = 200
    learning_rate: float = 0.01
    spread: float = 0.0
    """Standard deviation of the drop probability from mini-batch to mini-batch (Eq. 22)."""
    code: str = ""
    """How the characterised modules of the mini-batches are set: ``"trimmed"``, ``"one code"``; nominal p if empty."""
    step: float = 1.0
    """DAC step over the shipped one."""
    seed: int = 0

    @property
    def name(self) -> str:
        """Short name with a hash of all fields."""
        return f"{self.data}-{self.model}-{self.placement}-{self.seed}-{content_hash(asdict(self))[:10]}"

    def options(self) -> dict[str, Any]:
        """Return the options of the network: without dropout it is the published placement that never drops."""
        chosen: dict[str, Any] = {"first": self.first, "last": self.last, "seed": self.seed}
        if self.placement == "none":
            return chosen | {"placement": "pre_bn", "p": 0.0, "alpha_init": "ones"}
        return chosen | {"placement": self.placement, "p": self.p}


def module_profile(recipe: Recipe) -> HardwareProfile:
    """Return the profile of the dropout modules that a recipe names: nominal, Eq. 22, or characterised."""
    layers = 5
    if not recipe.code:
        return HardwareProfile.gaussian(recipe.p, recipe.spread, layers)
    table = LookupTable.open(find("table", "dropout_module"))
    profile = HardwareProfile.build(
        table, layers=layers, drop_probability=recipe.p, modules="per_layer", trim="per_module" if recipe.code == "trimmed" else "none", temperature=298.15,
    )  # fmt: skip
    assert profile.dac_step is not None
    return replace(profile, dac_step=recipe.step * profile.dac_step)


def images(recipe: Recipe) -> ImageData:
    """Return the data of a recipe, with a validation part that does not depend on its seed."""
    return load(recipe.data).with_validation(VALIDATION)


def obtain(recipe: Recipe, data: ImageData, *, say: bool = True, **extra: Any) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Return the trained network in eval mode, and the record of its training."""
    RUNS.mkdir(parents=True, exist_ok=True)
    weights, record = RUNS / f"{recipe.name}.safetensors", RUNS / f"{recipe.name}.json"
    if not record.is_file():
        model = build(recipe.model, **recipe.options())
        began = time.process_time()
        result = train(
            model, data, epochs=recipe.epochs, batch_size=recipe.batch_size, learning_rate=recipe.learning_rate, seed=recipe.seed,
            augment="shift", shift=1, profile=module_profile(recipe) if recipe.code or recipe.spread else None, checkpoint=RUNS / f"{recipe.name}.ckpt", **extra,
        )  # fmt: skip
        save_weights(weights, model, {"recipe": asdict(recipe)})
        found = {
            "recipe": asdict(recipe), "cpu_s": time.process_time() - began, "resumed_from": result.resumed_from, "note": result.note,
            "validation_accuracy_point": result.history[-1]["validation_accuracy"], "made": provenance.utc_now(), "commit": provenance.git_revision(),
        }  # fmt: skip
        write_json(record, found)
        (RUNS / f"{recipe.name}.ckpt").unlink(missing_ok=True)
        if say:
            print(f"{recipe.name}: {found['cpu_s']:.0f} s, validation {100 * found['validation_accuracy_point']:.2f} %", flush=True)
    return load_model(weights), json.loads(record.read_text())


def of_seeds(recipe: Recipe, seeds: int) -> list[Recipe]:
    """Return the recipe for seeds 0, 1, ..."""
    return [replace(recipe, seed=seed) for seed in range(seeds)]
