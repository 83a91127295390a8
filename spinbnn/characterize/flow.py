"""Flow files: what to sweep, what to measure and what to check."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import files, provenance, resources
from ..circuit.cell import Cell
from ..circuit.dropout_bench import DropoutModuleBench, Sample, Timing, bench_class
from ..circuit.technology import Technology
from ..device import DeviceParams, VariationModel
from ..errors import ParameterError, suggest
from ..units import quantity
from .grid import Axis, Grid, read_axis

SCHEMA = "spinbnn.flow/1"
_KEYS = {"schema", "name", "description", "bench", "technology", "device", "barrier", "seed", "axes", "variation", "timing", "measures", "limits"}
_VARIATION = {"device": False, "mismatch": False, "die": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A specification: every measured value must lie in [minimum, maximum] (SI)."""

    minimum: float = -math.inf
    maximum: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A parsed flow file.

    Examples
    --------
    >>> flow = Flow.load("dropout_module")
    >>> [axis.name for axis in flow.grid.axes]
    ['set_voltage', 'temperature', 'corner', 'draw']
    """

    name: str
    description: str
    bench: DropoutModuleBench
    grid: Grid
    seed: int
    measures: tuple[str, ...]
    limits: Mapping[str, Limit]
    vary_device: bool = False
    vary_mismatch: bool = False
    die: int | None = None
    origin: str = ""

    @classmethod
    def load(cls, name_or_path: str | Path) -> Flow:
        """Read a flow by its path or by the name of one that comes with spinbnn.

        Raises
        ------
        DataError, ParameterError, UnitError
            If the file, a key, a value or a unit is wrong; the message names it.
        """
        path = resources.find("flow", name_or_path)
        return cls.from_dict(files.read_toml(path), where=path.name)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, where: str = "flow") -> Flow:
        """Build from parsed TOML; ``where`` names the file in messages."""
        if data.get("schema") != SCHEMA:
            raise ParameterError("not a characterisation flow", where=f"{where}, key 'schema'", value=data.get("schema"), remedy=f'write schema = "{SCHEMA}"')
        _known(data, _KEYS, where)
        for key in ("name", "bench", "technology", "device", "seed", "axes"):
            if key not in data:
                raise ParameterError("a key is missing", where=where, value=key, remedy=f"a flow needs {key!r}")
        bench_type = bench_class(data["bench"])
        barrier = data.get("barrier", "exact")
        if barrier not in ("exact", "seed"):
            raise ParameterError("unknown barrier", where=f"{where}, key 'barrier'", value=barrier, remedy='use "exact" or "seed"')
        timing = data.get("timing", {})
        _known(timing, set(Timing.__dataclass_fields__), f"{where}, timing")
        bench = bench_type(
            technology=Technology.load(data["technology"]),
            params=DeviceParams.load(data["device"]),
            barrier=barrier,
            timing=Timing(**{k: quantity(v, "s", where=f"{where}, timing.{k}") for k, v in timing.items()}),
        )
        variation = {**_VARIATION, **data.get("variation", {})}
        _known(variation, set(_VARIATION), f"{where}, variation")
        measures = tuple(data.get("measures", bench.measures))
        for name in measures:
            if name not in bench.measures:
                raise ParameterError(f"bench {data['bench']!r} has no such measure", where=f"{where}, key 'measures'", value=name, remedy=suggest(name, bench.measures))
        return cls(
            name=str(data["name"]),
            description=str(data.get("description", "")),
            bench=bench,
            grid=_grid(data["axes"], bench, where),
            seed=_seed(data["seed"], where),
            measures=measures,
            limits=_limits(data.get("limits", {}), bench, measures, where),
            vary_device=bool(variation["device"]),
            vary_mismatch=bool(variation["mismatch"]),
            die=variation["die"],
            origin=where,
        )

    def with_axes(self, **axes: Mapping[str, Any]) -> Flow:
        """Return a copy with some axes replaced, written as in the file: ``with_axes(draw={"count": 8})``."""
        new = []
        for axis in self.grid.axes:
            entry = axes.pop(axis.name, None)
            new.append(axis if entry is None else read_axis(axis.name, entry, axis.unit, axis.description, where=self.origin))
        if axes:
            name = next(iter(axes))
            raise ParameterError("the flow has no such axis", where=self.origin, value=name, remedy=suggest(name, [a.name for a in self.grid.axes]))
        return replace(self, grid=_checked(Grid(tuple(new)), self.bench, self.origin))

    @property
    def content_hash(self) -> str:
        """sha256 of everything that fixes the numbers: axes, draws, seed, cells, device, technology, timing, and our own code."""
        bench = self.bench
        return files.content_hash({
            "axes": [[a.name, a.unit, list(a.values)] for a in self.grid.axes],
            "seed": self.seed,
            "variation": [self.vary_device, self.vary_mismatch, self.die],
            "measures": list(self.measures),
            "device": bench.params.content_hash,
            "technology": bench.technology.content_hash,
            "barrier": bench.barrier,
            "timing": {k: getattr(bench.timing, k) for k in bench.timing.__dataclass_fields__},
            "code": provenance.source_hash("device", "circuit", "rng.py", "units.py"),
            "cells": {name: Cell.load(name).content_hash for name in bench.cells},
        })  # fmt: skip

    def samples(self) -> Iterator[Sample]:
        """Yield the sample of every grid point in canonical order.

        Draw k is the same device and the same transistors at every other coordinate.
        """
        draws = [axis for axis in self.grid.axes if axis.name == "draw"]
        count = len(draws[0].values) if draws else 1
        devices = VariationModel.from_params(self.bench.params).sample(count, self.seed, local=self.vary_device, die=self.die)
        for point in self.grid.points():
            draw = int(point.get("draw", 0))
            yield Sample(
                set_voltage=float(point["set_voltage"]),
                temperature=float(point.get("temperature", 300.0)),
                corner=str(point.get("corner", "tt")),
                supply=float(point["supply"]) if "supply" in point else None,
                device={key: float(values[draw]) for key, values in devices.items()},
                mismatch=(self.seed, draw) if self.vary_mismatch else None,
            )


def _known(given: Mapping[str, Any], known: set[str], where: str) -> None:
    if not isinstance(given, Mapping):
        raise ParameterError("a TOML table is needed here", where=where, value=given, remedy=f"with the keys {', '.join(sorted(known))}")
    for key in given:
        if key not in known:
            raise ParameterError("unknown key", where=where, value=key, remedy=suggest(key, known))


def _seed(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ParameterError("a seed must be a non-negative integer", where=f"{where}, key 'seed'", value=value, remedy="e.g. seed = 1")
    return value


def _grid(axes: Mapping[str, Any], bench: DropoutModuleBench, where: str) -> Grid:
    _known(axes, set(bench.axes), f"{where}, axes")
    if "set_voltage" not in axes:
        raise ParameterError("the axis 'set_voltage' is missing", where=f"{where}, axes", value=sorted(axes), remedy='set_voltage = { start = "0.9 V", stop = "1.1 V", points = 9 }')
    return _checked(Grid(tuple(_axis(name, entry, bench, where) for name, entry in axes.items())), bench, where)


def _axis(name: str, entry: Any, bench: DropoutModuleBench, where: str) -> Axis:
    unit, description = bench.axes[name]
    if name == "draw" and (not isinstance(entry, Mapping) or set(entry) != {"count"}):
        raise ParameterError("the axis 'draw' takes a count", where=f"{where}, axes.draw", value=entry, remedy="draw = { count = 32 }")
    return read_axis(name, entry, unit, description, where=where)


def _checked(grid: Grid, bench: DropoutModuleBench, where: str) -> Grid:
    """Check now what would fail in the middle of a run."""
    for axis in grid.axes:
        if axis.name == "corner":
            for name in axis.values:
                bench.technology.corner(str(name))
        if axis.name == "temperature" and float(axis.values[0]) <= 0:
            raise ParameterError("a temperature must be > 0 K", where=f"{where}, axes.temperature", value=axis.values[0], remedy='write "25 degC" or "298.15 K"')
    return grid


def _limits(data: Mapping[str, Any], bench: DropoutModuleBench, measures: tuple[str, ...], where: str) -> dict[str, Limit]:
    out = {}
    for name, entry in data.items():
        place = f"{where}, limits.{name}"
        if name not in measures:
            raise ParameterError("a limit names a measure that the flow does not take", where=place, value=name, remedy=suggest(name, measures))
        _known(entry, {"minimum", "maximum"}, place)
        unit = bench.measures[name][0]
        out[name] = Limit(**{k: quantity(v, unit, where=f"{place}.{k}") for k, v in entry.items()})
    return out
