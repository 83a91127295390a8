"""Ideal hardware layers: through mapping, tiles, popcounts and partial sums, bit-equal to software."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..float32 import full_float32
from ..layers import BinaryConv2d, BinaryLinear
from .tiles import BitCellArray, line_values, pair
from .views import views_of


class HardwareConv2d(nn.Module):
    """A :class:`~spinbnn.nn.layers.BinaryConv2d` computed on bit-cell arrays.

    Parameters
    ----------
    layer : BinaryConv2d
        The trained layer; its weights are frozen as bits.
    array : (int, int)
        Rows and columns of one array, in bit cells.
    strategy : {1, 2}
        Kernels unrolled into columns, or a matrix for each kernel position.

    Examples
    --------
    >>> layer = BinaryConv2d(1, 2, 3, padding=1)
    >>> x = torch.randn(2, 1, 5, 5)
    >>> [torch.equal(HardwareConv2d(layer, (4, 4), strategy=s)(x), layer(x)) for s in (1, 2)]
    [True, True]
    """

    def __init__(self, layer: BinaryConv2d, array: tuple[int, int], *, strategy: int = 1) -> None:
        super().__init__()
        self.kernel_size, self.stride = pair(layer.kernel_size), pair(layer.stride)
        self.padding = pair(layer.padding)
        self.binarize_input = layer.binarize_input
        weight = layer.binary_weight().detach().flatten(1)
        self.cells = BitCellArray(weight, array, layer.input_bits, kernel=self.kernel_size, strategy=strategy)
        self._views = views_of(self.cells.tiling, self.stride, self.padding)

    def forward(self, x: Tensor) -> Tensor:
        """Return the integer accumulations, shape ``(B, C_out, h, w)``."""
        with full_float32(x.device):
            return self._sums(x)

    def _sums(self, x: Tensor) -> Tensor:
        x = line_values(
            x, self.cells.tiling.channels, self.cells.input_bits, binarize=self.binarize_input, where="HardwareConv2d.forward",
            smallest=self._views[0].smallest,
        )  # fmt: skip
        if self.cells.input_bits == 1:
            return self._tiles(x)
        image = x.to(torch.uint8)
        total = self._tiles((image & 1).to(x.dtype))
        for plane in range(1, self.cells.input_bits):
            total.add_(self._tiles(((image >> plane) & 1).to(x.dtype)), alpha=2**plane)
        return total

    def _tiles(self, x: Tensor) -> Tensor:
        """Return ``sum over tiles of 2 n - driven``: for each tile of rows a convolution over the channels it touches."""
        signs = self.cells.signs(x.dtype)
        total = self._views[0].start(x, len(signs))
        for view in self._views:
            if not view.read(x):
                continue
            found = view.product(x, view.kernel_of(signs[:, view.rows]))
            if total is None:
                total = found
            else:
                view.part(total, x).add_(found)
        assert total is not None
        return total


class HardwareLinear(nn.Module):
    """A :class:`~spinbnn.nn.layers.BinaryLinear` computed on bit-cell arrays.

    Parameters
    ----------
    layer : BinaryLinear
        The trained layer; its weights are frozen as bits.
    array : (int, int)
        Rows and columns of one array, in bit cells.

    Examples
    --------
    >>> layer = BinaryLinear(7, 3)
    >>> x = torch.randn(2, 7)
    >>> torch.equal(HardwareLinear(layer, (4, 2))(x), layer(x))
    True
    """

    def __init__(self, layer: BinaryLinear, array: tuple[int, int]) -> None:
        super().__init__()
        self.binarize_input = layer.binarize_input
        self.cells = BitCellArray(layer.binary_weight().detach(), array, layer.input_bits)

    def forward(self, x: Tensor) -> Tensor:
        """Return the integer accumulations, shape ``(B, C_out)``."""
        x = line_values(x, self.cells.tiling.channels, self.cells.input_bits, binarize=self.binarize_input, where="HardwareLinear.forward")
        with full_float32(x.device):
            return self.cells.accumulate(x.t()).t().contiguous()
