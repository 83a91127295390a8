"""The training objective of MC-Scale-Dropout: cross entropy, L2 on the proxies, scales drawn towards one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..nn.masks import dropout_layers


def weight_penalty(model: nn.Module) -> Tensor:
    """Return the sum of squares of all real weights of convolutions and linear layers (proxies included).

    Examples
    --------
    >>> layer = nn.Linear(2, 1, bias=False)
    >>> _ = layer.weight.data.fill_(3.0)
    >>> weight_penalty(layer).item()
    18.0
    """
    parts = [m.weight.square().sum() for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return torch.stack(parts).sum() if parts else torch.zeros(())


def scale_penalty(model: nn.Module) -> Tensor:
    """Return ``sum_l (1 - mean(alpha_l))^2`` over the scale-dropout layers (Scale-Dropout, Eq. 11).

    Examples
    --------
    >>> from spinbnn.nn import ScaleDropout
    >>> layer = ScaleDropout(2)
    >>> _ = layer.alpha.data.copy_(torch.tensor([0.0, 1.0]))
    >>> scale_penalty(layer).item()
    0.25
    """
    parts = [(1.0 - layer.alpha.mean()).square() for layer in dropout_layers(model)]
    return torch.stack(parts).sum() if parts else torch.zeros(())


def objective(
    model: nn.Module,
    logits: Tensor,
    labels: Tensor,
    *,
    weight_decay: float = 1e-5,
    scale_decay: float = 1e-5,
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Return the objective of one mini-batch (Scale-Dropout, Eq. 17).

    ``L = CE + lambda sum ||W||^2 + phi sum_l (1 - mean alpha_l)^2``; the cross entropy is the mean over the batch.
    The scales and the parameters of the normalisation get no L2 term: L2 on alpha would only slide it to zero.

    Parameters
    ----------
    model : nn.Module
        The network that made the logits.
    logits : Tensor
        Shape ``(B, C)``.
    labels : Tensor
        int64, shape ``(B,)``.
    weight_decay, scale_decay : float
        lambda and phi; 1e-5 each in the paper.
    label_smoothing : float
        Share of the target that goes to all classes alike; 0 in the paper.

    Returns
    -------
    Tensor
        A scalar.
    """
    loss = functional.cross_entropy(logits, labels, label_smoothing=label_smoothing)
    if weight_decay:
        loss = loss + weight_decay * weight_penalty(model)
    if scale_decay:
        loss = loss + scale_decay * scale_penalty(model)
    return loss
