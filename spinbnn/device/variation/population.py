"""Process variation: populations of devices drawn from the spreads of a device file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from ...errors import ParameterError, suggest
from ...rng import stream
from ..fields import FIELDS
from ..parameters import SCOPES, DeviceParams, Quantity
from .physical import DRIVERS, check_drivers, followers, ratios
from .points import Method, check_method, lognormal_factor, normal_points

Array = NDArray[np.float64]
Spreads = Literal["all", "derived", "physical"]
LOGIT = ("switching.saturation",)
"""Fields bounded above by 1; they take no spread here."""
SPREADS = ("all", "derived", "physical")
TRUNCATION = 3.0
"""Standard deviations of the normal law beyond which a truncated spread is cut off."""
TRUNCATED_SD = math.sqrt(1.0 - 2.0 * TRUNCATION * float(norm.pdf(TRUNCATION)) / (2.0 * float(norm.cdf(TRUNCATION)) - 1.0))
"""Standard deviation of a standard normal law cut off there: 0.9866."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariationModel:
    r"""Spread of device parameters, within a die (local) and between dies (global); what follows physically, follows.

    .. math:: v = v_0\, f_g(z_g)\, f_l(z_l), \qquad f(z) = e^{\sigma z},\ \sigma = \sqrt{\ln(1 + c_v^2)}

    for ``distribution = "lognormal"`` (the nominal value is the median), and ``f(z) = 1 + c_v t(z)`` for ``"truncated"``,
    with t normal, cut off at :data:`TRUNCATION` standard deviations and scaled to a standard deviation of 1, so that
    ``sigma`` is what is drawn. Deviates z are normal and correlated by the file's correlations, of each scope on its own (a
    Gaussian copula). A die shares one global draw of each parameter.

    **Fields that follow.** Delta, Ic0, the resistances and the junction's capacitance follow a varied geometry or material
    (:func:`~spinbnn.device.variation.physical.ratios`). The nominal values of the file stay, since they may be measured: a
    draw multiplies them by physics(draw)/physics(nominal). A field that has a spread of its own and also follows a varied
    one would vary twice: that is an error, unless ``spreads`` chooses one of the two.

    Attributes
    ----------
    params : DeviceParams
        Nominal values and relative spreads.
    keys, global_keys : tuple of str
        Fields that are drawn, within a die and between dies.
    root, global_root : tuple of tuple of float
        Lower Cholesky factors of their correlation matrices.
    nucleation_diameter : float or None
        Diameter above which Delta no longer grows with the area [m].

    Notes
    -----
    The global draws have a stream for each die and field. The local ones are points of one set, a dimension for each varied
    field in the order of :attr:`keys`: giving one more field a spread draws the others anew. The name of the device has no
    part in either.

    Examples
    --------
    >>> from spinbnn.device import DeviceParams, VariationModel
    >>> draws = VariationModel.from_params(DeviceParams.load("seed_eq23")).sample(256, seed=1)
    >>> sorted(draws) == sorted(DeviceParams.load("seed_eq23").quantities), draws["thermal.delta"].shape
    (True, (256,))
    """

    params: DeviceParams
    keys: tuple[str, ...]
    root: tuple[tuple[float, ...], ...]
    global_keys: tuple[str, ...] = ()
    global_root: tuple[tuple[float, ...], ...] = ()
    nucleation_diameter: float | None = None

    @classmethod
    def from_params(cls, params: DeviceParams, *, spreads: Spreads = "all", nucleation_diameter: float | None = None) -> VariationModel:
        """Build from the spreads and correlations of a device file.

        Parameters
        ----------
        params : DeviceParams
            Device file.
        spreads : {"all", "derived", "physical"}
            Where a field has a spread of its own and also follows varied ones: ``"all"`` refuses, ``"derived"`` keeps its own
            and leaves the ones that it follows at their nominal values, ``"physical"`` leaves its own out.
        nucleation_diameter : float, optional
            See :func:`~spinbnn.device.variation.physical.ratios` [m].

        Raises
        ------
        ParameterError
            If a field would vary twice, a spread has no effect or is too wide to be truncated, a field of the free layer is
            missing, or the correlations contradict each other (matrix not positive definite).
        """
        if spreads not in SPREADS:
            raise ParameterError("unknown choice of spreads", where="VariationModel, spreads", value=spreads, remedy=suggest(str(spreads), SPREADS))
        if nucleation_diameter is not None and not nucleation_diameter > 0:
            raise ParameterError("a nucleation diameter must be > 0", where="VariationModel, nucleation_diameter", value=nucleation_diameter, remedy="e.g. 45e-9, or None")
        where = params.origin or params.name
        drawn = {scope: _drawn(params, spread, spreads, where) for scope in ("local", "global") for spread in SCOPES[scope]}
        for key in {*drawn["local"], *drawn["global"]}:
            _check_spread(params[key], where)
        check_drivers({*drawn["local"], *drawn["global"]}, params.values(), where)
        return cls(
            params=params, keys=drawn["local"], root=_root(params, drawn["local"], "local"),
            global_keys=drawn["global"], global_root=_root(params, drawn["global"], "global"), nucleation_diameter=nucleation_diameter,
        )  # fmt: skip

    @property
    def varied(self) -> tuple[str, ...]:
        """Fields that are drawn, within a die or between dies."""
        return tuple(dict.fromkeys((*self.keys, *self.global_keys)))

    @property
    def following(self) -> tuple[str, ...]:
        """Fields that follow a drawn one."""
        return followers(self.varied, self.params.quantities)

    def sample(self, n: int, seed: int = 0, method: Method = "sobol", *, local: bool = True, die: int | None = None) -> dict[str, Array]:
        """Draw ``n`` devices.

        Parameters
        ----------
        n : int
            Number of devices [1].
        seed : int
            Seed; the first k of n draws equal the draws of ``sample(k)``, but for ``"lhs"``.
        method : {"sobol", "lhs", "random"}
            Scrambled Sobol points, a Latin hypercube (stratified for just this n), or independent draws.
        local : bool
            Whether the within-die spread is on.
        die : int or None
            Number of the die whose global draw all devices share, >= 0; None switches the global spread off. The local
            draws are the same for every die: :meth:`sample_wafer` draws them anew.

        Returns
        -------
        dict of str to ndarray, shape (n,)
            Every parameter of the device in SI units, the varied, the following and the constant ones.

        Raises
        ------
        ParameterError
            If n is not positive, the method is unknown, the die is no whole number, or a draw is out of a field's range.
        """
        _check_count("sample, n", n, "device")
        if die is not None:
            _check_die(die)
        out = {key: np.full(n, q.value) for key, q in self.params.quantities.items()}
        if local and self.keys:
            for key, factor in self._local(n, seed, method, "local").items():
                out[key] = out[key] * factor
        else:
            check_method(method)
        if die is not None:
            for key, shift in self._global(seed, int(die)).items():
                out[key] = out[key] * shift
        return self._followed(out)

    def sample_wafer(self, dies: int, per_die: int, seed: int = 0, method: Method = "random") -> dict[str, Array]:
        """Draw ``per_die`` devices on each of ``dies`` dies.

        The shift of die k is that of ``sample(..., die=k)``; the local draws of a die are its own. Neither depends on the
        number of dies. Sobol points are put into a random order: unshuffled, point i of one die resembles point i of another,
        since their scrambling leaves the leading digits alternating alike.

        Parameters
        ----------
        dies, per_die : int
            Numbers of dies, and of devices on each [1].
        seed : int
            Seed.
        method : {"sobol", "lhs", "random"}
            Of the local draws of a die; shifts of dies are independent draws. ``"sobol"`` and ``"lhs"`` cover each die
            evenly: the averages of dies then differ by their shifts alone, and not by the chance of few devices as well.

        Returns
        -------
        dict of str to ndarray, shape (dies, per_die)
            Every parameter in SI units.

        Raises
        ------
        ParameterError
            As :meth:`sample`.

        Examples
        --------
        >>> from spinbnn.device import DeviceParams
        >>> wafer = VariationModel.from_params(DeviceParams.load("seed_eq23")).sample_wafer(3, 16, seed=1)
        >>> wafer["thermal.delta"].shape
        (3, 16)
        """
        _check_count("sample_wafer, dies", dies, "die")
        _check_count("sample_wafer, per_die", per_die, "device")
        check_method(method)
        out = {key: np.full((dies, per_die), q.value) for key, q in self.params.quantities.items()}
        for die in range(dies):
            order = stream(seed, "wafer-order", die).permutation(per_die) if method == "sobol" else slice(None)
            for key, factor in (self._local(per_die, seed, method, "wafer", die) if self.keys else {}).items():
                out[key][die] *= factor[order]
            for key, shift in self._global(seed, die).items():
                out[key][die] *= shift
        return self._followed(out)

    def _local(self, n: int, seed: int, method: str, *names: str | int) -> dict[str, Array]:
        """Return the factor of every locally drawn field, shape (n,)."""
        z = normal_points(n, len(self.keys), seed, names, method) @ np.asarray(self.root).T
        quantities = self.params.quantities
        return {key: _factor(quantities[key], quantities[key].sigma, z[:, column]) for column, key in enumerate(self.keys)}

    def _global(self, seed: int, die: int) -> dict[str, float]:
        """Return the factor of every globally drawn field of one die."""
        if not self.global_keys:
            return {}
        z = np.asarray(self.global_root) @ np.array([stream(seed, "global", die, key).standard_normal() for key in self.global_keys])
        quantities = self.params.quantities
        return {key: float(_factor(quantities[key], quantities[key].sigma_global, z[row])) for row, key in enumerate(self.global_keys)}

    def _followed(self, out: dict[str, Array]) -> dict[str, Array]:
        """Let the fields that follow, follow, and check every range."""
        nominal = self.params.values()
        where = self.params.origin or self.params.name
        for key, ratio in ratios(out, nominal, self.varied, nucleation_diameter=self.nucleation_diameter, where=where).items():
            out[key] = out[key] * ratio
        for key in (*self.varied, *self.following):
            spec, values = FIELDS[key], out[key]
            bad = ~((values >= spec.lower) & (values <= spec.upper))
            if np.any(bad):
                raise ParameterError(
                    f"{int(bad.sum())} of {bad.size} draws of {key} are outside [{spec.lower:g}, {spec.upper:g}] {spec.unit}", where=f"{where}, key {key!r}",
                    value=float(values[bad][0]), remedy='reduce the spreads, or cut them off with distribution = "truncated"',
                )  # fmt: skip
        return out


