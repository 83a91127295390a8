"""``spinbnn fit``: what it prints, and the folder that it writes."""

from __future__ import annotations

import json
from pathlib import Path

import command_line
import numpy as np
import pytest

from spinbnn.device import ThermalSwitching
from spinbnn.errors import ParameterError

CURRENT = np.linspace(178e-6, 222e-6, 10)
TRUTH = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)
PLATEAU = [0, 2, 30, 72, 72, 73, 72, 71, 90, 100]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code, out, err = command_line.run(capsys, *arguments)
    return code, " ".join(out.split()), err


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "200")
    draw, path = np.random.default_rng(0), tmp_path / "data.csv"
    rows = [f"{d},{1e6 * i:.6g},10,100,{k / 100}" for d in ("one", "two") for i, k in zip(CURRENT, draw.binomial(100, TRUTH.probability(CURRENT, 1e-8)), strict=True)]
    rows += [f"hop,{1e6 * i:.6g},10,100,{k / 100}" for i, k in zip(CURRENT, PLATEAU, strict=True)]
    path.write_text("\n".join(["device;I [uA];pulse (ns);n;P_sw", *(row.replace(",", ";") for row in rows)]))
    return path


def only(file: Path, label: str) -> Path:
    path = file.with_name(f"{label}.csv")
    path.write_text("\n".join(line for line in file.read_text().splitlines() if line.startswith(("device", label))))
    return path


