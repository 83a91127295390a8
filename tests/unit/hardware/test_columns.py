"""Column statistics from a table: interpolation, choices, and everything that is not covered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spinbnn.characterize.grid import Axis
from spinbnn.characterize.table import LookupTable, Measure
from spinbnn.errors import CoverageError, DataError
from spinbnn.hardware.columns import ColumnTable

COUNTS = (0.0, 4.0, 10.0, 16.0)
DRAWS = (-0.3, 0.1, 0.5)


def law(n, temperature, pattern):
    return n - 0.02 * n**2 * (temperature / 300.0) - (1.5 if pattern == "far" else 0.0)


def made(**change) -> LookupTable:
    axes = {
        "feed": ("", ("rows", "same_end")), "pattern": ("", ("far", "random")), "temperature": ("K", (300.0, 400.0)), "popcount": ("1", COUNTS), "draw": ("", (0, 1, 2)),
    }  # fmt: skip
    axes |= change
    grid = tuple(Axis(name=name, unit=unit, description="", values=values) for name, (unit, values) in axes.items())
    shape = tuple(len(axis.values) for axis in grid)
    n_eff, loss = np.empty(shape), np.empty(shape)
    for index in np.ndindex(shape):
        at = {axis.name: axis.values[i] for axis, i in zip(grid, index, strict=True)}
        n_eff[index] = law(at["popcount"], at["temperature"], at["pattern"]) + DRAWS[at["draw"]] * (1 + at["popcount"]) - (3 if at["feed"] == "same_end" else 0)
        loss[index] = 1 - 0.01 * at["popcount"] * (2 if at["feed"] == "same_end" else 1)
    measures = {name: Measure(name=name, unit="1", description="", data=data) for name, data in (("n_eff", n_eff), ("attenuation", loss))}
    return LookupTable(name="columns", grid_axes=grid, measures=measures, status=np.zeros(shape, np.uint8), attributes={"driven": 16, "assumption_note": "assumed"})


def test_numbers() -> None:
    column = ColumnTable.from_table(made())
    assert (column.rows, column.temperature, column.feed, column.pattern, column.draws, column.patterns, column.note) == (16, 300.0, "rows", "random", 3, ("far", "random"), "assumed")
    shift = np.mean(DRAWS)
    for n in COUNTS:
        assert column.transfer(n) == pytest.approx(law(n, 300.0, "random") + shift * (1 + n), rel=1e-12)
        assert column.spread(n) == pytest.approx(np.std(DRAWS, ddof=1) * (1 + n), rel=1e-12)
        assert column.attenuation(n) == pytest.approx(1 - 0.01 * n, rel=1e-12)
    assert column.transfer(7.0) == pytest.approx(law(7.0, 300.0, "random") + shift * 8, abs=0.1)
    assert column.transfer(7.0) > np.interp(7.0, COUNTS, column.transfer(COUNTS))  # the curve bends down: a cubic, not a chord
    assert np.all(np.diff(column.transfer(np.linspace(0, 16, 161))) > 0)
    assert column.spread(7.0) == pytest.approx(np.std(DRAWS, ddof=1) * 8, rel=1e-12)
    assert column.transfer([[1, 2], [3, 4]]).shape == (2, 2)


def test_choices() -> None:
    base = ColumnTable.from_table(made())
    other = ColumnTable.from_table(made(), feed="same_end", pattern="far", temperature=350.0)
    n = np.array(COUNTS)
    assert other.transfer(n) == pytest.approx((law(n, 300.0, "far") + law(n, 400.0, "far")) / 2 - 3 + np.mean(DRAWS) * (1 + n))
    assert other.attenuation(10) == pytest.approx(0.8)
    assert base.transfer(n, pattern="far") == pytest.approx(base.transfer(n) - 1.5)
    hashes = {base.content_hash, other.content_hash, ColumnTable.from_table(made(), feed="same_end").content_hash, ColumnTable.from_table(made(), pattern="far").content_hash}
    assert len(hashes) == 4 and ColumnTable.from_table(made()).content_hash == base.content_hash
    moved = made()
    moved.values("n_eff")[0, 1, 0, 2, 1] += 1e-9
    assert ColumnTable.from_table(moved).content_hash != base.content_hash


def test_axes_in_another_order() -> None:
    turned = made()
    order = (4, 3, 0, 1, 2)
    measures = {name: replace(m, data=np.transpose(m.data, order)) for name, m in turned.measures.items()}
    table = LookupTable(name="turned", grid_axes=tuple(turned.grid_axes[i] for i in order), measures=measures, status=np.transpose(turned.status, order), attributes=turned.attributes)
    assert ColumnTable.from_table(table).transfer(COUNTS) == pytest.approx(ColumnTable.from_table(turned).transfer(COUNTS), rel=1e-12)


@pytest.mark.parametrize("popcount", [-1e-3, 16.01, 17, np.nan, np.inf, [0, 99]])
def test_no_popcount_outside_the_table(popcount) -> None:
    column = ColumnTable.from_table(made())
    for method in (column.transfer, column.spread, column.attenuation):
        with pytest.raises(CoverageError, match="outside the table"):
            method(popcount)


def test_what_a_table_must_hold() -> None:
    for given, words in (({"temperature": 299.0}, "extrapolated"), ({"feed": "rwos"}, "no such feed"), ({"pattern": "close"}, "no such pattern")):
        with pytest.raises(CoverageError, match=words):
            ColumnTable.from_table(made(), **given)
    with pytest.raises(CoverageError, match="no such pattern"):
        ColumnTable.from_table(made()).transfer(3, pattern="close")
    with pytest.raises(CoverageError, match="needs this axis"):
        ColumnTable.from_table(made().select(draw=0))
    for driven in (None, True, 0, "16"):
        with pytest.raises(DataError, match="how many cells"):
            ColumnTable.from_table(replace(made(), attributes={"driven": driven}))
    broken = made()
    broken.values("n_eff")[0, 1, 0, 2, 1] = np.nan
    with pytest.raises(CoverageError, match="missing or undefined"):
        ColumnTable.from_table(broken)
    failed = made()
    failed.status[0, 1, 0, 2, 1] = 2
    with pytest.raises(CoverageError, match="not measured or failed"):
        ColumnTable.from_table(failed)
    with pytest.raises(CoverageError, match="one draw"):
        ColumnTable.from_table(made(draw=("", (0,)))).spread(3)


def test_an_axis_that_is_left_open() -> None:
    axis = {"corner": ("", ("tt", "ss"))}
    with pytest.raises(CoverageError, match="left open"):
        ColumnTable.from_table(made(**axis))
    assert ColumnTable.from_table(made(**axis), corner="ss").transfer(4) == pytest.approx(ColumnTable.from_table(made()).transfer(4), rel=1e-12)


def test_the_shipped_table() -> None:
    pytest.importorskip("h5py")
    table = LookupTable.open("crossbar_column")
    assert table.complete and "junction.parallel_resistance" in table.attributes["assumption_note"]
    rows, lines = (ColumnTable.from_table(table, feed=feed) for feed in ("rows", "opposite_end"))
    assert rows.rows == 256 and rows.draws == 12 and rows.pattern == "random"
    every = np.arange(257)
    assert np.all(np.diff(rows.transfer(every)) > 0.6) and np.all(np.diff(lines.transfer(every)) > 0.6)
    assert rows.transfer(128, "near") - rows.transfer(128, "far") == pytest.approx(11.3, abs=0.6)
    assert abs(lines.transfer(128, "near") - lines.transfer(128, "far")) < 1.0  # mirror images, but for the draws
    assert 0.4 < rows.spread(0) < 1.5 and 1.0 < rows.spread(256) < 3.0
    assert ColumnTable.from_table(table, temperature=350.0).transfer(128) < rows.transfer(128) - 4
    with pytest.raises(CoverageError):
        ColumnTable.from_table(table, temperature=351.0)


def test_the_shipped_table_is_of_this_code() -> None:
    pytest.importorskip("h5py")
    from spinbnn.characterize import Flow

    flow = Flow.load("crossbar_column")
    assert LookupTable.open("crossbar_column").attributes["flow_hash"] == flow.content_hash, "the table is of another flow: spinbnn characterize crossbar_column -j 2 -o flows/tables/crossbar_column.h5"
