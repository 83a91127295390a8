"""The cost of an answer: operation counts times component figures, under a named accounting.

Accountings are never mixed. An unknown figure prints ``?``, is listed, and turns the sum into "at least".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import ParameterError, suggest
from ..tables import Column, Table
from ..units import format_si, in_unit
from .components import BLOCKS, ComponentSet, component_set
from .counts import Count, LayerCounts, OperationCounts

ACCOUNTINGS = ("paper", "block")
QUANTITIES = ("energy", "latency", "area")
NETWORK = "(network)"
_NOTES = {
    "paper": "paper: every read is charged every published block; the RNG only where bits are drawn, so the "
    "exact schedule is charged none.",
    "block": "block: memory, crossbar, adder and comparator once a read, RNG once a layer and pass, "
    "averaging once a mask.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """One block of one layer.

    Parameters
    ----------
    layer, block : str
        The layer, or ``"(network)"``, and the block (one of ``BLOCKS``).
    operations : int, float or None
        Operations charged (instances for an area); None where they are not counted [].
    each, value : float or None
        Figure of one operation and of all; None is unknown [J, s or m^2].
    """

    layer: str
    block: str
    operations: Count | None
    each: float | None
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """Energy, latency and area of one answer.

    Parameters
    ----------
    accounting : {"paper", "block"}
        What is charged how often.
    components : ComponentSet
        The figures.
    counts : OperationCounts
        The operations.
    energy_rows, latency_rows, area_rows : tuple of CostRow
        The parts of each sum [J, s, m^2].

    Examples
    --------
    >>> from spinbnn.crossbar.plans import plan
    >>> from spinbnn.hardware.counts import count_operations
    >>> report = estimate_cost(count_operations(plan("lenet5")), "scale-dropout-table-ii", accounting="block")
    >>> report.headline("energy"), report.complete, report.headline("latency")[:15]
    ('35.9964 nJ', True, 'at least 750 ns')
    >>> report.unknown("latency")
    ('memory', 'crossbar', 'adder', 'comparator', 'averaging')
    """

    accounting: str
    components: ComponentSet
    counts: OperationCounts
    energy_rows: tuple[CostRow, ...]
    latency_rows: tuple[CostRow, ...]
    area_rows: tuple[CostRow, ...]

    def rows(self, quantity: str) -> tuple[CostRow, ...]:
        """Return the rows of ``"energy"``, ``"latency"`` or ``"area"``."""
        if quantity not in QUANTITIES:
            raise ParameterError(
                "unknown quantity", where="CostReport", value=quantity, remedy=suggest(quantity, QUANTITIES)
            )
        found: tuple[CostRow, ...] = getattr(self, f"{quantity}_rows")
        return found

    @property
    def energy(self) -> float | None:
        """Sum of the known energies; a lower bound unless :attr:`complete`; None if none is known [J]."""
        return _sum(self.energy_rows)

    @property
    def latency(self) -> float | None:
        """Sum of the known latencies, one operation after another; None if none is known [s]."""
        return _sum(self.latency_rows)

    @property
    def area(self) -> float | None:
        """Sum of the known areas; None if none is known [m^2]."""
        return _sum(self.area_rows)

    @property
    def complete(self) -> bool:
        """Whether every block that the energy needs is known; of latency and area, see :meth:`unknown`."""
        return not self.unknown("energy")

    def unknown(self, quantity: str = "energy") -> tuple[str, ...]:
        """Return the blocks that take part and have no figure."""
        return tuple(
            block
            for block in BLOCKS
            if any(r.block == block and r.value is None for r in self.rows(quantity))
        )

    def headline(self, quantity: str = "energy") -> str:
        """Return the sum as text, with "at least" and the unknown blocks where it is not complete."""
        value, missing = _sum(self.rows(quantity)), self.unknown(quantity)
        text = (
            _area(value) if quantity == "area" else format_si(value, "J" if quantity == "energy" else "s", 6)
        )
        if not missing:
            return text
        return f"{'' if value is None else 'at least '}{text} (unknown: {_labels(missing)})"

    def tables(self) -> list[Table]:
        """Return the summary, the energy by block and by layer, and the operations."""
        counts = self.counts
        note = f"{_NOTES[self.accounting]} Component set {self.components.name}."
        note += " Latency: one operation after another."
        if counts.plan.second_thresholds:
            note += f" Placement {counts.plan.placement}: the second threshold sets hold"
            note += f" {counts.plan.second_thresholds} thresholds."
        if counts.schedule != "sampled":
            note += f" The branch buffer holds {counts.buffer_capacity} bits;"
            note += f" {counts.softmaxes:.6g} softmaxes are averaged with weights"
            exact = counts.schedule == "exact"
            note += ", which presumes that the chip's drop probabilities are known." if exact else "."
        rows: list[list[str | int | float | None]] = [
            [q, self.headline(q), not self.unknown(q)] for q in QUANTITIES
        ]
        summary = Table(f"Cost: {self.counts.summary()}", ["quantity", "value", "complete"], rows, note=note)
        return [summary, self._by_block(), self._by_layer(), self.counts.table()]

    def _by_block(self) -> Table:
        rows: list[list[str | int | float | None]] = []
        for block, group in _groups(self.energy_rows, "block").items():
            each = group[0].each
            rows.append(
                [
                    BLOCKS[block],
                    sum(row.operations or 0 for row in group),
                    None if each is None else in_unit(each, "pJ"),
                    _nano(_sum(group)),
                ]
            )
        rows.append([self._total, "", "", _nano(self.energy)])
        columns: list[Column | str] = [
            "block",
            Column("operations", digits=6),
            Column("each", "pJ"),
            Column("energy", "nJ", 6),
        ]
        return Table(f"Energy by block ({self._setting})", columns, rows)

    def _by_layer(self) -> Table:
        rows: list[list[str | int | float | None]] = []
        for layer, group in _groups(self.energy_rows, "layer").items():
            rows.append(
                [layer, _nano(_sum(group)), _labels({row.block for row in group if row.value is None})]
            )
        rows.append([self._total, _nano(self.energy), _labels(self.unknown())])
        columns: list[Column | str] = ["layer", Column("known energy", "nJ", 6), "unknown blocks"]
        return Table(f"Energy by layer ({self._setting})", columns, rows)

    @property
    def _setting(self) -> str:
        return f"{self.accounting} accounting, placement {self.counts.plan.placement}"

    @property
    def _total(self) -> str:
        return "total" if self.complete else "total (at least)"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, in SI units; unknown figures are None.

        ``energy`` [J], ``latency`` [s] and ``area`` [m^2] are sums of what is known; ``complete`` says of each
        whether that is all, and ``unknown`` which blocks of it have no figure.
        """
        c = self.counts
        return {
            **{q: _sum(self.rows(q)) for q in QUANTITIES},
            "complete": {q: not self.unknown(q) for q in QUANTITIES},
            "unknown": {q: list(self.unknown(q)) for q in QUANTITIES},
            "accounting": self.accounting,
            "components": self.components.name,
            "network": c.plan.name,
            "first": c.plan.first,
            "last": c.plan.last,
            "placement": c.plan.placement,
            "schedule": c.schedule,
            "samples": c.samples,
            "masks": c.masks,
            "array": list(c.mapping.array),
            "rows": c.mapping.rows,
            "strategy": c.mapping.strategy,
            "arrays": c.mapping.arrays,
            "reads_per_pass": c.reads_per_pass,
            "reads": c.array_reads,
            "dropout_draws": c.dropout_draws,
            "averaging": c.averaging,
            "softmaxes": c.softmaxes,
            "dropout_modules": c.dropout_modules,
            "buffer_capacity": c.buffer_capacity,
            "skip_capacity": c.skip_capacity,
            "second_thresholds": c.plan.second_thresholds,
            "layers": [asdict(layer) for layer in c.layers],
            "parts": {q: [asdict(row) for row in self.rows(q)] for q in QUANTITIES},
        }

    def __str__(self) -> str:
        return "\n\n".join(str(table) for table in self.tables())


