"""Fixtures of all tests: the simulator, the data, and a guard of global state."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest


def _has_ngspice() -> bool:
    from spinbnn.circuit.simulator import find_ngspice
    from spinbnn.errors import SpinbnnError

    try:
        return find_ngspice().executable is not None
    except SpinbnnError:
        return shutil.which("ngspice") is not None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what the machine cannot do, with the reason and the remedy."""
    if not any(item.get_closest_marker("spice") for item in items) or _has_ngspice():
        return
    skip = pytest.mark.skip(reason="ngspice is not installed (apt-get install ngspice libngspice0)")
    for item in items:
        if item.get_closest_marker("spice"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the real data sets, or skip."""
    root = os.environ.get("SPINBNN_DATA", "")
    if not root or not Path(root).is_dir():
        pytest.skip("SPINBNN_DATA names no folder with data sets")
    return Path(root)


@pytest.fixture(autouse=True)
def no_global_randomness() -> object:
    """Fail a test that draws from a global random generator: every draw has a named stream."""
    before = random.getstate(), np.random.get_state()[1].copy(), np.random.get_state()[2]  # noqa: NPY002
    yield
    after = random.getstate(), np.random.get_state()[1], np.random.get_state()[2]  # noqa: NPY002
    assert after[2] == before[2] and np.array_equal(after[1], before[1]), "the test moved numpy's global generator; use spinbnn.rng.stream"
