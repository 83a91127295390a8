"""Column statistics from a characterised column: effective popcount, its spread and the attenuation, over the popcount."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from .. import files
from ..characterize.table import LookupTable
from ..errors import CoverageError, DataError, suggest

Floats = NDArray[np.float64]
MEASURES = ("n_eff", "attenuation")
MOST_POPCOUNT_ERROR = 1e-9
"""A popcount this far outside the table is its end, by rounding [1]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColumnTable:
    """What a column of N cells makes of a popcount, at one temperature.

    Attributes
    ----------
    rows : int
        Driven bit cells of the column, N [1].
    temperature : float
        [K]
    feed : str
        Where the read voltage came from, see :data:`spinbnn.circuit.column_deck.FEEDS`; empty if the table does not say.
    pattern : str
        Places of the agreeing cells that methods take unless told otherwise.
    draws : int
        Columns behind each number [1].
    popcount : array (K,)
        Where it was measured [1].
    mean, deviation, loss : mapping of str to array (K,)
        By pattern: mean and standard deviation of n_eff over the draws, mean attenuation [1].
    note : str
        The assumptions, to be printed under every table that uses the numbers.
    content_hash : str
        sha256 of the table and of the choices above.

    Notes
    -----
    Between the measured popcounts means are interpolated by a monotone cubic, spreads linearly. The spread is that of columns of one design:
    devices, inputs and, in a pattern ``random``, places; of K draws it has a relative standard error of about
    :math:`1 / \\sqrt{2 (K - 1)}`. Outside the measured popcounts there is no answer.

    Examples
    --------
    >>> from spinbnn.characterize.grid import Axis
    >>> from spinbnn.characterize.table import Measure
    >>> axes = (Axis(name="popcount", unit="1", description="", values=(0.0, 8.0, 16.0)), Axis(name="draw", unit="", description="", values=(0, 1)))
    >>> data = {"n_eff": [[0.1, -0.1], [7.6, 7.8], [15.0, 15.4]], "attenuation": [[1.0, 1.0], [0.97, 0.97], [0.95, 0.95]]}
    >>> measures = {name: Measure(name=name, unit="1", description="", data=np.array(values)) for name, values in data.items()}
    >>> table = LookupTable(name="demo", grid_axes=axes, measures=measures, status=np.zeros((3, 2), np.uint8), attributes={"driven": 16})
    >>> column = ColumnTable.from_table(table)
    >>> column.rows, round(float(column.transfer(8)), 6), round(float(column.spread(8)), 6)
    (16, 7.7, 0.141421)
    """

    rows: int
    temperature: float
    feed: str
    pattern: str
    draws: int
    popcount: Floats
    mean: Mapping[str, Floats]
    deviation: Mapping[str, Floats]
    loss: Mapping[str, Floats]
    note: str
    content_hash: str
    _curves: dict[tuple[str, str], Any] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def from_table(cls, table: LookupTable, *, temperature: float = 300.0, feed: str | None = None, pattern: str | None = None, **point: float | str) -> ColumnTable:
        """Reduce a table of the bench ``crossbar_column``.

        Parameters
        ----------
        table : LookupTable
            With the axes popcount and draw, and the measures n_eff and attenuation.
        temperature : float
            Between the table's temperatures the result is linear [K].
        feed, pattern : str, optional
            The first of the table's feeds, and ``"random"`` or the first of its patterns, by default.
        **point
            Value of every other axis that the table has more than one value of.

        Raises
        ------
        CoverageError
            If the table does not cover the point, lacks a measure, an axis or a sample, or an axis is left open.
        DataError
            If it does not say how many cells the column has.
        """
        axes = table.axes
        for name in ("popcount", "draw"):
            if name not in axes:
                raise CoverageError("a table of a column needs this axis", where=f"table {table.name!r}", value=name, remedy="characterise with the flow crossbar_column")
        driven = table.attributes.get("driven")
        if isinstance(driven, bool) or not isinstance(driven, int) or driven < 1:
            raise DataError("the table does not say how many cells are driven", where=f"table {table.name!r}, attribute 'driven'", value=driven, remedy="characterise with the bench crossbar_column")
        chosen: dict[str, Any] = dict(point)
        if "temperature" in axes:
            chosen["temperature"] = temperature
        feeds = [str(name) for name in axes.get("feed", [])]
        if feeds or feed is not None:
            chosen["feed"] = _one_of(feed if feed is not None else feeds[0], feeds, "feed", table.name)
        for name, values in axes.items():
            if name in ("popcount", "draw", "pattern") or name in chosen:
                continue
            if len(values) > 1:
                raise CoverageError("an axis is left open", where=f"table {table.name!r}", value=name, remedy=f"give {name}=..., one of {values.tolist()[:8]}")
            chosen[name] = values[0].item()
        patterns = [str(name) for name in axes["pattern"]] if "pattern" in axes else [""]
        default = _one_of(pattern, patterns, "pattern", table.name) if pattern is not None else "random" if "random" in patterns else patterns[0]
        found: dict[str, dict[str, Floats]] = {"mean": {}, "deviation": {}, "loss": {}}
        for name in patterns:
            at = {**chosen, "pattern": name} if name else chosen
            counts, losses = (np.asarray(table.at(measure, **at), float) for measure in MEASURES)
            kept = [axis for axis in axes if axis not in at]
            if kept.index("draw") == 0:
                counts, losses = counts.T, losses.T
            if not (np.all(np.isfinite(counts)) and np.all(np.isfinite(losses))):
                raise CoverageError("a sample of the column is missing or undefined", where=f"table {table.name!r}, pattern {name!r}", remedy="see table.failures(), measure it again")
            found["mean"][name], found["loss"][name] = counts.mean(axis=1), losses.mean(axis=1)
            found["deviation"][name] = counts.std(axis=1, ddof=1) if counts.shape[1] > 1 else np.full(len(counts), np.nan)
        body = {"table": table.content_hash, "point": dict(sorted(chosen.items())), "pattern": default}
        return cls(
            rows=driven, temperature=float(temperature), feed=str(chosen.get("feed", "")), pattern=default, draws=len(axes["draw"]),
            popcount=np.asarray(axes["popcount"], float), **found, note=str(table.attributes.get("assumption_note", "")), content_hash=files.content_hash(body),
        )  # fmt: skip

    @property
    def patterns(self) -> tuple[str, ...]:
        """Places of the agreeing cells that were measured."""
        return tuple(self.mean)

    def transfer(self, popcount: ArrayLike, pattern: str | None = None) -> Floats:
        """Return the mean effective popcount.

        Parameters
        ----------
        popcount : array
            Agreeing cells, also between whole numbers [1].
        pattern : str, optional
            Where they are; ``self.pattern`` by default.

        Raises
        ------
        CoverageError
            Outside the measured popcounts, or for a pattern that was not measured.
        """
        return self._smooth("mean", popcount, pattern)

    def attenuation(self, popcount: ArrayLike, pattern: str | None = None) -> Floats:
        """Return the mean of the column's current over the ideal one; arguments and errors as in :meth:`transfer` [1]."""
        return self._smooth("loss", popcount, pattern)

    def spread(self, popcount: ArrayLike, pattern: str | None = None) -> Floats:
        """Return the standard deviation of the effective popcount from column to column; arguments as in :meth:`transfer` [1].

        Raises
        ------
        CoverageError
            As in :meth:`transfer`; also of a table with a single draw.
        """
        if self.draws < 2:
            raise CoverageError("one draw has no spread", where="ColumnTable.spread", value=self.draws, remedy="characterise with draw = { count = 12 }")
        name = self._pattern(pattern)
        return np.asarray(np.interp(self._inside(popcount), self.popcount, self.deviation[name]))

    def _smooth(self, what: str, popcount: ArrayLike, pattern: str | None) -> Floats:
        key = (what, self._pattern(pattern))
        if key not in self._curves:
            values = getattr(self, what)[key[1]]
            self._curves[key] = PchipInterpolator(self.popcount, values) if len(values) > 1 else lambda n, v=values: np.full(np.shape(n), v[0])
        return np.asarray(self._curves[key](self._inside(popcount)))

    def _pattern(self, pattern: str | None) -> str:
        return self.pattern if pattern is None else _one_of(pattern, self.patterns, "pattern", "ColumnTable")

    def _inside(self, popcount: ArrayLike) -> Floats:
        given = np.asarray(popcount, float)
        low, high = float(self.popcount[0]), float(self.popcount[-1])
        bad = ~((given >= low - MOST_POPCOUNT_ERROR) & (given <= high + MOST_POPCOUNT_ERROR))  # also true of NaN
        if np.any(bad):
            raise CoverageError("a popcount outside the table; nothing is extrapolated or clipped", where="ColumnTable, popcount", value=float(given[bad].flat[0]), remedy=f"stay in [{low:g}, {high:g}], or characterise a column of as many cells")
        return np.asarray(np.clip(given, low, high))


def _one_of(name: str, known: Any, axis: str, table: str) -> str:
    if name not in known:
        raise CoverageError(f"the table holds no such {axis}", where=f"{table!r}, {axis}", value=name, remedy=suggest(name, known))
    return name
