"""What is read off a train of cycles of a shared dropout module: a transition matrix for each layer, and the chain that they make."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import SimulationError
from . import waveform
from .dropout_cycle import TRACK
from .dropout_measures import SLACK, source_power
from .shared_module import LayerCycle, SharedModule, train

Array = NDArray[np.float64]

PER_LAYER: dict[str, tuple[str, str]] = {
    "code": ("1", "amplitude code"),
    "current_set": ("A", "track current, mean over 50-85 % of the SET pulse"),
    "transition_01": ("1", "a: probability of bit 1 after the cycle, from bit 0 of the layer before"),
    "transition_11": ("1", "b: probability of bit 1 after the cycle, from bit 1 of the layer before"),
    "p_drop": ("1", "probability that the layer is dropped in the long run: the chain goes round over all layers"),
    "correlation": ("1", "correlation coefficient of the bits of this layer and of the one before"),
    "settling": ("1", "a/(1 - b + a) in the train, after the change of the code, minus that of the module alone, running with the same code"),
    "latency": ("s", "from the start of RESET to the multiplexer's output that belongs to the new bit: slower decision of the two bits and latency_select; NaN if undecided"),
    "energy": ("J", "energy of the cycle, averaged over the bits of this layer and of the one before: sources of the module as in energy_cycle, its DAC, hold latch and multiplexer"),
}
"""Measures that each layer has: unit and definition; their names end in the number of the layer, from 1."""
PER_TARGET: dict[str, tuple[str, str]] = {
    "p_alone": ("1", "a/(1 - b + a) of the module alone at the code of this target, in the second of two cycles: the module runs"),
    "rested": ("1", "the same of its first cycle, behind a rest, minus p_alone: what a single cycle errs by about a running module"),
}
"""Measures that each target has; their names end in its number, from 1."""
PER_PASS: dict[str, tuple[str, str]] = {
    "settling_worst": ("1", "largest magnitude of the settling of the layers"),
    "chain_error": ("1", "largest difference of the state that runs through all cycles from the chain made of the layers' a and b"),
    "independence": ("1", "total variation between the distribution of the masks of one pass and that of independent bits of the same probabilities"),
    "energy_pass": ("J", "sum of the energies of the layers"),
    "energy_select": ("J", "share of hold latch and multiplexer in energy_pass"),
    "latency_pass": ("s", "one cycle for each layer, the rests between them included"),
    "latency_select": ("s", "from half the supply at the sense amplifier's output to 90 % of the swing at both select lines and the multiplexer's output, slowest change; NaN if undecided"),
    "read_ok": ("1", "1 if every bit is decided rightly (90 % of the supply) and stands at the multiplexer when its cycle ends, else 0"),
}
"""Measures of a whole pass."""


def measures_of(layers: int, targets: int) -> dict[str, tuple[str, str]]:
    """Return unit and definition of every measure, by name.

    Examples
    --------
    >>> [name for name in measures_of(3, 2) if name.startswith("p_")]
    ['p_drop_1', 'p_drop_2', 'p_drop_3', 'p_alone_1', 'p_alone_2']
    """
    out = {f"{name}_{k + 1}": (unit, f"layer {k + 1}: {text}") for name, (unit, text) in PER_LAYER.items() for k in range(layers)}
    out |= {f"{name}_{k + 1}": (unit, f"target {k + 1}: {text}") for name, (unit, text) in PER_TARGET.items() for k in range(targets)}
    return out | PER_PASS


def alone_probabilities(waves: Mapping[str, Array], module: SharedModule) -> tuple[float, float]:
    """Return a/(1 - b + a) of both cycles of :meth:`SharedModule.alone_deck`: behind a rest, and running; NaN if nothing switches.

    Parameters
    ----------
    waves : mapping of str to ndarray, shape (points,)
        Those that the deck saves.
    module : SharedModule
        What was simulated.

    Raises
    ------
    SimulationError
        If a waveform is too short, or a probability leaves [0, 1] by more than 1e-6.
    """
    found = []
    for cycle, nodes in zip(train(module.single.timing, 2), (("p0", "p1"), ("z1", "o1")), strict=True):
        a, b = (_probability(f"v({node})", waveform.at(waves["time"], waves[f"v({node})"], cycle.stop)) for node in nodes)
        found.append(a / (1 - b + a) if 1 - b + a >= SLACK else math.nan)
    return found[0], found[1]


def measures(waves: Mapping[str, Array], module: SharedModule, *, codes: Sequence[int], alone: Sequence[tuple[float, float]], supply: float) -> dict[str, float]:
    """Return every measure of :func:`measures_of`, in SI units.

    Parameters
    ----------
    waves : mapping of str to ndarray, shape (points,)
        Those that the deck of the module saves.
    module : SharedModule
        What was simulated.
    codes : sequence of int
        Code of each target.
    alone : sequence of (float, float)
        a/(1 - b + a) of the module alone at these codes, behind a rest and running: :func:`alone_probabilities` [1].
    supply : float
        Supply [V].

    Raises
    ------
    SimulationError
        If a waveform is too short, or a probability leaves [0, 1] by more than 1e-6.
    """
    time, cycles, layers = waves["time"], module.cycles, module.layers
    every = [module.layer(n) for n in module.started]
    a, b = np.empty(layers), np.empty(layers)
    for n, layer in zip(module.started, every, strict=True):
        a[layer], b[layer] = (_probability(f"v({start}{n})", waveform.at(time, waves[f"v({start}{n})"], cycles[n].stop)) for start in ("z", "o"))
    q = chain_probabilities(a, b)
    out = {f"p_alone_{k + 1}": float(running) for k, (_, running) in enumerate(alone)} | {f"rested_{k + 1}": float(first - running) for k, (first, running) in enumerate(alone)}
    decisions, select = _decisions(waves, module, supply)
    energies, share = _energies(waves, module, a, b, q, supply)
    for layer in range(layers):
        target = module.targets.index(module.sequence[layer])
        cycle = cycles[layer + layers]
        before = q[layer - 1]
        values = {
            "code": float(codes[target]),
            "current_set": waveform.mean(time, waves[TRACK], cycle.set_at + 0.5 * cycle.set, cycle.set_at + 0.85 * cycle.set),
            "transition_01": float(a[layer]), "transition_11": float(b[layer]), "p_drop": float(q[layer]),
            "correlation": float((b[layer] - a[layer]) * math.sqrt(before * (1 - before) / max(q[layer] * (1 - q[layer]), SLACK**2))),
            "settling": float(a[layer] / (1 - b[layer] + a[layer]) - alone[target][1]),
            "latency": float(np.maximum(decisions[layer], decisions[layer + layers])) + select,
            "energy": energies[layer],
        }  # fmt: skip
        out |= {f"{name}_{layer + 1}": value for name, value in values.items()}
    ends = [abs(waveform.at(time, waves[f"v({node})"], cycles[n].stop) - q[module.layer(n)]) for n in range(layers, 2 * layers) for node in ("p0", "p1")]
    masks = np.array(list(itertools.product((0, 1), repeat=layers)))
    apart = np.prod(np.where(masks == 1, q, 1 - q), axis=1)
    return out | {
        "settling_worst": max(abs(out[f"settling_{k + 1}"]) for k in range(layers)),
        "chain_error": float(max(ends)),
        "independence": 0.5 * float(np.sum(np.abs(mask_probabilities(a, b, masks) - apart))),
        "energy_pass": sum(energies), "energy_select": share,
        "latency_pass": cycles[layers].reset_at - cycles[0].reset_at,
        "latency_select": select,
        "read_ok": float(_held(waves, module, supply)),
    }  # fmt: skip


def chain_probabilities(a: ArrayLike, b: ArrayLike) -> Array:
    r"""Return the long-run probability of bit 1 in each layer of a chain that goes round.

    .. math:: q_k = a_k + (b_k - a_k)\, q_{k-1}, \qquad q_0 = q_L

    Parameters
    ----------
    a, b : array (L,)
        P(1|0) and P(1|1) of each layer, given the bit of the layer before [1].

    Examples
    --------
    >>> chain_probabilities([0.2, 0.5], [0.3, 0.6]).round(6).tolist()
    [0.252525, 0.525253]
    """
    first, second = np.asarray(a, float), np.asarray(b, float)
    kept = np.diag(second - first) @ np.roll(np.eye(first.size), 1, axis=0)  # row k picks layer k - 1
    return np.asarray(np.linalg.solve(np.eye(first.size) - kept, first))


def mask_probabilities(a: ArrayLike, b: ArrayLike, masks: ArrayLike) -> Array:
    r"""Return the probability of each mask of one pass: :math:`P(d_1) \prod_k P(d_k | d_{k-1})`.

    Parameters
    ----------
    a, b : array (L,)
        P(1|0) and P(1|1) of each layer, given the bit of the layer before [1].
    masks : array (S, L)
        Bits; 1 means DROP [1].

    Examples
    --------
    >>> mask_probabilities([0.2, 0.5], [0.2, 0.6], [[0, 0], [0, 1], [1, 0], [1, 1]]).round(6).tolist()
    [0.4, 0.4, 0.08, 0.12]
    """
    first, second, bits = np.asarray(a, float), np.asarray(b, float), np.asarray(masks)
    one = np.where(np.roll(bits, 1, axis=1) == 1, second, first)
    one[:, 0] = chain_probabilities(first, second)[0]
    return np.asarray(np.prod(np.where(bits == 1, one, 1 - one), axis=1))


def _probability(name: str, value: float) -> float:
    if not -SLACK <= value <= 1 + SLACK:
        raise SimulationError("an integrated probability has left [0, 1]", where=f"shared dropout module, {name}", value=value, remedy="shorten timing.max_step; look at this node of the sample")
    return min(max(value, 0.0), 1.0)


def _output(waves: Mapping[str, Array], cycle: LayerCycle, bit: int, supply: float, start: float) -> float:
    """Return when buffer and multiplexer show the bit: both select lines and the output beyond 90 % [moment, s]."""
    time, stop = waves["time"], cycle.stop
    levels = {"sel": bit, "selb": 1 - bit, "out": bit}
    return float(np.max([waveform.crossing(time, waves[f"v({node})"], (0.9 if high else 0.1) * supply, start, stop, rising=bool(high)) for node, high in levels.items()]))


def _decisions(waves: Mapping[str, Array], module: SharedModule, supply: float) -> tuple[list[float], float]:
    """Return, of each cycle, the time from RESET to the decision, and the longest time from there to the multiplexer's output."""
    decisions, selects, before = [], [], 0
    for cycle, bit in zip(module.cycles, module.bits, strict=True):
        start = cycle.read_at[0] + cycle.read - cycle.sense
        decided = waveform.crossing(waves["time"], waves["v(op)" if bit else "v(on)"], 0.5 * supply, start, cycle.stop)
        decisions.append(decided - cycle.reset_at)
        if bit != before:
            selects.append(_output(waves, cycle, bit, supply, start) - decided)
        before = bit
    return decisions, float(np.max(selects))


