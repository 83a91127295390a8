"""The check of a design: the temperature law on the module without a simulator, and the figures of a DAC."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from spinbnn.characterize.design_check import (
    KELVINS,
    DacLinearity,
    bench_of,
    dac_linearity,
    design_report,
    temperature_law,
)
from spinbnn.circuit import Technology, Timing
from spinbnn.circuit.design import ModuleDesign
from spinbnn.circuit.dropout_analytic import analytic_simulator
from spinbnn.device import DeviceParams, SwitchingModel
from spinbnn.errors import ParameterError

TECHNOLOGY, PARAMS = Technology.load("cmos40lp"), DeviceParams.load("seed_eq23")


def bench(driver: str) -> Any:
    return bench_of(ModuleDesign.load(f"module_{driver}_cmos40lp"), technology=TECHNOLOGY, params=PARAMS, timing=Timing())


def test_the_law_is_that_of_the_junction_when_the_mirror_is_ideal() -> None:
    law = temperature_law(bench("regulated"), analytic_simulator(), kelvins=KELVINS)
    model = SwitchingModel.from_params(PARAMS)
    wanted = [float(model.current_for(0.5, 10e-9, k)) for k in KELVINS]
    at = KELVINS.index(300.0)
    assert np.array(law.currents) / law.currents[at] == pytest.approx(np.array(wanted) / wanted[at], rel=3e-3)
    assert law.slope == pytest.approx(-2.5e-3, abs=5e-5)
    assert law.followed == pytest.approx([0.5] * 5, abs=0.03) and law.followed[at] == pytest.approx(0.5, abs=1e-3)
    assert law.constant[0] < 0.02 and law.constant[-1] > 0.99, "what the slope is for"


def test_a_slope_of_the_design_is_set_aside() -> None:
    given = bench("regulated")
    steep = replace(given, design=replace(given.design, bias={**given.design.bias, "slope": -5e-3}))
    assert temperature_law(steep, analytic_simulator()).slope == temperature_law(given, analytic_simulator()).slope


def test_what_has_no_mirror_or_no_dac_is_refused() -> None:
    with pytest.raises(ParameterError, match="no reference current"):
        temperature_law(bench("voltage"), analytic_simulator())
    with pytest.raises(ParameterError, match="300 K is missing"):
        temperature_law(bench("regulated"), analytic_simulator(), kelvins=(233.15, 398.15))
    with pytest.raises(ParameterError, match="no DAC"):
        dac_linearity(bench("regulated"), analytic_simulator())


class Ladder:
    """Answers a deck of the SET leg with the sum of its bits; draws have a bit of another weight."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def run(self, decks: Iterable[Any]) -> Iterator[Any]:
        for deck in decks:
            self.texts.append(deck.text)
            on = [int(bit) for bit, level in re.findall(r"^Vb(\d) b\d 0 (\S+)$", deck.text, re.M) if float(level) > 0]
            drawn = "d=0.0 m=1.0" not in next(line for line in deck.text.splitlines() if line.startswith("Xo vset"))
            weight = {**{k: 2.0**k for k in range(6)}, 5: 30.5 if drawn else 32.0}
            current = 1e-4 + 1e-6 * sum(weight[k] for k in on)
            yield SimpleNamespace(require=lambda x=current: SimpleNamespace(waveforms={"i(vtrack)": np.array([-x])}))


def test_every_code_of_the_module_and_of_its_draws_is_measured() -> None:
    engine = Ladder()
    found = dac_linearity(bench("trimmed"), engine, draws=2, seed=7)
    assert found.currents.shape == (3, 64) and len(set(engine.texts)) == 3 * 64
    assert found.lsb[0] == pytest.approx(1e-6, rel=1e-9, abs=0) and np.abs(found.differential[0]).max() < 1e-9
    assert found.missing.tolist() == [0, 1, 1], "from 31 to 32 the current falls by half a step"
    assert found.differential[1].argmin() == 31 and found.differential[1].min() == pytest.approx(-0.5 / 61.5 * 63 - 1, rel=1e-6)
    assert found.integral[1, 31] == pytest.approx(31 * 63 / 61.5 - 31, rel=1e-6)
    assert found.largest_step[0] == pytest.approx(1e-6 / 132e-6, rel=1e-9)


def test_the_report_names_missing_codes_and_both_slopes() -> None:
    currents = np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 2.0, 4.0], [1.0, 2.0, 1.5, 4.0]]) * 1e-4
    law = temperature_law(bench("regulated"), analytic_simulator())
    (head, _, rows), (_, columns, dac) = design_report(bench("trimmed"), law, DacLinearity(currents=currents))
    assert "-0.25" in head and "%/K" in head and [row[0] for row in rows] == ["-40 degC", "26.85 degC", "125 degC"]
    assert len(dac) == 2 and len(columns) == len(dac[0]) and dac[0][-1] == "0" and dac[1][-1] == "2 in 2 modules"
