"""Bench of the dropout module: one RESET, SET and READ cycle in one deterministic transient.

Phases: RESET (state 1 -> 0), SET (0 -> 1 with probability p), READ of a parallel junction, READ of an antiparallel one.
The junction's electrical state is a stimulus, so that one run measures both read-outs; the random state itself lives
in the master-equation nodes p0 and p1 of the cell ``sot_mtj``, which see the real track current.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from ..device import DeviceParams, SwitchingModel
from ..device.temperature import tmr_at, track_resistance_at
from ..errors import ParameterError
from ..units import quantity, spice_number
from .cell import Cell
from .dropout_cycle import DRIVERS as DRIVERS
from .dropout_cycle import SUPPLIES as SUPPLIES
from .dropout_cycle import TRACK as TRACK
from .dropout_cycle import Timing as Timing
from .dropout_measures import MEASURES as MEASURES
from .dropout_measures import measures
from .flow_keys import known_keys, named, text
from .simulator.deck import Deck, OptionValue, SimulationResult
from .technology import Technology

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


OPTIONS: Mapping[str, OptionValue] = {"method": "trap", "reltol": 1e-3, "vntol": 1e-7, "abstol": 1e-12, "chgtol": 1e-16, "gmin": 1e-15}
"""Numerical options of every deck."""
STEPS_PER_ATTEMPT_TIME = 5.0
"""Fewest steps of the simulator in one attempt time: the trapezoidal rule then errs by at most (1/5)^2 / 12 = 0.33 % of an exponent."""
HIGHEST_RAIL = 1.2
"""Highest SET rail over the supply."""
CELLS = ("sot_mtj", "dropout_module", "read_divider", "sense_amp")
SOURCES = ("device/fields.py", "device/magnet.py", "device/parameters.py", "device/switching", "device/temperature.py", "device/variation", "circuit", "rng.py", "units.py")
"""Our own code that fixes the numbers of this bench (fitting, trimming and reports have no part in them)."""


def _load_cells() -> dict[str, Cell]:
    return {name: Cell.load(name) for name in CELLS}


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

    A bench of :mod:`spinbnn.characterize.bench`; the keys of its flow files are ``technology``, ``device``, ``barrier``,
    ``timing`` and ``variation``.

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
    netlists : mapping of str to Cell
        The four cells, read when the bench is made. Decks carry their text, and that of the transistor models, so that
        an edited file takes effect with the next bench and never in the middle of a run.

    Notes
    -----
    Of the device Delta, Ic0, the TMR ratio and the track resistance follow the temperature, each by the law of
    :mod:`spinbnn.device.temperature` and as far as the device file gives its coefficient. The bias that halves the TMR ratio
    and the parallel resistance do not.

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
    netlists: Mapping[str, Cell] = field(default_factory=_load_cells)

    name: ClassVar[str] = "dropout_module"
    engine: ClassVar[str] = "ngspice"
    measures: ClassVar[Mapping[str, tuple[str, str]]] = MEASURES
    axes: ClassVar[Mapping[str, tuple[str, str]]] = {
        "set_voltage": ("V", "rail voltage of the SET leg"), "temperature": ("K", "temperature"), "supply": ("V", "supply voltage"),
        "corner": ("", "process corner"), "draw": ("", "Monte-Carlo draw"),
    }  # fmt: skip
    required_axes: ClassVar[Mapping[str, str]] = {"set_voltage": 'set_voltage = { start = "0.9 V", stop = "1.1 V", points = 9 }'}
    flow_keys: ClassVar[Mapping[str, bool]] = {"technology": True, "device": True, "barrier": False, "timing": False, "variation": False}
    sources: ClassVar[tuple[str, ...]] = SOURCES
    cells = CELLS

    def __post_init__(self) -> None:
        if missing := set(CELLS) - set(self.netlists):
            raise ParameterError("a cell of the bench is missing", where="DropoutModuleBench, netlists", value=sorted(missing)[0], remedy=f"give {', '.join(CELLS)}")

    @classmethod
    def from_flow(cls, data: Mapping[str, Any], where: str) -> Self:
        """Read the bench's own keys of a flow file; ``where`` names the file.

        Raises
        ------
        ParameterError, UnitError, DataError, NetlistError
            If a key, a value, a unit or a file that it names is wrong.
        """
        barrier, timing = data.get("barrier", "exact"), data.get("timing", {})
        if barrier not in ("exact", "seed"):
            raise ParameterError("unknown barrier", where=f"{where}, key 'barrier'", value=barrier, remedy='use "exact" or "seed"')
        known_keys(timing, set(Timing.__dataclass_fields__), f"{where}, timing")
        names = {key: text(data[key], f"{where}, key {key!r}") for key in ("technology", "device")}
        with named(f"{where}, key 'technology'", where):
            technology = Technology.load(names["technology"])
        with named(f"{where}, key 'device'", where):
            params = DeviceParams.load(names["device"])
        with named(f"{where}, timing", where):
            plan = Timing(**{k: quantity(v, "s", where=f"{where}, timing.{k}") for k, v in timing.items()})
        with named(where, where):
            return cls(technology=technology, params=params, barrier=barrier, timing=plan)

    def check_axis(self, name: str, values: Sequence[float | str | int]) -> None:
        """Refuse values of an axis that the technology does not have.

        Raises
        ------
        ParameterError
            For an unknown corner.
        """
        if name == "corner":
            for value in values:
                self.technology.corner(str(value))

    def sample(self, point: Mapping[str, float | str | int], *, device: Mapping[str, float], seed: int, mismatch: int | None) -> Sample:
        """Return the sample at a grid point.

        Parameters
        ----------
        point : mapping
            Axis name -> value, numbers in SI units; axes left out have their nominal values.
        device : mapping of str to float
            SI values of the device fields of this draw.
        seed : int
            Seed of the flow.
        mismatch : int or None
            Number of the draw of the transistors' mismatch; None switches it off.
        """
        return Sample(
            set_voltage=float(point["set_voltage"]),
            temperature=float(point.get("temperature", 300.0)),
            corner=str(point.get("corner", "tt")),
            supply=float(point["supply"]) if "supply" in point else None,
            device=device,
            mismatch=None if mismatch is None else (seed, mismatch),
        )

    def nominal(self, *, set_voltage: float, temperature: float = 300.0, corner: str = "tt") -> Sample:
        """Return a sample of nominal parameters."""
        return Sample(set_voltage=set_voltage, temperature=temperature, corner=corner, device={k: q.value for k, q in self.params.quantities.items()})

    def identity(self) -> dict[str, Any]:
        """Return plain data that fix the numbers of this bench: equal data, equal decks and measures for equal samples.

        Netlists, models and device stand in it with the sha256 of their content. Names of files, technology and device
        do not.
        """
        return {
            "bench": self.name,
            "barrier": self.barrier,
            "timing": {name: getattr(self.timing, name) for name in self.timing.__dataclass_fields__},
            "device": self.params.content_hash,
            "technology": self.technology.content_hash,
            "cells": {name: self.netlists[name].content_hash for name in CELLS},
            "widths": dict(WIDTHS),
            "header": HEADER_WIDTH,
            "sense": {name: list(entry) for name, entry in SENSE_TRANSISTORS.items()},
            "sense_length": SENSE_LENGTH,
            "reference": list(REFERENCE),
            "options": dict(OPTIONS),
            "track": TRACK,
            "supplies": list(SUPPLIES),
        }

    def attributes(self) -> dict[str, Any]:
        """Return what a table says of this bench: names and content hashes of device, technology and cells."""
        return {
            "device": self.params.name, "device_hash": self.params.content_hash,
            "technology": self.technology.name, "technology_hash": self.technology.content_hash,
            "barrier": self.barrier, "cells": {name: self.netlists[name].content_hash for name in CELLS},
        }  # fmt: skip

    def notes(self) -> list[str]:
        """Return what the numbers rest on: notes of the device, and every number that is assumed."""
        assumed = [*(f"assumed: {q.key} = {q}" for q in self.params.assumed), *(f"assumed: {self.technology.name} {key}" for key in self.technology.assumed)]
        return [*self.params.notes, *assumed]

    def deck(self, sample: Sample) -> Deck:
        """Return the deck of one sample.

        Raises
        ------
        ParameterError
            If the SET rail or the supply is out of range, or the attempt time is too short for the steps.
        """
        tech, t, cells = self.technology, self.timing, self.netlists
        supply = self._supply(sample)
        device = self._device_numbers(sample)
        if t.max_step * STEPS_PER_ATTEMPT_TIME > device["tau0"] * (1 + 1e-9):
            raise ParameterError(
                f"the steps are too long for an attempt time of {device['tau0']:.4g} s", where="timing.max_step", value=t.max_step,
                remedy=f"set max_step in [timing] of the flow to {device['tau0'] / STEPS_PER_ATTEMPT_TIME:.4g} s or less",
            )  # fmt: skip
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
        lines = [tech.preamble(), *(cells[name].text.rstrip("\n") for name in CELLS)]
        lines += [f"Vvdd vdd 0 {spice_number(supply)}", f"Vvset vset 0 {spice_number(sample.set_voltage)}"]
        lines += [self._pulses(name, windows, supply, invert=name in ("gp1", "gp2", "reb", "enb")) for name, windows in high.items()]
        between = t.read_at[1] - t.gap / 2
        lines.append(f"Vs s 0 PWL(0 0 {spice_number(between)} 0 {spice_number(between + t.edge)} 1)")
        lines.append(cells["dropout_module"].instance("m", ["vset", "vdd", "gp1", "gn1", "gp2", "gn2", "la", "lb", "rd", "s", "p0", "p1"], lg=tech.gate_length, **module, **device))
        lines.append(cells["read_divider"].instance("r", ["rd", "rf", "reb", "vdd"], rref=REFERENCE[0] * nominal_rp, rtop=REFERENCE[1] * nominal_rp, rbot=REFERENCE[2] * nominal_rp, wh=HEADER_WIDTH, lg=tech.gate_length, dh=header[0], mh=header[1]))
        lines.append(cells["sense_amp"].instance("a", ["rd", "rf", "enb", "op", "on", "vdd"], lg=SENSE_LENGTH, **sense_parameters))
        save = (TRACK, "v(p0)", "v(p1)", "v(rd)", "v(rf)", "v(op)", "v(on)", *(f"i(v{s})" for s in SUPPLIES), *(f"v({s})" for s in DRIVERS))
        plain = {"set_voltage": sample.set_voltage, "supply": supply, "temperature": sample.temperature, **device}
        return Deck(
            text="\n".join(lines), name="dropout_module", save=save, stop=t.stop, max_step=t.max_step,
            temperature_c=sample.temperature - 273.15, initial={"p0": 0.0, "p1": 1.0}, parameters=plain,
            options=dict(OPTIONS),
        )  # fmt: skip

    def _supply(self, sample: Sample) -> float:
        """Return the supply of a sample, and check it and the SET rail."""
        supply, rail = self.technology.supply if sample.supply is None else sample.supply, sample.set_voltage
        if not (math.isfinite(supply) and supply > 0):
            raise ParameterError("the supply must be > 0", where="axis supply", value=supply, remedy="give volts, e.g. '1.1 V'")
        highest = HIGHEST_RAIL * supply
        if not 0 < rail <= highest * (1 + 1e-9):
            raise ParameterError(
                f"the SET rail of {rail:.4g} V is outside (0, {highest:.4g} V], {HIGHEST_RAIL:g} times the supply of {supply:.4g} V",
                where="axis set_voltage", value=rail, remedy=f"stay at or below {highest:.4g} V",
            )  # fmt: skip
        return supply

    def _device_numbers(self, sample: Sample) -> dict[str, float]:
        """Apply the temperature laws and name the numbers as the cell does."""
        params = self.params.with_values(**{k.replace(".", "__"): v for k, v in sample.device.items() if k in self.params.quantities})
        model = SwitchingModel.from_params(params, barrier="exact" if self.barrier == "exact" else "seed")
        value, reference = params.value, params.value("thermal.reference_temperature")
        return {
            "rtrack": float(track_resistance_at(
                value("electrical.track_resistance"), sample.temperature, reference=reference,
                coefficient=params.get("electrical.track_temperature_coefficient") or 0.0,
            )),
            "rp": value("electrical.parallel_resistance"),
            "tmr": float(tmr_at(
                value("electrical.tmr"), sample.temperature, reference=reference,
                bloch_temperature=params.get("electrical.tmr_bloch_temperature"),
            )),
            "vh": value("electrical.tmr_half_voltage"),
            "cj": value("electrical.junction_capacitance"),
            "delta": float(model.delta_at(sample.temperature)),
            "tau0": value("thermal.attempt_time"),
            "ic0": float(model.critical_current_at(sample.temperature)),
            "back": 1.0 / value("switching.saturation") - 1.0,
            "exact": 1.0 if self.barrier == "exact" else 0.0,
        }  # fmt: skip

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
            If the run failed, or a probability left [0, 1]; see :func:`~spinbnn.circuit.dropout_measures.measures`.
        """
        waves = result.require().waveforms
        return measures(waves, self.timing, supply=self._supply(sample), set_voltage=sample.set_voltage, device=self._device_numbers(sample))
