"""Parameter expressions: precedence, suffixes, folding, what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinbnn.circuit.expression import Node, evaluate, number, parse, reduce
from spinbnn.errors import NetlistError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1+2*3", 7.0), ("(1+2)*3", 9.0), ("2-3-4", -5.0), ("16/4/2", 2.0), ("2**3", 8.0), ("2^3", 8.0), ("-2**2", -4.0), ("2*-3", -6.0),
        ("2**-1", 0.5), ("2**3**2", 64.0), ("(-2)**3", 8.0), ("pow(-2,3)", -8.0), ("nint(2.5)", 2.0), ("nint(2.6)", 3.0), ("7%4", 3.0), ("1.5k", 1500.0), ("2m", 2e-3), ("2meg", 2e6), (".5u", 5e-7), ("1e-3", 1e-3), ("1E3", 1e3),
        ("{a}", 3.0), ("'a + 1'", 4.0), ('"a"', 3.0), ("{a} + b*{2}", 13.0), ("A*B", 15.0), ("a<b", 1.0), ("a>=b", 0.0), ("a==3 && b!=5", 0.0),
        ("a==3 || b!=5", 1.0), ("!a", 0.0), ("a>4 ? 1 : a>2 ? 2 : 3", 2.0), ("ternary_fcn(a>4,1,2)", 2.0), ("sqrt(16)", 4.0), ("min(a,b)", 3.0),
        ("max(a,b)", 5.0), ("abs(-a)", 3.0), ("pow(a,2)", 9.0), ("pwr(-a,2)", 9.0), ("int(2.7)", 2.0), ("int(-2.7)", -2.0), ("sgn(-a)", -1.0),
        ("log(exp(2))", 2.0), ("ln(exp(2))", 2.0), ("log10(1000)", 3.0), ("agauss(0,1.0,1)", 0.0), ("gauss(a,0.1,3)", 3.0), ("0*a/0.5", 0.0),
        ("a -b", -2.0), ("sqr(a)", 9.0), ("floor(2.7)+ceil(2.2)", 5.0),
    ],
)  # fmt: skip
def test_values(text: str, value: float) -> None:
    assert evaluate(text, {"a": 3.0, "b": 5.0}) == pytest.approx(value, rel=1e-15, abs=0)


@pytest.mark.parametrize("text", ["", "1+", "(1", "1)", "a b", "f(", "1 ? 2", "@", "1..2", "2*/3", "{1", "a,b", "1zz..", "min(1)", "nosuch(1)", "1/0", "log(0)", "sqrt(-1)", "exp(1e4)", "temper", "1/(a-a)"])
def test_what_has_no_value_is_refused(text: str) -> None:
    with pytest.raises(NetlistError):
        evaluate(text, {"a": 3.0, "b": 5.0})


def test_folding_leaves_free_names_and_drops_zeros() -> None:
    known = {"switch": number(0.0), "a": number(2.0)}
    for text, result in {
        "a*3 + switch*agauss(0,1,1)/sqrt(w)": "6.0", "w*switch": "0.0", "switch/w": "0.0", "w+switch": "(W)", "switch+w": "(W)", "w-switch": "(W)",
        "switch-w": "(0.0-(W))", "-w": "(-(W))", "a**w": "(2.0**(W))", "min(w,-a)": "min((W),(-2.0))", "w>a ? w : a": "(((W)>2.0) ? (W) : 2.0)", "a>1 ? w : 1/0": "(W)",
    }.items():  # fmt: skip
        assert reduce(parse(text), known.get).text({"w": "W"}) == result


def test_functions_of_the_library() -> None:
    functions = {"f": (("x", "y"), parse("x*y+k")), "loop": (("x",), parse("loop(x)"))}
    lookup = {"k": number(1.0), "x": number(100.0)}.get
    assert reduce(parse("f(2,3)+x"), lookup, functions).value == 107.0
    with pytest.raises(NetlistError, match="without end"):
        reduce(parse("loop(1)"), lookup, functions)
    with pytest.raises(NetlistError, match=r"2 argument"):
        reduce(parse("f(1)"), lookup, functions)


numbers = st.floats(min_value=1e-3, max_value=1e3)
leaves = st.one_of(numbers.map(number), st.sampled_from([Node("name", name="w"), Node("name", name="l")]))
trees = st.recursive(leaves, lambda inner: st.builds(lambda op, a, b: Node(op, parts=(a, b)), st.sampled_from("+-*/"), inner, inner), max_leaves=12)


@settings(max_examples=200, deadline=None)
@given(trees, numbers, numbers)
def test_text_has_the_value_of_its_tree(tree: Node, w: float, length: float) -> None:
    """Folding at once, and writing with free names and reading that, give the same number."""
    sizes = {"w": number(w), "l": number(length)}
    try:
        direct = reduce(tree, sizes.get).value
        written = reduce(tree, lambda name: None).text({"w": repr(w), "l": repr(length)})
    except NetlistError:
        return
    try:
        read = evaluate(written, {})
    except NetlistError:
        assert not math.isfinite(direct) or abs(direct) > 1e200 or "/" in written
        return
    assert read == direct
