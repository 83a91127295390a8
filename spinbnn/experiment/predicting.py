"""Prediction stage: point network, exact mixture, T passes, chips, and images out of distribution."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..bayes import Prediction, auroc, evaluate, metrics, predict, reliability_bins
from ..data import ImageData, rotate, uniform_noise
from ..errors import ProfileError
from ..hardware import HardwareProfile
from ..nn import all_masks, to_hardware
from ..rng import integer_seed
from .spec import PredictionSpec

Arrays = dict[str, np.ndarray]
TRIMS = {"per_module": "trimmed", "none": "one code"}


def point_probabilities(model: nn.Module, images: Tensor, batch_size: int = 500) -> Tensor:
    """Return the class probabilities of the network with every scale kept, float64, shape (B, C)."""
    model.eval()
    with torch.no_grad():
        parts = [model(images[k : k + batch_size]).double().softmax(1) for k in range(0, len(images), batch_size)]
    return torch.cat(parts)


def scores(probs: Tensor, labels: Tensor) -> dict[str, float]:
    """Return accuracy, NLL, Brier and ECE of class probabilities (B, C)."""
    return {"accuracy": metrics.accuracy(probs, labels), "nll": metrics.nll(probs, labels), "brier": metrics.brier(probs, labels), "ece": metrics.ece(probs, labels)}


def run_prediction(
    model: nn.Module, data: ImageData, profile: HardwareProfile, spec: PredictionSpec, seed: int, step: Callable[..., None] = lambda *_: None
) -> tuple[dict[str, Any], Arrays]:
    """Evaluate a trained network in software and on sampled chips.

    Returns
    -------
    results : dict
        Plain numbers: scores of each method, of each chip, of each group of images, rotation curve.
    arrays : dict of str to ndarray
        Predictive entropies and reliability bins for the figures.

    Raises
    ------
    ProfileError
        If the network on ideal arrays does not equal the software network bit for bit.
    """
    images, labels = data.test_images, data.test_labels
    total = 5 + len(spec.rotations)
    exact = predict(model, images, method="exact")
    step(1, total)
    sampled = predict(model, images, method="sampled", samples=spec.samples, seed=integer_seed(seed, "prediction"), masks="per_image")
    methods = {
        "point network": scores(point_probabilities(model, images), labels),
        "exact mixture": evaluate(exact, labels),
        f"T = {spec.samples} passes": evaluate(sampled, labels),
    }
    step(2, total)
    _check_arrays(model, profile, images[: spec.hardware_images], exact, seed)
    step(3, total)
    chips: list[dict[str, Any]] = []
    arrays: Arrays = {}
    for trim, label in TRIMS.items():
        rows, p = _on_chips(exact, labels, dataclasses.replace(profile, trim=trim), spec.chips, seed)
        chips += [{"chip": k, "code": label, **row} for k, row in enumerate(rows)]
        methods[f"exact, mean of {len(rows)} chips, {label}"] = {n: float(np.mean([r[n] for r in rows])) for n in methods["exact mixture"]}
        arrays[f"chips_{trim}"] = p
    step(4, total)
    groups, entropies = _groups(model, exact, data, spec, seed)
    step(5, total)
    rotation = []
    for number, degrees in enumerate(spec.rotations):
        rotation.append(_rotated(model, data, spec, degrees))
        step(6 + number, total)
    bins = reliability_bins(exact.mean, labels)
    arrays |= entropies
    arrays |= {"reliability_confidence": np.asarray(bins.confidence), "reliability_accuracy": np.asarray(bins.accuracy), "reliability_count": np.asarray(bins.count)}
    result = {"methods": methods, "chips": chips, "groups": groups, "rotation": rotation, "images": len(labels), "classes": exact.probs.shape[2]}
    return result, arrays


def _check_arrays(model: nn.Module, profile: HardwareProfile, images: Tensor, exact: Prediction, seed: int) -> None:
    """Send images through the arrays (tiles, integer popcounts, partial sums) for every mask; the answer must be bit-equal."""
    chip = profile.chip(profile.chip_seeds(1, integer_seed(seed, "chips"))[0])
    branches = predict(to_hardware(model, profile, chip, fidelity="ideal"), images, method="exact")
    same = exact.probs[:, : len(images)]
    if not torch.equal(branches.probs, same):
        raise ProfileError(
            "the arrays' answer differs from the software's", where="run_prediction", value=float((branches.probs - same).abs().max()),
            remedy="report this with the run folder: ideal arrays must be bit-equal",
        )  # fmt: skip


def _on_chips(branches: Prediction, labels: Tensor, profile: HardwareProfile, count: int, seed: int) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Return the scores of the exact mixture on sampled chips, and their drop probabilities (chips, L).

    On ideal arrays the answer of each mask is the same on every chip; the chips differ in the weights of the masks.
    """
    rows, p = [], []
    masks = all_masks(profile.layers).numpy()
    for chip_seed in profile.chip_seeds(count, integer_seed(seed, "chips")):
        chip = profile.chip(chip_seed)
        answer = dataclasses.replace(branches, weights=torch.from_numpy(chip.mask_weights(masks)), profile_id=chip.id)
        rows.append({"seed": chip_seed, "drop_probability": float(chip.drop_probability[0]), **evaluate(answer, labels)})
        p.append(chip.drop_probability)
    return rows, np.array(p)


def _groups(model: nn.Module, exact: Prediction, data: ImageData, spec: PredictionSpec, seed: int) -> tuple[list[dict[str, Any]], Arrays]:
    """Return uncertainty of in-distribution, rotated and noise images under the exact mixture."""
    images = data.test_images
    count = min(spec.out_of_distribution, len(images))
    noise = uniform_noise(count, seed=integer_seed(seed, "noise images"), shape=(images.shape[1], images.shape[2], images.shape[3]))
    answers = {
        "test images": exact,
        "rotated by 90 degrees": predict(model, rotate(images[:count], 90.0), method="exact"),
        "uniform noise": predict(model, noise, method="exact"),
    }
    rows: list[dict[str, Any]] = []
    arrays: Arrays = {}
    for number, (label, answer) in enumerate(answers.items()):
        arrays[f"entropy_{number}"] = answer.entropy.numpy()
        rows.append({
            "group": label,
            "images": answer.probs.shape[1],
            "entropy": float(answer.entropy.mean()),
            "mutual_information": float(answer.mutual_information.mean()),
            "auroc_entropy": None if answer is exact else auroc(exact.entropy, answer.entropy),
        })  # fmt: skip
    return rows, arrays


def _rotated(model: nn.Module, data: ImageData, spec: PredictionSpec, degrees: float) -> dict[str, float]:
    part = slice(0, spec.out_of_distribution)
    prediction = predict(model, rotate(data.test_images[part], degrees), method="exact")
    return {
        "degrees": float(degrees),
        "accuracy": metrics.accuracy(prediction.mean, data.test_labels[part]),
        "entropy": float(prediction.entropy.mean()),
        "mutual_information": float(prediction.mutual_information.mean()),
    }
