"""``spinbnn datasheet`` on flows: exit codes of yields, shards that merge, what it refuses, and what the sheet says of itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up_flow import DRAWS, flow_text

from spinbnn.characterize import LookupTable

Run = Callable[..., tuple[int, str, str]]
ONE, GRID = 'set_voltage = { values = ["0.98 V"] }', 'set_voltage = { start = "0.80 V", stop = "1.20 V", points = 21 }'
TEMPERATURE = 'temperature = { values = ["-40 degC", "27 degC"] }'
MEASURES = 'measures = ["p_drop", "p_reset_fail"]'
POINT = '[operating_point]\naxis = "set_voltage"\nmeasure = "p_drop"\ntarget = 0.5\nper = ["draw", "temperature"]\n[typical]\ntemperature = "27 degC"\n'


def limit(share: float, maximum: float = 1.0) -> str:
    return f"[limits.p_drop]\nmaximum = {maximum}\nyield = {share}\n"


@pytest.fixture
def few(closed_forms: Any) -> Any:
    Path("few.toml").write_text(flow_text(ONE, DRAWS, name="few", head=MEASURES, more=limit(0.5)))
    Path("code.toml").write_text(flow_text(GRID, TEMPERATURE, DRAWS, name="code", head=MEASURES, more=POINT + limit(0.5)))
    return closed_forms


@pytest.mark.parametrize(("share", "maximum", "code", "allowed", "words"), [
    (0.5, 1.0, 0, 0, "All 1 limits hold."),  # 4 of 4 show 51 %
    (0.6, 1.0, 1, 0, "Not shown with these draws: p_drop (few, 4 draws; needs at least 6)."),
    (1.0, 1.0, 1, 0, "no number of draws shows 100 %"),
    (0.6, 1e-9, 1, 1, "1 of 1 limits are missed: p_drop (few)."),
])  # fmt: skip
def test_exit_codes_of_yields(run: Run, few: Any, share: float, maximum: float, code: int, allowed: int, words: str) -> None:
    Path("few.toml").write_text(flow_text(ONE, DRAWS, name="few", head=MEASURES, more=limit(share, maximum)))
    got, out, _ = run("datasheet", "few.toml")
    assert got == code and words in out
    assert run("datasheet", "few.toml", "--allow-open")[0] == allowed


def test_samples_that_are_not_ok_end_with_3(run: Run, few: Any) -> None:
    few.volts = 0.98
    Path("few.toml").write_text(flow_text('set_voltage = { values = ["0.9 V", "0.98 V"] }', DRAWS, name="few", head=MEASURES))
    code, out, _ = run("datasheet", "few.toml")
    assert code == 3 and "4 samples are not ok" in out and "timestep too small" in out
    few.volts = None
    assert run("datasheet", "few.toml")[0] == 3, "a finished table is not measured again"
    assert run("datasheet", "few.toml", "--retry-failed")[0] == 0


@pytest.mark.parametrize("name", ["few", "code"])
def test_shards_of_a_flow_make_the_sheet_of_one_run(run: Run, few: Any, name: str) -> None:
    whole = run("datasheet", f"{name}.toml", "-t", "whole", "-o", "whole.json", "-j", "2", "--timeout", "9")
    assert whole[0] == 0 and set(few.started) == {(2, 9.0)}
    stem = "few" if name == "few" else "code.search"
    for k in (1, 2, 3):
        code, out, _ = run("datasheet", f"{name}.toml", "-t", "parts", "--shard", f"{k}/3")
        assert code == 0 and f"parts/{stem}.shard-{k}-of-3.h5" in out and f"spinbnn table merge parts/{stem}.shard-*-of-3.h5 -o parts/{stem}.h5" in out and "limits" not in out
    files = [f"parts/{stem}.shard-{k}-of-3.h5" for k in (1, 2, 3)]
    code, _, err = run("table", "merge", *files[:2], "-o", f"parts/{stem}.h5")
    assert code == 2 and "in none of the tables" in err
    assert run("table", "merge", *files[:2], "-o", "partial.h5", "--partial")[0] == 3
    code, out, err = run("table", "merge", *files, "-o", f"parts/{stem}.h5")
    assert code == 0, err
    few.started.clear()
    assert run("datasheet", f"{name}.toml", "-t", "parts", "-o", "parts.json")[0] == 0 and few.started == [], "nothing is measured again"
    one, other = (json.loads(Path(f"{k}.json").read_text()) for k in ("whole", "parts"))
    assert one["entries"] == other["entries"] and one["conditions"][0]["table_hash"] == other["conditions"][0]["table_hash"]
    code, _, err = run("datasheet", "partial.h5", "--limits", f"{name}.toml")
    assert code == 2 and ("lacks samples of the search" in err or "samples are not measured" in err)


def test_what_a_datasheet_refuses(run: Run, few: Any) -> None:
    assert run("datasheet", "few.toml", "-o", "few.md")[0] == 0
    for arguments, words in (
        (("few.h5", "--shard", "1/2"), "finished table"), (("few.h5", "--retry-failed"), "finished table"), (("few.toml", "--shard", "1/2", "-o", "a.md"), "a shard has no datasheet"),
        (("few.toml", "--cluster", "tcp://localhost:1", "-j", "2"), "--cluster"), (("few.toml", "--shard", "5/4"), "shard"), (("few.h5", "--draws", "3"), "--draws"),
    ):  # fmt: skip
        code, _, err = run("datasheet", *arguments)
        assert code == 2 and words in err, err
    Path("few.toml").write_text(flow_text(ONE, DRAWS, name="few", head=MEASURES, seed=6, more=limit(0.5)))
    code, _, err = run("datasheet", "few.h5", "--limits", "few.toml")
    assert code == 2 and "another version" in err and "--accept-table" in err
    code, out, _ = run("datasheet", "few.h5", "--limits", "few.toml", "--accept-table")
    assert code == 0 and "another version of the flow" in out.splitlines()[2]


def test_the_sheet_names_command_date_versions_and_hashes_and_no_folder(run: Run, few: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1763632800")
    arguments = ["datasheet", "code.toml", "-j", "2", "-o", "results/datasheet_x.md", "-o", str(tmp_path / "x.json"), "-t", str(tmp_path / "t")]
    monkeypatch.setattr("sys.argv", ["/somewhere/bin/spinbnn", *arguments])
    assert run(*arguments)[0] == 0
    text, data = Path("results/datasheet_x.md").read_text(), (tmp_path / "x.json").read_text()
    assert "```\nspinbnn datasheet code.toml -j 2 -o results/datasheet_x.md -o x.json -t t\n# 2025-11-20T10:00:00+00:00, spinbnn " in text
    table = LookupTable.open(tmp_path / "t" / "code.search.h5")
    for key in ("flow_hash", "technology_hash", "device_hash", "design_hash"):
        assert str(table.attributes[key])[:16] in text and str(table.attributes[key]) in data
    assert table.content_hash[:16] in text
    for written in (text, data):
        assert str(tmp_path) not in written and "/somewhere" not in written and not re.search(r"(?<![\w.:/])/(?:tmp|home|root|work|var)/", written)


def test_a_sample_of_a_search_is_not_rerun_alone(run: Run, few: Any) -> None:
    few.volts = 0.96  # the middle, 1.0 V, is good
    assert run("datasheet", "code.toml")[0] in (1, 3)
    few.volts = None
    code, _, err = run("table", "rerun", "code.search.h5", "--flow", "code.toml")
    assert code == 2 and "spinbnn datasheet FLOW --retry-failed" in err
    assert run("datasheet", "code.toml", "--retry-failed")[0] == 0
    assert run("table", "rerun", "code.search.h5", "--flow", "code.toml")[0] == 0
