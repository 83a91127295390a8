"""Walking down a netlist: scopes as ngspice has them, and calls that give what a subcircuit does not take."""

from __future__ import annotations

import pytest

from spinbnn.circuit import DropoutModuleBench, Technology
from spinbnn.circuit.hierarchy import placed_elements
from spinbnn.circuit.netlist import flatten
from spinbnn.circuit.sizes import transistor_sizes
from spinbnn.device import DeviceParams
from spinbnn.errors import NetlistError

TECHNOLOGY = Technology.load("cmos40lp")
WRAPPERS = TECHNOLOGY.preamble(corner="tt")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (".subckt leaf a wn=1u\nXn a a 0 0 nfet w={wn}\n.ends\nX1 a leaf wm=2u", ["'leaf'", "'wm'", "wm=2u", "Known: wn", "line 4, x1"]),
        (".subckt leaf a wn=1u\nXn a a 0 0 nfet w={wn} nf=2\n.ends\nX1 a leaf", ["'nfet'", "'nf'", "nf=2", "x1/xn", "dvt, l, mu, w"]),
        (".subckt leaf a\nR1 a 0 1k\n.ends\nX1 a leaf r=2k", ["'leaf'", "'r'", "r=2k", "no parameters"]),
        (".subckt leaf a r=1k\n.param half={r/2}\nR1 a 0 {half}\n.ends\nX1 a leaf half=2k", ["'leaf'", "'half'"]),
    ],
)
def test_a_parameter_that_the_subcircuit_does_not_declare(text: str, words: list[str]) -> None:
    """ngspice takes the default and says nothing."""
    for walk in (lambda: flatten(f"{WRAPPERS}\n{text}"), lambda: transistor_sizes(text, 40e-9)):
        with pytest.raises(NetlistError) as caught:
            walk()
        message = str(caught.value)
        assert all(word in message for word in words if "line" not in word) and caught.value.remedy, message
    assert all(word in message for word in words), message


def test_flat_and_sizes_are_of_one_walk() -> None:
    """Both see the same transistors of a whole module, wrappers in the text or not."""
    bench = DropoutModuleBench(technology=TECHNOLOGY, params=DeviceParams.load("seed_eq23"))
    deck = bench.deck(bench.nominal(set_voltage=1.0))
    flat = {(e.kind, float(f"{e.width:.12g}"), float(f"{e.length:.12g}")) for e in flatten(deck.text, skip=["sot_mtj"]) if e.kind in "np"}
    sizes = {(s.polarity, s.width, s.length) for s in transistor_sizes(deck.text.replace(TECHNOLOGY.preamble(corner="tt"), ""), TECHNOLOGY.gate_length)}
    assert flat == sizes and len(flat) > 5


def test_values_of_resistors_and_capacitors() -> None:
    text = ".subckt box a r=2k c = 1f\nR1 a 0 { r / 2 } tc1=0.1\nC1 a 0 {c*2}\nC2 a 0 3f ic=0\nR2 a 0 '2*r'\n.ends\nX1 a box r=8k\nR0 a 0 1k"
    found = {e.path: e.value for e in flatten(text)}
    assert found == {("x1", "r1"): 4e3, ("x1", "c1"): 2e-15, ("x1", "c2"): 3e-15, ("x1", "r2"): 16e3, ("r0",): 1e3}
    for bad in ("R1 a 0", "R1 a 0 r=1k"):
        with pytest.raises(NetlistError, match="without a value"):
            flatten(bad)


def test_a_wrapper_without_its_text_has_no_default_in_a_flat_netlist() -> None:
    assert flatten("X1 a a 0 0 nfet w=1u l=50n")[0].length == 50e-9
    with pytest.raises(NetlistError, match="wrapper of a transistor is not in the netlist"):
        flatten("X1 a a 0 0 nfet w=1u")


def test_only_what_is_asked_for_is_given() -> None:
    text = ".subckt box a\nR1 a 0 1k\nB1 a 0 I=v(a)\nX1 a a 0 0 nfet w=1u\n.ends\nX1 a box\nX2 a box\nV1 a 0 1"
    assert [e.path for e in placed_elements(text, "v")] == [("v1",)]
    assert [e.path for e in placed_elements(text)] == [("x1", "x1"), ("x2", "x1")]
    assert [e.path for e in placed_elements(text, "br", skip=["none"])] == [("x1", "r1"), ("x1", "b1"), ("x2", "r1"), ("x2", "b1")]
    assert list(placed_elements(text, "xr", skip=["box"])) == []
