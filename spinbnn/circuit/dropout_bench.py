"""Bench of the dropout module: one RESET, SET and READ cycle in one deterministic transient.

Phases: RESET (state 1 -> 0), SET (0 -> 1 with probability p), READ of a parallel junction, READ of an antiparallel one.
The junction's electrical state is a stimulus, so that one run measures both read-outs; the random state itself lives
in the master-equation nodes p0 and p1 of the cell ``sot_mtj``, which see the real track current.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..device import DeviceParams, SwitchingModel
from ..errors import ParameterError, suggest
from ..units import spice_number
from . import waveform
from .cell import Cell
from .simulator.deck import Deck, SimulationResult
from .technology import Technology

MEASURES: dict[str, tuple[str, str]] = {
    "p_set": ("1", "probability that SET takes place, from state 0 before SET"),
    "p_reset_fail": ("1", "probability that RESET leaves state 1 standing, from state 1 (epsilon)"),
    "transition_01": ("1", "a: probability of bit 1 after the cycle, from bit 0 before it"),
    "transition_11": ("1", "b: probability of bit 1 after the cycle, from bit 1 before it"),
    "p_drop": ("1", "stationary probability of bit 1 (DROP), a/(1 - b + a)"),
    "correlation": ("1", "lag-1 correlation of successive bits, b - a"),
    "current_set": ("A", "track current in the flat part of SET"),
    "current_reset": ("A", "track current in the flat part of RESET (magnitude)"),
    "rise_set": ("s", "10-90 % rise time of the SET current"),
    "current_peak": ("A", "largest magnitude of the track current in the cycle"),
    "energy_reset": ("J", "energy from all sources in the RESET window; gate charge is not recovered"),
    "energy_set": ("J", "energy from all sources in the SET window; the SET rail counts as an ideal supply"),
    "energy_read": ("J", "energy from all sources in a READ window, averaged over the bit with p_drop"),
    "energy_cycle": ("J", "energy from all sources of one cycle: RESET + SET + READ"),
    "energy_track": ("J", "energy dissipated in the track during RESET and SET"),
    "latency_read": ("s", "from read enable to a valid decision (90 % of the supply), slower of the two states; NaN if undecided"),
    "latency_cycle": ("s", "RESET pulse + SET pulse + latency_read"),
    "margin_0": ("V", "reference minus data node just before sensing, parallel junction"),
    "margin_1": ("V", "data node minus reference just before sensing, antiparallel junction"),
    "read_ok": ("1", "1 if both states are read correctly, else 0"),
    "leakage_power": ("W", "power from all sources at rest, before RESET"),
}
"""Every measure of this bench: unit and definition."""

SUPPLIES = ("vdd", "vset", "gp1", "gn1", "gp2", "gn2", "reb", "enb")
"""Sources whose delivered energy is counted. The stimulus of the electrical state is not a physical source."""

WIDTHS = {"p1": 1.0e-6, "n1": 1.6e-6, "p2": 1.6e-6, "n2": 1.6e-6}
HEADER_WIDTH = 0.3e-6
SENSE_TRANSISTORS = {"i1": ("p", 2.4e-6), "i2": ("p", 2.4e-6), "c1": ("p", 1.6e-6), "c2": ("p", 1.6e-6),
                     "q1": ("n", 0.8e-6), "q2": ("n", 0.8e-6), "t": ("p", 3.2e-6)}  # fmt: skip
"""Polarity and width [m] of the sense-amplifier transistors whose mismatch is drawn."""
SENSE_LENGTH = 80e-9
"""Gate length of the sense amplifier [m]."""
REFERENCE = (3.0, 2.52, 1.08)
"""Resistor above the junction and reference divider (top, bottom), over the nominal parallel resistance.

