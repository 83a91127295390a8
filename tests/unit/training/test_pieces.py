"""Runs in pieces: stopped within an epoch, killed by the system, resumed; each ends where an unbroken run ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest
import torch
from stand_ins import StandInProfile, shake

from spinbnn.data import load
from spinbnn.errors import DataError, ParameterError
from spinbnn.hardware import HardwareProfile
from spinbnn.nn.models import lenet5
from spinbnn.training import train
from spinbnn.training.checkpoint import load_state
from spinbnn.training.epoch import Pauses, Unfinished
from spinbnn.training.journal import Journal

SGD = {"optimizer": "sgd", "learning_rate": 0.05, "schedule": "step", "warmup": 1, "milestones": [2], "label_smoothing": 0.1}
RECIPES = {
    "adam": ({}, {"augment": "shift", "profile": StandInProfile()}),
    "sgd, EDE": ({"binarizer": "irnet"}, {**SGD, "augment": "crop_flip"}),
    "ReCU, alpha trains": ({"binarizer": "recu", "placement": "prestat"}, {"optimizer": "sgd", "nesterov": False, "schedule": "constant"}),
    "random scales": ({"placement": "prestat", "mode": "random"}, {}),
    "a bit a channel": ({"granularity": "element"}, {}),
}


@pytest.fixture(scope="module")
def small():
    return load("digits").subset(train=120, test=20).with_validation(20)


def equal(first, second):
    return all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))


def without_time(history):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]


@pytest.mark.parametrize("recipe", RECIPES)
def test_pieces_of_one_mini_batch_add_up_to_the_unbroken_run(small, tmp_path, recipe):
    network, options = RECIPES[recipe]
    options = {"epochs": 3, "batch_size": 25, "seed": 5, **options}
    straight, files = lenet5(**network), {"checkpoint": tmp_path / "state.pt", "metrics": tmp_path / "metrics.jsonl"}
    whole = train(straight, small, **options)
    assert whole.finished and whole.configuration["seed"] == 5
    for piece in range(1, 13):
        fresh = lenet5(**network) if piece == 1 else shake(lenet5(**network), seed=piece)
        part = train(fresh, small, stop_after=0.0, **files, **options)
        assert part.finished == (piece == 12)
        assert (part.resumed_from, len(part.history)) == ((piece - 1) // 4, piece // 4)
        assert ("Stopped" in part.note) == (piece < 12)
        if piece == 2:
            assert "0 of 3 epochs and 2 of 4 mini-batches" in part.note
    assert equal(straight, fresh)
    assert without_time(part.history) == without_time(whole.history)
    assert [json.loads(line) for line in files["metrics"].read_text().splitlines()] == part.history
    assert part.note == whole.note and part.seconds == sum(row["seconds"] for row in part.history)


CHILD = """
import os, signal
from spinbnn.data import load
from spinbnn.nn.models import lenet5
from spinbnn.training import train
data = load("digits").subset(train=120, test=20).with_validation(20)
model, met = lenet5(binarizer="irnet"), []
def count(module, inputs):
    met.append(module.training)
    if sum(met) == {last}:
        os.kill(os.getpid(), signal.SIGKILL)
model.register_forward_pre_hook(count)
train(model, data, epochs=3, batch_size=25, optimizer="sgd", learning_rate=0.05, augment="crop_flip",
      checkpoint={state!r}, metrics={metrics!r}, checkpoint_every=0.0)
