"""The SET amplitude over temperature on real transistors: the slope of the reference, and the DAC of every trimmed design."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spinbnn.characterize.design_check import bench_of, dac_linearity
from spinbnn.circuit import NgspiceShared, Technology, Timing
from spinbnn.circuit.design import ModuleDesign
from spinbnn.device import DeviceParams
from spinbnn.errors import SpinbnnError

pytestmark = pytest.mark.spice
PARAMS = DeviceParams.load("seed_eq23")
SHORT = Timing(read=2.5e-9, sense=1e-9)
KELVINS = (233.15, 273.15, 300.15, 348.15, 398.15)


def bench(name: str) -> Any:
    design = ModuleDesign.load(name)
    try:
        technology = Technology.load(design.technology)
        technology.preamble("Xa d g 0 0 nfet w=1e-06 l=1.5e-07", corner="tt")
    except SpinbnnError as error:
        if design.technology == "cmos40lp":
            raise
        pytest.skip(f"the models of {design.technology} are not here: {error}")
    return bench_of(replace(design, gates={}), technology=technology, params=PARAMS, timing=SHORT)


def p_over_temperature(chosen: Any, kelvins: tuple[float, ...] = KELVINS, **amplitude: float) -> np.ndarray:
    samples = [chosen.nominal(temperature=k, **amplitude) for k in kelvins]
    with NgspiceShared() as engine:
        return np.array([chosen.measure(r, s)["p_drop"] for r, s in zip(engine.run([chosen.deck(s) for s in samples]), samples, strict=True)])


@pytest.mark.parametrize(("name", "current"), [("module_regulated_cmos40lp", 207.1e-6), ("module_regulated_sky130", 216.1e-6)])
def test_the_regulated_module_keeps_its_p_from_cold_to_hot(name: str, current: float) -> None:
    regulated = bench(name)
    p = p_over_temperature(regulated, set_current=current)
    assert np.abs(p - 0.5).max() < 0.05
    flat = replace(regulated, design=replace(regulated.design, bias={**regulated.design.bias, "slope": 0.0}))
    still = p_over_temperature(flat, set_current=current)
    assert still[0] < 0.05 and still[-1] > 0.95, "with a constant current"


@pytest.mark.parametrize("name", ["module_trimmed_cmos40lp", "module_sized_cmos40lp", "module_trimmed_sky130"])
def test_the_code_of_27_degrees_serves_the_nominal_module_at_every_temperature(name: str) -> None:
    trimmed = bench(name)
    codes = trimmed.design.codes
    low, high = 0, codes - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if p_over_temperature(trimmed, (300.15,), code=middle)[0] < 0.5 else (low, middle)
    code = min((low, high), key=lambda c: abs(float(p_over_temperature(trimmed, (300.15,), code=c)[0]) - 0.5))
    p = p_over_temperature(trimmed, code=code)
    assert abs(p[2] - 0.5) < 0.045, "within half a step"
    assert np.abs(p - p[2]).max() < 0.05
    assert 0.25 * codes < code < 0.75 * codes, "with room for the spread on both sides"


@pytest.mark.parametrize("name", ["module_trimmed_cmos40lp", "module_sized_cmos40lp", "module_trimmed_sky130"])
def test_no_code_of_the_nominal_dac_is_missing(name: str) -> None:
    trimmed = bench(name)
    with NgspiceShared() as engine:
        found = dac_linearity(trimmed, engine)
        code = trimmed.design.codes // 2
        (result,) = engine.run([trimmed.deck(trimmed.nominal(code=code))])
    assert found.missing.tolist() == [0]
    assert np.abs(found.differential).max() < 0.5 and np.abs(found.integral).max() < 0.6
    cycle = trimmed.measure(result, trimmed.nominal(code=code))["current_set"]
    assert found.currents[0, code] == pytest.approx(cycle, rel=0.01, abs=0), "the leg on its own carries the current of the cycle"


@pytest.mark.parametrize(("name", "corner", "kelvin"), [("module_trimmed_cmos40lp", "tt", 300.15), ("module_trimmed_sky130", "tt", 300.15), ("module_trimmed_sky130", "ss", 398.15)])
def test_every_measure_is_defined_in_the_timing_of_20_ns(name: str, corner: str, kelvin: float) -> None:
    """The tail of SET reaches into READ where the rest between them is 0.12 ns: its fall and its end have to be found all the same."""
    sense = {"cmos40lp": 2.05e-9, "sky130": 1.9e-9}[ModuleDesign.load(name).technology]
    short = replace(bench(name), timing=Timing(gap_read=0.12e-9, read=4.8e-9, sense=sense, gap_states=4e-9))
    sample = short.nominal(code=short.design.codes * 5 // 8, corner=corner, temperature=kelvin)
    with NgspiceShared() as engine:
        (result,) = engine.run([short.deck(sample)])
    found = short.measure(result, sample)
    assert not [key for key, value in found.items() if not np.isfinite(value)]
    assert 0.02e-9 < found["fall_set"] < 0.5e-9 and 9.9e-9 < found["latency_set"] < 10.6e-9
    # the settling of the mirror before SET adds 0.2 points (sky130, ss, 125 degC), steps of 50 ps as much; a tail cut off after 60 ps takes more
    assert found["p_set"] == pytest.approx(found["transition_01"], abs=0.006)
