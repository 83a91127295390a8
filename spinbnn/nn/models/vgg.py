"""VGG-small of the binarisation literature."""

from __future__ import annotations

from torch import Tensor
from torch.nn import BatchNorm2d, functional

from .network import BinarizerOption, Choices, Maker, Network, Probabilities, check_size

WIDTHS = (128, 128, 256, 256, 512, 512)


class VGGSmall(Network):
    """The network that :func:`vgg_small` builds; layers ``conv1`` to ``conv6`` and ``fc``.

    ``forward``: convolution, max-pooling behind every second one, normalisation, Hardtanh. The normalisation is plain
    behind ``conv1`` and scale dropout behind the others. The next layer takes the sign, so that Hardtanh changes no
    value: it stops the gradient where the normalised sum lies outside [-1, 1], which the sign's own rule does not do
    in every binariser (IR-Net's gradient is wide while training is young).
    """

    def __init__(self, choices: Choices, *, in_channels: int, size: int) -> None:
        super().__init__()
        name = "vgg_small"
        check_size(in_channels, "in_channels", name)
        check_size(size, "size", name, 8)
        before = (in_channels, *WIDTHS)
        weights = [a * b * 9 for a, b in zip(before, WIDTHS, strict=False)]
        features = WIDTHS[-1] * (size // 8) ** 2
        maker = Maker(
            self,
            name,
            choices,
            (in_channels, size, size),
            weights=weights[1:],
            last_weights=features * choices.classes,
            own={"in_channels": in_channels, "size": size},
        )
        self.conv1 = maker.first_conv(in_channels, WIDTHS[0], 3, 1)
        self.norm1 = BatchNorm2d(WIDTHS[0])
        for number in range(2, 7):
            setattr(self, f"conv{number}", maker.conv(before[number - 1], WIDTHS[number - 1], 3, padding=1))
            setattr(self, f"norm{number}", maker.norm(WIDTHS[number - 1]))
        self.fc = maker.last_linear(features)
        self.fc_norm = maker.logit_norm()

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, shape ``(B, classes)``."""
        x = self.encode(x)
        for number in range(1, 7):
            x = getattr(self, f"conv{number}")(x)
            if number % 2 == 0:
                x = functional.max_pool2d(x, 2)
            x = functional.hardtanh(getattr(self, f"norm{number}")(x))
        logits: Tensor = self.fc_norm(self.fc(x.flatten(1)))
        return logits


def vgg_small(
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
) -> VGGSmall:
    """Build VGG-small as IR-Net's code has it: 128, 128, 256, 256, 512, 512 channels and ONE linear layer.

    4,656,512 weights on 3 x 32 x 32 images; five scale-dropout layers (``conv2`` to ``conv6``), six with
    ``logit_dropout``. Max-pooling stands before the normalisation, so that on the arrays it is a comparison of sums.
    The published comparisons have ``first = last = "digital"``; there the last layer takes real features, here the
    signs that the last comparators hand over, with real weights.

    Parameters
    ----------
    first, last, p, placement, mode, granularity, classes, logit_dropout, alpha_init, binarizer, seed
        As of :func:`~spinbnn.nn.models.lenet5`.
    in_channels, size : int
        Of the images; ``size`` is a multiple of 8 [], [pixels].

    References
    ----------
    Qin et al., IR-Net, arXiv 1909.10788; github.com/htqin/IR-Net. Zhang et al., LQ-Nets, ECCV 2018 (the network).

    Examples
    --------
    >>> model = vgg_small(first="digital", last="digital")
    >>> model.fc.in_features, len(model.options["p"])
    (8192, 5)
    """
    options = locals()
    shape = {key: options.pop(key) for key in ("in_channels", "size")}
    return VGGSmall(Choices(**options), **shape)
