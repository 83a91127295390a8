"""Waveforms as a raw file of ngspice, which ngspice itself, gaw, LTspice's viewers and this package read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ... import files
from ...circuit.simulator.vectors import is_sweep
from ...errors import ParameterError


def write_raw(path: str | Path, waveforms: Mapping[str, np.ndarray], *, title: str = "spinbnn", plot: str = "Transient Analysis") -> Path:
    """Write real vectors of equal length as a binary raw file, bit for bit.

    Parameters
    ----------
    path : str or Path
        The file.
    waveforms : mapping of str to ndarray
        The sweep first (``"time"`` [s]), then ``"v(node)"`` [V], ``"i(source)"`` [A], ``"@device[parameter]"``; shape (points,).
    title, plot : str
        Lines of the header.

    Raises
    ------
    ParameterError
        If there is no vector, or lengths or shapes differ.
    DataError
        If the path cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from spinbnn.circuit.simulator.rawfile import read_raw
    >>> path = Path(tempfile.mkdtemp()) / "a.raw"
    >>> read_raw(write_raw(path, {"time": np.array([0.0, 1e-9]), "v(a)": np.array([0.0, 0.1])}))["v(a)"]
    array([0. , 0.1])
    """
    columns = check_waveforms(waveforms, str(path))
    points = len(next(iter(columns.values())))
    head = [f"Title: {' '.join(title.split())}", "Date: ", f"Plotname: {plot}", "Flags: real", f"No. Variables: {len(columns)}", f"No. Points: {points}", "Variables:"]
    head += [f"\t{k}\t{name}\t{_kind(name)}" for k, name in enumerate(columns)]
    body = np.column_stack(list(columns.values())).astype(np.float64).tobytes()
    with files.atomic_path(path) as beside:
        beside.write_bytes(("\n".join(head) + "\nBinary:\n").encode() + body)
    return Path(path)


def check_waveforms(waveforms: Mapping[str, np.ndarray], where: str) -> dict[str, np.ndarray]:
    """Return the vectors as float arrays of one length, or raise :class:`ParameterError`."""
    columns = {name: np.asarray(values, dtype=float) for name, values in waveforms.items()}
    shapes = {values.shape for values in columns.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        raise ParameterError("waveforms are vectors of one length", where=where, value=sorted(shapes), remedy="give the waveforms of one result")
    return columns


def _kind(name: str) -> str:
    low = name.lower()
    if low == "time":
        return "time"
    if low.startswith("@"):
        return "notype"
    if is_sweep(low) or low.startswith("v("):
        return "voltage"
    return "current" if low.startswith("i(") else "notype"
