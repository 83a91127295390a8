"""What is read off one simulated cycle of the dropout module: 33 measures of its waveforms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..device import ThermalSwitching
from ..errors import SimulationError
from . import waveform
from .dropout_cycle import DRIVERS, TRACK, Timing

Array = NDArray[np.float64]

MEASURES: dict[str, tuple[str, str]] = {
    "p_set": ("1", "probability that SET takes place, from state 0 before SET: the rates integrated over the track current until the latch is enabled (the tail of SET may reach into READ)"),
    "p_reset_fail": ("1", "probability that RESET leaves state 1 standing, from state 1 (epsilon)"),
    "transition_01": ("1", "a: probability of bit 1 after the cycle, from bit 0 before it"),
    "transition_11": ("1", "b: probability of bit 1 after the cycle, from bit 1 before it"),
    "p_drop": ("1", "stationary probability of bit 1 (DROP), a/(1 - b + a); NaN if 1 - b + a < 1e-6: nothing switches"),
    "correlation": ("1", "lag-1 correlation of successive bits, b - a"),
    "current_set": ("A", "track current, mean over 50-85 % of the SET pulse"),
    "current_reset": ("A", "track current, mean over 50-85 % of the RESET pulse (magnitude)"),
    "rise_set": ("s", "10-90 % rise time of the SET current"),
    "fall_set": ("s", "90-10 % fall time of the SET current"),
    "rise_reset": ("s", "10-90 % rise time of the RESET current"),
    "fall_reset": ("s", "90-10 % fall time of the RESET current"),
    "peak_set": ("A", "largest track current from the start of SET until the latch is enabled"),
    "peak_reset": ("A", "largest track current (magnitude) from the start of RESET to the middle of the gap behind it"),
    "latency_set": ("s", "from the start of the SET pulse at its source to the end of the current, at a tenth of current_set"),
    "latency_reset": ("s", "from the start of the RESET pulse at its source to the end of the current, at a tenth of current_reset"),
    "current_peak": ("A", "largest magnitude of the track current in the cycle"),
    "energy_reset": ("J", "energy from all sources in RESET and half the gap behind it; a gate driver draws the supply voltage times the charge it delivers while it pulls up, and recovers nothing"),
    "energy_set": ("J", "energy from all sources in SET and half the gaps before and behind it; the SET rail counts as an ideal supply, gates as in energy_reset"),
    "energy_read": ("J", "energy from all sources in READ and half the rests before and behind it, averaged over the bit with p_drop; gates as in energy_reset"),
    "energy_cycle": ("J", "energy from all sources of one cycle: RESET + SET + READ"),
    "energy_track": ("J", "energy dissipated in the track from the start of RESET until the latch is enabled"),
    "latency_read": ("s", "from read enable to a valid decision (90 % of the supply), slower of the two states; NaN if undecided"),
    "latency_cycle": ("s", "from the start of the RESET pulse at its source to the valid decision of the READ behind SET, the rests between the phases included; NaN if undecided"),
    "latency_sense": ("s", "from the enable of the sense amplifier to a valid decision (90 % of the supply), slower of the two states; NaN if undecided"),
    "margin_0": ("V", "reference minus data node just before sensing, parallel junction"),
    "margin_1": ("V", "data node minus reference just before sensing, antiparallel junction"),
    "read_ok": ("1", "1 if both states are read correctly, else 0"),
    "sense_offset": ("V", "input difference (data minus reference) at which the decision of this module's latch turns, from its drawn mismatch by the sensitivities of the design; 0 without mismatch"),
    "slack_0": ("V", "margin_0 plus sense_offset: what is left for noise, parallel junction"),
    "slack_1": ("V", "margin_1 minus sense_offset: what is left for noise, antiparallel junction"),
    "wrong_decision": ("1", "probability of a wrong decision, both states equally likely: of this module's own latch by its noise; without mismatch, over latches of the design by spread and noise"),
    "leakage_power": ("W", "power from all sources at rest, the operating point that the transient starts from; a reference that wakes up before RESET (`bias.wake`) is still off"),
}
"""Every measure of the bench: unit and definition."""

SLACK = 1e-6
"""How far an integrated probability may leave [0, 1] before it is refused, and the smallest 1 - b + a that p_drop is told for."""


def measures(waves: Mapping[str, Array], timing: Timing, *, supply: float, set_voltage: float | None, device: Mapping[str, float], latch: Latch | None = None) -> dict[str, float]:
    """Return every measure of :data:`MEASURES`, in SI units.

    Parameters
    ----------
    waves : mapping of str to ndarray, shape (points,)
        ``time`` [s], the track current, the nodes p0, p1, rd, rf, op, on and, of every source of
        :data:`~spinbnn.circuit.dropout_cycle.SUPPLIES`, the current; of the gate drivers also the voltage.
    timing : Timing
        Phase plan of the cycle.
    supply : float
        Supply [V].
    set_voltage : float or None
        Rail of the SET leg; None where the SET leg hangs on the supply [V].
    latch : Latch, optional
        Offset and noise of the sense amplifier; by default an ideal one.
    device : mapping of str to float
        The numbers of the cell ``sot_mtj`` (rtrack, delta, tau0, ic0, back, exact), in SI units.

    Raises
    ------
    SimulationError
        If a waveform is too short, or a probability leaves [0, 1] by more than 1e-6.
    """
    t, time, current = timing, waves["time"], waves[TRACK]
    power = source_power(waves, supply=supply, set_voltage=set_voltage)
    out = _transitions(waves, t, device)
    for name, start, pulse, before, after in (("reset", t.reset_at, t.reset, 0.0, t.gap), ("set", t.set_at, t.set, t.gap, t.rest)):
        out[f"energy_{name}"] = waveform.integral(time, power, start - before / 2, start + pulse + after / 2)
        out[f"current_{name}"] = abs(waveform.mean(time, current, start + 0.5 * pulse, start + 0.85 * pulse))
    befores = (t.rest, min(t.rest, t.between))  # the rest between the two READs of the bench may be shorter
    reads = [waveform.integral(time, power, start - before / 2, start + t.read + t.gap / 2) for start, before in zip(t.read_at, befores, strict=True)]
    out["energy_read"] = (1 - out["p_drop"]) * reads[0] + out["p_drop"] * reads[1]
    out["energy_cycle"] = out["energy_reset"] + out["energy_set"] + out["energy_read"]
    out["energy_track"] = device["rtrack"] * waveform.integral(time, current**2, t.reset_at, t.sense_at[0])
    out["current_peak"] = float(np.max(np.abs(current)))
    out["leakage_power"] = float(power[0])
    out |= _edges(time, current, t, out) | _read_out(waves, t, supply)
    latch = latch or Latch()
    slack = latch.slack(out["margin_0"], out["margin_1"])
    return out | {"sense_offset": latch.offset, "slack_0": slack[0], "slack_1": slack[1], "wrong_decision": wrong_decision(*slack, latch.spread, latch.noise)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Latch:
    """Offset and noise of a sense amplifier.

    Parameters
    ----------
    offset : float
        Input difference (data minus reference) at which the decision of this latch turns; 0 for one that is not drawn [V].
    spread : float
        Standard deviation of the offset, of a latch that is not drawn; 0 for one that is [V].
    noise : float
        Input-referred noise, rms [V].
    """

    offset: float = 0.0
    spread: float = 0.0
    noise: float = 0.0

    def slack(self, margin_0: float, margin_1: float) -> tuple[float, float]:
        """Return what the offset leaves of both margins [V].

        Examples
        --------
        >>> Latch(offset=0.25).slack(0.5, 0.5)
        (0.75, 0.25)
        """
        return margin_0 + self.offset, margin_1 - self.offset


def wrong_decision(slack_0: float, slack_1: float, spread: float, noise: float = 0.0) -> float:
    r"""Return the probability of a wrong decision, both states equally likely [1].

    .. math:: P = \tfrac12 [Q(s_0/\sigma) + Q(s_1/\sigma)], \qquad \sigma^2 = \sigma_\mathrm{os}^2 + \sigma_n^2, \qquad
              Q(x) = \tfrac12 \mathrm{erfc}(x/\sqrt2)

    Of a drawn latch the offset is in the slacks, the spread is 0, and noise alone decides by chance: P is the rate of wrong
    decisions of this module. Of one that is not drawn, P is the mean of that rate over latches.

    Parameters
    ----------
    slack_0, slack_1 : float
        Differences at the latch just before sensing, less its own offset, positive when they point to the right decision [V].
    spread : float
        Standard deviation of the offset over latches [V].
    noise : float
        Input-referred noise, rms [V]. Without spread and noise P is a sum of steps.

    Examples
    --------
    >>> f"{wrong_decision(0.03, 0.03, 0.01):.5f}", f"{wrong_decision(0.03, 0.03, 0.008, 0.006):.5f}", wrong_decision(0.03, -0.01, 0.0)
    ('0.00135', '0.00135', 0.5)
    """
    if math.isnan(slack_0) or math.isnan(slack_1):
        return math.nan
    sigma = math.hypot(spread, noise)
    tails = [0.5 * math.erfc(m / sigma / math.sqrt(2)) if sigma > 0 else float(m <= 0) for m in (slack_0, slack_1)]
    return 0.5 * sum(tails)


def _edges(time: Array, current: Array, t: Timing, out: Mapping[str, float]) -> dict[str, float]:
    """Return edges and latencies of the track current in SET and RESET.

    The tail of SET may reach into READ, where the rest between them is short; it is followed until the latch is enabled.
    """
    found = {}
    for name, sign, start, pulse, end in (("set", 1.0, t.set_at, t.set, t.sense_at[0]), ("reset", -1.0, t.reset_at, t.reset, t.reset_at + t.reset + t.gap / 2)):
        wave, level = sign * current, out[f"current_{name}"]
        found[f"rise_{name}"] = waveform.rise_time(time, wave, 0.0, level, start, start + 0.5 * pulse)
        found[f"fall_{name}"] = waveform.rise_time(time, wave, level, 0.0, start + 0.85 * pulse, end)
        found[f"latency_{name}"] = waveform.crossing(time, wave, 0.1 * level, start + 0.85 * pulse, end, rising=False) - start
        found[f"peak_{name}"] = float(np.max(waveform.window(time, wave, start, end)[1]))
    return found


def source_power(waves: Mapping[str, Array], *, supply: float, set_voltage: float | None) -> Array:
    """Return the power that all sources deliver, shape (points,) [W].

    Rails deliver V times the current out of them. A gate driver delivers :func:`driver_power`.
    """
    power = -supply * waves["i(vvdd)"]
    if set_voltage is not None:
        power = power - set_voltage * waves["i(vvset)"]
    for name in DRIVERS:
        power = power + driver_power(waves[f"v({name})"], waves[f"i(v{name})"], supply)
    return np.asarray(power)


def driver_power(volts: Array, current: Array, supply: float) -> Array:
    """Return the power that a gate driver draws from the supply, shape (points,) [W].

    While the gate rises, its pull-up connects it to the supply: the power is the supply voltage times the current into
    the gate, so that a gate of capacitance C costs C V^2. At the supply level only current out of the driver counts, and
    what flows back is lost. While the gate falls or rests at ground nothing comes from the supply: what the circuit
    kicks back is the business of the pull-down.

    Parameters
    ----------
    volts, current : ndarray, shape (points,)
        Voltage of the gate source [V] and the current into its positive end [A].
    supply : float
        Supply [V].

    Examples
    --------
    A gate of 1 fF rises to 1 V within 1 s, and falls again:

    >>> volts, current = np.array([0.0, 0.0, 1.0, 1.0, 0.0]), np.array([0.0, -1e-15, -1e-15, 0.0, 1e-15])
    >>> driver_power(volts, current, 1.0).tolist()
    [0.0, 1e-15, 1e-15, 0.0, 0.0]
    """
    climbs = np.diff(volts) > 1e-9 * supply
    rising = np.append(climbs, False) | np.insert(climbs, 0, False)
    holding = (volts >= supply * (1 - 1e-6)) & (current < 0)
    return np.where(rising | holding, -supply * current, 0.0)


def switching_probability(time: Array, current: Array, device: Mapping[str, float], start: float, stop: float) -> float:
    """Return P(state 1) at ``stop`` from state 0 at ``start``, under a sampled track current [1].

    Integrates ``dP/dt = k_up (1 - P) - k_down P`` exactly for rates that are constant within each step; they are averaged over the
    step by Simpson's rule. It does not use the nodes p0 and p1, from which the SET alone cannot be told once RESET has
    merged them.

    Parameters
    ----------
    time, current : ndarray, shape (points,)
        Sample times [s] and track current [A].
    device : mapping of str to float
        delta, tau0, ic0, back and exact as the cell ``sot_mtj`` takes them, at the temperature of the run.
    start, stop : float
        Window [s].

    Examples
    --------
    >>> device = {"delta": 40.0, "tau0": 1e-9, "ic0": 500e-6, "back": 0.0, "exact": 1.0}
    >>> time = np.linspace(0.0, 10e-9, 11)
    >>> round(switching_probability(time, np.full(11, 250e-6), device, 0.0, 1e-9), 6)  # no barrier: 1 - 1/e
    0.632121
    """
    moments, at_ends = waveform.window(time, current, start, stop)
    model = switching_model(device)
    ends = np.asarray(model.rates(at_ends))  # the numbers hold at the temperature of the run
    middle = np.asarray(model.rates(0.5 * (at_ends[1:] + at_ends[:-1])))
    up, down = (ends[:, 1:] + 4 * middle + ends[:, :-1]) / 6
    exponent = (up + down) * np.diff(moments)
    share = np.divide(up, up + down, out=np.zeros_like(up), where=up + down > 0)
    left = np.cumsum(exponent[::-1])[::-1] - exponent  # what the later steps forget
    return float(np.sum(-np.expm1(-exponent) * share * np.exp(-left)))


def switching_model(device: Mapping[str, float]) -> ThermalSwitching:
    """Return the rates that the cell ``sot_mtj`` has with these numbers; call them without a temperature."""
    return ThermalSwitching(
        delta=device["delta"], attempt_time=device["tau0"], critical_current=device["ic0"],
        saturation=1.0 / (1.0 + device["back"]), barrier="exact" if device["exact"] > 0.5 else "seed",
    )  # fmt: skip


def _transitions(waves: Mapping[str, Array], t: Timing, device: Mapping[str, float]) -> dict[str, float]:
    """Return the probabilities of SET, of RESET and of the whole cycle."""
    time = waves["time"]
    before_set, after_set, end = t.set_at - t.gap / 2, t.sense_at[0], t.read_at[1] - 0.75 * t.gap
    a = _probability("transition_01", waveform.at(time, waves["v(p0)"], end))
    b = _probability("transition_11", waveform.at(time, waves["v(p1)"], end))
    return {
        "p_set": switching_probability(time, waves[TRACK], device, before_set, after_set),
        "p_reset_fail": _probability("p_reset_fail", waveform.at(time, waves["v(p1)"], before_set)),
        "transition_01": a,
        "transition_11": b,
        "p_drop": a / (1.0 - b + a) if 1.0 - b + a >= SLACK else math.nan,
        "correlation": b - a,
    }


def _probability(name: str, value: float) -> float:
    if not -SLACK <= value <= 1 + SLACK:
        raise SimulationError("an integrated probability has left [0, 1]", where=f"dropout module, {name}", value=value, remedy="shorten timing.max_step; look at v(p0) and v(p1) of this sample")
    return min(max(value, 0.0), 1.0)


def _read_out(w: Mapping[str, Array], t: Timing, supply: float) -> dict[str, float]:
    """Return margins and decisions of the two READ windows."""
    time, signal = w["time"], w["v(rd)"] - w["v(rf)"]
    margins, delays, right = [], [], []
    for state, start in enumerate(t.read_at):
        sense_at, end = start + t.read - t.sense, start + t.read - 2 * t.edge
        difference = w["v(op)"] - w["v(on)"] if state else w["v(on)"] - w["v(op)"]
        margins.append((1 if state else -1) * waveform.at(time, signal, sense_at))
        delays.append(waveform.crossing(time, difference, 0.9 * supply, sense_at, end) - start)
        right.append(waveform.at(time, difference, end) > 0.9 * supply)
    latency = math.nan if any(math.isnan(d) for d in delays) else max(delays)
    return {
        "margin_0": margins[0],
        "margin_1": margins[1],
        "read_ok": float(all(right)),
        "latency_read": latency,
        "latency_sense": latency - (t.read - t.sense),
        "latency_cycle": t.read_at[0] - t.reset_at + latency,
    }

