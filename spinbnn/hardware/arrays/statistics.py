r"""What the wires take of each cell on average: the statistic behind ``table``, made once for a set-up and a tile size.

Driven rows: the nominal array, every device at the mean conductance of its two states, is solved once; the attenuation
h of every cell is its current per volt over its conductance. Gated rows: random inputs and weights of the nominal array are
solved, and position laws (polynomials of the third degree in row and column) are fitted to their half sums. A chip's tile is then
its own devices times these attenuations: a matrix product, no network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...crossbar.variation import ArraySample, sample_array
from ...rng import stream
from .gated import gated_half_sums
from .response import TileResponse, device_matrix, from_transfer, line_transfer
from .setup import CrossbarSetup

Floats = NDArray[np.float64]
DEGREE = 3
FULL_READS, PART_READS = 48, 48
"""Random inputs behind the fit of a gated array: with all rows driven, and with some."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GatedLaw:
    """Attenuations of a gated array, ``(R, C)``: of weights and spreads, of the common current, and of what loads it; see :class:`TileResponse`.

    ``spread`` is the rms of what the law leaves of the half sums it was fitted to [counts].
    """

    signed: Floats
    common: Floats
    loaded: Floats
    relief: float
    spread: float


@lru_cache(maxsize=64)
def _driven_law(setup: _Key, rows: int, columns: int) -> Floats:
    """Return the attenuation of every device of :func:`device_matrix`."""
    matrix, wire_row, wire_column = _nominal(setup.of, rows, columns)
    return line_transfer(matrix, wire_row, wire_column) / matrix


def _nominal(setup: CrossbarSetup, rows: int, columns: int) -> tuple[Floats, float | Floats, float | Floats]:
    """Return the array without spread, weights at the mean of their two states, references as they are."""
    sample = sample_array(_median(setup).params, np.zeros((rows, columns), int), seed=0)
    matrix, wire_row, wire_column = device_matrix(sample, setup)
    weights = 2 * columns if setup.readout == "differential" else columns
    matrix[:, :weights] = sum(setup.conductances) / 2
    return matrix, wire_row, wire_column


def _median(setup: CrossbarSetup) -> CrossbarSetup:
    """Return the set-up without spreads and faults."""
    params = setup.params
    flat = {f"{k.replace('.', '__')}__{s}": 0.0 for k, q in params.quantities.items() for s in ("sigma", "sigma_global") if getattr(q, s)}
    flat |= {f"faults__{name}": 0.0 for name in ("stuck_parallel", "stuck_antiparallel", "open")}
    return replace(setup, params=params.with_values(**flat))


