"""Optimisers, schedules, annealing, networks without dropout, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from spinbnn.data import load
from spinbnn.errors import DataError, ParameterError
from spinbnn.hardware import HardwareProfile
from spinbnn.nn import dropout_layers
from spinbnn.nn.binarizers import Binarizer
from spinbnn.nn.models import lenet5
from spinbnn.training import objective, train
from spinbnn.training.optimizers import ALPHA_EPS, make_optimizer
from spinbnn.training.schedules import learning_rate_at


@pytest.fixture(scope="module")
def small():
    return load("digits").subset(train=120, test=20)


def rates(**options):
    return [learning_rate_at(k, steps=5, epochs=4, learning_rate=2.0, **options) for k in range(20)]


def test_cosine_falls_from_the_first_step_after_the_warm_up_to_nothing():
    plain, warm = rates(), rates(warmup=1)
    assert plain == [1.0 + math.cos(math.pi * k / 20) for k in range(20)]
    assert warm[:5] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0])
    assert warm[5:] == [1.0 + math.cos(math.pi * k / 15) for k in range(15)]


def test_steps_and_constant():
    stepped = rates(schedule="step", milestones=(1, 3), factor=0.5)
    assert stepped == [2.0] * 5 + [1.0] * 10 + [0.5] * 5
    assert rates(schedule="constant") == [2.0] * 20
    assert rates(schedule="constant", warmup=2)[:10] == pytest.approx([0.2 * k for k in range(1, 11)])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"schedule": "cosin"}, "schedule"),
        ({"warmup": 3}, "warmup"),
        ({"warmup": -1}, "warmup"),
        ({"milestones": [1]}, "milestones"),
        ({"schedule": "step"}, "milestones"),
        ({"schedule": "step", "milestones": [2, 1]}, "milestones"),
        ({"schedule": "step", "milestones": [1, 1]}, "milestones"),
        ({"schedule": "step", "milestones": [3]}, "milestones"),
        ({"schedule": "step", "milestones": [1.5]}, "milestones"),
        ({"schedule": "step", "milestones": [1], "factor": 1.0}, "factor"),
        ({"optimizer": "adamw"}, "optimizer"),
        ({"momentum": 1.0}, "momentum"),
        ({"optimizer": "sgd", "momentum": 0.0}, "momentum"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"weight_decay": -1e-5}, "weight_decay"),
        ({"scale_decay": float("nan")}, "scale_decay"),
        ({"device": "gpu"}, "device"),
        ({"device": "cuda:99"}, "device"),
    ],
)
def test_bad_recipes_are_named(small, options, named):
    if options.get("device", "").startswith("cuda") and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(ParameterError) as caught:
        train(lenet5(), small, epochs=3, batch_size=50, **options)
    assert named in caught.value.where


def test_each_step_has_its_learning_rate(small, monkeypatch):
    seen = []
    step = torch.optim.SGD.step
    monkeypatch.setattr(
        torch.optim.SGD, "step", lambda self, *args: (seen.append(self.param_groups[0]["lr"]), step(self, *args))[1]
    )
    result = train(lenet5(), small, epochs=2, batch_size=60, optimizer="sgd", learning_rate=0.1, warmup=1)
    assert seen == [learning_rate_at(k, steps=2, epochs=2, learning_rate=0.1, warmup=1) for k in range(4)]
    assert [row["learning_rate"] for row in result.history] == [0.05, 0.1]


def test_sgd_is_the_hand_written_rule_and_decays_the_proxies_alone(small):
    """Two steps of Nesterov's momentum with L2 on W; alpha, norms: no decay."""
    mine, other = lenet5(placement="prestat", p=0.0), lenet5(placement="prestat", p=0.0)
    data = load("digits").subset(train=50, test=20)
    options = {"optimizer": "sgd", "learning_rate": 0.1, "schedule": "constant", "scale_decay": 0.0}
    train(mine, data, epochs=2, batch_size=50, weight_decay=0.01, **options)
    velocity, decayed = {}, {f"{name}.weight" for name in ("conv1", "conv2", "fc1", "fc2", "fc3")}
    from spinbnn.nn import fixed_masks
    from spinbnn.rng import stream

    other.train()
    for epoch in range(2):
        order = torch.from_numpy(stream(0, "order", epoch).permutation(50))
        with fixed_masks(other, [0] * 5):
            loss = nn.functional.cross_entropy(other(data.train_images[order]), data.train_labels[order])
        other.zero_grad()
        loss.backward()
        with torch.no_grad():
            for name, value in other.named_parameters():
                gradient = value.grad + (0.02 * value if name in decayed else 0.0)
                velocity[name] = gradient if epoch == 0 else 0.9 * velocity[name] + gradient
                value -= 0.1 * (gradient + 0.9 * velocity[name])
    for (name, one), two in zip(mine.named_parameters(), other.parameters(), strict=True):
        assert torch.allclose(one, two, rtol=1e-4, atol=1e-6), name


def test_adam_holds_back_cancelled_scales_alone():
    for placement, eps in {"dual_bn": ALPHA_EPS, "pre_bn": ALPHA_EPS, "prestat": 1e-8, "gamma": 1e-8}.items():
        model = lenet5(placement=placement)
        optimizer = make_optimizer(model, "adam", learning_rate=1e-3)
        alphas = [layer.alpha for layer in dropout_layers(model)]
        found = {id(p): group["eps"] for group in optimizer.param_groups for p in group["params"]}
        assert {found[id(alpha)] for alpha in alphas} == {eps}
        assert len(found) == len(list(model.parameters()))


