"""The whole chain without ngspice: analytic characterisation, profile, training, prediction, cost, report."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from spinbnn.characterize import Flow, run_flow
from spinbnn.circuit.dropout_analytic import analytic_simulator
from spinbnn.errors import CoverageError, DataError, ParameterError, SpinbnnError
from spinbnn.experiment import Experiment, run_experiment

EXPERIMENT = """
schema = "spinbnn.experiment/1"
name = "chain"
seed = 3
[characterize]
table = "{table}"
[profile]
drop_probability = [0.1, 0.2, 0.2, 0.5, 0.2]
modules = "{modules}"
temperature = "25 degC"
[data]
name = "digits"
validation = 100
test = 100
[training]
epochs = 3
batch_size = 32
learning_rate = 3e-3
[prediction]
samples = 4
chips = 3
rotations = [0, 90]
out_of_distribution = 50
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "analytic.h5"
    flow = Flow.load("dropout_module").with_axes(
        set_voltage={"start": "0.6 V", "stop": "1.3 V", "points": 15}, temperature={"values": ["25 degC"]}, corner={"values": ["tt"]}, draw={"count": 12}
    )
    run_flow(flow, simulator=analytic_simulator(), out=path)
    return path


def experiment(table: Path, tmp_path: Path, modules: str = "shared", old: str = "", new: str = "") -> Experiment:
    path = tmp_path / f"chain-{modules}.toml"
    text = EXPERIMENT.format(table=table, modules=modules)
    assert old in text
    path.write_text(text.replace(old, new, 1) if old else text)
    return Experiment.load(path)


@pytest.mark.parametrize("modules", ["shared", "per_layer"])
def test_chain(table: Path, tmp_path: Path, modules: str) -> None:
    spec = experiment(table, tmp_path, modules)
    first = run_experiment(spec, tmp_path / "run")
    for name in ("experiment.json", "log.txt", "profile.h5", "weights.safetensors", "results.json", "report.html", "tables/cost.md", "tables/summary.csv"):
        assert (tmp_path / "run" / name).stat().st_size > 0, name
    results = first.results
    methods = results["prediction"]["methods"]
    assert methods["exact mixture"]["accuracy"] > 0.5
    costs = {(r["label"], r["components"], r["accounting"]): r for r in results["cost"]["rows"]}
    assert costs["T = 10 passes", "published, Table II", "paper"]["energy"] == pytest.approx(178.4968e-9, rel=1e-9, abs=0)
    own = costs["T = 10 passes", "own, characterised", "block"]
    assert own["energy"] > 0 and not own["complete"]
    assert json.loads((tmp_path / "run" / "experiment.json").read_text())["experiment"]["seed"] == 3
    # a second call reads every stage; another folder gives the same numbers
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "run" / "stages").iterdir()}
    assert run_experiment(spec, tmp_path / "run").results == results
    assert stamps == {p: p.stat().st_mtime_ns for p in (tmp_path / "run" / "stages").iterdir()}


def test_same_seed_same_numbers_another_seed_others(table: Path, tmp_path: Path) -> None:
    def answer(folder: str, **changes: str) -> dict:
        spec = experiment(table, tmp_path, **changes)
        return run_experiment(spec, tmp_path / folder).results["prediction"]

    one, two = answer("a"), answer("b")
    assert one == two
    assert one != answer("c", old="seed = 3", new="seed = 4")


