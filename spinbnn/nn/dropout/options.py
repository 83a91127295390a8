"""The options of scale dropout, checked; combinations that make no sense are refused with the reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real

from ...errors import ParameterError, suggest
from .modes import MODES
from .placements import PLACEMENTS

GRANULARITIES = ("vector", "element")
ALPHA_INITS = ("ones", "normal", "uniform")


def resolve_alpha_init(placement: str, alpha_init: str | None) -> str:
    """Return the initialisation of alpha; None picks ``"normal"`` for ``"pre_bn"`` and ``"ones"`` otherwise.

    Raises
    ------
    ParameterError
        On an unknown initialisation or placement.

    Examples
    --------
    >>> resolve_alpha_init("dual_bn", None), resolve_alpha_init("pre_bn", None), resolve_alpha_init("pre_bn", "ones")
    ('ones', 'normal', 'ones')
    """
    if placement not in PLACEMENTS:
        raise ParameterError(
            "unknown placement",
            where="ScaleDropout, argument 'placement'",
            value=placement,
            remedy=suggest(str(placement), PLACEMENTS),
        )
    if alpha_init is None:
        return PLACEMENTS[placement].alpha_init
    if alpha_init not in ALPHA_INITS:
        raise ParameterError(
            "unknown initialisation of alpha",
            where="ScaleDropout, argument 'alpha_init'",
            value=alpha_init,
            remedy=" or ".join(ALPHA_INITS),
        )
    return alpha_init


def check_numbers(channels: int, eps: float, momentum: float) -> None:
    """Refuse a number of channels below 1, and numbers that no batch normalisation takes.

    Raises
    ------
    ParameterError
        Naming the argument.

    Examples
    --------
    >>> check_numbers(8, 1e-5, 0.1)
    """
    whole = isinstance(channels, Integral) and not isinstance(channels, bool) and channels > 0
    for good, key, value, remedy in (
        (whole, "channels", channels, "a positive integer, e.g. 8"),
        (_is_number(eps) and 0 <= eps < math.inf, "eps", eps, "0 or a positive number, e.g. 1e-5"),
        (_is_number(momentum) and 0 <= momentum <= 1, "momentum", momentum, "a number in [0, 1], e.g. 0.1"),
    ):
        if not good:
            raise ParameterError(
                "option out of range", where=f"ScaleDropout, argument {key!r}", value=value, remedy=remedy
            )


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def check_options(
    p: float, placement: str, mode: str, granularity: str, random_range: tuple[float, float]
) -> None:
    """Refuse options out of range and combinations that make no sense.

    Raises
    ------
    ParameterError
        With the reason.

    Examples
    --------
    >>> check_options(0.2, "gamma", "average", "element", (0.0, 2.0))
    """
    if not (_is_number(p) and 0.0 <= p < 1.0):
        raise ParameterError(
            "a drop probability lies in [0, 1)",
            where="ScaleDropout, argument 'p'",
            value=p,
            remedy="e.g. p=0.2; p is the DROP probability. A chip's measured probability may be 1: "
            "set_drop_probabilities takes it",
        )
    resolve_alpha_init(placement, None)
    for key, value, known in (("mode", mode, MODES), ("granularity", granularity, GRANULARITIES)):
        if value not in known:
            raise ParameterError(
                f"unknown {key}",
                where=f"ScaleDropout, argument {key!r}",
                value=value,
                remedy=suggest(str(value), known),
            )
    pair = (
        isinstance(random_range, Sequence) and len(random_range) == 2 and all(map(_is_number, random_range))
    )
    if not (pair and -math.inf < random_range[0] < random_range[1] < math.inf):
        raise ParameterError(
            "the range of random scales needs two ascending numbers",
            where="ScaleDropout, argument 'random_range'",
            value=random_range,
            remedy="e.g. (0.0, 2.0), whose mean is 1",
        )
    if placement == "dual_bn" and mode == "random":
        raise ParameterError(
            "the dropped branch of 'dual_bn' cannot have random scales: its normalisation cancels them while "
            "training and holds the mixture of all draws in eval mode, which it never trained with",
            where="ScaleDropout, arguments 'placement' and 'mode'",
            value=(placement, mode),
            remedy="mode='unitary' or 'average', or placement 'gamma' or 'prestat'",
        )
