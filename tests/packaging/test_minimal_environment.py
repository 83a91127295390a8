"""Environments in which extras or ngspice are missing: what needs them says so, all else works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spinbnn.device import DeviceParams, SwitchingModel
from spinbnn.rng import stream

OPTIONAL = ("torch", "PySpice", "matplotlib", "sklearn", "jinja2", "numba", "safetensors", "pooch")
PUBLISHED_ENERGY = 1.78497e-7  # LeNet-5, paper accounting, 10 samples [J]


@pytest.fixture
def core(without):
    """Runner with the core packages only, and without the program ngspice."""
    return without(*OPTIONAL)


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    """Switching counts of the illustrative device."""
    model = SwitchingModel.from_params(DeviceParams.load("seed_eq23"))
    draw = stream(3, "counts")
    lines = ["current,pulse,trials,switched"]
    for target in (0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95):
        current = float(model.current_for(target, 1e-8))
        lines.append(f"{current!r},1e-8,2000,{draw.binomial(2000, target)}")
    path = tmp_path / "counts.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_packages_are_hidden_as_if_never_installed(core) -> None:
    done = core("-c", "import importlib.util as u; from spinbnn.provenance import version; print([u.find_spec('torch'), version('torch'), version('scikit-learn')])")
    assert done.stdout.strip() == "[None, None, None]", done.stderr


def test_doctor_without_extras(core) -> None:
    done = core("-m", "spinbnn", "doctor", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    states = {p["name"].lower(): (p["status"], p["extra"]) for p in said["packages"]}
    assert states["torch"] == ("missing", "nn") and states["pyspice"] == ("missing", "spice") and states["numpy"] == ("ok", "")
    assert said["problems"] == [] and said["gpu"] is None and said["data"] is None and said["ngspice"]["program"] is None
    assert any("thermal.delta" in line for line in said["assumed"]["seed_eq23"]) and said["assumed"]["cmos40lp"]
    assert said["resources"]["counts"]["device"] >= 2
    done = core("-m", "spinbnn", "doctor")
    assert done.returncode == 0 and "pip install 'spinbnn[nn]'" in done.stdout and "needs extra nn" in done.stdout


def test_doctor_finds_what_is_broken(fresh, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    (broken / "numba").mkdir(parents=True)
    (broken / "numba" / "__init__.py").write_text("raise OSError('libsvml.so: cannot open shared object file')\n")
    done = fresh("-m", "spinbnn", "doctor", "--json", path=[broken])
    assert done.returncode == 3, done.stderr
    assert any("numba" in line and "libsvml" in line for line in json.loads(done.stdout)["problems"])
    done = fresh("-m", "spinbnn", "doctor", environment={"SPINBNN_NGSPICE": str(tmp_path)})
    assert done.returncode == 3 and "SPINBNN_NGSPICE" in done.stdout and "Traceback" not in done.stderr


def test_device_commands_without_extras(core, counts: Path) -> None:
    done = core("-m", "spinbnn", "list")
    assert done.returncode == 0 and "seed_eq23" in done.stdout, done.stderr
    done = core("-m", "spinbnn", "fit", str(counts))
    assert done.returncode == 0 and "delta" in done.stdout, done.stderr
    done = core("-c", "import spinbnn; m = spinbnn.SwitchingModel.from_params(spinbnn.DeviceParams.load('seed_eq23')); print(float(m.probability(4e-4, 1e-8)))")
    assert 0.0 < float(done.stdout) < 1.0, done.stderr


def test_cost_without_extras(core) -> None:
    done = core("-m", "spinbnn", "cost", "lenet5", "--accounting", "paper", "--samples", "10", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["energy"] == pytest.approx(PUBLISHED_ENERGY, rel=5e-6, abs=0)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["-c", "from spinbnn import NgspiceShared; NgspiceShared()"], "spinbnn[spice]"),
        (["-c", "from spinbnn import NgspiceBatch; NgspiceBatch()"], "apt-get install"),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(core, arguments: list[str], named: str) -> None:
    done = core(*arguments)
    assert done.returncode == 1 and "MissingToolError" in done.stderr and named in done.stderr


@pytest.mark.parametrize("command", [["run", "quickstart"], ["evaluate", "no.safetensors", "--data", "digits"]])
def test_a_command_that_needs_torch_says_so(core, command: list[str]) -> None:
    done = core("-m", "spinbnn", *command)
    assert done.returncode == 3 and "spinbnn[nn]" in done.stderr and "Traceback" not in done.stderr, done.stderr


TRAIN = """
import importlib.util, shutil
assert importlib.util.find_spec("PySpice") is None and shutil.which("ngspice") is None
from spinbnn import HardwareProfile, LookupTable, predict
from spinbnn import resources
from spinbnn.bayes import evaluate
from spinbnn.data import load
from spinbnn.nn.models import lenet5
from spinbnn.training import train
profile = HardwareProfile.build(LookupTable.open(resources.find("table", "dropout_module")))
data = load("digits").subset(train=600, test=200)
model = lenet5()
train(model, data, epochs=4, batch_size=30, profile=profile, seed=1)
print(float(evaluate(predict(model, data.test_images, method="exact"), data.test_labels)["accuracy"]))
"""


def test_training_from_a_shipped_table_without_a_simulator(without) -> None:
    done = without("PySpice")("-c", TRAIN)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0.5  # ten classes; chance is 0.1


@pytest.mark.slow
def test_a_real_environment_with_the_core_only(tmp_path: Path, checkout: Path, counts: Path) -> None:
    """A new virtual environment with spinbnn and its dependencies from the package index, nothing hidden by us."""
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, timeout=120)
    python = str(home / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "-c", str(checkout / "constraints.txt")]
    probe = subprocess.run([*install, "click"], capture_output=True, text=True, timeout=300, check=False)
    if probe.returncode:
        pytest.skip(f"no package index can be reached: {probe.stderr.strip().splitlines()[-1]}")
    subprocess.run([*install, str(checkout)], check=True, timeout=500)
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}

    def spinbnn(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(home / "bin" / "spinbnn"), *arguments], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)

    doctor = spinbnn("doctor", "--json")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    states = {p["name"].lower(): p["status"] for p in json.loads(doctor.stdout)["packages"]}
    assert states["scipy"] == "ok" and states["torch"] == states["pyspice"] == states["matplotlib"] == "missing"
    for arguments in (["list"], ["fit", str(counts)], ["cost", "lenet5", "--format", "json"]):
        assert spinbnn(*arguments).returncode == 0, arguments
