"""What solve_array accepts and refuses, and how leading axes broadcast."""

from __future__ import annotations

import numpy as np
import pytest

from spinbnn.crossbar.solve import TransferMatrix, TunnelCells, solve_array
from spinbnn.errors import ParameterError, SimulationError
from spinbnn.rng import stream

G = np.full((3, 2), 1e-4)
GOOD = {"conductance": G, "voltages": np.ones(3), "wire_row": 1.0, "wire_column": 1.0}


def spoiled(array, index, value):
    copy = np.array(array, dtype=float)
    copy[index] = value
    return copy


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"conductance": spoiled(G, (2, 1), -1e-4)}, ["conductance[2, 1]", "-0.0001", "not positive"]),
        ({"conductance": spoiled(G, (0, 1), 0.0)}, ["conductance[0, 1]", "0.0", "allow_open"]),
        ({"conductance": spoiled(G, (0, 1), -1e-4), "allow_open": True}, ["conductance[0, 1]", "-0.0001"]),
        ({"conductance": spoiled(G, (1, 0), np.nan)}, ["conductance[1, 0]", "nan", "finite"]),
        ({"conductance": np.ones(3)}, ["(3,)", "(..., R, C)"]),
        ({"conductance": np.ones((0, 2))}, ["(0, 2)"]),
        ({"conductance": "wrong"}, ["not numbers", "wrong"]),
        ({"voltages": np.ones(2)}, ["(2,)", "3 rows"]),
        ({"voltages": np.ones((0, 3))}, ["no input"]),
        ({"voltages": [0.0, np.inf, 0.0]}, ["voltages[1]", "inf"]),
        ({"wire_row": -1.0}, ["wire_row", "-1.0", "negative"]),
        ({"wire_column": spoiled(np.ones((3, 2)), (1, 1), -2.0)}, ["wire_column[1, 1]", "-2.0"]),
        ({"wire_row": np.ones((3, 3))}, ["wire_row", "(3, 3)"]),
        ({"wire_row": np.ones(2)}, ["wire_row", "(2,)"]),
        ({"wire_row": np.nan}, ["wire_row", "nan"]),
        ({"active": [1, 0]}, ["active", "(2,)"]),
        ({"active": [1, 0, 2]}, ["active[2]", "2.0"]),
        ({"conductance": np.ones((4, 3, 2)), "voltages": np.ones((5, 3))}, ["leading", "(4,)", "(5,)"]),
        ({"method": "magic"}, ["method", "magic", "lines"]),
        ({"engine": "magic", "method": "lines"}, ["engine", "magic", "numba"]),
        ({"tolerance": 0.0}, ["tolerance", "0.0"]),
        ({"max_iterations": 0}, ["max_iterations", "0"]),
        ({"method": "transfer", "cells": True}, ["transfer", "lines"]),
        ({"method": "lu", "wire_row": spoiled(np.ones((3, 2)), (1, 1), 0.0)}, ["wire_row[1, 1]", "lines"]),
    ],
)
def test_bad_input_is_named(change, words):
    arguments = GOOD | change
    with pytest.raises(ParameterError) as caught:
        solve_array(arguments.pop("conductance"), arguments.pop("voltages"), **arguments)
    for word in words:
        assert word in str(caught.value)


def test_an_open_cell_carries_nothing():
    g = spoiled(G, (1, 0), 0.0)
    for method in ("lines", "lu", "transfer"):
        solution = solve_array(g, np.ones(3), wire_row=0.0, wire_column=0.0, allow_open=True, method=method)
        assert solution.currents == pytest.approx([2e-4, 3e-4], rel=1e-14, abs=0)


def test_a_switched_off_row_is_as_if_open_and_its_driver_does_not_matter():
    draw = stream(1, "solve_array, gates")
    g, volts, on = draw.uniform(1e-5, 1e-3, (9, 5)), draw.normal(size=9), np.arange(9) % 3 != 0
    gated = solve_array(g, volts, wire_row=20.0, wire_column=30.0, active=on, cells=True)
    opened = solve_array(g * on[:, None], volts * on, wire_row=20.0, wire_column=30.0, allow_open=True)
    assert gated.currents == pytest.approx(opened.currents, rel=1e-11, abs=0)
    assert not gated.row_currents[~on].any() and not gated.cell_currents[~on].any()
    nothing = solve_array(g, volts, wire_row=20.0, wire_column=30.0, active=np.zeros(9, bool))
    assert not nothing.currents.any() and nothing.power == 0.0


