"""Shards: one flow measured in several places, and the tables put together again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import provenance
from ..errors import CoverageError, DataError, ParameterError, SimulationError
from .table import IDENTITY, STATUS, LookupTable

_PART = re.compile(r"(\d+)/(\d+)")
_GOOD, _MISSING = STATUS["ok"], STATUS["not_measured"]
_SAME = (*IDENTITY, "bench", "bench_hash")
"""Attributes that the tables of one flow share."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``count`` equal parts of a flow: sample k, from 0 in canonical order, belongs to part ``k % count + 1``.

    Neighbours on the grid go to different parts, so that slow corners are shared out. The part of a sample depends on
    nothing else, and its random numbers on the sample alone: the number of parts changes no value.

    Parameters
    ----------
    part : int
        From 1 to ``count``.
    count : int
        Number of parts.

    Raises
    ------
    ParameterError
        If there is no such part.

    Examples
    --------
    >>> Shard.parse("2/3").indices(8)
    (1, 4, 7)
    """

    part: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.part <= self.count:
            raise ParameterError("no such shard", where="shard", value=str(self), remedy="write I/N with 1 <= I <= N, e.g. '2/4'")

    def __str__(self) -> str:
        return f"{self.part}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``"I/N"``.

        Raises
        ------
        ParameterError
            If it is none.
        """
        match = _PART.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise ParameterError("not a shard", where="shard", value=text, remedy="write I/N, the first part is 1, e.g. '2/4'")
        return cls(int(match[1]), int(match[2]))

    def indices(self, total: int, what: str = "samples") -> tuple[int, ...]:
        """Return the samples of this part out of ``total``; ``what`` they are, for the message.

        Raises
        ------
        ParameterError
            If it has none.
        """
        if self.part > total:
            raise ParameterError(f"nothing to do: the flow has {total} {what}", where="shard", value=str(self), remedy=f"at most {total} shards")
        return tuple(range(self.part - 1, total, self.count))


def merge_tables(tables: Sequence[LookupTable], *, names: Sequence[str] = (), partial: bool = False) -> LookupTable:
    """Put the tables of the shards of one flow together.

    Searches for operating points are merged as grids are; what is missing is counted in operating points there. A sample
    that several tables hold is taken once: a good one goes before one that is not, among those that are not
    good the first table wins. Two good ones must be equal, to the last bit, in every measure and in the rung.

    Parameters
    ----------
    tables : sequence of LookupTable
        Of the same flow and simulator, in any order.
    names : sequence of str, optional
        Names of the tables for messages (their files).
    partial : bool
        Whether samples may be left that no table holds.

    Returns
    -------
    LookupTable
        With the content hash of a run without shards. Attributes are the first table's, but for ``command``, ``time_utc``,
        the counts and ``merged``, the content hashes of the parts.

    Raises
    ------
    ParameterError
        Without tables.
    CoverageError
        If the tables are of different flows or simulators, or samples are missing.
    DataError
        If two tables hold different good values of one sample.
    SimulationError
        If no sample is good.

    Examples
    --------
    >>> from spinbnn.characterize import Flow, run_flow
    >>> from spinbnn.circuit.dropout_analytic import analytic_simulator
    >>> flow = Flow.load("dropout_module").with_axes(draw={"count": 1}, temperature={"values": ["25 degC"]})
    >>> parts = [run_flow(flow, simulator=analytic_simulator(), shard=f"{i}/3") for i in (1, 2, 3)]
    >>> merge_tables(parts).content_hash == run_flow(flow, simulator=analytic_simulator()).content_hash
    True
    """
    if not tables:
        raise ParameterError("there is nothing to merge", where="merge_tables", remedy="give at least one table")
    called = [*names, *(f"table {k + 1}" for k in range(len(names), len(tables)))]
    first = tables[0]
    owner = np.where(first.status.ravel() != _MISSING, 0, -1)
    held = first.status.ravel().copy()
    for k in range(1, len(tables)):
        _check_same(first, tables[k], called[0], called[k])
        codes = tables[k].status.ravel()
        _check_equal(tables, called, owner, np.flatnonzero((held == _GOOD) & (codes == _GOOD)), k)
        better = ((held == _MISSING) & (codes != _MISSING)) | ((held != _GOOD) & (codes == _GOOD))
        owner[better], held[better] = k, codes[better]
    searched, lacking = _searched(tables, called)
    if lacking and not partial:
        given = [str(t.attributes["shard"]) for t in tables if t.attributes.get("shard")]
        told = f"the first is operating point {lacking[0]}" + (f"; shards given: {', '.join(given)}" if given else "")
        raise CoverageError(f"{len(lacking)} of {first.attributes['groups']} searches are in none of the tables", where=", ".join(called), value=told, remedy="run the missing shards, or allow a partial table (--partial)")
    holes = np.flatnonzero(held == _MISSING) if searched is None else np.array([], dtype=int)
    if holes.size and not partial:
        given = [str(t.attributes["shard"]) for t in tables if t.attributes.get("shard")]
        told = f"the first is sample {holes[0]}" + (f"; shards given: {', '.join(given)}" if given else "")
        raise CoverageError(f"{holes.size} of {held.size} samples are in none of the tables", where=", ".join(called), value=told, remedy="run the missing shards, or allow a partial table (--partial)")
    if not holes.size and not lacking and not np.any(held == _GOOD):
        raise SimulationError(f"all {int(np.sum(held != _MISSING))} samples failed", where=", ".join(called), value=next(iter(first.messages.values()), ""), remedy="run 'spinbnn doctor'; try the flow with one point")
    return _assembled(tables, owner, held, {} if searched is None else {"searched": searched})


