"""The command line: bad input gives one error of our family, an exit code and no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from made_up_flow import flow_text

from spinbnn.cli import COMMANDS


def test_help_and_version_name_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0 and all(name in out for name in COMMANDS)
    for name in COMMANDS:
        assert run(capsys, name, "--help")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["characterize", "no_such_flow"], 2, ["no flow of this name", "remedy"]),
        (["run", "dropout_module"], 2, ["not an experiment", "spinbnn characterize"]),
        (["characterize", "quickstart"], 2, ["not a characterisation flow"]),
        (["fit", "absent.csv"], 2, ["cannot be read", "absent.csv"]),
        (["cost", "lenet55"], 2, ["lenet5"]),
        (["cost", "lenet5", "--array", "big"], 2, ["--array", "big"]),
        (["copy", "device", "seed_eq"], 2, ["seed_eq23"]),
        (["frobnicate"], 2, ["frobnicate"]),
        (["evaluate", "absent.safetensors", "--data", "digits"], 2, ["absent.safetensors"]),
        (["evaluate", "x", "--data", "digits", "--chips", "3"], 2, ["--profile"]),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    got, out, err = run(capsys, *arguments)
    assert got == code
    assert "Traceback" not in err + out and all(word in err for word in words), err
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_cost_json_gives_the_published_energy(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "cost", "lenet5", "--accounting", "paper", "--samples", "10", "--format", "json")
    assert code == 0 and json.loads(out)["energy"] == pytest.approx(178.4968e-9, rel=1e-9, abs=0)
    code, out, _ = run(capsys, "cost", "lenet5", "--accounting", "block", "--format", "json")
    assert json.loads(out)["energy"] == pytest.approx(35.9964e-9, rel=1e-9, abs=0)


def test_list_copy_and_dry_run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "seed_eq23" in run(capsys, "list", "device")[1]
    assert run(capsys, "copy", "flow", "dropout_module", "mine.toml")[0] == 0
    code, out, _ = run(capsys, "characterize", "mine.toml", "--dry-run")
    assert code == 0 and "samples" in out


FLOW = flow_text('set_voltage = { values = ["0.9 V", "1.0 V"] }', "draw = { count = 2 }", device=False)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Let the command run on the closed forms; the decks whose number stands in the set fail."""
    import spinbnn.characterize
    from spinbnn.circuit import SimulationResult
    from spinbnn.circuit.dropout_analytic import analytic_simulator

    true, fail = spinbnn.characterize.run_flow, set()

    class Simulator:
        identity = "analytic"

        def run(self, decks: Any) -> Any:
            for k, result in enumerate(analytic_simulator().run(decks)):
                yield SimulationResult(index=k, status="failed", error="timestep too small") if k in fail else result

    monkeypatch.setattr(spinbnn.characterize, "run_flow", lambda flow, **options: true(flow, **{**options, "workers": None, "simulator": Simulator()}))
    return fail


