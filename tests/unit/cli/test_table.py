"""``spinbnn table`` and ``spinbnn characterize --shard``, on the closed forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_flow import flow_text

from spinbnn.characterize import LookupTable

Run = Callable[..., tuple[int, str, str]]
FLOW = flow_text('set_voltage = { values = ["0.9 V", "1.0 V"] }', 'corner = { values = ["tt", "ss"] }', "draw = { count = 2 }", more="[limits.p_drop]\nmaximum = 1e-9\n")


@pytest.fixture
def failing(closed_forms: Any) -> Any:
    Path("small.toml").write_text(FLOW)
    return closed_forms


def test_shards_merge_to_the_table_of_a_whole_run(run: Run, failing: Any) -> None:
    for k in (1, 2, 3):
        code, out, err = run("characterize", "small.toml", "--shard", f"{k}/3")
        assert code == 0 and f"shard {k}/3" in out and f"small.shard-{k}-of-3.h5" in out and "missed" not in err, "limits wait for the merged table"
    assert run("characterize", "small.toml", "-o", "whole.h5")[0] == 1
    parts = [f"small.shard-{k}-of-3.h5" for k in (3, 1, 2)]
    code, out, _ = run("table", "merge", *parts, "-o", "all.h5")
    assert code == 0 and LookupTable.open("all.h5").content_hash == LookupTable.open("whole.h5").content_hash and LookupTable.open("whole.h5").content_hash in out
    code, _, err = run("table", "merge", *parts[:2], "-o", "some.h5")
    assert code == 2 and "are in none of the tables" in err and "3/3, 1/3" in err and not Path("some.h5").exists()
    code, out, _ = run("table", "merge", *parts[:2], "-o", "some.h5", "--partial")
    assert code == 3 and "3 not measured" in out
    assert run("table", "show", "some.h5")[0] == 0
    code, _, err = run("characterize", "small.toml", "-o", "some.h5")
    assert code == 1 and LookupTable.open("some.h5").complete, "a partial table is completed"
    for bad, words in (("0/3", "no such shard"), ("two", "not a shard"), ("9/9", "nothing to do")):
        code, _, err = run("characterize", "small.toml", "--shard", bad)
        assert code == 2 and words in err


def test_failures_are_listed_and_run_again(run: Run, failing: Any) -> None:
    failing.volts = 1.0
    code, out, err = run("characterize", "small.toml", "-o", "t.h5")
    assert code == 3 and "4 samples are not ok" in err and "spinbnn table failures t.h5" in err
    code, out, _ = run("table", "failures", "t.h5", "--log")
    assert code == 3 and out.count("timestep too small") == 4 and "set_voltage=1.0, corner=ss, draw=1" in out and "--- sample 7\nthe log of ngspice" in out
    code, out, _ = run("table", "failures", "t.h5", "-o", "bad", "-i", "6", "--flow", "small.toml")
    assert code == 3 and sorted(p.name for p in Path("bad").iterdir()) == ["sample-00006"]
    assert sorted(p.name for p in Path("bad/sample-00006").iterdir()) == [".spiceinit", "README.md", "deck.cir", "log.txt"]
    assert "the log of ngspice" in Path("bad/sample-00006/log.txt").read_text() and "reltol=0.003" in Path("bad/sample-00006/deck.cir").read_text()
    assert run("table", "rerun", "t.h5", "--flow", "small.toml", "-i", "6")[0] == 3
    failing.volts = None
    code, out, _ = run("table", "rerun", "t.h5", "--flow", "small.toml", "-i", "6", "-i", "0")
    assert code == 0 and "sample 6: ok" in out and "sample 0: equal to the table" in out
    assert np.flatnonzero(LookupTable.open("t.h5").status).tolist() == [4, 5, 7]
    code, out, _ = run("table", "rerun", "t.h5", "--flow", "small.toml")
    assert code == 0 and LookupTable.open("t.h5").complete
    assert "every sample is ok" in run("table", "rerun", "t.h5", "--flow", "small.toml")[1]
    assert run("table", "failures", "t.h5")[0] == 0
    run("characterize", "small.toml", "-o", "whole.h5")
    assert LookupTable.open("t.h5").content_hash == LookupTable.open("whole.h5").content_hash


def test_a_good_sample_that_gives_other_numbers_is_told_and_kept(run: Run, failing: Any) -> None:
    run("characterize", "small.toml", "-o", "t.h5")
    before = LookupTable.open("t.h5").content_hash
    failing.volts = 0.9
    code, out, err = run("table", "rerun", "t.h5", "--flow", "small.toml", "-i", "2", "-i", "5")
    assert code == 3 and "sample 2: DIFFERENT" in out and "ok in the table, failed now" in err and "sample 5: equal" in out
    assert LookupTable.open("t.h5").content_hash == before


def test_show_csv_and_waves(run: Run, failing: Any) -> None:
    run("characterize", "small.toml", "-o", "t.h5")
    code, out, _ = run("table", "show", "t.h5", "--at", "set_voltage=900 mV", "--at", "draw=1", "--at", "corner=ss")
    assert code == 0 and "1 samples, 0 not ok" in out and "flow_hash" in out
    for point, words in (("set_voltage=0.9", "unit"), ("speed=3", "set_voltage, corner, draw"), ("corner", "AXIS=VALUE"), ("corner=ff", "not on this axis")):
        code, _, err = run("table", "show", "t.h5", "--at", point)
        assert code == 2 and words in err
    code, out, _ = run("table", "csv", "t.h5")
    assert code == 0 and out.startswith("index,set_voltage [V],corner,draw,") and out.count("\n") == 9
    assert run("table", "csv", "t.h5", "-o", "t.csv")[0] == 0 and Path("t.csv").read_text() == out
    code, out, err = run("table", "waves", "t.h5", "--flow", "small.toml", "-i", "3", "-f", "folder", "-f", "raw", "-f", "vcd", "-o", "w")
    assert code == 0, err
    assert sorted(p.name for p in Path("w").iterdir()) == ["sample-00003", "sample-00003.raw", "sample-00003.vcd"]
    assert sorted(p.name for p in Path("w/sample-00003").iterdir()) == [".spiceinit", "README.md", "deck.cir", "expected.csv", "expected.raw"]
    readme = Path("w/sample-00003/README.md").read_text()
    assert "set_voltage = 0.9 V, corner = ss, draw = 1" in readme and "p_drop" in readme
    expected = dict(line.split(",")[:2] for line in Path("w/sample-00003/expected.csv").read_text().splitlines()[1:])
    assert float(expected["p_drop"]) == LookupTable.open("t.h5").at("p_drop", set_voltage=0.9, corner="ss", draw=1)
    for arguments, words in ((("-i", "8", "--flow", "small.toml"), "no such sample"), (("--flow", "small.toml"), "--index"), (("-i", "3"), "no flow of this name"), (("-i", "3", "--flow", "dropout_module"), "not measured with this flow")):
        code, _, err = run("table", "waves", "t.h5", "-o", "x", *arguments)
        assert code == 2 and words in err, err


def test_a_cluster_is_not_mixed_with_local_workers(run: Run, failing: Any) -> None:
    code, _, err = run("characterize", "small.toml", "--cluster", "tcp://localhost:1", "-j", "2")
    assert code == 2 and "--cluster" in err


def test_lib_is_written_at_a_corner(run: Run, failing: Any) -> None:
    from spinbnn.characterize.export.liberty import read_tables

    run("characterize", "small.toml", "-o", "t.h5")
    code, out, _ = run("table", "lib", "t.h5", "--at", "corner=ss", "-o", "t.lib", "--statistic", "max")
    assert code == 0 and "t.lib" in out
    values, _, _ = read_tables(Path("t.lib").read_text())
    assert values["energy_cycle"].ravel() == pytest.approx(LookupTable.open("t.h5").values("energy_cycle")[:, 1].max(axis=-1), rel=1e-8, abs=0)
    code, _, err = run("table", "lib", "t.h5", "-o", "u.lib")
    assert code == 2 and "choose a value" in err and not Path("u.lib").exists()


def test_a_library_says_what_it_left_out(run: Run, failing: Any) -> None:
    run("characterize", "small.toml", "-o", "t.h5")
    table = LookupTable.open("t.h5")
    data = table.values("latency_cycle").copy()
    data[0, 1, 1] = np.nan
    replace(table, measures={**table.measures, "latency_cycle": replace(table.measures["latency_cycle"], data=data)}).save("u.h5")
    code, out, err = run("table", "lib", "u.h5", "--at", "corner=ss", "-o", "u.lib")
    assert code == 0 and "latency_cycle: 1 samples have no value; left out" in err and "u.lib" in out
    code, out, err = run("table", "lib", "u.h5", "--at", "corner=ss", "-o", "v.lib", "--drop-undefined", "--statistic", "mean")
    assert code == 0 and "latency_cycle: 1 samples have no value; the mean is of the others" in err and 'undefined : "1 of 4"' in Path("v.lib").read_text()
    code, out, err = run("table", "lib", "u.h5", "--at", "corner=tt", "-o", "w.lib")
    assert code == 0 and "no value" not in err
