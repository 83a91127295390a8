"""What prediction refuses before it computes: images, weights and branches that would turn into a silent answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import DataError, ParameterError
from ..nn import ScaleDropout
from ..nn.finite import check_finite
from ..nn.hardware.placed import PlacedLayer

ROUNDING = 1e-12


def check_images(x: Tensor) -> None:
    """Refuse images that hold NaN or infinity: the signs of the first layer would turn them into an answer.

    Raises
    ------
    DataError
        With the number of such images and the place of the first.
    """
    good = torch.isfinite(x)
    if not bool(good.all()):
        first = tuple((~good).nonzero()[0].tolist())
        raise DataError(
            f"{int((~good).reshape(len(x), -1).any(1).sum())} of {len(x)} images hold values that are not finite",
            where=f"predict, argument 'x', image {first[0]}, element {first[1:]}",
            value=x[first].item(),
            remedy="leave these images out, or mend the step that made them",
        )


def check_network(model: nn.Module, modules: Sequence[tuple[str, nn.Module]]) -> None:
    """Refuse a network that holds NaN or infinity, as :func:`~spinbnn.nn.finite.check_finite` does, with one look for all.

    Raises
    ------
    DataError
        Naming the first tensor that is not finite.
    """
    held = [t for _, m in modules for t in (*m._parameters.values(), *m._buffers.values()) if t is not None]
    sums = [t.sum() for t in held if t.dtype.is_floating_point]
    alike = len({(s.dtype, s.device) for s in sums}) == 1
    if not alike or not bool(torch.isfinite(torch.stack(sums)).all()):
        check_finite(model, "predict")


def check_branches(modules: Sequence[tuple[str, nn.Module]], dropped: Tensor, widths: list[int]) -> None:
    """Refuse a trained model if a branch that the masks use has statistics and thresholds of its own and saw no data.

    Parameters
    ----------
    modules : sequence
        ``list(model.named_modules())``; untrained networks pass.
    dropped : Tensor
        The weight of the dropped branch of each mask bit, shape ``(M,)``.
    widths : list of int
        Mask bits of each layer.

    Raises
    ------
    ParameterError
        With the layer and the mini-batches that each branch saw.
    """
    shares = [float(part.mean()) for part in dropped.split(widths)] if sum(widths) > len(widths) else dropped.tolist()
    layers = [(name, module) for name, module in modules if isinstance(module, ScaleDropout)]
    for (name, layer), weight in zip(layers, shares, strict=True):
        seen = layer.batches.tolist()
        if len(seen) < 2 or sum(seen) == 0:
            continue
        for branch, share in ((0, 1.0 - weight), (1, weight)):
            if seen[branch] == 0 and share > ROUNDING:
                word = ("kept", "dropped")[branch]
                raise ParameterError(
                    f"the {word} branch of a trained layer was never trained, but has weight {share:.3g}",
                    where=f"predict, layer {name or type(layer).__name__!r}, mini-batches (kept, dropped)",
                    value=tuple(seen),
                    remedy="train longer or with a larger drop probability, "
                    f"or give the layer the drop probability {1 - branch} of the branch that was trained",
                )


def checked_weights(weights: Any, count: int) -> Tensor:
    """Return the weights of all masks, normalised.

    Raises
    ------
    ParameterError
        If they are not finite, negative, of another number, or do not sum to one.

    Examples
    --------
    >>> checked_weights([0.25, 0.75], 2).tolist()
    [0.25, 0.75]
    """
    share = weights if isinstance(weights, Tensor) else torch.as_tensor(np.asarray(weights, dtype=np.float64))
    share = share.detach().to("cpu", torch.float64)
    total = float(share.sum())
    if share.shape != (count,) or not bool((share >= 0).all()) or not abs(total - 1.0) <= 1e-9:
        raise ParameterError(
            "the weights of all masks are finite, at least 0 and sum to 1",
            where="predict, argument 'weights'",
            value=(tuple(share.shape), total),
            remedy=f"{count} numbers, in binary counting order",
        )
    return share / share.sum()


def why_random(modules: Sequence[tuple[str, nn.Module]]) -> str:
    """Return why a pass is not a function of its mask, or an empty string.

    Examples
    --------
    >>> why_random([("norm", ScaleDropout(2, placement="gamma", mode="random"))])
    "layer 'norm' draws new scales in every pass (mode='random')"
    """
    for name, module in modules:
        if isinstance(module, PlacedLayer) and any(tile.bank.adc.noise for tile in module.tiles):
            return f"the converters of layer {name!r} draw noise at every read"
        if isinstance(module, ScaleDropout) and module.mode == "random":
            return f"layer {name!r} draws new scales in every pass (mode='random')"
    return ""
