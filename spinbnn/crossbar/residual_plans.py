"""Plans of the residual networks and of VGG-small, on 3 x 32 x 32 images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..errors import ParameterError, suggest
from .layer_spec import LayerSpec
from .plan import THRESHOLD_SETS, NetworkPlan
from .skips import Skip

SHORTCUTS = ("double", "block")
DOWNSAMPLING = ("subsample", "average", "projection", "average_projection")


def resnet_plan(
    name: str,
    widths: tuple[int, ...],
    blocks: int,
    *,
    first: str = "binary",
    last: str = "binary",
    classes: int = 10,
    logit_dropout: bool = False,
    placement: str = "pre_bn",
    shortcuts: str = "double",
    downsample: str = "subsample",
) -> NetworkPlan:
    """Return a residual network: a 3 x 3 stem, stages of blocks of two 3 x 3 convolutions, the mean, one linear layer.

    Parameters
    ----------
    name : str
        Name of the plan.
    widths : tuple of int
        Channels of each stage; every stage but the first halves the map [].
    blocks : int
        Blocks a stage [].
    first, last, classes
        As of :func:`spinbnn.crossbar.plans.lenet5_plan`.
    logit_dropout : bool
        Whether the last layer's scale has a dropout bit too. The stem has none, each residual convolution has one.
    placement : {"pre_bn", "dual_bn"}
        Of the scale dropout.
    shortcuts : {"double", "block"}
        One around each convolution (Bi-Real, doi 10.1007/978-3-030-01267-0_44; IR-Net's ResNet-20), or one around
        the two of a block (IR-Net's ResNet-18).
    downsample : {"subsample", "average", "projection", "average_projection"}
        What a shortcut does where the map is halved and the channels grow: every second row and column and zeros
        for the missing channels (option A), the mean of 2 x 2 and zeros, a digital 1 x 1 convolution with
        stride 2 (IR-Net's ResNet-18), or the mean of 2 x 2 and a digital 1 x 1 convolution (Bi-Real).

    Notes
    -----
    Layers are named ``s<stage>b<block>c<1 or 2>``, a projection ``s<stage>b<block>p``; it runs before the block
    whose shortcut it is. Source of the networks: IR-Net (arXiv 1909.10788; github.com/htqin/IR-Net).

    Raises
    ------
    ParameterError
        For an unknown kind of shortcut, downsampling or placement.

    Examples
    --------
    >>> plan = resnet_plan("small", (16, 32), 1, shortcuts="block", downsample="projection")
    >>> [layer.name for layer in plan.layers]
    ['stem', 's1b1c1', 's1b1c2', 's2b1p', 's2b1c1', 's2b1c2', 'fc']
    """
    for key, value, known in (
        ("shortcuts", shortcuts, SHORTCUTS),
        ("downsample", downsample, DOWNSAMPLING),
        ("placement", placement, tuple(THRESHOLD_SETS)),
    ):
        if value not in known:
            raise ParameterError(
                f"unknown {key} of a residual network"
                if key != "placement"
                else "unknown placement of the scale dropout",
                where=f"plan, {key}",
                value=value,
                remedy=suggest(str(value), known),
            )
    size = 32
    layers = [_conv("stem", 3, widths[0], size, dropout=False)]
    skips: list[Skip] = []
    before, channels = "stem", widths[0]
    for stage, width in enumerate(widths, 1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            c1, c2, p = (f"s{stage}b{block}{end}" for end in ("c1", "c2", "p"))
            entry = before
            halves = stride == 2 or channels != width
            if halves and downsample.endswith("projection"):
                if downsample == "average_projection":
                    layers[-1] = replace(layers[-1], pooling="average")
                layers.append(
                    _projection(p, before, channels, width, size, pooled=downsample != "projection")
                )
                shortcut = Skip(source=p, target=c1)
            else:
                shortcut = Skip(source=entry, target=c1, kind=downsample if halves else "identity")
            first_conv = _conv(c1, channels, width, size, stride)
            layers.append(replace(first_conv, source=entry) if layers[-1].name != entry else first_conv)
            size //= stride
            layers.append(_conv(c2, width, width, size))
            if shortcuts == "double":
                skips += [shortcut, Skip(source=c1, target=c2)]
            else:
                skips.append(replace(shortcut, target=c2))
            before, channels = c2, width
    layers[-1] = replace(layers[-1], pooling="average")
    layers.append(
        LayerSpec(
            kind="linear", name="fc", in_channels=channels, out_channels=classes, scale_dropout=logit_dropout
        )
    )
    return _finish(name, layers, skips, first, last, classes, placement)


def resnet20_plan(**options: Any) -> NetworkPlan:
    """Return ResNet-20 of CIFAR: 16, 32 and 64 channels, three blocks each, 18 residual convolutions.

    Keywords as of :func:`resnet_plan`; by default option-A shortcuts around each convolution (IR-Net's code).

    Examples
    --------
    >>> plan = resnet20_plan()
    >>> len(plan.layers), len(plan.skips), plan.parameters, plan.macs, plan.dropout_layers
    (20, 18, 268336, 40551040, 18)
    """
    return resnet_plan("resnet20", (16, 32, 64), 3, **options)


def resnet18_plan(**options: Any) -> NetworkPlan:
    """Return ResNet-18 of CIFAR: 64 to 512 channels, two blocks each, a 3 x 3 stem without pooling.

    Keywords as of :func:`resnet_plan`; by default one shortcut around each block and digital 1 x 1 projections
    (IR-Net's code); ``shortcuts="double", downsample="average_projection"`` is Bi-Real's.

    Examples
    --------
    >>> plan = resnet18_plan()
    >>> len(plan.layers), len(plan.skips), plan.parameters
    (21, 8, 11164352)
    """
    return resnet_plan(
        "resnet18", (64, 128, 256, 512), 2, **{"shortcuts": "block", "downsample": "projection"} | options
    )


def vgg_small_plan(
    *,
    first: str = "binary",
    last: str = "binary",
    classes: int = 10,
    logit_dropout: bool = False,
    placement: str = "pre_bn",
) -> NetworkPlan:
    """Return VGG-small: six 3 x 3 convolutions (128, 128, pool, 256, 256, pool, 512, 512, pool) and one linear layer.

    Parameters
    ----------
    first, last, classes, logit_dropout, placement
        As of :func:`resnet_plan`.

    Examples
    --------
    >>> plan = vgg_small_plan()
    >>> plan.parameters, plan.layers[-1].in_channels, plan.dropout_layers
    (4656512, 8192, 5)
    """
    if placement not in THRESHOLD_SETS:
        raise ParameterError(
            "unknown placement of the scale dropout",
            where="plan, placement",
            value=placement,
            remedy=suggest(str(placement), THRESHOLD_SETS),
        )
    widths, size, before = (128, 128, 256, 256, 512, 512), 32, 3
    layers = []
    for number, width in enumerate(widths):
        layers.append(_conv(f"conv{number + 1}", before, width, size, dropout=number > 0))
        size //= 1 + number % 2
        before = width
    layers.append(
        LayerSpec(
            kind="linear",
            name="fc",
            in_channels=before * size**2,
            out_channels=classes,
            scale_dropout=logit_dropout,
        )
    )
    return _finish("vgg_small", layers, [], first, last, classes, placement)


def _conv(
    name: str, before: int, width: int, size: int, stride: int = 1, *, dropout: bool = True
) -> LayerSpec:
    """Return a 3 x 3 convolution with padding 1."""
    return LayerSpec(
        kind="conv",
        name=name,
        in_channels=before,
        out_channels=width,
        kernel=(3, 3),
        input_size=(size, size),
        output_size=(size // stride, size // stride),
        stride=stride,
        padding=1,
        scale_dropout=dropout,
    )


def _projection(name: str, source: str, before: int, width: int, size: int, *, pooled: bool) -> LayerSpec:
    """Return the digital 1 x 1 convolution of a shortcut, strided or behind a 2 x 2 mean."""
    entering = size // 2 if pooled else size
    return LayerSpec(
        kind="conv",
        name=name,
        in_channels=before,
        out_channels=width,
        input_size=(entering, entering),
        output_size=(size // 2, size // 2),
        stride=1 if pooled else 2,
        weight_bits=32,
        input_bits=32,
        scale_dropout=False,
        digital=True,
        source=source,
    )


def _finish(
    name: str,
    layers: list[LayerSpec],
    skips: list[Skip],
    first: str,
    last: str,
    classes: int,
    placement: str,
) -> NetworkPlan:
    """Return the plan with its threshold sets and ends."""
    sets = THRESHOLD_SETS[placement]
    layers = [replace(layer, threshold_sets=sets if layer.scale_dropout else 1) for layer in layers]
    plan = NetworkPlan(
        name=name, layers=tuple(layers), classes=classes, input_shape=(3, 32, 32), skips=tuple(skips)
    )
    return plan.with_ends(first=first, last=last)
