"""A process corner reaches every transistor of a deck, gate drivers and switches included; ngspice's own word for it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from spinbnn.circuit import Deck, DropoutModuleBench, NgspiceBatch, Technology
from spinbnn.circuit.design import ModuleDesign
from spinbnn.circuit.dropout_variants import RegulatedModuleBench, TrimmedModuleBench
from spinbnn.circuit.logic_bench import gate_driver_figures, multiplexer_figures
from spinbnn.circuit.netlist import flatten
from spinbnn.device import DeviceParams

pytestmark = pytest.mark.spice
TECHNOLOGY, PARAMS = Technology.load("cmos40lp"), DeviceParams.load("seed_eq23")
BENCHES: list[tuple[DropoutModuleBench, dict[str, float]]] = [
    (DropoutModuleBench(technology=TECHNOLOGY, params=PARAMS), {"set_voltage": 1.0}),
    (RegulatedModuleBench(technology=TECHNOLOGY, params=PARAMS), {"set_current": 2e-4}),
    (TrimmedModuleBench(technology=TECHNOLOGY, params=PARAMS), {"code": 5}),
]


def instances(deck: Deck) -> dict[tuple[str, str], tuple[float, float]]:
    """Return threshold shift and mobility factor that ngspice has for each transistor, by polarity and path."""
    found = [(e.kind, ".".join(e.path)) for e in flatten(deck.text, skip=["sot_mtj"]) if e.kind in "np"]
    names = {key: f"@m.{key[1]}.m1" for key in found}
    save = tuple(f"{name}[{what}]" for name in names.values() for what in ("delvto", "mulu0"))
    with NgspiceBatch() as engine:
        (result,) = engine.run([Deck(text=deck.text, name="instances", save=save, temperature_c=deck.temperature_c, options=deck.options, initial=deck.initial, stop=1e-12, max_step=1e-12)])
    w = result.require().waveforms
    return {key: (float(w[f"{name}[delvto]"][0]), float(w[f"{name}[mulu0]"][0])) for key, name in names.items()}


@pytest.mark.parametrize(("bench", "amplitude"), BENCHES, ids=[b.design.name for b, _ in BENCHES])
@pytest.mark.parametrize("mismatch", [None, (3, 5)], ids=["nominal", "drawn"])
def test_every_transistor_has_the_corner(bench: DropoutModuleBench, amplitude: dict[str, float], mismatch: Any) -> None:
    """ss against tt: 40 mV more threshold (the PMOS has it with the other sign) and 0.95 of the mobility, on top of the draw."""
    tt, ss, fs = (instances(bench.deck(replace(bench.nominal(corner=corner, **amplitude), mismatch=mismatch))) for corner in ("tt", "ss", "fs"))
    assert tt.keys() == ss.keys() and len(tt) >= 16
    for (kind, path), (shift, mobility) in tt.items():
        sign = 1.0 if kind == "n" else -1.0
        for other, slow in ((ss, True), (fs, kind == "p")):
            moved = (0.04 if slow else -0.04) * sign
            assert other[kind, path][0] - shift == pytest.approx(moved, rel=1e-9, abs=0), path
            assert other[kind, path][1] / mobility == pytest.approx(0.95 if slow else 1.05, rel=1e-9, abs=0), path
        assert mismatch is not None or (shift, mobility) == (0.0, 1.0)
    assert (len(set(tt.values())) > 5) == (mismatch is not None)


def test_a_gate_driver_is_slower_in_a_slow_corner() -> None:
    """Its transistors have no mismatch of their own: before, the corner passed them by."""
    sizes = ModuleDesign.load("module_regulated_cmos40lp").gates["gp1"]
    with NgspiceBatch() as engine:
        tt, ss, ff = (gate_driver_figures(engine, TECHNOLOGY, sizes, 5e-15, corner=corner) for corner in ("tt", "ss", "ff"))
        fs, sf = (gate_driver_figures(engine, TECHNOLOGY, sizes, 5e-15, corner=corner) for corner in ("fs", "sf"))
        word, slow_word = (multiplexer_figures(engine, TECHNOLOGY, bits=1, corner=corner) for corner in ("tt", "ss"))
    for slow, fast in ((ss, tt), (tt, ff)):
        assert slow.delay_rise > 1.05 * fast.delay_rise and slow.delay_fall > 1.05 * fast.delay_fall
    # the last inverter: its PMOS lifts the output, its NMOS lowers it
    assert fs.rise > 1.01 * tt.rise and sf.rise < 0.99 * tt.rise
    assert fs.fall < 0.99 * tt.fall and sf.fall > 1.01 * tt.fall
    assert slow_word.delay > 1.05 * word.delay and not math.isnan(word.delay)