"""


def test_a_process_killed_by_the_system_continues_to_the_same_weights(small, tmp_path):
    """SIGKILL in the third mini-batch of the second epoch; then to the end."""
    state, metrics = tmp_path / "state.pt", tmp_path / "metrics.jsonl"
    script = CHILD.format(last=7, state=str(state), metrics=str(metrics))
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    kept = torch.load(state, weights_only=True)
    assert (len(kept["history"]), kept["unfinished"]["done"]) == (1, 2)
    options = {"epochs": 3, "batch_size": 25, "optimizer": "sgd", "learning_rate": 0.05, "augment": "crop_flip"}
    straight, fresh = lenet5(binarizer="irnet"), shake(lenet5(binarizer="irnet"))
    train(straight, small, **options)
    rest = train(fresh, small, checkpoint=state, metrics=metrics, **options)
    assert rest.resumed_from == 1 and equal(straight, fresh)
    assert [json.loads(line)["epoch"] for line in metrics.read_text().splitlines()] == [1, 2, 3]


def test_a_line_that_was_noted_but_not_kept_is_gone_after_a_resume(small, tmp_path):
    state, metrics = tmp_path / "state.pt", tmp_path / "metrics.jsonl"
    train(lenet5(), small, epochs=2, batch_size=50, checkpoint=state, metrics=metrics)
    good = metrics.read_text()
    metrics.write_text(good + '{"epoch": 3}\n' + '{"epo')
    train(lenet5(), small, epochs=2, batch_size=50, checkpoint=state, metrics=metrics)
    assert metrics.read_text() == good
    metrics.write_text("")
    Journal(metrics, [{"epoch": 1}]).add({"epoch": 2})
    assert [json.loads(line)["epoch"] for line in metrics.read_text().splitlines()] == [1, 2]


def test_what_was_done_before_a_resume_is_reported_first(small, tmp_path):
    options = {"epochs": 2, "batch_size": 25, "checkpoint": tmp_path / "state.pt"}
    for _ in range(3):
        train(lenet5(), small, stop_after=0.0, **options)
    calls = []
    train(lenet5(), small, progress=lambda *call: calls.append(call), **options)
    assert calls[0] == (3, 8, "resumed") and [call[:2] for call in calls[1:]] == [(4, 8), (8, 8)]


def test_checkpoints_within_an_epoch_come_when_their_time_has_come(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    saved = []
    pauses = Pauses(30.0, 100.0, saved.append)
    assert not pauses.due()
    now[0] = 130.0
    assert pauses.due() and not pauses.take(Unfinished(done=1)) and not pauses.due()
    now[0] = 159.0
    assert not pauses.due()
    now[0] = 200.0
    assert pauses.due() and pauses.over and pauses.take(Unfinished(done=2))
    assert [one.done for one in saved] == [1, 2]
    assert not Pauses(None, None, saved.append).due()


def test_a_stop_at_the_end_of_an_epoch_starts_no_other(small, tmp_path, monkeypatch):
    """The time is over during the last mini-batch of an epoch: the epoch is finished and written."""
    monkeypatch.setattr(Pauses, "due", lambda self: False)
    part = train(lenet5(), small, epochs=3, batch_size=25, checkpoint=tmp_path / "state.pt", stop_after=0.0)
    assert len(part.history) == 1 and not part.finished and "1 of 3 epochs and 0 of 4" in part.note


@pytest.mark.parametrize("wrong", [{"stop_after": 1.0}, {"checkpoint_every": 1.0}, {"stop_after": -1.0, "checkpoint": "x"}])
def test_pauses_need_a_checkpoint_and_a_time(small, wrong):
    with pytest.raises(ParameterError) as caught:
        train(lenet5(), small, **wrong)
    assert next(iter(wrong)) in caught.value.where


def test_a_checkpoint_of_another_version_is_refused(small, tmp_path):
    path = tmp_path / "state.pt"
    train(lenet5(), small, epochs=1, batch_size=50, checkpoint=path)
    state = torch.load(path, weights_only=True)
    torch.save({**state, "schema": "spinbnn.checkpoint/1"}, path)
    with pytest.raises(DataError, match="checkpoint/1"):
        train(lenet5(), small, epochs=1, batch_size=50, checkpoint=path)
    torch.save({**state, "unfinished": {"done": 1, "sum": 2.0}}, path)
    with pytest.raises(DataError, match="cannot be read"):
        load_state(path, lenet5(), torch.optim.SGD(lenet5().parameters()), {})


def test_clipped_probabilities_are_counted(small):
    """Eq. 22 at sigma = 10 points clips p = 0.1 in 16 % of the draws; without a profile nothing is clipped."""
    row = train(lenet5(), small, epochs=1, batch_size=2, profile=HardwareProfile.gaussian(0.1, 0.1)).history[0]
    drawn = 50 * 5
    assert abs(row["drop_probability_clipped"] - 0.1587 * drawn) < 5 * (0.1587 * 0.8413 * drawn) ** 0.5
    assert train(lenet5(p=0.0), small, epochs=1, batch_size=50).history[0]["drop_probability_clipped"] == 0