def estimate_cost(
    counts: OperationCounts, components: ComponentSet | str, accounting: str = "paper"
) -> CostReport:
    r"""Return the energy, latency and area of an answer.

    Parameters
    ----------
    counts : OperationCounts
        From :func:`spinbnn.hardware.counts.count_operations`.
    components : ComponentSet or str
        The figures; a name is looked up with :func:`spinbnn.hardware.components.component_set`.
    accounting : {"paper", "block"}
        ``"paper"``: every read operation is charged every published block (the six of Table II), the reading
        that reproduces the published 0.18 uJ an image. One exception: the exact schedule draws no bit, so its
        reads are charged no RNG, 23.96 pJ of the published 27.76 pJ each; with the RNG its 732 reads would
        cost 2.78 nJ more. ``"block"``: memory, crossbar, adder and comparator once a read, the RNG once a
        drawn bit, averaging once an evaluated mask. Both charge what Table II does not cover by its own
        operations: digital layers by multiply-accumulate, shared prefixes by buffered bit, two threshold
        sets by selection, masks that are averaged with weights by softmax, and skip connections by their sums,
        the normalisations that these need, and the bits that are kept. Layers whose outputs are put together from several column
        results (row tiles, strategy 2, bit planes) are charged each conversion and each digital addition of partial sums.
        Comparisons and selections of a scale are taken as parts of the published read.

    Notes
    -----
    With N reads and energies :math:`E_b`,

    .. math:: E_{paper} = N \sum_b E_b, \qquad
       E_{block} = N (E_{mem} + E_{xbar} + E_{add} + E_{cmp}) + D E_{rng} + M E_{avg}

    for D drawn bits and M averaged masks. The latency adds every operation one after another, an upper bound
    where tiles or modules work side by side. The area counts arrays, dropout modules, bits of the branch buffer
    and second thresholds; instances of the other blocks are not counted, so their area is unknown. Source of the table: doi
    10.48550/arXiv.2311.15816.

    Raises
    ------
    ParameterError
        For an unknown accounting or set; for ``"events"``, which the cost issue brings.

    Examples
    --------
    >>> from spinbnn.crossbar.plans import plan
    >>> from spinbnn.hardware.counts import count_operations
    >>> estimate_cost(count_operations(plan("lenet5")), "scale-dropout-table-ii").headline()
    '178.497 nJ'
    """
    if accounting not in ACCOUNTINGS:
        remedy = suggest(str(accounting), ACCOUNTINGS)
        if accounting == "events":
            remedy = "the events accounting arrives with the cost issue; use 'paper' or 'block'"
        raise ParameterError(
            "this accounting is not built", where="estimate_cost, accounting", value=accounting, remedy=remedy
        )
    if isinstance(components, str):
        components = component_set(components)
    energy: list[CostRow] = []
    latency: list[CostRow] = []
    for layer in counts.layers:
        once = _once(layer)
        charged = once
        if accounting == "paper":
            every = ("memory", "crossbar", "adder", "comparator", "averaging")
            drawn = layer.array_reads if counts.dropout_draws else 0
            charged = once | dict.fromkeys(every, layer.array_reads) | {"rng": drawn}
        energy += [_row(components, layer.name, block, n, "energy") for block, n in charged.items()]
        latency += [_row(components, layer.name, block, n, "latency") for block, n in once.items()]
    if accounting == "block":
        energy.append(_row(components, NETWORK, "averaging", counts.averaging, "energy"))
    latency.append(_row(components, NETWORK, "averaging", counts.averaging, "latency"))
    if counts.softmaxes:
        energy.append(_row(components, NETWORK, "softmax", counts.softmaxes, "energy"))
        latency.append(_row(components, NETWORK, "softmax", counts.softmaxes, "latency"))
    return CostReport(
        accounting=accounting,
        components=components,
        counts=counts,
        energy_rows=tuple(energy),
        latency_rows=tuple(latency),
        area_rows=_area_rows(counts, components),
    )


