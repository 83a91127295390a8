"""Every method and engine gives the same currents, on arrays of every shape."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from tolerances import ARRAY_DIRECT, ARRAY_ENGINES

from spinbnn.crossbar.solve import TransferMatrix, TunnelCells, solve_array
from spinbnn.crossbar.solve import engines as engine_room
from spinbnn.crossbar.solve.arrays import Backend
from spinbnn.crossbar.solve.ladder import Ladder
from spinbnn.errors import MissingToolError, ParameterError, SimulationError
from spinbnn.rng import stream

SHAPES = [(1, 1), (1, 7), (9, 1), (8, 8), (13, 10), (10, 13), (40, 33)]
ENGINES = (["numba"] if find_spec("numba") else []) + ["numpy", "array"]


def case(rows, columns, low=6e3, high=12e3):
    draw = stream(5, "solve_array, methods", rows, columns)
    g = 1.0 / draw.uniform(low, high, (2, 1, rows, columns))
    wires = {"wire_row": draw.uniform(0.5, 2.0, (2, 1, rows, columns)), "wire_column": draw.uniform(0.5, 2.0, (rows, columns))}
    return g, draw.normal(size=(3, rows)), wires | {"active": draw.random((3, rows)) < 0.8}


def close(a, b, tolerance):
    """Differences over the largest."""
    return np.abs(np.asarray(a) - np.asarray(b)).max() <= tolerance * max(np.abs(np.asarray(b)).max(), 1e-300)


@pytest.mark.parametrize("shape", SHAPES)
def test_methods_and_engines_agree(shape):
    g, volts, rest = case(*shape)
    reference = solve_array(g, volts, **rest, method="lu", cells=True)
    found = {engine: solve_array(g, volts, **rest, method="lines", engine=engine, cells=True) for engine in ENGINES}
    for solution in found.values():
        assert (solution.residual <= 1e-11).all() and (solution.iterations >= 0).all()
        for name in ("currents", "row_currents", "cell_currents", "cell_voltages", "power", "cell_power"):
            assert close(getattr(solution, name), getattr(reference, name), ARRAY_DIRECT)
            assert close(getattr(solution, name), getattr(found["numpy"], name), ARRAY_ENGINES)
    transfer = solve_array(g, volts, **rest, method="transfer")
    for name in ("currents", "row_currents", "power"):
        assert close(getattr(transfer, name), getattr(reference, name), ARRAY_DIRECT)


@pytest.mark.parametrize("shape", [(1, 5), (12, 9), (9, 12)])
@pytest.mark.parametrize("ideal", ["row", "column", "some", "both"])
def test_ideal_segments(shape, ideal):
    g, volts, rest = case(*shape)
    some = stream(6, "solve_array, ideal").random(shape) < 0.4
    if ideal in ("row", "both"):
        rest["wire_row"] = 0.0
    if ideal in ("column", "both"):
        rest["wire_column"] = 0.0
    if ideal == "some":
        rest["wire_column"] = np.where(some, 0.0, rest["wire_column"])
    found = [solve_array(g, volts, **rest, method="lines", engine=engine) for engine in ENGINES]
    almost = {name: np.maximum(rest[name], 1e-9) for name in ("wire_row", "wire_column")}
    reference = solve_array(g, volts, **(rest | almost), method="lu" if ideal == "some" else "lines")
    for solution in [*found, solve_array(g, volts, **rest, method="transfer")]:
        assert close(solution.currents, found[0].currents, ARRAY_ENGINES)
        assert close(solution.currents, reference.currents, 1e-9)  # 20 segments of 1 nano-ohm beside 6 kilo-ohm


def test_a_residual_is_what_it_says():
    g, volts, rest = case(20, 15)
    for tolerance in (1e-3, 1e-6):
        solution = solve_array(g, volts, **rest, method="lines", tolerance=tolerance, cells=True)
        current = solution.cell_currents
        along_row = np.cumsum(current[..., ::-1], axis=-1)[..., ::-1]
        along_column = np.cumsum(current, axis=-2)
        lost = np.cumsum(rest["wire_row"] * along_row, axis=-1) + np.cumsum((rest["wire_column"] * along_column)[..., ::-1, :], axis=-2)[..., ::-1, :]
        on = rest["active"][:, :, None]
        wrong = np.abs(volts[:, :, None] - lost - current / g) * on
        assert wrong.max(axis=(-2, -1)) / np.abs(volts * rest["active"]).max(axis=-1) == pytest.approx(solution.residual, rel=1e-6, abs=1e-15)
        assert (solution.residual <= tolerance).all() and solution.residual.max() > 1e-11


def test_auto_eliminates_when_there_are_many_inputs():
    g, volts = np.full((4, 3), 1e-3), np.ones((6, 4))
    rest = {"wire_row": 1.0, "wire_column": 1.0, "tolerance": 1e-9}
    assert solve_array(g, volts, **rest).method == "transfer"
    assert solve_array(g, volts[:5], **rest).method == "lines"
    assert solve_array(g, volts, **rest, cells=True).method == "lines"
    assert solve_array(g, volts, **rest, engine="numpy").method == "lines"


def test_auto_does_not_eliminate_where_a_matrix_cannot_promise_the_tolerance():
    g, volts = np.full((4, 3), 1e-3), np.ones((6, 4))
    for tolerance in ({}, {"tolerance": 9e-10}):
        solution = solve_array(g, volts, wire_row=1.0, wire_column=1.0, **tolerance)
        assert solution.method == "lines" and (solution.residual <= 9e-10).all()


def test_the_probe_of_a_transfer_matrix_sees_row_currents(monkeypatch):
    from spinbnn.crossbar.solve import transfer

    g, _, rest = case(7, 9)
    del rest["active"]
    right = transfer.eliminate

    def wrong(problem):
        matrix, source = right(problem)
        return matrix, source * (1 + 1e-6)

    TransferMatrix.build(g, **rest)
    monkeypatch.setattr(transfer, "eliminate", wrong)
    with pytest.raises(SimulationError, match="not solved"):
        TransferMatrix.build(g, **rest)


def test_transfer_matrix_batches_and_agrees_with_lines():
    g, volts, rest = case(7, 9)
    rest["active"] = rest["active"][0]
    transfer = TransferMatrix.build(g[:, 0], **(rest | {"wire_row": rest["wire_row"][:, 0]}))
    lines = solve_array(g, volts, **rest, method="lines")
    assert transfer.matrix.shape == (2, 7, 9) and transfer.source.shape == (2, 7, 7) and transfer.residual.max() < ARRAY_DIRECT
    for m in range(2):
        assert close(volts @ transfer.matrix[m], lines.currents[m], ARRAY_DIRECT)
        assert close(volts @ transfer.source[m], lines.row_currents[m], ARRAY_DIRECT)
    assert close(transfer.currents(volts[0]), lines.currents[:, 0], ARRAY_DIRECT)
    assert close(transfer.row_currents(volts[0]), lines.row_currents[:, 0], ARRAY_DIRECT)


def test_tensors_come_back_as_tensors():
    torch = pytest.importorskip("torch")
    g, volts, rest = case(6, 5)
    reference = solve_array(g, volts, **rest)
    for kind in (torch.float64, torch.float32):
        given = [torch.tensor(g, dtype=kind), torch.tensor(volts, dtype=kind, requires_grad=True)]
        exact = [t.detach().double().numpy() for t in given]
        for settings in ({"method": "lines"}, {"method": "lines", "engine": "array"}, {"method": "lu"}, {"method": "transfer"}):
            found = solve_array(*given, **rest, **settings)
            for name in ("currents", "row_currents", "power", "residual", "iterations"):
                assert isinstance(getattr(found, name), torch.Tensor) and not getattr(found, name).requires_grad
            assert found.currents.dtype == torch.float64
            assert close(found.currents.numpy(), solve_array(*exact, **rest).currents, ARRAY_DIRECT)
    assert close(found.currents.numpy(), reference.currents, 1e-6)  # inputs rounded to float32
    cells = TunnelCells(parallel=torch.tensor(6e3), tmr=1.2, half_voltage=0.3, state=torch.ones(6, 5))
    assert isinstance(solve_array(cells, torch.tensor(volts), wire_row=1.0, wire_column=1.0, engine="array").currents, torch.Tensor)
    with pytest.raises(ParameterError, match="numpy"):
        solve_array(given[0], given[1], **rest, method="lines", engine="numpy")


def test_neither_torch_nor_numba_is_loaded_before_it_is_needed():
    code = "import sys, spinbnn.crossbar.solve as s; assert not {'torch', 'numba', 'PySpice'} & set(sys.modules); s.solve_array([[1.0]], [1.0], wire_row=1.0, wire_column=1.0, method='lu'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_without_numba_numpy_answers_and_a_demand_is_refused(monkeypatch):
    monkeypatch.setattr(engine_room, "_compiled", lambda: (None, engine_room.ABSENT))
    g, volts, rest = case(5, 4)
    assert close(solve_array(g, volts, **rest).currents, solve_array(g, volts, **rest, method="lu").currents, ARRAY_DIRECT)
    with pytest.raises(MissingToolError, match="not installed"):
        solve_array(g, volts, **rest, method="lines", engine="numba")
    monkeypatch.setattr(engine_room, "_compiled", lambda: (None, "numba cannot be imported (old numpy)"))
    with pytest.warns(RuntimeWarning, match="old numpy"):
        solve_array(g, volts, **rest)


def test_large_batches_are_cut_and_joined(monkeypatch):
    from spinbnn.crossbar.solve import lines

    g, volts, rest = case(6, 5)
    whole = [solve_array(g, volts, **rest, method="lines", engine=engine, cells=True) for engine in ("numpy", "array")]
    for budget in (1, 60, 100):
        monkeypatch.setattr(lines, "CHUNK", {"numpy": budget})
        for engine, expected in zip(("numpy", "array"), whole, strict=True):
            found = solve_array(g, volts, **rest, method="lines", engine=engine, cells=True)
            assert close(found.currents, expected.currents, ARRAY_ENGINES) and close(found.cell_currents, expected.cell_currents, ARRAY_ENGINES)


@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("doubling", [False, True])
def test_ladder_inverts_its_matrix(column, doubling):
    draw = stream(7, "ladder")
    g, wire, drive = draw.uniform(0.1, 1.0, (2, 1, 5, 6)), draw.uniform(0.1, 1.0, (2, 1, 5, 6)), draw.normal(size=(2, 3, 5, 6))
    volts = Ladder(g, wire, Backend([]), column=column, doubling=doubling).solve(drive)
    v, r, s = (x if column else x.swapaxes(-1, -2)[..., ::-1, :] for x in (volts, wire, drive))  # ground below the last row
    gg = g if column else g.swapaxes(-1, -2)[..., ::-1, :]
    below = (v - np.concatenate([v[..., 1:, :], 0 * v[..., :1, :]], axis=-2)) / r
    above = np.concatenate([0 * below[..., :1, :], below[..., :-1, :]], axis=-2)
    assert np.allclose(below - above + gg * v, s, rtol=0, atol=1e-12)
