"""What is left of the spread of p around its target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...tables import Cell, Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """What is left of the spread: errors of p against its target [1], and shares of devices within 3 and 10 points [1]."""

    mean: float
    sd: float
    rms: float
    yield_3: float
    yield_10: float

    def row(self) -> list[Cell]:
        """Return the cells under :meth:`heads`."""
        return [100.0 * v for v in (self.mean, self.sd, self.rms, self.yield_3, self.yield_10)]

    @staticmethod
    def heads() -> list[Column | str]:
        """Return the heads of a table: mean error, standard deviation and root mean square error in points, yields in per cent."""
        names = ("mean", "pt"), ("sd(p)", "pt"), ("rms", "pt"), ("within 3 pt", "%"), ("within 10 pt", "%")
        return [Column(name, unit, 3) for name, unit in names]


def residual(p: ArrayLike, target: ArrayLike) -> Residual:
    """Return what is left of the spread of p around its target.

    Examples
    --------
    >>> residual([0.5, 0.52, 0.58], 0.5).yield_3
    0.6666666666666666
    """
    found = np.asarray(p, dtype=float)
    error = found - np.asarray(target, dtype=float)
    within = [float(np.mean(np.abs(error) <= limit + 1e-12)) for limit in (0.03, 0.10)]
    return Residual(mean=float(error.mean()), sd=float(found.std()), rms=float(np.sqrt(np.mean(error**2))), yield_3=within[0], yield_10=within[1])
