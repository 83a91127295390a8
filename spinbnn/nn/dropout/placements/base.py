"""Where scale and normalisation stand to each other: what a placement must say."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ..layer import ScaleDropout


class Placement:
    """One order of scaling and normalising, without state of its own: parameters and statistics are the layer's.

    Attributes
    ----------
    name : str
        As in the option ``placement``.
    sets : int
        Sets of statistics and affine parameters: 1, or 2 for the kept and the dropped branch [].
    gain : bool
        Whether the normalisation has a gain (``weight``) of its own beside alpha.
    cancels : bool
        Whether the normalisation cancels alpha while training, so that alpha gets no gradient.
    alpha_init : str
        Initialisation of alpha where none is asked for.
    """

    name: ClassVar[str]
    sets: ClassVar[int] = 1
    gain: ClassVar[bool] = True
    cancels: ClassVar[bool] = False
    alpha_init: ClassVar[str] = "ones"

    def train(self, layer: ScaleDropout, x: Tensor, scale: Tensor, branch: int | Tensor) -> Tensor:
        """Return the output while training, and update the running statistics.

        Parameters
        ----------
        layer : ScaleDropout
            Whose parameters and statistics to use.
        x : Tensor
            Input ``(B, C)`` or ``(B, C, H, W)``.
        scale : Tensor
            What multiplies each channel, ``(1, C)`` or ``(B, C)`` [].
        branch : int or Tensor
            The mask bit of the batch, or of each channel ``(C,)``; picks the set where there are two.
        """
        raise NotImplementedError

    def fold(self, layer: ScaleDropout, alpha: Tensor, branch: int) -> tuple[Tensor, Tensor]:
        """Return ``(scale, shift)`` of eval mode, ``y = z scale + shift``, shape of ``alpha`` ``(C,)`` or ``(B, C)``."""
        raise NotImplementedError


def scaled_before(
    alpha: Tensor, gain: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, eps: float
) -> tuple[Tensor, Tensor]:
    """Return scale and shift of ``(alpha z - mean) / sqrt(variance + eps) * gain + bias``, per channel.

    Examples
    --------
    >>> one = torch.ones(1)
    >>> [value.item() for value in scaled_before(2 * one, 3 * one, one, 5 * one, 4 * one, 0.0)]
    [3.0, -6.5]
    """
    inverse = gain * torch.rsqrt(variance + eps)
    return alpha * inverse, bias - mean * inverse
