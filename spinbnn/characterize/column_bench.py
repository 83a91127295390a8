"""Bench of a crossbar column: effective popcount, attenuation and leakage by operating points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..circuit.cell import Cell
from ..circuit.column_deck import FEEDS, Bools, ColumnCircuit, ColumnLine
from ..circuit.column_read import (
    DC_MEASURES,
    DC_OPTIONS,
    READOUTS,
    TAGS,
    Reading,
    column_deck,
    dc_measures,
    load_cells,
)
from ..circuit.flow_keys import known_keys, named, switch, text, whole
from ..circuit.simulator.deck import Deck, SimulationResult
from ..circuit.technology import Technology
from ..crossbar.array_params import ArrayParams
from ..crossbar.cells import antiparallel_states, word_lines
from ..crossbar.variation import sample_array
from ..device import DeviceParams
from ..device.temperature import tmr_at
from ..errors import ParameterError, suggest
from ..rng import stream
from ..units import quantity
from .grid import Value

PATTERNS = ("near", "far", "spread", "random")
"""Where the agreeing cells are: next to the sense input, farthest from it, evenly spaced, at random (``random``, ``random_1`` ...)."""
ACCESSES = ("transistor", "resistor", "resistor_linear")
WIRE_COEFFICIENT, WIRE_REFERENCE, FILE_TEMPERATURE = 0.0039, 293.0, 300.0
"""Resistance of the wires over the temperature: 1 + 0.0039 (T - 293 K), NVSim's law; array files hold at 300 K."""
SOURCES = (
    "crossbar/array_params.py", "crossbar/cells.py", "crossbar/variation.py", "device/fields.py", "device/parameters.py", "device/temperature.py", "rng.py", "units.py",
    "characterize/column_bench.py",
    *(f"circuit/{name}.py" for name in (
        "cell", "column_deck", "column_read", "expression", "foundry_library", "foundry_models", "hierarchy", "model_library", "sizes", "statements", "technology",
        "technology_file", "waveform",
    )),
    *(f"circuit/simulator/{name}.py" for name in ("batch", "deck", "ladder", "messages", "rawfile", "session", "vectors", "wire")),
)  # fmt: skip
"""Our own code that fixes the numbers of this bench."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSample:
    """One column to simulate.

    Parameters
    ----------
    popcount : int
        Agreeing cells [1].
    pattern, feed : str
        Where they are; where the read voltage comes from.
    temperature : float
        [K]
    corner : str
        Process corner of the access transistors.
    supply, read_voltage : float or None
        Word line and read voltage; None: nominal [V].
    seed : int
        Of the flow.
    draw : int or None
        Number of the column; None: nominal devices.
    """

    popcount: int
    pattern: str = "random"
    feed: str = "rows"
    temperature: float = 300.0
    corner: str = "tt"
    supply: float | None = None
    read_voltage: float | None = None
    seed: int = 0
    draw: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnBench:
    """Operating points of a column: ``bench = "crossbar_column"`` of a flow file.

    Its keys there: ``array``, ``device``, ``technology``, ``rows``, ``driven``, ``readout``, ``access``, ``access_width``,
    ``[spread]``.

    Parameters
    ----------
    array : ArrayParams
        Junction, wires, read voltage and spreads.
    device : DeviceParams
        Its temperature law of the TMR ratio, and its junction capacitance; nothing else is taken from it.
    technology : Technology
        Access transistors.
    rows : int
        Bit cells of the column, two devices each [1].
    driven : int or None
        Cells that are driven, those farthest from the sense input; None: all [1].
    readout : {"single", "reference", "differential"}
        See :data:`spinbnn.circuit.column_read.READOUTS`.
    access : {"transistor", "resistor", "resistor_linear"}
        Access transistors; or the resistance of the array file in their place, with junctions over their bias or
        linearised at the read voltage as in :func:`spinbnn.crossbar.variation.sample_array`.
    access_width : float
        Of the access transistors [m].
    vary_junctions, vary_access : bool
        What differs from draw to draw; the places of ``random`` patterns and the inputs do in any case.

    Notes
    -----
    The devices of draw k are those of ``sample_array(array, ..., layer="crossbar_column", tile=k)``, faults included; access
    transistors follow Pelgrom. Word lines only gate and carry no current with the feeds ``same_end`` and ``opposite_end``:
    columns are then independent, and a table over the popcount describes the whole array. With ``rows`` the read voltage comes along the word
    lines, whose own drop depends on all columns and is not in a column.

    Examples
    --------
    >>> bench = ColumnBench(array=ArrayParams.load("array_mohm"), device=DeviceParams.load("seed_eq23"), technology=Technology.load("cmos40lp"), rows=8)
    >>> positions = bench.positions(ColumnSample(popcount=2, pattern="far"))
    >>> positions.nonzero()[0].tolist()
    [0, 1]
    """

    array: ArrayParams
    device: DeviceParams
    technology: Technology
    rows: int = 256
    driven: int | None = None
    readout: str = "single"
    access: str = "transistor"
    access_width: float = 0.36e-6
    vary_junctions: bool = True
    vary_access: bool = True
    netlists: Mapping[str, Cell] = field(default_factory=load_cells)

    name: ClassVar[str] = "crossbar_column"
    engine: ClassVar[str] = "ngspice"
    measures: ClassVar[Mapping[str, tuple[str, str]]] = DC_MEASURES
    axes: ClassVar[Mapping[str, tuple[str, str]]] = {
        "popcount": ("1", "agreeing cells"), "pattern": ("", "places of the agreeing cells: near, far, spread, random, random_1, ..."),
        "feed": ("", "where the read voltage comes from: rows, same_end, opposite_end"), "temperature": ("K", "temperature"), "corner": ("", "process corner"),
        "supply": ("V", "voltage of the word lines"), "read_voltage": ("V", "read voltage"), "draw": ("", "Monte-Carlo draw"),
    }  # fmt: skip
    required_axes: ClassVar[Mapping[str, str]] = {"popcount": 'popcount = { start = 0, stop = 256, points = 9 }'}
    flow_keys: ClassVar[Mapping[str, bool]] = {
        "array": True, "device": True, "technology": True, "rows": False, "driven": False, "readout": False, "access": False, "access_width": False, "spread": False,
    }  # fmt: skip
    sources: ClassVar[tuple[str, ...]] = SOURCES

    def __post_init__(self) -> None:
        for name, known in (("readout", READOUTS), ("access", ACCESSES)):
            if getattr(self, name) not in known:
                raise ParameterError(f"unknown {name}", where=f"bench {self.name!r}, {name}", value=getattr(self, name), remedy=suggest(str(getattr(self, name)), known))
        if self.rows < 1 or not 1 <= self.driven_rows <= self.rows:
            raise ParameterError("no column", where=f"bench {self.name!r}, rows and driven", value=(self.rows, self.driven), remedy="1 <= driven <= rows")

    @classmethod
    def from_flow(cls, data: Mapping[str, Any], where: str) -> Self:
        """Read the bench's own keys of a flow file; ``where`` names the file.

        Raises
        ------
        ParameterError, UnitError, DataError, NetlistError
            If a key, a value, a unit or a file that it names is wrong.
        """
        found = cls._read(data, where)
        with named(where, where):
            return cls(**found)

    @classmethod
    def _read(cls, data: Mapping[str, Any], where: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, load in (("array", ArrayParams.load), ("device", DeviceParams.load), ("technology", Technology.load)):
            with named(f"{where}, key {key!r}", where):
                found[key] = load(text(data[key], f"{where}, key {key!r}"))
        found |= {key: whole(data[key], f"{where}, key {key!r}", "the number of cells", least=1) for key in ("rows", "driven") if key in data}
        found |= {key: text(data[key], f"{where}, key {key!r}") for key in ("readout", "access") if key in data}
        if "access_width" in data:
            found["access_width"] = quantity(data["access_width"], "m", where=f"{where}, key 'access_width'")
        spread = data.get("spread", {})
        known_keys(spread, ("junctions", "access"), f"{where}, spread")
        found |= {f"vary_{key}": switch(value, f"{where}, spread.{key}") for key, value in spread.items()}
        return found

    @property
    def params(self) -> DeviceParams:
        """The device whose temperature law is used."""
        return self.device

    @property
    def driven_rows(self) -> int:
        """Cells that are driven [1]."""
        return self.rows if self.driven is None else self.driven

    def check_axis(self, name: str, values: Sequence[Value]) -> None:
        """Refuse popcounts that are no whole numbers from 0 to the driven cells, and unknown patterns, feeds and corners.

        Raises
        ------
        ParameterError
            With the value.
        """
        for value in values:
            if name == "popcount" and not (float(value) == int(float(value)) and 0 <= float(value) <= self.driven_rows):
                raise ParameterError("a popcount is a whole number of the driven cells", where="axis 'popcount'", value=value, remedy=f"0 to {self.driven_rows}")
            if name == "pattern" and str(value) not in PATTERNS and not _numbered(str(value)):
                raise ParameterError("unknown pattern", where="axis 'pattern'", value=value, remedy=suggest(str(value), (*PATTERNS, "random_1")))
            if name == "feed" and value not in FEEDS:
                raise ParameterError("unknown feed", where="axis 'feed'", value=value, remedy=suggest(str(value), FEEDS))
            if name == "corner":
                self.technology.corner(str(value))
            if name in ("supply", "read_voltage") and not float(value) > 0:
                raise ParameterError("a voltage must be > 0", where=f"axis {name!r}", value=value, remedy="give volts")

    def sample(self, point: Mapping[str, Value], *, device: Mapping[str, float], seed: int, mismatch: int | None) -> ColumnSample:
        """Return the sample at a grid point; ``device`` and ``mismatch`` have no part in it, draws are the bench's own.

        Without an axis ``draw`` the devices are nominal.
        """
        given: dict[str, Any] = {key: str(point[key]) for key in ("pattern", "feed", "corner") if key in point}
        given |= {key: float(point[key]) for key in ("temperature", "supply", "read_voltage") if key in point}
        return ColumnSample(popcount=round(float(point["popcount"])), seed=seed, draw=int(point["draw"]) if "draw" in point else None, **given)

    def positions(self, sample: ColumnSample) -> Bools:
        """Return which of the N cells agree; the driven ones are the first."""
        count, rows = sample.popcount, self.driven_rows
        if not 0 <= count <= rows:
            raise ParameterError("a popcount lies between 0 and the driven cells", where="ColumnSample, popcount", value=count, remedy=f"0 to {rows}")
        agree = np.zeros(self.rows, bool)
        if sample.pattern == "near":
            agree[rows - count : rows] = True
        elif sample.pattern == "far":
            agree[:count] = True
        elif sample.pattern == "spread":
            agree[((np.arange(count) + 0.5) * rows / max(count, 1)).astype(int)] = True
        else:
            order = stream(sample.seed, "column pattern", sample.pattern, sample.draw or 0).permutation(rows)
            agree[order[:count]] = True  # nested: a larger popcount keeps the places of a smaller one
        return agree

    def inputs(self, sample: ColumnSample) -> NDArray[np.int64]:
        """Return the inputs -1, 0, +1 of the N cells, at random for each draw."""
        x = stream(sample.seed, "column inputs", sample.draw or 0).integers(0, 2, self.rows) * 2 - 1
        x[self.driven_rows :] = 0
        return np.asarray(x, np.int64)

    def driven_devices(self, sample: ColumnSample) -> Bools:
        """Return which of the 2 N devices have their word line on."""
        return np.asarray(word_lines(self.inputs(sample)), bool)

    def columns(self, sample: ColumnSample) -> dict[str, ColumnLine]:
        """Return the columns of the deck by tag."""
        bits = self.bits(sample)
        nominal = self.array.with_values(access__resistance=0.0, junction__tmr_half_voltage=1e9)  # TMR at zero bias, junctions alone
        if not (self.vary_junctions and sample.draw is not None):
            keys = ("junction__parallel_resistance", "junction__tmr", "wire__column_resistance", "wire__row_resistance")
            nominal = nominal.with_values(**{f"{key}__{kind}": 0.0 for key in keys for kind in ("sigma", "sigma_global")})
        found: dict[str, ColumnLine] = {}
        for number, tag in enumerate(TAGS[self.readout]):
            written = {"a": bits, "b": 1 - bits, "p": bits, "q": bits}[tag]
            tile = 8 * (sample.draw or 0) + (number if tag in "ab" else 0)
            plus, minus = (sample_array(nominal, np.full((self.rows, 1), bit), seed=sample.seed, layer="crossbar_column", tile=tile) for bit in (1, 0))
            if tag in "pq":
                low, high = 1 / plus.reference[:, 0], 1 / plus.reference[:, 1]
                parallel, antiparallel = (low, np.zeros(2 * self.rows, bool)) if tag == "p" else (_baseline(high, self._median_tmr), np.ones(2 * self.rows, bool))
                tmr = high / parallel - 1 if tag == "q" else np.zeros(2 * self.rows)
            else:
                antiparallel = self._states(written)
                parallel = 1 / np.stack([plus.true[:, 0], minus.complement[:, 0]], 1).ravel()
                high = 1 / np.stack([minus.true[:, 0], plus.complement[:, 0]], 1).ravel()
                tmr = high / parallel - 1  # 0 for a device that is stuck or cut, whatever is written
            wire = np.broadcast_to(np.asarray(plus.wire_column, float), (2 * self.rows, 1))[:, 0]
            shift, mobility = self._mismatch(sample, 8 * (sample.draw or 0) + number)
            found[tag] = ColumnLine(
                parallel=parallel, tmr=self._at_temperature(tmr, sample.temperature), antiparallel=antiparallel, wire=wire * wire_factor(sample.temperature),
                shift=shift, mobility=mobility,
            )  # fmt: skip
        return found

    def bits(self, sample: ColumnSample) -> NDArray[np.int64]:
        """Return the weight bits of the N cells: those that make the cells at :meth:`positions` agree with the inputs."""
        x, agree = self.inputs(sample), self.positions(sample)
        return np.asarray(np.where(agree, x > 0, x < 0), np.int64)

    @staticmethod
    def _states(bits: NDArray[np.int64]) -> Bools:
        true, complement = antiparallel_states(bits[:, None])
        return np.stack([true[:, 0], complement[:, 0]], 1).ravel()

    @property
    def _median_tmr(self) -> float:
        return self.array.value("junction.tmr")

    def _at_temperature(self, tmr: Floats, temperature: float) -> Floats:
        return np.asarray(tmr_at(tmr, temperature, reference=FILE_TEMPERATURE, bloch_temperature=self.device.get("electrical.tmr_bloch_temperature")), float)

    def _mismatch(self, sample: ColumnSample, column: int) -> tuple[Floats, Floats]:
        count = 2 * self.rows
        if not (self.vary_access and sample.draw is not None and self.access == "transistor"):
            return np.zeros(count), np.ones(count)
        drawn = [self.technology.transistor_shift("n", self.access_width, draw=(sample.seed, f"crossbar_column {column}", k)) for k in range(count)]
        both = np.array(drawn, float)
        return both[:, 0], both[:, 1]

    def circuit(self, sample: ColumnSample) -> ColumnCircuit:
        """Return what the columns have in common."""
        value, resistor = self.array.value, self.access != "transistor"
        return ColumnCircuit(
            read_voltage=value("read.voltage") if sample.read_voltage is None else sample.read_voltage,
            word_voltage=self.technology.supply if sample.supply is None else sample.supply, half_voltage=value("junction.tmr_half_voltage"),
            junction_capacitance=self.device.get("electrical.junction_capacitance") or 0.0, access_width=self.access_width, gate_length=self.technology.gate_length,
            access_resistance=value("access.resistance") if resistor else None, linear=self.access == "resistor_linear", feed=sample.feed,
        )  # fmt: skip

    def deck(self, sample: ColumnSample) -> Deck:
        """Return the deck of a sample.

        Raises
        ------
        ParameterError
            If a number is out of range.
        """
        tmr = float(self._at_temperature(np.array(self._median_tmr), sample.temperature))
        return column_deck(
            self.circuit(sample), self.technology, self.netlists, self.columns(sample), self.driven_devices(sample),
            parallel=self.array.value("junction.parallel_resistance"), tmr=tmr, corner=sample.corner, temperature=sample.temperature, name=self.name, **self._read_options,
        )  # fmt: skip

    @property
    def _read_options(self) -> dict[str, Any]:
        return {}

    def reading(self, sample: ColumnSample) -> Reading:
        """Return what the measures need of a sample."""
        antiparallel, idle = self._states(self.bits(sample)), ~self.driven_devices(sample)
        return Reading(
            readout=self.readout, popcount=sample.popcount, driven=self.driven_rows, circuit=self.circuit(sample),
            idle=(int(np.sum(idle & ~antiparallel)), int(np.sum(idle & antiparallel))),
        )  # fmt: skip

    def measure(self, result: SimulationResult, sample: ColumnSample) -> Mapping[str, float]:
        """Return every measure of one finished run; see :func:`~spinbnn.circuit.column_read.dc_measures`."""
        return dc_measures(result, self.reading(sample))

    def identity(self) -> dict[str, Any]:
        """Return plain data that fix the numbers of this bench."""
        return {
            "bench": self.name, "array": self.array.content_hash, "device": self.device.content_hash, "technology": self.technology.content_hash,
            "cells": {name: cell.content_hash for name, cell in self.netlists.items()}, "rows": self.rows, "driven": self.driven_rows, "readout": self.readout,
            "access": [self.access, self.access_width], "spread": [self.vary_junctions, self.vary_access],
            "wire": [WIRE_COEFFICIENT, WIRE_REFERENCE, FILE_TEMPERATURE], "options": dict(DC_OPTIONS),
        }  # fmt: skip

    def attributes(self) -> dict[str, Any]:
        """Return what a table says of this bench: names, hashes and the keys of the flow."""
        return {
            "array": self.array.name, "array_hash": self.array.content_hash, "device": self.device.name, "device_hash": self.device.content_hash,
            "technology": self.technology.name, "technology_hash": self.technology.content_hash, "rows": self.rows, "driven": self.driven_rows,
            "readout": self.readout, "access": self.access, "assumption_note": self.array.assumption_note,
            "cells": {name: cell.content_hash for name, cell in self.netlists.items()},
        }  # fmt: skip

    def notes(self) -> list[str]:
        """Return what the numbers rest on."""
        return [self.array.assumption_note, *self.array.notes, *(f"assumed: technology {name}" for name in self.technology.assumed)]


def wire_factor(temperature: float) -> float:
    """Return the resistance of a wire over the one in the array file.

    Examples
    --------
    >>> round(wire_factor(400.0), 4), wire_factor(300.0)
    (1.3796, 1.0)
    """
    return (1 + WIRE_COEFFICIENT * (temperature - WIRE_REFERENCE)) / (1 + WIRE_COEFFICIENT * (FILE_TEMPERATURE - WIRE_REFERENCE))


def _baseline(high: Floats, tmr: float) -> Floats:
    return high / (1 + tmr)


def _numbered(pattern: str) -> bool:
    stem, _, number = pattern.partition("_")
    return stem == "random" and number.isdigit() and number == str(int(number))