def test_an_array_that_is_not_driven():
    solution = solve_array(G, np.zeros(3), wire_row=1.0, wire_column=1.0)
    assert not solution.currents.any() and solution.residual == 0.0


def test_leading_axes_broadcast_over_copies_inputs_wires_and_gates():
    draw = stream(2, "solve_array, axes")
    g, volts = draw.uniform(1e-5, 1e-3, (4, 1, 1, 6, 3)), draw.normal(size=(5, 1, 6))
    on, wire = draw.random((2, 6)) < 0.7, draw.uniform(0.0, 20.0, (4, 1, 1, 6, 3))
    for method in ("lines", "lu", "transfer"):
        whole = solve_array(g, volts, wire_row=wire, wire_column=7.0, active=on, method=method)
        assert whole.currents.shape == (4, 5, 2, 3) and whole.row_currents.shape == (4, 5, 2, 6)
        assert whole.power.shape == whole.residual.shape == (4, 5, 2)
        for m, k, a in [(0, 0, 0), (3, 1, 1), (2, 4, 0), (1, 2, 1)]:
            one = solve_array(g[m, 0, 0], volts[k, 0], wire_row=wire[m, 0, 0], wire_column=7.0, active=on[a], method=method)
            assert whole.currents[m, k, a] == pytest.approx(one.currents, rel=1e-11, abs=1e-18)
            assert whole.power[m, k, a] == pytest.approx(float(one.power), rel=1e-11, abs=0)


@pytest.mark.parametrize("engine", ["numba", "numpy", "array"])
@pytest.mark.parametrize("wire", [3.0, 50.0])
@pytest.mark.parametrize("law", [False, True])
def test_a_result_does_not_depend_on_what_is_solved_beside_it(engine, wire, law):
    if engine == "numba":
        pytest.importorskip("numba")
    draw = stream(3, "solve_array, batch")
    g, volts = 10 ** draw.uniform(-5.0, -2.0, (20, 11)), draw.normal(size=(7, 20)) * 10.0 ** -np.arange(7)[:, None]
    cells = TunnelCells(parallel=1.0 / g, tmr=1.2, half_voltage=0.3, state=(draw.random((20, 11)) < 0.5) * 1.0) if law else g

    def of(some):
        return solve_array(cells, some, wire_row=wire, wire_column=wire, method="lines", engine=engine)

    whole = of(volts)
    for k in (0, 3, 6):
        alone = of(volts[k])
        assert np.array_equal(alone.currents, whole.currents[k]) and alone.iterations == whole.iterations[k]
    assert np.array_equal(of(volts[2:5]).currents, whole.currents[2:5])
    assert np.array_equal(of(volts[::-1]).currents, whole.currents[::-1])


@pytest.mark.parametrize("engine", ["numba", "numpy", "array"])
def test_too_few_iterations_are_an_error_not_an_answer(engine):
    if engine == "numba":
        pytest.importorskip("numba")
    g = stream(4, "solve_array, few").uniform(1e-4, 1e-2, (30, 30))
    with pytest.raises(SimulationError, match="not solved"):
        solve_array(g, np.ones(30), wire_row=5.0, wire_column=5.0, method="lines", engine=engine, max_iterations=2)


def test_overflow_is_an_error_not_an_answer():
    with pytest.raises(SimulationError), np.errstate(all="ignore"):
        solve_array(np.full((3, 3), 1e300), np.full(3, 1e300), wire_row=1.0, wire_column=1.0, method="lines")


def test_a_law_that_decreases_is_refused():
    class Falling:
        parameters = (np.full((2, 2), 1e-3),)

        def evaluate(self, voltage, g):
            return g * voltage * (1.0 - voltage), g * (1.0 - 2.0 * voltage)

    with pytest.raises(SimulationError, match="does not increase"):
        solve_array(Falling(), [1.0, 1.0], wire_row=1.0, wire_column=1.0)


def test_transfer_build_refuses_what_solve_array_refuses():
    with pytest.raises(ParameterError, match="not positive"):
        TransferMatrix.build(-G, wire_row=1.0, wire_column=1.0)
    with pytest.raises(ParameterError, match="linear cells"):
        solve_array(TunnelCells(parallel=1e4, tmr=1.0, half_voltage=0.5, state=np.ones((3, 2))), np.ones(3), wire_row=1.0, wire_column=1.0, method="transfer")
