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

from .. import resources
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
from .dropout_measures import Latch, measures
from .flow_keys import known_keys, named, text
from .module_netlist import CodeSteps, cell_names, check_amplitude, module_lines
from .read_netlist import Shift, own_offset
from .reference_junctions import junctions_of
from .simulator.deck import Deck, OptionValue, SimulationResult
from .technology import Technology

OPTIONS: Mapping[str, OptionValue] = {"method": "trap", "reltol": 1e-3, "vntol": 1e-7, "abstol": 1e-12, "chgtol": 1e-16, "gmin": 1e-15}
"""Numerical options of every deck."""
STEPS_PER_ATTEMPT_TIME = 5.0
"""Fewest steps of the simulator in one attempt time: the trapezoidal rule then errs by at most (1/5)^2 / 12 = 0.33 % of an exponent."""
KEPT_NUMBERS = 256
"""How many samples' device numbers a bench remembers between deck and measures."""
HIGHEST_RAIL = 1.2
"""Highest SET rail over the supply."""
SOURCES = (
    "device/fields.py", "device/magnet.py", "device/parameters.py", "device/switching", "device/temperature.py", "device/variation", "rng.py", "units.py",
    *(f"circuit/{name}.py" for name in (
        "cell", "design", "dropout_bench", "dropout_cycle", "dropout_measures", "dropout_variants", "expression", "foundry_library", "foundry_models",
        "hierarchy", "model_library", "module_netlist", "read_netlist", "reference_junctions", "sizes", "statements", "technology", "technology_file", "waveform",
    )),
    *(f"circuit/simulator/{name}.py" for name in ("batch", "deck", "ladder", "messages", "rawfile", "session", "vectors", "wire")),
)  # fmt: skip
"""Our own code that fixes the numbers of this bench: decks, their simulation and measures. Fitting, trimming, other benches, the
area and reports have no part in them; the modules that are reached and left out stand, each with its reason, in the test of this list."""


CONDITIONS = {
    "temperature": ("K", "temperature"), "supply": ("V", "supply voltage"), "corner": ("", "process corner"), "draw": ("", "Monte-Carlo draw"),
}  # fmt: skip
"""Axes that every driver has: unit and description."""
DRIVER_BENCHES = {"voltage": "dropout_module", "regulated": "dropout_module_regulated", "trimmed": "dropout_module_trimmed"}
"""Bench of each driver."""


def default_design(driver: str, technology: str) -> ModuleDesign:
    """Return the design of a driver that comes with a technology.

    Raises
    ------
    ParameterError
        If none does.

    Examples
    --------
    >>> default_design("regulated", "cmos40lp").name
    'module_regulated_cmos40lp'
    """
    name = f"module_{driver}_{technology}"
    if name not in resources.available("device"):
        raise ParameterError(
            f"no design with a {driver} driver comes with technology {technology!r}", where="key 'design'", value=name,
            remedy=f'give design = "FILE": copy module_{driver}_cmos40lp (spinbnn copy device), set technology = "{technology}" in it and size it (spinbnn size --template)',
        )  # fmt: skip
    return ModuleDesign.load(name)


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


