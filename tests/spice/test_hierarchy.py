"""Scopes of parameters: a flattened netlist has the values that ngspice simulates."""

from __future__ import annotations

import pytest

from spinbnn.circuit import Deck, NgspiceBatch
from spinbnn.circuit.netlist import flatten

pytestmark = pytest.mark.spice


@pytest.mark.parametrize(
    "text",
    [
        ".subckt leaf a\nR1 a 0 {r/2}\n.ends\n.subckt box a r=2k\nXm a leaf\n.ends\nX1 a box r=8k",  # the caller's parameter is seen below
        ".param r=3k\n.subckt leaf a r=1k\nR1 a 0 {r}\n.ends\n.subckt box a r=5k\nX1 a leaf\n.ends\nX1 a box",  # its own default wins
        ".param r=3k\n.subckt leaf a\nR1 a 0 {2*r}\n.ends\nX1 a leaf",
        ".subckt leaf a r=1k\n.param half={r/2}\nR1 a 0 {half}\n.ends\nX1 a leaf r=4k",
        ".subckt leaf a r=1k\nR1 a 0 {r}\n.ends\n.subckt box a r=2k\nX1 a leaf r={3*r}\n.ends\nX1 a box r=7k",  # given in the caller's scope
    ],
)
def test_a_resistor_has_the_value_that_ngspice_gives_it(text: str) -> None:
    with NgspiceBatch() as engine:
        (result,) = engine.run([Deck(text=f"V1 a 0 1\n{text}", save=("i(v1)",))])
    (resistor,) = flatten(text)
    assert -1 / float(result.require().waveforms["i(v1)"][0]) == pytest.approx(resistor.value, rel=1e-9, abs=0)
