"""Max pooling of 2 x 2 pixels by two vectorised maxima: the same bits as torch's, some ten times as fast on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALL = 1 << 15
"""Values below which torch's own kernel is quicker []."""
TWO = (2, (2, 2), [2, 2])
FUNCTIONS = (functional.max_pool2d, torch.max_pool2d)


def max_of_pairs(x: Tensor) -> Tensor:
    """Return ``max_pool2d(x, 2)`` for ``x (B, C, H, W)``.

    Examples
    --------
    >>> x = torch.arange(20.0).view(1, 1, 4, 5)
    >>> torch.equal(max_of_pairs(x), functional.max_pool2d(x, 2))
    True
    """
    height, width = x.shape[-2] // 2 * 2, x.shape[-1] // 2 * 2
    rows = torch.maximum(x[:, :, 0:height:2], x[:, :, 1:height:2])
    return torch.maximum(rows[..., 0:width:2], rows[..., 1:width:2])


class QuickPool:
    """A max pooling step that takes :func:`max_of_pairs` where that is the same and quicker.

    Parameters
    ----------
    call : callable
        ``max_pool2d`` or a ``MaxPool2d``, whose options are read at each call.
    options : tuple
        Arguments behind the first.
    named : dict
        Arguments by name.

    Examples
    --------
    >>> x = torch.randn(8, 8, 32, 32)
    >>> torch.equal(QuickPool(functional.max_pool2d, (2,), {})(x), functional.max_pool2d(x, 2))
    True
    """

    def __init__(self, call: Any, options: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.call, self.options, self.named = call, options, named

    @property
    def of_pairs(self) -> bool:
        """Whether the windows are 2 x 2 and do not overlap."""
        if isinstance(self.call, nn.MaxPool2d):
            pool = self.call
            given: dict[str, Any] = {k: getattr(pool, k) for k in ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")}
        else:
            names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
            given = {**dict(zip(names, self.options, strict=False)), **self.named}
        return (
            given.get("kernel_size") in TWO
            and given.get("stride") in (None, [], *TWO)
            and given.get("padding", 0) in (0, (0, 0), [0, 0])
            and given.get("dilation", 1) in (1, (1, 1), [1, 1])
            and not given.get("ceil_mode")
            and not given.get("return_indices")
        )

    def __call__(self, x: Tensor) -> Any:
        if x.numel() >= SMALL and x.ndim == 4 and x.device.type == "cpu" and x.is_floating_point() and self.of_pairs:
            return max_of_pairs(x)
        return self.call(x, *self.options, **self.named)
