"""The modules that chips are drawn from: characterised ones, or the Gaussian of the publication."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CoverageError
from .chip import stationary
from .modules import ModuleTable

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Temperatures at which a chip runs and was trimmed, and how; None is the profile's own [K]."""

    temperature: float | None = None
    trim_temperature: float | None = None
    trim: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What the draw of a chip gives: a, b and, of characterised modules, codes, each of shape (L,)."""

    a: Floats
    b: Floats
    codes: Floats | None = None
    temperature: float | None = None
    trim_temperature: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CharacterisedModules:
    """D characterised draws; a physical module is one of them, at random with replacement.

    Parameters
    ----------
    module : ModuleTable
        The draws.
    targets : tuple of float
        Target drop probability of each layer [].
    modules : {"shared", "per_layer"}
        One module for all layers, or one each.
    trim : {"none", "per_module"}
        How codes are chosen unless told otherwise.
    dac_step : float
        Step of the SET DAC [V, A or 1].
    temperature : float
        At which chips run and are trimmed unless told otherwise [K].

    Examples
    --------
    >>> half = np.full((1, 2, 3), 0.5)
    >>> table = ModuleTable(amplitude=[0.9, 1.0], temperature=[300.0], a=half, b=half)
    >>> modules = CharacterisedModules(module=table, targets=(0.5,), modules="shared", trim="none", dac_step=0.01, temperature=300.0)
    >>> modules.at(Conditions())[3].tolist()
    [[0.5], [0.5], [0.5]]
    """

    module: ModuleTable
    targets: tuple[float, ...]
    modules: str
    trim: str
    dac_step: float
    temperature: float
    _cache: dict[Any, Any] = field(default_factory=dict, repr=False, init=False)

    def at(self, conditions: Conditions) -> tuple[Floats, Floats, Floats, Floats]:
        """Return codes, a, b and long-run drop probability of every draw and layer, each (D, L); kept.

        Raises
        ------
        CoverageError
            Outside the characterised temperatures, or if a target is not reached.
        """
        run, chosen = self._temperatures(conditions)
        trim = self.trim if conditions.trim is None else conditions.trim
        if ("codes", chosen, trim) not in self._cache:
            self._cache["codes", chosen, trim] = self.module.codes(self.targets, chosen, trim, self.dac_step)
        codes: Floats = self._cache["codes", chosen, trim]
        if (run, chosen, trim) not in self._cache:
            a, b = self.module.transition_of_codes(codes, run)
            self._cache[run, chosen, trim] = (codes, a, b, stationary(a, b, self.modules))
        found: tuple[Floats, Floats, Floats, Floats] = self._cache[run, chosen, trim]
        return found

    def draw(self, generator: np.random.Generator, count: int, conditions: Conditions) -> Drawn:
        """Return the modules of one chip, of which it has ``count``."""
        codes, a, b, _ = self.at(conditions)
        layer = np.arange(len(self.targets))
        which = np.broadcast_to(generator.integers(self.module.draws, size=count), layer.shape)
        run, chosen = self._temperatures(conditions)
        return Drawn(
            a=a[which, layer],
            b=b[which, layer],
            codes=codes[which, layer],
            temperature=run,
            trim_temperature=chosen,
        )

    def probabilities(
        self, generators: Sequence[np.random.Generator], count: int, conditions: Conditions
    ) -> Floats:
        """Return the drop probabilities of one chip for each generator, shape (n, L) []."""
        alone = self.at(conditions)[3]
        draws = [g.integers(self.module.draws, size=count) for g in generators]
        found: Floats = alone[
            np.array(draws, int).reshape(len(generators), count), np.arange(len(self.targets))
        ]
        return found

    def mean(self, quantity: str) -> float | None:
        """Return the mean energy or latency of a cycle over draws and layers, or None; kept [J or s]."""
        if quantity not in self._cache:
            self._cache[quantity] = self.module.mean_over_draws(
                quantity, self.at(Conditions())[0], self.temperature
            )
        found: float | None = self._cache[quantity]
        return found

    def unreadable(self) -> int | None:
        """Return how many draws have a layer whose code gives a wrong read-out, or None if not measured []."""
        right = self.module.readable(self.at(Conditions())[0], self.temperature)
        return None if right is None else int(np.sum(~np.all(right, axis=1)))

    def _temperatures(self, conditions: Conditions) -> tuple[float, float]:
        run, chosen = conditions.temperature, conditions.trim_temperature
        return (
            self.temperature if run is None else float(run),
            self.temperature if chosen is None else float(chosen),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GaussianModules:
    """Modules without a characterisation: p + N(0, sigma), clipped to [0, 1]; every bit independent (a = b = p).

    Parameters
    ----------
    targets : tuple of float
        Target drop probability of each layer [].
    sigma : float
        Standard deviation of p before clipping; 0 is exact [].

    Examples
    --------
    >>> generator = np.random.default_rng(1)
    >>> GaussianModules(targets=(0.2, 0.5), sigma=0.0).draw(generator, 1, Conditions()).a.tolist()
    [0.2, 0.5]
    """

    targets: tuple[float, ...]
    sigma: float

    def draw(self, generator: np.random.Generator, count: int, conditions: Conditions) -> Drawn:
        """Return the modules of one chip, of which it has ``count``."""
        p = self._deviate(generator.standard_normal(count), conditions)
        return Drawn(a=p, b=p)

    def probabilities(
        self, generators: Sequence[np.random.Generator], count: int, conditions: Conditions
    ) -> Floats:
        """Return the drop probabilities of one chip for each generator, shape (n, L) []."""
        normal = np.array([g.standard_normal(count) for g in generators]).reshape(len(generators), count)
        return self._deviate(normal, conditions)

    def _deviate(self, normal: Floats, conditions: Conditions) -> Floats:
        if conditions.temperature is not None or conditions.trim_temperature is not None:
            raise CoverageError(
                "this profile was not characterised over temperature",
                where="HardwareProfile",
                value=(conditions.temperature, conditions.trim_temperature),
                remedy="build it from a lookup table, or leave the temperature out",
            )
        from ..device.variation import GaussianProbability  # the device and its fits take a second to load

        return GaussianProbability(p=np.array(self.targets), sigma=self.sigma).of(normal)
