"""``spinbnn device``: what is printed and written, units in the heads, and errors of our family."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import command_line
import numpy as np
import pytest

from spinbnn.device import DeviceParams, VariationModel


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "240")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    return command_line.run(capsys, "device", *arguments)


def cells(out: str, name: str) -> list[str]:
    """Return the cells of the row that starts with a name."""
    return next([c.strip() for c in line.strip("│ \n").split("│")] for line in out.splitlines() if line.startswith(f"│ {name}"))


def test_help_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for name in ("show", "sample", "sensitivity", "trim", "bits"):
        assert name in out and run(capsys, name, "--help")[0] == 0


def test_show_prints_sources_and_what_follows(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "show", "seed_eq23", "--barrier", "seed", "--temperature", "300 K", "--temperature", "85 degC")
    assert code == 0
    assert cells(out, "thermal.delta")[1:] == ["40", "7.7", "assumed"]
    assert cells(out, "Ic0 (paper)")[1] == "500 µA" and cells(out, "threshold at 0 K without")[1] == "250 µA"
    assert cells(out, "current of p = 0.5")[1] == "198.9 µA" and cells(out, "dp/dlnI there")[1] == "8.55"
    assert "358.15 K" in out and float(cells(out, "Delta")[2]) < 31
    assert cells(out, "retention")[1].startswith("2.35e+08 s (7.46 years)")
    assert re.search(r"\d+ of \d+ numbers are assumed: .*thermal\.delta", out)


def test_show_says_what_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "show", "seed_eq23", "--pulse", "0.5 ns", "--target", "0.6")
    assert code == 0 and cells(out, "current of p = 0.6")[1] == "?" and cells(out, "dp/dlnI there")[1] == "?", "tau0 = 1 ns: 0.39 at most"


def test_show_writes_a_page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "device.html"
    code, out, _ = run(capsys, "show", "seed_eq23", "--html", str(page))
    text = page.read_text()
    assert code == 0 and str(page) in out.replace("\n", "")
    assert "device-switching-title" in text and "the mark is p = 0.5" in text and "diameter of the free layer" in text and "assumed" in text
    assert DeviceParams.load("seed_eq23").content_hash[:12] in text and str(Path.cwd()) not in text
    for block in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.S):
        json.loads(block)
    rows = list(csv.reader((tmp_path / "figures" / "device-switching.csv").read_text().splitlines()))
    assert rows[0] == ["temperature [K]", "current [A]", "p"] and len(rows) == 1 + 12 * 141


def test_sample_prints_and_writes_the_same_draws(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "draws.csv"
    code, out, _ = run(capsys, "sample", "seed_eq23", "-n", "64", "--seed", "3", "-o", str(file))
    assert code == 0
    rows = list(csv.reader(file.read_text().splitlines()))
    wanted = VariationModel.from_params(DeviceParams.load("seed_eq23")).sample(64, seed=3)
    column = rows[0].index("spin_hall.critical_current [A]")
    assert len(rows) == 65 and [float(r[column]) for r in rows[1:]] == wanted["spin_hall.critical_current"].tolist()
    p = np.array([float(r[rows[0].index("p")]) for r in rows[1:]])
    assert f"standard deviation {p.std():.4g}" in out
    assert float(cells(out, "track_resistance")[3]) == pytest.approx(100 * wanted["electrical.track_resistance"].std() / wanted["electrical.track_resistance"].mean(), rel=5e-3)


def test_sample_takes_other_spreads_and_tells_their_budget(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(
        capsys, "sample", "seed_eq23", "-n", "32", "--no-spreads", "--spread", "geometry.pillar_diameter=3 %", "--spread", "magnetic.effective_anisotropy=0.04",
        "--budget", "thermal.delta",
    )  # fmt: skip
    assert code == 0 and cells(out, "pillar_diameter")[-1] == "drawn" and cells(out, "delta")[-1] == "follows"
    assert "track_resistance" not in out, "the file's spreads are left out"
    assert float(cells(out, "geometry.pillar_diameter")[3]) == pytest.approx(100 * 0.06**2 / (0.06**2 + 0.04**2), abs=0.05)


def test_sample_writes_a_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "population"
    assert run(capsys, "sample", "bench_pmtj40", "-n", "48", "-o", str(folder))[0] == 0
    assert {p.name for p in folder.iterdir()} == {"devices.csv", "statistics.csv", "population.html", "figures"}
    text = (folder / "population.html").read_text()
    assert "population-1-title" in text and "population-2-title" in text, "what does not fit stands in a second figure"
    assert '"draw"' not in text and len((folder / "devices.csv").read_text().splitlines()) == 49


def test_sensitivity_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "sensitivity", "seed_eq23", "--barrier", "seed")
    assert code == 0
    assert [float(v) for v in cells(out, " " * 9 + "1 ")[:4]] == pytest.approx([1, 0.084, 0.0925, 0.00925], abs=2e-3)


def test_trim_over_bits_tells_what_is_needed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["trim", "seed_eq23", "-n", "512", "--no-spreads", "--spread", "spin_hall.critical_current=5 %"]
    code, out, _ = run(capsys, *arguments, "-o", str(tmp_path / "trim.html"))
    assert code == 0 and "3 points take 5 bits; 10 points take 3 bits" in out
    assert "trim-bits-title" in (tmp_path / "trim.html").read_text()
    assert float(cells(out, "none")[3]) == pytest.approx(26.2, abs=0.5)
    code, out, _ = run(capsys, *arguments, "--shots", "20")
    assert code == 0 and "3 points take more than 12 bits" in out


def test_trim_over_temperature(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "trim.csv"
    code, out, _ = run(
        capsys, "trim", "seed_eq23", "-n", "128", "--bits", "8", "--span", "80 %", "--temperature", "340 K", "--tracking", "fixed", "--tracking", "lookup", "--volts",
        "--series", "500 ohm", "--target", "0.2", "--target", "0.5", "--point", "0.2", "--point", "0.5", "--shots", "500", "-o", str(file),
    )  # fmt: skip
    assert code == 0 and "500 SET trials a step, 10000 a device" in out
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert [(r["target"], r["reference"]) for r in rows] == [(t, n) for t in ("0.2", "0.5") for n in ("no trim", "fixed", "lookup")]
    assert float(rows[1]["mean [pt]"]) > 20 and abs(float(rows[2]["mean [pt]"])) < 2


def test_bits_print_the_chain_beside_the_draws(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "bits", "seed_eq23", "-n", "20000", "--target", "0.3")
    assert code == 0 and "RESET fails with 0.00674" in out
    chain, drawn, error = (float(v) for v in cells(out, "probability of a 1")[1:])
    assert chain == pytest.approx(0.3 / (1 - np.exp(-5) * 0.7), rel=1e-5) and abs(drawn - chain) < 4 * error
    assert float(cells(out, "lag-1 correlation")[1]) == pytest.approx(np.exp(-5) * 0.7, rel=1e-4)
    code, out, _ = run(capsys, "bits", "seed_eq23", "-n", "1000", "--reset-current", "240 uA", "--reset-pulse", "1 ns")
    assert code == 0 and float(re.search(r"RESET fails with ([\d.]+\d)", out)[1]) > 0.3  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "seed_eq"], ["seed_eq23"]),
        (["show", "seed_eq23", "--pulse", "10"], ["--pulse", "unit"]),
        (["show", "seed_eq23", "--pulse", "-1 ns"], ["--pulse", "> 0"]),
        (["show", "seed_eq23", "--temperature", "1200 K"], ["Curie"]),
        (["sample", "seed_eq23", "--target", "1.5"], ["--target"]),
        (["sample", "seed_eq23", "--spread", "thermal.delta"], ["FIELD=VALUE"]),
        (["sample", "seed_eq23", "--spread", "thermal.dleta=5 %"], ["thermal.delta"]),
        (["sample", "seed_eq23", "--spread", "geometry.pillar_diameter=5 %"], ["vary twice", "thermal.delta"]),
        (["sample", "seed_eq23", "--budget", "magnetic.damping"], ["no spread"]),
        (["trim", "seed_eq23", "--span", "300 %"], ["span"]),
        (["trim", "seed_eq23", "--bits", "4", "--point", "0.2", "--point", "0.5", "--point", "0.8"], ["one or two"]),
        (["bits", "seed_eq23", "--reset-pulse", "0 s"], ["--reset-pulse"]),
        (["frobnicate"], ["frobnicate"]),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert code == 2 and "Traceback" not in out + err and all(word in err for word in words), err
    assert not list(tmp_path.iterdir())


def test_two_pages_of_a_folder_keep_their_figures_apart(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name, page in (("seed_eq23", "One.html"), ("utinclab_sot50", "2nd_one.html")):
        assert run(capsys, "show", name, "--html", str(tmp_path / page))[0] == 0
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {"one-switching.csv", "page-2nd-one-switching.csv"}
    assert "the mark" not in (tmp_path / "2nd_one.html").read_text(), "p_sat = 1/2: there is none"


def test_plain_numbers_have_no_unit(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "show", "seed_eq23")[1]
    assert cells(out, "electrical.tmr ")[1] == "1.2" and cells(out, "electrical.track_temperature")[1] == "-0.0001/K"


def test_reset_is_at_the_end_of_the_barrier_of_its_own_temperature(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "bits", "seed_eq23", "-n", "100", "--temperature", "250 K")[1]
    assert "RESET fails with 0.00674" in out


def test_bits_that_never_fall_are_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "bits", "seed_eq23", "-n", "100", "--reset-current", "0 A")
    assert code == 0 and cells(out, "probability of a 1")[1] == "1" and "a bias of" not in out


def test_devices_without_spread_are_counted_and_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = run(capsys, "sample", "seed_eq23", "-n", "7", "--no-spreads", "-o", str(tmp_path / "same.csv"))
    assert code == 0 and "7 devices" in out and len((tmp_path / "same.csv").read_text().splitlines()) == 8
