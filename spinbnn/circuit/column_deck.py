"""Netlists of a crossbar column: N complementary XNOR cells between two vertical wires, driven, sensed and measured by ammeters.

Rows count from the top; the sense input is at the foot, below the last row. Device 2 i is the true one of cell i, device 2 i + 1
its complement; the wire segment k lies below device k.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError, suggest
from .cell import Cell
from .simulator.deck import number

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
FEEDS = ("rows", "same_end", "opposite_end")
"""Where the read voltage comes from: from each row's own line (as in :func:`spinbnn.crossbar.solve.solve_array`), or down a bit
line beside the source line, driven at the foot or at the top."""
CELLS = ("xnor_cell", "column_wire", "column_sense", "column_precharge")
SENSES = ("ideal", "current", "voltage")
"""A ground; a virtual ground with input resistance and pole; a line that is precharged and discharges."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColumnLine:
    """The devices and wires of one column, one entry a device, from the top.

    Parameters
    ----------
    parallel : array (2 N,)
        Junction resistance in state P at zero bias [ohm].
    tmr : array (2 N,)
        TMR ratio at zero bias, at the temperature of the run [1].
    antiparallel : array of bool (2 N,)
        State.
    wire : array (2 N,)
        Segment below each device, of each vertical line; 0 is no resistance [ohm].
    shift, mobility : array (2 N,)
        Threshold shift [V] and mobility factor [1] of the access transistors.
    """

    parallel: Floats
    tmr: Floats
    antiparallel: Bools
    wire: Floats
    shift: Floats
    mobility: Floats

    def __post_init__(self) -> None:
        shape = self.parallel.shape
        for name in self.__dataclass_fields__:
            if getattr(self, name).shape != shape or len(shape) != 1 or shape[0] % 2 or not shape[0]:
                raise ParameterError("a column has two entries for each cell", where=f"ColumnLine, {name}", value=getattr(self, name).shape, remedy="shape (2 N,), the same for all")
        for name, least, open_end in (("parallel", 0.0, True), ("mobility", 0.0, True), ("tmr", 0.0, False), ("wire", 0.0, False), ("shift", -math.inf, False)):
            given = getattr(self, name)
            bad = ~np.isfinite(given) | (given <= least if open_end else given < least)
            if bad.any():
                raise ParameterError("a number of a column is out of range", where=f"ColumnLine, {name}[{int(np.argmax(bad))}]", value=float(given[bad][0]), remedy=f"finite numbers {'>' if open_end else '>='} {least:g}")

    @property
    def cells(self) -> int:
        """Number of bit cells N [1]."""
        return len(self.parallel) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnCircuit:
    """What all columns of a deck have in common.

    Parameters
    ----------
    read_voltage, word_voltage : float
        Over a driven device with its wires; gate of its access transistor [V].
    half_voltage : float
        Bias that halves the TMR ratio [V].
    junction_capacitance : float
        Of a junction [F].
    wire_capacitance : float
        Of one segment of a vertical line, transistors not included [F].
    word_capacitance : float
        Of the piece of word line above one device, gate not included [F].
    access_width, gate_length : float
        Access transistor [m].
    access_resistance : float or None
        Replaces the access transistor; devices that are not driven are then cut. None: the transistor [ohm].
    linear : bool
        Junctions at their TMR ratio of the read voltage, as the linear array solver sees them; needs ``access_resistance``.
    feed : {"rows", "same_end", "opposite_end"}
        See :data:`FEEDS`.
    sense : {"ideal", "current", "voltage"}
        See :data:`SENSES`.
    sense_resistance, sense_capacitance, sense_time : float
        Of the sense input [ohm, F, s].
    precharge_width : float
        Of the transistor that precharges the line, voltage mode [m].

    Examples
    --------
    >>> ColumnCircuit(read_voltage=0.1, word_voltage=1.1, feed="same_end").feed
    'same_end'
    """

    read_voltage: float
    word_voltage: float
    half_voltage: float = 0.5
    junction_capacitance: float = 5e-17
    wire_capacitance: float = 0.0
    word_capacitance: float = 0.0
    access_width: float = 0.36e-6
    gate_length: float = 40e-9
    access_resistance: float | None = None
    linear: bool = False
    feed: str = "rows"
    sense: str = "ideal"
    sense_resistance: float = 100.0
    sense_capacitance: float = 5e-15
    sense_time: float = 50e-12
    precharge_width: float = 1e-6

    def __post_init__(self) -> None:
        for name, known in (("feed", FEEDS), ("sense", SENSES)):
            if getattr(self, name) not in known:
                raise ParameterError(f"unknown {name}", where=f"ColumnCircuit, {name}", value=getattr(self, name), remedy=suggest(str(getattr(self, name)), known))
        positive = ("read_voltage", "word_voltage", "half_voltage", "access_width", "gate_length", "sense_resistance", "sense_time", "precharge_width")
        for name in (*positive, "junction_capacitance", "wire_capacitance", "word_capacitance", "sense_capacitance"):
            value = getattr(self, name)
            if not (math.isfinite(value) and (value > 0 if name in positive else value >= 0)):
                raise ParameterError("a number of the column is out of range", where=f"ColumnCircuit, {name}", value=value, remedy=f"a finite number {'> 0' if name in positive else '>= 0'}")
        if self.access_resistance is not None and not 0 <= self.access_resistance < math.inf:
            raise ParameterError("an access resistance is >= 0", where="ColumnCircuit, access_resistance", value=self.access_resistance, remedy="ohms, or None for the transistor")
        if self.linear and self.access_resistance is None:
            raise ParameterError("a linear column has no transistors", where="ColumnCircuit, linear", value=True, remedy="give access_resistance")


