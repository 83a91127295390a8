"""Strategy 1: each kernel unrolled into a column, the matrix cut into tiles of one array each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ParameterError, suggest
from .plan import LayerSpec, NetworkPlan

if TYPE_CHECKING:
    from ..tables import Table

ROWS = ("cells", "devices")
DEVICES_PER_CELL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerMapping:
    r"""Where the matrix of one layer lies.

    Parameters
    ----------
    layer : LayerSpec
        The layer.
    row_tiles, column_tiles : int
        Tiles in each direction, ``ceil(R / r)`` and ``ceil(C / c)``; 0 for a digital layer [].
    cells : tuple of int
        Rows and columns of bit cells of one array, ``(r, c)`` [].

    Examples
    --------
    >>> from spinbnn.crossbar.plans import plan
    >>> fc1 = map_plan(plan("lenet5"), rows="devices").layers[2]
    >>> fc1.row_tiles, fc1.arrays, fc1.row_ranges
    (2, 2, ((0, 128), (128, 256)))
    """

    layer: LayerSpec
    row_tiles: int
    column_tiles: int
    cells: tuple[int, int]

    @property
    def arrays(self) -> int:
        """Arrays that hold the layer; every tile has its own []."""
        return self.row_tiles * self.column_tiles

    @property
    def reads(self) -> int:
        """Array reads of one evaluation: windows x input bits x tiles []."""
        return self.layer.windows * self.layer.input_bits * self.arrays

    @property
    def utilisation(self) -> float:
        """Fraction of the cells of its arrays that the layer uses; 0 for a digital layer []."""
        return self.layer.parameters / (self.arrays * self.cells[0] * self.cells[1]) if self.arrays else 0.0

    @property
    def row_ranges(self) -> tuple[tuple[int, int], ...]:
        """First and one-past-last matrix row of each row tile."""
        return _ranges(self.layer.rows, self.cells[0], self.row_tiles)

    @property
    def column_ranges(self) -> tuple[tuple[int, int], ...]:
        """First and one-past-last matrix column of each column tile."""
        return _ranges(self.layer.columns, self.cells[1], self.column_tiles)


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

    Examples
    --------
    >>> from spinbnn.crossbar.plans import plan
    >>> [(m.arrays, m.reads) for m in (map_plan(plan("lenet5"), rows=r) for r in ROWS)]
    [(5, 643), (7, 708)]
    """

    plan: NetworkPlan
    array: tuple[int, int]
    rows: str
    layers: tuple[LayerMapping, ...]

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
                m.row_tiles,
                m.column_tiles,
                m.arrays,
                m.reads,
                100 * m.utilisation,
            ]
            for m in self.layers
        ]
        rows.append(["total", "", "", "", "", self.arrays, self.reads, 100 * self.utilisation])
        unit = "bit cells" if self.rows == "cells" else "device rows"
        return Table(
            f"{self.plan.name} on arrays of {self.array[0]} x {self.array[1]} ({unit})", columns, rows
        )


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
    strategy : {1}
        1: the kernel unrolled into a column, :math:`R = C_{in} k_h k_w` rows.

    Notes
    -----
    A layer takes :math:`\lceil R / r \rceil \lceil C_{out} / c \rceil` arrays and as many reads for each
    window and input bit; the partial sums of its row tiles are added digitally. Tiles of different layers
    never share an array. Digital layers take none. Source: strategy 1 of Scale-Dropout (arXiv 2311.15816,
    section V).

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
    if strategy != 1:
        raise ParameterError(
            "this mapping strategy is not built",
            where="map_plan, strategy",
            value=strategy,
            remedy="use strategy=1 (kernel unrolled into a column)",
        )
    if rows not in ROWS:
        raise ParameterError(
            "unknown kind of array rows", where="map_plan, rows", value=rows, remedy=suggest(str(rows), ROWS)
        )
    r = array[0] // (DEVICES_PER_CELL if rows == "devices" else 1)
    c = array[1]
    if r < 1 or c < 1:
        raise ParameterError(
            "the array holds no bit cell", where="map_plan, array", value=array, remedy="e.g. (256, 256)"
        )
    layers = tuple(
        LayerMapping(
            layer=layer,
            cells=(r, c),
            row_tiles=0 if layer.digital else -(-layer.rows // r),
            column_tiles=0 if layer.digital else -(-layer.columns // c),
        )
        for layer in plan.layers
    )
    return Mapping(plan=plan, array=(array[0], array[1]), rows=rows, layers=layers)


def _ranges(length: int, size: int, tiles: int) -> tuple[tuple[int, int], ...]:
    return tuple((i * size, min((i + 1) * size, length)) for i in range(tiles))
