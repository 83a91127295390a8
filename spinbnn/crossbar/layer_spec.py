"""One layer with weights, as the hardware sees it; no weights, no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from ..errors import ParameterError, suggest

KINDS = ("conv", "linear")
POOLING = ("max", "average")
ONE_SET = ("gamma", "prestat")
"""Placements of the scale dropout with one set of thresholds, besides ``"pre_bn"``."""
INPUT = "input"
"""Name of the image, for layers and skips that take it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSpec:
    r"""One layer with weights, as the hardware sees it.

    Parameters
    ----------
    kind : {"conv", "linear"}
        Kind of layer. Grouped, dilated and transposed convolutions are not described.
    name : str
        Name of the layer, unique in its plan.
    in_channels, out_channels : int
        Channels of a convolution; features of a linear layer (a flattened map counts all its elements) [].
    kernel : tuple of int
        ``(kh, kw)``; ``(1, 1)`` for a linear layer [].
    input_size, output_size : tuple of int
        ``(h, w)`` of the map that enters and leaves the layer, before any pooling that follows;
        ``(1, 1)`` for a linear layer [].
    stride, padding : int
        Of a convolution, the same in both directions [].
    weight_bits : {1, 32}
        1 for binary weights, 32 for a digital layer [].
    input_bits : {1, 8, 32}
        1 for signs, 8 for a bit-serial image, 32 for real numbers (digital layers only) [].
    scale_dropout : bool
        Whether one dropout bit belongs to the layer's output.
    threshold_sets : {1, 2}
        Sets of thresholds (of normalisation, at the logits) behind the layer: 1 where the bit selects a scale
        and both branches share one normalisation (placement ``"pre_bn"``, as published), 2 where it selects
        between two normalisations (``"dual_bn"``) [].
    placement : {"", "gamma", "prestat"}
        Placement of the scale dropout where ``threshold_sets`` does not tell it; empty: ``"pre_bn"`` or
        ``"dual_bn"``. It is a name: nothing is counted by it.
    digital : bool
        Whether the layer is computed by digital multiply-accumulate instead of a crossbar.
    source : str
        Name of the layer whose map this one takes, ``"input"`` for the image; empty: the layer before it in
        the plan.
    pooling : {"max", "average"}
        Kind of the pooling behind the layer, where the layers that take its map see a smaller one.

    Notes
    -----
    With the kernel unrolled into a column, the layer is a matrix of

    .. math:: R = C_{in} k_h k_w \text{ rows}, \qquad C_{out} \text{ columns},

    read once for each of the :math:`N = h_{out} w_{out}` windows (and each input bit).

    ``threshold_sets`` follows the published hardware, where a scale memory and a selector stand before one
    comparator. A chip that folds the scale into its thresholds stores two numbers a channel in either case.

    Raises
    ------
    ParameterError
        For an unknown kind or pooling, a name that is empty or ``"input"``, a size that is not positive, an
        output size that the kernel, stride and padding do not give, bits that do not fit the kind of
        arithmetic, two threshold sets without a dropout bit, or a placement that does not fit them.

    Examples
    --------
    >>> layer = LayerSpec(kind="conv", name="conv2", in_channels=6, out_channels=16, kernel=(5, 5),
    ...                   input_size=(12, 12), output_size=(8, 8))
    >>> layer.rows, layer.columns, layer.windows, layer.macs
    (150, 16, 64, 153600)
    """

    kind: str
    name: str
    in_channels: int
    out_channels: int
    kernel: tuple[int, int] = (1, 1)
    input_size: tuple[int, int] = (1, 1)
    output_size: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: int = 0
    weight_bits: int = 1
    input_bits: int = 1
    scale_dropout: bool = True
    threshold_sets: int = 1
    placement: str = ""
    digital: bool = False
    source: str = ""
    pooling: str = "max"

    def __post_init__(self) -> None:
        where = f"layer {self.name!r}"
        if self.kind not in KINDS:
            raise ParameterError(
                "unknown kind of layer", where=where, value=self.kind, remedy=suggest(self.kind, KINDS)
            )
        if self.name in ("", INPUT):
            raise ParameterError(
                "a layer needs a name of its own",
                where=where,
                value=self.name,
                remedy=f"any text but {INPUT!r}, which stands for the image",
            )
        if self.pooling not in POOLING:
            raise ParameterError(
                "unknown kind of pooling",
                where=f"{where}, pooling",
                value=self.pooling,
                remedy=suggest(str(self.pooling), POOLING),
            )
        for key in ("kernel", "input_size", "output_size"):
            object.__setattr__(self, key, pair_of(getattr(self, key), f"{where}, {key}"))
        for key in ("in_channels", "out_channels", "stride"):
            at_least(getattr(self, key), 1, f"{where}, {key}")
        at_least(self.padding, 0, f"{where}, padding")
        expected = output_size(self.input_size, self.kernel, self.stride, self.padding)
        if expected != self.output_size:
            raise ParameterError(
                f"kernel, stride and padding give an output of {expected}",
                where=f"{where}, output_size",
                value=self.output_size,
                remedy="give floor((h + 2 padding - kh) / stride) + 1 in each direction",
            )
        if self.kind == "linear" and (self.kernel, self.input_size, self.stride, self.padding) != (
            (1, 1),
            (1, 1),
            1,
            0,
        ):
            raise ParameterError(
                "a linear layer has no windows",
                where=where,
                value=(self.kernel, self.input_size),
                remedy="use kernel (1, 1), sizes (1, 1), stride 1, padding 0 and the features as channels",
            )
        if self.weight_bits not in (1, 32) or (self.weight_bits == 32) != self.digital:
            raise ParameterError(
                "a crossbar layer has 1-bit weights and a digital layer 32-bit weights",
                where=f"{where}, weight_bits",
                value=self.weight_bits,
                remedy="set weight_bits=32 together with digital=True, or 1 with False",
            )
        if self.input_bits not in (1, 8, 32) or (self.input_bits == 32 and not self.digital):
            raise ParameterError(
                "a crossbar layer takes 1-bit or 8-bit inputs",
                where=f"{where}, input_bits",
                value=self.input_bits,
                remedy="use 1 (signs), 8 (bit-serial) or, for a digital layer, 32",
            )
        if self.threshold_sets not in (1, 2) or (self.threshold_sets == 2 and not self.scale_dropout):
            raise ParameterError(
                "a layer has one threshold set, or two between which its dropout bit selects",
                where=f"{where}, threshold_sets",
                value=self.threshold_sets,
                remedy="use 2 only with scale_dropout=True (placement 'dual_bn'), else 1",
            )
        known = ("", *ONE_SET) if self.scale_dropout and self.threshold_sets == 1 else ("",)
        if self.placement not in known:
            raise ParameterError(
                "a placement that does not fit the threshold sets",
                where=f"{where}, placement",
                value=self.placement,
                remedy="'gamma' or 'prestat' with scale_dropout=True and threshold_sets=1; "
                "else leave it out: the threshold sets tell 'pre_bn' (1) from 'dual_bn' (2)",
            )

    @property
    def rows(self) -> int:
        """Length of the unrolled kernel, ``in_channels * kh * kw`` []."""
        return self.in_channels * prod(self.kernel)

    @property
    def columns(self) -> int:
        """Output channels []."""
        return self.out_channels

    @property
    def windows(self) -> int:
        """Positions of the kernel, ``h_out * w_out`` []."""
        return prod(self.output_size)

    @property
    def parameters(self) -> int:
        """Weights, ``rows * columns``; scales and normalisation are not counted []."""
        return self.rows * self.columns

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image, ``rows * columns * windows`` []."""
        return self.parameters * self.windows


def output_size(
    size: tuple[int, int], kernel: tuple[int, int], stride: int = 1, padding: int = 0
) -> tuple[int, int]:
    """Return ``floor((n + 2 padding - k) / stride) + 1`` in each direction.

    Parameters
    ----------
    size, kernel : tuple of int
        ``(h, w)`` of the map and the kernel [].
    stride, padding : int
        The same in both directions [].

    Examples
    --------
    >>> output_size((28, 28), (5, 5)), output_size((32, 32), (3, 3), 2, 1)
    ((24, 24), (16, 16))
    """
    h, w = ((n + 2 * padding - k) // stride + 1 for n, k in zip(size, kernel, strict=True))
    return h, w


def at_least(value: int, least: int, where: str) -> None:
    """Refuse what is no integer of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ParameterError(
            f"needs an integer of at least {least}", where=where, value=value, remedy=f"e.g. {least}"
        )


def pair_of(value: Iterable[int], where: str) -> tuple[int, int]:
    """Return two positive integers as a tuple."""
    pair = tuple(value) if isinstance(value, Iterable) else (value,)
    if len(pair) != 2:
        raise ParameterError("needs two integers, (h, w)", where=where, value=value, remedy="e.g. (5, 5)")
    for n in pair:
        at_least(n, 1, where)
    return int(pair[0]), int(pair[1])
