"""ResNet-20 and ResNet-18 of CIFAR with binary convolutions: the shortcuts of IR-Net and of Bi-Real net."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn import BatchNorm1d, BatchNorm2d, functional

from ...crossbar.residual_plans import DOWNSAMPLING, SHORTCUTS
from ...errors import ParameterError, suggest
from .network import BinarizerOption, Choices, Maker, Network, Probabilities, check_size

STYLES = {
    "resnet20": {"irnet": ("double", "subsample", True), "bireal": ("double", "average", False)},
    "resnet18": {"irnet": ("block", "projection", True), "bireal": ("double", "average_projection", False)},
}
"""For each network and source: shortcuts, downsampling, and whether sums pass a Hardtanh."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Two convolutions: their names, and what their shortcut does."""

    name: str
    before: int
    width: int
    stride: int

    @property
    def halves(self) -> bool:
        return self.stride > 1 or self.before != self.width


class ResNet(Network):
    """The network that :func:`resnet20` and :func:`resnet18` build.

    Layers ``stem``, ``s<stage>b<block>c<1 or 2>``, projections ``s<stage>b<block>p``, ``fc``; each normalisation has
    the name of its layer and ``_norm``. Each residual convolution is followed by scale dropout; the stem, projections
    and the mean of the last maps have plain BatchNorm. Shortcuts are summed as real numbers, behind the normalisation.

    With ``hardtanh`` every sum is clipped to [-1, 1], as in IR-Net's code: the stream of the shortcuts stays within
    the range in which the sign has a gradient, and the chip's skip buffer has a bounded number to store. The signs
    that the convolutions take are the same with and without it.
    """

    def __init__(
        self,
        name: str,
        widths: Sequence[int],
        blocks: int,
        choices: Choices,
        *,
        shortcuts: str,
        downsample: str | None,
        hardtanh: bool | None,
        in_channels: int,
        size: int,
    ) -> None:
        super().__init__()
        check_size(in_channels, "in_channels", name)
        check_size(size, "size", name, 2 ** (len(widths) - 1))
        self.shortcuts, self.downsample, self.hardtanh = _style(name, shortcuts, downsample, hardtanh)
        self.blocks = _blocks(widths, blocks)
        maker = Maker(
            self,
            name,
            choices,
            (in_channels, size, size),
            weights=[n for b in self.blocks for n in (9 * b.before * b.width, 9 * b.width * b.width)],
            last_weights=widths[-1] * choices.classes,
            own={
                "shortcuts": self.shortcuts,
                "downsample": self.downsample,
                "hardtanh": self.hardtanh,
                "in_channels": in_channels,
                "size": size,
            },
        )
        self.stem = maker.first_conv(in_channels, widths[0], 3, 1)
        self.stem_norm = BatchNorm2d(widths[0])
        for block in self.blocks:
            if block.halves and self.downsample.endswith("projection"):
                stride = block.stride if self.downsample == "projection" else 1
                setattr(self, f"{block.name}p", maker.projection(block.before, block.width, stride))
                setattr(self, f"{block.name}p_norm", BatchNorm2d(block.width))
            for end, before, step in (("c1", block.before, block.stride), ("c2", block.width, 1)):
                setattr(self, f"{block.name}{end}", maker.conv(before, block.width, 3, step, 1))
                setattr(self, f"{block.name}{end}_norm", maker.norm(block.width))
        self.mean_norm = BatchNorm1d(widths[-1])
        self.fc = maker.last_linear(widths[-1], signs=False)
        self.fc_norm = maker.logit_norm()

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, shape ``(B, classes)``."""
        x = self._clip(self.stem_norm(self.stem(self.encode(x))))
        for block in self.blocks:
            c1, c2 = f"{block.name}c1", f"{block.name}c2"
            shortcut = self._shortcut(block, x)
            y = getattr(self, f"{c1}_norm")(getattr(self, c1)(x))
            if self.shortcuts == "double":
                y = shortcut = self._clip(y + shortcut)
            else:
                y = self._clip(y)
            x = self._clip(getattr(self, f"{c2}_norm")(getattr(self, c2)(y)) + shortcut)
        logits: Tensor = self.fc_norm(self.fc(self.mean_norm(x.mean((2, 3)))))
        return logits

    def _clip(self, x: Tensor) -> Tensor:
        return functional.hardtanh(x) if self.hardtanh else x

    def _shortcut(self, block: _Block, x: Tensor) -> Tensor:
        """Return what a block's shortcut adds."""
        if not block.halves:
            return x
        if self.downsample == "projection":
            return self._projected(block, x)
        if self.downsample == "subsample":
            x = x[:, :, :: block.stride, :: block.stride]
        else:
            x = functional.avg_pool2d(x, block.stride)
            if self.downsample == "average_projection":
                return self._projected(block, x)
        more = block.width - block.before
        return functional.pad(x, (0, 0, 0, 0, more // 2, more - more // 2))

    def _projected(self, block: _Block, x: Tensor) -> Tensor:
        projected: Tensor = getattr(self, f"{block.name}p_norm")(getattr(self, f"{block.name}p")(x))
        return projected


def _blocks(widths: Sequence[int], blocks: int) -> tuple[_Block, ...]:
    """Return the blocks of all stages; every stage but the first halves the map."""
    found, before = [], widths[0]
    for stage, width in enumerate(widths, 1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            found.append(_Block(f"s{stage}b{block}", before, width, stride))
            before = width
    return tuple(found)


def _style(name: str, shortcuts: str, downsample: str | None, hardtanh: bool | None) -> tuple[str, str, bool]:
    """Return shortcuts, downsampling and Hardtanh from the name of a source, or as given."""
    styles = STYLES[name]
    known = (*styles, *SHORTCUTS)
    if shortcuts not in known:
        raise ParameterError(
            "unknown shortcuts of a residual network",
            where=f"{name}, argument 'shortcuts'",
            value=shortcuts,
            remedy=suggest(str(shortcuts), known),
        )
    kind, reduction, clip = styles.get(shortcuts, (shortcuts, styles["irnet"][1], True))
    if downsample is not None and downsample not in DOWNSAMPLING:
        raise ParameterError(
            "unknown downsampling of a residual network",
            where=f"{name}, argument 'downsample'",
            value=downsample,
            remedy=suggest(str(downsample), DOWNSAMPLING),
        )
    return kind, downsample or reduction, clip if hardtanh is None else bool(hardtanh)


def resnet20(
    *,
    first: str = "binary",
    last: str = "binary",
    p: Probabilities = 0.2,
    placement: str = "dual_bn",
    mode: str = "unitary",
    granularity: str = "vector",
    classes: int = 10,
    logit_dropout: bool = False,
    alpha_init: str | None = None,
    binarizer: BinarizerOption = "libra",
    seed: int = 0,
    in_channels: int = 3,
    size: int = 32,
    shortcuts: str = "irnet",
    downsample: str | None = None,
    hardtanh: bool | None = None,
) -> ResNet:
    """Build ResNet-20 of CIFAR: 16, 32 and 64 channels, three blocks each, 18 binary convolutions; 268,336 weights.

    The published comparisons have ``first = last = "digital"``. A digital last layer takes the real mean of the last
    maps, a binary one its signs.

    Parameters
    ----------
    first, last, p, placement, mode, granularity, classes, logit_dropout, alpha_init, binarizer, seed
        As of :func:`~spinbnn.nn.models.lenet5`; 18 scale-dropout layers, 19 with ``logit_dropout``.
    in_channels, size : int
        Of the images; ``size`` is a multiple of 4 [], [pixels].
    shortcuts : str
        ``"irnet"``: a shortcut around each convolution, every second pixel and channels of zeros where the map is
        halved (option A), Hardtanh behind each sum; ``"bireal"``: the same with the mean of 2 x 2 pixels and without
        Hardtanh. Or ``"double"`` (around each convolution), ``"block"`` (around the two of a block) with
        ``downsample``; ``options`` holds this form.
    downsample : str or None
        ``"subsample"``, ``"average"``, ``"projection"`` (digital 1 x 1 convolution with stride 2) or
        ``"average_projection"`` (digital 1 x 1 convolution of the 2 x 2 mean); None: as ``shortcuts`` says, or
        ``"subsample"``.
    hardtanh : bool or None
        Clip each sum to [-1, 1]; None: as ``shortcuts`` says, or True.

    References
    ----------
    He et al., arXiv 1512.03385 (the network, option A). Qin et al., IR-Net, arXiv 1909.10788;
    github.com/htqin/IR-Net. Liu et al., Bi-Real net, doi 10.1007/978-3-030-01267-0_44.

    Examples
    --------
    >>> model = resnet20(p="layer_rule", shortcuts="bireal")
    >>> model.options["downsample"], sorted(set(model.options["p"]))
    ('average', [0.1, 0.2, 0.5])
    """
    return _resnet("resnet20", (16, 32, 64), 3, **locals())


def resnet18(
    *,
    first: str = "binary",
    last: str = "binary",
    p: Probabilities = 0.2,
    placement: str = "dual_bn",
    mode: str = "unitary",
    granularity: str = "vector",
    classes: int = 10,
    logit_dropout: bool = False,
    alpha_init: str | None = None,
    binarizer: BinarizerOption = "libra",
    seed: int = 0,
    in_channels: int = 3,
    size: int = 32,
    shortcuts: str = "irnet",
    downsample: str | None = None,
    hardtanh: bool | None = None,
) -> ResNet:
    """Build ResNet-18 of CIFAR: 64 to 512 channels, two blocks each, a 3 x 3 stem; 11,164,352 weights.

    Parameters
    ----------
    first, last, p, placement, mode, granularity, classes, logit_dropout, alpha_init, binarizer, seed
        As of :func:`~spinbnn.nn.models.lenet5`; 16 scale-dropout layers, 17 with ``logit_dropout``.
    in_channels, size : int
        Of the images; ``size`` is a multiple of 8 [], [pixels].
    shortcuts : str
        ``"irnet"``: one shortcut around each block, digital 1 x 1 convolutions with stride 2 where the map is halved,
        Hardtanh; ``"bireal"``: one around each convolution, digital 1 x 1 convolutions of the 2 x 2 mean, without
        Hardtanh. Or ``"double"``, ``"block"`` with ``downsample`` (None: ``"projection"``) and ``hardtanh``.
    downsample, hardtanh
        As of :func:`resnet20`.

    References
    ----------
    As of :func:`resnet20`.

    Examples
    --------
    >>> model = resnet18()
    >>> model.options["shortcuts"], model.s2b1p.stride
    ('block', (2, 2))
    """
    return _resnet("resnet18", (64, 128, 256, 512), 2, **locals())


def _resnet(
    name: str,
    widths: tuple[int, ...],
    blocks: int,
    *,
    shortcuts: str,
    downsample: str | None,
    hardtanh: bool | None,
    in_channels: int,
    size: int,
    **choices: object,
) -> ResNet:
    return ResNet(
        name,
        widths,
        blocks,
        Choices(**choices),  # type: ignore[arg-type]
        shortcuts=shortcuts,
        downsample=downsample,
        hardtanh=hardtanh,
        in_channels=in_channels,
        size=size,
    )
