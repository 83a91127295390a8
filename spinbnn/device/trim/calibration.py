"""A population whose devices are calibrated with a DAC: their codes, and their p at any target and temperature."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError, suggest
from ...tables import Cell, Column, Table
from ..switching import SwitchingModel
from ..temperature import track_resistance_at
from .dac import Array, Codes, TrimDac
from .residual import Residual, residual
from .search import measured, search

Tracking = Literal["fixed", "critical_current", "replica", "lookup"]
TRACKINGS = ("fixed", "critical_current", "replica", "lookup")
"""What the DAC's reference does with the temperature: nothing; it follows the nominal Ic0; it follows the nominal current of the
target (a replica device); or every temperature has codes of its own."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trim:
    """Devices with their codes; made by :func:`trim`.

    Attributes
    ----------
    model, nominal : SwitchingModel
        The population (parameters are arrays), and the nominal device.
    dac : TrimDac
        The DAC.
    pulse : float
        SET pulse width [s].
    points : tuple of float
        Probabilities at which each device was calibrated, one or two, ascending [1].
    codes : ndarray of int, shape (n, points)
        Code of each device at each.
    bracketed : ndarray of bool, shape (n, points)
        Whether the target lies between the lowest and the highest code's p; else the device is out of range.
    temperature : float
        Of the calibration [K].
    shots : int or None
        SET trials at each step of the search; None: p was known exactly.
    resistance, nominal_resistance : ndarray or float
        Tracks at the calibration temperature; used with volts only [ohm].
    resistance_coefficient : float
        Of the tracks, referred to the calibration temperature [1/K].
    seed : int
        Of the shots.
    """

    model: SwitchingModel
    nominal: SwitchingModel
    dac: TrimDac
    pulse: float
    points: tuple[float, ...]
    codes: Codes
    bracketed: NDArray[np.bool_]
    temperature: float
    shots: int | None
    resistance: Array
    nominal_resistance: float
    resistance_coefficient: float
    seed: int

    @property
    def trials(self) -> int | None:
        """SET trials that the calibration of one device took; None where p was known exactly [1]."""
        return None if self.shots is None else self.shots * (self.dac.bits + 2) * len(self.points)

    @property
    def out_of_range(self) -> float:
        """Share of the devices whose calibration lies beyond the DAC's ends [1]."""
        return float(np.mean(~np.all(self.bracketed, axis=-1)))

    def nominal_level(self, target: ArrayLike, temperature: float | None = None) -> Array:
        """Return the level at which the nominal device has p = target [A or V]."""
        kelvin = self.temperature if temperature is None else temperature
        current = self.nominal.current_for(target, self.pulse, kelvin)
        return np.asarray(current * self._load(self.nominal_resistance, kelvin))

    def codes_for(self, target: float) -> Codes:
        r"""Return the code of each device for a target, from what its calibration stored, shape (n,).

        One point stores the gain ``g``, the device's level over the nominal one; two points store it at both, and it is
        interpolated (offset and slope) in :math:`\ln(-\ln(1 - p))`. The code is the nearest to ``g`` times the nominal level.
        """
        if not 0 < target < 1:
            raise ParameterError("a target must lie in (0, 1)", where="Trim, target", value=target, remedy="e.g. 0.5")
        gains = self.dac.level(self.codes) / self.nominal_level(self.points)
        gain = gains[:, 0]
        if len(self.points) == 2:
            eta, first, second = _cloglog(target), *map(_cloglog, self.points)
            gain = gain + (gains[:, 1] - gain) * (eta - first) / (second - first)
        return self.dac.nearest(gain * float(self.nominal_level(target)))

    def probability(self, target: float, temperature: float | None = None, tracking: Tracking = "fixed") -> Array:
        """Return p of each trimmed device, shape (n,) [1].

        Parameters
        ----------
        target : float
            Wanted probability [1].
        temperature : float, optional
            At which the devices run; that of the calibration by default [K].
        tracking : {"fixed", "critical_current", "replica", "lookup"}
            See :data:`TRACKINGS`. A replica and a lookup also follow the resistance of the track.

        Raises
        ------
        ParameterError
            If the tracking is unknown, or the model has no Ic0 to follow.
        """
        kelvin = self.temperature if temperature is None else float(temperature)
        if tracking not in TRACKINGS:
            raise ParameterError("unknown tracking", where="Trim, tracking", value=tracking, remedy=suggest(str(tracking), TRACKINGS))
        if tracking == "lookup" and kelvin != self.temperature:
            return self.at(kelvin).probability(target)
        level = self.dac.level(self.codes_for(target)) * self._reference(target, kelvin, tracking)
        return self._probability(level, kelvin)

    def at(self, temperature: float) -> Trim:
        """Return the same devices and DAC, calibrated at another temperature."""
        resistance = track_resistance_at(self.resistance, temperature, reference=self.temperature, coefficient=self.resistance_coefficient)
        nominal = float(track_resistance_at(self.nominal_resistance, temperature, reference=self.temperature, coefficient=self.resistance_coefficient))
        coefficient = self.resistance_coefficient / (1.0 + self.resistance_coefficient * (temperature - self.temperature))
        return trim(
            self.model, self.nominal, self.dac, pulse=self.pulse, points=self.points, temperature=temperature, resistance=resistance,
            nominal_resistance=nominal, resistance_coefficient=coefficient, shots=self.shots, seed=self.seed,
        )  # fmt: skip

    def untrimmed(self, target: float, temperature: float | None = None) -> Array:
        """Return p of each device at the exact nominal level of the calibration temperature, shape (n,) [1]."""
        kelvin = self.temperature if temperature is None else float(temperature)
        return self._probability(np.broadcast_to(self.nominal_level(target), np.shape(self.codes)[:1]), kelvin)

    def _reference(self, target: float, kelvin: float, tracking: str) -> float:
        if tracking == "replica":
            return float(self.nominal_level(target, kelvin) / self.nominal_level(target))
        if tracking == "critical_current":
            follow = getattr(self.nominal, "critical_current_at", None)
            if follow is None:
                raise ParameterError("this switching model has no Ic0 that a reference could follow", where="Trim, tracking", value=tracking, remedy="use 'replica'")
            return float(follow(kelvin) / follow(self.temperature))
        return 1.0

    def _load(self, resistance: ArrayLike, kelvin: float) -> Array:
        """Return volts an ampere, or 1 where levels are currents."""
        if self.dac.unit == "A":
            return np.asarray(1.0)
        return track_resistance_at(resistance, kelvin, reference=self.temperature, coefficient=self.resistance_coefficient) + self.dac.series_resistance

    def _probability(self, level: Array, kelvin: float) -> Array:
        return self.model.probability(level / self._load(self.resistance, kelvin), self.pulse, kelvin)

    def table(self, targets: Sequence[float] = (0.5,), temperatures: Sequence[float] = (), trackings: Sequence[Tracking] = ("fixed",)) -> Table:
        """Return what is left of the spread at each target, temperature and tracking.

        The row without trim is that of the nominal level, unquantised. Yields are shares of devices with
        ``|p - target|`` up to 0.03 and 0.10, absolute; the devices out of range are among the failing ones.
        """
        rows: list[list[Cell]] = []
        for target in targets:
            for kelvin in temperatures or (self.temperature,):
                rows.append([target, kelvin, "no trim", *residual(self.untrimmed(target, kelvin), target).row(), None])
                for tracking in trackings:
                    used = self.at(kelvin) if tracking == "lookup" and kelvin != self.temperature else self
                    p = used.probability(target, kelvin, "fixed" if tracking == "lookup" else tracking)
                    rows.append([target, kelvin, tracking, *residual(p, target).row(), 100.0 * used.out_of_range])
        shots = "p known exactly" if self.shots is None else f"{self.shots} SET trials a step, {self.trials} a device"
        return Table(
            f"{self.codes.shape[0]} devices, {self.dac.bits}-bit trim at p = {', '.join(f'{p:g}' for p in self.points)}",
            ["target", Column("at", "K"), "reference", *Residual.heads(), Column("out", "%", 3)], rows,
            note=f"Calibrated at {self.temperature:g} K, {shots}. Errors of p are absolute, in points (pt, 0.01). Out: devices whose calibration lies beyond the DAC's ends.",
        )  # fmt: skip


