"""DC figures of merit of one transistor: drive, leakage, threshold, subthreshold slope and DIBL.

The transistor stands in the deck as every deck has it: through the wrapper ``nfet`` or ``pfet`` of
`spinbnn.circuit.technology.Technology.preamble`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ParameterError, SimulationError
from ..units import spice_number
from .simulator.deck import Deck, Simulator
from .technology import Technology

Polarity = Literal["n", "p"]
FloatArray = NDArray[np.float64]

VECTORS = ("v(g)", "i(vdlin)", "i(vdsat)")
"""Vectors that :func:`dc_deck` saves: gate voltage [V] and the two drain-source branch currents [A]."""

THRESHOLD_CURRENT = 100e-9
"""Current density of the constant-current threshold, Id = THRESHOLD_CURRENT * W/L [A]."""

SLOPE_WINDOW = (1e-3, 1e-1)
"""Window of the slope fit, as fractions of the threshold current: two decades below the threshold."""

GMIN = 1e-18
"""Conductance ngspice puts across each junction of the bench [S]; its default 1e-12 S would add 1.1 pA."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransistorFigures:
    """DC figures of one transistor. All are magnitudes: a PMOS has positive values as well.

    Parameters
    ----------
    ion : float
        Drain current over width at Vgs = Vds = VDD [A/m].
    ioff : float
        Drain current over width at Vgs = 0, Vds = VDD [A/m].
    vth_lin : float
        Constant-current threshold at the low drain voltage, Id = 100 nA * W/L [V].
    vth_sat : float
        Constant-current threshold at Vds = VDD [V].
    slope : float
        Subthreshold slope dVgs/dlog10(Id) at Vds = VDD, fitted over two decades below the threshold; NaN where the
        leakage at Vgs = 0 lies above those decades [V/dec].
    dibl : float
        (vth_lin - vth_sat) / (VDD - Vds_lin) [V/V].

    Examples
    --------
    >>> f = TransistorFigures(ion=666.0, ioff=1e-5, vth_lin=0.6, vth_sat=0.5, slope=0.093, dibl=0.095)
    >>> f"{f.ion:.0f} uA/um, {f.ioff * 1e6:.0f} pA/um, {f.slope * 1e3:.0f} mV/dec"
    '666 uA/um, 10 pA/um, 93 mV/dec'
    """

    ion: float
    ioff: float
    vth_lin: float
    vth_sat: float
    slope: float
    dibl: float


