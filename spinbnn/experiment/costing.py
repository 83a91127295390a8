"""Cost stage: operations of the network, and what they cost in each accounting."""

from __future__ import annotations

from typing import Any

from ..crossbar import NetworkPlan
from ..hardware import HardwareProfile, characterised, count_operations, estimate_cost, published

BLOCK_NAMES = {"memory": "array memory", "crossbar": "crossbar array", "adder": "adder-accumulator", "rng": "dropout module", "buffer": "branch buffer"}


def run_cost(plan: NetworkPlan, profile: HardwareProfile, samples: int) -> dict[str, Any]:
    """Return energies, latencies and areas of the sampled and the exact schedule, published and own figures.

    Own figures are those that are characterised so far (the dropout module); the rest is unknown and stays so.
    """
    rows = []
    for schedule in ("sampled", "exact"):
        counts = count_operations(plan, array=profile.array, schedule=schedule, samples=samples, modules=profile.modules)
        for components in (published(), characterised(profile)):
            for accounting in ("paper", "block"):
                report = estimate_cost(counts, components, accounting=accounting)
                by_block: dict[str, float | None] = {}
                for row in report.rows("energy"):
                    known = by_block.get(row.block, 0.0)
                    by_block[row.block] = None if row.value is None or known is None else known + row.value
                rows.append({
                    "label": f"T = {samples} passes" if schedule == "sampled" else "exact, shared prefixes",
                    "components": components.name,
                    "accounting": accounting,
                    "reads": float(counts.array_reads),
                    "draws": float(counts.dropout_draws),
                    "headline": report.headline("energy"),
                    "without_figure": [BLOCK_NAMES.get(b, b) for b in report.unknown("energy")],
                    "by_block": by_block,
                    "energy": report.energy,
                    "latency": report.latency,
                    "area": report.area,
                    "complete": report.complete,
                })  # fmt: skip
    return {"rows": rows, "network": plan.name, "first": plan.first, "last": plan.last}
