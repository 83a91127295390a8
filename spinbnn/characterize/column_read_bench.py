"""Bench of a crossbar column in time: settling, energy of a read, discharge."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from ..circuit.column_deck import SENSES, ColumnCircuit
from ..circuit.column_read import EDGES, READ_MEASURES, TRANSIENT_OPTIONS, Reading, ReadTiming, read_measures
from ..circuit.flow_keys import known_keys, named, text
from ..circuit.simulator.deck import SimulationResult
from ..errors import ParameterError, suggest
from ..units import quantity
from .column_bench import SOURCES, ColumnBench, ColumnSample


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnReadBench(ColumnBench):
    """Transient reads of a column: ``bench = "crossbar_column_read"`` of a flow file.

    Its further keys: ``sense``, ``edge``, ``resolution``, ``[input]`` (of the sense input) and ``[timing]``.

    Parameters
    ----------
    sense : {"current", "voltage"}
        Virtual ground with an input resistance, or precharge and discharge.
    edge : {"word_line", "read"}
        What begins the read, see :data:`spinbnn.circuit.column_read.EDGES`.
    resolution : float
        Counts of one step of the converter; settling is to half of it [1].
    input_resistance, input_capacitance, input_time : float
        Of the sense input: assumptions [ohm, F, s].
    timing : ReadTiming
        Length, edge and steps of the transient.

    Examples
    --------
    >>> from spinbnn.characterize import Flow
    >>> bench = Flow.load("crossbar_column_read").bench
    >>> bench.sense, bench.timing.length
    ('current', 4e-09)
    """

    sense: str = "current"
    edge: str = "word_line"
    resolution: float = 1.0
    input_resistance: float = 100.0
    input_capacitance: float = 5e-15
    input_time: float = 50e-12
    timing: ReadTiming = field(default_factory=ReadTiming)

    name: ClassVar[str] = "crossbar_column_read"
    measures: ClassVar[Mapping[str, tuple[str, str]]] = READ_MEASURES
    flow_keys: ClassVar[Mapping[str, bool]] = {**ColumnBench.flow_keys, "sense": False, "edge": False, "resolution": False, "input": False, "timing": False}
    sources: ClassVar[tuple[str, ...]] = (*SOURCES, "characterize/column_read_bench.py")

    def __post_init__(self) -> None:
        ColumnBench.__post_init__(self)
        if self.sense not in SENSES[1:]:
            raise ParameterError("unknown sense input", where=f"bench {self.name!r}, sense", value=self.sense, remedy=suggest(str(self.sense), SENSES[1:]))
        if self.edge not in EDGES:
            raise ParameterError("unknown edge", where=f"bench {self.name!r}, edge", value=self.edge, remedy=suggest(str(self.edge), EDGES))
        if not 0 < self.resolution < math.inf:
            raise ParameterError("a resolution is > 0 counts", where=f"bench {self.name!r}, resolution", value=self.resolution, remedy="1: one count a step")

    @classmethod
    def _read(cls, data: Mapping[str, Any], where: str) -> dict[str, Any]:
        found = ColumnBench._read({key: value for key, value in data.items() if key in ColumnBench.flow_keys}, where)
        found |= {key: text(data[key], f"{where}, key {key!r}") for key in ("sense", "edge") if key in data}
        if "resolution" in data:
            found["resolution"] = quantity(data["resolution"], "1", where=f"{where}, key 'resolution'")
        given, units = data.get("input", {}), {"resistance": "ohm", "capacitance": "F", "time": "s"}
        known_keys(given, units, f"{where}, input")
        found |= {f"input_{key}": quantity(value, units[key], where=f"{where}, input.{key}") for key, value in given.items()}
        timing = data.get("timing", {})
        known_keys(timing, ReadTiming.__dataclass_fields__, f"{where}, timing")
        with named(f"{where}, timing", where):
            found["timing"] = ReadTiming(**{key: quantity(value, "s", where=f"{where}, timing.{key}") for key, value in timing.items()})
        return found

    def circuit(self, sample: ColumnSample) -> ColumnCircuit:
        """Return what the columns have in common: capacitances and the sense input too."""
        array, vertical = self.array, self.array.value("wire.column_capacitance") * self.array.value("geometry.cell_height")
        horizontal = array.value("wire.row_capacitance") * array.value("geometry.cell_width")
        plain = self.access != "transistor"  # a transistor brings its own drain and gate
        return replace(
            ColumnBench.circuit(self, sample), sense=self.sense, sense_resistance=self.input_resistance, sense_capacitance=self.input_capacitance, sense_time=self.input_time,
            wire_capacitance=array.column_capacitance if plain else vertical, word_capacitance=array.row_capacitance if plain else horizontal,
        )  # fmt: skip

    @property
    def _read_options(self) -> dict[str, Any]:
        return {"timing": self.timing, "edge": self.edge}

    def reading(self, sample: ColumnSample) -> Reading:
        """Return what the measures need of a sample."""
        return replace(ColumnBench.reading(self, sample), timing=self.timing, edge=self.edge, resolution=self.resolution)

    def measure(self, result: SimulationResult, sample: ColumnSample) -> Mapping[str, float]:
        """Return every measure of one finished run; see :func:`~spinbnn.circuit.column_read.read_measures`."""
        return read_measures(result, self.reading(sample))

    def identity(self) -> dict[str, Any]:
        """Return plain data that fix the numbers of this bench."""
        return {
            **ColumnBench.identity(self), "sense": [self.sense, self.edge, self.resolution, self.input_resistance, self.input_capacitance, self.input_time],
            "timing": {name: getattr(self.timing, name) for name in self.timing.__dataclass_fields__}, "options": dict(TRANSIENT_OPTIONS),
        }  # fmt: skip

    def attributes(self) -> dict[str, Any]:
        """Return what a table says of this bench."""
        return {**ColumnBench.attributes(self), "sense": self.sense, "edge": self.edge, "resolution": self.resolution}
