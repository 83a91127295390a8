"""What every switching model of an SOT-MTJ offers: rates, probability and its inverse, and where they hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError, suggest
from ..parameters import DeviceParams

if TYPE_CHECKING:
    from .activated import ActivatedSwitching

Array = NDArray[np.float64]
Branch = Literal["lower", "upper"]
MODELS = ("thermal", "two_rate")
"""Models that a device file describes."""
BISECTIONS = 64
"""Most halvings of an interval that holds a crossing."""


class SwitchingModel(ABC):
    """Rates between state 0 (parallel) and state 1 (antiparallel); positive current drives 0 -> 1.

    Models are pure functions of arrays that broadcast. :meth:`from_params` builds one from a device file.

    Examples
    --------
    >>> from spinbnn.device import DeviceParams, SwitchingModel
    >>> model = SwitchingModel.from_params(DeviceParams.load("seed_eq23"), barrier="seed")
    >>> current = model.current_for(0.5, 10e-9)
    >>> round(float(current) * 1e6, 1), round(float(model.probability(current, 10e-9)), 6)
    (198.9, 0.5)
    """

    @staticmethod
    def from_params(params: DeviceParams, barrier: Literal["exact", "seed"] = "exact", *, model: Literal["thermal", "two_rate"] = "thermal") -> ActivatedSwitching:
        """Build a model of a device.

        Parameters
        ----------
        params : DeviceParams
            Device file.
        barrier : str
            ``"exact"`` (washboard) or ``"seed"`` (as printed in Eq. 23b, clamped; thermal model only).
        model : str
            ``"thermal"`` (one barrier for each direction, any field is taken into Ic0 and p_sat) or ``"two_rate"``
            (forward and backward escape under the in-plane field of the file).

        Returns
        -------
        ActivatedSwitching
            A :class:`ThermalSwitching` or a :class:`TwoRateSwitching`.

        Raises
        ------
        ParameterError
            If the barrier or the model is unknown, they do not go together, or the file lacks a field.
        """
        from .thermal import ThermalSwitching  # the modules of the models import this one
        from .two_rate import TwoRateSwitching

        if model not in MODELS:
            raise ParameterError("unknown switching model", where="from_params, model", value=model, remedy=suggest(str(model), MODELS))
        if model == "two_rate":
            if barrier != "exact":
                raise ParameterError("the two-rate model has the exact barrier only", where="from_params, barrier", value=barrier, remedy="use barrier='exact'")
            return TwoRateSwitching.from_device(params)
        return ThermalSwitching.from_device(params, barrier)

    @abstractmethod
    def rates(self, current: ArrayLike, temperature: ArrayLike = 300.0) -> tuple[Array, Array]:
        """Return the rates 0 -> 1 and 1 -> 0 [1/s] at a track current [A] and a temperature [K]."""

    @property
    @abstractmethod
    def current_limit(self) -> float | Array:
        """Largest current of the model at the reference temperature; beyond it a barrier is gone, or the table ends [A]."""

    @abstractmethod
    def valid(self, current: ArrayLike, pulse: ArrayLike, temperature: ArrayLike = 300.0) -> NDArray[np.bool_]:
        """Return where the model holds: the range that its Notes state.

        Parameters
        ----------
        current : array_like
            Signed track current [A].
        pulse : array_like
            Pulse width [s].
        temperature : array_like
            Temperature [K].

        Returns
        -------
        ndarray of bool
            Broadcast shape; nothing is raised.
        """

    def probability(
        self, current: ArrayLike, pulse: ArrayLike, temperature: ArrayLike = 300.0, *, initial: Literal[0, 1] = 0
    ) -> Array:
        r"""Return the probability that a rectangular pulse leaves the device in the other state.

        .. math:: p = \frac{k_\uparrow}{k_\uparrow + k_\downarrow}\left(1 - e^{-(k_\uparrow + k_\downarrow) t}\right)

        for ``initial = 0`` (arrows exchanged for ``initial = 1``). With one rate this is Eq. 23a of arXiv:2311.15816
        with its sign put right, ``1 - exp(-t/tau)``.

        Parameters
        ----------
        current : array_like
            Signed track current [A].
        pulse : array_like
            Pulse width, >= 0 [s].
        temperature : array_like
            Temperature [K].
        initial : {0, 1}
            State before the pulse.

        Returns
        -------
        ndarray
            Probability, broadcast shape [1].

        Raises
        ------
        ParameterError
            If a current is not finite, a pulse is negative, the initial state is neither 0 nor 1, or the temperature is out
            of range.
        """
        width = pulse_width(pulse)
        check_state(initial)
        amperes = np.asarray(current, dtype=float)
        if not np.all(np.isfinite(amperes)):
            raise ParameterError("a current must be finite", where="probability, current", value=amperes.tolist(), remedy="give amperes")
        up, down = self.rates(amperes, temperature)
        leave, back = (up, down) if initial == 0 else (down, up)
        total = leave + back
        share = np.divide(leave, total, out=np.zeros_like(total), where=total > 0)
        return np.asarray(-np.expm1(-total * width) * share)

    def current_for(
        self, probability: ArrayLike, pulse: ArrayLike, temperature: ArrayLike = 300.0, *, branch: Branch = "lower"
    ) -> Array:
        """Return the positive current at which a pulse switches 0 -> 1 with this probability.

        Parameters
        ----------
        probability : array_like
            Wanted probability, in (0, 1) [1].
        pulse : array_like
            Pulse width [s].
        temperature : array_like
            Temperature [K].
        branch : {"lower", "upper"}
            ``"lower"``: where p first rises through the wanted value; ``"upper"``: where it first falls through it again.
            A model that rises monotonically has no upper branch.

        Returns
        -------
        ndarray
            Track current [A].

        Raises
        ------
        ParameterError
            If the probability lies outside (0, 1), or is not reached on this branch; the message says what is.
        """
        if branch not in ("lower", "upper"):
            raise ParameterError("unknown branch", where="current_for, branch", value=branch, remedy="use 'lower' or 'upper'")
        wanted, width, kelvin = (np.asarray(a, dtype=float) for a in (probability, pulse, temperature))
        if np.any(~((wanted > 0) & (wanted < 1))):
            raise ParameterError("a wanted probability must lie in (0, 1)", where="current_for, probability", value=wanted.tolist(), remedy="e.g. 0.5")
        shape = np.broadcast_shapes(wanted.shape, np.shape(self.probability(self.current_limit, width, kelvin)))  # parameters may be arrays
        wanted, width, kelvin = (np.broadcast_to(a, shape) for a in (wanted, width, kelvin))
        grid = self._scan(width, kelvin)
        values = self.probability(grid, width, kelvin)
        start, end = values[:-1], values[1:]
        crossed = (start < wanted) & (end >= wanted) if branch == "lower" else (start >= wanted) & (end < wanted)
        if not np.all(found := crossed.any(axis=0)):
            bad = int(np.argmin(found))
            _refuse(float(wanted.flat[bad]), values.reshape(len(grid), -1)[:, bad], float(width.flat[bad]), branch)
        first = crossed.argmax(axis=0)[None]
        low, high = np.take_along_axis(grid, first, 0)[0], np.take_along_axis(grid, first + 1, 0)[0]
        rising = branch == "lower"
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            left = (self.probability(middle, width, kelvin) < wanted) == rising  # the crossing lies to the right
            low, high = np.where(left, middle, low), np.where(left, high, middle)
            if np.all(high - low <= 4e-16 * high):
                break
        return np.asarray(0.5 * (low + high))

    @abstractmethod
    def _scan(self, pulse: Array, temperature: Array) -> Array:
        """Return increasing currents [A] that bracket every crossing, shape (points, *pulse.shape)."""


def pulse_width(pulse: ArrayLike) -> Array:
    """Return a pulse width as an array, or raise if it is negative."""
    width = np.asarray(pulse, dtype=float)
    if np.any(~(width >= 0)):
        raise ParameterError("a pulse width must be >= 0", where="probability, pulse", value=width.tolist(), remedy="give seconds, e.g. 10e-9")
    return width


def check_state(initial: int) -> None:
    """Raise unless the state is 0 or 1."""
    if isinstance(initial, bool) or initial not in (0, 1):
        raise ParameterError("the initial state is 0 or 1", where="probability, initial", value=initial, remedy="use 0 or 1")


def _refuse(wanted: float, values: Array, width: float, branch: str) -> None:
    """Say what a branch reaches."""
    top = int(np.argmax(values))
    if branch == "lower":
        span, remedy = (float(values[0]), float(values[top])), "lengthen the pulse or ask for less"
    else:
        span, remedy = (float(values[top:].min()), float(values[top])), "use branch='lower'" if top == len(values) - 1 else "ask for a probability within the span"
    falls = "" if branch == "lower" or top < len(values) - 1 else "; it rises monotonically and has one branch"
    raise ParameterError(
        f"this probability is not reached on the {branch} branch: the model spans ({span[0]:.3g}, {span[1]:.6g}] for a pulse of {width:.3g} s{falls}",
        where="current_for, probability", value=wanted, remedy=remedy,
    )  # fmt: skip
