"""The plain loop: one forward pass of the model for each mask. What every other method must equal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ParameterError
from ..nn.masks import fixed_masks


@contextmanager
def evaluating(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Put modules in eval mode, without gradients, and back into the mode that they were in."""
    training = [module for module in modules if module.training]
    try:
        for module in training:
            module.training = False
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


def device_of(model: nn.Module) -> torch.device:
    """Return the device of the first parameter; the CPU for a network without any.

    Examples
    --------
    >>> device_of(nn.Linear(1, 1))
    device(type='cpu')
    """
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def _logits(found: Any, images: int) -> Tensor:
    """Refuse what is no logits, ``(B, C)``: an answer must not come from another axis."""
    if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != images:
        raise ParameterError(
            "the network does not return logits",
            where="predict, argument 'model'",
            value=tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__,
            remedy=f"a forward function that returns one tensor, ({images}, classes) for {images} images",
        )
    return found


def run_passes(model: nn.Module, images: Tensor, masks: Tensor, generators: Sequence[torch.Generator] | None = None) -> Tensor:
    """Return the softmax of the logits for every mask, ``(S, B, C)``, float64 on the CPU.

    Parameters
    ----------
    model : nn.Module
        In eval mode.
    images : Tensor
        One batch, on the model's device.
    masks : Tensor
        ``(S, M)``, or ``(S, B, M)`` with a mask for every image.
    generators : sequence of torch.Generator or None
        For each pass the source of the scales that mode ``"random"`` draws.

    Examples
    --------
    >>> from spinbnn.nn import ScaleDropout
    >>> net = nn.Sequential(ScaleDropout(2, spatial=False)).eval()
    >>> with torch.no_grad():
    ...     run_passes(net, torch.zeros(1, 2), torch.tensor([[0], [1]])).tolist()
    [[[0.5, 0.5]], [[0.5, 0.5]]]
    """
    bits: Callable[[Tensor], Tensor] = (lambda mask: mask) if masks.ndim == 2 else (lambda mask: mask.t())
    rows = []
    for number, mask in enumerate(masks):
        with fixed_masks(model, bits(mask), None if generators is None else generators[number]):
            rows.append(torch.softmax(_logits(model(images), len(images)).to("cpu", torch.float64), dim=1))
    return torch.stack(rows)
