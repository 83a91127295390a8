"""Sizing of the dropout module: from technology, device and target probability to widths and amplitude, step by step.

Deterministic: the switching model gives the currents, DC currents of the technology's transistors the widths, bisection on the
simulated cycle the amplitude and the reference of the read-out. Every step is kept with its reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..circuit import NgspiceShared, Technology, Timing
from ..circuit.design import REFERENCE_TEMPERATURE, ModuleDesign
from ..circuit.dropout_bench import DRIVER_BENCHES, DropoutModuleBench, Sample
from ..circuit.simulator.deck import Deck
from ..device import DeviceParams, SwitchingModel
from ..errors import ParameterError, SpinbnnError
from ..units import spice_number
from .design_check import bench_of, bit_steps, dac_linearity, temperature_law
from .engines import JobRunner
from .sizing_rules import (
    DRIVEN,
    RULES,
    TEMPLATES,
    adjusted_segments,
    dac_segments,
    dac_step,
    gates_for,
    grid_of,
    on_grid,
    root,
    scaled_mirror,
)

Place = tuple[str, float, float]
"""Corner, temperature [K], and supply over the nominal one."""
_CORNERS: tuple[Place, ...] = (
    ("tt", 300.15, 1.0), ("ss", 233.15, 0.95), ("ff", 398.15, 1.05),
    ("sf", 233.15, 0.95), ("fs", 233.15, 0.95), ("sf", 398.15, 1.05), ("fs", 398.15, 1.05),
)  # fmt: skip
"""Conditions that a design is sized for, as far as the technology has the corner."""
_COLD = _CORNERS[1]
"""The condition in which RESET is weakest, as a rule: slow transistors, a high barrier, a low supply. The mixed corners are looked at too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One decision: what was fixed, at which value, and why."""

    what: str
    value: float
    unit: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """A design that was found, how, and what it measures.

    Attributes
    ----------
    design : ModuleDesign
        Driver and sizes.
    amplitude : float
        Of the target: rail [V], mirrored current [A] or code.
    steps : tuple of Step
        In the order in which they were taken.
    measured : mapping of str to mapping
        Measures of the cycle at the corners that the sizing looks at, by ``"corner, temperature, supply"``.
    reasons : mapping of str to str
        Reason of each size that was changed, by ``section.key``, for the file.
    """

    design: ModuleDesign
    amplitude: float
    steps: tuple[Step, ...]
    measured: Mapping[str, Mapping[str, float]]
    reasons: Mapping[str, str]


def size_module(
    technology: Technology, params: DeviceParams, *, driver: str = "voltage", target: float = 0.5, timing: Timing | None = None,
    temperature: float = 300.15, reset_failure: float = 0.01, template: ModuleDesign | None = None, simulator: JobRunner | None = None,
) -> Sizing:  # fmt: skip
    """Size a dropout module.

    Parameters
    ----------
    technology : Technology
        Transistors and supply.
    params : DeviceParams
        Junction and track.
    driver : {"voltage", "regulated", "trimmed"}
        How the SET amplitude is set.
    target : float
        Drop probability, in (0, 1) [1].
    timing : Timing, optional
        Phase plan.
    temperature : float
        At which the target holds [K].
    reset_failure : float
        Largest probability that RESET fails [1].
    template : ModuleDesign, optional
        What is not sized (wires, sense amplifier, lengths, gate drivers before scaling) is taken from it; by default
        ``module_<driver>_<technology>``, and for a trimmed driver that has none the regulated one with a DAC added.
    simulator : JobRunner, optional
        ``NgspiceShared`` by default; anything with ``run(decks)``.

    Raises
    ------
    ParameterError
        If the device cannot be switched so (RESET too short, target out of reach), the supply leaves no headroom, no width within
        reach holds a demand over the corners (with what was tried), or there is no template of this driver.
    SimulationError, MissingToolError
        If a simulation fails, or ngspice is missing.

    Examples
    --------
    >>> sizing = size_module(Technology.load("cmos40lp"), DeviceParams.load("seed_eq23"))  # doctest: +SKIP
    """
    if driver not in DRIVER_BENCHES:
        raise ParameterError("unknown driver", where="size_module, driver", value=driver, remedy=", ".join(DRIVER_BENCHES))
    if not 0 < target < 1:
        raise ParameterError("a target lies between 0 and 1", where="size_module, target", value=target, remedy="e.g. 0.5")
    plan = timing or Timing()
    start = template or template_of(driver, technology.name)
    if start.driver not in TEMPLATES[driver]:
        raise ParameterError(f"a {driver} driver is not sized from a {start.driver} one", where="size_module, template", value=start.name, remedy=f"give a {' or '.join(TEMPLATES[driver])} design")
    if simulator is not None:
        return _Sizer(technology, params, driver, target, plan, temperature, reset_failure, start, simulator).run()
    with NgspiceShared(workers=1) as engine:
        return _Sizer(technology, params, driver, target, plan, temperature, reset_failure, start, engine).run()


def template_of(driver: str, technology: str) -> ModuleDesign:
    """Return the shipped design that a sizing starts from; for a trimmed driver that has none, the regulated one.

    Raises
    ------
    ParameterError
        If there is none.
    """
    reason: SpinbnnError | None = None
    names = [f"module_{driver}_{technology}"] + ([f"module_regulated_{technology}"] if driver == "trimmed" else [])
    for name in names:
        try:
            return ModuleDesign.load(name)
        except SpinbnnError as error:
            reason = error
    raise ParameterError("there is no design to start from", where="size_module, template", value=names[0], remedy=f"give a template ({reason})")


class _Sizer:
    """One sizing: the inputs, the steps so far and the design as it grows."""

    def __init__(self, technology: Technology, params: DeviceParams, driver: str, target: float, timing: Timing, temperature: float, reset_failure: float, template: ModuleDesign, engine: JobRunner) -> None:
        self.technology, self.params, self.driver, self.target, self.timing = technology, params, driver, target, timing
        self.temperature, self.reset_failure, self.engine = temperature, reset_failure, engine
        self.steps: list[Step] = []
        self.reasons: dict[str, str] = {}
        self.template, self.design, self.code = template, replace(template, technology=technology.name), 0
        self.grid = grid_of(technology.name)
        self.places = tuple(place for place in _CORNERS if place[0] in technology.corners)
        self.cold = tuple(place for place in self.places if place[1] == _COLD[1])
        widths = [v for group in (template.bridge, template.read, template.sense, *template.gates.values()) for k, v in group.items() if k.startswith("w")]
        self.least = min(widths)

    def run(self) -> Sizing:
        set_current, reset_current, track = self._currents()
        self._bridge(set_current, reset_current, track)
        if self.driver != "voltage":
            self._mirror(set_current)
            self._slope()
        if self.driver == "trimmed":
            self._dac(set_current)
            self._calibrate()
            self._slope()
        self._reset(reset_current)
        self._reference()
        amplitude = self._amplitude(set_current)
        measured = {}
        for corner, kelvin, share in self.places:
            found = self._cycle([self._sample(amplitude, corner, kelvin, share)])[0]
            measured[f"{corner}, {kelvin - 273.15:.4g} degC, {share * self.technology.supply:.4g} V"] = found
        return Sizing(design=self.design, amplitude=amplitude, steps=tuple(self.steps), measured=measured, reasons=self.reasons)

    def _note(self, what: str, value: float, unit: str, why: str) -> None:
        self.steps.append(Step(what=what, value=value, unit=unit, why=why))

    def _currents(self) -> tuple[float, float, float]:
        """Currents that the junction needs, from the switching model alone."""
        model, t, kelvin = SwitchingModel.from_params(self.params), self.timing, self.temperature
        set_current = float(model.current_for(self.target, t.set, kelvin))
        self._note("SET current", set_current, "A", f"p = {self.target:g} in a rectangular pulse of {t.set * 1e9:g} ns, from the switching model")
        floor = 1 - float(model.probability(2 * np.max(model.current_limit), t.reset, kelvin))
        wanted = RULES["reset_share"] * self.reset_failure
        if wanted <= floor:
            raise ParameterError(
                f"RESET cannot fail in less than {floor:.3g} of the cycles in this time", where="size_module, timing.reset", value=t.reset,
                remedy=f"lengthen RESET, or allow more than {floor / RULES['reset_share']:.3g}",
            )  # fmt: skip
        _, cold, share = _COLD
        reset_current = float(model.current_for(1 - wanted, t.reset, cold))
        self._note("RESET current", reset_current, "A", f"failure of {RULES['reset_share']:g} of {self.reset_failure:g} in {t.reset * 1e9:g} ns at {cold - 273.15:g} degC, from the switching model")
        track = self.params.value("electrical.track_resistance")
        left = share * self.technology.supply - reset_current * track
        self._note("headroom of RESET", left, "V", f"{share:g} of the supply less {reset_current * track:.3f} V across the track of {track:g} ohm")
        if left < RULES["least_headroom"] * self.technology.supply:
            raise ParameterError("the supply leaves no headroom for RESET", where="size_module, supply", value=self.technology.supply, remedy="a track of less resistance, a longer RESET, or a higher supply")
        return set_current, reset_current, track

    def _bridge(self, set_current: float, reset_current: float, track: float) -> None:
        vdd = self.technology.supply
        drop = RULES["ground_drop"] * vdd
        n1 = self._width("n", vdd, drop, reset_current, "N1", f"{drop * 1e3:.0f} mV at the RESET current")
        share = _COLD[2] * vdd - drop - reset_current * track
        p2 = self._width("p", vdd, share, reset_current, "P2", f"the remaining {share:.3f} V at the RESET current")
        small = RULES["set_drop" if self.driver == "voltage" else "mirror_set_drop"] * vdd
        n2 = self._width("n", vdd, small, set_current, "N2", f"{small * 1e3:.0f} mV at the SET current")
        bridge = {**self.design.bridge, "wn1": n1, "wp2": p2, "wn2": n2}
        if self.driver == "voltage":
            rail = RULES["rail"] * vdd
            across = rail - small - set_current * track
            if across < RULES["least_headroom"] * vdd:
                raise ParameterError("the SET rail leaves no headroom for P1", where="size_module, supply", value=vdd, remedy="a track of less resistance, or a higher supply")
            bridge["wp1"] = self._width("p", rail, across, set_current, "P1", f"a rail of {rail:.3g} V ({RULES['rail']:g} of the supply): {across:.3f} V across P1")
        self.design = replace(self.design, bridge=bridge, name=f"module_{self.driver}_{self.technology.name}_sized", technology=self.technology.name)

    def _width(self, polarity: str, gate: float, drain: float, current: float, name: str, why: str) -> float:
        """Width at which a transistor carries a current, from its simulated DC current; four rounds, since the density depends on it."""
        width = 1e-6
        for _ in range(4):
            width = max(self.least, width * current / self._dc(polarity, width, gate, drain))
        width = on_grid(width, self.grid)
        self._note(f"width of {name}", width, "m", why)
        self.reasons[f"bridge.w{name.lower()}"] = f"sized: {why}"
        return width

    def _dc(self, polarity: str, width: float, gate: float, drain: float) -> float:
        sign = 1.0 if polarity == "n" else -1.0
        length = self.technology.gate_length
        body = "\n".join([
            f"Vg g 0 {spice_number(sign * gate)}", f"Vd d 0 {spice_number(sign * drain)}",
            f"Xm d g 0 0 {polarity}fet w={spice_number(width)} l={spice_number(length)}",
        ])  # fmt: skip
        deck = Deck(text="\n".join([self.technology.preamble(body, corner="tt"), body]), name="sizing", save=("i(vd)",), temperature_c=self.temperature - 273.15)
        (result,) = self.engine.run([deck])
        return abs(float(result.require().waveforms["i(vd)"][0]))

    def _mirror(self, set_current: float) -> None:
        """Widen mirror, cascode and bias of the template until the current holds at the lowest supply, where it is largest."""
        whole = on_grid(self.design.bias["wm"] * self.design.bias["ratio"], self.grid)  # a trimmed template holds only the fixed part of it
        bias = {k: v for k, v in self.design.bias.items() if k != "slope"}
        base = replace(self.design, driver="regulated", dac=(), dac_switch=0.0, reference_current=0.0, mirror={**self.design.mirror, "w": whole}, bias=bias)
        scale, kelvin, share = 1.0, _COLD[1], _COLD[2]
        most = self._current(kelvin)
        tried: list[str] = []
        for _ in range(12):
            self.design = scaled_mirror(base, scale, self.grid)
            sag, corner = -math.inf, ""
            for place, _, _ in self.cold:
                full, low = (m["current_set"] for m in self._cycle([self._sample(most, place, kelvin, volts) for volts in (1.0, share)]))
                sag, corner = max((sag, corner), (1 - low / full, place))
            tried.append(f"{self.design.mirror['w'] * 1e6:.4g} um: {100 * sag:.2f} % ({corner})")
            if sag <= RULES["sag"]:
                break
            scale *= 1.1
        else:
            raise ParameterError(
                f"no width of the mirror holds the current at the lowest supply to {100 * RULES['sag']:g} %", where="size_module, mirror", value="; ".join(tried),
                remedy="a track of less resistance, a higher supply, or a template with a shorter mirror",
            )  # fmt: skip
        why = f"{100 * sag:.2f} % less SET current at {share:g} VDD than at VDD ({corner}, {kelvin - 273.15:g} degC, {most * 1e6:.4g} uA); at most {100 * RULES['sag']:g} % are allowed"
        self._note("width of the mirror", self.design.mirror["w"], "m", why)
        self.reasons |= dict.fromkeys(("mirror.w", "bridge.wp1", "bias.wm", "bias.wc"), f"sized: {why}")

    def _slope(self) -> None:
        """Let the reference current follow the temperature as the nominal junction needs it."""
        law = temperature_law(self._bench(), self.engine, target=self.target, code=self.code if self.design.driver == "trimmed" else None)
        self.design = replace(self.design, bias={**self.design.bias, "slope": law.slope})
        degrees = " and ".join(f"{k - 273.15:g}" for k in law.kelvins if k != REFERENCE_TEMPERATURE)
        ends = [k != REFERENCE_TEMPERATURE for k in law.kelvins]
        p, still = ([f"{x:.3g}" for x, end in zip(row, ends, strict=True) if end] for row in (law.followed, law.constant))
        why = f"p = {' and '.join(p)} at {degrees} degC with it ({' and '.join(still)} with a constant current)"
        self._note("slope of the reference current", law.slope, "1/K", why)
        self.reasons["bias.slope"] = f"sized: {why}"

    def _current(self, kelvin: float) -> float:
        """SET current of the target at a temperature, from the switching model."""
        return float(SwitchingModel.from_params(self.params).current_for(self.target, self.timing.set, kelvin))

    def _needed(self, kelvin: float, target: float, **changed: float) -> float:
        """Current of a target over what the reference gives at that temperature, both over those of the nominal target [1]."""
        values = {key: self.params.value(key.replace("__", ".")) * factor for key, factor in changed.items()}
        model = SwitchingModel.from_params(self.params.with_values(**values))
        asked = float(model.current_for(target, self.timing.set, kelvin)) / self._current(REFERENCE_TEMPERATURE)
        return asked / self.design.current_factor(kelvin)

    def _dac(self, set_current: float) -> None:
        """Split the mirror into a fixed part and the segments of a DAC that covers the targets and the spread, at every temperature."""
        whole, length = self.design.mirror["w"], self.design.mirror["l"]
        kelvins = sorted({kelvin for _, kelvin, _ in self.places})
        spreads = {key: self.params.quantities[key].sigma or 0.0 for key in ("spin_hall.critical_current", "thermal.delta")}
        sigma = max(
            math.hypot(RULES["mirror_sigma"], *(self._needed(k, self.target, **{key.replace(".", "__"): 1 + s}) / self._needed(k, self.target) - 1 for key, s in spreads.items()))
            for k in kelvins
        )  # fmt: skip
        margin, lowest = RULES["dac_sigmas"] * sigma, min(RULES["dac_lowest"], self.target)
        low = min(self._needed(k, lowest) for k in kelvins) * (1 - margin)
        high = max(self._needed(k, self.target) for k in kelvins) * (1 + margin)
        bits = math.ceil(math.log2((high - low) / RULES["dac_step"] + 1))
        segments = dac_segments(whole, length, self.least, bits, (high - low) / (2**bits - 1), self.grid)
        step = dac_step(segments, whole, length)
        fixed = on_grid(whole * low, self.grid)
        low, high = fixed / whole, fixed / whole + step * (2**bits - 1)
        self.code = round((1 - low) / step)
        self.design = replace(self.design, driver="trimmed", mirror={**self.design.mirror, "w": fixed}, dac=segments, dac_switch=self.least, reference_current=set_current)
        why = (
            f"{100 * low:.1f} to {100 * high:.1f} % of the reference in {bits} bits of {100 * step:.3g} %: p from {lowest:g} to {self.target:g} at "
            f"{kelvins[0] - 273.15:g} to {kelvins[-1] - 273.15:g} degC and {RULES['dac_sigmas']:g} sigma of {100 * sigma:.1f} % of spread"
        )
        self._note("width of the fixed mirror", self.design.mirror["w"], "m", why)
        first, last = self.design.dac[0], self.design.dac[-1]
        self._note("bits of the DAC", bits, "1", f"steps of at most about {100 * RULES['dac_step']:g} %; first {first[0] * 1e6:.3g} um x {first[1] * 1e9:.4g} nm, last {last[0] * 1e6:.3g} um x {last[1] * 1e9:.4g} nm")
        self.reasons |= {"mirror.w": f"sized: {why}", "dac.bits": f"sized: {why}"}

    def _calibrate(self) -> None:
        """Bring each bit to its weight by its simulated current: narrow and long transistors do not carry W/L of a wide short one."""
        length, best, worst = self.design.mirror["l"], self.design.dac, math.inf
        before = math.nan
        for _ in range(6):
            steps = bit_steps(self._bench(), self.engine)
            ratios = steps / (steps[-1] * 2.0 ** (np.arange(steps.size) - steps.size + 1))  # the last bit sets the step
            error = float(np.max(np.abs(ratios - 1) * 2.0 ** np.arange(steps.size)))
            before = error if math.isnan(before) else before
            if error < worst:
                best, worst = self.design.dac, error
            self.design = replace(self.design, dac=adjusted_segments(self.design.dac, [float(r) for r in ratios], length, self.least, self.grid))
        self.design = replace(self.design, dac=best)
        found = dac_linearity(self._bench(), self.engine)
        most, lost = float(np.max(np.abs(found.differential))), int(found.missing[0])
        why = f"segments adjusted to their simulated DC current: a bit errs by {worst:.2f} steps at most ({before:.2f} by W/L alone), {100 * float(found.lsb[0] / found.currents[0, self.code]):.3g} % a step; no code of the nominal module is missing"
        if lost or most >= 1:
            raise ParameterError(
                f"the DAC of the nominal module misses {lost} codes", where="size_module, DAC", value=f"differential nonlinearity {most:.2f} steps; {why}",
                remedy="fewer bits, a longer mirror in the template, or a finer grid",
            )  # fmt: skip
        self._note("differential nonlinearity of the DAC", most, "1", why)
        self.reasons["dac.bits"] += f"; {why}"

    def _gates(self) -> None:
        self.design = replace(self.design, gates=gates_for(self.template, self.design, self.least, self.grid))
        self.reasons |= {f"gates.{gate}": "sized: scaled with the transistor that it drives" for gate in self.design.gates if gate in DRIVEN}

    def _reset(self, wanted: float) -> None:
        """Scale P2 and N1 until the simulated RESET current is there in the worst condition; the DC estimate is that of tt."""
        amplitude = self._start()
        tried: list[str] = []
        for _ in range(8):
            current, corner = min((self._cycle([self._sample(amplitude, *place)])[0]["current_reset"], place[0]) for place in self.cold)
            tried.append(f"P2 {self.design.bridge['wp2'] * 1e6:.4g} um, N1 {self.design.bridge['wn1'] * 1e6:.4g} um: {current * 1e6:.4g} uA ({corner})")
            if 1.0 <= current / wanted <= 1.05:
                break
            bridge = {**self.design.bridge, **{key: on_grid(max(self.least, self.design.bridge[key] * 1.02 * wanted / current), self.grid) for key in ("wp2", "wn1")}}
            if bridge == self.design.bridge and current >= wanted:
                break  # the smallest widths give more than is wanted
            self.design = replace(self.design, bridge=bridge)
        else:
            raise ParameterError(
                f"no widths of P2 and N1 give the RESET current of {wanted * 1e6:.4g} uA in the cold corners", where="size_module, RESET", value="; ".join(tried),
                remedy="a longer RESET, a track of less resistance, a higher supply, or a larger allowed RESET failure",
            )  # fmt: skip
        widened: list[str] = []
        for _ in range(12):  # a weak N1 lets the edge of SET disturb what RESET has written; so does a slow gate driver
            self._gates()
            failure, at = max((self._cycle([self._sample(amplitude, *place)])[0]["p_reset_fail"], place) for place in self.places)
            widened.append(f"N1 {self.design.bridge['wn1'] * 1e6:.4g} um: {100 * failure:.3g} % ({at[0]}, {at[1] - 273.15:.4g} degC)")
            if failure <= RULES["reset_most"] * self.reset_failure:
                break
            self.design = replace(self.design, bridge={**self.design.bridge, "wn1": on_grid(1.15 * self.design.bridge["wn1"], self.grid)})
        else:
            raise ParameterError(
                f"RESET fails in more than {100 * RULES['reset_most'] * self.reset_failure:.3g} % of the cycles at every width of N1", where="size_module, RESET", value="; ".join(widened),
                remedy="a longer RESET, or a larger allowed RESET failure",
            )  # fmt: skip
        where = f"{corner}, {_COLD[1] - 273.15:g} degC, {_COLD[2]:g} VDD"
        why = f"scaled until the simulated RESET current at {where} is the wanted one or up to 5 % more"
        self._note("width of P2", self.design.bridge["wp2"], "m", why)
        self._note("width of N1", self.design.bridge["wn1"], "m", f"{why}; widened further while RESET fails in more than {100 * RULES['reset_most'] * self.reset_failure:.3g} %")
        self._note("simulated RESET current", current, "A", f"at {where}; RESET fails in {100 * failure:.2f} % at most over {len(self.places)} conditions")
        self.reasons |= dict.fromkeys(("bridge.wp2", "bridge.wn1"), f"sized: {why}")

    def _reference(self) -> None:
        """Bisect a reference of resistors so that the smallest margins of both states over the corners are equal; one of junctions follows the junction."""
        if self.design.reference == "junction":
            return
        amplitude = self._start()
        low, high = 0.5 * self.design.read["top"], 2.0 * self.design.read["top"]

        def excess(top: float) -> float:
            trial = replace(self.design, read={**self.design.read, "top": top})
            found = self._cycle([self._sample(amplitude, *where, trial) for where in self.places], trial)
            return min(m["margin_0"] for m in found) - min(m["margin_1"] for m in found)

        top = round(root(excess, low, high, tolerance=3e-3, what="the reference of the read-out"), 3)
        self.design = replace(self.design, read={**self.design.read, "top": top})
        found = self._cycle([self._sample(amplitude, *where) for where in self.places])
        least = min(min(m["margin_0"], m["margin_1"]) for m in found)
        why = f"equal least margins of both states over {'; '.join(f'{c} {t - 273.15:g} degC {s:g} VDD' for c, t, s in self.places)}"
        self._note("upper resistor of the reference", top, "R_P", f"{why}: {least * 1e3:.1f} mV")
        self.reasons["read.top"] = f"sized: {why}"

    def _start(self) -> float:
        """An amplitude near the target, for steps that do not depend on it."""
        if self.driver == "voltage":
            return RULES["rail"] * self.technology.supply
        if self.driver == "trimmed":
            return float(self.code)
        return next(step.value for step in self.steps if step.what == "SET current")

    def _amplitude(self, set_current: float) -> float:
        """Bisect the amplitude (of a trimmed design: the reference current, at the code of the nominal SET current) on the simulated p_drop."""
        wanted = math.log(-math.log1p(-self.target))

        def hazard(x: float) -> float:
            if self.driver == "trimmed":
                trial = replace(self.design, reference_current=x)
                p = self._cycle([self._sample(self._start(), "tt", self.temperature, 1.0, trial)], trial)[0]["p_drop"]
            else:
                p = self._cycle([self._sample(x, "tt", self.temperature, 1.0)])[0]["p_drop"]
            return math.log(-math.log1p(-min(max(p, 1e-12), 1 - 1e-12))) - wanted

        vdd = self.technology.supply
        low, high = (0.6 * vdd, 1.2 * vdd) if self.driver == "voltage" else (0.7 * set_current, 1.4 * set_current)
        found = root(hazard, low, high, tolerance=1e-4, what="the SET amplitude")
        if self.driver == "trimmed":
            code = self._start()
            self.design = replace(self.design, reference_current=float(f"{found:.5g}"))
            self._note("reference current", self.design.reference_current, "A", f"bisection on the simulated cycle: code {code:g} gives p = {self.target:g}")
            self.reasons["dac.reference_current"] = f"sized: code {code:g} gives p = {self.target:g}"
            return code
        amplitude = float(f"{found:.5g}")
        self._note("SET amplitude", amplitude, "V" if self.driver == "voltage" else "A", f"bisection on the simulated cycle: p = {self.target:g}")
        return amplitude

    def _sample(self, amplitude: float, corner: str, kelvin: float, share: float, design: ModuleDesign | None = None) -> Sample:
        chosen: dict[str, Any] = {(design or self.design).amplitude: amplitude}
        nominal = self._bench(design).nominal(temperature=kelvin, corner=corner, **chosen)
        return replace(nominal, supply=share * self.technology.supply)

    def _bench(self, design: ModuleDesign | None = None) -> DropoutModuleBench:
        chosen = design or self.design
        return bench_of(chosen, technology=self.technology, params=self.params, timing=self.timing)

    def _cycle(self, samples: Sequence[Sample], design: ModuleDesign | None = None) -> list[dict[str, float]]:
        bench = self._bench(design)
        results: Iterable[Any] = self.engine.run([bench.deck(sample) for sample in samples])
        return [dict(bench.measure(result, sample)) for result, sample in zip(results, samples, strict=True)]
