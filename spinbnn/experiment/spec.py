"""Experiment files: one TOML from the device to the report."""

from __future__ import annotations

import dataclasses
import json
import re
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
    array_rows: str = "cells"
    strategy: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpec:
    """Data set, how many training images are set aside for validation, and how many of the test images are used (0: all)."""

    name: str = "digits"
    validation: int = 0
    test: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """Network and its options; "" leaves an option to the network (not every network has every option)."""

    name: str = "lenet5"
    first: str = "binary"
    last: str = "binary"
    placement: str = "dual_bn"
    mode: str = ""
    granularity: str = ""
    alpha_init: str = ""
    binarizer: str = ""
    shortcuts: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSpec:
    """Options of ``spinbnn.training.train``; ``with_profile``: the characterised spread is in the loop."""

    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1e-3
    augment: str = "none"
    shift: int = 1
    with_profile: bool = True
    optimizer: str = "adam"
    momentum: float = 0.9
    nesterov: bool = True
    schedule: str = "cosine"
    warmup: int = 0
    milestones: tuple[int, ...] = ()
    factor: float = 0.1
    weight_decay: float = 1e-5
    scale_decay: float = 1e-5
    label_smoothing: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionSpec:
    """T of the sampled prediction, number of chips, images rotated or replaced by noise, and images sent through the arrays."""

    samples: int = 10
    chips: int = 8
    rotations: tuple[float, ...] = (0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0)
    out_of_distribution: int = 500
    hardware_images: int = 500


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
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_LOWEST: dict[tuple[str, str], float] = {
    ("data", "validation"): 0, ("data", "test"): 0, ("training", "epochs"): 1, ("training", "batch_size"): 1, ("training", "shift"): 0, ("training", "warmup"): 0,
    ("prediction", "samples"): 1, ("prediction", "chips"): 1, ("prediction", "out_of_distribution"): 1, ("prediction", "hardware_images"): 1,
    ("cost", "samples"): 1,
}  # fmt: skip
"""Smallest value of the whole numbers."""
_LISTS = {("profile", "drop_probability"): 0, ("profile", "array"): 2, ("prediction", "rotations"): 0, ("training", "milestones"): 0}
"""Keys that take a list of numbers, and its length (0: any; at least one, unless the default is empty)."""
_WHOLE = {("profile", "array"), ("training", "milestones")}
"""Lists of whole numbers."""
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
    def load(cls, name_or_path: str | Path, changes: Mapping[str, Any] | None = None) -> Experiment:
        """Read an experiment by its path or by the name of one that comes with spinbnn.

        Parameters
        ----------
        name_or_path : str or Path
            File or name.
        changes : mapping or None
            Values that replace those of the file: ``{"training.epochs": 20, "seed": 1}``.

        Raises
        ------
        DataError, ParameterError, UnitError
            If the file, a key, a value or a unit is wrong; the message names it.
        """
        path = resources.find("flow", name_or_path)
        given = files.read_toml(path)
        for key, value in (changes or {}).items():
            section, _, name = key.rpartition(".")
            place = given.setdefault(section, {}) if section else given
            if not isinstance(place, dict):
                raise ParameterError("no section of an experiment", where=f"{path.name}, change {key!r}", value=section, remedy=suggest(section, SECTIONS))
            place[name] = value
        return cls.from_dict(given, where=path.name)

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
        if parts["characterize"].table and parts["characterize"].axes:
            raise ParameterError("a finished table has its axes; they cannot be replaced", where=f"{where}, characterize.axes", value=dict(parts["characterize"].axes), remedy="name a flow instead of the table, or remove the axes")
        if not _NAME.fullmatch(str(data["name"])):
            raise ParameterError("a name has letters, digits, '_', '-' and '.'", where=f"{where}, key 'name'", value=data["name"], remedy="it names the run folder")
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
        values[key] = quantity(value, unit, where=f"{place}.{key}") if unit else _plain(name, key, value, fields[key], f"{place}.{key}")
    return kind(**values)


def _plain(section: str, key: str, value: Any, spec: dataclasses.Field[Any], where: str) -> Any:
    """Check a value against the type of its default, its range, and whether it may be a list or a table."""
    default = spec.default
    if isinstance(value, list):
        length = _LISTS.get((section, key))
        kinds = int if (section, key) in _WHOLE else (int, float)
        if length is None or not (value or default == ()) or (length and len(value) != length) or any(isinstance(v, bool) or not isinstance(v, kinds) for v in value):
            raise ParameterError("not a value for this key", where=where, value=value, remedy=_example(section, key, default))
        return tuple(value)
    if isinstance(default, dataclasses._MISSING_TYPE):  # the axes of the characterisation
        if not isinstance(value, Mapping):
            raise ParameterError("a TOML table is needed here", where=where, value=value, remedy=f"write [{section}.{key}]")
        return value
    wanted = (int, float) if isinstance(default, float) else type(default)
    if isinstance(default, tuple) or not isinstance(value, wanted) or isinstance(value, bool) != isinstance(default, bool):
        raise ParameterError("not a value for this key", where=where, value=value, remedy=_example(section, key, default))
    lowest = _LOWEST.get((section, key))
    if lowest is not None and value < lowest:
        raise ParameterError(f"a whole number of at least {lowest} is needed", where=where, value=value, remedy=_example(section, key, default))
    return float(value) if isinstance(default, float) else value


def _example(section: str, key: str, default: Any) -> str:
    shown = list(default) if isinstance(default, tuple) else default
    return f"a value such as {key} = {json.dumps(shown)}"
