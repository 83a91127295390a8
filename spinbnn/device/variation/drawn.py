"""A drawn population as switching models and resistances, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError
from ...tables import Cell, Column, Table
from ...units import format_si
from ..magnet import demagnetization_share, magnet
from ..parameters import DeviceParams
from ..switching import ActivatedSwitching, SwitchingModel, TwoRateSwitching
from ..temperature import track_resistance_at
from .physical import LAYER
from .points import Method
from .population import VariationModel

Array = NDArray[np.float64]
Barrier = Literal["exact", "seed"]
Kind = Literal["thermal", "two_rate"]
FIELD = "magnetic.in_plane_field"
ARRAYS = {
    "delta": "thermal.delta", "attempt_time": "thermal.attempt_time", "critical_current": "spin_hall.critical_current",
    "anisotropy_exponent": "thermal.anisotropy_exponent", "interface_exponent": "magnetic.interface_anisotropy_exponent",
}  # fmt: skip
"""Parameters of a switching model that may be arrays, and their fields."""
ONE_NUMBER = ("thermal.reference_temperature", "thermal.curie_temperature")
"""Fields that a switching model takes as one number."""
QUANTILES = (0.05, 0.95)
"""Quantiles that tables quote beside the median."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Population:
    """Drawn devices: their numbers, and the switching model of all of them at once.

    Parameters
    ----------
    variation : VariationModel
        What they were drawn from.
    draws : mapping of str to ndarray
        Every field of the device, all of one shape, SI.

    Examples
    --------
    >>> from spinbnn.device import DeviceParams, VariationModel
    >>> devices = Population.draw(VariationModel.from_params(DeviceParams.load("seed_eq23")), 256, seed=1)
    >>> p = devices.probability(devices.nominal_current(0.5, 10e-9), 10e-9)
    >>> p.shape, bool(0.2 < p.std() < 0.4)
    ((256,), True)
    """

    variation: VariationModel
    draws: Mapping[str, Array]

    @classmethod
    def draw(cls, variation: VariationModel, n: int, seed: int = 0, method: Method = "sobol", *, die: int | None = None) -> Population:
        """Draw ``n`` devices; see :meth:`VariationModel.sample`."""
        return cls(variation=variation, draws=variation.sample(n, seed, method, die=die))

    @property
    def params(self) -> DeviceParams:
        """The nominal device."""
        return self.variation.params

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of every drawn field."""
        return np.shape(self.draws["thermal.delta"])

    @property
    def moving(self) -> tuple[str, ...]:
        """Fields that differ between the devices: those drawn, then those that follow."""
        return tuple(dict.fromkeys((*self.variation.varied, *self.variation.following)))

    def nominal(self, barrier: Barrier = "exact", kind: Kind = "thermal") -> ActivatedSwitching:
        """Return the switching model of the nominal device; ``kind`` is ``"thermal"`` or ``"two_rate"``."""
        return SwitchingModel.from_params(self.params, barrier=barrier, model=kind)

    def model(self, barrier: Barrier = "exact", kind: Kind = "thermal") -> ActivatedSwitching:
        """Return one switching model whose parameters are arrays, an entry for each device.

        Raises
        ------
        ParameterError
            If a field varies that the models take as one number (:data:`ONE_NUMBER`).
        """
        if refused := [key for key in ONE_NUMBER if key in self.moving]:
            raise ParameterError("the switching models take this field as one number", where=self.params.origin, value=refused[0], remedy="remove its spread")
        nominal = self.nominal(barrier, kind)
        changed: dict[str, Array] = {name: self.draws[key] for name, key in ARRAYS.items() if key in self.moving}
        layer = any(key in self.moving for key in LAYER)
        if layer and nominal.demagnetization:
            changed["demagnetization"] = demagnetization_share(self.draws)
        if isinstance(nominal, TwoRateSwitching) and FIELD in self.draws and (layer or FIELD in self.moving):
            changed["field_ratio"] = np.abs(self.draws[FIELD]) / magnet(self.draws).anisotropy_field
        return replace(nominal, **changed)  # type: ignore[arg-type]

    def nominal_current(self, target: ArrayLike, pulse: ArrayLike, temperature: ArrayLike | None = None, barrier: Barrier = "exact") -> Array:
        """Return the current at which the nominal device switches with this probability [A].

        Parameters
        ----------
        target : array_like
            Switching probability [1].
        pulse : array_like
            Pulse width [s].
        temperature : array_like, optional
            Temperature; the reference temperature by default [K].
        barrier : {"exact", "seed"}
            Barrier law.
        """
        return self.nominal(barrier).current_for(target, pulse, self._kelvin(temperature))

    def probability(self, current: ArrayLike, pulse: ArrayLike, temperature: ArrayLike | None = None, barrier: Barrier = "exact") -> Array:
        """Return the probability that each device switches 0 -> 1; arguments as :meth:`nominal_current` [1]."""
        p = self.model(barrier).probability(current, pulse, self._kelvin(temperature))
        return np.broadcast_to(p, np.broadcast_shapes(p.shape, self.shape)).copy()

    def retention(self, temperature: ArrayLike | None = None) -> Array:
        r"""Return the mean time to a thermal reversal without current, ``tau0 exp(Delta(T))`` [s].

        It spreads by ``sd(Delta)`` e-folds: nearly log-normal, and its mean over devices says nothing of the weakest ones.
        """
        with np.errstate(over="ignore"):  # above 1e308 s
            return np.asarray(self.draws["thermal.attempt_time"] * np.exp(self.model().delta_at(self._kelvin(temperature))))

    def track_resistance(self, temperature: ArrayLike | None = None) -> Array:
        """Return the resistance of each track [ohm]."""
        coefficient = self.draws.get("electrical.track_temperature_coefficient", np.asarray(0.0))
        return track_resistance_at(self.draws["electrical.track_resistance"], self._kelvin(temperature), reference=self.draws["thermal.reference_temperature"], coefficient=coefficient)

    def _kelvin(self, temperature: ArrayLike | None) -> ArrayLike:
        return self.params.value("thermal.reference_temperature") if temperature is None else temperature

    def statistics(self, *, pulse: float, target: float = 0.5, temperature: float | None = None, barrier: Barrier = "exact") -> Table:
        """Return nominal value, median, relative spread and quantiles of every field that moves, of the retention and of p.

        Parameters
        ----------
        pulse : float
            SET pulse width [s].
        target : float
            Probability of the nominal device at the current that all devices get [1].
        temperature : float, optional
            Temperature of p and of the retention; the reference temperature by default [K].
        barrier : {"exact", "seed"}
            Barrier law of p.

        Returns
        -------
        Table
            Spreads are standard deviations over the mean, in per cent; that of p is absolute, in points. Of the retention
            the logarithm is taken (its spread is in e-folds).
        """
        kelvin = float(np.asarray(self._kelvin(temperature)))
        current = float(self.nominal_current(target, pulse, kelvin, barrier))
        rows = [self._row(key, self.params.value(key), self.draws[key], self.params[key].unit, key in self.variation.following) for key in self.moving]
        log = np.log10(self.draws["thermal.attempt_time"]) + self.model().delta_at(kelvin) / np.log(10.0)
        typical = float(np.log10(self.params.value("thermal.attempt_time")) + self.nominal().delta_at(kelvin) / np.log(10.0))
        rows.append(["log10(retention/s)", f"{typical:.4g}", f"{np.median(log):.4g}", None, *(f"{np.quantile(log, q):.4g}" for q in QUANTILES), "follows"])
        p = self.probability(current, pulse, kelvin, barrier)
        rows.append([f"p at {format_si(current, 'A')}", f"{target:.4g}", f"{np.median(p):.4g}", None, *(f"{np.quantile(p, q):.4g}" for q in QUANTILES), "follows"])
        return Table(
            f"{p.size} devices of {self.params.name}", ["quantity", "nominal", "median", Column("spread", "%", 3), *(f"{100 * q:.0f} %" for q in QUANTILES), "how"], rows,
            note=f"p: {format_si(pulse, 's')} pulse, {kelvin:g} K, barrier {barrier}; mean {p.mean():.4g}, standard deviation {p.std():.4g}. "
            f"{100 * np.mean(np.abs(p - target) <= 0.1):.3g} % of the devices lie within 10 points of {target:g}. Spread: standard deviation over mean; a field is drawn, or follows drawn ones.",
        )  # fmt: skip

    def _row(self, key: str, nominal: float, values: Array, unit: str, follows: bool) -> list[Cell]:
        cv = 100.0 * float(np.std(values) / abs(np.mean(values))) if np.any(values) else None
        shown = [format_si(float(v), "" if unit == "1" else unit) for v in (nominal, np.median(values), *np.quantile(values, QUANTILES))]
        drawn = key in self.variation.varied
        return [key.split(".")[1], *shown[:2], cv, *shown[2:], "both" if drawn and follows else "follows" if follows else "drawn"]

    def table(self, **more: Array) -> Table:
        """Return one row a device: its number, every field that moves, and further columns of one value each, in SI units."""
        heads: list[Column | str] = ["device"]
        columns: list[Array] = []
        for key in self.moving:
            unit = self.params[key].unit
            heads.append(Column(key, "" if unit == "1" else unit, 9))
            columns.append(self.draws[key].ravel())
        heads += [Column(name, "", 9) for name in more]
        columns += [np.asarray(values, dtype=float).ravel() for values in more.values()]
        rows: list[list[Cell]] = [[number, *map(float, row)] for number, row in enumerate(zip(*columns, strict=True))]
        return Table(f"Devices of {self.params.name}", heads, rows)
