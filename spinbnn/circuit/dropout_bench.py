"""Bench of the dropout module: one RESET, SET and READ cycle in one deterministic transient.

Phases: RESET (state 1 -> 0), SET (0 -> 1 with probability p), READ of a parallel junction, READ of an antiparallel one.
The junction's electrical state is a stimulus, so that one run measures both read-outs; the random state itself lives
in the master-equation nodes p0 and p1 of the cell ``sot_mtj``, which see the real track current.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from ..device import DeviceParams, SwitchingModel
from ..device.temperature import tmr_at, track_resistance_at
from ..errors import ParameterError
from ..units import quantity
from .cell import Cell
from .design import ModuleDesign
from .dropout_cycle import DRIVERS as DRIVERS
from .dropout_cycle import SUPPLIES as SUPPLIES
from .dropout_cycle import TRACK as TRACK
from .dropout_cycle import Timing as Timing
from .dropout_measures import MEASURES as MEASURES
from .dropout_measures import measures
from .flow_keys import known_keys, named, text
from .module_netlist import CodeStep, cell_names, check_amplitude, module_lines
from .simulator.deck import Deck, OptionValue, SimulationResult
from .technology import Technology

OPTIONS: Mapping[str, OptionValue] = {"method": "trap", "reltol": 1e-3, "vntol": 1e-7, "abstol": 1e-12, "chgtol": 1e-16, "gmin": 1e-15}
"""Numerical options of every deck."""
STEPS_PER_ATTEMPT_TIME = 5.0
"""Fewest steps of the simulator in one attempt time: the trapezoidal rule then errs by at most (1/5)^2 / 12 = 0.33 % of an exponent."""
HIGHEST_RAIL = 1.2
"""Highest SET rail over the supply."""
SOURCES = ("device/fields.py", "device/magnet.py", "device/parameters.py", "device/switching", "device/temperature.py", "device/variation", "circuit", "rng.py", "units.py")
"""Our own code that fixes the numbers of this bench (fitting, trimming and reports have no part in them)."""


CONDITIONS = {
    "temperature": ("K", "temperature"), "supply": ("V", "supply voltage"), "corner": ("", "process corner"), "draw": ("", "Monte-Carlo draw"),
}  # fmt: skip
"""Axes that every driver has: unit and description."""
DRIVER_BENCHES = {"voltage": "dropout_module", "regulated": "dropout_module_regulated", "trimmed": "dropout_module_trimmed"}
"""Bench of each driver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One device and circuit to simulate.

    Attributes
    ----------
    set_voltage, set_current, code : float
        The SET amplitude, by the driver of the bench: rail voltage of the SET leg [V], mirrored reference current [A], or
        code of the DAC [1]. The two that the driver does not have are NaN.
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

    temperature: float
    device: Mapping[str, float]
    set_voltage: float = math.nan
    set_current: float = math.nan
    code: float = math.nan
    corner: str = "tt"
    supply: float | None = None
    mismatch: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DropoutModuleBench:
    """Decks and measures of the dropout module.

    A bench of :mod:`spinbnn.characterize.bench`; the keys of its flow files are ``technology``, ``device``, ``barrier``,
    ``timing``, ``design`` and ``variation``.

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
    design : ModuleDesign
        Driver variant and sizes.
    netlists : mapping of str to Cell
        The cells of the design, read when the bench is made. Decks carry their text, and that of the transistor models, so that
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
    design: ModuleDesign = field(default_factory=lambda: ModuleDesign.load("module_voltage_cmos40lp"))
    netlists: Mapping[str, Cell] = field(default_factory=dict)

    name: ClassVar[str] = "dropout_module"
    driver: ClassVar[str] = "voltage"
    engine: ClassVar[str] = "ngspice"
    measures: ClassVar[Mapping[str, tuple[str, str]]] = MEASURES
    axes: ClassVar[Mapping[str, tuple[str, str]]] = {
        "set_voltage": ("V", "rail voltage of the SET leg"), **CONDITIONS,
    }
    required_axes: ClassVar[Mapping[str, str]] = {"set_voltage": 'set_voltage = { start = "0.9 V", stop = "1.1 V", points = 9 }'}
    flow_keys: ClassVar[Mapping[str, bool]] = {"technology": True, "device": True, "barrier": False, "timing": False, "design": False, "variation": False}
    sources: ClassVar[tuple[str, ...]] = SOURCES

    def __post_init__(self) -> None:
        if self.design.driver != self.driver:
            raise ParameterError("the design has the driver of another bench", where=f"bench {self.name!r}, design {self.design.name!r}", value=self.design.driver, remedy=f'a design with driver = "{self.driver}", or the bench "{DRIVER_BENCHES[self.design.driver]}"')
        if not self.netlists:
            object.__setattr__(self, "netlists", {name: Cell.load(name) for name in self.cells})
        if missing := set(self.cells) - set(self.netlists):
            raise ParameterError("a cell of the bench is missing", where=f"{type(self).__name__}, netlists", value=sorted(missing)[0], remedy=f"give {', '.join(self.cells)}")

    @property
    def cells(self) -> tuple[str, ...]:
        """Names of the cells that stand in every deck."""
        return cell_names(self.design)

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
        with named(f"{where}, key 'design'", where):
            design = ModuleDesign.load(text(data["design"], f"{where}, key 'design'")) if "design" in data else None
        with named(where, where):
            if design is None:
                return cls(technology=technology, params=params, barrier=barrier, timing=plan)
            return cls(technology=technology, params=params, barrier=barrier, timing=plan, design=design)

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
        sample = Sample(
            temperature=float(point.get("temperature", 300.0)),
            corner=str(point.get("corner", "tt")),
            supply=float(point["supply"]) if "supply" in point else None,
            device=device,
            mismatch=None if mismatch is None else (seed, mismatch),
        )
        amplitude: dict[str, Any] = {self.design.amplitude: float(point[self.design.amplitude])}
        return replace(sample, **amplitude)

    def nominal(self, *, temperature: float = 300.0, corner: str = "tt", **amplitude: float) -> Sample:
        """Return a sample of nominal parameters; the amplitude is ``set_voltage``, ``set_current`` or ``code``.

        Raises
        ------
        ParameterError
            If that is not what the driver of the bench takes.
        """
        if set(amplitude) != {self.design.amplitude}:
            raise ParameterError("the driver has another amplitude", where=f"bench {self.name!r}, nominal", value=sorted(amplitude), remedy=f"give {self.design.amplitude}=...")
        sample = Sample(temperature=temperature, corner=corner, device={k: q.value for k, q in self.params.quantities.items()})
        chosen: dict[str, Any] = dict(amplitude)
        return replace(sample, **chosen)

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
            "cells": {name: self.netlists[name].content_hash for name in self.cells},
            "design": self.design.identity(),
            "options": dict(OPTIONS),
            "track": TRACK,
            "supplies": list(SUPPLIES),
        }

    def attributes(self) -> dict[str, Any]:
        """Return what a table says of this bench: names and content hashes of device, technology and cells."""
        return {
            "device": self.params.name, "device_hash": self.params.content_hash,
            "technology": self.technology.name, "technology_hash": self.technology.content_hash,
            "design": self.design.name, "design_hash": self.design.content_hash,
            "barrier": self.barrier, "cells": {name: self.netlists[name].content_hash for name in self.cells},
        }  # fmt: skip

    def notes(self) -> list[str]:
        """Return what the numbers rest on: notes of the device, and every number that is assumed."""
        assumed = [*(f"assumed: {q.key} = {q}" for q in self.params.assumed), *(f"assumed: {self.technology.name} {key}" for key in self.technology.assumed)]
        assumed += [f"assumed: {self.design.name} {key}" for key in self.design.assumed]
        return [*self.params.notes, *assumed]

    def deck(self, sample: Sample) -> Deck:
        """Return the deck of one sample.

        Raises
        ------
        ParameterError
            If the SET amplitude or the supply is out of range, or the attempt time is too short for the steps.
        """
        return self._deck(sample, getattr(sample, self.design.amplitude))

    def settling_deck(self, sample: Sample, *, before: int, delay: float) -> Deck:
        """Return a deck whose code changes from ``before`` to that of the sample ``delay`` seconds before SET.

        Raises
        ------
        ParameterError
            See :meth:`deck`; and for a driver without codes, or a change before the cycle.
        """
        if not 0 < delay <= self.timing.set_at:
            raise ParameterError("the code has to change within the cycle", where="settling_deck, delay", value=delay, remedy=f"0 < delay <= {self.timing.set_at:.4g} s")
        check_amplitude(self.design, sample.code)
        check_amplitude(self.design, before)
        return self._deck(sample, CodeStep(before=before, after=int(sample.code), at=self.timing.set_at - delay))

    def _deck(self, sample: Sample, amplitude: float | CodeStep) -> Deck:
        tech, t = self.technology, self.timing
        supply = self._supply(sample)
        device = self._device_numbers(sample)
        if t.max_step * STEPS_PER_ATTEMPT_TIME > device["tau0"] * (1 + 1e-9):
            raise ParameterError(
                f"the steps are too long for an attempt time of {device['tau0']:.4g} s", where="timing.max_step", value=t.max_step,
                remedy=f"set max_step in [timing] of the flow to {device['tau0'] / STEPS_PER_ATTEMPT_TIME:.4g} s or less",
            )  # fmt: skip

        def shift(polarity: str, width: float, name: str | None, length: float | None) -> tuple[float, float]:
            draw = None if sample.mismatch is None or name is None else (sample.mismatch[0], name, sample.mismatch[1])
            return tech.transistor_shift(polarity, width, sample.corner, length=length, draw=draw)

        lines = [self.netlists[name].text.rstrip("\n") for name in self.cells]
        lines += module_lines(
            self.design, self.netlists, t, shift, supply=supply, amplitude=amplitude, device=device,
            parallel_resistance=self.params.value("electrical.parallel_resistance"), gate_length=tech.gate_length,
        )  # fmt: skip
        body = "\n".join(lines)
        save = (TRACK, "v(p0)", "v(p1)", "v(rd)", "v(rf)", "v(op)", "v(on)", *(f"i(v{s})" for s in self._sources), *(f"v({s})" for s in DRIVERS))
        plain = {self.design.amplitude: getattr(sample, self.design.amplitude), "supply": supply, "temperature": sample.temperature, **device}
        plain |= {name: self.design.read[name] for name in ("series", "top", "bottom")}
        return Deck(
            text="\n".join([tech.preamble(body, corner=sample.corner), body]), name=self.name, save=save, stop=t.stop, max_step=t.max_step,
            temperature_c=sample.temperature - 273.15, initial={"p0": 0.0, "p1": 1.0}, parameters=plain,
            options=dict(OPTIONS),
        )  # fmt: skip

    @property
    def _sources(self) -> tuple[str, ...]:
        """Sources whose delivered energy is counted; only a voltage-mode driver has a SET rail."""
        return tuple(name for name in SUPPLIES if name != "vset" or self.driver == "voltage")

    def _supply(self, sample: Sample) -> float:
        """Return the supply of a sample, and check it and the SET amplitude."""
        supply, rail = self.technology.supply if sample.supply is None else sample.supply, sample.set_voltage
        if not (math.isfinite(supply) and supply > 0):
            raise ParameterError("the supply must be > 0", where="axis supply", value=supply, remedy="give volts, e.g. '1.1 V'")
        check_amplitude(self.design, getattr(sample, self.design.amplitude))
        highest = HIGHEST_RAIL * supply
        if self.driver == "voltage" and not 0 < rail <= highest * (1 + 1e-9):
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

    def measure(self, result: SimulationResult, sample: Sample) -> dict[str, float]:
        """Return every measure of one finished run, in SI units.

        Raises
        ------
        SimulationError
            If the run failed, or a probability left [0, 1]; see :func:`~spinbnn.circuit.dropout_measures.measures`.
        """
        waves = result.require().waveforms
        rail = sample.set_voltage if self.driver == "voltage" else None
        return measures(waves, self.timing, supply=self._supply(sample), set_voltage=rail, device=self._device_numbers(sample), offset=self.design.sense_offset)
