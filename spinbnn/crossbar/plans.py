"""Plans of networks that are known by name, so that their cost can be told without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..errors import ParameterError, suggest
from .plan import THRESHOLD_SETS, LayerSpec, NetworkPlan


def lenet5_plan(
    *,
    first: str = "binary",
    last: str = "binary",
    classes: int = 10,
    logit_dropout: bool = True,
    placement: str = "pre_bn",
) -> NetworkPlan:
    """Return LeNet-5 on 28 x 28 images without padding: 6@5x5, pool 2, 16@5x5, pool 2, 256-120-84-classes.

    Parameters
    ----------
    first : {"binary", "bit_serial", "digital"}
        What the first layer sees.
    last : {"binary", "digital"}
        How the last layer is computed.
    classes : int
        Outputs [].
    logit_dropout : bool
        Whether the last layer's scale has a dropout bit too (five bits, 32 masks) or not (four, 16).
    placement : {"pre_bn", "dual_bn"}
        Of the scale dropout: before the one normalisation, as published, or with a normalisation for each
        branch, which takes a second threshold set in each dropout layer.

    Notes
    -----
    One pass reads 24^2 + 8^2 + 1 + 1 + 1 = 643 windows, the count behind the published 0.18 uJ an image
    (Scale-Dropout, arXiv 2311.15816, Table VIII).

    Examples
    --------
    >>> plan = lenet5_plan(last="digital")
    >>> [(layer.name, layer.rows, layer.columns, layer.digital) for layer in plan.layers][-1]
    ('fc3', 84, 10, True)
    >>> sum(layer.windows for layer in plan.layers)
    643
    >>> lenet5_plan(placement="dual_bn").second_thresholds
    236
    """
    if placement not in THRESHOLD_SETS:
        raise ParameterError(
            "unknown placement of the scale dropout",
            where="plan, placement",
            value=placement,
            remedy=suggest(str(placement), THRESHOLD_SETS),
        )
    layers: tuple[LayerSpec, ...] = (
        LayerSpec(
            kind="conv",
            name="conv1",
            in_channels=1,
            out_channels=6,
            kernel=(5, 5),
            input_size=(28, 28),
            output_size=(24, 24),
        ),
        LayerSpec(
            kind="conv",
            name="conv2",
            in_channels=6,
            out_channels=16,
            kernel=(5, 5),
            input_size=(12, 12),
            output_size=(8, 8),
        ),
        LayerSpec(kind="linear", name="fc1", in_channels=256, out_channels=120),
        LayerSpec(kind="linear", name="fc2", in_channels=120, out_channels=84),
        LayerSpec(
            kind="linear", name="fc3", in_channels=84, out_channels=classes, scale_dropout=logit_dropout
        ),
    )
    sets = THRESHOLD_SETS[placement]
    layers = tuple(replace(layer, threshold_sets=sets if layer.scale_dropout else 1) for layer in layers)
    plan = NetworkPlan(name="lenet5", layers=layers, classes=classes, input_shape=(1, 28, 28))
    return plan.with_ends(first=first, last=last)


_PLANS: dict[str, Callable[..., NetworkPlan]] = {"lenet5": lenet5_plan}


def names() -> list[str]:
    """Return the names that :func:`plan` knows.

    Examples
    --------
    >>> names()
    ['lenet5']
    """
    return sorted(_PLANS)


def plan(
    name: str,
    *,
    first: str = "binary",
    last: str = "binary",
    classes: int = 10,
    logit_dropout: bool = True,
    placement: str = "pre_bn",
) -> NetworkPlan:
    """Return the plan of a network by its name.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    first, last, classes, logit_dropout, placement
        As of :func:`lenet5_plan`.

    Raises
    ------
    ParameterError
        For an unknown name or placement, with the nearest known one.

    Examples
    --------
    >>> plan("lenet5").macs
    281640
    """
    if name not in _PLANS:
        raise ParameterError("unknown network", where="plan, name", value=name, remedy=suggest(name, _PLANS))
    return _PLANS[name](
        first=first, last=last, classes=classes, logit_dropout=logit_dropout, placement=placement
    )
