"""Figures of the module as a whole, and PNG."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinbnn.errors import ParameterError
from spinbnn.report.figures.cycle import DriverCurves, amplitude_and_spread, module_cycle
from spinbnn.report.figures.picture import save_png

TIME = np.linspace(0.0, 10e-9, 21)
GATES = {"gp1, SET": 1.1 * (TIME < 5e-9), "gn1, RESET": 1.1 * (TIME > 5e-9)}
TRACES = {"track current": (-2e-4 * (TIME < 5e-9), "A"), "P(1)": (TIME / 10e-9, "1")}
PHASES = [("RESET", 0.0, 5e-9), ("SET", 5e-9, 10e-9)]


def driver(**change: Any) -> DriverCurves:
    given = {"amplitude": [0.9, 1.0, 1.1], "quantity": "SET rail", "unit": "V", "p": {"27 °C": [0.0, 0.5, 1.0], "125 °C": [0.1, 0.8, 1.0]}, "draws": [0.1, 0.5, 0.52, 1.0, np.nan], "remark": "one rail for all"}
    return DriverCurves(**(given | change))


def test_a_cycle_shows_gates_traces_and_phases() -> None:
    figure = module_cycle(TIME, GATES, TRACES, PHASES, heading="my design")
    for word in ("gp1, SET", "gn1, RESET", "track current", "my design", "current [µA]", "time [ns]", "SET"):
        assert f">{word}<" in figure.svg, word
    assert [c.head for c in figure.data.heads()] == ["time [s]", "gp1 [V]", "gn1 [V]", "track current [A]", "P(1)"]
    assert figure.data.rows[0][1:] == [1.1, 0.0, -2e-4, 0.0] and len(figure.data.rows) == 21
    assert "my design." in figure.description and "RESET 0 s to 5 ns" in figure.description
    assert ">my design<" not in module_cycle(TIME, GATES, TRACES, PHASES).svg
    assert figure.svg == module_cycle(TIME, GATES, TRACES, PHASES, heading="my design").svg


def test_a_gate_stands_in_its_own_strip() -> None:
    from matplotlib.figure import Figure as Canvas

    from spinbnn.report.style import PRINT

    canvas = Canvas(layout="constrained")
    module_cycle(TIME, GATES, TRACES, PHASES).draw(canvas, PRINT)
    strips = canvas.axes[1].get_lines()[:2]
    first, second = (np.asarray(line.get_ydata(), dtype=float) for line in strips)
    assert first.min() == 1.0 and first.max() == pytest.approx(1.7) and second.min() == 0.0 and second.max() == pytest.approx(0.7)
    assert first[0] > first[-1] and second[0] < second[-1], "time does not run backwards"


def test_bars_count_every_module_once() -> None:
    figure = amplitude_and_spread({"voltage": driver(), "trimmed": driver(unit="1", quantity="code", draws=[0.5, 0.5])}, bins=4)
    counts = {name: [row[3] for row in figure.data.rows if row[:2] == [name, "draws"]] for name in ("voltage", "trimmed")}
    assert counts == {"voltage": [1, 0, 2, 1], "trimmed": [0, 0, 2, 0]}
    assert [row for row in figure.data.rows if row[:2] == ["voltage", "125 °C"]][1] == ["voltage", "125 °C", 1.0, 0.8]
    assert "voltage: 4 drawn modules, mean 0.53" in figure.description
    for text in ("SET rail [V]", "code", "4 modules: mean 0.530, sd 0.368", "2 modules: mean 0.500, sd 0.000", "one rail for all", "target 0.5", "125 °C"):
        assert f">{text}<" in figure.svg, text


def test_what_does_not_fit_is_refused() -> None:
    good = {"p": {"27 °C": [0.0, 0.5, 1.0]}}
    cases: list[tuple[dict[str, DriverCurves], dict[str, Any], str]] = [
        ({}, {}, "drivers"), ({str(k): driver() for k in range(4)}, {}, "drivers"), ({"a": driver(), "b": driver(**good)}, {}, "same conditions"),
        ({"a": driver(amplitude=[1.0])}, {}, "27 °C"), ({"a": driver()}, {"bins": 0}, "bar"), ({"a": driver(p={str(k): [0, 1, 1] for k in range(5)})}, {}, "conditions"),
    ]  # fmt: skip
    for drivers, keywords, word in cases:
        with pytest.raises(ParameterError, match=word):
            amplitude_and_spread(drivers, **keywords)
    with pytest.raises(ParameterError, match="no gate"):
        module_cycle(TIME, {}, TRACES, PHASES)
    with pytest.raises(ParameterError, match="gn1"):
        module_cycle(TIME, {"gn1": [0.0]}, TRACES, PHASES)
    with pytest.raises(ParameterError, match="one unit"):
        module_cycle(TIME, GATES, TRACES, PHASES, panels=[["track current", "P(1)"]])


def test_a_picture_has_its_size_and_the_same_bytes(tmp_path: Path) -> None:
    figure = amplitude_and_spread({"voltage": driver()})
    paths = [save_png(figure, tmp_path / f"{k}.png", resolution=100) for k in range(2)]
    first, second = (path.read_bytes() for path in paths)
    assert first == second and first[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", first[16:24])
    assert width == 716 and height == pytest.approx(716 * figure.size[1] / figure.size[0], abs=1)
    column = save_png(figure, tmp_path / "c.png", style="ieee-column", resolution=100)
    assert struct.unpack(">I", column.read_bytes()[16:20])[0] == 350
    for keywords, word in (({"resolution": 0.0}, "resolution"), ({"style": "none"}, "style")):
        with pytest.raises(ParameterError, match=word):
            save_png(figure, tmp_path / "bad.png", **keywords)  # type: ignore[arg-type]
    assert not (tmp_path / "bad.png").exists()
