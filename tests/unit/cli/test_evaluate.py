"""``spinbnn evaluate``: every method of ``predict``, and the options that do not fit one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command_line import run
from stand_ins import shake

from spinbnn.bayes import evaluate, predict
from spinbnn.bayes.predict import METHODS
from spinbnn.cli import evaluate as command
from spinbnn.data import load
from spinbnn.nn.models import lenet5
from spinbnn.training import load_model, save_weights


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    model = lenet5(seed=0)
    shake(model)
    save_weights(path, model)
    return path


def figures(out: str) -> list[str]:
    return re.findall(r"\d+\.?\d*", next(line for line in out.splitlines() if "software" in line))


def test_the_methods_are_those_of_predict() -> None:
    assert command.METHODS == METHODS


@pytest.mark.parametrize(
    ("options", "wanted", "said"),
    [
        (["--method", "tree", "--samples", "3"], {"method": "sampled", "samples": 3, "masks": "per_image"}, "method tree"),
        (["--method", "tree", "--samples", "3", "--masks", "per_pass"], {"method": "sampled", "samples": 3}, "method tree"),
        (["--method", "mass", "--tolerance", "0.3"], {"method": "mass", "tolerance": 0.3}, "method mass (6 masks with 0.737280"),
        (["--method", "exact"], {"method": "exact"}, "method exact"),
        ([], {"method": "exact"}, "method exact"),
    ],
)
def test_the_figures_are_those_of_predict(capsys: pytest.CaptureFixture[str], weights: Path, options: list[str], wanted: dict[str, object], said: str) -> None:
    code, out, _ = run(capsys, "evaluate", str(weights), "--data", "digits", "--limit", "20", *options)
    data = load("digits").subset(test=20)
    values = evaluate(predict(load_model(weights), data.test_images, **wanted), data.test_labels)  # type: ignore[arg-type]
    assert code == 0 and said in " ".join(out.split())
    shown = [float(v) for v in figures(out)]
    assert shown[0] == pytest.approx(100 * values["accuracy"], rel=1e-3, abs=0) and shown[1] == pytest.approx(values["nll"], rel=1e-3, abs=0)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--method", "exact", "--masks", "per_image"], "--masks"),
        (["--method", "mass", "--masks", "per_pass"], "--masks"),
        (["--masks", "per_pass"], "--masks"),
        (["--method", "exact", "--samples", "10"], "--samples"),
        (["--method", "mass", "--samples", "10"], "--samples"),
        (["--method", "tree", "--tolerance", "0.1"], "--tolerance"),
        (["--method", "exact", "--tolerance", "0"], "--tolerance"),
        (["--method", "mass", "--tolerance", "1"], "--tolerance"),
        (["--method", "all"], "--method"),
    ],
)
def test_options_that_do_not_fit_are_refused(capsys: pytest.CaptureFixture[str], weights: Path, options: list[str], named: str) -> None:
    code, _, err = run(capsys, "evaluate", str(weights), "--data", "digits", *options)
    assert code == 2 and named in err
