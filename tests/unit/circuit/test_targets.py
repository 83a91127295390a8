"""Targets of a technology: how they are read, and the table that compares them with measured figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinbnn import resources
from spinbnn.circuit import AnalyticSimulator, Deck, Technology
from spinbnn.circuit.targets import figure_table, target_table
from spinbnn.circuit.technology import Target
from spinbnn.circuit.transistor import dc_deck
from spinbnn.errors import ParameterError, SimulationError

TECHNOLOGY = Technology.load("cmos40lp")
TEXT = resources.find("device", "cmos40lp").read_text(encoding="utf-8")


def target(name: str, temperature: float = 300.15) -> Target:
    return next(t for t in TECHNOLOGY.targets if (t.name, t.temperature) == (name, temperature))


def load(folder: Path, old: str, new: str) -> Technology:
    """Load cmos40lp with one place of its file changed."""
    assert TEXT.count(old) >= 1
    path = folder / "mine.toml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    return Technology.load(path)


def exponential(deck: Deck, per_decade: float = 0.093) -> dict[str, Any]:
    """10.1 pA/um at Vgs = 0 and 300.15 K, a hundred times that at 400 K, 93 mV per decade, no DIBL."""
    gate = np.linspace(0.0, deck.parameters["vdd"], 221)
    off = 10.1e-6 * deck.parameters["width"] * (100.0 if deck.temperature_c > 100 else 1.0)
    sign, current = (-1 if "pfet" in deck.name else 1), off * 10 ** (gate / per_decade)
    return {"v(g)": sign * gate, "i(vdlin)": -sign * current, "i(vdsat)": -sign * current}


def rows(technology: Technology = TECHNOLOGY, response: Any = exponential) -> list[dict[str, Any]]:
    table = target_table(technology, AnalyticSimulator(response))
    names = [column.name for column in table.heads()]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def test_bounds_of_all_three_kinds() -> None:
    """Relative, factor and absolute, from the file's own entries."""
    for name, low, high in (
        ("nmos_ion", 666.2 * 0.85, 666.2 * 1.15),
        ("nmos_ioff", 10.1e-6 / 3, 10.1e-6 * 3),
        ("pmos_vth", 0.45245, 0.55245),
        ("pmos_slope", 81.8e-3, 101.8e-3),
        ("nmos_dibl", 46e-3, 106e-3),
    ):
        assert (target(name).low, target(name).high) == pytest.approx((low, high), rel=1e-12)


def test_targets_keep_where_they_hold() -> None:
    assert {(t.temperature, t.width) for t in TECHNOLOGY.targets} == {(300.15, 1e-6), (400.0, 1e-6)}
    assert [t.name for t in TECHNOLOGY.targets if t.temperature == 400.0] == ["nmos_ioff"]


def test_width_of_the_hot_targets_may_differ(tmp_path: Path) -> None:
    heading = '[targets_hot]\n'
    changed = load(tmp_path, heading, heading + 'width = { value = "2 um", source = "definition" }\n')
    assert [t.width for t in changed.targets] == [1e-6] * 10 + [2e-6]


@pytest.mark.parametrize(
    "old, new, words",
    [
        ('tolerance = "factor 3"', 'tolerance = "factor 1"', "no room"),
        ('tolerance = "factor 3"', 'tolerance = "factor -3"', "no room"),
        ('tolerance = "15 %"', 'tolerance = "0 %"', "no room"),
        ('tolerance = "50 mV"', 'tolerance = "50 mA"', "does not fit"),
        ('tolerance = "factor 3"', 'tolerance = "wide"', "no number"),
        ('tolerance = "15 %"\n', "", "a tolerance and a source"),
        ("[targets.nmos_ion]", "[targets.nmos_iom]", "unknown target"),
        ('value = "410 pA/um"', 'value = "410 pA"', "does not fit"),
        ('temperature = { value = "400 K", source = "definition" }', "", "missing"),
    ],
)
def test_targets_that_cannot_be_read_are_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ParameterError, match=words) as caught:
        load(tmp_path, old, new)
    assert "mine.toml" in caught.value.where and "targets" in caught.value.where


def test_a_bare_value_is_refused(tmp_path: Path) -> None:
    heading = "[targets.nmos_ion]\n"
    with pytest.raises(ParameterError, match="a tolerance and a source"):
        load(tmp_path, heading, 'nmos_ion = "666 uA/um"\n[targets.other]\n')


def test_every_target_is_a_row_in_its_own_unit() -> None:
    found = rows()
    assert [r["figure"] for r in found] == ["ion"] * 2 + ["ioff"] * 2 + ["vth"] * 2 + ["slope"] * 2 + ["dibl"] * 2 + ["ioff"]
    assert [r["polarity"] for r in found] == ["n", "p"] * 5 + ["n"]
    assert [r["unit"] for r in found[::2]] == ["uA/um", "pA/um", "V", "mV/dec", "mV/V", "pA/um"]
    ioff, slope, hot = found[2], found[6], found[10]
    assert (ioff["measured"], ioff["target"]) == pytest.approx((10.1, 10.1))
    assert (slope["measured"], slope["target"]) == pytest.approx((93.0, 90.3), rel=1e-6)
    assert (hot["temperature"], hot["measured"], hot["target"]) == pytest.approx((400.0, 1010.0, 410.0))
    assert ioff["tolerance"] == "factor 3" and ioff["source"] == target("nmos_ioff").source