def dc_deck(
    technology: Technology,
    polarity: Polarity,
    *,
    vdd: float | None = None,
    width: float = 1e-6,
    length: float | None = None,
    temperature: float = 300.15,
    corner: str = "tt",
    vth_shift: float = 0.0,
    mobility: float = 1.0,
    vds_lin: float = 0.05,
    step: float = 5e-3,
) -> Deck:
    """Return the deck that sweeps the gate of two equal transistors, at ``vds_lin`` and at ``vdd``.

    Source and bulk are grounded; for ``polarity="p"`` gate and drains go negative. The deck saves
    :data:`VECTORS`, and its ``parameters`` hold the numbers it was made from.

    Parameters
    ----------
    technology : Technology
        Whose transistor.
    polarity : {"n", "p"}
        Channel type.
    vdd : float, optional
        Supply, end of the gate sweep and the high drain voltage; the technology's supply by default [V].
    width : float
        Drawn gate width [m].
    length : float, optional
        Drawn gate length; the technology's by default [m].
    temperature : float
        Device temperature [K].
    corner : str
        Process corner: its shifts, and its section of a foundry's library.
    vth_shift : float
        Shift of the threshold's magnitude beyond the corner's; positive makes either polarity slower [V].
    mobility : float
        Factor of the low-field mobility beyond the corner's.
    vds_lin : float
        The low drain voltage [V].
    step : float
        Largest step of the gate sweep; a whole number of steps leads to vdd [V].

    Returns
    -------
    Deck

    Raises
    ------
    ParameterError
        For a polarity other than n and p, a corner that does not exist, a size that no model of the library holds, or a
        dimension, voltage, factor or temperature out of range.

    Examples
    --------
    >>> deck = dc_deck(Technology.load("cmos40lp"), "p", vth_shift=0.03)
    >>> print("\\n".join(deck.text.splitlines()[-6:]))
    Xlin dlin g 0 0 pfet w=1e-06 l=4e-08 dvt=0.03 mu=1.0
    Xsat dsat g 0 0 pfet w=1e-06 l=4e-08 dvt=0.03 mu=1.0
    Vg g 0 0
    Vdlin dlin 0 -0.05
    Vdsat dsat 0 -1.1
    .dc Vg 0 -1.1025 -0.005
    """
    sign = _sign(polarity)
    vdd = technology.supply if vdd is None else vdd
    length = technology.gate_length if length is None else length
    positive = {"vdd": vdd, "width": width, "length": length, "temperature": temperature}
    positive |= {"mobility": mobility, "vds_lin": vds_lin, "step": step}
    for name, value in positive.items():
        if not (np.isfinite(value) and value > 0):
            raise ParameterError(
                "must be a finite number > 0",
                where=f"dc_deck, {name}",
                value=value,
                remedy="give it in SI units",
            )
    if vds_lin >= vdd:
        raise ParameterError(
            "the low drain voltage must lie below vdd",
            where="dc_deck, vds_lin",
            value=vds_lin,
            remedy="use 0.05",
        )
    gate_step = vdd / float(np.ceil(vdd / step * (1 - 1e-9)))
    gate_end = vdd + 0.5 * gate_step  # half a step beyond, so that rounding cannot drop the last point
    shape = f"w={spice_number(width)} l={spice_number(length)} dvt={spice_number(vth_shift)}"
    wrapper = f"{polarity}fet {shape} mu={spice_number(mobility)}"
    lines = [
        f"Xlin dlin g 0 0 {wrapper}",
        f"Xsat dsat g 0 0 {wrapper}",
        "Vg g 0 0",
        f"Vdlin dlin 0 {spice_number(sign * vds_lin)}",
        f"Vdsat dsat 0 {spice_number(sign * vdd)}",
        f".dc Vg 0 {spice_number(sign * round(gate_end, 15))} {spice_number(sign * round(gate_step, 15))}",
    ]
    body = "\n".join(lines)
    return Deck(
        text=f"{technology.preamble(body, corner=corner)}\n{body}",
        name=f"gate sweep of {technology.name} {polarity}fet",
        save=VECTORS,
        temperature_c=round(temperature - 273.15, 9),
        options={"gmin": GMIN, "abstol": 1e-18, "reltol": 1e-6},
        parameters={**positive, "vth_shift": vth_shift},
    )


def figures_from_sweep(
    gate: ArrayLike,
    current_lin: ArrayLike,
    current_sat: ArrayLike,
    *,
    vdd: float,
    width: float = 1e-6,
    length: float = 40e-9,
    vds_lin: float = 0.05,
) -> TransistorFigures:
    """Evaluate two transfer characteristics, given as magnitudes.

    The threshold is the gate voltage at which Id = 100 nA * W/L, found by linear interpolation of
    log10(Id). The slope is the least-squares line of Vgs against log10(Id) in :data:`SLOPE_WINDOW`.

    Parameters
    ----------
    gate : array_like, shape (N,)
        |Vgs|, rising from 0 to vdd [V].
    current_lin, current_sat : array_like, shape (N,)
        |Id| at Vds = vds_lin and at Vds = vdd [A].
    vdd : float
        Supply [V].
    width, length : float
        Drawn gate width and length [m].
    vds_lin : float
        The low drain voltage [V].

    Returns
    -------
    TransistorFigures

    Raises
    ------
    SimulationError
        If the sweep does not rise from 0 to vdd, a current is not finite, or the threshold is not crossed.

    Examples
    --------
    An exponential of 90 mV/dec that passes 2.5 uA (100 nA * 25) at 0.50 V, and at 0.605 V when Vds is low:

    >>> v = np.linspace(0.0, 1.1, 111)
    >>> sat, lin = 2.5e-6 * 10 ** ((v - 0.5) / 0.09), 2.5e-6 * 10 ** ((v - 0.605) / 0.09)
    >>> f = figures_from_sweep(v, lin, sat, vdd=1.1)
    >>> round(f.vth_sat, 6), round(f.slope, 6), round(f.dibl, 6)
    (0.5, 0.09, 0.1)
    """
    v, lin, sat = (np.asarray(a, dtype=np.float64) for a in (gate, current_lin, current_sat))
    if not (v.ndim == 1 and v.size >= 3 and v.shape == lin.shape == sat.shape):
        raise SimulationError(
            "gate voltage and currents must be one-dimensional and equally long",
            where="figures_from_sweep",
            value=(v.shape, lin.shape, sat.shape),
        )
    if abs(v[0]) > 1e-9 or abs(v[-1] - vdd) > 1e-6 * vdd or np.any(np.diff(v) <= 0):
        raise SimulationError(
            "the gate sweep must rise from 0 to vdd",
            where="figures_from_sweep, gate",
            value=(float(v[0]), float(v[-1])),
            remedy="pass magnitudes; check that the simulation reached the end of its sweep",
        )
    if not (np.all(np.isfinite(lin)) and np.all(np.isfinite(sat))):
        raise SimulationError("a drain current is not finite", where="figures_from_sweep")
    critical = THRESHOLD_CURRENT * width / length
    vth_lin = _crossing(v, lin, critical, "current_lin")
    vth_sat = _crossing(v, sat, critical, "current_sat")
    slope = _slope(v, sat, critical)
    return TransistorFigures(
        ion=float(sat[-1]) / width,
        ioff=float(sat[0]) / width,
        vth_lin=vth_lin,
        vth_sat=vth_sat,
        slope=slope,
        dibl=(vth_lin - vth_sat) / (vdd - vds_lin),
    )


