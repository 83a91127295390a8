"""Layers whose every input is another network: ``exact`` with gated rows, solved window by window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .placed import PlacedLayer
from .tiles import windows

if TYPE_CHECKING:
    from ...hardware.arrays import RowTile

WEIGHTS = np.random.default_rng(0x5B1).integers(1, 2**62, 65536, dtype=np.int64)
"""Multipliers that number the inputs of a tile; two inputs of one number are compared, not trusted."""


class SolvedLayer(PlacedLayer):
    """A binary layer on gated arrays: undriven rows are disconnected, every distinct input of every tile is solved.

    Equal inputs within a batch are solved once (the windows of an image repeat). Results do not depend on the batch.

    Parameters
    ----------
    layer, setup, array, seed, name, strategy
        As of :class:`~spinbnn.nn.hardware.placed.PlacedLayer`.

    Examples
    --------
    >>> from spinbnn.crossbar.array_params import ArrayParams
    >>> from spinbnn.hardware.arrays import CrossbarSetup
    >>> from spinbnn.nn import BinaryLinear
    >>> params = ArrayParams.load("array_mohm").with_values(
    ...     wire__row_resistance=0, wire__column_resistance=0, junction__parallel_resistance__sigma=0, junction__tmr__sigma=0)
    >>> layer = BinaryLinear(40, 3, generator=torch.Generator().manual_seed(0))
    >>> exact = SolvedLayer(layer, CrossbarSetup(params=params, rows="gated"), (16, 2), seed=1, name="fc")
    >>> x = torch.randn(5, 40, generator=torch.Generator().manual_seed(1))
    >>> torch.equal(exact(x), layer(x)), exact.solved
    (True, 15)
    """

    def __init__(
        self, layer: Any, setup: Any, array: tuple[int, int], *, seed: int, name: str, strategy: int = 1
    ) -> None:
        super().__init__(layer, setup, array, seed=seed, name=name, strategy=strategy)
        self._calibrations = [tile.gated_calibration(setup) for tile in self.tiles]
        self.solved = 0

    def forward(self, x: Tensor) -> Tensor:
        """Return the accumulations, shape ``(B, C_out, h, w)`` or ``(B, C_out)``."""
        x = self._lines(x)
        if self.spatial:
            lines, shape = windows(x, self.kernel_size, self.stride, self.padding)
        else:
            lines, shape = x.t(), (len(x), 1, 1)
        values = lines.t().to(torch.int16).cpu().numpy()
        if self.input_bits == 1:
            sums = self._read(values, x)
        else:
            planes = [2.0**k * self._read((values >> k) & 1, x) for k in range(self.input_bits)]
            sums = np.sum(planes, axis=0)
        found = torch.from_numpy(np.asarray(sums)).to(x)
        if not self.spatial:
            return found
        return found.view(*shape, self.tiling.columns).permute(0, 3, 1, 2).contiguous()

    def _read(self, values: np.ndarray, x: Tensor) -> np.ndarray:
        """Return the digital sums ``(K, C)`` of word-line values ``(K, R)`` in {-1, 0, +1}, the windows of the inputs x."""
        total = np.zeros((len(values), self.tiling.columns))
        for tile, view, calibrations in zip(self.tiles, self.views, self._calibrations, strict=True):
            numbers = view.windows(x)
            windows_read = numbers if isinstance(numbers, slice) else numbers.numpy()  # numpy takes one number in a tensor for a scalar
            part = np.ascontiguousarray(values[windows_read][:, tile.rows])
            if not len(part):
                continue
            first, back = distinct(part)
            self.solved += len(first)
            counts = tile.gated_counts(self.setup, calibrations, part[first])[back]
            centre = self.setup.centre(np.abs(part).sum(axis=1, keepdims=True), part.shape[1])
            total[windows_read] += 2 * (self._convert(counts, tile) - centre)
        return total

    def _convert(self, counts: np.ndarray, tile: RowTile) -> np.ndarray:
        noise = None
        if tile.bank.adc.noise and self.generator is not None:
            noise = torch.empty(counts.shape, dtype=torch.float64).normal_(generator=self.generator).numpy()
        found = tile.bank.convert(counts, noise)
        self.clipping += found.clipping
        result: np.ndarray = found.values
        return result


def distinct(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each distinct row of ``(K, R)`` first stands, and which of them every row is.

    Examples
    --------
    >>> first, back = distinct(np.array([[1, -1], [1, 1], [1, -1]]))
    >>> sorted(first.tolist()), bool(back[0] == back[2] != back[1])
    ([0, 1], True)
    """
    with np.errstate(over="ignore"):
        keys = (inputs.astype(np.int64) * WEIGHTS[: inputs.shape[1]]).sum(axis=1)
    _, first, back = np.unique(keys, return_index=True, return_inverse=True)
    if not np.array_equal(inputs[first][back], inputs):  # two inputs of one number: solve every one
        return np.arange(len(inputs)), np.arange(len(inputs))
    return first, back
