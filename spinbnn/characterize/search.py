"""The search for operating points: one in each group of samples with one amplitude, run like any other flow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ParameterError
from .engines import JobRunner
from .flow import Flow
from .grid import Axis
from .journal import Row
from .runner import Progress, carry_out
from .shard import Shard
from .specification import OperatingPoint, Specification, typical_indices
from .table import LookupTable

INTERPOLATIONS = 7
"""Samples of a group after which what is left is halved."""


def search(
    flow: Flow,
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    simulator: JobRunner | str | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    retry_failed: bool = False,
    shard: Shard | str | None = None,
    timeout: float | None = None,
) -> LookupTable:
    """Search the operating points of a flow and simulate the other conditions there; the table is sparse.

    Every group of samples with one amplitude (a module, a temperature, ...; see
    :class:`~spinbnn.characterize.specification.OperatingPoint`) is searched on the values of the amplitude's axis, at the
    typical condition, until two neighbours hold the target between them. Probabilities are interpolated as ``ln(-ln(1 - p))``; what
    does not narrow soon is halved. So 4 or 5 samples find one of 64 values, 4 to 6 one of 256. A sample that is not ok ends the search of its
    group. Samples are those of the full grid of the flow, with the same draws; those not needed stay ``not_measured``.

    Parameters
    ----------
    flow : Flow
        With an operating point.
    workers, executor, simulator, progress, timeout
        As of :func:`~spinbnn.characterize.run_flow`; the progress counts towards the most samples that can be needed.
    out : str or Path, optional
        HDF5 file; while the search runs its journal stands beside it, and a killed search resumes. A table of the same
        flow and simulator is kept, and only what it lacks is measured: limits, typical condition and operating point have
        no part in the hash of a flow, so that this may be the table of a search for another target.
    retry_failed : bool
        Measure every sample again that is not ok, and go on with the searches that it ended.
    shard : Shard or str, optional
        Search in one part of the groups, ``"2/4"``: group k, from 0 in canonical order, belongs to part ``k % 4 + 1``.
        :func:`~spinbnn.characterize.shard.merge_tables` puts the parts together.

    Raises
    ------
    ParameterError
        If the flow has no operating point, or arguments exclude each other.
    CoverageError
        If ``out`` holds a table of another flow or simulator.
    SimulationError
        If every sample failed.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from spinbnn.circuit.dropout_analytic import analytic_simulator
    >>> flow = Flow.load("dropout_module").with_axes(draw={"count": 2}, temperature={"values": ["25 degC"]}, corner={"values": ["tt"]})
    >>> point = OperatingPoint(axis="set_voltage", measure="p_drop", target=0.5, per=("draw",))
    >>> flow = replace(flow, specification=Specification(operating_point=point))
    >>> table = search(flow, simulator=analytic_simulator())
    >>> table.attributes["searched"], int((table.status == 0).sum()) <= 10
    ([0, 1], True)
    """
    plan = SearchPlan(flow.grid.axes, flow.specification, where=flow.origin, shard=shard)
    return carry_out(flow, plan, workers=workers, executor=executor, simulator=simulator, out=out, progress=progress, retry_failed=retry_failed, timeout=timeout)


def rising(value: float) -> float:
    """Return ``ln(-ln(1 - v))``, which for a probability rises almost in proportion to the amplitude; ends are cut off.

    Examples
    --------
    >>> round(rising(0.5), 4), rising(0.0) == rising(-1.0) < rising(1e-6)
    (-0.3665, True)
    """
    return math.log(-math.log1p(-min(max(value, 1e-12), 1 - 1e-12)))


class SearchPlan:
    """Which samples a search needs next, given those that are there: the same rows always lead to the same next samples.

    Parameters
    ----------
    axes : sequence of Axis
        Of the full grid.
    specification : Specification
        With an operating point.
    where : str
        Name of the flow's file, for messages.
    shard : Shard or str, optional
        Part of the groups.

    Attributes
    ----------
    groups : tuple of int
        Places of the groups' typical conditions among the conditions other than the amplitude, ascending.
    own : tuple of int
        Those of the shard.
    most : int
        Most samples that can be needed.

    Raises
    ------
    ParameterError
        If there is no operating point, no typical condition where one is needed, or no such shard.
    """

    kind = "search"

    def __init__(self, axes: Sequence[Axis], specification: Specification, *, where: str = "flow", shard: Shard | str | None = None) -> None:
        if specification.operating_point is None:
            raise ParameterError("the flow has no operating point to search for", where=where, value=[axis.name for axis in axes], remedy="add [operating_point] with axis, measure and target")
        self.point: OperatingPoint = specification.operating_point
        position = [axis.name for axis in axes].index(self.point.axis)
        others = tuple(axis for axis in axes if axis.name != self.point.axis)
        full, shape = tuple(len(axis.values) for axis in axes), tuple(len(axis.values) for axis in others)
        self._count = full[position]
        self._every = np.moveaxis(np.arange(int(np.prod(full))).reshape(full), position, -1).reshape(-1, self._count)
        self._fixed = typical_indices(others, self.point, specification)
        self._typical = {others[d].name: others[d].values[k] for d, k in self._fixed.items() if len(others[d].values) > 1}
        home = np.indices(shape).reshape(len(shape), int(np.prod(shape)))  # of every condition: where its group is searched
        for dimension, k in self._fixed.items():
            home[dimension] = k
        homes = np.atleast_1d(np.ravel_multi_index(tuple(home), shape)) if shape else np.zeros(1, dtype=int)
        self._members: dict[int, list[int]] = {}
        for condition, group in enumerate(homes):
            self._members.setdefault(int(group), []).append(condition)
        self.groups = tuple(sorted(self._members))
        self.shard = shard if isinstance(shard, Shard) or shard is None else Shard.parse(shard)
        self.own = self.groups if self.shard is None else tuple(self.groups[k] for k in self.shard.indices(len(self.groups), "operating points"))
        self._asked = np.zeros(self._every.size, dtype=bool)
        self._asked[self._every[[c for g in self.own for c in self._members[g]]]] = True
        self.most = sum(INTERPOLATIONS + self._count.bit_length() + len(self._members[g]) for g in self.own)

    def asked(self, index: int) -> bool:
        """Say whether a sample may be part of this search."""
        return bool(self._asked[index])

    def missing(self, rows: Mapping[int, Row]) -> list[int]:
        """Return the samples that are needed next, ascending; none: the search is done."""
        return sorted({index for group in self.own for index in self._next(group, rows)})

    def _next(self, group: int, rows: Mapping[int, Row]) -> list[int]:
        """Return what one group needs next."""
        low, high = -1, self._count
        tried: list[tuple[int, float]] = []
        while high - low > 1:
            trial = self._trial(low, high, tried)
            row = rows.get(int(self._every[group, trial]))
            if row is None:
                return [int(self._every[group, trial])]
            value = self._value(row)
            if np.isnan(value):
                return []  # the search of this group has ended without an answer
            tried.append((trial, rising(value)))
            low, high = (trial, high) if value <= self.point.target else (low, trial)
        known = [(abs(v - self.point.target), k) for k in range(self._count) if (row := rows.get(int(self._every[group, k]))) is not None and not np.isnan(v := self._value(row))]
        best = min(known)[1]
        return [index for c in self._members[group] if (index := int(self._every[c, best])) not in rows]

    def _trial(self, low: int, high: int, tried: Sequence[tuple[int, float]]) -> int:
        """Return a value between low and high: on the line through the two tried ones nearest to the target, or in the middle."""
        middle, wanted = (low + high) // 2, rising(self.point.target)
        if not tried or len(tried) >= INTERPOLATIONS or not 0 < self.point.target < 1:
            return middle
        if len(tried) == 1:
            step = max(1, self._count // 8)
            return min(tried[0][0] + step, high - 1) if tried[0][1] <= wanted else max(tried[0][0] - step, low + 1)
        (k1, x1), (k2, x2) = sorted(tried, key=lambda one: (abs(one[1] - wanted), one[0]))[:2]
        slope = (x2 - x1) / (k2 - k1)
        if not slope > 0:
            return middle
        guess = k1 + (wanted - x1) / slope
        return min(max(round(min(max(guess, low), high)), low + 1), high - 1)

    def _value(self, row: Row) -> float:
        return row.values.get(self.point.measure, np.nan)

    def whole(self, rows: Mapping[int, Row]) -> bool:
        """Say whether no group is left to another shard."""
        return all(not self._next(group, rows) for group in self.groups)

    def attributes(self, rows: Mapping[int, Row]) -> dict[str, Any]:
        """Return what the table says of the search: its operating point, the groups and those that are done."""
        done = [k for k, group in enumerate(self.groups) if not self._next(group, rows)]
        point = {"axis": self.point.axis, "measure": self.point.measure, "target": self.point.target, "per": list(self.point.per), "at": self._typical}
        part = {} if self.shard is None or len(done) == len(self.groups) else {"shard": str(self.shard)}
        return {"search": self.point.axis, "operating_point": point, "groups": len(self.groups), "searched": done, **part}