The divider has the source resistance of the data node (0.75 R_P), so that both inputs of the latch settle and are kicked
back alike; with a divider of 0.21 R_P three reads in four went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Phase plan of the cycle; every time in seconds."""

    lead: float = 0.5e-9
    reset: float = 5e-9
    set: float = 10e-9
    read: float = 7e-9
    sense: float = 2e-9
    gap: float = 1e-9
    edge: float = 50e-12
    max_step: float = 50e-12

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ParameterError("a time must be > 0", where=f"timing.{name}", value=value, remedy="give seconds, e.g. '5 ns'")
        if min(self.reset, self.set, self.gap, self.lead) <= 2 * self.edge or self.sense + 4 * self.edge >= self.read:
            raise ParameterError("the phases are too short for their edges", where="timing", value=str(self), remedy="lengthen the phases or shorten 'edge'")

    @property
    def reset_at(self) -> float:
        """Start of RESET [s]."""
        return self.lead

    @property
    def set_at(self) -> float:
        """Start of SET [s]."""
        return self.lead + self.reset + self.gap

    @property
    def read_at(self) -> tuple[float, float]:
        """Starts of the two READ windows (state 0, state 1) [s]."""
        first = self.set_at + self.set + self.gap
        return first, first + self.read + self.gap

    @property
    def stop(self) -> float:
        """End of the transient [s]."""
        return self.read_at[1] + self.read + self.gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One device and circuit to simulate.

    Attributes
    ----------
    set_voltage : float
        Rail voltage of the SET leg [V].
    temperature : float
        Temperature of device and circuit [K].
    corner : str
        Process corner.
    supply : float or None
        Supply [V]; None: nominal.
    device : mapping of str to float
        SI values of the device fields of this draw.
    mismatch : tuple of (int, int) or None
        (seed, draw) of the transistor mismatch; None switches it off.
    """

    set_voltage: float
    temperature: float
    device: Mapping[str, float]
    corner: str = "tt"
    supply: float | None = None
    mismatch: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DropoutModuleBench:
    """Decks and measures of the dropout module.

    Parameters
    ----------
    technology : Technology
        Transistors.
    params : DeviceParams
        Nominal device; draws replace its values.
    barrier : {"exact", "seed"}
        Barrier law of the junction.
    timing : Timing
        Phase plan.

    Examples
    --------
    >>> from spinbnn.device import DeviceParams
    >>> params = DeviceParams.load("seed_eq23")
    >>> bench = DropoutModuleBench(technology=Technology.load("cmos40lp"), params=params)
    >>> deck = bench.deck(bench.nominal(set_voltage=1.0))
    >>> round(deck.stop * 1e9, 6)
    33.5
    """

    technology: Technology
    params: DeviceParams
    barrier: str = "exact"
    timing: Timing = field(default_factory=Timing)

    measures = MEASURES
    axes = {"set_voltage": ("V", "rail voltage of the SET leg"), "temperature": ("K", "temperature"), "supply": ("V", "supply voltage"),
            "corner": ("", "process corner"), "draw": ("", "Monte-Carlo draw")}  # fmt: skip
    cells = ("sot_mtj", "dropout_module", "read_divider", "sense_amp")

    def nominal(self, *, set_voltage: float, temperature: float = 300.0, corner: str = "tt") -> Sample:
        """Return a sample of nominal parameters."""
        return Sample(set_voltage=set_voltage, temperature=temperature, corner=corner, device={k: q.value for k, q in self.params.quantities.items()})

    def deck(self, sample: Sample) -> Deck:
        """Return the deck of one sample."""
        tech, t = self.technology, self.timing
        supply = tech.supply if sample.supply is None else sample.supply
        if not 0 < sample.set_voltage <= supply * 1.2:
            raise ParameterError("the SET rail must lie in (0, 1.2 supply]", where="axis set_voltage", value=sample.set_voltage, remedy=f"stay at or below {1.2 * supply:.3g} V")
        device = self._device_numbers(sample)
        cells = {name: Cell.load(name) for name in self.cells}
        shift = {name: self._shift(sample, name[0], width, name) for name, width in WIDTHS.items()}
        module = {f"w{n}": w for n, w in WIDTHS.items()} | {f"d{n}": s[0] for n, s in shift.items()} | {f"m{n}": s[1] for n, s in shift.items()}
        header = self._shift(sample, "p", HEADER_WIDTH, "h")
        sense = {name: self._shift(sample, kind, width, f"sense.{name}", SENSE_LENGTH) for name, (kind, width) in SENSE_TRANSISTORS.items()}
        sense_parameters = {f"d{n}": s[0] for n, s in sense.items()} | {f"m{n}": sense[n][1] for n in ("i1", "i2")}
        nominal_rp = self.params.value("electrical.parallel_resistance")
        high = {"gp1": [(t.set_at, t.set)], "gp2": [(t.reset_at, t.reset)]}
        reads = [(start, t.read) for start in t.read_at]
        high |= {"gn2": [(t.set_at, t.set), *reads], "gn1": [(t.reset_at, t.reset), *reads], "reb": reads}
        high |= {"enb": [(start + t.read - t.sense, t.sense) for start in t.read_at]}
        lines = [tech.preamble(), *(f'.include "{cell.path}"' for cell in cells.values())]
        lines += [f"Vvdd vdd 0 {spice_number(supply)}", f"Vvset vset 0 {spice_number(sample.set_voltage)}"]
        lines += [self._pulses(name, windows, supply, invert=name in ("gp1", "gp2", "reb", "enb")) for name, windows in high.items()]
        between = t.read_at[1] - t.gap / 2
        lines.append(f"Vs s 0 PWL(0 0 {spice_number(between)} 0 {spice_number(between + t.edge)} 1)")
        lines.append(cells["dropout_module"].instance("m", ["vset", "vdd", "gp1", "gn1", "gp2", "gn2", "la", "lb", "rd", "s", "p0", "p1"], lg=tech.gate_length, **module, **device))
        lines.append(cells["read_divider"].instance("r", ["rd", "rf", "reb", "vdd"], rref=REFERENCE[0] * nominal_rp, rtop=REFERENCE[1] * nominal_rp, rbot=REFERENCE[2] * nominal_rp, wh=HEADER_WIDTH, lg=tech.gate_length, dh=header[0], mh=header[1]))
        lines.append(cells["sense_amp"].instance("a", ["rd", "rf", "enb", "op", "on", "vdd"], lg=SENSE_LENGTH, **sense_parameters))
        save = (TRACK, "v(p0)", "v(p1)", "v(rd)", "v(rf)", "v(op)", "v(on)", *(f"i(v{s})" for s in SUPPLIES), *(f"v({s})" for s in SUPPLIES if s not in ("vdd", "vset")))
        plain = {"set_voltage": sample.set_voltage, "supply": supply, "temperature": sample.temperature, **device}
        return Deck(
            text="\n".join(lines), name="dropout_module", save=save, stop=t.stop, max_step=t.max_step,
            temperature_c=sample.temperature - 273.15, initial={"p0": 0.0, "p1": 1.0}, parameters=plain,
            options={"method": "trap", "reltol": 1e-3, "vntol": 1e-7, "abstol": 1e-12, "chgtol": 1e-16, "gmin": 1e-15},
        )  # fmt: skip

    def _device_numbers(self, sample: Sample) -> dict[str, float]:
        """Apply the temperature laws and name the numbers as the cell does."""
        params = self.params.with_values(**{k.replace(".", "__"): v for k, v in sample.device.items() if k in self.params.quantities})
        model = SwitchingModel.from_params(params, barrier="exact" if self.barrier == "exact" else "seed")
        value = params.value
        return {
            "rtrack": value("electrical.track_resistance"),
            "rp": value("electrical.parallel_resistance"),
            "tmr": value("electrical.tmr"),
            "vh": value("electrical.tmr_half_voltage"),
            "cj": value("electrical.junction_capacitance"),
            "delta": float(model.delta_at(sample.temperature)),
            "tau0": value("thermal.attempt_time"),
            "ic0": float(model.critical_current_at(sample.temperature)),
            "back": 1.0 / value("switching.saturation") - 1.0,
            "exact": 1.0 if self.barrier == "exact" else 0.0,
        }

    def _shift(self, sample: Sample, polarity: str, width: float, name: str, length: float | None = None) -> tuple[float, float]:
        draw = None if sample.mismatch is None else (sample.mismatch[0], name, sample.mismatch[1])
        return self.technology.transistor_shift(polarity, width, sample.corner, length=length, draw=draw)

    def _pulses(self, name: str, windows: list[tuple[float, float]], supply: float, *, invert: bool) -> str:
        """Return a piecewise-linear gate source; a window's edges lie inside it."""
        rest, active = (supply, 0.0) if invert else (0.0, supply)
        edge, points = self.timing.edge, [(0.0, rest)]
        for start, width in windows:
            points += [(start, rest), (start + edge, active), (start + width - edge, active), (start + width, rest)]
        body = " ".join(f"{spice_number(t)} {spice_number(v)}" for t, v in points)
        return f"V{name} {name} 0 PWL({body})"

    def measure(self, result: SimulationResult, sample: Sample) -> dict[str, float]:
        """Return every measure of one finished run, in SI units.

        Raises
        ------
        SimulationError
            If the run failed.
        """
        w, t = result.require().waveforms, self.timing
        time, current = w["time"], w[TRACK]
        supply = self.technology.supply if sample.supply is None else sample.supply
        power = np.zeros_like(time)
        for source in SUPPLIES:
            volts = {"vdd": supply, "vset": sample.set_voltage}.get(source)
            delivered = -w[f"i(v{source})"] * (w[f"v({source})"] if volts is None else volts)
            # a gate driver does not take charge back: only what it delivers counts
            power = power + (delivered if volts is not None else np.maximum(delivered, 0.0))
        out = self._transitions(time, w["v(p0)"], w["v(p1)"])
        windows = {"reset": (t.reset_at, t.reset + t.gap / 2), "set": (t.set_at, t.set + t.gap / 2)}
        for name, (start, width) in windows.items():
            out[f"energy_{name}"] = waveform.integral(time, power, start, start + width)
            out[f"current_{name}"] = abs(waveform.mean(time, current, start + 0.5 * width, start + 0.85 * width))
        reads = [waveform.integral(time, power, start, start + t.read + t.gap / 2) for start in t.read_at]
        out["energy_read"] = (1 - out["p_drop"]) * reads[0] + out["p_drop"] * reads[1]
        out["energy_cycle"] = out["energy_reset"] + out["energy_set"] + out["energy_read"]
        resistance = sample.device["electrical.track_resistance"]
        out["energy_track"] = resistance * waveform.integral(time, current**2, t.reset_at, t.set_at + t.set + t.gap / 2)
        out["rise_set"] = waveform.rise_time(time, current, 0.0, out["current_set"], t.set_at - t.gap / 4, t.set_at + 0.5 * t.set)
        out["current_peak"] = float(np.max(np.abs(current)))
        out["leakage_power"] = waveform.at(time, power, 0.5 * t.lead)
        return out | self._read_out(w, supply)

    def _transitions(self, time: np.ndarray, p0: np.ndarray, p1: np.ndarray) -> dict[str, float]:
        """Return the transition probabilities of SET, RESET and the whole cycle."""
        t = self.timing
        before = t.set_at - t.gap / 2
        end_of_set = t.read_at[0] - t.gap / 2
        end = t.read_at[1] - 0.75 * t.gap
        start0, start1 = waveform.at(time, p0, before), waveform.at(time, p1, before)
        after0, after1 = waveform.at(time, p0, end_of_set), waveform.at(time, p1, end_of_set)
        # the SET maps p -> p_set + slope p; two trajectories fix both numbers unless RESET merged them
        slope = (after1 - after0) / (start1 - start0) if start1 - start0 > 1e-6 else 1.0 - after0
        a, b = waveform.at(time, p0, end), waveform.at(time, p1, end)
        return {
            "p_set": after0 - slope * start0,
            "p_reset_fail": start1,
            "transition_01": a,
            "transition_11": b,
            "p_drop": a / (1.0 - b + a),
            "correlation": b - a,
        }

    def _read_out(self, w: Mapping[str, np.ndarray], supply: float) -> dict[str, float]:
        t, time = self.timing, w["time"]
        margins, delays, right = [], [], []
        for state, start in enumerate(t.read_at):
            sense_at, end = start + t.read - t.sense, start + t.read - 2 * t.edge
            difference = w["v(op)"] - w["v(on)"] if state else w["v(on)"] - w["v(op)"]
            signal = w["v(rd)"] - w["v(rf)"]
            margins.append((1 if state else -1) * waveform.at(time, signal, sense_at))
            delays.append(waveform.crossing(time, difference, 0.9 * supply, sense_at, end) - start)
            right.append(waveform.at(time, difference, end) > 0.9 * supply)
        latency = math.nan if any(math.isnan(d) for d in delays) else max(delays)
        return {
            "margin_0": margins[0],
            "margin_1": margins[1],
            "read_ok": float(all(right)),
            "latency_read": latency,
            "latency_cycle": t.reset + t.set + latency,
        }


TRACK = "i(v.xm.xj.vt)"
"""The track current, positive from la to lb (SET direction) [A]."""

BENCHES = {"dropout_module": DropoutModuleBench}
"""Benches that a flow may name."""


def bench_class(name: str) -> type[DropoutModuleBench]:
    """Return a bench by name, or raise :class:`ParameterError` with a suggestion."""
    if name not in BENCHES:
        raise ParameterError("unknown bench", where="flow, key 'bench'", value=name, remedy=suggest(name, BENCHES))
    return BENCHES[name]
