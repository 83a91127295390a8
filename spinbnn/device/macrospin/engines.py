"""Which code advances the trajectories: numba's where it can be had, numpy's otherwise. Both give the same bits."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Literal

from ...errors import MissingToolError
from . import plain

Advance = Callable[..., None]
ABSENT = "numba is not installed"


def engine(name: Literal["auto", "numba", "numpy"]) -> Advance:
    """Return the function that advances trajectories; numba is imported here, not before.

    Parameters
    ----------
    name : {"auto", "numba", "numpy"}
        "auto" takes numba where it is installed. Where it is installed and cannot be imported, a warning says why and
        numpy does the work.

    Raises
    ------
    MissingToolError
        If numba is asked for and cannot be had.

    Examples
    --------
    >>> engine("numpy") is plain.advance
    True
    """
    if name == "numpy":
        return plain.advance
    advance, reason = _compiled()
    if advance is None and name == "numba":
        raise MissingToolError(reason, where="Macrospin, engine", value=name, remedy="pip install 'spinbnn[fast]', or use engine='numpy': the same numbers, slower")
    if advance is None and reason != ABSENT:
        warnings.warn(f"{reason}; numpy does its work: the same numbers, many times slower", RuntimeWarning, stacklevel=4)
    return plain.advance if advance is None else advance


@cache
def _compiled() -> tuple[Advance | None, str]:
    """Return the numba engine, or None and why there is none."""
    try:
        from .compiled import advance
    except ImportError as error:  # numba refuses a numpy that it does not know with a plain ImportError
        absent = isinstance(error, ModuleNotFoundError) and error.name in ("numba", "llvmlite")
        return None, ABSENT if absent else f"numba cannot be imported ({error})"
    return advance, ""