class _Kept(dict[tuple[Any, ...], dict[str, float]]):
    """Device numbers by temperature and device; a copy of a bench, in another process too, begins without any."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _Kept, ()


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
        Phase plan; ``lead`` is made long enough for a bias line that wakes up before RESET (``bias.wake`` of the design).
    design : ModuleDesign, optional
        Driver variant and sizes, made for this technology; ``module_<driver>_<technology>`` by default.
    netlists : mapping of str to Cell
        The cells of the design, read when the bench is made. Decks carry their text, and that of the transistor models, so that
        an edited file takes effect with the next bench and never in the middle of a run.

    Notes
    -----
    Of the device Delta, Ic0, the TMR ratio and the track resistance follow the temperature, each by the law of
    :mod:`spinbnn.device.temperature` and as far as the device file gives its coefficient. The bias that halves the TMR ratio
    and the parallel resistance do not. The junctions of a read reference follow it in the same way. Their draws are entries of
    ``Sample.device`` (:func:`~spinbnn.circuit.reference_junctions.reference_draws`); without them they are nominal.

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
    design: ModuleDesign = None  # type: ignore[assignment]  # set below: a bench always has one
    netlists: Mapping[str, Cell] = field(default_factory=dict)
    _numbers: _Kept = field(default_factory=lambda: _Kept(), init=False, repr=False, compare=False)

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
        if self.design is None:
            object.__setattr__(self, "design", default_design(self.driver, self.technology.name))
        if self.design.technology != self.technology.name:
            raise ParameterError(
                f"the design is sized for technology {self.design.technology!r}, not for {self.technology.name!r}", where=f"bench {self.name!r}, design {self.design.name!r}",
                value=self.design.technology, remedy=f'copy the design file, set technology = "{self.technology.name}" in it and size it (spinbnn size --template)',
            )  # fmt: skip
        if self.design.driver != self.driver:
            raise ParameterError("the design has the driver of another bench", where=f"bench {self.name!r}, design {self.design.name!r}", value=self.design.driver, remedy=f'a design with driver = "{self.driver}", or the bench "{DRIVER_BENCHES[self.design.driver]}"')
        if (least := self.design.bias.get("wake", 0.0)) and self.timing.lead < least + Timing().lead:
            object.__setattr__(self, "timing", replace(self.timing, lead=least + Timing().lead))
        if not self.netlists:
            object.__setattr__(self, "netlists", {name: Cell.load(name) for name in self.cells})
        if missing := set(self.cells) - set(self.netlists):
            raise ParameterError("a cell of the bench is missing", where=f"{type(self).__name__}, netlists", value=sorted(missing)[0], remedy=f"give {', '.join(self.cells)}")

    @property
    def cells(self) -> tuple[str, ...]:
        """Names of the cells that stand in every deck."""
        return cell_names(self.design)

    @property
    def reference_junctions(self) -> int:
        """Junctions of the read reference, which a flow draws beside each device [1]."""
        return self.design.reference_junctions

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
            "timing": self.timing.seconds(),
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
        return self._deck(sample, CodeSteps(before=before, changes=((self.timing.set_at - delay, int(sample.code)),)))

    def body(
        self, sample: Sample, amplitude: float | CodeSteps, *, supply: float, device: Mapping[str, float],
        cycles: Sequence[Timing] | None = None, states: Sequence[tuple[float, float]] | None = None,
    ) -> str:  # fmt: skip
        """Return the cells and the element lines of a sample: its deck without the transistor models.

        Parameters
        ----------
        sample : Sample
            Device and circuit.
        amplitude : float or CodeSteps
            SET amplitude; codes may change in time.
        supply : float
            Supply [V].
        device : mapping of str to float
            Numbers of the cell ``sot_mtj``, at the temperature of the sample.
        cycles, states
            Consecutive cycles and the junction's electrical state, see :func:`~spinbnn.circuit.module_netlist.module_lines`;
            one cycle by default.

        Raises
        ------
        ParameterError
            If the attempt time is too short for the steps.
        """
        tech, t = self.technology, self.timing
        if t.max_step * STEPS_PER_ATTEMPT_TIME > device["tau0"] * (1 + 1e-9):
            raise ParameterError(
                f"the steps are too long for an attempt time of {device['tau0']:.4g} s", where="timing.max_step", value=t.max_step,
                remedy=f"set max_step in [timing] of the flow to {device['tau0'] / STEPS_PER_ATTEMPT_TIME:.4g} s or less",
            )  # fmt: skip

        shift = self._shift(sample)
        lines = [self.netlists[name].text.rstrip("\n") for name in self.cells]
        lines += module_lines(
            self.design, self.netlists, cycles or t, shift, supply=supply, amplitude=amplitude, device=device,
            parallel_resistance=self.params.value("electrical.parallel_resistance"), gate_length=tech.gate_length,
            temperature=sample.temperature, states=states,
            junctions=junctions_of(self.params, sample.device, self.reference_junctions, sample.temperature),
        )  # fmt: skip
        return "\n".join(lines)

    def _deck(self, sample: Sample, amplitude: float | CodeSteps) -> Deck:
        tech, t = self.technology, self.timing
        supply = self._supply(sample)
        device = self._device_numbers(sample)
        body = self.body(sample, amplitude, supply=supply, device=device)
        save = (TRACK, "v(p0)", "v(p1)", "v(rd)", "v(rf)", "v(op)", "v(on)", *(f"i(v{s})" for s in self._sources), *(f"v({s})" for s in DRIVERS))
        plain = {self.design.amplitude: getattr(sample, self.design.amplitude), "supply": supply, "temperature": sample.temperature, **device}
        plain |= {name: self.design.read[name] for name in ("series", "top", "bottom", "load") if name in self.design.read}
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
        """Return the device's numbers at the temperature of a sample, named as the cell does; deck and measures ask for the same ones."""
        key = sample.temperature, tuple(sample.device.items())
        if (found := self._numbers.get(key)) is None:
            if len(self._numbers) >= KEPT_NUMBERS:
                self._numbers.clear()  # a bench is frozen: what another thread loses by this, it makes again
            found = self._numbers[key] = self._make_numbers(sample)
        return dict(found)

    def _shift(self, sample: Sample) -> Shift:
        """Return what gives every transistor its mismatch."""

        def shift(polarity: str, width: float, name: str | None, length: float | None) -> tuple[float, float]:
            draw = None if sample.mismatch is None or name is None else (sample.mismatch[0], name, sample.mismatch[1])
            return self.technology.transistor_shift(polarity, width, length=length, draw=draw)

        return shift

    def _make_numbers(self, sample: Sample) -> dict[str, float]:
        """Apply the temperature laws."""
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
        return measures(waves, self.timing, supply=self._supply(sample), set_voltage=rail, device=self._device_numbers(sample), latch=self._latch(sample))

    def _latch(self, sample: Sample) -> Latch:
        """Return what is known of the sample's latch: its own offset where mismatch is drawn, else the spread over latches."""
        design = self.design
        if sample.mismatch is None or not design.sense_sensitivity:
            return Latch(spread=design.sense_offset, noise=design.sense_noise)
        return Latch(offset=own_offset(design, self.netlists[design.sense_cell], self._shift(sample)), noise=design.sense_noise)
