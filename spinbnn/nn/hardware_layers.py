"""Binary layers as the arrays compute them: bit cells, tiles of rows, integer popcounts, digital partial sums."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ParameterError, ProfileError, suggest
from .binarize import binary_sign
from .layers import BinaryConv2d, BinaryLinear
from .masks import drop_probabilities, set_drop_probabilities

if TYPE_CHECKING:
    from ..hardware import Chip, HardwareProfile

FIDELITIES = ("ideal", "table", "exact")


class BitCellArray(nn.Module):
    r"""A binary weight matrix on arrays of bit cells, ideal fidelity.

    A bit cell holds a weight bit ``w`` and its complement in two devices. A driven row sends ``v`` and its
    complement, so that the column counts ``n = sum_rows driven * XNOR(v, w)``. The rows are split into tiles of
    ``array[0]``, the columns into tiles of ``array[1]``; each tile gives an integer count, the digital logic adds
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
        ``(C_out, R)``, values in {-1, +1}.
    array : (int, int)
        Rows and columns of one array, in bit cells.
    input_bits : int
        1 or 8.

    Examples
    --------
    >>> cells = BitCellArray(torch.tensor([[1.0, -1.0, 1.0]]), (2, 2), 1)
    >>> cells.accumulate(torch.tensor([[1.0], [1.0], [-1.0]])).tolist(), cells.arrays
    ([[-1.0]], 2)
    """

    bits: Tensor

    def __init__(self, weight: Tensor, array: tuple[int, int], input_bits: int) -> None:
        super().__init__()
        if min(array) < 1:
            raise ParameterError(
                "an array has at least one row and one column",
                where="profile.array",
                value=array,
                remedy="e.g. (256, 256)",
            )
        if input_bits not in (1, 8):
            raise ParameterError(
                "word lines carry signs or an 8-bit image",
                where="BitCellArray, argument 'input_bits'",
                value=input_bits,
                remedy="1 or 8; keep layers with real inputs digital",
            )
        self.array = (int(array[0]), int(array[1]))
        self.input_bits = input_bits
        self.register_buffer("bits", (weight > 0).to(torch.uint8).t().contiguous())  # (R, C_out)

    @property
    def arrays(self) -> int:
        """Number of arrays that the matrix occupies."""
        rows, columns = self.bits.shape
        return -(-rows // self.array[0]) * -(-columns // self.array[1])

    def _tiles(self, lines: Tensor) -> Tensor:
        """Return ``sum over tiles of 2 n - driven``, ``(C_out, N)``, for row signals ``(R, N)`` in {-1, 0, +1}."""
        signs = self.bits.to(lines.dtype).mul_(2).sub_(1).t()  # (C_out, R)
        total: Tensor | None = None
        for top in range(0, len(lines), self.array[0]):
            tile = slice(top, top + self.array[0])
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


def _check_input(x: Tensor, bits: int, where: str) -> None:
    """Refuse inputs that the word lines cannot carry."""
    good = x.abs() == 1 if bits == 1 else (x == x.round()) & (x >= 0) & (x <= 255)
    if not bool(good.all()):
        raise ParameterError(
            "the input does not fit the word lines",
            where=where,
            value=x[~good][:3].tolist(),
            remedy="-1 or +1" if bits == 1 else "integers 0..255",
        )


def _two(values: Any) -> tuple[int, int]:
    """Return the two integers of a pair (torch types it more loosely)."""
    return int(values[0]), int(values[1])


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
        self.kernel_size, self.stride = _two(layer.kernel_size), _two(layer.stride)
        self.padding = _two(layer.padding)
        self.binarize_input = layer.binarize_input
        self.cells = BitCellArray(layer.binary_weight().detach().flatten(1), array, layer.input_bits)

    def forward(self, x: Tensor) -> Tensor:
        """Return the integer accumulations, shape ``(B, C_out, h, w)``."""
        if self.binarize_input:
            x = binary_sign(x)
        if not self.binarize_input or self.cells.input_bits != 1:  # signs fit by construction
            _check_input(x, self.cells.input_bits, "HardwareConv2d.forward")
        if any(self.padding):  # zeros: rows that are not driven
            x = functional.pad(x, (self.padding[1], self.padding[1], self.padding[0], self.padding[0]))
        windows = x.unfold(2, self.kernel_size[0], self.stride[0]).unfold(
            3, self.kernel_size[1], self.stride[1]
        )
        count, _, height, width = windows.shape[:4]
        lines = windows.permute(1, 4, 5, 0, 2, 3).reshape(len(self.cells.bits), -1)  # (R, B * h * w)
        sums = self.cells.accumulate(lines)
        return sums.view(-1, count, height, width).transpose(0, 1).contiguous()


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
            _check_input(x, self.cells.input_bits, "HardwareLinear.forward")
        return self.cells.accumulate(x.t()).t().contiguous()


def to_hardware(model: nn.Module, profile: HardwareProfile, chip: Chip, fidelity: str = "ideal") -> Any:
    """Return a copy of ``model`` whose binary layers compute on the profile's arrays and whose masks are the chip's.

    ``ideal`` computes every tile's popcount exactly: the logits equal the software model's bit for bit. Digital
    layers, pooling and normalisation stay as they are. The copy is in eval mode, without gradients, carries
    ``.chip`` and ``.profile_id``, and has the chip's drop probabilities.

    Parameters
    ----------
    model : nn.Module
        The trained network, with L scale-dropout layers; it is not changed.
    profile : HardwareProfile
        Its ``array`` gives rows and columns of one array, in bit cells.
    chip : Chip
        One sampled chip, ``drop_probability`` of shape ``(L,)``.
    fidelity : str
        ``"ideal"``. ``"table"`` and ``"exact"`` need a column table in the profile.

    Raises
    ------
    ParameterError
        On an unknown fidelity.
    ProfileError
        If the profile lacks what the fidelity needs, or the chip is made for another number of layers.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from spinbnn.nn.models import lenet5
    >>> chip = SimpleNamespace(drop_probability=[0.2] * 5, id="demo")
    >>> twin = to_hardware(lenet5(), SimpleNamespace(array=(64, 64), id="demo", column_table=None), chip)
    >>> twin.fc1.cells.arrays
    8
    """
    if fidelity not in FIDELITIES:
        raise ParameterError(
            "unknown fidelity",
            where="to_hardware, argument 'fidelity'",
            value=fidelity,
            remedy=suggest(str(fidelity), FIDELITIES),
        )
    if fidelity != "ideal":
        lacking = (
            "has no column table"
            if getattr(profile, "column_table", None) is None
            else "has a column table, which this version cannot apply"
        )
        raise ProfileError(
            f"fidelity {fidelity!r} needs the electrical behaviour of the columns; the profile {lacking}",
            where=f"profile {profile.id}, column_table",
            value=getattr(profile, "column_table", None),
            remedy="use fidelity='ideal'",
        )
    count = len(drop_probabilities(model))
    if len(chip.drop_probability) != count:
        raise ProfileError(
            "the chip is made for another number of scale-dropout layers",
            where=f"chip {chip.id}",
            value=len(chip.drop_probability),
            remedy=f"build the profile with layers={count}",
        )
    twin = copy.deepcopy(model)
    for name, module in list(twin.named_modules()):
        if isinstance(module, BinaryConv2d | BinaryLinear):
            mapped = (
                HardwareConv2d(module, profile.array)
                if isinstance(module, BinaryConv2d)
                else HardwareLinear(module, profile.array)
            )
            if not name:
                twin = mapped
            else:
                twin.set_submodule(name, mapped)
    if count:
        set_drop_probabilities(twin, chip.drop_probability)
    twin.eval().requires_grad_(False)
    extras: Any = twin
    extras.chip, extras.profile_id = chip, profile.id
    return twin
