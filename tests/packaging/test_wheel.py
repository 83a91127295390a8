"""Resources are found in a wheel and in an editable install: the same ones, in the right place."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from spinbnn import resources

LIST = """
import hashlib, json, spinbnn
from spinbnn import resources
found = {kind: {name: [str(path), hashlib.sha256(path.read_bytes()).hexdigest()] for name, path in resources.available(kind).items()}
         for kind in resources.KINDS}
same = all(str(resources.find(kind, name)) == path for kind, names in found.items() for name, (path, _) in names.items())
print(json.dumps({"package": spinbnn.__file__, "version": spinbnn.__version__, "found": found, "same": same}))
"""


def of_checkout(checkout: Path) -> dict[str, dict[str, str]]:
    """Names and hashes of the data files of the checkout, found without `resources`."""
    return {
        kind: {p.stem: hashlib.sha256(p.read_bytes()).hexdigest() for p in (checkout / folder).glob("*") if p.suffix in endings}
        for kind, (folder, endings) in resources.KINDS.items()
    }


def report(done: subprocess.CompletedProcess[str]) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_wheel_finds_every_resource_in_itself(installed: Path, checkout: Path, fresh) -> None:
    said = report(fresh("-c", LIST, path=[installed]))
    assert Path(said["package"]) == installed / "spinbnn" / "__init__.py"
    found = {kind: {name: digest for name, (_, digest) in names.items()} for kind, names in said["found"].items()}
    assert found == of_checkout(checkout) and said["same"]
    places = [Path(path) for names in said["found"].values() for path, _ in names.values()]
    assert places and all(place.is_relative_to(installed / "spinbnn" / "_data") for place in places)


def test_the_command_runs_from_a_wheel(installed: Path, fresh) -> None:
    done = fresh("-m", "spinbnn", "list", "device", path=[installed])
    assert done.returncode == 0 and "seed_eq23" in done.stdout, done.stderr
    assert (installed / "bin" / "spinbnn").is_file()


def test_a_wheel_holds_what_it_should_and_no_more(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"spinbnn/py.typed", "spinbnn/hardware/references.toml"} <= set(names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name or (name.startswith("spinbnn/_data/") and name.endswith(".py"))]
    assert {name.split("/")[0].split("-")[0] for name in names} == {"spinbnn"}


def test_an_editable_install_uses_the_checkout_alone(checkout: Path, fresh) -> None:
    text = importlib.metadata.distribution("spinbnn").read_text("direct_url.json")
    if text is None or not json.loads(text).get("dir_info", {}).get("editable"):
        pytest.skip("spinbnn is not installed editable here")
    said = report(fresh("-c", LIST))
    assert Path(said["package"]) == checkout / "spinbnn" / "__init__.py"
    found = {kind: {name: digest for name, (_, digest) in names.items()} for kind, names in said["found"].items()}
    assert found == of_checkout(checkout) and said["same"]
    places = [Path(path) for names in said["found"].values() for path, _ in names.values()]
    folders = {checkout / folder for folder, _ in resources.KINDS.values()}
    assert places and {place.parent for place in places} <= folders  # not the copy that hatchling puts beside it


def test_a_users_folder_goes_before_the_wheel(installed: Path, tmp_path: Path, fresh) -> None:
    mine = tmp_path / "mine" / "device_params" / "seed_eq23.toml"
    mine.parent.mkdir(parents=True)
    mine.write_text("# mine\n")
    said = report(fresh("-c", LIST, path=[installed], environment={"SPINBNN_PATH": str(tmp_path / "mine")}))
    assert said["found"]["device"]["seed_eq23"][0] == str(mine) and said["same"]
