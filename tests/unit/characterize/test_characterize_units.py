"""Flows, grids, tables, journals and the runner, without ngspice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from spinbnn.characterize import Axis, Flow, LookupTable, Measure, check_limits, run_flow
from spinbnn.characterize.grid import read_axis
from spinbnn.characterize.journal import Journal
from spinbnn.circuit import Deck, SimulationResult
from spinbnn.circuit.dropout_analytic import analytic_simulator
from spinbnn.errors import CoverageError, DataError, ParameterError, SimulationError, SpinbnnError

FLOW = """
schema = "spinbnn.flow/1"
name = "small"
bench = "dropout_module"
technology = "cmos40lp"
device = "seed_eq23"
seed = 5
[axes]
set_voltage = { values = ["0.9 V", "1.0 V", "1.1 V"] }
draw = { count = 4 }
[variation]
device = true
mismatch = true
[limits.p_reset_fail]
maximum = 0.02
"""


def flow(tmp_path: Path, text: str = FLOW) -> Flow:
    path = tmp_path / "small.toml"
    path.write_text(text)
    return Flow.load(path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('bench = "dropout_module"', 'bench = "dropout_modul"', ["bench", "did you mean 'dropout_module'"]),
        ("[variation]", 'measures = ["p_dorp"]\n[variation]', ["axes"]),
        ("seed = 5", 'seed = 5\nmeasures = ["p_dorp"]', ["measure", "p_dorp", "did you mean 'p_drop'"]),
        ("seed = 5", "seed = -5", ["seed", "-5"]),
        ('"0.9 V"', '"0.9 A"', ["axes.set_voltage", "0.9 A"]),
        ('"0.9 V"', "0.9", ["unit is missing"]),
        ("draw = { count = 4 }", "draw = { count = 0 }", ["axes.draw", "whole number"]),
        ("draw = { count = 4 }", "drow = { count = 4 }", ["drow", "did you mean 'draw'"]),
        ("draw = { count = 4 }", 'corner = { values = ["tt", "sss"] }', ["corner", "sss", "did you mean 'ss'"]),
        ("[limits.p_reset_fail]", "[limits.p_reset]", ["p_reset", "did you mean"]),
        ("maximum = 0.02", 'maximum = "0.02 V"', ["limits.p_reset_fail"]),
        ('technology = "cmos40lp"', 'technology = "cmos"', ["no device of this name", "cmos40lp"]),
        ('schema = "spinbnn.flow/1"', "", ["schema"]),
        ("[variation]", "[varation]", ["varation", "did you mean"]),
        ("[axes]", "[timing]\nreset = '5 nm'\n[axes]", ["timing.reset", "5 nm"]),
        ("[axes]", "[timing]\nreset = '0.05 ns'\n[axes]", ["too short"]),
    ],
)
def test_bad_flows_name_file_key_value_and_remedy(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    assert old in FLOW
    with pytest.raises(SpinbnnError) as caught:
        flow(tmp_path, FLOW.replace(old, new, 1))
    message = str(caught.value)
    assert "remedy" in message and all(word in message for word in words), message


def test_malformed_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line"):
        flow(tmp_path, FLOW + "\nx = ")


def test_axes() -> None:
    assert read_axis("v", {"start": "1 mV", "stop": "1 V", "points": 4, "scale": "log"}, "V", "", where="f").values == pytest.approx((1e-3, 1e-2, 1e-1, 1.0))
    for bad in ({"start": "1 V"}, {"values": []}, {"values": ["1 V", "1 V"]}, {"start": "2 V", "stop": "1 V", "points": 3}, {"start": "0 V", "stop": "1 V", "points": 3, "scale": "log"}, []):
        with pytest.raises(ParameterError):
            read_axis("v", bad, "V", "", where="f")


def test_hash_follows_what_fixes_the_numbers(tmp_path: Path) -> None:
    base = flow(tmp_path)
    assert base.content_hash == flow(tmp_path, FLOW.replace('name = "small"', 'name = "other"')).content_hash
    for old, new in (("seed = 5", "seed = 6"), ('"0.9 V"', '"0.91 V"'), ("mismatch = true", "mismatch = false"), ('device = "seed_eq23"', 'device = "bw80_measured"')):
        assert base.content_hash != flow(tmp_path, FLOW.replace(old, new)).content_hash


def test_same_draw_at_every_coordinate_and_no_change_by_more_draws(tmp_path: Path) -> None:
    one, more = flow(tmp_path), flow(tmp_path, FLOW.replace("count = 4", "count = 9"))
    samples, others = list(one.samples()), list(more.samples())
    for v in range(3):
        for k in range(4):
            assert samples[4 * v + k].device == samples[k].device == others[9 * v + k].device
    decks = [one.bench.deck(s).text for s in (samples[0], samples[1])]
    assert decks[0] != decks[1]
    assert one.bench.deck(samples[2]).text == more.bench.deck(others[2]).text


class Counting:
    """Hands decks on and counts them; stops the run after a while if told to."""

    def __init__(self, stop_after: int | None = None, fail: tuple[int, ...] = ()) -> None:
        self.inner, self.seen, self.stop_after, self.fail = analytic_simulator(), 0, stop_after, fail

    def run(self, decks: Iterable[Deck]) -> Iterator[SimulationResult]:
        for k, result in enumerate(self.inner.run(decks)):
            if self.stop_after is not None and self.seen == self.stop_after:
                raise KeyboardInterrupt
            self.seen += 1
            yield SimulationResult(index=k, status="timeout", error="too slow") if k in self.fail else result


def test_interrupted_run_resumes_equal_and_measures_nothing_twice(tmp_path: Path) -> None:
    small, out = flow(tmp_path), tmp_path / "t.h5"
    whole = run_flow(small, simulator=analytic_simulator())
    with pytest.raises(KeyboardInterrupt):
        run_flow(small, simulator=Counting(stop_after=5), out=out)
    assert not out.exists()
    rest = Counting()
    table = run_flow(small, simulator=rest, out=out)
    assert rest.seen == 7 and table.attributes["resumed"] == 5
    assert table.content_hash == whole.content_hash
    with pytest.raises(CoverageError, match="another flow"):
        run_flow(flow(tmp_path, FLOW.replace("seed = 5", "seed = 6")), simulator=rest, out=out)


def test_journal_of_another_flow_or_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal(path, "a" * 64) as journal:
        journal.add(0, "ok", {"x": 1.0, "y": float("nan")}, "")
        journal.add(1, "failed", {}, "boom")
    assert Journal(path, "a" * 64).entries[0]["values"] == {"x": 1.0, "y": None}
    with pytest.raises(DataError, match="another flow"):
        Journal(path, "b" * 64)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "{broken", lines[2]]) + "\n")
    with pytest.raises(DataError, match="line 2"):
        Journal(path, "a" * 64)
    path.write_text("\n".join([lines[0], lines[1], lines[1]]) + "\n")
    with pytest.raises(DataError, match="twice"):
        Journal(path, "a" * 64)


def test_failures_are_kept_with_status_and_never_averaged_in(tmp_path: Path) -> None:
    small = flow(tmp_path)
    good = run_flow(small, simulator=analytic_simulator())
    table = run_flow(small, simulator=Counting(fail=(1, 6)), out=tmp_path / "t.h5")
    again = LookupTable.open(tmp_path / "t.h5")
    for t in (table, again):
        assert t.status.ravel().tolist().count(3) == 2 and not t.complete
        assert np.isnan(t.values("p_drop").flat[1])
        assert t.statistics("p_drop")["count"].tolist() == [3.0, 3.0, 4.0]
        kept = np.delete(good.values("p_drop")[0], 1)
        assert t.statistics("p_drop")["mean"][0] == pytest.approx(kept.mean(), rel=1e-12)
        assert t.statistics("p_drop")["std"][0] == pytest.approx(kept.std(ddof=1), rel=1e-12)
        assert "too slow" in t.failures().to_markdown()
        with pytest.raises(CoverageError, match="failed"):
            t.at("p_drop", set_voltage=0.9, draw=1)
        assert np.isnan(t.at("p_drop", set_voltage=0.9, draw=1, allow_failed=True))
        assert len(check_limits(small, t)) == 1, "an unmeasured cell misses its specification"
    assert check_limits(small, good) == []
    with pytest.raises(SimulationError, match="all 12 samples failed"):
        run_flow(small, simulator=Counting(fail=tuple(range(12))))


def test_table_round_trip_units_and_refusals(tmp_path: Path) -> None:
    table = run_flow(flow(tmp_path), simulator=analytic_simulator())
    path = table.save(tmp_path / "t.h5")
    again = LookupTable.open(path)
    assert again.content_hash == table.content_hash and again.axes.keys() == table.axes.keys()
    assert again.units("energy_cycle") == "J" and again.attributes["seed"] == 5
    assert any("symmetry-breaking" in note for note in again.attributes["notes"])
    with h5py.File(path) as h5:
        assert h5["p_drop"].attrs["units"] == "1" and h5["set_voltage"].attrs["units"] == "V"
        assert h5["p_drop"].dims[0][0].name == "/set_voltage"
        assert h5["status"].attrs["flag_meanings"].split()[0] == "ok"
        assert "statistics/p_drop/q50" in h5
    for bad in ({"set_voltage": 0.5}, {"set_voltage": 1.2}, {"temperature": 300.0}, {"draw": 99}):
        with pytest.raises(CoverageError):
            table.at("p_drop", **bad)
    with pytest.raises(CoverageError, match="did you mean 'p_drop'"):
        table.at("p_dorp")
    middle = table.at("p_drop", set_voltage=0.95)
    assert middle == pytest.approx(0.5 * (table.values("p_drop")[0] + table.values("p_drop")[1]))
    assert table.select(set_voltage=1.0).shape == (4,)
    with pytest.raises(CoverageError, match="select"):
        table.select(set_voltage=0.95)


def test_damaged_and_edited_tables_are_refused(tmp_path: Path) -> None:
    table = run_flow(flow(tmp_path), simulator=analytic_simulator())
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


def test_interpolation_is_exact_at_nodes_and_linear_between_in_two_dimensions() -> None:
    axes = (Axis(name="x", unit="V", description="", values=(0.0, 1.0, 3.0)), Axis(name="y", unit="K", description="", values=(1.0, 2.0)))
    x, y = np.meshgrid([0.0, 1.0, 3.0], [1.0, 2.0], indexing="ij")
    data = 2 * x + 3 * y + x * y
    table = LookupTable(name="t", grid_axes=axes, measures={"m": Measure(name="m", unit="1", description="", data=data)}, status=np.zeros((3, 2), np.uint8))
    assert table.at("m", x=1.0, y=2.0) == data[1, 1]
    assert table.at("m", x=2.0, y=1.5) == pytest.approx(2 * 2 + 3 * 1.5 + 2 * 1.5)
    assert table.at("m", y=1.5).shape == (3,)
    with pytest.raises(ParameterError):
        LookupTable(name="t", grid_axes=axes, measures={}, status=np.zeros((2, 2), np.uint8))


def test_attributes_are_json(tmp_path: Path) -> None:
    table = run_flow(flow(tmp_path), simulator=analytic_simulator())
    assert json.loads(json.dumps(dict(table.attributes)))["flow"] == "small"