def _searched(tables: Sequence[LookupTable], called: Sequence[str]) -> tuple[list[int] | None, list[int]]:
    """Return the operating points that are searched and those that are not; None and nothing for tables of whole grids.

    A search leaves most of its grid unmeasured, so that what is missing is counted in operating points.
    """
    first = tables[0]
    for table, name in zip(tables, called, strict=False):
        for key in ("search", "operating_point", "groups"):
            if table.attributes.get(key) != first.attributes.get(key):
                raise CoverageError(f"the tables are of different searches ({key} differs)", where=f"{called[0]} and {name}", value=f"{first.attributes.get(key)} and {table.attributes.get(key)}", remedy="merge the shards of one search")
    if not first.attributes.get("search"):
        return None, []
    done = {int(k) for table in tables for k in table.attributes.get("searched", [])}
    return sorted(done), [k for k in range(int(first.attributes.get("groups", 0))) if k not in done]


def _check_same(first: LookupTable, other: LookupTable, name: str, its: str) -> None:
    """Refuse a table of another flow or simulator."""
    remedy = "merge the shards of one flow, run by one version of spinbnn and ngspice"
    for key in _SAME:
        mine, theirs = first.attributes.get(key), other.attributes.get(key)
        if mine != theirs:
            what = "the tables are of different simulators" if key == "simulator" else f"the tables are of different flows ({key} differs)"
            raise CoverageError(what, where=f"{name} and {its}", value=f"{mine} and {theirs}", remedy=remedy)
    if first.grid_axes != other.grid_axes:
        raise CoverageError("the tables have different axes", where=f"{name} and {its}", value=[list(first.axes), list(other.axes)], remedy=remedy)
    kinds = [{n: m.unit for n, m in t.measures.items()} for t in (first, other)]
    if kinds[0] != kinds[1] or (first.rung is None) != (other.rung is None):
        raise CoverageError("the tables have different measures", where=f"{name} and {its}", value=sorted(set(kinds[0]) ^ set(kinds[1])), remedy=remedy)


def _check_equal(tables: Sequence[LookupTable], called: Sequence[str], owner: Any, both: Any, k: int) -> None:
    """Refuse two good values of one sample that differ."""
    for index in both.tolist():
        one, other = tables[int(owner[index])], tables[k]
        different = [n for n in one.measures if not _equal(one.measures[n].data.flat[index], other.measures[n].data.flat[index])]
        if one.rung is not None and other.rung is not None and one.rung.flat[index] != other.rung.flat[index]:
            different.append("rung")
        if different:
            raise DataError(f"two tables hold different values of sample {index}", where=f"{called[int(owner[index])]} and {called[k]}", value=different, remedy="one of them is not what it says: measure both again")


def _equal(a: float, b: float) -> bool:
    return bool(a == b or (np.isnan(a) and np.isnan(b)))


def _assembled(tables: Sequence[LookupTable], owner: Any, status: Any, more: dict[str, Any]) -> LookupTable:
    first, shape = tables[0], tables[0].shape
    data = {n: np.full(status.size, np.nan) for n in first.measures}
    rung = None if first.rung is None else np.zeros(status.size, dtype=np.uint8)
    texts: tuple[dict[int, str], dict[int, str]] = ({}, {})
    for k, table in enumerate(tables):
        mine = owner == k
        for n, values in data.items():
            values[mine] = table.measures[n].data.ravel()[mine]
        if rung is not None and table.rung is not None:
            rung[mine] = table.rung.ravel()[mine]
        for into, found in zip(texts, (table.messages, table.logs), strict=True):
            into.update({i: text for i, text in found.items() if mine[i]})
    attributes = {key: value for key, value in first.attributes.items() if key != "shard"}
    attributes |= {"command": provenance.command(), "time_utc": provenance.utc_now(), "simulated": 0, "resumed": int(np.sum(status != _MISSING))}
    return replace(
        first, status=status.reshape(shape), rung=None if rung is None else rung.reshape(shape),
        measures={n: replace(m, data=data[n].reshape(shape)) for n, m in first.measures.items()},
        messages=dict(sorted(texts[0].items())), logs=dict(sorted(texts[1].items())),
        attributes={**attributes, **more, "merged": [t.content_hash for t in tables]},
    )  # fmt: skip
