"""A lookup table as CSV: one line a sample, units in the heads, full precision."""

from __future__ import annotations

import csv
import io
import math

import numpy as np

from ..table import STATUS, LookupTable


def table_csv(table: LookupTable) -> str:
    """Return the table in long form: index, coordinates, measures, status, rung, message.

    Heads carry the unit, ``p_drop [1]``; names and draws have none. Numbers are in SI units with all their digits, and
    read back to the same bits. A value that is undefined, or of a sample that is not ok, is an empty field.

    Parameters
    ----------
    table : LookupTable
        The table.

    Returns
    -------
    str
        Comma-separated text (RFC 4180, lines end with ``\\n``), as many lines as samples, and one of heads.

    Examples
    --------
    >>> from spinbnn.characterize import Axis, Measure
    >>> axis = Axis(name="set_voltage", unit="V", description="", values=(0.9, 1.1))
    >>> measure = Measure(name="p_drop", unit="1", description="", data=np.array([0.2, np.nan]))
    >>> table = LookupTable(name="demo", grid_axes=(axis,), measures={"p_drop": measure}, status=np.array([0, 3], np.uint8))
    >>> print(table_csv(table), end="")
    index,set_voltage [V],p_drop [1],status,rung,message
    0,0.9,0.2,ok,,
    1,1.1,,timeout,,
    """
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    names = {code: name for name, code in STATUS.items()}
    heads = [f"{a.name} [{a.unit}]" if a.unit else a.name for a in table.grid_axes]
    write.writerow(["index", *heads, *(f"{m.name} [{m.unit}]" for m in table.measures.values()), "status", "rung", "message"])
    for index in range(table.status.size):
        place = np.unravel_index(index, table.shape)
        point = [axis.values[int(k)] for axis, k in zip(table.grid_axes, place, strict=True)]
        values = [float(m.data.flat[index]) for m in table.measures.values()]
        rung = "" if table.rung is None else int(table.rung.flat[index])
        write.writerow([index, *(_text(v) for v in point), *(_text(v) for v in values), names[int(table.status.flat[index])], rung, table.messages.get(index, "")])
    return out.getvalue()


def _text(value: float | str | int) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(float(value))
    return str(value)
