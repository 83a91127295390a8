"""Reads of arrays whose undriven rows are disconnected: every input is another network, solved for itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...crossbar.cells import word_lines
from ...crossbar.solve import solve_array
from ...crossbar.variation import ArraySample
from ...errors import ParameterError
from .response import device_matrix
from .setup import CrossbarSetup

Floats = NDArray[np.float64]
TOLERANCE = 1e-7
"""Residual of the array solutions, of the read voltage: 256 rows err by less than 1e-4 counts."""
CHUNK = 2**21
"""Cells of the inputs that are laid out together."""


def gated_half_sums(sample: ArraySample, setup: CrossbarSetup, inputs: ArrayLike) -> Floats:
    r"""Return half the signed sums of one array, undriven rows disconnected.

    Parameters
    ----------
    sample : ArraySample
        The devices of the chip.
    setup : CrossbarSetup
        How they are read; its ``rows`` does not matter here.
    inputs : array (K, R)
        -1, +1, or 0 for a row that is not driven; of a signed type [].

    Returns
    -------
    array (K, C)
        :math:`(I - I_{ref}) / (V (G_P - G_{AP}))`, uncorrected [counts].

    Raises
    ------
    ParameterError
        For boolean or unsigned inputs, or others than -1, 0 and +1.

    Examples
    --------
    >>> from spinbnn.crossbar.array_params import ArrayParams
    >>> from spinbnn.crossbar.variation import sample_array
    >>> params = ArrayParams.load("array_mohm").with_values(
    ...     wire__row_resistance=0, wire__column_resistance=0, junction__parallel_resistance__sigma=0, junction__tmr__sigma=0)
    >>> sample = sample_array(params, [[1], [0], [1]], seed=0)
    >>> gated_half_sums(sample, CrossbarSetup(params=params), [[1, 1, 1], [1, -1, 0]]).round(6).tolist()
    [[0.5], [1.0]]
    """
    x = np.asarray(inputs)
    if x.dtype.kind in "bu":
        raise ParameterError(
            "a word line carries a sign; this type has none",
            where="gated_half_sums, inputs",
            value=str(x.dtype),
            remedy="2*bits - 1, in a signed type, for inputs of -1 and +1 stored as bits",
        )
    matrix, wire_row, wire_column = device_matrix(sample, setup)
    lines = np.asarray(word_lines(x, setup.readout))
    columns = sample.true.shape[1]
    result = np.zeros((len(x), columns))
    some = np.flatnonzero(x.any(axis=1))  # where nothing is driven, nothing flows
    full = setup.readout == "single" and np.ndim(wire_column) == 0
    size = max(1, CHUNK // matrix.size)
    for start in range(0, len(some), size):
        part = some[start : start + size]
        if full and x[part].all():
            currents = _selected(matrix, wire_row, wire_column, x[part])
        else:
            currents = solve_array(
                matrix,
                lines[part] * 1.0,
                wire_row=wire_row,
                wire_column=wire_column,
                active=lines[part] != 0,
                method="lines",
                tolerance=TOLERANCE,
            ).currents
        result[part] = _counts(currents, setup, np.abs(x[part]).sum(axis=1))
    return result


def _selected(matrix: Floats, wire_row: Any, wire_column: Any, x: NDArray[np.int_]) -> Floats:
    """Solve with one device of each cell: the other is disconnected, and the wire beside it is in series."""
    second = x < 0
    conductance = np.where(second[..., None], matrix[1::2], matrix[0::2])
    place = 2 * np.arange(x.shape[1]) + second
    below = np.diff(place, axis=1, append=2 * x.shape[1]) * wire_column
    along = wire_row
    if np.ndim(wire_row):
        along = np.where(second[..., None], wire_row[1::2], wire_row[0::2])
    return solve_array(
        conductance,
        np.ones(x.shape),
        wire_row=along,
        wire_column=below[..., None],
        method="lines",
        tolerance=TOLERANCE,
    ).currents


def _counts(currents: Floats, setup: CrossbarSetup, driven: NDArray[np.int_]) -> Floats:
    if setup.readout == "differential":
        return (currents[:, 0::2] - currents[:, 1::2]) / (2 * setup.swing)
    if setup.references == "columns":
        return (currents[:, :-2] - currents[:, -2:].mean(axis=1, keepdims=True)) / setup.swing
    return (currents - driven[:, None] * sum(setup.conductances) / 2) / setup.swing
