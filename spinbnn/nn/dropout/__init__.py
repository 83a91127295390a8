"""Scale dropout: the layer, its placements, what a dropped scale becomes."""

from __future__ import annotations

from .layer import ALPHA_SPREAD, ScaleDropout
from .modes import MODES
from .options import ALPHA_INITS, GRANULARITIES, resolve_alpha_init
from .placements import PLACEMENTS, Placement

__all__ = [
    "ALPHA_INITS",
    "ALPHA_SPREAD",
    "GRANULARITIES",
    "MODES",
    "PLACEMENTS",
    "Placement",
    "ScaleDropout",
    "resolve_alpha_init",
]
