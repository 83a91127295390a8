"""Fan-out-of-4 bench without a simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spinbnn.circuit import AnalyticSimulator, Deck, Technology
from spinbnn.circuit.inverter import delay_between, fo4_deck, measure_fo4
from spinbnn.circuit.sizes import transistor_sizes
from spinbnn.errors import ParameterError, SimulationError

TECHNOLOGY = Technology.load("cmos40lp")


def test_every_measured_stage_drives_four_and_its_loads_four() -> None:
    """Gates on each node: 4 on the nodes that matter; the third inverter stands between n2 and n3."""
    lines = [line.split() for line in fo4_deck(TECHNOLOGY).text.splitlines() if line.endswith("vdd inverter")]
    inputs = [line[1] for line in lines]
    assert ["n2", "n3"] in [line[1:3] for line in lines]
    for node in ("n0", "n1", "n2", "n3", "n4", "d30", "d31", "d32"):
        assert inputs.count(node) == 4
    assert len({line[0] for line in lines}) == len({line[2] for line in lines}) == len(lines)


def test_corner_temperature_and_supply_reach_the_deck() -> None:
    deck = fo4_deck(TECHNOLOGY, corner="fs", temperature=398.15, vdd=0.99)
    head = TECHNOLOGY.preamble(corner="fs")
    assert deck.text.startswith(f"{head}\n") and head != TECHNOLOGY.preamble(corner="tt")
    assert deck.temperature_c == 125.0 and "Vdd vdd 0 0.99" in deck.text and "PULSE(0 0.99 " in deck.text and deck.parameters["vdd"] == 0.99
    body = deck.text[len(head) :]
    assert {(s.polarity, s.width) for s in transistor_sizes(body, 40e-9)} == {("n", 1e-6), ("p", 2e-6)}


@pytest.mark.parametrize("keywords", [{"vdd": 0.0}, {"temperature": np.nan}, {"estimate": -1.0}, {"corner": "xx"}])
def test_numbers_out_of_range_are_refused(keywords: Any) -> None:
    with pytest.raises(ParameterError):
        fo4_deck(TECHNOLOGY, **keywords)


def test_rise_and_fall_are_those_of_the_output() -> None:
    time = np.linspace(0.0, 10.0, 1001)
    high = np.interp(time, [2.0, 2.5, 6.0, 6.5], [0.0, 1.0, 1.0, 0.0])
    low = np.interp(time, [2.3, 2.8, 6.7, 7.2], [1.0, 0.0, 0.0, 1.0])
    found = delay_between(time, high, low, 0.5)
    assert (found.fall, found.rise) == pytest.approx((0.3, 0.7), rel=1e-9)
    turned = delay_between(time, low, high, 0.5)
    assert (turned.rise, turned.fall) == pytest.approx((-0.3, -0.7), rel=1e-9)
    for wave in (np.zeros_like(time), np.where(time > 5, 1.0, 0.0), np.sin(time * 3)):
        with pytest.raises(SimulationError, match="switch twice"):
            delay_between(time, high, wave, 0.5)


def test_the_second_run_is_made_for_the_delay_of_the_first() -> None:
    steps: list[float] = []

    def late(deck: Deck) -> dict[str, Any]:
        assert deck.max_step is not None and deck.stop is not None
        steps.append(deck.max_step)
        time = np.linspace(0.0, deck.stop, 20001)
        pulse = np.interp(time, [3e-11, 6e-11, 1.5e-10, 1.8e-10], [0.0, 1.1, 1.1, 0.0])
        return {"time": time, "v(n2)": pulse, "v(n3)": 1.1 - np.interp(time - 15e-12, time, pulse)}

    assert measure_fo4(AnalyticSimulator(late), TECHNOLOGY).mean == pytest.approx(15e-12, rel=1e-3)
    assert steps == pytest.approx([30e-12 / 25, 15e-12 / 25], rel=1e-2, abs=0)


def test_an_estimate_saves_the_first_run() -> None:
    steps: list[float] = []

    def late(deck: Deck) -> dict[str, Any]:
        assert deck.max_step is not None and deck.stop is not None
        steps.append(deck.max_step)
        time = np.linspace(0.0, deck.stop, 20001)
        pulse = np.interp(time, [3e-11, 6e-11, 1.5e-10, 1.8e-10], [0.0, 1.1, 1.1, 0.0])
        return {"time": time, "v(n2)": pulse, "v(n3)": 1.1 - np.interp(time - 15e-12, time, pulse)}

    measure_fo4(AnalyticSimulator(late), TECHNOLOGY, estimate=20e-12)
    assert steps == pytest.approx([20e-12 / 25], rel=1e-9, abs=0)


def test_a_delay_that_is_not_positive_is_an_error() -> None:
    def early(deck: Deck) -> dict[str, Any]:
        time = np.linspace(0.0, float(deck.stop or 0), 2001)
        pulse = np.interp(time, [1.2e-10, 1.5e-10, 2.5e-10, 2.8e-10], [0.0, 1.1, 1.1, 0.0])
        return {"time": time, "v(n2)": pulse, "v(n3)": 1.1 - np.interp(time + 15e-12, time, pulse)}

    with pytest.raises(SimulationError, match="not > 0"):
        measure_fo4(AnalyticSimulator(early), TECHNOLOGY)
