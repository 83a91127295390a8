"""What the figures have in common: checked arrays, quantiles, prefixes, legends."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError

if TYPE_CHECKING:  # pragma: no cover
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

BAND = (0.05, 0.25, 0.5, 0.75, 0.95)
"""The quantiles of every band, box and table."""

_PREFIX = {-18: "a", -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}


def numbers(values: ArrayLike, where: str, shape: tuple[int | None, ...]) -> Floats:
    """Return float64 of a given shape; None in ``shape`` is any length, infinities are refused.

    Examples
    --------
    >>> numbers([1, 2], "example, argument 'x'", (None,)).tolist()
    [1.0, 2.0]
    """
    array = np.asarray(values, dtype=np.float64)
    fits = array.ndim == len(shape) and all(
        want in (None, have) for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits or array.size == 0:
        wanted = "(" + ", ".join("n > 0" if s is None else str(s) for s in shape) + ")"
        raise ParameterError(
            "the array does not fit", where=where, value=array.shape, remedy=f"give shape {wanted}"
        )
    if np.isinf(array).any():
        raise ParameterError(
            "a value is infinite", where=where, value=int(np.isinf(array).sum()), remedy="use NaN for unknown"
        )
    return array


def quantiles(rows: Floats) -> Floats:
    """Return the quantiles :data:`BAND` of every row without its NaN, shape ``(len(rows), 5)``.

    Examples
    --------
    >>> quantiles(np.array([[0.0, 1.0, np.nan], [np.nan, np.nan, np.nan]]))[:, 2].tolist()
    [0.5, nan]
    """
    out = np.full((len(rows), len(BAND)), np.nan)
    for number, row in enumerate(rows):
        known = row[~np.isnan(row)]
        if known.size:
            out[number] = np.quantile(known, BAND)
    return out


def prefixed(largest: float, unit: str) -> tuple[float, str]:
    """Return the factor and the unit in which ``largest`` is 1 to 1000; ``%`` and plain numbers take no prefix.

    Examples
    --------
    >>> factor, unit = prefixed(2.5e-4, "A")
    >>> round(factor), unit
    (1000000, 'µA')
    """
    if unit in ("", "1", "%") or not largest > 0.0:
        return 1.0, unit
    power = min(max(3 * math.floor(math.log10(largest) / 3 + 1e-9), -18), 9)
    return 10.0**-power, _PREFIX[power] + unit


def legend_columns(wanted: int, width: float) -> int:
    """Return how many names stand in one line of a legend; half of them, at least two, in a column of a journal.

    Examples
    --------
    >>> legend_columns(5, 6.4), legend_columns(5, 3.5)
    (5, 3)
    """
    return wanted if width >= 4.5 else min(wanted, max(2, (wanted + 1) // 2))


def legend_above(axes: Axes, columns: int = 4, **keywords: Any) -> None:
    """Put the legend above the axes, where it hides nothing; a narrow figure takes fewer names to a line."""
    canvas: Any = axes.figure
    axes.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=legend_columns(columns, canvas.get_figwidth()),
        borderaxespad=0.2, columnspacing=1.6, handletextpad=0.6, **keywords,
    )  # fmt: skip


def sentences(*parts: str) -> str:
    """Join the sentences that are not empty.

    Examples
    --------
    >>> sentences("One.", "", "Two.")
    'One. Two.'
    """
    return " ".join(part.strip() for part in parts if part.strip())


def optional(value: float) -> float | None:
    """Return None for NaN.

    Examples
    --------
    >>> optional(float("nan")) is None
    True
    """
    return None if math.isnan(value) else float(value)


def short(value: float) -> str:
    """Return three significant digits, ``?`` for NaN.

    Examples
    --------
    >>> short(0.12345), short(float("nan"))
    ('0.123', '?')
    """
    return "?" if math.isnan(value) else f"{value:.3g}"