def test_verdicts_follow_the_tolerance() -> None:
    """The exponential's leakage, threshold and slope are good; its drive and its missing DIBL are not."""
    verdicts = {(r["figure"], r["polarity"]): r["verdict"] for r in rows()}
    for (figure, _), verdict in verdicts.items():
        assert verdict == ("pass" if figure in ("ioff", "vth", "slope") else "fail")
    edge = replace(target("nmos_ioff"), low=10.2e-6)
    assert [r["verdict"] for r in rows(replace(TECHNOLOGY, targets=(edge,)))] == ["fail"]
    edge = replace(target("nmos_ioff"), high=10.0e-6)
    assert [r["verdict"] for r in rows(replace(TECHNOLOGY, targets=(edge,)))] == ["fail"]


def test_targets_are_measured_where_they_hold() -> None:
    """One simulation for each polarity, temperature and width, at the nominal supply and length."""
    seen: list[tuple[Any, ...]] = []

    def response(deck: Deck) -> dict[str, Any]:
        numbers = (deck.parameters[k] for k in ("temperature", "width", "vdd", "length", "vth_shift", "mobility"))
        seen.append(("p" if "pfet" in deck.name else "n", *numbers))
        return exponential(deck)

    wide = replace(target("pmos_ion"), width=3e-6)
    target_table(replace(TECHNOLOGY, targets=(*TECHNOLOGY.targets, wide)), AnalyticSimulator(response))
    rest = (1.1, 40e-9, 0.0, 1.0)
    assert seen == [("n", 300.15, 1e-6, *rest), ("p", 300.15, 1e-6, *rest), ("n", 400.0, 1e-6, *rest), ("p", 300.15, 3e-6, *rest)]


def test_no_targets_and_no_answer_are_errors() -> None:
    with pytest.raises(ParameterError, match="no targets"):
        rows(replace(TECHNOLOGY, targets=()))
    with pytest.raises(SimulationError, match="failed"):
        rows(response=lambda deck: {})


def formulas(deck: Deck) -> dict[str, Any]:
    """The exponential of above, and edges that are 10 ps late, 15 ps in the corner ss."""
    if "v(n2)" not in deck.save:
        return exponential(deck)
    assert deck.stop is not None
    late = 15e-12 if "ss" in deck.name else 10e-12
    time = np.linspace(0.0, deck.stop, 8001)
    wave = np.interp(time, [2e-11, 4e-11, 1e-10, 1.2e-10], [0.0, 1.1, 1.1, 0.0])
    return {"time": time, "v(n2)": wave, "v(n3)": 1.1 - np.interp(time - late, time, wave)}


def test_figures_by_corner() -> None:
    table = figure_table(TECHNOLOGY, AnalyticSimulator(formulas), corners=["tt", "ss"])
    assert [row[:2] for row in table.rows] == [["tt", "n"], ["tt", "p"], ["ss", "n"], ["ss", "p"]]
    first, last = table.rows[0], table.rows[-1]
    assert first[3] == pytest.approx(10.1) and first[6] == pytest.approx(93.0) and first[7] == pytest.approx(0.0, abs=1e-9)
    assert first[4] == first[5] == pytest.approx(0.093 * np.log10(2.5e-6 / 10.1e-12))
    assert first[8] == pytest.approx(10.0, rel=1e-3) and last[8] == pytest.approx(15.0, rel=1e-3)
    assert [column.head for column in table.heads()][2:4] == ["ion [uA/um]", "ioff [pA/um]"]
    assert [row[0] for row in figure_table(TECHNOLOGY, AnalyticSimulator(formulas)).rows[::2]] == list(TECHNOLOGY.corners)


def test_corners_are_measured_as_corners() -> None:
    """The corner's own shift and mobility stand in the wrappers, once; what the bench adds stands on the transistors."""
    deck = dc_deck(TECHNOLOGY, "p", corner="fs", vth_shift=0.01, mobility=2.0)
    assert "Xsat dsat g 0 0 pfet w=1e-06 l=4e-08 dvt=0.01 mu=2.0" in deck.text
    assert deck.text.startswith(TECHNOLOGY.preamble(corner="fs")) and "delvto={0-(dvt+(0.04))} mulu0={mu*0.95}" in deck.text
    with pytest.raises(ParameterError, match="no such corner"):
        dc_deck(TECHNOLOGY, "p", corner="xx")


def test_a_slope_that_leakage_hides_is_no_number() -> None:
    """Leakage above a thousandth of the threshold current: threshold and drive are there, the slope is not, and misses its target."""

    def leaky(deck: Deck) -> dict[str, Any]:
        waves = formulas(deck)
        if "v(n2)" in waves:
            return waves
        sign = -1 if "pfet" in deck.name else 1
        return {name: wave if name == "v(g)" else wave - sign * 2.6e-9 for name, wave in waves.items()}

    row = figure_table(TECHNOLOGY, AnalyticSimulator(leaky), corners=["tt"]).rows[0]
    assert row[6] is None and row[5] == pytest.approx(0.502, abs=1e-3)
    verdicts = {(r["figure"], r["polarity"]): r["verdict"] for r in rows(response=leaky)}
    assert verdicts["slope", "n"] == "fail" and verdicts["vth", "n"] == "pass"
