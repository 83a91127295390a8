"""Deck text and evaluation of the transistor bench, without a simulator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spinbnn.circuit import AnalyticSimulator, Deck, Technology
from spinbnn.circuit.transistor import dc_deck, figures_from_sweep, measure_transistor
from spinbnn.errors import ParameterError, SimulationError

GATE = np.linspace(0.0, 1.1, 221)
TECHNOLOGY = Technology.load("cmos40lp")


def soft_transistor(gate: Any, threshold: float, *, slope: float = 0.09) -> Any:
    """Exponential below the threshold, linear above: log(1 + exp) form; 2.5 uA * ln 2 at the threshold."""
    n = slope / np.log(10.0)
    return 2.5e-6 * np.log1p(np.exp((np.asarray(gate) - threshold) / n))


def test_figures_of_a_soft_transistor() -> None:
    figures = figures_from_sweep(GATE, soft_transistor(GATE, 0.6), soft_transistor(GATE, 0.5), vdd=1.1)
    offset = 0.09 / np.log(10.0) * np.log(np.e - 1.0)  # ln(1 + exp x) = 1 at x = ln(e - 1)
    assert figures.vth_sat == pytest.approx(0.5 + offset, abs=1e-4)
    assert figures.vth_lin - figures.vth_sat == pytest.approx(0.1, abs=1e-6)
    assert figures.dibl == pytest.approx(0.1 / 1.05, abs=1e-5)
    assert figures.slope == pytest.approx(0.09, rel=0.03)
    assert figures.ioff == pytest.approx(2.5 * 10 ** (-0.5 / 0.09), rel=1e-3)
    assert figures.ion == pytest.approx(float(soft_transistor(1.1, 0.5)) / 1e-6)


@pytest.mark.parametrize("width, length", [(2e-6, 40e-9), (1e-6, 80e-9)])
def test_threshold_current_follows_width_over_length(width: float, length: float) -> None:
    ratio = (width / length) / 25.0
    lin, sat = ratio * soft_transistor(GATE, 0.6), ratio * soft_transistor(GATE, 0.5)
    scaled = figures_from_sweep(GATE, lin, sat, vdd=1.1, width=width, length=length)
    base = figures_from_sweep(GATE, soft_transistor(GATE, 0.6), soft_transistor(GATE, 0.5), vdd=1.1)
    assert scaled.vth_sat == pytest.approx(base.vth_sat, abs=1e-9)
    assert scaled.ion == pytest.approx(base.ion * ratio * 1e-6 / width)


def test_pmos_signs_are_turned() -> None:
    def response(deck: Deck) -> dict[str, Any]:
        sign = -1 if " pfet " in deck.text.split("Xlin")[1] else 1
        lin, sat = soft_transistor(GATE, 0.6), soft_transistor(GATE, 0.5)
        return {"v(g)": sign * GATE, "i(vdlin)": -sign * lin, "i(vdsat)": -sign * sat}

    n = measure_transistor(AnalyticSimulator(response), TECHNOLOGY, "n")
    p = measure_transistor(AnalyticSimulator(response), TECHNOLOGY, "p")
    assert n == p and n.ion > 0


def test_figures_are_those_of_the_width_and_length_simulated() -> None:
    """Twice the width at twice the current per width: the same threshold, the current over its own width."""

    def response(deck: Deck) -> dict[str, Any]:
        ratio = deck.parameters["width"] / deck.parameters["length"] / 25.0
        lin, sat = ratio * soft_transistor(GATE, 0.6), ratio * soft_transistor(GATE, 0.5)
        return {"v(g)": GATE, "i(vdlin)": -lin, "i(vdsat)": -sat}

    base = measure_transistor(AnalyticSimulator(response), TECHNOLOGY, "n")
    other = measure_transistor(AnalyticSimulator(response), TECHNOLOGY, "n", width=2e-6, length=80e-9)
    assert other.vth_sat == pytest.approx(base.vth_sat, abs=1e-9)
    assert other.ion == pytest.approx(base.ion / 2)


def test_deck_carries_temperature_shift_and_a_whole_number_of_steps() -> None:
    deck = dc_deck(TECHNOLOGY, "n", vdd=0.99, temperature=398.15, vth_shift=-0.04, mobility=1.05, step=7e-3)
    lines = deck.text.splitlines()
    assert deck.temperature_c == 125.0
    assert deck.parameters["temperature"] == 398.15 and deck.parameters["vth_shift"] == -0.04
    assert "Xsat dsat g 0 0 nfet w=1e-06 l=4e-08 dvt=-0.04 mu=1.05" in lines
    end, step = (float(x) for x in next(s for s in lines if s.startswith(".dc")).split()[3:5])
    assert step <= 7e-3 and 0.99 / step == pytest.approx(round(0.99 / step), abs=1e-9)
    assert end == pytest.approx(0.99 + step / 2)


def test_supply_and_length_are_those_of_the_technology() -> None:
    deck = dc_deck(replace(TECHNOLOGY, supply=0.9, gate_length=60e-9), "p")
    assert "Xlin dlin g 0 0 pfet w=1e-06 l=6e-08 dvt=0.0 mu=1.0" in deck.text
    assert "Vdsat dsat 0 -0.9" in deck.text
    assert deck.parameters["vdd"] == 0.9 and deck.parameters["length"] == 60e-9


@pytest.mark.parametrize(
    "name, value",
    [
        ("vdd", 0.0),
        ("vdd", np.nan),
        ("width", -1e-6),
        ("temperature", 0.0),
        ("mobility", 0.0),
        ("vds_lin", 1.2),
        ("vth_shift", np.nan),
    ],
)
def test_values_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ParameterError):
        dc_deck(TECHNOLOGY, "n", **{name: value})


def test_unknown_channel_type_is_refused() -> None:
    with pytest.raises(ParameterError, match="channel type"):
        dc_deck(TECHNOLOGY, "x")  # type: ignore[arg-type]


def test_sweeps_that_cannot_be_evaluated_are_refused() -> None:
    good = soft_transistor(GATE, 0.5)
    with pytest.raises(SimulationError, match="rise from 0"):
        figures_from_sweep(GATE[:-5], good[:-5], good[:-5], vdd=1.1)
    with pytest.raises(SimulationError, match="level"):
        figures_from_sweep(GATE, good, -good, vdd=1.1)
    with pytest.raises(SimulationError, match="finite"):
        figures_from_sweep(GATE, good, np.where(GATE > 1.0, np.nan, good), vdd=1.1)
    with pytest.raises(SimulationError, match="equally long"):
        figures_from_sweep(GATE, good, good[:-1], vdd=1.1)


def test_failed_simulation_is_an_error() -> None:
    with pytest.raises(SimulationError, match="vdlin"):
        measure_transistor(AnalyticSimulator(lambda deck: {"v(g)": GATE}), TECHNOLOGY, "n")
