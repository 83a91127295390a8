"""Training through the arrays."""

from __future__ import annotations

import warnings

import pytest
import torch

from spinbnn.crossbar.array_params import ArrayParams
from spinbnn.data import load
from spinbnn.errors import ParameterError
from spinbnn.hardware import HardwareProfile
from spinbnn.hardware.arrays import CrossbarSetup
from spinbnn.nn.hardware import FidelityWarning, to_hardware
from spinbnn.nn.models import lenet5
from spinbnn.training import train
from spinbnn.training.loop import point_accuracy

WIDE = CrossbarSetup(params=ArrayParams.load("array_100k").with_values(junction__parallel_resistance__sigma=0.3))


@pytest.fixture(scope="module")
def small():
    return load("digits").subset(train=200, test=50).with_validation(50)


def same(first, second):
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_a_resumed_run_equals_an_unbroken_one_and_other_arrays_are_refused(small, tmp_path):
    options = {"batch_size": 25, "seed": 5, "arrays": WIDE, "array_chips": 2}
    straight, plain, broken, fresh = lenet5(), lenet5(), lenet5(), lenet5()
    train(straight, small, epochs=2, **options)
    train(plain, small, epochs=2, batch_size=25, seed=5)
    assert not same(straight, plain)

    def stop(done, total, text):
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(broken, small, epochs=2, checkpoint=tmp_path / "state.pt", progress=stop, **options)
    assert not any(layer._forward_hooks for layer in broken.modules())
    assert train(fresh, small, epochs=2, checkpoint=tmp_path / "state.pt", **options).resumed_from == 1
    assert same(straight, fresh)
    for other in ({"arrays": None}, {"array_chips": 1}, {"array_strategy": 2}):
        with pytest.raises(ParameterError):
            train(lenet5(), small, epochs=2, checkpoint=tmp_path / "state.pt", **{**options, **other})


@pytest.mark.slow
def test_under_a_large_spread_training_through_the_arrays_beats_training_without():
    data = load("digits")
    profile = HardwareProfile.ideal(0.2).with_arrays(WIDE)
    accuracies = []
    for arrays in (None, WIDE):
        model = lenet5(seed=0)
        train(model, data, epochs=25, batch_size=50, learning_rate=0.01, seed=0, arrays=arrays)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FidelityWarning)
            chips = [to_hardware(model, profile, profile.chip(k), "table") for k in range(100, 120)]  # not those of the pool
        found = [point_accuracy(chip, data.test_images, data.test_labels) for chip in chips]
        accuracies.append(sum(found) / len(found))
    assert accuracies[1] > accuracies[0] + 0.01

