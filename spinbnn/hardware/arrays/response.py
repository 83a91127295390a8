r"""A tile as a linear map from inputs to counts, by the array solver; and the calibration of its columns.

For inputs x in {-1, 0, +1} and N driven rows, half the signed sum of a column is

.. math:: \tfrac12 (2 n - N) = \sum_r |x_r|\, C_{rc} + x_r\, D_{rc},

with C = 0 and D = w/2 for the median devices without wires. With driven rows the network of an array is linear and this is
exact: the line voltages are v (1 + x)/2 and v (1 - x)/2 (single-ended) or v x (differential).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...crossbar.solve import solve_array
from ...crossbar.variation import ArraySample
from .setup import CrossbarSetup

Floats = NDArray[np.float64]
TOLERANCE = 1e-9
"""Residual of the array solutions, of the read voltage: 256 rows err by less than 1e-6 counts."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TileResponse:
    r"""What a tile's columns give, in counts.

    Attributes
    ----------
    signed : array (R, C)
        D of the formula above [counts].
    common : array (R, C)
        C of the formula above [counts].
    loaded : array (R, C), optional
        Added to ``common`` times the driven fraction N/R: gated rows load their column, the more of them are on [counts].
    relief : float or array (C,)
        The signed sum is multiplied by ``1 + relief (1 - N/R)``: fewer gated rows, smaller drops [].
    """

    signed: Floats
    common: Floats
    loaded: Floats | None = None
    relief: float | Floats = 0.0

    def half_sums(self, inputs: NDArray[np.int_] | Floats) -> Floats:
        """Return half the signed sums ``(K, C)`` of inputs ``(K, R)`` in {-1, 0, +1} [counts]."""
        x = np.asarray(inputs, float)
        driven = np.abs(x)
        share = driven.mean(axis=1, keepdims=True)
        result: Floats = (x @ self.signed) * (1 + self.relief * (1 - share)) + driven @ self.common
        return result if self.loaded is None else result + share * (driven @ self.loaded)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    r"""Gain and offset of each column, and how they correct it.

    Attributes
    ----------
    gain : array (C,)
        Slope b of the uncorrected half sum over the true one [].
    offset : array (C,)
        Uncorrected half sum a of a balanced input with all rows driven [counts].

    Notes
    -----
    What goes into the converter is :math:`R/2 + (s/2 - a N/R) / b` for the uncorrected half sum s/2 of N driven rows of R: the
    reference lies on the same word lines, so that the difference is balanced at 0 for every N
    (:meth:`~spinbnn.hardware.arrays.setup.CrossbarSetup.centre`). The offset follows the number of driven rows because it is
    trimmed in the reference current, which does so.

    Gain and offset are what two reads of every column give, one with all rows agreeing with its weights and one with none:
    :math:`a = \sum_r C_r` and :math:`b = (2/R) \sum_r D_r w_r`. For a linear array that is also the regression of the half
    sum on the true count over all inputs of equal probability. Gated arrays are not linear: there ``reads`` random inputs
    are solved and the regression is taken over these.
    """

    gain: Floats
    offset: Floats

    @classmethod
    def of(cls, response: TileResponse, signs: Floats, kind: str) -> Calibration:
        """Return the calibration of a linear response.

        Parameters
        ----------
        response : TileResponse
            Of all C columns.
        signs : array (R, C)
            Weights, -1 or +1 [].
        kind : {"column", "array", "none"}
            For each column, for all together, or none.

        Examples
        --------
        >>> signs = np.array([[1.0, -1.0], [1.0, 1.0]])
        >>> found = Calibration.of(TileResponse(signed=0.4 * signs, common=np.full((2, 2), 0.5)), signs, "column")
        >>> found.gain.tolist(), found.offset.tolist()
        ([0.8, 0.8], [1.0, 1.0])
        """
        offset = response.common.sum(axis=0)
        if response.loaded is not None:
            offset = offset + response.loaded.sum(axis=0)
        return cls._chosen(2 * (response.signed * signs).mean(axis=0), offset, kind)

    @classmethod
    def from_reads(cls, half_sums: Floats, true: Floats, kind: str) -> Calibration:
        """Return the calibration that random reads give: half sums and true half sums, ``(K, C)``."""
        middle, about = half_sums.mean(axis=0), true.mean(axis=0)
        gain = ((half_sums - middle) * (true - about)).sum(axis=0) / ((true - about) ** 2).sum(axis=0)
        return cls._chosen(gain, middle - gain * about, kind)

    @classmethod
    def _chosen(cls, gain: Floats, offset: Floats, kind: str) -> Calibration:
        if kind == "none":
            return cls(gain=np.ones_like(gain), offset=np.zeros_like(offset))
        if kind == "array":
            return cls(gain=np.full_like(gain, gain.mean()), offset=np.full_like(offset, offset.mean()))
        return cls(gain=gain, offset=offset)

    def correct(self, response: TileResponse) -> TileResponse:
        """Return the response after correction, ideally D = w/2 and C = 0."""
        common = (response.common - self.offset / len(response.common)) / self.gain
        loaded = None if response.loaded is None else response.loaded / self.gain
        return replace(response, signed=response.signed / self.gain, common=common, loaded=loaded)


