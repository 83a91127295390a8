"""The dropout module without a simulator: resistors for transistors, the same master equation, the same measures.

For tests, documentation and machines without ngspice. The bridge is a series resistance in each direction, the latch
decides at once; the numbers are near those of the circuit, not equal to them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .dropout_cycle import DRIVERS, SUPPLIES, TRACK, Timing
from .dropout_measures import switching_model
from .read_noise import node_voltage
from .simulator import AnalyticSimulator
from .simulator.deck import Deck

Array = NDArray[np.float64]
BRIDGE_SET, BRIDGE_RESET = 3.9e3, 1.55e3
"""Resistance of the conducting pair of transistors in SET and RESET [ohm]; of the order of cmos40lp's."""


def analytic_simulator(timing: Timing | None = None) -> AnalyticSimulator:
    """Return a simulator that answers the decks of :class:`DropoutModuleBench` from closed forms.

    Parameters
    ----------
    timing : Timing, optional
        Phase plan of the bench; must be the bench's own.

    Examples
    --------
    >>> from spinbnn.characterize import Flow, run_flow
    >>> flow = Flow.load("dropout_module").with_axes(draw={"count": 1}, temperature={"values": ["25 degC"]}, corner={"values": ["tt"]})
    >>> table = run_flow(flow, simulator=analytic_simulator())
    >>> table.complete, bool(0.0 <= table.values("p_drop").min() <= table.values("p_drop").max() <= 1.0)
    (True, True)
    """
    plan = timing or Timing()
    return AnalyticSimulator(lambda deck: _waveforms(deck, plan))


def _waveforms(deck: Deck, t: Timing) -> dict[str, Array]:
    d = deck.parameters
    time = np.linspace(0.0, t.stop, round(t.stop / (0.5 * t.max_step)) + 1)
    set_shape = _trapezoid(time, t.set_at, t.set, t.edge)
    reset_shape = _trapezoid(time, t.reset_at, t.reset, t.edge)
    set_current = (d["set_current"] if "set_current" in d else d["set_voltage"] / (d["rtrack"] + BRIDGE_SET)) * set_shape
    reset_current = d["supply"] / (d["rtrack"] + BRIDGE_RESET) * reset_shape
    current = set_current - reset_current
    out: dict[str, Array] = {"time": time, TRACK: current}
    out |= {f"i(v{name})": np.zeros_like(time) for name in SUPPLIES} | {f"v({name})": np.zeros_like(time) for name in DRIVERS}
    out["i(vvset)"], out["i(vvdd)"] = -set_current, -reset_current
    out["v(p0)"], out["v(p1)"] = _master_equation(time, current, d)
    return out | _read_out(time, d, t)


def _trapezoid(time: Array, start: float, width: float, edge: float) -> Array:
    return np.interp(time, [start, start + edge, start + width - edge, start + width], [0.0, 1.0, 1.0, 0.0], left=0.0, right=0.0)


def _master_equation(time: Array, current: Array, d: Mapping[str, float]) -> tuple[Array, Array]:
    """Step dP/dt = k_up (1 - P) - k_down P exactly for the rates at each step's middle, from P = 0 and P = 1."""
    model = switching_model(d)
    up, down = model.rates(0.5 * (current[1:] + current[:-1]))  # the numbers of the deck hold at its temperature
    total, step = up + down, np.diff(time)
    decay, rest = np.exp(-total * step), up / total
    curves = []
    for start in (0.0, 1.0):
        p = np.empty_like(time)
        p[0] = start
        for k in range(step.size):
            p[k + 1] = rest[k] + (p[k] - rest[k]) * decay[k]
        curves.append(p)
    return curves[0], curves[1]


def _read_out(time: Array, d: Mapping[str, float], t: Timing) -> dict[str, Array]:
    """Settle the divider at once; TMR(V) by a few fixed-point steps."""
    rd, rf, op, on = (np.zeros_like(time) for _ in range(4))
    for state, start in enumerate(t.read_at):
        reference = node_voltage(d, "reference")
        volts = node_voltage(d, "antiparallel" if state else "parallel")
        window = (time >= start) & (time <= start + t.read)
        rd[window], rf[window] = volts, reference
        sensed = (time >= start + t.read - t.sense + t.edge) & (time <= start + t.read)
        high, low = (op, on) if volts > reference else (on, op)
        high[sensed], low[sensed] = d["supply"], 0.0
    return {"v(rd)": rd, "v(rf)": rf, "v(op)": op, "v(on)": on}
