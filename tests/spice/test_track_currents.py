"""The simulated track current against thinning and the macrospin: the benchmark's own functions, with fewer events."""

from __future__ import annotations

import math
import runpy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tolerances import STANDARD_ERRORS

from spinbnn.characterize import Flow
from spinbnn.circuit import NgspiceShared
from spinbnn.device import DeviceParams, SwitchingModel

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "track_currents.py"
pytestmark = [pytest.mark.spice, pytest.mark.skipif(not BENCHMARK.is_file(), reason="the benchmarks are part of the repository, not of the sdist")]


@pytest.fixture(scope="module")
def bench() -> Iterator[dict[str, Any]]:
    return runpy.run_path(str(BENCHMARK), run_name="track_currents")  # type: ignore[return-value]


@pytest.fixture(scope="module")
def waves(bench: dict[str, Any]) -> list[Any]:
    """Return the eleven cycles of the flow's device, and the one that switches back."""
    with NgspiceShared(workers=1) as engine:
        return list(bench["simulated"](engine, Flow.load("dropout_module").bench, saturated=True))


def test_thinning_finds_the_transitions_of_the_circuit(bench: dict[str, Any], waves: list[Any]) -> None:
    rows = [bench["thinning_row"](wave, 20_000, seed) for seed, wave in enumerate(waves)]
    scores = bench["zs"](rows)
    assert len(rows) == 12 and len(scores) >= 50 and max(map(abs, scores)) < STANDARD_ERRORS
    by = {row["label"]: row for row in rows}
    weak = next(row for label, row in by.items() if label.startswith("weak"))
    assert 0.02 < weak["p_reset_fail"]["thinned"] < 0.1 and weak["correlation"]["z"] < STANDARD_ERRORS
    assert weak["correlation"]["thinned"] > 2.5 * weak["correlation"]["error"], "a weak RESET is seen in the bits"
    assert by["nominal"]["p_reset_fail"]["thinned"] < 0.02


def test_thinning_would_see_half_a_per_cent_of_current(bench: dict[str, Any], waves: list[Any]) -> None:
    """A wrong current, and a wrong state at the start of the cycles, leave the four standard errors."""
    nominal = next(w for w in waves if w.label == "nominal")
    row = bench["thinning_row"](replace(nominal, current=1.005 * nominal.current), 20_000, 1)
    assert abs(row["a"]["z"]) > STANDARD_ERRORS
    cold = replace(nominal.sample, temperature=nominal.sample.temperature - 8.0)
    assert abs(bench["thinning_row"](replace(nominal, sample=cold), 20_000, 1)["a"]["z"]) > STANDARD_ERRORS


def test_rate_laws_are_integrated_as_the_circuit_does(bench: dict[str, Any], waves: list[Any]) -> None:
    for wave in waves:
        model = SwitchingModel.from_params(wave.params)
        cycle = wave.part(wave.time[0], wave.end)
        a, b = bench["transitions"](model, *cycle, wave.sample.temperature)
        assert a == pytest.approx(wave.measures["transition_01"], rel=0.01) and b == pytest.approx(wave.measures["transition_11"], rel=0.01)


@pytest.mark.slow
def test_all_cycles_of_the_note() -> None:
    bench = runpy.run_path(str(BENCHMARK), run_name="track_currents")
    answer = bench["measured"](100_000, 1000, 20261120, 1)
    scores = bench["zs"](answer["thinning"])
    assert max(map(abs, scores)) < STANDARD_ERRORS and 0.4 < np.mean(np.square(scores)) < 2.2
    low, high = answer["devices"]
    assert low["damping"] < high["damping"]
    original = DeviceParams.load("bench_pmtj40")
    assert low["damping"] == original.value("magnetic.damping")
    for device in (low, high):
        rows = {row["label"]: row for row in device["rows"]}
        assert abs(rows["nominal"]["set"]["macrospin"] - rows["nominal"]["set"]["circuit"]) < 0.06 + STANDARD_ERRORS * math.sqrt(0.25 / 1000)
        reset = rows["nominal"]["reset_fail"]["macrospin"]
        assert reset > 0.4 if device is low else reset < 0.03, "back-switching after an over-driven RESET is a matter of damping"