def line_transfer(
    conductance: Floats, wire_row: float | Floats, wire_column: float | Floats, tolerance: float = TOLERANCE
) -> Floats:
    """Return the current of each column per volt at each word line, all others at 0 V, shape ``(lines, C)`` [S].

    By reciprocity: C reads of the turned array, one a column, instead of one a word line.

    Parameters
    ----------
    conductance : array (lines, C)
        Devices [S].
    wire_row, wire_column : float or array (lines, C)
        Segments [ohm].
    tolerance : float
        Largest residual of the solver [].

    Examples
    --------
    >>> line_transfer(np.array([[1e-3], [1e-3]]), 0.0, 500.0).round(7).tolist()
    [[0.0003636], [0.0005455]]
    """

    def turned(value: float | Floats) -> float | Floats:
        return value if np.ndim(value) == 0 else np.ascontiguousarray(np.asarray(value)[::-1, ::-1].T)

    found = solve_array(
        turned(conductance),
        np.eye(conductance.shape[1]),
        wire_row=turned(wire_column),
        wire_column=turned(wire_row),
        method="lines",
        tolerance=tolerance,
    ).currents
    result: Floats = np.ascontiguousarray(found[::-1, ::-1].T)
    return result


def device_matrix(sample: ArraySample, setup: CrossbarSetup) -> tuple[Floats, float | Floats, float | Floats]:
    """Return devices and wires of one array as its readout lays them out.

    Single-ended: 2 R word lines, C columns and, with references in the array, two more. Differential: R word lines and
    two bit lines a column in turns.
    """
    if setup.readout == "single":
        if setup.references == "columns":
            return sample.device_rows(references=True), sample.row_wires, sample.column_wires
        return sample.device_rows(), sample.wire_row, sample.wire_column

    def paired(rows: Floats) -> Floats:
        return np.stack([rows[0::2], rows[1::2]], axis=-1).reshape(len(rows) // 2, -1)

    wires = [w if isinstance(w, float) else paired(w) for w in (sample.wire_row, sample.wire_column)]
    return paired(sample.device_rows()), wires[0], wires[1]


def from_transfer(transfer: Floats, setup: CrossbarSetup) -> TileResponse:
    """Return the response of a matrix of currents per volt of one array (:func:`device_matrix`), in counts."""
    if setup.readout == "differential":
        signed = (transfer[:, 0::2] - transfer[:, 1::2]) / (2 * setup.swing)
        return TileResponse(signed=signed, common=np.zeros_like(signed))
    if setup.references == "columns":
        lines = transfer[:, :-2] - transfer[:, -2:].mean(axis=1, keepdims=True)
    else:
        lines = transfer - sum(setup.conductances) / 2
    true, complement = lines[0::2] / setup.swing, lines[1::2] / setup.swing
    return TileResponse(signed=(true - complement) / 2, common=(true + complement) / 2)


def exact_response(sample: ArraySample, setup: CrossbarSetup) -> TileResponse:
    """Return the response of one array with its wires, driven rows.

    Parameters
    ----------
    sample : ArraySample
        The devices of the chip.
    setup : CrossbarSetup
        How they are read.

    Examples
    --------
    >>> from spinbnn.crossbar.array_params import ArrayParams
    >>> from spinbnn.crossbar.variation import sample_array
    >>> params = ArrayParams.load("array_mohm")
    >>> bits = np.random.default_rng(0).integers(0, 2, (64, 8))
    >>> found = exact_response(sample_array(params, bits, seed=1), CrossbarSetup(params=params))
    >>> signs = 2.0 * bits - 1
    >>> bool(0.95 < Calibration.of(found, signs, "column").gain.mean() < 1.0)
    True
    """
    return from_transfer(line_transfer(*device_matrix(sample, setup)), setup)
