"""Binary layers, which run on the crossbar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..binarizers import Binarizer
from .proxies import BinaryProxies


class BinaryConv2d(BinaryProxies, nn.Conv2d):
    r"""Convolution with binary weights and without bias.

    Forward: ``z = b_w(W) (*) b_x(x)``, ``b_w`` and ``b_x`` the signs that the binariser makes of proxies and inputs, with its
    gradients; ``b_x`` only if ``binarize_input``. The outputs are integers, exact in float32 below 2^24. Padding adds
    zeros: the rows outside the image are not driven and add nothing.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels.
    kernel_size : int or (int, int)
        Kernel [pixels].
    stride, padding : int
        As in :class:`torch.nn.Conv2d` [pixels].
    binarize_input : bool
        Take the sign of the input first.
    input_bits : int or None
        1 or 8 (integers 0..255, bit-serial; only with ``binarize_input=False``); None: 1.
    binarizer : str, mapping or Binarizer
        Name, name and options, or object, see :func:`~spinbnn.nn.binarizers.make_binarizer`.
    generator : torch.Generator or None
        For the initial proxies; None: torch's default generator, as in torch.nn.

    Examples
    --------
    >>> layer = BinaryConv2d(1, 2, 3, generator=torch.Generator().manual_seed(0))
    >>> z = layer(torch.ones(1, 1, 3, 3))
    >>> z.shape, bool((z == z.round()).all())
    (torch.Size([1, 2, 1, 1]), True)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int = 1,
        padding: int = 0,
        *,
        binarize_input: bool = True,
        input_bits: int | None = None,
        binarizer: str | Mapping[str, Any] | Binarizer = "libra",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=False)
        self._set_up(binarize_input, input_bits, binarizer, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Return the integer accumulations, shape ``(B, C_out, h, w)``."""
        return functional.conv2d(self._binary_input(x), self.binary_weight(), None, self.stride, self.padding)


class BinaryLinear(BinaryProxies, nn.Linear):
    r"""Fully connected layer with binary weights and without bias.

    Forward: ``z = b_x(x) b_w(W)^T``; rules and options as :class:`BinaryConv2d`.

    Parameters
    ----------
    in_features, out_features : int
        Sizes.
    binarize_input : bool
        Take the sign of the input first.
    input_bits : int or None
        1 or 8; None: 1.
    binarizer : str, mapping or Binarizer
        Name, name and options, or object, see :func:`~spinbnn.nn.binarizers.make_binarizer`.
    generator : torch.Generator or None
        For the initial proxies; None: torch's default generator.

    Examples
    --------
    >>> layer = BinaryLinear(3, 2, generator=torch.Generator().manual_seed(0))
    >>> sorted({abs(v) for v in layer(torch.tensor([[0.5, -2.0, 0.0]])).flatten().tolist()} | {1.0, 3.0})
    [1.0, 3.0]
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        binarize_input: bool = True,
        input_bits: int | None = None,
        binarizer: str | Mapping[str, Any] | Binarizer = "libra",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias=False)
        self._set_up(binarize_input, input_bits, binarizer, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Return the integer accumulations, shape ``(B, C_out)``."""
        return functional.linear(self._binary_input(x), self.binary_weight())
