from __future__ import annotations

import numpy as np
import pytest
import torch
from stand_ins import StandInProfile, shake
from tolerances import CANCELLED_GRADIENT, STANDARD_ERRORS

from spinbnn.bayes import accuracy, predict
from spinbnn.data import load
from spinbnn.errors import DataError, ParameterError
from spinbnn.nn import drop_probabilities, dropout_layers, set_drop_probabilities
from spinbnn.nn.models import lenet5
from spinbnn.training import shift_images, train
from spinbnn.training.loop import point_accuracy


@pytest.fixture(scope="module")
def small():
    return load("digits").subset(train=200, test=50).with_validation(50)


def equal(first, second):
    return all(
        torch.equal(a, b)
        for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


class Killed(Exception):
    pass


def kill_after(epochs, steps):
    """A progress callback that ends the process's work after so many epochs."""

    def progress(done, total, text):
        if done == epochs * steps:
            raise Killed

    return progress


@pytest.mark.parametrize("augment", ["none", "shift"])
def test_a_killed_and_resumed_run_equals_an_unbroken_one(small, tmp_path, augment):
    options = {"epochs": 3, "batch_size": 25, "augment": augment, "seed": 5, "profile": StandInProfile()}
    straight, broken = lenet5(), lenet5()
    whole = train(straight, small, **options)
    with pytest.raises(Killed):
        train(broken, small, checkpoint=tmp_path / "run" / "state.pt", progress=kill_after(1, 6), **options)
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["state.pt"]
    fresh = shake(lenet5())
    rest = train(fresh, small, checkpoint=tmp_path / "run" / "state.pt", **options)
    assert rest.resumed_from == 1
    assert equal(straight, fresh)
    for mine, other in zip(whole.history, rest.history, strict=True):
        assert {k: v for k, v in mine.items() if k != "seconds"} == {
            k: v for k, v in other.items() if k != "seconds"
        }
    again = train(fresh, small, checkpoint=tmp_path / "run" / "state.pt", **options)
    assert again.resumed_from == 3 and equal(straight, fresh)


def test_resume_false_starts_anew(small, tmp_path):
    path, options = tmp_path / "state.pt", {"epochs": 1, "batch_size": 50}
    train(lenet5(), small, checkpoint=path, **options)
    result = train(lenet5(), small, checkpoint=path, resume=False, **options)
    assert result.resumed_from == 0


@pytest.fixture(scope="module")
def stored(small, tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "state.pt"
    train(lenet5(), small, epochs=1, batch_size=50, checkpoint=path)
    return path


@pytest.mark.parametrize(
    "network, options, key",
    [
        ({}, {"epochs": 2}, "epochs"),
        ({}, {"batch_size": 25}, "batch_size"),
        ({}, {"learning_rate": 0.5}, "learning_rate"),
        ({}, {"seed": 1}, "seed"),
        ({}, {"weight_decay": 0.0}, "weight_decay"),
        ({}, {"scale_decay": 0.0}, "scale_decay"),
        ({}, {"augment": "shift"}, "augment"),
        ({}, {"shift": 1}, "shift"),
        ({}, {"profile": StandInProfile()}, "profile"),
        ({"p": 0.3}, {}, "p"),
        ({"first": "bit_serial"}, {}, "model.first"),
        ({"first": "digital"}, {}, "model.first"),
        ({"last": "digital"}, {}, "model.last"),
        ({"placement": "pre_bn"}, {}, "model.placement"),
        ({"alpha_init": "normal"}, {}, "model.alpha_init"),
        ({"seed": 1}, {}, "model.seed"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(small, stored, network, options, key):
    model = lenet5(**network)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ParameterError, match="comes from a run with another") as caught:
        train(model, small, **{"epochs": 1, "batch_size": 50, "checkpoint": stored, **options})
    assert key in caught.value.what.split("another ")[1].split(", ")
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("constant", ["ALPHA_EPS", "ADAM"])
def test_a_checkpoint_of_another_optimiser_or_network_is_refused(small, stored, monkeypatch, constant):
    other = {"ALPHA_EPS": 1e-3, "ADAM": {"betas": (0.9, 0.99), "eps": 1e-8}}[constant]
    monkeypatch.setattr(f"spinbnn.training.optimizers.{constant}", other)
    with pytest.raises(ParameterError, match="another adam"):
        train(lenet5(), small, epochs=1, batch_size=50, checkpoint=stored)
    monkeypatch.undo()
    renamed = lenet5()
    renamed.name = "lenet5-wide"
    with pytest.raises(ParameterError, match="another model"):
        train(renamed, small, epochs=1, batch_size=50, checkpoint=stored)


def test_a_damaged_checkpoint_is_refused(small, tmp_path):
    path = tmp_path / "state.pt"
    train(lenet5(), small, epochs=1, batch_size=50, checkpoint=path)
    for content in (path.read_bytes()[:500], b"", b"no checkpoint"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="cannot be read"):
            train(lenet5(), small, epochs=1, batch_size=50, checkpoint=path)


def test_seeds_decide_and_global_randomness_does_not(small):
    models = [lenet5() for _ in range(3)]
    for model, seed, noise in zip(models, (1, 1, 2), (0, 1, 2), strict=True):
        torch.manual_seed(noise)
        np.random.default_rng(noise)
        train(model, small, epochs=1, batch_size=50, seed=seed)
    assert equal(models[0], models[1]) and not equal(models[0], models[2])


def test_masks_follow_the_drop_probabilities(small):
    model = lenet5()
    set_drop_probabilities(model, [0.0, 1.0, 0.5, 0.5, 0.0])
    train(model, small, epochs=10, batch_size=10)
    kept, dropped = zip(*(layer.batches.tolist() for layer in dropout_layers(model)), strict=True)
    assert dropped[0] == 0 and kept[1] == 0 and dropped[4] == 0
    assert abs(dropped[2] - 75) < STANDARD_ERRORS * (150 / 4) ** 0.5
    assert abs(dropped[3] - 75) < STANDARD_ERRORS * (150 / 4) ** 0.5
    assert [k + d for k, d in zip(kept, dropped, strict=True)] == [150] * 5


def test_layers_draw_their_bits_independently(small):
    model, seen = lenet5(p=0.5), []
    for layer in dropout_layers(model):
        layer.register_forward_pre_hook(
            lambda module, _: seen.append(module.forced) if module.training else None
        )
    train(model, small, epochs=10, batch_size=10)
    bits = np.array(seen).reshape(150, 5)
    agree = (bits[:, :, None] == bits[:, None, :]).sum(0)[np.triu_indices(5, 1)]
    assert np.abs(agree - 75).max() < STANDARD_ERRORS * (150 / 4) ** 0.5


class Alternating(StandInProfile):
    """A chip that always keeps, then one that always drops, and so on."""

    def sample_drop_probabilities(self, n, seed):
        return np.repeat(np.arange(n)[:, None] % 2, 5, axis=1).astype(float)


def test_each_mini_batch_has_its_own_chip(small):
    model = lenet5()
    result = train(model, small, epochs=2, batch_size=25, profile=Alternating())
    assert [layer.batches.tolist() for layer in dropout_layers(model)] == [[6, 6]] * 5
    assert [row["drop_probability_mean"] for row in result.history] == [0.5, 0.5]
    assert [row["drop_probability_std"] for row in result.history] == [0.5, 0.5]


def test_a_profile_supplies_the_probabilities_of_each_mini_batch(small):
    profile, model = StandInProfile(p=(0.0, 1.0, 0.0, 1.0, 0.0), spread=0.0), lenet5(p=0.5)
    train(model, small, epochs=2, batch_size=50, profile=profile)
    assert [layer.batches.tolist() for layer in dropout_layers(model)] == [[6, 0], [0, 6]] * 2 + [[6, 0]]
    assert [n for n, _ in profile.asked] == [3, 3] and profile.asked[0][1] != profile.asked[1][1]
    assert drop_probabilities(model).tolist() == [0.5] * 5
    with pytest.raises(ParameterError, match="another number"):
        train(lenet5(), small, epochs=1, batch_size=50, profile=StandInProfile(p=(0.2,) * 4))


@pytest.mark.parametrize("placement", ["dual_bn", "pre_bn"])
def test_scales_without_gradient_are_reported_and_stay_where_they_are(small, placement):
    model = lenet5(placement=placement, p=0.1, alpha_init="ones")
    result = train(model, small, epochs=3, batch_size=25, learning_rate=1e-2)
    assert result.alpha_without_gradient and placement in result.note
    assert result.history[-1]["alpha_gradient"] < CANCELLED_GRADIENT
    assert max(float((layer.alpha.detach() - 1).abs().max()) for layer in dropout_layers(model)) < 1e-3


def test_point_accuracy_restores_the_modes(small):
    model = lenet5()
    model.norm2.eval()
    point_accuracy(model, small.test_images, small.test_labels)
    assert model.training and model.norm3.training and not model.norm2.training
    with pytest.raises(ParameterError):
        point_accuracy(model, small.test_images[:, :, :20], small.test_labels)
    assert model.training and model.norm3.training and not model.norm2.training


def test_threads_and_modes_are_restored(small):
    before = torch.get_num_threads()
    model = lenet5().eval()
    seen = []
    train(
        model,
        small,
        epochs=1,
        batch_size=50,
        threads=1,
        progress=lambda *_: seen.append(torch.get_num_threads()),
    )
    assert seen == [1] and torch.get_num_threads() == before and not model.training


def test_progress_and_history(small):
    calls = []
    result = train(lenet5(), small, epochs=2, batch_size=50, progress=lambda *call: calls.append(call))
    assert [call[:2] for call in calls] == [(3, 6), (6, 6)]
    assert "epoch 2/2" in calls[-1][2] and "validation" in calls[-1][2]
    assert [row["epoch"] for row in result.history] == [1, 2]
    assert result.history[0]["learning_rate"] == 1e-3 and result.history[1]["learning_rate"] == pytest.approx(
        5e-4
    )
    alone = train(lenet5(), load("digits").subset(train=60), epochs=1, batch_size=30)
    assert alone.history[0]["validation_accuracy"] is None


@pytest.mark.parametrize(
    "options",
    [{"epochs": 0}, {"batch_size": 1}, {"batch_size": 1000}, {"learning_rate": 0.0}, {"augment": "flip"}],
)
def test_wrong_options_are_refused(small, options):
    with pytest.raises(ParameterError) as caught:
        train(lenet5(), small, **options)
    assert next(iter(options)) in caught.value.where


def test_shift_moves_each_image_and_loses_nothing_inside():
    x = torch.zeros(200, 1, 9, 9)
    x[:, 0, 4, 4] = 1.0
    y = shift_images(x, 2, np.random.default_rng(0))
    assert bool((y.flatten(1).sum(1) == 1).all())
    places = y.flatten(1).argmax(1)
    rows, columns = places // 9, places % 9
    assert sorted(rows.unique().tolist()) == sorted(columns.unique().tolist()) == [2, 3, 4, 5, 6]
    assert torch.equal(shift_images(x, 0, np.random.default_rng(0)), x)
    corner = torch.ones(50, 1, 4, 4)
    assert sorted(shift_images(corner, 1, np.random.default_rng(1)).flatten(1).sum(1).unique().tolist()) == [
        9,
        12,
        16,
    ]


def test_a_few_epochs_on_the_digits_beat_80_percent():
    data, model = load("digits"), lenet5(first="digital", last="digital", p=0.1)
    train(model, data, epochs=5, batch_size=32, learning_rate=3e-3)
    prediction = predict(model, data.test_images, "exact")
    assert accuracy(prediction.mean, data.test_labels) > 0.8
