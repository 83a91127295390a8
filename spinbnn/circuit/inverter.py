"""Fan-out-of-4 delay of an inverter: a chain in which every output drives four equal inverters.

The delay is taken at the third inverter of the chain, whose input has the slope that the chain gives itself and whose four
loads are loaded in turn. Wires are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ParameterError, SimulationError
from ..units import spice_number
from .simulator.deck import Deck, Simulator
from .technology import Technology

FANOUT = 4
WIDTHS = (1e-6, 2e-6)
"""Gate widths of the NMOS and the PMOS [m]."""
VECTORS = ("v(n2)", "v(n3)")
"""Input and output of the measured inverter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InverterDelay:
    """Delays of an inverter between the crossings of half the supply.

    Parameters
    ----------
    rise, fall : float
        Delay to a rising and to a falling output [s].

    Examples
    --------
    >>> round(InverterDelay(rise=20e-12, fall=10e-12).mean * 1e12, 6)
    15.0
    """

    rise: float
    fall: float

    @property
    def mean(self) -> float:
        """Mean of both [s]."""
        return 0.5 * (self.rise + self.fall)


def fo4_deck(technology: Technology, *, corner: str = "tt", temperature: float = 300.15, vdd: float | None = None, estimate: float = 30e-12) -> Deck:
    """Return the deck of the chain.

    Parameters
    ----------
    technology : Technology
        Whose transistors, at its gate length.
    corner : str
        Process corner.
    temperature : float
        Device temperature [K].
    vdd : float, optional
        Supply; the technology's by default [V].
    estimate : float
        Expected delay: it sets the steps (1/25 of it) and the length of the pulse (8 of it) [s].

    Raises
    ------
    ParameterError
        If the corner does not exist, or a number is not > 0.

    Examples
    --------
    >>> deck = fo4_deck(Technology.load("cmos40lp"))
    >>> deck.text.count("vdd inverter"), deck.stop
    (32, 5.4e-10)
    """
    supply = technology.supply if vdd is None else vdd
    for name, value in {"vdd": supply, "temperature": temperature, "estimate": estimate}.items():
        if not (np.isfinite(value) and value > 0):
            raise ParameterError("must be a finite number > 0", where=f"fo4_deck, {name}", value=value, remedy="give it in SI units")
    lines = [".subckt inverter a y vdd"]
    for polarity, width, rail in (("p", WIDTHS[1], "vdd"), ("n", WIDTHS[0], "0")):
        lines.append(f"X{polarity} y a {rail} {rail} {polarity}fet w={spice_number(width)} l={spice_number(technology.gate_length)}")
    lines.append(".ends inverter")
    count = 0
    for stage in range(5):
        count += 1
        lines.append(f"X{count} n{stage} n{stage + 1} vdd inverter")
        for dummy in range(FANOUT - 1):
            count += 1
            lines.append(f"X{count} n{stage} d{stage}{dummy} vdd inverter")
            if stage == 3:  # the loads of the measured inverter are loaded in turn
                for _ in range(FANOUT):
                    count += 1
                    lines.append(f"X{count} d{stage}{dummy} e{count} vdd inverter")
    edge, high = estimate, 8 * estimate
    lines += [f"Vdd vdd 0 {spice_number(supply)}", f"Vin n0 0 PULSE(0 {spice_number(supply)} {spice_number(edge)} {spice_number(edge)} {spice_number(edge)} {spice_number(high)} 1)"]
    body = "\n".join(lines)
    return Deck(
        text=f"{technology.preamble(body, corner=corner)}\n{body}", name=f"fan-out of 4, {technology.name} {corner}", save=VECTORS,
        stop=round(18 * estimate, 15), max_step=estimate / 25, temperature_c=round(temperature - 273.15, 9),
        options={"method": "trap", "reltol": 1e-4}, parameters={"vdd": supply},
    )  # fmt: skip


def delay_between(time: np.ndarray, source: np.ndarray, result: np.ndarray, level: float) -> InverterDelay:
    """Return the delays of an inverter from the waveforms of its input and output, one pulse long.

    Parameters
    ----------
    time : ndarray, shape (N,)
        Time [s].
    source, result : ndarray, shape (N,)
        Input and output [V].
    level : float
        Voltage of the crossings [V].

    Raises
    ------
    SimulationError
        If one of them does not cross the level exactly twice.

    Examples
    --------
    >>> t = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    >>> source = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    >>> result = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    >>> delay_between(t, source, result, 0.5)
    InverterDelay(rise=2.0, fall=1.0)
    """
    crossings = []
    for name, wave in (("input", source), ("output", result)):
        at = np.flatnonzero((wave[1:] >= level) != (wave[:-1] >= level))
        if at.size != 2:
            raise SimulationError("an inverter of the chain does not switch twice in one pulse", where=f"fan-out-of-4 chain, {name}", value=int(at.size), remedy="give a larger estimate of the delay, or a higher supply")
        parts = (level - wave[at]) / (wave[at + 1] - wave[at])
        crossings.append(time[at] + parts * (time[at + 1] - time[at]))
    first, last = (float(b - a) for a, b in zip(*crossings, strict=True))
    rising_input = bool(source[0] < level)
    return InverterDelay(rise=last, fall=first) if rising_input else InverterDelay(rise=first, fall=last)


def measure_fo4(simulator: Simulator, technology: Technology, *, corner: str = "tt", temperature: float = 300.15, vdd: float | None = None, estimate: float | None = None) -> InverterDelay:
    """Simulate the chain; without an estimate twice: the first run's delay sets the steps of the second.

    Parameters
    ----------
    simulator : Simulator
        Any object with ``run(decks)``.
    technology, corner, temperature, vdd
        See :func:`fo4_deck`.
    estimate : float, optional
        Expected delay, right within a factor of two [s].

    Raises
    ------
    ParameterError, SimulationError
        See :func:`fo4_deck` and :func:`delay_between`; also if a simulation failed.

    Examples
    --------
    A formula in place of ngspice: every edge 20 ps late.

    >>> from spinbnn.circuit.simulator import AnalyticSimulator
    >>> def late(deck):
    ...     t = np.linspace(0.0, deck.stop, 4001)
    ...     pulse = lambda at: 1.1 * np.clip(at / 2e-11 - 3, 0, 1) - 1.1 * np.clip(at / 2e-11 - 12, 0, 1)
    ...     return {"time": t, "v(n2)": pulse(t), "v(n3)": 1.1 - pulse(t - 20e-12)}
    >>> round(measure_fo4(AnalyticSimulator(late), Technology.load("cmos40lp")).mean * 1e12, 6)
    20.0
    """
    guess = 30e-12 * max(technology.gate_length / 60e-9, 1.0) if estimate is None else estimate
    runs = 2 if estimate is None else 1
    for _ in range(runs):
        deck = fo4_deck(technology, corner=corner, temperature=temperature, vdd=vdd, estimate=guess)
        (result,) = simulator.run([deck])
        waves = result.require().waveforms
        source, output = (waves[name] for name in VECTORS)
        delay = delay_between(waves["time"], source, output, 0.5 * deck.parameters["vdd"])
        if not delay.mean > 0:
            raise SimulationError("a delay that is not > 0", where=deck.name, value=delay.mean, remedy="look at the waveforms of the deck")
        guess = float(f"{delay.mean:.3g}")
    return delay
