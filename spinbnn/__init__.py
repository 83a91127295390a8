"""spinbnn: from the SOT-MTJ to the uncertainty of a binary Bayesian network and the joules of its answer.

Names are imported when they are first used: ``import spinbnn`` itself loads neither torch nor PySpice.
"""

from __future__ import annotations

import importlib
from typing import Any

from .provenance import version as _version

__version__ = _version("spinbnn") or "0+unknown"

_EXPORTS = {
    "DeviceParams": "device",
    "SwitchingModel": "device",
    "VariationModel": "device",
    "Macrospin": "device",
    "fit_switching": "device",
    "Technology": "circuit",
    "NgspiceShared": "circuit",
    "NgspiceBatch": "circuit",
    "AnalyticSimulator": "circuit",
    "Flow": "characterize",
    "LookupTable": "characterize",
    "run_flow": "characterize",
    "solve_array": "crossbar",
    "LayerSpec": "crossbar",
    "NetworkPlan": "crossbar",
    "HardwareProfile": "hardware",
    "Chip": "hardware",
    "OperationCounts": "hardware",
    "CostReport": "hardware",
    "count_operations": "hardware",
    "estimate_cost": "hardware",
    "BinaryConv2d": "nn",
    "BinaryLinear": "nn",
    "ScaleDropout": "nn",
    "describe": "nn",
    "to_hardware": "nn",
    "Prediction": "bayes",
    "predict": "bayes",
}

_ROOMS = ("bayes", "characterize", "circuit", "crossbar", "data", "device", "experiment", "hardware", "nn", "report", "training")

__all__ = ["__version__", "show_versions", *_EXPORTS]


def show_versions() -> dict[str, str]:
    """Return the versions of Python, spinbnn and its packages (nothing is imported)."""
    from .provenance import versions

    return versions()


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(importlib.import_module(f".{_EXPORTS[name]}", __name__), name)
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'spinbnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])
