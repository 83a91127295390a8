"""What a hardware profile is, as plain data, and its id: the hash of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..files import content_hash

if TYPE_CHECKING:
    from .profile import HardwareProfile


def settings_of(profile: HardwareProfile) -> dict[str, Any]:
    """Return everything that a profile holds but the numbers of its module.

    How networks lie on the arrays (``strategy``, ``array_rows``) is named only where it is not the default: profiles that were made
    before there was a choice keep their ids.

    Parameters
    ----------
    profile : HardwareProfile
        The profile.

    Examples
    --------
    >>> from spinbnn.hardware import HardwareProfile
    >>> plain = HardwareProfile.ideal(0.2)
    >>> sorted(set(settings_of(plain.with_mapping(strategy=2))) - set(settings_of(plain)))
    ['strategy']
    """
    held: dict[str, Any] = {
        "targets": list(profile.targets),
        "modules": profile.modules,
        "sigma": profile.sigma,
        "temperature": profile.temperature,
        "corner": profile.corner,
        "trim": profile.trim,
        "dac_step": profile.dac_step,
        "array": list(profile.array),
        "source_hash": profile.source_hash,
        "excluded_draws": profile.excluded_draws,
    }
    if profile.array_rows != "cells":
        held["array_rows"] = profile.array_rows
    if profile.strategy != 1:
        held["strategy"] = profile.strategy
    if profile.arrays is not None:
        held["arrays"] = profile.arrays.to_dict()
    if profile.agreements:
        held["agreements"] = [record.to_dict() for record in profile.agreements]
    return held


def id_of(profile: HardwareProfile) -> str:
    """Return twelve hexadecimal digits of the hash of everything that a profile holds, measured agreements excepted.

    Parameters
    ----------
    profile : HardwareProfile
        The profile.

    Examples
    --------
    >>> from spinbnn.hardware import HardwareProfile
    >>> id_of(HardwareProfile.ideal(0.2))
    '261c4f4b90d5'
    """
    data = settings_of(profile)
    data.pop("agreements", None)  # a measurement changes nothing of what was measured
    module = profile.module
    if module is not None:
        held = ("temperature", "a", "b", "energy", "latency")
        for key in ("amplitude", *held, *(("read_ok",) if module.read_ok is not None else ())):
            value = getattr(module, key)
            named = module.axis if key == "amplitude" else key
            data[f"module.{named}"] = None if value is None else content_hash(np.ascontiguousarray(value, "<f8").tobytes())
    return content_hash(data)[:12]
