"""Experiment files: one TOML from the device to the report."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import files, resources
from ..errors import ParameterError, suggest
from ..units import quantity

SCHEMA = "spinbnn.experiment/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterizeSpec:
    """Which characterisation: a flow to run (with axes replaced), or a finished table."""

    flow: str = ""
    table: str = ""
    axes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSpec:
    """How the chip uses its dropout modules; see ``HardwareProfile.build``. ``dac_step`` [V], ``temperature`` [K]."""

    drop_probability: float | tuple[float, ...] = 0.2
    modules: str = "shared"
    trim: str = "per_module"
    dac_step: float = 0.005
    temperature: float = 298.15
    corner: str = "tt"
    array: tuple[int, int] = (256, 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpec:
    """Data set, how many training images are set aside for validation, and how many of the test images are used (0: all)."""

    name: str = "digits"
    validation: int = 0
    test: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """Network and its options."""

    name: str = "lenet5"
    first: str = "binary"
    last: str = "binary"
    placement: str = "dual_bn"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSpec:
    """Options of ``spinbnn.training.train``; ``with_profile``: the characterised spread is in the loop."""

    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1e-3
    augment: str = "none"
    shift: int = 1
    with_profile: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionSpec:
    """T of the sampled prediction, number of chips, and the images that are out of distribution."""

    samples: int = 10
    chips: int = 8
    rotations: tuple[float, ...] = (0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0)
    out_of_distribution: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CostSpec:
    """T of the energy estimate."""

    samples: int = 10


SECTIONS: dict[str, type] = {
    "characterize": CharacterizeSpec,
    "profile": ProfileSpec,
    "data": DataSpec,
    "model": ModelSpec,
    "training": TrainingSpec,
    "prediction": PredictionSpec,
    "cost": CostSpec,
}
_UNITS = {("profile", "dac_step"): "V", ("profile", "temperature"): "K"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A parsed experiment file.

    Examples
    --------
    >>> Experiment.load("quickstart").model.name
    'lenet5'
    """

    name: str
    description: str
    seed: int
    characterize: CharacterizeSpec
    profile: ProfileSpec
    data: DataSpec
    model: ModelSpec
    training: TrainingSpec
    prediction: PredictionSpec
    cost: CostSpec

    @classmethod
    def load(cls, name_or_path: str | Path) -> Experiment:
        """Read an experiment by its path or by the name of one that comes with spinbnn.

        Raises
        ------
        DataError, ParameterError, UnitError
            If the file, a key, a value or a unit is wrong; the message names it.
        """
        path = resources.find("flow", name_or_path)
        return cls.from_dict(files.read_toml(path), where=path.name)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, where: str = "experiment") -> Experiment:
        """Build from parsed TOML; ``where`` names the file in messages."""
        if data.get("schema") != SCHEMA:
            raise ParameterError("not an experiment", where=f"{where}, key 'schema'", value=data.get("schema"), remedy=f'write schema = "{SCHEMA}"; a characterisation flow runs with: spinbnn characterize')
        known = {"schema", "name", "description", "seed", *SECTIONS}
        for key in data:
            if key not in known:
                raise ParameterError("unknown key", where=where, value=key, remedy=suggest(key, known))
        for key in ("name", "seed", "characterize"):
            if key not in data:
                raise ParameterError("a key is missing", where=where, value=key, remedy=f"an experiment needs {key!r}")
        seed = data["seed"]
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ParameterError("a seed must be a non-negative integer", where=f"{where}, key 'seed'", value=seed, remedy="e.g. seed = 1")
        parts = {name: _section(name, kind, data.get(name, {}), where) for name, kind in SECTIONS.items()}
        if bool(parts["characterize"].flow) == bool(parts["characterize"].table):
            raise ParameterError("give a flow or a table, one of them", where=f"{where}, characterize", value=dict(data["characterize"]), remedy='flow = "dropout_module"')
        if parts["prediction"].chips < 1 or parts["prediction"].samples < 1:
            raise ParameterError("at least one chip and one sample", where=f"{where}, prediction", value=data["prediction"], remedy="chips = 8, samples = 10")
        return cls(name=str(data["name"]), description=str(data.get("description", "")), seed=seed, **parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the resolved configuration as plain data (SI units)."""
        return {"schema": SCHEMA, **dataclasses.asdict(self)}


def _section(name: str, kind: type, given: Any, where: str) -> Any:
    place = f"{where}, {name}"
    if not isinstance(given, Mapping):
        raise ParameterError("a TOML table is needed here", where=place, value=given, remedy=f"write [{name}]")
    fields = {f.name: f for f in dataclasses.fields(kind)}
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in fields:
            raise ParameterError("unknown key", where=place, value=key, remedy=suggest(key, fields))
        unit = _UNITS.get((name, key))
        values[key] = quantity(value, unit, where=f"{place}.{key}") if unit else _plain(value, fields[key].default, f"{place}.{key}")
    return kind(**values)


def _plain(value: Any, default: Any, where: str) -> Any:
    """Check a value against the type of its default; lists become tuples of floats or ints."""
    if isinstance(value, list):
        if any(isinstance(v, bool) or not isinstance(v, int | float) for v in value):
            raise ParameterError("a list of numbers is needed", where=where, value=value, remedy="e.g. [0.1, 0.2]")
        return tuple(value)
    if isinstance(default, dataclasses._MISSING_TYPE) or isinstance(value, Mapping):
        return value
    if isinstance(default, tuple):
        raise ParameterError("a list of numbers is needed", where=where, value=value, remedy=f"e.g. {list(default)}")
    wanted = (int, float) if isinstance(default, float) else type(default)
    if not isinstance(value, wanted) or isinstance(value, bool) != isinstance(default, bool):
        raise ParameterError(f"a value of type {type(default).__name__} is needed", where=where, value=value, remedy=f"e.g. {default!r}")
    return float(value) if isinstance(default, float) else value
