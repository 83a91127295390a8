"""Skip connections of a plan, and the maps that its layers leave when they are summed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from ..errors import ParameterError, suggest
from .layer_spec import INPUT, LayerSpec, at_least

SKIP_KINDS = ("identity", "subsample", "average", "concat")
SKIP_BITS = 8
"""Bits of one value of a skip that is summed (assumed: the publications do not say)."""

Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    r"""A map that is kept in a buffer and joined to the output of a later layer by digital logic.

    Parameters
    ----------
    source : str
        Layer whose map is kept, sums into it included, before any pooling; ``"input"`` for the image.
    target : str
        Layer whose output it is joined to, behind that layer's scale and normalisation, before any pooling.
    kind : {"identity", "subsample", "average", "concat"}
        ``"identity"``: summed, equal shapes. ``"subsample"``: every s-th row and column is summed, missing
        channels add 0 (option A of the residual networks). ``"average"``: the same with the mean of s x s values.
        ``"concat"``: the channels are appended, equal sizes. The stride s follows from the shapes.
    bits : int
        Of one stored value; a sum needs more than the sign [].

    Notes
    -----
    A layer that computes a shortcut (1 x 1, often digital) is a layer of the plan with its own ``source``, and an
    identity skip from it to the target. Source: Scale-Dropout (arXiv 2311.15816, section V) routes skip
    connections through a buffer and sums them digitally, without figures; the number of bits is ours.

    Raises
    ------
    ParameterError
        For an unknown kind, bits below 1, or a skip from a layer to itself.

    Examples
    --------
    >>> Skip(source="conv1", target="conv3", kind="subsample").stored((16, 32, 32), (32, 16, 16))
    4096
    """

    source: str
    target: str
    kind: str = "identity"
    bits: int = SKIP_BITS

    def __post_init__(self) -> None:
        where = f"skip {self.source!r} -> {self.target!r}"
        if self.kind not in SKIP_KINDS:
            raise ParameterError(
                "unknown kind of skip connection",
                where=where,
                value=self.kind,
                remedy=suggest(str(self.kind), SKIP_KINDS),
            )
        at_least(self.bits, 1, f"{where}, bits")
        if self.source == self.target:
            raise ParameterError(
                "a skip connection leads to its own source",
                where=where,
                value=self.source,
                remedy="join the map of an earlier layer",
            )

    def stride(self, source: Shape, target: Shape) -> int | None:
        """Return the stride that brings the source's map to the target's size, None where there is none.

        Parameters
        ----------
        source, target : tuple of int
            ``(C, h, w)`` of the source's map and of the target's output [].
        """
        (channels, *size), (wanted, *goal) = source, target
        if self.kind in ("identity", "concat"):
            return 1 if size == goal and (self.kind == "concat" or channels == wanted) else None
        for step in range(1, max(size) + 1):
            rounded = [-(-n // step) if self.kind == "subsample" else n // step for n in size]
            if rounded == goal and channels <= wanted:
                return step
        return None

    def stored(self, source: Shape, target: Shape) -> int:
        """Return the values that the buffer holds for this skip []."""
        return source[0] * target[1] * target[2]

    def additions(self, source: Shape, target: Shape) -> int:
        """Return the sums at the target; appended channels and missing ones take none []."""
        return 0 if self.kind == "concat" else self.stored(source, target)


def sources_of(layers: Iterable[LayerSpec]) -> dict[str, str]:
    """Return, for each layer, the name of the layer whose map it takes (``"input"`` for the image).

    Examples
    --------
    >>> from spinbnn.crossbar.plans import plan
    >>> sources_of(plan("lenet5").layers)["fc1"]
    'conv2'
    """
    found, before = {}, INPUT
    for layer in layers:
        found[layer.name] = layer.source or before
        before = layer.name
    return found


def maps_of(
    layers: tuple[LayerSpec, ...], skips: tuple[Skip, ...], input_shape: Shape, where: str
) -> dict[str, Shape]:
    """Return the map ``(C, h, w)`` that each layer leaves, skips included, and check that the plan holds together.

    Parameters
    ----------
    layers : tuple of LayerSpec
        In the order in which they run.
    skips : tuple of Skip
        The skip connections.
    input_shape : tuple of int
        ``(C, h, w)`` of the image, or ``(features, 1, 1)`` [].
    where : str
        Name of the plan for messages.

    Raises
    ------
    ParameterError
        If a layer or skip takes a map that is not there yet or does not fit, or a map is left unused.
    """
    maps: dict[str, Shape] = {INPUT: input_shape}
    sources = sources_of(layers)
    order = {layer.name: number for number, layer in enumerate(layers)}
    for skip in skips:
        if skip.target not in order or (skip.source != INPUT and skip.source not in order):
            wrong = skip.target if skip.target not in order else skip.source
            raise ParameterError(
                "a skip connection names no layer of the plan",
                where=f"{where}, skips",
                value=wrong,
                remedy=suggest(wrong, [*order, INPUT]),
            )
        if order.get(skip.source, -1) >= order[skip.target]:
            raise ParameterError(
                "a skip connection leads backwards",
                where=f"{where}, skips",
                value=(skip.source, skip.target),
                remedy="its source must run before its target",
            )
    for layer in layers:
        source = sources[layer.name]
        if source not in maps:
            raise ParameterError(
                f"layer {layer.name!r} takes a map that is not there yet",
                where=f"{where}, layers",
                value=source,
                remedy="name a layer that runs before it, or 'input'",
            )
        if not _fits(maps[source], layer, pooled=source != INPUT):
            named = "the input" if source == INPUT else repr(source)
            raise ParameterError(
                f"layer {layer.name!r} does not fit the {cross(*maps[source])} map of {named}",
                where=where,
                value=(layer.in_channels, *layer.input_size),
                remedy="only pooling by an integer may stand between layers",
            )
        maps[layer.name] = _joined(layer, skips, maps, where)
    _check_used(layers, skips, sources, where)
    return maps


def _joined(layer: LayerSpec, skips: tuple[Skip, ...], maps: Mapping[str, Shape], where: str) -> Shape:
    """Return the map of a layer with the skips that end at it."""
    shape: Shape = (layer.out_channels, *layer.output_size)
    appended = 0
    for skip in skips:
        if skip.target != layer.name:
            continue
        source = maps[skip.source]
        if skip.stride(source, shape) is None:
            raise ParameterError(
                f"the {cross(*source)} map of {skip.source!r} cannot be joined to the "
                f"{cross(*shape)} output of {layer.name!r}",
                where=f"{where}, skips",
                value=skip.kind,
                remedy="'identity' needs equal shapes; 'subsample' and 'average' an integer stride and no more "
                "channels than the target; 'concat' equal sizes",
            )
        if skip.kind == "concat":
            appended += source[0]
    return (shape[0] + appended, shape[1], shape[2])


def _check_used(
    layers: tuple[LayerSpec, ...], skips: tuple[Skip, ...], sources: Mapping[str, str], where: str
) -> None:
    """Refuse a layer whose map nothing takes, but for the last one."""
    taken = {*sources.values(), *(skip.source for skip in skips)}
    for layer in layers[:-1]:
        if layer.name not in taken:
            raise ParameterError(
                "nothing takes the map of a layer",
                where=f"{where}, layers",
                value=layer.name,
                remedy="name it as the source of a layer or of a skip, or leave it out",
            )


def _fits(shape: Shape, layer: LayerSpec, *, pooled: bool) -> bool:
    """Tell whether a layer can take a map of this shape, with a pooling by an integer if one is allowed."""
    channels, height, width = shape
    factors = range(1, max(height, width) + 1) if pooled else (1,)
    sizes = {(height // f, width // f) for f in factors if height >= f and width >= f}
    if layer.kind == "linear":
        return any(layer.in_channels == channels * h * w for h, w in sizes)
    return layer.in_channels == channels and layer.input_size in sizes


def seen(layer: LayerSpec, taker: LayerSpec, shape: Shape) -> int:
    """Return the outputs of ``layer`` (appended channels left out) that ``taker`` sees, after pooling []."""
    pixels = prod(taker.input_size) if taker.kind == "conv" else taker.in_channels // shape[0]
    return layer.out_channels * pixels


def cross(*sizes: int) -> str:
    """Return sizes as text, ``16 x 8 x 8``."""
    return " x ".join(str(n) for n in sizes)
