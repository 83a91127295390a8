"""What every measure demands of its arguments: distributions, labels, mixture weights, scores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import ParameterError

TINY = 1e-300
ROW_SUM = 1e-6


def double(values: Any) -> Tensor:
    """Return float64 on the CPU."""
    return (
        values.detach().to("cpu", torch.float64)
        if isinstance(values, Tensor)
        else torch.as_tensor(np.asarray(values, dtype=np.float64))
    )


def check_distributions(values: Tensor, where: str) -> None:
    """Refuse what is no probability distribution over the last axis.

    Raises
    ------
    ParameterError
        If a value is not finite or negative, or a row's sum is further than 1e-6 from 1.
    """
    # NaN fails both comparisons, infinity the second
    good = (values >= 0).all(-1) & ((values.sum(-1) - 1.0).abs() <= ROW_SUM)
    if not bool(good.all()):
        first = tuple(int(i) for i in (~good).nonzero()[0])
        raise ParameterError(
            "class probabilities are finite, at least 0 and sum to 1",
            where=f"{where}, row {first[0] if len(first) == 1 else first}",
            value=values[first].tolist(),
            remedy="pass the softmax of finite logits; NaN comes from NaN in the weights or the input",
        )


def pair(probs: Any, labels: Any, where: str) -> tuple[Tensor, Tensor]:
    """Return checked probabilities ``(B, C)`` and labels ``(B,)``."""
    values = double(probs)
    given = torch.as_tensor(np.asarray(labels) if not isinstance(labels, Tensor) else labels).cpu()
    target = given.to(torch.int64)
    if values.ndim != 2 or target.shape != values.shape[:1] or len(target) == 0:
        raise ParameterError(
            "probabilities and labels do not fit",
            where=where,
            value=(tuple(values.shape), tuple(target.shape)),
            remedy="probs (B, C) and labels (B,), B > 0",
        )
    if not torch.equal(target.to(given.dtype), given):
        raise ParameterError(
            "labels are whole numbers",
            where=where,
            value=given[target.to(given.dtype) != given][0].item(),
            remedy=f"labels 0..{values.shape[1] - 1}",
        )
    if int(target.min()) < 0 or int(target.max()) >= values.shape[1]:
        raise ParameterError(
            "a label has no probability",
            where=where,
            value=(int(target.min()), int(target.max())),
            remedy=f"labels 0..{values.shape[1] - 1}",
        )
    check_distributions(values, where)
    return values, target


def mixture(probs: Any, weights: Any, where: str) -> tuple[Tensor, Tensor]:
    """Return checked probabilities ``(S, B, C)`` and normalised weights ``(S,)``."""
    values = double(probs)
    if values.ndim != 3 or not len(values):
        raise ParameterError(
            "a mixture has samples, images and classes",
            where=where,
            value=tuple(values.shape),
            remedy="probs of shape (S, B, C)",
        )
    share = (
        torch.full((len(values),), 1.0 / len(values), dtype=torch.float64)
        if weights is None
        else double(weights)
    )
    total = float(share.sum())
    if share.shape != values.shape[:1] or not bool((share >= 0).all()) or not 0.0 < total < np.inf:
        raise ParameterError(
            "the mixture weights do not fit",
            where=where,
            value=(tuple(share.shape), total),
            remedy=f"{len(values)} finite numbers >= 0 with a positive sum",
        )
    check_distributions(values, where)
    return values, share / share.sum()


def two_groups(inside: Any, outside: Any, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the checked scores of in-distribution and out-of-distribution images, 1-D."""
    low, high = double(inside).flatten().numpy(), double(outside).flatten().numpy()
    if not len(low) or not len(high) or np.isnan(low).any() or np.isnan(high).any():
        raise ParameterError(
            "needs scores of both kinds, without NaN",
            where=where,
            value=(len(low), len(high)),
            remedy="pass at least one score each",
        )
    return low, high


def finite(values: Any, where: str, least: int = 1) -> np.ndarray:
    """Return checked 1-D float64 numbers, at least ``least`` of them."""
    array = double(values).numpy()
    if array.ndim != 1 or len(array) < least or not np.isfinite(array).all():
        raise ParameterError(
            f"needs a row of at least {least} finite number{'s' if least > 1 else ''}",
            where=where,
            value=array.tolist() if array.size <= 8 else array.shape,
            remedy="a missing or failed run has no number: leave it out and say so",
        )
    return array


def share(value: float, where: str, *, closed: bool = False) -> float:
    """Return a number in (0, 1), or in (0, 1] if ``closed``."""
    if not (0.0 < value < 1.0 or (closed and value == 1.0)):
        raise ParameterError(
            f"must lie in (0, 1{']' if closed else ')'}", where=where, value=value, remedy="e.g. 0.95"
        )
    return float(value)


def whole(value: int, where: str) -> int:
    """Return a whole number of at least 1."""
    if not math.isfinite(value) or value != int(value) or value < 1:
        raise ParameterError(
            "must be a whole number of at least 1", where=where, value=value, remedy="e.g. 15"
        )
    return int(value)


def choice(value: str, known: tuple[str, ...], where: str) -> str:
    """Return one of the known words."""
    if value not in known:
        raise ParameterError("unknown word", where=where, value=value, remedy=" or ".join(known))
    return value
