"""From a lookup table of the dropout module to the numbers that a profile holds."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import CoverageError, ParameterError, ProfileError, UnitError, suggest
from .modules import AMPLITUDES, ModuleTable

Floats = NDArray[np.float64]


class TableLike(Protocol):
    """What a profile needs of a lookup table; ``spinbnn.characterize.LookupTable`` has it."""

    @property
    def axes(self) -> dict[str, Any]:
        """Axis name -> coordinates, the draw axis included."""

    @property
    def content_hash(self) -> str:
        """Hash of the table's content."""

    def values(self, measure: str) -> Any:
        """Return a measure over the axes in their order, NaN where the sample failed."""

    def units(self, measure: str) -> str:
        """Return the unit of a measure."""


def from_table(table: TableLike, *, corner: str = "tt", failed: str = "refuse") -> tuple[ModuleTable, int]:
    """Extract the module from a lookup table.

    Parameters
    ----------
    table : TableLike
        With an axis of the SET amplitude (``set_voltage`` [V], ``set_current`` [A] or ``code`` [1]),
        ``temperature`` [K], ``draw`` and, if wanted, ``corner``; others must have one point. Measures ``transition_01`` (a), ``transition_11`` (b) and, if there,
        ``energy_cycle`` [J], ``latency_cycle`` [s] and ``read_ok`` (1 or 0).
    corner : str
        The corner to take.
    failed : {"refuse", "exclude"}
        What to do when a draw has no a or b at some point of the grid: refuse, or leave the whole draw out. A
        missing energy or latency makes the profile's mean unknown where it is needed.

    Returns
    -------
    ModuleTable, int
        The module, and how many draws were left out.

    Raises
    ------
    ProfileError
        If an axis or measure is missing, or an axis is left that a profile cannot hold.
    CoverageError
        If samples failed and ``failed="refuse"``, or no draw is whole.
    """
    if failed not in ("refuse", "exclude"):
        raise ParameterError(
            "unknown treatment of failed samples",
            where="HardwareProfile.build, failed",
            value=failed,
            remedy=suggest(str(failed), ("refuse", "exclude")),
        )
    axes = {name: np.asarray(points) for name, points in table.axes.items()}
    amplitude = _amplitude(axes)
    if "draw" not in axes:
        raise ProfileError(
            "the table has no axis 'draw'",
            where="lookup table",
            value=sorted(axes),
            remedy="build the profile from a characterisation of the dropout module",
        )
    index: list[Any] = []
    kept: list[str] = []
    for name, points in axes.items():
        if name == "corner":
            names = [c.decode() if isinstance(c, bytes) else str(c) for c in points.tolist()]
            if corner not in names:
                raise ProfileError(
                    "the table does not hold this corner",
                    where="lookup table, axis 'corner'",
                    value=corner,
                    remedy=suggest(corner, names),
                )
            index.append(names.index(corner))
        elif name in ("temperature", amplitude, "draw"):
            index.append(slice(None))
            kept.append(name)
        elif points.size == 1:
            index.append(0)
        else:
            raise ProfileError(
                f"a profile cannot hold the axis {name!r}",
                where="lookup table",
                value=points.tolist(),
                remedy="select one point of it (table.at) first",
            )
    if "temperature" not in kept:
        raise ProfileError(
            "the table has no axis 'temperature'",
            where="lookup table",
            value=sorted(axes),
            remedy="characterise with a temperature axis; one point is enough",
        )
    order = [kept.index(name) for name in ("temperature", amplitude, "draw")]
    measured: dict[str, Floats | None] = {}
    for key, measure, unit in (
        ("a", "transition_01", ""),
        ("b", "transition_11", ""),
        ("energy", "energy_cycle", "J"),
        ("latency", "latency_cycle", "s"),
        ("read_ok", "read_ok", "1"),
    ):
        measured[key] = _measure(table, measure, unit, tuple(index), order)
    whole = np.ones(axes["draw"].size, bool)
    for value in (measured["a"], measured["b"]):
        if value is not None:
            whole &= np.all(np.isfinite(value), axis=(0, 1))
    lost = int(whole.size - whole.sum())
    if lost and (failed == "refuse" or not whole.any()):
        raise CoverageError(
            f"{lost} of {whole.size} draws have failed samples",
            where=f"lookup table, corner {corner!r}",
            value=np.flatnonzero(~whole)[:10].tolist(),
            remedy="repair and resume the characterisation, or pass failed='exclude'",
        )
    chosen: dict[str, Any] = {
        key: None if value is None else value[..., whole] for key, value in measured.items()
    }
    module = ModuleTable(
        amplitude=axes[amplitude],
        axis=amplitude,
        temperature=axes["temperature"],
        **chosen,
    )
    return module, lost


def _amplitude(axes: dict[str, Any]) -> str:
    """Return the name of the one axis that sets the SET amplitude."""
    found = [name for name in AMPLITUDES if name in axes]
    if len(found) != 1:
        raise ProfileError(
            "the table needs one axis of the SET amplitude",
            where="lookup table",
            value=sorted(axes),
            remedy=f"characterise a dropout module over one of {', '.join(AMPLITUDES)}",
        )
    return found[0]


def _measure(
    table: TableLike, measure: str, unit: str, index: tuple[Any, ...], order: list[int]
) -> Floats | None:
    """Return one measure as (T, V, D); None if an optional one is not there."""
    try:
        values = np.asarray(table.values(measure), float)
    except (KeyError, CoverageError, ParameterError) as error:
        if unit:
            return None
        raise ProfileError(
            f"the table has no measure {measure!r}",
            where="lookup table",
            value=measure,
            remedy="characterise the dropout module with its transition matrix",
        ) from error
    found = table.units(measure)
    if unit and found != unit:
        raise UnitError(
            f"the measure {measure!r} must be in {unit}",
            where="lookup table",
            value=found,
            remedy=f"store it in {unit}",
        )
    return np.transpose(values[index], order)
