"""What a hardware profile draws: chips, their drop probabilities, and what its modules are on average."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import rng
from ..errors import ProfileError
from ..files import content_hash
from .chip import Chip
from .modules import ModuleTable
from .population import CharacterisedModules, Conditions, GaussianModules

Floats = NDArray[np.float64]


class ChipDraws:
    """The drawing half of :class:`~spinbnn.hardware.HardwareProfile`, which holds the settings; not of use without it."""

    __slots__ = ()

    targets: tuple[float, ...]
    modules: str
    module: ModuleTable | None
    sigma: float
    temperature: float | None
    trim: str
    dac_step: float | None
    _cache: dict[Any, Any]
    if TYPE_CHECKING:

        @property
        def id(self) -> str: ...

    @property
    def layers(self) -> int:
        """Dropout layers, L []."""
        return len(self.targets)

    @property
    def draw_energy(self) -> float | None:
        """Mean energy of one cycle over draws and layers at the profile's codes; None where unknown [J]."""
        return self._mean("energy")

    @property
    def draw_latency(self) -> float | None:
        """Mean latency of one cycle over draws and layers at the profile's codes; None where unknown [s]."""
        return self._mean("latency")

    @property
    def unreadable_modules(self) -> int | None:
        """Draws of which one layer's code gives a wrong read-out; None where read-outs were not measured [].

        Over the D draws of :meth:`module_drop_probabilities`, at the profile's codes and temperature, judged at
        the nearest characterised point (:meth:`ModuleTable.readable`). Draws left out are not counted again.

        Examples
        --------
        >>> from spinbnn.hardware import HardwareProfile
        >>> HardwareProfile.ideal(0.2).unreadable_modules is None
        True
        """
        return None if self._characterised is None else self._characterised.unreadable()

    def _mean(self, quantity: str) -> float | None:
        return None if self._characterised is None else self._characterised.mean(quantity)

    def chip(
        self, seed: int, *, temperature: float | None = None, trim_temperature: float | None = None
    ) -> Chip:
        """Return the chip that a seed fixes.

        Parameters
        ----------
        seed : int
            Seed of the chip []
        temperature : float, optional
            At which it runs; None is the profile's [K].
        trim_temperature : float, optional
            At which its codes were chosen; None is the profile's, not the running temperature [K].

        Raises
        ------
        CoverageError
            Outside the characterised temperatures, or with a temperature where nothing was characterised.
        """
        where = {"temperature": temperature, "trim": trim_temperature}
        conditions = Conditions(temperature=temperature, trim_temperature=trim_temperature)
        drawn = self._modules.draw(rng.stream(seed, "chip"), self._count, conditions)
        return Chip(
            seed=int(seed),
            id=f"{self.id}-{content_hash([int(seed), where])[:8]}",
            modules=self.modules,
            a=drawn.a,
            b=drawn.b,
            codes=drawn.codes,
            temperature=drawn.temperature,
            trim_temperature=drawn.trim_temperature,
        )

    def chip_seeds(self, n: int, seed: int) -> list[int]:
        """Return the seeds of n chips; the first do not depend on n.

        Examples
        --------
        >>> from spinbnn.hardware import HardwareProfile
        >>> profile = HardwareProfile.ideal(0.2)
        >>> profile.chip_seeds(2, seed=0) == profile.chip_seeds(5, seed=0)[:2]
        True
        """
        return [rng.integer_seed(seed, "chip", i) for i in range(n)]

    def sample_drop_probabilities(
        self, n: int, seed: int, *, temperature: float | None = None, trim_temperature: float | None = None
    ) -> Floats:
        """Return the drop probabilities of n random chips.

        Row i is ``chip(chip_seeds(n, seed)[i]).drop_probability``; the first rows do not depend on n.

        Parameters
        ----------
        n : int
            Chips [].
        seed : int
            Seed of the chips' seeds [].
        temperature, trim_temperature : float, optional
            As of :meth:`chip` [K].

        Returns
        -------
        array (n, L)
            Long-run probability of each layer's bit [].

        Examples
        --------
        >>> from spinbnn.hardware import HardwareProfile
        >>> profile = HardwareProfile.gaussian(0.2, sigma=0.03)
        >>> profile.sample_drop_probabilities(1000, seed=0).std(axis=0).round(2).tolist()
        [0.03, 0.03, 0.03, 0.03, 0.03]
        """
        conditions = Conditions(temperature=temperature, trim_temperature=trim_temperature)
        generators = [rng.stream(s, "chip") for s in self.chip_seeds(n, seed)]
        return self._modules.probabilities(generators, self._count, conditions)

    def module_drop_probabilities(
        self,
        trim: str | None = None,
        *,
        temperature: float | None = None,
        trim_temperature: float | None = None,
    ) -> Floats:
        """Return the drop probabilities of the D characterised modules themselves.

        What a spread between modules is quoted over. :meth:`sample_drop_probabilities` draws its chips from
        these D modules with replacement: with a shared module it holds at most D different rows, and more
        chips add no information.

        Parameters
        ----------
        trim : {"none", "per_module"}, optional
            Another trim than the profile's. ``"per_module"`` presumes that each module's p was measured without
            error when its code was chosen: what is left is the DAC's step and the change of temperature.
        temperature, trim_temperature : float, optional
            As of :meth:`chip` [K].

        Returns
        -------
        array (D, L)
            Long-run probability of each layer's bit: for a shared module, of the chip that draw d makes; per
            layer, of module d alone with the layer's code [].

        Raises
        ------
        ProfileError
            If nothing was characterised.
        CoverageError
            Outside the characterised temperatures.

        Examples
        --------
        >>> from spinbnn.hardware import HardwareProfile
        >>> hazard = np.exp(np.linspace(-6, 2, 9))[None, :, None] * np.array([0.8, 1.0, 1.25])
        >>> table = ModuleTable(amplitude=np.linspace(0.8, 1.2, 9), temperature=[300.0],
        ...                     a=-np.expm1(-hazard), b=-np.expm1(-hazard))
        >>> profile = HardwareProfile(targets=(0.2,), module=table, temperature=300.0, dac_step=0.001)
        >>> profile.module_drop_probabilities().round(3).ravel().tolist()
        [0.163, 0.2, 0.243]
        >>> bool(np.ptp(profile.module_drop_probabilities("per_module")) < 0.01)
        True
        """
        if self._characterised is None:
            raise ProfileError(
                "this profile holds no characterised modules",
                where="HardwareProfile.module_drop_probabilities",
                value=self.id,
                remedy="build it from a lookup table, or sample chips with sample_drop_probabilities",
            )
        conditions = Conditions(temperature=temperature, trim_temperature=trim_temperature, trim=trim)
        found: Floats = self._characterised.at(conditions)[3].copy()
        return found

    @property
    def _step(self) -> float:
        """The DAC's step, which is never left open [V, A or 1]."""
        assert self.dac_step is not None
        return self.dac_step

    @property
    def _count(self) -> int:
        """Physical modules of a chip."""
        return 1 if self.modules == "shared" else self.layers

    @property
    def _modules(self) -> CharacterisedModules | GaussianModules:
        """What chips are drawn from."""
        return self._characterised or GaussianModules(targets=self.targets, sigma=self.sigma)

    @property
    def _characterised(self) -> CharacterisedModules | None:
        """The characterised modules, made once; None without a characterisation."""
        if self.module is None or self.temperature is None:
            return None
        if "modules" not in self._cache:
            self._cache["modules"] = CharacterisedModules(
                module=self.module,
                targets=self.targets,
                modules=self.modules,
                trim=self.trim,
                dac_step=self._step,
                temperature=self.temperature,
            )
        found: CharacterisedModules = self._cache["modules"]
        return found
