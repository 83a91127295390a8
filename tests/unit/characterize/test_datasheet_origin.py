"""Tables that a datasheet refuses, what it takes on request, and what it says of where its numbers come from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made_up_flow import DRAWS, THREE

from spinbnn.characterize import Flow, LookupTable, run_flow
from spinbnn.characterize.datasheet import datasheet
from spinbnn.characterize.datasheet_origin import without_folders
from spinbnn.characterize.datasheet_render import FORMATS, to_json, to_markdown, verdict_line
from spinbnn.characterize.search import search
from spinbnn.circuit.dropout_analytic import analytic_simulator
from spinbnn.errors import DataError

Load = Callable[..., Flow]
GRID = 'set_voltage = { start = "0.80 V", stop = "1.20 V", points = 41 }'
POINT = '\n[operating_point]\naxis = "set_voltage"\nmeasure = "p_drop"\ntarget = 0.5\nper = ["draw"]\n'


@pytest.fixture
def flow(load: Load) -> Flow:
    return load()


@pytest.fixture
def table(flow: Flow) -> LookupTable:
    return run_flow(flow, simulator=analytic_simulator())


def changed(table: LookupTable, **attributes: Any) -> LookupTable:
    return replace(table, attributes={**table.attributes, **attributes})


@pytest.mark.parametrize("subject", ["technology", "device", "design"])
def test_a_table_of_another_subject_is_refused_with_names_and_hashes(flow: Flow, table: LookupTable, subject: str) -> None:
    other = changed(table, **{subject: "another", f"{subject}_hash": "ab" * 32, "flow_hash": "0" * 64})
    for accept in (False, True):
        with pytest.raises(DataError, match=f"another {subject}") as caught:
            datasheet([(flow, other)], accept=accept)
        own = flow.bench.attributes()
        assert caught.value.value == {"table": "another abababababab", "flow": f"{own[subject]} {own[f'{subject}_hash'][:12]}"}
        assert "--limits" in caught.value.remedy


def test_another_barrier_is_another_subject(flow: Flow, table: LookupTable) -> None:
    with pytest.raises(DataError, match="another barrier") as caught:
        datasheet([(flow, changed(table, barrier="other"))], accept=True)
    assert caught.value.value == {"table": "other", "flow": "exact"}


def test_another_name_of_the_same_content_is_taken(flow: Flow, table: LookupTable) -> None:
    assert datasheet([(flow, changed(table, device="renamed"))]).accepted == ()


def test_another_version_is_refused_unless_it_is_accepted_and_then_told(flow: Flow, table: LookupTable) -> None:
    other = changed(table, flow_hash="0" * 64)
    with pytest.raises(DataError, match="another version") as caught:
        datasheet([(flow, other)])
    assert caught.value.value == {"table": "0" * 12, "flow": flow.content_hash[:12]} and "--accept-table" in caught.value.remedy
    sheet = datasheet([(flow, other)], accept=True)
    (told,) = sheet.accepted
    assert "0" * 12 in told and flow.content_hash[:12] in told and told in verdict_line(sheet)
    assert all("another version" in FORMATS[ending](sheet) for ending in FORMATS)
    assert datasheet([(flow, table)], accept=True).accepted == ()


def test_more_draws_are_the_same_flow_and_other_temperatures_are_not(load: Load) -> None:
    flow = load(DRAWS, 'temperature = { values = ["-40 degC", "27 degC"] }\ndraw = { count = 4 }')
    more = run_flow(flow.with_axes(draw={"count": 6}), simulator=analytic_simulator())
    sheet = datasheet([(flow, more)])
    assert sheet.accepted == () and next(e for e in sheet.entries if e.parameter == "p_reset_fail").draws == 6
    warm = run_flow(flow.with_axes(temperature={"values": ["27 degC"]}), simulator=analytic_simulator())
    with pytest.raises(DataError, match="the values of temperature differ"):
        datasheet([(flow, warm)])
    assert "the values of temperature differ" in datasheet([(flow, warm)], accept=True).accepted[0]


def test_a_shard_and_a_search_for_another_target_are_refused(load: Load) -> None:
    flow = load()
    with pytest.raises(DataError, match="6 of 12 samples are not measured"):
        datasheet([(flow, run_flow(flow, simulator=analytic_simulator(), shard="1/2"))])
    half = load(THREE, GRID, more=POINT)
    found = search(half, simulator=analytic_simulator())
    assert datasheet([(half, found)]).entries
    fifth = load(THREE, GRID, more=POINT.replace("0.5", "0.2"))
    for accept in (False, True):
        with pytest.raises(DataError, match="lacks samples of the search") as caught:
            datasheet([(fifth, found)], accept=accept)
    assert (caught.value.value["table"]["target"], caught.value.value["flow"]["target"]) == (0.5, 0.2)
    with pytest.raises(DataError, match="samples are not measured"):
        datasheet([(load(THREE, GRID), found)])
    with pytest.raises(DataError, match="lacks samples of the search"):
        datasheet([(half, search(half, simulator=analytic_simulator(), shard="1/2"))])


def test_the_sheet_says_what_made_it(flow: Flow, table: LookupTable) -> None:
    made = {"command": "spinbnn datasheet small -j 2 -o a.md", "time_utc": "2026-11-20T10:00:00+00:00", "git": "0123abc", "versions": {"spinbnn": "9.9", "python": "3.11.1", "numpy": "2.0"}}
    sheet = replace(datasheet([(flow, changed(table, command="spinbnn characterize small", time_utc="2026-11-19T09:00:00+00:00"))]), provenance=made)
    text = to_markdown(sheet)
    assert "```\nspinbnn datasheet small -j 2 -o a.md\n# 2026-11-20T10:00:00+00:00, spinbnn 9.9, commit 0123abc, python 3.11.1, numpy 2.0\n```" in text
    row = next(line for line in text.splitlines() if "spinbnn characterize small" in line)
    own = flow.bench.attributes()
    assert all(part in row for part in ("2026-11-19T09:00:00", flow.content_hash[:16], table.content_hash[:16], *(own[f"{k}_hash"][:16] for k in ("technology", "device", "design"))))
    facts = json.loads(to_json(sheet))["conditions"][0]
    assert facts["flow_hash"] == flow.content_hash and facts["table_hash"] == table.content_hash and facts["device_hash"] == own["device_hash"]


def test_messages_lose_the_folders_of_this_machine(load: Load, counting: Any) -> None:
    class Talking(counting):  # type: ignore[misc]
        def run(self, decks: Any) -> Any:
            for result in super().run(decks):
                yield result if result.ok else replace(result, error="cannot open /home/someone/x-1/deck.cir (line 3/4), ~/a/b.lib")

    flow = load()
    sheet = datasheet([(flow, run_flow(flow, simulator=Talking(fail={2: "failed"})))])
    assert "cannot open deck.cir (line 3/4), b.lib" in sheet.failures[0]
    assert not any("/home" in FORMATS[ending](sheet) for ending in FORMATS)
    assert without_folders("1/2 of https://a.org/b/c.html, uA/um, a/b.h5") == "1/2 of https://a.org/b/c.html, uA/um, a/b.h5"


def test_an_undefined_search_sample_is_not_called_ok(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = load(THREE, GRID, more=POINT)
    true = type(flow.bench).measure
    first: list[Any] = []

    def measure(bench: Any, result: Any, sample: Any) -> Any:
        found = dict(true(bench, result, sample))
        first.append(sample)
        return {**found, "p_drop": np.nan} if len(first) == 6 else found  # draw 1, second step

    monkeypatch.setattr(type(flow.bench), "measure", measure)
    sheet = datasheet([(flow, search(flow, simulator=analytic_simulator()))])
    assert any("draw 1" in line and "a sample of the search for its amplitude" in line for line in sheet.failures), sheet.failures
