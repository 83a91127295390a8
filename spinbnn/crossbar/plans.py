"""Plans of networks that are known by name, so that their cost can be told without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..errors import ParameterError, suggest
from .plan import THRESHOLD_SETS, LayerSpec, NetworkPlan
from .residual_plans import resnet18_plan, resnet20_plan, vgg_small_plan


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


_PLANS: dict[str, Callable[..., NetworkPlan]] = {
    "lenet5": lenet5_plan,
    "resnet18": resnet18_plan,
    "resnet20": resnet20_plan,
    "vgg_small": vgg_small_plan,
}
_RESIDUAL = ("resnet18", "resnet20")


def names() -> list[str]:
    """Return the names that :func:`plan` knows.

    Examples
    --------
    >>> names()
    ['lenet5', 'resnet18', 'resnet20', 'vgg_small']
    """
    return sorted(_PLANS)


def plan(
    name: str,
    *,
    first: str = "binary",
    last: str = "binary",
    classes: int = 10,
    logit_dropout: bool | None = None,
    placement: str = "pre_bn",
    shortcuts: str | None = None,
    downsample: str | None = None,
) -> NetworkPlan:
    """Return the plan of a network by its name.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    first, last, classes, placement
        As of :func:`lenet5_plan`.
    logit_dropout : bool, optional
        Whether the last layer's scale has a dropout bit; None: as the network has it (LeNet-5 yes, others no).
    shortcuts, downsample : str, optional
        Of a residual network, as of :func:`spinbnn.crossbar.residual_plans.resnet_plan`; None: the network's own.

    Raises
    ------
    ParameterError
        For an unknown name, placement or kind of shortcut, with the nearest known one.

    Examples
    --------
    >>> plan("lenet5").macs
    281640
    >>> [plan(n, first="digital", last="digital").dropout_layers for n in names()]
    [5, 16, 18, 5]
    """
    if name not in _PLANS:
        raise ParameterError("unknown network", where="plan, name", value=name, remedy=suggest(name, _PLANS))
    options: dict[str, object] = {
        key: value
        for key, value in (
            ("logit_dropout", logit_dropout),
            ("shortcuts", shortcuts),
            ("downsample", downsample),
        )
        if value is not None
    }
    for key in ("shortcuts", "downsample"):
        if key in options and name not in _RESIDUAL:
            raise ParameterError(
                "this network has no skip connections",
                where=f"plan, {key}",
                value=options[key],
                remedy=f"leave it out, or use one of {', '.join(_RESIDUAL)}",
            )
    return _PLANS[name](first=first, last=last, classes=classes, placement=placement, **options)
