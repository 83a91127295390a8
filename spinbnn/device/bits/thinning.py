"""Cycles of a two-state junction under a sampled track current, event by event: thinning, with the state carried over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError, SimulationError
from ...rng import stream
from ..switching import SwitchingModel

Array = NDArray[np.float64]
Bits = NDArray[np.uint8]

BLOCK = 4096
"""Cycles of one stream of random numbers: the first bits do not depend on how many are asked for."""
PROBES = 9
"""Points of a segment at which its largest rate is looked for, ends included."""
HEADROOM = 1.05
"""Upper bound of a segment over the largest rate found there. Every candidate is checked against the bound."""
MOST_CANDIDATES = 1000.0
"""Most candidates of one cycle on average."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ThinnedCycles:
    """Consecutive cycles of one junction.

    Attributes
    ----------
    before, after : ndarray of uint8, shape (cycles,)
        State before and after each cycle; ``before[k + 1] == after[k]``. ``after`` are the bits.
    observed : ndarray of uint8, shape (cycles, moments)
        State at the moments that were asked for.
    candidates : float
        Candidates of one cycle on average, accepted or not [1].
    """

    before: Bits
    after: Bits
    observed: Bits
    candidates: float


def thinned_cycles(
    model: SwitchingModel, time: ArrayLike, current: ArrayLike, cycles: int, seed: int, *,
    temperature: float = 300.0, initial: int = 0, discard: int = 100, moments: ArrayLike = (),
) -> ThinnedCycles:  # fmt: skip
    r"""Draw consecutive cycles of a two-state junction whose rates follow a sampled current.

    Between the samples the current is linear. On each segment a constant :math:`\lambda` bounds both rates; candidates are
    a Poisson process of that rate, and one at the time t flips the state s with the probability

    .. math:: k_s(I(t))/\lambda, \qquad k_0 = k_\uparrow, \; k_1 = k_\downarrow

    which leaves exactly the process of rates :math:`k_\uparrow(I(t))`, :math:`k_\downarrow(I(t))`: no time step, no
    integral, no probability of a pulse. The state at the end of a cycle is that at the start of the next.

    Parameters
    ----------
    model : SwitchingModel
        Its ``rates``; one device.
    time : array_like, shape (points,)
        Sample times of one cycle, increasing [s].
    current : array_like, shape (points,)
        Track current at them, signed [A].
    cycles : int
        Consecutive cycles of one chain that are kept [1].
    seed : int
        Seed; ``cycles`` does not change the first ones.
    temperature : float
        Temperature [K].
    initial : {0, 1}
        State before the first cycle.
    discard : int
        Cycles that run before the first one kept: the start is forgotten as ``(b - a)^discard``.
    moments : array_like, shape (m,)
        Times within the cycle at which the state is noted as well [s].

    Returns
    -------
    ThinnedCycles

    Raises
    ------
    ParameterError
        If the samples are no waveform, there is no cycle, or a cycle has more than 1,000 candidates.
    SimulationError
        If a rate exceeds the bound of its segment: the waveform is too coarsely sampled.

    Notes
    -----
    Both entries of a cycle are followed through the same candidates, and the one that the chain comes with is taken: one
    chain, not many. The numbers are exact for the waveform as it was sampled; the bound of a segment comes from nine
    points and a margin of 5 %.

    References
    ----------
    P. A. W. Lewis, G. S. Shedler, doi:10.1002/nav.3800260304.

    Examples
    --------
    A rectangular SET of p = 1/2 behind a RESET that clears everything:

    >>> from spinbnn.device import DeviceParams
    >>> model = SwitchingModel.from_params(DeviceParams.load("seed_eq23"))
    >>> i = float(model.current_for(0.5, 10e-9))
    >>> run = thinned_cycles(model, [0, 20e-9, 20.001e-9, 30e-9], [-4e-4, -4e-4, i, i], 4000, seed=1)
    >>> round(float(run.after.mean()), 1), bool((run.before[1:] == run.after[:-1]).all())
    (0.5, True)
    """
    moment, wave = (np.asarray(a, dtype=float) for a in (time, current))
    if moment.ndim != 1 or moment.shape != wave.shape or moment.size < 2 or not (np.all(np.isfinite(moment)) and np.all(np.isfinite(wave)) and np.all(np.diff(moment) > 0)):
        raise ParameterError("a waveform needs increasing times and finite currents of one length", where="thinned_cycles, time and current", value=(moment.shape, wave.shape), remedy="give two samples at least, SI units")
    if cycles < 1 or discard < 0 or initial not in (0, 1):
        raise ParameterError("needs cycles >= 1, discard >= 0 and an initial state of 0 or 1", where="thinned_cycles", value=(cycles, discard, initial), remedy="e.g. cycles=100_000")
    noted = np.asarray(moments, dtype=float).reshape(-1)
    if np.any(~((noted >= moment[0]) & (noted <= moment[-1]))):
        raise ParameterError("a moment lies outside the waveform", where="thinned_cycles, moments", value=noted.tolist(), remedy=f"{moment[0]:.4g} to {moment[-1]:.4g} s")
    bound = _bounds(model, wave, temperature)
    climb = np.concatenate([[0.0], np.cumsum(bound * np.diff(moment))])
    if not climb[-1] <= MOST_CANDIDATES:
        raise ParameterError("a cycle has too many candidates", where="thinned_cycles, rates times cycle", value=float(climb[-1]), remedy=f"at most {MOST_CANDIDATES:g}: check the units, or shorten the cycle")
    total = discard + cycles
    maps = np.concatenate([
        _block(model, moment, wave, bound, climb, temperature, noted, seed, number) for number in range(-(-total // BLOCK))
    ])[:total]  # fmt: skip
    ends = maps[:, :, -1].tolist()
    state, before = int(initial), np.empty(total, np.uint8)
    for cycle in range(total):
        before[cycle] = state
        state = ends[cycle][state]
    taken = np.take_along_axis(maps, before[:, None, None].astype(np.intp), axis=1)[discard:, 0]
    return ThinnedCycles(before=before[discard:], after=taken[:, -1], observed=taken[:, :-1], candidates=float(climb[-1]))


def _bounds(model: SwitchingModel, wave: Array, temperature: float) -> Array:
    """Return an upper bound of both rates for every segment [1/s]."""
    share = np.linspace(0.0, 1.0, PROBES)[:, None]
    rates = model.rates(wave[:-1] + share * np.diff(wave), temperature)
    return np.asarray(HEADROOM * np.maximum(*rates).max(axis=0))


def _block(
    model: SwitchingModel, time: Array, wave: Array, bound: Array, climb: Array, temperature: float, noted: Array, seed: int, number: int
) -> Bits:  # fmt: skip
    """Return where each cycle of a block leads from both states: shape (BLOCK, 2, moments + 1), the last is its end."""
    rng = stream(seed, "thinning", number)
    count = rng.poisson(climb[-1], BLOCK)
    width = int(count.max())
    level = rng.random((BLOCK, width)) * climb[-1]
    level[np.arange(width) >= count[:, None]] = np.inf  # no candidate
    level.sort(axis=1)
    chance = rng.random((BLOCK, width))
    real = np.isfinite(level)
    place = np.interp(level, climb, time)
    segment = np.clip(np.searchsorted(climb, level, side="right") - 1, 0, bound.size - 1)
    up, down = model.rates(np.interp(place, time, wave), temperature)
    if np.any((np.maximum(up, down) > bound[segment]) & real):
        raise SimulationError("a rate exceeds the bound of its segment", where="thinned_cycles", value=float(np.max(np.where(real, np.maximum(up, down) / bound[segment], 0.0))), remedy="sample the waveform more finely")
    leaves = (chance * bound[segment] < up) & real, (chance * bound[segment] < down) & real
    states = np.empty((width + 1, BLOCK, 2), np.uint8)
    states[0] = 0, 1
    for k in range(width):
        now = states[k]
        states[k + 1] = now ^ np.where(now == 0, leaves[0][:, k, None], leaves[1][:, k, None])
    passed = [((place <= moment) & real).sum(axis=1) for moment in noted]
    steps = np.stack([*passed, np.full(BLOCK, width)], axis=1)
    return np.ascontiguousarray(np.moveaxis(states[steps, np.arange(BLOCK)[:, None]], 1, 2))
