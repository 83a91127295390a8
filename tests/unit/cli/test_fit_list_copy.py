"""``spinbnn fit``, ``list`` and ``copy`` on what a user's folders hold: one bad file or group never hides the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import run

from spinbnn.device import ThermalSwitching

CURRENT = np.linspace(180e-6, 220e-6, 9)
TRUTH = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)
GOOD = [int(k) for k in np.round(100 * TRUTH.probability(CURRENT, 10e-9))]
SEPARATED = [0, 0, 0, 0, 50, 100, 100, 100, 100]


def write(path: Path, groups: dict[str, list[int]], header: str = "device,current,pulse,trials,switched") -> Path:
    rows = [f"{name},{i},1e-8,100,{k}" for name, counts in groups.items() for i, k in zip(CURRENT, counts, strict=True)]
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    return path


def test_one_failing_group_does_not_hide_the_others(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = write(tmp_path / "d.csv", {"first": SEPARATED, "[/b] second": GOOD, "third": GOOD})
    data.write_text(data.read_text().replace("third,0.00018,1e-8,100,", "third,0.00018,1e-8,100,x"))
    code, out, err = run(capsys, "fit", str(data))
    assert code == 2
    assert out.count("not rejected") == 1 and "[/b] second, 9 points" in out
    assert "first: the data do not bound delta: perfect separation" in err
    assert "third: not a number" in err
    assert "2 of 3 groups could not be fitted" in err and "['first', 'third']" in err


def test_a_single_group_that_fails_gives_its_own_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = run(capsys, "fit", str(write(tmp_path / "d.csv", {"only": SEPARATED})))
    assert code == 2 and out == "" and err.startswith("error: the data do not bound delta") and "groups" not in err


def test_an_interval_that_does_not_close_is_printed_as_unbounded(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = tmp_path / "d.csv"
    data.write_text("current,pulse,trials,switched\n180e-6,1e-8,5,1\n190e-6,1e-8,5,3\n200e-6,1e-8,5,4\n")
    code, out, _ = run(capsys, "fit", str(data))
    assert code == 0 and "unbounded" in out and "delta" in out


@pytest.mark.parametrize(
    ("header", "options", "words"),
    [
        ("device,current,pulse,trials,hits", [], ["a column is missing: switched"]),
        ("device,current,breadth,trials,switched", [], ["a column is missing: pulse"]),
        ("device,current,pulse,fired,switched", [], ["a column is missing: trials"]),
        ("device,amps,pulse,trials,switched", [], ["a column is missing: current"]),
        ("device,V,pulse,trials,switched", [], ["--track-resistance", "776 ohm"]),
        ("device,V,pulse,trials,switched", ["--track-resistance", "776"], ["unit is missing"]),
        ("device,V,pulse,trials,switched", ["--track-resistance=-1 ohm"], ["must be > 0"]),
        ("device,current,pulse,trials,switched", ["--tau0", "1 V"], ["--tau0", "does not fit"]),
        ("device,current,pulse,trials,switched", ["--temperature", "0 K"], ["must be > 0"]),
        ("device,current,pulse,trials,switched", ["--compare", "--population"], ["exclude each other"]),
        ("device,current,pulse,trials,switched", ["--population", "--lapse", "both"], ["without lapses"]),
        ("device,current,pulse [V],trials,switched", [], ["unit", "pulse [V]"]),
    ],
)
def test_a_fault_of_the_whole_file_is_said_once(capsys: pytest.CaptureFixture[str], tmp_path: Path, header: str, options: list[str], words: list[str]) -> None:
    code, out, err = run(capsys, "fit", str(write(tmp_path / "d.csv", {"a": GOOD, "b": GOOD}, header)), *options)
    assert code == 2 and out == "" and err.count("remedy") == 1
    assert all(word in err for word in words), err


def test_a_byte_order_mark_is_no_part_of_the_first_column(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = tmp_path / "d.csv"
    data.write_text("current,pulse,trials,switched\n" + "\n".join(f"{i},1e-8,100,{k}" for i, k in zip(CURRENT, GOOD, strict=True)), encoding="utf-8-sig")
    assert run(capsys, "fit", str(data))[0] == 0


def test_list_names_what_it_cannot_read_and_goes_on(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad: dict[str, tuple[bytes, str]] = {
        "device_params/broken.toml": (b"[a", "unreadable: Expected ']'"),
        "device_params/bytes.toml": (b"\xff\xfe", "unreadable: not UTF-8 at byte 0"),
        "device_params/long.toml": (b"x = " + b"9" * 5000, "unreadable: Exceeds"),
        "device_params/list.toml": (b"schema = [1]\ndescription = 3", "[1]: 3"),
        "netlists/cells/latin.cir": (b"* caf\xe9", "unreadable: not UTF-8 at byte 5"),
        "netlists/cells/empty.cir": (b"", ""),
        "netlists/models/[markup].lib": (b"* [/bold] model", "[/bold] model"),
        "flows/tables/cut.h5": (b"\x89HD", "unreadable: not an HDF5 file"),
    }
    for name, (content, _) in bad.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    monkeypatch.setenv("SPINBNN_PATH", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "250")
    code, out, err = run(capsys, "list")
    assert code == 0 and err == ""
    rows = {cells[2].strip(): cells[3].strip() for line in out.splitlines() if len(cells := line.split("│")) == 5}
    for name, (_, about) in bad.items():
        assert rows[Path(name).stem].startswith(about), name
    assert {"seed_eq23", "sot_mtj", "quickstart", "cmos40lp"} <= set(rows)
    assert rows["dropout_module"] == "lookup table (HDF5)"


def test_list_cuts_nothing_on_a_narrow_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    code, out, _ = run(capsys, "list")
    assert code == 0 and "…" not in out


@pytest.mark.parametrize("destination", ["/proc/x", "/dev/null/x", 300 * "a"])
def test_a_copy_that_cannot_be_written_says_where(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, destination: str) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, "copy", "device", "seed_eq23", destination)
    assert code == 2 and destination in err and "remedy" in err
    assert list(tmp_path.iterdir()) == []
    assert run(capsys, "copy", "device", "seed_eq23")[0] == 0
    assert run(capsys, "copy", "device", "seed_eq23")[0] == 2, "an existing file is never overwritten"
