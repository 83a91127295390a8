"""Refuse networks with weights that are no numbers: their signs would turn them into an answer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import DataError


def _finite(value: Tensor) -> bool:
    """Return whether all elements are finite; one sum, and a look at the elements only if that is not finite."""
    return bool(torch.isfinite(value.sum())) or bool(torch.isfinite(value).all())


def check_finite(model: nn.Module, where: str) -> None:
    """Refuse a network whose parameters or buffers hold NaN or infinity.

    The sign of NaN is -1 like that of any number below zero, so that a damaged network would go on answering. Checked
    once where a network enters: prediction, mapping onto a chip, saving and loading.

    Parameters
    ----------
    model : nn.Module
        The network.
    where : str
        What is being done, for the message.

    Raises
    ------
    DataError
        Naming the first parameter or buffer that is not finite.

    Examples
    --------
    >>> check_finite(nn.Linear(2, 1), "predict")
    """
    for name, value in (*model.named_parameters(), *model.named_buffers()):
        if not value.is_floating_point() or value.numel() == 0 or _finite(value.detach()):
            continue
        bad = ~torch.isfinite(value.detach())
        first = tuple(bad.nonzero()[0].tolist())
        raise DataError(
            f"{int(bad.sum())} of {value.numel()} values of the network are not finite",
            where=f"{where}, {type(model).__name__}, {name!r}, element {first}",
            value=value.detach()[first].item(),
            remedy="load weights that are whole; if training made them, lower the learning rate",
        )
