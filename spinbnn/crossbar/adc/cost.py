r"""Energy, time and area of a conversion, from published laws; None is unknown, never zero."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...errors import ParameterError, suggest
from ...tables import Cell, Column, Table
from .converter import Adc

NEUROSIM = "DNN+NeuroSim V1.3, LSTP (github.com/neurosim/DNN_NeuroSim_V1.3): constants of its SAR, multilevel and current sense amplifiers"
DRIVER = "; what the files give at 10 kohm, measured with its classes compiled"
SURVEY = "accelergy-adc-plug-in, adc_data/model.yaml (github.com/Accelergy-Project): regression over B. Murmann's ADC survey"

SAR_POWER = {
    65: (3.7506e-6, 25.844e-6),
    45: (2.1691e-6, 16.693e-6),
    32: (1.1294e-6, 8.8998e-6),
    22: (0.538e-6, 4.3753e-6),
}
"""Power of a SAR converter by node [nm]: slope over bits and constant [W]."""
SAR_COLUMN = {65: 0.1211, 45: 0.1002, 32: 0.0812, 22: 0.0722}
"""Power times column resistance [V^2]; 45 nm is NeuroSim's constant, the others are what reproduces its energy at 10 kohm."""
SAR_UNIT_AREA = {65: 0.8994e-12, 45: 0.4310e-12, 32: 0.2181e-12, 22: 0.1028e-12}
"""Area of NeuroSim's unit transistor in the SAR converter [m^2]."""
FLASH_POWER, FLASH_COLUMN, FLASH_AREA = 6.3162e-6, 0.075, 45.68e-12
"""45 nm: power of each comparator [W], of the column times its resistance [V^2], area of each comparator [m^2]."""
ENCODER = {
    1: (0.8e-15, 1.9e-12),
    4: (5.1e-15, 52e-12),
    5: (9.4e-15, 160e-12),
    6: (17.6e-15, 543e-12),
    8: (67e-15, 7472e-12),
}
"""Thermometer encoder at 45 nm by bits: energy [J] and area [m^2]; bits between are interpolated geometrically."""
SENSE = {1e3: 106e-15, 3e3: 39.7e-15, 1e4: 16.3e-15, 3e4: 6.0e-15, 1e5: 7.4e-15, 1e6: 7.0e-15}
"""45 nm current sense amplifier: energy of a decision by column resistance; interpolated in log-log [J]."""
SENSE_AREA = 37.9e-12
RESISTANCE = (1e3, 1e6)
"""Column resistances for which the figures were looked at [ohm]."""
FIXED = {
    "isaac8": (8, 1.28e9, 2e-3, 1200e-12, "8 bit, 1.28 GS/s (ISAAC)"),
    "sar6": (6, 1e9, 1.26e-3, 580e-12, "6 bit, 1 GS/s SAR"),
    "sar10_14nm": (10, 1.5e9, 6.92e-3, 1600e-12, "10 bit, 1.5 GS/s, 14 nm"),
}
"""Converters of the MNSIM 2.0 table: bits, samples a second, power [W], area [m^2], description."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConverterCost:
    """What one conversion takes.

    Attributes
    ----------
    energy, time, area : float or None
        Of one conversion and one instance [J, s, m^2].
    source, validity : str
        Where the figures come from, and for what they hold.
    """

    energy: float | None
    time: float | None
    area: float | None
    source: str
    validity: str


def converter_cost(
    adc: Adc, column_resistance: float, *, node: int = 45, temperature: float = 300.0, clock: float = 1e9
) -> ConverterCost:
    r"""Return energy, time and area of a converter of this kind.

    Parameters
    ----------
    adc : Adc
        Its kind and bits count.
    column_resistance : float
        All driven cells of the column in parallel; 256 cells of 1 megaohm are 3.9 kohm [ohm].
    node : {65, 45, 32, 22}
        Technology; flash and sense amplifier at 45 alone [nm].
    temperature : float
        250 to 400; the power grows by 0.13 % a kelvin [K].
    clock : float
        Of a ramp converter, one step a cycle [Hz].

    Notes
    -----
    At 45 nm, with column resistance R (read at 0.5 V),

    .. math::
       P_{SAR} &= 2.1691\,b + 16.693\ \mu W + 0.1002\,V^2 / R, \quad t = (b + 1)\ ns \\
       P_{flash} &= 6.3162\,(2^b - 1)\ \mu W + 0.075\,V^2 / R, \quad t = 1\ ns

    plus the encoder of a flash converter. The term in 1/R is the current of the cells: it is not to be added again to a
    crossbar's energy. It is quoted for 0.5 V and does not fall here with a lower read voltage, an upper bound. The area of
    the SAR converter is :math:`A\,[478 + 182 (b - 1)]` for a unit transistor A. A ramp converter takes
    :math:`2^b` cycles; no source at hand gives its energy and area: unknown.

    Validity: 1 kohm to 1 megaohm; layout and wiring not included (NeuroSim's factor for the latter is 1.22).

    Raises
    ------
    ParameterError
        For an unknown node, or a resistance or temperature outside the range.

    Examples
    --------
    >>> cost = converter_cost(Adc(kind="sar", bits=5, lo=0, hi=31), 1e4)
    >>> round(cost.energy * 1e15, 1), round(cost.time * 1e9, 6), round(cost.area * 1e12)
    (225.4, 6.0, 520)
    """
    where = "converter_cost"
    if node not in SAR_POWER or (node != 45 and adc.kind in ("flash", "sense")):
        raise ParameterError(
            "no figures for this node",
            where=f"{where}, node",
            value=node,
            remedy=f"SAR: one of {sorted(SAR_POWER)}; flash and sense amplifier: 45",
        )
    if not RESISTANCE[0] <= column_resistance <= RESISTANCE[1]:
        raise ParameterError(
            "the laws hold from 1 kohm to 1 megaohm",
            where=f"{where}, column_resistance",
            value=column_resistance,
            remedy="give the resistance of the whole column, driven cells in parallel",
        )
    if not 250 <= temperature <= 400:
        raise ParameterError(
            "the laws hold from 250 to 400 K",
            where=f"{where}, temperature",
            value=temperature,
            remedy="e.g. 300",
        )
    validity = f"{node} nm LSTP, 1 kohm to 1 Mohm, no layout"
    warm = 1 + 0.0013 * (temperature - 300)
    levels = 2**adc.bits - 1
    if adc.kind == "sar":
        slope, constant = SAR_POWER[node]
        time = (adc.bits + 1) * 1e-9
        power = slope * adc.bits + constant + SAR_COLUMN[node] / column_resistance
        area = SAR_UNIT_AREA[node] * (478 + 182 * (adc.bits - 1))
        return ConverterCost(
            energy=power * warm * time, time=time, area=area, source=NEUROSIM + DRIVER, validity=validity
        )
    if adc.kind == "flash":
        if adc.bits > max(ENCODER):
            raise ParameterError(
                "no figures for the encoder of so many bits",
                where="converter_cost, adc.bits",
                value=adc.bits,
                remedy="at most 8",
            )
        encoder, encoder_area = (
            float(np.exp(np.interp(adc.bits, list(ENCODER), np.log([e[i] for e in ENCODER.values()]))))
            for i in (0, 1)
        )
        energy = (FLASH_POWER * levels + FLASH_COLUMN / column_resistance) * 1e-9
        return ConverterCost(
            energy=(energy + encoder) * warm,
            time=1e-9,
            area=FLASH_AREA * levels + encoder_area,
            source=NEUROSIM + DRIVER,
            validity=validity,
        )
    if adc.kind == "sense":
        energy = math.exp(
            np.interp(math.log(column_resistance), np.log(list(SENSE)), np.log(list(SENSE.values())))
        )
        return ConverterCost(
            energy=energy * warm, time=1e-9, area=SENSE_AREA, source=NEUROSIM + DRIVER, validity=validity
        )
    return ConverterCost(
        energy=None,
        time=2**adc.bits / clock,
        area=None,
        source="2^bits cycles of the clock",
        validity="time only",
    )


def fixed_converter(name: str) -> ConverterCost:
    """Return a published converter of the MNSIM 2.0 table; energy is power over sampling rate.

    Parameters
    ----------
    name : str
        One of ``FIXED``.

    Raises
    ------
    ParameterError
        For an unknown name.

    Examples
    --------
    >>> round(fixed_converter("isaac8").energy * 1e12, 4)
    1.5625
    """
    if name not in FIXED:
        raise ParameterError(
            "unknown converter", where="fixed_converter", value=name, remedy=suggest(name, FIXED)
        )
    bits, rate, power, area, text = FIXED[name]
    return ConverterCost(
        energy=power / rate,
        time=(bits + 2) / rate,
        area=area,
        source=f"MNSIM 2.0, ADC.py: {text}",
        validity="the one design; time (bits + 2)/rate",
    )


def survey_bound(bits: float, rate: float, node: float = 45.0) -> ConverterCost:
    r"""Return what the best surveyed converters of this resolution and rate reach: an optimistic bound.

    Parameters
    ----------
    bits : float
        Effective resolution, 4 to 14 [].
    rate : float
        Conversions a second, up to 16e9 [Hz].
    node : float
        Technology; it enters the area alone [nm].

    Notes
    -----
    With the Schreier figure of merit :math:`F = \min(180.14, 302.74 - 6.4608 \ln f)` dB and
    :math:`SNDR = 6.02 b + 1.76` dB,

    .. math:: E = \tfrac12 10^{(SNDR - F)/10}, \qquad
       \ln A_{\mu m^2} = 0.7973 \ln n + 0.06666 \ln f - 0.1344\, b + 0.42366 \ln E_{pJ} + 4.8506 .

    Below 4 bits the law of thermal noise falls far under what comparators and logic take: refused.

    Raises
    ------
    ParameterError
        Outside the ranges above.

    Examples
    --------
    >>> round(survey_bound(8, 1e9).energy * 1e12, 2)
    0.64
    """
    for key, value, low, high in (("bits", bits, 4, 14), ("rate", rate, 1.0, 1.6e10), ("node", node, 7, 350)):
        if not low <= value <= high:
            raise ParameterError(
                "outside the survey", where=f"survey_bound, {key}", value=value, remedy=f"{low:g} to {high:g}"
            )
    merit = min(180.14159, 302.73870 - 6.4607909 * math.log(rate))
    energy = 0.5 * 10 ** ((6.02 * bits + 1.76 - merit) / 10)
    area = math.exp(
        0.79732396 * math.log(node)
        + 0.066658519 * math.log(rate)
        - 0.13437279 * bits
        + 0.42365718 * math.log(energy * 1e12)
        + 4.8505671
    )
    return ConverterCost(
        energy=energy,
        time=1 / rate,
        area=area * 1e-12,
        source=SURVEY,
        validity="best of the surveyed designs, not a typical one",
    )


def cost_table(adcs: list[Adc], column_resistance: float) -> Table:
    """Return the cost of converters side by side."""
    rows: list[list[Cell]] = []
    for adc in adcs:
        cost = converter_cost(adc, column_resistance)
        scaled = [
            None if v is None else v * k
            for v, k in ((cost.energy, 1e15), (cost.time, 1e9), (cost.area, 1e12))
        ]
        rows.append([adc.kind, adc.bits, *scaled, cost.source])
    columns: list[Column | str] = [
        "kind",
        "bits",
        Column("energy", "fJ"),
        Column("time", "ns"),
        Column("area", "um^2"),
        "source",
    ]
    return Table(f"Conversions at a column resistance of {column_resistance:g} ohm, 45 nm", columns, rows)