def test_changed_configuration_reruns_the_stages_behind_it(table: Path, tmp_path: Path) -> None:
    run_experiment(experiment(table, tmp_path), tmp_path / "run")
    run_experiment(experiment(table, tmp_path, old="chips = 3", new="chips = 2"), tmp_path / "run")
    log = (tmp_path / "run" / "log.txt").read_text()
    assert log.count("train: start") == 1 and log.count("predict: start") == 2


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("epochs = 3", "epoch = 3", ["training", "did you mean 'epochs'"]),
        ("epochs = 3", 'epochs = "three"', ["training.epochs", "three"]),
        ('temperature = "25 degC"', "temperature = 25", ["profile.temperature", "unit is missing"]),
        ("[data]", "[dta]", ["did you mean 'data'"]),
        ("table =", "tabel =", ["characterize", "tabel"]),
        ("rotations = [0, 90]", "rotations = 90", ["prediction.rotations"]),
        ("rotations = [0, 90]", "rotations = []", ["prediction.rotations"]),
        ("chips = 3", "chips = 0", ["prediction.chips", "at least 1"]),
        ("epochs = 3", "epochs = [2]", ["training.epochs"]),
        ("epochs = 3", "epochs = {a = 2}", ["training.epochs"]),
        ("test = 100", "test = -100", ["data.test", "-100"]),
        ("out_of_distribution = 50", "out_of_distribution = 0", ["prediction.out_of_distribution"]),
        ("[data]", "array = [256]\n[data]", ["profile.array"]),
        ("[data]", "[cost]\nsamples = -1\n[data]", ["cost.samples"]),
        ("[profile]", "axes = { draw = { count = 3 } }\n[profile]", ["characterize.axes"]),
        ('name = "chain"', 'name = "../../x"', ["name", "../../x"]),
        ("seed = 3", "seed = 3.5", ["seed"]),
    ],
)
def test_bad_experiments(table: Path, tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        experiment(table, tmp_path, old=old, new=new)
    assert all(word in str(caught.value) for word in words) and "remedy" in str(caught.value), str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [('name = "digits"', 'name = "digit"'), ('modules = "shared"', 'modules = "share"'), ("[0.1, 0.2, 0.2, 0.5, 0.2]", "[0.1, 0.2]"), ("[training]", '[model]\nfirst = "analog"\n[training]'), ('temperature = "25 degC"', 'temperature = "80 degC"')],
)
def test_errors_inside_a_run_are_of_our_family(table: Path, tmp_path: Path, old: str, new: str) -> None:
    spec = experiment(table, tmp_path, old=old, new=new)
    with pytest.raises(SpinbnnError, match="remedy"):
        run_experiment(spec, tmp_path / "run")
    assert not (tmp_path / "run" / "report.html").exists()
    if "temperature" not in old:
        assert not (tmp_path / "run").exists(), "found before anything was started"


def test_damaged_stage_record_is_named(table: Path, tmp_path: Path) -> None:
    spec = experiment(table, tmp_path)
    run_experiment(spec, tmp_path / "run")
    (tmp_path / "run" / "stages" / "train.json").write_text("{")
    with pytest.raises(DataError, match="train"):
        run_experiment(spec, tmp_path / "run")


def test_files_of_another_configuration_are_not_taken_for_the_recorded_ones(table: Path, tmp_path: Path) -> None:
    """Weights that were overwritten behind a record (a kill between the two writes) are trained again."""
    spec = experiment(table, tmp_path)
    first = run_experiment(spec, tmp_path / "run").results
    weights = tmp_path / "run" / "weights.safetensors"
    original = weights.read_bytes()
    weights.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    assert run_experiment(spec, tmp_path / "run").results["prediction"] == first["prediction"]
    assert weights.read_bytes() == original
    assert (tmp_path / "run" / "log.txt").read_text().count("train: start") == 2


