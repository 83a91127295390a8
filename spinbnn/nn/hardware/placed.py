"""A binary layer's place on the arrays of a chip: geometry of its windows, tiles, converters; what table and exact share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ...crossbar.adc import Adc, Clipping
from ...crossbar.tiling import MatrixTiling
from ..layers import BinaryConv2d, BinaryLinear
from .tiles import check_bits, line_values, pair
from .views import views_of

if TYPE_CHECKING:
    from ...hardware.arrays import CrossbarSetup, RowTile


class PlacedLayer(nn.Module):
    """A trained binary layer on the arrays of one chip.

    Parameters
    ----------
    layer : BinaryConv2d or BinaryLinear
        The trained layer; its weights are frozen as bits.
    setup : CrossbarSetup
        Electrical side of the arrays.
    array : (int, int)
        Rows and columns of one array, in bit cells.
    seed : int
        Of the chip.
    name : str
        Of the layer; devices depend on seed, name and number of the array alone.
    strategy : {1, 2}
        Kernels unrolled into columns, or a matrix for each kernel position.

    Attributes
    ----------
    clipping : Clipping
        Conversions outside the range of their converter since the layer was made or :meth:`reset_clipping`.
    generator : torch.Generator or None
        Source of the read noise, needed where the converter has noise.
    """

    def __init__(
        self,
        layer: BinaryConv2d | BinaryLinear,
        setup: CrossbarSetup,
        array: tuple[int, int],
        *,
        seed: int,
        name: str,
        strategy: int = 1,
    ) -> None:
        super().__init__()
        from ...hardware.arrays import row_tiles

        self.spatial = isinstance(layer, BinaryConv2d)
        if isinstance(layer, BinaryConv2d):
            self.kernel_size, self.stride = pair(layer.kernel_size), pair(layer.stride)
            self.padding = pair(layer.padding)
            self.in_channels = layer.in_channels
        else:
            self.kernel_size, self.stride, self.padding = (1, 1), (1, 1), (0, 0)
            self.in_channels = layer.in_features
        self.binarize_input, self.input_bits = layer.binarize_input, layer.input_bits
        check_bits(self.input_bits, f"{type(self).__name__} {name!r}, input_bits")
        self.setup, self.name = setup, name
        bits = (layer.binary_weight().detach().flatten(1) > 0).t().cpu().numpy()
        self.tiling = MatrixTiling(
            channels=self.in_channels, columns=bits.shape[1], cells=array, kernel=self.kernel_size, strategy=strategy
        )
        self.tiles: list[RowTile] = row_tiles(bits, setup, self.tiling, seed=seed, layer=name)
        self.views = views_of(self.tiling, self.stride, self.padding, spatial=self.spatial)
        self.clipping = Clipping()
        self.generator: torch.Generator | None = None

    @property
    def arrays(self) -> int:
        """Number of arrays that the layer occupies."""
        return sum(len(tile.samples) for tile in self.tiles)

    @property
    def tile_sizes(self) -> list[tuple[int, int]]:
        """Rows and columns of each array that are used, in bit cells."""
        return [(len(t.bits), end - first) for t in self.tiles for first, end in t.columns]

    def reset_clipping(self) -> None:
        """Count clipped conversions from zero."""
        self.clipping = Clipping()

    def _count(self, position: Tensor, adc: Adc) -> None:
        """Count what lies outside the codes, for positions in codes plus 1/2; a sense amplifier clips nothing."""
        low = high = 0
        if adc.kind != "sense" and position.numel():
            least, most = (float(v) for v in torch.aminmax(position))
            low = int((position < 0).sum()) if least < 0 else 0
            high = int((position >= 2**adc.bits).sum()) if most >= 2**adc.bits else 0
        self.clipping += Clipping(low=low, high=high, total=position.numel())

    def _lines(self, x: Tensor) -> Tensor:
        """Return what the word lines carry, checked and without gradient."""
        return line_values(
            x.detach(), self.in_channels, self.input_bits, binarize=self.binarize_input, where=f"{type(self).__name__} {self.name!r}",
            smallest=self.views[0].smallest if self.spatial else None,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Show the place in ``print(model)``."""
        return f"arrays={self.arrays}, strategy={self.tiling.strategy}, rows={self.setup.rows!r}, readout={self.setup.readout!r}, adc_bits={self.setup.adc_bits}"
