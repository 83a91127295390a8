"""Operations of one layer of a plan: those of its arrays, and of the digital logic around them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..crossbar.mapping import LayerMapping
from ..crossbar.plan import LayerSpec, NetworkPlan, Skip
from ..crossbar.skips import seen

Count = int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCounts:
    r"""Operations of one layer.

    Integers, except under the ``"prefix"`` schedule, where they are expected values.

    Parameters
    ----------
    name : str
        The layer.
    digital : bool
        Whether it is computed by digital multiply-accumulate.
    evaluations : int
        Times the whole layer is computed [].
    array_reads : int
        Reads of one array each: accesses (``LayerMapping.accesses``) x input bits x row tiles x column tiles [].
    column_conversions : int
        Column currents converted: accesses x input bits x row tiles x columns [].
    partial_sum_additions : int
        One less than the results that are added for each output [].
    comparisons : int
        Max-pooling (one less than the pooled elements) and one threshold for each output that the next
        layer sees and for each dropout branch; none for the logits [].
    scale_multiplexings : int
        Selections between scale and 1: one for each output that the next layer sees, for each output of the
        layer where a skip connection joins or leaves it [].
    threshold_selections : int
        Selections between two threshold sets, of layers that have two: one for each output that the next
        layer sees and for each dropout branch; at the logits, of the two normalisations [].
    dropout_draws : int
        Random bits [].
    macs : int
        Digital multiply-accumulates, of digital layers only [].
    buffered_bits : int
        Bits written to the branch buffer for the branch that waits (``"prefix"`` and ``"exact"``) [].
    pooling_additions : int
        Of average pooling: one less than the averaged values, for each output; also behind the mean of a skip [].
    normalisations : int
        Digital scale-and-shift operations: one for each output of a layer that a skip connection joins or leaves.
        Its sums are needed as numbers, so that a threshold cannot hold the normalisation [].
    skip_additions : int
        Digital sums of skip connections into this layer's output [].
    skip_bits : int
        Bits written to the skip buffer from this layer's map; equal maps are written once [].
    """

    name: str
    digital: bool
    evaluations: Count
    array_reads: Count
    column_conversions: Count
    partial_sum_additions: Count
    comparisons: Count
    scale_multiplexings: Count
    threshold_selections: Count
    dropout_draws: Count
    macs: Count
    buffered_bits: Count
    pooling_additions: Count
    normalisations: Count
    skip_additions: Count
    skip_bits: Count


OPERATIONS = tuple(f.name for f in fields(LayerCounts) if f.name not in ("name", "digital", "evaluations"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What stands around a layer in its plan, in numbers for one image and one branch.

    Parameters
    ----------
    outputs : int
        Outputs that other layers see, after pooling; all of the last layer's [].
    pooled : int
        Values that pooling takes away, over all poolings of the map; an edge that does not fill a pooling window is not looked at [].
    averaged : bool
        Whether it is by the mean.
    averaged_skips : int
        Additions of the means of skips that leave the map [].
    joined : bool
        Whether a skip connection joins or leaves the layer.
    sums : int
        Digital additions of skips into the output [].
    stored_bits : int
        Bits that skips keep of the map [].
    is_last : bool
        Whether the layer gives the logits.
    """

    outputs: int
    pooled: int
    averaged: bool
    averaged_skips: int
    joined: bool
    sums: int
    stored_bits: int
    is_last: bool


def surroundings(plan: NetworkPlan) -> tuple[Surroundings, ...]:
    """Return what stands around each layer of a plan.

    Examples
    --------
    >>> from spinbnn.crossbar.plans import plan
    >>> conv1 = surroundings(plan("lenet5"))[0]
    >>> conv1.outputs, conv1.pooled, conv1.stored_bits
    (864, 2592, 0)
    """
    maps, kept, sources = plan.maps, plan.kept_outputs, plan.sources
    outputs = {layer.name: (layer.out_channels, *layer.output_size) for layer in plan.layers}
    found = []
    for layer in plan.layers:
        takers = [other for other in plan.layers if sources[other.name] == layer.name]
        views = {(seen(layer, taker, maps[layer.name]), _pooling(layer, taker, maps[layer.name])) for taker in takers}
        leaving = [skip for skip in plan.skips if skip.source == layer.name]
        arriving = [skip for skip in plan.skips if skip.target == layer.name]
        stored = {_kept_map(skip, maps[layer.name], outputs[skip.target]) for skip in leaving}
        means = {
            maps[layer.name][0] * maps[layer.name][1] * maps[layer.name][2] - number
            for number, _, kind in stored
            if kind == "average"
        }
        found.append(
            Surroundings(
                outputs=kept[layer.name],
                pooled=sum(view * (size * size - 1) for view, size in views),
                averaged=layer.pooling == "average",
                averaged_skips=sum(means),
                joined=bool(leaving or arriving),
                sums=sum(s.additions(maps[s.source], outputs[layer.name]) for s in arriving),
                stored_bits=sum(number * bits for number, bits, _ in stored),
                is_last=layer is plan.layers[-1],
            )
        )
    return tuple(found)


