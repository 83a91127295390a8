"""Networks by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import ParameterError, suggest
from .lenet import LeNet, lenet5, lenet_20_50_500, lenet_32_64_512
from .network import Network
from .resnet import ResNet, resnet18, resnet20
from .vgg import VGGSmall, vgg_small

MODELS: dict[str, Callable[..., Network]] = {
    "lenet5": lenet5,
    "lenet_20_50_500": lenet_20_50_500,
    "lenet_32_64_512": lenet_32_64_512,
    "resnet18": resnet18,
    "resnet20": resnet20,
    "vgg_small": vgg_small,
}


def build(name: str, **options: Any) -> Network:
    """Build a network by its name.

    Parameters
    ----------
    name : str
        ``"lenet5"``, ``"lenet_20_50_500"``, ``"lenet_32_64_512"``, ``"vgg_small"``, ``"resnet18"`` or ``"resnet20"``.
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


__all__ = [
    "MODELS",
    "LeNet",
    "Network",
    "ResNet",
    "VGGSmall",
    "build",
    "lenet5",
    "lenet_20_50_500",
    "lenet_32_64_512",
    "resnet18",
    "resnet20",
    "vgg_small",
]
