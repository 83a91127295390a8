"""What a device file implies: stability, thresholds, the current of a probability, retention, resistances, over temperature."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from ..errors import ParameterError
from ..tables import Cell, Column, Table
from ..units import format_si
from .magnet import NEEDED, magnet
from .parameters import DeviceParams
from .switching import ActivatedSwitching, SwitchingModel, current_density, static_threshold
from .temperature import tmr_at, track_resistance_at

YEAR = 365.25 * 86400.0


def slope(model: SwitchingModel, current: float, pulse: float, temperature: float) -> float:
    """Return ``dp/dlnI`` at a current, by a central difference [1].

    Examples
    --------
    >>> model = SwitchingModel.from_params(DeviceParams.load("seed_eq23"), barrier="seed")
    >>> round(slope(model, float(model.current_for(0.5, 10e-9)), 10e-9, 300.0), 2)
    8.55
    """
    step = 1e-4
    ends = model.probability(np.array([current * math.exp(step), current * math.exp(-step)]), pulse, temperature)
    return float(ends[0] - ends[1]) / (2.0 * step)


def derived(
    params: DeviceParams, *, pulse: float, temperatures: Sequence[float] = (), target: float = 0.5, barrier: Literal["exact", "seed"] = "exact"
) -> Table:  # fmt: skip
    """Return the quantities that follow from a device file, one column a temperature.

    Parameters
    ----------
    params : DeviceParams
        Device file.
    pulse : float
        SET pulse width [s].
    temperatures : sequence of float
        Temperatures; the reference temperature by default [K].
    target : float
        Probability whose current is told [1].
    barrier : {"exact", "seed"}
        Barrier law of the switching model.

    Returns
    -------
    Table
        What the file does not give prints ``?``; so does the current of a probability that the pulse does not reach. The
        macrospin's figures come from geometry and material alone: a measured Delta or Ic0 differs from them.

    Examples
    --------
    >>> table = derived(DeviceParams.load("seed_eq23"), pulse=10e-9)
    >>> dict(row[:2] for row in table.rows)["threshold at 0 K without a field, Ic0/2"]
    '250 µA'
    """
    kelvins = [float(t) for t in temperatures] or [params.value("thermal.reference_temperature")]
    model = SwitchingModel.from_params(params, barrier=barrier)
    columns = [_column(params, model, pulse, t, target) for t in kelvins]
    rows: list[list[Cell]] = [[name, *(column[name] for column in columns)] for name in columns[0]]
    return Table(
        f"Derived from {params.name}", ["quantity", *(Column(f"{t:g} K") for t in kelvins)], rows,
        note=f"{format_si(pulse, 's')} pulse, barrier {barrier}. Ic0 is the paper's, the current at which H_DL = H_k, twice the threshold.",
    )  # fmt: skip


def _column(params: DeviceParams, model: ActivatedSwitching, pulse: float, kelvin: float, target: float) -> dict[str, Cell]:
    ic0, delta = float(model.critical_current_at(kelvin)), float(model.delta_at(kelvin))
    out: dict[str, Cell] = {"Delta": f"{delta:.4g}", "Ic0 (paper)": format_si(ic0, "A"), "threshold at 0 K without a field, Ic0/2": format_si(float(static_threshold(ic0)), "A")}
    values = params.values()
    layer = all(key in values for key in NEEDED) and ("magnetic.effective_anisotropy" in values or "magnetic.interface_anisotropy" in values)
    spin = magnet(values, kelvin) if layer else None
    field = values.get("magnetic.in_plane_field", 0.0)
    if field:
        ratio = abs(field) / float(spin.anisotropy_field) if spin else math.nan
        inside = ratio < 1
        out[f"threshold at 0 K with H_x of {format_si(abs(field), 'T')}"] = format_si(float(static_threshold(ic0, ratio)), "A") if inside else None
    out["macrospin: Delta"] = f"{float(spin.delta):.4g}" if spin else None
    out["macrospin: mu0 Hk"] = format_si(float(spin.anisotropy_field), "T") if spin else None
    out["macrospin: Ic0"] = format_si(_known(float(spin.critical_current)), "A") if spin else None
    current = current_of(model, target, pulse, kelvin)
    out[f"current of p = {target:g}"] = format_si(current, "A")
    section = [values.get(f"geometry.track_{side}") for side in ("width", "thickness")]
    density = None if current is None or section[0] is None or section[1] is None else float(current_density(current, section[0], section[1])) * 1e-10
    out["its density"] = "?" if density is None else f"{density:.4g} MA/cm^2"
    out["dp/dlnI there"] = None if current is None else f"{slope(model, current, pulse, kelvin):.3g}"
    log = math.log10(params.value("thermal.attempt_time")) + delta / math.log(10.0)
    out["retention, tau0 exp(Delta)"] = f"{10.0**log:.3g} s ({10.0**log / YEAR:.3g} years)" if log < 300 else f"10^{log:.1f} s"
    reference = params.value("thermal.reference_temperature")
    track = track_resistance_at(params.value("electrical.track_resistance"), kelvin, reference=reference, coefficient=values.get("electrical.track_temperature_coefficient", 0.0))
    out["track resistance"] = format_si(float(track), "ohm")
    tmr = tmr_at(params.value("electrical.tmr"), kelvin, reference=reference, bloch_temperature=values.get("electrical.tmr_bloch_temperature"))
    out["TMR at zero bias"] = f"{100.0 * float(tmr):.4g} %"
    return out


def current_of(model: SwitchingModel, target: float, pulse: float, temperature: float) -> float | None:
    """Return the current of a probability [A]; None where a pulse of this width [s] does not reach it.

    Examples
    --------
    >>> model = SwitchingModel.from_params(DeviceParams.load("seed_eq23"))
    >>> current_of(model, 0.9999, 1e-9, 300.0) is None
    True
    """
    try:
        return float(model.current_for(target, pulse, temperature))
    except ParameterError as error:
        if "not reached" in error.what:
            return None
        raise


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
