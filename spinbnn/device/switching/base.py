"""What every switching model of an SOT-MTJ offers: rates, probability and its inverse."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError
from ..parameters import DeviceParams

if TYPE_CHECKING:
    from .thermal import ThermalSwitching

Array = NDArray[np.float64]


class SwitchingModel(ABC):
    """Rates between state 0 (parallel) and state 1 (antiparallel); positive current drives 0 -> 1.

    Models are pure functions of arrays that broadcast. :meth:`from_params` builds the thermal model.

    Examples
    --------
    >>> from spinbnn.device import DeviceParams, SwitchingModel
    >>> model = SwitchingModel.from_params(DeviceParams.load("seed_eq23"), barrier="seed")
    >>> current = model.current_for(0.5, 10e-9)
    >>> round(float(current) * 1e6, 1), round(float(model.probability(current, 10e-9)), 6)
    (198.9, 0.5)
    """

    @staticmethod
    def from_params(params: DeviceParams, barrier: Literal["exact", "seed"] = "exact") -> ThermalSwitching:
        """Build the thermal model of a device.

        Parameters
        ----------
        params : DeviceParams
            Device file.
        barrier : str
            ``"exact"`` (washboard) or ``"seed"`` (as printed in Eq. 23b, clamped).

        Raises
        ------
        ParameterError
            If the barrier is unknown.
        """
        from .thermal import ThermalSwitching  # the module of a model imports this one

        return ThermalSwitching(
            delta=params.value("thermal.delta"),
            attempt_time=params.value("thermal.attempt_time"),
            critical_current=params.value("spin_hall.critical_current"),
            reference_temperature=params.value("thermal.reference_temperature"),
            curie_temperature=params.get("thermal.curie_temperature"),
            anisotropy_exponent=params.get("thermal.anisotropy_exponent") or 0.0,
            saturation=params.value("switching.saturation"),
            barrier=barrier,
        )

    @abstractmethod
    def rates(self, current: ArrayLike, temperature: ArrayLike = 300.0) -> tuple[Array, Array]:
        """Return the rates 0 -> 1 and 1 -> 0 [1/s] at a track current [A] and a temperature [K]."""

    @property
    @abstractmethod
    def current_limit(self) -> float | Array:
        """Current [A] at the reference temperature beyond which the barrier is gone and the rate no longer grows."""

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
        """
        width = np.asarray(pulse, dtype=float)
        if np.any(~(width >= 0)):
            raise ParameterError("a pulse width must be >= 0", where="probability, pulse", value=pulse, remedy="give seconds, e.g. 10e-9")
        if initial not in (0, 1):
            raise ParameterError("the initial state is 0 or 1", where="probability, initial", value=initial, remedy="use 0 or 1")
        up, down = self.rates(current, temperature)
        leave, back = (up, down) if initial == 0 else (down, up)
        total = leave + back
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(total > 0, leave / total, 0.0)
        return -np.expm1(-total * width) * share

    def current_for(
        self, probability: ArrayLike, pulse: ArrayLike, temperature: ArrayLike = 300.0, *, branch: Literal["lower"] = "lower"
    ) -> Array:
        """Return the positive current at which a pulse switches 0 -> 1 with this probability (lower branch).

        Parameters
        ----------
        probability : array_like
            Wanted probability, in (0, 1) [1].
        pulse : array_like
            Pulse width [s].
        temperature : array_like
            Temperature [K].
        branch : {"lower"}
            The rising branch below the current limit; this model has no other.

        Returns
        -------
        ndarray
            Track current [A].

        Raises
        ------
        ParameterError
            If the probability is not reached below the current limit.
        """
        if branch != "lower":
            raise ParameterError("this model rises monotonically: it has one branch", where="current_for, branch", value=branch, remedy="use 'lower'")
        wanted, width, kelvin = np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in (probability, pulse, temperature)))
        low = np.zeros_like(wanted)
        high = np.broadcast_to(np.asarray(self._limit(kelvin), dtype=float), wanted.shape).copy()
        least, most = self.probability(low, width, kelvin), self.probability(high, width, kelvin)
        if np.any(~((wanted > least) & (wanted <= most))):
            bad = np.argmax(~((wanted > least) & (wanted <= most)))
            raise ParameterError(
                f"this probability is not reached: the model spans ({least.flat[bad]:.3g}, {most.flat[bad]:.6g}] for a pulse of {width.flat[bad]:.3g} s",
                where="current_for, probability", value=float(wanted.flat[bad]), remedy="lengthen the pulse or ask for less",
            )  # fmt: skip
        for _ in range(64):  # bisection to float resolution
            middle = 0.5 * (low + high)
            below = self.probability(middle, width, kelvin) < wanted
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(0.5 * (low + high))

    def _limit(self, temperature: Array) -> float | Array:
        return self.current_limit
