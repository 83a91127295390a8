"""Layouts of other libraries: torch-uncertainty and lightning-uq-box; neither is imported."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from ..errors import ParameterError
from ..nn.finite import check_finite
from ..nn.masks import bit_probabilities, dropout_layers, fixed_masks, mask_bits
from ..rng import stream
from .checks import check_branches, check_images
from .mask_source import IndependentSource, as_source
from .metrics import TINY
from .metrics.checks import whole
from .prediction import Prediction

EQUAL = 1e-12


class TorchUncertaintyModel(nn.Module):
    """A scale-dropout network as torch-uncertainty's routines expect one: logits of shape ``(m * b, C)``.

    Made by :func:`to_torch_uncertainty`. In eval mode the output holds m replicas of the batch, replica
    outermost (``rearrange(logits, "(m b) c -> b m c")`` undoes it), each under one mask of its own. In
    training mode it is the network's own ``(b, C)``, and the network needs a source of bits as ever
    (``layer.generator``, or ``sample_masks`` around the step).

    Attributes
    ----------
    model : nn.Module
        The network.
    masks : Tensor
        uint8, 1 = drop, shape ``(m, M)``: the same for every batch, so batches of any size give one answer.
    num_estimators : int
        m.
    """

    masks: Tensor

    def __init__(self, model: nn.Module, masks: Tensor) -> None:
        super().__init__()
        self.model = model
        self.num_estimators = len(masks)
        self.register_buffer("masks", masks, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, ``(m * b, C)`` in eval mode and ``(b, C)`` in training mode, for images ``(b, ...)``."""
        if self.training:
            logits: Tensor = self.model(x)
            return logits
        check_images(x)
        rows = []
        for mask in self.masks.cpu():
            with fixed_masks(self.model, mask):
                rows.append(self.model(x))
        return torch.cat(rows)


def to_torch_uncertainty(
    model: nn.Module,
    samples: int = 20,
    seed: int = 0,
    *,
    masks: ArrayLike | Tensor | None = None,
    source: Any = None,
) -> TorchUncertaintyModel:
    """Wrap a network for torch-uncertainty's ``ClassificationRoutine(model=..., is_ensemble=True)``.

    The library's own ``mc_dropout`` must not be used on these networks. It looks for ``nn.Dropout`` modules,
    repeats the batch m times, by which one bit a layer would serve all m replicas (no diversity at all), and
    sets the dropout modules to training mode, in which a scale dropout with batch statistics uses and
    changes them. Here the network stays in eval mode and replica k runs under mask k.

    Parameters
    ----------
    model : nn.Module
        With scale-dropout layers; of a network on a chip the bits are those of its modules.
    samples, seed : int
        m, and the seed of the masks: those of ``predict(model, x, "sampled", samples, seed)``.
    masks : array_like or None
        Masks to use instead, ``(m, M)``, e.g. those of a :class:`~spinbnn.bayes.prediction.Prediction`.
        The library weights all replicas alike: masks of an exact mixture do not belong here.
    source : MaskSource, Chip or None
        Where the bits come from, as in :func:`~spinbnn.bayes.predict.predict`.

    Raises
    ------
    ParameterError
        If there is no scale-dropout layer, ``samples`` is below 1, masks do not fit, or a branch that the
        masks use was never trained.
    DataError
        If the network holds values that are not finite.

    Examples
    --------
    >>> from spinbnn.nn.models import lenet5
    >>> wrapped = to_torch_uncertainty(lenet5(), samples=3).eval()
    >>> wrapped(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([6, 10])
    """
    here = "to_torch_uncertainty"
    if not dropout_layers(model):
        raise ParameterError(
            "the model has no scale-dropout layer",
            where=f"{here}, argument 'model'",
            value=type(model).__name__,
            remedy="put spinbnn.nn.ScaleDropout after its layers",
        )
    check_finite(model, here)
    widths = mask_bits(model)
    if masks is None:
        given = source if source is not None else getattr(model, "chip", None)
        bits = as_source(given) if given is not None else IndependentSource(bit_probabilities(model).numpy())
        chosen = bits.draw(whole(samples, f"{here}, argument 'samples'"), seed)
    else:
        chosen = torch.as_tensor(np.asarray(masks) if not isinstance(masks, Tensor) else masks).cpu()
    sound = chosen.ndim == 2 and len(chosen) > 0 and chosen.shape[1] == sum(widths)
    if not sound or not bool(((chosen == 0) | (chosen == 1)).all()):
        raise ParameterError(
            "the masks do not fit the network",
            where=f"{here}, argument 'masks'",
            value=tuple(chosen.shape),
            remedy=f"bits 0 or 1, shape (m, {sum(widths)})",
        )
    check_branches(list(model.named_modules()), chosen.double().mean(0), widths)
    return TorchUncertaintyModel(model, chosen.to(torch.uint8))


