"""What a mirrored design holds: the reference current that its junction asks for at each temperature, and the steps of its DAC."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..circuit.design import REFERENCE_TEMPERATURE, ModuleDesign
from ..circuit.dropout_bench import DropoutModuleBench
from ..circuit.dropout_cycle import Timing
from ..circuit.dropout_variants import RegulatedModuleBench, TrimmedModuleBench
from ..circuit.set_leg import set_leg_lines
from ..circuit.simulator.deck import Deck
from ..circuit.technology import Technology
from ..device import DeviceParams
from ..errors import ParameterError
from .engines import JobRunner
from .sizing_rules import root

Array = NDArray[np.float64]
COLD, HOT = 233.15, 398.15
"""Temperatures between which a design has to work, -40 and 125 degC [K]."""
KELVINS = (COLD, 273.15, REFERENCE_TEMPERATURE, 348.15, HOT)
"""Temperatures of a check [K]."""
BENCHES: Mapping[str, type[DropoutModuleBench]] = {"voltage": DropoutModuleBench, "regulated": RegulatedModuleBench, "trimmed": TrimmedModuleBench}
"""Bench of each driver."""


def bench_of(design: ModuleDesign, *, technology: Technology, params: DeviceParams, timing: Timing) -> DropoutModuleBench:
    """Return the bench of the driver of a design."""
    return BENCHES[design.driver](technology=technology, params=params, timing=timing, design=design)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureLaw:
    """The mirrored current that gives the nominal module its target, and the straight line through it.

    Attributes
    ----------
    kelvins, currents : tuple of float
        Temperatures [K] and the reference currents that give the target there, times the mirror ratio [A].
    slope : float
        Temperature coefficient that serves them best: least squares of ``I(T)/I(300 K) - 1 = slope (T - 300 K)`` [1/K].
    followed, constant : tuple of float
        Drop probability at each temperature with that slope, and with a constant current [1].
    """

    kelvins: tuple[float, ...]
    currents: tuple[float, ...]
    slope: float
    followed: tuple[float, ...]
    constant: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DacLinearity:
    """Steps of the DAC of one module and of draws of its mismatch.

    Attributes
    ----------
    currents : ndarray
        SET current at every code: first the nominal module, then the draws; shape (1 + draws, codes) [A].

    Notes
    -----
    The least significant bit (LSB) of a module is the mean of its own steps; the differential nonlinearity of a step is its size less
    one, the integral one of a code is its distance from the line between both end codes, both in LSB. A step that is not > 0 loses a code.
    """

    currents: Array

    @property
    def lsb(self) -> Array:
        """Mean step of each module [A]."""
        return np.asarray((self.currents[:, -1] - self.currents[:, 0]) / (self.currents.shape[1] - 1))

    @property
    def differential(self) -> Array:
        """Differential nonlinearity of every step [LSB], shape (modules, codes - 1)."""
        return np.asarray(np.diff(self.currents, axis=1) / self.lsb[:, None] - 1)

    @property
    def integral(self) -> Array:
        """Integral nonlinearity of every code [LSB], shape (modules, codes)."""
        return np.asarray((self.currents - self.currents[:, :1]) / self.lsb[:, None] - np.arange(self.currents.shape[1]))

    @property
    def missing(self) -> NDArray[np.int64]:
        """Number of codes of each module that give no more current than the code before."""
        return np.asarray(np.sum(np.diff(self.currents, axis=1) <= 0, axis=1))

    @property
    def largest_step(self) -> Array:
        """Largest step of each module over its current in the middle of the range [1]."""
        return np.asarray(np.max(np.diff(self.currents, axis=1), axis=1) / self.currents[:, self.currents.shape[1] // 2])


def temperature_law(
    bench: DropoutModuleBench, engine: JobRunner, *, target: float = 0.5, kelvins: Sequence[float] = (COLD, REFERENCE_TEMPERATURE, HOT), code: int | None = None,
) -> TemperatureLaw:  # fmt: skip
    """Find the reference current of the target at each temperature, on the simulated cycle of the nominal module, and its slope.

    Of a trimmed design the code stays, and the reference current is what is looked for.

    Parameters
    ----------
    bench : DropoutModuleBench
        Regulated or trimmed; a slope of its design is set aside.
    engine : JobRunner
        Simulates.
    target : float
        Drop probability, in (0, 1) [1].
    kelvins : sequence of float
        Temperatures, 300 K among them [K].
    code : int, optional
        Of a trimmed design; by default the one whose segments add up to the mirror that the bias is a replica of.

    Raises
    ------
    ParameterError
        If the design has no mirror, 300 K is missing, or no current gives the target.
    SimulationError
        If a simulation fails.
    """
    if bench.driver == "voltage":
        raise ParameterError("a voltage-mode driver has no reference current", where="temperature_law, bench", value=bench.design.name, remedy="a regulated or trimmed design")
    if REFERENCE_TEMPERATURE not in kelvins:
        raise ParameterError("300 K is missing", where="temperature_law, kelvins", value=list(kelvins), remedy="the slope is taken over the current at 300 K")
    wanted = math.log(-math.log1p(-target))
    chosen = code_of_whole(bench.design) if code is None and bench.driver == "trimmed" else code

    def p_at(current: float, kelvin: float) -> float:
        flat = {k: v for k, v in bench.design.bias.items() if k != "slope"}
        if bench.driver == "trimmed":
            trial = replace(bench, design=replace(bench.design, bias=flat, reference_current=current))
            sample = trial.nominal(temperature=kelvin, code=float(chosen or 0))
        else:
            trial = replace(bench, design=replace(bench.design, bias=flat))
            sample = trial.nominal(temperature=kelvin, set_current=current)
        (result,) = engine.run([trial.deck(sample)])
        return float(trial.measure(result, sample)["p_drop"])

    def needed(kelvin: float, about: float) -> float:
        def hazard(current: float) -> float:
            return math.log(-math.log1p(-min(max(p_at(current, kelvin), 1e-12), 1 - 1e-12))) - wanted

        return root(hazard, about / 2, 2 * about, tolerance=3e-5, what=f"the reference current of p = {target:g} at {kelvin - 273.15:g} degC")

    start = bench.design.reference_current or 200e-6
    at_reference = needed(REFERENCE_TEMPERATURE, start)
    currents = [at_reference if k == REFERENCE_TEMPERATURE else needed(k, at_reference) for k in kelvins]
    x = np.array(kelvins) - REFERENCE_TEMPERATURE
    slope = float(f"{float(x @ (np.array(currents) / at_reference - 1) / (x @ x)):.3g}")
    return TemperatureLaw(
        kelvins=tuple(kelvins), currents=tuple(currents), slope=slope,
        followed=tuple(p_at(at_reference * (1 + slope * (k - REFERENCE_TEMPERATURE)), k) for k in kelvins), constant=tuple(p_at(at_reference, k) for k in kelvins),
    )  # fmt: skip


def code_of_whole(design: ModuleDesign) -> int:
    """Return the code whose widths over lengths add up to those of the bias times its ratio: the nominal module's, more or less.

    Examples
    --------
    >>> code_of_whole(ModuleDesign.load("module_trimmed_cmos40lp"))
    33
    """
    whole = design.bias["wm"] * design.bias["ratio"] / design.mirror["l"]
    strengths = [w / own for w, own in design.dac]
    total = [design.mirror["w"] / design.mirror["l"] + sum(s for k, s in enumerate(strengths) if code >> k & 1) for code in range(design.codes)]
    return int(np.argmin(np.abs(np.array(total) - whole)))


def dac_linearity(bench: DropoutModuleBench, engine: JobRunner, *, draws: int = 0, seed: int = 0, kelvin: float = REFERENCE_TEMPERATURE) -> DacLinearity:
    """Measure the DC current of the SET leg at every code, of the nominal module and of draws of its transistors' mismatch.

    Parameters
    ----------
    bench : DropoutModuleBench
        Trimmed.
    engine : JobRunner
        Simulates operating points.
    draws : int
        Draws of the mismatch, those of flows with this seed.
    seed : int
        Seed of the draws.
    kelvin : float
        Temperature [K].

    Raises
    ------
    ParameterError
        If the design has no DAC.
    SimulationError
        If a simulation fails.
    """
    if bench.driver != "trimmed":
        raise ParameterError("the design has no DAC", where="dac_linearity, bench", value=bench.design.name, remedy="a trimmed design")
    modules: list[tuple[int, int] | None] = [None, *((seed, k) for k in range(draws))]
    track = float(bench.params.value("electrical.track_resistance"))
    decks = (_leg(bench, code, mismatch, kelvin, track) for mismatch in modules for code in range(bench.design.codes))
    found = [abs(float(result.require().waveforms["i(vtrack)"][0])) for result in engine.run(decks)]
    return DacLinearity(currents=np.array(found).reshape(len(modules), bench.design.codes))


def bit_steps(bench: DropoutModuleBench, engine: JobRunner) -> Array:
    """Return the DC current that each bit adds to the SET current of the nominal module, alone, least significant first [A].

    Raises
    ------
    SimulationError
        If a simulation fails.
    """
    track = float(bench.params.value("electrical.track_resistance"))
    codes = (0, *(1 << bit for bit in range(len(bench.design.dac))))
    found = [abs(float(r.require().waveforms["i(vtrack)"][0])) for r in engine.run([_leg(bench, code, None, REFERENCE_TEMPERATURE, track) for code in codes])]
    return np.array(found[1:]) - found[0]


def _leg(bench: DropoutModuleBench, code: int, mismatch: tuple[int, int] | None, kelvin: float, track: float) -> Deck:
    """Return the operating point of the SET leg: mirror, bits, P1 with its gate at ground, track and N2 with its gate at the supply."""
    tech = bench.technology

    def shift(polarity: str, width: float, name: str | None, length: float | None) -> tuple[float, float]:
        return tech.transistor_shift(polarity, width, length=length, draw=None if mismatch is None or name is None else (mismatch[0], name, mismatch[1]))

    lines = set_leg_lines(bench.design, bench.netlists, shift, code=code, supply=tech.supply, track=track, gate_length=tech.gate_length, temperature=kelvin)
    return Deck(text="\n".join([tech.preamble("\n".join(lines), corner="tt"), *lines]), name="set_leg", save=("i(vtrack)",), temperature_c=kelvin - 273.15)


def design_report(bench: DropoutModuleBench, law: TemperatureLaw, linearity: DacLinearity | None) -> list[tuple[str, list[str], list[list[Any]]]]:
    """Return tables (heading, columns, rows) of a check, for the reader.

    Examples
    --------
    >>> from spinbnn.characterize.design_check import DacLinearity
    >>> float(DacLinearity(currents=np.array([[1.0, 2.0, 3.0, 5.0]])).differential.max())
    0.5
    """
    design: ModuleDesign = bench.design
    rows: list[list[Any]] = [
        [f"{k - 273.15:g} degC", f"{i * 1e6:.2f}", f"{i / law.currents[law.kelvins.index(REFERENCE_TEMPERATURE)]:.4f}", f"{f:.3f}", f"{c:.3g}"]
        for k, i, f, c in zip(law.kelvins, law.currents, law.followed, law.constant, strict=True)
    ]
    head = f"{design.name}: reference current of the target; best slope {100 * law.slope:.3g} %/K, the design has {100 * design.bias.get('slope', 0.0):.3g} %/K"
    out = [(head, ["temperature", "reference current [uA]", "over that at 300 K", "p with the best slope", "p with a constant current"], rows)]
    if linearity is not None:
        out.append((f"DAC of {design.name}: {design.codes} codes", ["module", "LSB [uA]", "LSB [% of mid]", "DNL [LSB]", "INL [LSB]", "largest step [% of mid]", "missing codes"], dac_rows(linearity)))
    return out


def dac_rows(found: DacLinearity) -> list[list[Any]]:
    """Return the rows of the DAC's table: the nominal module, and over the draws the worst of each figure."""
    middle = found.currents[:, found.currents.shape[1] // 2]

    def row(name: str, pick: Mapping[str, Array]) -> list[Any]:
        return [name, *(f"{v:.3g}" for v in (pick["lsb"].mean() * 1e6, 100 * pick["share"].mean())), f"{pick['dnl'].min():+.2f} to {pick['dnl'].max():+.2f}", f"{pick['inl'].min():+.2f} to {pick['inl'].max():+.2f}", f"{100 * pick['step'].max():.3g}", f"{int(pick['missing'].sum())}"]

    def of(chosen: slice) -> dict[str, Array]:
        return {"lsb": found.lsb[chosen], "share": (found.lsb / middle)[chosen], "dnl": found.differential[chosen], "inl": found.integral[chosen], "step": found.largest_step[chosen], "missing": found.missing[chosen].astype(float)}

    rows = [row("nominal", of(slice(0, 1)))]
    if (draws := found.currents.shape[0] - 1) > 0:
        rows.append(row(f"{draws} draws, worst", of(slice(1, None))))
        rows[-1][-1] += f" in {int(np.sum(found.missing[1:] > 0))} modules"
    return rows
