"""What the module drives and is driven by: gate drivers, and the multiplexer that replaces a scale by one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ParameterError
from ..units import spice_number
from . import waveform
from .cell import Cell
from .dropout_bench import OPTIONS
from .simulator.deck import Deck, Simulator
from .technology import Technology

START, HALF, EDGE, MAX_STEP = 0.2e-9, 2e-9, 20e-12, 5e-12
"""First edge, time to the second edge, rise time of the input and longest step [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDriverFigures:
    """A gate driver on a capacitive load.

    Parameters
    ----------
    rise, fall : float
        10-90 % times of the output [s].
    delay_rise, delay_fall : float
        From half the input edge to half the output edge [s].
    energy : float
        From the supply for one cycle up and down [J].
    load_energy : float
        C V^2 of the load alone [J].
    """

    rise: float
    fall: float
    delay_rise: float
    delay_fall: float
    energy: float
    load_energy: float


def gate_driver_deck(technology: Technology, sizes: Mapping[str, float], load: float, *, corner: str = "tt") -> Deck:
    """Return the deck of one gate driver on a capacitor.

    Parameters
    ----------
    technology : Technology
        Transistors and supply.
    sizes : mapping of str to float
        Parameters of the cell ``gate_driver`` [m].
    load : float
        Capacitor at the output [F].
    corner : str
        Process corner.
    """
    if not (math.isfinite(load) and load > 0):
        raise ParameterError("the load must be > 0", where="gate_driver_deck, load", value=load, remedy="e.g. 5e-15")
    cell, supply = Cell.load("gate_driver"), technology.supply
    lines = [cell.text.rstrip("\n"), f"Vvdd vdd 0 {spice_number(supply)}", _square("in", supply)]
    lines += [cell.instance("d", ["in", "out", "vdd"], lg=technology.gate_length, **sizes), f"Cload out 0 {spice_number(load)}"]
    return _deck(technology, lines, "gate_driver", ("v(in)", "v(out)", "i(vvdd)"), corner)


def gate_driver_figures(simulator: Simulator, technology: Technology, sizes: Mapping[str, float], load: float, *, corner: str = "tt") -> GateDriverFigures:
    """Simulate a gate driver and read its figures off."""
    (result,) = simulator.run([gate_driver_deck(technology, sizes, load, corner=corner)])
    w, v = result.require().waveforms, technology.supply
    time, out, up, down = w["time"], w["v(out)"], START, START + HALF
    middle = [waveform.crossing(time, w["v(in)"], v / 2, t, t + HALF, rising=rising) for t, rising in ((up, True), (down, False))]
    return GateDriverFigures(
        rise=waveform.rise_time(time, out, 0.0, v, up, down),
        fall=waveform.rise_time(time, out, v, 0.0, down, down + HALF),
        delay_rise=waveform.crossing(time, out, v / 2, up, down) - middle[0],
        delay_fall=waveform.crossing(time, out, v / 2, down, down + HALF, rising=False) - middle[1],
        energy=-v * waveform.integral(time, w["i(vvdd)"], START / 2, down + HALF),
        load_energy=load * v**2,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplexerFigures:
    """A scale multiplexer of one word.

    Parameters
    ----------
    bits : int
        Word length [1].
    select_energy : float
        From the supply for the select line up and down, no bit of the word changing [J].
    bit_energy : float
        More for each bit in which the word differs from one, for the same two edges [J].
    delay : float
        From the module's bit to the slowest output, the slower of both edges [s].
    """

    bits: int
    select_energy: float
    bit_energy: float
    delay: float

    def energy(self, changed: float) -> float:
        """Return the energy of a drop and the return from it, with ``changed`` bits different [J]."""
        return self.select_energy + changed * self.bit_energy


def multiplexer_deck(technology: Technology, *, bits: int, word: int, one: int, corner: str = "tt") -> Deck:
    """Return the deck of a word of multiplexers behind one select buffer.

    Parameters
    ----------
    technology : Technology
        Transistors and supply.
    bits : int
        Word length [1].
    word, one : int
        The scale and the number one, as words.
    corner : str
        Process corner.
    """
    if not 1 <= bits <= 64 or not 0 <= word < 2**bits or not 0 <= one < 2**bits:
        raise ParameterError("words must fit into 1 to 64 bits", where="multiplexer_deck", value=(bits, word, one), remedy="e.g. bits=32, word=0x2000, one=0x8000")
    buffer, mux, supply = Cell.load("select_buffer"), Cell.load("scale_mux"), technology.supply
    lines = [buffer.text.rstrip("\n"), mux.text.rstrip("\n"), f"Vvdd vdd 0 {spice_number(supply)}", _square("in", supply)]
    lines.append(buffer.instance("s", ["in", "sel", "selb", "vdd"], lg=technology.gate_length))
    for k in range(bits):
        data = ["vdd" if value >> k & 1 else "0" for value in (word, one)]
        lines.append(mux.instance(f"b{k}", [*data, "sel", "selb", f"o{k}", "vdd"], lg=technology.gate_length))
    return _deck(technology, lines, "scale_mux", ("v(in)", "i(vvdd)", *(f"v(o{k})" for k in range(bits))), corner)


def multiplexer_figures(simulator: Simulator, technology: Technology, *, bits: int = 32, corner: str = "tt") -> MultiplexerFigures:
    """Simulate the multiplexer with no bit and with every bit changing."""
    full = 2**bits - 1
    still, moving = (r.require().waveforms for r in simulator.run([multiplexer_deck(technology, bits=bits, word=0, one=one, corner=corner) for one in (0, full)]))
    v, up, down = technology.supply, START, START + HALF
    energies = [-v * waveform.integral(w["time"], w["i(vvdd)"], START / 2, down + HALF) for w in (still, moving)]
    delays = []
    for start, rising in ((up, True), (down, False)):
        edge = waveform.crossing(moving["time"], moving["v(in)"], v / 2, start, start + HALF, rising=rising)
        delays += [waveform.crossing(moving["time"], moving[f"v(o{k})"], v / 2, start, start + HALF, rising=rising) - edge for k in range(bits)]
    return MultiplexerFigures(bits=bits, select_energy=energies[0], bit_energy=(energies[1] - energies[0]) / bits, delay=max(delays))


def _square(node: str, supply: float) -> str:
    times = (0.0, START, START + EDGE, START + HALF, START + HALF + EDGE)
    levels = (0.0, 0.0, supply, supply, 0.0)
    return f"V{node} {node} 0 PWL({' '.join(f'{spice_number(t)} {spice_number(x)}' for t, x in zip(times, levels, strict=True))})"


def _deck(technology: Technology, lines: list[str], name: str, save: tuple[str, ...], corner: str) -> Deck:
    body = "\n".join(lines)
    return Deck(
        text="\n".join([technology.preamble(body, corner=corner), body]), name=name, save=save, stop=START + 2 * HALF, max_step=MAX_STEP,
        temperature_c=26.85, options=dict(OPTIONS), parameters={"supply": technology.supply},
    )  # fmt: skip