def _energies(waves: Mapping[str, Array], module: SharedModule, a: Array, b: Array, q: Array, supply: float) -> tuple[list[float], float]:
    """Return the mean energy of each layer's cycle, and the sum over the layers of what the logic behind the module takes.

    The logic's energy depends on the bit and the one before it: it is averaged over the cycles of the train that have the
    same two. A bit of the word costs the mean of both directions for every change of the selection.
    """
    time, layers, bits = waves["time"], module.layers, module.bits
    power = source_power(waves, supply=supply, set_voltage=None)

    def spent(wave: Array, cycle: LayerCycle) -> float:
        return waveform.integral(time, wave, cycle.reset_at, cycle.stop)

    base = [spent(power, cycle) for cycle in module.cycles]
    pairs: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for n in range(1, len(bits)):
        logic = [spent(-supply * waves[f"i(v{name})"], module.cycles[n]) for name in ("buf", "bit")]
        pairs.setdefault((bits[n - 1], bits[n]), []).append((logic[0], logic[1]))
    mean = {pair: np.mean(values, axis=0) for pair, values in pairs.items()}
    turn = 0.5 * (mean[0, 1][1] + mean[1, 0][1])
    logic_of = {pair: float(value[0] + module.changed * (turn if pair[0] != pair[1] else value[1])) for pair, value in mean.items()}
    energies, share = [], 0.0
    for layer in range(layers):
        of_bit: dict[int, float] = {bits[layer]: base[layer], bits[layer + layers]: base[layer + layers]}
        before = q[layer - 1]
        likely = {(0, 0): (1 - before) * (1 - a[layer]), (0, 1): (1 - before) * a[layer], (1, 0): before * (1 - b[layer]), (1, 1): before * b[layer]}
        selecting = sum((float(likely[pair]) * logic_of[pair] for pair in likely), 0.0)
        energies.append(float((1 - q[layer]) * of_bit[0] + q[layer] * of_bit[1]) + selecting)
        share += selecting
    return energies, share


def _held(waves: Mapping[str, Array], module: SharedModule, supply: float) -> bool:
    """Say whether every cycle decides for its bit, and the bit stands at the multiplexer when the cycle ends.

    The decision is asked for by itself: where there is none the hold latch keeps the bit before, which may be the same one.
    """
    time, difference = waves["time"], waves["v(op)"] - waves["v(on)"]
    for cycle, bit in zip(module.cycles, module.bits, strict=True):
        decided = waveform.at(time, difference, cycle.read_at[0] + cycle.read - 2 * cycle.edge) * (1 if bit else -1)
        shown = waveform.at(time, waves["v(out)"], cycle.stop - cycle.edge)
        if decided <= 0.9 * supply or (shown <= 0.9 * supply if bit else shown >= 0.1 * supply):
            return False
    return True
