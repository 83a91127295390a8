"""What a dropped scale becomes."""

from __future__ import annotations

import torch
from torch import Tensor

MODES = ("unitary", "average", "random")


def dropped_scale(mode: str, alpha: Tensor, drawn: Tensor | None = None) -> Tensor:
    """Return what takes the place of a dropped alpha.

    Parameters
    ----------
    mode : str
        ``"unitary"``: one; ``"average"``: the mean of the layer's alpha, through which gradient flows; ``"random"``:
        the numbers drawn.
    alpha : Tensor
        ``(C,)`` [].
    drawn : Tensor or None
        For ``"random"``: ``(C,)`` or ``(B, C)`` [].

    Examples
    --------
    >>> alpha = torch.tensor([0.5, 1.0, 3.0])
    >>> dropped_scale("unitary", alpha).tolist(), dropped_scale("average", alpha).tolist()
    ([1.0, 1.0, 1.0], [1.5, 1.5, 1.5])
    """
    if mode == "average":
        return alpha.mean().expand_as(alpha)
    if mode == "random":
        assert drawn is not None
        return drawn
    return torch.ones_like(alpha)


def draw_scale(
    shape: tuple[int, ...], span: tuple[float, float], source: torch.Generator, like: Tensor
) -> Tensor:
    """Draw scales uniformly from ``[low, high)``, in the type and on the device of ``like``.

    Examples
    --------
    >>> drawn = draw_scale((1000,), (0.0, 2.0), torch.Generator().manual_seed(0), torch.zeros(1))
    >>> bool(drawn.min() >= 0) and bool(drawn.max() < 2), round(drawn.mean().item(), 1)
    (True, 1.0)
    """
    low, high = span
    return torch.rand(shape, generator=source, device=source.device).mul_(high - low).add_(low).to(like)