def test_label_smoothing_is_torchs(small):
    logits, labels = torch.randn(4, 10, generator=torch.Generator().manual_seed(0)), torch.arange(4)
    plain = {"weight_decay": 0.0, "scale_decay": 0.0}
    assert objective(lenet5(), logits, labels, label_smoothing=0.2, **plain).item() == pytest.approx(
        0.8 * nn.functional.cross_entropy(logits, labels).item() - 0.2 * logits.log_softmax(1).mean().item()
    )
    one, two = (train(lenet5(), small, epochs=1, batch_size=60, label_smoothing=s).history[0]["loss"] for s in (0.0, 0.1))
    assert one != two


def test_binarisers_are_told_the_progress_of_each_epoch(small, monkeypatch):
    told = {}
    monkeypatch.setattr(Binarizer, "anneal", lambda self, progress: told.setdefault(id(self), []).append(progress))
    model = lenet5(last="digital")
    train(model, small, epochs=4, batch_size=60)
    assert len(told) == sum(isinstance(module, Binarizer) for module in model.modules()) >= 4
    assert all(row == [0.0, 0.25, 0.5, 0.75, 1.0] for row in told.values())


def test_annealing_changes_what_is_learnt(small):
    sharp = lenet5(binarizer="irnet")
    flat = lenet5(binarizer="irnet")
    for module in flat.modules():
        if isinstance(module, Binarizer):
            module.anneal = lambda progress: None
    for model in (sharp, flat):
        train(model, small, epochs=3, batch_size=40)
    assert not torch.equal(sharp.conv2.weight, flat.conv2.weight)


def plain_network():
    draw = torch.Generator().manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.BatchNorm1d(32), nn.Hardtanh(), nn.Linear(32, 10))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.uniform_(-0.05, 0.05, generator=draw)
    return net


def test_a_network_without_scale_dropout_trains_and_resumes(small, tmp_path):
    one, two = plain_network(), plain_network()
    result = train(one, small, epochs=4, batch_size=30)
    row = result.history[-1]
    assert row["loss"] < result.history[0]["loss"] and not result.alpha_without_gradient and result.note == ""
    assert row["drop_probability_mean"] is None and row["alpha_gradient"] is None
    for _ in range(2):
        train(two, small, epochs=4, batch_size=30, checkpoint=tmp_path / "state.pt", stop_after=0.0)
    train(two, small, epochs=4, batch_size=30, checkpoint=tmp_path / "state.pt")
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    with pytest.raises(ParameterError, match="no scale-dropout"):
        train(plain_network(), small, epochs=1, profile=HardwareProfile.gaussian(0.2, 0.03))


def test_what_cannot_be_trained_is_refused(small):
    with pytest.raises(ParameterError, match="global random state"):
        train(nn.Sequential(plain_network(), nn.Dropout(0.5)), small, epochs=1)
    broken = lenet5()
    with torch.no_grad():
        broken.conv2.weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(DataError, match="not finite") as caught:
        train(broken, small, epochs=1)
    assert "conv2.weight" in str(caught.value)
    with pytest.raises(ParameterError, match="out of the network's range") as caught:
        train(lenet5(classes=5), small, epochs=1, batch_size=50)
    assert caught.value.value == 9
    empty = small.subset(train=0)
    with pytest.raises(ParameterError, match="no training images"):
        train(lenet5(), empty, epochs=1)


def test_a_training_that_diverges_stops_and_writes_no_checkpoint(small, tmp_path):
    model = plain_network()
    with pytest.raises(ParameterError, match="diverged"):
        train(
            model, small, epochs=3, batch_size=30, learning_rate=1e30, optimizer="sgd",
            checkpoint=tmp_path / "state.pt", checkpoint_every=0.0,
        )  # fmt: skip
    if (tmp_path / "state.pt").exists():  # one from before
        kept = torch.load(tmp_path / "state.pt", weights_only=True)
        assert math.isfinite(kept["unfinished"]["loss"])


def test_no_checkpoint_holds_a_nan_that_a_finite_loss_did_not_show(small, tmp_path):
    """The gradient of the last mini-batch is infinite: the loss was finite, the weights after it are not."""
    model = lenet5(seed=1)
    seen = [0]

    def spoil(gradient):
        seen[0] += 1
        return gradient * math.nan if seen[0] == 4 else gradient

    next(model.parameters()).register_hook(spoil)
    path = tmp_path / "c.pt"
    with pytest.raises(DataError, match="not finite") as caught:
        train(model, small, epochs=2, batch_size=60, checkpoint=path)
    assert "epoch 2" in caught.value.where
    state = torch.load(path, weights_only=True)
    assert len(state["history"]) == 1 and all(v.isfinite().all() for v in state["model"].values())
    assert train(lenet5(seed=1), small, epochs=2, batch_size=60, checkpoint=path).resumed_from == 1


@pytest.mark.parametrize(
    "option", [{"epochs": 1.5}, {"epochs": True}, {"batch_size": 10.5}, {"learning_rate": math.inf}, {"weight_decay": math.inf}, {"scale_decay": math.nan}, {"shift": -1},
               {"device": "cuda:banana"}, {"device": "cuda:99"}, {"device": "meta"}],
)  # fmt: skip
def test_numbers_and_devices_that_cannot_be(small, option):
    with pytest.raises(ParameterError) as caught:
        train(lenet5(seed=1), small, **option)
    assert f"argument '{next(iter(option))}'" in caught.value.where


def test_deterministic_algorithms_are_restored(small):
    seen = []
    train(
        lenet5(), small, epochs=1, batch_size=50, deterministic=True, device="cpu",
        progress=lambda *_: seen.append(torch.are_deterministic_algorithms_enabled()),
    )  # fmt: skip
    assert seen == [True] and not torch.are_deterministic_algorithms_enabled()
