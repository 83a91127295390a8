"""Cost stage: operations of the network, and what they cost in each accounting."""

from __future__ import annotations

from typing import Any

from ..crossbar import NetworkPlan
from ..hardware import HardwareProfile, characterised, count_operations, estimate_cost, published
from ..hardware.components import BLOCKS


def run_cost(plan: NetworkPlan, profile: HardwareProfile, samples: int) -> dict[str, Any]:
    """Return energies, latencies and areas of the sampled and the exact schedule, published and own figures.

    Own figures are those that are characterised so far (the dropout module); the rest is unknown and stays so. The
    accounting ``paper`` is a reading of the published table, not a law: own figures are counted in ``block`` only.
    """
    rows = []
    for schedule in ("sampled", "exact"):
        counts = count_operations(plan, array=profile.array, rows=profile.array_rows, strategy=profile.strategy, schedule=schedule, samples=samples, modules=profile.modules)
        for source, components in (("published, Table II", published()), ("own, characterised", characterised(profile))):
            for accounting in ("paper", "block") if source.startswith("published") else ("block",):
                report = estimate_cost(counts, components, accounting=accounting)
                by_block: dict[str, float | None] = {}
                for row in report.rows("energy"):
                    known = by_block.get(BLOCKS[row.block], 0.0)
                    by_block[BLOCKS[row.block]] = None if row.value is None or known is None else known + row.value
                rows.append({
                    "label": f"T = {samples} passes" if schedule == "sampled" else "exact, shared prefixes",
                    "components": source,
                    "accounting": accounting,
                    "reads": float(counts.array_reads),
                    "draws": float(counts.dropout_draws),
                    "headline": report.headline("energy"),
                    "without_figure": [BLOCKS[b] for b in report.unknown("energy")],
                    "by_block": by_block,
                    "energy": report.energy,
                    "complete": report.complete,
                    "latency": report.latency,
                    "latency_complete": not report.unknown("latency"),
                    "area": report.area,
                    "area_complete": not report.unknown("area"),
                })  # fmt: skip
    return {"rows": rows, "network": plan.name, "first": plan.first, "last": plan.last, "placement": plan.placement}