def _pooling(layer: LayerSpec, taker: LayerSpec, shape: tuple[int, int, int]) -> int:
    """Return the side of the pooling window between two layers; of those that fit, the largest []. """
    height, width = layer.output_size
    pixels = seen(layer, taker, shape) // layer.out_channels

    def fits(size: int) -> bool:
        pooled = (height // size, width // size)
        return pooled == tuple(taker.input_size) if taker.kind == "conv" else pooled[0] * pooled[1] == pixels

    return max((size for size in range(1, max(height, width) + 1) if fits(size)), default=1)


def skip_capacity(plan: NetworkPlan, *, branches: bool) -> int:
    """Return the bits of the skip buffer.

    Parameters
    ----------
    plan : NetworkPlan
        The network.
    branches : bool
        False: layers run one after another, a map is dropped after its last use; the largest sum of maps that are
        needed at once. True: branches of a dropout bit wait for each other, and every map keeps its own place, two
        where its layer has a dropout bit.

    Examples
    --------
    >>> from spinbnn.crossbar.plans import plan
    >>> skip_capacity(plan("resnet20"), branches=False)
    131072
    """
    maps = plan.maps
    order = {layer.name: number for number, layer in enumerate(plan.layers)}
    held: dict[tuple[str, int, int, str], int] = {}
    for skip in plan.skips:
        target = plan.layers[order[skip.target]]
        key = (skip.source, *_kept_map(skip, maps[skip.source], (target.out_channels, *target.output_size)))
        held[key] = max(held.get(key, 0), order[skip.target])
    if branches:
        twice = {layer.name for layer in plan.layers if layer.scale_dropout}
        return sum(number * bits * (1 + (name in twice)) for name, number, bits, _ in held)
    return max(
        (
            sum(
                number * bits
                for (name, number, bits, _), end in held.items()
                if order.get(name, -1) < now <= end
            )
            for now in range(len(plan.layers))
        ),
        default=0,
    )


def _kept_map(skip: Skip, source: tuple[int, int, int], target: tuple[int, int, int]) -> tuple[int, int, str]:
    """Return values, bits and reduction of what the buffer keeps for a skip; equal ones share a place."""
    reduced = skip.kind if (skip.stride(source, target) or 1) > 1 else ""
    return skip.stored(source, target), skip.bits, reduced


def count_layer(
    m: LayerMapping, around: Surroundings, before: Count, after: Count, passes: int
) -> LayerCounts:
    """Count one layer that is computed ``before`` times and left by ``after`` branches."""
    layer: LayerSpec = m.layer
    elements = layer.columns * layer.windows
    dropout = layer.scale_dropout
    pooled = around.pooled * (after if around.joined else before)
    thresholds = 0 if around.is_last else around.outputs * after
    return LayerCounts(
        name=layer.name,
        digital=layer.digital,
        evaluations=before,
        array_reads=m.reads * before,
        column_conversions=m.conversions * before,
        partial_sum_additions=m.partial_sum_additions * before,
        comparisons=thresholds + (0 if around.averaged else pooled),
        scale_multiplexings=(elements if around.joined else around.outputs) * after if dropout else 0,
        threshold_selections=(elements if around.joined else around.outputs) * after
        if layer.threshold_sets == 2
        else 0,
        dropout_draws=passes if dropout else 0,
        macs=layer.macs * before if layer.digital else 0,
        buffered_bits=0 if around.is_last else around.outputs * (after - before),
        pooling_additions=(pooled if around.averaged else 0) + around.averaged_skips * after,
        normalisations=elements * after if around.joined else 0,
        skip_additions=around.sums * after,
        skip_bits=around.stored_bits * after,
    )
