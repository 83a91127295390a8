"""``spinbnn datasheet`` and ``spinbnn size``: exit codes, files, and messages about bad input; no simulator is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_up_flow import flow_text

from spinbnn.characterize import Flow, run_flow
from spinbnn.circuit.dropout_analytic import analytic_simulator
from spinbnn.cli import main

FLOW = flow_text('set_voltage = { values = ["0.98 V"] }', "draw = { count = 3 }", name="few", head='measures = ["p_drop", "p_reset_fail"]', more="[limits.p_reset_fail]\nmaximum = 0.02\n")


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few.toml").write_text(FLOW)
    run_flow(Flow.load("few.toml"), simulator=analytic_simulator()).save(tmp_path / "few.h5")
    return tmp_path / "few.h5"


def run(*arguments: str) -> int:
    try:
        main(list(arguments))
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_a_table_that_holds_its_limits_ends_with_0_and_writes_every_format(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outs = [part for ending in ("md", "html", "tex", "json") for part in ("-o", f"sheet.{ending}")]
    assert run("datasheet", "few.h5", "--limits", "few.toml", "--title", "T", *outs) == 0
    assert capsys.readouterr().out == "All 1 limits hold. Every sample is good.\n"
    data = json.loads(Path("sheet.json").read_text())
    assert data["title"] == "T" and data["missed"] == 0 and data["entries"][0]["inside"] == 3 and "versions" in data
    assert Path("sheet.md").read_text().startswith("# T\n") and "</html>" in Path("sheet.html").read_text() and "tabular" in Path("sheet.tex").read_text()


def test_a_missed_limit_ends_with_1(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("few.toml").write_text(FLOW.replace("0.02", "0.001"))
    assert run("datasheet", "few.h5", "--limits", "few.toml") == 1
    out = capsys.readouterr().out
    assert "1 of 1 limits are missed: p_reset_fail (few)" in out and "| FAIL |" in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("few.h5", "-o", "x.pdf"), 2, ["x.pdf", ".md"]),
        (("none.h5",), 2, ["none.h5"]),
        (("few.h5",), 2, ["few"]),  # a flow of that name does not come with spinbnn
        (("no_such_flow",), 2, ["no_such_flow"]),
        ((), 2, ["FLOW_OR_TABLE"]),
    ],
)
def test_bad_calls_name_what_is_wrong(table: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, words: list[str]) -> None:
    Path("few.toml").rename("other.toml")
    assert run("datasheet", *arguments) == code
    assert all(word in capsys.readouterr().err for word in words[:1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cmos40lp", "seed_eq23", "--set", "10 V"), ["--set", "10 V"]),
        (("cmos41lp", "seed_eq23"), ["cmos41lp", "cmos40lp"]),
        (("cmos40lp", "seed_eq24"), ["seed_eq24", "seed_eq23"]),
        (("cmos40lp", "seed_eq23", "--template", "module_x"), ["module_x"]),
        (("cmos40lp", "seed_eq23", "-p", "1.5"), ["1.5"]),
    ],
)
def test_size_refuses_bad_input(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: list[str]) -> None:
    assert run("size", *arguments) == 2
    err = capsys.readouterr().err
    assert all(word in err for word in words)
