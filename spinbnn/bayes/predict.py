"""Bayesian prediction with scale dropout: over all masks, over the likely ones, or over sampled ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor, nn

from ..errors import ParameterError, suggest
from .checks import check_images, check_network
from .mask_source import draw_masks
from .plain_passes import evaluating
from .prediction import Prediction
from .shared_prefixes import frozen_weights
from .task import Task, product_weights

METHODS = ("auto", "exact", "mass", "sampled", "tree")
MAX_MASKS = 4096

__all__ = ["METHODS", "draw_masks", "predict", "product_weights"]


def predict(
    model: nn.Module,
    x: Tensor,
    method: str = "auto",
    samples: int = 20,
    seed: int = 0,
    *,
    masks: str = "per_pass",
    tolerance: float = 0.0,
    max_masks: int = MAX_MASKS,
    batch_size: int = 256,
    weights: ArrayLike | Tensor | None = None,
    source: Any = None,
) -> Prediction:
    r"""Return the predictive mixture of a scale-dropout network.

    The model runs in eval mode with its masks fixed; afterwards every module is in the mode it was in. M is the number of
    mask bits: one for each scale-dropout layer, or one for each channel of a layer with ``granularity="element"``.

    Parameters
    ----------
    model : nn.Module
        With scale-dropout layers. If it carries a chip (``to_hardware``), masks and weights are the chip's.
    x : Tensor
        Images, first axis B.
    method : str
        ``"exact"``: all 2^M masks (M <= 12), weighted by their probabilities; nothing is drawn.
        ``"mass"``: masks in order of their probability until those left out have at most ``tolerance`` of it.
        ``"sampled"``: ``samples`` random masks of equal weight. ``"tree"``: the same masks and the same bits of the
        answer, but passes share the layers up to the first bit in which they differ.
        ``"auto"``: the cheapest that meets ``tolerance``, and ``"tree"`` where none does at that cost, or where masks per
        image or a source ask for sampling; ``Prediction.method`` and ``Prediction.note`` say which and why.
    samples, seed : int
        Passes T and seed of ``"sampled"`` and ``"tree"``.
    masks : str
        For ``"sampled"`` and ``"tree"``: ``"per_pass"``, one mask a pass for all images; ``"per_image"``, every image its own,
        as the hardware does. On a chip the module's bits come image after image, T passes each.
    tolerance : float
        For ``"mass"`` and ``"auto"``: largest total variation between the mixture and the exact one, in [0, 1).
    max_masks : int
        For ``"mass"``: largest number of masks.
    batch_size : int
        Images computed at once; no effect on the masks.
    weights : array_like or None
        For ``"exact"`` and ``"mass"``: weights of the masks in binary counting order, ``(2**M,)``, instead of the model's own.
    source : MaskSource, Chip or None
        For ``"sampled"`` and ``"tree"``: where the bits come from, e.g. :class:`~spinbnn.bayes.mask_source.MarkovSource`;
        None: the model's chip, else independent bits.

    Returns
    -------
    Prediction
        ``probs (S, B, C)`` with S = 2^M, T, or the number of likely masks: S * B * C * 8 bytes.

    Raises
    ------
    ParameterError
        On an unknown or unavailable method, options that do not fit it, more masks than ``max_masks``, a network whose
        passes are not functions of their masks (``exact``, ``mass``, ``tree``), or a trained ``dual_bn`` model one of
        whose branches can occur but was never trained (its statistics are those of the start).
    DataError
        On images, or a network, with NaN or infinity.

    Notes
    -----
    ``mass`` keeps masks K of probability :math:`w(K) \ge 1 - \epsilon` and divides their weights by :math:`w(K)`. The
    total variation between the two laws of the mask is :math:`\tfrac12 \sum_d |w'_d - w_d| = \tfrac12 [(1 - w(K)) +
    (1 - w(K))] = 1 - w(K)`. A class is drawn from a mask by the same conditional law in both mixtures, and no
    conditional law makes two laws differ more; so for every image the means differ by at most :math:`1 - w(K) \le
    \epsilon` in total variation, that is no class, or set of classes, changes its probability by more.

    ``sampled`` equals a loop over ``model(x)``, ``x`` contiguous, with :func:`~spinbnn.nn.masks.fixed_masks` bit for bit, and so do the
    passes of all other methods. A network that cannot be walked step by step runs in that loop; ``Prediction.note`` says why.

    Examples
    --------
    >>> import torch
    >>> from spinbnn.nn.models import lenet5
    >>> model = lenet5()
    >>> p = predict(model, torch.zeros(1, 1, 28, 28))
    >>> p.method, p.probs.shape, model.training
    ('exact', torch.Size([32, 1, 10]), True)
    >>> likely = predict(model, torch.zeros(1, 1, 28, 28), "mass", tolerance=0.3)
    >>> likely.samples, round(likely.covered, 3)
    (6, 0.737)
    """
    _check_arguments(method, samples, masks, tolerance, max_masks, weights, source)
    if not isinstance(x, Tensor) or x.ndim < 2:
        raise ParameterError(
            "the images are no tensor with the image as its first axis",
            where="predict, argument 'x'",
            value=tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__,
            remedy="a float tensor, (images, ...); of one image x[None]",
        )
    if len(x) == 0 or not _counts(batch_size):
        raise ParameterError(
            "needs at least one image and a whole number of images a batch, at least one",
            where="predict",
            value=(len(x), batch_size),
            remedy="pass images, and batch_size >= 1",
        )
    task = Task.of(
        model, x, samples=samples, seed=seed, masks=masks, tolerance=tolerance, max_masks=max_masks, batch_size=batch_size, weights=weights, source=source
    )
    check_images(x)
    check_network(model, task.modules)
    inside = [module for _, module in task.modules]
    with evaluating(inside), frozen_weights(inside):
        return task.run(method)


def _counts(value: Any) -> bool:
    """Whether a value is a whole number of at least 1."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 1)