def test_other_data_under_the_same_name_run_the_stages_again(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from spinbnn.data import load
    from spinbnn.experiment import run as module

    spec = experiment(table, tmp_path)
    run_experiment(spec, tmp_path / "run")
    original = load("digits")
    monkeypatch.setattr(module, "load_data", lambda name: dataclasses.replace(original, train_labels=original.train_labels.flip(0), sha256="0" * 64))
    run_experiment(spec, tmp_path / "run")
    log = (tmp_path / "run" / "log.txt").read_text()
    assert log.count("train: start") == 2 and log.count("predict: start") == 2


def test_chip_rows_carry_the_weights_of_their_chips(table: Path, tmp_path: Path) -> None:
    """One chip's scores, computed again through the arrays with the chip's own weights."""
    from spinbnn.bayes import evaluate, predict
    from spinbnn.data import load
    from spinbnn.hardware import HardwareProfile
    from spinbnn.nn import to_hardware
    from spinbnn.training import load_model

    results = run_experiment(experiment(table, tmp_path, old='modules = "shared"', new='modules = "shared"\ntrim = "none"'), tmp_path / "run").results
    profile = HardwareProfile.load(tmp_path / "run" / "profile.h5")
    model, data = load_model(tmp_path / "run" / "weights.safetensors"), load("digits").subset(test=100)
    rows = [c for c in results["prediction"]["chips"] if c["code"] == "one code"]
    assert len({round(c["nll"], 9) for c in rows}) > 1, "chips differ"
    for row in rows:
        chip = profile.chip(row["seed"])
        again = evaluate(predict(to_hardware(model, profile, chip), data.test_images, method="exact"), data.test_labels)
        assert again["nll"] == pytest.approx(row["nll"], rel=1e-9, abs=0)
        assert row["drop_probability"] == pytest.approx(chip.drop_probability[0], rel=1e-9, abs=0)


def test_cost_follows_the_network_that_was_trained(table: Path, tmp_path: Path) -> None:
    spec = experiment(table, tmp_path, old="[training]", new='[model]\nfirst = "digital"\nlast = "digital"\nplacement = "pre_bn"\n[training]')
    cost = run_experiment(spec, tmp_path / "run").results["cost"]
    assert (cost["first"], cost["last"], cost["placement"]) == ("digital", "digital", "pre_bn")
    published = next(r for r in cost["rows"] if r["components"].startswith("published") and r["label"].startswith("T ="))
    assert published["reads"] == 66 * 10 and not published["complete"]  # 8^2 + 1 + 1 reads; MACs have no figure
    assert "digital multiply-accumulate" in published["without_figure"]


def test_shared_module_moves_all_layers_together(table: Path, tmp_path: Path) -> None:
    from spinbnn.characterize import LookupTable
    from spinbnn.hardware import HardwareProfile

    opened = LookupTable.open(table)
    for modules, correlated in (("shared", True), ("per_layer", False)):
        profile = HardwareProfile.build(opened, layers=5, drop_probability=0.2, modules=modules, temperature=298.15)
        p = profile.sample_drop_probabilities(400, seed=1)
        r = np.corrcoef(p[:, 0], p[:, 4])[0, 1]
        assert (r > 0.999) if correlated else (abs(r) < 0.2)


FLOW = (
    'flow = "dropout_module"\naxes = { set_voltage = { values = ["0.7 V", "1.1 V"] }, temperature = { values = ["25 degC"] }, '
    'corner = { values = ["tt"] }, draw = { count = 2 } }'
)


@pytest.mark.parametrize(("old", "new", "word"), [('temperature = "25 degC"', 'temperature = "85 degC"', "temperature"), ("[profile]", '[profile]\ncorner = "ff"', "corner")])
def test_a_profile_outside_the_flow_is_refused_before_the_simulator_starts(table: Path, tmp_path: Path, old: str, new: str, word: str) -> None:
    path = tmp_path / "chain.toml"
    path.write_text(EXPERIMENT.format(table=table, modules="shared").replace(f'table = "{table}"', FLOW).replace(old, new))
    with pytest.raises(CoverageError, match=rf"profile\.{word}"):
        run_experiment(Experiment.load(path), tmp_path / "run")
    assert not (tmp_path / "run" / "table.h5.journal").exists()


def test_failed_samples_are_tried_again_when_the_experiment_runs_again(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure keeps the profile from being built; the same command afterwards measures the failed sample alone."""
    from spinbnn.circuit.simulator import SimulationResult
    from spinbnn.experiment import run as module

    class Flaky:
        identity, fail, seen = "analytic", True, 0

        def run(self, decks):
            for k, result in enumerate(analytic_simulator().run(decks)):
                Flaky.seen += 1
                yield SimulationResult(index=k, status="failed", error="no convergence") if Flaky.fail and k == 1 else result

    path = tmp_path / "chain.toml"
    path.write_text(EXPERIMENT.format(table=table, modules="shared").replace(f'table = "{table}"', FLOW))
    spec, folder = Experiment.load(path), module.RunFolder(tmp_path / "run")
    monkeypatch.setattr(module, "run_flow", lambda flow, *, workers, **rest: run_flow(flow, simulator=Flaky(), **rest))
    broken, _, _ = module._characterize(spec, folder, 1, module.no_bars)
    with pytest.raises(CoverageError, match="failed samples"):
        module._profile(spec, broken, 5)
    Flaky.fail, Flaky.seen = False, 0
    mended, _, _ = module._characterize(spec, folder, 1, module.no_bars)
    assert Flaky.seen == 1 and mended.complete
    assert module._profile(spec, mended, 5).layers == 5
