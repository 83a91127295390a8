"""Thinning of the two-state process under a sampled current."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from tolerances import STANDARD_ERRORS

from spinbnn.device import ThermalSwitching
from spinbnn.device.bits.thinning import BLOCK, HEADROOM, thinned_cycles
from spinbnn.errors import ParameterError, SimulationError

BOTH = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, saturation=0.7)
RAMP_TIME = np.array([0.0, 1e-9, 4e-9, 5e-9, 6e-9, 16e-9, 17e-9])
RAMP = np.array([0.0, -240e-6, -200e-6, 0.0, 170e-6, 230e-6, 0.0])


@dataclass(frozen=True)
class Given:
    """A model whose rates are given functions of the current."""

    up: Any
    down: Any

    def rates(self, current: Any, temperature: Any = 300.0) -> tuple[np.ndarray, np.ndarray]:
        x = np.asarray(current, dtype=float)
        return np.asarray(self.up(x), dtype=float), np.asarray(self.down(x), dtype=float)


def expected(model: Any, time: np.ndarray, current: np.ndarray, start: int, moments: np.ndarray) -> np.ndarray:
    """Integrate dP/dt = k_up (1 - P) - k_down P with scipy, as an independent check."""

    def slope(t: float, p: np.ndarray) -> np.ndarray:
        up, down = model.rates(np.interp(t, time, current))
        return np.asarray(up * (1 - p) - down * p)

    return solve_ivp(slope, (time[0], time[-1]), [float(start)], t_eval=moments, rtol=1e-9, atol=1e-12, max_step=2e-11).y[0]


def test_transitions_are_those_of_the_master_equation_at_every_moment() -> None:
    moments = np.array([2e-9, 4.5e-9, 9e-9, 13e-9, 17e-9])
    run = thinned_cycles(BOTH, RAMP_TIME, RAMP, 60_000, seed=3, moments=moments[:-1])
    states = np.column_stack([run.observed, run.after])
    for start in (0, 1):
        chosen = states[run.before == start]
        p = expected(BOTH, RAMP_TIME, RAMP, start, moments)
        z = (chosen.mean(axis=0) - p) / np.sqrt(p * (1 - p) / len(chosen))
        assert np.all(np.abs(z) < STANDARD_ERRORS) and np.all((p > 0.01) & (p < 0.99))


def test_the_state_is_carried_over() -> None:
    run = thinned_cycles(BOTH, RAMP_TIME, RAMP, 3 * BLOCK, seed=1, moments=[0.0])
    assert np.array_equal(run.before[1:], run.after[:-1]) and np.array_equal(run.observed[:, 0], run.before)
    weak = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)
    bits = thinned_cycles(weak, [0.0, 1e-9], [-300e-6, -300e-6], 8, seed=2, initial=1, discard=0).after
    first = int(np.argmin(bits))
    assert np.all(bits[:first] == 1) and np.all(bits[first:] == 0), "it starts in state 1, and what is reset stays"


def test_without_a_rate_nothing_happens() -> None:
    silent = Given(lambda x: 0.0 * x, lambda x: 0.0 * x)
    for initial in (0, 1):
        run = thinned_cycles(silent, [0.0, 1e-9], [0.0, 0.0], 5, seed=0, initial=initial)  # type: ignore[arg-type]
        assert run.after.tolist() == [initial] * 5 and run.candidates == 0.0


def test_first_cycles_do_not_depend_on_how_many_follow() -> None:
    short, long = (thinned_cycles(BOTH, RAMP_TIME, RAMP, n, seed=5, discard=7).after for n in (50, BLOCK + 50))
    assert np.array_equal(short, long[:50]) and not np.array_equal(long[:50], long[BLOCK:])
    assert np.array_equal(thinned_cycles(BOTH, RAMP_TIME, RAMP, 43, seed=5, discard=14).after, short[7:]), "cycles that are discarded have run"
    assert not np.array_equal(thinned_cycles(BOTH, RAMP_TIME, RAMP, 50, seed=6, discard=7).after, short)


def test_the_number_of_flips_is_poisson() -> None:
    """Equal constant rates flip the state k t times on average, an odd number in (1 - exp(-2 k t))/2 of the cycles."""
    rate, length, n = 0.4e9, 2e-9, 50_000
    same = Given(lambda x: rate + 0 * x, lambda x: rate + 0 * x)
    run = thinned_cycles(same, [0.0, length], [0.0, 0.0], n, seed=11)  # type: ignore[arg-type]
    assert run.candidates == pytest.approx(HEADROOM * rate * length)
    odd = 0.5 * (1 - math.exp(-2 * rate * length))
    assert abs((run.before != run.after).mean() - odd) < STANDARD_ERRORS * math.sqrt(odd * (1 - odd) / n)


def test_the_temperature_reaches_the_rates() -> None:
    time, current = [0.0, 10e-9], [190e-6, 190e-6]
    model = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, saturation=0.9)
    for kelvin in (280.0, 340.0):
        run = thinned_cycles(model, time, current, 20_000, seed=4, temperature=kelvin)
        p = float(model.probability(190e-6, 10e-9, kelvin))
        share = run.after[run.before == 0]
        assert abs(share.mean() - p) < STANDARD_ERRORS * math.sqrt(p * (1 - p) / share.size)


def test_a_rate_that_the_bound_misses_is_noticed() -> None:
    spike = Given(lambda x: 1e9 + 1e12 * (np.abs(x - 0.55) < 0.01), lambda x: 1e9 + 0 * x)
    with pytest.raises(SimulationError, match="exceeds the bound"):
        thinned_cycles(spike, [0.0, 10e-9], [0.0, 1.0], 2000, seed=0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"time": [0.0, 0.0]}, "increasing"), ({"time": [0.0, 1e-9, 2e-9]}, "one length"), ({"current": [0.0, math.nan]}, "finite"), ({"time": [0.0], "current": [0.0]}, "two samples"),
        ({"cycles": 0}, "cycles >= 1"), ({"discard": -1}, "discard"), ({"initial": 2}, "initial"), ({"moments": [2e-9]}, "moment"), ({"moments": [math.nan]}, "moment"),
        ({"time": [0.0, 1e-3], "current": [3e-4, 3e-4]}, "candidates"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused(change: dict[str, Any], word: str) -> None:
    given: dict[str, Any] = {"time": [0.0, 1e-9], "current": [0.0, 1e-4], "cycles": 3, "seed": 0} | change
    with pytest.raises(ParameterError, match=word):
        thinned_cycles(BOTH, **given)
