"""The three LeNets: two 5 x 5 convolutions with pooling, then linear layers."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor
from torch.nn import functional

from .network import BinarizerOption, Choices, Maker, Network, Probabilities, check_size


class LeNet(Network):
    """The network that :func:`lenet5` and its sisters build; input ``(B, C, H, W)`` in [0, 1], output logits.

    Every layer is followed by (pooling and) :class:`~spinbnn.nn.dropout.ScaleDropout`; the next layer takes the
    sign. Layers ``conv1``, ``conv2``, ``fc1`` ..., their normalisations ``norm1`` ... in execution order.
    """

    def __init__(
        self,
        name: str,
        channels: tuple[int, int],
        hidden: tuple[int, ...],
        choices: Choices,
        *,
        in_channels: int,
        size: int,
        padding: int,
    ) -> None:
        super().__init__()
        check_size(in_channels, "in_channels", name)
        check_size(padding, "padding", name, least=0)
        check_size(size, "size", name, least=max(1, 16 - 2 * padding))  # so that one pixel is left
        side = (((size + 2 * padding - 4) // 2) - 4) // 2
        widths = [channels[1] * side * side, *hidden]
        weights = [in_channels * channels[0] * 25, channels[0] * channels[1] * 25]
        weights += [before * after for before, after in pairwise(widths)]
        maker = Maker(
            self,
            name,
            choices,
            (in_channels, size, size),
            weights=weights,
            last_weights=widths[-1] * choices.classes,
            own={"in_channels": in_channels, "size": size, "padding": padding},
        )
        self.conv1 = maker.first_conv(in_channels, channels[0], 5, padding)
        self.norm1 = maker.norm(channels[0])
        self.conv2 = maker.conv(channels[0], channels[1], 5)
        self.norm2 = maker.norm(channels[1])
        self.dense: list[tuple[str, str]] = []
        for number, before in enumerate(widths, 1):
            final = number == len(widths)
            names = (f"fc{number}", f"norm{number + 2}")
            setattr(
                self, names[0], maker.last_linear(before) if final else maker.linear(before, widths[number])
            )
            setattr(
                self, names[1], maker.logit_norm() if final else maker.norm(widths[number], spatial=False)
            )
            self.dense.append(names)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, shape ``(B, classes)``."""
        x = self.norm1(functional.max_pool2d(self.conv1(self.encode(x)), 2))
        x = self.norm2(functional.max_pool2d(self.conv2(x), 2)).flatten(1)
        for layer, norm in self.dense:
            x = getattr(self, norm)(getattr(self, layer)(x))
        return x


def lenet5(
    *,
    first: str = "binary",
    last: str = "binary",
    p: Probabilities = 0.2,
    placement: str = "dual_bn",
    mode: str = "unitary",
    granularity: str = "vector",
    classes: int = 10,
    logit_dropout: bool = True,
    alpha_init: str | None = None,
    binarizer: BinarizerOption = "libra",
    seed: int = 0,
    in_channels: int = 1,
    size: int = 28,
    padding: int = 0,
) -> LeNet:
    """Build the LeNet-5 of the paper's cost table: 643 crossbar reads a pass with a binary first layer.

    6 and 16 channels, 120 and 84 features: 44,190 weights on 28 x 28 images without padding; with ``padding=2`` the
    61,470 of LeCun et al. (doi 10.1109/5.726791), whose images have 32 x 32 pixels.

    Parameters
    ----------
    first : str
        ``"binary"``: image thresholded at 0.5 to +-1, binary weights; ``"bit_serial"``: 8-bit image, binary
        weights; ``"digital"``: real weights and image.
    last : str
        ``"binary"``: binary weights, integer sums, whose batch normalisation acts as a learnable temperature per
        class; ``"digital"``: real weights on the signs.
    p : float, sequence or str
        DROP probability, one for all layers or one per scale-dropout layer (5, or 4 without ``logit_dropout``), or
        ``"layer_rule"`` (:func:`~spinbnn.nn.depth_rule.layer_rule`); ``options`` holds the numbers.
    placement, mode, granularity : str
        See :class:`~spinbnn.nn.dropout.ScaleDropout`.
    classes : int
        Number of classes.
    logit_dropout : bool
        Scale dropout on the logits as well (32 masks instead of 16); without it they get a plain BatchNorm.
    alpha_init : str or None
        ``"ones"``, ``"normal"`` or ``"uniform"``, see :class:`~spinbnn.nn.dropout.ScaleDropout`; None: what the
        placement takes. ``options`` holds the choice made.
    binarizer : str, mapping or Binarizer
        Name, ``{"name": ..., option: value}``, or object (:func:`~spinbnn.nn.binarizers.make_binarizer`).
    seed : int
        Of the initial weights and scales.
    in_channels, size : int
        Of the images [], [pixels].
    padding : int
        Of the first convolution [pixels].

    Raises
    ------
    ParameterError
        On an unknown option or a wrong number of probabilities.

    Examples
    --------
    >>> import torch
    >>> model = lenet5(seed=1).eval()
    >>> model(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    return _lenet("lenet5", (6, 16), (120, 84), **locals())


def lenet_20_50_500(
    *,
    first: str = "binary",
    last: str = "binary",
    p: Probabilities = 0.2,
    placement: str = "dual_bn",
    mode: str = "unitary",
    granularity: str = "vector",
    classes: int = 10,
    logit_dropout: bool = True,
    alpha_init: str | None = None,
    binarizer: BinarizerOption = "libra",
    seed: int = 0,
    in_channels: int = 1,
    size: int = 28,
    padding: int = 0,
) -> LeNet:
    """Build the LeNet of Caffe's MNIST example: 20 and 50 channels, 500 features, 430,500 weights.

    The LeNet of the XNOR-Net reproductions (github.com/jiecaoyu/XNOR-Net-PyTorch: 99.23 % on MNIST with digital ends).
    Keywords as of :func:`lenet5`; four scale-dropout layers, three without ``logit_dropout``.

    Examples
    --------
    >>> sum(layer.weight.numel() for layer in (lambda m: (m.conv1, m.conv2, m.fc1, m.fc2))(lenet_20_50_500()))
    430500
    """
    return _lenet("lenet_20_50_500", (20, 50), (500,), **locals())


def lenet_32_64_512(
    *,
    first: str = "binary",
    last: str = "binary",
    p: Probabilities = 0.2,
    placement: str = "dual_bn",
    mode: str = "unitary",
    granularity: str = "vector",
    classes: int = 10,
    logit_dropout: bool = True,
    alpha_init: str | None = None,
    binarizer: BinarizerOption = "libra",
    seed: int = 0,
    in_channels: int = 1,
    size: int = 28,
    padding: int = 2,
) -> LeNet:
    """Build the wide LeNet: 32 and 64 channels, 512 features, 876,320 weights (first convolution padded by 2).

    Keywords as of :func:`lenet5`; four scale-dropout layers, three without ``logit_dropout``.

    Examples
    --------
    >>> lenet_32_64_512().fc1.in_features
    1600
    """
    return _lenet("lenet_32_64_512", (32, 64), (512,), **locals())


def _lenet(
    name: str,
    channels: tuple[int, int],
    hidden: tuple[int, ...],
    *,
    in_channels: int,
    size: int,
    padding: int,
    **choices: object,
) -> LeNet:
    return LeNet(
        name,
        channels,
        hidden,
        Choices(**choices),  # type: ignore[arg-type]
        in_channels=in_channels,
        size=size,
        padding=padding,
    )
