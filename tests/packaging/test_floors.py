"""The contracts of the floors (import-linter): kept, and able to be broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", LINT], cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def copy(checkout: Path, tmp_path: Path) -> Path:
    """A copy of the package and of its contracts, to be spoiled."""
    shutil.copytree(checkout / "spinbnn", tmp_path / "spinbnn", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(checkout / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_are_kept(checkout: Path) -> None:
    done = lint(checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("device/switching/barriers.py", "from ...hardware import cost"),
        ("crossbar/mapping.py", "import torch"),
        ("hardware/cost.py", "import PySpice"),
        ("bayes/metrics/scores.py", "from ...data import load"),
        ("errors.py", "from . import units"),
    ],
)
def test_a_broken_contract_is_found(copy: Path, file: str, line: str) -> None:
    path = copy / "spinbnn" / file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("from __future__ import annotations\n", f"from __future__ import annotations\n{line}\n", 1), encoding="utf-8")
    assert line in path.read_text(encoding="utf-8")
    done = lint(copy)
    assert done.returncode != 0 and "BROKEN" in done.stdout, done.stdout + done.stderr