def _once(layer: LayerCounts) -> dict[str, Count]:
    """Return the operations of a layer, each charged to its own block."""
    charged: dict[str, Count] = dict.fromkeys(
        ("memory", "crossbar", "adder", "comparator"), layer.array_reads
    )
    charged["rng"] = layer.dropout_draws
    more = {
        "mac": layer.macs,
        "buffer": layer.buffered_bits,
        "threshold": layer.threshold_selections,
        "pooling": layer.pooling_additions,
        "normalise": layer.normalisations,
        "skip": layer.skip_additions,
        "skip_buffer": layer.skip_bits,
    }
    if layer.partial_sum_additions:  # several column results an output: numbers, not the one comparison of a binary read
        more |= {"converter": layer.column_conversions, "partial_sum": layer.partial_sum_additions}
    return charged | {block: n for block, n in more.items() if n}


def _row(
    components: ComponentSet, layer: str, block: str, operations: Count | None, quantity: str
) -> CostRow:
    each: float | None = getattr(components[block], quantity)
    if operations == 0:
        value: float | None = 0.0
    else:
        value = None if each is None or operations is None else operations * each
    return CostRow(layer=layer, block=block, operations=operations, each=each, value=value)


def _area_rows(counts: OperationCounts, components: ComponentSet) -> tuple[CostRow, ...]:
    instances: dict[str, int | None] = {"crossbar": counts.mapping.arrays, "rng": counts.dropout_modules}
    instances |= dict.fromkeys(("memory", "adder", "comparator", "averaging"))
    if counts.total("macs"):
        instances["mac"] = None
    if counts.buffer_capacity:
        instances["buffer"] = counts.buffer_capacity
    instances |= dict.fromkeys(
        block
        for block, operation in (
            ("pooling", "pooling_additions"),
            ("normalise", "normalisations"),
            ("skip", "skip_additions"),
            ("converter", "partial_sum_additions"),
            ("partial_sum", "partial_sum_additions"),
        )
        if counts.total(operation)
    )
    if counts.skip_capacity:
        instances["skip_buffer"] = counts.skip_capacity
    if counts.plan.second_thresholds:
        instances["threshold"] = counts.plan.second_thresholds
    if counts.softmaxes:
        instances["softmax"] = None
    return tuple(_row(components, NETWORK, block, n, "area") for block, n in instances.items())


def _sum(rows: Sequence[CostRow]) -> float | None:
    """Sum what is known; None if all that is known is zero while something is unknown."""
    known = [row.value for row in rows if row.value is not None]
    total = float(sum(known))
    return None if total == 0 and len(known) < len(rows) else total


def _groups(rows: Iterable[CostRow], key: str) -> dict[str, list[CostRow]]:
    groups: dict[str, list[CostRow]] = {}
    for row in rows:
        groups.setdefault(getattr(row, key), []).append(row)
    return groups


def _labels(blocks: Iterable[str]) -> str:
    wanted = set(blocks)
    return ", ".join(label for block, label in BLOCKS.items() if block in wanted)


def _nano(energy: float | None) -> float | None:
    return None if energy is None else in_unit(energy, "nJ")


def _area(value: float | None) -> str:
    if value is None:
        return "?"
    unit = "um^2" if value < 1e-8 else "mm^2"
    return f"{in_unit(value, unit):.5g} {unit}"
