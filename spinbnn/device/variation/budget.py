"""Which varied parameter makes how much of a field's spread, and what a spread of Delta and Ic0 makes of p."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError, suggest
from ...tables import Column, Table
from ..switching import ActivatedSwitching, ThermalSwitching
from .physical import ratios
from .points import lognormal_factor, normal_points
from .population import VariationModel

Array = NDArray[np.float64]
STEP = 1e-4
"""Relative step of the central differences."""


def elasticities(variation: VariationModel, key: str) -> dict[str, float]:
    r"""Return :math:`\partial \ln y / \partial \ln v` of a field y for every locally varied v, at the nominal device.

    Parameters
    ----------
    variation : VariationModel
        Spreads of a device.
    key : str
        A field that varies or follows.

    Returns
    -------
    dict of str to float
        1 for the field itself where it is drawn; about 2 for Delta over the diameter [1].

    Raises
    ------
    ParameterError
        If the field neither varies nor follows.
    """
    moving = dict.fromkeys((*variation.keys, *variation.following))
    if key not in moving:
        raise ParameterError("this field has no spread and follows none", where=variation.params.origin, value=key, remedy=suggest(key, moving))
    nominal = variation.params.values()
    out = {}
    for field in variation.keys:
        ends = []
        for sign in (1.0, -1.0):
            draws = {k: np.asarray(v * math.exp(sign * STEP) if k == field else v) for k, v in nominal.items()}
            found = ratios(draws, nominal, variation.varied, nucleation_diameter=variation.nucleation_diameter)
            ends.append(math.log(float(found.get(key, np.asarray(1.0)))) + (sign * STEP if key == field else 0.0))
        out[field] = (ends[0] - ends[1]) / (2.0 * STEP)
    return out


def variance_budget(variation: VariationModel, key: str, order: Sequence[str] = ()) -> Table:
    r"""Return how much of the local variance of ``ln y`` each varied field makes, to first order.

    .. math:: \operatorname{var}(\ln y) = \sum_j \Big(\sum_i e_i \sigma_i L_{ij}\Big)^2

    with the elasticities e, the spreads sigma and the Cholesky factor L of their correlations. Without correlations the
    shares are :math:`(e_i \sigma_i)^2`. With correlations a share is what a field adds to those before it: the order
    matters, and ``order`` sets it.

    Parameters
    ----------
    variation : VariationModel
        Spreads of a device.
    key : str
        A field that varies or follows.
    order : sequence of str
        Fields to be counted first, in this order; the others follow alphabetically.

    Returns
    -------
    Table
        Field, elasticity, its spread [%] and its share [%], of the fields that matter; the note gives the resulting spread.

    Raises
    ------
    ParameterError
        If a field of the order does not vary.
    """
    if unknown := [k for k in order if k not in variation.keys]:
        raise ParameterError("this field has no local spread", where="variance_budget, order", value=unknown[0], remedy=suggest(unknown[0], variation.keys))
    slopes = elasticities(variation, key)
    keys = [*order, *(k for k in variation.keys if k not in order)]
    root = np.asarray(variation.root)
    places = [variation.keys.index(k) for k in keys]
    factor = np.linalg.cholesky((root @ root.T)[np.ix_(places, places)])
    spreads = np.array([variation.params[k].sigma for k in keys])
    effect = (np.array([slopes[k] for k in keys]) * spreads) @ factor
    total = float(effect @ effect)
    rows = [
        [k, slopes[k], 100.0 * s, 100.0 * float(e * e) / total if total > 0 else None]
        for k, s, e in zip(keys, spreads, effect, strict=True)
        if k in order or max(abs(slopes[k]), abs(e)) > 1e-9
    ]
    return Table(
        f"Budget of {key}", ["field", Column("elasticity", "", 3), Column("spread", "%", 3), Column("share of the variance", "%", 3)], rows,
        note=f"Together {100.0 * math.sqrt(total):.3g} % (first order, {variation.params.name}).",
    )  # fmt: skip


def spread_probability(
    model: ActivatedSwitching, pulse: float, *, target: float = 0.5, critical_current: float = 0.0, delta: float = 0.0, common: float = 0.0,
    temperature: float | None = None, n: int = 2**14, seed: int = 0,
) -> Array:  # fmt: skip
    """Return p of devices that all get the current of the nominal one, when Ic0, Delta or both together spread.

    Parameters
    ----------
    model : ActivatedSwitching
        Nominal device.
    pulse : float
        Pulse width [s].
    target : float
        p of the nominal device [1].
    critical_current, delta, common : float
        Relative log-normal spreads of Ic0 alone, of Delta alone, and of both by the same factor (as K_eff moves them) [1].
    temperature : float, optional
        Temperature; the model's reference temperature by default [K].
    n, seed : int
        Number of Sobol points and their seed.

    Returns
    -------
    ndarray, shape (n,)
        Probabilities.

    Examples
    --------
    >>> from spinbnn.device import DeviceParams, SwitchingModel
    >>> model = SwitchingModel.from_params(DeviceParams.load("seed_eq23"), barrier="seed")
    >>> round(float(spread_probability(model, 10e-9, critical_current=0.01).std()), 3)
    0.084
    """
    kelvin = float(model.reference_temperature) if temperature is None else temperature
    points = normal_points(n, 3, seed, ["spread"])
    factors = [lognormal_factor(cv, points[:, k]) for k, cv in enumerate((critical_current, delta, common))]
    drawn = replace(model, critical_current=model.critical_current * factors[0] * factors[2], delta=model.delta * factors[1] * factors[2])
    return drawn.probability(model.current_for(target, pulse, kelvin), pulse, kelvin)


def sensitivity(model: ActivatedSwitching, pulse: float, *, target: float = 0.5, spreads: ArrayLike = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1), n: int = 2**14, seed: int = 0) -> Table:
    """Return the standard deviation of p against the spread of Ic0, of Delta, and of both together.

    Parameters
    ----------
    model, pulse, target, n, seed
        See :func:`spread_probability`.
    spreads : array_like
        Relative standard deviations [1].

    Returns
    -------
    Table
        One row a spread: sd(p) with Ic0 alone, with Delta and Ic0 in proportion, with Delta alone [1].
    """
    rows = [
        [100.0 * float(cv), *(float(spread_probability(model, pulse, target=target, n=n, seed=seed, **{kind: float(cv)}).std()) for kind in ("critical_current", "common", "delta"))]
        for cv in np.atleast_1d(np.asarray(spreads, dtype=float))
    ]  # fmt: skip
    heads: list[Column | str] = [Column("spread", "%", 3), Column("sd(p), Ic0 alone", "", 3), Column("sd(p), Delta and Ic0 together", "", 3), Column("sd(p), Delta alone", "", 3)]
    return Table("Spread of p without trim", heads, rows, note=f"Nominal p = {target:g}, {_barrier(model)}{n} devices a figure.")


def _barrier(model: ActivatedSwitching) -> str:
    return f"barrier {model.barrier}, " if isinstance(model, ThermalSwitching) else ""
