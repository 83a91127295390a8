"""Bayesian prediction with scale dropout: exact over all masks, or sampled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from ..errors import DataError, ParameterError, suggest
from ..nn.masks import all_masks, drop_probabilities, dropout_layers, fixed_masks
from ..rng import stream
from .prediction import Prediction

METHODS = ("auto", "exact", "sampled")
EXACT_LIMIT = 12
AUTO_LIMIT = 8
ROUNDING = 1e-12


def product_weights(masks: Tensor, p: Tensor) -> Tensor:
    """Return ``prod_l p_l^d_l (1 - p_l)^(1 - d_l)`` for masks ``(S, L)``, float64, shape ``(S,)``.

    Examples
    --------
    >>> product_weights(all_masks(2), torch.tensor([0.5, 0.25])).tolist()
    [0.375, 0.125, 0.375, 0.125]
    """
    chance = p.to(torch.float64)
    return torch.where(masks.bool(), chance, 1.0 - chance).prod(dim=-1)


def draw_masks(p: Tensor, samples: int, seed: int, images: int | None = None) -> Tensor:
    """Draw independent masks from streams keyed by the pass (and, by position, the image).

    The bits of pass t do not depend on ``samples``, nor those of image i on ``images``.

    Returns
    -------
    Tensor
        uint8, ``(samples, L)``, or ``(samples, images, L)``.

    Examples
    --------
    >>> p = torch.full((3,), 0.5)
    >>> torch.equal(draw_masks(p, 9, 0)[:4], draw_masks(p, 4, 0))
    True
    """
    chance = p.numpy()
    shape = (len(chance),) if images is None else (images, len(chance))
    name = "masks" if images is None else "masks per image"
    rows = [stream(seed, name, t).random(shape) < chance for t in range(samples)]
    return torch.from_numpy(np.stack(rows).astype(np.uint8))


def predict(
    model: nn.Module,
    x: Tensor,
    method: str = "auto",
    samples: int = 20,
    seed: int = 0,
    *,
    masks: str = "per_pass",
    batch_size: int = 256,
    weights: ArrayLike | Tensor | None = None,
) -> Prediction:
    """Return the predictive mixture of a scale-dropout network.

    The model runs in eval mode with its masks fixed; afterwards every module is in the mode it was in.

    Parameters
    ----------
    model : nn.Module
        With L scale-dropout layers. If it carries a chip (``to_hardware``), masks and weights are the chip's.
    x : Tensor
        Images, first axis B.
    method : str
        ``"exact"``: all 2^L masks (L <= 12), weighted by their probabilities; nothing is drawn. ``"sampled"``:
        ``samples`` random masks of equal weight. ``"auto"``: exact if L <= 8 and masks are per pass; ``Prediction.method`` says which.
    samples, seed : int
        Passes T and seed of ``"sampled"``.
    masks : str
        For ``"sampled"``: ``"per_pass"``, one mask a pass for all images; ``"per_image"``, every image its own,
        as the hardware does. On a chip the module's bits come image after image, T passes each.
    batch_size : int
        Images computed at once; no effect on the masks.
    weights : array_like or None
        For ``"exact"``: weights of the masks in binary counting order, ``(2**L,)``, instead of the model's own.

    Returns
    -------
    Prediction
        ``probs (S, B, C)`` with S = 2^L or T: S * B * C * 8 bytes.

    Raises
    ------
    ParameterError
        On an unknown or unavailable method, options that do not fit it, or a trained ``dual_bn`` model one of whose
        branches can occur but was never trained (its statistics are those of the start).
    DataError
        On images with NaN or infinity.

    Examples
    --------
    >>> from spinbnn.nn.models import lenet5
    >>> model = lenet5()
    >>> p = predict(model, torch.zeros(1, 1, 28, 28))
    >>> p.method, p.probs.shape, model.training
    ('exact', torch.Size([32, 1, 10]), True)
    """
    count = len(drop_probabilities(model))
    kind = _method(method, count, masks, weights)
    chip = getattr(model, "chip", None)
    profile_id = getattr(model, "profile_id", None)
    if len(x) == 0 or batch_size < 1:
        raise ParameterError(
            "needs at least one image and one image a batch",
            where="predict",
            value=(len(x), batch_size),
            remedy="pass images, and batch_size >= 1",
        )
    _check_images(x)
    if kind == "exact":
        drawn = all_masks(count)
        share = _exact_weights(model, drawn, chip, weights)
        _check_branches(model, (share[:, None] * drawn).sum(0))
        return Prediction(
            probs=_run(model, x, drawn, batch_size),
            weights=share,
            masks=drawn,
            method=kind,
            seed=None,
            profile_id=profile_id,
        )
    if samples < 1:
        raise ParameterError(
            "needs at least one pass", where="predict, argument 'samples'", value=samples, remedy="e.g. 20"
        )
    _check_branches(model, drop_probabilities(model))
    images = len(x) if masks == "per_image" else None
    drawn = (
        draw_masks(drop_probabilities(model), samples, seed, images)
        if chip is None
        else _chip_masks(chip, samples, seed, images)
    )
    share = torch.full((samples,), 1.0 / samples, dtype=torch.float64)
    return Prediction(
        probs=_run(model, x, drawn, batch_size),
        weights=share,
        masks=drawn,
        method=kind,
        seed=seed,
        profile_id=profile_id,
    )


def _method(method: str, count: int, masks: str, weights: Any) -> str:
    """Return ``"exact"`` or ``"sampled"`` after checking what was asked for."""
    if method in ("tree", "mass"):
        raise ParameterError(
            f"method {method!r} is not in this version",
            where="predict, argument 'method'",
            value=method,
            remedy="use 'exact' (same mixture as 'mass' at full coverage) or 'sampled' (same samples as 'tree')",
        )
    if method not in METHODS:
        raise ParameterError(
            "unknown method",
            where="predict, argument 'method'",
            value=method,
            remedy=suggest(str(method), METHODS),
        )
    if masks not in ("per_pass", "per_image"):
        raise ParameterError(
            "unknown kind of masks",
            where="predict, argument 'masks'",
            value=masks,
            remedy="per_pass or per_image",
        )
    if count == 0:
        raise ParameterError(
            "the model has no scale-dropout layer",
            where="predict, argument 'model'",
            value=count,
            remedy="put spinbnn.nn.ScaleDropout after its layers",
        )
    kind = (
        method
        if method != "auto"
        else ("exact" if count <= AUTO_LIMIT and masks == "per_pass" else "sampled")
    )
    if kind == "exact" and count > EXACT_LIMIT:
        raise ParameterError(
            f"2^{count} masks are too many to enumerate",
            where="predict, argument 'method'",
            value=method,
            remedy=f"method='sampled'; exact is for up to {EXACT_LIMIT} scale-dropout layers",
        )
    if kind == "exact" and masks == "per_image":
        raise ParameterError(
            "the exact mixture draws no masks",
            where="predict, argument 'masks'",
            value=masks,
            remedy="leave it out, or use method='sampled'",
        )
    if kind == "sampled" and weights is not None:
        raise ParameterError(
            "sampled passes have equal weights",
            where="predict, argument 'weights'",
            value="given",
            remedy="leave it out, or use method='exact'",
        )
    return kind


def _check_images(x: Tensor) -> None:
    """Refuse images that hold NaN or infinity: the signs of the first layer would turn them into an answer."""
    good = torch.isfinite(x)
    if not bool(good.all()):
        first = tuple((~good).nonzero()[0].tolist())
        raise DataError(
            f"{int((~good).reshape(len(x), -1).any(1).sum())} of {len(x)} images hold values that are not finite",
            where=f"predict, argument 'x', image {first[0]}, element {first[1:]}",
            value=x[first].item(),
            remedy="leave these images out, or mend the step that made them",
        )


def _check_branches(model: nn.Module, dropped: Tensor) -> None:
    """Refuse a trained model if a branch that the masks use has statistics and thresholds of its own and saw no data.

    ``dropped``: the weight of the dropped branch of each layer, shape ``(L,)``. Untrained models pass.
    """
    names = {module: name for name, module in model.named_modules()}
    for layer, weight in zip(dropout_layers(model), dropped.tolist(), strict=True):
        seen = layer.batches.tolist()
        if len(seen) < 2 or sum(seen) == 0:
            continue
        for branch, share in ((0, 1.0 - weight), (1, weight)):
            if seen[branch] == 0 and share > ROUNDING:
                word = ("kept", "dropped")[branch]
                raise ParameterError(
                    f"the {word} branch of a trained layer was never trained, but has weight {share:.3g}",
                    where=f"predict, layer {names[layer] or type(layer).__name__!r}, mini-batches (kept, dropped)",
                    value=tuple(seen),
                    remedy="train longer or with a larger drop probability, "
                    f"or give the layer the drop probability {1 - branch} of the branch that was trained",
                )


def _exact_weights(model: nn.Module, masks: Tensor, chip: Any, weights: Any) -> Tensor:
    """Return the weights of all masks, checked to sum to one."""
    if weights is not None:
        share = torch.as_tensor(np.asarray(weights, dtype=np.float64))
    elif chip is not None:
        share = torch.as_tensor(np.asarray(chip.mask_weights(masks.numpy()), dtype=np.float64))
    else:
        share = product_weights(masks, drop_probabilities(model))
    sound = share.shape == (len(masks),) and bool((share >= 0).all())
    if not sound or not abs(float(share.sum()) - 1.0) <= 1e-9:
        raise ParameterError(
            "the weights of all masks are finite, at least 0 and sum to 1",
            where="predict, argument 'weights'",
            value=(tuple(share.shape), float(share.sum())),
            remedy=f"{len(masks)} numbers, in binary counting order",
        )
    return share / share.sum()


def _chip_masks(chip: Any, samples: int, seed: int, images: int | None) -> Tensor:
    """Return the bits of a chip's modules, ``(T, L)`` or ``(T, B, L)``; one module works image after image."""
    drawn = np.asarray(chip.sample_masks(samples * (images or 1), seed)).astype(np.uint8)
    if images is not None:
        drawn = np.ascontiguousarray(drawn.reshape(images, samples, -1).transpose(1, 0, 2))
    return torch.from_numpy(drawn)


def _run(model: nn.Module, x: Tensor, masks: Tensor, batch_size: int) -> Tensor:
    """Return the softmax of the logits for every mask, ``(S, B, C)``, float64 on the CPU."""
    modes = {module: module.training for module in model.modules()}
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    bits: Callable[[int, slice], Tensor] = (
        (lambda s, part: masks[s]) if masks.ndim == 2 else (lambda s, part: masks[s, part].t())
    )
    blocks = []
    try:
        model.eval()
        with torch.no_grad():
            for start in range(0, len(x), batch_size):
                part = slice(start, start + batch_size)
                images = x[part].to(device)
                rows = []
                for s in range(len(masks)):
                    with fixed_masks(model, bits(s, part)):
                        rows.append(torch.softmax(model(images).to("cpu", torch.float64), dim=1))
                blocks.append(torch.stack(rows))
    finally:
        for module, mode in modes.items():
            module.training = mode
    return torch.cat(blocks, dim=1)
