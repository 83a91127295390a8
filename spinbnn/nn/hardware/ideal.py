"""Ideal hardware layers: through mapping, tiles, popcounts and partial sums, bit-equal to software."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..binarize import binary_sign
from ..layers import BinaryConv2d, BinaryLinear
from .tiles import BitCellArray, check_input, pair


class HardwareConv2d(nn.Module):
    """A :class:`~spinbnn.nn.layers.BinaryConv2d` computed on bit-cell arrays, kernel unrolled into columns.

    Parameters
    ----------
    layer : BinaryConv2d
        The trained layer; its weights are frozen as bits.
    array : (int, int)
        Rows and columns of one array, in bit cells.

    Examples
    --------
    >>> layer = BinaryConv2d(1, 2, 3, padding=1)
    >>> x = torch.randn(2, 1, 5, 5)
    >>> torch.equal(HardwareConv2d(layer, (4, 4))(x), layer(x))
    True
    """

    def __init__(self, layer: BinaryConv2d, array: tuple[int, int]) -> None:
        super().__init__()
        self.kernel_size, self.stride = pair(layer.kernel_size), pair(layer.stride)
        self.padding = pair(layer.padding)
        self.binarize_input = layer.binarize_input
        self.cells = BitCellArray(layer.binary_weight().detach().flatten(1), array, layer.input_bits)

    def forward(self, x: Tensor) -> Tensor:
        """Return the integer accumulations, shape ``(B, C_out, h, w)``."""
        if self.binarize_input:
            x = binary_sign(x)
        if not self.binarize_input or self.cells.input_bits != 1:  # signs fit by construction
            check_input(x, self.cells.input_bits, "HardwareConv2d.forward")
        if self.cells.input_bits == 1:
            return self._tiles(x)
        image = x.to(torch.uint8)
        total = self._tiles((image & 1).to(x.dtype))
        for plane in range(1, self.cells.input_bits):
            total.add_(self._tiles(((image >> plane) & 1).to(x.dtype)), alpha=2**plane)
        return total

    def _tiles(self, x: Tensor) -> Tensor:
        """Return ``sum over tiles of 2 n - driven``: for each tile of rows a convolution over the channels it touches."""
        bits, rows, size = self.cells.bits, self.cells.array[0], self.kernel_size[0] * self.kernel_size[1]
        total: Tensor | None = None
        for top in range(0, len(bits), rows):
            part = bits[top : top + rows].to(x.dtype).mul_(2).sub_(1).t()
            first, last = top // size, -(-(top + part.shape[1]) // size)
            kernel = x.new_zeros((len(part), (last - first) * size))
            kernel[:, top - first * size : top - first * size + part.shape[1]] = part
            kernel = kernel.view(len(part), last - first, *self.kernel_size)
            found = functional.conv2d(x[:, first:last], kernel, None, self.stride, self.padding)
            total = found if total is None else total.add_(found)
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
        if self.binarize_input:
            x = binary_sign(x)
        if not self.binarize_input or self.cells.input_bits != 1:  # signs fit by construction
            check_input(x, self.cells.input_bits, "HardwareLinear.forward")
        return self.cells.accumulate(x.t()).t().contiguous()