def test_free_tau0_is_the_default_and_a_rejected_law_is_no_error(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    code, out, err = run(capsys, "fit", str(file), "--goodness", "chi2")
    assert code == 0, err
    assert out.count("not identifiable") >= 6 and "declare tau0" in out
    assert "REJECTED" in out and "p stays 0.71 to 0.73 between" in out
    code, out, _ = run(capsys, "fit", str(file), "--tau0", "1 ns")
    assert code == 0 and "not identifiable" not in out and "critical_current" in out and out.count("not rejected:") == 2


def test_folder_holds_page_markdown_json_and_figures(capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path) -> None:
    code, out, err = run(capsys, "fit", str(only(file, "hop")), "--tau0", "1 ns", "-o", str(tmp_path / "out"))
    assert code == 0 and "fit.html" in out, err
    folder = tmp_path / "out"
    assert {p.name for p in folder.iterdir()} == {"fit.html", "fit.md", "fit.json", "figures"}
    assert {p.name for p in (folder / "figures").iterdir()} == {f"{n}-1.{e}" for n in ("switching-fit", "profile-likelihoods") for e in ("csv", "pdf")}
    stored = json.loads((folder / "fit.json").read_text())
    [found] = stored["results"]
    assert stored["schema"] == "spinbnn.fit/1" and found["rejected"] is True and found["label"] == "hop" and found["dof"] == 8
    assert found["intervals"]["delta"][0] < found["estimates"]["delta"] < found["intervals"]["delta"][1]
    page, text = (folder / "fit.html").read_text(), (folder / "fit.md").read_text()
    for words in ("REJECTED", "p stays 0.71 to 0.73", "Fit of the exact barrier"):
        assert words in page and words in text, words
    assert page.count("<svg") == 2 and "hop.csv" in page and str(tmp_path) not in page + text + json.dumps(stored)


def test_comparison_and_population_have_their_pages(capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path) -> None:
    code, out, err = run(capsys, "fit", str(file), "--tau0", "1 ns", "--compare", "--samples", "100")
    assert code == 0, err
    assert out.count("Best accepted model") == 2 and "None of these models is accepted" in out and "two_rate_field" in out
    code, out, err = run(capsys, "fit", str(only(file, "hop")), "--tau0", "1 ns", "--compare", "--samples", "100", "-o", str(tmp_path / "c"))
    assert code == 0, err
    stored = json.loads((tmp_path / "c" / "fit.json").read_text())
    assert len(stored["results"][0]["models"]) == 6 and "None of these models" in stored["results"][0]["statement"]
    assert "Comparison of models" in (tmp_path / "c" / "fit.html").read_text()
    code, out, err = run(capsys, "fit", str(file), "--tau0", "1 ns", "--population", "-o", str(tmp_path / "p"))
    assert code == 0, err
    assert "Population of 3 devices" in out and "naive" in out and "1 of 3 fits are rejected" in out
    assert json.loads((tmp_path / "p" / "fit.json").read_text())["results"][0]["devices"] == 3


@pytest.mark.parametrize(("options", "words"), [(["--model", "two_rate"], "p_sat"), (["--lapse", "both"], "lapse_upper"), (["--model", "logistic"], "width"), (["--noise", "beta-binomial"], "rho"), (["--model", "seed"], "Eq. 23b")])
def test_laws_and_noise_by_option(capsys: pytest.CaptureFixture[str], file: Path, options: list[str], words: str) -> None:
    code, out, err = run(capsys, "fit", str(only(file, "one")), "--tau0", "1 ns", "--samples", "100", *options)
    assert code == 0 and words in out, err


def test_several_temperatures_need_a_reference(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    truth = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)
    rows = [f"{1e6 * i:.6g},10,{t},1000,{round(1000 * float(truth.probability(i, 1e-8, t + 273.15)))}" for t in (0, 27, 80) for i in CURRENT]
    data = tmp_path / "t.csv"
    data.write_text("\n".join(["I [uA],t_p [ns],T [degC],n,k", *rows]))
    code, _, err = run(capsys, "fit", str(data), "--tau0", "1 ns")
    assert code == 2 and "several temperatures" in err
    code, out, err = run(capsys, "fit", str(data), "--tau0", "1 ns", "--temperature-reference", "300 K")
    assert code == 0 and "T = 300 K" in out and "not rejected" in out, err


def test_each_direction_is_a_population_and_options_reach_it(capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw, path = np.random.default_rng(3), tmp_path / "both.csv"
    rows = [f"d{d},{way},{1e6 * i:.6g},10,100,{draw.binomial(100, TRUTH.probability(i, 1e-8))}" for d in range(4) for way in ("P->AP", "AP->P") for i in CURRENT]
    path.write_text("\n".join(["device,direction,I [uA],t_p [ns],n,k", *rows]))
    code, out, err = run(capsys, "fit", str(path), "--tau0", "1 ns", "--population", "-o", str(tmp_path / "p"))
    assert code == 0, err
    assert "Population of 4 devices, P->AP" in out and "Population of 4 devices, AP->P" in out
    assert [r["direction"] for r in json.loads((tmp_path / "p" / "fit.json").read_text())["results"]] == ["P->AP", "AP->P"]
    assert "Population P→AP" in (tmp_path / "p" / "fit.html").read_text()

    def seen(datasets: object, **options: object) -> None:
        raise ParameterError(f"{options['noise']} {options['goodness']}", where="x", value="", remedy="x")

    monkeypatch.setattr("spinbnn.device.fitting.fit_population", seen)
    code, _, err = run(capsys, "fit", str(only(file, "one")), "--population", "--noise", "beta-binomial", "--goodness", "bootstrap")
    assert code == 2 and "beta-binomial bootstrap" in err


def test_a_comparison_refuses_what_it_would_not_use_and_shows_what_is_odd_in_the_data(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    for option in (["--noise", "auto"], ["--model", "seed"], ["--lapse", "both"]):
        code, _, err = run(capsys, "fit", str(only(file, "one")), "--compare", *option)
        assert code == 2 and "leave out --model, --lapse and --noise" in err
    path = only(file, "one")
    path.write_text(path.read_text() + "\n" + path.read_text().splitlines()[-1])
    code, out, err = run(capsys, "fit", str(path), "--tau0", "1 ns", "--compare", "--goodness", "chi2", "--samples", "100")
    assert code == 0 and "1 of 11 rows repeat a condition" in out, err


def test_the_page_says_what_was_assumed_and_prints_no_nan(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "three.csv"
    path.write_text("V,t_p [ns],P_sw\n0.190,10,0.16\n0.200,10,0.5\n0.210,10,0.88\n")
    code, out, err = run(capsys, "fit", str(path), "--track-resistance", "1 kohm", "--trials", "50", "-o", str(tmp_path / "o"))
    assert code == 0 and "cannot be tested" in out, err
    page = (tmp_path / "o" / "fit.html").read_text()
    for words in ("Track resistance 1 kohm.", "50 pulses a point, as told.", "Temperature 300 K, where the file gives none."):
        assert words in page
    assert "p = nan" not in page + (tmp_path / "o" / "fit.md").read_text()
    assert "i50: best 200 µA, below the line from 197.3 µA to 202.6 µA" in page.replace("\n", " ")
