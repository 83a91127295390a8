"""Area by layout rules: footprints by hand, folding, wells, break-down, and decks flattened to transistors."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from spinbnn import resources
from spinbnn.circuit.area import LayoutRules, area
from spinbnn.circuit.netlist import Element, flatten
from spinbnn.errors import NetlistError, ParameterError

RULES = LayoutRules.load("layout_cmos40lp")
WRAPPERS = ".subckt nfet d g s b w=1u l=40n dvt=0 mu=1\nM1 d g s b n\n.ends\n.subckt pfet d g s b w=1u l=40n dvt=0 mu=1\nM1 d g s b p\n.ends\n"


def transistor(kind: str, width: float, length: float = 40e-9) -> Element:
    return Element(path=("x",), kind=kind, width=width, length=length)


def test_one_finger_by_hand() -> None:
    foot = RULES.transistor(transistor("n", 1e-6))
    across = 40 + 2 * (37.5 + 65 + 5) + 80
    along = 1000 + 2 * 55 + 75
    assert foot.fingers == 1 and foot.well == 0.0
    assert foot.area == pytest.approx(across * along * 1e-18, rel=1e-12, abs=0)


def test_folding_and_well_by_hand() -> None:
    foot = RULES.transistor(transistor("p", 2.5e-6, 300e-9))
    across = 3 * 300 + 2 * (65 + 2 * 37.5) + 2 * (37.5 + 65 + 5) + 80
    assert foot.fingers == 3
    assert foot.area == pytest.approx(across * (2500 / 3 + 185) * 1e-18, rel=1e-12, abs=0)
    assert foot.well == pytest.approx(across * 110 * 1e-18, rel=1e-12, abs=0)
    assert RULES.transistor(transistor("n", 2e-6)).fingers == 2, "a whole number of fingers is not rounded up"
    assert RULES.transistor(transistor("n", 2.01e-6)).fingers == 3


def test_two_gates_with_a_contact_between_them_keep_the_published_distance() -> None:
    assert RULES.contact + 2 * RULES.contact_to_gate == pytest.approx(140e-9, rel=1e-9, abs=0)  # POLY.2


def test_report_sums_up_and_breaks_down() -> None:
    text = WRAPPERS + ".subckt inv a y vdd w=1u\nXn y a 0 0 nfet w={w}\nXp y a vdd vdd pfet w={2*w} l=80n\nC1 y 0 1f\n.ends\nXa a b vdd inv\nXb b c vdd inv w=0.5u\nR1 a 0 10k\nVdd vdd 0 1"
    report = area(flatten(text), RULES)
    assert [(f.element.path, f.element.cell, f.element.width, f.element.length) for f in report.transistors] == [
        (("xa", "xn"), "inv", 1e-6, 40e-9), (("xa", "xp"), "inv", 2e-6, 80e-9), (("xb", "xn"), "inv", 0.5e-6, 40e-9), (("xb", "xp"), "inv", 1e-6, 80e-9),
    ]  # fmt: skip
    assert set(report.by_instance()) == {"xa", "xb"}
    assert sum(report.by_instance().values()) == pytest.approx(report.active, rel=1e-12, abs=0)
    assert report.total == pytest.approx(report.active / 0.6, rel=1e-12, abs=0)
    assert sum(row[6] + row[7] for row in report.rows()) == pytest.approx(report.active * 1e12)
    assert report.poly_resistors == pytest.approx(10 * 150e-9 * 290e-9, rel=1e-12, abs=0)
    assert RULES.junction_pads == pytest.approx(3 * 0.09e-12, rel=1e-9, abs=0)


def test_skipped_cells_and_expressions() -> None:
    text = WRAPPERS + ".subckt model a\nR1 a 0 {q/2}\n.ends\n.subckt box a r=2k\n+ w=1u\nXm a model\nR2 a 0 {r/2}\n.ends\nX1 a box r=8k"
    with pytest.raises(NetlistError, match="not a number"):
        flatten(text)
    assert [(e.path, e.value) for e in flatten(text, skip=["MODEL"])] == [(("x1", "r2"), 4e3)]


@pytest.mark.parametrize(("text", "words"), [("X1 a nosuch", ["unknown subcircuit", "nosuch"]), (".subckt a b\nX1 b a\n.ends\nX1 c a", ["calls itself"]), ("R1 a 0 {q}", ["not a number", "r1"])])
def test_bad_netlists_are_named(text: str, words: list[str]) -> None:
    with pytest.raises(NetlistError) as caught:
        flatten(WRAPPERS + text)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize("name", ["layout_cmos40lp", "layout_sky130"])
def test_every_rule_has_a_source(name: str) -> None:
    rules = LayoutRules.load(name)
    assert len(rules.sources) == 15 and all(rules.sources.values())
    assert sum("assumed" in source for source in rules.sources.values()) <= 4


def test_bad_rules_are_named(tmp_path: Path) -> None:
    good = resources.find("device", "layout_cmos40lp").read_text()
    for old, new, words in (
        ("spinbnn.layout/1", "spinbnn.design/1", ["no layout rules"]),
        ('contact = {', 'contakt = {', ["unknown rule", "contakt"]),
        ('value = "65 nm", source', 'value = "0 nm", source', ["contact", "> 0"]),
        ('value = 0.6', 'value = 1.6', ["utilisation"]),
        (', source = "FreePDK45 CONTACT.1 (NCSU EDA wiki)"', "", ["value and a source", "rules.contact"]),
    ):
        path = tmp_path / "mine.toml"
        assert old in good
        path.write_text(good.replace(old, new, 1))
        with pytest.raises(ParameterError) as caught:
            LayoutRules.load(path)
        assert all(word in str(caught.value) for word in words), str(caught.value)
    assert tomllib.loads(good)["name"] == RULES.name
    with pytest.raises(ParameterError):
        replace(RULES, finger=0.0)
