"""The set-up: pins, the two commands, and the root-free ngspice."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from spinbnn.circuit import Deck, NgspiceBatch, NgspiceShared
from spinbnn.circuit.simulator import find_ngspice

INSTALLED_EXTRAS = ("spice", "nn", "fast", "report", "dev")


def declared(checkout: Path) -> list[Requirement]:
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in INSTALLED_EXTRAS for line in project["optional-dependencies"][extra])]
    return [Requirement(line) for line in lines]


def pins(checkout: Path) -> dict[str, Requirement]:
    lines = [line for line in (checkout / "constraints.txt").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    found = {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines}
    assert len(found) == len(lines), "a package is pinned twice"
    return found


def test_every_declared_package_is_pinned_to_what_it_asks_for(checkout: Path) -> None:
    pinned = pins(checkout)
    for requirement in declared(checkout):
        (pin,) = pinned[canonicalize_name(requirement.name)].specifier
        assert pin.operator == "==" and requirement.specifier.contains(pin.version), requirement
        assert not Version(pin.version).local, "a local build is no version for others"


def test_the_pins_are_what_is_tested(checkout: Path) -> None:
    """Only where the set-up made the environment: a user may test with newer versions."""
    if not (checkout / ".venv" / "setup.stamp").is_file():
        pytest.skip("this environment was not made by 'make setup'")
    declared_names = {canonicalize_name(r.name) for r in declared(checkout)}
    assert {n: version(n) for n in declared_names if not pins(checkout)[n].specifier.contains(version(n))} == {}


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(["make", *arguments], cwd=checkout, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_the_commands_set_up_first_and_test_last(checkout: Path) -> None:
    lines = {target: make(checkout, "-n", target).stdout.splitlines() for target in ("run", "test", "test-all")}
    assert [("setup.sh python" in line, "setup.sh ngspice" in line) for line in lines["run"][:2]] == [(True, False), (False, True)]
    assert lines["run"][-1].endswith("spinbnn run quickstart")
    for target in ("test", "test-all"):
        assert "setup.sh python" in lines[target][0] and "pytest" in lines[target][-1]
        assert all(any(tool in line for line in lines[target]) for tool in ("ruff", "mypy", "lint-imports"))
    assert "not slow" in lines["test"][-1] and "not slow" not in lines["test-all"][-1]


def test_the_check_is_executable(checkout: Path) -> None:
    script = checkout / ".ci" / "run"
    assert os.access(script, os.X_OK) and "set -euo pipefail" in script.read_text(encoding="utf-8")


def setup(folder: Path, part: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", str(folder / "tools" / "setup.sh"), part], capture_output=True, text=True, timeout=300, check=False)


def test_a_wrong_part_is_one_line_with_the_remedy(checkout: Path) -> None:
    done = setup(checkout, "everything")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "'everything'" in done.stderr and "remedy" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("apt-get") is None, reason="no apt-get")
def test_ngspice_unpacked_without_root_runs(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the user who runs the tests; nothing outside the folder is written."""
    (tmp_path / "tools").mkdir()
    shutil.copy(checkout / "tools" / "setup.sh", tmp_path / "tools")
    done = setup(tmp_path, "unpack")
    log = (tmp_path / ".venv" / "setup.log").read_text(encoding="utf-8")
    if done.returncode and ("Could not resolve" in log or "Could not connect" in log):
        pytest.skip("no package archive can be reached")
    assert done.returncode == 0, done.stderr
    prefix = tmp_path / ".ngspice"
    monkeypatch.setenv("SPINBNN_NGSPICE", str(prefix))
    found = find_ngspice()
    assert found.prefix == str(prefix) and found.version and found.library and found.library.startswith(str(prefix))
    deck = Deck(text="V1 a 0 1\nR1 a b 1e3\nR2 b 0 3e3", save=("v(b)",))
    for driver in (NgspiceShared, NgspiceBatch):
        with driver(workers=1, timeout=60.0, installation=found) as simulator:
            (result,) = simulator.run([deck])
        assert float(result.require().waveforms["v(b)"][0]) == pytest.approx(0.75, rel=1e-9)
