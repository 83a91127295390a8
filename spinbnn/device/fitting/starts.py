"""Where a search begins: a straight line through ``ln h`` of the measured shares."""

from __future__ import annotations

import itertools
import math

import numpy as np

from ..switching.washboard import threshold_torque
from .field_law import FieldLaw
from .laws import LAWS, LN_LN2, Array, ThermalLaw
from .likelihood import Problem
from .search import LEFT, Optimum, minimise

EXTRA = {"p_sat": math.log(0.97), "lapse_lower": 0.01, "lapse_upper": 0.02, "rho": math.log(0.02)}


def straight_line(problem: Problem) -> tuple[float, float]:
    """Return (ln i50, slope) at the reference pulse from a weighted regression of ln h on ln I and ln t."""
    n, k = problem.trials, problem.switched
    share = (k + 0.5) / (n + 1.0)
    h = -np.log1p(-share)
    weight = np.sqrt(n * h * h / np.expm1(h))
    columns = [np.ones_like(h), np.log(problem.design.current)]
    log_pulse = problem.design.log_pulse - math.log(problem.reference_pulse)
    if np.ptp(log_pulse) > 1e-9:
        columns.append(log_pulse)
    fit = np.linalg.lstsq(np.stack(columns, axis=1) * weight[:, None], np.log(h) * weight, rcond=None)[0]
    slope = float(fit[1])
    if slope < 0.5:  # not rising: anywhere near the middle of the data
        return float(columns[1][np.argmin(np.abs(share - 0.5))]), 5.0
    middle = (LN_LN2 - float(fit[0])) / slope
    low, high = float(np.min(columns[1])), float(np.max(columns[1]))
    return min(max(middle, low - 0.5), high + 0.5), min(slope, 300.0)


def starts(problem: Problem) -> list[Array]:
    """Return start points, one for each combination of slope and tau0 (or barrier height) that is worth a try."""
    middle, slope = straight_line(problem)
    slopes = [slope * f for f in (0.7, 1.0, 1.5, 2.3)]
    law_part: list[list[float]] = []
    if isinstance(problem.law, FieldLaw):
        span = max(math.log(problem.reference_pulse / (problem.tau0 or 1.0)) - LN_LN2, 0.05)
        for s, h in itertools.product(slopes, (0.01, 0.06, 0.2)):
            at = LAWS["exact"].median(s / span)  # type: ignore[attr-defined]
            shift = math.log(at.x * float(threshold_torque(h)))
            law_part.append([math.log(s / at.steep), middle - shift, h])
    elif not isinstance(problem.law, ThermalLaw):
        law_part = [[middle, middle - math.log(1.4 * s)] for s in slopes]
    elif problem.tau0 is None:
        top = math.log(problem.reference_pulse)
        taus = [max(top - 2.3 * d, math.log(2e-15)) for d in (0.5, 1.0, 2.0, 4.0)]
        law_part = [[middle, math.log(s), tau] for s, tau in itertools.product(slopes, taus)]
    else:
        span = math.log(problem.reference_pulse / problem.tau0) - LN_LN2
        for s in slopes:
            if problem.law.has_median and span > 0.05:
                at = problem.law.median(s / span)
                law_part.append([math.log(s / at.steep), middle - math.log(at.x)])
            delta = s / 0.55
            x = problem.law.inverse(span / delta) or 0.45
            law_part.append([math.log(delta), middle - math.log(max(x, 0.02))])
    extras = [EXTRA[name] for name in problem.coordinates if name in EXTRA]
    return [np.array(part + extras) for part in law_part]


def best_of(problem: Problem, points: list[Array], *, left: float = LEFT) -> Optimum:
    """Search from the two most likely start points, with a free tau0 from the most likely one at each tau0; return the best end."""
    ranked = sorted((problem.evaluate(np.clip(p, problem.lower, problem.upper)).loss, i) for i, p in enumerate(points))
    order = [i for _, i in ranked]
    first = order[:2]
    if problem.free_tau0:
        firsts: dict[float, int] = {}
        for i in order:
            firsts.setdefault(round(float(points[i][2]), 6), i)
        first = list(firsts.values())
    found = [minimise(problem, points[i], left=left) for i in first]
    if not any(optimum.converged for optimum in found):
        found += [minimise(problem, points[i], left=left) for i in order if i not in first]
    return min(found, key=lambda optimum: optimum.value.loss)
