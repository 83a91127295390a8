"""Hardware: profiles and chips, operation counts and their cost, published references.

Names are loaded when they are first used, so that counting and costing do not wait for scipy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arrays import ColumnAgreement as ColumnAgreement
    from .arrays import CrossbarSetup as CrossbarSetup
    from .arrays import measure_agreement as measure_agreement
    from .chip import Chip as Chip
    from .columns import ColumnTable as ColumnTable
    from .components import Component as Component
    from .components import ComponentSet as ComponentSet
    from .components import characterised as characterised
    from .components import component_set as component_set
    from .components import published as published
    from .cost import CostReport as CostReport
    from .cost import CostRow as CostRow
    from .cost import estimate_cost as estimate_cost
    from .counts import LayerCounts as LayerCounts
    from .counts import OperationCounts as OperationCounts
    from .counts import count_operations as count_operations
    from .modules import ModuleTable as ModuleTable
    from .profile import HardwareProfile as HardwareProfile
    from .references import published_table as published_table

_HOMES = {
    "ColumnAgreement": "arrays",
    "CrossbarSetup": "arrays",
    "measure_agreement": "arrays",
    "Chip": "chip",
    "ColumnTable": "columns",
    "Component": "components",
    "ComponentSet": "components",
    "characterised": "components",
    "component_set": "components",
    "published": "components",
    "CostReport": "cost",
    "CostRow": "cost",
    "estimate_cost": "cost",
    "LayerCounts": "counts",
    "OperationCounts": "counts",
    "count_operations": "counts",
    "ModuleTable": "modules",
    "HardwareProfile": "profile",
    "published_table": "references",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
