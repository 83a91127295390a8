"""What one answer of a network takes: reads, conversions, additions, comparisons, draws; not their cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..crossbar.mapping import Mapping, map_plan
from ..crossbar.plan import NetworkPlan
from ..errors import ParameterError, suggest
from ..tables import Column, Table
from .layer_counts import OPERATIONS as OPERATIONS
from .layer_counts import Count as Count
from .layer_counts import LayerCounts as LayerCounts
from .layer_counts import count_layer, skip_capacity, surroundings

SCHEDULES = ("sampled", "prefix", "exact")
MODULES = ("shared", "per_layer")
MAX_PREFIX_LAYERS = 20


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
        if self.schedule == "sampled":
            return 0
        kept = self.plan.kept_outputs
        return sum(kept[layer.name] for layer in self.plan.layers[:-1] if layer.scale_dropout)

    @property
    def skip_capacity(self) -> int:
        """Bits of the skip buffer: maps needed at once; with waiting branches a place for each map of each branch []."""
        return skip_capacity(self.plan, branches=self.schedule != "sampled")

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
        note += f"{self.mapping.arrays} arrays (mapping strategy {self.mapping.strategy}).{expected}"
        if self.plan.skips:
            note += f" The skip buffer holds {self.skip_capacity} bits."
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
    strategy : {1, 2}
        Mapping of a convolution (:func:`spinbnn.crossbar.mapping.map_plan`).
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
    around = surroundings(plan)
    layers = tuple(
        count_layer(m, near, before, after, passes)
        for m, near, (before, after) in zip(mapping.layers, around, evaluations, strict=True)
    )
    per_pass = tuple(count_layer(m, near, 1, 1, 1) for m, near in zip(mapping.layers, around, strict=True))
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
