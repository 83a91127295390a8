"""The array solver against ngspice: a column of 256 complementary cells, arrays, and non-linear cells."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from tolerances import ARRAY_SPICE, ARRAY_SPICE_CURVED

from spinbnn.circuit.simulator import Deck, NgspiceShared, find_ngspice
from spinbnn.crossbar.solve import TunnelCells, solve_array
from spinbnn.rng import stream

pytestmark = [
    pytest.mark.spice,
    pytest.mark.skipif(
        find_ngspice().library is None or find_spec("PySpice") is None,
        reason="needs libngspice and PySpice (apt-get install libngspice0; pip extra 'spice')",
    ),
]


def array_text(cell, volts, wire_row, wire_column):
    """Netlist of an array; ``cell(r, c, a, b)`` is the line of one cell between word node a and bit node b."""
    rows, columns = wire_row.shape
    lines = []
    for r in range(rows):
        lines.append(f"Vi{r} i{r} 0 {float(volts[r])!r}")
        for c in range(columns):
            lines.append(f"Ra{r}_{c} {f'i{r}' if c == 0 else f'a{r}_{c - 1}'} a{r}_{c} {float(wire_row[r, c])!r}")
            lines.append(f"Rb{r}_{c} b{r}_{c} {f'o{c}' if r == rows - 1 else f'b{r + 1}_{c}'} {float(wire_column[r, c])!r}")
            lines.append(cell(r, c, f"a{r}_{c}", f"b{r}_{c}"))
    return "\n".join(lines + [f"Vo{c} o{c} 0 0" for c in range(columns)])


def by_ngspice(texts, columns, **options):
    save = tuple(f"i(vo{c})" for c in range(columns))
    decks = [Deck(name=f"array{n}", text=text, save=save, options=options) for n, text in enumerate(texts)]
    results = list(NgspiceShared(workers=1, timeout=120.0).run(decks, save))
    assert all(result.status == "ok" for result in results)
    return np.array([[float(np.ravel(result.waveforms[name])[-1]) for name in save] for result in results])


@pytest.mark.parametrize(("rows", "columns"), [(512, 1), (32, 32), pytest.param(64, 64, marks=pytest.mark.slow)])
def test_linear_arrays(rows, columns):
    """512 x 1 is the column of 256 complementary cells: one device of each pair is driven."""
    draw = stream(11, "arrays by ngspice", rows, columns)
    state = draw.random((rows, columns)) < 0.5
    volts = 0.1 * (draw.random(rows) < 0.5)
    if columns == 1:
        state[1::2], volts[1::2] = ~state[0::2], 0.1 - volts[0::2]
    texts, ours = [], []
    for low, high, wire in ((1e5, 2.5e5, 1.0), (6e3, 1.2e4, 1.0), (1e6, 2.2e6, 2.5)):
        resistance = np.where(state, high, low) * draw.lognormal(0.0, 0.05, state.shape)
        wire_row, wire_column = wire * draw.uniform(0.8, 1.2, (2, rows, columns))
        texts.append(array_text(lambda r, c, a, b, x=resistance: f"Rc{r}_{c} {a} {b} {float(x[r, c])!r}", volts, wire_row, wire_column))
        ours.append(solve_array(1.0 / resistance, volts, wire_row=wire_row, wire_column=wire_column, method="lines").currents)
    theirs = by_ngspice(texts, columns)
    for mine, other in zip(ours, theirs, strict=True):
        assert np.abs(mine - other).max() <= ARRAY_SPICE * np.abs(other).max()


@pytest.mark.parametrize(("rows", "columns"), [(512, 1), (12, 10)])
def test_cells_that_depend_on_their_voltage(rows, columns):
    draw = stream(12, "curved arrays by ngspice", rows, columns)
    state, volts = (draw.random((rows, columns)) < 0.5) * 1.0, draw.uniform(-0.4, 0.4, rows)
    cells = TunnelCells(parallel=6e3, tmr=1.2, half_voltage=0.5, state=state)
    wires = np.full((2, rows, columns), 2.5)

    def cell(r, c, a, b):
        v = f"v({a},{b})"
        return f"Bc{r}_{c} {a} {b} I={v}/6e3*(1-{state[r, c]}*(1.2/(1+({v}/0.5)*({v}/0.5)))/(1+1.2/(1+({v}/0.5)*({v}/0.5))))"

    theirs = by_ngspice([array_text(cell, volts, *wires)], columns, reltol=1e-7, abstol=1e-16, vntol=1e-12)[0]
    ours = solve_array(cells, volts, wire_row=2.5, wire_column=2.5).currents
    linear = solve_array(1.0 / (6e3 * (1.0 + 1.2 * state)), volts, wire_row=2.5, wire_column=2.5).currents
    assert np.abs(ours - theirs).max() <= ARRAY_SPICE_CURVED * np.abs(theirs).max()
    assert np.abs(linear - theirs).max() > 1e-3 * np.abs(theirs).max()
