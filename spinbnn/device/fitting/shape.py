"""The shape of p(I) itself: does it rise throughout, and does it stand still where the fitted law must rise?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ... import rng
from .data import SwitchingData
from .goodness import enough_samples
from .laws import Array, Design
from .likelihood import Problem
from .result import SwitchingFit
from .search import minimise

ALARM = 0.01
"""p-value below which a plateau, or a fall, is named."""
FLAT, END = 0.2, 0.1
"""p-values that the points of a plateau must reach: all against one share, each end against the rest."""
INNER = (0.05, 0.95)
"""Shares between which a plateau counts; every law stands still at 0 and 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plateau:
    """A range of currents in which one constant share fits and the law does not.

    Parameters
    ----------
    low, high : float
        First and last current [A].
    least, most, share : float
        Smallest, largest and pooled share in it [1].
    points : int
        Number of currents in it.
    ratio : float
        Twice the gain in log-likelihood of "constant inside, law outside" over the law [1].
    p_value : float
        Chi-squared tail of that (one degree of freedom) times the number of windows looked at [1].
    """

    low: float
    high: float
    least: float
    most: float
    share: float
    points: int
    ratio: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What :func:`shape_of` found; None where the data do not allow the test (several widths or temperatures).

    Parameters
    ----------
    plateau : Plateau or None
        The clearest plateau.
    fall : float or None
        p-value of the hypothesis that p never falls with the current [1].
    law : str
        The law that the plateau was tested against.
    """

    plateau: Plateau | None
    fall: float | None
    law: str

    def sentences(self, resistance: float | None = None) -> list[str]:
        """Return the findings in words; with a track resistance [ohm] in volts."""
        out = []
        if self.plateau is not None:
            at = self.plateau
            amps = f"{at.low * 1e6:.5g} and {at.high * 1e6:.5g} µA"
            span, also = (amps, "") if resistance is None else (f"{at.low * resistance:.2f} and {at.high * resistance:.2f} V", f"{amps}; ")
            out.append(
                f"p stays {at.least:.2f} to {at.most:.2f} between {span} ({also}{at.points} currents; one share of {at.share:.2f} fits them): a plateau below 1, as back-hopping makes it. "
                f"The law ({self.law}) rises there: likelihood ratio {at.ratio:.1f}, p = {at.p_value:.1g} after all windows that were looked at."
            )  # fmt: skip
        if self.fall is not None and self.fall < ALARM:
            out.append(f"p falls with the current somewhere (test of a p that never falls: p = {self.fall:.1g}); no law with one forward rate can.")
        return out


def shape_of(fit: SwitchingFit, samples: int = 999) -> Shape:
    """Look for a plateau and for a fall of p in the data of a fit.

    Parameters
    ----------
    fit : SwitchingFit
        A fit at one pulse width and temperature; its law is what a plateau is tested against.
    samples : int
        Draws for the test of a fall, at least 100; their seed is that of the fit.

    Examples
    --------
    >>> from spinbnn.device import fit_switching
    >>> import numpy as np
    >>> fit = fit_switching(np.linspace(180e-6, 230e-6, 11), 10e-9, 100, [1, 8, 60, 72, 73, 71, 72, 74, 73, 90, 99], tau0=1e-9)
    >>> shape_of(fit, samples=100).plateau.points
    6
    """
    enough_samples(samples, "shape_of")
    data = fit.data
    if np.unique(data.pulse).size > 1 or np.unique(data.temperature).size > 1:
        return Shape(plateau=None, fall=None, law=fit.model)
    return Shape(plateau=find_plateau(fit), fall=fall_p_value(data, samples, fit.seed), law=fit.model)


def find_plateau(fit: SwitchingFit) -> Plateau | None:
    """Return the window of three currents or more with the greatest likelihood ratio that passes, None if none does."""
    problem, data = fit.problem, fit.data
    currents, place, n, k = _pooled(data)
    found: list[Plateau] = []
    windows = 0
    for first in range(currents.size):
        for last in range(first + 2, currents.size):
            inside = slice(first, last + 1)
            share = float(k[inside].sum() / n[inside].sum())
            out = (place < first) | (place > last)
            if not INNER[0] < share < INNER[1] or np.sum(out) < len(problem.coordinates):
                continue
            windows += 1
            if not _flat(n[inside], k[inside]):
                continue
            ratio = 2.0 * (fit.optimum.value.loss - _spliced(problem, fit.optimum.u, out, n[inside].sum(), k[inside].sum()))
            shares = k[inside] / n[inside]
            found.append(
                Plateau(
                    low=float(currents[first]), high=float(currents[last]), least=float(shares.min()), most=float(shares.max()), share=share,
                    points=last - first + 1, ratio=ratio, p_value=float(special.chdtrc(1, max(ratio, 0.0))),
                )
            )  # fmt: skip
    if not found:
        return None
    best = max(found, key=lambda plateau: plateau.ratio)
    best = replace(best, p_value=min(1.0, best.p_value * windows))
    return best if best.p_value < ALARM else None


def _pooled(data: SwitchingData) -> tuple[Array, NDArray[np.intp], Array, Array]:
    """Return the distinct currents, the place of each point among them, and the pooled counts."""
    currents, place = np.unique(data.current, return_inverse=True)
    n, k = (np.bincount(place, of).astype(float) for of in (data.trials, data.switched))
    return currents, place, n, k


def _spliced(problem: Problem, u: Array, out: NDArray[np.bool_], trials: float, switched: float) -> float:
    """Return the negative log-likelihood of the law fitted outside a window and one share inside."""
    design = problem.design
    rest = replace(
        problem, trials=problem.trials[out], switched=problem.switched[out],
        design=Design(current=design.current[out], log_pulse=design.log_pulse[out], barrier_scale=design.barrier_scale[out]),
    )  # fmt: skip
    share = switched / trials
    return minimise(rest, u).value.loss - float(special.xlogy(switched, share) + special.xlogy(trials - switched, 1.0 - share))


def _flat(n: Array, k: Array) -> bool:
    """Say whether one share fits all points, and each end fits the others."""
    if special.chdtrc(n.size - 1, _spread(n, k)) < FLAT:
        return False
    for end, rest in ((0, slice(1, None)), (-1, slice(0, -1))):
        if special.chdtrc(1, _spread(np.array([n[end], n[rest].sum()]), np.array([k[end], k[rest].sum()]))) < END:
            return False
    return True


def _spread(n: Array, k: Array) -> float:
    """Return the deviance of one share for all."""
    share = k.sum() / n.sum()
    return float(2.0 * np.sum(special.xlogy(k, k / (n * share)) + special.xlogy(n - k, (n - k) / (n * (1.0 - share)))))


def fall_p_value(data: SwitchingData, samples: int, seed: int) -> float:
    """Return the bootstrap p-value of "p never falls with the current".

    The statistic is the deviance of the best rising curve (isotonic regression) against the free shares; counts are drawn
    from that curve.

    Examples
    --------
    >>> data = SwitchingData.of([1e-4, 2e-4, 3e-4, 4e-4], 1e-8, 100, [5, 90, 95, 40])
    >>> fall_p_value(data, 99, 0)
    0.01
    """
    _, _, n, k = _pooled(data)
    curve = _isotonic(n, k)
    measured = _isotonic_deviance(n, k, curve)
    if measured < 1e-9:
        return 1.0
    beyond = 0
    for sample in range(samples):
        drawn = rng.stream(seed, "fitting", "fall", sample).binomial(n.astype(int), np.clip(curve, 0.0, 1.0)).astype(float)
        beyond += _isotonic_deviance(n, drawn, _isotonic(n, drawn)) >= measured
    return (1 + beyond) / (1 + samples)


def _isotonic(n: Array, k: Array) -> Array:
    """Return the rising shares of greatest likelihood (pool adjacent violators)."""
    blocks: list[list[float]] = []
    for trials, switched in zip(n.tolist(), k.tolist(), strict=True):
        blocks.append([trials, switched, 1])
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][0] > blocks[-1][1] * blocks[-2][0]:
            top = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], top, strict=True)]
    return np.concatenate([np.full(int(size), switched / trials) for trials, switched, size in blocks])


def _isotonic_deviance(n: Array, k: Array, curve: Array) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = special.xlogy(k, k / (n * curve)) + special.xlogy(n - k, (n - k) / (n * (1.0 - curve)))
    return float(2.0 * np.sum(np.where(np.isfinite(terms), terms, 0.0)))
