"""The array solver against what can be said in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from tolerances import ARRAY_DIRECT, FLOAT64

from spinbnn.crossbar.solve import TransferMatrix, solve_array
from spinbnn.rng import stream

METHODS = ("lines", "transfer", "lu")


def draw(rows, columns, *names):
    generator = stream(10, "crossbar physics", *names)
    return 1.0 / generator.uniform(6e3, 12e3, (rows, columns)), generator.uniform(0.0, 0.2, rows)


@pytest.mark.parametrize("method", METHODS)
def test_ideal_wires_give_the_matrix_product(method):
    g, volts = draw(30, 20)
    assert solve_array(g, volts, wire_row=0.0, wire_column=0.0, method=method).currents == pytest.approx(volts @ g, rel=1e-14, abs=0)


@pytest.mark.parametrize("method", METHODS)
def test_one_cell(method):
    solution = solve_array([[1.0 / 700.0]], [1.0], wire_row=100.0, wire_column=200.0, method=method)
    assert solution.currents[0] == pytest.approx(1e-3, rel=1e-14, abs=0)
    assert solution.row_currents[0] == pytest.approx(1e-3, rel=1e-14, abs=0)
    assert solution.power == pytest.approx(1e-3, rel=1e-14, abs=0)


@pytest.mark.parametrize("method", METHODS)
def test_a_uniform_word_line_is_a_ladder(method):
    """One row, ideal bit lines: v_j = V cosh((n - j - 1/2) k) / cosh((n + 1/2) k) with 4 sinh(k/2)^2 = R g, node j = 0 after the first segment."""
    n, resistance, g = 40, 25.0, 1e-4
    k = 2.0 * np.arcsinh(np.sqrt(resistance * g) / 2.0)
    j = np.arange(n)
    expected = g * np.cosh((n - j - 0.5) * k) / np.cosh((n + 0.5) * k)
    found = solve_array(np.full((1, n), g), [1.0], wire_row=resistance, wire_column=0.0, method=method)
    assert found.currents == pytest.approx(expected, rel=FLOAT64, abs=0)


@pytest.mark.parametrize("method", METHODS)
def test_a_uniform_bit_line_is_the_same_ladder_seen_from_the_ground(method):
    n, resistance, g = 40, 25.0, 1e-4
    k = 2.0 * np.arcsinh(np.sqrt(resistance * g) / 2.0)
    response = np.empty(n)  # current into ground for 1 V at row i alone: reciprocity turns the word line around
    for i in range(n):
        volts = np.zeros(n)
        volts[i] = 1.0
        response[i] = solve_array(np.full((n, 1), g), volts, wire_row=0.0, wire_column=resistance, method=method).currents[0]
    expected = g * np.cosh((np.arange(n) + 0.5) * k) / np.cosh((n + 0.5) * k)
    assert response == pytest.approx(expected, rel=FLOAT64, abs=0)


@pytest.mark.parametrize("method", ["lines", "lu"])
def test_the_power_balances(method):
    g, volts = draw(40, 25)
    wires = {"wire_row": stream(10, "wires").uniform(0.5, 3.0, (40, 25)), "wire_column": 2.0}
    solution = solve_array(g, volts, **wires, method=method, cells=True)
    current = solution.cell_currents
    along_row, along_column = np.cumsum(current[:, ::-1], axis=1)[:, ::-1], np.cumsum(current, axis=0)
    in_wires = (wires["wire_row"] * along_row**2).sum() + (2.0 * along_column**2).sum()
    in_cells = (current**2 / g).sum()
    assert in_wires > 0.05 * in_cells
    assert solution.power == pytest.approx(in_cells + in_wires, rel=1e-10, abs=0)
    assert solution.cell_power.sum() == pytest.approx(in_cells, rel=1e-10, abs=0)


@pytest.mark.parametrize("shape", [(12, 30), (30, 12)])
def test_power_of_the_transfer_matrix(shape):
    g, volts = draw(*shape)
    found = [solve_array(g, volts, wire_row=3.0, wire_column=2.0, method=m).power for m in ("lines", "transfer")]
    assert found[1] == pytest.approx(float(found[0]), rel=ARRAY_DIRECT, abs=0)


def test_superposition():
    g, volts = draw(20, 30)
    parts = np.diag(volts)
    whole = solve_array(g, volts, wire_row=3.0, wire_column=2.0, method="lines").currents
    apart = solve_array(g, parts, wire_row=3.0, wire_column=2.0, method="lines").currents
    assert apart.sum(axis=0) == pytest.approx(whole, rel=FLOAT64, abs=0)


def test_reciprocity():
    """Turned by 90 degrees, drivers and feet change places: the transfer matrix is the same."""
    g, _ = draw(9, 14)
    wire_row, wire_column = stream(10, "a").uniform(1, 50, (9, 14)), stream(10, "b").uniform(1, 50, (9, 14))

    def turned(x):
        return x[::-1, ::-1].T

    matrix = TransferMatrix.build(g, wire_row=wire_row, wire_column=wire_column)
    volts = np.eye(14)
    other = solve_array(turned(g), volts, wire_row=turned(wire_column), wire_column=turned(wire_row), method="lines").currents
    assert turned(other) == pytest.approx(matrix.matrix, rel=ARRAY_DIRECT, abs=0)
    assert matrix.source == pytest.approx(matrix.source.T, rel=1e-12, abs=1e-20)


def test_wires_only_ever_weaken_the_current_of_an_array_with_one_polarity():
    g, volts = draw(25, 25)
    last = volts @ g
    for wire in (0.1, 1.0, 10.0, 100.0):
        now = solve_array(g, volts, wire_row=wire, wire_column=wire).currents
        assert now.sum() < last.sum()
        last = now


@pytest.mark.parametrize("wire", [1e-9, 1e-3, 1e3, 1e6])
def test_wires_from_perfect_to_hopeless(wire):
    """Between nine orders of magnitude of wire resistance the residual holds, and elimination agrees."""
    g, volts = draw(24, 24)
    lines = solve_array(g, volts, wire_row=wire, wire_column=wire, method="lines")
    transfer = solve_array(g, volts, wire_row=wire, wire_column=wire, method="transfer")
    assert lines.residual <= 1e-11
    assert np.abs(lines.currents - transfer.currents).max() <= 1e-9 * np.abs(lines.currents).max()
    if wire == 1e-9:
        drop = 1.0 - lines.currents / (volts @ g)
        bigger = 1.0 - solve_array(g, volts, wire_row=1e3 * wire, wire_column=1e3 * wire, method="lines").currents / (volts @ g)
        assert bigger == pytest.approx(1e3 * drop, rel=0.05, abs=1e-12)
