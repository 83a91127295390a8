"""Layers: binary ones, which run on the crossbar, and digital ones, which do not."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ParameterError
from .binarize import binary_sign, normalize_weight

INPUT_BITS = (1, 8, 32)


def _input_bits(given: int | None, default: int, layer: str) -> int:
    """Return the checked number of input bits of a layer."""
    bits = default if given is None else given
    if bits not in INPUT_BITS:
        raise ParameterError(
            "unknown number of input bits",
            where=f"{layer}, argument 'input_bits'",
            value=bits,
            remedy="1 (signs), 8 (bit-serial image) or 32 (real numbers, digital layers only)",
        )
    return bits


def _initialise(weight: Tensor, generator: torch.Generator | None) -> None:
    """Fill with U(-1/sqrt(fan_in), 1/sqrt(fan_in)); without a generator, torch's default one as in torch.nn."""
    bound = 1.0 / math.sqrt(weight[0].numel())
    with torch.no_grad():
        weight.uniform_(-bound, bound, generator=generator)


class BinaryConv2d(nn.Conv2d):
    r"""Convolution with binary weights and without bias.

    Forward: ``z = sign(W~) (*) s(x)``, ``W~`` the normalised proxies (:func:`~spinbnn.nn.binarize.normalize_weight`),
    ``s`` the sign if ``binarize_input``, else the identity. Gradient: straight through for ``W~``
    (``1[|W~| <= weight_clip]``), ``1[|x| <= 1]`` for the input. The outputs are integers, exact in float32
    below 2^24. Padding adds zeros: the rows outside the image are not driven and add nothing.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels.
    kernel_size : int or (int, int)
        Kernel [pixels].
    stride, padding : int
        As in :class:`torch.nn.Conv2d` [pixels].
    binarize_input : bool
        Take the sign of the input first.
    input_bits : int or None
        1 or 8 (integers 0..255, bit-serial); None: 1.
    weight_clip : float
        Largest ``|W~|`` that still receives gradient.
    generator : torch.Generator or None
        For the initial proxies; None: torch's default generator, as in torch.nn.

    Examples
    --------
    >>> layer = BinaryConv2d(1, 2, 3, generator=torch.Generator().manual_seed(0))
    >>> z = layer(torch.ones(1, 1, 3, 3))
    >>> z.shape, bool((z == z.round()).all())
    (torch.Size([1, 2, 1, 1]), True)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int = 1,
        padding: int = 0,
        *,
        binarize_input: bool = True,
        input_bits: int | None = None,
        weight_clip: float = math.inf,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=False)
        _initialise(self.weight, generator)
        self.binarize_input = binarize_input
        self.input_bits = _input_bits(input_bits, 1, type(self).__name__)
        self.weight_clip = weight_clip

    def reset_parameters(self) -> None:
        """Do nothing: the constructor fills the proxies from its own generator."""

    def binary_weight(self) -> Tensor:
        """Return ``sign(W~)``, shape ``(C_out, C_in, kh, kw)``, values in {-1, +1}."""
        return binary_sign(normalize_weight(self.weight), self.weight_clip)

    def forward(self, x: Tensor) -> Tensor:
        """Return the integer accumulations, shape ``(B, C_out, h, w)``."""
        if self.binarize_input:
            x = binary_sign(x)
        return functional.conv2d(x, self.binary_weight(), None, self.stride, self.padding)


class BinaryLinear(nn.Linear):
    r"""Fully connected layer with binary weights and without bias.

    Forward: ``z = s(x) sign(W~)^T``; rules and options as :class:`BinaryConv2d`.

    Parameters
    ----------
    in_features, out_features : int
        Sizes.
    binarize_input : bool
        Take the sign of the input first.
    input_bits : int or None
        1 or 8; None: 1.
    weight_clip : float
        Largest ``|W~|`` that still receives gradient.
    generator : torch.Generator or None
        For the initial proxies; None: torch's default generator.

    Examples
    --------
    >>> layer = BinaryLinear(3, 2, generator=torch.Generator().manual_seed(0))
    >>> sorted({abs(v) for v in layer(torch.tensor([[0.5, -2.0, 0.0]])).flatten().tolist()} | {1.0, 3.0})
    [1.0, 3.0]
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        binarize_input: bool = True,
        input_bits: int | None = None,
        weight_clip: float = math.inf,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias=False)
        _initialise(self.weight, generator)
        self.binarize_input = binarize_input
        self.input_bits = _input_bits(input_bits, 1, type(self).__name__)
        self.weight_clip = weight_clip

    def reset_parameters(self) -> None:
        """Do nothing: the constructor fills the proxies from its own generator."""

    def binary_weight(self) -> Tensor:
        """Return ``sign(W~)``, shape ``(C_out, C_in)``, values in {-1, +1}."""
        return binary_sign(normalize_weight(self.weight), self.weight_clip)

    def forward(self, x: Tensor) -> Tensor:
        """Return the integer accumulations, shape ``(B, C_out)``."""
        if self.binarize_input:
            x = binary_sign(x)
        return functional.linear(x, self.binary_weight())


