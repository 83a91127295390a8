"""Decks of one read of a column, and what is measured: effective popcount, attenuation, settling, energy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError, SimulationError, suggest
from . import waveform
from .cell import Cell
from .column_deck import CELLS, Bools, ColumnCircuit, ColumnLine, column_lines, single_cells
from .simulator.deck import Deck, OptionValue, SimulationResult, number
from .technology import Technology

EDGES = ("word_line", "read")
"""What begins the read: the word lines rise under the standing read voltage, or the read voltage rises at open transistors."""
READOUTS = ("single", "reference", "differential")
"""One column against two fixed currents; minus the mean of a P and an AP column; minus the column of inverted weights."""
TAGS: Mapping[str, tuple[str, ...]] = {"single": ("a",), "reference": ("a", "p", "q"), "differential": ("a", "b")}
"""Columns in the deck of each readout: weights, reference of P, reference of AP; weights and inverted weights."""
DC_OPTIONS: Mapping[str, OptionValue] = {"reltol": 1e-6, "vntol": 1e-9, "abstol": 1e-15, "gmin": 1e-15}
TRANSIENT_OPTIONS: Mapping[str, OptionValue] = {"method": "gear", "reltol": 1e-4, "vntol": 1e-7, "abstol": 1e-12, "chgtol": 1e-17, "gmin": 1e-15}
SENSE_GAIN = 1e-6
"""Input current of the sense amplifier for an output of 1 V [A]."""
SETTLED_SHARE = 0.8
"""A read is settled if its last disturbance is over by this share of it; otherwise its end is no final value."""
DC_MEASURES: Mapping[str, tuple[str, str]] = {
    "n_eff": ("1", "effective popcount: what the readout says in units of one ideal cell"),
    "attenuation": ("1", "current over the sum of the ideal currents of the driven cells"),
    "current": ("A", "of the column, at its sense input"),
    "cell_parallel": ("A", "of one ideal driven device in P, without wires and spread"),
    "cell_antiparallel": ("A", "the same in AP"),
    "leakage": ("A", "of the devices that are not driven, from an ideal one of each state"),
    "power": ("W", "read voltage times current of the column"),
}
"""Unit and meaning of what a static read gives."""
READ_MEASURES: Mapping[str, tuple[str, str]] = {
    "settling_time": ("s", "current mode: from half the edge until the output stays within half the resolution of its final value"),
    "discharge_time": ("s", "voltage mode: from half the edge until the line has lost all but 1/e of its voltage"),
    "final_current": ("A", "current mode: at the end of the read"),
    "energy_line": ("J", "from the read source of the column during the read: cells and wires; voltage mode: from the precharge rail for the charge that the cells took"),
    "energy_static": ("J", "the part of it that the final current takes, in current mode"),
    "energy_word_lines": ("J", "from the supply of the word lines for one rise: gates and wire above this column; NaN where they stood already"),
}
"""Unit and meaning of what a transient read gives; NaN for the other mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTiming:
    """Times of a transient read.

    Parameters
    ----------
    length : float
        From the start of the edge to the end of the read [s].
    start : float
        Before the edge [s].
    edge : float
        Linear rise [s].
    max_step : float
        Longest step of the simulator [s].

    Examples
    --------
    >>> round(ReadTiming(length=1e-9).stop * 1e12, 6)
    1050.0
    """

    length: float = 1e-9
    start: float = 50e-12
    edge: float = 20e-12
    max_step: float = 5e-12

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not 0 < getattr(self, name) < math.inf:
                raise ParameterError("a time must be > 0", where=f"ReadTiming, {name}", value=getattr(self, name), remedy="give seconds")
        if self.length <= 2 * self.edge:
            raise ParameterError("the read is shorter than its edge", where="ReadTiming, length", value=self.length, remedy="lengthen it")

    @property
    def stop(self) -> float:
        """End of the read [s]."""
        return self.start + self.length

    @property
    def middle(self) -> float:
        """Middle of the edge [s]."""
        return self.start + self.edge / 2


def load_cells() -> dict[str, Cell]:
    """Return the cells that a deck of a column may need."""
    return {name: Cell.load(name) for name in CELLS}


