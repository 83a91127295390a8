"""What one tile of rows sees of an image, and which outputs it adds to."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ...crossbar.tiling import MatrixTiling, outputs_inside


@dataclass(frozen=True, slots=True, kw_only=True)
class TileView:
    r"""The place of a row tile in the windows of its layer.

    Under strategy 1 a tile holds some rows of the unrolled kernels and is read in every window: a convolution over the
    channels that it touches, its kernel 0 outside its rows. Under strategy 2 it holds channels of one kernel position and is read
    in the windows in which that position meets a pixel: a product of 1 x 1 on those pixels. What falls on the padding is not read.

    Parameters
    ----------
    rows : slice
        Of the unrolled kernels, one of ``MatrixTiling.row_slices``.
    channels : (int, int)
        First and one-past-last input channel that it touches.
    kernel, stride, padding : (int, int)
        Of the layer [pixels].
    position : (int, int) or None
        Kernel position under strategy 2; None where every output is read.
    spatial : bool
        Whether inputs are images ``(B, C, h, w)`` or rows ``(B, C)``.

    Examples
    --------
    >>> tiling = MatrixTiling(channels=2, columns=1, cells=(8, 8), kernel=(3, 3), strategy=2)
    >>> corner = views_of(tiling, (1, 1), (1, 1))[0]
    >>> corner.position, corner.outputs((4, 5)), corner.product(torch.ones(1, 2, 4, 5), torch.ones(1, 2, 1, 1)).shape
    ((0, 0), (range(1, 4), range(1, 5)), torch.Size([1, 1, 3, 4]))
    """

    rows: slice
    channels: tuple[int, int]
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    position: tuple[int, int] | None = None
    spatial: bool = True

    @property
    def uniform(self) -> bool:
        """Whether every read drives all of its rows (of inputs that are never 0), wherever it is."""
        return self.position is not None or not any(self.padding)

    @property
    def smallest(self) -> tuple[int, int]:
        """Rows and columns of the smallest image that the kernel fits into, padding included [pixels]."""
        high, wide = (max(1, k - 2 * p) for k, p in zip(self.kernel, self.padding, strict=True))
        return high, wide

    def size(self, pixels: tuple[int, int]) -> tuple[int, int]:
        """Return rows and columns of the layer's output for an image of this size."""
        high, wide = (
            (n + 2 * p - k) // s + 1 for n, k, s, p in zip(pixels, self.kernel, self.stride, self.padding, strict=True)
        )
        return high, wide

    def outputs(self, pixels: tuple[int, int]) -> tuple[range, range]:
        """Return rows and columns of the output at which this tile is read, for an image of this size."""
        size = self.size(pixels)
        if self.position is None:
            return range(size[0]), range(size[1])
        down, across = (
            outputs_inside(k, n, out, s, p)
            for k, n, out, s, p in zip(self.position, pixels, size, self.stride, self.padding, strict=True)
        )
        return down, across

    def read(self, x: Tensor) -> bool:
        """Return whether this tile is read at all for such inputs."""
        return self.position is None or all(map(len, self.outputs(_pixels(x))))

    def product(self, x: Tensor, weight: Tensor) -> Tensor:
        """Return the sums of a kernel that :meth:`kernel_of` laid out, at the outputs at which the tile is read."""
        first, last = self.channels
        if not self.spatial:
            return functional.linear(x[:, first:last], weight)
        if self.position is None:
            return functional.conv2d(x[:, first:last], weight, None, self.stride, self.padding)
        down, across = (
            slice(places[0] * s + k - p, places[-1] * s + k - p + 1, s)
            for places, s, k, p in zip(self.outputs(_pixels(x)), self.stride, self.position, self.padding, strict=True)
        )
        return functional.conv2d(x[:, first:last, down, across], weight)

    def kernel_of(self, values: Tensor) -> Tensor:
        """Lay values ``(..., C, R)`` of the rows out as a kernel over the channels, 0 outside the rows."""
        head, channels = values.shape[:-1], self.channels[1] - self.channels[0]
        if not self.spatial:
            return values
        if self.position is not None:
            return values.reshape(*head, channels, 1, 1)
        size = self.kernel[0] * self.kernel[1]
        full = values.new_zeros((*head, channels * size))
        full[..., self.rows.start - self.channels[0] * size : self.rows.stop - self.channels[0] * size] = values
        return full.view(*head, channels, *self.kernel)

    def start(self, x: Tensor, columns: int) -> Tensor | None:
        """Return the accumulation before the first tile: None where the first tile gives every output, zeros otherwise."""
        return None if self.position is None else x.new_zeros((len(x), columns, *self.size(_pixels(x))))

    def part(self, total: Tensor, x: Tensor) -> Tensor:
        """Return the outputs at which this tile is read, as a view of the accumulation ``(B, C, ...)`` of the inputs x."""
        if self.position is None:
            return total
        down, across = self.outputs(_pixels(x))
        return total[..., down.start : down.stop, across.start : across.stop]

    def windows(self, x: Tensor) -> Tensor | slice:
        """Return the numbers of the windows in which this tile is read, counted over images, rows and columns of the output."""
        if self.position is None:
            return slice(None)
        high, wide = self.size(_pixels(x))
        numbers = torch.arange(len(x) * high * wide).view(len(x), high, wide)
        return self.part(numbers, x).reshape(-1)


def views_of(
    tiling: MatrixTiling, stride: tuple[int, int] = (1, 1), padding: tuple[int, int] = (0, 0), *, spatial: bool = True
) -> list[TileView]:
    """Return the view of every row tile, in the order of ``tiling.row_slices``.

    Parameters
    ----------
    tiling : MatrixTiling
        Of the layer's matrix.
    stride, padding : (int, int)
        Of the layer [pixels].
    spatial : bool
        Whether its inputs are images.

    Examples
    --------
    >>> [v.channels for v in views_of(MatrixTiling(channels=3, columns=1, cells=(4, 8), kernel=(1, 2)))]
    [(0, 2), (2, 3)]
    """
    return [
        TileView(
            rows=rows,
            channels=tiling.channel_range(rows),
            kernel=tiling.kernel,
            stride=stride,
            padding=padding,
            position=tiling.kernel_position(rows) if spatial else None,
            spatial=spatial,
        )
        for rows in tiling.row_slices
    ]


def _pixels(x: Tensor) -> tuple[int, int]:
    return int(x.shape[-2]), int(x.shape[-1])
