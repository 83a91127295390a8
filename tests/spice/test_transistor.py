"""The cards of cmos40lp against their published targets, and the instance parameters that corners rest on."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinbnn.circuit.transistor import TransistorFigures, delvto_for, measure_transistor
from spinbnn.units import quantity

pytestmark = pytest.mark.spice

ROOT = Path(__file__).resolve().parents[2]
PARAMETERS = ROOT / "device_params" / "cmos40lp.toml"
TECHNOLOGY: dict[str, Any] = tomllib.loads(PARAMETERS.read_text(encoding="utf-8"))
LIBRARY = ROOT / "netlists" / TECHNOLOGY["models"]["file"]
VDD = quantity(TECHNOLOGY["supply"]["value"], "V")
LENGTH = quantity(TECHNOLOGY["gate_length"]["value"], "m")
NAMES = {"n": "nmos", "p": "pmos"}
UNITS = {"ion": "A/m", "ioff": "A/m", "vth": "V", "slope": "V", "dibl": "1"}
POLARITIES = pytest.mark.parametrize("polarity", ["n", "p"])


def run_batch(folder: Path, deck: str, vectors: Sequence[str]) -> dict[str, np.ndarray]:
    """Run ``ngspice -b`` and read its binary raw file; any warning fails the test."""
    (folder / ".spiceinit").write_text("set num_threads=1\n", encoding="ascii")
    (folder / "deck.cir").write_text(deck, encoding="utf-8")
    raw = folder / "deck.raw"
    raw.unlink(missing_ok=True)
    command = ["ngspice", "-b", "-r", raw.name, "deck.cir"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    log = done.stdout + done.stderr
    words = ("warning", "error", "unrecognized", "ignored")
    bad = [s for s in log.splitlines() if any(w in s.lower() for w in words)]
    assert done.returncode == 0 and not bad, log
    head, _, body = raw.read_bytes().partition(b"Binary:\n")
    lines = head.decode("ascii", "replace").splitlines()
    keys = ("No. Variables", "No. Points")
    columns, rows = (int(next(s for s in lines if s.startswith(k)).split(":")[1]) for k in keys)
    start = lines.index("Variables:") + 1
    names = [s.split()[1].lower() for s in lines[start : start + columns]]
    table = np.frombuffer(body, dtype="<f8", count=columns * rows).reshape(rows, columns)
    data = {name: table[:, k].copy() for k, name in enumerate(names)}
    return {name: data[name] for name in vectors}


@pytest.fixture(scope="module")
def measure(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return ``measure(polarity, **bench arguments)``; equal calls are simulated once."""
    folder = tmp_path_factory.mktemp("transistor")

    def simulate(deck: str, vectors: Sequence[str]) -> Mapping[str, np.ndarray]:
        return run_batch(folder, deck, vectors)

    @cache
    def call(polarity: Any, **bench: float) -> TransistorFigures:
        model = TECHNOLOGY["models"][NAMES[polarity]]
        settings: dict[str, Any] = {"vdd": VDD, "length": LENGTH, **bench}
        return measure_transistor(simulate, str(LIBRARY), model, polarity, **settings)

    return call


def bounds(entry: Mapping[str, Any], unit: str) -> tuple[float, float]:
    """Lower and upper bound of a target."""
    value, tolerance = quantity(entry["value"], unit), str(entry["tolerance"])
    if tolerance.startswith("factor "):
        factor = float(tolerance.removeprefix("factor "))
        return value / factor, value * factor
    if tolerance.endswith("%"):
        part = quantity(tolerance, "1") * value
        return value - part, value + part
    part = quantity(tolerance, unit)
    return value - part, value + part


def figure(figures: TransistorFigures, name: str) -> float:
    return float(getattr(figures, "vth_sat" if name == "vth" else name))


def test_bounds_of_all_three_kinds() -> None:
    assert bounds({"value": "10 pA/um", "tolerance": "factor 2"}, "A/m") == pytest.approx((5e-6, 2e-5))
    assert bounds({"value": "200 uA/um", "tolerance": "10 %"}, "A/m") == pytest.approx((180.0, 220.0))
    assert bounds({"value": "0.5 V", "tolerance": "50 mV"}, "V") == pytest.approx((0.45, 0.55))


@POLARITIES
@pytest.mark.parametrize("name", list(UNITS))
def test_figure_meets_its_target(measure: Any, polarity: str, name: str) -> None:
    temperature = quantity(TECHNOLOGY["targets"]["temperature"]["value"], "K")
    width = quantity(TECHNOLOGY["targets"]["width"]["value"], "m")
    low, high = bounds(TECHNOLOGY["targets"][f"{NAMES[polarity]}_{name}"], UNITS[name])
    value = figure(measure(polarity, temperature=temperature, width=width), name)
    assert low <= value <= high


def test_hot_leakage_meets_its_target(measure: Any) -> None:
    hot = TECHNOLOGY["targets_hot"]
    low, high = bounds(hot["nmos_ioff"], "A/m")
    assert low <= measure("n", temperature=quantity(hot["temperature"]["value"], "K")).ioff <= high


