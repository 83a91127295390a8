"""Read the raw file of ``ngspice -b -r``: an ASCII header, then binary doubles."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import DataError

_MARK = b"Binary:\n"


def read_raw(path: str | Path) -> dict[str, np.ndarray]:
    """Return the vectors of a real-valued binary raw file under the names it gives them.

    The header's lines end with ``Variables:``, one line ``index name type`` each, and ``Binary:``; then come
    ``No. Points`` rows of ``No. Variables`` float64 in the byte order of the machine.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    dict of str to ndarray
        Vectors of shape (points,), in file order; units as in SPICE ([s], [V], [A]).

    Raises
    ------
    DataError
        If the file is empty, ASCII, complex, holds several plots, or its size does not fit its header.

    Examples
    --------
    >>> import tempfile
    >>> header = b"Title: t\\nPlotname: Operating Point\\nFlags: real\\nNo. Variables: 2\\nNo. Points: 1\\n"
    >>> header += b"Variables:\\n\\t0\\tv(a)\\tvoltage\\n\\t1\\ti(v1)\\tcurrent\\nBinary:\\n"
    >>> with tempfile.NamedTemporaryFile() as f:
    ...     _ = f.write(header + np.array([1.0, -0.5]).tobytes())
    ...     f.flush()
    ...     read_raw(f.name)
    {'v(a)': array([1.]), 'i(v1)': array([-0.5])}
    """
    where = str(path)
    data = Path(path).read_bytes()
    start = data.find(_MARK)
    if start < 0:
        raise DataError(
            "not a binary raw file of ngspice",
            where=where,
            value=data[:40],
            remedy="let ngspice write binary files (unset SPICE_ASCIIRAWFILE)",
        )
    fields, names = _header(data[:start].decode("utf-8", "replace"), where)
    flags = fields.get("flags", "").lower().split()
    if "real" not in flags:
        raise DataError(
            "only real vectors can be read",
            where=where,
            value=fields.get("flags", ""),
            remedy="use .op, .dc or .tran",
        )
    points = _count(fields, "no. points", where)
    body = data[start + len(_MARK) :]
    expected = 8 * points * len(names)
    if len(body) != expected:
        more = " (a second plot behind the first?)" if len(body) > expected else " (the run broke off)"
        raise DataError(
            f"{len(body)} bytes of data where the header announces {expected}{more}",
            where=where,
            remedy="run the deck again, with one analysis",
        )
    table = np.frombuffer(body, dtype=np.float64).reshape(points, len(names))
    return {name: table[:, column].copy() for column, name in enumerate(names)}


def _header(text: str, where: str) -> tuple[dict[str, str], list[str]]:
    """Split the header into its fields and the names of the vectors."""
    head, found, tail = text.partition("\nVariables:")
    fields = {}
    for line in head.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields[key.strip().lower()] = value.strip()
    names = [
        parts[1]
        for parts in (line.split("\t") for line in tail.replace("\n\t", "\n").splitlines())
        if len(parts) >= 3
    ]
    if not found or len(names) != _count(fields, "no. variables", where):
        raise DataError(
            "the header's list of variables is broken",
            where=where,
            value=len(names),
            remedy="run the deck again",
        )
    return fields, names


def _count(fields: dict[str, str], key: str, where: str) -> int:
    text = fields.get(key, "")
    if not text.isdigit():
        raise DataError(
            "the header holds no count", where=f"{where}, {key!r}", value=text, remedy="run the deck again"
        )
    return int(text)
