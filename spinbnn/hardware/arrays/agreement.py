"""How far ``table`` is from ``exact``: measured on random tiles of sampled chips, kept in the profile."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...crossbar.variation import ArraySample, sample_array
from ...errors import ParameterError
from ...rng import integer_seed, stream
from .gated import gated_half_sums
from .response import Calibration, TileResponse, exact_response
from .setup import CrossbarSetup
from .statistics import table_response

Floats = NDArray[np.float64]
MEAN_BOUND = 0.5
SPREAD_BOUND = (0.9, 1.1)
DISTANCE_BOUND = 0.05
"""Largest Kolmogorov-Smirnov distance: normal errors whose spreads differ by 10 % are 0.026 apart, by 20 % 0.055."""
RESOLUTION = 1e-3
"""Reads this close to each other are the same: without spreads and wires both errors are rounding, and their ratio says nothing [ADC steps]."""
CALIBRATION_READS = 256
"""Random reads behind the calibration of a gated array."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnAgreement:
    r"""``table`` against ``exact`` for one tile size of one set-up, in converter steps.

    Attributes
    ----------
    setup : str
        Content hash of the set-up []
    rows, columns : int
        Of the tiles, bit cells [].
    chips, inputs : int
        Sampled chips, and random inputs of each []
    mean_error : float
        Largest distance of a column's two mean errors, over columns and chips [ADC steps].
    mean_error_rms : float
        Its rms [ADC steps].
    read_error_rms : float
        Rms distance of two reads of the same column, chip and input, before conversion [ADC steps].
    spread_ratio : float
        Standard deviation of the errors of ``table`` over that of ``exact``, before conversion, over everything [].
    spread_ratio_low, spread_ratio_high : float
        Smallest and largest ratio of a column, over its chips and inputs [].
    distance : float
        Kolmogorov-Smirnov distance of the two distributions of errors before conversion [].
    exact_spread : float
        Standard deviation of the errors of ``exact`` [ADC steps].
    column_ratio : float or None
        Ratio of the spreads of one column of one chip, over its inputs, the one that is farthest from 1; None: not measured, in records
        from before it was [].

    Examples
    --------
    >>> from spinbnn.crossbar.array_params import ArrayParams
    >>> found = measure_agreement(CrossbarSetup(params=ArrayParams.load("array_mohm")), 32, 4, chips=2, inputs=64)
    >>> found.holds, found.mean_error < 0.1
    (True, True)
    """

    setup: str
    rows: int
    columns: int
    chips: int
    inputs: int
    mean_error: float
    mean_error_rms: float
    read_error_rms: float
    spread_ratio: float
    spread_ratio_low: float
    spread_ratio_high: float
    distance: float
    exact_spread: float
    column_ratio: float | None = None

    @property
    def holds(self) -> bool:
        """Whether mean errors agree to half a step, spreads to 10 % (over all, and of the worst column if measured), distributions to 0.05.

        Reads whose rms distance is below a thousandth of a step agree, whatever the ratios of such errors are.
        """
        if self.mean_error <= MEAN_BOUND and self.read_error_rms <= RESOLUTION:
            return True
        ratios = [self.spread_ratio] if self.column_ratio is None else [self.spread_ratio, self.column_ratio]
        spreads = all(SPREAD_BOUND[0] <= ratio <= SPREAD_BOUND[1] for ratio in ratios)
        return self.mean_error <= MEAN_BOUND and spreads and self.distance <= DISTANCE_BOUND

    def covers(self, setup: CrossbarSetup, rows: int, columns: int) -> bool:
        """Whether the measurement speaks for such a tile: the same set-up, and a tile that is not larger."""
        return self.setup == setup.content_hash and rows <= self.rows and columns <= self.columns

    def __str__(self) -> str:
        worst = "not measured" if self.column_ratio is None else f"{self.column_ratio:.3f}"
        return (
            f"table against exact, tiles of {self.rows} x {self.columns}, {self.chips} chips: mean error of a column up to "
            f"{self.mean_error:.2f} steps, spread ratio {self.spread_ratio:.3f} (worst column of a chip: {worst}), Kolmogorov-Smirnov {self.distance:.3f}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return asdict(self)


def measure_agreement(
    setup: CrossbarSetup, rows: int, columns: int, *, chips: int = 20, inputs: int = 256, seed: int = 0
) -> ColumnAgreement:
    """Measure ``table`` against ``exact`` on random weights and inputs, the same for both.

    Parameters
    ----------
    setup : CrossbarSetup
        Arrays, readout, calibration and converter.
    rows, columns : int
        Of one tile, bit cells [].
    chips, inputs : int
        Chips to draw, and inputs of each []
    seed : int
        Of chips, weights and inputs.

    Raises
    ------
    ParameterError
        For numbers below 1, or one input, which has no spread.
    """
    if min(rows, columns, chips, inputs - 1) < 1:
        raise ParameterError(
            "needs rows, columns, chips and inputs",
            where="measure_agreement",
            value=(rows, columns, chips, inputs),
            remedy="at least one of each, and two inputs",
        )
    step = setup.converter(rows).step
    both: list[tuple[Floats, Floats]] = []
    for chip in range(chips):
        draw = stream(seed, "agreement", rows, columns, chip)
        bits, x = draw.integers(0, 2, (rows, columns)), draw.choice([-1, 1], (inputs, rows))
        sample = sample_array(setup.params, bits, seed=integer_seed(seed, "agreement", chip), layer="agreement")
        both.append(tuple(reads(sample, setup, 2.0 * bits - 1, x, kind) - x @ (bits - 0.5) for kind in ("exact", "table")))  # type: ignore[arg-type]
    exact, table = (np.stack([pair[i] for pair in both]) / step for i in (0, 1))  # (chips, inputs, C)
    means = table.mean(axis=1) - exact.mean(axis=1)
    spreads = table.std(axis=(0, 1)) / np.maximum(exact.std(axis=(0, 1)), 1e-12)
    each = table.std(axis=1) / np.maximum(exact.std(axis=1), 1e-12)  # (chips, C)
    return ColumnAgreement(
        setup=setup.content_hash,
        rows=rows,
        columns=columns,
        chips=chips,
        inputs=inputs,
        mean_error=float(np.abs(means).max()),
        mean_error_rms=float(np.sqrt((means**2).mean())),
        read_error_rms=float(np.sqrt(((table - exact) ** 2).mean())),
        spread_ratio=float(table.std() / max(exact.std(), 1e-12)),
        spread_ratio_low=float(spreads.min()),
        spread_ratio_high=float(spreads.max()),
        distance=distance(table.ravel(), exact.ravel()),
        exact_spread=float(exact.std()),
        column_ratio=float(each.ravel()[np.abs(np.log(np.maximum(each, 1e-12))).argmax()]),
    )


def reads(sample: ArraySample, setup: CrossbarSetup, signs: Floats, inputs: NDArray[np.int_], fidelity: str) -> Floats:
    """Return calibrated half sums ``(K, C)`` of one array, before conversion [counts]."""
    if fidelity == "exact" and setup.rows == "gated":
        found = calibrate_gated(sample, setup, signs)
        raw = gated_half_sums(sample, setup, inputs)
        share = np.abs(inputs).mean(axis=1, keepdims=True)
        return (raw - found.offset * share) / found.gain
    response: TileResponse = exact_response(sample, setup) if fidelity == "exact" else table_response(sample, setup)
    return Calibration.of(response, signs, setup.calibration).correct(response).half_sums(inputs)


def calibrate_gated(sample: ArraySample, setup: CrossbarSetup, signs: Floats) -> Calibration:
    """Return the calibration of a gated array by reads of random inputs, the same for all arrays of this size."""
    rows, columns = signs.shape
    if setup.calibration == "none":
        return Calibration(gain=np.ones(columns), offset=np.zeros(columns))
    x = stream(0, "calibration", rows).choice([-1, 1], (CALIBRATION_READS, rows))
    return Calibration.from_reads(gated_half_sums(sample, setup, x), x @ signs / 2, setup.calibration)


def distance(first: Floats, second: Floats) -> float:
    """Return the Kolmogorov-Smirnov distance of two samples.

    Examples
    --------
    >>> distance(np.array([0.0, 1.0]), np.array([0.5, 1.5]))
    0.5
    """
    places = np.sort(np.concatenate([first, second]))
    below = [np.searchsorted(np.sort(values), places, side="right") / len(values) for values in (first, second)]
    return float(np.abs(below[0] - below[1]).max())