def test_characterize_exit_codes_and_retry(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: set[int]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(FLOW)
    failing.add(1)
    for _ in range(2):  # the finished table says so again
        code, out, err = run(capsys, "characterize", "small.toml")
        assert code == 3 and "timestep too small" in out and "1 samples are not ok" in err and "--retry-failed" in err
    failing.clear()
    code, out, err = run(capsys, "characterize", "small.toml", "--retry-failed")
    assert code == 0 and "simulated 1, resumed 3; table: small.h5" in out, err
    Path("small.toml").write_text(FLOW + "[limits.p_drop]\nmaximum = 1e-9\n")
    code, out, err = run(capsys, "characterize", "small.toml")
    assert code == 1 and "specification missed: p_drop" in err and "simulated 0, resumed 4" in out
    failing.add(1)
    code, _, err = run(capsys, "characterize", "small.toml", "-o", "other.h5")
    assert code == 3 and "specification missed: p_drop" in err, "3 goes before 1"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"1.0 V"', '"2.0 V"', ["SET rail", "set_voltage = 2.0"]),
        ("draw = { count = 2 }", 'temperature = { values = ["25 degC", "900 degC"] }', ["Curie", "temperature = 1173.15"]),
    ],
)
def test_dry_run_finds_what_would_fail_in_the_middle(capsys: pytest.CaptureFixture[str], tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    path = tmp_path / "small.toml"
    path.write_text(FLOW.replace(old, new))
    code, _, err = run(capsys, "characterize", str(path), "--dry-run")
    assert code == 2 and "small.toml" in err and all(w in err for w in words), err


def test_outputs_that_cannot_be_written_are_one_error(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: set[int]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(FLOW)
    Path("afile").write_text("x")
    Path("dropout_module").mkdir()
    for out in ("afile/x.h5", "dropout_module", "/proc/x.h5"):
        code, _, err = run(capsys, "characterize", "small.toml", "-o", out)
        assert code == 2 and out in err and "remedy" in err and "Traceback" not in err


def test_a_fault_of_our_own_is_one_line_and_never_code_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from spinbnn.cli import list_

    def broken(*arguments: Any, **options: Any) -> None:
        raise ZeroDivisionError("float division\nby zero")

    monkeypatch.setattr(list_.command, "callback", broken)
    code, out, err = run(capsys, "list")
    assert code == 70 and out == "" and "Traceback" not in err
    assert err.count("\n") == 1 and "unexpected error: ZeroDivisionError: float division by zero" in err and "--debug" in err
    code, _, err = run(capsys, "--debug", "list")
    assert code == 70 and "Traceback" in err and "in broken" in err


def test_debug_adds_the_traceback_and_keeps_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "--debug", "characterize", "no_such_flow")
    assert code == 2 and "Traceback" in err and "no flow of this name" in err


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["cost", "lenet5"]])
def test_a_reader_that_goes_away_is_no_error(arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run([sys.executable, "-m", "spinbnn", *arguments], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(write)
    assert done.returncode == 141 and done.stderr == ""


def test_fit_reads_counts_or_probabilities_and_refuses_guesses(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import numpy as np

    from spinbnn.device import ThermalSwitching

    truth = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)
    current = np.linspace(180e-6, 220e-6, 9)
    counts = np.round(100 * truth.probability(current, 10e-9))
    good, shares = tmp_path / "good.csv", tmp_path / "shares.csv"
    good.write_text("current,pulse,trials,switched\n" + "\n".join(f"{i},1e-8,100,{k:.0f}" for i, k in zip(current, counts, strict=True)))
    shares.write_text("V,t_p,P_sw\n" + "\n".join(f"{800 * i},1e-8,{k / 100}" for i, k in zip(current, counts, strict=True)))
    code, out, _ = run(capsys, "fit", str(good))
    assert code == 0 and "not rejected" in out.replace("\n", " ")
    code, _, err = run(capsys, "fit", str(shares), "--track-resistance", "800 ohm")
    assert code == 2 and "trials" in err, "missing trials are an error, not a guess"
    assert run(capsys, "fit", str(shares), "--track-resistance", "800 ohm", "--trials", "100")[0] == 0
    code, _, err = run(capsys, "fit", str(shares), "--track-resistance", "800 ohm", "--trials", "7")
    assert code == 2 and "whole number of pulses" in err
    good.write_text(good.read_text().replace("1e-8", "ten", 1))
    code, _, err = run(capsys, "fit", str(good))
    assert code == 2 and "'ten'" in err and "column 'pulse'" in err


@pytest.mark.spice
def test_doctor_measures_the_transistors(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "doctor", "--transistors")
    assert code == 0 and "all 11 targets met" in out and "mV/dec" in out
    code, out, _ = run(capsys, "doctor", "--transistors", "cmos40lp", "--json")
    report = json.loads(out)
    assert code == 0 and report["missed"] == 0 and len(report["targets"]) == 11
    assert {row["verdict"] for row in report["targets"]} == {"pass"}


@pytest.mark.spice
def test_doctor_exits_1_if_a_target_is_missed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from spinbnn import resources

    text = resources.find("device", "cmos40lp").read_text(encoding="utf-8")
    mine = tmp_path / "mine.toml"
    mine.write_text(text.replace('value = "666.2 uA/um"', 'value = "1200 uA/um"'), encoding="utf-8")
    code, out, _ = run(capsys, "doctor", "--transistors", str(mine))
    assert code == 1 and "1 of 11 targets missed" in out and "fail" in out
    code, out, _ = run(capsys, "doctor", "--transistors", str(mine), "--json")
    assert code == 1 and json.loads(out)["missed"] == 1


def test_doctor_needs_ngspice_for_the_transistors(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from spinbnn.circuit.simulator import NgspiceInstallation, batch

    monkeypatch.setattr(batch, "find_ngspice", NgspiceInstallation)
    code, out, err = run(capsys, "doctor", "--transistors")
    assert code == 3 and "no program ngspice" in err and "remedy" in err and out == ""
    assert run(capsys, "doctor", "--transistors", "cmos40pl")[0] == 2
    assert run(capsys, "doctor", "--transistors", "seed_eq23")[0] == 2