class DigitalConv2d(nn.Conv2d):
    """Convolution with real weights, computed by digital logic beside the arrays; no bias, as a norm follows.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels.
    kernel_size : int or (int, int)
        Kernel [pixels].
    stride, padding : int
        As in :class:`torch.nn.Conv2d` [pixels].
    generator : torch.Generator or None
        For the initial weights; None: torch's default generator.

    Examples
    --------
    >>> DigitalConv2d(1, 6, 5)(torch.zeros(1, 1, 28, 28)).shape
    torch.Size([1, 6, 24, 24])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int = 1,
        padding: int = 0,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=False)
        _initialise(self.weight, generator)
        self.input_bits = 32

    def reset_parameters(self) -> None:
        """Do nothing: the constructor fills the weights from its own generator."""


class DigitalLinear(nn.Linear):
    """Fully connected layer with real weights, computed by digital logic, by default on the signs of its input.

    Forward: ``z = s(x) W^T``, ``s`` the sign with its straight-through gradient if ``binarize_input``.

    Parameters
    ----------
    in_features, out_features : int
        Sizes.
    binarize_input : bool
        Take the sign of the input first (the bits the last array hands over).
    generator : torch.Generator or None
        For the initial weights; None: torch's default generator.

    Examples
    --------
    >>> DigitalLinear(84, 10)(torch.zeros(1, 84)).shape
    torch.Size([1, 10])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        binarize_input: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias=False)
        _initialise(self.weight, generator)
        self.binarize_input = binarize_input
        self.input_bits = 1 if binarize_input else 32

    def reset_parameters(self) -> None:
        """Do nothing: the constructor fills the weights from its own generator."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the real accumulations, shape ``(B, C_out)``."""
        return functional.linear(binary_sign(x) if self.binarize_input else x, self.weight)


class ImageEncoder(nn.Module):
    r"""Turn an image in [0, 1] into what the first layer takes.

    ``binary``: ``+1 if x >= 0.5 else -1`` (one bit a pixel); ``bit_serial``: ``round(255 x)``, integers 0..255,
    fed one bit plane after the other; ``digital``: ``x`` unchanged.

    Parameters
    ----------
    kind : str
        ``"binary"``, ``"bit_serial"`` or ``"digital"``.

    Examples
    --------
    >>> ImageEncoder("binary")(torch.tensor([0.0, 0.5, 1.0])).tolist()
    [-1.0, 1.0, 1.0]
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        if kind not in ("binary", "bit_serial", "digital"):
            raise ParameterError(
                "unknown image encoding",
                where="ImageEncoder, argument 'kind'",
                value=kind,
                remedy="binary, bit_serial or digital",
            )
        self.kind = kind

    @property
    def bits(self) -> int:
        """Bits of one pixel: 1, 8 or 32."""
        return {"binary": 1, "bit_serial": 8, "digital": 32}[self.kind]

    def forward(self, x: Tensor) -> Tensor:
        """Return the encoded image, shape of ``x``."""
        if self.kind == "binary":
            return binary_sign(x.detach() - 0.5)
        return torch.round(x.detach() * 255.0) if self.kind == "bit_serial" else x

    def extra_repr(self) -> str:
        """Show the kind in ``print(model)``."""
        return repr(self.kind)
