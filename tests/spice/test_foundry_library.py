"""Cards taken out of a foundry's library give the numbers of the whole library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import made_up_foundry
import numpy as np
import pytest
from tolerances import EXTRACTED_FLOOR, EXTRACTED_MODEL

from spinbnn.circuit import Deck, NgspiceBatch, Technology
from spinbnn.circuit.expression import evaluate
from spinbnn.circuit.transistor import measure_transistor
from spinbnn.errors import SimulationError

pytestmark = pytest.mark.spice
SIZES = [(0.4, 0.15), (1.0, 0.15), (1.005, 0.15), (2.0, 0.3), (3.0, 0.5), (3.0, 0.505), (2.0, 4.0)]
OPTIONS = {"gmin": 1e-18, "abstol": 1e-18, "reltol": 1e-6}


@pytest.fixture(scope="module")
def simulator() -> Iterator[NgspiceBatch]:
    with NgspiceBatch(timeout=300.0) as engine:
        yield engine


def technology(folder: Path, extra: str = "", text: str = made_up_foundry.TECHNOLOGY) -> Technology:
    return Technology.load(made_up_foundry.write(folder, text.replace("#extract", extra)))


def bare(tech: Technology) -> Technology:
    """The technology without shifts of its own on top of its sections."""
    return replace(tech, corners={name: tech.corner("tt") for name in tech.corners})


def sweep(tech: Technology, polarity: str, corner: str, celsius: float, gate: float) -> Deck:
    """Drain sweeps of every size at one gate voltage."""
    sign = 1 if polarity == "n" else -1
    lines = [f"X{k} d{k} g 0 0 {polarity}fet w={w}u l={long}u\nV{k} d{k} d 0" for k, (w, long) in enumerate(SIZES)]
    lines += [f"Vg g 0 {sign * gate}", "Vd d 0 0", f".dc Vd 0 {sign * 1.8} {sign * 0.1}"]
    body = "\n".join(lines)
    return Deck(text=tech.preamble(body, corner=corner) + "\n" + body, name="sweep", save=tuple(f"i(v{k})" for k in range(len(SIZES))), temperature_c=celsius, options=OPTIONS)


def reference(tech: Technology, polarity: str, corner: str, celsius: float, gate: float) -> Deck:
    """The same sweeps, with the library included and its devices called as a user of ngspice would."""
    sign = 1 if polarity == "n" else -1
    call = "X{0} d{0} g 0 0 mu_{1}fet w={2} l={3} ad={{0.3*{2}}} pd={{2*({2}+0.3)}} sa=0.5 sb=0.5\nV{0} d{0} d 0"
    lines = [f'.lib "{tech.model_path}" {corner}', *(call.format(k, polarity, w, long) for k, (w, long) in enumerate(SIZES))]
    lines += [f"Vg g 0 {sign * gate}", "Vd d 0 0", f".dc Vd 0 {sign * 1.8} {sign * 0.1}"]
    return Deck(text="\n".join(lines), name="reference", save=tuple(f"i(v{k})" for k in range(len(SIZES))), temperature_c=celsius, options=OPTIONS)


@pytest.mark.parametrize("polarity", ["n", "p"])
@pytest.mark.parametrize("corner", ["tt", "ss"])
def test_extracted_equals_whole(simulator: NgspiceBatch, tmp_path: Path, corner: str, polarity: str) -> None:
    """Sizes inside and on the edges of bins, areas, perimeters, stress distances and squares included."""
    tech = bare(technology(tmp_path))
    for celsius, gate in ((27.0, 1.8), (125.0, 0.0), (-40.0, 0.6)):
        decks = [make(tech, polarity, corner, celsius, gate) for make in (sweep, reference)]
        assert ".lib" not in decks[0].text and "scale" not in decks[0].text
        one, other = (result.require().waveforms for result in simulator.run(decks))
        for name in decks[0].save:
            assert np.max(np.abs(other[name])) > 100 * EXTRACTED_FLOOR
            assert one[name][1:] == pytest.approx(other[name][1:], rel=EXTRACTED_MODEL, abs=EXTRACTED_FLOOR)


def test_the_whole_library_behind_the_wrappers(simulator: NgspiceBatch, tmp_path: Path) -> None:
    """extract = false: the same currents; the source at the gate is one more node, so that Newton stops elsewhere."""
    tech = bare(technology(tmp_path, "extract = false"))
    decks = [make(tech, "p", "ss", 27.0, 1.8) for make in (sweep, reference)]
    one, other = (result.require().waveforms for result in simulator.run(decks))
    assert all(one[name][1:] == pytest.approx(other[name][1:], rel=1e-6, abs=0) for name in decks[0].save)


def test_a_device_inside_a_device_is_followed(simulator: NgspiceBatch, tmp_path: Path) -> None:
    plain = technology(tmp_path)
    wrapped = technology(tmp_path, text=made_up_foundry.TECHNOLOGY.replace('nmos = "mu_nfet"', 'nmos = "mu_wrapped"'))
    one, other = (result.require().waveforms for result in simulator.run([sweep(tech, "n", "ss", 27.0, 1.2) for tech in (plain, wrapped)]))
    assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("polarity", ["n", "p"])
def test_shifts_slow_both_polarities_in_both_ways(simulator: NgspiceBatch, tmp_path: Path, polarity: str) -> None:
    """delvto shifts the threshold by dvt, a gate source does so exactly; the mobility factor scales the current."""
    ways = {"": False, 'extract = false\nshift = "gate"': True, 'shift = "gate"': True}
    for count, (extra, exact) in enumerate(ways.items()):
        tech = technology(tmp_path / str(count), extra)
        base, slow, weak = (measure_transistor(simulator, tech, polarity, **kw) for kw in ({}, {"vth_shift": 0.03}, {"mobility": 0.9}))
        assert slow.vth_sat - base.vth_sat == pytest.approx(0.03, abs=1e-5 if exact else 4e-3)
        assert slow.ion < base.ion
        assert weak.ion / base.ion == pytest.approx(0.9, rel=1e-6) if exact else 0.9 < weak.ion / base.ion < 0.99


def test_corner_shifts_add_to_the_section(simulator: NgspiceBatch, tmp_path: Path) -> None:
    """ss of the PMOS is its section (30 mV times 0.05/0.15 + 0.9, and the oxide) and the 10 mV of the technology."""
    for extra, room in (('extract = false\nshift = "gate"', 1e-5), ("", 2e-4)):  # delvto moves the body effect as well
        tech = technology(tmp_path / extra[:7], extra)
        with_shift, without = (measure_transistor(simulator, t, "p", corner="ss").vth_sat for t in (tech, bare(tech)))
        assert with_shift - without == pytest.approx(0.01, abs=room)
    typical = measure_transistor(simulator, tech, "p").vth_sat
    assert without - typical > 0.03


def test_ngspice_refuses_a_size_that_the_preamble_was_not_told(simulator: NgspiceBatch, tmp_path: Path) -> None:
    """Each bin holds one size: no transistor can get the card of another."""
    tech = technology(tmp_path)
    body = "X1 d g 0 0 nfet w=2u\nVd d 0 1.8\nVg g 0 1.8"
    good, other = body, body.replace("w=2u", "w=2.01u")
    decks = [Deck(text=tech.preamble(body, corner="tt") + "\n" + text, name="bins", save=("i(vd)",)) for text in (good, other)]
    first, second = simulator.run(decks)
    assert first.ok and first.waveforms["i(vd)"][0] < -1e-4
    assert not second.ok and "model" in second.error
    with pytest.raises(SimulationError):
        second.require()


EXPRESSIONS = (
    "1+2*3", "2-3-4", "16/4/2", "2**3", "2^3", "-2**2", "2*-3", "2**3**2", "2**-1", "(-2)**3", "pow(-2,3)", "1.5k", "2m", "2meg", "1+a*b-c/a", "a<b",
    "a==3 && b!=5", "a==3 || b!=5", "!a+2", "a>4 ? 1 : a>2 ? 2 : 3", "min(a,b)", "max(a,b)", "abs(-a)", "pwr(-a,2)", "int(-2.7)", "nint(2.5)",
    "sgn(-a)", "log(8)", "ln(8)", "log10(1000)", "floor(2.7)+ceil(2.2)", "ternary_fcn(a>4,1,2)", "7%4", "a>b || a<b && 0", "3--2", "1f*2", "a**0.5",
)  # fmt: skip


def test_expressions_have_the_values_of_ngspice(simulator: NgspiceBatch) -> None:
    decks = [Deck(text=f".param a=3 b=5 c=7\n.param x={{{text}}}\nV1 n 0 {{x}}\nR1 n 0 1k", name=text, save=("v(n)",)) for text in EXPRESSIONS]
    for text, result in zip(EXPRESSIONS, simulator.run(decks), strict=True):
        assert evaluate(text, {"a": 3.0, "b": 5.0, "c": 7.0}) == pytest.approx(float(result.require().waveforms["v(n)"][0]), rel=1e-15, abs=0), text
