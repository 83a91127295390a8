"""What one answer of a network takes: reads, conversions, additions, comparisons, draws; not their cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np

from ..crossbar.mapping import LayerMapping, Mapping, map_plan
from ..crossbar.plan import LayerSpec, NetworkPlan
from ..errors import ParameterError, suggest
from ..tables import Column, Table

SCHEDULES = ("sampled", "prefix", "exact")
MODULES = ("shared", "per_layer")
MAX_PREFIX_LAYERS = 20
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
        Reads of one array each: windows x input bits x row tiles x column tiles [].
    column_conversions : int
        Column currents converted: windows x input bits x row tiles x columns [].
    partial_sum_additions : int
        ``row_tiles * input_bits - 1`` for each output [].
    comparisons : int
        Max-pooling (one less than the pooled elements) and one threshold for each output that the next
        layer sees and for each dropout branch; none for the logits [].
    scale_multiplexings : int
        Selections between scale and 1: one for each output that the next layer sees [].
    threshold_selections : int
        Selections between two threshold sets, of layers that have two: one for each output that the next
        layer sees and for each dropout branch; at the logits, of the two normalisations [].
    dropout_draws : int
        Random bits [].
    macs : int
        Digital multiply-accumulates, of digital layers only [].
    buffered_bits : int
        Bits written to the branch buffer for the branch that waits (``"prefix"`` and ``"exact"``) [].
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


OPERATIONS = tuple(f.name for f in fields(LayerCounts) if f.name not in ("name", "digital", "evaluations"))


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationCounts:
    """Operations of one answer: the network evaluated under one schedule.

    Parameters
    ----------
    plan : NetworkPlan
        The network, with the ends that were counted.
    mapping : Mapping
        Its arrays.
    schedule : {"sampled", "prefix", "exact"}
        How masks are chosen.
    samples : int
        Passes drawn; 0 under ``"exact"`` [].
    masks : int
        Masks whose outputs are averaged (expected value under ``"prefix"``) [].
    averaging : int
        Averaging operations, one for each evaluated mask [].
    softmaxes : int
        Softmaxes whose results are averaged with weights, one for each mask under ``"prefix"`` (weights:
        multiplicities) and ``"exact"`` (weights: probabilities of the masks); 0 under ``"sampled"``, whose plain
        average is the published averaging operation [].
    dropout_modules : int
        Physical dropout modules; 0 where nothing is drawn [].
    layers : tuple of LayerCounts
        The whole answer, layer by layer.
    per_pass : tuple of LayerCounts
        One full pass, layer by layer.

    Examples
    --------
    >>> from spinbnn.crossbar.plans import plan
    >>> counts = count_operations(plan("lenet5"))
    >>> counts.reads_per_pass, counts.array_reads, counts.dropout_draws, counts.averaging
    (643, 6430, 50, 10)
    """

    plan: NetworkPlan
    mapping: Mapping
    schedule: str
    samples: int
    masks: Count
    averaging: Count
    softmaxes: Count
    dropout_modules: int
    layers: tuple[LayerCounts, ...]
    per_pass: tuple[LayerCounts, ...]

    def total(self, operation: str) -> Count:
        """Return one kind of operation over all layers of the answer.

        Raises
        ------
        ParameterError
            For an unknown operation.
        """
        if operation not in OPERATIONS:
            raise ParameterError(
                "unknown operation",
                where="OperationCounts.total",
                value=operation,
                remedy=suggest(operation, OPERATIONS),
            )
        counted: Count = sum(getattr(layer, operation) for layer in self.layers)
        return counted

    @property
    def array_reads(self) -> Count:
        """Array reads of the answer []."""
        return self.total("array_reads")

    @property
    def dropout_draws(self) -> Count:
        """Dropout bits drawn for the answer []."""
        return self.total("dropout_draws")

    @property
    def reads_per_pass(self) -> int:
        """Array reads of one full pass []."""
        return self.mapping.reads

    @property
    def buffer_capacity(self) -> int:
        """Bits of the branch buffer: one waiting branch for each dropout layer but the last layer [].

        A walk in depth-first order keeps at most one waiting branch a layer; a sampled schedule needs none.
        """
        layers = self.plan.layers
        if self.schedule == "sampled":
            return 0
        return sum(_outputs(a, b) for a, b in pairwise(layers) if a.scale_dropout)

    def summary(self) -> str:
        """Return the setting in one line."""
        how = {
            "sampled": f"{self.samples} sampled passes",
            "prefix": f"{self.samples} sampled passes, shared prefixes",
            "exact": f"exact mixture over {self.masks} masks",
        }[self.schedule]
        ends = f"first {self.plan.first}, last {self.plan.last}"
        return f"{self.plan.name}, {ends}, placement {self.plan.placement}, {how}"

    def table(self) -> Table:
        """Return the operations of the answer, one row a layer and a total."""
        heads = [Column(name.replace("_", " "), digits=6) for name in ("evaluations", *OPERATIONS)]
        rows: list[list[str | int | float | None]] = [
            [layer.name, layer.evaluations, *(getattr(layer, name) for name in OPERATIONS)]
            for layer in self.layers
        ]
        rows.append(
            [
                "total",
                sum(layer.evaluations for layer in self.layers),
                *(self.total(name) for name in OPERATIONS),
            ]
        )
        expected = " Expected values over independent passes." if self.schedule == "prefix" else ""
        note = f"{self.reads_per_pass} reads a pass, {self.averaging:.6g} averaging operations, "
        note += f"{self.mapping.arrays} arrays.{expected}"
        return Table(f"Operations: {self.summary()}", ["layer", *heads], rows, note=note)


def count_operations(
    plan: NetworkPlan,
    array: tuple[int, int] = (256, 256),
    strategy: int = 1,
    schedule: str = "sampled",
    samples: int = 10,
    first: str | None = None,
    last: str | None = None,
    rows: str = "cells",
    *,
    modules: str = "shared",
    drop_probability: float | Sequence[float] | None = None,
) -> OperationCounts:
    r"""Count the operations of one answer.

    Parameters
    ----------
    plan : NetworkPlan
        The network (``spinbnn.crossbar.plans.plan`` or ``spinbnn.nn.describe``).
    array : tuple of int
        Rows and columns of one array, in the unit of ``rows`` [].
    strategy : {1}
        Mapping of a convolution.
    schedule : {"sampled", "prefix", "exact"}
        ``"sampled"``: T full passes. ``"prefix"``: T drawn passes, each layer computed once for each distinct
        prefix of dropout bits before it. ``"exact"``: all 2^L masks, nothing drawn.
    samples : int
        Passes T; not used by ``"exact"`` [].
    first, last : str, optional
        Override the plan's first and last layer (``NetworkPlan.with_ends``).
    rows : {"cells", "devices"}
        What a row of the array is.
    modules : {"shared", "per_layer"}
        One dropout module for all layers, or one each.
    drop_probability : float or sequence of float, optional
        Per dropout layer, needed by ``"prefix"`` alone [].

    Notes
    -----
    With :math:`k_l` dropout layers before layer l, the exact schedule evaluates layer l :math:`2^{k_l}`
    times. T independent passes meet, in expectation,

    .. math:: \sum_{\text{prefixes } s} 1 - (1 - q_s)^T

    distinct prefixes, with :math:`q_s` the product of the bits' probabilities. Both bits of a dropout layer
    are judged on the same accumulators: its comparisons and selections count its own bit too.

    Raises
    ------
    ParameterError
        For an unknown schedule, strategy, array or end; for ``"prefix"`` without a drop probability.

    Examples
    --------
    >>> from spinbnn.crossbar.plans import plan
    >>> [count_operations(plan("lenet5"), schedule=s).array_reads for s in ("sampled", "exact")]
    [6430, 732]
    >>> round(count_operations(plan("lenet5"), schedule="prefix", drop_probability=0.2).array_reads, 2)
    709.53
    """
    if schedule not in SCHEDULES:
        raise ParameterError(
            "unknown schedule",
            where="count_operations, schedule",
            value=schedule,
            remedy=suggest(str(schedule), SCHEDULES),
        )
    if modules not in MODULES:
        raise ParameterError(
            "unknown arrangement of dropout modules",
            where="count_operations, modules",
            value=modules,
            remedy=suggest(str(modules), MODULES),
        )
    if schedule != "exact" and (isinstance(samples, bool) or not isinstance(samples, int) or samples < 1):
        raise ParameterError(
            "needs at least one pass",
            where="count_operations, samples",
            value=samples,
            remedy="e.g. samples=10",
        )
    plan = plan.with_ends(first=first, last=last)
    mapping = map_plan(plan, array, rows=rows, strategy=strategy)
    passes = 0 if schedule == "exact" else samples
    evaluations = _evaluations(plan, schedule, samples, drop_probability)
    kept = [
        _outputs(layer, after) for layer, after in zip(plan.layers, (*plan.layers[1:], None), strict=True)
    ]
    layers = tuple(
        _layer(m, before, after, outputs, passes, is_last=i == len(kept) - 1)
        for i, (m, (before, after), outputs) in enumerate(zip(mapping.layers, evaluations, kept, strict=True))
    )
    per_pass = tuple(
        _layer(m, 1, 1, outputs, 1, is_last=i == len(kept) - 1)
        for i, (m, outputs) in enumerate(zip(mapping.layers, kept, strict=True))
    )
    masks = evaluations[-1][1]
    drawn = plan.dropout_layers if passes else 0
    return OperationCounts(
        plan=plan,
        mapping=mapping,
        schedule=schedule,
        samples=passes,
        masks=masks,
        averaging=masks,
        softmaxes=0 if schedule == "sampled" else masks,
        dropout_modules=min(drawn, 1) if modules == "shared" else drawn,
        layers=layers,
        per_pass=per_pass,
    )


def _evaluations(
    plan: NetworkPlan, schedule: str, samples: int, drop_probability: float | Sequence[float] | None
) -> list[tuple[Count, Count]]:
    """Return, for each layer, how often it is computed and how many branches leave it."""
    if schedule == "sampled":
        return [(samples, samples)] * len(plan.layers)
    drop = np.zeros(plan.dropout_layers)
    if schedule == "prefix":
        drop = _drop_probabilities(plan, drop_probability)
    pairs: list[tuple[Count, Count]] = []
    prefixes, before, k = np.ones(1), 1, 0
    expected: Count = 1
    for layer in plan.layers:
        entering: Count = before if schedule == "exact" else expected
        if layer.scale_dropout and schedule == "exact":
            before *= 2
        elif layer.scale_dropout:
            prefixes = np.concatenate([prefixes * (1 - drop[k]), prefixes * drop[k]])
            expected = float(np.sum(1 - (1 - prefixes) ** samples))
            k += 1
        pairs.append((entering, before if schedule == "exact" else expected))
    return pairs


def _drop_probabilities(plan: NetworkPlan, drop_probability: float | Sequence[float] | None) -> np.ndarray:
    where = "count_operations, drop_probability"
    if drop_probability is None:
        raise ParameterError(
            "the prefix schedule needs the drop probabilities",
            where=where,
            value=None,
            remedy=f"give one number, or one for each of the {plan.dropout_layers} dropout layers",
        )
    drop = np.asarray(drop_probability, float)
    if drop.shape not in ((), (plan.dropout_layers,)) or not np.all((drop >= 0) & (drop <= 1)):
        raise ParameterError(
            "needs probabilities, one or one for each dropout layer",
            where=where,
            value=drop_probability,
            remedy=f"e.g. 0.2, or a list of {plan.dropout_layers}",
        )
    if plan.dropout_layers > MAX_PREFIX_LAYERS:
        raise ParameterError(
            "too many dropout layers to enumerate prefixes",
            where=where,
            value=plan.dropout_layers,
            remedy=f"at most {MAX_PREFIX_LAYERS}; use schedule='sampled'",
        )
    return np.broadcast_to(drop, (plan.dropout_layers,))


def _outputs(layer: LayerSpec, following: LayerSpec | None) -> int:
    """Return the outputs that the next layer sees, after pooling."""
    if following is None:
        return layer.columns * layer.windows
    h, w = following.input_size
    return following.in_channels * (h * w if following.kind == "conv" else 1)


def _layer(
    m: LayerMapping, before: Count, after: Count, outputs: int, passes: int, *, is_last: bool
) -> LayerCounts:
    """Count one layer that is computed ``before`` times and left by ``after`` branches."""
    layer = m.layer
    elements = layer.columns * layer.windows
    conversions = 0 if layer.digital else elements * layer.input_bits * m.row_tiles
    additions = 0 if layer.digital else elements * (layer.input_bits * m.row_tiles - 1)
    dropout = layer.scale_dropout
    return LayerCounts(
        name=layer.name,
        digital=layer.digital,
        evaluations=before,
        array_reads=m.reads * before,
        column_conversions=conversions * before,
        partial_sum_additions=additions * before,
        comparisons=0 if is_last else (elements - outputs) * before + outputs * after,
        scale_multiplexings=outputs * after if dropout else 0,
        threshold_selections=outputs * after if layer.threshold_sets == 2 else 0,
        dropout_draws=passes if dropout else 0,
        macs=layer.macs * before if layer.digital else 0,
        buffered_bits=0 if is_last else outputs * (after - before),
    )
