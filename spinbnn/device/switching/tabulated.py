"""Switching probabilities from a table: of a macrospin, or measured; monotone or not."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ...errors import CoverageError, DataError, ParameterError, suggest
from ..statistics import wilson_error
from .base import Array, SwitchingModel, check_state, pulse_width

FLOOR = 2.0**-40
"""Distance from 0 and 1 at which a probability without counts is clipped: its transform must be finite, 1 - FLOOR exact."""
SAME = 1e-9
"""Relative tolerance of a coordinate: how far outside still counts as on the edge."""
SCALES = ("logit", "cloglog")
AXES = ("current", "pulse", "temperature")


def counted_probability(switched: ArrayLike, trials: ArrayLike) -> Array:
    """Return k/n, and (k + 1/2)/(n + 1) where k is 0 or n: what n pulses cannot tell from a certainty [1].

    Parameters
    ----------
    switched, trials : array_like
        Pulses that switched, pulses; whole numbers, ``0 <= switched <= trials``, ``trials >= 1`` [1].

    Raises
    ------
    DataError
        If the counts contradict each other.

    Examples
    --------
    >>> counted_probability([0, 5, 10], 10).round(4).tolist()
    [0.0455, 0.5, 0.9545]
    """
    k, n = np.broadcast_arrays(np.asarray(switched, dtype=float), np.asarray(trials, dtype=float))
    if np.any(~((k >= 0) & (k <= n) & (n >= 1) & (k == np.round(k)) & (n == np.round(n)))):
        raise DataError("counts must be whole numbers with 0 <= switched <= trials and trials >= 1", where="counted_probability", value=[k.tolist(), n.tolist()], remedy="check the data")
    return np.where((k == 0) | (k == n), (k + 0.5) / (n + 1.0), k / n)


@dataclass(frozen=True, slots=True, init=False, eq=False)
class TabulatedSwitching(SwitchingModel):
    r"""Interpolation in a table of probabilities over current, pulse width and temperature.

    Linear in the current, in the logarithm of the pulse width and in the temperature, of ``logit(p)`` or of the complementary
    log-log, ``ln(-ln(1 - p))``.

    Parameters
    ----------
    current : array_like, shape (C,)
        Signed track currents, increasing [A].
    pulse : array_like, shape (P,)
        Pulse widths, increasing, > 0 [s].
    temperature : array_like, shape (T,)
        Temperatures, increasing, > 0 [K].
    probability : array_like, shape (C, P, T)
        Probability of 0 -> 1 [1].
    backward : array_like, shape (C, P, T), optional
        Probability of 1 -> 0 under the same signed currents [1].
    standard_error : array_like, shape (C, P, T), optional
        Standard error of ``probability`` [1].
    scale : {"logit", "cloglog"}
        Which transform is interpolated. The cloglog of a thermal law is close to a straight line in the current.

    Raises
    ------
    ParameterError
        If shapes do not fit, an axis does not increase, or a probability is outside [0, 1].

    Notes
    -----
    Probabilities of exactly 0 and 1 are clipped at a distance of 2^-40; :meth:`from_counts` knows how many pulses stand
    behind a 0.

    Valid (:meth:`valid`): inside the table. Outside, :class:`~spinbnn.errors.CoverageError`: nothing is extrapolated. An axis
    with one point holds at that point only.

    Examples
    --------
    >>> table = TabulatedSwitching(current=[1e-4, 2e-4, 3e-4], pulse=[1e-8], temperature=[300.0],
    ...                            probability=[[[0.1]], [[0.9]], [[0.2]]])
    >>> round(float(table.probability(1.5e-4, 1e-8)), 6)
    0.5
    >>> [round(float(table.current_for(0.5, 1e-8, branch=b)) * 1e6, 1) for b in ("lower", "upper")]
    [150.0, 261.3]
    """

    current: Array
    pulse: Array
    temperature: Array
    forward: Array
    backward: Array | None = None
    standard_error: Array | None = None
    scale: str = "logit"

    def __init__(
        self, *, current: ArrayLike, pulse: ArrayLike, temperature: ArrayLike, probability: ArrayLike, backward: ArrayLike | None = None,
        standard_error: ArrayLike | None = None, scale: Literal["logit", "cloglog"] = "logit",
    ) -> None:  # fmt: skip
        where = "TabulatedSwitching"
        if scale not in SCALES:
            raise ParameterError("unknown scale", where=f"{where}, scale", value=scale, remedy=suggest(str(scale), SCALES))
        axes = {name: np.atleast_1d(np.array(a, dtype=float)) for name, a in zip(AXES, (current, pulse, temperature), strict=True)}
        for name, axis in axes.items():
            if axis.ndim != 1 or not np.all(np.isfinite(axis)) or np.any(np.diff(axis) <= 0) or (name != "current" and axis[0] <= 0):
                raise ParameterError(f"an axis must increase{'' if name == 'current' else ' from above 0'}: {name}", where=f"{where}, {name}", value=axis.tolist(), remedy="sort it, and give each value once")
        shape = tuple(len(axis) for axis in axes.values())
        arrays = {"probability": probability, "backward": backward, "standard_error": standard_error}
        values: dict[str, Array | None] = {}
        for name, given in arrays.items():
            array = None if given is None else np.array(given, dtype=float)
            if array is not None and array.shape != shape:
                raise ParameterError(f"the shape must be (currents, pulses, temperatures) = {shape}", where=f"{where}, {name}", value=array.shape, remedy="one value for each point of the grid")
            if array is not None and not np.all((array >= 0) & (array <= 1)):
                raise ParameterError("a probability lies in [0, 1]", where=f"{where}, {name}", value=array.tolist(), remedy="check the table; a point that was not measured cannot stay in it")
            values[name] = array
        put = object.__setattr__  # the dataclass is frozen
        for name, axis in axes.items():
            put(self, name, _frozen(axis))
        put(self, "forward", _frozen(values["probability"]))
        put(self, "backward", _frozen(values["backward"]))
        put(self, "standard_error", _frozen(values["standard_error"]))
        put(self, "scale", scale)

    @classmethod
    def from_counts(
        cls, current: ArrayLike, pulse: ArrayLike, temperature: ArrayLike, trials: ArrayLike, switched: ArrayLike, *,
        scale: Literal["logit", "cloglog"] = "logit",
    ) -> TabulatedSwitching:  # fmt: skip
        """Build from counted pulses, one row a point, in any order: measured data, or a macrospin's.

        A point without or with only switching counts as (k + 1/2)/(n + 1); errors are Wilson's.

        Parameters
        ----------
        current, pulse, temperature : array_like
            Coordinates of each row; they broadcast [A], [s], [K].
        trials, switched : array_like
            Pulses from state 0, and those that switched [1].
        scale : {"logit", "cloglog"}
            See the class.

        Raises
        ------
        DataError
            If counts are impossible, a row is not finite, a point stands there twice, or the rows do not fill a grid.

        Examples
        --------
        >>> table = TabulatedSwitching.from_counts([2e-4, 1e-4], 1e-8, 300.0, 50, [40, 0])
        >>> table.current.tolist(), table.forward.ravel().round(4).tolist()
        ([0.0001, 0.0002], [0.0098, 0.8])
        """
        rows = np.broadcast_arrays(*(np.atleast_1d(np.asarray(a, dtype=float)).ravel() for a in (current, pulse, temperature, trials, switched)))
        where = "TabulatedSwitching.from_counts"
        if not all(np.all(np.isfinite(row)) for row in rows):
            raise DataError("a row is not finite", where=where, value=[row.tolist() for row in rows], remedy="remove the row, or measure it")
        p, error = counted_probability(rows[4], rows[3]), wilson_error(rows[4], rows[3])
        axes, places = zip(*(np.unique(row, return_inverse=True) for row in rows[:3]), strict=True)
        shape = tuple(len(axis) for axis in axes)
        count = np.zeros(shape, dtype=int)
        np.add.at(count, places, 1)
        if np.any(count != 1):
            at = [float(axis[i]) for axis, i in zip(axes, np.argwhere(count != 1)[0], strict=True)]
            twice = bool(np.any(count > 1))
            raise DataError(
                "a point stands there twice" if twice else "the rows do not fill a grid of currents, pulse widths and temperatures", where=where,
                value=dict(zip(AXES, at, strict=True)), remedy="add its trials and its switched pulses up" if twice else "measure the missing points, or make one table a pulse width",
            )  # fmt: skip
        grids = [np.empty(shape), np.empty(shape)]
        for grid, values in zip(grids, (p, error), strict=True):
            grid[places] = values
        return cls(current=axes[0], pulse=axes[1], temperature=axes[2], probability=grids[0], standard_error=grids[1], scale=scale)

    def probability(self, current: ArrayLike, pulse: ArrayLike, temperature: ArrayLike = 300.0, *, initial: Literal[0, 1] = 0) -> Array:
        """Return the interpolated probability; see :meth:`SwitchingModel.probability`.

        Raises
        ------
        CoverageError
            If a point is outside the table.
        ParameterError
            If ``initial`` is 1 and the table has no backward probabilities.
        """
        check_state(initial)
        table = self.forward if initial == 0 else self.backward
        if table is None:
            raise ParameterError("the table holds 0 -> 1 only", where="TabulatedSwitching, initial", value=initial, remedy="give backward=")
        clipped = np.clip(table, FLOOR, 1.0 - FLOOR)
        transformed = special.logit(clipped) if self.scale == "logit" else np.log(-np.log1p(-clipped))
        value = self._interpolate(transformed, current, pulse, temperature)
        return np.asarray(special.expit(value) if self.scale == "logit" else -np.expm1(-np.exp(value)))

    def error(self, current: ArrayLike, pulse: ArrayLike, temperature: ArrayLike = 300.0) -> Array:
        r"""Return the standard error of the interpolated probability; between points it is an upper estimate [1].

        .. math:: s(p) = \frac{dp}{d\eta} \sum_k w_k \, \frac{s_k}{(dp/d\eta)_k}

        with the transform :math:`\eta(p)` that is interpolated, and its weights w: first order, as though the points erred
        alike. At a point of the table it is that point's error.

        Raises
        ------
        CoverageError
            If a point is outside the table.
        ParameterError
            If the table has no errors.
        """
        if self.standard_error is None:
            raise ParameterError("the table has no standard errors", where="TabulatedSwitching.error", value=None, remedy="give standard_error=, or build it with from_counts")
        clipped = np.clip(self.forward, FLOOR, 1.0 - FLOOR)
        p = np.clip(self.probability(current, pulse, temperature), FLOOR, 1.0 - FLOOR)
        return np.asarray(self._slope(p) * self._interpolate(self.standard_error / self._slope(clipped), current, pulse, temperature))

    def _slope(self, p: Array) -> Array:
        """Return the derivative of the probability by its transform [1]."""
        return np.asarray(p * (1.0 - p) if self.scale == "logit" else -(1.0 - p) * np.log1p(-p))

    def rates(self, current: ArrayLike, temperature: ArrayLike = 300.0, *, pulse: ArrayLike | None = None) -> tuple[Array, Array]:
        r"""Return the rates 0 -> 1 and 1 -> 0 of the two-state process that has these probabilities after a pulse.

        .. math:: K = -\ln(1 - a - b)/t, \qquad k_\uparrow = K\, a/(a + b), \qquad k_\downarrow = K\, b/(a + b)

        with ``a`` and ``b`` the probabilities of 0 -> 1 and 1 -> 0.

        Parameters
        ----------
        current : array_like
            Signed track current [A].
        temperature : array_like
            Temperature [K].
        pulse : array_like, optional
            Pulse width whose probabilities are inverted; needed where the table has several [s].

        Raises
        ------
        ParameterError
            If the table has no backward probabilities, ``a + b >= 1`` (no two-state process has that), or the pulse is open.
        CoverageError
            If a point is outside the table.

        Examples
        --------
        >>> table = TabulatedSwitching(current=[0.0, 1e-4], pulse=[1e-8], temperature=[300.0],
        ...                            probability=[[[0.1]], [[0.6]]], backward=[[[0.1]], [[0.3]]])
        >>> [round(float(k) / 1e6, 2) for k in table.rates(1e-4)]
        [153.51, 76.75]
        """
        if self.backward is None:
            raise ParameterError("rates need both directions", where="TabulatedSwitching.rates", value=None, remedy="give backward=; p alone does not tell an escape from a return")
        if pulse is None and len(self.pulse) > 1:
            raise ParameterError("rates of which pulse width? The table has several", where="TabulatedSwitching.rates, pulse", value=self.pulse.tolist(), remedy="give pulse=")
        width = self.pulse[0] if pulse is None else np.asarray(pulse, dtype=float)
        a, b = (self.probability(current, width, temperature, initial=state) for state in (0, 1))
        if np.any(a + b >= 1.0):
            raise ParameterError(
                "no two-state process has probabilities that add up to 1 or more", where="TabulatedSwitching.rates", value=float(np.max(a + b)),
                remedy="use probability(); the pulse does more than its rates (precession, fall time)",
            )  # fmt: skip
        total = -np.log1p(-(a + b)) / width
        return np.asarray(total * a / (a + b)), np.asarray(total * b / (a + b))

    @property
    def current_limit(self) -> float | Array:
        """Largest current of the table [A]."""
        return float(self.current[-1])

    def valid(self, current: ArrayLike, pulse: ArrayLike, temperature: ArrayLike = 300.0) -> NDArray[np.bool_]:
        """Return where the table reaches."""
        inside = [_inside(np.asarray(x, dtype=float), axis) for x, axis in zip((current, pulse, temperature), self._axes, strict=True)]
        return np.asarray(inside[0] & inside[1] & inside[2])

    @property
    def _axes(self) -> tuple[Array, Array, Array]:
        return self.current, self.pulse, self.temperature

    def _scan(self, pulse: Array, temperature: Array) -> Array:
        nodes = self.current[self.current >= 0]
        if len(nodes) and self.current[0] < 0 < nodes[0]:
            nodes = np.concatenate([[0.0], nodes])  # the crossing may lie before the first positive current
        if len(nodes) < 2:
            raise CoverageError("the table holds no two currents >= 0", where="current_for", value=self.current.tolist(), remedy="tabulate positive currents")
        return np.broadcast_to(nodes.reshape(-1, *([1] * pulse.ndim)), (len(nodes), *pulse.shape))

    def _interpolate(self, table: Array, *coordinates: ArrayLike) -> Array:
        """Return a table, linear in current, ln(pulse) and temperature."""
        pulse_width(coordinates[1])
        corners = []
        for name, axis, given in zip(AXES, self._axes, coordinates, strict=True):
            x = np.asarray(given, dtype=float)
            if not np.all(inside := _inside(x, axis)):
                raise CoverageError(
                    f"outside the table: {name} must lie in [{axis[0]:.6g}, {axis[-1]:.6g}]", where=f"TabulatedSwitching, {name}", value=float(x.flat[int(np.argmin(inside))]),
                    remedy="tabulate further, or use a model that extrapolates",
                )  # fmt: skip
            at = np.clip(x, axis[0], axis[-1])
            i = np.clip(np.searchsorted(axis, at, side="right") - 1, 0, max(len(axis) - 2, 0))
            k = np.minimum(i + 1, len(axis) - 1)
            scale = np.log if name == "pulse" else np.asarray
            span = scale(axis[k]) - scale(axis[i])
            weight = np.divide(scale(at) - scale(axis[i]), span, out=np.zeros(np.shape(at)), where=span > 0)
            corners.append(((i, 1.0 - weight), (k, weight)))
        total: Array = np.zeros(np.broadcast_shapes(*(np.shape(c) for c in coordinates)))
        for (i, u), (j, v), (k, w) in itertools.product(*corners):
            total = total + table[i, j, k] * (u * v * w)
        return total


def _inside(x: Array, axis: Array) -> NDArray[np.bool_]:
    margin = SAME * max(abs(axis[0]), abs(axis[-1]))
    if axis[0] > 0:
        margin = SAME * axis[0]
    return np.asarray((x >= axis[0] - margin) & (x <= axis[-1] + margin))


def _frozen(array: Array | None) -> Array | None:
    if array is not None:
        array.setflags(write=False)
    return array
