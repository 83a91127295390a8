"""The junctions that a read reference is built of: what is drawn of them, and how the draws are named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..device import DeviceParams, VariationModel
from ..device.temperature import tmr_at
from ..device.variation.physical import DRIVERS
from ..device.variation.population import with_spreads
from ..rng import integer_seed

Array = NDArray[np.float64]
REFERENCE_FIELDS = ("electrical.parallel_resistance", "electrical.tmr")
"""Fields of a device that a junction of the reference takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceJunction:
    """What a deck needs of one junction of the reference.

    Parameters
    ----------
    resistance : float
        Parallel, at zero bias [ohm].
    tmr : float
        TMR ratio at zero bias, at the temperature of the run [1].
    """

    resistance: float
    tmr: float


def reference_key(number: int) -> str:
    """Return what stands before a device field in the draw of one junction of the reference.

    Examples
    --------
    >>> reference_key(3) + "electrical.tmr"
    'reference.3.electrical.tmr'
    """
    return f"reference.{number}."


def reference_draws(params: DeviceParams, junctions: int, count: int, seed: int, *, local: bool = True, die: int | None = None) -> dict[str, Array]:
    """Draw the junctions of ``count`` references from the spreads of a device file.

    Every junction has a stream of its own, so that adding one changes no other draw, the module's own device among them; the
    first k of ``count`` draws are those of ``reference_draws(..., k)``. The die's shift is the one of its devices. Of a device that
    varies in geometry or material the resistance follows those; what does not act on :data:`REFERENCE_FIELDS` is not drawn.

    Parameters
    ----------
    params : DeviceParams
        The device; junctions of the reference are made like it.
    junctions, count : int
        Junctions of a reference, and references [1].
    seed : int
        Seed of the devices.
    local : bool
        Whether the within-die spread is on.
    die : int or None
        Die whose global shift they share.

    Returns
    -------
    dict of str to ndarray, shape (count,)
        SI values by :func:`reference_key` and field; empty where nothing varies.

    Examples
    --------
    >>> draws = reference_draws(DeviceParams.load("seed_eq23"), 2, 4, seed=1)
    >>> sorted(draws)[0], draws["reference.1.electrical.tmr"].shape
    ('reference.0.electrical.parallel_resistance', (4,))
    """
    if junctions < 1 or (not local and die is None):
        return {}
    causes = {key for field in REFERENCE_FIELDS for key in (field, *DRIVERS.get(field, ()))}
    model = VariationModel.from_params(with_spreads(params, {key: q.sigma for key, q in params.quantities.items() if key in causes and q.sigma > 0}, keep=False))
    shift = dict.fromkeys(REFERENCE_FIELDS, 1.0)
    if die is not None:
        devices = VariationModel.from_params(params).sample(1, seed, local=False, die=die)
        shift = {key: float(devices[key][0]) / params.value(key) for key in REFERENCE_FIELDS}
    out: dict[str, Array] = {}
    for k in range(junctions):
        drawn = model.sample(count, integer_seed(seed, "reference", k), method="random", local=local)
        out |= {reference_key(k) + key: drawn[key] * shift[key] for key in REFERENCE_FIELDS}
    return out


def junctions_of(params: DeviceParams, draw: Mapping[str, float], junctions: int, temperature: float) -> list[ReferenceJunction]:
    """Return the junctions of one reference at a temperature [K]: those of a draw, nominal where it has none.

    Examples
    --------
    >>> found = junctions_of(DeviceParams.load("seed_eq23"), {"reference.1.electrical.tmr": 1.3}, 2, 300.0)
    >>> [round(j.tmr, 9) for j in found], found[0].resistance
    ([1.2, 1.3], 331000.0)
    """
    reference, bloch = params.value("thermal.reference_temperature"), params.get("electrical.tmr_bloch_temperature")
    resistance, tmr = ([draw.get(reference_key(k) + key, params.value(key)) for k in range(junctions)] for key in REFERENCE_FIELDS)
    ratio = tmr_at(tmr, temperature, reference=reference, bloch_temperature=bloch)
    return [ReferenceJunction(resistance=r, tmr=float(m)) for r, m in zip(resistance, ratio, strict=True)]
