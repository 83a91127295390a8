"""A population of devices from their counts: means and spreads without the shot noise of the measurement."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from ...errors import ParameterError, SpinbnnError
from ...tables import Table
from .bias import first_order_bias
from .data import SwitchingData
from .fit import fit_data
from .laws import Array
from .reml import Reml
from .result import SwitchingFit

FEWEST = 3
"""Fewest devices for a spread."""
ROUNDS = 3
"""How often the noise of each device is taken again at its shrunken estimate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationFit:
    """Means and spreads of a population; made by :func:`fit_population`.

    Attributes
    ----------
    names : tuple of str
        ``("critical_current", "delta")`` with a declared tau0, ``("i50", "slope")`` without.
    median : dict of str to float
        Exponential of the mean logarithm over the devices.
    spread : dict of str to float
        Standard deviation of the logarithm over the devices, restricted maximum likelihood [1].
    correlation : float
        Of the two logarithms [1].
    covariance : ndarray, shape (2, 2)
        The same as a matrix.
    naive, moments : tuple of float
        Standard deviations of the fitted logarithms as they are, and after the mean noise was subtracted (moment estimate) [1].
    naive_correlation : float
        Of the fitted logarithms [1].
    values : ndarray, shape (D, 2)
        Fitted logarithms, their bias taken off.
    noise : ndarray, shape (D, 2, 2)
        Covariance of each by the counts: inverse Fisher information at the device's shrunken estimate.
    shrunken : ndarray, shape (D, 2)
        Best linear predictions of the devices' true logarithms.
    fits : tuple of SwitchingFit
        One a device.
    failed : dict of str to str
        Devices that could not be fitted and are left out, and why.
    """

    names: tuple[str, str]
    median: dict[str, float]
    spread: dict[str, float]
    correlation: float
    covariance: Array
    naive: tuple[float, float]
    moments: tuple[float, float]
    naive_correlation: float
    values: Array = field(repr=False)
    noise: Array = field(repr=False)
    shrunken: Array = field(repr=False)
    fits: tuple[SwitchingFit, ...] = field(repr=False)
    failed: dict[str, str]
    reml: Reml = field(repr=False)

    @property
    def devices(self) -> int:
        """Number of fitted devices."""
        return len(self.fits)

    @property
    def direction(self) -> str:
        """Direction of switching that the data name, or nothing."""
        return self.fits[0].data.direction

    @property
    def note(self) -> str:
        """What was done, and which devices are missing."""
        text = (
            f"Spreads by restricted maximum likelihood over {self.devices} devices, profile intervals; the noise of the counts of each device is in the model. "
            "Naive: standard deviation of the fitted values, which holds that noise too."
        )  # fmt: skip
        rejected = sum(fit.rejected for fit in self.fits)
        if rejected:
            text += f" Warning: {rejected} of {self.devices} fits are rejected by their data."
        warnings = dict.fromkeys(note for fit in self.fits for note in fit.data.notes() if note.startswith("Warning"))
        text += "".join(f" {note}" for note in warnings)
        if self.failed:
            text += f" Warning: left out, could not be fitted: {', '.join(self.failed)}; the spread may be biased by that."
        return text

    def interval(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """Return an interval.

        Parameters
        ----------
        name : str
            ``"median <quantity>"``, ``"sigma <quantity>"`` (of the logarithm) or ``"correlation"``.
        level : float
            Coverage [1].

        Returns
        -------
        tuple of float
            A spread that may be 0 begins there, a correlation without end is -1 or 1.

        Raises
        ------
        ParameterError
            If there is no such quantity.
        """
        kind, _, which = name.partition(" ")
        if name == "correlation":
            return self.reml.profile(2, level)
        if which not in self.names or kind not in ("median", "sigma"):
            known = [f"{k} {n}" for k in ("median", "sigma") for n in self.names]
            raise ParameterError("no such quantity", where="PopulationFit.interval", value=name, remedy=f"one of {', '.join([*known, 'correlation'])}")
        at = self.names.index(which)
        if kind == "sigma":
            return self.reml.profile(at, level)
        error = float(np.sqrt(self.reml.mean_covariance(self.covariance)[at, at]))
        half = float(special.stdtrit(self.devices - 1, 0.5 + 0.5 * level)) * error
        return self.median[which] * math.exp(-half), self.median[which] * math.exp(half)

    def report(self) -> Table:
        """Return means and spreads, naive and corrected, as a table."""
        from .report import population_table

        return population_table(self)

    def _repr_html_(self) -> str:
        return self.report().to_html()


def fit_population(datasets: Sequence[SwitchingData], *, tau0: float | None = None, **options: Any) -> PopulationFit:
    r"""Fit each device, then the population, with the noise of the counts taken out.

    .. math:: y_d \sim \mathcal N(\mu, \Sigma + C_d), \qquad y_d = (\ln I_{c0}, \ln\Delta)_d

    with ``C_d`` the inverse Fisher information of device ``d``. ``Sigma`` is estimated by restricted maximum likelihood, and by
    moments: the sample covariance less the mean ``C_d``, projected onto the positive semidefinite matrices (a multivariate
    DerSimonian-Laird estimate with equal weights). ``C_d`` is taken at the shrunken estimate of the device, not at its own maximum,
    where a device that looks steep by chance would look precise as well; the first-order bias of the fit (Cox and Snell; some 1 %
    of delta at 50 pulses and nine currents) is taken off there.

    Parameters
    ----------
    datasets : sequence of SwitchingData
        One a device, all in one direction.
    tau0 : float, optional
        Declared attempt time; None gives the spread of i50 and slope instead [s].
    **options
        As for :func:`fit_switching` (model, temperatures, noise); no free shapes (lapse, two_rate).

    Returns
    -------
    PopulationFit

    Raises
    ------
    ParameterError
        If the data name several directions, or fewer than three devices can be fitted.

    Notes
    -----
    The likelihood of a device is taken as Gaussian around its maximum: good from some 200 pulses in the rising part on.

    Examples
    --------
    >>> import numpy as np
    >>> from spinbnn import rng
    >>> from spinbnn.device import ThermalSwitching
    >>> current, data = np.linspace(185e-6, 225e-6, 9), []
    >>> for d in range(12):
    ...     draw = rng.stream(1, "device", d)
    ...     truth = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6 * np.exp(0.02 * draw.standard_normal()))
    ...     data.append(SwitchingData.of(current, 10e-9, 50, draw.binomial(50, truth.probability(current, 10e-9))))
    >>> fit = fit_population(data, tau0=1e-9)
    >>> fit.spread["critical_current"] < fit.naive[0], fit.devices
    (True, 12)
    """
    if options.get("lapse") or options.get("model", "exact") in ("two_rate", "two_rate_field", "logistic", "printed"):
        raise ParameterError("a population is fitted with the laws 'exact' and 'seed' without lapses", where="fit_population", value=options, remedy="leave out model and lapse")
    directions = sorted({data.direction for data in datasets})
    if len(directions) > 1:
        raise ParameterError("a population has one direction of switching: each device would count several times", where="fit_population", value=directions, remedy="fit each direction on its own")
    fits, failed = [], {}
    for number, data in enumerate(datasets):
        try:
            fits.append(fit_data(data, tau0=tau0, **options))
        except SpinbnnError as error:
            failed[data.label or f"device {number}"] = error.what
    if len(fits) < FEWEST:
        raise ParameterError("too few devices for a spread", where="fit_population", value=failed or len(fits), remedy=f"at least {FEWEST} that can be fitted")
    names = ("critical_current", "delta") if tau0 is not None else ("i50", "slope")
    values = np.array([[math.log(fit.estimates[name]) for name in names] for fit in fits])
    noise = np.array([_noise(fit, names, fit.optimum.u) for fit in fits])
    sample = np.cov(values.T)
    moments = nearest_covariance(sample - noise.mean(axis=0))
    reml = Reml(values, noise)
    for _ in range(ROUNDS):
        shrunken = reml.predict(reml.estimate(moments))
        points = [_coordinates(fit, names, at) for fit, at in zip(fits, shrunken, strict=True)]
        noise = np.array([_noise(fit, names, u) for fit, u in zip(fits, points, strict=True)])
        bias = np.array([_bias(fit, names, u) for fit, u in zip(fits, points, strict=True)])
        moments = nearest_covariance(np.cov((values - bias).T) - noise.mean(axis=0))
        reml = Reml(values - bias, noise)
    covariance = reml.estimate(moments)
    mean = reml.mean(covariance)
    spread = np.sqrt(np.diag(covariance))
    return PopulationFit(
        names=names, median={n: math.exp(m) for n, m in zip(names, mean.tolist(), strict=True)}, spread=dict(zip(names, spread.tolist(), strict=True)),
        correlation=_correlation(covariance), covariance=covariance, naive=_deviations(sample), moments=_deviations(moments),
        naive_correlation=_correlation(sample), values=reml.values, noise=noise, shrunken=reml.predict(covariance), fits=tuple(fits), failed=failed, reml=reml,
    )  # fmt: skip


def _coordinates(fit: SwitchingFit, names: tuple[str, str], at: Array) -> Array:
    """Return the coordinates of a fit with ``names`` at other values."""
    u = fit.optimum.u.copy()  # (ln delta, ln Ic0), or (ln i50, ln slope, ln tau0)
    u[:2] = at[::-1] if names[0] == "critical_current" else at
    return np.clip(u, fit.problem.lower, fit.problem.upper)


def _noise(fit: SwitchingFit, names: tuple[str, str], u: Array) -> Array:
    """Return the covariance of the logarithms of ``names`` by the counts; with a tau0 that the data identify, its error is in it."""
    keep = 3 if fit.problem.free_tau0 and fit.identifiable["tau0"] else 2
    inverse = np.linalg.inv(fit.problem.evaluate(u).information[:keep, :keep])[:2, :2]
    return np.asarray(inverse[::-1, ::-1] if names[0] == "critical_current" else inverse)


def _bias(fit: SwitchingFit, names: tuple[str, str], u: Array) -> Array:
    bias = first_order_bias(fit.problem, u)
    return bias[::-1] if names[0] == "critical_current" else bias


def nearest_covariance(matrix: Array) -> Array:
    """Return the nearest positive semidefinite matrix: negative eigenvalues become 0.

    Examples
    --------
    >>> nearest_covariance(np.array([[1.0, 0.0], [0.0, -0.5]])).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)


def _deviations(matrix: Array) -> tuple[float, float]:
    return float(math.sqrt(matrix[0, 0])), float(math.sqrt(matrix[1, 1]))


def _correlation(matrix: Array) -> float:
    scale = math.sqrt(matrix[0, 0] * matrix[1, 1])
    return float(matrix[0, 1] / scale) if scale > 0 else math.nan
