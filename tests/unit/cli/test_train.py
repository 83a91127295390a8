"""``spinbnn train``: pieces, changed values, and the flows for CIFAR-10."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import run as run_command

from spinbnn import files
from spinbnn.cli import COMMANDS
from spinbnn.cli.train import _changes, command
from spinbnn.data import ImageData
from spinbnn.errors import ParameterError
from spinbnn.experiment import Experiment, run_experiment
from spinbnn.experiment import run as experiment_run
from spinbnn.experiment.run import train_experiment
from spinbnn.experiment.training import METRICS, Paused, Pieces
from spinbnn.training import load_model, loop, read_record

CIFAR = ("cifar10_resnet20", "cifar10_resnet18", "cifar10_vgg_small")
DIGITS = {"data.name": "digits", "data.validation": 100, "training.epochs": 2, "training.batch_size": 100, "prediction.hardware_images": 10}


def noise(count: int) -> ImageData:
    """Images of the shape of CIFAR-10, bytes as its loader has them."""
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count + 4, 3, 32, 32), dtype=torch.uint8, generator=draw)
    labels = torch.arange(count + 4) % 10
    test = images[count:].float() / 255
    return ImageData(
        name="cifar-10", source="noise", train_images=images[:count], train_labels=labels[:count], validation_images=images[:0].float(), validation_labels=labels[:0],
        test_images=test, test_labels=labels[count:], sha256="0" * 64,
    )  # fmt: skip


def test_pieces_of_the_shipped_experiment_end_where_one_run_ends(tmp_path: Path) -> None:
    spec = Experiment.load("mnist_lenet5", DIGITS)
    whole = train_experiment(spec, tmp_path / "whole")
    for _ in range(2):
        with pytest.raises(Paused, match="of 2 epochs"):
            train_experiment(spec, tmp_path / "pieces", pieces=Pieces(stop_after=0.0, checkpoint_every=0.0))
        assert (tmp_path / "pieces" / "checkpoint.pt").exists()
    pieces = train_experiment(spec, tmp_path / "pieces")
    one, two = (load_model(tmp_path / name / "weights.safetensors").state_dict() for name in ("whole", "pieces"))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert whole["test_accuracy"] == pieces["test_accuracy"] > 0.3 and whole["test_images"] == 500
    assert [json.loads(line)["epoch"] for line in (tmp_path / "pieces" / METRICS).read_text().splitlines()] == [1, 2]
    record = read_record(tmp_path / "pieces" / "weights.safetensors")["metadata"]
    assert record["seed"] == 0 and len(record["profile"]) == 12 and record["training"]["epochs"] == 2
    # a second call reads what is done, and so does the whole experiment
    log = tmp_path / "pieces" / "log.txt"
    before = log.read_text().count("train: start")
    train_experiment(spec, tmp_path / "pieces")
    assert log.read_text().count("train: start") == before and "test: done before, read" in log.read_text()


def test_a_checkpoint_of_other_settings_is_set_aside_and_goes_on_when_they_come_back(tmp_path: Path) -> None:
    def piece(epochs: int) -> tuple[int, int]:
        spec = Experiment.load("mnist_lenet5", {**DIGITS, "training.epochs": epochs})
        with pytest.raises(Paused):
            train_experiment(spec, tmp_path, pieces=Pieces(stop_after=0.0))
        state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
        return json.loads(state["fingerprint"])["epochs"], state["unfinished"]["done"]

    assert [piece(epochs) for epochs in (3, 2, 4, 2, 3)] == [(3, 1), (2, 1), (4, 1), (2, 2), (3, 2)]
    assert len(list(tmp_path.glob("checkpoint.*.pt"))) == 2, "two are set aside, the third runs"
    (tmp_path / "checkpoint.key").unlink()
    assert piece(3) == (3, 1) and (tmp_path / "checkpoint.before.pt").exists(), "nobody says whose it was"


def test_a_kill_between_the_weights_and_the_record_costs_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Experiment.load("mnist_lenet5", {**DIGITS, "training.epochs": 1})
    write = files.write_json

    def killed(path: Path, content: Any) -> None:
        if path.name == "train.json":
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(files, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        train_experiment(spec, tmp_path)
    monkeypatch.setattr(files, "write_json", write)
    monkeypatch.setattr(loop, "run_epoch", None)  # no mini-batch is trained again
    assert len(train_experiment(spec, tmp_path)["history"]) == 1
    assert not list(tmp_path.glob("checkpoint*"))


@pytest.mark.parametrize(
    "change",
    [{"training.optimizer": "sdg"}, {"training.warmup": 2}, {"training.batch_size": 10**6}, {"training.learning_rate": float("inf")}, {"training.augment": "shifts"}],
)
def test_wrong_training_options_stop_the_run_before_anything_is_written(change: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ParameterError) as caught:
        train_experiment(Experiment.load("mnist_lenet5", {**DIGITS, **change}), tmp_path / "run")
    assert next(iter(change)).partition(".")[2] in caught.value.where and not (tmp_path / "run").exists()


def test_random_scales_are_refused_before_the_prediction_stage_meets_them(tmp_path: Path) -> None:
    spec = Experiment.load("mnist_lenet5", {**DIGITS, "model.placement": "gamma", "model.mode": "random"})
    with pytest.raises(ParameterError, match="random scales") as caught:
        run_experiment(spec, tmp_path / "run")
    assert caught.value.where == "model.mode" and not (tmp_path / "run").exists()


def test_lists_of_whole_numbers() -> None:
    spec = Experiment.load("mnist_lenet5", {"training.milestones": [], "profile.array": [128, 64]})
    assert spec.training.milestones == () and spec.profile.array == (128, 64)
    for key, value in {"training.milestones": [1.5], "profile.array": [256.5, 256], "prediction.rotations": []}.items():
        with pytest.raises(ParameterError, match="not a value") as caught:
            Experiment.load("mnist_lenet5", {key: value})
        assert key in caught.value.where


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n.endswith("18") else n for n in CIFAR])
def test_two_steps_of_each_cifar_recipe(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment_run, "load_data", lambda _: noise(8))
    small = {"data.validation": 0, "training.epochs": 2, "training.warmup": 1, "training.batch_size": 8}
    spec = Experiment.load(name, small)
    done = train_experiment(spec, tmp_path)
    assert len(done["history"]) == 2 and done["test_images"] == 4
    options = read_record(tmp_path / "weights.safetensors")["options"]
    assert options["binarizer"] == spec.model.binarizer and (options["first"], options["last"]) == ("digital", "digital")
    recipe = read_record(tmp_path / "weights.safetensors")["metadata"]["training"]
    assert (recipe["optimizer"], recipe["augment"], recipe["warmup"]) == ("sgd", "crop_flip", 1)


def test_too_many_layers_for_the_prediction_stage_are_refused_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment_run, "load_data", lambda _: noise(8))
    with pytest.raises(ParameterError, match="spinbnn train"):
        run_experiment(Experiment.load("cifar10_resnet20", {"data.validation": 0, "training.batch_size": 8}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_values_of_the_file_are_replaced() -> None:
    changes = _changes(("training.epochs=20", "training.augment = shift", "profile.drop_probability=[0.1, 0.2]", "seed=3", 'data.name="digits"'))
    assert changes == {"training.epochs": 20, "training.augment": "shift", "profile.drop_probability": [0.1, 0.2], "seed": 3, "data.name": "digits"}
    spec = Experiment.load("mnist_lenet5", changes)
    assert (spec.training.epochs, spec.training.batch_size, spec.seed, spec.data.name) == (20, 200, 3, "digits")
    for wrong, named in {"training.epoch": "training", "trainin.epochs": "trainin", "seed.x": "seed", "training.milestones": "training.milestones"}.items():
        with pytest.raises(ParameterError) as caught:
            Experiment.load("mnist_lenet5", {wrong: 2})
        assert named in str(caught.value)


@pytest.mark.skipif("train" not in COMMANDS, reason="the command is not registered")
def test_the_command_says_how_to_go_on(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    changes = [part for key, value in DIGITS.items() for part in ("--set", f"{key}={value}")]
    arguments = ["train", "mnist_lenet5", "-o", str(tmp_path / "run"), *changes]
    code, out, _ = run_command(capsys, *arguments, "--stop-after", "0")
    assert code == 0 and "stopped after 0 of 2 epochs" in out and "the same command continues" in out
    code, out, _ = run_command(capsys, *arguments)
    assert code == 0 and "2 epochs in" in out and "spinbnn evaluate" in out
    code, _, err = run_command(capsys, *arguments, "--set", "epochs")
    assert code == 2 and "section.key=value" in err
    code, _, err = run_command(capsys, *arguments, "--device", "tpu", "--set", "seed=1")
    assert code == 2 and "no such device" in err


def test_the_command_can_be_called(tmp_path: Path) -> None:
    from click.testing import CliRunner

    changes: list[Any] = [part for key, value in DIGITS.items() for part in ("--set", f"{key}={value}")]
    done = CliRunner().invoke(command, ["mnist_lenet5", "-o", str(tmp_path / "run"), *changes, "--stop-after", "0"])
    assert done.exit_code == 0 and "stopped after 0 of 2 epochs" in done.output