def trim(
    model: SwitchingModel, nominal: SwitchingModel, dac: TrimDac, *, pulse: float, points: Sequence[float] = (0.5,), temperature: float = 300.0,
    resistance: ArrayLike = 1.0, nominal_resistance: float = 1.0, resistance_coefficient: float = 0.0, shots: int | None = None, seed: int = 0,
) -> Trim:  # fmt: skip
    """Calibrate every device of a population: find its code by successive approximation.

    From the highest bit down, a bit stays set where p at the code is not above the target; of the code found and its upper
    neighbour the one nearer to the target is kept. With ``shots`` every p is a share of that many independent SET trials, so
    the calibration itself errs; without, it is known exactly.

    Parameters
    ----------
    model : SwitchingModel
        The population: parameters are arrays of shape (n,) (:meth:`spinbnn.device.variation.Population.model`).
    nominal : SwitchingModel
        The nominal device.
    dac : TrimDac
        The DAC.
    pulse : float
        SET pulse width [s].
    points : sequence of float
        One or two probabilities at which each device is calibrated [1].
    temperature : float
        At which it is calibrated [K].
    resistance, nominal_resistance : array_like, float
        Of the tracks at this temperature; needed where levels are volts [ohm].
    resistance_coefficient : float
        Of the tracks, referred to this temperature [1/K].
    shots : int, optional
        SET trials at each of the ``bits + 2`` steps [1].
    seed : int
        Of the trials.

    Returns
    -------
    Trim

    Raises
    ------
    ParameterError
        If the points are not one or two probabilities, or a number is out of range.

    Notes
    -----
    The search presumes that p rises with the code: with a model whose p falls again at large currents it ends where the
    hardware's would. RESET is taken as complete and the read-out as right. On a characterised module the same is done over its
    table (:meth:`spinbnn.hardware.modules.ModuleTable.codes`), without shots.

    Examples
    --------
    >>> from spinbnn.device import DeviceParams, SwitchingModel
    >>> from dataclasses import replace
    >>> from spinbnn.device.trim import residual
    >>> nominal = SwitchingModel.from_params(DeviceParams.load("seed_eq23"))
    >>> devices = replace(nominal, critical_current=nominal.critical_current * np.linspace(0.9, 1.1, 101))
    >>> found = trim(devices, nominal, TrimDac.around(float(nominal.current_for(0.5, 10e-9)), 0.3, 6), pulse=10e-9)
    >>> round(residual(found.untrimmed(0.5), 0.5).sd, 2), round(residual(found.probability(0.5), 0.5).sd, 3)
    (0.31, 0.009)
    """
    wanted = tuple(sorted(float(p) for p in points))
    if len(wanted) not in (1, 2) or len(set(wanted)) != len(wanted) or not all(0 < p < 1 for p in wanted):
        raise ParameterError("a calibration has one or two different points in (0, 1)", where="trim, points", value=tuple(points), remedy="e.g. (0.5,) or (0.2, 0.8)")
    if shots is not None and (isinstance(shots, bool) or not isinstance(shots, int | np.integer) or shots < 1):
        raise ParameterError("shots are a whole number >= 1", where="trim, shots", value=shots, remedy="e.g. 1000, or None for p known exactly")
    if not pulse > 0:
        raise ParameterError("a pulse width must be > 0", where="trim, pulse", value=pulse, remedy="give seconds, e.g. 10e-9")
    tracks = np.asarray(resistance, dtype=float)
    if np.any(~(tracks > 0)) or not nominal_resistance > 0:
        raise ParameterError("a resistance must be > 0", where="trim, resistance", value=(tracks.tolist(), nominal_resistance), remedy="give ohms")
    load = tracks + dac.series_resistance if dac.unit == "V" else 1.0
    devices = np.broadcast_shapes(np.shape(model.probability(dac.low / load, pulse, temperature)), tracks.shape) or (1,)
    blank = Trim(
        model=model, nominal=nominal, dac=dac, pulse=pulse, points=wanted, codes=np.zeros((*devices, len(wanted)), dtype=np.int64),
        bracketed=np.zeros((*devices, len(wanted)), dtype=bool), temperature=float(temperature), shots=shots, resistance=tracks,
        nominal_resistance=float(nominal_resistance), resistance_coefficient=resistance_coefficient, seed=seed,
    )  # fmt: skip

    def exact(code: Codes) -> Array:
        return blank._probability(dac.level(code), blank.temperature)

    codes, bracketed = [], []
    for number, target in enumerate(wanted):
        codes.append(search(measured(exact, shots, seed, number), target, dac, devices))
        ends = [exact(np.full(devices, code)) for code in (0, dac.codes - 1)]
        bracketed.append((ends[0] <= target) & (target <= ends[1]))
    return replace(blank, codes=np.stack(codes, axis=-1), bracketed=np.stack(bracketed, axis=-1))