def _check_arguments(method: str, samples: int, masks: str, tolerance: float, max_masks: int, weights: Any, source: Any) -> None:
    """Refuse options that are wrong, or do not fit the method."""
    if method not in METHODS:
        raise ParameterError("unknown method", where="predict, argument 'method'", value=method, remedy=suggest(str(method), METHODS))
    if masks not in ("per_pass", "per_image"):
        raise ParameterError("unknown kind of masks", where="predict, argument 'masks'", value=masks, remedy="per_pass or per_image")
    if not _counts(samples):
        raise ParameterError("needs a whole number of passes, at least one", where="predict, argument 'samples'", value=samples, remedy="e.g. 20")
    if not 0.0 <= tolerance < 1.0:
        raise ParameterError("a tolerance lies in [0, 1)", where="predict, argument 'tolerance'", value=tolerance, remedy="e.g. 0.01")
    if not _counts(max_masks):
        raise ParameterError("needs a whole number of masks, at least one", where="predict, argument 'max_masks'", value=max_masks, remedy=f"e.g. {MAX_MASKS}")
    if method in ("exact", "mass") and masks == "per_image":
        raise ParameterError(f"the {method} mixture draws no masks", where="predict, argument 'masks'", value=masks, remedy="leave it out, or use method='sampled' or 'tree'")
    if method in ("exact", "mass") and source is not None:
        raise ParameterError(f"the {method} mixture draws no masks", where="predict, argument 'source'", value="given", remedy="leave it out, or use method='sampled' or 'tree'; give weights=source.mask_weights(all_masks(M)) for its law")
    if weights is not None and (method in ("sampled", "tree") or masks == "per_image" or source is not None):
        raise ParameterError("sampled passes have equal weights", where="predict, argument 'weights'", value="given", remedy="leave it out, or use method='exact' or 'mass'")
