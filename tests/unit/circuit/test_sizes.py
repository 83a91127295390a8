"""Sizes of the transistors that a netlist uses."""

from __future__ import annotations

import pytest

from spinbnn.circuit.cell import Cell
from spinbnn.circuit.sizes import Size, transistor_sizes
from spinbnn.errors import NetlistError


def sizes(text: str) -> set[tuple[str, float, float]]:
    return {(s.polarity, s.width, s.length) for s in transistor_sizes(text, 150e-9)}


def test_defaults_expressions_and_nesting() -> None:
    text = """.param wide=3u
.subckt leaf a b w=1u k=2
Xa a b 0 0 nfet w={w*k} dvt={d} mu=1.1
Xb a b 0 0 PFET
.ends
.subckt mid a b k=5 w=7u
+ lg=0.2u
Xl a b leaf w = {wide}
Xm a b leaf w={w} k={k}
Xn a b 0 0 nfet w='w/2' l={lg}
.ends mid
X1 a b mid
X2 a b mid k=1 lg=300n
R1 a b 1k
.tran 1n 2n
"""
    assert sizes(text) == {("p", 1e-6, 150e-9), ("n", 6e-6, 150e-9), ("n", 35e-6, 150e-9), ("n", 7e-6, 150e-9), ("n", 3.5e-6, 2e-7), ("n", 3.5e-6, 3e-7)}


def test_a_cells_own_default_wins_over_an_outer_parameter_of_that_name() -> None:
    text = ".param w=9u\n.subckt leaf a w=1u\nX1 a a 0 0 nfet w={w}\n.ends\n.subckt outer a w=5u\nX1 a leaf\n.ends\nX1 a outer\nX2 a 0 0 0 nfet w={w}"
    assert sizes(text) == {("n", 1e-6, 150e-9), ("n", 9e-6, 150e-9)}


def test_parameters_inside_a_subcircuit_and_two_ways_to_write_a_size() -> None:
    text = ".subckt leaf a w=1u\n.param half={w/2}\nX1 a a 0 0 nfet w={half}\n.ends\nX1 a leaf w=0.84u\nX2 a leaf w=8.4e-7\nX3 a leaf w={0.42u*2}"
    assert sizes(text) == {("n", 4.2e-7, 150e-9)}


def test_cells_that_come_with_spinbnn() -> None:
    text = "\n".join(Cell.load(name).text for name in ("set_bias", "trim_bit")) + "\nX1 a b set_bias lm=200n wc=2u\nX2 a b c d trim_bit ws=0.5u"
    assert sizes(text) == {("p", 1e-6, 2e-7), ("p", 2e-6, 4e-8), ("p", 1.2e-7, 3e-7), ("n", 5e-7, 4e-8), ("p", 5e-7, 4e-8)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("X1 a b 0 0 nfet w={gone}", "no value"),
        ("X1 a b 0 0 nfet w=-1u", "> 0"),
        ("X1 a b 0 0 nfet w=0", "> 0"),
        ("X1 a b 0 0 nfet l={1/0}", "no value"),
        (".param a={b} b={a}\nX1 a b 0 0 nfet w={a}", "no value"),
        (".subckt leaf a w\nX1 a a 0 0 nfet w={w}\n.ends\nX1 a leaf", "no value"),
        (".include cells.inc\nX1 a b 0 0 nfet", "included"),
        (".lib x.lib tt", "included"),
        ("X1 a b unknown w=1u", "unknown subcircuit"),
        (".subckt a x\nX1 x a\n.ends\nX1 n a", "without end"),
    ],
)
def test_what_has_no_size_is_named_with_its_line(text: str, words: str) -> None:
    with pytest.raises(NetlistError, match=words) as caught:
        transistor_sizes(text, 150e-9)
    assert "netlist, line" in caught.value.where and caught.value.remedy


def test_other_elements_and_texts_do_not_matter() -> None:
    table = '.subckt table a file="none"\nA1 [a] b gate\n.ends\n'
    assert sizes(table + 'X1 a table file="x.txt"\nX2 a b 0 0 nfet w=1u\nA1 [a] b gate') == {("n", 1e-6, 150e-9)}
    assert sizes(".subckt leaf a params: w=1u\nX1 a a 0 0 nfet w={w}\n.ends\nX1 a leaf params: w=2u") == {("n", 2e-6, 150e-9)}
    assert transistor_sizes("", 1e-7) == frozenset()
    assert Size("n", 1e-6, 1e-7) < Size("p", 1e-6, 1e-7)
