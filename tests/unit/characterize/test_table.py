"""Lookup tables: interpolation, status of neighbours, files that are whole or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spinbnn.characterize import Axis, Flow, LookupTable, Measure, run_flow
from spinbnn.characterize.table import IDENTITY
from spinbnn.characterize.table_file import PLAIN
from spinbnn.circuit.dropout_analytic import analytic_simulator
from spinbnn.errors import CoverageError, DataError, ParameterError

Load = Callable[..., Flow]


@pytest.fixture
def table(load: Load) -> LookupTable:
    return run_flow(load(), simulator=analytic_simulator())


def plane(status: Any = None, rung: Any = None) -> LookupTable:
    axes = (Axis(name="x", unit="V", description="", values=(0.0, 1.0, 3.0)), Axis(name="y", unit="K", description="", values=(1.0, 2.0)))
    x, y = np.meshgrid([0.0, 1.0, 3.0], [1.0, 2.0], indexing="ij")
    status = np.zeros((3, 2), np.uint8) if status is None else np.asarray(status, np.uint8)
    data = np.where(status == 0, 2 * x + 3 * y + x * y, np.nan)
    return LookupTable(name="t", grid_axes=axes, measures={"m": Measure(name="m", unit="1", description="", data=data)}, status=status, rung=rung)


def test_round_trip_units_and_refusals(table: LookupTable, tmp_path: Path) -> None:
    path = table.save(tmp_path / "t.h5")
    again = LookupTable.open(path)
    assert again.content_hash == table.content_hash and again.axes.keys() == table.axes.keys()
    assert again.units("energy_cycle") == "J" and again.attributes == table.attributes
    with h5py.File(path) as h5:
        assert h5["p_drop"].attrs["units"] == "1" and h5["set_voltage"].attrs["units"] == "V"
        assert h5["p_drop"].dims[0][0].name == "/set_voltage"
        assert h5["status"].attrs["flag_meanings"].split()[0] == "ok"
        assert "statistics/p_drop/q50" in h5 and h5["rung"].dtype == np.uint8
        for key in PLAIN:
            assert h5.attrs[key] == table.attributes[key], key
        assert h5.attrs["cell_sot_mtj"] == table.attributes["cells"]["sot_mtj"]
    for bad in ({"set_voltage": 0.5}, {"set_voltage": 1.2}, {"set_voltage": float("nan")}, {"temperature": 300.0}, {"draw": 99}):
        with pytest.raises(CoverageError):
            table.at("p_drop", **bad)
    with pytest.raises(CoverageError, match="did you mean 'p_drop'"):
        table.at("p_dorp")
    with pytest.raises(ParameterError, match="SI units"):
        table.at("p_drop", set_voltage="1 V")
    middle = table.at("p_drop", set_voltage=0.95)
    assert middle == pytest.approx(0.5 * (table.values("p_drop")[0] + table.values("p_drop")[1]))
    assert table.select(set_voltage=1.0).shape == (4,)
    with pytest.raises(CoverageError, match="select"):
        table.select(set_voltage=0.95)


def test_interpolation_is_exact_at_nodes_and_linear_between_in_two_dimensions() -> None:
    t = plane()
    assert t.at("m", x=1.0, y=2.0) == t.values("m")[1, 1]
    assert t.at("m", x=2.0, y=1.5) == pytest.approx(2 * 2 + 3 * 1.5 + 2 * 1.5)
    assert t.at("m", y=1.5).shape == (3,)
    with pytest.raises(ParameterError):
        replace(t, status=np.zeros((2, 2), np.uint8))
    with pytest.raises(ParameterError):
        replace(t, rung=np.zeros((2, 2), np.uint8))


@pytest.mark.parametrize(
    ("bad", "point"),
    [
        ((0, 0), {"x": 0.5, "y": 1.0}),  # the lower neighbour failed
        ((1, 0), {"x": 0.5, "y": 1.0}),  # the upper one
        ((1, 0), {"x": 1.0, "y": 1.5}),  # the same along the second dimension
        ((1, 1), {"x": 1.0, "y": 1.5}),
        *[(cell, {"x": 0.25, "y": 1.25}) for cell in ((0, 0), (0, 1), (1, 0), (1, 1))],  # any corner of the cell
        ((2, 1), {"x": 2.999, "y": 1.001}),
    ],
)
def test_between_a_good_and_a_failed_node_there_is_no_value(bad: tuple[int, int], point: dict[str, float]) -> None:
    status = np.zeros((3, 2))
    status[bad] = 2
    t = plane(status)
    with pytest.raises(CoverageError, match="failed"):
        t.at("m", **point)
    assert np.isnan(t.at("m", allow_failed=True, **point))


def test_a_failed_node_that_is_not_needed_does_no_harm() -> None:
    status = np.zeros((3, 2))
    status[2, 1] = 2
    t = plane(status)
    assert t.at("m", x=0.5, y=1.5) == pytest.approx(2 * 0.5 + 3 * 1.5 + 0.5 * 1.5)
    assert t.at("m", x=1.0, y=2.0) == 2 + 6 + 2  # a node beside the failed one
    assert t.at("m", x=3.0, y=1.0) == 6 + 3 + 3


def test_an_undefined_measure_of_a_good_cell_is_nan() -> None:
    t = plane()
    t.values("m")[1, 0] = np.nan
    assert np.isnan(t.at("m", x=1.0, y=1.0)) and np.isnan(t.at("m", x=0.5, y=1.0))


def test_select_keeps_messages_and_rungs() -> None:
    status = np.zeros((3, 2))
    status[1, 1] = 2
    t = replace(plane(status, np.arange(6, dtype=np.uint8).reshape(3, 2)), messages={3: "boom"})
    part = t.select(x=1.0)
    assert part.rung is not None and part.rung.tolist() == [2, 3] and part.messages == {1: "boom"}


def test_content_hash_covers_identity_units_and_rungs(table: LookupTable) -> None:
    base = table.content_hash
    for key in IDENTITY:
        assert key in table.attributes
        assert replace(table, attributes={**table.attributes, key: "other"}).content_hash != base, key
    other = {n: replace(m, unit="mV") if n == "margin_0" else m for n, m in table.measures.items()}
    assert replace(table, measures=other).content_hash != base
    assert replace(table, rung=np.ones_like(table.status)).content_hash != base
    assert replace(table, rung=None).content_hash != base
    assert replace(table, attributes={**table.attributes, "command": "x", "git": "y"}).content_hash == base


def test_many_long_messages_fit(table: LookupTable, tmp_path: Path) -> None:
    """An HDF5 attribute ends at 64 KiB; the messages of a bad night do not."""
    t = replace(table, messages=dict.fromkeys(range(12), "timestep too small " * 1000))
    assert LookupTable.open(t.save(tmp_path / "t.h5")).messages == t.messages


def test_edited_and_cut_tables_are_refused(table: LookupTable, tmp_path: Path) -> None:
    path = table.save(tmp_path / "t.h5")
    with h5py.File(path, "r+") as h5:
        h5["p_drop"][0, 0] = 0.123
    with pytest.raises(DataError, match="hash"):
        LookupTable.open(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="cannot be read"):
        LookupTable.open(path)
    with pytest.raises(DataError):
        LookupTable.open(tmp_path / "absent.h5")


def _json(key: str, value: Any) -> Callable[[Any], None]:
    def edit(h5: Any) -> None:
        h5.attrs["attributes"] = json.dumps(json.loads(h5.attrs["attributes"]) | {key: value})

    return edit


def _replaced(name: str, data: Any) -> Callable[[Any], None]:
    def edit(h5: Any) -> None:
        del h5[name]
        h5[name] = data

    return edit


EDITS: dict[str, Callable[[Any], None]] = {
    "no axis": lambda h5: h5.__delitem__("set_voltage"),
    "no draw": lambda h5: h5.__delitem__("draw"),
    "no status": lambda h5: h5.__delitem__("status"),
    "no measure": lambda h5: h5.__delitem__("p_drop"),
    "no rung": lambda h5: h5.__delitem__("rung"),
    "no messages": lambda h5: h5.__delitem__("diagnostics"),
    "no attributes": lambda h5: h5.attrs.__delitem__("attributes"),
    "no hash": lambda h5: h5.attrs.__delitem__("content_hash"),
    "no units": lambda h5: h5["p_drop"].attrs.__delitem__("units"),
    "no schema": lambda h5: h5.attrs.__delitem__("schema"),
    "no plain seed": lambda h5: h5.attrs.__delitem__("seed"),
    "other plain hash": lambda h5: h5.attrs.__setitem__("flow_hash", "x"),
    "schema 3": lambda h5: h5.attrs.__setitem__("schema", 3),
    "name 3": lambda h5: h5.attrs.__setitem__("name", 3),
    "units 3": lambda h5: h5["set_voltage"].attrs.__setitem__("units", 3),
    "bad JSON": lambda h5: h5.attrs.__setitem__("attributes", "{"),
    "JSON list": lambda h5: h5.attrs.__setitem__("attributes", "[]"),
    "attributes 3": lambda h5: h5.attrs.__setitem__("attributes", 3),
    "messages list": _replaced("diagnostics/messages", "[]"),
    "messages 3": _replaced("diagnostics/messages", 3),
    "messages by name": _replaced("diagnostics/messages", '{"x": "y"}'),
    "status text": _replaced("status", "ok"),
    "status unscaled": _replaced("status", np.zeros((3, 4), np.uint8)),
    "status 9": lambda h5: h5["status"].__setitem__((0, 0), 9),
    "measure text": _replaced("p_drop", "x"),
    "measure group": lambda h5: h5.create_group("p_new"),
    "axis unsorted": lambda h5: h5["set_voltage"].__setitem__(0, 9.0),
    "axis NaN": lambda h5: h5["set_voltage"].__setitem__(0, np.nan),
    "other simulator": _json("simulator", "ngspice-39"),
    "other device": _json("device", "mine"),
    "other seed": _json("seed", 6),
    "other rung": lambda h5: h5["rung"].__setitem__((0, 0), 3),
    "rung of another shape": _replaced("rung", np.zeros(3, np.uint8)),
    "other unit": lambda h5: h5["p_drop"].attrs.__setitem__("units", "V"),
}


@pytest.mark.parametrize("name", EDITS)
def test_damaged_files_are_refused_with_their_path(table: LookupTable, tmp_path: Path, name: str) -> None:
    path = table.save(tmp_path / "t.h5")
    with h5py.File(path, "r+") as h5:
        EDITS[name](h5)
    with pytest.raises(DataError) as caught:
        LookupTable.open(path)
    assert str(path) in caught.value.where and caught.value.remedy


def test_saving_where_nothing_can_be_written(table: LookupTable, tmp_path: Path) -> None:
    (tmp_path / "afile").write_text("x")
    (tmp_path / "folder.h5").mkdir()
    for path in (tmp_path / "afile" / "t.h5", tmp_path / "folder.h5"):
        with pytest.raises(DataError, match="cannot be written") as caught:
            table.save(path)
        assert str(path) in caught.value.where
    assert sorted(p.name for p in tmp_path.iterdir()) == ["afile", "folder.h5", "small.toml"]


def test_xarray_opens_a_table_with_dimensions_and_units(table: LookupTable, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    with xarray.open_dataset(table.save(tmp_path / "t.h5"), engine="h5netcdf") as opened:
        assert opened["p_drop"].dims == ("set_voltage", "draw")
        assert opened["set_voltage"].attrs["units"] == "V" and opened["energy_cycle"].attrs["units"] == "J"
        assert opened.attrs["flow_hash"] == table.attributes["flow_hash"] and int(opened.attrs["seed"]) == 5
        assert opened["p_drop"].sel(set_voltage=1.0).values == pytest.approx(table.values("p_drop")[1])
