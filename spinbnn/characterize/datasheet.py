"""Datasheets: what a table says about the limits of its flow, with the worst condition named and the yield of draws."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..circuit.area import LayoutRules, area
from ..circuit.netlist import flatten
from ..errors import ParameterError
from .datasheet_origin import belong_together, without_folders
from .datasheet_text import coordinate as coordinate
from .datasheet_text import prefixed as prefixed
from .datasheet_verdict import draws_needed, verdict, yield_interval
from .flow import Flow
from .operating_point import Operated, operate, typical_index
from .specification import Limit
from .table import STATUS, LookupTable

Array = NDArray[np.float64]
MODELS = ("sot_mtj", "parallel_mtj", "antiparallel_mtj")
"""Subcircuits that are models and take no area of their own."""
SHOWN_FAILURES = 20
"""Most samples that are listed as not ok; all are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a datasheet; numbers in SI units, NaN where there is none.

    Attributes
    ----------
    parameter, definition, condition, unit : str
        What it is, how it is defined, the name of the condition that it holds under, and its SI unit.
    limit : Limit or None
        What is demanded.
    minimum, typical, maximum : float
        Over all good samples; typical: at the typical condition, the median of the draws [unit].
    worst : str
        Point of the value that lies nearest to its limit, or farthest outside; empty without a limit.
    worst_value : float
        That value [unit].
    draws, samples, failed, undefined : int
        Draws; samples in all; those that failed, timed out, crashed or found no amplitude; those that are good but have no
        such value (a latency without a decision). The last two stand in no minimum, maximum or median, and lie within no limit.
    inside : int or None
        Draws within the limit at every condition; None without a limit, without draws, and with one draw if no yield is
        demanded.
    worst_condition : str
        Condition at which the fewest draws lie within the limit; empty with one condition or without draws.
    inside_worst : int or None
        Draws that lie within there.
    verdict : {"pass", "FAIL", "open", ""}
        See :func:`~spinbnn.characterize.datasheet_verdict.verdict`; "open": the yield is not shown with these draws.
    """

    parameter: str
    definition: str
    condition: str
    unit: str
    limit: Limit | None = None
    minimum: float = math.nan
    typical: float = math.nan
    maximum: float = math.nan
    worst: str = ""
    worst_value: float = math.nan
    draws: int = 1
    samples: int = 1
    failed: int = 0
    undefined: int = 0
    inside: int | None = None
    worst_condition: str = ""
    inside_worst: int | None = None
    verdict: str = ""

    @property
    def yield_interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the share of draws within the limit; NaN without draws."""
        return (math.nan, math.nan) if self.inside is None else yield_interval(self.inside, self.draws)

    @property
    def draws_needed(self) -> int | None:
        """Least draws that can show an open yield; None if it is not open, or cannot be shown (a yield of 100 %)."""
        if self.verdict != "open" or self.limit is None or self.inside is None:
            return None
        return draws_needed(self.inside, self.draws, self.limit.share)

    def plain(self) -> dict[str, Any]:
        """Return JSON-able data; None for what there is not."""
        limit = self.limit
        low, high = self.yield_interval
        numbers = {
            "limit_minimum": limit.minimum if limit else math.nan, "limit_typical": limit.typical if limit else math.nan,
            "limit_maximum": limit.maximum if limit else math.nan, "minimum": self.minimum, "typical": self.typical,
            "maximum": self.maximum, "worst_value": self.worst_value, "yield_low": low, "yield_high": high,
            "yield_demanded": limit.share if limit and limit.applies == "yield" else math.nan,
            "yield": math.nan if self.inside is None else self.inside / self.draws,
        }  # fmt: skip
        words = {name: getattr(self, name) for name in ("parameter", "definition", "condition", "unit", "worst", "draws", "samples", "failed", "undefined", "inside", "worst_condition", "inside_worst", "verdict", "draws_needed")}
        return {**words, "applies": limit.applies if limit else None, **{k: v if math.isfinite(v) else None for k, v in numbers.items()}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Where the entries of one table come from: its name, the points, and what they rest on."""

    name: str
    points: str
    amplitude: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Datasheet:
    """Entries of one or more tables.

    Attributes
    ----------
    title : str
        Heading.
    entries : tuple of Entry
        With limits first, in the order of the flows.
    conditions : tuple of Condition
        One a table.
    failures : tuple of str
        Samples that are not ok: condition, point, status and message; :data:`SHOWN_FAILURES` of each table at most.
    assumed, notes : tuple of str
        What the numbers rest on.
    accepted : tuple of str
        What differs between tables and flows and was accepted by the user.
    provenance : mapping
        Command, time and versions of the datasheet itself.
    """

    title: str
    entries: tuple[Entry, ...]
    conditions: tuple[Condition, ...]
    failures: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def missed(self) -> tuple[Entry, ...]:
        """Entries whose limit is missed."""
        return tuple(entry for entry in self.entries if entry.verdict == "FAIL")

    @property
    def not_shown(self) -> tuple[Entry, ...]:
        """Entries whose yield is not shown with the draws that there are."""
        return tuple(entry for entry in self.entries if entry.verdict == "open")

    @property
    def not_ok(self) -> int:
        """Samples that are not ok, over all tables."""
        return sum({entry.condition: entry.failed for entry in self.entries}.values())

    def plain(self) -> dict[str, Any]:
        """Return JSON-able data in SI units."""
        return {
            "schema": "spinbnn.datasheet/1", "title": self.title, "missed": len(self.missed), "open": len(self.not_shown), "entries": [entry.plain() for entry in self.entries],
            "conditions": [{"name": c.name, "points": c.points, "amplitude": c.amplitude, **c.facts} for c in self.conditions],
            "failures": list(self.failures), "assumed": list(self.assumed), "notes": list(self.notes), "accepted": list(self.accepted), **self.provenance,
        }  # fmt: skip


def datasheet(measured: Sequence[tuple[Flow, LookupTable]], *, title: str = "", accept: bool = False) -> Datasheet:
    """Hold tables against the limits of their flows.

    Parameters
    ----------
    measured : sequence of (Flow, LookupTable)
        The flow gives limits, typical condition, operating point and area; the table the numbers. They belong together, see
        :func:`~spinbnn.characterize.datasheet_origin.belong_together`.
    title : str
        Heading; by default the flows' names.
    accept : bool
        Take tables of another version of the flow or of spinbnn; the datasheet says so.

    Raises
    ------
    CoverageError
        If a table does not have what the limits are about.
    DataError
        If a table is of another technology, device, design or barrier than its flow, of another version (unless ``accept``),
        or lacks samples.
    ParameterError
        If nothing was given, or an axis needs a typical condition and has none.

    Examples
    --------
    >>> from spinbnn.characterize import run_flow
    >>> from spinbnn.circuit.dropout_analytic import analytic_simulator
    >>> flow = Flow.load("dropout_module").with_axes(draw={"count": 2}, temperature={"values": ["25 degC"]}, corner={"values": ["tt"]}, set_voltage={"values": ["0.98 V"]})
    >>> sheet = datasheet([(flow, run_flow(flow, simulator=analytic_simulator()))])
    >>> entry = sheet.entries[0]
    >>> entry.parameter, entry.verdict, entry.inside, entry.draws
    ('p_reset_fail', 'pass', 2, 2)
    """
    if not measured:
        raise ParameterError("a datasheet needs at least one table", where="datasheet", value=0, remedy="name a flow or a table")
    entries: list[Entry] = []
    conditions: list[Condition] = []
    failures: list[str] = []
    remarks: list[str] = []
    areas: list[Entry] = []
    accepted: list[str] = []
    for flow, table in measured:
        accepted += belong_together(flow, table, accept=accept)
        operated = operate(table, flow.specification)
        conditions.append(_condition(flow, table, operated))
        entries += _entries(flow, table, operated)
        failures += _failures(flow, table, operated)
        if flow.specification.area is not None:
            found, assumed = _area_entry(flow)
            remarks += assumed
            if found.plain() not in [other.plain() for other in areas]:
                areas.append(found)
    said = list(dict.fromkeys([*(str(n) for _, table in measured for n in table.attributes.get("notes", [])), *remarks]))
    ordered = [*(e for e in entries if e.limit), *areas, *(e for e in entries if not e.limit)]
    return Datasheet(
        title=title or ", ".join(flow.name for flow, _ in measured), entries=tuple(ordered), conditions=tuple(conditions), failures=tuple(failures),
        assumed=tuple(n.removeprefix("assumed: ") for n in said if n.startswith("assumed: ")), notes=tuple(n for n in said if not n.startswith("assumed: ")), accepted=tuple(accepted),
    )  # fmt: skip


def _entries(flow: Flow, table: LookupTable, operated: Operated) -> list[Entry]:
    out = []
    if operated.amplitude is not None and operated.amplitude_axis is not None:
        axis = operated.amplitude_axis
        out.append(_entry(flow, operated, axis.name, axis.description, axis.unit, operated.amplitude, None))
    for name, measure in table.measures.items():
        out.append(_entry(flow, operated, name, measure.description, measure.unit, operated.values[name], flow.specification.limits.get(name)))
    order = list(dict.fromkeys([*flow.specification.limits, *(e.parameter for e in out if e.parameter not in table.measures), *flow.measures, *table.measures]))
    return sorted(out, key=lambda e: order.index(e.parameter))  # a file holds its measures in another order


def _entry(flow: Flow, operated: Operated, name: str, definition: str, unit: str, values: Array, limit: Limit | None) -> Entry:
    ok = operated.status == 0
    defined = ok & np.isfinite(values)
    good = values[defined]
    draw = [k for k, axis in enumerate(operated.axes) if axis.name == "draw"]
    draws = len(operated.axes[draw[0]].values) if draw else 1
    entry: dict[str, Any] = {
        "parameter": name, "definition": definition, "condition": flow.name, "unit": unit, "limit": limit, "draws": draws, "samples": int(ok.size),
        "failed": int(np.sum(~ok)), "undefined": int(np.sum(ok & ~np.isfinite(values))), "typical": _typical(flow, operated, values),
    }  # fmt: skip
    if good.size:
        entry |= {"minimum": float(good.min()), "maximum": float(good.max())}
    if limit is None:
        return Entry(**entry)
    within = defined & (values >= limit.minimum) & (values <= limit.maximum)
    if values.size:  # a value that is missing is worse than any that is there
        margin = np.where(defined, np.minimum(values - limit.minimum, limit.maximum - values), -np.inf)
        place = np.unravel_index(int(np.argmin(margin)), values.shape) if values.shape else ()
        entry |= {"worst": _point(operated, place), "worst_value": float(values[place])}
    if draw and (draws > 1 or limit.applies == "yield"):
        entry |= _counted(operated, within, draw[0])
    judged = verdict(limit, all_within=bool(np.all(within)), inside=entry.get("inside"), draws=draws, typical=entry["typical"])
    return Entry(**entry, verdict=judged)


def _counted(operated: Operated, within: NDArray[np.bool_], draw: int) -> dict[str, Any]:
    """Return the draws that hold at every condition, and the condition at which the fewest hold."""
    out: dict[str, Any] = {"inside": int(np.sum(np.all(within, axis=tuple(k for k in range(within.ndim) if k != draw))))}
    there = np.sum(within, axis=draw)
    if there.size > 1:
        place = np.unravel_index(int(np.argmin(there)), there.shape)
        others = [axis for axis in operated.axes if axis.name != "draw"]
        at = [coordinate(axis, axis.values[int(k)]) for axis, k in zip(others, place, strict=True) if len(axis.values) > 1]
        out |= {"worst_condition": ", ".join(at), "inside_worst": int(there[place])}
    return out


def _typical(flow: Flow, operated: Operated, values: Array) -> float:
    """Return the median of the draws at the typical condition; NaN if no condition is typical, or no draw is good there."""
    index: list[Any] = []
    for axis in operated.axes:
        if axis.name == "draw":
            index.append(slice(None))
        elif axis.name in flow.specification.typical or len(axis.values) == 1:
            index.append(typical_index(axis, flow.specification, "typical value"))
        else:
            return math.nan
    chosen = np.atleast_1d(values[tuple(index)])
    chosen = chosen[np.isfinite(chosen)]
    return float(np.median(chosen)) if chosen.size else math.nan


def _point(operated: Operated, place: Sequence[Any]) -> str:
    where = [coordinate(axis, axis.values[int(k)]) for axis, k in zip(operated.axes, place, strict=True) if len(axis.values) > 1]
    if operated.amplitude is not None and operated.amplitude_axis is not None and not math.isnan(amplitude := float(operated.amplitude[tuple(place)])):
        where.append(coordinate(operated.amplitude_axis, amplitude))
    return ", ".join(where) or "the one condition"


def _condition(flow: Flow, table: LookupTable, operated: Operated) -> Condition:
    parts = []
    for axis in operated.axes:
        if axis.name == "draw":
            parts.append(f"{len(axis.values)} draws" if len(axis.values) > 1 else "one draw")
        else:
            texts = [coordinate(axis, value) for value in axis.values]
            parts.append(", ".join(texts) if len(texts) <= 6 else f"{texts[0]} to {texts[-1]} ({len(texts)} values)")
    varied = [word for word, switch in (("devices", flow.vary_device), ("transistors", flow.vary_mismatch)) if switch]
    parts.append(" and ".join(varied) + " vary" if varied else "nominal device and transistors")
    point, amplitude = flow.specification.operating_point, "as listed"
    if point is not None:
        each = f"for each {', '.join(point.per)}" if point.per else "once for all"
        at = ", ".join(coordinate(a, flow.specification.typical[a.name]) for a in operated.axes if a.name not in point.per and a.name in flow.specification.typical)
        amplitude = f"{point.axis} set {each}{' at ' + at if at else ''}: {point.measure} nearest to {point.target:g}"
    kept = (
        "technology", "technology_hash", "device", "device_hash", "design", "design_hash", "barrier", "simulator", "seed", "bench_hash", "flow_hash",
        "command", "time_utc", "git", "version_spinbnn", "version_python", "version_numpy", "merged", "shard",
    )  # fmt: skip
    facts = {key: table.attributes[key] for key in kept if table.attributes.get(key) is not None}
    simulated = int(np.sum(table.status != STATUS["not_measured"]))
    timing = getattr(flow.bench, "timing", None)
    if timing is not None:
        facts["timing"] = {name: getattr(timing, name) for name in timing.__dataclass_fields__}
    return Condition(name=flow.name, points="; ".join(parts), amplitude=amplitude, facts={**facts, "table_hash": table.content_hash, "simulated": simulated})


def _failures(flow: Flow, table: LookupTable, operated: Operated) -> list[str]:
    names = {code: name for name, code in STATUS.items()}
    bad = np.argwhere(operated.status != 0)
    out = []
    for place in bad[:SHOWN_FAILURES].tolist():
        index, status = int(operated.index[tuple(place)]), names[int(operated.status[tuple(place)])]
        message = without_folders(table.messages.get(index, "")) if index >= 0 else "no sample of the search is good"
        if index >= 0 and table.status.flat[index] == STATUS["ok"]:
            message = "a sample of the search for its amplitude is not ok, or has no such measure"
        out.append(f"{flow.name}: {_point(operated, place)}: {status}{': ' + message if message else ''}")
    if len(bad) > SHOWN_FAILURES:
        out.append(f"{flow.name}: and {len(bad) - SHOWN_FAILURES} more")
    searched = int(np.sum(table.status > STATUS["not_measured"])) - int(np.sum(operated.status > STATUS["not_measured"]))
    if searched > 0 and operated.amplitude is not None:
        out.append(f"{flow.name}: {searched} samples at amplitudes that were not chosen are not ok either")
    return out


def _area_entry(flow: Flow) -> tuple[Entry, list[str]]:
    """Return the area of the flow's netlist by its layout rules, and what those assume."""
    wanted, bench = flow.specification.area, flow.bench
    assert wanted is not None
    rules = LayoutRules.load(wanted.layout)
    if bench.engine != "ngspice":
        raise ParameterError("only a circuit has an area", where=f"{flow.origin}, area", value=bench.name, remedy="remove [area]")
    found = area(flatten(bench.deck(flow.sampler()(0)).text, skip=list(MODELS)), rules)
    limit = Limit(maximum=wanted.maximum) if math.isfinite(wanted.maximum) else None
    where = ", ".join(f"{cell} {value * 1e12:.3g}" for cell, value in sorted(found.by_instance().items(), key=lambda item: -item[1])[:4])
    entry = Entry(
        parameter="area", definition="transistors and wells by layout rules over the utilisation; resistors and junctions not counted",
        condition=f"{wanted.layout}, {len(found.transistors)} transistors", unit="m^2", limit=limit, minimum=found.total, typical=found.total, maximum=found.total,
        worst=f"largest, without utilisation [um^2]: {where}" if limit else "", worst_value=found.total, verdict="" if limit is None else "pass" if limit.holds(found.total) else "FAIL",
    )  # fmt: skip
    assumed = [f"assumed: {wanted.layout} {key}: {source}" for key, source in rules.sources.items() if source.startswith("assumed")]
    junctions = 1 + getattr(bench, "reference_junctions", 0)
    notes = [f"{junctions} junctions take {junctions * rules.junction_pads * 1e12:.3g} um^2 of pads above the transistors; they are not in the area."]
    if found.resistors:
        notes.append(f"The read resistors would take {found.poly_resistors * 1e12:.3g} um^2 in poly silicon; they are not in the area.")
    return entry, [*assumed, *notes]
