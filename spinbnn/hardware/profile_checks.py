"""What a hardware profile refuses before anything is built on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..crossbar.tiling import cells_of_array, check_strategy
from ..errors import ParameterError, ProfileError, suggest
from .counts import MODULES
from .modules import TRIMS

if TYPE_CHECKING:
    from .profile import HardwareProfile

ARRAY_TEMPERATURE = 300.0
"""Of the numbers in array files, which have no temperature law [K]."""


def check_array_temperature(temperature: float | None, where: str) -> None:
    """Refuse arrays at a temperature that their numbers do not know.

    Parameters
    ----------
    temperature : float or None
        At which they run; None is that of the array file [K].
    where : str
        Profile or chip.

    Raises
    ------
    ProfileError
        For another temperature than 300 K.

    Examples
    --------
    >>> check_array_temperature(300.0, "profile"), check_array_temperature(None, "profile")
    (None, None)
    """
    if temperature is not None and temperature != ARRAY_TEMPERATURE:
        raise ProfileError(
            f"the arrays are known at {ARRAY_TEMPERATURE:g} K only: array files have no temperature law",
            where=where,
            value=temperature,
            remedy=f"run at {ARRAY_TEMPERATURE:g} K; for the modules alone use a profile without arrays (profile.with_arrays(None)) "
            "and fidelity 'ideal'",
        )


def check_profile(profile: HardwareProfile, dac_step: float) -> None:
    """Refuse settings that no chip can be drawn from.

    Parameters
    ----------
    profile : HardwareProfile
        Its settings.
    dac_step : float
        Step of the SET DAC [V, A or 1].

    Raises
    ------
    ParameterError, ProfileError
        See :class:`~spinbnn.hardware.profile.HardwareProfile`.
    """
    if profile.arrays is not None:
        check_array_temperature(profile.temperature, "HardwareProfile, temperature")
    where = "HardwareProfile"
    check_strategy(profile.strategy, f"{where}, strategy")
    cells_of_array(profile.array, profile.array_rows, where)
    for key, known in (("modules", MODULES), ("trim", TRIMS)):
        value = getattr(profile, key)
        if value not in known:
            raise ParameterError(
                f"unknown value of {key}",
                where=f"{where}, {key}",
                value=value,
                remedy=suggest(str(value), known),
            )
    open_ended = profile.module is not None
    if not profile.targets or not all(0 < p < 1 if open_ended else 0 <= p <= 1 for p in profile.targets):
        raise ParameterError(
            "needs drop probabilities",
            where=f"{where}, targets",
            value=profile.targets,
            remedy="one number above 0 and below 1 for each dropout layer",
        )
    if not dac_step > 0 or not 0 <= profile.sigma < float("inf"):
        raise ParameterError(
            "needs dac_step > 0 and a finite sigma >= 0",
            where=where,
            value=(dac_step, profile.sigma),
            remedy="e.g. dac_step=0.01, sigma=0.03",
        )
    if profile.module is not None and profile.module.axis == "code" and dac_step != 1:
        raise ParameterError(
            "the steps of a table over codes are its codes",
            where=f"{where}, dac_step",
            value=dac_step,
            remedy="leave dac_step out: a step is one code",
        )
    if profile.module is not None and profile.temperature is None:
        raise ParameterError(
            "a characterised module needs a temperature to run at",
            where=f"{where}, temperature",
            value=None,
            remedy="give one of the characterised range, e.g. temperature=300.0",
        )


def each_layer(drop_probability: ArrayLike, layers: int) -> tuple[float, ...]:
    """Return one target for each layer.

    Parameters
    ----------
    drop_probability : array () or (L,)
        Target, one or one for each layer [].
    layers : int
        L [].

    Raises
    ------
    ParameterError
        If there are neither one nor L.

    Examples
    --------
    >>> each_layer(0.2, 3)
    (0.2, 0.2, 0.2)
    """
    given = np.asarray(drop_probability, float)
    if isinstance(layers, bool) or layers < 1 or given.shape not in ((), (layers,)):
        raise ParameterError(
            f"needs one drop probability, or one for each of {layers} layers",
            where="HardwareProfile, drop_probability",
            value=given.tolist(),
            remedy="give a number or a list of that length",
        )
    return tuple(np.broadcast_to(given, (layers,)).tolist())
