"""Input-referred offset of the sense amplifiers, by bisection over draws of their mismatch.

The StrongARM latch compares two voltages, the pre-charge amplifier two resistances; so the offset is a voltage there and
the logarithm of a ratio of resistances here. Both are found in the same way: the input at which the decision turns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError, SimulationError, suggest
from ..units import spice_number
from . import waveform
from .cell import Cell
from .dropout_bench import OPTIONS
from .simulator.deck import Deck, Simulator
from .technology import Technology

Floats = NDArray[np.float64]

TRANSISTORS: Mapping[str, Mapping[str, tuple[str, str, str]]] = {
    "sense_amp": {"i1": ("p", "wi", "lg"), "i2": ("p", "wi", "lg"), "c1": ("p", "wc", "lg"), "c2": ("p", "wc", "lg"),
                  "q1": ("n", "wq", "lg"), "q2": ("n", "wq", "lg"), "t": ("p", "wt", "lg")},
    "precharge_sense_amp": {"n1": ("n", "wn", "lg"), "n2": ("n", "wn", "lg"), "p1": ("p", "wp", "ls"), "p2": ("p", "wp", "ls"),
                            "a1": ("n", "wa", "ls"), "a2": ("n", "wa", "ls")},
}  # fmt: skip
"""Of each amplifier: the transistors whose mismatch is drawn, with polarity and the parameters of width and length."""
ENABLE_AT = 0.5e-9
"""Enable of the amplifier [s]."""
EDGE = 50e-12
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

    def __post_init__(self) -> None:
        if self.cell not in TRANSISTORS:
            raise ParameterError("unknown sense amplifier", where="SenseBench, cell", value=self.cell, remedy=suggest(str(self.cell), TRANSISTORS))
        for name in ("resistance", "wire", "window", "temperature"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ParameterError("must be > 0", where=f"SenseBench, {name}", value=getattr(self, name), remedy="give it in SI units")

    def deck(self, difference: float, draw: tuple[int, int] | None = None) -> Deck:
        """Return the deck for one input.

        Parameters
        ----------
        difference : float
            Data minus reference input [V]; of the pre-charge amplifier ln(R_data / R_reference) [1].
        draw : (int, int), optional
            Seed and number of the mismatch draw; None switches it off. Draw k of the StrongARM latch is that of draw k
            of the dropout module.
        """
        cell = Cell.load(self.cell)
        sizes = {**{key: value for key, value in cell.parameters.items() if key[0] in "wl"}, **self.sizes}
        parameters = dict(sizes)
        for name, (kind, width, length) in TRANSISTORS[self.cell].items():
            where = None if draw is None else (draw[0], f"sense.{name}", draw[1])
            vth, mobility = self.technology.transistor_shift(kind, sizes[width], self.corner, length=sizes[length], draw=where)
            parameters[f"d{name}"] = vth
            if f"m{name}" in cell.parameters:
                parameters[f"m{name}"] = mobility
        supply, on = self.technology.supply, ENABLE_AT
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
        which = [(seed, k) for k in range(draws)]
        for end, wanted in ((-span, False), (span, True)):
            wrong = [k for k, high in enumerate(self._decide(simulator, [end] * draws, which)) if high != wanted]
            if wrong:
                raise SimulationError("an offset lies outside the span", where=f"{self.cell}, draw {wrong[0]}", value=span, remedy="raise span")
        return bisect(lambda inputs: self._decide(simulator, inputs, which), draws, -span, span, steps)

    def _decide(self, simulator: Simulator, inputs: Sequence[float], draws: Sequence[tuple[int, int]]) -> list[bool]:
        decks = [self.deck(float(x), draw) for x, draw in zip(inputs, draws, strict=True)]
        waves = (result.require().waveforms for result in simulator.run(decks))
        return [bool(w["v(op)"][-1] > w["v(on)"][-1]) for w in waves]

    def decision(self, simulator: Simulator, difference: float) -> tuple[bool, float, float]:
        """Return what the nominal amplifier decides, how long it takes [s] and what it draws from the supply [J].

        The time runs from the enable to 90 % of the supply between the outputs; NaN if it stays undecided.
        """
        (result,) = simulator.run([self.deck(difference)])
        w = result.require().waveforms
        high = bool(w["v(op)"][-1] > w["v(on)"][-1])
        apart = (w["v(op)"] - w["v(on)"]) * (1 if high else -1)
        stop = ENABLE_AT + self.window
        moment = waveform.crossing(w["time"], apart, 0.9 * self.technology.supply, ENABLE_AT, stop)
        energy = -self.technology.supply * waveform.integral(w["time"], w["i(vvdd)"], ENABLE_AT, stop)
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
