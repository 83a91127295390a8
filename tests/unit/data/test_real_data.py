"""The real files, where they are: known counts, hashes and means."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from spinbnn.data import available, load
from spinbnn.data.downloads import file_checksum
from spinbnn.data.sources import SOURCES

pytestmark = pytest.mark.data


def present(name, root):
    if not available(root)[name]:
        pytest.skip(f"{name} is not in SPINBNN_DATA")
    return load(name, root=root)


@pytest.mark.parametrize(
    ("name", "mean", "std"), [("mnist", 0.1307, 0.3081), ("fashion-mnist", 0.2860, 0.3530)]
)
def test_mnist_and_fashion(data_root, name, mean, std):
    data = present(name, data_root)
    assert data.train_images.shape == (60_000, 1, 28, 28) and data.test_images.shape == (10_000, 1, 28, 28)
    assert (round(data.statistics.mean[0], 4), round(data.statistics.std[0], 4)) == (mean, std)  # known to everybody
    for remote in SOURCES[name].files:
        path = data_root / name / remote.name
        if path.exists():
            assert file_checksum(path, "sha256") == remote.checksum


def test_kmnist_has_a_thousand_images_a_class(data_root):
    data = present("kmnist", data_root)
    assert np.bincount(data.test_labels).tolist() == [1000] * 10 and data.shape == (1, 28, 28)


def test_cifar10(data_root):
    data = present("cifar-10", data_root)
    assert data.train_images.shape == (50_000, 3, 32, 32) and data.class_names[3] == "cat"
    assert np.bincount(data.train_labels).tolist() == [5000] * 10
    assert np.bincount(data.test_labels).tolist() == [1000] * 10
    assert np.allclose(data.statistics.mean, [0.4914, 0.4822, 0.4465], atol=3e-4)  # JPEG copies keep the means
    assert "as published" in data.source or "JPEG q75" in data.source or "unknown" in data.source


@pytest.mark.slow
def test_cifar10_and_its_mini_batches_fit_into_memory(data_root):
    """Loading, a validation part and a batch stay far below the 1.5 GB that training may take."""
    present("cifar-10", data_root)
    code = (
        "import resource, sys, torch\n"
        "from spinbnn.data import load, augment\n"
        "import numpy as np\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "data = load('cifar-10', root=sys.argv[1]).with_validation(5000)\n"
        "augment(data.train_images[:128], 'crop_flip', np.random.default_rng(0))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(data_root)], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 1.0e9
