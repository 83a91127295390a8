"""Crossbar arrays: network plans and their mapping, junction arrays and their variation, solver, converters, settling.

Names are loaded when they are first used, so that counting and costing do not wait for scipy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adc import Adc as Adc
    from .adc import AdcBank as AdcBank
    from .adc import Clipping as Clipping
    from .adc import converter_cost as converter_cost
    from .adc import for_popcount as for_popcount
    from .array_params import ArrayParams as ArrayParams
    from .cells import signed_sum as signed_sum
    from .cells import word_lines as word_lines
    from .mapping import LayerMapping as LayerMapping
    from .mapping import Mapping as Mapping
    from .mapping import map_plan as map_plan
    from .plan import LayerSpec as LayerSpec
    from .plan import NetworkPlan as NetworkPlan
    from .settling import column_time as column_time
    from .skips import Skip as Skip
    from .solve import ArraySolution as ArraySolution
    from .solve import CellLaw as CellLaw
    from .solve import TransferMatrix as TransferMatrix
    from .solve import TunnelCells as TunnelCells
    from .solve import solve_array as solve_array
    from .tiling import MatrixTiling as MatrixTiling
    from .tiling import cells_of_array as cells_of_array
    from .variation import ArraySample as ArraySample
    from .variation import sample_array as sample_array

_HOMES = {
    "Adc": "adc",
    "AdcBank": "adc",
    "Clipping": "adc",
    "converter_cost": "adc",
    "for_popcount": "adc",
    "ArrayParams": "array_params",
    "signed_sum": "cells",
    "word_lines": "cells",
    "LayerMapping": "mapping",
    "Mapping": "mapping",
    "map_plan": "mapping",
    "LayerSpec": "plan",
    "NetworkPlan": "plan",
    "column_time": "settling",
    "Skip": "skips",
    "ArraySolution": "solve",
    "CellLaw": "solve",
    "TransferMatrix": "solve",
    "TunnelCells": "solve",
    "solve_array": "solve",
    "MatrixTiling": "tiling",
    "cells_of_array": "tiling",
    "ArraySample": "variation",
    "sample_array": "variation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