def prediction_to_tu(prediction: Prediction, *, components: int | None = None, seed: int = 0) -> Tensor:
    """Return the probabilities as torch-uncertainty's metrics take them: ``(B, N, C)``.

    Parameters
    ----------
    prediction : Prediction
        The mixture.
    components : int or None
        The library has no weights. None refuses unequal ones; N draws N components by their weights,
        systematically: component s appears ``floor(N w_s)`` or ``ceil(N w_s)`` times, so a mean over them
        differs from the weighted one by at most S/N, and by nothing where all ``N w_s`` are whole.
    seed : int
        Of the one number that the drawing takes.

    Raises
    ------
    ParameterError
        If the weights are unequal and ``components`` is None.

    Examples
    --------
    >>> p = Prediction(probs=torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]], dtype=torch.float64),
    ...                weights=torch.tensor([0.75, 0.25], dtype=torch.float64))
    >>> prediction_to_tu(p, components=4).tolist()
    [[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]]
    """
    return _unweighted(prediction, components, seed, "prediction_to_tu").permute(1, 0, 2).contiguous()


def to_uqbox(prediction: Prediction, *, components: int | None = None, seed: int = 0) -> dict[str, Tensor]:
    """Return the dictionary that lightning-uq-box returns from ``predict_step``, components on the last axis.

    Parameters
    ----------
    prediction : Prediction
        The mixture.
    components, seed : int
        As in :func:`prediction_to_tu`; they concern ``logits`` only.

    Returns
    -------
    dict
        ``pred (B, C)``, the weighted mean; ``pred_uct (B,)``, its entropy [nats]; ``logits (B, C, S)``, the log
        of each component's probabilities (the softmax over C gives them back; 0 counts as 1e-300).

    Raises
    ------
    ParameterError
        If the weights are unequal and ``components`` is None.

    Notes
    -----
    Versions before 0.4 take the softmax of the MEAN LOGIT for ``pred``, which is the normalised geometric
    mean of the components and no mixture; ours is the mixture, as in 0.4.

    Examples
    --------
    >>> p = Prediction(probs=torch.tensor([[[0.9, 0.1]], [[0.5, 0.5]]], dtype=torch.float64),
    ...                weights=torch.tensor([0.5, 0.5], dtype=torch.float64))
    >>> row = to_uqbox(p)
    >>> row["pred"].round(decimals=6).tolist(), row["logits"].shape
    ([[0.7, 0.3]], torch.Size([1, 2, 2]))
    """
    stack = _unweighted(prediction, components, seed, "to_uqbox").permute(1, 2, 0)
    return {
        "pred": prediction.mean,
        "pred_uct": prediction.entropy,
        "logits": stack.clamp_min(TINY).log().contiguous(),
    }


def _unweighted(prediction: Prediction, components: int | None, seed: int, where: str) -> Tensor:
    """Return components of equal weight, ``(N, B, C)``."""
    if components is None:
        spread = float(prediction.weights.max() - prediction.weights.min())
        if spread > EQUAL:
            raise ParameterError(
                "this layout has no weights, and the components' are unequal",
                where=f"{where}, argument 'components'",
                value=f"weights from {float(prediction.weights.min()):.3g} to {float(prediction.weights.max()):.3g}",
                remedy="components=N draws N of them by weight; or predict with method='sampled'",
            )
        return prediction.probs
    count = whole(components, f"{where}, argument 'components'")
    places = (
        stream(seed, "resampled components").random() + torch.arange(count, dtype=torch.float64)
    ) / count
    reached = prediction.weights.cumsum(0)
    chosen = torch.searchsorted(reached / reached[-1], places, right=True).clamp_max(prediction.samples - 1)
    return prediction.probs[chosen]