def _slope(gate: FloatArray, current: FloatArray, critical: float) -> float:
    """Slope in the window below the threshold current; NaN if leakage hides the window."""
    low, high = (fraction * critical for fraction in SLOPE_WINDOW)
    if current[0] >= low:
        return float("nan")
    first, last = (_crossing(gate, current, level, "current_sat") for level in (low, high))
    window = np.linspace(first, last, 21)
    return 1.0 / float(np.polyfit(window, np.interp(window, gate, _log10(current)), 1)[0])


def measure_transistor(
    simulator: Simulator, technology: Technology, polarity: Polarity, **bench: Any
) -> TransistorFigures:
    """Simulate the bench of one transistor and evaluate it.

    Parameters
    ----------
    simulator : Simulator
        Any object with ``run(decks)``.
    technology : Technology
        Whose transistor.
    polarity : {"n", "p"}
        Channel type.
    **bench
        Keyword arguments of :func:`dc_deck`.

    Returns
    -------
    TransistorFigures

    Raises
    ------
    ParameterError
        See :func:`dc_deck`.
    SimulationError
        If the simulation failed, or see :func:`figures_from_sweep`.

    Examples
    --------
    A formula in place of ngspice: a transistor that is an exponential at both drain voltages.

    >>> from spinbnn.circuit.simulator import AnalyticSimulator
    >>> def exponential(deck):
    ...     v = np.linspace(0.0, deck.parameters["vdd"], 221)
    ...     return {"v(g)": v, "i(vdlin)": -1e-11 * 10 ** (v / 0.1), "i(vdsat)": -2e-11 * 10 ** (v / 0.1)}
    >>> f = measure_transistor(AnalyticSimulator(exponential), Technology.load("cmos40lp"), "n")
    >>> round(f.slope, 6), round(f.ioff, 9)
    (0.1, 2e-05)
    """
    deck, sign = dc_deck(technology, polarity, **bench), _sign(polarity)
    (result,) = simulator.run([deck])
    waveforms = result.require().waveforms
    gate, lin, sat = (sign * waveforms[name] for name in VECTORS)
    geometry = {name: deck.parameters[name] for name in ("vdd", "width", "length", "vds_lin")}
    return figures_from_sweep(gate, -lin, -sat, **geometry)


def _sign(polarity: str) -> int:
    """Return +1 for an NMOS, -1 for a PMOS."""
    if polarity not in ("n", "p"):
        raise ParameterError(
            "unknown channel type", where="polarity", value=polarity, remedy="use 'n' or 'p'"
        )
    return 1 if polarity == "n" else -1


def _log10(current: FloatArray) -> FloatArray:
    """Decimal logarithm with non-positive currents (numerical noise of the off state) set to 1e-30 A."""
    return np.asarray(np.log10(np.maximum(current, 1e-30)), dtype=np.float64)


def _crossing(gate: FloatArray, current: FloatArray, level: float, name: str) -> float:
    """Gate voltage of the first rise through ``level``, linear in log10(current)."""
    above = current >= level
    if above[0] or not above[-1]:
        raise SimulationError(
            "the drain current does not rise through the level",
            where=f"figures_from_sweep, {name}",
            value=(float(current[0]), level, float(current[-1])),
            remedy="check polarity, model and supply; values: first, wanted and last current in A",
        )
    k = int(np.argmax(above))
    y0, y1 = _log10(current[k - 1 : k + 1])
    return float(gate[k - 1] + (gate[k] - gate[k - 1]) * (np.log10(level) - y0) / (y1 - y0))
