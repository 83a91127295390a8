"""The characterised dropout module: transition probabilities over SET amplitude, temperature and draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from ..errors import CoverageError, ParameterError, ProfileError, suggest

Floats = NDArray[np.float64]
CLAMP = 1e-12
ROUNDING = 1e-9
"""A temperature this close to a characterised one is it, by rounding [1]."""
TRIMS = ("none", "per_module")
OPTIONAL = ("energy", "latency", "read_ok")
AMPLITUDES = {"set_voltage": ("SET voltage", "V"), "set_current": ("SET current", "A"), "code": ("amplitude code", "1")}
"""What can set the SET amplitude, by the name of the table's axis: words and unit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModuleTable:
    r"""Transition probabilities of D characterised modules on a grid of T temperatures and V SET amplitudes.

    Parameters
    ----------
    amplitude : array (V,)
        Ascending, at least two; codes are whole numbers [V, A or 1].
    axis : {"set_voltage", "set_current", "code"}
        What the amplitude is: the rail of a voltage-mode driver, the reference current of a regulated one, or the code of a
        trimmed one.
    temperature : array (T,)
        Ascending [K].
    a, b : array (T, V, D)
        P(1|0) and P(1|1) of one cycle [].
    energy, latency : array (T, V, D), optional
        Of one cycle; NaN where it has none, as the latency of an undecided read [J, s].
    read_ok : array (T, V, D), optional
        1 where both states were read correctly, 0 where not; NaN counts as not [].

    Notes
    -----
    Between grid points the log hazard :math:`\ln(-\ln(1 - a))` is interpolated: linearly in temperature at
    each amplitude, then by a monotone cubic (PCHIP) in the amplitude; b likewise. Probabilities are clamped to
    [1e-12, 1 - 1e-12]. Thermally activated switching has a log hazard that is nearly linear in the current,
    so the interpolation is exact where the physics is. Nothing is extrapolated. Only whole codes are used: a table
    that holds each of them is not interpolated at all; between the codes of a coarser one the DAC's own steps are
    taken as even.

    Raises
    ------
    ProfileError
        If shapes do not agree, axes do not ascend, values are not probabilities, or a value is not finite.

    Examples
    --------
    >>> hazard = np.exp(np.linspace(-6, 2, 5))[None, :, None]
    >>> table = ModuleTable(amplitude=np.linspace(0.8, 1.2, 5), temperature=np.array([300.0]),
    ...                     a=-np.expm1(-hazard), b=-np.expm1(-hazard))
    >>> voltage = table.nominal_amplitude(0.5, 300.0)
    >>> round(voltage, 4), round(float(table.drop_probability([voltage], 300.0)[0, 0]), 9)
    (1.0817, 0.5)
    """

    amplitude: Floats
    temperature: Floats
    a: Floats
    b: Floats
    energy: Floats | None = None
    latency: Floats | None = None
    read_ok: Floats | None = None
    axis: str = "set_voltage"

    def __post_init__(self) -> None:
        if self.axis not in AMPLITUDES:
            raise ProfileError(
                "unknown kind of SET amplitude",
                where="module table, axis",
                value=self.axis,
                remedy=suggest(str(self.axis), AMPLITUDES),
            )
        for key in ("amplitude", "temperature", "a", "b", *OPTIONAL):
            if getattr(self, key) is not None:
                value = np.array(getattr(self, key), float)
                value.flags.writeable = False
                object.__setattr__(self, key, value)
                if key not in OPTIONAL and not np.all(np.isfinite(value)):
                    raise ProfileError(
                        f"{key} holds values that are not finite",
                        where="module table",
                        value=key,
                        remedy="leave failed draws out",
                    )
        shape = (self.temperature.size, self.amplitude.size, self.a.shape[-1] if self.a.ndim == 3 else 0)
        for key in ("a", "b", *OPTIONAL):
            value = getattr(self, key)
            if value is not None and (value.shape != shape or 0 in shape):
                raise ProfileError(
                    f"{key} does not cover temperature x amplitude x draw",
                    where="module table",
                    value=value.shape,
                    remedy=f"give an array of shape {shape} with at least one draw",
                )
        for key, least in (("amplitude", 2), ("temperature", 1)):
            axis = getattr(self, key)
            if axis.ndim != 1 or axis.size < least or np.any(np.diff(axis) <= 0):
                raise ProfileError(
                    f"the axis {key} must ascend and have at least {least} points",
                    where="module table",
                    value=axis.tolist(),
                    remedy="characterise more points",
                )
        if self.axis == "code" and np.any(self.amplitude != np.round(self.amplitude)):
            raise ProfileError(
                "codes are whole numbers",
                where="module table",
                value=self.amplitude.tolist(),
                remedy="give the codes of the DAC",
            )
        for key in ("a", "b"):
            if np.any((getattr(self, key) < 0) | (getattr(self, key) > 1)):
                raise ProfileError(
                    f"{key} holds values that are no probabilities",
                    where="module table",
                    value=key,
                    remedy="check the measure and its extraction",
                )
        if self.read_ok is not None and not np.all(np.isin(self.read_ok, (0, 1)) | np.isnan(self.read_ok)):
            raise ProfileError(
                "read_ok holds values other than 0 and 1",
                where="module table",
                value=self.read_ok[~np.isin(self.read_ok, (0, 1))][:5].tolist(),
                remedy="check the measure and its extraction",
            )

    @property
    def draws(self) -> int:
        """Characterised modules, D []."""
        return int(self.a.shape[-1])

    def at_temperature(self, values: Floats, temperature: float) -> Floats:
        """Return values (T, V, D) interpolated linearly to one temperature, shape (V, D).

        Raises
        ------
        CoverageError
            Outside the characterised temperatures.
        """
        axis = self.temperature
        nearest = float(axis[np.abs(axis - temperature).argmin()])
        if abs(nearest - temperature) <= ROUNDING * nearest:  # -40 + 273.15 is 233.14999999999998
            temperature = nearest
        if not axis[0] <= temperature <= axis[-1]:
            raise CoverageError(
                "temperature outside the characterised range",
                where="hardware profile, temperature [K]",
                value=temperature,
                remedy=f"use {axis[0]:g} to {axis[-1]:g} K, or characterise this temperature",
            )
        exact = np.flatnonzero(axis == temperature)
        if exact.size:
            measured: Floats = values[exact[0]]
            return measured
        upper = int(np.searchsorted(axis, temperature))
        share = (temperature - axis[upper - 1]) / (axis[upper] - axis[upper - 1])
        between: Floats = (1 - share) * values[upper - 1] + share * values[upper]
        return between

    @property
    def default_step(self) -> float:
        """Step of the SET DAC unless told otherwise: 10 mV, 1 uA, or one code [V, A or 1]."""
        return {"set_voltage": 0.01, "set_current": 1e-6, "code": 1.0}[self.axis]

    def transition(self, amplitude: ArrayLike, temperature: float) -> tuple[Floats, Floats]:
        """Return a and b of every draw at K amplitudes, shapes (K, D).

        Parameters
        ----------
        amplitude : array (K,)
            SET amplitudes [V, A or 1].
        temperature : float
            Temperature [K].

        Raises
        ------
        CoverageError
            Outside the characterised amplitudes or temperatures.
        """
        points = np.atleast_1d(np.asarray(amplitude, float))
        low, high = self.amplitude[0], self.amplitude[-1]
        if points.size and (points.min() < low or points.max() > high):
            what, unit = AMPLITUDES[self.axis]
            raise CoverageError(
                f"{what} outside the characterised range",
                where=f"hardware profile, {self.axis} [{unit}]",
                value=points.tolist(),
                remedy=f"use {low:g} to {high:g} {unit}, or characterise this {what}",
            )
        a, b = (
            _probability(
                PchipInterpolator(self.amplitude, self.at_temperature(_log_hazard(grid), temperature))(
                    points
                )
            )
            for grid in (self.a, self.b)
        )
        return a, b

    def drop_probability(self, amplitude: ArrayLike, temperature: float) -> Floats:
        """Return ``a / (1 - b + a)`` of every draw used on its own, shape (K, D) []."""
        a, b = self.transition(amplitude, temperature)
        p: Floats = a / (1 - b + a)
        return p

    def nominal_amplitude(self, target: float, temperature: float) -> float:
        """Return the lowest SET amplitude at which the median draw has the target drop probability.

        Of codes it is the whole one beside it whose median is nearer; of two equally near, the lower.

        Parameters
        ----------
        target : float
            Drop probability [].
        temperature : float
            Temperature [K].

        Raises
        ------
        CoverageError
            If the median does not reach the target within the characterised amplitudes.
        """
        exact = self._median_crossing(target, temperature)
        if self.axis != "code":
            return exact
        beside = np.array([np.floor(exact), np.ceil(exact)])
        misses = np.abs(np.median(self.drop_probability(beside, temperature), axis=1) - target)
        return float(beside[int(np.argmin(misses))])

    def _median_crossing(self, target: float, temperature: float) -> float:
        grid = np.unique(
            np.concatenate([np.linspace(self.amplitude[0], self.amplitude[-1], 101), self.amplitude])
        )
        excess = np.median(self.drop_probability(grid, temperature), axis=1) - target
        hits = np.flatnonzero((excess[:-1] * excess[1:] < 0) | (excess[:-1] == 0))
        if hits.size == 0:
            if excess[-1] == 0:
                return float(grid[-1])
            spans = f"it spans {target + excess.min():.4g} to {target + excess.max():.4g}"
            raise CoverageError(
                "the median module does not reach the drop probability",
                where=f"hardware profile at {temperature:g} K",
                value=target,
                remedy=f"{spans} from {grid[0]:g} to {grid[-1]:g} {AMPLITUDES[self.axis][1]}; choose p within, or characterise more",
            )
        left, right = grid[hits[0]], grid[hits[0] + 1]
        if excess[hits[0]] == 0:
            return float(left)
        return float(
            brentq(
                lambda v: float(np.median(self.drop_probability([v], temperature))) - target,
                left,
                right,
                xtol=1e-12,
            )
        )

    def codes(self, targets: ArrayLike, temperature: float, trim: str, dac_step: float) -> Floats:
        """Return the SET amplitude that each draw uses for each target, shape (D, L) [V, A or 1].

        Parameters
        ----------
        targets : array (L,)
            Drop probability of each layer [].
        temperature : float
            At which the codes are chosen [K].
        trim : {"none", "per_module"}
            ``"none"``: the nominal amplitude for every draw. ``"per_module"``: for each draw the step of the DAC
            (multiples of ``dac_step`` from the lowest characterised amplitude; of codes every whole one in the
            characterised range) whose drop probability is nearest.
        dac_step : float
            Step of the DAC; of codes it is 1 [V, A or 1].
        """
        wanted = np.atleast_1d(np.asarray(targets, float))
        if trim not in TRIMS:
            raise ParameterError(
                "unknown kind of trim",
                where="hardware profile, trim",
                value=trim,
                remedy=suggest(str(trim), TRIMS),
            )
        if trim == "none":
            nominal = {p: self.nominal_amplitude(p, temperature) for p in dict.fromkeys(wanted.tolist())}
            return np.broadcast_to([nominal[p] for p in wanted.tolist()], (self.draws, wanted.size)).copy()
        low, high = self.amplitude[0], self.amplitude[-1]
        grid = np.minimum(low + dac_step * np.arange(int(np.floor((high - low) / dac_step + 1e-9)) + 1), high)
        p = self.drop_probability(grid, temperature)
        from ..device.trim import nearest_codes  # the device and its fits take a second to load

        chosen: Floats = grid[nearest_codes(p, wanted)]
        return chosen

    def transition_of_codes(self, codes: Floats, temperature: float) -> tuple[Floats, Floats]:
        """Return a and b of each draw at its own codes, shapes (D, L).

        Parameters
        ----------
        codes : array (D, L)
            From :meth:`codes` [V, A or 1].
        temperature : float
            Temperature [K].
        """
        points, which = np.unique(codes, return_inverse=True)
        a, b = self.transition(points, temperature)
        which = which.reshape(codes.shape)
        draws = np.arange(self.draws)[:, None]
        return a[which, draws], b[which, draws]

    def mean_over_draws(self, quantity: str, codes: Floats, temperature: float) -> float | None:
        """Return the mean energy [J] or latency [s] of a cycle at the codes (D, L), or None.

        Linear in amplitude and temperature between grid points. None if it was not measured, or is NaN for any
        draw at its codes: a mean over the others would be too good.
        """
        values = getattr(self, quantity)
        if values is None:
            return None
        grid = self.at_temperature(values, temperature)
        mean = float(np.mean([np.interp(codes[d], self.amplitude, grid[:, d]) for d in range(self.draws)]))
        return mean if np.isfinite(mean) else None

    def readable(self, codes: Floats, temperature: float) -> NDArray[np.bool_] | None:
        """Return whether each draw reads both states at its codes, shape (D, L), or None if not measured.

        A read is right or wrong and is not interpolated: the verdict is that of the characterised temperature
        and SET amplitude nearest to the wanted ones (of two equally near, the lower).

        Parameters
        ----------
        codes : array (D, L)
            From :meth:`codes` [V, A or 1].
        temperature : float
            Temperature [K].

        Examples
        --------
        >>> half = np.full((1, 2, 2), 0.5)
        >>> table = ModuleTable(amplitude=[0.9, 1.0], temperature=[300.0], a=half, b=half,
        ...                     read_ok=[[[1, 1], [1, 0]]])
        >>> table.readable(np.array([[0.96], [0.96]]), 310.0).tolist()
        [[True], [False]]
        """
        if self.read_ok is None:
            return None
        right = self.read_ok[int(np.argmin(np.abs(self.temperature - temperature)))] == 1
        column = np.argmin(np.abs(np.asarray(codes, float)[..., None] - self.amplitude), axis=-1)
        found: NDArray[np.bool_] = right[column, np.arange(self.draws)[:, None]]
        return found


def _log_hazard(p: Floats) -> Floats:
    """Return ln(-ln(1 - p)), p clamped."""
    hazard: Floats = np.log(-np.log1p(-np.clip(p, CLAMP, 1 - CLAMP)))
    return hazard


def _probability(log_hazard: Floats) -> Floats:
    p: Floats = np.clip(-np.expm1(-np.exp(log_hazard)), CLAMP, 1 - CLAMP)
    return p
