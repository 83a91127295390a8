"""What macrospin runs return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...tables import Column, Table
from ..statistics import wilson_interval

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchingCounts:
    """How many of a number of trajectories left their state; the first axes are those of the broadcast arguments.

    Attributes
    ----------
    current, pulse, temperature, voltage : ndarray
        Track current [A], pulse width [s], temperature [K] and junction voltage [V] of every point.
    initial : int
        State before the pulse.
    switched : ndarray of int
        Trajectories that ended in the other state.
    trials : int
        Trajectories of a point.
    final_mz : ndarray, shape (..., trials)
        m_z after the relaxation [1].
    seed : int
        Seed of the run.

    Examples
    --------
    >>> counts = SwitchingCounts(current=np.array(2e-4), pulse=np.array(1e-8), temperature=np.array(300.0),
    ...     voltage=np.array(0.0), initial=0, switched=np.array(30), trials=100, final_mz=np.zeros(100), seed=0)
    >>> float(counts.probability), [round(float(end), 3) for end in counts.interval()]
    (0.3, [0.219, 0.396])
    """

    current: Array
    pulse: Array
    temperature: Array
    voltage: Array
    initial: int
    switched: NDArray[np.int64]
    trials: int
    final_mz: NDArray[np.floating[Any]]
    seed: int

    @property
    def probability(self) -> Array:
        """Share of trajectories that switched [1]."""
        return np.asarray(self.switched / self.trials)

    @property
    def standard_error(self) -> Array:
        """``sqrt(p (1 - p)/n)`` [1]; 0 where none or all switched: see :meth:`interval`."""
        p = self.probability
        return np.asarray(np.sqrt(p * (1.0 - p) / self.trials))

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Return the ends of the Wilson score interval of the probability [1].

        Raises
        ------
        ParameterError
            If the level is not in (0, 1).
        """
        return wilson_interval(self.switched, self.trials, level)

    def table(self) -> Table:
        """Return one row a point."""
        low, high = self.interval()
        columns: list[tuple[Column | str, Any]] = [
            (Column("current", "µA"), self.current * 1e6), (Column("pulse", "ns"), self.pulse * 1e9), (Column("temperature", "K"), self.temperature),
            (Column("voltage", "V"), self.voltage), ("switched", self.switched), ("probability", self.probability), ("low", low), ("high", high),
        ]  # fmt: skip
        if not np.any(self.voltage):
            del columns[3]
        rows = [list(row) for row in zip(*(np.asarray(c).ravel().tolist() for _, c in columns), strict=True)]
        names = [name for name, _ in columns]
        return Table(f"Macrospin, {self.trials} trajectories a point", names, rows, note="Wilson 95 % intervals.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectories:
    """Recorded magnetisation of some trajectories.

    Attributes
    ----------
    time : ndarray, shape (r,)
        From the begin of the pulse; negative while thermalising [s].
    drive : ndarray, shape (r,)
        Track current, mean over the step that begins then [A].
    magnetization : ndarray, shape (n, r, 3)
        Unit vectors.
    """

    time: Array
    drive: Array
    magnetization: NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Equilibrium:
    """Time average of ``1 - m_z^2`` beside its exact value.

    Attributes
    ----------
    average : float
        Mean over trajectories and time [1].
    standard_error : float
        From the spread of the trajectories' own averages, which are independent: correlation in time is in it [1].
    exact : float
        Boltzmann average, :func:`~spinbnn.device.macrospin.transverse_average` [1].
    delta : float
        ``K_eff V/(k_B T)`` [1].
    trials : int
        Trajectories.
    """

    average: float
    standard_error: float
    exact: float
    delta: float
    trials: int

    @property
    def deviation(self) -> float:
        """``(average - exact)/standard_error`` [1]."""
        return (self.average - self.exact) / self.standard_error
