"""Lapses on top of a switching model: pulses that fail whatever the current, and bits that flip after the pulse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError
from .base import Array, Branch, SwitchingModel


@dataclass(frozen=True, slots=True, kw_only=True)
class LapseSwitching(SwitchingModel):
    r"""A plateau below 1 (write error, back-hopping after the pulse) and one above 0, for each pulse.

    .. math:: p = \lambda_0 + (1 - \lambda_0 - \lambda_1)\, p_\mathrm{base}

    Parameters
    ----------
    base : SwitchingModel
        What happens otherwise.
    lower : float
        Probability ``lambda_0`` of a pulse that switches whatever the current [1].
    upper : float
        Probability ``lambda_1`` of a pulse that fails whatever the current [1].

    Notes
    -----
    Both states have the same lapses. A lapse belongs to a pulse as a whole; it has no rate, and a train of short pulses
    lapses more often than one long pulse. For back-switching while the current flows use ``saturation`` of
    :class:`~spinbnn.device.switching.ThermalSwitching`, or :class:`~spinbnn.device.switching.TwoRateSwitching`.

    Valid (:meth:`valid`): where the base model is.

    Examples
    --------
    >>> from spinbnn.device import ThermalSwitching
    >>> model = LapseSwitching(base=ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6), upper=0.2)
    >>> round(float(model.probability(260e-6, 100e-9)), 4)
    0.8
    """

    base: SwitchingModel
    lower: float = 0.0
    upper: float = 0.0

    def __post_init__(self) -> None:
        for name in ("lower", "upper"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ParameterError(f"a lapse lies in [0, 1): {name}", where="LapseSwitching", value=getattr(self, name), remedy="give a probability")
        if not self.lower + self.upper < 1.0:
            raise ParameterError("the lapses leave nothing to the model", where="LapseSwitching", value=self.lower + self.upper, remedy="keep lower + upper below 1")

    def rates(self, current: ArrayLike, temperature: ArrayLike = 300.0) -> tuple[Array, Array]:
        """Raise: a lapse belongs to a pulse and has no rate.

        Raises
        ------
        ParameterError
            Always.
        """
        raise ParameterError(
            "a lapse belongs to a pulse: it has no rate", where="LapseSwitching.rates", value=(self.lower, self.upper),
            remedy="use saturation of ThermalSwitching, TwoRateSwitching, or the rates of .base",
        )  # fmt: skip

    def probability(
        self, current: ArrayLike, pulse: ArrayLike, temperature: ArrayLike = 300.0, *, initial: Literal[0, 1] = 0
    ) -> Array:
        """Return the probability that a pulse leaves the device in the other state; see :meth:`SwitchingModel.probability`."""
        return np.asarray(self.lower + (1.0 - self.lower - self.upper) * self.base.probability(current, pulse, temperature, initial=initial))

    def current_for(self, probability: ArrayLike, pulse: ArrayLike, temperature: ArrayLike = 300.0, *, branch: Branch = "lower") -> Array:
        """Return the current of this probability; see :meth:`SwitchingModel.current_for`.

        Raises
        ------
        ParameterError
            If the probability is not between the plateaus, or the base model does not reach it.
        """
        wanted = np.asarray(probability, dtype=float)
        if np.any(~((wanted > self.lower) & (wanted < 1.0 - self.upper))):
            raise ParameterError(
                f"the lapses keep p within ({self.lower:g}, {1.0 - self.upper:g})", where="current_for, probability", value=wanted.tolist(), remedy="ask for a probability between the plateaus"
            )
        return self.base.current_for((wanted - self.lower) / (1.0 - self.lower - self.upper), pulse, temperature, branch=branch)

    def _scan(self, pulse: Array, temperature: Array) -> Array:
        return self.base._scan(pulse, temperature)  # the plateaus leave the order of the probabilities as it is

    @property
    def current_limit(self) -> float | Array:
        """That of the base model [A]."""
        return self.base.current_limit

    def valid(self, current: ArrayLike, pulse: ArrayLike, temperature: ArrayLike = 300.0) -> NDArray[np.bool_]:
        """Return where the base model holds."""
        return self.base.valid(current, pulse, temperature)
