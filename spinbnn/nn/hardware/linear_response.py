r"""Layers whose arrays answer linearly: ``table``, and ``exact`` with driven rows. A matrix product a tile, then the converter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ...crossbar.adc import AdcBank
from ...errors import ParameterError
from ..float32 import full_float32
from .placed import PlacedLayer
from .views import TileView

if TYPE_CHECKING:
    from ...hardware.arrays import RowTile, TileResponse


class LinearResponseLayer(PlacedLayer):
    r"""A binary layer on arrays that a linear response describes (:class:`~spinbnn.hardware.arrays.TileResponse`).

    For each tile of R rows, with the calibrated response :math:`(D, C)`,

    .. math:: n = m + \sum_r |x_r|\, C_r + x_r D_r, \qquad
       k = \mathrm{clip} \lfloor (n - lo) / \Delta + \tfrac12 \rfloor, \qquad
       z = \sum_{tiles} 2 (lo + \Delta k - m) ,

    for the middle :math:`m = R/2` of the range, half a count less where an odd number of rows is not driven
    (:meth:`~spinbnn.hardware.arrays.setup.CrossbarSetup.centre`).

    The product with D is one convolution over the channels that the tile touches (its kernel is 0 outside the rows of the
    tile), or of 1 x 1 on the pixels that its kernel position meets (:class:`~.views.TileView`). The rest depends on the position in the image alone, and is added. Gated rows add terms in N/R.

    Values of the kernel are rounded to a grid of about :math:`2^{-14}` counts, on which float32 sums are exact: outputs do
    not depend on the batch or on the order of summation. Gradients do not pass; see :mod:`.aware` for training.

    Parameters
    ----------
    layer, setup, array, seed, name, strategy
        As of :class:`~spinbnn.nn.hardware.placed.PlacedLayer`.
    fidelity : {"table", "exact"}
        Where the response comes from.

    Examples
    --------
    >>> from spinbnn.crossbar.array_params import ArrayParams
    >>> from spinbnn.hardware.arrays import CrossbarSetup
    >>> from spinbnn.nn import BinaryLinear
    >>> params = ArrayParams.load("array_mohm").with_values(
    ...     wire__row_resistance=0, wire__column_resistance=0, junction__parallel_resistance__sigma=0, junction__tmr__sigma=0)
    >>> layer = BinaryLinear(40, 3, generator=torch.Generator().manual_seed(0))
    >>> ideal = LinearResponseLayer(layer, CrossbarSetup(params=params), (16, 2), seed=1, name="fc", fidelity="table")
    >>> x = torch.randn(5, 40, generator=torch.Generator().manual_seed(1))
    >>> torch.equal(ideal(x), layer(x)), ideal.clipping.total
    (True, 45)
    """

    def __init__(
        self,
        layer: Any,
        setup: Any,
        array: tuple[int, int],
        *,
        seed: int,
        name: str,
        fidelity: str,
        strategy: int = 1,
    ) -> None:
        super().__init__(layer, setup, array, seed=seed, name=name, strategy=strategy)
        self.fidelity = fidelity
        tiles = enumerate(zip(self.tiles, self.views, strict=True))
        self._parts = [_Part(self, k, tile, view, tile.response(setup, fidelity)) for k, (tile, view) in tiles]
        self._maps: dict[Any, list[Any]] = {}

    def forward(self, x: Tensor) -> Tensor:
        """Return the accumulations, shape ``(B, C_out, h, w)`` or ``(B, C_out)``."""
        kind = self._parts[0].buffer("signed").dtype
        if kind not in (torch.float32, torch.float64):
            raise ParameterError(
                "the responses of the arrays have 22 bits, and 16-bit numbers hold 8 or 11",
                where=f"{type(self).__name__} {self.name!r}",
                value=str(kind),
                remedy="keep a hardware model in float32",
            )
        with full_float32(x.device):
            return self._sums(self._lines(x).to(kind))

    def _sums(self, x: Tensor) -> Tensor:
        if self.input_bits == 1:
            return self._signs(x)
        image, total = x.to(torch.uint8), None
        for plane in range(self.input_bits):
            part = self._bits(((image >> plane) & 1).to(x.dtype))
            total = part if total is None else total.add_(part, alpha=2**plane)
        assert total is not None
        return total

    def _signs(self, x: Tensor) -> Tensor:
        """Inputs of -1 and +1: what does not depend on the sign depends on the position alone."""
        total = self.views[0].start(x, self.tiling.columns)
        for part, known in zip(self._parts, self._position_maps(x), strict=True):
            if known is None:  # not read for images of this size
                continue
            constant, relief, centre = known
            position = part.view.product(x, part.buffer("signed"))
            if relief is not None:
                position.mul_(relief)
            position.add_(constant)
            found = self._digitise(position, part, centre, None if total is None else part.view.part(total, x))
            total = found if total is None else total
        assert total is not None
        return total

    def _bits(self, plane: Tensor) -> Tensor:
        """Inputs of 0 and 1, one bit plane: the number of driven rows depends on the data."""
        total = self.views[0].start(plane, self.tiling.columns)
        for part in self._parts:
            view = part.view
            if not view.read(plane):
                continue
            driven = view.product(plane, part.buffer("ones"))
            position = view.product(plane, part.buffer("signed"))
            if part.gated:
                share = driven / part.rows
                position.mul_(1 + part.buffer("relief") * (1 - share))
                position.add_(share * view.product(plane, part.buffer("loaded")))
            centre = self.setup.centre(driven, part.rows)
            position.add_(view.product(plane, part.buffer("common"))).add_(part.buffer("start"))
            position.add_(part.buffer("half") * (2 * centre))
            found = self._digitise(position, part, centre, None if total is None else view.part(total, plane))
            total = found if total is None else total
        assert total is not None
        return total

    def _digitise(self, position: Tensor, part: _Part, centre: Any, total: Tensor | None) -> Tensor:
        """Convert in place; return ``total`` plus 2 (lo + step code - centre)."""
        adc = part.bank.adc
        if adc.noise:
            if self.generator is None:
                raise ParameterError(
                    "the converter has noise and there is no source of random numbers",
                    where=f"{type(self).__name__} {self.name!r}, generator",
                    value=None,
                    remedy="give one: set_read_noise(model, torch.Generator().manual_seed(...))",
                )
            drawn = torch.empty_like(position).normal_(generator=self.generator)
            position.add_(drawn, alpha=adc.noise / adc.step)
        if part.curved:
            code = self._by_thresholds(position, part)
        else:
            self._count(position, adc)
            code = position.floor_().clamp_(0, 2**adc.bits - 1)
        if total is None:
            return torch.mul(code, 2 * adc.step).add_(2 * (adc.lo - centre))
        return total.add_(code, alpha=2 * adc.step).add_(2 * (adc.lo - centre))

    def _by_thresholds(self, position: Tensor, part: _Part) -> Tensor:
        """Converters with errors of single thresholds; the position is in codes already."""
        last = position.movedim(1, -1).contiguous() if self.spatial else position
        found = part.unit.convert(last)
        self.clipping += found.clipping
        return found.whole.movedim(-1, 1) if self.spatial else found.whole

    def _position_maps(self, x: Tensor) -> list[Any]:
        """Return (constant, factor or None, centre) of each tile for images of this size; None for a tile that is not read."""
        key = (tuple(x.shape[2:]), x.device, x.dtype)
        if key not in self._maps:
            mask = torch.ones((1, self.in_channels, *x.shape[2:]), dtype=torch.float64)
            maps: list[Any] = []
            for part in self._parts:
                view = part.view
                if not view.read(mask):
                    maps.append(None)
                    continue
                driven = view.product(mask, part.exact["ones"])
                constant = view.product(mask, part.exact["common"])
                share = driven / part.rows
                relief = None
                if part.gated:
                    constant += share * view.product(mask, part.exact["loaded"])
                    if not view.uniform:
                        relief = (1 + part.exact["relief"] * (1 - share)).to(x)
                centre = torch.as_tensor(self.setup.centre(driven, part.rows), dtype=torch.float64).expand_as(driven)
                constant = constant + part.exact["start"] + part.exact["half"] * (2 * centre)
                constant = torch.round(constant * part.grid) / part.grid
                if view.uniform:  # the same everywhere
                    constant, centre = (v[..., :1, :1] if self.spatial else v for v in (constant, centre))
                maps.append((constant.to(x), relief, centre.to(x)))
            self._maps[key] = maps
        return self._maps[key]


class _Part:
    """One tile of rows in the units of its converter: kernels, the position of code 0, and the bank."""

    def __init__(
        self, layer: LinearResponseLayer, number: int, tile: RowTile, view: TileView, response: TileResponse
    ) -> None:
        self.layer, self.number, self.view, self.rows = layer, number, view, len(tile.bits)
        self.bank, self.gated = tile.bank, response.loaded is not None or bool(np.any(response.relief))
        adc = tile.bank.adc
        self.curved = bool(tile.bank.errors.any())
        scale = (1 + tile.bank.gain_error) / adc.step
        ones = np.ones_like(response.signed)
        loaded = np.zeros_like(ones) if response.loaded is None else response.loaded
        kernels = {"signed": response.signed, "common": response.common, "loaded": loaded}
        most = max(float(np.abs(value * scale).sum(axis=0).max()) for value in (*kernels.values(), 0.5 * ones))
        self.grid = 2.0 ** (22 - math.ceil(math.log2(max(2 * most, 2.0**adc.bits))))
        self.exact: dict[str, Tensor] = {}
        for key, value in kernels.items():
            kernel = view.kernel_of(torch.from_numpy((value * scale).T.copy()))
            self._keep(key, torch.round(kernel * self.grid) / self.grid)
        self._keep("ones", view.kernel_of(torch.ones((1, self.rows), dtype=torch.float64)))
        shape = (1, -1, 1, 1) if layer.spatial else (1, -1)
        start = (tile.bank.offset - adc.lo) / adc.step + 0.5
        self._keep("start", torch.from_numpy(np.round(start * self.grid) / self.grid).reshape(shape))
        self._keep("half", torch.from_numpy(np.round(scale / 2 * self.grid) / self.grid).reshape(shape))
        relief = np.broadcast_to(np.asarray(response.relief, float), start.shape)
        self._keep("relief", torch.from_numpy(relief.copy()).reshape(shape))
        plain = type(adc)(kind=adc.kind, bits=adc.bits, lo=0.0, hi=2.0**adc.bits - 1)
        count = len(tile.bank.offset)
        self.unit = AdcBank(adc=plain, offset=np.full(count, -0.5), gain_error=np.zeros(count), errors=tile.bank.errors)

    def _keep(self, key: str, value: Tensor) -> None:
        self.exact[key] = value
        self.layer.register_buffer(f"{key}_{self.number}", value.float())

    def buffer(self, key: str) -> Tensor:
        """Return the float32 copy that moves with the model."""
        found: Tensor = getattr(self.layer, f"{key}_{self.number}")
        return found
