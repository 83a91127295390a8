"""Flows: what to sweep, what to measure and what to check."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import files, provenance, resources
from ..circuit.flow_keys import named
from ..circuit.reference_junctions import reference_draws
from ..device import VariationModel
from ..errors import ParameterError, suggest
from .bench import Bench
from .flow_file import read_flow, read_flow_axis
from .grid import Grid, Value
from .specification import Limit, Specification


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A parsed flow file.

    Attributes
    ----------
    name, description : str
        As in the file.
    bench : Bench
        What is measured, with the file's own keys of that bench read.
    grid : Grid
        The axes.
    seed : int
        Of every random draw.
    measures : tuple of str
        What is kept of the bench's measures.
    limits : mapping of str to Limit
        Those of the specification that hold for every sample of the table.
    specification : Specification
        All limits, with what they apply to, the typical condition and the operating point: what a datasheet needs.
    vary_device, vary_mismatch, die
        The switches of ``[variation]``.
    origin : str
        Name of the file, for messages.

    Examples
    --------
    >>> flow = Flow.load("dropout_module")
    >>> [axis.name for axis in flow.grid.axes]
    ['set_voltage', 'temperature', 'corner', 'draw']
    """

    name: str
    description: str
    bench: Bench
    grid: Grid
    seed: int
    measures: tuple[str, ...]
    limits: Mapping[str, Limit]
    vary_device: bool = False
    vary_mismatch: bool = False
    die: int | None = None
    origin: str = ""
    specification: Specification = field(default_factory=Specification)

    @classmethod
    def load(cls, name_or_path: str | Path) -> Flow:
        """Read a flow by its path or by the name of one that comes with spinbnn.

        Raises
        ------
        DataError, ParameterError, UnitError, NetlistError
            If the file, a key, a value or a unit is wrong, or no deck can be made at an end of an axis; the message
            names the file and the place in it.
        """
        path = resources.find("flow", name_or_path)
        return cls.from_dict(files.read_toml(path), where=path.name)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, where: str = "flow") -> Flow:
        """Build from parsed TOML; ``where`` names the file in messages."""
        flow = cls(**read_flow(data, where))
        flow.check()
        return flow

    def with_axes(self, **axes: Mapping[str, Any]) -> Flow:
        """Return a copy with some axes replaced, written as in the file: ``with_axes(draw={"count": 8})``."""
        known = [axis.name for axis in self.grid.axes]
        for name in axes:
            if name not in known:
                raise ParameterError("the flow has no such axis", where=self.origin, value=name, remedy=suggest(name, known))
        new = tuple(read_flow_axis(a.name, axes[a.name], self.bench, self.origin) if a.name in axes else a for a in self.grid.axes)
        flow = replace(self, grid=Grid(new))
        flow.check()
        return flow

    def check(self) -> None:
        """Make the jobs at the ends of the axes, of the nominal device and, where devices vary, of the first draw.

        What would end a run in its middle (a voltage out of range, a temperature beyond the Curie point, a cell without
        a port, a draw that is no device) is found here.

        Raises
        ------
        SpinbnnError
            The error of the job, with the file and the point in ``where``.
        """
        ends = [axis.values if axis.named else dict.fromkeys((axis.values[0], axis.values[-1])) for axis in self.grid.axes if axis.name != "draw"]
        names = [axis.name for axis in self.grid.axes if axis.name != "draw"]
        devices: list[tuple[str, dict[str, float], int | None]] = [("nominal device", self._nominal(), None)]
        if self._varies:
            draws = [len(axis.values) for axis in self.grid.axes if axis.name == "draw"]
            devices.append(("draw 0", {key: float(values[0]) for key, values in self._devices(*draws or [1]).items()}, 0))
        for values in itertools.product(*ends):
            point = dict(zip(names, values, strict=True))
            for kind, device, draw in devices:
                at = ", ".join(f"{n} = {v}" for n, v in point.items())
                with named(f"{self.origin}, axes ({at}; {kind})", self.origin):
                    self.bench.deck(self._sample(point, device, draw))

    @property
    def content_hash(self) -> str:
        """sha256 of everything that fixes the numbers: axes, draws, seed, the bench (cells, models, device, timing, ...) and our own code.

        Names of the flow, of the device and of the technology have no part in it.
        """
        return files.content_hash({
            "axes": [[a.name, a.unit, list(a.values)] for a in self.grid.axes],
            "seed": self.seed,
            "variation": [self.vary_device, self.vary_mismatch, self.die],
            "measures": list(self.measures),
            "bench": self.bench.identity(),
            "code": provenance.source_hash(*self.bench.sources),
        })  # fmt: skip

    def samples(self) -> Iterator[Any]:
        """Return the bench's sample of every grid point in canonical order.

        Draw k is the same device and the same transistors at every other coordinate.
        """
        make = self.sampler()
        return (make(index) for index in range(self.grid.size))

    def sampler(self) -> Callable[[int], Any]:
        """Return what makes the bench's sample of one grid point from its place in row-major order; the devices are drawn once."""
        draws = [axis for axis in self.grid.axes if axis.name == "draw"]
        devices = self._devices(len(draws[0].values) if draws else 1)

        def make(index: int) -> Any:
            point = self.grid.point(index)
            draw = int(point.get("draw", 0))
            return self._sample(point, {key: float(values[draw]) for key, values in devices.items()}, draw)

        return make

    @property
    def _varies(self) -> bool:
        return "variation" in self.bench.flow_keys

    def _nominal(self) -> dict[str, float]:
        return {key: q.value for key, q in self.bench.params.quantities.items()} if self._varies else {}

    def _devices(self, count: int) -> dict[str, Any]:
        if not self._varies:
            return {}
        with named(f"{self.origin}, variation", self.origin):
            devices = dict(VariationModel.from_params(self.bench.params).sample(count, self.seed, local=self.vary_device, die=self.die))
            junctions = int(getattr(self.bench, "reference_junctions", 0))  # of the circuit, made like the device
            return devices | reference_draws(self.bench.params, junctions, count, self.seed, local=self.vary_device, die=self.die)

    def _sample(self, point: Mapping[str, Value], device: Mapping[str, float], draw: int | None) -> Any:
        return self.bench.sample(point, device=device, seed=self.seed, mismatch=draw if self.vary_mismatch else None)
