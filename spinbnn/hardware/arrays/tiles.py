"""A weight matrix on the arrays of one chip: row tiles, column tiles, devices and converters drawn from the chip's seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...crossbar.adc import Adc, AdcBank
from ...crossbar.tiling import MatrixTiling
from ...crossbar.variation import ArraySample, sample_array
from ...errors import ParameterError
from .agreement import calibrate_gated
from .gated import gated_half_sums
from .response import Calibration, TileResponse, exact_response
from .setup import CrossbarSetup
from .statistics import table_response

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowTile:
    """The arrays that share some rows of a matrix, side by side.

    Attributes
    ----------
    rows : slice
        Rows of the unrolled kernels, one of ``MatrixTiling.row_slices``.
    bits : array (R, C)
        Weight bits of these rows, all columns [].
    columns : tuple of (int, int)
        First and one-past-last column of each array.
    samples : tuple of ArraySample
        Devices of each array.
    bank : AdcBank
        Converters of all C columns, in counts.
    """

    rows: slice
    bits: NDArray[np.uint8]
    columns: tuple[tuple[int, int], ...]
    samples: tuple[ArraySample, ...]
    bank: AdcBank

    @property
    def signs(self) -> Floats:
        """Weights, -1 or +1, ``(R, C)``."""
        result: Floats = self.bits.astype(np.float64) * 2 - 1
        return result

    def uncorrected(self, setup: CrossbarSetup, fidelity: str) -> list[TileResponse]:
        """Return the response of each array: ``"table"``, or ``"exact"`` with driven rows."""
        of = exact_response if fidelity == "exact" else table_response
        return [of(sample, setup) for sample in self.samples]

    def response(self, setup: CrossbarSetup, fidelity: str) -> TileResponse:
        """Return the calibrated response of all columns; arrays are calibrated one by one."""
        found = []
        for response, (first, end) in zip(self.uncorrected(setup, fidelity), self.columns, strict=True):
            calibration = Calibration.of(response, self.signs[:, first:end], setup.calibration)
            found.append(calibration.correct(response))
        return joined(found)

    def gated_calibration(self, setup: CrossbarSetup) -> list[Calibration]:
        """Return the calibration of each array by reads of random inputs, undriven rows disconnected."""
        return [
            calibrate_gated(sample, setup, self.signs[:, first:end])
            for sample, (first, end) in zip(self.samples, self.columns, strict=True)
        ]

    def gated_counts(
        self, setup: CrossbarSetup, calibrations: list[Calibration], inputs: NDArray[np.int_]
    ) -> Floats:
        """Return what the converters are given, ``(K, C)``, every input solved [counts]."""
        driven = np.abs(inputs).sum(axis=1, keepdims=True)
        parts = [
            setup.centre(driven, inputs.shape[1])
            + (gated_half_sums(sample, setup, inputs) - one.offset * driven / inputs.shape[1]) / one.gain
            for sample, one in zip(self.samples, calibrations, strict=True)
        ]
        return np.concatenate(parts, axis=1)


def joined(responses: list[TileResponse]) -> TileResponse:
    """Return the responses of arrays side by side as one."""
    loads = [one.loaded for one in responses if one.loaded is not None]
    return TileResponse(
        signed=np.concatenate([one.signed for one in responses], axis=1),
        common=np.concatenate([one.common for one in responses], axis=1),
        loaded=np.concatenate(loads, axis=1) if loads else None,
        relief=np.concatenate(
            [np.broadcast_to(np.asarray(one.relief, float), one.signed.shape[1]) for one in responses]
        ),
    )


def row_tiles(
    bits: ArrayLike, setup: CrossbarSetup, tiling: MatrixTiling, *, seed: int, layer: str
) -> list[RowTile]:
    """Return the arrays of one layer of one chip.

    A tile takes the corner of its array that is nearest to the drivers of the word lines and the feet of the bit lines; the
    devices of rows and columns that it does not use are taken as disconnected, whatever ``setup.rows``.

    Parameters
    ----------
    bits : array (R, C)
        Weight bits of the unrolled kernels, 1 for +1 [].
    setup : CrossbarSetup
        Electrical side.
    tiling : MatrixTiling
        Which rows and columns each array holds.
    seed : int
        Of the chip.
    layer : str
        Name of the layer; devices depend on seed, layer and number of the array alone.

    Raises
    ------
    ParameterError
        If the bits have another number of rows or columns than the tiling.

    Examples
    --------
    >>> from spinbnn.crossbar.array_params import ArrayParams
    >>> setup = CrossbarSetup(params=ArrayParams.load("array_mohm"))
    >>> tiling = MatrixTiling(channels=5, columns=3, cells=(4, 2))
    >>> [(t.rows, t.columns) for t in row_tiles(np.ones((5, 3), int), setup, tiling, seed=0, layer="fc")]
    [(slice(0, 4, 1), ((0, 2), (2, 3))), (slice(4, 5, 1), ((0, 2), (2, 3)))]
    """
    given = np.asarray(bits)
    if given.shape != (tiling.rows, tiling.columns):
        raise ParameterError(
            "the weights are not those of the tiling",
            where="row_tiles, bits",
            value=given.shape,
            remedy=f"({tiling.rows}, {tiling.columns}), the rows of the unrolled kernels and the output channels",
        )
    across = tiling.column_ranges
    found = []
    for k, held in enumerate(tiling.row_slices):
        part = np.ascontiguousarray(given[held], np.uint8)
        numbers = [k * len(across) + i for i in range(len(across))]
        adc = setup.converter(len(part))
        banks = [
            adc.bank(end - first, seed, layer, n) for n, (first, end) in zip(numbers, across, strict=True)
        ]
        found.append(
            RowTile(
                rows=held,
                bits=part,
                columns=across,
                samples=tuple(
                    sample_array(setup.params, part[:, first:end], seed=seed, layer=layer, tile=n)
                    for n, (first, end) in zip(numbers, across, strict=True)
                ),
                bank=_one_bank(adc, banks),
            )
        )
    return found


def _one_bank(adc: Adc, banks: list[AdcBank]) -> AdcBank:
    return AdcBank(
        adc=adc,
        offset=np.concatenate([bank.offset for bank in banks]),
        gain_error=np.concatenate([bank.gain_error for bank in banks]),
        errors=np.concatenate([bank.errors for bank in banks]),
    )
