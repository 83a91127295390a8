"""From a fit to a device file: what was fitted replaces the numbers of a base device, with its source."""

from __future__ import annotations

import math
from dataclasses import replace

from ...errors import ParameterError
from ...units import format_si
from ..parameters import Correlation, DeviceParams, Quantity
from .hierarchy import PopulationFit
from .result import SwitchingFit

DELTA, CURRENT, ATTEMPT, SATURATION = "thermal.delta", "spin_hall.critical_current", "thermal.attempt_time", "switching.saturation"
LAWS = ("exact", "seed", "two_rate")
"""Laws whose parameters a device file can hold."""


def device_of(result: SwitchingFit | PopulationFit, base: DeviceParams, *, name: str, data: str) -> DeviceParams:
    r"""Return a device with the fitted Delta, tau0, Ic0 (and p_sat), all else from a base device.

    A fit of one device has no spread: Delta and Ic0 lose those of the base. A population gives medians, relative spreads
    ``sqrt(exp(s^2) - 1)`` of the logarithmic ones, and their correlation.

    Parameters
    ----------
    result : SwitchingFit or PopulationFit
        With a tau0 that was declared or identified.
    base : DeviceParams
        Gives resistances, geometry and everything else that switching data do not.
    name : str
        Name of the new set.
    data : str
        What was fitted, for the sources.

    Returns
    -------
    DeviceParams

    Raises
    ------
    ParameterError
        If the data reject the law, tau0 (and so Ic0) was not identifiable, or a device file cannot hold the law (lapses,
        ``printed``, ``two_rate_field``, ``logistic``).

    Examples
    --------
    >>> import numpy as np
    >>> from spinbnn.device import ThermalSwitching, fit_switching
    >>> truth = ThermalSwitching(delta=45.0, attempt_time=1e-9, critical_current=400e-6)
    >>> current = np.linspace(140e-6, 190e-6, 11)
    >>> fit = fit_switching(current, 10e-9, 10_000, np.round(10_000 * truth.probability(current, 10e-9)), tau0=1e-9)
    >>> made = device_of(fit, DeviceParams.load("seed_eq23"), name="mine", data="a doctest")
    >>> round(made.value("thermal.delta"), 1), made["thermal.delta"].sigma, made.value("electrical.track_resistance")
    (45.0, 0.0, 800.0)
    """
    first = result.fits[0] if isinstance(result, PopulationFit) else result
    _check(result, first)
    population = isinstance(result, PopulationFit)
    new: dict[str, tuple[float, str, float]] = {}  # value, source, relative spread
    for key, label in ((DELTA, "delta"), (CURRENT, "critical_current")):
        if isinstance(result, PopulationFit):
            sigma = math.sqrt(math.expm1(result.spread[label] ** 2))
            new[key] = (result.median[label], f"median of {result.devices} devices, fitted to {data}", sigma)
        else:
            ends = [format_si(end, base[key].unit, 4) if end is not None else "unbounded" for end in result.ends(label)]
            new[key] = (result.estimates[label], f"fit of {data}, 95 % interval {ends[0]} to {ends[1]}", 0.0)
    declared = first.tau0 is not None
    new[ATTEMPT] = (float(first.tau0 if first.tau0 is not None else first.estimates["tau0"]), "declared for the fit" if declared else f"fit of {data}", 0.0)
    new["thermal.reference_temperature"] = (first.temperature, f"of the fit of {data}", 0.0)
    if "p_sat" in first.estimates:
        new[SATURATION] = (first.estimates["p_sat"], f"fit of {data}", 0.0)
    quantities = dict(base.quantities)
    for key, (value, source, sigma) in new.items():
        quantities[key] = Quantity(key=key, value=value, source=source, sigma=sigma)
    kept = [c for c in base.correlations if not {c.first, c.second} & {DELTA, CURRENT}]
    if isinstance(result, PopulationFit) and all(new[key][2] > 0 for key in (DELTA, CURRENT)):
        bounded = max(-0.999, min(0.999, result.correlation))
        kept.append(Correlation(first=DELTA, second=CURRENT, value=bounded, source=f"hierarchical fit of {data}"))
    law = "barrier of the fit: " + ("seed (Eq. 23b, clamped)" if first.model == "seed" else "exact")
    own = [f"delta, Ic0 and tau0 come from {data}; everything else is that of {base.name}.", law + "."]
    if not population:
        own.append("One device was measured: delta and Ic0 have no spread here.")
    made = replace(base, name=name, description=f"Fitted to {data}, on the base of {base.name}.", quantities=dict(sorted(quantities.items())), correlations=tuple(kept), notes=(*own, *base.notes), origin=name)
    return DeviceParams.from_dict(made.to_dict(), where=name)  # ranges are checked as those of a file


def _check(result: SwitchingFit | PopulationFit, first: SwitchingFit) -> None:
    rejected = result.rejected if isinstance(result, SwitchingFit) else all(fit.rejected for fit in result.fits)
    if rejected:
        raise ParameterError("the data reject this law: its parameters describe no device", where="device_of", value=first.model, remedy="compare the laws (spinbnn fit --compare)")
    if first.model not in LAWS or "lapse_lower" in first.parameters or "lapse_upper" in first.parameters:
        raise ParameterError("a device file cannot hold this law", where="device_of", value=first.model, remedy=f"fit one of {', '.join(LAWS)} without lapses")
    names = result.median if isinstance(result, PopulationFit) else result.estimates
    if "critical_current" not in names:
        raise ParameterError("tau0, and with it Ic0, is not identifiable from these data", where="device_of", value="tau0", remedy="declare tau0, or measure pulse widths over 3 to 4 decades")
