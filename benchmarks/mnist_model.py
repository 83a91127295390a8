"""The trained LeNet-5 that the benchmarks of the crossbar share: read from a file, or trained once and written there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from spinbnn.data import ImageData, load
from spinbnn.nn.models import lenet5
from spinbnn.training import load_model, save_weights, train

WEIGHTS = "runs/crossbar/lenet5.safetensors"


def trained(path: str, epochs: int, *, seed: int = 0) -> tuple[Any, ImageData]:
    """Return the network in eval mode and MNIST (``$SPINBNN_DATA/mnist``).

    Parameters
    ----------
    path : str
        Weights, of ``spinbnn run mnist_lenet5`` or of a former call; if the file is missing, the network is trained and written.
    epochs : int
        Length of that training, settings as of ``flows/mnist_lenet5.toml``.
    seed : int
        Of weights and training.
    """
    data = load("mnist")
    file = Path(path)
    if not file.is_file():
        model = lenet5(seed=seed)
        train(model, data, epochs=epochs, batch_size=200, learning_rate=0.01, augment="shift", shift=1, seed=seed, progress=_say)
        file.parent.mkdir(parents=True, exist_ok=True)
        save_weights(file, model, {"data": data.name, "epochs": epochs, "seed": seed})
    model = load_model(file)
    model.eval()
    torch.set_num_threads(1)
    return model, data


def _say(done: int, total: int, text: str) -> None:
    if "train" in text:
        print(f"{done}/{total} {text}", flush=True)
