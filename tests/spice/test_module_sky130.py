"""The dropout module in SkyWater 130 nm: the same cells, the foundry's models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spinbnn.circuit import DropoutModuleBench, NgspiceShared, Technology
from spinbnn.circuit.design import ModuleDesign
from spinbnn.circuit.dropout_bench import Sample
from spinbnn.circuit.dropout_variants import RegulatedModuleBench
from spinbnn.device import DeviceParams
from spinbnn.errors import MissingToolError

pytestmark = pytest.mark.spice


@pytest.fixture(scope="module")
def technology() -> Technology:
    try:
        return Technology.load("sky130")
    except MissingToolError as error:
        pytest.skip(f"the sky130 models are not on this machine ({error.remedy})")


def measured(bench: DropoutModuleBench, samples: list[Sample]) -> list[dict[str, float]]:
    with NgspiceShared() as engine:
        return [bench.measure(r, s) for r, s in zip(engine.run([bench.deck(s) for s in samples]), samples, strict=True)]


def test_the_voltage_mode_module_sets_resets_and_reads_at_every_corner(technology: Technology) -> None:
    bench = DropoutModuleBench(technology=technology, params=DeviceParams.load("seed_eq23"), design=ModuleDesign.load("module_voltage_sky130"))
    found = measured(bench, [bench.nominal(set_voltage=1.53, corner=corner) for corner in ("tt", "ss", "ff")])
    assert found[0]["current_set"] == pytest.approx(207e-6, rel=0.03, abs=0)
    assert found[1]["current_set"] < 0.9 * found[0]["current_set"] < 0.9 * found[2]["current_set"]
    for m in found:
        assert m["read_ok"] == 1.0 and m["p_reset_fail"] < 0.01 and m["current_reset"] > 400e-6
        assert m["wrong_decision"] < 1e-4


def test_the_regulated_module_holds_its_current(technology: Technology) -> None:
    design = replace(ModuleDesign.load("module_regulated_sky130"), gates={})
    bench = RegulatedModuleBench(technology=technology, params=DeviceParams.load("seed_eq23"), design=design)
    base = bench.nominal(set_current=220e-6)
    samples = [base, *(replace(base, corner=c) for c in ("ss", "ff")), *(replace(base, supply=v) for v in (1.71, 1.89))]
    current = np.array([m["current_set"] for m in measured(bench, samples)])
    assert current[0] == pytest.approx(0.92 * 220e-6, rel=0.03, abs=0)  # the models' thresholds depend on the width
    assert np.abs(current / current[0] - 1).max() < 0.03
