"""Digital layers, computed by logic beside the arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..binarizers import Binarizer, make_binarizer
from .proxies import OwnInitialWeights


class DigitalConv2d(OwnInitialWeights, nn.Conv2d):
    """Convolution with real weights, computed by digital logic beside the arrays; no bias, as a norm follows.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels.
    kernel_size : int or (int, int)
        Kernel [pixels].
    stride, padding : int
        As in :class:`torch.nn.Conv2d` [pixels].
    generator : torch.Generator or None
        For the initial weights; None: torch's default generator.

    Examples
    --------
    >>> DigitalConv2d(1, 6, 5)(torch.zeros(1, 1, 28, 28)).shape
    torch.Size([1, 6, 24, 24])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int = 1,
        padding: int = 0,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=False)
        self._draw(generator)
        self.input_bits = 32


class DigitalLinear(OwnInitialWeights, nn.Linear):
    """Fully connected layer with real weights, computed by digital logic, by default on the signs of its input.

    Forward: ``z = b_x(x) W^T``, ``b_x`` the sign that the binariser makes, with its gradient, if ``binarize_input``.

    Parameters
    ----------
    in_features, out_features : int
        Sizes.
    binarize_input : bool
        Take the sign of the input first (the bits the last array hands over).
    binarizer : str, mapping or Binarizer
        Of the input; the weights stay real.
    generator : torch.Generator or None
        For the initial weights; None: torch's default generator.

    Examples
    --------
    >>> DigitalLinear(84, 10)(torch.zeros(1, 84)).shape
    torch.Size([1, 10])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        binarize_input: bool = True,
        binarizer: str | Mapping[str, Any] | Binarizer = "libra",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias=False)
        self._draw(generator)
        self.binarize_input = binarize_input
        self.input_bits = 1 if binarize_input else 32
        self.binarizer = make_binarizer(binarizer)

    def forward(self, x: Tensor) -> Tensor:
        """Return the real accumulations, shape ``(B, C_out)``."""
        return functional.linear(self.binarizer.input(x) if self.binarize_input else x, self.weight)
