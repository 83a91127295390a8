"""Bit cells on tiles of rows, ideal: integer popcounts and digital partial sums; what word lines can carry."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...crossbar.tiling import MatrixTiling
from ...errors import ParameterError
from ..binarizers import binary_sign


class BitCellArray(nn.Module):
    r"""A binary weight matrix on arrays of bit cells, ideal fidelity.

    A bit cell holds a weight bit ``w`` and its complement in two devices. A driven row sends ``v`` and its
    complement, so that the column counts ``n = sum_rows driven * XNOR(v, w)``. Rows and columns are split into tiles
    (:class:`~spinbnn.crossbar.tiling.MatrixTiling`); each tile gives an integer count, the digital logic adds
    ``2 n - driven`` over the tiles. That equals ``sum x W`` for ``x, W`` in {-1, +1}, undriven rows adding 0.

    An 8-bit input is fed one bit plane after the other: plane ``k`` drives the rows whose bit ``k`` is 1, with
    ``v = 1``; its sums are shifted by ``k`` and added.

    The count is computed as an exact integer-valued float: for one tile of rows, ``2 n - driven`` is the product of
    the row signals (+1, -1, or 0 where undriven) with the stored signs, one float32 matrix product a tile, and
    ``n = (product + driven) / 2``. Every partial sum is an integer below ``R`` (``255 R`` for 8-bit inputs), exact
    below 2^24. Columns do not act on each other, so that column tiles need no products of their own.

    Parameters
    ----------
    weight : Tensor
        ``(C_out, R)``, values in {-1, +1}; the unrolled kernels of a convolution.
    array : (int, int)
        Rows and columns of one array, in bit cells.
    input_bits : int
        1 or 8.
    kernel : (int, int)
        Of a convolution.
    strategy : {1, 2}
        One matrix, or one for each kernel position.

    Examples
    --------
    >>> cells = BitCellArray(torch.tensor([[1.0, -1.0, 1.0]]), (2, 2), 1)
    >>> cells.accumulate(torch.tensor([[1.0], [1.0], [-1.0]])).tolist(), cells.arrays
    ([[-1.0]], 2)
    """

    bits: Tensor

    def __init__(
        self,
        weight: Tensor,
        array: tuple[int, int],
        input_bits: int,
        *,
        kernel: tuple[int, int] = (1, 1),
        strategy: int = 1,
    ) -> None:
        super().__init__()
        check_bits(input_bits, "BitCellArray, argument 'input_bits'")
        columns, rows = weight.shape
        self.tiling = MatrixTiling(
            channels=rows // (kernel[0] * kernel[1]), columns=columns, cells=array, kernel=kernel, strategy=strategy
        )
        self.input_bits = input_bits
        self.register_buffer("bits", (weight > 0).to(torch.uint8).t().contiguous())  # (R, C_out)

    @property
    def arrays(self) -> int:
        """Number of arrays that the matrix occupies."""
        return self.tiling.arrays

    def signs(self, dtype: torch.dtype) -> Tensor:
        """Return the stored weights, -1 and +1, ``(C_out, R)``."""
        return self.bits.to(dtype).mul_(2).sub_(1).t()

    def _tiles(self, lines: Tensor) -> Tensor:
        """Return ``sum over tiles of 2 n - driven``, ``(C_out, N)``, for row signals ``(R, N)`` in {-1, 0, +1}."""
        signs = self.signs(lines.dtype)
        total: Tensor | None = None
        for tile in self.tiling.row_slices:
            part = signs[:, tile] @ lines[tile]  # 2 n - driven of this tile
            total = part if total is None else total.add_(part)
        assert total is not None
        return total

    def accumulate(self, lines: Tensor) -> Tensor:
        """Return the integer sums ``(C_out, N)`` as floats, for N reads.

        Parameters
        ----------
        lines : Tensor
            Values on the word lines, one column a read, ``(R, N)``: -1 or +1, and 0 for a row that is not driven
            (``input_bits = 1``), or integers 0..255 (8).
        """
        if self.input_bits == 1:
            return self._tiles(lines)
        image = lines.to(torch.uint8)
        total = self._tiles((image & 1).to(lines.dtype))
        for plane in range(1, self.input_bits):
            driven = ((image >> plane) & 1).to(lines.dtype)
            total.add_(self._tiles(driven), alpha=2**plane)
        return total


def check_bits(bits: int, where: str) -> None:
    """Refuse layers whose inputs the word lines cannot carry."""
    if bits not in (1, 8):
        raise ParameterError(
            "word lines carry signs or an 8-bit image",
            where=where,
            value=bits,
            remedy="1 or 8; keep layers with real inputs digital",
        )


def line_values(
    x: Tensor, channels: int, bits: int, *, binarize: bool, where: str, smallest: tuple[int, int] | None = None
) -> Tensor:
    """Return what the word lines carry, shaped as the input; in float32 unless the input is float64.

    Parameters
    ----------
    x : Tensor
        ``(B, C, h, w)`` or ``(B, C)``.
    channels : int
        C of the layer.
    bits : int
        1 or 8.
    binarize : bool
        Take the sign first.
    where : str
        The layer, for messages.
    smallest : (int, int) or None
        Rows and columns that an image has at least; None for a linear layer.

    Raises
    ------
    ParameterError
        On another shape than the layer's, or values that the word lines cannot carry.

    Examples
    --------
    >>> line_values(torch.tensor([[0.0, -2.0]], dtype=torch.float16), 2, 1, binarize=True, where="fc")
    tensor([[ 1., -1.]])
    """
    short = smallest is not None and x.ndim == 4 and any(n < least for n, least in zip(x.shape[2:], smallest, strict=True))
    if x.ndim != (2 if smallest is None else 4) or x.shape[1] != channels or short:
        raise ParameterError(
            "the input has not the shape that the layer takes",
            where=where,
            value=tuple(x.shape),
            remedy=f"(B, {channels})" if smallest is None else f"(B, {channels}, h, w), at least {smallest[0]} x {smallest[1]} pixels",
        )
    if x.dtype not in (torch.float32, torch.float64):  # 16 bits do not hold the sums, and unsigned integers no -1
        x = x.float()
    if binarize:
        x = binary_sign(x)
    if not binarize or bits != 1:  # signs fit by construction
        check_input(x, bits, where)
    return x


def check_input(x: Tensor, bits: int, where: str) -> None:
    """Refuse inputs that the word lines cannot carry."""
    good = x.abs() == 1 if bits == 1 else (x == x.round()) & (x >= 0) & (x <= 255)
    if not bool(good.all()):
        raise ParameterError(
            "the input does not fit the word lines",
            where=where,
            value=x[~good][:3].tolist(),
            remedy="-1 or +1" if bits == 1 else "integers 0..255",
        )


def pair(values: Any) -> tuple[int, int]:
    """Return the two integers of a pair (torch types it more loosely)."""
    return int(values[0]), int(values[1])


def windows(
    x: Tensor, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> tuple[Tensor, tuple[int, int, int]]:
    """Return the word-line values of all windows, ``(R, B * h * w)``, and ``(B, h, w)``; padding drives no row.

    Examples
    --------
    >>> lines, shape = windows(torch.ones(1, 1, 3, 3), (2, 2), (1, 1), (0, 0))
    >>> lines.shape, shape
    (torch.Size([4, 4]), (1, 2, 2))
    """
    if any(padding):
        x = functional.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    seen = x.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1])
    count, channels, height, width = seen.shape[:4]
    lines = seen.permute(1, 4, 5, 0, 2, 3).reshape(channels * kernel[0] * kernel[1], count * height * width)
    return lines, (count, height, width)