def column_lines(circuit: ColumnCircuit, cells: Mapping[str, Cell], tag: str, line: ColumnLine, driven: Bools, *, feed: str = "feed", on: str = "won") -> Iterator[str]:
    """Yield the lines of one column: devices, wires, an ammeter ``vf<tag>`` at its feed and its sense input.

    Parameters
    ----------
    circuit, cells, line
        What it is made of.
    tag : str
        Name of the column, in every node and element.
    driven : array of bool (2 N,)
        Devices whose word line is on.
    feed, on : str
        Nodes of the read voltage and of the word lines that are on.

    Notes
    -----
    The current that the sense input takes is ``i(vs<tag>)`` (ideal) or ``v(y<tag>)`` (current mode, 1 V for 1 uA). In voltage mode the
    line's voltage is ``v(s<tag>_<2 N>)``, and its charge leaves through ``vf<tag>``.
    """
    if driven.shape != line.parallel.shape:
        raise ParameterError("driven devices do not fit the column", where="column_lines, driven", value=driven.shape, remedy=f"shape {line.parallel.shape}")
    count = len(driven)
    source, bit = _nodes(f"s{tag}_", line.wire, count), _bit_nodes(circuit, tag, line.wire)
    yield f"Vf{tag} {feed} f{tag} 0"
    yield from _wires(circuit, cells, f"s{tag}", source, line.wire)
    if circuit.feed != "rows":
        yield from _wires(circuit, cells, f"b{tag}", bit, line.wire if circuit.feed == "same_end" else np.append(line.wire[:1] * 0, line.wire[:-1]))
    tops = bit[1:] if circuit.feed == "opposite_end" else bit[:-1]
    if circuit.access_resistance is None:
        yield from _cells(circuit, cells["xnor_cell"], tag, line, driven, tops, source, on)
    else:
        yield from _plain(circuit, tag, line, driven, tops, source)
    foot = source[-1]
    if circuit.sense == "ideal":
        yield f"Vs{tag} {foot} 0 0"
    elif circuit.sense == "current":
        yield cells["column_sense"].instance(f"s{tag}", [foot, f"y{tag}"], rin=circuit.sense_resistance, cin=circuit.sense_capacitance, tau=circuit.sense_time)
    else:
        yield cells["column_precharge"].instance(f"p{tag}", [foot, "pre", "en"], w=circuit.precharge_width, lg=circuit.gate_length, cin=circuit.sense_capacitance)


def single_cells(circuit: ColumnCircuit, cells: Mapping[str, Cell], parallel: float, tmr: float, *, feed: str, on: str) -> Iterator[str]:
    """Yield four single devices without wires: ``i(vip)``, ``i(via)`` driven in P and AP, ``i(vop)``, ``i(voa)`` not driven."""
    yield from (f"Vi{name} i{name} 0 0" for name in "pa")
    yield from (f"Vo{name} o{name} 0 0" for name in "pa")
    if circuit.access_resistance is not None:
        line = ColumnLine(parallel=np.full(2, parallel), tmr=np.full(2, tmr), antiparallel=np.array([False, True]), wire=np.zeros(2), shift=np.zeros(2), mobility=np.ones(2))
        yield from _plain(circuit, "i", line, np.array([True, True]), [feed, feed], ["ip", "ia"])
        return
    for name, gate in (("i", on), ("o", "0")):
        yield cells["xnor_cell"].instance(
            f"{name}x", [gate, gate, feed, feed, f"{name}p", f"{name}a"], rpt=parallel, rpc=parallel, tmrt=tmr, tmrc=tmr, st=0, sc=1,
            vh=circuit.half_voltage, cj=circuit.junction_capacitance, w=circuit.access_width, lg=circuit.gate_length,
        )  # fmt: skip