@POLARITIES
def test_leakage_and_slope_grow_with_temperature(measure: Any, polarity: str) -> None:
    cold, room, hot = (measure(polarity, temperature=t) for t in (233.15, 300.15, 398.15))
    assert cold.ioff < room.ioff / 10 and hot.ioff > room.ioff * 10
    for other, temperature in ((cold, 233.15), (hot, 398.15)):
        assert other.slope / room.slope == pytest.approx(temperature / 300.15, rel=0.15)
    assert cold.vth_sat > room.vth_sat > hot.vth_sat


@POLARITIES
@pytest.mark.parametrize("shift", [-0.05, 0.02, 0.05])
def test_delvto_shifts_the_threshold_one_to_one(measure: Any, polarity: Any, shift: float) -> None:
    moved, base = measure(polarity, delvto=delvto_for(polarity, shift)), measure(polarity)
    assert moved.vth_sat - base.vth_sat == pytest.approx(shift, abs=5e-3)
    assert moved.vth_lin - base.vth_lin == pytest.approx(shift, abs=5e-3)


@POLARITIES
def test_mulu0_scales_the_current_and_spares_the_slope(measure: Any, polarity: str) -> None:
    low, base, high = (measure(polarity, mulu0=m) for m in (0.9, 1.0, 1.1))
    assert 0.90 < low.ion / base.ion < 0.99 and 1.01 < high.ion / base.ion < 1.10
    assert high.slope == pytest.approx(base.slope, rel=0.01)


@POLARITIES
def test_currents_are_in_proportion_to_the_width(measure: Any, polarity: str) -> None:
    narrow, wide = measure(polarity, width=0.2e-6), measure(polarity, width=2.4e-6)
    assert narrow.ion == pytest.approx(wide.ion, rel=1e-3)
    assert narrow.ioff == pytest.approx(wide.ioff, rel=1e-2)


@POLARITIES
@pytest.mark.parametrize("vdd", [0.99, 1.21, 0.777])
def test_sweep_reaches_other_supplies(measure: Any, polarity: str, vdd: float) -> None:
    assert 0 < measure(polarity, vdd=vdd, step=7e-3).ion < 1.4 * measure(polarity).ion


@POLARITIES
def test_corners_are_ordered(measure: Any, polarity: Any) -> None:
    def at(corner: str) -> TransistorFigures:
        entry = TECHNOLOGY["corners"][corner]
        shift = quantity(entry[f"{NAMES[polarity]}_vth_shift"]["value"], "V")
        mobility = quantity(entry[f"{NAMES[polarity]}_mobility"]["value"], "1")
        figures: TransistorFigures = measure(polarity, delvto=delvto_for(polarity, shift), mulu0=mobility)
        return figures

    tt, ff, ss, fs, sf = (at(c) for c in ("tt", "ff", "ss", "fs", "sf"))
    assert ff.ion > tt.ion > ss.ion and ff.ioff > tt.ioff > ss.ioff
    fast, slow = (fs, sf) if polarity == "n" else (sf, fs)
    assert fast == ff and slow == ss


def test_every_number_of_the_technology_has_a_source() -> None:
    def walk(node: Any, path: str) -> list[str]:
        if not isinstance(node, dict):
            return []
        own = [path] if "value" in node and not node.get("source") else []
        return own + [p for key, child in node.items() for p in walk(child, f"{path}.{key}")]

    assert walk(TECHNOLOGY, TECHNOLOGY["name"]) == []


BRIDGE = """* H-bridge: SET at 2-12 ns, RESET at 26-31 ns through a 3 kohm track
.include "{library}"
vdd vdd 0 1.1
vset set 0 pulse(0 1.1 2n 50p 50p 10n 1)
vrst rst 0 pulse(0 1.1 26n 50p 50p 5n 1)
bgp1 gp1 0 v=1.1-v(set)
bgp2 gp2 0 v=1.1-v(rst)
mp1 la gp1 vdd vdd plp w=2.4u l=40n
mn1 la rst 0 0 nlp w=1.2u l=40n
mp2 lb gp2 vdd vdd plp w=2.4u l=40n
mn2 lb set 0 0 nlp w=1.2u l=40n
cla la 0 2f
clb lb 0 2f
va la x 0
rtrack x lb 3k
.options reltol=1e-3 method={method}
.save i(va) i(vdd)
.tran 20p 46n 0 50p
.end
"""


@pytest.mark.parametrize("method", ["gear", "trap"])
def test_bridge_converges_and_drives_both_ways(tmp_path: Path, method: str) -> None:
    data = run_batch(tmp_path, BRIDGE.format(library=LIBRARY, method=method), ["time", "i(va)", "i(vdd)"])
    time, track = data["time"], data["i(va)"]
    assert time[-1] == pytest.approx(46e-9, rel=1e-6)
    setting, resetting, idle = (float(np.interp(t, time, track)) for t in (8e-9, 29e-9, 20e-9))
    assert 2.5e-4 < setting < 1.1 / 3e3
    assert resetting == pytest.approx(-setting, rel=1e-3)
    assert abs(idle) < 1e-9