def bits_for(
    model: SwitchingModel, nominal: SwitchingModel, spread: float, *, pulse: float, span: float, target: float = 0.5, temperature: float = 300.0,
    shots: int | None = None, max_bits: int = 14, seed: int = 0,
) -> int:  # fmt: skip
    """Return the fewest bits with which the root mean square error of p is at most ``spread``.

    The DAC's levels are currents, centred on the nominal device's. The root mean square error is sd(p), but for a mean error
    that is small wherever the DAC covers the population.

    Parameters
    ----------
    model, nominal, pulse, temperature, shots, seed
        See :func:`trim`.
    spread : float
        Wanted error, absolute [1].
    span : float
        Range of the DAC over its centre, 0.3 for +-15 % [1].
    target : float
        Probability that is trimmed [1].
    max_bits : int
        Largest number tried [1].

    Raises
    ------
    ParameterError
        If no number of bits is enough: the range is too small, or the shots are too few. The message gives the best.
    """
    if not spread > 0:
        raise ParameterError("a spread must be > 0", where="bits_for, spread", value=spread, remedy="e.g. 0.03 for 3 points")
    centre, best = float(nominal.current_for(target, pulse, temperature)), math.inf
    for bits in range(1, max_bits + 1):
        found = trim(model, nominal, TrimDac.around(centre, span, bits), pulse=pulse, points=(target,), temperature=temperature, shots=shots, seed=seed)
        error = residual(found.probability(target), target).rms
        if error <= spread:
            return bits
        best = min(best, error)
    raise ParameterError(f"{max_bits} bits do not reach this spread: the best is {best:.3g}", where="bits_for, spread", value=spread, remedy="widen the span, or take more shots")


def _cloglog(p: float) -> float:
    return math.log(-math.log1p(-p))
