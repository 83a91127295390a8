"""What the data can give: fits that are none, standard errors from the Fisher information, and the words for what cannot be had."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...errors import ParameterError
from .data import SwitchingData
from .laws import Array
from .likelihood import SHORTEST_TAU0, Problem
from .search import Optimum, minimise

WIDEST = math.log(10.0) / 1.959964
"""Standard error of a logarithm above which a parameter counts as not identifiable: 95 % within a factor of 10 each way."""
WIDEST_SHARE = 0.25
"""The same for a lapse rate."""
REMEDY = "declare tau0, or measure pulse widths over 3 to 4 decades"
ADVICE = "measure at least two currents with 0 < switched < trials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """Which quantities the data identify, and the parameters with their covariance.

    Parameters
    ----------
    identifiable : dict of str to bool
        Name -> whether the data give it.
    parameters : tuple of str
        The parameters of :attr:`covariance`.
    covariance : ndarray, shape (P, P)
        Inverse Fisher information of their logarithms (lapse rates: of the rates); 0 where a limit holds a parameter.
    text : str
        The verdict in words.
    """

    identifiable: dict[str, bool]
    parameters: tuple[str, ...]
    covariance: Array
    text: str


def covariance_of(problem: Problem, optimum: Optimum, *, without: tuple[str, ...] = ()) -> Array:
    """Return the inverse information of the coordinates, shape (P, P); 0 for those at a limit and those in ``without``.

    Raises
    ------
    ParameterError
        If the information is singular in another coordinate than tau0.
    """
    names = problem.coordinates
    free = [i for i, name in enumerate(names) if name not in without and not (optimum.at_lower[i] or optimum.at_upper[i])]
    matrix = optimum.value.information[np.ix_(free, free)]
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    scaled = matrix / np.outer(scale, scale)
    eigenvalues = np.linalg.eigvalsh(scaled) if free else np.ones(1)
    if not (np.all(np.isfinite(scaled)) and eigenvalues[0] > 1e-12):
        if "tau0" in names and "tau0" not in without:
            return covariance_of(problem, optimum, without=(*without, "tau0"))
        raise ParameterError(
            "the data do not determine the parameters together", where="fit_switching", value=[names[i] for i in free],
            remedy="measure several currents with probabilities between 0.05 and 0.95",
        )  # fmt: skip
    out = np.zeros((len(names), len(names)))
    out[np.ix_(free, free)] = np.linalg.inv(scaled) / np.outer(scale, scale)
    return out


def identify(problem: Problem, optimum: Optimum, data: SwitchingData) -> Identification:
    """Decide what the data identify.

    A free tau0 is not identifiable from one pulse width at one temperature, whatever the number of trials: the ridge
    ``(Ic0, tau0)`` is then resolved by the curvature of the S-curve alone, which depends on the barrier's exact shape. With more,
    it is where the Fisher standard error of ln tau0 is below :data:`WIDEST` and the estimate lies inside the search range.
    """
    names = problem.coordinates
    widths, temperatures = np.unique(data.pulse), np.unique(data.temperature)
    span = f"{widths.size} pulse widths over a factor of {widths[-1] / widths[0]:.3g}" if widths.size > 1 else f"One pulse width ({widths[0]:g} s)"
    covariance = covariance_of(problem, optimum)
    error = dict(zip(names, np.sqrt(np.diag(covariance)), strict=True))
    extras = tuple(n for n in names if n in ("p_sat", "lapse_lower", "lapse_upper", "rho"))
    out = {name: bool(error[name] < (WIDEST_SHARE if name.startswith("lapse") else WIDEST)) for name in extras}
    if not problem.free_tau0:
        first = problem.law.parameters[:2]
        out = {name: bool(error[name] < WIDEST) for name in first} | out
        weak = [name for name, good in out.items() if not good]
        text = f"{span}; tau0 is declared, not fitted." if problem.tau0 is not None else f"{span}; an empirical curve without tau0."
        if weak:
            text += f" Barely identifiable: {', '.join(weak)} (95 % beyond a factor of 10)."
        elif problem.tau0 is not None and widths.size == 1:
            text += " critical_current holds for this tau0 alone."
        return Identification(identifiable=out, parameters=(*first, *extras), covariance=covariance, text=text)
    at = names.index("tau0")
    single = widths.size == 1 and temperatures.size == 1
    held = bool(optimum.at_lower[at] or optimum.at_upper[at])
    good = bool(not single and not held and 0.0 < error["tau0"] < WIDEST)
    out = {"i50": bool(error["i50"] < WIDEST), "slope": bool(error["slope"] < WIDEST), "delta": True, "critical_current": good, "tau0": good} | out
    if not good:
        conditional = covariance_of(problem, optimum, without=("tau0",))
        keep = [i for i, name in enumerate(names) if name != "tau0"]
        why = "" if single else " (its estimate lies at the limit of the search)" if held else f" (standard error of ln tau0: {error['tau0']:.2g})"
        text = (
            f"{span}: tau0 and critical_current are not identifiable{why}; {REMEDY}. i50, slope and delta are quoted with intervals "
            f"profiled over tau0 from {SHORTEST_TAU0:g} s to {problem.reference_pulse:g} s."
        )  # fmt: skip
        return Identification(
            identifiable=out, parameters=tuple(names[i] for i in keep), covariance=conditional[np.ix_(keep, keep)], text=text
        )
    shown = (*problem.law.parameters, *extras)
    rows = [problem.quantity(name, optimum.u) for name in shown]
    jacobian = np.stack([row[1] for row in rows if row is not None])
    text = f"{span}: tau0 is identifiable (standard error of ln tau0: {error['tau0']:.2g})."
    return Identification(identifiable=out, parameters=shown, covariance=jacobian @ covariance @ jacobian.T, text=text)


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
