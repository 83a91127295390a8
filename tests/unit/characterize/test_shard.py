"""Shards: every sample once, merged tables equal to a whole run, and what merging refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinbnn.characterize import Flow, LookupTable, Measure, run_flow
from spinbnn.characterize.shard import Shard, merge_tables
from spinbnn.circuit.dropout_analytic import analytic_simulator
from spinbnn.errors import CoverageError, DataError, ParameterError, SimulationError

Load = Callable[..., Flow]


@pytest.mark.parametrize(("total", "count"), [(12, 1), (12, 5), (12, 12), (7, 3)])
def test_every_sample_belongs_to_one_shard_and_the_shards_are_balanced(total: int, count: int) -> None:
    parts = [Shard(k, count).indices(total) for k in range(1, count + 1)]
    assert sorted(sum(parts, ())) == list(range(total))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert parts[0][0] == 0, "sample 0 is of part 1"


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1.0/2", 5])
def test_what_is_no_shard(text: Any) -> None:
    with pytest.raises(ParameterError, match="shard") as caught:
        Shard.parse(text)
    assert "I/N" in caught.value.remedy


def test_more_shards_than_samples(load: Load, counting: Any) -> None:
    with pytest.raises(ParameterError, match="nothing to do: the flow has 12 samples"):
        run_flow(load(), simulator=counting(), shard="13/13")
    with pytest.raises(ParameterError, match="not both"):
        run_flow(load(), simulator=counting(), shard="1/2", only=[1])
    for bad in (12, -1, True, 1.0):
        with pytest.raises(ParameterError, match="no such sample"):
            run_flow(load(), simulator=counting(), only=[bad])


def test_merged_shards_equal_a_whole_run_in_any_order(load: Load, counting: Any, tmp_path: Path) -> None:
    small = load()
    whole = run_flow(small, simulator=counting(fail={7: "timeout"}, rung={3: 2}))
    # sample 7 is the third of part 2/3 (1, 4, 7, 10), sample 3 the second of part 1/3 (0, 3, 6, 9)
    made = {1: counting(rung={1: 2}), 2: counting(fail={2: "timeout"}), 3: counting()}
    parts = {k: run_flow(small, simulator=s, out=tmp_path / f"{k}.h5", shard=f"{k}/3") for k, s in made.items()}
    assert [s.seen for s in made.values()] == [4, 4, 4]
    assert [int((p.status == 1).sum()) for p in parts.values()] == [8, 8, 8]
    assert [p.attributes["shard"] for p in parts.values()] == ["1/3", "2/3", "3/3"]
    for order in ((1, 2, 3), (3, 1, 2), (2, 2, 3, 1)):
        table = merge_tables([LookupTable.open(tmp_path / f"{k}.h5") for k in order])
        assert table.content_hash == whole.content_hash
        assert all(np.array_equal(table.values(n), whole.values(n), equal_nan=True) for n in whole.measures)
        assert np.array_equal(table.status, whole.status) and np.array_equal(table.rung, whole.rung)
        assert table.messages == whole.messages == {7: "it timeout"}
        assert "shard" not in table.attributes and len(table.attributes["merged"]) == len(order)
        assert table.attributes["resumed"] == 12
    assert LookupTable.open(table.save(tmp_path / "all.h5")).content_hash == whole.content_hash


def test_a_good_sample_goes_before_one_that_is_not(load: Load, counting: Any) -> None:
    small = load()
    bad = run_flow(small, simulator=counting(fail={7: "timeout", 8: "failed"}))
    good = run_flow(small, simulator=counting(fail={8: "crashed"}), only=[7, 8, 9])  # its third deck is sample 9
    assert good.status.ravel().tolist()[7:10] == [0, 0, 0]
    for pair in ([bad, good], [good, bad]):
        table = merge_tables(pair)
        assert table.complete and table.messages == {}
        assert table.content_hash == run_flow(small, simulator=counting()).content_hash
    twice = run_flow(small, simulator=counting(fail={7: "crashed"}))
    assert merge_tables([bad, twice]).messages == {7: "it timeout"}, "of two that are not good the first is kept; 8 is good in the second"


def test_shards_of_one_file_complete_each_other(load: Load, counting: Any, tmp_path: Path) -> None:
    """A second part into the file of the first adds to it; what is there is not measured again."""
    small, out = load(), tmp_path / "t.h5"
    run_flow(small, simulator=counting(), out=out, shard="1/2")
    idle = counting()
    again = run_flow(small, simulator=idle, out=out, shard="1/2")
    assert idle.seen == 0 and (again.attributes["simulated"], again.attributes["resumed"]) == (0, 6)
    rest = counting()
    table = run_flow(small, simulator=rest, out=out)
    assert rest.seen == 6 and table.complete and "shard" not in table.attributes
    assert table.content_hash == run_flow(small, simulator=analytic_simulator()).content_hash


def test_an_interrupted_shard_resumes(load: Load, counting: Any, tmp_path: Path) -> None:
    small, out = load(), tmp_path / "t.h5"
    with pytest.raises(KeyboardInterrupt):
        run_flow(small, simulator=counting(stop_after=2), out=out, shard="2/3")
    rest = counting()
    run_flow(small, simulator=rest, out=out, shard="2/3")
    assert rest.seen == 2


def test_a_shard_whose_samples_all_fail_is_kept(load: Load, counting: Any) -> None:
    small = load()
    fails = [run_flow(small, simulator=counting(fail=dict.fromkeys(range(12), "failed")), shard=f"{k}/2") for k in (1, 2)]
    assert fails[0].messages == dict.fromkeys(range(0, 12, 2), "it failed")
    with pytest.raises(SimulationError, match="all 12 samples failed"):
        merge_tables(fails)
    mixed = merge_tables([fails[0], run_flow(small, simulator=counting(), shard="2/2")])
    assert mixed.status.ravel().tolist() == [2, 0] * 6


def test_one_index_alone_is_measured_again(load: Load, counting: Any, tmp_path: Path) -> None:
    small, out = load(), tmp_path / "t.h5"
    run_flow(small, simulator=counting(fail={1: "failed", 6: "timeout"}), out=out)
    one = counting()
    table = run_flow(small, simulator=one, out=out, retry_failed=True, only=[6])
    assert one.seen == 1 and np.flatnonzero(table.status).tolist() == [1] and table.messages == {1: "it failed"}
    good = counting()
    assert run_flow(small, simulator=good, out=out, retry_failed=True, only=[6]).status.flat[6] == 0 and good.seen == 0


def test_progress_counts_the_samples_of_the_shard_and_the_failures_so_far(load: Load, counting: Any) -> None:
    seen: list[tuple[int, int, str]] = []
    run_flow(load(), simulator=counting(fail={1: "failed", 3: "timeout"}), shard="1/3", progress=lambda *now: seen.append(now))
    assert seen == [(0, 4, ""), (1, 4, ""), (2, 4, "1 not ok"), (3, 4, "1 not ok"), (4, 4, "2 not ok")]


def test_merging_refuses_holes_unless_they_are_allowed(load: Load, counting: Any) -> None:
    parts = [run_flow(load(), simulator=counting(), shard=f"{k}/3") for k in (1, 3)]
    with pytest.raises(CoverageError, match="4 of 12 samples") as caught:
        merge_tables(parts, names=["a.h5", "b.h5"])
    text = str(caught.value)
    assert "sample 1" in text and "1/3, 3/3" in text and "a.h5, b.h5" in text
    partial = merge_tables(parts, partial=True)
    assert int((partial.status == 1).sum()) == 4 and "4 not measured" in partial.summary().title and "0 not ok" in partial.summary().title
    assert partial.failures().rows == []
    with pytest.raises(ParameterError, match="nothing to merge"):
        merge_tables([])


def test_merging_refuses_tables_of_other_flows_and_simulators(load: Load, counting: Any) -> None:
    mine = run_flow(load(), simulator=counting(), shard="1/2")
    other_flow = run_flow(load("seed = 5", "seed = 6"), simulator=counting(), shard="2/2")
    other = counting()
    other.identity = "ngspice-39"
    other_simulator = run_flow(load(), simulator=other, shard="2/2")
    for table, words in ((other_flow, "different flows"), (other_simulator, "different simulators")):
        with pytest.raises(CoverageError, match=words) as caught:
            merge_tables([mine, table], names=["a.h5", "b.h5"])
        assert "a.h5 and b.h5" in caught.value.where


@pytest.mark.parametrize("what", ["value", "nan", "rung"])
def test_merging_refuses_two_values_of_one_sample(load: Load, counting: Any, what: str) -> None:
    mine = run_flow(load(), simulator=counting())
    p = mine.measures["p_drop"]
    data, rung = p.data.copy(), np.zeros(mine.shape, dtype=np.uint8)
    if what == "rung":
        rung.flat[5] = 1
    else:
        data.flat[5] = np.nan if what == "nan" else np.nextafter(data.flat[5], 1.0)
    edited = replace(mine, rung=rung, measures={**mine.measures, "p_drop": Measure(name=p.name, unit=p.unit, description=p.description, data=data)})
    with pytest.raises(DataError, match="different values of sample 5") as caught:
        merge_tables([mine, edited])
    assert caught.value.value == ["rung" if what == "rung" else "p_drop"]


def test_logs_of_failures_are_kept_through_journal_file_and_merge(load: Load, counting: Any, tmp_path: Path) -> None:
    class Logging(counting):  # type: ignore[misc]
        def run(self, decks: Any) -> Any:
            for result in super().run(decks):
                yield replace(result, log="" if result.ok else "ngspice said\n" * 9)

    small, out = load(), tmp_path / "t.h5"
    with pytest.raises(KeyboardInterrupt):
        run_flow(small, simulator=Logging(fail={1: "failed"}, stop_after=4), out=out)
    table = run_flow(small, simulator=Logging(fail={6: "failed"}), out=out)  # its seventh deck is sample 10
    parts = [run_flow(small, simulator=Logging(fail={0: "failed"}), shard="2/12"), run_flow(small, simulator=Logging(fail={9: "failed"}), only=[k for k in range(12) if k != 1])]
    for found in (table, LookupTable.open(out), merge_tables(parts)):
        assert found.logs == {1: "ngspice said\n" * 9, 10: "ngspice said\n" * 9}
    assert LookupTable.open(out).select(set_voltage=1.1).logs == {2: "ngspice said\n" * 9}
    cured = run_flow(small, simulator=Logging(), out=out, retry_failed=True)
    assert cured.complete and cured.logs == {} and LookupTable.open(out).logs == {}
