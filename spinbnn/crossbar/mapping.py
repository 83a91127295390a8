"""Layers on arrays: kernels unrolled into columns, or one matrix for each kernel position; tiles of one array."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from .plan import LayerSpec, NetworkPlan
from .tiling import ROWS as ROWS
from .tiling import STRATEGIES as STRATEGIES
from .tiling import MatrixTiling, array_size, cells_of_array, check_strategy, outputs_inside

if TYPE_CHECKING:
    from ..tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerMapping:
    r"""Where the matrix of one layer lies; the tiles are those of :class:`~spinbnn.crossbar.tiling.MatrixTiling`.

    Parameters
    ----------
    layer : LayerSpec
        The layer.
    cells : tuple of int
        Rows and columns of bit cells of one array, ``(r, c)`` [].
    strategy : {1, 2}
        1: one matrix of :math:`C_{in} k_h k_w` rows. 2: one of :math:`C_{in}` rows for each kernel position.

    Examples
    --------
    >>> from spinbnn.crossbar.plans import plan
    >>> fc1 = map_plan(plan("lenet5"), rows="devices").layers[2]
    >>> fc1.row_tiles, fc1.arrays, fc1.row_ranges
    (2, 2, ((0, 128), (128, 256)))
    >>> conv2 = map_plan(plan("lenet5"), strategy=2).layers[1]
    >>> conv2.arrays, conv2.reads, conv2.conversions_per_output, conv2.row_slices[1]
    (25, 1600, 25, slice(1, 127, 25))
    """

    layer: LayerSpec
    cells: tuple[int, int]
    strategy: int = 1

    @property
    def tiling(self) -> MatrixTiling:
        """The tiles of the layer's matrix, those of a digital layer too, which takes none of them."""
        layer = self.layer
        return MatrixTiling(
            channels=layer.in_channels, columns=layer.columns, cells=self.cells, kernel=layer.kernel, strategy=self.strategy
        )

    @property
    def positions(self) -> int:
        """Matrices that the layer is split into: 1, or one for each kernel position []."""
        return self.tiling.positions

    @property
    def matrix_rows(self) -> int:
        """Rows of one matrix []."""
        return self.tiling.matrix_rows

    @property
    def row_tiles(self) -> int:
        """Tiles of one matrix from top to bottom, ``ceil(R / r)``; 0 for a digital layer []."""
        return 0 if self.layer.digital else self.tiling.row_tiles

    @property
    def column_tiles(self) -> int:
        """Tiles of one matrix from left to right, ``ceil(C / c)``; 0 for a digital layer []."""
        return 0 if self.layer.digital else self.tiling.column_tiles

    @property
    def arrays(self) -> int:
        """Arrays that hold the layer; every tile has its own; 0 for a digital layer []."""
        return 0 if self.layer.digital else self.tiling.arrays

    @property
    def accesses(self) -> int:
        """Windows times matrices read for each: under strategy 2 a position that falls on padding is not read []."""
        layer = self.layer
        if self.strategy == 1:
            return layer.windows
        return prod(
            sum(len(outputs_inside(k, n, out, layer.stride, layer.padding)) for k in range(size))
            for size, n, out in zip(layer.kernel, layer.input_size, layer.output_size, strict=True)
        )

    @property
    def reads(self) -> int:
        """Array reads of one evaluation: accesses x input bits x tiles of a matrix []."""
        return self.accesses * self.layer.input_bits * self.row_tiles * self.column_tiles

    @property
    def conversions(self) -> int:
        """Column results converted in one evaluation: accesses x input bits x row tiles x columns []."""
        return self.accesses * self.layer.input_bits * self.row_tiles * self.layer.columns

    @property
    def conversions_per_output(self) -> int:
        """Column results added for one output away from the padding []."""
        return self.positions * self.row_tiles * self.layer.input_bits

    @property
    def partial_sum_additions(self) -> int:
        """Digital additions of one evaluation, one less than the results of each output []."""
        return self.conversions - self.layer.columns * self._read_windows if self.arrays else 0

    @property
    def _read_windows(self) -> int:
        """Windows with at least one access: all, but for those that lie on the padding alone under strategy 2."""
        layer = self.layer
        if self.strategy == 1:
            return layer.windows
        return prod(
            sum(-size < i * layer.stride - layer.padding < n for i in range(out))
            for size, n, out in zip(layer.kernel, layer.input_size, layer.output_size, strict=True)
        )

    @property
    def utilisation(self) -> float:
        """Fraction of the cells of its arrays that the layer uses; 0 for a digital layer []."""
        return self.layer.parameters / (self.arrays * self.cells[0] * self.cells[1]) if self.arrays else 0.0

    @property
    def row_ranges(self) -> tuple[tuple[int, int], ...]:
        """First and one-past-last row of each row tile, within one matrix; empty for a digital layer."""
        return () if self.layer.digital else self.tiling.row_ranges

    @property
    def row_slices(self) -> tuple[slice, ...]:
        """Rows of the unrolled kernel ``(C_in, kh, kw)`` that each row tile holds, position by position; empty for a digital layer."""
        return () if self.layer.digital else self.tiling.row_slices

    @property
    def column_ranges(self) -> tuple[tuple[int, int], ...]:
        """First and one-past-last matrix column of each column tile; empty for a digital layer."""
        return () if self.layer.digital else self.tiling.column_ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """The mapping of a whole plan.

    Parameters
    ----------
    plan : NetworkPlan
        The network.
    array : tuple of int
        Rows and columns of one array, in the unit that ``rows`` names [].
    rows : {"cells", "devices"}
        Whether the array's rows are bit cells or single devices.
    layers : tuple of LayerMapping
        One for each layer.
    strategy : {1, 2}
        As of :func:`map_plan`.

    Examples
    --------
    >>> from spinbnn.crossbar.plans import plan
    >>> [(m.arrays, m.reads) for m in (map_plan(plan("lenet5"), rows=r) for r in ROWS)]
    [(5, 643), (7, 708)]
    >>> two = map_plan(plan("lenet5"), strategy=2)
    >>> two.arrays, two.reads, round(two.utilisation, 4)
    (53, 16003, 0.0127)
    """

    plan: NetworkPlan
    array: tuple[int, int]
    rows: str
    layers: tuple[LayerMapping, ...]
    strategy: int = 1

    @property
    def arrays(self) -> int:
        """Arrays in all []."""
        return sum(layer.arrays for layer in self.layers)

    @property
    def reads(self) -> int:
        """Array reads of one pass []."""
        return sum(layer.reads for layer in self.layers)

    @property
    def utilisation(self) -> float:
        """Used cells over all cells; 0 where no layer lies on an array []."""
        used = sum(m.layer.parameters for m in self.layers if m.arrays)
        held = sum(m.arrays * m.cells[0] * m.cells[1] for m in self.layers)
        return used / held if held else 0.0

    def table(self) -> Table:
        """Return tiles, arrays, reads and utilisation of each layer as a table."""
        from ..tables import Column, Table

        columns: list[Column | str] = [
            "layer",
            "rows",
            "columns",
            "matrices",
            "row tiles",
            "column tiles",
            "arrays",
            "reads a pass",
            Column("utilisation", "%"),
        ]
        rows: list[list[str | int | float | None]] = [
            [
                m.layer.name,
                m.layer.rows,
                m.layer.columns,
                m.positions if m.arrays else 0,
                m.row_tiles,
                m.column_tiles,
                m.arrays,
                m.reads,
                100 * m.utilisation,
            ]
            for m in self.layers
        ]
        rows.append(["total", "", "", "", "", "", self.arrays, self.reads, 100 * self.utilisation])
        unit = "bit cells" if self.rows == "cells" else "device rows"
        size = f"{self.array[0]} x {self.array[1]} ({unit})"
        return Table(f"{self.plan.name} on arrays of {size}, strategy {self.strategy}", columns, rows)


