r"""Training through the arrays: forward as the ``table`` of sampled chips computes, gradient of the ideal layer."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ...crossbar.adc import Clipping
from ...errors import ParameterError
from ...rng import integer_seed, stream
from ..float32 import full_float32
from ..layers import BinaryConv2d, BinaryLinear
from .placed import PlacedLayer

if TYPE_CHECKING:
    from ...hardware.arrays import CrossbarSetup, RowTile


class HardwareAware:
    r"""Make the binary layers of a model compute on sampled chips while they train.

    For the software accumulation z and that of the arrays :math:`\hat z(x, w)`, the layer returns

    .. math:: z + \mathrm{stop\_gradient}(\hat z - z),

    forward the arrays with devices, wires, calibration and converters, backward the gradient of the ideal layer. In eval mode the
    layers are the software's. A device keeps its factors whatever is written into it, so that a chip of the pool is drawn
    once; each mini-batch meets one chip of the pool, chosen from the stream (seed, "array-chips", step).

    Parameters
    ----------
    model : nn.Module
        With binary layers of 1-bit input; layers of 8-bit input are refused.
    setup : CrossbarSetup
        Electrical side of the arrays. Read noise is not applied. The columns are calibrated anew for every mini-batch.
    array : (int, int)
        Rows and columns of one array, in bit cells.
    chips : int
        Size of the pool.
    seed : int
        Of the pool and the choice from it.
    strategy : {1, 2}
        Kernels unrolled into columns, or a matrix for each kernel position.

    Raises
    ------
    ParameterError
        For an empty pool, or a model without binary layers or with bit-serial ones.

    Examples
    --------
    >>> from spinbnn.crossbar.array_params import ArrayParams
    >>> from spinbnn.hardware.arrays import CrossbarSetup
    >>> layer = BinaryLinear(32, 2, generator=torch.Generator().manual_seed(0))
    >>> x = torch.ones(1, 32, requires_grad=True)
    >>> with HardwareAware(layer, CrossbarSetup(params=ArrayParams.load("array_100k")), chips=2, seed=0) as aware:
    ...     aware.step(0)
    ...     layer(x).sum().backward()
    >>> bool((x.grad == layer.binary_weight().sum(0)).all())
    True
    """

    def __init__(
        self,
        model: nn.Module,
        setup: CrossbarSetup,
        array: tuple[int, int] = (256, 256),
        *,
        chips: int = 8,
        seed: int = 0,
        strategy: int = 1,
    ) -> None:
        layers = {n: m for n, m in model.named_modules() if isinstance(m, BinaryConv2d | BinaryLinear)}
        if chips < 1 or not layers:
            raise ParameterError(
                "needs chips and a model with binary layers",
                where="HardwareAware",
                value=(chips, len(layers)),
                remedy="e.g. chips=8",
            )
        for name, layer in layers.items():
            if layer.input_bits != 1:
                raise ParameterError(
                    "bit-serial layers cannot train through the arrays",
                    where=f"HardwareAware, layer {name!r}",
                    value=layer.input_bits,
                    remedy="use a first layer with a 1-bit image or a digital one",
                )
        self.chips, self.seed, self.current = chips, seed, 0
        seeds = [integer_seed(seed, "array-pool", k) for k in range(chips)]
        self.pools = {name: [_Written(m, setup, array, s, name, strategy) for s in seeds] for name, m in layers.items()}
        self._layers, self._handles = layers, list[Any]()

    def step(self, step: int) -> None:
        """Choose the chip of a mini-batch; it depends on the seed and the number of the mini-batch alone."""
        self.current = int(stream(self.seed, "array-chips", step).integers(self.chips))

    @property
    def clipping(self) -> dict[str, Clipping]:
        """Clipped conversions of each layer since the pool was made, over all of its chips."""
        return {name: sum((chip.clipping for chip in pool), Clipping()) for name, pool in self.pools.items()}

    def __enter__(self) -> HardwareAware:
        for name, layer in self._layers.items():
            self._handles.append(layer.register_forward_hook(self._hook(name)))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hook(self, name: str) -> Any:
        def apply(module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
            if not module.training:
                return None
            with torch.no_grad(), full_float32(output.device):
                chip = self.pools[name][self.current]
                found = chip.sums(chip._lines(inputs[0]), module.binary_weight().detach())
                found.sub_(output.detach())
            return output + found

        return apply


class _Written(PlacedLayer):
    """One layer on one chip of the pool: the response of its devices to both bits, put together for the weights of the moment."""

    def __init__(
        self, layer: Any, setup: Any, array: tuple[int, int], seed: int, name: str, strategy: int
    ) -> None:
        super().__init__(layer, setup, array, seed=seed, name=name, strategy=strategy)
        from ...hardware.arrays import row_tiles

        size = self.tiling.rows, self.tiling.columns
        self.both: list[list[dict[str, Tensor]]] = []
        for bit in (0, 1):
            written = row_tiles(np.full(size, bit), setup, self.tiling, seed=seed, layer=name)
            self.both.append([self._tensors(tile) for tile in written])
        self.tiles = [_forgotten(tile) for tile in self.tiles]

    def _tensors(self, tile: RowTile) -> dict[str, Tensor]:
        from ...hardware.arrays.tiles import joined

        found = joined(tile.uncorrected(self.setup, "table"))
        loaded = np.zeros_like(found.common) if found.loaded is None else found.loaded
        values = {"signed": found.signed, "common": found.common, "loaded": loaded, "relief": np.asarray(found.relief)}
        return {key: torch.from_numpy(value.T.copy()).float() for key, value in values.items()}

    def sums(self, x: Tensor, weight: Tensor) -> Tensor:
        """Return the accumulations for weights of -1 and +1, shaped as the layer's own."""
        flat, total = weight.flatten(1), self.views[0].start(x, len(weight))
        wide: tuple[int, ...] = (1, -1, 1, 1) if self.spatial else (1, -1)
        mask = torch.ones((1, *x.shape[1:]), dtype=x.dtype, device=x.device)
        if self.both[0][0]["signed"].device != x.device:  # the pool follows the model
            self.both = [[{k: v.to(x.device) for k, v in tile.items()} for tile in bit] for bit in self.both]
        for tile, view, low, high in zip(self.tiles, self.views, *self.both, strict=True):
            if not view.read(x):
                continue
            w = flat[:, tile.rows]
            up = w > 0
            signed, common = (torch.where(up, high[key], low[key]) for key in ("signed", "common"))
            loaded, rows = low["loaded"], w.shape[1]
            gain, offset = self._calibration(2 * (signed * w).mean(1), (common + loaded).sum(1), tile)
            common, loaded = (common - offset[:, None] / rows) / gain[:, None], loaded / gain[:, None]
            kernels = view.kernel_of(torch.stack([signed / gain[:, None], common, loaded, torch.ones_like(signed)]))
            driven = view.product(mask, kernels[3, :1])
            share = driven / rows
            count = view.product(x, kernels[0])
            count.mul_(1 + low["relief"].view(wide) * (1 - share))
            count.add_(view.product(mask, kernels[1]) + share * view.product(mask, kernels[2]))
            centre = self.setup.centre(driven, rows)
            part = self._convert(count.add_(centre), tile).sub_(centre).mul_(2)
            if total is None:
                total = part
            else:
                view.part(total, x).add_(part)
        assert total is not None
        return total

    def _calibration(self, gain: Tensor, offset: Tensor, tile: RowTile) -> tuple[Tensor, Tensor]:
        if self.setup.calibration == "none":
            return torch.ones_like(gain), torch.zeros_like(offset)
        if self.setup.calibration == "array":
            gain, offset = gain.clone(), offset.clone()
            for first, end in tile.columns:
                gain[first:end], offset[first:end] = gain[first:end].mean(), offset[first:end].mean()
        return gain, offset

    def _convert(self, count: Tensor, tile: RowTile) -> Tensor:
        """Return the counts that the converters give; offsets, gains and thresholds are the chip's, noise is left out."""
        adc = tile.bank.adc
        if tile.bank.errors.any():
            last = count.movedim(1, -1).contiguous() if self.spatial else count
            found = tile.bank.convert(last, last.new_zeros(1) if adc.noise else None)
            self.clipping += found.clipping
            return found.values.movedim(-1, 1) if self.spatial else found.values
        wide: tuple[int, ...] = (1, -1, 1, 1) if self.spatial else (1, -1)
        factors = (1 + tile.bank.gain_error) / adc.step, (tile.bank.offset - adc.lo) / adc.step + 0.5
        scale, start = (torch.from_numpy(v).to(count).view(wide) for v in factors)
        self._count(count.mul_(scale).add_(start), adc)
        return count.floor_().clamp_(0, 2**adc.bits - 1).mul_(adc.step).add_(adc.lo)


def _forgotten(tile: RowTile) -> RowTile:
    """Return the tile without the devices of the weights that were there when the pool was made."""
    from dataclasses import replace

    return replace(tile, samples=())
