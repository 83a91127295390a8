"""Non-linear cells: the law of the netlist, its derivative, and Newton's quadratic convergence."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from tolerances import ARRAY_DIRECT, ARRAY_ENGINES

from spinbnn import resources
from spinbnn.crossbar.solve import TunnelCells, solve_array
from spinbnn.errors import ParameterError
from spinbnn.rng import stream

LAW = TunnelCells(parallel=1e4, tmr=1.2, half_voltage=0.4, state=1.0)


def test_the_law_is_the_one_of_the_netlist():
    text = resources.find("cell", "sot_mtj").read_text()
    formula = re.search(r"^Bj top f I=(.*)$", text, re.MULTILINE).group(1).replace("v(top,f)", "v").replace("v(s)", "s")
    volts = np.linspace(-1.2, 1.2, 25)
    for state in (0.0, 1.0):
        current, _ = LAW.evaluate(volts, 1e4, 1.2, 0.4, state)
        assert current == pytest.approx(eval(formula, {"v": volts, "s": state, "rp": 1e4, "tmr": 1.2, "vh": 0.4}), rel=1e-13, abs=1e-20)


def test_slope_is_the_derivative_and_positive():
    volts, step = np.linspace(-2.0, 2.0, 41), 1e-6
    for state in (0.0, 1.0):
        slope = LAW.evaluate(volts, 1e4, 1.2, 0.4, state)[1]
        up, down = (LAW.evaluate(volts + s, 1e4, 1.2, 0.4, state)[0] for s in (step, -step))
        assert slope == pytest.approx((up - down) / (2 * step), rel=1e-8, abs=0)
        assert (slope > 0).all()


def random_cells(rows, columns):
    draw = stream(8, "tunnel cells", rows, columns)
    state = (draw.random((rows, columns)) < 0.5) * 1.0
    return TunnelCells(parallel=draw.uniform(5e3, 7e3, (rows, columns)), tmr=1.2, half_voltage=0.3, state=state), draw.normal(size=(3, rows)) * 0.5


def test_the_current_of_every_cell_obeys_the_law():
    cells, volts = random_cells(12, 9)
    for engine in ("auto", "numpy", "array"):
        solution = solve_array(cells, volts, wire_row=3.0, wire_column=4.0, cells=True, engine=engine)
        assert np.allclose(solution.cell_currents, cells.evaluate(solution.cell_voltages, *cells.parameters)[0], rtol=1e-9, atol=1e-15)
        assert np.allclose(solution.cell_currents.sum(axis=-2), solution.currents, rtol=1e-12, atol=0)
    lu = solve_array(cells, volts, wire_row=3.0, wire_column=4.0, method="lu")
    assert np.abs(solution.currents - lu.currents).max() < ARRAY_DIRECT * np.abs(lu.currents).max()


def test_newton_converges_quadratically():
    cells, volts = random_cells(24, 24)
    steps = solve_array(cells, volts, wire_row=5.0, wire_column=5.0, tolerance=1e-13).newton
    assert len(steps) >= 3 and steps[0] == pytest.approx(1.0, rel=0.2)
    for before, after in itertools.pairwise(steps[1:]):
        assert after < 0.5 * before**2 or after < 1e-12


def test_cells_without_bias_dependence_are_linear_cells():
    draw = stream(9, "tunnel cells, linear")
    state, volts = (draw.random((11, 6)) < 0.5) * 1.0, draw.normal(size=(2, 11))
    cells = TunnelCells(parallel=1e4, tmr=1.0, half_voltage=1e9, state=state)
    on = draw.random(11) < 0.7
    curved = solve_array(cells, volts, wire_row=2.0, wire_column=3.0, active=on)
    linear = solve_array(1e-4 / (1.0 + state), volts, wire_row=2.0, wire_column=3.0, active=on, method="lines")
    assert np.abs(curved.currents - linear.currents).max() < ARRAY_ENGINES * np.abs(linear.currents).max()


@pytest.mark.parametrize(
    ("key", "bad"),
    [("parallel", 0.0), ("parallel", -1e4), ("tmr", -0.1), ("half_voltage", 0.0), ("half_voltage", -0.4), ("state", -0.1), ("state", 1.1), ("tmr", np.nan)],
)
def test_what_no_junction_has_is_refused(key, bad):
    good = {"parallel": 1e4, "tmr": 1.2, "half_voltage": 0.4, "state": 1.0}
    TunnelCells(**good)
    for value in (bad, np.array([good[key], bad]), [good[key], bad]):
        with pytest.raises(ParameterError, match=f"TunnelCells, {key}") as error:
            TunnelCells(**(good | {key: value}))
        assert error.value.remedy