def _nodes(stem: str, wire: Floats, count: int) -> list[str]:
    """Names of the nodes 0 ... count of a line; a segment without resistance joins two."""
    names = [f"{stem}{count}"]
    for k in range(count - 1, -1, -1):
        names.append(names[-1] if wire[k] == 0 else f"{stem}{k}")
    return names[::-1]


def _bit_nodes(circuit: ColumnCircuit, tag: str, wire: Floats) -> list[str]:
    count, feed = len(wire), f"f{tag}"
    if circuit.feed == "rows":
        return [feed] * (count + 1)
    if circuit.feed == "same_end":
        nodes = _nodes(f"b{tag}_", wire, count)
        return [feed if node == nodes[-1] else node for node in nodes]
    names = [feed, feed]  # node k + 1 is at device k; the first device is at the driver
    for k in range(1, count):
        names.append(names[-1] if wire[k - 1] == 0 else f"b{tag}_{k}")
    return names


def _wires(circuit: ColumnCircuit, cells: Mapping[str, Cell], stem: str, nodes: list[str], wire: Floats) -> Iterator[str]:
    for k, ohms in enumerate(wire):
        if ohms == 0:
            if circuit.wire_capacitance:
                yield f"Cw{stem}_{k} {nodes[k + 1]} 0 {number(circuit.wire_capacitance)}"
        elif circuit.wire_capacitance:
            yield cells["column_wire"].instance(f"w{stem}_{k}", [nodes[k], nodes[k + 1]], r=float(ohms), c=circuit.wire_capacitance)
        else:
            yield f"Rw{stem}_{k} {nodes[k]} {nodes[k + 1]} {number(float(ohms))}"


def _cells(circuit: ColumnCircuit, cell: Cell, tag: str, line: ColumnLine, driven: Bools, tops: list[str], bottoms: list[str], on: str) -> Iterator[str]:
    for i in range(line.cells):
        t, c = 2 * i, 2 * i + 1
        yield cell.instance(
            f"c{tag}_{i}", [on if driven[t] else "0", on if driven[c] else "0", tops[t], tops[c], bottoms[t], bottoms[c]],
            rpt=float(line.parallel[t]), rpc=float(line.parallel[c]), tmrt=float(line.tmr[t]), tmrc=float(line.tmr[c]),
            st=float(line.antiparallel[t]), sc=float(line.antiparallel[c]), vh=circuit.half_voltage, cj=circuit.junction_capacitance,
            w=circuit.access_width, lg=circuit.gate_length, dt=float(line.shift[t]), dc=float(line.shift[c]), mt=float(line.mobility[t]), mc=float(line.mobility[c]),
        )  # fmt: skip


def _plain(circuit: ColumnCircuit, tag: str, line: ColumnLine, driven: Bools, tops: list[str], bottoms: list[str]) -> Iterator[str]:
    """Yield the driven devices with resistors in place of the transistors."""
    assert circuit.access_resistance is not None
    access = circuit.access_resistance
    for k in np.flatnonzero(driven):
        top, bottom, ohms, tmr = tops[k], bottoms[k], float(line.parallel[k]), float(line.tmr[k]) * float(line.antiparallel[k])
        if circuit.linear:
            ratio = tmr / (1 + (circuit.read_voltage / circuit.half_voltage) ** 2)
            yield f"Rj{tag}_{k} {top} {bottom} {number(ohms * (1 + ratio) + access)}"
            continue
        middle = f"n{tag}_{k}" if access else bottom
        v = f"(v({top},{middle})/{number(circuit.half_voltage)})"
        yield f"Bj{tag}_{k} {top} {middle} I=v({top},{middle})/{number(ohms)}/(1+{number(tmr)}/(1+{v}*{v}))"
        if access:
            yield f"Ra{tag}_{k} {middle} {bottom} {number(access)}"