def _drawn(params: DeviceParams, spread: str, spreads: str, where: str) -> tuple[str, ...]:
    """Return the fields with this spread, once what would vary twice is decided."""
    keys = [key for key, q in params.quantities.items() if getattr(q, spread) > 0]
    twice = [key for key in followers(keys, params.quantities) if key in keys]
    if twice and spreads == "all":
        cause = next(key for key in DRIVERS[twice[0]] if key in keys)
        raise ParameterError(
            f"{twice[0]} has a {spread} of its own and follows that of {cause}: it would vary twice", where=where, value=twice,
            remedy='remove one of the two, or choose with spreads="derived" or spreads="physical"',
        )  # fmt: skip
    left_out = twice if spreads == "physical" else [driver for key in twice for driver in DRIVERS[key]]
    return tuple(key for key in keys if key not in left_out)


def _root(params: DeviceParams, keys: Sequence[str], scope: str) -> tuple[tuple[float, ...], ...]:
    """Return the Cholesky factor of the correlations of one scope."""
    matrix = np.eye(len(keys))
    for c in params.correlations:
        if c.scope in (scope, "both") and c.first in keys and c.second in keys:
            i, j = keys.index(c.first), keys.index(c.second)
            matrix[i, j] = matrix[j, i] = c.value
    try:
        root = np.linalg.cholesky(matrix) if keys else matrix
    except np.linalg.LinAlgError:
        raise ParameterError(f"the {scope} correlations contradict each other", where=params.origin, value=matrix.tolist(), remedy="make the matrix positive definite") from None
    return tuple(tuple(float(v) for v in row) for row in root)