def column_deck(
    circuit: ColumnCircuit, technology: Technology, cells: Mapping[str, Cell], columns: Mapping[str, ColumnLine], driven: Bools, *,
    parallel: float, tmr: float, corner: str = "tt", temperature: float = 300.0, timing: ReadTiming | None = None, edge: str = "word_line", name: str = "crossbar_column",
) -> Deck:  # fmt: skip
    """Return the deck of one read: the operating point, or a transient if ``timing`` is given.

    Parameters
    ----------
    circuit, technology, cells
        What the columns are made of.
    columns : mapping of str to ColumnLine
        By tag, see :data:`TAGS`.
    driven : array of bool (2 N,)
        Devices whose word line is on, in all columns.
    parallel, tmr : float
        Of the ideal cell [ohm, 1].
    corner : str
        Process corner of the access transistors.
    temperature : float
        [K]
    timing : ReadTiming, optional
        Of a transient.
    edge : {"word_line", "read"}
        See :data:`EDGES`. In voltage mode ``"word_line"`` opens the cells as the precharge ends, ``"read"`` before.
    """
    if edge not in EDGES:
        raise ParameterError("unknown edge", where="column_deck, edge", value=edge, remedy=suggest(str(edge), EDGES))
    if (timing is None) != (circuit.sense == "ideal"):
        raise ParameterError("a transient has a sense input, an operating point has none", where="column_deck, timing", value=circuit.sense, remedy='sense = "ideal" without timing, "current" or "voltage" with it')
    lines, volts, gate = [cells[cell].text.rstrip("\n") for cell in _used(circuit)], circuit.read_voltage, circuit.word_voltage
    if circuit.sense == "voltage":
        assert timing is not None
        lines += [f"Vread feed 0 {number(0.0)}", f"Vpre pre 0 {number(volts)}", f"Ven en 0 {_step(gate, 0.0, timing)}"]
    else:
        lines.append(f"Vread feed 0 {_step(0.0, volts, timing) if edge == 'read' and timing else number(volts)}")
    lines.append(f"Vwl won 0 {_step(0.0, gate, timing) if edge == 'word_line' and timing else number(gate)}")
    save = ["v(feed)", "i(vwl)"]
    for tag, line in columns.items():
        lines += column_lines(circuit, cells, tag, line, driven)
        save += [f"i(vf{tag})", {"ideal": f"i(vs{tag})", "current": f"v(y{tag})", "voltage": f"v(s{tag}_{2 * line.cells})"}[circuit.sense]]
    if circuit.word_capacitance:
        lines.append(f"Cwl won 0 {number(circuit.word_capacitance * int(driven.sum()) * len(columns))}")
    lines += [f"Vdf dcf 0 {number(volts)}", f"Vdw dcw 0 {number(gate)}", *single_cells(circuit, cells, parallel, tmr, feed="dcf", on="dcw")]
    save += ["i(vip)", "i(via)", "i(vop)", "i(voa)"]
    body = "\n".join(lines)
    return Deck(
        text="\n".join([technology.preamble(body, corner=corner), body]), name=name, save=tuple(save), temperature_c=temperature - 273.15,
        stop=None if timing is None else timing.stop, max_step=None if timing is None else timing.max_step,
        options=dict(DC_OPTIONS if timing is None else TRANSIENT_OPTIONS),
        parameters={"read_voltage": volts, "word_voltage": gate, "temperature": temperature},
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the measures need beside the waveforms.

    Parameters
    ----------
    readout : {"single", "reference", "differential"}
        How the column is read.
    popcount, driven : int
        Agreeing and driven cells [1].
    circuit : ColumnCircuit
        As in the deck.
    idle : tuple of int
        Devices in P and in AP that are not driven [1].
    timing : ReadTiming or None
        As in the deck.
    edge : {"word_line", "read"}
        As in the deck.
    resolution : float
        Counts of one step of the converter [1].
    """

    readout: str
    popcount: int
    driven: int
    circuit: ColumnCircuit
    idle: tuple[int, int]
    timing: ReadTiming | None = None
    edge: str = "word_line"
    resolution: float = 1.0


def dc_measures(result: SimulationResult, reading: Reading) -> dict[str, float]:
    r"""Return :data:`DC_MEASURES` of an operating point.

    With the currents :math:`I_P, I_{AP}` of one ideal driven device and n of N driven cells agreeing,

    .. math:: n_{eff} = \frac{I - N I_{AP}}{I_P - I_{AP}}, \quad
              \frac N2 + \frac{I - (I_{ref,P} + I_{ref,AP})/2}{I_P - I_{AP}}, \quad
              \frac N2 + \frac{I - I_{inverted}}{2 (I_P - I_{AP})}

    for the readouts single, reference and differential.

    Raises
    ------
    SimulationError
        If the run failed or its two states do not differ.
    """
    found = {key: float(wave[-1]) for key, wave in result.require().waveforms.items()}
    current, step = found["i(vsa)"], _step_current(found)
    low, rows = found["i(via)"], reading.driven
    if reading.readout == "single":
        count = (current - rows * low) / step
    elif reading.readout == "reference":
        count = rows / 2 + (current - (found["i(vsp)"] + found["i(vsq)"]) / 2) / step
    else:
        count = rows / 2 + (current - found["i(vsb)"]) / (2 * step)
    ideal = reading.popcount * found["i(vip)"] + (rows - reading.popcount) * low
    return {
        "n_eff": count, "attenuation": current / ideal, "current": current, "cell_parallel": found["i(vip)"], "cell_antiparallel": low,
        "leakage": reading.idle[0] * found["i(vop)"] + reading.idle[1] * found["i(voa)"], "power": found["v(feed)"] * found["i(vfa)"],
    }  # fmt: skip


def read_measures(result: SimulationResult, reading: Reading) -> dict[str, float]:
    """Return :data:`READ_MEASURES` of a transient; see there.

    Raises
    ------
    SimulationError
        If the run failed, the read ends before the column has settled or discharged, or the two states do not differ.
    """
    waves, t, circuit = result.require().waveforms, reading.timing, reading.circuit
    assert t is not None
    time, columns = waves["time"], len(TAGS[reading.readout])
    out = dict.fromkeys(READ_MEASURES, math.nan)
    if reading.edge == "word_line":
        out["energy_word_lines"] = -circuit.word_voltage * waveform.integral(time, waves["i(vwl)"], t.start / 2, t.stop) / columns
    drawn = waves["i(vfa)"]
    if circuit.sense == "voltage":
        foot = next(name for name in waves if name.startswith("v(sa_"))
        begin = t.start + t.edge
        left = waveform.at(time, waves[foot], begin) / math.e
        moment = waveform.crossing(time, waves[foot], left, begin, t.stop, rising=False)
        if math.isnan(moment):
            raise SimulationError("the line has not discharged to 1/e by the end of the read", where=result.name, value=t.length, remedy="lengthen 'length' in [timing]")
        out["discharge_time"] = moment - t.middle
        out["energy_line"] = -circuit.read_voltage * waveform.integral(time, drawn, t.middle, t.stop)
        return out
    settled = SENSE_GAIN * waves["v(ya)"]
    final, band = float(settled[-1]), 0.5 * reading.resolution * _step_current({key: float(wave[-1]) for key, wave in waves.items()})
    last = last_outside(time, settled, final, band)
    if last > t.start + SETTLED_SHARE * t.length:
        raise SimulationError("the column has not settled by the end of the read", where=result.name, value=t.length, remedy="lengthen 'length' in [timing]")
    out |= {
        "settling_time": max(last - t.middle, 0.0), "final_current": final, "energy_static": circuit.read_voltage * final * t.length,
        "energy_line": waveform.integral(time, waves["v(feed)"] * drawn, t.start, t.stop),
    }  # fmt: skip
    return out


def last_outside(time: NDArray[np.float64], wave: NDArray[np.float64], final: float, band: float) -> float:
    """Return the last moment at which a wave enters a band around its final value, linear between samples.

    Examples
    --------
    >>> last_outside(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 4.0, 8.0, 8.0]), 8.0, 2.0)
    1.5
    """
    away = np.abs(wave - final)
    outside = np.flatnonzero(away > band)
    if not outside.size:
        return float(time[0])
    k = int(outside[-1])
    if k + 1 == len(time):
        return float(time[-1])
    return float(time[k] + (time[k + 1] - time[k]) * (away[k] - band) / (away[k] - away[k + 1]))


def _step_current(found: Mapping[str, float]) -> float:
    step = found["i(vip)"] - found["i(via)"]
    if not step > 0:
        raise SimulationError("the two states of a cell give the same current", where="crossbar_column", value=step, remedy="the junction needs a TMR ratio above 0, and its word line a voltage")
    return step


def _step(before: float, after: float, timing: ReadTiming) -> str:
    return f"PWL(0 {number(before)} {number(timing.start)} {number(before)} {number(timing.start + timing.edge)} {number(after)})"


def _used(circuit: ColumnCircuit) -> list[str]:
    """Names of the cells that a deck calls."""
    used = [] if circuit.access_resistance is not None else ["xnor_cell"]
    used += ["column_wire"] if circuit.wire_capacitance else []
    return used + {"ideal": [], "current": ["column_sense"], "voltage": ["column_precharge"]}[circuit.sense]
