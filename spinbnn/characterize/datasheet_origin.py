"""Whether a table is what a flow speaks of: nothing is held against the limits of another design, device or technology."""

from __future__ import annotations

import re
from dataclasses import replace

from ..errors import CoverageError, DataError
from .flow import Flow
from .grid import Grid
from .runner import rows_of
from .search import SearchPlan
from .table import STATUS, LookupTable

SUBJECT = ("technology", "device", "design", "barrier")
"""What a datasheet is about: a table of another one is refused, whatever is asked for."""


def belong_together(flow: Flow, table: LookupTable, *, accept: bool = False) -> list[str]:
    """Refuse a table that is not of this flow; return what differs and was accepted, one line each.

    The table may have another number of draws than the flow: draw k is the same module in both, and the draws are counted.

    Parameters
    ----------
    flow : Flow
        Gives the limits.
    table : LookupTable
        Gives the numbers.
    accept : bool
        Take a table of another version of the flow or of spinbnn (other timing, axes, seed or code); the difference is told.

    Raises
    ------
    CoverageError
        If bench, axes or limited measures differ.
    DataError
        If technology, device, design or barrier differ; if the version does, unless ``accept``; if the search that made the
        table was for another operating point, or samples of other shards are missing.
    """
    where = f"flow {flow.name!r}, table {table.name!r}"
    if (bench := table.attributes.get("bench")) not in (None, flow.bench.name):
        raise CoverageError("the table is of another bench than the flow", where=where, value=bench, remedy=f"a table of {flow.bench.name!r}, or the limits of another flow")
    if sorted(table.axes) != sorted(axis.name for axis in flow.grid.axes):
        raise CoverageError("the table has other axes than the flow", where=where, value=sorted(table.axes), remedy=f"a table over {', '.join(axis.name for axis in flow.grid.axes)}")
    for name in flow.specification.limits:
        if table.units(name) != flow.bench.measures[name][0]:
            raise CoverageError("a measure of the table has another unit than the flow's", where=f"{where}, {name}", value=table.units(name), remedy="measure the table again")
    _same_subject(flow, table, where)
    differs = _same_version(flow, table, where, accept)
    _finished(flow, table, where)
    return differs


def _same_subject(flow: Flow, table: LookupTable, where: str) -> None:
    own = flow.bench.attributes()
    for key in SUBJECT:
        kind = f"{key}_hash" if f"{key}_hash" in own else key
        if kind in own and table.attributes.get(kind) not in (None, own[kind]):
            names = {"table": _called(table.attributes, key), "flow": _called(own, key)}
            raise DataError(f"the table is of another {key} than the flow", where=where, value=names, remedy=f"name the flow instead of the table, so that it is measured; or give the flow of this {key} with --limits")


def _called(attributes: object, key: str) -> str:
    """Return name and start of the hash."""
    assert hasattr(attributes, "get")
    return " ".join(str(part)[:12] if k else str(part) for k, part in enumerate((attributes.get(key), attributes.get(f"{key}_hash"))) if part)


def _same_version(flow: Flow, table: LookupTable, where: str, accept: bool) -> list[str]:
    found, wanted = str(table.attributes.get("flow_hash")), flow.content_hash
    if found == wanted:
        return []
    own = {axis.name: axis.values for axis in flow.grid.axes}
    moved = sorted(axis.name for axis in table.grid_axes if axis.values != own[axis.name])
    same = replace(flow, grid=Grid(table.grid_axes)).content_hash == found
    if same and moved == ["draw"]:
        return []
    what = f"the values of {', '.join(moved)} differ" if same else "the flow or the code of spinbnn has changed since"
    if not accept:
        remedy = "name the flow instead of the table, so that it is measured; --accept-table takes it all the same, and the datasheet says so"
        raise DataError(f"the table is of another version of the flow: {what}", where=where, value={"table": found[:12], "flow": wanted[:12]}, remedy=remedy)
    return [f"{table.name}: the table ({found[:12]}) is of another version of the flow ({wanted[:12]}): {what}; the limits are those of the flow as it stands"]


def _finished(flow: Flow, table: LookupTable, where: str) -> None:
    """Refuse a table that lacks samples that the flow's limits are about."""
    point, absent = flow.specification.operating_point, int((table.status == STATUS["not_measured"]).sum())
    if not absent:
        return
    if point is None:
        raise DataError(f"{absent} of {table.status.size} samples are not measured", where=where, value=table.attributes.get("shard") or table.attributes.get("search"), remedy="merge all shards (spinbnn table merge), or measure the flow")
    if missing := SearchPlan(table.grid_axes, flow.specification, where=flow.origin).missing(rows_of(table)):
        made = table.attributes.get("operating_point") or "unknown"
        asked = {"axis": point.axis, "measure": point.measure, "target": point.target, "per": list(point.per)}
        remedy = "name the flow instead of the table: the search goes on in TABLES/NAME.search.h5; merge all shards"
        raise DataError(f"the table lacks samples of the search for the operating point (the first is {missing[0]})", where=where, value={"table": made, "flow": asked}, remedy=remedy)


_FOLDERS = re.compile(r"(?<![\w.:/])~?/(?:[\w.+~@%-]+/)+")


def without_folders(text: str) -> str:
    """Return a message without the folders of this machine: of an absolute path only the last part stays.

    Examples
    --------
    >>> without_folders("cannot open /tmp/a-b/deck.cir, see https://a.org/b/c and 1/2")
    'cannot open deck.cir, see https://a.org/b/c and 1/2'
    """
    return _FOLDERS.sub("", text)
