"""Input-referred offset of the sense amplifiers, by bisection over draws of their mismatch.

The StrongARM latch compares two voltages, the pre-charge amplifier two resistances; so the offset is a voltage there and
the logarithm of a ratio of resistances here. Both are found in the same way: the input at which the decision turns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError, SimulationError, suggest
from ..units import spice_number
from . import waveform
from .cell import Cell
from .design import ModuleDesign
from .dropout_bench import OPTIONS
from .read_netlist import PAIRS, balance, read_cells, sense_shifts, sense_sizes
from .read_noise import branch_resistance, node_voltage
from .simulator.deck import Deck, Simulator
from .technology import Technology

Floats = NDArray[np.float64]

TRANSISTORS: Mapping[str, Mapping[str, tuple[str, str, str]]] = {
    "sense_amp": {"i1": ("p", "wi", "li"), "i2": ("p", "wi", "li"), "c1": ("p", "wc", "lg"), "c2": ("p", "wc", "lg"),
                  "q1": ("n", "wq", "lg"), "q2": ("n", "wq", "lg"), "t": ("p", "wt", "lg")},
    "precharge_sense_amp": {"n1": ("n", "wn", "lg"), "n2": ("n", "wn", "lg"), "p1": ("p", "wp", "ls"), "p2": ("p", "wp", "ls"),
                            "a1": ("n", "wa", "ls"), "a2": ("n", "wa", "ls")},
}  # fmt: skip
"""Of each amplifier: the transistors whose mismatch is drawn, with polarity and the parameters of width and length."""
ENABLE_AT = 0.5e-9
"""Enable of the amplifier [s]."""
EDGE = 50e-12
WINDOW = 3e-9
"""Time that the latch of a design gets to decide: more than any flow gives it, so that its offset is not a matter of time [s]."""
MAX_STEP = 20e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class SenseBench:
    """One sense amplifier with its inputs.

    Parameters
    ----------
    technology : Technology
        Transistors.
    cell : {"sense_amp", "precharge_sense_amp"}
        Which amplifier.
    sizes : mapping of str to float
        Parameters of the cell that differ from its defaults [m, F].
    resistance : float
        StrongARM latch: source resistance of both inputs [ohm]; it decides how much the latch kicks its inputs.
        Pre-charge amplifier: geometric mean of data and reference resistance [ohm].
    common : float
        Common mode of the inputs of the StrongARM latch [V].
    wire : float
        Wire capacitance of each input [F].
    window : float
        Time from the enable in which it has to decide [s].
    temperature : float
        Temperature [K].
    corner : str
        Process corner.
    supply : float or None
        Supply; None: nominal [V].

    Examples
    --------
    >>> bench = SenseBench(technology=Technology.load("cmos40lp"), cell="sense_amp", resistance=248e3, common=0.33)
    >>> [line for line in bench.deck(0.01).text.splitlines() if line.startswith("Vp")]
    ['Vp sp 0 0.335']
    """

    technology: Technology
    cell: str
    resistance: float
    sizes: Mapping[str, float] = field(default_factory=dict)
    common: float = 0.0
    wire: float = 1e-15
    window: float = 2e-9
    temperature: float = 300.0
    corner: str = "tt"
    supply: float | None = None

    def __post_init__(self) -> None:
        if self.cell not in TRANSISTORS:
            raise ParameterError("unknown sense amplifier", where="SenseBench, cell", value=self.cell, remedy=suggest(str(self.cell), TRANSISTORS))
        for name in ("resistance", "wire", "window", "temperature"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ParameterError("must be > 0", where=f"SenseBench, {name}", value=getattr(self, name), remedy="give it in SI units")

    @classmethod
    def of_design(cls, design: ModuleDesign, technology: Technology, numbers: Mapping[str, float], **conditions: float | str) -> Self:
        """Return the latch of a design with a junction reference, between its nodes: their common mode, resistance and wire.

        Parameters
        ----------
        design : ModuleDesign
            With ``reference = "junction"``.
        technology : Technology
            That of the design.
        numbers : mapping of str to float
            ``rp``, ``tmr``, ``vh`` and ``cj`` of the junction.
        **conditions
            ``corner``, ``temperature`` [K], ``supply`` [V].
        """
        cells = {name: Cell.load(name) for name in read_cells(design)}
        supply = float(conditions.get("supply", technology.supply))
        at = {**numbers, "load": design.read["load"], "strings": design.read["reference_strings"], "supply": supply}
        volts = node_voltage(at, "reference")
        resistance = 1 / (1 / branch_resistance(at, "reference", volts) + 1 / (at["load"] * at["rp"]))
        wire = design.read.get("cn", cells["read_front"].parameters["cn"]) + balance(design, cells, at["cj"])
        sizes = {key: value for key, value in sense_sizes(design, cells[design.sense_cell]).items() if key[0] in "wl"}
        chosen: dict[str, Any] = dict(conditions)
        return cls(technology=technology, cell=design.sense_cell, resistance=resistance, sizes=sizes, common=volts, wire=wire, window=WINDOW, **chosen)

    def linear_offsets(self, sensitivities: Mapping[str, float], *, draws: int, seed: int) -> Floats:
        """Return what the sensitivities make of every draw, shape (draws,) [V]; draw k is that of :meth:`offsets`."""
        sizes = {**{key: value for key, value in Cell.load(self.cell).parameters.items() if key[0] in "wl"}, **self.sizes}
        out = []
        for number in range(draws):

            def shift(kind: str, width: float, name: str | None, length: float | None, number: int = number) -> tuple[float, float]:
                return self.technology.transistor_shift(kind, width, length=length, draw=(seed, str(name), number))

            drawn = sense_shifts(sizes, shift)
            out.append(sum(sensitivities[key] * (drawn[one][index] - drawn[other][index]) for key, (one, other, index) in PAIRS.items()))
        return np.asarray(out)

    def deck(self, difference: float, draw: tuple[int, int] | None = None, *, shifts: Mapping[str, float] | None = None, charge: float = 0.0) -> Deck:
        """Return the deck for one input.

        Parameters
        ----------
        difference : float
            Data minus reference input [V]; of the pre-charge amplifier ln(R_data / R_reference) [1].
        draw : (int, int), optional
            Seed and number of the mismatch draw; None switches it off. Draw k of the StrongARM latch is that of draw k
            of the dropout module.
        shifts : mapping of str to float, optional
            Shift parameters of the cell that replace those of the draw: thresholds [V] and mobility factors [1].
        charge : float
            Charge that goes into x1 and out of x2 of the StrongARM latch as it is enabled [C].
        """
        cell = Cell.load(self.cell)
        sizes = {**{key: value for key, value in cell.parameters.items() if key[0] in "wl"}, **self.sizes}
        if "lg" in self.sizes and "li" in sizes:
            sizes["li"] = self.sizes.get("li", self.sizes["lg"])
        parameters = dict(sizes)
        for name, (kind, width, length) in TRANSISTORS[self.cell].items():
            where = None if draw is None else (draw[0], f"sense.{name}", draw[1])
            vth, mobility = self.technology.transistor_shift(kind, sizes[width], length=sizes[length], draw=where)
            parameters[f"d{name}"] = vth
            if f"m{name}" in cell.parameters:
                parameters[f"m{name}"] = mobility
        parameters |= shifts or {}
        supply, on = self.technology.supply if self.supply is None else self.supply, ENABLE_AT
        if self.cell == "sense_amp":
            lines = [f"Vp sp 0 {spice_number(self.common + difference / 2)}", f"Vn sn 0 {spice_number(self.common - difference / 2)}"]
            lines += [f"Rp sp a {spice_number(self.resistance)}", f"Rn sn b {spice_number(self.resistance)}"]
            rest, active = supply, 0.0
        else:
            half = math.exp(0.5 * difference)
            lines = [f"Rp a 0 {spice_number(self.resistance * half)}", f"Rn b 0 {spice_number(self.resistance / half)}"]
            rest, active = 0.0, supply
        lines += [f"Ca a 0 {spice_number(self.wire)}", f"Cb b 0 {spice_number(self.wire)}", f"Vvdd vdd 0 {spice_number(supply)}"]
        lines.append(f"Ven en 0 PWL(0 {spice_number(rest)} {spice_number(on)} {spice_number(rest)} {spice_number(on + EDGE)} {spice_number(active)})")
        if charge:
            height = charge / (2 * EDGE)
            lines.append(f"Iq xa.x2 xa.x1 PWL(0 0 {spice_number(on + EDGE)} 0 {spice_number(on + 2 * EDGE)} {spice_number(height)} {spice_number(on + 3 * EDGE)} {spice_number(height)} {spice_number(on + 4 * EDGE)} 0)")
        lines.append(cell.instance("a", ["a", "b", "en", "op", "on", "vdd"], **parameters))
        body = "\n".join([cell.text.rstrip("\n"), *lines])
        return Deck(
            text="\n".join([self.technology.preamble(body, corner=self.corner), body]), name=self.cell, save=("v(op)", "v(on)", "i(vvdd)"),
            stop=on + self.window, max_step=MAX_STEP, temperature_c=self.temperature - 273.15, options=dict(OPTIONS),
            parameters={"difference": difference, "draw": -1.0 if draw is None else float(draw[1])},
        )  # fmt: skip

    def offsets(self, simulator: Simulator, *, draws: int, seed: int, span: float, steps: int = 10) -> Floats:
        """Return the offset of every draw: the input at which its decision turns, shape (draws,) [V or 1].

        Parameters
        ----------
        simulator : Simulator
            Any object with ``run(decks)``.
        draws, seed : int
            Mismatch draws.
        span : float
            Offsets are looked for within +- span [V or 1].
        steps : int
            Halvings; the result is good to span / 2^steps [1].

        Raises
        ------
        SimulationError
            If a run failed, or an offset lies outside the span.
        """
        return self._turn(simulator, [partial(self.deck, draw=(seed, k)) for k in range(draws)], span, steps)

    def sensitivities(self, simulator: Simulator, *, step: float = 10e-3, span: float = 50e-3, steps: int = 14) -> dict[str, float]:
        """Return how the offset of the StrongARM latch follows the mismatch of its pairs.

        Parameters
        ----------
        simulator : Simulator
            Any object with ``run(decks)``.
        step : float
            Difference that each pair of thresholds is given, to either side, half of it to each transistor [V]; the mobility
            factors get ten times that [1].
        span, steps
            As in :meth:`offsets`.

        Returns
        -------
        dict of str to float
            Per threshold difference of input, cross-coupled p and n pair [1], per difference of the input pair's mobility factors
            [V], named as a design has them.
        """
        trials: list[dict[str, float]] = []
        for one, other, index in PAIRS.values():
            for sign in (1, -1):
                kind, base = ("m", 1.0) if index else ("d", 0.0)
                half = sign * step * (5 if index else 0.5)
                trials.append({f"{kind}{one}": base + half, f"{kind}{other}": base - half})
        found = self._turn(simulator, [partial(self.deck, shifts=trial) for trial in trials], span, steps)
        return {key: float(found[2 * k] - found[2 * k + 1]) / (2 * step * (10 if PAIRS[key][2] else 1)) for k, key in enumerate(PAIRS)}

    def gain_capacitance(self, simulator: Simulator, *, charge: float = 0.05e-15, span: float = 50e-3, steps: int = 14) -> float:
        """Return the gain of the input pair times the capacitance at its drains [F].

        A difference of charge between these nodes moves the decision like an input difference of charge over this product: what
        the noise charge of the pair is referred to the input by, see :func:`~spinbnn.circuit.read_noise.latch_noise`. Measured with
        ``charge`` put into one of them and taken out of the other, a difference of twice that.
        """
        found = self._turn(simulator, [partial(self.deck, charge=q) for q in (charge, -charge)], span, steps)
        return 4 * charge / abs(float(found[0] - found[1]))

    def input_capacitance(self, simulator: Simulator, *, step: float = 0.05) -> float:
        """Return the capacitance of one input of the StrongARM latch at rest and of its wire, from the time constant behind the source resistance [F]."""
        at, supply = ENABLE_AT, self.technology.supply if self.supply is None else self.supply
        rise = f"Vp sp 0 PWL(0 {spice_number(self.common)} {spice_number(at)} {spice_number(self.common)} {spice_number(at + 1e-12)} {spice_number(self.common + step)})"
        deck = self.deck(0.0)
        lines = [rise if line.startswith("Vp ") else f"Ven en 0 {spice_number(supply)}" if line.startswith("Ven ") else line for line in deck.text.splitlines()]
        (result,) = simulator.run([replace(deck, text="\n".join(lines), save=("v(a)",), stop=at + 8 * self.window)])
        w = result.require().waveforms
        return (waveform.crossing(w["time"], w["v(a)"], self.common + step * (1 - math.exp(-1)), at, at + 8 * self.window) - at) / self.resistance

    def _turn(self, simulator: Simulator, decks: Sequence[Callable[[float], Deck]], span: float, steps: int) -> Floats:
        def decide(inputs: Sequence[float]) -> list[bool]:
            waves = (result.require().waveforms for result in simulator.run([deck(float(x)) for deck, x in zip(decks, inputs, strict=True)]))
            return [bool(w["v(op)"][-1] > w["v(on)"][-1]) for w in waves]

        for end, wanted in ((-span, False), (span, True)):
            wrong = [k for k, high in enumerate(decide([end] * len(decks))) if high != wanted]
            if wrong:
                raise SimulationError("an offset lies outside the span", where=f"{self.cell}, number {wrong[0]}", value=span, remedy="raise span")
        return bisect(decide, len(decks), -span, span, steps)

    def decision(self, simulator: Simulator, difference: float) -> tuple[bool, float, float]:
        """Return what the nominal amplifier decides, how long it takes [s] and what it draws from the supply [J].

        The time runs from the enable to 90 % of the supply between the outputs; NaN if it stays undecided.
        """
        (result,) = simulator.run([self.deck(difference)])
        w, supply = result.require().waveforms, self.technology.supply if self.supply is None else self.supply
        high = bool(w["v(op)"][-1] > w["v(on)"][-1])
        apart = (w["v(op)"] - w["v(on)"]) * (1 if high else -1)
        stop = ENABLE_AT + self.window
        moment = waveform.crossing(w["time"], apart, 0.9 * supply, ENABLE_AT, stop)
        energy = -supply * waveform.integral(w["time"], w["i(vvdd)"], ENABLE_AT, stop)
        return high, moment - ENABLE_AT, energy


def bisect(decide: Callable[[Sequence[float]], Sequence[bool]], count: int, low: float, high: float, steps: int) -> Floats:
    """Return where each of ``count`` rising decisions turns from False to True, all halved together.

    Examples
    --------
    >>> turns = bisect(lambda x: [x[0] > 0.3, x[1] > -0.7], 2, -1.0, 1.0, 20)
    >>> turns.round(5).tolist()
    [0.3, -0.7]
    """
    below, above = np.full(count, low), np.full(count, high)
    for _ in range(steps):
        middle = 0.5 * (below + above)
        up = np.asarray(decide(middle.tolist()), bool)
        above, below = np.where(up, middle, above), np.where(up, below, middle)
    return np.asarray(0.5 * (below + above))