def map_plan(
    plan: NetworkPlan, array: tuple[int, int] = (256, 256), *, rows: str = "cells", strategy: int = 1
) -> Mapping:
    r"""Cut every crossbar layer of a plan into tiles.

    Parameters
    ----------
    plan : NetworkPlan
        The network.
    array : tuple of int
        Rows and columns of one array [].
    rows : {"cells", "devices"}
        ``"cells"``: an array has ``array[0]`` rows of bit cells, each of two SOT-MTJs (the XNOR needs both).
        ``"devices"``: it has ``array[0]`` device rows, hence half as many cells in a column.
    strategy : {1, 2}
        1: the kernel unrolled into a column, :math:`R = C_{in} k_h k_w` rows. 2: a matrix of :math:`C_{in}` rows
        for each of the :math:`k_h k_w` kernel positions. A linear layer is the same in both.

    Notes
    -----
    A matrix takes :math:`\lceil R / r \rceil \lceil C_{out} / c \rceil` arrays. Under strategy 1 each is read once
    for each window and input bit; a padded pixel is a row that is not driven. Under strategy 2 each kernel position
    is read once for each pixel that it meets, which leaves out the windows in which it falls on the padding:

    .. math:: \text{accesses} = \sum_{k_y, k_x} |\{(i, j): 0 \le i s + k_y - p < h, 0 \le j s + k_x - p < w\}| .

    The partial sums of row tiles and positions are added digitally. Tiles never share an array, not even the
    small ones of strategy 2. Digital layers take none. Source: strategies 1 and 2 of Scale-Dropout (arXiv
    2311.15816, section V), 2 after X. Peng, R. Liu, S. Yu (ISCAS 2019).

    Raises
    ------
    ParameterError
        For an unknown kind of rows, an array too small to hold one cell, or another strategy.

    Examples
    --------
    >>> from spinbnn.crossbar.plans import plan
    >>> map_plan(plan("lenet5", first="bit_serial")).reads
    4675
    """
    check_strategy(strategy, "map_plan, strategy")
    cells = cells_of_array(array, rows, "map_plan")
    layers = tuple(LayerMapping(layer=layer, cells=cells, strategy=int(strategy)) for layer in plan.layers)
    return Mapping(plan=plan, array=array_size(array, "map_plan"), rows=rows, layers=layers, strategy=int(strategy))
