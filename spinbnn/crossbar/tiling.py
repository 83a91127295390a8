"""One weight matrix on arrays of bit cells: which rows and columns each array holds. The only place that says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from numbers import Integral, Real

from ..errors import ParameterError, suggest
from .cells import DEVICES_PER_CELL

ROWS = ("cells", "devices")
STRATEGIES = (1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixTiling:
    r"""The tiles of one weight matrix of :math:`C_{in} k_h k_w` rows (the unrolled kernels) and C columns.

    The operation counts (:mod:`.mapping`), the ideal layers, and the arrays that are drawn for a chip all cut a matrix by it.

    Parameters
    ----------
    channels : int
        Input channels or features [].
    columns : int
        Output channels or features [].
    cells : tuple of int
        Rows and columns of bit cells of one array, ``(r, c)`` (:func:`cells_of_array`) [].
    kernel : tuple of int
        ``(kh, kw)``; (1, 1) for a linear layer [].
    strategy : {1, 2}
        1: one matrix of :math:`C_{in} k_h k_w` rows. 2: one of :math:`C_{in}` rows for each kernel position.

    Raises
    ------
    ParameterError
        For another strategy, or an array that holds no bit cell.

    Notes
    -----
    Arrays are numbered row tile by row tile, in the order of :attr:`row_slices`, and from left to right within one.

    Examples
    --------
    >>> tiles = MatrixTiling(channels=3, columns=5, cells=(2, 4), kernel=(1, 2), strategy=2)
    >>> tiles.row_slices
    (slice(0, 3, 2), slice(4, 5, 2), slice(1, 4, 2), slice(5, 6, 2))
    >>> tiles.column_ranges, tiles.arrays, tiles.kernel_position(tiles.row_slices[2])
    (((0, 4), (4, 5)), 8, (0, 1))
    """

    channels: int
    columns: int
    cells: tuple[int, int]
    kernel: tuple[int, int] = (1, 1)
    strategy: int = 1

    def __post_init__(self) -> None:
        check_strategy(self.strategy, "MatrixTiling, strategy")
        if min(self.cells) < 1:
            raise ParameterError(
                "an array has at least one row and one column of bit cells",
                where="MatrixTiling, array",
                value=self.cells,
                remedy="e.g. (256, 256)",
            )

    @property
    def rows(self) -> int:
        """Rows of the unrolled kernels []."""
        return self.channels * prod(self.kernel)

    @property
    def positions(self) -> int:
        """Matrices that the layer is split into: 1, or one for each kernel position []."""
        return prod(self.kernel) if self.strategy == 2 else 1

    @property
    def matrix_rows(self) -> int:
        """Rows of one matrix []."""
        return self.rows // self.positions

    @property
    def row_tiles(self) -> int:
        """Tiles of one matrix from top to bottom []."""
        return -(-self.matrix_rows // self.cells[0])

    @property
    def column_tiles(self) -> int:
        """Tiles of one matrix from left to right []."""
        return -(-self.columns // self.cells[1])

    @property
    def arrays(self) -> int:
        """Arrays; every tile has its own []."""
        return self.positions * self.row_tiles * self.column_tiles

    @property
    def row_ranges(self) -> tuple[tuple[int, int], ...]:
        """First and one-past-last row of each row tile, within one matrix."""
        return _ranges(self.matrix_rows, self.cells[0])

    @property
    def column_ranges(self) -> tuple[tuple[int, int], ...]:
        """First and one-past-last matrix column of each column tile."""
        return _ranges(self.columns, self.cells[1])

    @property
    def row_slices(self) -> tuple[slice, ...]:
        """Rows of the unrolled kernel ``(C_in, kh, kw)`` that each row tile holds, position by position."""
        step = self.positions
        return tuple(
            slice(position + first * step, position + (end - 1) * step + 1, step)
            for position in range(step)
            for first, end in self.row_ranges
        )

    def kernel_position(self, rows: slice) -> tuple[int, int] | None:
        """Return the one kernel position ``(ky, kx)`` that a row tile holds; None under strategy 1, where it may hold any."""
        return None if self.strategy == 1 else divmod(rows.start % self.positions, self.kernel[1])

    def channel_range(self, rows: slice) -> tuple[int, int]:
        """Return first and one-past-last input channel that a row tile touches."""
        size = prod(self.kernel)
        return rows.start // size, (rows.stop - 1) // size + 1


def array_size(array: Iterable[float], where: str) -> tuple[int, int]:
    """Return rows and columns of one array as two integers.

    Raises
    ------
    ParameterError
        For anything but two whole numbers.

    Examples
    --------
    >>> array_size([256, 128.0], "here")
    (256, 128)
    """
    given = tuple(array) if isinstance(array, Iterable) else ()
    if len(given) != 2 or not all(isinstance(n, Real) and not isinstance(n, bool) and float(n).is_integer() for n in given):
        raise ParameterError(
            "an array has a whole number of rows and of columns", where=f"{where}, array", value=array, remedy="e.g. (256, 256)"
        )
    return int(given[0]), int(given[1])


def cells_of_array(array: tuple[int, int], rows: str = "cells", where: str = "cells_of_array") -> tuple[int, int]:
    """Return rows and columns of bit cells of one array.

    Parameters
    ----------
    array : tuple of int
        Rows and columns of one array [].
    rows : {"cells", "devices"}
        Whether its rows are bit cells, or single devices of which a cell has two, one above the other.
    where : str
        Whose array it is, for the message.

    Raises
    ------
    ParameterError
        For an unknown kind of rows, an array that has not two whole numbers, or one too small to hold one cell.

    Examples
    --------
    >>> cells_of_array((256, 256)), cells_of_array((256, 256), "devices")
    ((256, 256), (128, 256))
    """
    if rows not in ROWS:
        raise ParameterError("unknown kind of array rows", where=f"{where}, array rows", value=rows, remedy=suggest(str(rows), ROWS))
    r, c = array_size(array, where)
    r //= DEVICES_PER_CELL if rows == "devices" else 1
    if r < 1 or c < 1:
        raise ParameterError("the array holds no bit cell", where=f"{where}, array", value=tuple(array), remedy="e.g. (256, 256)")
    return r, c


def check_strategy(strategy: int, where: str) -> None:
    """Refuse what is not a mapping strategy.

    Raises
    ------
    ParameterError
        For anything but 1 and 2.

    Examples
    --------
    >>> check_strategy(2, "here")
    """
    if not isinstance(strategy, Integral) or isinstance(strategy, bool) or strategy not in STRATEGIES:
        raise ParameterError(
            "this mapping strategy is not built",
            where=where,
            value=strategy,
            remedy="1 (kernel unrolled into a column) or 2 (a matrix for each kernel position)",
        )


def outputs_inside(k: int, length: int, outputs: int, stride: int, padding: int) -> range:
    """Return the outputs, along one direction, for which kernel position ``k`` meets a pixel and not the padding.

    Output ``i`` meets pixel ``i stride + k - padding``, which must be one of ``0 .. length - 1``.

    Parameters
    ----------
    k : int
        Row or column of the kernel [].
    length, outputs : int
        Pixels of the input and of the output in this direction [].
    stride, padding : int
        Of the convolution [].

    Examples
    --------
    >>> outputs_inside(0, 5, 5, 1, 1), outputs_inside(0, 1, 3, 1, 3)
    (range(1, 5), range(0, 0))
    """
    first = max(0, -(-(padding - k) // stride))
    last = min(outputs - 1, (length - 1 + padding - k) // stride)
    return range(first, last + 1) if last >= first else range(0)


def _ranges(length: int, size: int) -> tuple[tuple[int, int], ...]:
    return tuple((first, min(first + size, length)) for first in range(0, length, size))
