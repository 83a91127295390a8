"""Two conventions of the critical current, and what turns one into the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .base import Array


def static_threshold(critical_current: ArrayLike) -> Array:
    """Convert the paper's Ic0 into the 0 K switching threshold, Ic0/2 [A].

    Examples
    --------
    >>> float(static_threshold(500e-6))
    0.00025
    """
    return np.asarray(critical_current, dtype=float) / 2.0


def paper_critical_current(threshold: ArrayLike) -> Array:
    """Convert a 0 K threshold into the paper's Ic0, twice the threshold [A]."""
    return np.asarray(threshold, dtype=float) * 2.0
