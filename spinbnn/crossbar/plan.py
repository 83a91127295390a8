"""The plan of a network: what each layer multiplies, how often, and with how many bits; no weights, no torch.

A plan is what the mapping (:mod:`spinbnn.crossbar.mapping`) and the operation counts
(:mod:`spinbnn.hardware.counts`) read. It comes from a model (``spinbnn.nn.describe``) or, for networks
known by name, from :func:`spinbnn.crossbar.plans.plan`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import ParameterError, suggest
from .layer_spec import INPUT as INPUT
from .layer_spec import LayerSpec as LayerSpec
from .layer_spec import output_size as output_size
from .skips import Shape, cross, maps_of, seen, sources_of
from .skips import Skip as Skip

if TYPE_CHECKING:
    from ..tables import Column, Table

FIRST = ("binary", "bit_serial", "digital")
LAST = ("binary", "digital")
THRESHOLD_SETS = {"pre_bn": 1, "dual_bn": 2}
"""Placements of the scale dropout, and the sets of thresholds that each needs a layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPlan:
    """The layers with weights of one network, in the order in which they run.

    Parameters
    ----------
    name : str
        Name of the network.
    layers : tuple of LayerSpec
        The layers in the order in which they run; each takes the map of the one before or of its ``source``,
        between them at most a pooling by an integer.
    classes : int
        Outputs of the last layer [].
    first : {"binary", "bit_serial", "digital"}
        What the first layer sees: a 1-bit image, an 8-bit image bit by bit, or a digital layer.
    last : {"binary", "digital"}
        How the last layer is computed.
    input_shape : tuple of int
        ``(C, H, W)`` of one image, or ``(features, 1, 1)`` [].
    skips : tuple of Skip
        Maps that are kept and joined to the output of a later layer.

    Raises
    ------
    ParameterError
        If names repeat, sizes do not chain, a skip does not fit, a map is not used, or ``first`` and ``last``
        disagree with the layers.

    Examples
    --------
    >>> from spinbnn.crossbar.plans import plan
    >>> lenet = plan("lenet5")
    >>> [layer.windows for layer in lenet.layers], lenet.parameters, lenet.dropout_layers
    ([576, 64, 1, 1, 1], 44190, 5)
    >>> resnet = plan("resnet20")
    >>> resnet.skips[6].source, resnet.skips[6].target, resnet.skips[6].kind
    ('s1b3c2', 's2b1c1', 'subsample')
    """

    name: str
    layers: tuple[LayerSpec, ...]
    classes: int
    first: str = "binary"
    last: str = "binary"
    input_shape: tuple[int, int, int] = (1, 28, 28)
    skips: tuple[Skip, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "skips", tuple(self.skips))
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
        channels, *size = self.maps[self.layers[-1].name]
        if channels != self.classes or size != [1, 1]:
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
    def maps(self) -> dict[str, Shape]:
        """Map ``(C, h, w)`` that each layer leaves, skips included, before pooling; ``"input"``: the image []."""
        return maps_of(self.layers, self.skips, self.input_shape, f"plan {self.name!r}")

    @property
    def sources(self) -> dict[str, str]:
        """Layer whose map each layer takes; ``"input"`` for the image."""
        return sources_of(self.layers)

    @property
    def kept_outputs(self) -> dict[str, int]:
        """Outputs of each layer that other layers see, after pooling; all of the last layer's; 0 for a shortcut [].

        Where several layers take the map, the one that sees most of it counts.
        """
        maps, sources = self.maps, self.sources
        kept = {
            layer.name: max(
                (
                    seen(layer, taker, maps[layer.name])
                    for taker in self.layers
                    if sources[taker.name] == layer.name
                ),
                default=0,
            )
            for layer in self.layers
        }
        last = self.layers[-1]
        return kept | {last.name: last.columns * last.windows}

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
        """Placement of the scale dropout: that of the dropout layers, or what their threshold sets tell.

        ``"pre_bn"`` (one set each, as published), ``"dual_bn"`` (two each), ``"gamma"``, ``"prestat"``,
        ``"mixed"``, or ``"none"`` for a network without scale dropout.
        """
        told = {number: name for name, number in THRESHOLD_SETS.items()}
        found = {
            layer.placement or told[layer.threshold_sets] for layer in self.layers if layer.scale_dropout
        }
        return "mixed" if len(found) > 1 else next(iter(found), "none")

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

        sources = self.sources if self.skips or any(layer.source for layer in self.layers) else None
        columns: list[Column | str] = ["layer", "kind", *(["takes"] if sources else [])]
        columns += ["input", "output", "kernel", "rows", "columns", "windows", "weights", "MAC"]
        columns += ["weight bits", "input bits", "dropout", "threshold sets"]
        rows: list[list[str | int | float | bool | None]] = [
            [
                layer.name,
                layer.kind,
                *([sources[layer.name]] if sources else []),
                cross(layer.in_channels, *layer.input_size),
                cross(layer.out_channels, *layer.output_size),
                cross(*layer.kernel),
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
        totals: list[str | int] = [sum(layer.windows for layer in self.layers), self.parameters, self.macs]
        blank = [""] * (7 if sources else 6)
        rows.append(["total", *blank, *totals, "", "", str(self.dropout_layers), ""])
        title = f"Plan of {self.name} (first {self.first}, last {self.last}, placement {self.placement})"
        joins = ", ".join(f"{s.source} -> {s.target} ({s.kind}, {s.bits} bit)" for s in self.skips)
        return Table(title, columns, rows, note=f"Skip connections: {joins}." if joins else "")
