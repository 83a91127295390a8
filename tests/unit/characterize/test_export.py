"""CSV, raw files and value change dumps: read back to what was written."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinbnn.characterize import Flow, run_flow
from spinbnn.characterize.export import read_vcd, table_csv, write_raw, write_vcd
from spinbnn.characterize.export.run_folder import runnable
from spinbnn.characterize.export.vcd import TIMESCALES
from spinbnn.characterize.replay import differences, flow_of_table, replay
from spinbnn.circuit import Deck
from spinbnn.circuit.dropout_analytic import analytic_simulator
from spinbnn.circuit.simulator.rawfile import read_raw
from spinbnn.errors import CoverageError, DataError, ParameterError
from spinbnn.rng import stream

Load = Callable[..., Flow]


def waves(points: int = 50) -> dict[str, np.ndarray]:
    draw = stream(3, "waves")
    time = np.concatenate([[0.0], np.cumsum(draw.uniform(1e-13, 5e-11, points - 1))])
    return {"time": time, "v(a)": draw.normal(size=points), "i(v.x1.va)": 1e-6 * draw.normal(size=points), "@m.x1.m1[id]": draw.normal(size=points)}


def test_the_long_form_reads_back_to_the_same_bits(load: Load, counting: Any) -> None:
    table = run_flow(load(), simulator=counting(fail={1: "timeout"}, rung={2: 1}))
    rows = list(csv.DictReader(io.StringIO(table_csv(table))))
    assert len(rows) == 12 and [int(r["index"]) for r in rows] == list(range(12))
    assert list(rows[0])[:3] == ["index", "set_voltage [V]", "draw"] and {"p_drop [1]", "energy_cycle [J]", "status", "rung", "message"} <= set(rows[0])
    for name, measure in table.measures.items():
        read = np.array([float(r[f"{name} [{measure.unit}]"] or "nan") for r in rows]).reshape(table.shape)
        assert np.array_equal(read, measure.data, equal_nan=True)
    assert [float(r["set_voltage [V]"]) for r in rows] == np.repeat(table.axes["set_voltage"], 4).tolist()
    assert [int(r["draw"]) for r in rows] == [0, 1, 2, 3] * 3
    assert (rows[1]["status"], rows[1]["message"], rows[1]["p_drop [1]"]) == ("timeout", "it timeout", "") and rows[2]["rung"] == "1"


def test_a_raw_file_is_read_bit_for_bit(tmp_path: Path) -> None:
    made = waves()
    read = read_raw(write_raw(tmp_path / "a.raw", made, title="two\nlines"))
    assert list(read) == list(made) and all(np.array_equal(read[n], made[n]) for n in made)
    head = (tmp_path / "a.raw").read_bytes().split(b"Binary:\n")[0].decode().splitlines()
    assert "Title: two lines" in head and "\t0\ttime\ttime" in head and "\t1\tv(a)\tvoltage" in head and "\t2\ti(v.x1.va)\tcurrent" in head
    for bad in ({}, {"time": np.zeros(2), "v(a)": np.zeros(3)}, {"time": np.zeros((2, 2))}):
        with pytest.raises(ParameterError, match="one length"):
            write_raw(tmp_path / "b.raw", bad)
    assert not (tmp_path / "b.raw").exists()


@pytest.mark.parametrize("timescale", TIMESCALES)
def test_a_dump_is_read_with_its_time_scale(tmp_path: Path, timescale: str) -> None:
    """Times within half a tick, values exact, at whatever unit the file declares."""
    tick = TIMESCALES[timescale]
    draw = stream(4, "vcd")
    time = tick * (1000.0 * np.arange(20) + draw.uniform(-0.49, 0.49, 20) + 1.0)
    made = {"time": time, "v(a)": draw.normal(size=20)}
    stamps, values = read_vcd(write_vcd(tmp_path / "a.vcd", made, timescale=timescale))["v(a)"]
    assert f"$timescale {timescale} $end" in (tmp_path / "a.vcd").read_text()
    assert np.array_equal(values, made["v(a)"])
    assert np.max(np.abs(stamps - time)) <= 0.5 * tick
    assert stamps == pytest.approx(np.rint(time / tick) * tick, rel=1e-12, abs=0)


def test_a_dump_holds_changes_only_and_the_last_of_points_that_fall_together(tmp_path: Path) -> None:
    made = {"time": np.array([0.0, 1.0, 1.2, 2.0, 3.0]) * 1e-12, "v(a)": np.array([0.0, 1.0, 2.0, 2.0, 5.0]), "v(b)": np.array([7.0, 7.0, 7.0, 7.0, 7.0])}
    read = read_vcd(write_vcd(tmp_path / "a.vcd", made, timescale="1 ps"))
    assert read["v(a)"][0].tolist() == pytest.approx([0.0, 1e-12, 3e-12], rel=1e-12, abs=0) and read["v(a)"][1].tolist() == [0.0, 2.0, 5.0]
    assert read["v(b)"][1].tolist() == [7.0]
    many = {"time": np.array([0.0, 1e-9])} | {f"v({k})": np.array([float(k), -1.0]) for k in range(200)}  # identifiers of two characters
    read = read_vcd(write_vcd(tmp_path / "b.vcd", many))
    assert len(read) == 200 and all(read[f"v({k})"][1][0] == k for k in range(200))
    with pytest.raises(ParameterError, match="needs a transient"):
        write_vcd(tmp_path / "c.vcd", {"v(a)": np.zeros(2)})
    with pytest.raises(ParameterError, match="time scale"):
        write_vcd(tmp_path / "c.vcd", made, timescale="1 min")
    (tmp_path / "d.vcd").write_text("$enddefinitions $end\n#0\n")
    with pytest.raises(DataError, match="time scale"):
        read_vcd(tmp_path / "d.vcd")
    (tmp_path / "a.vcd").write_text((tmp_path / "a.vcd").read_text() + "b101 x\n")
    with pytest.raises(DataError, match="not understood"):
        read_vcd(tmp_path / "a.vcd")


def test_the_netlist_of_a_run_folder_carries_the_options_of_its_rung() -> None:
    deck = Deck(name="rc", text="V1 a 0 1\nR1 a b 1k\nC1 b 0 1n", stop=1e-6, max_step=1e-9, options={"method": "trap"}, save=("v(b)",))
    assert "method=gear itl1=500 itl4=100" not in runnable(deck, 0)
    text = runnable(deck, 3)
    assert ".options method=gear itl1=500 itl4=100 reltol=0.003" in text
    assert text.index(".options method=trap") < text.index(".options method=gear"), "the later line wins"
    assert text.count(".end\n") == 1 and text.endswith("quit\n.endc\n.end\n")


def test_a_sample_is_run_again_and_compared_to_the_last_bit(load: Load) -> None:
    small = load()
    table = run_flow(small, simulator=analytic_simulator())
    [again] = replay(small, [5, 5], simulator=analytic_simulator())
    assert again.index == 5 and again.point == {"set_voltage": 1.0, "draw": 1} and "time" in again.result.waveforms
    assert differences(table, again) == []
    again.row.values["p_drop"] = float(np.nextafter(table.values("p_drop").flat[5], 1.0))  # type: ignore[index]
    assert len(differences(table, again)) == 1 and "p_drop" in differences(table, again)[0]
    with pytest.raises(ParameterError, match="no such sample"):
        list(replay(small, [12], simulator=analytic_simulator()))


def test_a_table_is_not_run_again_with_another_flow(load: Load) -> None:
    small = load()
    table = run_flow(small.with_axes(draw={"count": 2}), simulator=analytic_simulator())
    assert flow_of_table(table, small).grid.size == 6, "the axes are the table's"
    for other in (load("seed = 5", "seed = 6"), load("draw = { count = 4 }", "")):
        with pytest.raises(CoverageError, match="not measured with this flow"):
            flow_of_table(table, other)
