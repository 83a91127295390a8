"""Fixtures of the packaging tests: the checkout, fresh interpreters, and environments that lack packages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

HIDE = '''
import importlib.machinery, sys

HIDDEN = {hidden!r}

class PathFinder(importlib.machinery.PathFinder):
    """The usual finder in an environment in which some packages were never installed."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            return None
        return super().find_spec(name, path, target)

    @classmethod
    def find_distributions(cls, *args, **kwargs):
        for found in super().find_distributions(*args, **kwargs):
            name = found.metadata["Name"].lower()
            if {{"scikit-learn": "sklearn"}}.get(name, name) not in {{h.lower() for h in HIDDEN}}:
                yield found

sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = PathFinder
'''


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Root of the checkout (or unpacked sdist) that holds these tests."""
    return Path(__file__).resolve().parents[2]


@pytest.fixture
def fresh(tmp_path: Path) -> Run:
    """Run a fresh interpreter in an empty folder, with the spinbnn that is installed.

    ``fresh(*arguments, path=[...], environment={...})``: ``path`` goes in front of the module search path.
    """

    def run(*arguments: str, path: Sequence[Path] = (), environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SPINBNN_")) and k != "NGSPICE_LIBRARY_PATH"}
        env |= {"PYTHONPATH": os.pathsep.join(map(str, path)), "OMP_NUM_THREADS": "1", "COLUMNS": "200"} | (environment or {})
        folder = tmp_path / "elsewhere"
        folder.mkdir(exist_ok=True)
        return subprocess.run([sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=500, check=False)

    return run


@pytest.fixture(scope="session")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the checkout, built without the network."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(checkout)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("spinbnn-*.whl")
    return path


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with that wheel in it, for the front of the module search path."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder), str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def without(tmp_path: Path, installed: Path, fresh: Run) -> Callable[..., Run]:
    """Return a runner for an environment without the named packages and without the program ngspice.

    spinbnn comes from a wheel there, because a checkout may hold an unpacked ngspice.
    """

    def make(*packages: str) -> Run:
        site, empty = tmp_path / "site", tmp_path / "bin"
        site.mkdir()
        empty.mkdir()
        (site / "sitecustomize.py").write_text(HIDE.format(hidden=packages), encoding="utf-8")
        return lambda *arguments: fresh(*arguments, path=[site, installed], environment={"PATH": str(empty)})

    return make
