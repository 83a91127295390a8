"""Fits that are none: the maximum of the likelihood lies on the border of the search, or is as high there."""

from __future__ import annotations

import numpy as np

from ...errors import ParameterError
from .likelihood import Problem
from .search import Optimum, minimise

ADVICE = "measure at least two currents with 0 < switched < trials"


def refuse_bounds(problem: Problem, optimum: Optimum) -> None:
    """Raise where the data bound no slope or no critical current.

    Raises
    ------
    ParameterError
        Switching that does not rise with the current, currents that all lie beyond Ic0, perfect separation.
    """
    names = problem.coordinates
    held = {name for i, name in enumerate(names) if optimum.at_lower[i]}, {name for i, name in enumerate(names) if optimum.at_upper[i]}
    values = dict(zip(names, np.exp(optimum.u).tolist(), strict=True))
    steep = "width" if "width" in names else "slope" if "slope" in names else "delta"
    flat, sharp = (held[1], held[0]) if steep == "width" else (held[0], held[1])
    if steep in flat or {"critical_current", "i50"} & held[1]:
        raise ParameterError(
            f"the data bound neither delta nor {names[1] if steep == 'delta' else names[0]}: the switching does not rise with the current",
            where="fit_switching", value=values, remedy="check the order of the data and the direction of the current",
        )  # fmt: skip
    if {"critical_current", "i50"} & held[0]:
        raise ParameterError("the data do not bound critical_current: every current lies beyond it", where="fit_switching", value=values, remedy=ADVICE)
    if steep in sharp or _as_good_at_border(problem, optimum, names.index(steep), steep == "width"):
        raise ParameterError("the data do not bound delta: perfect separation, any steeper model fits as well", where="fit_switching", value=values[steep], remedy=ADVICE)


def _as_good_at_border(problem: Problem, optimum: Optimum, at: int, lower: bool) -> bool:
    """Say whether the steepest law of the search is as likely as the best; skipped where the information puts it far off."""
    border = float(problem.lower[at] if lower else problem.upper[at])
    information = float(optimum.value.information[at, at])
    covariance = np.linalg.pinv(optimum.value.information, rcond=1e-12)
    error = max(float(covariance[at, at]), 1.0 / max(information, 1e-300)) ** 0.5
    if abs(border - float(optimum.u[at])) > 6.0 * error and error < 1.0:
        return False
    begin = optimum.u.copy()
    begin[at] = border
    return minimise(problem, begin, fixed=at).value.loss <= optimum.value.loss + 1e-6