def _check_spread(quantity: Quantity, where: str) -> None:
    if quantity.key in LOGIT:
        raise ParameterError("this field is bounded by 1 and takes no spread", where=where, value=quantity.key, remedy="remove its sigma")
    widest = TRUNCATED_SD / TRUNCATION
    if quantity.distribution == "truncated" and max(quantity.sigma, quantity.sigma_global) >= widest:
        raise ParameterError(f"a truncated spread must stay below {100 * widest:.3g} %: it would reach zero", where=f"{where}, key {quantity.key!r}", value=max(quantity.sigma, quantity.sigma_global), remedy='use distribution = "lognormal"')


def _check_count(where: str, count: int, what: str) -> None:
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise ParameterError(f"at least one {what} is needed, a whole number", where=where, value=count, remedy="use 1 or more")


def _check_die(die: int) -> None:
    if isinstance(die, bool) or not isinstance(die, int | np.integer) or die < 0:
        raise ParameterError("a die is a whole number >= 0", where="sample, die", value=die, remedy="use die=0, or die=None for no spread between dies")


def _factor(quantity: Quantity, cv: float, z: Array) -> Array:
    """Return what a deviate z makes of the nominal value, over it."""
    if quantity.distribution == "truncated":
        low = float(norm.cdf(-TRUNCATION))
        return np.asarray(1.0 + cv * norm.ppf(low + norm.cdf(z) * (1.0 - 2.0 * low)) / TRUNCATED_SD)
    return lognormal_factor(cv, z)


def with_spreads(params: DeviceParams, spreads: Mapping[str, float], *, keep: bool = True) -> DeviceParams:
    """Return a copy of a device with other local spreads.

    Parameters
    ----------
    params : DeviceParams
        Device file.
    spreads : mapping of str to float
        Relative standard deviations by field, in [0, 1) [1].
    keep : bool
        Whether the other spreads, local and global, stay.

    Returns
    -------
    DeviceParams
        Correlations of fields that have lost their spread are left out.

    Raises
    ------
    ParameterError
        If the file does not give a field, or a spread is out of range.

    Examples
    --------
    >>> from spinbnn.device import DeviceParams
    >>> one = with_spreads(DeviceParams.load("seed_eq23"), {"spin_hall.critical_current": 0.05}, keep=False)
    >>> VariationModel.from_params(one).keys
    ('spin_hall.critical_current',)
    """
    for key, value in spreads.items():
        if not 0 <= value < 1:
            raise ParameterError("a relative spread must lie in [0, 1)", where=f"with_spreads, {key}", value=value, remedy="0.05 is 5 %")
        _ = params[key]  # an unknown field raises here
    changed = {key: q if keep else replace(q, sigma=0.0, sigma_global=0.0) for key, q in params.quantities.items()}
    changed |= {key: replace(changed[key], sigma=float(value)) for key, value in spreads.items()}
    kept = tuple(c for c in params.correlations if all(getattr(changed[key], spread) > 0 for key in (c.first, c.second) for spread in SCOPES[c.scope]))
    return replace(params, quantities=changed, correlations=kept)
