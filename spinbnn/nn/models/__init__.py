"""Networks by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from ...errors import ParameterError, suggest
from .lenet import LeNet5, lenet5

MODELS: dict[str, Callable[..., nn.Module]] = {"lenet5": lenet5}


def build(name: str, **options: Any) -> nn.Module:
    """Build a network by its name.

    Parameters
    ----------
    name : str
        E.g. ``"lenet5"``.
    **options
        Keyword arguments of that network's function.

    Raises
    ------
    ParameterError
        On an unknown name or option; the message proposes the nearest one.

    Examples
    --------
    >>> build("lenet5", first="digital", last="digital").first
    'digital'
    """
    if name not in MODELS:
        raise ParameterError(
            "unknown network", where="build, argument 'name'", value=name, remedy=suggest(name, MODELS)
        )
    import inspect

    known = inspect.signature(MODELS[name]).parameters
    for key in options:
        if key not in known:
            raise ParameterError(
                f"network {name!r} has no option {key!r}",
                where=f"build({name!r})",
                value=options[key],
                remedy=suggest(key, known),
            )
    return MODELS[name](**options)


__all__ = ["MODELS", "LeNet5", "build", "lenet5"]
