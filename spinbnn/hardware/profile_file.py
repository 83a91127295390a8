"""The file of a hardware profile: HDF5, every data set with its unit and description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .. import provenance
from ..errors import DataError, ParameterError
from ..files import atomic_path
from .modules import AMPLITUDES, ModuleTable
from .profile import HardwareProfile

SCHEMA = "spinbnn.profile/1"
_DATASETS = {
    "temperature": ("temperature", "K", "temperature"),
    "transition_01": ("a", "1", "P(1|0) of one cycle, temperature x amplitude x draw"),
    "transition_11": ("b", "1", "P(1|1) of one cycle, temperature x amplitude x draw"),
    "energy_cycle": ("energy", "J", "energy of one cycle, temperature x amplitude x draw"),
    "latency_cycle": ("latency", "s", "latency of one cycle, temperature x amplitude x draw"),
    "read_ok": ("read_ok", "1", "1 if both states are read correctly, temperature x amplitude x draw"),
}


def save(profile: HardwareProfile, path: str | Path) -> Path:
    """Write a profile; the file is either whole or not there.

    Parameters
    ----------
    profile : HardwareProfile
        The profile.
    path : str or Path
        The file, by custom ``*.h5``.

    Examples
    --------
    >>> import tempfile
    >>> path = save(HardwareProfile.ideal(0.2), Path(tempfile.mkdtemp()) / "ideal.h5")
    >>> load(path).targets
    (0.2, 0.2, 0.2, 0.2, 0.2)
    """
    import h5py

    with atomic_path(path) as beside, h5py.File(beside, "w") as file:
        file.attrs["schema"] = SCHEMA
        file.attrs["id"] = profile.id
        file.attrs["settings"] = json.dumps(profile.settings(), allow_nan=False)
        for key, value in provenance.record(None).items():
            if value is not None:
                file.attrs[key] = value
        if profile.module is not None:
            group = file.create_group("module")
            axis = profile.module.axis
            words, of_axis = AMPLITUDES[axis]
            for name, (key, unit, text) in {axis: ("amplitude", of_axis, words), **_DATASETS}.items():
                values = getattr(profile.module, key)
                if values is None:
                    continue
                packed: dict[str, Any] = {"compression": "gzip", "shuffle": True} if values.ndim == 3 else {}
                data = group.create_dataset(name, data=values, **packed)
                data.attrs["units"] = unit
                data.attrs["description"] = text
                if values.ndim == 1:
                    data.make_scale(name)
            for name in _DATASETS:
                if name in group and group[name].ndim == 3:
                    group[name].dims[0].attach_scale(group["temperature"])
                    group[name].dims[1].attach_scale(group[axis])
    return Path(path)


def load(path: str | Path) -> HardwareProfile:
    """Read a profile and check it against its hash.

    Raises
    ------
    DataError
        If the file is missing, not HDF5, of another schema, or its content does not match its hash.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise DataError(
            "no such profile",
            where=str(path),
            value=path.name,
            remedy="check the path, or build and save the profile",
        )
    try:
        with h5py.File(path, "r") as file:
            schema = file.attrs.get("schema")
            if schema != SCHEMA:
                raise DataError(
                    "not a hardware profile",
                    where=f"{path}, attribute 'schema'",
                    value=schema,
                    remedy=f"give a file of schema {SCHEMA}",
                )
            stored = str(file.attrs["id"])
            settings: dict[str, Any] = json.loads(str(file.attrs["settings"]))
            module = None
            if "module" in file:
                group = file["module"]
                held: dict[str, Any] = {
                    key: np.asarray(group[name][()], float) if name in group else None
                    for name, (key, _, _) in _DATASETS.items()
                }
                axis = next(name for name in AMPLITUDES if name in group)
                module = ModuleTable(amplitude=np.asarray(group[axis][()], float), axis=axis, **held)
    except (OSError, KeyError, StopIteration, json.JSONDecodeError) as error:
        raise DataError(
            f"the profile cannot be read: {error}",
            where=str(path),
            value=path.name,
            remedy="copy or build it again",
        ) from error
    if "arrays" in settings or "agreements" in settings:
        _electrical(settings, path)
    try:
        profile = HardwareProfile(module=module, **settings)
    except (TypeError, ParameterError) as error:  # an unknown key: the file is of a newer spinbnn
        raise DataError(
            f"the settings of the profile cannot be read: {error}",
            where=f"{path}, attribute 'settings'",
            value=path.name,
            remedy="read it with the spinbnn that wrote it, or build it again",
        ) from error
    if profile.id != stored:
        raise DataError(
            "the profile does not match its own hash",
            where=str(path),
            value=profile.id,
            remedy=f"it was saved as {stored}; copy or build it again",
        )
    return profile


def _electrical(settings: dict[str, Any], path: Path) -> None:
    """Turn the arrays and agreements of a file into what a profile takes."""
    from .arrays import ColumnAgreement, CrossbarSetup

    try:
        if "arrays" in settings:
            settings["arrays"] = CrossbarSetup.from_dict(settings["arrays"])
        settings["agreements"] = tuple(ColumnAgreement(**record) for record in settings.get("agreements", ()))
    except (KeyError, TypeError, ParameterError) as error:
        raise DataError(
            f"the arrays of the profile cannot be read: {error}",
            where=str(path),
            value=path.name,
            remedy="copy or build it again",
        ) from error
