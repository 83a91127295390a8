"""Cells whose conductance depends on their voltage: the law that the solver asks for, and the tunnel junction's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ...errors import ParameterError


@runtime_checkable
class CellLaw(Protocol):
    """What :func:`solve_array` needs of a non-linear cell: an increasing current through the origin.

    ``parameters`` are arrays that broadcast to (..., R, C); ``evaluate`` gets a cell voltage [V] and these arrays (broadcast,
    float64, of the package of the inputs) and returns the current [A] and its derivative [S], which must be positive.
    """

    @property
    def parameters(self) -> tuple[Any, ...]: ...

    def evaluate(self, voltage: Any, *parameters: Any) -> tuple[Any, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TunnelCells:
    r"""SOT-MTJ cells with the bias dependence of ``netlists/cells/sot_mtj.cir``.

    .. math::

        i(v) = \frac{v}{R_P}\,\frac{1 + x^2 + (1 - s)\,T}{1 + x^2 + T}, \qquad x = v / V_h

    with the TMR ratio :math:`T` at zero bias, halved at :math:`V_h`, and the state s (0 parallel, 1 antiparallel). In state 1 the
    resistance falls from :math:`R_P (1 + T)` at zero bias; in state 0 it is :math:`R_P` at any. The current increases with the
    voltage everywhere, so that an array has exactly one solution.

    Parameters
    ----------
    parallel : array (..., R, C)
        Resistance of state 0 [ohm].
    tmr : array
        TMR ratio at zero bias, not negative [1].
    half_voltage : array
        Bias that halves the TMR ratio [V].
    state : array (..., R, C)
        0 parallel, 1 antiparallel, or between [1].

    Raises
    ------
    ParameterError
        For a resistance or half voltage that is not positive, a negative TMR ratio, or a state outside [0, 1].

    Examples
    --------
    >>> cells = TunnelCells(parallel=1e6, tmr=1.0, half_voltage=0.5, state=1.0)
    >>> current, slope = cells.evaluate(0.5, *cells.parameters)
    >>> print(f"{0.5 / current:.0f} ohm")
    1500000 ohm
    """

    parallel: Any
    tmr: Any
    half_voltage: Any
    state: Any

    def __post_init__(self) -> None:
        for key, good, remedy in (
            ("parallel", lambda x: x > 0, "a resistance above 0 in ohm"),
            ("tmr", lambda x: x >= 0, "a ratio of 0 or above, e.g. 1.2"),
            ("half_voltage", lambda x: x > 0, "a voltage above 0 in volt, e.g. 0.4"),
            ("state", lambda x: (x >= 0) & (x <= 1), "0 (parallel) to 1 (antiparallel)"),
        ):
            value = getattr(self, key)
            array = value if hasattr(value, "shape") else np.asarray(value, dtype=float)
            fine = good(array)
            if not bool(fine.all()):
                raise ParameterError(
                    "out of range for a tunnel junction", where=f"TunnelCells, {key}", value=array[~fine].reshape(-1)[:3].tolist(), remedy=remedy
                )

    @property
    def parameters(self) -> tuple[Any, ...]:
        """The four arrays, in the order of :meth:`evaluate`."""
        return self.parallel, self.tmr, self.half_voltage, self.state

    def evaluate(self, voltage: Any, *parameters: Any) -> tuple[Any, Any]:
        """Return the current [A] and the differential conductance [S] at a cell voltage [V]."""
        parallel, tmr, half, state = parameters
        square = (voltage / half) * (voltage / half)
        below = 1.0 + square + tmr
        conductance = (1.0 - state * tmr / below) / parallel
        return voltage * conductance, conductance + 2.0 * state * tmr * square / (below * below * parallel)
