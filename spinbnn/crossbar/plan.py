"""The plan of a network: what each layer multiplies, how often, and with how many bits; no weights, no torch.

A plan is what the mapping (:mod:`spinbnn.crossbar.mapping`) and the operation counts
(:mod:`spinbnn.hardware.counts`) read. It comes from a model (``spinbnn.nn.describe``) or, for networks
known by name, from :func:`spinbnn.crossbar.plans.plan`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

from ..errors import ParameterError, suggest

if TYPE_CHECKING:
    from ..tables import Table

KINDS = ("conv", "linear")
FIRST = ("binary", "bit_serial", "digital")
LAST = ("binary", "digital")
THRESHOLD_SETS = {"pre_bn": 1, "dual_bn": 2}
"""Placements of the scale dropout, and the sets of thresholds that each needs a layer."""


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
    digital : bool
        Whether the layer is computed by digital multiply-accumulate instead of a crossbar.

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
        For an unknown kind, a size that is not positive, an output size that the kernel, stride and
        padding do not give, bits that do not fit the kind of arithmetic, or two threshold sets without a
        dropout bit.

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
    digital: bool = False

    def __post_init__(self) -> None:
        where = f"layer {self.name!r}"
        if self.kind not in KINDS:
            raise ParameterError(
                "unknown kind of layer", where=where, value=self.kind, remedy=suggest(self.kind, KINDS)
            )
        for key in ("kernel", "input_size", "output_size"):
            object.__setattr__(self, key, _pair(getattr(self, key), f"{where}, {key}"))
        for key in ("in_channels", "out_channels", "stride"):
            _at_least(getattr(self, key), 1, f"{where}, {key}")
        _at_least(self.padding, 0, f"{where}, padding")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """The layers with weights of one network, in the order in which they run.

    Parameters
    ----------
    name : str
        Name of the network.
    layers : tuple of LayerSpec
        The layers; each takes the output of the one before, between them at most a pooling by an integer.
    classes : int
        Outputs of the last layer [].
    first : {"binary", "bit_serial", "digital"}
        What the first layer sees: a 1-bit image, an 8-bit image bit by bit, or a digital layer.
    last : {"binary", "digital"}
        How the last layer is computed.
    input_shape : tuple of int
        ``(C, H, W)`` of one image, or ``(features, 1, 1)`` [].

    Raises
    ------
    ParameterError
        If names repeat, sizes do not chain, or ``first`` and ``last`` disagree with the layers.

    Examples
    --------
    >>> from spinbnn.crossbar.plans import plan
    >>> lenet = plan("lenet5")
    >>> [layer.windows for layer in lenet.layers], lenet.parameters, lenet.dropout_layers
    ([576, 64, 1, 1, 1], 44190, 5)
    """

    name: str
    layers: tuple[LayerSpec, ...]
    classes: int
    first: str = "binary"
    last: str = "binary"
    input_shape: tuple[int, int, int] = (1, 28, 28)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "input_shape", tuple(int(n) for n in self.input_shape))
        where = f"plan {self.name!r}"
        if not self.layers:
            raise ParameterError(
                "a plan needs at least one layer", where=where, value=self.layers, remedy="add a LayerSpec"
            )
        for key, known in (("first", FIRST), ("last", LAST)):
            value = getattr(self, key)
            if value not in known:
                raise ParameterError(
                    f"unknown kind of {key} layer",
                    where=where,
                    value=value,
                    remedy=suggest(str(value), known),
                )
        names = [layer.name for layer in self.layers]
        if len(set(names)) != len(names):
            raise ParameterError(
                "layer names repeat", where=where, value=names, remedy="give each layer its own name"
            )
        self._check_chain(where)
        self._check_ends(where)

    def _check_chain(self, where: str) -> None:
        channels, size, before = self.input_shape[0], self.input_shape[1:], "the input"
        for layer in self.layers:
            if not _chains(channels, size, layer, pooled=before != "the input"):
                raise ParameterError(
                    f"layer {layer.name!r} does not fit the {_cross(channels, *size)} map of {before}",
                    where=where,
                    value=(layer.in_channels, *layer.input_size),
                    remedy="only pooling by an integer may stand between layers",
                )
            channels, size, before = layer.out_channels, layer.output_size, repr(layer.name)
        if channels != self.classes or size != (1, 1):
            raise ParameterError(
                "the last layer does not give one number a class",
                where=f"{where}, classes",
                value=self.classes,
                remedy=f"its output is {channels} x {size[0]} x {size[1]}",
            )

    def _check_ends(self, where: str) -> None:
        head, tail = self.layers[0], self.layers[-1]
        first = "digital" if head.digital else ("bit_serial" if head.input_bits == 8 else "binary")
        for key, value in (("first", first), ("last", "digital" if tail.digital else "binary")):
            if getattr(self, key) != value:
                raise ParameterError(
                    f"the {key} layer is {value}",
                    where=f"{where}, {key}",
                    value=getattr(self, key),
                    remedy="set weight_bits, input_bits and digital of that layer to match",
                )

    @property
    def parameters(self) -> int:
        """Weights of all layers []."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image and pass []."""
        return sum(layer.macs for layer in self.layers)

    @property
    def dropout_layers(self) -> int:
        """Layers with a dropout bit, L; there are 2^L masks []."""
        return sum(layer.scale_dropout for layer in self.layers)

    @property
    def placement(self) -> str:
        """Placement of the scale dropout that the threshold sets of the dropout layers tell.

        ``"pre_bn"`` (one set each, as published), ``"dual_bn"`` (two each), ``"mixed"``, or ``"none"`` for a
        network without scale dropout.
        """
        sets = {layer.threshold_sets for layer in self.layers if layer.scale_dropout}
        if len(sets) > 1:
            return "mixed"
        return next((name for name, number in THRESHOLD_SETS.items() if number in sets), "none")

    @property
    def second_thresholds(self) -> int:
        """Thresholds of the second sets, one for each channel of a layer that has two []."""
        return sum(layer.columns for layer in self.layers if layer.threshold_sets == 2)

    def with_ends(self, *, first: str | None = None, last: str | None = None) -> NetworkPlan:
        """Return the plan with another kind of first or last layer; None keeps what it has.

        Parameters
        ----------
        first : {"binary", "bit_serial", "digital"}, optional
            Digital: 32-bit weights and inputs. Bit-serial: 1-bit weights, 8-bit inputs.
        last : {"binary", "digital"}, optional
            Digital: 32-bit weights on 1-bit activations.

        Raises
        ------
        ParameterError
            For an unknown kind, or a single layer that is asked to be digital and not at once.

        Examples
        --------
        >>> from spinbnn.crossbar.plans import plan
        >>> plan("lenet5").with_ends(first="bit_serial").layers[0].input_bits
        8
        """
        layers = list(self.layers)
        first = self.first if first is None else first
        last = self.last if last is None else last
        if last != self.last:
            digital = last == "digital"
            layers[-1] = replace(
                layers[-1],
                weight_bits=32 if digital else 1,
                digital=digital,
                input_bits=layers[-1].input_bits if digital or len(layers) == 1 else 1,
            )
        if first != self.first:
            digital = first == "digital"
            bits = {"digital": 32, "bit_serial": 8}.get(first, 1)
            layers[0] = replace(layers[0], weight_bits=32 if digital else 1, digital=digital, input_bits=bits)
        return replace(self, layers=tuple(layers), first=first, last=last)

    def table(self) -> Table:
        """Return the layers as a table, one row each and a total."""
        from ..tables import Table

        columns = (
            "layer",
            "kind",
            "input",
            "output",
            "kernel",
            "rows",
            "columns",
            "windows",
            "weights",
            "MAC",
            "weight bits",
            "input bits",
            "dropout",
            "threshold sets",
        )
        rows: list[list[str | int | float | None]] = [
            [
                layer.name,
                layer.kind,
                _cross(layer.in_channels, *layer.input_size),
                _cross(layer.out_channels, *layer.output_size),
                _cross(*layer.kernel),
                layer.rows,
                layer.columns,
                layer.windows,
                layer.parameters,
                layer.macs,
                layer.weight_bits,
                layer.input_bits,
                "yes" if layer.scale_dropout else "no",
                layer.threshold_sets,
            ]
            for layer in self.layers
        ]
        rows.append(
            [
                "total",
                "",
                "",
                "",
                "",
                "",
                "",
                sum(layer.windows for layer in self.layers),
                self.parameters,
                self.macs,
                "",
                "",
                str(self.dropout_layers),
                "",
            ]
        )
        title = f"Plan of {self.name} (first {self.first}, last {self.last}, placement {self.placement})"
        return Table(title, columns, rows)


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


def _chains(channels: int, size: Iterable[int], layer: LayerSpec, *, pooled: bool) -> bool:
    """Tell whether a layer can follow a map of this size, with a pooling by an integer if one is allowed."""
    height, width = size
    factors = range(1, max(height, width) + 1) if pooled else (1,)
    sizes = {(height // f, width // f) for f in factors if height >= f and width >= f}
    if layer.kind == "linear":
        return any(layer.in_channels == channels * h * w for h, w in sizes)
    return layer.in_channels == channels and layer.input_size in sizes


def _at_least(value: int, least: int, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ParameterError(
            f"needs an integer of at least {least}", where=where, value=value, remedy=f"e.g. {least}"
        )


def _pair(value: Iterable[int], where: str) -> tuple[int, int]:
    """Return two positive integers as a tuple."""
    pair = tuple(value) if isinstance(value, Iterable) else (value,)
    if len(pair) != 2:
        raise ParameterError("needs two integers, (h, w)", where=where, value=value, remedy="e.g. (5, 5)")
    for n in pair:
        _at_least(n, 1, where)
    return int(pair[0]), int(pair[1])


def _cross(*sizes: int) -> str:
    return " x ".join(str(n) for n in sizes)
