"""A hardware profile: the characterised dropout module, how a chip uses it, and the arrays beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..crossbar.tiling import array_size, cells_of_array
from ..errors import ProfileError
from .extract import TableLike, from_table
from .modules import ModuleTable
from .profile_checks import check_profile, each_layer
from .profile_chips import ChipDraws
from .profile_settings import id_of, settings_of

if TYPE_CHECKING:
    from .arrays import ColumnAgreement, CrossbarSetup

Floats = NDArray[np.float64]
DEFAULT_TEMPERATURE = 300.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HardwareProfile(ChipDraws):
    r"""What the networks and the cost need to know of a chip's dropout modules.

    Made by :meth:`build` from a characterisation, by :meth:`load` from a file, or by :meth:`ideal` and
    :meth:`gaussian` without one.

    Parameters
    ----------
    targets : tuple of float
        Target drop probability of each dropout layer, its length is L [].
    modules : {"shared", "per_layer"}
        One physical module for all layers (one SET code each), or one module a layer.
    module : ModuleTable, optional
        The characterised module; None without a characterisation.
    sigma : float
        Spread of the drop probability without a characterisation; 0 with one [].
    temperature : float, optional
        At which chips run and are trimmed unless told otherwise; None without a characterisation [K].
    corner : str
        Process corner of the characterisation.
    trim : {"none", "per_module"}
        Whether all modules use the nominal SET amplitude or each its nearest step of the DAC. Over a table of
        codes these are the codes of the DAC itself, its own steps and mismatch included.
    dac_step : float, optional
        Step of the SET DAC over a table of voltages or currents, taken as ideal; 10 mV or 1 uA unless told
        otherwise. Over a table of codes it is one code [V, A or 1].
    array : tuple of int
        Rows and columns of one crossbar array, in the unit that ``array_rows`` names [].
    array_rows : {"cells", "devices"}
        Whether a row of an array is a bit cell, or one of its two devices: then a column has half as many cells.
    strategy : {1, 2}
        How convolutions lie on arrays: kernels unrolled into columns, or a matrix for each kernel position
        (:func:`~spinbnn.crossbar.mapping.map_plan`).
    source_hash : str
        Content hash of the lookup table.
    excluded_draws : int
        Draws left out because samples of theirs failed [].
    arrays : CrossbarSetup, optional
        How the arrays are driven, read, converted and calibrated; needed for the fidelities ``table`` and ``exact``. Their numbers hold
        at 300 K: a profile with arrays has no other temperature.
    agreements : tuple of ColumnAgreement
        How far ``table`` is from ``exact``, as measured; see :meth:`measure_agreement`. Not part of :attr:`id`.

    Notes
    -----
    A physical module is one characterised draw, chosen at random with replacement (a bootstrap over draws).
    Its code for a target p is chosen at the trim temperature; its a and b then hold at the running
    temperature. The nominal code is the SET amplitude at which the median of the draws' a / (1 - b + a) equals
    p, or the nearest code. Trimming presumes that each module's p was measured without error. A chip's bit is the junction's state:
    a read-out that gets it wrong is not modelled, but counted by :attr:`unreadable_modules`.

    Raises
    ------
    ParameterError
        For an unknown arrangement, trim, strategy or kind of rows, an array that holds no cell, targets outside (0, 1), a DAC step that is not positive, a spread
        that is negative or not finite, or a module without a temperature.
    ProfileError
        For arrays at another temperature than 300 K.

    Examples
    --------
    >>> profile = HardwareProfile.gaussian([0.2, 0.5], sigma=0.03, modules="shared")
    >>> chip = profile.chip(seed=1)
    >>> bool(np.isclose(*(chip.drop_probability - [0.2, 0.5]))), profile.layers
    (True, 2)
    """

    targets: tuple[float, ...]
    modules: str = "shared"
    module: ModuleTable | None = None
    sigma: float = 0.0
    temperature: float | None = None
    corner: str = "tt"
    trim: str = "none"
    dac_step: float | None = None
    array: tuple[int, int] = (256, 256)
    array_rows: str = "cells"
    strategy: int = 1
    source_hash: str = ""
    excluded_draws: int = 0
    arrays: CrossbarSetup | None = None
    agreements: tuple[ColumnAgreement, ...] = ()
    _cache: dict[Any, Any] = field(default_factory=dict, repr=False, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "targets", tuple(float(p) for p in self.targets))
        object.__setattr__(self, "array", array_size(self.array, "HardwareProfile"))
        if self.dac_step is None:
            object.__setattr__(self, "dac_step", 0.01 if self.module is None else self.module.default_step)
        check_profile(self, self._step)
        object.__setattr__(self, "strategy", int(self.strategy))

    @classmethod
    def build(
        cls,
        table: TableLike,
        *,
        layers: int = 5,
        drop_probability: float | Sequence[float] = 0.2,
        modules: str = "shared",
        temperature: float | None = None,
        corner: str = "tt",
        trim: str = "none",
        dac_step: float | None = None,
        array: tuple[int, int] = (256, 256),
        failed: str = "refuse",
        arrays: CrossbarSetup | None = None,
    ) -> HardwareProfile:
        """Build a profile from a characterisation of the dropout module.

        Parameters
        ----------
        table : TableLike
            A lookup table; see :func:`spinbnn.hardware.extract.from_table` for its axes and measures.
        layers : int
            Dropout layers L []
        drop_probability : float or sequence of float
            Target, one or one for each layer [].
        modules, corner, trim, dac_step, array, arrays
            As of the class.
        temperature : float, optional
            Default running and trim temperature; None is the table's only one, or 300 K [K].
        failed : {"refuse", "exclude"}
            Treatment of draws with failed samples; excluded ones are counted in ``excluded_draws``.

        Raises
        ------
        ProfileError, CoverageError
            If the table does not hold what a profile needs, or the targets or temperature lie outside it.
        """
        module, lost = from_table(table, corner=corner, failed=failed)
        if temperature is None:
            temperature = (
                float(module.temperature[0]) if module.temperature.size == 1 else DEFAULT_TEMPERATURE
            )
        profile = cls(
            targets=each_layer(drop_probability, layers),
            modules=modules,
            module=module,
            temperature=float(temperature),
            corner=corner,
            trim=trim,
            dac_step=dac_step,
            array=array,
            source_hash=str(table.content_hash),
            excluded_draws=lost,
            arrays=arrays,
        )
        profile.module_drop_probabilities()  # a target or a temperature outside the table is found here
        return profile

    @classmethod
    def ideal(
        cls,
        drop_probability: float | Sequence[float],
        layers: int = 5,
        *,
        modules: str = "shared",
        array: tuple[int, int] = (256, 256),
    ) -> HardwareProfile:
        """Return a profile whose bits are independent and exact: a = b = p, no spread.

        Examples
        --------
        >>> HardwareProfile.ideal(0.2, layers=3).chip(seed=0).drop_probability.tolist()
        [0.2, 0.2, 0.2]
        """
        return cls(targets=each_layer(drop_probability, layers), modules=modules, array=array)

    @classmethod
    def gaussian(
        cls,
        drop_probability: float | Sequence[float],
        sigma: float,
        layers: int | None = None,
        *,
        modules: str = "per_layer",
        array: tuple[int, int] = (256, 256),
    ) -> HardwareProfile:
        r"""Return the compatibility mode of Scale-Dropout's Eq. 22: p + N(0, sigma), clipped to [0, 1].

        The publication's 1x, 2x and 3x are sigma = 0.033, 0.067 and 0.1 in points of p. No physics stands
        behind it: bits are independent (a = b), nothing depends on temperature. Shared modules deviate by one
        number in all layers. Source: doi 10.48550/arXiv.2311.15816, Eq. 22.

        Parameters
        ----------
        drop_probability : float or sequence of float
            Target, one or one for each layer [].
        sigma : float
            Standard deviation of p before clipping [].
        layers : int, optional
            L, where one probability is given; 5 unless told [].
        """
        if layers is None:
            layers = int(np.size(drop_probability)) if np.ndim(drop_probability) else 5
        return cls(
            targets=each_layer(drop_probability, layers), modules=modules, sigma=float(sigma), array=array
        )

    @property
    def drop_probability(self) -> Floats:
        """Target drop probabilities, shape (L,) []."""
        return np.array(self.targets)

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of the hash of everything the profile holds."""
        if "id" not in self._cache:
            self._cache["id"] = id_of(self)
        found: str = self._cache["id"]
        return found

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of bit cells of one array []."""
        return cells_of_array(self.array, self.array_rows)

    def settings(self) -> dict[str, Any]:
        """Return everything but the module's numbers as plain data."""
        return settings_of(self)

    def with_mapping(
        self, array: tuple[int, int] | None = None, *, rows: str | None = None, strategy: int | None = None
    ) -> HardwareProfile:
        """Return a copy whose networks lie on the arrays in another way; what is not given stays.

        Parameters
        ----------
        array : tuple of int, optional
            Rows and columns of one array [].
        rows : {"cells", "devices"}, optional
            The unit of its rows, ``array_rows``.
        strategy : {1, 2}, optional
            As of the class.

        Examples
        --------
        >>> HardwareProfile.ideal(0.2).with_mapping((128, 64), rows="devices", strategy=2).cells
        (64, 64)
        """
        return replace(
            self,
            array=self.array if array is None else array,
            array_rows=self.array_rows if rows is None else rows,
            strategy=self.strategy if strategy is None else strategy,
        )

    def with_arrays(self, arrays: CrossbarSetup | None, array: tuple[int, int] | None = None) -> HardwareProfile:
        """Return a copy with another electrical side of the arrays (None: without), and another size of them if given.

        Agreements of the former set-up stay, but speak for that set-up alone.

        Examples
        --------
        >>> from spinbnn.crossbar.array_params import ArrayParams
        >>> from spinbnn.hardware.arrays import CrossbarSetup
        >>> setup = CrossbarSetup(params=ArrayParams.load("array_mohm"))
        >>> HardwareProfile.ideal(0.2).with_arrays(setup, (128, 64)).array
        (128, 64)
        """
        return replace(self, arrays=arrays, array=self.array if array is None else array)

    def measure_agreement(
        self, rows: int | None = None, columns: int | None = None, *, chips: int = 20, inputs: int = 256, seed: int = 0
    ) -> HardwareProfile:
        """Return a copy that holds how far ``table`` is from ``exact`` for random tiles of this size.

        Parameters
        ----------
        rows, columns : int, optional
            Of the tiles; those of a full array unless told otherwise, or of the largest tile of a network [].
        chips, inputs, seed
            As of :func:`~spinbnn.hardware.arrays.agreement.measure_agreement`.

        Raises
        ------
        ProfileError
            Without arrays.
        """
        from .arrays import measure_agreement

        if self.arrays is None:
            raise ProfileError(
                "the profile has no arrays to measure",
                where=f"profile {self.id}, arrays",
                value=None,
                remedy="profile.with_arrays(CrossbarSetup(params=ArrayParams.load('array_mohm')))",
            )
        size = (self.cells[0] if rows is None else rows, self.cells[1] if columns is None else columns)
        found = measure_agreement(self.arrays, *size, chips=chips, inputs=inputs, seed=seed)
        kept = [a for a in self.agreements if (a.setup, a.rows, a.columns) != (found.setup, found.rows, found.columns)]
        return replace(self, agreements=(*kept, found))

    def save(self, path: str | Path) -> Path:
        """Write the profile as HDF5, beside and renamed; see :mod:`spinbnn.hardware.profile_file`."""
        from .profile_file import save

        return save(self, path)

    @classmethod
    def load(cls, path: str | Path) -> HardwareProfile:
        """Read a profile that :meth:`save` wrote.

        Raises
        ------
        DataError
            If the file is missing, damaged or no profile.
        """
        from .profile_file import load

        return load(path)