@lru_cache(maxsize=64)
def _gated_law(setup: _Key, rows: int, columns: int) -> GatedLaw:
    """Fit the attenuations to solved reads of the nominal array."""
    flat = _median(setup.of)
    draw = stream(0, "gated-law", rows, columns)
    bits = draw.integers(0, 2, (rows, columns))
    sample = sample_array(flat.params, bits, seed=0)
    more = max(1, -(-256 // columns))  # narrow tiles: as many equations from more reads
    x = draw.choice([-1, 1], (more * (FULL_READS + PART_READS), rows))
    share = draw.uniform(0.3, 1.0, more * PART_READS)
    x[more * FULL_READS :] *= draw.random((more * PART_READS, rows)) < share[:, None]
    found = gated_half_sums(sample, flat, x)
    signs, level = bits - 0.5, _level(flat)
    laws = _polynomials(rows, columns)
    driven = np.abs(x)
    part = driven.mean(axis=1)[:, None]
    parts = [x @ (signs * law) for law in laws]
    commons = [level * (driven @ law) for law in laws]
    terms = [*parts, (1 - part) * (x @ signs), *commons, *(part * value for value in commons)]
    design = np.stack([term.ravel() for term in terms], axis=1)
    solved = np.linalg.lstsq(design, found.ravel(), rcond=1e-10)[0]
    left = found.ravel() - design @ solved
    count = len(laws)
    signed = np.tensordot(solved[:count], laws, 1)
    return GatedLaw(
        signed=signed,
        relief=float(solved[count] / signed.mean()),
        common=level * np.tensordot(solved[count + 1 : 2 * count + 1], laws, 1),
        loaded=level * np.tensordot(solved[2 * count + 1 :], laws, 1),
        spread=float(left.std()),
    )


def _level(setup: CrossbarSetup) -> float:
    """Return the current of a driven cell in the middle of its two states [counts]."""
    return sum(setup.conductances) / 2 / setup.swing


def _polynomials(rows: int, columns: int) -> Floats:
    """Return products of Legendre polynomials of row and column up to the third degree, ``(10, R, C)``."""
    place = [2 * (np.arange(n) + 0.5) / n - 1 for n in (rows, columns)]
    down, across = (np.polynomial.legendre.legvander(p, DEGREE) for p in place)
    return np.array([np.outer(down[:, i], across[:, j]) for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)])


class _Key:
    """A set-up by its electrical content, for the caches: calibration and converter do not matter."""

    def __init__(self, setup: CrossbarSetup) -> None:
        self.of = setup
        self.name = (setup.params.content_hash, setup.rows, setup.readout, setup.references)

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.name == other.name


def driven_law(setup: CrossbarSetup, rows: int, columns: int) -> Floats:
    """Return the attenuation of every device of an array with driven rows, as :func:`device_matrix` lays them out [].

    Examples
    --------
    >>> from spinbnn.crossbar.array_params import ArrayParams
    >>> law = driven_law(CrossbarSetup(params=ArrayParams.load("array_mohm"), references="ideal"), 64, 4)
    >>> law.shape, bool(law[0, 0] < law[-1, 0] < 1.0)  # near the foot less is lost
    ((128, 4), True)
    """
    return _driven_law(_Key(setup), rows, columns)


def gated_law(setup: CrossbarSetup, rows: int, columns: int) -> GatedLaw:
    """Return the attenuations of an array whose undriven rows are disconnected.

    Examples
    --------
    >>> from spinbnn.crossbar.array_params import ArrayParams
    >>> law = gated_law(CrossbarSetup(params=ArrayParams.load("array_mohm"), rows="gated"), 32, 4)
    >>> law.spread < 0.01, bool(0.9 < law.signed.mean() < 1.0)
    (True, True)
    """
    return _gated_law(_Key(setup), rows, columns)


def table_response(sample: ArraySample, setup: CrossbarSetup) -> TileResponse:
    r"""Return the response of one array from its own devices and the mean attenuations.

    Parameters
    ----------
    sample : ArraySample
        The devices of the chip.
    setup : CrossbarSetup
        How they are read.

    Notes
    -----
    Driven rows: current per volt :math:`G\,h` with the chip's devices G; a chip whose mean conductance differs from the
    nominal one by the factor q has :math:`1/h' = 1 + q (1/h - 1)`. The weights of other columns act on a column through the
    bit lines' voltages; that part is missing, and where wires take most of the current it matters (docs/hardware_layers.md).
    Gated rows: the spread of a device acts through the attenuation of the weights, the common current through its own. What the
    mean attenuation misses is measured by :func:`~spinbnn.hardware.arrays.agreement.measure_agreement`.
    """
    rows, columns = sample.true.shape
    if setup.rows == "driven":
        matrix = device_matrix(sample, setup)[0]
        weights = 2 * columns if setup.readout == "differential" else columns
        share = float(matrix[:, :weights].mean()) * 2 / sum(setup.conductances)
        return from_transfer(matrix / (1 + share * (1 / driven_law(setup, rows, columns) - 1)), setup)
    fitted, level = gated_law(setup, rows, columns), _level(setup)
    signed = (sample.true - sample.complement) / (2 * setup.swing) * fitted.signed
    if setup.readout == "differential":
        zero = np.zeros_like(signed)
        return TileResponse(signed=signed, common=zero, relief=fitted.relief)
    common = ((sample.true + sample.complement) / (2 * setup.swing) - level) * fitted.signed
    if setup.references == "columns":
        lines = sample.reference.mean(axis=1) / (2 * setup.swing)
        far = fitted.signed[:, -1:]
        signed = signed - (lines[0::2] - lines[1::2])[:, None] * far
        common = common - ((lines[0::2] + lines[1::2])[:, None] - level) * far
    return TileResponse(signed=signed, common=common + fitted.common, loaded=fitted.loaded, relief=fitted.relief)

