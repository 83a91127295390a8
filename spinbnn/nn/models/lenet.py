"""LeNet-5 with binary layers and scale dropout: 28x28 without padding, conv 6, conv 16, 256-120-84-10."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import ParameterError
from ...rng import integer_seed
from ..dropout import ScaleDropout, resolve_alpha_init
from ..layers import BinaryConv2d, BinaryLinear, DigitalConv2d, DigitalLinear, ImageEncoder


class LeNet5(nn.Module):
    """The network that :func:`lenet5` builds; input ``(B, 1, 28, 28)`` in [0, 1], output logits ``(B, classes)``.

    Every layer is followed by (pooling and) :class:`~spinbnn.nn.dropout.ScaleDropout`; the next layer takes the
    sign. ``name`` and ``options`` rebuild it: ``build(model.name, **model.options)``.
    """

    name = "lenet5"

    def __init__(
        self,
        *,
        first: str,
        last: str,
        p: list[float],
        placement: str,
        classes: int,
        logit_dropout: bool,
        alpha_init: str,
        seed: int,
    ) -> None:
        super().__init__()
        self.first, self.last, self.classes = first, last, classes
        self.input_shape = (1, 28, 28)
        self.options: dict[str, Any] = {
            "first": first,
            "last": last,
            "p": p,
            "placement": placement,
            "classes": classes,
            "logit_dropout": logit_dropout,
            "alpha_init": alpha_init,
            "seed": seed,
        }
        draw = torch.Generator().manual_seed(integer_seed(seed, "init", self.name))

        def norm(number: int, channels: int, spatial: bool) -> ScaleDropout:
            # a stream of its own for each layer's alpha: the draws of the weights do not depend on alpha_init
            return ScaleDropout(
                channels,
                p[number - 1],
                placement=placement,
                spatial=spatial,
                alpha_init=alpha_init,
                generator=torch.Generator().manual_seed(integer_seed(seed, "alpha", self.name, number)),
            )

        self.encode = ImageEncoder(first)
        self.conv1: nn.Module
        if first == "digital":
            self.conv1 = DigitalConv2d(1, 6, 5, generator=draw)
        else:
            self.conv1 = BinaryConv2d(
                1, 6, 5, binarize_input=False, input_bits=self.encode.bits, generator=draw
            )
        self.norm1 = norm(1, 6, True)
        self.conv2 = BinaryConv2d(6, 16, 5, generator=draw)
        self.norm2 = norm(2, 16, True)
        self.fc1 = BinaryLinear(256, 120, generator=draw)
        self.norm3 = norm(3, 120, False)
        self.fc2 = BinaryLinear(120, 84, generator=draw)
        self.norm4 = norm(4, 84, False)
        self.fc3 = (DigitalLinear if last == "digital" else BinaryLinear)(84, classes, generator=draw)
        self.norm5: nn.Module = norm(5, classes, False) if logit_dropout else nn.BatchNorm1d(classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, shape ``(B, classes)``."""
        if x.ndim != 4 or x.shape[1:] != self.input_shape:
            raise ParameterError(
                "the images have the wrong shape",
                where="lenet5",
                value=tuple(x.shape),
                remedy="(B, 1, 28, 28) in [0, 1]",
            )
        x = self.norm1(functional.max_pool2d(self.conv1(self.encode(x)), 2))
        x = self.norm2(functional.max_pool2d(self.conv2(x), 2)).flatten(1)
        x = self.norm4(self.fc2(self.norm3(self.fc1(x))))
        logits: Tensor = self.norm5(self.fc3(x))
        return logits


def lenet5(
    *,
    first: str = "binary",
    last: str = "binary",
    p: float | Sequence[float] = 0.2,
    placement: str = "dual_bn",
    classes: int = 10,
    logit_dropout: bool = True,
    alpha_init: str | None = None,
    seed: int = 0,
) -> LeNet5:
    """Build the LeNet-5 of the paper's cost table: 643 crossbar reads a pass with a binary first layer.

    Parameters
    ----------
    first : str
        ``"binary"``: image thresholded at 0.5 to +-1, binary weights; ``"bit_serial"``: 8-bit image, binary
        weights; ``"digital"``: real weights and image.
    last : str
        ``"binary"``: binary weights, integer sums, whose batch normalisation acts as a learnable temperature per
        class; ``"digital"``: real weights on the signs.
    p : float or sequence
        DROP probability, one for all layers or one per scale-dropout layer (5, or 4 without ``logit_dropout``).
    placement : str
        ``"dual_bn"`` or ``"pre_bn"``, see :class:`~spinbnn.nn.dropout.ScaleDropout`.
    classes : int
        Number of classes.
    logit_dropout : bool
        Scale dropout on the logits as well (32 masks instead of 16); without it they get a plain BatchNorm.
    alpha_init : str or None
        ``"ones"``, ``"normal"`` or ``"uniform"``, see :class:`~spinbnn.nn.dropout.ScaleDropout`; None: ``"ones"``
        for ``dual_bn``, ``"normal"`` for ``pre_bn``. ``options`` holds the choice made.
    seed : int
        Of the initial weights and scales.

    Raises
    ------
    ParameterError
        On an unknown option or a wrong number of probabilities.

    Examples
    --------
    >>> model = lenet5(seed=1).eval()
    >>> model(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    if first not in ("binary", "bit_serial", "digital"):
        raise ParameterError(
            "unknown kind of first layer",
            where="lenet5, argument 'first'",
            value=first,
            remedy="binary, bit_serial or digital",
        )
    if last not in ("binary", "digital"):
        raise ParameterError(
            "unknown kind of last layer",
            where="lenet5, argument 'last'",
            value=last,
            remedy="binary or digital",
        )
    count = 5 if logit_dropout else 4
    chosen = [float(p)] * count if isinstance(p, int | float) else [float(value) for value in p]
    if len(chosen) != count:
        raise ParameterError(
            "wrong number of drop probabilities",
            where="lenet5, argument 'p'",
            value=chosen,
            remedy=f"one number, or {count} of them",
        )
    return LeNet5(
        first=first,
        last=last,
        p=chosen,
        placement=placement,
        classes=classes,
        logit_dropout=logit_dropout,
        alpha_init=resolve_alpha_init(placement, alpha_init),
        seed=seed,
    )
