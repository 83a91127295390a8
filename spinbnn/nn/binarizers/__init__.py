"""Binarisers: how real proxies and activations become signs, and what gradient they get."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from ...errors import ParameterError, suggest
from .base import Binarizer
from .bireal import BiRealBinarizer
from .bnn import BNNBinarizer
from .irnet import IRNetBinarizer
from .libra import LibraBinarizer, normalize_weight
from .recu import ReCUBinarizer
from .sign import SignSTE, binary_sign

BINARIZERS: dict[str, type[Binarizer]] = {
    kind.name: kind for kind in (LibraBinarizer, BNNBinarizer, IRNetBinarizer, BiRealBinarizer, ReCUBinarizer)
}


def make_binarizer(binarizer: str | Mapping[str, Any] | Binarizer = "libra", **options: Any) -> Binarizer:
    """Return a binariser by its name, by name and options, or the one given.

    Parameters
    ----------
    binarizer : str, mapping or Binarizer
        ``"libra"``, ``"bnn"``, ``"irnet"``, ``"bireal"``, ``"recu"``; ``{"name": ..., option: value}``; or an object,
        which is returned as it is and may serve several layers. ``BINARIZERS`` takes classes of one's own.
    **options
        Of the named binariser.

    Raises
    ------
    ParameterError
        On an unknown name or option, or options beside an object.

    Examples
    --------
    >>> make_binarizer("irnet", t_min=1e-3)
    IRNetBinarizer(t_min=0.001, t_max=10.0)
    """
    if isinstance(binarizer, Binarizer):
        if options:
            raise ParameterError(
                "options beside a binariser that is made already",
                where="make_binarizer",
                value=sorted(options),
                remedy="give its name with the options, or the object alone",
            )
        return binarizer
    if isinstance(binarizer, Mapping):
        given = {**binarizer, **options}
        return make_binarizer(given.pop("name", ""), **given)
    if not isinstance(binarizer, str) or binarizer not in BINARIZERS:
        raise ParameterError(
            "unknown binariser",
            where="argument 'binarizer'",
            value=binarizer,
            remedy=suggest(str(binarizer), BINARIZERS),
        )
    known = inspect.signature(BINARIZERS[binarizer]).parameters
    for key in options:
        if key not in known:
            raise ParameterError(
                f"binariser {binarizer!r} has no option {key!r}",
                where=f"make_binarizer({binarizer!r})",
                value=options[key],
                remedy=suggest(key, known) if known else "it has no options",
            )
    return BINARIZERS[binarizer](**options)


__all__ = [
    "BINARIZERS",
    "BNNBinarizer",
    "BiRealBinarizer",
    "Binarizer",
    "IRNetBinarizer",
    "LibraBinarizer",
    "ReCUBinarizer",
    "SignSTE",
    "binary_sign",
    "make_binarizer",
    "normalize_weight",
]
