"""The macrospin under a sampled current."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from tolerances import ROUNDING_FLOAT64, STANDARD_ERRORS

from spinbnn.device import DeviceParams
from spinbnn.device.macrospin import Macrospin
from spinbnn.device.macrospin.pulse import step_means
from spinbnn.device.macrospin.sampled import sample_means
from spinbnn.errors import ParameterError

TIME = np.array([0.0, 0.05, 1.0, 1.05, 1.5, 1.53, 3.0, 3.02]) * 1e-9
CURRENT = np.array([0.0, -240.0, -240.0, 0.0, 0.0, 230.0, 230.0, 0.0]) * 1e-6


@pytest.fixture(scope="module")
def params() -> DeviceParams:
    return DeviceParams.load("bench_pmtj40")


def test_means_keep_charge_and_place() -> None:
    time, current = np.array([1.0, 1.3, 1.3, 2.9, 4.05]), np.array([1.0, 2.0, -1.0, -1.0, 3.0])
    fine = np.linspace(1.0, 4.05, 200_001)
    for step, begin in ((0.5, 0.0), (0.07, 0.7), (3.0, 2.0)):
        means = sample_means(time, current, begin, step, math.ceil((begin + 3.05) / step) + 2)
        assert means.sum() * step == pytest.approx(float(np.trapezoid(current, time)), rel=ROUNDING_FLOAT64)
        for k in (1, 2):  # single steps against the sampled waveform, 0 outside
            inside = (fine - 1.0 + begin >= k * step) & (fine - 1.0 + begin < (k + 1) * step)
            before = (fine < 1.3) & inside
            want = np.interp(fine[before], [1.0, 1.3], [1.0, 2.0]).sum() + np.interp(fine[inside & ~before], [1.3, 2.9, 4.05], [-1.0, -1.0, 3.0]).sum()
            assert means[k] == pytest.approx(want * (fine[1] - fine[0]) / step, abs=3e-4)


@pytest.mark.parametrize(("begin", "pulse", "rise", "fall"), [(3.4, 10.25, 2.5, 4.1), (0.0, 5.0, 5.0, 1.0), (2.0, 7.7, 0.0, 0.0)])
def test_a_sampled_trapezoid_is_the_pulse(begin: float, pulse: float, rise: float, fall: float) -> None:
    top, down = rise, pulse + 0.5 * (rise - fall)
    sampled = sample_means(np.array([0.0, top, down, down + fall]), np.array([0.0, 1.0, 1.0, 0.0]), begin, 1.0, 24)
    assert sampled == pytest.approx(step_means(begin, pulse, rise, fall, 1.0, 24), abs=ROUNDING_FLOAT64)


def test_a_sampled_pulse_moves_the_moment_as_the_pulse_does(params: DeviceParams) -> None:
    """Without noise both ways end at the same vector; with it, at the same probability."""
    still = Macrospin(params, noise=False, precision="float64", rise=0.1e-9, fall=0.3e-9)
    time, current = np.array([0.0, 0.1, 1.9, 2.2]) * 1e-9, np.array([0.0, 250e-6, 250e-6, 0.0])
    for sign in (1.0, -1.0):
        for initial in (0, 1):
            own = still.waveform(time, sign * current, n=1, initial=initial).final_mz[0]  # type: ignore[arg-type]
            pulse = still.switching(sign * 250e-6, 2e-9, n=1, initial=initial).final_mz[0]  # type: ignore[arg-type]
            assert own == pytest.approx(pulse, abs=1e-6) and abs(own) < 0.9999
    noisy, n = Macrospin(params, rise=0.1e-9, fall=0.3e-9), 3000
    a, b = noisy.waveform(time, current, n=n, seed=1).probability[-1], float(noisy.switching(250e-6, 2e-9, n=n, seed=2).probability)
    assert 0.1 < b < 0.95 and abs(a - b) < STANDARD_ERRORS * math.sqrt(2 * b * (1 - b) / n)


def test_reset_and_set_are_noted_on_the_way(params: DeviceParams) -> None:
    device = Macrospin(params)
    counts = device.waveform(TIME, CURRENT, n=400, seed=4, initial=1, moments=[0.0, 1.4e-9])
    start, between, end = counts.ones
    assert start == 400 and 50 < between < 300 and end > between
    reset = device.waveform(TIME[:5], CURRENT[:5], n=400, seed=4, initial=1, moments=[1.4e-9])
    assert reset.ones[0] == between, "what comes later has no part in it: one noise for all waveforms"
    none = device.waveform([0.0, 2e-9], [0.0, 0.0], n=50, seed=1)
    assert none.ones.tolist() == [0] and device.waveform([0.0, 2e-9], [0.0, 0.0], n=50, initial=1).ones.tolist() == [50]
    assert counts.probability[1] == between / 400 and counts.standard_error[1] == pytest.approx(math.sqrt(between * (400 - between) / 400**3))
    low, high = counts.interval()
    assert np.all((low < counts.probability) | (counts.ones == 0)) and np.all((high > counts.probability) | (counts.ones == 400))


def test_a_negative_field_names_the_states_the_other_way_round(params: DeviceParams) -> None:
    turned = params.with_values(magnetic__in_plane_field=-0.03)
    counts = [Macrospin(p, noise=False).waveform([0, 1e-12, 2e-9, 4e-9], [0, 260e-6, 260e-6, 0], n=1) for p in (params, turned)]
    assert [c.ones[-1] for c in counts] == [1, 1] and counts[0].final_mz[0] > 0 > counts[1].final_mz[0]


def test_a_trajectory_depends_on_its_own_name_only(params: DeviceParams, monkeypatch: pytest.MonkeyPatch) -> None:
    device = Macrospin(params)
    whole = device.waveform(TIME, CURRENT, n=30, seed=9).final_mz
    tail = device.waveform(TIME, CURRENT, n=20, first=10, seed=9).final_mz
    assert np.array_equal(whole[10:], tail) and not np.array_equal(whole, device.waveform(TIME, CURRENT, n=30, seed=10).final_mz)
    monkeypatch.setattr("spinbnn.device.macrospin.model.LANES", 7)
    for workers in (1, 2):
        assert np.array_equal(whole, Macrospin(params, workers=workers).waveform(TIME, CURRENT, n=30, seed=9, moments=[1e-9]).final_mz)
    shifted = device.waveform(TIME + 5e-9, CURRENT, n=30, seed=9).final_mz
    assert np.allclose(whole, shifted, atol=1e-3), "time counts from the first sample"
    ones = [device.waveform(TIME + late, CURRENT, n=60, seed=9, initial=1, moments=[1.3e-9 + late]).ones[0] for late in (0.0, 5e-9)]
    assert 0 < ones[0] < 60 and ones[0] == ones[1], "so do the moments"


@pytest.mark.skipif(find_spec("numba") is None, reason="needs numba")
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_engines_give_the_same_bits(params: DeviceParams, precision: Any) -> None:
    runs = [Macrospin(params, engine=name, precision=precision).waveform(TIME, CURRENT, n=70, seed=2, initial=1, moments=[1.3e-9]) for name in ("numba", "numpy")]  # type: ignore[arg-type]
    assert runs[0].final_mz.tobytes() == runs[1].final_mz.tobytes() and np.array_equal(runs[0].ones, runs[1].ones)
    assert runs[0].final_mz.dtype == precision


def test_pulses_give_the_numbers_that_they_gave(params: DeviceParams) -> None:
    """Recorded before sampled currents came: rectangular and trapezoidal pulses are untouched by them."""
    for keywords, switched, total in (
        ({}, [0, 0, 100, 163], [-293.5456423, -293.5817158, -99.6529711, 21.9861902]),
        ({"rise": 0.3e-9, "fall": 0.7e-9}, [0, 0, 2, 203], [-293.4410532, -293.2491872, -288.9359933, 107.6950161]),
    ):
        counts = Macrospin(params, start="pole", **keywords).switching([-230e-6, 0, 205e-6, 260e-6], 1e-9, n=300, seed=3)  # type: ignore[arg-type]
        assert counts.switched.tolist() == switched
        assert counts.final_mz.astype(float).sum(axis=1) == pytest.approx(total, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"time": [0.0, 2e-9, 1e-9]}, "must not fall"), ({"time": [0.0, 0.0, 0.0]}, "must not fall"), ({"time": [0.0, 1e-9]}, "two samples"), ({"current": [0.0, math.inf, 0.0]}, "finite"),
        ({"time": [0.0], "current": [1.0]}, "two samples"), ({"current": ["a", "b", "c"]}, "numbers"), ({"moments": [3e-9]}, "moments"), ({"moments": [1e-9, 0.5e-9]}, "moments"), ({"moments": [math.nan]}, "moments"),
        ({"n": 0}, "integer"), ({"first": -1}, "integer"), ({"initial": 2}, "initial"), ({"current": [0.0, 1.0, 0.0]}, "rad in one step"), ({"current": [0.0, -1.0, 0.0]}, "rad in one step"),
        ({"time": [0.0, 1.0, 2.0]}, "time steps"), ({"temperature": 0.0}, "temperature"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused(params: DeviceParams, change: dict[str, Any], word: str) -> None:
    given: dict[str, Any] = {"time": [0.0, 1e-9, 2e-9], "current": [0.0, 2e-4, 0.0], "n": 2} | change
    with pytest.raises(ParameterError, match=word):
        Macrospin(params).waveform(**given)
